//! Policies that hang on the state of the world, as they are at present.
//!
//! Junos: `scheduler-name` of a policy, `dns-name` and feeds among its addresses. A closed policy is as if it were not
//! there; a list holds what its sets hold now. A list that excludes addresses that nobody knows holds of nothing: it would
//! else let them through. Spec: scheduler-9, dynamic-address-1..3.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_classify::Addresses;
use ravelin_program::{AddressMatch, Application, Policy, ZoneMatch};
use ravelin_types::{LiveSetId, ScheduleId};

use super::policy::{Tuple, matched};
use super::section::{Ground, fixed_set};
use crate::explain::Condition;
use crate::live::{Live, mixed};

/// What a section's policies hang on, and which of them do.
#[derive(Debug, Default)]
pub(super) struct Hangs {
    places: Box<[u32]>,
    schedules: Box<[ScheduleId]>,
    sets: Box<[LiveSetId]>,
}

/// Those policies by their place.
#[derive(Debug, Default)]
pub(super) struct Present(BTreeMap<u32, PresentPolicy>);

/// One of them.
#[derive(Debug)]
pub(super) struct PresentPolicy {
    in_force: bool,
    /// `None`: as the program says.
    pub source: Option<Addresses>,
    pub destination: Option<Addresses>,
    /// Changes with what its sets hold.
    pub mark: u64,
}

impl Hangs {
    pub(super) fn of(policies: &[(ZoneMatch, Policy)]) -> Self {
        let mut out = (Vec::new(), Vec::new(), Vec::new());
        for (place, (_, policy)) in (0..).zip(policies) {
            let sets = policy.source.live.iter().chain(&policy.destination.live);
            let before = (out.1.len(), out.2.len());
            out.1.extend(policy.schedule);
            out.2.extend(sets);
            if (out.1.len(), out.2.len()) != before {
                out.0.push(place);
            }
        }
        let (places, mut schedules, mut sets) = out;
        schedules.sort_unstable();
        schedules.dedup();
        sets.sort_unstable();
        sets.dedup();
        Self { places: places.into(), schedules: schedules.into(), sets: sets.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn judged_by(&self, digest: u64, live: &Live) -> u64 {
        let schedules = self.schedules.iter().map(|id| live.schedule_mark(*id));
        schedules.chain(self.sets.iter().map(|id| live.set_mark(*id))).fold(digest, mixed)
    }
}

impl Present {
    pub(super) fn of(hangs: &Hangs, policies: &[(ZoneMatch, Policy)], ground: &mut Ground<'_>) -> Self {
        let present = |place: &u32| {
            let policy = &policies[*place as usize].1;
            let sets = policy.source.live.iter().chain(&policy.destination.live);
            let present = PresentPolicy {
                in_force: policy.schedule.is_none_or(|schedule| ground.live.is_open(schedule)),
                mark: sets.map(|id| ground.live.set_mark(*id)).fold(0, mixed),
                source: addresses(&policy.source, ground),
                destination: addresses(&policy.destination, ground),
            };
            (*place, present)
        };
        Self(hangs.places.iter().map(present).collect())
    }

    pub(super) fn get(&self, place: usize) -> Option<&PresentPolicy> {
        if self.0.is_empty() { None } else { self.0.get(&(place as u32)) }
    }

    /// Places of the policies in force, of so many; `None`: all.
    pub(super) fn in_force(&self, policies: usize) -> Option<Box<[u32]>> {
        if self.0.values().all(|present| present.in_force) {
            return None;
        }
        let is_in_force = |place: &u32| self.0.get(place).is_none_or(|present| present.in_force);
        Some((0..policies as u32).filter(is_in_force).collect())
    }
}

impl PresentPolicy {
    pub(super) fn is_in_force(&self) -> bool {
        self.in_force
    }

    pub(super) fn examine<'p>(
        &self,
        zones: &ZoneMatch,
        policy: &'p Policy,
        tuple: &Tuple,
    ) -> Result<&'p Application, Condition> {
        if !self.in_force {
            return Err(Condition::Scheduler);
        }
        if !zones.holds(tuple.from, tuple.to) {
            return Err(Condition::Zones);
        }
        let (family, addr) = (tuple.family, tuple.src);
        let fixed = || policy.source.holds(family, addr);
        if !self.source.as_ref().map_or_else(fixed, |now| now.holds(family, addr)) {
            return Err(Condition::Source);
        }
        let (family, addr) = (tuple.dst_family, tuple.dst);
        let fixed = || policy.destination.holds(family, addr);
        if !self.destination.as_ref().map_or_else(fixed, |now| now.holds(family, addr)) {
            return Err(Condition::Destination);
        }
        matched(policy, tuple).ok_or(Condition::Application)
    }
}

/// A list with what its sets hold now; `None`: it names none.
fn addresses(list: &AddressMatch, ground: &mut Ground<'_>) -> Option<Addresses> {
    if list.live.is_empty() {
        return None;
    }
    let known: Vec<_> = list.live.iter().filter_map(|id| ground.live.set(*id)).cloned().collect();
    let excluded = list.excluded;
    if excluded && known.len() < list.live.len() {
        return Some(Addresses { sets: Arc::new([]), excluded });
    }
    let is_fixed = !list.ranges.is_empty() || !list.wildcards.is_empty();
    let fixed = is_fixed.then(|| fixed_set(list, ground.sets));
    Some(Addresses { sets: fixed.into_iter().chain(known).collect(), excluded })
}
