//! What policies hang on that changes without a commit: schedules, and sets of addresses.
//!
//! Junos: `schedulers`, `dns-name` of an address, `security dynamic-address`. Place: beside the rules; the plane's control
//! thread makes a new one of each update and has the rules built upon it. What nobody told of is unknown: no policy permits
//! by such a schedule, and such an address is in no condition. Spec: scheduler-9, scheduler-11, dynamic-address-1..3.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use ravelin_classify::{AddressRange, AddressSet};
use ravelin_contract::{LIVE_SETS_MAX, LiveAddresses, LiveUpdate, SCHEDULES_MAX};
use ravelin_program::Action;
use ravelin_types::{Addr, Family, LiveSetId, ScheduleId};
use siphasher::sip::SipHasher13;

/// The state of the world that policies are judged in.
#[derive(Clone, Debug, Default)]
pub struct Live {
    schedules: HashMap<ScheduleId, bool>,
    sets: HashMap<LiveSetId, LiveSet>,
}

/// A set as it is known.
#[derive(Clone, Debug)]
struct LiveSet {
    addresses: Arc<AddressSet>,
    /// Of what it holds: the same on every node and after every start, as what sessions were judged by is.
    digest: u64,
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
            let addresses = set_of(addresses);
            let same = self.sets.get(&set.id).filter(|known| *known.addresses == addresses);
            let known = match same.cloned() {
                Some(same) => same,
                None => LiveSet { digest: digest(&addresses), addresses: Arc::new(addresses) },
            };
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

    /// Whether a policy of an action is in force by its schedule. Of a schedule that nobody knows the worse is assumed:
    /// what permits is not in force, and what denies is.
    #[must_use]
    pub fn is_in_force(&self, schedule: ScheduleId, action: Action) -> bool {
        self.schedules.get(&schedule).copied().unwrap_or(action != Action::Permit)
    }

    /// `None`: nobody knows what is in it.
    pub(crate) fn set(&self, id: LiveSetId) -> Option<&Arc<AddressSet>> {
        self.sets.get(&id).map(|set| &set.addresses)
    }

    /// A number that changes with the state of a schedule.
    pub(crate) fn schedule_mark(&self, schedule: ScheduleId) -> u64 {
        let state = self.schedules.get(&schedule);
        mixed(schedule.0, state.map_or(2, |open| u64::from(*open)))
    }

    /// A number that changes with what a set holds.
    pub(crate) fn set_mark(&self, id: LiveSetId) -> u64 {
        mixed(id.0, self.sets.get(&id).map_or(0, |set| set.digest))
    }
}

/// One number of two (the finaliser of SplitMix64).
pub(crate) fn mixed(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

fn digest(set: &AddressSet) -> u64 {
    let mut hasher = SipHasher13::new();
    for AddressRange { family, first, last } in set.ranges() {
        hasher.write_u8(u8::from(family == Family::V6));
        hasher.write_u128(first.0);
        hasher.write_u128(last.0);
    }
    // 0 stands for a set that nobody knows.
    hasher.finish() | 1
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
    fn of_what_nobody_told_of_the_worse_is_assumed() {
        let live = Live::default();
        let in_force = |live: &Live| [Action::Permit, Action::Deny].map(|action| live.is_in_force(S, action));
        assert_eq!(in_force(&live), [false, true]);
        assert!(live.set(A).is_none());
        let live = live.updated(&told(Some(true), Some(&[(1, 9)]))).unwrap();
        assert_eq!(in_force(&live), [true, true]);
        assert!(live.set(A).is_some());
        let live = live.updated(&told(Some(false), Some(&[(1, 9)]))).unwrap();
        assert_eq!(in_force(&live), [false, false]);
        let resync = LiveUpdate { resync: true, ..LiveUpdate::default() };
        let live = live.updated(&resync).unwrap();
        assert_eq!(in_force(&live), [false, true]);
        assert!(live.set(A).is_none());
    }

    #[test]
    fn a_set_is_known_by_what_it_holds_however_it_was_told() {
        let first = Live::default().updated(&told(None, Some(&[(1, 9)]))).unwrap();
        // Written in another way.
        let same = first.updated(&told(None, Some(&[(5, 9), (1, 6)]))).unwrap();
        assert_eq!(first.set_mark(A), same.set_mark(A));
        let gone = same.updated(&told(None, None)).unwrap();
        let back = gone.updated(&told(None, Some(&[(1, 9)]))).unwrap();
        assert_ne!(first.set_mark(A), gone.set_mark(A));
        assert_eq!(first.set_mark(A), back.set_mark(A));
        let other = back.updated(&told(None, Some(&[(1, 8)]))).unwrap();
        assert_ne!(first.set_mark(A), other.set_mark(A));
    }

    #[test]
    fn more_than_a_plane_keeps_is_refused() {
        let schedules = 0..=SCHEDULES_MAX as u64;
        let schedules = schedules.map(|id| ScheduleUpdate { id: ScheduleId(id), open: Some(true) }).collect();
        let update = LiveUpdate { schedules, ..LiveUpdate::default() };
        assert_eq!(Live::default().updated(&update).map(drop).map_err(|e| e.most), Err(SCHEDULES_MAX));
    }
}
