//! The ageing wheel: one list of slots a second, linked through the records.
//!
//! A packet only moves `last_seen`; when the wheel comes to a session that was seen since, it is
//! put back at its new time. Work per call is bounded.

use super::table::{Sessions, Ticks};
use super::{Marks, Session};

/// Seconds in one turn.
pub(super) const SECONDS: u64 = 4096;
/// The end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// Ticks of a minute, the unit in which sessions are reported on.
pub(crate) const MINUTE: u32 = 600;

/// What became of a session that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    Over,
    /// It lives, for so many minutes now.
    Minutes(u32),
}

/// Heads of the lists and the second up to which they are worked off.
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Box<[u32]>,
    done_s: u64,
    started: bool,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NIL; SECONDS as usize].into_boxed_slice(), done_s: 0, started: false }
    }
}

impl Sessions {
    /// Puts a slot where it is looked at `in_s` seconds from now, or at the end of the turn.
    pub(super) fn wheel_link(&mut self, slot: u32, now_s: u64, in_s: u64) {
        let at = ((now_s + in_s.clamp(1, SECONDS - 2)) % SECONDS) as usize;
        let head = std::mem::replace(&mut self.wheel.heads[at], slot);
        if head != NIL {
            self.slots[head as usize].previous = slot;
        }
        let session = &mut self.slots[slot as usize];
        session.next = head;
        session.previous = NIL;
        session.wheel_at = at as u16;
    }

    pub(super) fn wheel_unlink(&mut self, slot: u32) {
        let session = &self.slots[slot as usize];
        let (next, previous, at) = (session.next, session.previous, session.wheel_at);
        match previous {
            NIL => self.wheel.heads[usize::from(at)] = next,
            previous => self.slots[previous as usize].next = next,
        }
        if next != NIL {
            self.slots[next as usize].previous = previous;
        }
    }

    /// Looks at no more than `budget` sessions that are due; tells `found` of those that are over, which it must
    /// remove or park, and of those that are to be reported on and have lived for some more minutes.
    pub(crate) fn expire(
        &mut self,
        now: ravelin_types::Instant,
        mut budget: usize,
        mut found: impl FnMut(&mut Self, u32, Visit),
    ) {
        let now_s = now.as_secs();
        if !self.wheel.started {
            self.wheel.started = true;
            self.wheel.done_s = now_s;
        }
        self.wheel.done_s = self.wheel.done_s.max(now_s.saturating_sub(SECONDS));
        while self.wheel.done_s < now_s {
            let at = (self.wheel.done_s % SECONDS) as usize;
            loop {
                let slot = self.wheel.heads[at];
                if slot == NIL {
                    break;
                }
                if budget == 0 {
                    return;
                }
                budget -= 1;
                self.revisit(slot, now, &mut found);
            }
            self.wheel.done_s += 1;
        }
    }

    fn revisit(
        &mut self,
        slot: u32,
        now: ravelin_types::Instant,
        found: &mut impl FnMut(&mut Self, u32, Visit),
    ) {
        let session = &self.slots[slot as usize];
        let ticks = super::Ticks::at(now);
        if session.is_over(ticks) {
            found(self, slot, Visit::Over);
            return;
        }
        // By the second for which the visit was meant: none is told twice, however late it is.
        let meant = Ticks((self.wheel.done_s as u32).wrapping_mul(10));
        let lived = meant.since(session.created);
        if session.marks.has(Marks::REPORTED) && lived >= MINUTE && lived % MINUTE < 10 {
            found(self, slot, Visit::Minutes(lived / MINUTE));
        }
        let session = &self.slots[slot as usize];
        let next_s = session.next_visit(now.as_secs(), session.left_s(ticks) + 1);
        self.wheel_unlink(slot);
        self.wheel_link(slot, now.as_secs(), next_s);
    }

    /// Moves a session that is about to be ended out of the list being worked off.
    pub(crate) fn park(&mut self, slot: u32, now: ravelin_types::Instant) {
        self.wheel_unlink(slot);
        self.wheel_link(slot, now.as_secs(), 2);
    }

    /// Brings a session's visit forward when its timeout became shorter, or it turns out to have been silent.
    pub(crate) fn reschedule(&mut self, slot: u32, now: ravelin_types::Instant) {
        self.wheel_unlink(slot);
        let session = &self.slots[slot as usize];
        let next_s = session.next_visit(now.as_secs(), session.left_s(super::Ticks::at(now)) + 1);
        self.wheel_link(slot, now.as_secs(), next_s);
    }
}

impl Session {
    /// Whole seconds before which it is not over, as silent as it is by now.
    pub(super) fn left_s(&self, now: Ticks) -> u64 {
        match self.timeout_s {
            0 => SECONDS,
            timeout => u64::from(timeout.saturating_sub(now.since(self.last_seen) / 10)),
        }
    }

    /// Seconds until a session is looked at which is not over before `left_s`: one that is to be reported on is looked at
    /// in the second behind each full minute of its life.
    pub(super) fn next_visit(&self, now_s: u64, left_s: u64) -> u64 {
        if !self.marks.has(Marks::REPORTED) {
            return left_s;
        }
        let next = Ticks((now_s as u32).wrapping_add(1).wrapping_mul(10));
        let lived = next.since(self.created);
        let due = if lived < MINUTE { MINUTE } else { lived.next_multiple_of(MINUTE) };
        let due = if lived >= MINUTE && lived % MINUTE < 10 { lived } else { due };
        left_s.min(1 + u64::from(due - lived).div_ceil(10))
    }
}
