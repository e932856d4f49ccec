#!/usr/bin/env python3
"""A server of the File Transfer Protocol with one file in memory, and a client that fetches it.

    ftp.py serve PORT                         both families; logs one line a data connection: `data ADDRESS`
    ftp.py get ADDRESS PORT passive|active    prints `got BYTES`, or what went wrong

Every transfer is of the same pseudorandom bytes, whose digest the client knows. RFC 959, RFC 2428.
"""

import ftplib
import hashlib
import random
import socket
import sys
import threading

FILE = random.Random(959).randbytes(2_000_000)
PATIENCE_S = 5.0
LINE_MAX = 512


def plain(address):
    return address.removeprefix("::ffff:")


def listen(port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::", port))
    sock.listen(8)
    sock.settimeout(PATIENCE_S)
    return sock


class Conversation:
    """One client's control connection, and where its data will go or come from."""

    def __init__(self, control):
        self.control = control
        self.open = None

    def say(self, text):
        self.control.sendall(text.encode() + b"\r\n")

    def port(self, word):
        numbers = word.split(",")
        self.toward(".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))

    def eprt(self, word):
        _, _, address, port, _ = word.split(word[0])
        self.toward(address, int(port))

    def toward(self, address, port):
        self.open = lambda: socket.create_connection((address, port), PATIENCE_S)
        self.say("200 Will connect.")

    def passive(self, long):
        listener = listen(0)
        port = listener.getsockname()[1]

        def accept():
            with listener:
                return listener.accept()[0]

        self.open = accept
        if long:
            self.say(f"229 Entering extended passive mode (|||{port}|)")
        else:
            host = plain(self.control.getsockname()[0]).replace(".", ",")
            self.say(f"227 Entering passive mode ({host},{port >> 8},{port & 255})")

    def retrieve(self):
        self.say("150 Here it comes.")
        with self.open() as data:
            print(f"data {plain(data.getpeername()[0])}", flush=True)
            data.sendall(FILE)
        self.say("226 That was all.")

    def run(self):
        self.say("220 Ready.")
        for line in self.control.makefile("r", encoding="latin-1", newline="\r\n"):
            verb, _, word = line[:LINE_MAX].strip().partition(" ")
            verb = verb.upper()
            simple = {"USER": "230 Welcome.", "PASS": "230 Welcome.", "TYPE": "200 Binary.", "QUIT": "221 Bye."}
            if verb in simple:
                self.say(simple[verb])
            elif verb == "PORT":
                self.port(word)
            elif verb == "EPRT":
                self.eprt(word)
            elif verb in ("PASV", "EPSV"):
                self.passive(verb == "EPSV")
            elif verb == "RETR":
                self.retrieve()
            else:
                self.say("502 No.")
            if verb == "QUIT":
                return


def converse(control):
    with control:
        try:
            Conversation(control).run()
        except OSError as error:
            print(f"error {error}", flush=True)


def serve(port):
    listener = listen(int(port))
    listener.settimeout(None)
    print("ready", flush=True)
    while True:
        control, _ = listener.accept()
        control.settimeout(PATIENCE_S)
        threading.Thread(target=converse, args=(control,), daemon=True).start()


def get(address, port, mode):
    parts = []
    try:
        with ftplib.FTP(timeout=PATIENCE_S) as client:
            client.connect(address, int(port))
            client.login()
            client.set_pasv(mode == "passive")
            # Trust what a 227 says, as a firewall's translation needs to be seen.
            client.trust_server_pasv_ipv4_address = True
            client.retrbinary("RETR file", parts.append)
            client.quit()
    except (OSError, EOFError, ftplib.Error) as error:
        return f"{type(error).__name__}: {error}"
    found = b"".join(parts)
    same = hashlib.sha256(found).digest() == hashlib.sha256(FILE).digest()
    return f"got {len(found)}" if same else f"{len(found)} bytes, not the file"


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    print(get(*sys.argv[2:5]))
