//! What the sender of a rejected packet is told. Spec: firewall-filter-51, firewall-filter-52, firewall-filter-64.

use ravelin_filter::Reject;
use ravelin_types::{Family, Proto};
use ravelin_wire::checksum::{self, Delta};
use ravelin_wire::{Fragment, L4, Network, build, put_u16, rewrite, u16_at};

use crate::act;
use crate::explain::Recorder;
use crate::packet::{Checksum, Packet};
use crate::reply;
use crate::step::{Flow, Turn};

/// ICMP destination unreachable (RFC 792, RFC 4443).
const fn message(family: Family, code: u8) -> (u8, u8, u32) {
    match family {
        Family::V4 => (3, code, 0),
        Family::V6 => (1, code, 0),
    }
}

/// About a packet as it came.
pub(super) fn reject<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow, reject: Reject) {
    match reject {
        Reject::TcpReset if flow.network.proto == Proto::TCP => reply::tcp_reset(turn, packet, flow),
        Reject::TcpReset => {}
        Reject::Icmp { code } => {
            reply::icmp_error(turn, packet, flow, message(flow.network.family, code));
        }
    }
}

/// About a packet that is ready to leave: its sender knows it as it came.
pub(super) fn reject_leaving<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    reject: Reject,
) {
    match reject {
        Reject::TcpReset if flow.network.proto == Proto::TCP => reply::tcp_reset(turn, packet, flow),
        Reject::TcpReset => {}
        Reject::Icmp { code } => {
            let mut quote = [0; reply::QUOTE_MAX];
            let len = as_it_came(packet, flow, &mut quote);
            reply::icmp_about(turn, flow, message(flow.network.family, code), &quote[..len]);
        }
    }
}

/// The beginning of a datagram with the addresses, ports and hop count that it had; how much of it.
fn as_it_came(packet: &Packet<'_>, flow: &Flow, out: &mut [u8; reply::QUOTE_MAX]) -> usize {
    let network = &flow.network;
    let (l3_at, l4_at) = (usize::from(flow.link.l3_at), usize::from(network.l4_at));
    let datagram = &packet.bytes()[l3_at..usize::from(network.end)];
    let len = datagram.len().min(out.len());
    out[..len].copy_from_slice(&datagram[..len]);
    match network.family {
        Family::V4 => {
            out[8] = network.ttl;
            out[12..16].copy_from_slice(&network.src.octets4());
            out[16..20].copy_from_slice(&network.dst.octets4());
            let header = usize::from(out[0] & 0x0f) * 4;
            put_u16(out, 10, 0);
            let sum = !checksum::fold(checksum::sum(&out[..header]));
            put_u16(out, 10, sum);
        }
        Family::V6 => {
            out[7] = network.ttl;
            out[8..24].copy_from_slice(&network.src.octets6());
            out[24..40].copy_from_slice(&network.dst.octets6());
        }
    }
    let ports = match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } => Some((sport, dport)),
        // Only the identifier of an echo is ever changed; its key has 0 for the other number.
        L4::Icmp { id, .. } if flow.key.sport() == 0 || flow.key.dport() == 0 => Some((id, 0)),
        L4::Icmp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => None,
    };
    let later = matches!(network.fragment, Fragment::Later { .. });
    if let Some(ports) = ports.filter(|_| !later && l4_at - l3_at + 8 <= len) {
        act::write_ports(out, l4_at - l3_at, network, ports);
    }
    if !later {
        restore_checksum(packet, flow, &mut out[l4_at - l3_at..len]);
    }
    len
}

/// The transport checksum of a segment that has its ports back: what the translation changed is changed back. One that was left to the
/// sender to finish is made anew, over what the quote has no room for, too.
fn restore_checksum(packet: &Packet<'_>, flow: &Flow, segment: &mut [u8]) {
    let Network { family, src, dst, proto, l4_at, end, fragment, .. } = flow.network;
    let Some(at) = build::checksum_at(proto).filter(|at| at + 2 <= segment.len()) else { return };
    let whole = &packet.bytes()[usize::from(l4_at)..usize::from(end)];
    let is_left = matches!(packet.checksum, Checksum::Partial(_) | Checksum::Unknown)
        && fragment == Fragment::Whole
        && match proto {
            Proto::TCP => true,
            Proto::UDP => {
                let has_none = family == Family::V4 && u16_at(segment, at) == 0;
                !has_none && usize::from(u16_at(whole, 4)) == whole.len()
            }
            _ => false,
        };
    if !is_left {
        if let Some(delta) = undone(packet, flow) {
            rewrite::transport_delta(segment, 0, proto, delta);
        }
        return;
    }
    put_u16(segment, at, 0);
    let (head, data) = (&segment[..segment.len() & !1], &whole[segment.len() & !1..]);
    let sums = checksum::sum(head) + checksum::sum(data);
    let sum = !checksum::fold(checksum::pseudo(family, src, dst, proto, whole.len()) + sums);
    let none = sum == 0 && proto == Proto::UDP;
    put_u16(segment, at, if none { u16::MAX } else { sum });
}

/// The change of a checksum from a packet as it leaves to the same as it came, if it was translated.
fn undone(packet: &Packet<'_>, flow: &Flow) -> Option<Delta> {
    let (now, came) = (super::as_it_leaves(packet, flow), &flow.network);
    if (now.src, now.dst, now.l4) == (came.src, came.dst, came.l4) {
        return None;
    }
    let address = |old, new| Delta::address(came.family, old, new);
    let addresses = match came.proto {
        // ICMP of IPv4 has no pseudo-header (RFC 792).
        Proto::ICMP => Delta::default(),
        _ => address(now.src, came.src).and(address(now.dst, came.dst)),
    };
    let words = |l4: &L4| match *l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } => (sport, dport),
        L4::Icmp { id, .. } => (id, 0),
        L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => (0, 0),
    };
    let (old, new) = (words(&now.l4), words(&came.l4));
    Some(addresses.and(Delta::word(old.0, new.0)).and(Delta::word(old.1, new.1)))
}
