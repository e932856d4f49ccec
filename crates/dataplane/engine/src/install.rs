//! Making a session: port lease, device limit, both wings, or nothing of it.
//!
//! Place: the end of the first path, after permit. What was taken is given back when anything fails.

use ravelin_contract::{Event, NatEvent, NatLack, SessionEvent, TrackedMoment, TrackedSession};
use ravelin_nat::{Action, PersistentRule, Recipe, Refusal, Request};
use ravelin_tcp::{Conversation, Opened};
use ravelin_types::{Addr, DropReason, Family, NatRuleId, Proto, WorkerId};
use ravelin_wire::checksum::Delta;

use crate::explain::{Fact, Recorder};
use crate::first_path::Draft;
use crate::key::FlowKey;
use crate::nat::{self, Outward};
use crate::packet::Stage;
use crate::session::{InsertError, Life, Marks, NO_POLICY, NO_RULE, Session, Ticks, Wing};
use crate::step::{Flow, Turn};
use crate::tcp;
use crate::verdict::Verdict;
use crate::{home, mapped, screens};

/// Tries to find a leased port whose reverse wing is free.
const LEASE_TRIES: usize = 8;

/// Makes the session: port lease, device limit, both wings, or nothing of it.
pub(crate) fn install<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
) -> Result<u32, Verdict> {
    let reservation = screens::reserve(turn, flow, draft.to_zone)?;
    if !turn.shared.reserve_session() {
        return Err(Verdict::Drop(DropReason::SessionTableFull));
    }
    let entrance = mapped::enter(turn, flow, draft).map_err(|reason| {
        turn.shared.release_session();
        Verdict::Drop(reason)
    })?;
    let result = match draft.source {
        Outward::Keep | Outward::Off(_) => {
            insert(turn, flow, draft, draft.inner.reversed()).map_err(Verdict::Drop)
        }
        Outward::Refused(why, rule) => failed(turn, flow, rule, why.reason()),
        Outward::Fixed(to, rule) => match answered(turn, flow, draft, to) {
            Err(reason) => failed(turn, flow, rule, reason),
            Ok(slot) => Ok(slot),
        },
        Outward::Leased(action, rule, persistent) => {
            insert_leased(turn, flow, draft, (action, rule, persistent))
        }
        Outward::NoAddress(rule) => failed(turn, flow, rule, DropReason::NatNoAddress),
    };
    match result {
        Ok(slot) => {
            screens::keep(turn, slot, reservation);
            turn.state.keep_entrance(slot, entrance, (flow.key, None), turn.now);
        }
        Err(verdict) => {
            turn.shared.release_session();
            turn.state.give_up_entrance(entrance, flow, verdict, turn.now);
        }
    }
    result
}

/// A session whose source becomes what its worker leases.
fn insert_leased<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
    (action, rule, persistent): (Action, NatRuleId, Option<PersistentRule>),
) -> Result<u32, Verdict> {
    let family = draft.turned.map_or(draft.inner, |turned| turned.key).dst_family();
    let Some(egress) = turn.world.rules.unit(draft.egress) else {
        return failed(turn, flow, rule, DropReason::EgressDown);
    };
    let request = Request { persistent, ..draft.request(action, flow.icmp(), egress) };
    let overflow = turn.world.rules.nat.pools.overflow(&request);
    // Only who gives the pool's addresses out knows that there is none, and asks others for the overflow.
    let asked_by = overflow.map(|_| turn.state.leases.place(&request));
    let request = match overflow {
        Some(action) if flow.handed.is_some_and(|h| h.stage == Stage::Ports) => Request { action, ..request },
        Some(_) | None => request,
    };
    for _ in 0..LEASE_TRIES {
        let state = &mut *turn.state;
        let recipe = match state.leases.lease(&request, turn.now, &mut state.random) {
            Ok(recipe) => recipe,
            Err(refusal) => return refused(turn, flow, (&request, asked_by), (rule, refusal)),
        };
        let Recipe { addr, port, lease, .. } = recipe;
        let port = port.unwrap_or(draft.inner.sport());
        turn.rec.fact(Fact::Translated { family, addr, port });
        match answered(turn, flow, draft, (addr, port)) {
            Ok(slot) => {
                let session = turn.state.sessions.get_mut(slot);
                session.marks = session.marks.with(Marks::LEASE, true);
                turn.state.leases.keep(slot, lease);
                return Ok(slot);
            }
            Err(reason) => {
                turn.state.leases.give_back(lease, turn.now);
                if reason != DropReason::SessionCollision {
                    return failed(turn, flow, rule, reason);
                }
            }
        }
    }
    failed(turn, flow, rule, DropReason::SessionCollision)
}

/// Nothing is leased here: another worker may have a port, or there is none. Spec: steer-8.
fn refused<R>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    (request, asked_by): (&Request, Option<WorkerId>),
    (rule, refusal): (NatRuleId, Refusal),
) -> Result<u32, Verdict> {
    let elsewhere = match refusal {
        Refusal::PortsExhausted | Refusal::PairedAddressExhausted | Refusal::WrongWorker => {
            home::other_ports(turn, flow, request, asked_by)
        }
        _ => None,
    };
    match elsewhere {
        Some(over) => Err(Verdict::HandOver(over)),
        None => given_up(turn, flow, rule, (nat::reason(refusal), nat::lack(refusal))),
    }
}

fn failed<R>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    rule: NatRuleId,
    reason: DropReason,
) -> Result<u32, Verdict> {
    let lack = if reason == DropReason::NatAddressesExhausted { NatLack::Addresses } else { NatLack::Ports };
    given_up(turn, flow, rule, (reason, lack))
}

fn given_up<R>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    rule: NatRuleId,
    (reason, lack): (DropReason, NatLack),
) -> Result<u32, Verdict> {
    use DropReason::{NatAddressesExhausted, NatPortsExhausted};
    if matches!(reason, NatPortsExhausted | NatAddressesExhausted) {
        let exhausted =
            NatEvent::Exhausted { rule, key: flow.key.to_session_key(), interface: flow.unit, lack };
        turn.state.events.exhausted(turn.now, exhausted);
    }
    if let Some(hits) = turn.state.counters.nat_rules.get_mut(rule.index()) {
        hits.failed += 1;
    }
    Err(Verdict::Drop(reason))
}

/// A session whose packets leave from `source`.
fn answered<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
    source: (Addr, u16),
) -> Result<u32, DropReason> {
    let back = draft.answers(&turn.world.rules.nat, source).ok_or(DropReason::Nat64NoSource)?;
    insert(turn, flow, draft, back)
}

fn insert<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
    back: FlowKey,
) -> Result<u32, DropReason> {
    let session = build(turn, flow, draft, back.within(draft.answered_in));
    let slot = match turn.state.sessions.insert_hashed(&session, flow.hash, turn.now) {
        Ok(slot) => slot,
        Err(InsertError::Full) => return Err(DropReason::SessionTableFull),
        Err(InsertError::Collision) => return Err(DropReason::SessionCollision),
    };
    turn.rec.fact(Fact::SessionCreated { id: session.id });
    turn.state.counters.sessions_created += 1;
    turn.state.deltas.opened(slot, session.id);
    for rule in [session.nat_rule, session.destination_rule] {
        if let Some(hits) = turn.state.counters.nat_rules.get_mut(rule.index()) {
            hits.sessions += 1;
        }
    }
    if draft.policy != NO_POLICY
        && let Some(hits) = turn.state.counters.policies.get_mut(draft.policy.index())
    {
        hits.gain(turn.now);
    }
    turn.state.count(session.counted_under(), 0, session.bytes[0]);
    let tracked = turn.world.rules.tracking(flow.zone).is_some_and(|tracking| tracking.create);
    if tracked {
        let view = session.view(turn.state.worker, Ticks::at(turn.now));
        turn.state.events.push(Event::Tracked(TrackedSession { view, moment: TrackedMoment::Opened }));
    }
    if draft.log.init {
        let view = session.view(turn.state.worker, Ticks::at(turn.now));
        turn.state.events.push(Event::Session(SessionEvent { view, close: None }));
    }
    Ok(slot)
}

fn build<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, draft: &Draft, back: FlowKey) -> Session {
    let settings = &turn.world.rules.flow;
    let home = mapped::home(flow, turn.state.worker);
    let proto = flow.key.proto();
    let established = draft.inactivity_timeout.unwrap_or(settings.timeout_of(proto));
    let (tcp, timeout) = match draft.tcp {
        Some(Opened { conversation, timeout }) => (conversation, timeout),
        None => (Conversation::NONE, tcp::SETTLED),
    };
    let now = Ticks::at(turn.now);
    let mut session = Session {
        last_seen: now,
        created: now,
        timeout_s: turn.world.rules.tcp_of(draft.policy).seconds(timeout, established),
        established_timeout_s: established,
        generation: turn.world.judged,
        section_hash: turn.world.rules.section_hash(flow.zone, draft.to_zone),
        policy: draft.policy,
        nat_rule: match draft.source {
            Outward::Leased(_, rule, _) | Outward::Fixed(_, rule) => rule,
            Outward::Keep | Outward::Off(_) | Outward::NoAddress(_) | Outward::Refused(..) => NO_RULE,
        },
        destination_rule: draft.rule.filter(|_| draft.inner != flow.key).unwrap_or(NO_RULE),
        application: draft.application,
        id: turn.state.new_session_id(),
        tcp,
        state: draft.tcp.map_or(Life::Opening, |opened| tcp::life(opened.conversation.state())),
        marks: Marks::default()
            .with(Marks::LOG_CLOSE, draft.log.close)
            .with(Marks::LOG_UPDATE, draft.log.update != 0)
            .with(Marks::COUNT, draft.count)
            .with(Marks::ACROSS, draft.inner.is_across())
            .with(Marks::ONE_WAY, turn.world.rules.refreshes_one_way(flow.zone))
            .tracked(turn.world.rules.tracking(flow.zone))
            .with(Marks::ENTERED, draft.entered.is_some() && home.is_none())
            .with(Marks::GUEST, draft.entered.is_some() && home.is_some()),
        ..Session::EMPTY
    };
    session.packets[0] = 1;
    session.bytes[0] = u64::from(flow.network.end - flow.link.l3_at);
    session.wings = wings(flow, draft, back);
    session
}

fn wings(flow: &Flow, draft: &Draft, back: FlowKey) -> [Wing; 2] {
    let forward =
        Wing { key: flow.key, egress: draft.egress, ingress: flow.ingress(), zone: flow.zone, ..Wing::EMPTY };
    let backward =
        Wing { key: back, egress: flow.ingress(), ingress: draft.egress, zone: draft.to_zone, ..Wing::EMPTY };
    [with_deltas(forward, &back), with_deltas(backward, &flow.key)]
}

/// The checksum changes of a wing, from its own key to the other's turned round.
pub(crate) fn with_deltas(wing: Wing, other: &FlowKey) -> Wing {
    let (key, new) = (&wing.key, other.reversed());
    if key.family() != new.family() {
        // Written anew, not changed by a difference.
        return wing;
    }
    if key.is_same_tuple(&new) {
        return wing;
    }
    let family = key.family();
    let l3 = Delta::address(family, key.src(), new.src()).and(Delta::address(family, key.dst(), new.dst()));
    let ports = Delta::word(key.sport(), new.sport()).and(Delta::word(key.dport(), new.dport()));
    // ICMP has no pseudo-header (RFC 792); ICMPv6 has one (RFC 4443 2.3).
    let l4 = match key.proto() {
        Proto::ICMP => ports,
        _ => l3.and(ports),
    };
    let l3_delta = if family == Family::V4 { l3 } else { Delta::default() };
    Wing { l3_delta, l4_delta: l4, ..wing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::InstanceId;

    /// A difference of nothing is nothing: added as the other zero it would turn a checksum field of all ones round.
    #[test]
    fn a_wing_whose_packets_stay_as_they_are_changes_no_checksum() {
        let [src, dst, outside] = [2, 3, 4].map(|n| Addr::v4([10, 0, 0, n]));
        let key = FlowKey::new(Family::V4, Proto::UDP, (src, 5), (dst, 53));
        let deltas = |back: FlowKey| {
            let wing = with_deltas(Wing { key, ..Wing::EMPTY }, &back);
            (wing.l3_delta, wing.l4_delta)
        };
        let none = (Delta::default(), Delta::default());
        assert_eq!(deltas(key.reversed()), none);
        assert_eq!(deltas(key.reversed().within(InstanceId(3))), none);
        let two = Delta::word(2, 4);
        assert_eq!(deltas(key.answers((outside, 5))), (two, two.and(Delta::word(5, 5))));
        assert_eq!(deltas(key.answers((outside, 7))), (two, two.and(Delta::word(5, 7))));
    }
}
