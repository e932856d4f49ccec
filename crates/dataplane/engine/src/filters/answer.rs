//! What the sender of a rejected packet is told. Spec: firewall-filter-51, firewall-filter-52, firewall-filter-64.

use ravelin_filter::Reject;
use ravelin_types::{Family, Proto};
use ravelin_wire::{Fragment, L4, build, checksum, put_u16, u16_at};

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
    if network.fragment == Fragment::Whole && datagram.len() <= out.len() {
        restore_checksum(packet, flow, &mut out[l4_at - l3_at..len]);
    }
    len.min(reply::QUOTE_MAX)
}

/// The transport checksum of a segment that has its ports back. One that was neither translated nor left to the
/// sender to finish is as it came already.
fn restore_checksum(packet: &Packet<'_>, flow: &Flow, segment: &mut [u8]) {
    let network = &flow.network;
    let as_it_came = matches!(packet.checksum, Checksum::Verified | Checksum::Unverified);
    let Some(at) = build::checksum_at(network.proto).filter(|at| at + 2 <= segment.len()) else { return };
    let may_lack = network.proto == Proto::UDP && network.family == Family::V4;
    if (as_it_came && !is_translated(packet, flow)) || (may_lack && u16_at(segment, at) == 0) {
        return;
    }
    put_u16(segment, at, 0);
    let sum = match network.proto {
        Proto::ICMP => !checksum::fold(checksum::sum(segment)),
        proto => checksum::transport(network.family, network.src, network.dst, proto, segment),
    };
    let none = sum == 0 && network.proto == Proto::UDP;
    put_u16(segment, at, if none { u16::MAX } else { sum });
}

fn is_translated(packet: &Packet<'_>, flow: &Flow) -> bool {
    let now = super::as_it_leaves(packet, flow);
    let came = &flow.network;
    (now.src, now.dst, now.l4) != (came.src, came.dst, came.l4)
}
