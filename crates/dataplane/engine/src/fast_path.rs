//! A packet of a session: generation, TCP state, next hop, rewrite.

use ravelin_contract::CloseReason;
use ravelin_program::{Action, Interface, Rematch};
use ravelin_tcp::{Direction, End, Segment, State, Timeout, mss};
use ravelin_types::{DropReason, Family, InstanceId, PolicyId, Proto};
use ravelin_wire::{L4, TcpFlags, rewrite};

use crate::act::{self, Recipe};
use crate::explain::{Fact, NoRecorder, Recorder};
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::nat::{self, Outward, Translated, Way};
use crate::packet::Packet;
use crate::rules::{Decision, Rules};
use crate::session::{HOST_UNIT, Life, Marks, NO_POLICY, NO_RULE, Session, Ticks, WingRef};
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;
use crate::{
    alg, between, filters, first_path, mapped, onward, proxy_syn, reply, route_change, sanity, screens, tcp,
};

/// `None`: the session is no more, and the packet is to be judged as one without.
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Option<Verdict> {
    let (slot, wing) = (at.slot(), at.wing());
    let reason = must_end(turn, slot);
    if let Some(reason) = reason {
        turn.state.end(slot, reason, turn.shared, turn.now);
        return None;
    }
    let session = turn.state.sessions.get_mut(slot);
    // The same tuple from another zone is not this session's, and must not do it any harm.
    if session.wings[wing].zone != flow.zone || !sanity::is_of_wing(&flow.network, wing) {
        return None;
    }
    turn.rec.fact(Fact::SessionHit { id: session.id, reverse: wing == 1, policy: session.policy });
    if act::is_host(session.wings[wing].egress)
        && let Err(verdict) = filters::host_input(turn, packet, flow)
    {
        return Some(verdict);
    }
    let session = turn.state.sessions.get_mut(slot);
    let egress = session.wings[wing].egress;
    let is_answered = session.marks.has(Marks::ALG) && alg::ends(session, packet, flow, wing);
    if session.marks.has(Marks::SPLICED)
        && let Some(verdict) = proxy_syn::handshake(turn, packet, flow, at)
    {
        return Some(verdict);
    }
    if let Some(verdict) = check_ttl(turn, packet, flow, act::is_host(egress)) {
        return Some(verdict);
    }
    let judged = match flow.key.proto() {
        Proto::TCP => judge_tcp(turn, packet, flow, (slot, wing)),
        _ if is_answered => Judged::Last(CloseReason::ResponseReceived),
        _ => Judged::Pass,
    };
    match judged {
        Judged::Drop(reason) => return Some(Verdict::Drop(reason)),
        Judged::Anew(reason) => {
            turn.state.end(slot, reason, turn.shared, turn.now);
            return None;
        }
        Judged::Pass | Judged::Last(_) => {}
    }
    if route_change::is_lost(turn, at, flow) {
        return Some(Verdict::Drop(DropReason::NoRoute));
    }
    advance(turn, flow, slot, wing);
    let verdict = forward(turn, packet, flow, at);
    if let Judged::Last(reason) = judged {
        turn.state.end(slot, reason, turn.shared, turn.now);
    }
    Some(verdict)
}

/// Why a session can't go on with this packet.
pub(crate) fn must_end<R: Recorder>(turn: &mut Turn<'_, R>, slot: u32) -> Option<CloseReason> {
    let rules = &turn.world.rules;
    if turn.state.is_over(slot, (rules, turn.shared), turn.now) {
        return Some(CloseReason::AgedOut);
    }
    let session = turn.state.sessions.get_mut(slot);
    let generation = turn.world.judged;
    let mut is_moved = false;
    if session.generation != generation {
        let rejudged = rejudge(rules, session);
        turn.rec.fact(Fact::Rejudged { kept: !matches!(rejudged, Rejudged::Ended(_)) });
        match rejudged {
            Rejudged::Ended(reason) => return Some(reason),
            Rejudged::Moved(policy) => {
                let before = std::mem::replace(&mut session.policy, policy);
                let policies = &mut turn.state.counters.policies;
                if let Some(hits) = policies.get_mut(before.index()) {
                    hits.lose();
                }
                if let Some(hits) = policies.get_mut(policy.index()) {
                    hits.gain(turn.now);
                }
                session.marks = session.marks.with(Marks::LOG_CLOSE, false).with(Marks::LOG_UPDATE, false);
                is_moved = true;
            }
            Rejudged::Kept => {}
        }
        // What filters say of their routes may be otherwise, too. Spec: routing-instance-12.
        session.wings.iter_mut().for_each(|wing| wing.resolved_at = 0);
        let one_way = rules.refreshes_one_way(session.wings[0].zone);
        let before = session.marks;
        let policy = rules.policy(session.policy);
        session.marks = before
            .logged(policy)
            .with(Marks::COUNT, policy.is_some_and(|policy| policy.count))
            .with(Marks::ONE_WAY, one_way)
            .tracked(rules.tracking(session.wings[0].zone));
        is_moved |= session.marks.has(Marks::REPORTED) && !before.has(Marks::REPORTED);
        session.generation = generation;
        session.section_hash = rules.section_hash(session.wings[0].zone, session.wings[1].zone);
    }
    if is_moved {
        // It may have to be looked at sooner now.
        turn.state.sessions.reschedule(slot, turn.now);
    }
    None
}

/// What a session comes to when it is judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejudged {
    Kept,
    /// Another policy permits it now.
    Moved(PolicyId),
    Ended(CloseReason),
}

/// Whether a session outlives the program that judged it, by Juniper's `policy-rematch`. Spec: policy-12..13.
pub(crate) fn rejudge(rules: &Rules, session: &Session) -> Rejudged {
    for wing in &session.wings {
        if wing.ingress != HOST_UNIT {
            let unit = rules.unit(wing.ingress).filter(|u| u.enabled);
            let is_there = |u: &Interface| u.zone == Some(wing.zone) && u.instance == wing.key.instance();
            if !unit.is_some_and(is_there) {
                return Rejudged::Ended(CloseReason::InterfaceGone);
            }
        }
    }
    if session.marks.has(Marks::CHILD) {
        return alg::rejudge(rules, session.policy).map_or(Rejudged::Kept, Rejudged::Ended);
    }
    if !translated_as_ever(rules, session) {
        return Rejudged::Ended(CloseReason::NatChanged);
    }
    let [first, second] = &session.wings;
    let inner = inner_key(session);
    if act::is_host(second.ingress) {
        let icmp = first_path::icmp_of(&first.key).map(|(kind, _)| kind);
        if !rules.host_accepts(first.ingress, inner.proto(), inner.dport(), icmp) {
            return Rejudged::Ended(CloseReason::PolicyChanged);
        }
    }
    // The default policy stands in no section: what it permitted is asked for anew. That of the firewall itself is ever the same.
    let same = rules.section_hash(first.zone, second.zone) == session.section_hash;
    let is_own = act::is_host(first.ingress) || act::is_host(second.ingress);
    if same && (session.policy != NO_POLICY || is_own) {
        return Rejudged::Kept;
    }
    by_policies(rules, session, &inner)
}

/// What the policies make of a live session that may not be as they judged it.
fn by_policies(rules: &Rules, session: &Session, inner: &FlowKey) -> Rejudged {
    let [first, second] = &session.wings;
    let is_translated = first_path::is_destination_translated(&first.key, inner);
    let lets = |policy: PolicyId| rules.permits_destination(policy, is_translated);
    let tuple = first_path::tuple_of(inner, first.zone, second.zone);
    let kept = match (session.policy, rules.flow.rematch) {
        (NO_POLICY, _) | (_, Rematch::Extensive) => false,
        (own, Rematch::Off) => rules.keeps(own) && lets(own),
        (own, Rematch::On) => rules.keeps(own) && lets(own) && rules.matches(own, &tuple),
    };
    if kept {
        return Rejudged::Kept;
    }
    if session.policy != NO_POLICY && rules.flow.rematch != Rematch::Extensive {
        return Rejudged::Ended(CloseReason::PolicyChanged);
    }
    match rules.decide(&tuple, &mut NoRecorder) {
        Decision::Policy(policy, _) if policy.action == Action::Permit && lets(policy.id) => {
            if policy.id == session.policy { Rejudged::Kept } else { Rejudged::Moved(policy.id) }
        }
        Decision::Default(Action::Permit) if session.policy == NO_POLICY => Rejudged::Kept,
        Decision::Default(Action::Permit) => Rejudged::Moved(NO_POLICY),
        Decision::Policy(..) | Decision::Default(Action::Deny | Action::Reject) => {
            Rejudged::Ended(CloseReason::PolicyChanged)
        }
    }
}

/// The tuple of a session as policies see it: the destination as translated, the source as it came.
pub(crate) fn inner_key(session: &Session) -> FlowKey {
    let [first, second] = &session.wings;
    let (to, key) = ((second.key.family(), second.key.src()), &first.key);
    let from = (key.src(), key.sport());
    FlowKey::across((key.family(), key.proto()), from, to, second.key.sport()).within(key.instance())
}

/// Whether the rules still say what a session's packets are translated to. Spec: nat-source-17, nat-destination-8.
fn translated_as_ever(rules: &Rules, session: &Session) -> bool {
    let [first, second] = &session.wings;
    let icmp = first_path::icmp_of(&first.key);
    let Some((asked, addr)) = mapped::asked(rules, session) else { return false };
    if session.nat_rule == NO_RULE {
        return true;
    }
    let way = Way { from: (first.ingress, first.zone), to: (second.ingress, second.zone) };
    let Some(egress) = rules.unit(second.ingress) else { return false };
    match rules.nat.outward(way, &asked, icmp, egress) {
        Outward::Leased(action, ..) => {
            let sport = nat::leases_port(&asked, icmp).then_some(asked.sport());
            let (family, port) = (asked.dst_family(), second.key.dport());
            rules.nat.pools.may_give(action, &Translated { family, addr, port, sport }, egress)
        }
        Outward::Fixed(to, _) => to == (addr, second.key.dport()),
        Outward::Keep | Outward::Off(_) | Outward::NoAddress(_) | Outward::Refused(..) => false,
    }
}

/// What the conversation makes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Pass,
    /// It passes, and the session with it.
    Last(CloseReason),
    /// The session is over and this segment opens another.
    Anew(CloseReason),
    Drop(DropReason),
}

/// Flags and windows. Only what passes changes the session. Spec: tcp-4..41.
pub(crate) fn judge_tcp<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (slot, wing): (u32, usize),
) -> Judged {
    let Some(segment) = Segment::read(packet.bytes(), &flow.network) else { return Judged::Pass };
    let session = turn.state.sessions.get_mut(slot);
    let rules = turn.world.rules.tcp_of(session.policy);
    let marks = session.marks;
    let mut segment = segment;
    if marks.has(Marks::SPLICED) {
        segment = turn.state.splices.view(slot, wing, segment);
    }
    if marks.has(Marks::ALG) {
        segment = turn.state.gateways.view(slot, wing, segment);
    }
    let session = turn.state.sessions.get_mut(slot);
    let direction = if wing == 0 { Direction::Initial } else { Direction::Reverse };
    let was = session.tcp.state();
    let judgement = session.tcp.judge(direction, &segment, rules);
    match judgement.verdict {
        ravelin_tcp::Verdict::Pass => {}
        ravelin_tcp::Verdict::Drop(drop) => {
            if let Some(answer) = judgement.answer {
                reply::tcp_ack(turn, packet, flow, &answer);
            }
            return Judged::Drop(tcp::reason(drop));
        }
        ravelin_tcp::Verdict::StartAnew => {
            let reset = session.tcp.state() == State::Reset;
            return Judged::Anew(if reset { CloseReason::TcpRst } else { CloseReason::TcpFin });
        }
    }
    let stands = session.tcp.state();
    // Whoever takes the step: what comes now is another timeout. Spec: session-23.
    if marks.has(Marks::ONE_WAY) && stands != was && stands != State::Reset {
        session.last_seen = Ticks::at(turn.now);
    }
    let before = std::mem::replace(&mut session.state, tcp::life(stands));
    turn.state.deltas.changed((slot, session.id), before, session.state);
    let (is_silent, says) = (session.marks.has(Marks::SILENT), wing == 0 && segment.len > 0);
    if is_silent && says {
        session.marks = session.marks.with(Marks::SILENT, false);
        turn.state.holds.release_silent(slot, turn.shared);
    } else if judgement.timeout == Some(Timeout::Established) && wing == 0 && !says {
        match screens::silent(turn, flow, slot) {
            Err(reason) => return Judged::Drop(reason),
            Ok(counted) => {
                let session = turn.state.sessions.get_mut(slot);
                session.marks = session.marks.with(Marks::SILENT, counted);
            }
        }
    }
    let session = turn.state.sessions.get_mut(slot);
    if let Some(timeout) = judgement.timeout {
        session.timeout_s = rules.seconds(timeout, session.established_timeout_s);
        // The wheel goes by when it was seen last.
        session.last_seen = Ticks::at(turn.now);
        turn.state.sessions.reschedule(slot, turn.now);
    }
    match judgement.end {
        None => Judged::Pass,
        Some(End::Fin) => Judged::Last(CloseReason::TcpFin),
        Some(End::Rst) => Judged::Last(CloseReason::TcpRst),
    }
}

/// Time and counters.
pub(crate) fn advance<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, slot: u32, wing: usize) {
    let session = turn.state.sessions.get_mut(slot);
    if wing == 0 || !session.marks.has(Marks::ONE_WAY) {
        session.last_seen = Ticks::at(turn.now);
    }
    let bytes = u64::from(flow.network.end - flow.link.l3_at);
    session.packets[wing] += 1;
    session.bytes[wing] += bytes;
    if flow.key.proto() != Proto::TCP {
        let before = std::mem::replace(&mut session.state, Life::Established);
        turn.state.deltas.changed((slot, session.id), before, Life::Established);
    }
    let policy = turn.state.sessions.get(slot).counted_under();
    turn.state.count(policy, wing, bytes);
}

/// Sends a packet of a session on: to the kernel, from it, or through.
pub(crate) fn forward<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Verdict {
    forward_by(turn, packet, flow, (at, None))
}

/// [`forward`], with what the routes of an instance said of the packet when they have been asked.
pub(crate) fn forward_by<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (at, way): (WingRef, Option<&(InstanceId, Path)>),
) -> Verdict {
    let session = turn.state.sessions.get(at.slot());
    let other = session.wings[1 - at.wing()].key;
    let recipe = Recipe { wing: session.wings[at.wing()], other, way };
    let (translated, marks) = (session.is_translated(), session.marks);
    let to_host = act::is_host(recipe.wing.egress);
    if marks.has(Marks::ACROSS) {
        if marks.has(Marks::SPLICED) {
            turn.state.splices.rewrite(at, packet, &flow.network);
        }
        return between::forward(turn, packet, flow, at, &recipe);
    }
    if !flow.from_host && !to_host {
        if let Some(verdict) = check_size(turn, packet, flow, (at, &recipe)) {
            return verdict;
        }
        let l3_at = usize::from(flow.link.l3_at);
        rewrite::decrement_ttl(packet.bytes_mut(), l3_at, flow.network.family);
    }
    if translated {
        act::translate(packet, flow, &recipe);
    }
    let changed;
    let flow = match marks.changes_content() {
        false => flow,
        true => match change(turn, packet, flow, (at, marks)) {
            Err(reason) => return Verdict::Drop(reason),
            Ok(facts) => {
                changed = facts;
                &changed
            }
        },
    };
    clamp_mss(turn, packet, flow, at);
    let network = act::translated(&flow.network, &other);
    let partial = act::checksum_left(packet, &network);
    if to_host {
        return act::to_host(turn, packet, flow, partial);
    }
    if flow.from_host {
        return act::from_host(turn, packet, flow, partial);
    }
    through(turn, packet, flow, at, (&recipe, partial))
}

/// Numbers and payload as the receiver is to see them. A gateway counts as the client does: a spliced session's
/// numbers are brought to that before it, or from that behind it.
fn change<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (at, marks): (WingRef, Marks),
) -> Result<Flow, DropReason> {
    if marks.has(Marks::SPLICED) && at.wing() == 1 {
        turn.state.splices.rewrite(at, packet, &flow.network);
    }
    let facts = if marks.has(Marks::ALG) { alg::inspect(turn, packet, flow, at)? } else { *flow };
    if marks.has(Marks::SPLICED) && at.wing() == 0 {
        turn.state.splices.rewrite(at, packet, &facts.network);
    }
    Ok(facts)
}

/// Lowers the MSS that a SYN announces. Spec: tcp-42..44.
pub(crate) fn clamp_mss<R>(turn: &Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow, of: WingRef) {
    let L4::Tcp { flags, .. } = flow.network.l4 else { return };
    if !flags.has(TcpFlags::SYN) {
        return;
    }
    let policy = turn.state.sessions.get(of.slot()).policy;
    let Some(limit) = turn.world.rules.mss_of(policy, of.wing()) else { return };
    let (at, end) = (usize::from(flow.network.l4_at), usize::from(flow.network.end));
    if let Some(segment) = packet.bytes_mut().get_mut(at..end) {
        let _ = mss::clamp(segment, limit);
    }
}

/// Ends a packet that is to be forwarded and may go no further, before a session knows of it. Spec: flow-19, flow-43.
pub(crate) fn check_ttl<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    to_host: bool,
) -> Option<Verdict> {
    if flow.network.ttl > 1 || to_host || flow.from_host {
        return None;
    }
    reply::time_exceeded(turn, packet, flow);
    Some(Verdict::Drop(DropReason::TtlExpired))
}

fn check_size<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (at, recipe): (WingRef, &Recipe<'_>),
) -> Option<Verdict> {
    let unit = onward::egress(turn, flow, at, recipe)?;
    let mtu = match flow.network.family {
        Family::V4 => unit.mtu4,
        Family::V6 => unit.mtu6,
    };
    // What may be cut is cut on its way out.
    let may_be_cut = flow.network.family == Family::V4 && !flow.network.dont_fragment;
    if may_be_cut || flow.network.end - flow.link.l3_at <= mtu {
        return None;
    }
    reply::too_big(turn, packet, flow, mtu);
    Some(Verdict::Drop(DropReason::PacketTooBig))
}

/// Out of the session's egress unit; the way is looked up again when routes or neighbours changed.
pub(crate) fn through<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
    (recipe, partial): (&Recipe<'_>, Option<rewrite::Partial>),
) -> Verdict {
    let world = turn.world;
    let wing = &recipe.wing;
    if wing.resolved_at == world.forwarding.generation
        && let Some(unit) = world.rules.unit(wing.egress)
    {
        return act::send(turn, packet, flow, (unit, wing.mac), partial);
    }
    let instance = onward::instance(&world.rules, turn.state.sessions.get(at.slot()), at.wing(), flow);
    let path = onward::path(world, flow, (instance, recipe));
    let (unit, next_hop) =
        match onward::route(world, (path, recipe.other.instance()), wing.zone_beyond(turn, at)) {
            Ok(found) => found,
            Err(reason) => return Verdict::Drop(reason),
        };
    match world.forwarding.resolve(unit.id, flow.network.family, next_hop) {
        None => act::hold(turn, packet, flow, (unit, next_hop), partial),
        Some(mac) => {
            turn.rec.fact(Fact::NextHop { unit: unit.id, mac });
            act::use_next_hop(turn, unit.id, (flow.network.family, next_hop));
            let session = turn.state.sessions.get_mut(at.slot());
            let wing = &mut session.wings[at.wing()];
            wing.egress = unit.id;
            wing.mac = mac;
            wing.resolved_at = world.forwarding.generation;
            route_change::found(turn, at.slot());
            act::send(turn, packet, flow, (unit, mac), partial)
        }
    }
}

impl crate::session::Wing {
    /// The zone that packets of this wing leave to: that of the other wing.
    fn zone_beyond<R>(&self, turn: &Turn<'_, R>, at: WingRef) -> ravelin_types::ZoneId {
        turn.state.sessions.get(at.slot()).wings[1 - at.wing()].zone
    }
}
