#!/usr/bin/env python3
"""Listens on the given tcp:PORT and udp:PORT, both families, and tells each peer the address it saw.

A TCP answer is a small HTTP response, so curl can read it. One line a peer goes to the log.
"""

import selectors
import socket
import sys

TCP_BACKLOG = 64


def seen(peer):
    """The peer's address as a person writes it: IPv4 without the mapped prefix."""
    return peer[0].removeprefix("::ffff:")


def listen(kind, port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::", port))
    if kind == "tcp":
        sock.listen(TCP_BACKLOG)
    return sock


def answer_tcp(listener):
    connection, peer = listener.accept()
    body = seen(peer) + "\n"
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())
    return connection, peer


def drain(connection):
    """Keeps a connection until its peer closes it; false when it did."""
    try:
        return bool(connection.recv(4096))
    except OSError:
        return False


def main(wanted):
    selector = selectors.DefaultSelector()
    for word in wanted:
        kind, port = word.split(":")
        selector.register(listen(kind, int(port)), selectors.EVENT_READ, (kind, int(port)))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            kind, port = key.data
            if kind == "open":
                if not drain(key.fileobj):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                continue
            try:
                if kind == "tcp":
                    connection, peer = answer_tcp(key.fileobj)
                    selector.register(connection, selectors.EVENT_READ, ("open", port))
                else:
                    _, peer = key.fileobj.recvfrom(2048)
                    key.fileobj.sendto(seen(peer).encode(), peer)
            except OSError as error:
                print(f"{kind} {port} error {error}", flush=True)
                continue
            print(f"{kind} {port} {seen(peer)}", flush=True)


main(sys.argv[1:])
