//! ICMP errors: they belong to the session of the packet they quote.
//!
//! An error about a packet of one wing travels with the other. Addresses in the quote are turned
//! back as those of the packet were (RFC 5508 4). One for no session is dropped, unless it is for
//! the firewall's own traffic.

use ravelin_types::{DropReason, Family, IcmpKind};
use ravelin_wire::checksum::{self, Delta};
use ravelin_wire::{L4, Network, parse_ip, put_u16, rewrite};

use crate::act;
use crate::explain::{Fact, Recorder};
use crate::fast_path::{self, Rejudged};
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::packet::{Checksum, Packet, Stage};
use crate::session::{Session, Ticks};
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;

/// Bytes of an ICMP error before its quote.
const HEADER: usize = 8;

pub(crate) fn is_error(flow: &Flow) -> bool {
    flow.icmp().is_some_and(|(kind, _)| IcmpKind::of(flow.network.proto, kind) == IcmpKind::Error)
}

/// The packet that an ICMP error quotes.
pub(crate) fn quoted(packet: &Packet<'_>, network: &Network) -> Option<Network> {
    let L4::Icmp { kind, .. } = network.l4 else { return None };
    if IcmpKind::of(network.proto, kind) != IcmpKind::Error {
        return None;
    }
    let at = usize::from(network.l4_at) + HEADER;
    let quote = packet.bytes().get(at..usize::from(network.end))?;
    parse_ip(quote, network.family).ok()
}

pub(crate) fn run<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let quote_at = usize::from(flow.network.l4_at) + HEADER;
    let end = usize::from(flow.network.end);
    let quote = packet.bytes().get(quote_at..end).unwrap_or(&[]);
    let Ok(quoted) = parse_ip(quote, flow.network.family) else {
        return Verdict::Drop(DropReason::MalformedIcmp);
    };
    let back = FlowKey::of(&quoted, None).reversed();
    let Some(at) = turn.state.sessions.find(&back) else {
        let state = &turn.state;
        let owner = state.stubs.owner(&back);
        return match owner.and_then(|owner| state.steering.to(owner, Stage::Stub, flow.handed)) {
            Some(over) => Verdict::HandOver(over),
            None => Verdict::Drop(DropReason::IcmpErrorNoSession),
        };
    };
    let session = *turn.state.sessions.get(at.slot());
    let rules = &turn.world.rules;
    let judged = session.generation == rules.generation.0 as u32;
    let stale = session.is_over(Ticks::at(turn.now))
        || (!judged && matches!(fast_path::rejudge(rules, &session), Rejudged::Ended(_)));
    let wing = &session.wings[at.wing()];
    if stale || wing.zone != flow.zone {
        return Verdict::Drop(DropReason::IcmpErrorNoSession);
    }
    turn.rec.fact(Fact::SessionHit { id: session.id, reverse: at.wing() == 1, policy: session.policy });
    deliver(turn, packet, flow, (&session, at.wing()), (&quoted, quote_at))
}

/// Sends the error on along a wing.
fn deliver<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (session, wing): (&Session, usize),
    (quoted, quote_at): (&Network, usize),
) -> Verdict {
    let other = session.wings[1 - wing].key;
    let to_host = act::is_host(session.wings[wing].egress);
    if !to_host && !flow.from_host && flow.network.ttl <= 1 {
        return Verdict::Drop(DropReason::TtlExpired);
    }
    let network = if session.is_translated() {
        translate(packet, flow, &other, (quoted, quote_at))
    } else {
        flow.network
    };
    if to_host {
        return act::to_host(turn, packet, flow, None);
    }
    if flow.from_host {
        return act::from_host(turn, packet, flow, None);
    }
    let l3_at = usize::from(flow.link.l3_at);
    rewrite::decrement_ttl(packet.bytes_mut(), l3_at, network.family);
    let world = turn.world;
    let zone = session.wings[1 - wing].zone;
    match world.forwarding.lookup(network.family, network.dst, flow.hash) {
        Path::Via { unit, next_hop } => {
            let Some(unit) = world.rules.unit(unit).filter(|u| u.zone == Some(zone)) else {
                return Verdict::Drop(DropReason::EgressNoZone);
            };
            match world.forwarding.resolve(unit.id, network.family, next_hop) {
                Some(mac) => act::send(turn, packet, flow, (unit, mac), None),
                None => act::hold(turn, packet, flow, (unit, next_hop), None),
            }
        }
        Path::Local(_) | Path::Discard | Path::Reject | Path::None => Verdict::Drop(DropReason::NoRoute),
    }
}

/// Turns the quote and the error's own destination back to what the receiver knows. The network
/// facts as they are after.
fn translate(
    packet: &mut Packet<'_>,
    flow: &Flow,
    other: &FlowKey,
    (quoted, quote_at): (&Network, usize),
) -> Network {
    let mut network = flow.network;
    let family = network.family;
    // The quote is a packet of the other wing as it left; the receiver knows it as it came in.
    let (src, dst) = (other.src(), other.dst());
    let l3 = Delta::address(family, quoted.src, src).and(Delta::address(family, quoted.dst, dst));
    let quoted_key = FlowKey::of(quoted, None);
    let ports =
        Delta::word(quoted_key.sport(), other.sport()).and(Delta::word(quoted_key.dport(), other.dport()));
    packet.checksum = Checksum::Verified;
    packet.truncate(usize::from(network.end));
    let bytes = packet.bytes_mut();
    let quote_l4 = quote_at + usize::from(quoted.l4_at);
    rewrite::addresses(bytes, quote_at, family, src, dst, l3);
    act::write_ports(bytes, quote_l4, quoted, (other.sport(), other.dport()));
    let l4 = if matches!(quoted.l4, L4::Icmp { .. }) && family == Family::V4 { ports } else { l3.and(ports) };
    rewrite::transport_delta(bytes, quote_l4, quoted.proto, l4);
    // The outer header: to the host behind us; its source stays, unless it was the translated end.
    let outer_src = if network.src == quoted.dst { dst } else { network.src };
    let outer = Delta::address(family, network.dst, src).and(Delta::address(family, network.src, outer_src));
    rewrite::addresses(bytes, usize::from(flow.link.l3_at), family, outer_src, src, outer);
    (network.src, network.dst) = (outer_src, src);
    let at = usize::from(network.l4_at);
    put_u16(bytes, at + 2, 0);
    let l4 = &bytes[at..];
    let sum = match family {
        Family::V4 => !checksum::fold(checksum::sum(l4)),
        Family::V6 => checksum::transport(family, outer_src, src, network.proto, l4),
    };
    put_u16(bytes, at + 2, sum);
    network
}
