//! Packets the firewall sends on its own account: ICMP errors and TCP resets.
//!
//! Rate-limited for all of them together; never about an ICMP error, a later fragment, a group or a
//! source that names no single host (RFC 1122 3.2.2, RFC 4443 2.4). Spec: flow-21, flow-40.

use ravelin_program::Interface;
use ravelin_types::{Addr, DropReason, Family, IcmpKind, InterfaceId, Mac, Proto};
use ravelin_wire::{
    ETHERNET_LEN, Fragment, L4, TcpFlags, VLAN_LEN, checksum, ethertype, put_u16, put_u32, u16_at, u32_at,
};

use crate::explain::{Answered, Fact, Recorder};
use crate::fabric::{self, FABRIC_LEN};
use crate::forwarding::Path;
use crate::host;
use crate::packet::Packet;
use crate::step::{Flow, Turn};
use crate::verdict::Egress;

/// Bytes of an ICMPv4 error: no more than every host must take (RFC 1812 4.3.2.3).
const QUOTE4_MAX: usize = 576 - 28;
/// Bytes of an ICMPv6 error: the minimum MTU (RFC 4443 3).
const QUOTE6_MAX: usize = 1280 - 48;
const TTL: u8 = 64;
/// Bytes of the longest quote.
pub(crate) const QUOTE_MAX: usize = QUOTE6_MAX;

/// Which unreachable message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    Net,
    Host,
    Port,
}

/// TTL or hop limit exceeded in transit (RFC 792 type 11, RFC 4443 3.3).
pub(crate) fn time_exceeded<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) {
    let kind = match flow.network.family {
        Family::V4 => 11,
        Family::V6 => 3,
    };
    icmp_error(turn, packet, flow, (kind, 0, 0));
}

/// Fragmentation needed (RFC 1191) or packet too big (RFC 4443 3.2).
pub(crate) fn too_big<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow, mtu: u16) {
    let message = match flow.network.family {
        Family::V4 if !flow.network.dont_fragment => return,
        Family::V4 => (3, 4, u32::from(mtu)),
        Family::V6 => (2, 0, u32::from(mtu)),
    };
    icmp_error(turn, packet, flow, message);
}

/// What a translator has to tell a packet's sender.
pub(crate) fn untranslatable<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    answer: ravelin_translate::Answer,
) {
    icmp_error(turn, packet, flow, (answer.kind, answer.code, answer.rest));
}

/// Destination unreachable (RFC 792 type 3, RFC 4443 3.1).
pub(crate) fn unreachable<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    why: Unreachable,
) {
    let message = match (flow.network.family, why) {
        (Family::V4, Unreachable::Net) => (3, 0, 0),
        (Family::V4, Unreachable::Host) => (3, 1, 0),
        (Family::V4, Unreachable::Port) => (3, 3, 0),
        (Family::V6, Unreachable::Net) => (1, 0, 0),
        (Family::V6, Unreachable::Host) => (1, 3, 0),
        (Family::V6, Unreachable::Port) => (1, 4, 0),
    };
    icmp_error(turn, packet, flow, message);
}

/// Junos `then reject`: a reset for TCP, port unreachable for UDP, silence for the rest.
pub(crate) fn reject<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) {
    match flow.network.proto {
        Proto::TCP => tcp_reset(turn, packet, flow),
        Proto::UDP => unreachable(turn, packet, flow, Unreachable::Port),
        _ => {}
    }
}

/// A reset that the sender believes (RFC 9293 3.10.7.1).
pub(crate) fn tcp_reset<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) {
    // The ports as they came: the packet may be translated by now.
    let L4::Tcp { flags, header_len, sport, dport } = flow.network.l4 else { return };
    if flags.has(TcpFlags::RST) || !may_answer(turn, flow) {
        return;
    }
    let l4_at = usize::from(flow.network.l4_at);
    let bytes = packet.bytes();
    let (seq, ack) = (u32_at(bytes, l4_at + 4), u32_at(bytes, l4_at + 8));
    let payload = flow.network.end - flow.network.l4_at - u16::from(header_len);
    let counted =
        u32::from(payload) + u32::from(flags.has(TcpFlags::SYN)) + u32::from(flags.has(TcpFlags::FIN));
    let (seq, ack, answer_flags) = if flags.has(TcpFlags::ACK) {
        (ack, 0, TcpFlags::RST)
    } else {
        (0, seq.wrapping_add(counted), TcpFlags::RST | TcpFlags::ACK)
    };
    let mut header = [0; 20];
    put_u16(&mut header, 0, dport);
    put_u16(&mut header, 2, sport);
    put_u32(&mut header, 4, seq);
    put_u32(&mut header, 8, ack);
    header[12] = 5 << 4;
    header[13] = answer_flags;
    let ends = (flow.network.dst, flow.network.src);
    if send(turn, flow, ends, (Proto::TCP, &header, &[])) {
        turn.rec.fact(Fact::Answered { with: Answered::TcpReset });
    }
}

/// An empty ACK to the sender of a dropped segment, as from the other end (RFC 5961 3.2).
pub(crate) fn tcp_ack<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    ack: &ravelin_tcp::Answer,
) {
    if !may_answer(turn, flow) {
        return;
    }
    let l4_at = usize::from(flow.network.l4_at);
    let bytes = packet.bytes();
    let mut header = [0; 20];
    put_u16(&mut header, 0, u16_at(bytes, l4_at + 2));
    put_u16(&mut header, 2, u16_at(bytes, l4_at));
    put_u32(&mut header, 4, ack.seq.0);
    put_u32(&mut header, 8, ack.ack.0);
    header[12] = 5 << 4;
    header[13] = TcpFlags::ACK;
    put_u16(&mut header, 14, ack.window);
    if send(turn, flow, (flow.network.dst, flow.network.src), (Proto::TCP, &header, &[])) {
        turn.rec.fact(Fact::Answered { with: Answered::TcpAck });
    }
}

/// An ICMP error about a packet, from the address of the unit it came in on.
pub(crate) fn icmp_error<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    message: (u8, u8, u32),
) {
    let quote = &packet.bytes()[usize::from(flow.link.l3_at)..usize::from(flow.network.end)];
    icmp_about(turn, flow, message, quote);
}

/// An ICMP error with this for its quote. The kernel takes none from an address of its own: it is told as by the other end.
pub(crate) fn icmp_about<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    (kind, code, rest): (u8, u8, u32),
    quote: &[u8],
) {
    let family = flow.network.family;
    let unit = turn.world.rules.unit(flow.unit);
    let own = || unit.and_then(|u| u.source_address(family));
    let Some(src) = (if flow.from_host { Some(flow.network.dst) } else { own() }) else { return };
    if !may_answer(turn, flow) {
        return;
    }
    let (proto, quote_max) = match family {
        Family::V4 => (Proto::ICMP, QUOTE4_MAX),
        Family::V6 => (Proto::ICMPV6, QUOTE6_MAX),
    };
    let quote = &quote[..quote.len().min(quote_max)];
    let mut header = [kind, code, 0, 0, 0, 0, 0, 0];
    put_u32(&mut header, 4, rest);
    if send(turn, flow, (src, flow.network.src), (proto, &header, quote)) {
        turn.rec.fact(Fact::Answered { with: Answered::IcmpError { kind, code } });
    }
}

fn may_answer<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow) -> bool {
    let network = &flow.network;
    // ICMPv6 types below 128 are errors, known ones or not (RFC 4443 2.1).
    let is_error = |kind| {
        IcmpKind::of(network.proto, kind) == IcmpKind::Error || network.proto == Proto::ICMPV6 && kind < 128
    };
    let about_error = flow.icmp().is_some_and(|(kind, _)| is_error(kind));
    let to_group = network.dst.is_multicast(network.family) || flow.link.dst_mac.is_group();
    let later = matches!(network.fragment, Fragment::Later { .. });
    let no_host = match network.family {
        Family::V4 => matches!(network.src.octets4()[0], 0 | 127 | 224..),
        Family::V6 => network.src.is_unspecified() || network.src.is_multicast(network.family),
    };
    !(about_error || to_group || later || no_host) && turn.state.may_answer(turn.now)
}

/// Sends a datagram back towards the packet's sender. `false`: no room, counted.
fn send<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    (src, dst): (Addr, Addr),
    (proto, header, rest): (Proto, &[u8], &[u8]),
) -> bool {
    let family = flow.network.family;
    let Some(way) = way_back(turn, flow, dst) else { return false };
    let Way { egress, unit, .. } = way;
    let link = way.head().len();
    let l3 = if family == Family::V4 { 20 } else { 40 };
    let body = header.len() + rest.len();
    let counters = &mut turn.state.counters;
    let Some(answer) = turn.out.answer(link + l3 + body) else {
        counters.drop(DropReason::AnswerQueueFull);
        return false;
    };
    (answer.egress, answer.unit) = (egress, unit);
    let bytes = answer.bytes_mut();
    bytes[..link].copy_from_slice(way.head());
    write_network(&mut bytes[link..], family, (src, dst), proto, body);
    let l4 = &mut bytes[link + l3..];
    l4[..header.len()].copy_from_slice(header);
    l4[header.len()..].copy_from_slice(rest);
    let sum = match proto {
        Proto::ICMP => !checksum::fold(checksum::sum(l4)),
        _ => checksum::transport(family, src, dst, proto, l4),
    };
    if let Some(at) = ravelin_wire::build::checksum_at(proto) {
        put_u16(l4, at, sum);
    }
    counters.answers += 1;
    match egress {
        Egress::Port(_) => counters.sent(unit, link + l3 + body),
        Egress::Host(_) => counters.host_packets += 1,
        Egress::Peer(_) => counters.peer_sent(link + l3 + body),
    }
    true
}

/// The way of an answer to the sender of a packet, and the link header that it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub egress: Egress,
    pub unit: InterfaceId,
    head: [u8; FABRIC_LEN],
    len: usize,
}

impl Way {
    pub(crate) fn head(&self) -> &[u8] {
        &self.head[..self.len]
    }

    fn by(egress: Egress, unit: &Interface, macs: (Mac, Mac), (vlan, family): (Option<u16>, Family)) -> Self {
        let mut head = [0; FABRIC_LEN];
        let len = ETHERNET_LEN + vlan.map_or(0, |_| VLAN_LEN);
        write_link(&mut head, macs, vlan, family);
        Self { egress, unit: unit.id, head, len }
    }
}

/// By route when the next hop is known, else back to the station that the packet came from; what the kernel sent comes back to it.
/// By a unit whose group is passive here it is the other node that sends. `None`: there is no way, or nobody to go to: an address of all
/// hosts behind the unit, or of all routers.
pub(crate) fn way_back<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, dst: Addr) -> Option<Way> {
    let world = turn.world;
    let family = flow.network.family;
    let station = |unit: &Interface| world.rules.port(unit.port).map(|port| Mac(port.mac));
    if flow.from_host {
        let unit = world.rules.unit(flow.unit)?;
        // The kernel's side of a unit shows no tag.
        let macs = (station(unit)?, flow.link.src_mac);
        return Some(Way::by(Egress::Host(unit.id), unit, macs, (None, family)));
    }
    let (unit, mac) = station_back(turn, flow, dst)?;
    if is_nobody(unit, (family, dst)) {
        return None;
    }
    if turn.shared.groups.is_passive(unit.group, turn.now) {
        let (head, port) = fabric::head(turn, (flow.hash, family), unit.id)?;
        return Some(Way { egress: Egress::Peer(port), unit: unit.id, head, len: FABRIC_LEN });
    }
    let macs = (station(unit)?, mac.filter(|mac| *mac != Mac::default())?);
    Some(Way::by(Egress::Port(unit.port), unit, macs, (unit.vlan, family)))
}

/// Whether an address is that of all hosts behind a unit, or of all routers.
fn is_nobody(unit: &Interface, addr: (Family, Addr)) -> bool {
    host::is_directed_broadcast(unit, addr) || host::is_routers_anycast(unit, addr)
}

/// The unit, and the station that is known there.
fn station_back<'w, R>(turn: &Turn<'w, R>, flow: &Flow, dst: Addr) -> Option<(&'w Interface, Option<Mac>)> {
    let (world, family) = (turn.world, flow.network.family);
    if let Path::Via { unit, next_hop } =
        world.forwarding.lookup(flow.key.instance(), (family, dst), flow.hash)
        && let Some(by) = world.rules.unit(unit).filter(|u| u.enabled && u.zone.is_some())
    {
        if is_nobody(by, (family, dst)) {
            return None;
        }
        let mac = world.forwarding.resolve(unit, family, next_hop);
        if mac.is_some() || turn.shared.groups.is_passive(by.group, turn.now) {
            return Some((by, mac));
        }
    }
    world.rules.unit(flow.unit).map(|unit| (unit, Some(flow.link.src_mac)))
}

fn write_link(bytes: &mut [u8], (src, dst): (Mac, Mac), vlan: Option<u16>, family: Family) {
    bytes[..6].copy_from_slice(&dst.0);
    bytes[6..12].copy_from_slice(&src.0);
    let mut at = 12;
    if let Some(vlan) = vlan {
        put_u16(bytes, at, ethertype::VLAN);
        put_u16(bytes, at + 2, vlan);
        at += VLAN_LEN;
    }
    let kind = if family == Family::V4 { ethertype::IPV4 } else { ethertype::IPV6 };
    put_u16(bytes, at, kind);
}

fn write_network(bytes: &mut [u8], family: Family, (src, dst): (Addr, Addr), proto: Proto, body: usize) {
    match family {
        Family::V4 => {
            let header = &mut bytes[..20];
            header.fill(0);
            header[0] = 0x45;
            put_u16(header, 2, 20 + body as u16);
            header[8] = TTL;
            header[9] = proto.0;
            header[12..16].copy_from_slice(&src.octets4());
            header[16..20].copy_from_slice(&dst.octets4());
            let sum = !checksum::fold(checksum::sum(header));
            put_u16(header, 10, sum);
        }
        Family::V6 => {
            let header = &mut bytes[..40];
            header.fill(0);
            header[0] = 0x60;
            put_u16(header, 4, body as u16);
            header[6] = proto.0;
            header[7] = TTL;
            header[8..24].copy_from_slice(&src.octets6());
            header[24..40].copy_from_slice(&dst.octets6());
        }
    }
}
