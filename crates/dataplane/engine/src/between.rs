//! Packets that leave in another family than they came in.
//!
//! Junos: static NAT `inet` and prefixes of two families, `security nat natv6v4`. Place: the end of the fast path instead of
//! the rewrite, and ICMP errors of such sessions. State: none. Spec: nat-static-8..14, rfc6146-1..9, rfc7915-1..45.

use ravelin_translate::siit::{self, FragmentHeader, Rules};
use ravelin_translate::{Answer, Ends, Pieces, Ports, Refused};
use ravelin_types::{Addr, DropReason, Family};
use ravelin_wire::{Fragment, L4, Network, rewrite, u16_at};

use crate::act::{self, Recipe};
use crate::emit::emit;
use crate::explain::Recorder;
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::nat::Outward;
use crate::output::ANSWER_LEN_MAX;
use crate::packet::{Checksum, Packet};
use crate::session::{Session, WingRef};
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;
use crate::{fast_path, icmp_error, reply};

/// Room in front of a piece for the headers that it gets.
const PIECE_AT: usize = 128;

/// Drops a packet that can't be translated, its sender told when there is something to tell.
pub(crate) fn refuse<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (reason, answer): (DropReason, Option<Answer>),
) -> Verdict {
    if let Some(answer) = answer {
        reply::untranslatable(turn, packet, flow, answer);
    }
    Verdict::Drop(reason)
}

/// Whether a session's source can be written in its destination's family. Spec: nat-static-10.
pub(crate) fn check_source<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (key, source): (&FlowKey, Outward),
) -> Result<(), DropReason> {
    match source {
        Outward::Refused(why, rule) => {
            if let Some(hits) = turn.state.counters.nat_rules.get_mut(rule.index()) {
                hits.hit(turn.now);
                hits.failed += 1;
            }
            if let Some(answer) = why.answer(key.family()) {
                reply::untranslatable(turn, packet, flow, answer);
            }
            Err(why.reason())
        }
        Outward::Keep | Outward::Off(_) if key.is_across() => Err(DropReason::Nat64NoSource),
        Outward::Keep
        | Outward::Off(_)
        | Outward::Leased(..)
        | Outward::Fixed(..)
        | Outward::NoAddress(_) => Ok(()),
    }
}

/// Sends a packet of a session on in the other family.
pub(crate) fn forward<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
    recipe: &Recipe<'_>,
) -> Verdict {
    packet.truncate(usize::from(flow.network.end));
    let rules = rules(turn, flow, recipe.wing.egress);
    match translate(turn, packet, flow, (&recipe.other, &rules)) {
        Ok(network) => onward(turn, packet, &Flow { network, ..*flow }, at, recipe),
        Err(Refused::MustFragment { mtu }) => in_pieces(turn, packet, flow, (at, recipe), (mtu, &rules)),
        Err(refused) => {
            let answer = refused.answer(flow.network.family);
            refuse(turn, packet, flow, (reason(refused), answer))
        }
    }
}

fn onward<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
    recipe: &Recipe<'_>,
) -> Verdict {
    fast_path::clamp_mss(turn, packet, flow, at);
    let partial = act::checksum_left(packet, &flow.network);
    fast_path::through(turn, packet, flow, at, (recipe, partial))
}

/// How a packet that came in on a unit is translated for another one.
fn rules<R>(turn: &Turn<'_, R>, flow: &Flow, egress: ravelin_types::InterfaceId) -> Rules {
    let known = &turn.world.rules;
    let defaults = Rules::default();
    let ends = (known.unit(flow.unit), known.unit(egress));
    let (mtu4, mtu6) = match (flow.network.family, ends) {
        (Family::V4, (Some(four), Some(six))) | (Family::V6, (Some(six), Some(four))) => {
            (four.mtu4, six.mtu6)
        }
        (_, (None, _) | (_, None)) => (defaults.mtu4, defaults.mtu6),
    };
    let fragment_header = if known.nat.fixed.no_v6_fragment_header {
        FragmentHeader::PartsAlone
    } else {
        FragmentHeader::Fragmentable
    };
    Rules { mtu4, mtu6, fragment_header, ..defaults }
}

/// Rewrites a packet; the network facts as they are after.
fn translate<R>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (other, rules): (&FlowKey, &Rules),
) -> Result<Network, Refused> {
    let ends = Ends { src: other.dst(), dst: other.src(), ports: ports(&flow.network, other) };
    let to = other.family();
    let id = identification(turn, to);
    let l3_at = flow.link.l3_at;
    let done = packet.lend_datagram(usize::from(l3_at), |datagram| match to {
        Family::V6 => siit::to_ipv6(datagram, &ends, rules),
        Family::V4 => siit::to_ipv4(datagram, &ends, id, rules),
    });
    let done = done.unwrap_or(Err(Refused::Malformed))?;
    Ok(network(&flow.network, l3_at, (ends.src, ends.dst), &done))
}

/// Nobody outside can tell the next one (RFC 7739), and two at once are as unlikely as 16 bits allow (RFC 6864 4.3).
fn identification<R>(turn: &mut Turn<'_, R>, to: Family) -> u16 {
    match to {
        Family::V4 => turn.state.random.next() as u16,
        Family::V6 => 0,
    }
}

fn network(before: &Network, l3_at: u16, (src, dst): (Addr, Addr), done: &siit::Translated) -> Network {
    Network {
        family: done.family,
        src,
        dst,
        proto: done.proto,
        ttl: before.ttl.saturating_sub(1),
        l4_at: l3_at + done.l4_at as u16,
        end: l3_at + done.len as u16,
        dont_fragment: done.dont_fragment,
        ..*before
    }
}

/// Ports or identifier that a packet of the wing leaves with whose other wing has this key.
fn ports(network: &Network, other: &FlowKey) -> Ports {
    let (src, dst) = (other.dport(), other.sport());
    match network.l4 {
        _ if matches!(network.fragment, Fragment::Later { .. }) => Ports::Keep,
        L4::Tcp { .. } | L4::Udp { .. } => Ports::Both { src, dst },
        L4::Icmp { .. } if src == 0 || dst == 0 => Ports::Identifier(src | dst),
        L4::Icmp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => Ports::Keep,
    }
}

/// Cuts an IPv4 packet that IPv6 takes in pieces alone, all of them or none. Spec: rfc7915-8.
fn in_pieces<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (at, recipe): (WingRef, &Recipe<'_>),
    (mtu, rules): (u16, &Rules),
) -> Verdict {
    if let Some(partial) = act::checksum_left(packet, &flow.network) {
        rewrite::finish(packet.bytes_mut(), partial);
    }
    let l3_at = usize::from(flow.link.l3_at);
    let _ = packet.lend_datagram(l3_at, siit::complete_udp);
    let datagram = &packet.bytes()[l3_at..];
    let mtu = mtu.min((ANSWER_LEN_MAX - PIECE_AT - l3_at) as u16);
    let Ok(mut pieces) = Pieces::of(datagram, mtu) else {
        return Verdict::Drop(DropReason::PacketTooBig);
    };
    let header = usize::from(datagram[0] & 0x0f) * 4;
    let room = usize::from(mtu).saturating_sub(header) / 8 * 8;
    let count = (usize::from(u16_at(datagram, 2)) - header).div_ceil(room.max(8));
    if turn.out.room() < count {
        return Verdict::Drop(DropReason::AnswerQueueFull);
    }
    let mut buf = [0; ANSWER_LEN_MAX];
    while let Some(len) = pieces.write_next(&mut buf[PIECE_AT + l3_at..]) {
        let mut piece = Packet::new(&mut buf, PIECE_AT, l3_at + len, packet.ingress, Checksum::Verified);
        // Pieces carry the transport header of the first alone; the translator sees which that is.
        let verdict = match translate(turn, &mut piece, flow, (&recipe.other, rules)) {
            Ok(network) => {
                fast_path::through(turn, &mut piece, &Flow { network, ..*flow }, at, (recipe, None))
            }
            Err(refused) => Verdict::Drop(reason(refused)),
        };
        emit(turn, &piece, verdict, flow.came_by());
    }
    Verdict::Consume
}

/// Rewrites an ICMP error about a packet of a session between families, which leaves by the other wing's way back.
/// The flow as it is after. Spec: rfc6146-7, nat-static-13.
pub(crate) fn error<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (session, wing): (&Session, usize),
    quoted: (&Network, Ports),
) -> Result<Flow, DropReason> {
    let other = session.wings[1 - wing].key;
    let known = Ends { src: other.src(), dst: other.dst(), ports: quoted.1 };
    let src = if flow.network.src == quoted.0.dst {
        known.dst
    } else {
        let own = icmp_error::counterpart(turn, flow, (session, wing), (other.family(), known.src));
        let src = own.or_else(|| stand_in(turn, flow, (session, wing), &known));
        src.ok_or(DropReason::Nat64NoSource)?
    };
    let outer = (src, known.src);
    let rules = rules(turn, flow, session.wings[wing].egress);
    let id = identification(turn, other.family());
    packet.truncate(usize::from(flow.network.end));
    let l3_at = flow.link.l3_at;
    let done = packet.lend_datagram(usize::from(l3_at), |datagram| match other.family() {
        Family::V6 => siit::error_to_ipv6(datagram, outer, &known, &rules),
        Family::V4 => siit::error_to_ipv4(datagram, outer, &known, id, &rules),
    });
    match done.unwrap_or(Err(Refused::Malformed)) {
        Err(refused) => Err(match refused {
            Refused::BadChecksum => DropReason::BadIcmpChecksum,
            Refused::IcmpFragment => DropReason::IcmpErrorFragment,
            Refused::NestedError => DropReason::IcmpErrorNoSession,
            other => reason(other),
        }),
        Ok(done) => {
            packet.checksum = Checksum::Verified;
            let network = network(&flow.network, l3_at, outer, &done);
            Ok(Flow { network, ..*flow })
        }
    }
}

/// Who an error is from whose own source has no counterpart: its address behind the rule's prefix, else the
/// firewall's own on the way there (RFC 6791 3).
fn stand_in<R>(
    turn: &Turn<'_, R>,
    flow: &Flow,
    (session, wing): (&Session, usize),
    known: &Ends,
) -> Option<Addr> {
    let world = turn.world;
    let fixed = &world.rules.nat.fixed;
    let to = match flow.network.family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    };
    let rules = [session.destination_rule, session.nat_rule];
    let embedded = rules.into_iter().find_map(|rule| fixed.embedded(rule, flow.network.src));
    if let Some(addr) = embedded.filter(|_| to == Family::V6) {
        return Some(addr);
    }
    let instance = crate::onward::instance(&world.rules, session, wing, flow);
    match world.forwarding.lookup(instance, (to, known.src), flow.hash) {
        Path::Via { unit, .. } => world.rules.unit(unit)?.source_address(to),
        Path::Local(_) | Path::Discard | Path::Reject | Path::None => None,
    }
}

/// As what a packet dies that the translator refuses.
const fn reason(refused: Refused) -> DropReason {
    match refused {
        Refused::Expired => DropReason::TtlExpired,
        Refused::TooBig { .. } | Refused::MustFragment { .. } => DropReason::PacketTooBig,
        Refused::SourceRoute | Refused::RoutingHeader { .. } => DropReason::Nat64Header,
        Refused::IcmpFragment | Refused::TinyFragment | Refused::UdpWithoutChecksum => {
            DropReason::Nat64Fragment
        }
        Refused::NoCounterpart | Refused::Protocol => DropReason::Nat64Protocol,
        Refused::NoRoom => DropReason::TxQueueFull,
        Refused::BadChecksum => DropReason::BadIcmpChecksum,
        Refused::Malformed | Refused::NestedError | Refused::Unmappable { .. } => {
            DropReason::MalformedTransport
        }
    }
}
