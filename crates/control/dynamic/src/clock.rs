//! Whether the clock on the wall can be believed.
//!
//! A clock that was never set, or that went back, could open what is closed: until it has run on for a while every
//! schedule counts as closed. Spec: scheduler-11.

use std::time::Duration;

use jiff::Timestamp;

/// How far the clock may fall behind the monotonic one between two looks: it may be slowed, not put back.
const SLACK: Duration = Duration::from_secs(1);
/// How long a clock must run on after it went back.
pub const SETTLE: Duration = Duration::from_secs(60);
/// 2024-01-01: an earlier time is that of a clock that nobody set.
const NEVER_SET_S: i64 = 1_704_067_200;

/// What is thought of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    Trusted,
    /// It shows a time before there was this program.
    NeverSet,
    /// It went back, and has not run on for long enough.
    WentBack,
}

/// The clock as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    last: Option<(Timestamp, Duration)>,
    /// When it went back, by the monotonic clock.
    back_at: Option<Duration>,
}

impl WallClock {
    /// Takes a look at both clocks.
    pub fn look(&mut self, wall: Timestamp, mono: Duration) -> ClockState {
        if wall.as_second() < NEVER_SET_S {
            self.last = None;
            return ClockState::NeverSet;
        }
        if let Some((last, at)) = self.last {
            let due = last.saturating_add(mono.saturating_sub(at).saturating_sub(SLACK));
            if due.is_ok_and(|due| wall < due) && wall < last {
                self.back_at = Some(mono);
            }
        }
        self.last = Some((wall, mono));
        match self.back_at {
            Some(at) if mono.saturating_sub(at) < SETTLE => ClockState::WentBack,
            _ => {
                self.back_at = None;
                ClockState::Trusted
            }
        }
    }

    /// When, by the monotonic clock, it is believed again.
    #[must_use]
    pub fn settles_at(&self) -> Option<Duration> {
        self.back_at.map(|at| at + SETTLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(looks: &[(i64, u64)], expected: ClockState) {
        let mut clock = WallClock::default();
        let mut state = ClockState::Trusted;
        for (wall, mono) in looks {
            let wall = Timestamp::from_second(1_800_000_000 + wall).unwrap();
            state = clock.look(wall, Duration::from_secs(*mono));
        }
        assert_eq!(state, expected, "{looks:?}");
    }

    #[test]
    fn a_clock_that_runs_or_is_put_forward_is_believed() {
        check(&[(0, 0), (1, 1)], ClockState::Trusted);
        check(&[(0, 0), (5000, 1)], ClockState::Trusted);
        // The same second, looked at twice.
        check(&[(0, 0), (0, 0)], ClockState::Trusted);
    }

    #[test]
    fn one_that_went_back_is_not_until_it_has_run_on() {
        check(&[(0, 0), (-10, 1)], ClockState::WentBack);
        check(&[(0, 0), (-10, 1), (48, 59)], ClockState::WentBack);
        check(&[(0, 0), (-10, 1), (50, 61)], ClockState::Trusted);
        // And back again meanwhile.
        check(&[(0, 0), (-10, 1), (40, 51), (0, 52), (50, 102)], ClockState::WentBack);
    }

    #[test]
    fn one_that_was_never_set_is_not() {
        let mut clock = WallClock::default();
        assert_eq!(clock.look(Timestamp::from_second(60).unwrap(), Duration::ZERO), ClockState::NeverSet);
        let set = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(clock.look(set, Duration::from_secs(1)), ClockState::Trusted);
    }
}
