//! Packets that come in by a persistent mapping.
//!
//! Junos: `persistent-nat`. Place: first path, behind destination NAT and before the packet is found to be local; the policy
//! judges them like any other. State: the mappings, at the worker that leased. Spec: nat-persistent-1..18.

use ravelin_nat::{Inbound, Lease, Refusal};
use ravelin_types::{Addr, DropReason, Instant, WorkerId};

use crate::first_path::Draft;
use crate::guest;
use crate::key::FlowKey;
use crate::nat::{self, Inward};
use crate::packet::{Entered, Handed, Stage};
use crate::rules::Rules;
use crate::session::{NO_RULE, Session};
use crate::state::State;
use crate::steer::HandOver;
use crate::step::{Flow, Turn};
use crate::stub::Message;
use crate::verdict::Verdict;
use crate::{fast_path, first_path};

/// What lets a new session in.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// It needs nothing to.
    Open,
    /// A mapping of this worker.
    Here(Lease),
    /// A mapping of another one, which counts it already.
    Elsewhere(WorkerId),
}

/// Where a packet to a mapped endpoint goes; one to any other is as it was. `Err`: it is another worker's to
/// say, or the mapping does not let it in.
pub(crate) fn seek<R>(turn: &Turn<'_, R>, flow: &Flow, inward: Inward) -> Result<Inward, Verdict> {
    if !turn.world.rules.nat.is_persistent {
        return Ok(inward);
    }
    let key = &inward.key;
    let packet = nat::inbound(key);
    // The mapping's worker has said already.
    if let Some(Entered { family, addr, port, .. }) = flow.handed.and_then(|h| h.entered) {
        return Ok(inward.entering(packet, family, addr, Some(port)));
    }
    let state = &turn.state;
    let Some(owner) = state.leases.owner((key.dst_family(), key.dst()), key.dport()) else {
        return Ok(inward);
    };
    // Whoever was asked already is the one to say.
    let asked = flow.handed.is_some_and(|h| matches!(h.stage, Stage::Home | Stage::Ports));
    if let Some(over) = state.steering.to(owner, Stage::Home, flow.handed).filter(|_| !asked) {
        return Err(Verdict::HandOver(over));
    }
    match state.leases.seek(&packet, turn.now) {
        Ok((family, addr, port)) => Ok(inward.entering(packet, family, addr, port)),
        Err(Refusal::NoMapping) => Ok(inward),
        Err(refusal) => Err(Verdict::Drop(nat::reason(refusal))),
    }
}

/// The worker of the mapping that a packet comes in by, when it is another.
pub(crate) fn home(flow: &Flow, own: WorkerId) -> Option<WorkerId> {
    flow.handed.and_then(|h| h.entered).map(|entered| entered.home).filter(|home| *home != own)
}

/// Counts a session in with the mapping that it comes by, if any.
pub(crate) fn enter<R>(turn: &mut Turn<'_, R>, flow: &Flow, draft: &Draft) -> Result<Entrance, DropReason> {
    let Some(packet) = &draft.entered else { return Ok(Entrance::Open) };
    let state = &mut *turn.state;
    match home(flow, state.worker) {
        Some(_) if state.away.is_full() => Err(DropReason::NatTableFull),
        Some(home) => Ok(Entrance::Elsewhere(home)),
        None => state.leases.enter(packet, turn.now).map(Entrance::Here).map_err(nat::reason),
    }
}

/// Sends a packet on to the worker that will have its session. A mapping of ours that lets it in counts the session from now on.
pub(crate) fn send_on<R>(turn: &mut Turn<'_, R>, flow: &Flow, draft: &Draft, over: HandOver) -> Verdict {
    let Some(packet) = draft.entered.as_ref().filter(|_| over.handed.entered.is_none()) else {
        return Verdict::HandOver(over);
    };
    let state = &mut *turn.state;
    if !state.guests.is_known(&flow.key, over.to) {
        if state.guests.is_full() {
            return Verdict::Drop(DropReason::NatTableFull);
        }
        let lease = match state.leases.enter(packet, turn.now) {
            Err(refusal) => return Verdict::Drop(nat::reason(refusal)),
            Ok(lease) => lease,
        };
        if let Err(lease) = state.guests.insert(flow.key, over.to, lease) {
            // One with this key has just left; its place is free with the next step.
            state.leases.give_back(lease, turn.now);
            return Verdict::Drop(DropReason::SessionCollision);
        }
    }
    let (family, addr, port) = (draft.inner.dst_family(), draft.inner.dst(), draft.inner.dport());
    let entered = Some(Entered { home: state.worker, family, addr, port });
    Verdict::HandOver(HandOver { handed: Handed { entered, ..over.handed }, ..over })
}

/// The external end that a session which a mapping let in was sent to.
pub(crate) fn entrance(rules: &Rules, session: &Session) -> Inbound {
    let first = &session.wings[0];
    let icmp = first_path::icmp_of(&first.key);
    nat::inbound(&rules.nat.inward((first.ingress, first.zone), &first.key, icmp).key)
}

/// A session's tuple as source rules see it, and its source as they gave it. `None`: the rules send it elsewhere now.
pub(crate) fn asked(rules: &Rules, session: &Session) -> Option<(FlowKey, Addr)> {
    let [first, second] = &session.wings;
    let inner = fast_path::inner_key(session);
    let as_given = Some((inner, second.key.dst()));
    if session.destination_rule == NO_RULE {
        return as_given;
    }
    let icmp = first_path::icmp_of(&first.key);
    let inward = rules.nat.inward((first.ingress, first.zone), &first.key, icmp);
    if !session.has_entered() {
        return as_given.filter(|_| inward.key == inner);
    }
    // Where a mapping leads to is the mapping's to say, and it lives as long as its sessions.
    let rule = inward.rule.filter(|rule| *rule == session.destination_rule)?;
    if inward.key.is_across() && !inner.is_across() {
        return Some((inward.key, rules.nat.fixed.held(rule, second.key.dst())?));
    }
    as_given
}

impl State {
    /// The session in this slot was let in. `moved`: by a mapping that has not counted it, by this packet.
    pub(crate) fn keep_entrance(
        &mut self,
        slot: u32,
        entrance: Entrance,
        (key, moved): (FlowKey, Option<Inbound>),
        now: Instant,
    ) {
        let owner = self.worker;
        match entrance {
            Entrance::Open => {}
            Entrance::Here(lease) => self.leases.keep_entry(slot, lease),
            Entrance::Elsewhere(home) => {
                self.away.insert(slot, (key, home), moved, now);
                self.outbox.push(home, guest::said(key, owner, moved));
            }
        }
    }

    /// Another worker has taken in a session that a mapping of this one let in. One that the mapping has no room for is
    /// not counted: it lives already.
    pub(crate) fn count_moved(&mut self, key: FlowKey, owner: WorkerId, packet: &Inbound) {
        let now = self.guests.now();
        if !self.guests.is_known(&key, owner)
            && !self.guests.is_full()
            && let Ok(lease) = self.leases.enter(packet, now)
            && let Err(lease) = self.guests.insert(key, owner, lease)
        {
            self.leases.give_back(lease, now);
        }
        self.guests.receive(Message::Made { key, owner });
    }

    /// Of a session that was not made. When another worker is tried for it, its mapping still counts it.
    pub(crate) fn give_up_entrance(
        &mut self,
        entrance: Entrance,
        flow: &Flow,
        verdict: Verdict,
        now: Instant,
    ) {
        match entrance {
            Entrance::Open => {}
            Entrance::Here(lease) => self.leases.give_back(lease, now),
            Entrance::Elsewhere(_) if matches!(verdict, Verdict::HandOver(_)) => {}
            Entrance::Elsewhere(home) => {
                self.outbox.push(home, Message::Left { key: flow.key, owner: self.worker });
            }
        }
    }
}
