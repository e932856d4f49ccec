//! Payloads changed in place: lengths and checksums follow.
//!
//! A packet whose checksum is wrong stays as it is, so that its receiver throws it away. Spec: alg-8, alg-13.

use ravelin_tcp::splice::Splice;
use ravelin_tcp::{Direction, Seq};
use ravelin_types::{Addr, DropReason, Family, Proto};
use ravelin_wire::checksum::{self, Delta};
use ravelin_wire::{L4, Network, put_u16, u16_at, u32_at};

use super::dns;
use crate::act;
use crate::explain::Recorder;
use crate::key::FlowKey;
use crate::nat::Answered;
use crate::packet::{Checksum, Packet};
use crate::session::WingRef;
use crate::step::{Flow, Turn};

const UDP_HEADER: usize = 8;

/// What stands behind the transport header.
pub(super) fn payload<'p>(packet: &'p Packet<'_>, network: &Network) -> &'p [u8] {
    packet.bytes().get(payload_at(network)..usize::from(network.end)).unwrap_or_default()
}

fn payload_at(network: &Network) -> usize {
    let header = match network.l4 {
        L4::Tcp { header_len, .. } => usize::from(header_len),
        L4::Udp { .. } | L4::Icmp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => UDP_HEADER,
    };
    usize::from(network.l4_at) + header
}

pub(super) fn sequence(packet: &Packet<'_>, network: &Network) -> Seq {
    Seq(u32_at(packet.bytes(), usize::from(network.l4_at) + 4))
}

/// Brings the numbers of a segment to what its receiver counts.
pub(super) fn shift(packet: &mut Packet<'_>, network: &Network, (splice, sender): (&Splice, Direction)) {
    let range = usize::from(network.l4_at)..usize::from(network.end);
    if let Some(tcp) = packet.bytes_mut().get_mut(range) {
        splice.translate(sender, tcp);
    }
}

/// Puts other bytes in the place of some of a segment's payload; its facts then, and by how many it grew. `None`: no room.
pub(super) fn replace(
    packet: &mut Packet<'_>,
    flow: &Flow,
    other: &FlowKey,
    (at, len, new): (usize, usize, &[u8]),
) -> Option<(Flow, i32)> {
    packet.truncate(usize::from(flow.network.end));
    packet.replace(payload_at(&flow.network) + at, len, new).then_some(())?;
    let by = new.len() as i32 - len as i32;
    let end = (i32::from(flow.network.end) + by) as u16;
    let flow = Flow { network: Network { end, ..flow.network }, ..*flow };
    let l3_at = usize::from(flow.link.l3_at);
    let bytes = packet.bytes_mut();
    let length_at = if flow.network.family == Family::V4 { l3_at + 2 } else { l3_at + 4 };
    let old = u16_at(bytes, length_at);
    let whole = (i32::from(old) + by) as u16;
    put_u16(bytes, length_at, whole);
    if flow.network.family == Family::V4 {
        let field = Delta::word(old, whole).apply(u16_at(bytes, l3_at + 10));
        put_u16(bytes, l3_at + 10, field);
    }
    sum_anew(packet, &act::translated(&flow.network, other));
    Some((flow, by))
}

/// Whether a packet's transport checksum holds, or is made on the way out.
pub(super) fn is_right(packet: &Packet<'_>, network: &Network) -> bool {
    let Some(l4) = packet.bytes().get(usize::from(network.l4_at)..usize::from(network.end)) else {
        return false;
    };
    let unsummed = network.proto == Proto::UDP && u16_at(l4, 6) == 0;
    match packet.checksum {
        Checksum::Partial(_) | Checksum::Unknown => true,
        Checksum::Verified | Checksum::Unverified => {
            // Over itself and its checksum the sum comes to nothing; UDP writes nothing as all ones.
            let sum = checksum::transport(network.family, network.src, network.dst, network.proto, l4);
            unsummed || sum == 0 || sum == 0xffff
        }
    }
}

fn sum_anew(packet: &mut Packet<'_>, network: &Network) {
    if matches!(packet.checksum, Checksum::Partial(_) | Checksum::Unknown) {
        return;
    }
    let range = usize::from(network.l4_at)..usize::from(network.end);
    let Some(l4) = packet.bytes_mut().get_mut(range) else { return };
    let at = if network.proto == Proto::UDP { 6 } else { 16 };
    if network.proto == Proto::UDP && u16_at(l4, at) == 0 {
        return;
    }
    put_u16(l4, at, 0);
    let sum = checksum::transport(network.family, network.src, network.dst, network.proto, l4);
    put_u16(l4, at, if sum == 0 && network.proto == Proto::UDP { 0xffff } else { sum });
}

/// A packet of a name server or to it: its length, and the addresses in its answers. Spec: alg-12..15.
pub(super) fn dns<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<(), DropReason> {
    let rules = &turn.world.rules;
    let message = payload(packet, &flow.network);
    if message.len() > usize::from(rules.algs.dns.length_max) {
        return if rules.algs.dns.drop_oversize { Err(DropReason::AlgOversize) } else { Ok(()) };
    }
    let is_answer = at.wing() == 1 && dns::is_answer(message);
    if !is_answer || !rules.algs.dns.doctoring || !rules.nat.has_static() {
        return Ok(());
    }
    let session = turn.state.sessions.get(at.slot());
    let [asking, answering] = &session.wings;
    let network = act::translated(&flow.network, &asking.key);
    if !is_right(packet, &network) {
        return Ok(());
    }
    let way = Answered {
        server: ((answering.ingress, answering.zone), answering.key.src()),
        client: ((asking.ingress, asking.zone), asking.key.src()),
    };
    let mut found: [Option<(usize, Family)>; FOUND_MAX] = [None; FOUND_MAX];
    let mut free = found.iter_mut();
    dns::addresses(message, |at, family| {
        if let Some(place) = free.next() {
            *place = Some((at, family));
        }
    });
    let message_at = payload_at(&flow.network);
    let mut changed = false;
    for (at, family) in found.into_iter().flatten() {
        let bytes = &mut packet.bytes_mut()[message_at + at..];
        let addr = match family {
            Family::V4 => bytes.first_chunk().map(|octets| Addr::v4(*octets)),
            Family::V6 => bytes.first_chunk().map(|octets| Addr::v6(*octets)),
        };
        let Some(new) = addr.and_then(|addr| rules.nat.doctored(&way, family, addr)) else { continue };
        match family {
            Family::V4 => bytes[..4].copy_from_slice(&new.octets4()),
            Family::V6 => bytes[..16].copy_from_slice(&new.octets6()),
        }
        changed = true;
    }
    if changed {
        sum_anew(packet, &network);
    }
    Ok(())
}

/// Addresses of one message that are translated.
const FOUND_MAX: usize = 32;
