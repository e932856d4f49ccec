//! An expected session comes: its parent's policy has permitted it already.
//!
//! One worker expects it, the one of its parent, to which the others hand what fits: no two can claim it. Spec: alg-3, alg-4.

use ravelin_contract::CloseReason;
use ravelin_program::{Gateway, LogWhen};
use ravelin_types::{DropReason, NatRuleId};

use super::{Expected, Source, any_port};
use crate::explain::{Fact, Recorder};
use crate::fast_path;
use crate::first_path::{self, Draft};
use crate::install::install;
use crate::key::FlowKey;
use crate::nat::{Outward, Way};
use crate::packet::Packet;
use crate::session::{Marks, NO_RULE, WingRef};
use crate::step::{Flow, Turn};
use crate::stub::Message;
use crate::tcp;
use crate::verdict::Verdict;

/// Opens the session of a packet that is expected. `None`: it is not.
pub(crate) fn claim<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
) -> Option<Verdict> {
    if turn.state.gateways.expected.is_empty() {
        return None;
    }
    let key = any_port(&flow.key);
    let now = turn.now;
    let found = turn.state.gateways.expected.get(&key);
    let parent = found.filter(|e| e.zone == flow.zone && e.expires > now)?.parent;
    let opened = tcp::open(packet, flow, &turn.world.rules.tcp).ok()?;
    // What a commit has ended since expects nothing.
    if let Some(reason) = fast_path::must_end(turn, parent) {
        turn.state.end(parent, reason, turn.shared, now);
        return None;
    }
    if let Some(verdict) = fast_path::check_ttl(turn, packet, flow, false) {
        return Some(verdict);
    }
    let expected = turn.state.gateways.expected.remove(&key)?;
    turn.state.tell_others(|owner| Message::Unstub { key, owner });
    let draft = match draft(turn, packet, flow, &expected) {
        Ok(draft) => Draft { tcp: opened, ..draft },
        Err(reason) => return Some(refused(turn, expected, Verdict::Drop(reason))),
    };
    match install(turn, flow, &draft) {
        Err(verdict) => Some(refused(turn, expected, verdict)),
        Ok(slot) => {
            settle(turn, slot, expected);
            Some(fast_path::forward(turn, packet, flow, WingRef::new(slot, 0)))
        }
    }
}

/// What it took goes back.
fn refused<R>(turn: &mut Turn<'_, R>, expected: Expected, verdict: Verdict) -> Verdict {
    if let Some(lease) = expected.lease {
        turn.state.leases.give_back(lease, turn.now);
    }
    match verdict {
        // It can't be made elsewhere: only here is it expected.
        Verdict::HandOver(_) => Verdict::Drop(DropReason::NatPortsExhausted),
        Verdict::Send { .. } | Verdict::Drop(_) | Verdict::Consume => verdict,
    }
}

fn draft<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    expected: &Expected,
) -> Result<Draft, DropReason> {
    let world = turn.world;
    let from = (flow.key.src(), flow.key.sport());
    let inner = FlowKey::new(flow.key.family(), flow.key.proto(), from, expected.to);
    let inner = inner.within(flow.key.instance());
    let instance = expected.instance.unwrap_or_else(|| flow.routed_by());
    let way = (instance, (inner.dst_family(), expected.to.0));
    let egress = first_path::route(turn, packet, flow, way)?;
    let to = egress.zone.filter(|zone| *zone == expected.to_zone).ok_or(DropReason::EgressNoZone)?;
    turn.rec.fact(Fact::Zones { from: flow.zone, to });
    let parent = turn.state.sessions.get(expected.parent);
    let (policy, application) = (parent.policy, parent.application);
    turn.rec.fact(Fact::SessionHit { id: parent.id, reverse: flow.zone != parent.wings[0].zone, policy });
    let source = match expected.source {
        Source::Keep => Outward::Keep,
        Source::Address(addr) => Outward::Fixed((addr, flow.key.sport()), NO_RULE),
        Source::Rules => {
            let way = Way { from: (flow.unit, flow.zone), to: (egress.id, to) };
            world.rules.nat.outward(way, &inner, None, egress)
        }
    };
    let own = world.rules.policy(policy);
    let rule: Option<NatRuleId> = None;
    Ok(Draft {
        egress: egress.id,
        way: None,
        answered_in: egress.instance,
        to_zone: to,
        policy,
        log: own.map_or(LogWhen::default(), |p| p.log),
        count: own.is_some_and(|p| p.count),
        application,
        inactivity_timeout: None,
        gateway: Gateway::Nothing,
        inner,
        rule,
        source,
        tcp: None,
        entered: None,
        turned: None,
    })
}

/// The session keeps the port; packets of both its wings come here.
fn settle<R>(turn: &mut Turn<'_, R>, slot: u32, expected: Expected) {
    let parent = turn.state.sessions.get(expected.parent).id;
    let session = turn.state.sessions.get_mut(slot);
    session.marks = session.marks.with(Marks::CHILD, true);
    let (keys, id) = (session.wings.map(|wing| wing.key), session.id);
    if let Some(control) = turn.state.gateways.control(expected.parent) {
        control.bear((slot, id));
    }
    turn.state.gateways.has_come(slot, parent);
    if let Some(lease) = expected.lease {
        session.marks = session.marks.with(Marks::LEASE, true);
        turn.state.leases.keep(slot, lease);
    }
    for key in keys {
        turn.state.tell_others(|owner| Message::Stub { key, owner });
    }
}

/// Whether a commit leaves an expected session alone: its parent's policy must still permit. Spec: alg-4.
pub(crate) fn rejudge(rules: &crate::rules::Rules, policy: ravelin_types::PolicyId) -> Option<CloseReason> {
    let permits = match policy {
        crate::session::NO_POLICY => rules.flow.default_action == ravelin_program::Action::Permit,
        own => rules.keeps(own),
    };
    (!permits).then_some(CloseReason::PolicyChanged)
}
