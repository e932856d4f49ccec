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
        Self::new(out)
    }

    /// Of runs, each with the number of policies before it.
    pub(super) fn of_all<'h>(runs: impl Iterator<Item = (u32, &'h Self)>) -> Self {
        let mut out = (Vec::new(), Vec::new(), Vec::new());
        for (before, run) in runs.filter(|(_, run)| !run.is_empty()) {
            out.0.extend(run.places.iter().map(|place| before + place));
            out.1.extend_from_slice(&run.schedules);
            out.2.extend_from_slice(&run.sets);
        }
        Self::new(out)
    }

    fn new((places, mut schedules, mut sets): (Vec<u32>, Vec<ScheduleId>, Vec<LiveSetId>)) -> Self {
        schedules.sort_unstable();
        schedules.dedup();
        sets.sort_unstable();
        sets.dedup();
        Self { places: places.into(), schedules: schedules.into(), sets: sets.into() }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = u32> {
        self.places.iter().copied()
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
    /// `policy`: the one of a place.
    pub(super) fn of<'p>(
        hangs: &Hangs,
        policy: impl Fn(usize) -> Option<&'p (ZoneMatch, Policy)>,
        ground: &mut Ground<'_>,
    ) -> Self {
        let present = |place: &u32| {
            let (_, policy) = policy(*place as usize)?;
            let sets = policy.source.live.iter().chain(&policy.destination.live);
            let present = PresentPolicy {
                in_force: policy.schedule.is_none_or(|id| ground.live.is_in_force(id, policy.action)),
                mark: sets.map(|id| ground.live.set_mark(*id)).fold(0, mixed),
                source: addresses(&policy.source, ground),
                destination: addresses(&policy.destination, ground),
            };
            Some((*place, present))
        };
        Self(hangs.places.iter().filter_map(present).collect())
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

#[cfg(test)]
mod tests {
    use super::super::portable::ZoneMarks;
    use super::super::section::{Run, Section, Sets};
    use super::*;
    use proptest::prelude::*;
    use ravelin_contract::{LiveAddresses, LiveSetUpdate, LiveUpdate, ScheduleUpdate};
    use ravelin_program::{Action, Chunk, Digest, LogWhen, PolicySection, PolicyTcp, PortRange, Prefix};
    use ravelin_types::{Addr, Family, PolicyId, Proto, RuleIdentity, ZoneId};

    type Ranges<T> = Vec<(T, T)>;

    /// What of the world there is: three schedules and three sets, of which each may be unknown.
    #[derive(Clone, Debug)]
    struct World {
        schedules: [Option<bool>; 3],
        sets: [Option<(Ranges<u32>, Ranges<u128>)>; 3],
    }

    impl World {
        fn update(&self) -> LiveUpdate {
            let schedules = (0..).zip(self.schedules);
            let sets = (0..).zip(&self.sets);
            LiveUpdate {
                resync: false,
                schedules: schedules.map(|(n, open)| ScheduleUpdate { id: ScheduleId(n), open }).collect(),
                sets: sets
                    .map(|(n, set)| LiveSetUpdate {
                        id: LiveSetId(n),
                        addresses: set.clone().map(|(v4, v6)| LiveAddresses { v4, v6 }),
                    })
                    .collect(),
            }
        }

        fn side(&self, list: &AddressMatch, family: Family, addr: Addr) -> bool {
            let sets: Vec<_> = list.live.iter().map(|id| &self.sets[id.0 as usize]).collect();
            if list.excluded && sets.iter().any(|set| set.is_none()) {
                return false;
            }
            let (mut listed, mut named) = (false, false);
            for range in &list.ranges {
                named |= range.family == family;
                listed |= range.contains(family, addr);
            }
            for (v4, v6) in sets.into_iter().flatten() {
                let ranges: Vec<(u128, u128)> = match family {
                    Family::V4 => v4.iter().map(|(a, b)| (u128::from(*a), u128::from(*b))).collect(),
                    Family::V6 => v6.clone(),
                };
                named |= !ranges.is_empty();
                listed |= ranges.iter().any(|(first, last)| *first <= addr.0 && addr.0 <= *last);
            }
            if list.excluded { named && !listed } else { listed }
        }

        /// The policy that decides, read from top to bottom.
        fn decides(&self, policies: &[(ZoneMatch, Policy)], tuple: &Tuple) -> Option<usize> {
            policies.iter().position(|(_, policy)| {
                let by_schedule = |id: ScheduleId| match self.schedules[id.0 as usize] {
                    Some(open) => open,
                    None => policy.action != Action::Permit,
                };
                policy.schedule.is_none_or(by_schedule)
                    && self.side(&policy.source, tuple.family, tuple.src)
                    && self.side(&policy.destination, tuple.dst_family, tuple.dst)
            })
        }
    }

    fn world() -> impl Strategy<Value = World> {
        let range = (0u8..12, 0u8..4).prop_map(|(first, more)| (u32::from(first), u32::from(first + more)));
        let v4 = prop::collection::vec(range.clone(), 0..3);
        let v6 = prop::collection::vec(range.prop_map(|(a, b)| (u128::from(a), u128::from(b))), 0..3);
        let set = prop::option::of((v4, v6));
        (prop::array::uniform3(any::<Option<bool>>()), prop::array::uniform3(set))
            .prop_map(|(schedules, sets)| World { schedules, sets })
    }

    fn side() -> impl Strategy<Value = AddressMatch> {
        let range = (any::<bool>(), 0u8..12, 0u8..4).prop_map(|(v4, first, more)| Prefix {
            family: if v4 { Family::V4 } else { Family::V6 },
            first: Addr(first.into()),
            last: Addr((first + more).into()),
        });
        let live = prop::collection::vec((0u64..3).prop_map(LiveSetId), 0..3);
        prop_oneof![
            Just(AddressMatch::any()),
            (prop::collection::vec(range, 0..3), live, any::<bool>()).prop_map(|(ranges, live, excluded)| {
                AddressMatch { ranges: ranges.into(), live: live.into(), excluded, ..AddressMatch::default() }
            }),
        ]
    }

    /// Lists short enough to be walked and such as are looked up.
    fn policies() -> impl Strategy<Value = Vec<(ZoneMatch, Policy)>> {
        let action = prop_oneof![Just(Action::Permit), Just(Action::Deny), Just(Action::Reject)];
        let one = (side(), side(), prop::option::of((0u64..3).prop_map(ScheduleId)), action);
        prop::collection::vec(one, 1..30).prop_map(|list| {
            let policy = |(id, (source, destination, schedule, action)): (u32, _)| Policy {
                id: PolicyId(id),
                identity: RuleIdentity(id.into()),
                name: id.to_string().into(),
                source,
                destination,
                applications: vec![Application {
                    proto: None,
                    source_ports: PortRange::ANY,
                    destination_ports: PortRange::ANY,
                    icmp: None,
                    inactivity_timeout: None,
                    gateway: ravelin_program::Gateway::ByPort,
                    name: 0,
                }]
                .into(),
                action,
                log: LogWhen::default(),
                count: false,
                schedule,
                tcp: PolicyTcp::default(),
                translated: Default::default(),
            };
            (1..).zip(list).map(|item| (ZoneMatch::default(), policy(item))).collect()
        })
    }

    fn tuple((v4, src, dst): (bool, u8, u8)) -> Tuple {
        let family = if v4 { Family::V4 } else { Family::V6 };
        Tuple {
            from: ZoneId(1),
            to: ZoneId(2),
            family,
            src: Addr(src.into()),
            dst_family: family,
            dst: Addr(dst.into()),
            proto: Proto::UDP,
            sport: 1,
            dport: 2,
            icmp: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]
        #[test]
        fn a_section_follows_the_world_as_a_naive_reading_does(
            policies in policies(),
            cut in 1usize..9,
            worlds in prop::collection::vec(world(), 1..5),
            tuples in prop::collection::vec((any::<bool>(), 0u8..16, 0u8..16).prop_map(tuple), 30),
        ) {
            let run = |policies: &[(ZoneMatch, Policy)]| {
                let content = PolicySection { zones: ZoneMatch::default(), policies: policies.to_vec() };
                let chunk = Arc::new(Chunk::Section(content));
                Run::new(&Digest::of(&chunk.encode()), &chunk, &ZoneMarks::default()).unwrap()
            };
            let runs = policies.chunks(cut).map(run).collect();
            let (mut live, mut sets) = (Live::default(), Sets::new());
            let mut section =
                Section::build(runs, None, &mut Ground { live: &live, zones: &ZoneMarks::default(), sets: &mut sets }).unwrap();
            for world in worlds {
                live = live.updated(&world.update()).unwrap();
                if let Some(revised) = section.revised(&mut Ground { live: &live, zones: &ZoneMarks::default(), sets: &mut sets }) {
                    section = revised.unwrap();
                }
                for tuple in &tuples {
                    prop_assert_eq!(section.find(tuple), world.decides(&policies, tuple));
                }
            }
        }
    }
}
