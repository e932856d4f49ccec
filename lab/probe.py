#!/usr/bin/env python3
"""One connection or datagram, and one word about what became of it.

    probe.py tcp|udp ADDRESS PORT        saw ADDRESS | refused | unreachable | timeout
    probe.py hold ADDRESS PORT           connects, prints `held`, stays until its peer or a signal ends it
"""

import errno
import socket
import sys

PATIENCE_S = 2.0
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


def exchange(kind, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect((address, port))
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


def main(kind, address, port):
    try:
        return exchange(kind, address, int(port))
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


print(main(*sys.argv[1:4]))
