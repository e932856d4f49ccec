//! Packets that are only tried: what a state of their own needs to know of the workers' sessions.
//!
//! Place: between a worker, which gives copies away between two batches, and a scratch state that is thrown away after
//! the trial. Nothing here changes the worker. Spec: explain-17..20.

use ravelin_screen::cookie::Splice;
use ravelin_types::{InstanceId, Instant};
use ravelin_wire::{parse, parse_ip};

use crate::icmp_error;
use crate::key::FlowKey;
use crate::session::{Marks, NO_POLICY, NO_WORKER, Session, Ticks};
use crate::shared::Shared;
use crate::state::State;

/// Octets of an ICMP error before what it quotes.
const ICMP_HEADER: usize = 8;

/// A copy of a session, with what only its owner knows of it.
#[derive(Clone, Copy, Debug)]
pub struct LiveSession {
    session: Session,
    splice: Option<Splice>,
}

/// The keys of sessions that a frame that comes in an instance may be of: its own, and of an ICMP error the answers to what it quotes.
#[must_use]
pub fn keys_of(frame: &[u8], instance: InstanceId) -> Vec<FlowKey> {
    let Some(network) = parse(frame).ok().and_then(|parsed| parsed.network) else { return Vec::new() };
    let mut keys = vec![FlowKey::of(&network, None, instance)];
    if icmp_error::is_error(&network) {
        let quote = frame.get(usize::from(network.l4_at) + ICMP_HEADER..usize::from(network.end));
        let quoted = quote.and_then(|quote| parse_ip(quote, network.family).ok());
        keys.extend(quoted.map(|quoted| FlowKey::of(&quoted, None, instance).reversed()));
    }
    keys
}

impl State {
    /// Copies of the sessions that these keys are of.
    #[must_use]
    pub fn copies(&self, keys: &[FlowKey], now: Instant) -> Vec<LiveSession> {
        let ticks = Ticks::at(now);
        let found = keys.iter().filter_map(|key| self.sessions.find(key));
        let live = found.filter(|at| !self.sessions.get(at.slot()).is_over(ticks));
        let copy = |slot| LiveSession {
            session: *self.sessions.get(slot),
            splice: self.splices.opened(slot).copied(),
        };
        live.map(|at| copy(at.slot())).collect()
    }

    /// Puts a copy into a state for trials. What the session holds elsewhere stays its owner's: leases, stubs, and the
    /// gateway that looks at its payload.
    pub fn plant(&mut self, live: &LiveSession, shared: &Shared, now: Instant) {
        let LiveSession { mut session, splice } = *live;
        for mark in [Marks::LEASE, Marks::ENTERED, Marks::ALG, Marks::SILENT] {
            session.marks = session.marks.with(mark, false);
        }
        session.marks = session.marks.with(Marks::SPLICED, splice.is_some());
        session.stub_at = NO_WORKER;
        // Two keys of one frame may be of one session.
        let Ok(slot) = self.sessions.insert(&session, now) else { return };
        if !shared.reserve_session() {
            self.sessions.remove(slot);
            return;
        }
        if let Some(splice) = splice {
            self.splices.open(slot, splice);
        }
        let counters = &mut self.counters;
        for rule in [session.nat_rule, session.destination_rule] {
            if let Some(hits) = counters.nat_rules.get_mut(rule.index()) {
                hits.sessions += 1;
            }
        }
        if session.policy != NO_POLICY
            && let Some(hits) = counters.policies.get_mut(session.policy.index())
        {
            hits.sessions += 1;
        }
    }
}
