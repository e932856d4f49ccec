//! Sessions as time passes: those that end by silence, and those that are reported on while they live.
//!
//! Junos: `security flow aging`, `then log session-update`, `security application-tracking`. Place: the beginning of a step. State: the table's wheel, and where
//! the search for silent sessions stands. Spec: session-3, tcp-48..50, policy-24, tracking-4, alg-18.

use ravelin_contract::{CloseReason, Event, TrackedMoment, TrackedSession};
use ravelin_tcp::aging::Pressure;
use ravelin_types::Instant;

use crate::rules::Rules;
use crate::session::{MINUTE, Ticks, Visit};
use crate::shared::Shared;
use crate::state::State;

/// Sessions looked at for early ageing in one step.
const EARLY_BUDGET: usize = 64;
/// Ticks by which the wheel may be behind a minute of a session's life.
const VISIT_LATE: u32 = 10;

impl State {
    /// Ages sessions, a bounded number a call.
    pub(crate) fn age(&mut self, budget: usize, (rules, shared): (&Rules, &Shared), now: Instant) {
        let mut visited = [(0, Visit::Over); 64];
        let mut count = 0;
        // Collected first and ended after: the deletion needs the whole state.
        self.sessions.expire(now, budget.min(visited.len()), |table, slot, visit| {
            visited[count] = (slot, visit);
            count += 1;
            if visit == Visit::Over {
                table.park(slot, now);
            }
        });
        for (slot, visit) in &visited[..count] {
            match visit {
                Visit::Over if !self.is_over(*slot, (rules, shared), now) => {}
                Visit::Over if self.lives_for_children(*slot, now) => {}
                Visit::Over => {
                    self.end_silent(*slot, (rules, shared), now);
                }
                Visit::Minutes(minutes) => self.report(*slot, *minutes, rules, now),
            }
        }
        self.leases.sweep(now, budget);
        let Self { guests, leases, away, outbox, worker, .. } = self;
        guests.age(now, budget, |lease| leases.give_back(lease, now));
        away.age(now, budget, (outbox, *worker));
    }

    /// Ends a session by silence. No packet has had it judged since the last commit: its policy logs it as it says now. Spec: policy-15.
    fn end_silent(&mut self, slot: u32, (rules, shared): (&Rules, &Shared), now: Instant) {
        let session = self.sessions.get_mut(slot);
        session.marks = session.marks.logged(rules.policy(session.policy));
        self.end(slot, CloseReason::AgedOut, shared, now);
    }

    /// Tells of a session that lives for so many minutes, when its policy or its zone wants to hear of it then. Spec: policy-24, tracking-4.
    fn report(&mut self, slot: u32, minutes: u32, rules: &Rules, now: Instant) {
        let session = self.sessions.get(slot);
        let every = rules.policy(session.policy).map_or(0, |policy| u32::from(policy.log.update));
        if every != 0 && minutes.is_multiple_of(every) {
            let view = session.view(self.worker, Ticks::at(now));
            self.events.push(Event::SessionUpdated(view));
        }
        let session = self.sessions.get(slot);
        let due = rules.tracking(session.wings[0].zone).and_then(|tracking| tracking.due(minutes));
        // Of one that was silent since there is nothing to tell that was not told.
        let since = Ticks::at(now).since(session.last_seen);
        let is_new = |minutes: u32| since < minutes.saturating_mul(MINUTE).saturating_add(VISIT_LATE);
        if due.is_some_and(is_new) {
            let view = session.view(self.worker, Ticks::at(now));
            self.events.push(Event::Tracked(TrackedSession { view, moment: TrackedMoment::Updated }));
        }
    }

    /// Ends sessions that have been silent for too long while the table of the device is nearly full. Spec: tcp-48, tcp-49.
    pub(crate) fn age_early(&mut self, rules: &Rules, shared: &Shared, now: Instant) {
        let aging = &rules.aging;
        if aging.high_watermark >= 100 {
            return;
        }
        if shared.pressure(aging) == Pressure::Normal {
            return;
        }
        let (mut over, mut count, ticks) = ([0; EARLY_BUDGET], 0, Ticks::at(now));
        let end = self.sessions.walk(self.early_from, EARLY_BUDGET as u32, |slot, session| {
            let timeout = rules.cut_offs.of_session(session).timeout_s(session.timeout_s);
            let is_silent = timeout != 0 && ticks.since(session.last_seen) >= timeout.saturating_mul(10);
            if is_silent && !shared.groups.is_passive(rules.group_of(session), now) {
                over[count] = slot;
                count += 1;
            }
        });
        self.early_from = if end as usize >= self.sessions.capacity() { 0 } else { end };
        for slot in &over[..count] {
            if self.lives_for_children(*slot, now) {
                continue;
            }
            self.end_silent(*slot, (rules, shared), now);
            if shared.pressure(aging) == Pressure::Normal {
                return;
            }
        }
    }
}
