#!/usr/bin/env python3
"""Just enough of DNS (RFC 1035) to see what becomes of addresses in answers.

    dns.py serve PORT NAME=ADDRESS...   answers questions for A and AAAA over UDP from the list, prints `ready`
    dns.py ask SERVER PORT NAME         the address of the answer | none | timeout
"""

import socket
import struct
import sys

PATIENCE_S = 2.0
ANSWER, NO_NAME = 0x8180, 0x8183


def labels(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name):
    kind = 28 if name.startswith("six") else 1
    return labels(name) + struct.pack("!HH", kind, 1)


def packed(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address)


def serve(port, names):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::", port))
    print("ready", flush=True)
    known = {question(name): packed(address) for name, address in names}
    while True:
        query, client = sock.recvfrom(512)
        asked = query[12:]
        address = known.get(asked)
        flags = NO_NAME if address is None else ANSWER
        head = query[:2] + struct.pack("!HHHHH", flags, 1, int(address is not None), 0, 0)
        record = b"" if address is None else b"\xc0\x0c" + asked[-4:] + struct.pack("!IH", 60, len(address)) + address
        sock.sendto(head + asked + record, client)


def ask(server, port, name):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE_S)
    sock.connect((server, port))
    asked = question(name)
    sock.send(struct.pack("!HHHHHH", 0x4242, 0x0100, 1, 0, 0, 0) + asked)
    try:
        answer = sock.recv(512)
    except OSError:
        return "timeout"
    if struct.unpack("!H", answer[6:8])[0] == 0:
        return "none"
    data = answer[12 + len(asked) + 12:]
    return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), [word.split("=") for word in sys.argv[3:]])
    print(ask(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
