//! ICMP errors: they belong to the session of the packet they quote.
//!
//! An error about a packet of one wing travels with the other. Addresses in the quote are turned
//! back as those of the packet were (RFC 5508 4). One for no session is dropped.

use ravelin_screen::Way;
use ravelin_translate::{Ends, Ports, Refused};
use ravelin_types::{Addr, DropReason, Family, IcmpKind, InstanceId, Proto, ZoneId};
use ravelin_wire::checksum::Delta;
use ravelin_wire::{Fragment, L4, Network, parse_ip, put_u16, put_u32, rewrite, u16_at, u32_at};

use crate::explain::{Fact, Recorder};
use crate::fast_path::{self, Rejudged};
use crate::filters;
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::packet::{Checksum, Packet, Stage};
use crate::session::{Marks, Session, WingRef};
use crate::steer::HandOver;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;
use crate::{act, between, host, overload, screens};

/// Bytes of an ICMP error before its quote.
const HEADER: usize = 8;

pub(crate) fn is_error(network: &Network) -> bool {
    matches!(network.l4, L4::Icmp { kind, .. } if IcmpKind::of(network.proto, kind) == IcmpKind::Error)
}

/// The packet that an ICMP error quotes.
pub(crate) fn quoted(packet: &Packet<'_>, network: &Network) -> Option<Network> {
    if !is_error(network) {
        return None;
    }
    let at = usize::from(network.l4_at) + HEADER;
    let quote = packet.bytes().get(at..usize::from(network.end))?;
    parse_ip(quote, network.family).ok()
}

/// Whether a packet is an ICMP error, of whose session several workers may know.
pub(crate) fn is_error_of_many<R>(turn: &Turn<'_, R>, network: &Network) -> bool {
    !turn.state.steering.is_alone() && is_error(network)
}

/// Whether what an ICMP error quotes is of a session, here or at another worker.
pub(crate) fn has_session<R>(turn: &Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) -> bool {
    let Some(quoted) = quoted(packet, &flow.network) else { return false };
    let back = FlowKey::of(&quoted, None, flow.key.instance()).reversed();
    turn.state.sessions.lookup(&back, flow.hash).is_some() || elsewhere(turn, flow, &back).is_some()
}

pub(crate) fn run<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let quote_at = usize::from(flow.network.l4_at) + HEADER;
    let end = usize::from(flow.network.end);
    let quote = packet.bytes().get(quote_at..end).unwrap_or(&[]);
    let Ok(quoted) = parse_ip(quote, flow.network.family) else {
        return Verdict::Drop(DropReason::MalformedIcmp);
    };
    let back = FlowKey::of(&quoted, None, flow.key.instance()).reversed();
    let Some(at) = turn.state.sessions.lookup(&back, flow.hash) else {
        return match elsewhere(turn, flow, &back) {
            Some(over) => Verdict::HandOver(over),
            None => match overload::check(turn, flow) {
                Err(reason) => Verdict::Drop(reason),
                Ok(()) => stray(turn, packet, flow),
            },
        };
    };
    let rules = &turn.world.rules;
    let is_over = turn.state.is_over(at.slot(), (rules, turn.shared), turn.now);
    let session = *turn.state.sessions.get(at.slot());
    let judged = session.generation == turn.world.judged;
    let stale = is_over || (!judged && matches!(fast_path::rejudge(rules, &session), Rejudged::Ended(_)));
    let wing = &session.wings[at.wing()];
    if stale || wing.zone != flow.zone {
        return Verdict::Drop(DropReason::IcmpErrorNoSession);
    }
    turn.rec.fact(Fact::SessionHit { id: session.id, reverse: at.wing() == 1, policy: session.policy });
    deliver(turn, packet, flow, (&session, at), &quoted)
}

/// Who may have the session of this key: whom a stub names, or a mapping that let it in; else the worker of the mapping that the
/// key leads to, which a packet of the session would be brought to by its first path. Spec: steer-5.
fn elsewhere<R>(turn: &Turn<'_, R>, flow: &Flow, back: &FlowKey) -> Option<HandOver> {
    let (state, nat) = (&turn.state, &turn.world.rules.nat);
    if let Some(owner) = state.stubs.owner(back).or_else(|| state.guests.owner(back)) {
        return state.steering.to(owner, Stage::Stub, flow.handed);
    }
    let asked = flow.handed.is_some_and(|h| matches!(h.stage, Stage::Home | Stage::Ports | Stage::Stub));
    if asked || !nat.is_persistent || state.steering.is_alone() {
        return None;
    }
    let led = nat.inward((flow.unit, flow.zone), back, None).key;
    let owner = state.leases.owner((led.dst_family(), led.dst()), led.dport())?;
    state.steering.to(owner, Stage::Home, flow.handed)
}

/// Sends the error on along a wing.
fn deliver<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (session, at): (&Session, WingRef),
    quoted: &Network,
) -> Verdict {
    let wing = at.wing();
    let (other, zone) = (session.wings[1 - wing].key, session.wings[1 - wing].zone);
    if let Err(verdict) = screens::of_error(turn, packet, flow, (zone, Way::Out)) {
        return verdict;
    }
    let to_host = act::is_host(session.wings[wing].egress);
    if to_host && let Err(verdict) = filters::host_input(turn, packet, flow) {
        return verdict;
    }
    if !to_host && !flow.from_host && flow.network.ttl <= 1 {
        return Verdict::Drop(DropReason::TtlExpired);
    }
    let across = session.marks.has(Marks::ACROSS);
    let rewritten = if across {
        between::error(turn, packet, flow, (session, wing), (quoted, ports(quoted, &other)))
    } else if session.is_translated() {
        let src = speaker(turn, flow, (session, wing), quoted);
        translate(packet, flow, (src, &other), quoted).map(|network| Flow { network, ..*flow })
    } else {
        Ok(*flow)
    };
    let flow = &match rewritten {
        Ok(flow) => flow,
        Err(reason) => return Verdict::Drop(reason),
    };
    let network = &flow.network;
    if wing == 0
        && let Some(splice) = turn.state.splices.opened(at.slot())
    {
        restore_number(packet, network, splice.seq);
    }
    if to_host {
        return act::to_host(turn, packet, flow, None);
    }
    if flow.from_host {
        return act::from_host(turn, packet, flow, None);
    }
    let l3_at = usize::from(flow.link.l3_at);
    if !across {
        rewrite::decrement_ttl(packet.bytes_mut(), l3_at, network.family);
    }
    let instance = crate::onward::instance(&turn.world.rules, session, wing, flow);
    onward(turn, packet, (flow, instance), |of| of == zone)
}

/// An error about a packet of no session: dropped, or forwarded as it is where `allow-embedded-icmp` says so. Spec: flow-34.
fn stray<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let rules = &turn.world.rules;
    let is_ours = || flow.from_host || host::is_local(turn.world, flow, &flow.key);
    if !rules.flow.strays.embedded_icmp || is_ours() {
        return Verdict::Drop(DropReason::IcmpErrorNoSession);
    }
    if rules.is_functional(flow.zone) {
        return Verdict::Drop(DropReason::ManagementZone);
    }
    let Network { family, src, dst, ttl, .. } = flow.network;
    // Nothing is to be forwarded so that has no one place to come from and to go to (RFC 4291 2.5.6, RFC 2644).
    if family == Family::V6 && src.is_link_local6() {
        return Verdict::Drop(DropReason::InvalidSource);
    }
    let to_all = |unit| rules.unit(unit).is_some_and(|unit| host::is_directed_broadcast(unit, (family, dst)));
    let instance = flow.routed_by();
    match turn.world.forwarding.lookup(instance, (family, dst), flow.hash) {
        _ if dst.is_multicast(family) => return Verdict::Drop(DropReason::NoRoute),
        Path::Via { unit, .. } if to_all(unit) => return Verdict::Drop(DropReason::InvalidDestination),
        Path::Via { .. } | Path::Local(_) | Path::Discard | Path::Reject | Path::None => {}
    }
    if ttl <= 1 {
        return Verdict::Drop(DropReason::TtlExpired);
    }
    rewrite::decrement_ttl(packet.bytes_mut(), usize::from(flow.link.l3_at), family);
    onward(turn, packet, (flow, instance), |zone| !rules.is_functional(zone))
}

/// By route, out of a unit whose zone may be.
fn onward<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    (flow, instance): (&Flow, InstanceId),
    may_be: impl Fn(ZoneId) -> bool,
) -> Verdict {
    let (world, network) = (turn.world, &flow.network);
    match world.forwarding.lookup(instance, (network.family, network.dst), flow.hash) {
        Path::Via { unit, next_hop } => {
            let Some(unit) = world.rules.unit(unit).filter(|u| u.zone.is_some_and(&may_be)) else {
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

/// As whom the receiver of an error sees its sender. Where the other end is translated, so is whoever speaks from there, a router
/// on the way, too: its own address means nothing here. It is seen by a static mapping of its own, or else as the end.
/// Spec: rfc5508-5.
fn speaker<R>(turn: &Turn<'_, R>, flow: &Flow, (session, wing): (&Session, usize), quoted: &Network) -> Addr {
    let Network { src, family, .. } = flow.network;
    let other = session.wings[1 - wing].key;
    match (quoted.dst, other.dst()) {
        (end, known) if end == known => src,
        (end, known) if end == src => known,
        (_, known) => counterpart(turn, flow, (session, wing), (family, other.src())).unwrap_or(known),
    }
}

/// What a static rule makes of an error's sender on the way to its receiver.
pub(crate) fn counterpart<R>(
    turn: &Turn<'_, R>,
    flow: &Flow,
    (session, wing): (&Session, usize),
    receiver: (Family, Addr),
) -> Option<Addr> {
    let world = turn.world;
    if !world.rules.nat.has_static() {
        return None;
    }
    let instance = crate::onward::instance(&world.rules, session, wing, flow);
    let Path::Via { unit, .. } = world.forwarding.lookup(instance, receiver, flow.hash) else { return None };
    let unit = world.rules.unit(unit)?;
    let sender = (flow.network.family, flow.network.src);
    world.rules.nat.fixed.counterpart((unit.id, unit.zone?), sender, receiver)
}

/// Turns the quote and the error's own ends to what the receiver knows. The network facts as they are after.
/// Spec: icmp-errors-1..13.
fn translate(
    packet: &mut Packet<'_>,
    flow: &Flow,
    (src, other): (Addr, &FlowKey),
    quoted: &Network,
) -> Result<Network, DropReason> {
    let network = flow.network;
    // The quote is a packet of the other wing as it left; the receiver knows it as it came in.
    let known = Ends { src: other.src(), dst: other.dst(), ports: ports(quoted, other) };
    // The outer header: to the host behind us.
    let outer = (src, known.src);
    packet.truncate(usize::from(network.end));
    let l3_at = usize::from(flow.link.l3_at);
    let rewritten = packet.lend_datagram(l3_at, |datagram| {
        ravelin_translate::rewrite_error(datagram, network.family, outer, &known)
    });
    match rewritten {
        None => Err(DropReason::MalformedIcmp),
        Some(Err(refused)) => Err(reason(refused)),
        Some(Ok(())) => {
            packet.checksum = Checksum::Verified;
            Ok(Network { src: outer.0, dst: outer.1, ..network })
        }
    }
}

/// Of a handshake that the firewall made, the client knows the server's segments under other numbers: what is quoted to the
/// server gets its own. Checksums that held of the quote hold of it still. Spec: icmp-errors-14.
fn restore_number(packet: &mut Packet<'_>, error: &Network, by: u32) {
    let (message, end) = (usize::from(error.l4_at), usize::from(error.end));
    let bytes = packet.bytes_mut();
    let Some(quoted) = bytes.get(message + HEADER..end).and_then(|quote| parse_ip(quote, error.family).ok())
    else {
        return;
    };
    let starts = !matches!(quoted.fragment, Fragment::Later { .. });
    let at = message + HEADER + usize::from(quoted.l4_at);
    let Some(tcp) =
        bytes.get_mut(at..end).filter(|tcp| quoted.proto == Proto::TCP && starts && tcp.len() >= 8)
    else {
        return;
    };
    let (old, new) = (u32_at(tcp, 4), u32_at(tcp, 4).wrapping_add(by));
    put_u32(tcp, 4, new);
    let word = |number: u32, shift: u32| (number >> shift) as u16;
    let mut change = Delta::word(word(old, 16), word(new, 16)).and(Delta::word(word(old, 0), word(new, 0)));
    if tcp.len() >= 18 {
        let before = u16_at(tcp, 16);
        let after = change.apply(before);
        put_u16(tcp, 16, after);
        change = change.and(Delta::word(before, after));
    }
    let sum = change.apply(u16_at(bytes, message + 2));
    put_u16(bytes, message + 2, sum);
}

/// What the quoted transport header is to show.
fn ports(quoted: &Network, other: &FlowKey) -> Ports {
    let (src, dst) = (other.sport(), other.dport());
    match quoted.l4 {
        L4::Tcp { .. } | L4::Udp { .. } => Ports::Both { src, dst },
        // One of the two is the identifier, the other 0; other messages have no identifier.
        L4::Icmp { .. } if src == 0 || dst == 0 => Ports::Identifier(src | dst),
        L4::Icmp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => Ports::Keep,
    }
}

/// Why an error is not passed on.
const fn reason(refused: Refused) -> DropReason {
    match refused {
        Refused::BadChecksum => DropReason::BadIcmpChecksum,
        Refused::IcmpFragment => DropReason::IcmpErrorFragment,
        // No error opens a session.
        Refused::NestedError => DropReason::IcmpErrorNoSession,
        Refused::Malformed
        | Refused::NoRoom
        | Refused::Expired
        | Refused::SourceRoute
        | Refused::RoutingHeader { .. }
        | Refused::TooBig { .. }
        | Refused::MustFragment { .. }
        | Refused::NoCounterpart
        | Refused::Protocol
        | Refused::UdpWithoutChecksum
        | Refused::TinyFragment
        | Refused::Unmappable { .. } => DropReason::MalformedIcmp,
    }
}
