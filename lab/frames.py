#!/usr/bin/env python3
"""Raw frames, where no kernel stack can help.

    frames.py pcap FILE        writes one telnet SYN from the demo's client
    frames.py vlan DEVICE      plays a host on VLAN 10 and one on VLAN 20 of a trunk, checks what passes
                               between them through the firewall, and prints one `ok`/`FAIL` line a check
"""

import socket
import struct
import sys
import time

DEADLINE_S = 3.0
QUIET_S = 1.0
ETH_P_ALL, ETH_P_ARP, ETH_P_IP = 3, 0x0806, 0x0800
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
BROADCAST = b"\xff" * 6
CLIENT_MAC = {10: bytes.fromhex("02000a000002"), 20: bytes.fromhex("020014000002")}
ADDRESS = {10: "10.10.0.2", 20: "10.20.0.2"}
GATEWAY = {10: "10.10.0.1", 20: "10.20.0.1"}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(source, destination, protocol, payload):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, len(payload))


def udp(source, source_port, destination, destination_port, data):
    body = struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data
    total = checksum(pseudo(source, destination, 17, body) + body) or 0xFFFF
    return ipv4(source, destination, 17, body[:6] + struct.pack("!H", total) + body[8:])


def tcp_syn(source, source_port, destination, destination_port):
    body = struct.pack("!HHIIBBHHH", source_port, destination_port, 1, 0, 0x50, 0x02, 64240, 0, 0)
    total = checksum(pseudo(source, destination, 6, body) + body)
    return ipv4(source, destination, 6, body[:16] + struct.pack("!H", total) + body[18:])


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, ETH_P_IP, 6, 4, operation, sender_mac, socket.inet_aton(sender),
                       target_mac, socket.inet_aton(target))


def write_pcap(path):
    packet = tcp_syn("10.1.0.2", 40000, "198.51.100.2", 23)
    frame = bytes.fromhex("020000000001020000000099") + struct.pack("!H", ETH_P_IP) + packet
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        out.write(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)


class Trunk:
    """One device that carries tagged frames; the kernel here has no VLAN devices, so tags are ours."""

    def __init__(self, device):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.bind((device, 0))

    def send(self, vlan, destination, source, kind, payload):
        tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
        frame = destination + source + tag + struct.pack("!H", kind) + payload
        self.sock.send(frame.ljust(60, b"\0"))

    def receive(self, timeout):
        """(vlan or None, destination, source, ethertype, payload) of the next arriving frame, or None."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                frame, ancillary, _, address = self.sock.recvmsg(65535, 64)
            except TimeoutError:
                return None
            if address[2] == socket.PACKET_OUTGOING:
                continue
            kind, payload, vlan = struct.unpack_from("!H", frame, 12)[0], frame[14:], None
            for level, option, data in ancillary:
                if (level, option) == (SOL_PACKET, PACKET_AUXDATA):
                    status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data)
                    vlan = tci & 0xFFF if status & TP_STATUS_VLAN_VALID else None
            if vlan is None and kind == 0x8100:
                tci, kind = struct.unpack_from("!HH", payload)
                vlan, payload = tci & 0xFFF, payload[4:]
            return vlan, frame[:6], frame[6:12], kind, payload
        return None

    def wait(self, wanted, timeout=DEADLINE_S):
        """The first frame that `wanted` accepts; answers ARP for the hosts played here meanwhile."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is None:
                return None
            self.answer_arp(frame)
            if wanted(*frame):
                return frame
        return None

    def answer_arp(self, frame):
        vlan, _, source, kind, payload = frame
        if kind != ETH_P_ARP or vlan not in ADDRESS or len(payload) < 28:
            return
        operation, target, sender = struct.unpack_from("!H", payload, 6)[0], payload[24:28], payload[14:18]
        if operation == 1 and target == socket.inet_aton(ADDRESS[vlan]):
            reply = arp(2, CLIENT_MAC[vlan], ADDRESS[vlan], source, socket.inet_ntoa(sender))
            self.send(vlan, source, CLIENT_MAC[vlan], ETH_P_ARP, reply)

    def resolve_gateway(self, vlan):
        question = arp(1, CLIENT_MAC[vlan], ADDRESS[vlan], b"\0" * 6, GATEWAY[vlan])
        self.send(vlan, BROADCAST, CLIENT_MAC[vlan], ETH_P_ARP, question)
        gateway = socket.inet_aton(GATEWAY[vlan])
        frame = self.wait(lambda v, _d, _s, k, p: v == vlan and k == ETH_P_ARP and p[6:8] == b"\0\2" and p[14:18] == gateway)
        return frame and frame[2]


def is_udp(vlan, port):
    def wanted(got_vlan, _destination, _source, kind, payload):
        return (got_vlan == vlan and kind == ETH_P_IP and len(payload) >= 28 and payload[9] == 17
                and struct.unpack_from("!H", payload, 22)[0] == port)
    return wanted


def is_data(marker):
    return lambda _v, _d, _s, _k, payload: marker in payload


def play_vlan(device):
    trunk, failures = Trunk(device), 0

    def report(name, good):
        nonlocal failures
        failures += not good
        print(f"{'ok' if good else 'FAIL'} - {name}", flush=True)
        return good

    gateway = trunk.resolve_gateway(10)
    if not report("the gateway of VLAN 10 answers ARP in VLAN 10", gateway is not None):
        return failures
    there = udp(ADDRESS[10], 4000, ADDRESS[20], 4001, b"tagged there")
    trunk.send(10, gateway, CLIENT_MAC[10], ETH_P_IP, there)
    frame = trunk.wait(is_udp(20, 4001))
    if not report("a datagram goes from VLAN 10 to VLAN 20", frame is not None):
        return failures
    packet = frame[4]
    # The UDP checksum may still be the pseudo-header sum: on a virtual link the receiver's kernel is told so.
    report("it lost one hop and nothing else", packet[8] == 63 and packet[12:20] == there[12:20]
           and packet[20:26] == there[20:26] and packet[28:len(there)] == there[28:])
    report("its header checksum is right", checksum(packet[:20]) == 0)
    back = udp(ADDRESS[20], 4001, ADDRESS[10], 4000, b"tagged back")
    trunk.send(20, frame[2], CLIENT_MAC[20], ETH_P_IP, back)
    report("the answer comes back in VLAN 10", trunk.wait(is_udp(10, 4000)) is not None)

    forbidden = udp(ADDRESS[20], 4002, ADDRESS[10], 4003, b"unasked")
    trunk.send(20, frame[2], CLIENT_MAC[20], ETH_P_IP, forbidden)
    report("VLAN 20 opens nothing towards VLAN 10", trunk.wait(is_data(b"unasked"), QUIET_S) is None)
    for vlan, name in ((30, "a VLAN without a unit"), (None, "an untagged frame")):
        marker = b"stray %d" % (vlan or 0)
        stray = udp(ADDRESS[10], 4000, ADDRESS[20], 4001, marker)
        trunk.send(vlan, gateway, CLIENT_MAC[10], ETH_P_IP, stray)
        report(f"{name} passes nothing", trunk.wait(is_data(marker), QUIET_S) is None)
    return failures


if sys.argv[1] == "pcap":
    write_pcap(sys.argv[2])
else:
    sys.exit(play_vlan(sys.argv[2]) != 0)
