#!/usr/bin/env python3
"""A server of the Trivial File Transfer Protocol with one file in memory, and a client that fetches it. RFC 1350.

    tftp.py serve PORT            both families; logs `data ADDRESS` for each transfer, which has a port of its own
    tftp.py get ADDRESS PORT      prints `got BYTES`, or what went wrong
"""

import random
import socket
import struct
import sys

FILE = random.Random(1350).randbytes(100_000)
BLOCK = 512
READ, DATA, ACK = 1, 3, 4
PATIENCE_S = 3.0


def block(number):
    return FILE[(number - 1) * BLOCK:number * BLOCK]


def transfer(peer):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.settimeout(PATIENCE_S)
        sock.connect(peer)
        print(f"data {peer[0].removeprefix('::ffff:')}", flush=True)
        for number in range(1, len(FILE) // BLOCK + 2):
            sock.send(struct.pack("!HH", DATA, number) + block(number))
            if sock.recv(64)[:4] != struct.pack("!HH", ACK, number):
                return


def serve(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", int(port)))
        print("ready", flush=True)
        while True:
            request, peer = sock.recvfrom(BLOCK)
            if request[:2] != struct.pack("!H", READ):
                continue
            try:
                transfer(peer)
            except OSError as error:
                print(f"error {error}", flush=True)


def get(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = b""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendto(struct.pack("!H", READ) + b"file\0octet\0", (address, int(port)))
        while True:
            try:
                data, peer = sock.recvfrom(BLOCK + 4)
            except TimeoutError:
                return f"timeout after {len(found)} bytes"
            found += data[4:]
            sock.sendto(struct.pack("!H", ACK) + data[2:4], peer)
            if len(data) < BLOCK + 4:
                return f"got {len(found)}" if found == FILE else f"{len(found)} bytes, not the file"


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    print(get(*sys.argv[2:4]))
