//! Alarms with two thresholds: raised once when use reaches one, cleared once when it falls below the other.
//!
//! Junos: `pool-utilization-alarm`, `port-overloading-usage-alarm`, `rule-session-count-alarm`. Place: fed
//! with sums over all workers by whoever has them. State: raised or not. Spec: nat-pool-35.

use crate::config::ALARM_CLEAR_SHARE;

/// Two thresholds, in percent or in sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    raise: u32,
    clear: u32,
}

impl Thresholds {
    /// The clear threshold that follows from a raise threshold.
    #[must_use]
    pub const fn default_clear(raise: u32) -> u32 {
        (raise as u64 * ALARM_CLEAR_SHARE as u64 / 100) as u32
    }

    /// `None` when the clear threshold is above the raise threshold: the alarm would flap.
    #[must_use]
    pub fn new(raise: u32, clear: Option<u32>) -> Option<Self> {
        let clear = clear.unwrap_or(Self::default_clear(raise));
        (clear <= raise).then_some(Self { raise, clear })
    }
}

/// What the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmEvent {
    Raised { now: u32 },
    Cleared { now: u32 },
}

/// The alarm's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    raised: bool,
}

impl Alarm {
    /// The use of a pool, in percent rounded down. A pool without capacity is full.
    #[must_use]
    pub fn percent(used: u64, capacity: u64) -> u32 {
        if capacity == 0 { 100 } else { (u128::from(used) * 100 / u128::from(capacity)).min(100) as u32 }
    }

    /// Judges a new value; `None` thresholds clear what was raised.
    pub fn observe(&mut self, thresholds: Option<Thresholds>, now: u32) -> Option<AlarmEvent> {
        let (reached, fallen) = thresholds.map_or((false, true), |t| (now >= t.raise, now < t.clear));
        match (self.raised, reached, fallen) {
            (false, true, _) => {
                self.raised = true;
                Some(AlarmEvent::Raised { now })
            }
            (true, false, true) => {
                self.raised = false;
                Some(AlarmEvent::Cleared { now })
            }
            _ => None,
        }
    }

    #[must_use]
    pub const fn is_raised(&self) -> bool {
        self.raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AlarmEvent::{Cleared, Raised};

    #[test]
    fn it_is_raised_and_cleared_once_each_way() {
        let thresholds = Thresholds::new(80, Some(60));
        let mut alarm = Alarm::default();
        let heard: Vec<_> = [10, 79, 80, 95, 70, 60, 59, 79, 80]
            .into_iter()
            .map(|now| alarm.observe(thresholds, now))
            .collect();
        let (none, up, down) = (None, Some(Raised { now: 80 }), Some(Cleared { now: 59 }));
        assert_eq!(heard, [none, none, up, none, none, none, down, none, up]);
    }

    #[test]
    fn the_clear_threshold_is_four_fifths_unless_set() {
        assert_eq!(Thresholds::new(90, None), Thresholds::new(90, Some(72)));
        assert_eq!(Thresholds::new(50, Some(51)), None);
        assert!(Thresholds::new(50, Some(50)).is_some());
    }

    #[test]
    fn equal_thresholds_still_have_two_states() {
        let thresholds = Thresholds::new(50, Some(50));
        let mut alarm = Alarm::default();
        assert_eq!(alarm.observe(thresholds, 50), Some(Raised { now: 50 }));
        assert_eq!(alarm.observe(thresholds, 50), None);
        assert_eq!(alarm.observe(thresholds, 49), Some(Cleared { now: 49 }));
    }

    #[test]
    fn thresholds_taken_away_clear_it() {
        let mut alarm = Alarm::default();
        assert!(alarm.observe(Thresholds::new(50, None), 100).is_some());
        assert_eq!(alarm.observe(None, 100), Some(Cleared { now: 100 }));
        assert!(!alarm.is_raised());
    }

    #[test]
    fn percent_is_rounded_down_and_a_pool_without_capacity_is_full() {
        assert_eq!(
            [Alarm::percent(799, 1000), Alarm::percent(0, 0), Alarm::percent(u64::MAX, 3)],
            [79, 100, 100]
        );
    }
}
