//! Where a new session lives, when there are several workers.
//!
//! Place: first path, between the verdict and the install. Spec: steer-6..8.

use ravelin_nat::Request;
use ravelin_types::WorkerId;

use crate::first_path::Draft;
use crate::nat::Outward;
use crate::packet::Stage;
use crate::rules::Rules;
use crate::state::State;
use crate::steer::{HandOver, Towards};
use crate::step::{Flow, Turn};
use crate::stub::Message;

/// Whose the session will be, when not ours: the worker that must lease for it; where the translation leaves
/// no choice of port, the owner of its answers; else the tuple's owner. Nothing has been counted or taken yet.
pub(crate) fn elsewhere<R>(turn: &Turn<'_, R>, flow: &Flow, draft: &Draft) -> Option<HandOver> {
    let (steering, rules) = (&turn.state.steering, &turn.world.rules);
    if steering.is_alone() || flow.handed.is_some_and(|h| h.stage == Stage::Ports) {
        return None;
    }
    let has_entered = draft.entered.is_some();
    let owner = match draft.source {
        Outward::Leased(action, _, persistent) => {
            let request = draft.request(action, flow.icmp(), rules.unit(draft.egress)?);
            let request = Request { persistent, ..request };
            let placed = turn.state.leases.place(&request);
            let is_sent_home = flow.handed.is_some_and(|h| h.stage == Stage::Home);
            if placed != steering.worker() || is_sent_home || has_entered {
                placed
            } else {
                steering.of_key(rules, &flow.key, Towards::In)
            }
        }
        // One that came in by a mapping and has nothing leased lives where that is.
        _ if has_entered => return None,
        Outward::Fixed((addr, port), _) => {
            let back = draft.answers(&rules.nat, (addr, port))?;
            steering.of_key(rules, &back, draft.answers_come())
        }
        Outward::Keep | Outward::Off(_) | Outward::NoAddress(_) | Outward::Refused(..) => {
            let back = draft.inner.reversed().within(draft.answered_in);
            steering.of_key(rules, &back, draft.answers_come())
        }
    };
    steering.to(owner, Stage::Home, flow.handed)
}

/// Who may have a port left when our block has none: every other worker in turn, beginning after the tuple's
/// owner, until that is reached again; of an overflow after `asked_by`, who knows that there is need of it.
pub(crate) fn other_ports<R>(
    turn: &Turn<'_, R>,
    flow: &Flow,
    request: &Request,
    asked_by: Option<WorkerId>,
) -> Option<HandOver> {
    let (steering, rules) = (&turn.state.steering, &turn.world.rules);
    if steering.is_alone() || (asked_by.is_none() && !rules.nat.pools.is_anyones(request)) {
        return None;
    }
    let first = asked_by.unwrap_or_else(|| steering.of_key(rules, &flow.key, Towards::In));
    let searching = flow.handed.is_some_and(|h| h.stage == Stage::Ports);
    let after_first = steering.after(first);
    let next = if searching || after_first == steering.worker() {
        steering.after(steering.worker())
    } else {
        after_first
    };
    if next == first { None } else { steering.to(next, Stage::Ports, flow.handed) }
}

/// Tells the tuple's owner that the session lives here; of one that came in by a mapping its answers' owner, since
/// answers need no policy.
pub(crate) fn leave_stub(state: &mut State, rules: &Rules, slot: u32) {
    if state.steering.is_alone() {
        return;
    }
    let session = state.sessions.get_mut(slot);
    let key = *session.stubbed_key();
    let tuples = state.steering.of_key(rules, &key, Towards::In);
    if tuples != state.worker {
        session.stub_at = tuples;
        state.outbox.push(tuples, Message::Stub { key, owner: state.worker });
    }
}
