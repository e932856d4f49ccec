//! What policies hang on that changes without a commit: schedules, and sets of addresses.
//!
//! Junos: `schedulers`, `dns-name` of an address, `security dynamic-address`. Place: beside the rules; the plane's control
//! thread makes a new one of each update and has the rules built upon it. What nobody told of is closed, or unknown:
//! such a policy does not match, such an address is in no condition. Spec: scheduler-9, dynamic-address-1..3.

use std::collections::HashMap;
use std::sync::Arc;

use ravelin_classify::{AddressRange, AddressSet};
use ravelin_contract::{LIVE_SETS_MAX, LiveAddresses, LiveUpdate, SCHEDULES_MAX};
use ravelin_types::{Addr, Family, LiveSetId, ScheduleId};

/// The state of the world that policies are judged in.
#[derive(Clone, Debug, Default)]
pub struct Live {
    schedules: HashMap<ScheduleId, bool>,
    sets: HashMap<LiveSetId, LiveSet>,
    /// Raised by every change.
    changes: u64,
}

/// A set as it is known.
#[derive(Clone, Debug)]
struct LiveSet {
    addresses: Arc<AddressSet>,
    /// The change that made it so.
    since: u64,
}

/// An update that is more than a plane keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch {
    pub what: &'static str,
    pub most: usize,
}

impl Live {
    /// What is known after an update. A set that is told of as it was stays the same one.
    ///
    /// # Errors
    /// It would be more than [`SCHEDULES_MAX`] schedules or [`LIVE_SETS_MAX`] sets.
    pub fn updated(&self, update: &LiveUpdate) -> Result<Self, TooMuch> {
        let mut next = if update.resync { Self::default() } else { self.clone() };
        next.changes = self.changes + 1;
        for schedule in &update.schedules {
            match schedule.open {
                Some(open) => drop(next.schedules.insert(schedule.id, open)),
                None => drop(next.schedules.remove(&schedule.id)),
            }
        }
        for set in &update.sets {
            let Some(addresses) = &set.addresses else {
                next.sets.remove(&set.id);
                continue;
            };
            let (addresses, since) = (set_of(addresses), next.changes);
            let same = self.sets.get(&set.id).filter(|known| *known.addresses == addresses);
            let known = same.cloned().unwrap_or_else(|| LiveSet { addresses: Arc::new(addresses), since });
            next.sets.insert(set.id, known);
        }
        let too_much = |what, most| Err(TooMuch { what, most });
        if next.schedules.len() > SCHEDULES_MAX {
            return too_much("schedules", SCHEDULES_MAX);
        }
        if next.sets.len() > LIVE_SETS_MAX {
            return too_much("live sets of addresses", LIVE_SETS_MAX);
        }
        Ok(next)
    }

    #[must_use]
    pub fn is_open(&self, schedule: ScheduleId) -> bool {
        self.schedules.get(&schedule).is_some_and(|open| *open)
    }

    /// `None`: nobody knows what is in it.
    pub(crate) fn set(&self, id: LiveSetId) -> Option<&Arc<AddressSet>> {
        self.sets.get(&id).map(|set| &set.addresses)
    }

    /// A number that changes with the state of a schedule.
    pub(crate) fn schedule_mark(&self, schedule: ScheduleId) -> u64 {
        mixed(schedule.0, u64::from(self.is_open(schedule)))
    }

    /// A number that changes with what a set holds; never that of an earlier state.
    pub(crate) fn set_mark(&self, id: LiveSetId) -> u64 {
        mixed(id.0, self.sets.get(&id).map_or(0, |set| set.since))
    }
}

/// One number of two (the finaliser of SplitMix64).
pub(crate) fn mixed(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

fn set_of(addresses: &LiveAddresses) -> AddressSet {
    let range =
        |family, first: u128, last: u128| AddressRange { family, first: Addr(first), last: Addr(last) };
    let LiveAddresses { v4, v6 } = addresses;
    let v4 = v4.iter().map(|(first, last)| range(Family::V4, (*first).into(), (*last).into()));
    let v6 = v6.iter().map(|(first, last)| range(Family::V6, *first, *last));
    AddressSet::new(v4.chain(v6), [])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_contract::{LiveSetUpdate, ScheduleUpdate};

    const A: LiveSetId = LiveSetId(1);
    const S: ScheduleId = ScheduleId(1);

    fn told(open: Option<bool>, v4: Option<&[(u32, u32)]>) -> LiveUpdate {
        let addresses = v4.map(|v4| LiveAddresses { v4: v4.to_vec(), v6: Vec::new() });
        LiveUpdate {
            resync: false,
            schedules: vec![ScheduleUpdate { id: S, open }],
            sets: vec![LiveSetUpdate { id: A, addresses }],
        }
    }

    #[test]
    fn what_nobody_told_of_is_closed_and_unknown() {
        let live = Live::default();
        assert!(!live.is_open(S) && live.set(A).is_none());
        let live = live.updated(&told(Some(true), Some(&[(1, 9)]))).unwrap();
        assert!(live.is_open(S) && live.set(A).is_some());
        let resync = LiveUpdate { resync: true, ..LiveUpdate::default() };
        let live = live.updated(&resync).unwrap();
        assert!(!live.is_open(S) && live.set(A).is_none());
    }

    #[test]
    fn a_set_told_of_as_it_was_is_the_same_and_one_that_comes_back_is_another() {
        let first = Live::default().updated(&told(None, Some(&[(1, 9)]))).unwrap();
        // Written in another way.
        let same = first.updated(&told(None, Some(&[(5, 9), (1, 6)]))).unwrap();
        assert_eq!(first.set_mark(A), same.set_mark(A));
        let gone = same.updated(&told(None, None)).unwrap();
        let back = gone.updated(&told(None, Some(&[(1, 9)]))).unwrap();
        assert_ne!(first.set_mark(A), gone.set_mark(A));
        assert_ne!(first.set_mark(A), back.set_mark(A));
    }

    #[test]
    fn more_than_a_plane_keeps_is_refused() {
        let schedules = 0..=SCHEDULES_MAX as u64;
        let schedules = schedules.map(|id| ScheduleUpdate { id: ScheduleId(id), open: Some(true) }).collect();
        let update = LiveUpdate { schedules, ..LiveUpdate::default() };
        assert_eq!(Live::default().updated(&update).map(drop).map_err(|e| e.most), Err(SCHEDULES_MAX));
    }
}
