//! Sessions whose other end nothing leads to any more.
//!
//! Junos: `security flow route-change-timeout`. Place: fast path, for the first packet behind a change of routes and those
//! that follow it while there is none. State: the session's own timeout. Spec: flow-35.

use ravelin_types::Proto;

use crate::act;
use crate::explain::Recorder;
use crate::forwarding::Path;
use crate::onward;
use crate::session::{Marks, Ticks, WingRef};
use crate::step::{Flow, Turn};

/// Whether there is no way for a packet of a session, which then lives no longer than it is said to. What comes meanwhile
/// does not make it live longer.
pub(crate) fn is_lost<R: Recorder>(turn: &mut Turn<'_, R>, at: WingRef, flow: &Flow) -> bool {
    let world = turn.world;
    let Some(seconds) = world.rules.flow.route_change_timeout.map(u32::from) else { return false };
    let session = turn.state.sessions.get_mut(at.slot());
    let wing = &session.wings[at.wing()];
    if act::is_host(wing.egress) || wing.resolved_at == world.forwarding.generation {
        return false;
    }
    let other = &session.wings[1 - at.wing()].key;
    // Behind a change of families the way is asked for elsewhere.
    if session.marks.has(Marks::ACROSS) {
        return false;
    }
    let instance = onward::instance(&world.rules, session, at.wing(), flow);
    match world.forwarding.lookup(instance, (other.family(), other.src()), flow.hash) {
        Path::None | Path::Local(_) => {}
        Path::Via { .. } | Path::Discard | Path::Reject => return false,
    }
    if session.timeout_s == 0 || session.timeout_s > seconds {
        session.timeout_s = seconds;
        session.last_seen = Ticks::at(turn.now);
        turn.state.sessions.reschedule(at.slot(), turn.now);
    }
    true
}

/// There is a way again: the session ages as ever.
pub(crate) fn found<R: Recorder>(turn: &mut Turn<'_, R>, slot: u32) {
    let rules = &turn.world.rules;
    if rules.flow.route_change_timeout.is_none() {
        return;
    }
    let session = turn.state.sessions.get_mut(slot);
    let ordinary = match session.wings[0].key.proto() {
        Proto::TCP => {
            rules.tcp_of(session.policy).seconds(session.tcp.timeout(), session.established_timeout_s)
        }
        _ => session.established_timeout_s,
    };
    if session.timeout_s != ordinary {
        session.timeout_s = ordinary;
        session.last_seen = Ticks::at(turn.now);
        turn.state.sessions.reschedule(slot, turn.now);
    }
}
