#!/usr/bin/env python3
"""One connection or datagram, and one word about what became of it.

    probe.py tcp|udp ADDRESS PORT [SOURCE SOURCE-PORT]
                                  saw ADDRESS | refused | reset | unreachable | timeout
    probe.py hold ADDRESS PORT    connects, prints `held`, stays until its peer or a signal ends it
    probe.py talk ADDRESS PORT    connects, prints `held`, sends a byte every 50 ms until the connection dies:
                                  reset | timeout, the latter when nothing is acknowledged for two seconds
    probe.py blast ADDRESS PORT   sends a UDP datagram every 2 ms until a signal ends it
    probe.py train ADDRESS PORT COUNT BYTES
                                  sends so many UDP datagrams of so many bytes, from four ports in turn: sent
"""

import errno
import socket
import sys
import time

PATIENCE_S = 2.0
BLAST_PERIOD_S = 0.002
TALK_PERIOD_S = 0.05
TRAIN_PERIOD_S = 0.001
TRAIN_PORTS = 4
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


def blast(sock):
    print("blasting", flush=True)
    while True:
        try:
            sock.send(b"?")
        except OSError:
            pass
        time.sleep(BLAST_PERIOD_S)


def talk(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(PATIENCE_S * 1000))
    print("held", flush=True)
    while True:
        sock.send(b"?")
        time.sleep(TALK_PERIOD_S)


def train(address, port, count, size):
    """What is refused on the way is no failure: a policer discards without a word."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    socks = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(TRAIN_PORTS)]
    for n in range(count):
        socks[n % TRAIN_PORTS].sendto(bytes(size), (address, port))
        time.sleep(TRAIN_PERIOD_S)
    return "sent"


def exchange(kind, address, port, source):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind in ("udp", "blast") else socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        if source:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source)
        sock.connect((address, port))
        if kind == "blast":
            blast(sock)
        if kind == "talk":
            talk(sock)
        if kind == "udp":
            sock.send(b"?")
            return "saw " + sock.recv(2048).decode()
        if kind == "hold":
            print("held", flush=True)
            sock.settimeout(None)
            while sock.recv(4096):
                pass
            return "ended"
        text = b""
        while part := sock.recv(4096):
            text += part
            if text.endswith(b"\n") and b"\r\n\r\n" in text and text.rpartition(b"\r\n\r\n")[2]:
                break
        return "saw " + text.decode().rpartition("\r\n\r\n")[2].strip()


def main(kind, address, port, source=None, source_port="0"):
    try:
        if kind == "train":
            return train(address, int(port), int(source), int(source_port))
        return exchange(kind, address, int(port), (source, int(source_port)) if source else None)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        if error.errno in UNREACHABLE:
            return "unreachable"
        raise


print(main(*sys.argv[1:6]))
