#!/usr/bin/env python3
"""Routes into the kernel as fast as it takes them, many messages at a time.

    routes.py replace COUNT GATEWAY DEVICE [SECONDS]   COUNT routes of 24 bits, from 20.0.0.0 on, by that gateway
    routes.py del COUNT                                and away with them

Prints how many were sent and in how many seconds. With SECONDS, goes over them again and again for so long, the last byte of the
gateway one higher every other time, and says which gateway was the last.
"""

import socket
import struct
import sys
import time

REQUEST, REPLACE, CREATE = 0x1, 0x100, 0x400
NEW_ROUTE, DEL_ROUTE = 24, 25
AT_ONCE = 500


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value


def message(n, kind, flags, rest):
    prefix = attribute(1, bytes([20 + (n >> 16), n >> 8 & 255, n & 255, 0]))
    header = struct.pack("=BBBBBBBBI", socket.AF_INET, 24, 0, 0, 254, 3, 0, 1, 0)
    body = header + prefix + rest
    return struct.pack("=IHHII", 16 + len(body), kind, flags, n, 0) + body


def batches(count, kind, flags, rest):
    for first in range(0, count, AT_ONCE):
        last = min(count, first + AT_ONCE)
        yield b"".join(message(n, kind, flags, rest) for n in range(first, last))


def main():
    word, count = sys.argv[1], int(sys.argv[2])
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    kernel.bind((0, 0))
    if word == "del":
        begun = time.monotonic()
        for batch in batches(count, DEL_ROUTE, REQUEST, b""):
            kernel.send(batch)
        print(count, f"{time.monotonic() - begun:.2f}")
        return
    link = attribute(4, struct.pack("=I", socket.if_nametoindex(sys.argv[4])))
    gateways = [bytearray(socket.inet_aton(sys.argv[3])) for _ in range(2)]
    gateways[1][3] += 1
    ways = [attribute(5, bytes(gateway)) + link for gateway in gateways]
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 0
    made = [list(batches(count, NEW_ROUTE, REQUEST | REPLACE | CREATE, way)) for way in (ways if seconds else ways[:1])]
    begun, sent, turn = time.monotonic(), 0, 0
    while True:
        for batch in made[turn % len(made)]:
            kernel.send(batch)
        sent += count
        turn += 1
        if time.monotonic() - begun >= seconds:
            break
    last = socket.inet_ntoa(bytes(gateways[(turn - 1) % len(made)]))
    print(sent, f"{time.monotonic() - begun:.2f}", last)


main()
