//! Where a new session lives, when there are several workers.
//!
//! Place: first path, between the verdict and the install. Spec: steer-6..8.

use crate::first_path::Draft;
use crate::key::FlowKey;
use crate::nat::Outward;
use crate::packet::Stage;
use crate::steer::{HandOver, Towards};
use crate::step::{Flow, Turn};
use crate::stub::Message;

/// Whose the session will be, when not ours: where the translation leaves no choice of port, the owner of
/// its answers, else the tuple's owner. Nothing has been counted or taken yet.
pub(crate) fn elsewhere<R>(turn: &Turn<'_, R>, flow: &Flow, draft: &Draft) -> Option<HandOver> {
    let (steering, rules) = (&turn.state.steering, &turn.world.rules);
    if steering.is_alone() || flow.handed.is_some_and(|h| h.stage == Stage::Ports) {
        return None;
    }
    let owner = match draft.source {
        Outward::Leased(..) => steering.of_key(rules, &flow.key, Towards::In),
        Outward::Fixed((addr, port), _) => {
            let back = draft.answers((addr, port));
            steering.of_key(rules, &back, draft.answers_come())
        }
        Outward::Keep | Outward::Off(_) | Outward::NoAddress(_) => {
            steering.of_key(rules, &draft.inner.reversed(), draft.answers_come())
        }
    };
    steering.to(owner, Stage::Home, flow.handed)
}

/// Who may have a port left when our block has none: every other worker in turn, until the tuple's owner is
/// reached again.
pub(crate) fn other_ports<R>(turn: &Turn<'_, R>, flow: &Flow) -> Option<HandOver> {
    let steering = &turn.state.steering;
    let next = steering.next();
    if next == steering.of_key(&turn.world.rules, &flow.key, Towards::In) {
        return None;
    }
    steering.to(next, Stage::Ports, flow.handed)
}

/// Tells the tuple's owner that the session lives here.
pub(crate) fn leave_stub<R>(turn: &mut Turn<'_, R>, key: &FlowKey, slot: u32) {
    let state = &mut *turn.state;
    if state.steering.is_alone() {
        return;
    }
    let tuples = state.steering.of_key(&turn.world.rules, key, Towards::In);
    if tuples != state.worker {
        state.outbox.push(tuples, Message::Stub { key: *key, owner: state.worker });
        state.sessions.get_mut(slot).stub_at = tuples;
    }
}
