//! Express path: packets of standing sessions that nothing but their session, filters and screens have a say in.
//!
//! A shortcut and nothing else: what it does to a packet, a session and the counters is what the whole path would do, and
//! whatever is out of the ordinary is left to that, untouched (sim/tests/express compares the two). Place: beside
//! classify and the fast path. State: none. Spec: flow-29.

mod gates;

use ravelin_filter::Marks;
use ravelin_tcp::{Conversation, Direction, Extent, Segment};
use ravelin_types::{Addr, DropReason, Family, InterfaceId, Mac, Proto, ZoneId};
use ravelin_wire::rewrite::{self, Partial, Translation};
use ravelin_wire::{ETHERNET_LEN, LinkHead, Plain, TcpFlags, VLAN_LEN, ethertype};

use crate::explain::Recorder;
use crate::key::FlowKey;
use crate::packet::{Checksum, Packet};
use crate::rules::Rules;
use crate::session::{HOST_UNIT, Life, Session, Wing, WingRef};
use crate::step::{Flow, Link, Turn, account};
use crate::verdict::{Egress, Verdict};
use crate::{act, filters, screens, tcp};
use gates::Exit;
pub(crate) use gates::{Entrance, Gates, entrance};

/// Where the flags are in a TCP header.
const TCP_FLAGS_AT: usize = 13;

/// A packet that may go this way, if its session is one that lets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Express {
    pub key: FlowKey,
    /// Whose packet it seems to be.
    pub hint: Option<WingRef>,
    /// What the filter where it came in made of it, if one stands there.
    pub marks: Option<Marks>,
    unit: InterfaceId,
    zone: ZoneId,
    l3_at: u16,
    l4_at: u16,
    end: u16,
    screened: bool,
}

impl Express {
    /// The unit it came by.
    pub(crate) const fn key(&self) -> &FlowKey {
        &self.key
    }

    pub(crate) const fn unit(&self) -> InterfaceId {
        self.unit
    }

    pub(crate) const NONE: Self = Self {
        key: FlowKey::EMPTY,
        hint: None,
        marks: None,
        unit: HOST_UNIT,
        zone: ZoneId::HOST,
        l3_at: 0,
        l4_at: 0,
        end: 0,
        screened: false,
    };
}

/// What a first look at a packet finds.
pub(crate) enum Looked {
    /// It may go the short way; the hash of its key.
    Short(u64),
    /// A filter ended it.
    Ended(Verdict),
    /// It is to be taken apart in full.
    Unknown,
}

/// Whether a packet may go the short way; then `express` is filled in.
#[inline(always)]
pub(crate) fn look<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    express: &mut Express,
) -> Looked {
    match short(turn, packet, express) {
        Some(Ok(hash)) => Looked::Short(hash),
        Some(Err(verdict)) => Looked::Ended(verdict),
        None => Looked::Unknown,
    }
}

#[inline(always)]
fn short<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    express: &mut Express,
) -> Option<Result<u64, Verdict>> {
    if R::ON {
        return None;
    }
    let frame = packet.bytes();
    let link = LinkHead::read(frame)?;
    // What follows is compiled for either family.
    match link.kind {
        ethertype::IPV4 => eligible(turn, packet, Plain::ipv4(frame, &link)?, express),
        ethertype::IPV6 => eligible(turn, packet, Plain::ipv6(frame, &link)?, express),
        _ => None,
    }
}

/// The same of a packet that is plain.
#[inline(always)]
fn eligible<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    plain: Plain,
    express: &mut Express,
) -> Option<Result<u64, Verdict>> {
    let Plain { family, src, dst, ttl, .. } = plain;
    let (unit, entrance) = entrance(turn, packet, (plain.station, plain.vlan, family))?;
    if ttl <= 1 || !are_ordinary(family, (src, dst)) {
        return None;
    }
    express.marks = None;
    if entrance.has(Entrance::FILTERED) {
        match filter(turn, packet, unit, plain)? {
            Ok(marks) => express.marks = Some(marks),
            Err(verdict) => return Some(Err(verdict)),
        }
    }
    let key = FlowKey::new(plain.family, plain.proto, (plain.src, plain.sport), (plain.dst, plain.dport));
    let key = key.within(entrance.instance);
    express.key = key;
    let hash = turn.state.sessions.hash_of(family, &key);
    express.hint = None;
    express.unit = unit;
    express.zone = entrance.zone;
    express.l3_at = plain.l3_at;
    express.l4_at = plain.l4_at;
    express.end = plain.end;
    express.screened = entrance.has(Entrance::SCREENED);
    Some(Ok(hash))
}

/// What the filter of a unit makes of a packet, which is asked once. `None`: nobody was asked.
#[inline(never)]
fn filter<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    unit: InterfaceId,
    plain: Plain,
) -> Option<Result<Marks, Verdict>> {
    let unit = turn.world.rules.unit(unit)?;
    let (link, network) = (link_of(packet, plain.l3_at)?, plain.network(packet.bytes()));
    let passed = filters::input(turn, packet, unit, (&link, &network));
    if passed.is_err() {
        turn.state.counters.received(unit.id, packet.len());
    }
    Some(passed)
}

fn link_of(packet: &Packet<'_>, l3_at: u16) -> Option<Link> {
    let (dst_mac, rest) = packet.bytes().split_first_chunk::<6>()?;
    Some(Link { dst_mac: Mac(*dst_mac), src_mac: Mac(*rest.first_chunk::<6>()?), l3_at })
}

/// By the first octet of an IPv4 address: 0.0.0.0/8 and 127.0.0.0/8 aside, up to the multicast addresses.
static ORDINARY: [bool; 256] = {
    let (mut ordinary, mut first) = ([false; 256], 1);
    while first < 224 {
        ordinary[first] = first != 127;
        first += 1;
    }
    ordinary
};

/// Two ordinary addresses: stricter than what the whole path lets pass, which judges the others.
#[inline(always)]
pub(crate) fn are_ordinary(family: Family, (src, dst): (Addr, Addr)) -> bool {
    let ordinary = |addr: Addr| match family {
        Family::V4 => ORDINARY[addr.low32() as usize >> 24],
        Family::V6 => addr.0 > 1 && !addr.is_multicast(family),
    };
    src != dst && ordinary(src) && ordinary(dst)
}

/// The packet through its session, counted and told. `None`: it goes the whole way; nothing has changed.
#[inline(always)]
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    (express, hash): (&Express, u64),
) -> Option<()> {
    let at = express.hint?;
    let (world, now) = (turn.world, turn.ticks);
    let session = turn.state.sessions.get(at.slot());
    let mine = &session.wings[at.wing()];
    let valid = mine.key == express.key
        && mine.zone == express.zone
        && mine.resolved_at == world.forwarding.generation
        && session.generation == world.judged
        && session.is_plain()
        && (session.last_seen == now || !session.is_over(now));
    if !valid {
        return None;
    }
    let exit = world.rules.gates.exit(mine.egress)?;
    let (family, proto) = (express.key.family(), express.key.proto());
    let bytes = express.end - express.l3_at;
    if bytes > exit.mtu(family) || !exit.is_open((world, turn.shared), turn.now) {
        return None;
    }
    if express.screened || exit.watched {
        return watched(
            turn,
            packet,
            (express, hash),
            &Passage { at, family, life: Life::Established, exit },
        );
    }
    let mut life = Life::Established;
    if proto == Proto::TCP {
        let session = turn.state.sessions.get_mut(at.slot());
        let conversation = continued(packet, express, (session, at.wing()), &world.rules)?;
        life = tcp::life(conversation.state());
        session.tcp = conversation;
    }
    turn.state.counters.received(express.unit, packet.len());
    // Compiled for either family.
    match family {
        Family::V4 => pass(turn, packet, (express, None), &Passage { at, family: Family::V4, life, exit }),
        Family::V6 => pass(turn, packet, (express, None), &Passage { at, family: Family::V6, life, exit }),
    }
    Some(())
}

/// A packet that nothing keeps from its session's way but screens and the filter there.
struct Passage<'w> {
    at: WingRef,
    family: Family,
    /// Its session's, behind this packet.
    life: Life,
    exit: &'w Exit,
}

/// Through screens and a filter, which look at the flow. `None`: as above.
#[inline(never)]
fn watched<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    (express, hash): (&Express, u64),
    passage: &Passage<'_>,
) -> Option<()> {
    let Passage { at, family, exit, .. } = *passage;
    let mut conversation = None;
    if express.key.proto() == Proto::TCP {
        let session = turn.state.sessions.get(at.slot());
        conversation = Some(continued(packet, express, (session, at.wing()), &turn.world.rules)?);
    }
    let flow = flow_of(packet, (express, hash))?;
    turn.state.counters.received(express.unit, packet.len());
    if let Err(verdict) = screens::fast(turn, packet, &flow, at) {
        ended(turn, packet, Some(&flow), verdict);
        return Some(());
    }
    let mut life = Life::Established;
    if let Some(conversation) = conversation {
        life = tcp::life(conversation.state());
        turn.state.sessions.get_mut(at.slot()).tcp = conversation;
    }
    pass(turn, packet, (express, Some(&flow)), &Passage { at, family, life, exit });
    Some(())
}

/// Through its session and out. `flow`: of a packet that is watched.
#[inline(always)]
fn pass<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    (express, flow): (&Express, Option<&Flow>),
    passage: &Passage<'_>,
) {
    let Passage { at, family, life, exit } = *passage;
    let (state, wing) = (&mut *turn.state, at.wing());
    let session = state.sessions.get_mut(at.slot());
    let before = std::mem::replace(&mut session.state, life);
    if before != life {
        state.deltas.changed((at.slot(), session.id), before, life);
    }
    let bytes = u64::from(express.end - express.l3_at);
    session.last_seen = turn.ticks;
    session.packets[wing] += 1;
    session.bytes[wing] += bytes;
    if let Some(policy) = session.counted_under()
        && let Some(hits) = state.counters.policies.get_mut(policy.index())
    {
        hits.passed(wing, bytes);
    }
    let (mine, other) = (&session.wings[wing], &session.wings[1 - wing].key);
    let (unit, mac) = (mine.egress, mine.mac);
    let partial = rewritten(packet, (express, family), (mine, other));
    if let Some(flow) = flow
        && let Err(verdict) = leaves(turn, packet, flow, (exit, unit))
    {
        kept(turn, at, bytes);
        return ended(turn, packet, Some(flow), verdict);
    }
    packet.truncate(usize::from(express.end));
    let Some(by) = dress(packet, usize::from(express.l3_at), exit, (mac, family)) else {
        kept(turn, at, bytes);
        return ended(turn, packet, flow, Verdict::Drop(DropReason::TxQueueFull));
    };
    turn.state.counters.sent(unit, packet.len());
    let partial = if by == 0 { partial } else { act::moved(partial, by) };
    let egress = Egress::Port(exit.port);
    turn.out.verdicts.push(Verdict::Send { egress, unit, partial });
}

/// The conversation behind a segment that carries it on. `None`: the whole path judges it.
#[inline(always)]
fn continued(
    packet: &Packet<'_>,
    express: &Express,
    (session, wing): (&Session, usize),
    rules: &Rules,
) -> Option<Conversation> {
    let segment = packet.bytes().get(usize::from(express.l4_at)..usize::from(express.end))?;
    if TcpFlags(*segment.get(TCP_FLAGS_AT)?).has(TcpFlags::SYN) {
        return None;
    }
    let segment = Segment::of(segment, Extent::Whole)?;
    let direction = if wing == 0 { Direction::Initial } else { Direction::Reverse };
    let mut after = session.tcp;
    after.judge(direction, &segment, rules.tcp_of(session.policy)).is_plain().then_some(after)
}

/// The packet that its policy has counted does not leave. Spec: policy-28.
#[cold]
#[inline(never)]
fn kept<R>(turn: &mut Turn<'_, R>, at: WingRef, bytes: u64) {
    if let Some(policy) = turn.state.sessions.get(at.slot()).counted_under()
        && let Some(hits) = turn.state.counters.policies.get_mut(policy.index())
    {
        hits.kept(at.wing(), bytes);
    }
}

/// The packet has another end than its way out.
#[cold]
#[inline(never)]
fn ended<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: Option<&Flow>, verdict: Verdict) {
    account(turn, packet, flow, verdict);
    turn.out.verdicts.push(verdict);
}

/// The flow of a packet that has no session to go the short way by: what `look` found of it is not looked for again. None
/// of these came by a link to the other node, whose port has no units. Spec: contract-29.
pub(crate) fn flow<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    known: (&Express, u64),
) -> Option<Flow> {
    let flow = flow_of(packet, known)?;
    turn.state.counters.received(flow.unit, packet.len());
    Some(flow)
}

/// The packet as the whole path sees it.
#[inline(never)]
fn flow_of(packet: &Packet<'_>, (express, hash): (&Express, u64)) -> Option<Flow> {
    let Express { key, l3_at, l4_at, end, .. } = *express;
    let frame = packet.bytes();
    let ttl_at = if key.family() == Family::V4 { 8 } else { 7 };
    let plain = Plain {
        station: 0,
        vlan: None,
        family: key.family(),
        proto: key.proto(),
        ttl: *frame.get(usize::from(l3_at) + ttl_at)?,
        l3_at,
        l4_at,
        end,
        src: key.src(),
        dst: key.dst(),
        sport: key.sport(),
        dport: key.dport(),
    };
    Some(Flow {
        link: link_of(packet, l3_at)?,
        network: plain.network(frame),
        unit: express.unit,
        zone: express.zone,
        from_host: false,
        key: express.key,
        hash,
        handed: None,
        marks: express.marks.unwrap_or_default(),
        proven: false,
        screened: None,
    })
}

/// Translated, one hop further; what the sender still has to finish.
#[inline(always)]
fn rewritten(
    packet: &mut Packet<'_>,
    (express, family): (&Express, Family),
    (mine, other): (&Wing, &FlowKey),
) -> Option<Partial> {
    let proto = express.key.proto();
    let frame = packet.bytes_mut();
    let l3_at = usize::from(express.l3_at);
    if mine.key.is_answered_by(other) {
        rewrite::decrement_ttl(frame, l3_at, family);
    } else {
        let Wing { l3_delta, l4_delta, .. } = *mine;
        let (src, dst, sport, dport) = (other.dst(), other.src(), other.dport(), other.sport());
        let to = Translation { src, dst, sport, dport, l3_delta, l4_delta };
        rewrite::forward(frame, l3_at, (family, proto), &to);
    }
    match packet.checksum {
        Checksum::Verified | Checksum::Unverified => None,
        Checksum::Partial(_) | Checksum::Unknown => {
            let span = (express.l4_at, express.end);
            rewrite::prepare_whole(packet.bytes_mut(), (family, proto), (other.dst(), other.src()), span)
        }
    }
}

/// Through the filter of the unit that it leaves by, if one stands there.
fn leaves<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (exit, unit): (&Exit, InterfaceId),
) -> Result<(), Verdict> {
    match turn.world.rules.unit(unit).filter(|_| exit.filtered) {
        Some(unit) => filters::output(turn, packet, flow, unit).map(|_| ()),
        None => Ok(()),
    }
}

/// The link header; how far the network header moved. `None`: no room.
#[inline(always)]
fn dress(packet: &mut Packet<'_>, l3_at: usize, exit: &Exit, (mac, family): (Mac, Family)) -> Option<isize> {
    let len = if exit.vlan.is_some() { ETHERNET_LEN + VLAN_LEN } else { ETHERNET_LEN };
    if len != l3_at || exit.vlan.is_some() {
        let kind = match family {
            Family::V4 => ethertype::IPV4,
            Family::V6 => ethertype::IPV6,
        };
        return act::link_header(packet, l3_at, (exit.mac, mac), exit.vlan, kind);
    }
    let link = packet.bytes_mut().first_chunk_mut::<12>()?;
    link[..6].copy_from_slice(&mac.0);
    link[6..].copy_from_slice(&exit.mac.0);
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanity;
    use ravelin_wire::build::{self, Ip, Payload};

    /// What is ordinary is not asked of the whole path again, also not when it turns out to have no session.
    #[test]
    fn ordinary_addresses_are_some_of_those_that_the_whole_path_lets_pass() {
        let passes = |src, dst| {
            let frame = build::frame(&Ip::new(Family::V4, src, dst), &Payload::udp(1, 2, b""));
            let network = ravelin_wire::parse(&frame).expect("a frame").network.expect("a datagram");
            sanity::check_addresses(&network).is_ok()
        };
        let host = Addr::v4([10, 0, 0, 1]);
        for first in 0..=255u8 {
            let addr = Addr::v4([first, 1, 2, 3]);
            let ordinary = (1..224).contains(&first) && first != 127;
            for (src, dst) in [(addr, host), (host, addr)] {
                assert_eq!(are_ordinary(Family::V4, (src, dst)), ordinary, "{first}");
                assert!(!ordinary || passes(src, dst), "{first}");
            }
        }
        assert!(!are_ordinary(Family::V4, (host, host)));
    }
}
