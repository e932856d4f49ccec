#!/usr/bin/env python3
"""Records conversations of the Linux kernel with itself, as a firewall between the ends sees them.

Two namespaces hold the ends, a third this relay. The relay impairs (loss, copies, reordering), writes
the packet down, impairs again and sends it on, so that losses lie on both sides of what is recorded.
Needs root. Usage: record.py [SCENARIO...]; writes SCENARIO.pcap beside itself, headers only.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ENDS = {"a": ("10.9.0.1", "fd09::1"), "b": ("10.9.0.2", "fd09::2")}
RELAY = "rav-tcp-m"
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_FASTOPEN = 19, 20, 21, 23
SEND_QUEUE = 2
MSG_FASTOPEN = 0x20000000


def sh(line):
    subprocess.run(line, shell=True, check=True)


def enter(namespace):
    with open(f"/run/netns/{namespace}") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def offload_off(device):
    """Checksums and segments as on a wire: ETHTOOL_STXCSUM, STSO, SGSO, SGRO."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (0x17, 0x1F, 0x24, 0x2C):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(control, 0x8946, request + bytes(16))
            except OSError as error:
                print(f"{device}: {command:#x}: {error}", file=sys.stderr)


def up():
    down()
    sh(f"ip netns add {RELAY}")
    for end, (v4, v6) in ENDS.items():
        sh(f"ip netns add rav-tcp-{end}")
        sh(f"ip -n {RELAY} link add name m{end} type veth peer name t{end} netns rav-tcp-{end}")
        sh(f"ip -n rav-tcp-{end} addr add {v4}/24 dev t{end}")
        sh(f"ip -n rav-tcp-{end} addr add {v6}/64 dev t{end} nodad")
        sh(f"ip -n rav-tcp-{end} link set dev t{end} up")
        sh(f"ip -n rav-tcp-{end} link set dev lo up")
        sh(f"ip -n {RELAY} link set dev m{end} up")
        sh(f"ip netns exec rav-tcp-{end} sysctl -qw net.ipv4.tcp_fastopen=3 net.ipv4.tcp_syn_retries=4")
    for namespace, devices in ((RELAY, ("ma", "mb")), ("rav-tcp-a", ("ta",)), ("rav-tcp-b", ("tb",))):
        if os.fork() == 0:
            enter(namespace)
            for device in devices:
                offload_off(device)
            os._exit(0)
        os.wait()
    for end, other in (("a", "b"), ("b", "a")):
        mac = subprocess.check_output(
            f"ip netns exec rav-tcp-{other} cat /sys/class/net/t{other}/address", shell=True, text=True
        ).strip()
        for address in ENDS[other]:
            sh(f"ip -n rav-tcp-{end} neigh replace {address} lladdr {mac} dev t{end} nud permanent")


def down():
    for namespace in (RELAY, "rav-tcp-a", "rav-tcp-b"):
        subprocess.run(f"ip netns del {namespace}", shell=True, stderr=subprocess.DEVNULL, check=False)


class Impairment:
    """Loss, copies and reordering, each with its probability; and what a scenario asks for."""

    def __init__(self, seed, loss=0.0, copies=0.0, late=0.0, delay=0.002, lose=None):
        self.random = random.Random(seed)
        self.loss, self.copies, self.late, self.delay, self.lose = loss, copies, late, delay, lose
        self.count = 0

    def times(self, frame):
        """When to pass the frame on, in seconds from now; nothing: never."""
        self.count += 1
        if self.lose and self.lose(self.count, frame):
            return []
        if self.random.random() < self.loss:
            return []
        again = [self.delay] if self.random.random() < self.copies else []
        if self.random.random() < self.late:
            return [self.delay + self.random.uniform(0.002, 0.02), *again]
        return [self.delay, *again]


def tcp_header(frame):
    """Where the TCP header starts and ends, or nothing."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 6:
        at = 14 + (frame[14] & 15) * 4
    elif kind == 0x86DD and frame[20] == 6:
        at = 54
    else:
        return None
    return at, at + (frame[at + 12] >> 4) * 4


def relay(path, before, after, stop):
    """Moves frames until `stop` says so."""
    sockets = {}
    for side in "ab":
        sockets[side] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sockets[side].bind((f"m{side}", 0))
        sockets[side].setblocking(False)
    queue, order = [], 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        last = time.monotonic()
        while not stop() or queue or time.monotonic() - last < 0.3:
            now = time.monotonic()
            wait = max(0.0, min(0.05, queue[0][0] - now)) if queue else 0.05
            for ready in select.select(list(sockets.values()), [], [], wait)[0]:
                side = "a" if ready is sockets["a"] else "b"
                frame, address = ready.recvfrom(65535)
                if address[2] == socket.PACKET_OUTGOING or tcp_header(frame) is None:
                    continue
                last = time.monotonic()
                for delay in before.times(frame):
                    order += 1
                    heapq.heappush(queue, (last + delay, order, False, side, frame))
            while queue and queue[0][0] <= time.monotonic():
                _, _, recorded, side, frame = heapq.heappop(queue)
                if recorded:
                    sockets["b" if side == "a" else "a"].send(frame)
                    continue
                kept = frame[: tcp_header(frame)[1]]
                stamp = time.time()
                out.write(struct.pack("<IIII", int(stamp), int(stamp % 1 * 1e6), len(kept), len(frame)))
                out.write(kept)
                for delay in after.times(frame):
                    order += 1
                    heapq.heappush(queue, (time.monotonic() + delay, order, True, side, frame))


def listener(port, v6=False, options=()):
    end = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        end.setsockopt(*option)
    end.bind((ENDS["b"][v6], port))
    end.listen(8)
    return end


def connected(port, v6=False, source=0, options=(), seq=None):
    end = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        end.setsockopt(*option)
    if source:
        end.bind((ENDS["a"][v6], source))
    if seq is not None:
        start_at(end, seq)
    end.connect((ENDS["b"][v6], port))
    return end


def start_at(end, seq):
    """The sequence number of the SYN: set in repair mode, it is kept by the handshake after it."""
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
    end.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", seq))
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)


def forget(end):
    """Closes without a word to the other end."""
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    end.close()


def drain(end):
    total = 0
    while True:
        data = end.recv(65536)
        if not data:
            return total
        total += len(data)


def sink(port, v6=False):
    end, _ = listener(port, v6).accept()
    drain(end)
    end.close()


def upload(port, size, **options):
    end = connected(port, **options)
    end.sendall(bytes(size))
    end.shutdown(socket.SHUT_WR)
    drain(end)
    end.close()


def both_ways(end, size):
    child = os.fork()
    if child == 0:
        end.sendall(bytes(size))
        end.shutdown(socket.SHUT_WR)
        os._exit(0)
    drain(end)
    os.waitpid(child, 0)
    end.close()


def keepalive(end):
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 9)):
        end.setsockopt(socket.IPPROTO_TCP, option, value)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.sendall(b"hello")
    time.sleep(4)
    end.sendall(b"still here")
    end.close()


def deaf(port):
    """Does not read until the sender has probed for a while."""
    end, _ = listener(port, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)]).accept()
    time.sleep(4)
    drain(end)
    end.close()


def at_the_same_time(moment):
    time.sleep(max(0.0, moment - time.time()))


def close_at(end, moment):
    end.sendall(b"bye")
    end.recv(10)
    at_the_same_time(moment)
    end.shutdown(socket.SHUT_WR)
    drain(end)
    end.close()


def half_close_server(port):
    end, _ = listener(port).accept()
    drain(end)
    end.send(b"!", socket.MSG_OOB)
    end.sendall(bytes(60000))
    end.close()


def half_close_client(port):
    end = connected(port)
    end.sendall(bytes(3000))
    end.shutdown(socket.SHUT_WR)
    drain(end)
    end.close()


def resets_server(port):
    server = listener(port)
    first, _ = server.accept()
    first.recv(100)
    second, _ = server.accept()
    second.sendall(bytes(20000))
    time.sleep(0.5)
    for end in (first, second):
        try:
            drain(end)
        except ConnectionResetError:
            pass
    third, _ = server.accept()
    third.recv(1)
    third.close()


def resets_client(port):
    abort = connected(port)
    abort.sendall(b"aborted")
    time.sleep(0.1)
    abort.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    unread = connected(port)
    time.sleep(0.2)
    abort.close()
    unread.close()
    writing = connected(port)
    try:
        for _ in range(20):
            writing.sendall(bytes(5000))
            time.sleep(0.02)
    except (ConnectionResetError, BrokenPipeError):
        pass
    try:
        connected(port + 1)
    except ConnectionRefusedError:
        pass


def open_at(own, other, moment):
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.bind((ENDS[own][0], 7000))
    at_the_same_time(moment)
    end.connect((ENDS[other][0], 7000))
    end.sendall(bytes(5000))
    end.shutdown(socket.SHUT_WR)
    drain(end)
    end.close()


def reuse_server(port):
    server = listener(port)
    for _ in range(3):
        end, _ = server.accept()
        end.sendall(b"short")
        end.shutdown(socket.SHUT_WR)
        drain(end)
        end.close()


def reuse_client(port):
    for _ in range(3):
        end = connected(port, source=7100)
        drain(end)
        end.close()
        time.sleep(0.3)


def fast_open_server(port):
    server = listener(port, options=[(socket.IPPROTO_TCP, TCP_FASTOPEN, 8)])
    for _ in range(3):
        end, _ = server.accept()
        end.sendall(bytes(4000))
        drain(end)
        end.close()


def fast_open_client(port):
    for _ in range(3):
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        end.sendto(b"early data", MSG_FASTOPEN, (ENDS["b"][0], port))
        end.shutdown(socket.SHUT_WR)
        drain(end)
        end.close()
        time.sleep(0.1)


def forgetful_server(port):
    server = listener(port)
    first, _ = server.accept()
    first.recv(10)
    second, _ = server.accept()
    drain(second)
    second.close()


def forgetful_client(port):
    end = connected(port, source=7200)
    end.sendall(b"hello")
    time.sleep(0.2)
    forget(end)
    end = connected(port, source=7200)
    end.sendall(b"again")
    end.close()


def old_stack(value):
    for end in ENDS:
        for name in ("tcp_sack", "tcp_window_scaling", "tcp_timestamps"):
            sh(f"ip netns exec rav-tcp-{end} sysctl -qw net.ipv4.{name}={value}")


def first_of_each(count, frame):
    """Loses the first SYN, the first SYN-ACK and the first bare ACK that come by."""
    at = tcp_header(frame)[0]
    kind = frame[at + 13] & 0x12
    lost = first_of_each.lost
    if kind in lost:
        lost.remove(kind)
        return True
    return False


def scenarios():
    soon = time.time() + 1.0
    bad = {"loss": 0.02, "copies": 0.01, "late": 0.04}
    quiet = {}
    first_of_each.lost = {0x02, 0x12, 0x10}

    def pair(client, server, before=quiet, after=quiet, **more):
        return {"a": client, "b": server, "before": before, "after": after, **more}

    return {
        "bulk": pair(lambda: upload(7001, 400_000), lambda: sink(7001), bad, bad),
        "duplex6": pair(
            lambda: both_ways(connected(7002, v6=True), 150_000),
            lambda: both_ways(listener(7002, v6=True).accept()[0], 150_000),
            bad,
            bad,
        ),
        "plain": pair(lambda: upload(7003, 200_000), lambda: sink(7003), bad, bad, old=True),
        "wrap": pair(lambda: upload(7004, 250_000, seq=0xFFFE_0000), lambda: sink(7004), bad, bad),
        "keepalive": pair(lambda: keepalive(connected(7005)), lambda: sink(7005)),
        "zero-window": pair(lambda: upload(7006, 60_000), lambda: deaf(7006)),
        "simultaneous-close": pair(
            lambda: close_at(connected(7007), soon),
            lambda: close_at(listener(7007).accept()[0], soon),
            {"delay": 0.03},
        ),
        "half-close": pair(lambda: half_close_client(7008), lambda: half_close_server(7008), bad, bad),
        "reset": pair(lambda: resets_client(7009), lambda: resets_server(7009)),
        "simultaneous-open": pair(
            lambda: open_at("a", "b", soon), lambda: open_at("b", "a", soon), {"delay": 0.1}
        ),
        "port-reuse": pair(lambda: reuse_client(7011), lambda: reuse_server(7011)),
        "fast-open": pair(lambda: fast_open_client(7012), lambda: fast_open_server(7012)),
        "half-open": pair(lambda: forgetful_client(7013), lambda: forgetful_server(7013)),
        "lost-handshake": pair(
            lambda: upload(7014, 20_000), lambda: sink(7014), quiet, {"lose": first_of_each}
        ),
    }


def spawn(namespace, run, wait):
    child = os.fork()
    if child == 0:
        enter(namespace)
        time.sleep(wait)
        try:
            run()
        except OSError as error:
            print(f"{namespace}: {error}", file=sys.stderr)
        os._exit(0)
    return child


def record(name):
    scenario = scenarios()[name]
    if scenario.get("old"):
        old_stack(0)
    children = {spawn("rav-tcp-b", scenario["b"], 0.0), spawn("rav-tcp-a", scenario["a"], 0.3)}
    give_up = time.monotonic() + 40

    def stop():
        while children:
            done, _ = os.waitpid(-1, os.WNOHANG)
            if done == 0:
                return time.monotonic() > give_up
            children.discard(done)
        return True

    relaying = os.fork()
    if relaying == 0:
        enter(RELAY)
        relay(
            os.path.join(HERE, f"{name}.pcap"),
            Impairment(f"{name} before", **scenario["before"]),
            Impairment(f"{name} after", **scenario["after"]),
            lambda: os.path.exists(f"/run/{RELAY}.stop"),
        )
        os._exit(0)
    while not stop():
        time.sleep(0.05)
    with open(f"/run/{RELAY}.stop", "w"):
        pass
    os.waitpid(relaying, 0)
    os.unlink(f"/run/{RELAY}.stop")
    if scenario.get("old"):
        old_stack(1)


def main():
    names = sys.argv[1:] or list(scenarios())
    try:
        up()
        for name in names:
            record(name)
            print(name, os.path.getsize(os.path.join(HERE, f"{name}.pcap")))
    finally:
        down()


main()
