//! A policy section and what finds the first of its policies that matches.
//!
//! Junos: `security policies from-zone to-zone` and `global`. Built by the control thread; a section that a commit
//! leaves alone is taken over as it is, one that changed a little shares the rest (docs/adr/0003-classifier.md).

use std::collections::HashMap;
use std::sync::Arc;

use ravelin_classify::{
    AddressRange, AddressSet, Addresses, BuildError, Change, Classifier, Edit, IcmpRange, PortRange, Rule,
    RuleKey, Term, Wildcard, changes,
};
use ravelin_program::{AddressMatch, Application, Chunk, Policy, PolicySection, Prefix, ZoneMatch};
use ravelin_types::{Addr, Family, ZoneId};

use super::policy::{Tuple, examine};
use super::present::{Hangs, Present, PresentPolicy};
use crate::explain::Condition;
use crate::live::Live;

/// A list as short as this is walked faster than it is looked up.
const WALK_MAX: usize = 8;

/// Sets of addresses by content: rules that name the same addresses share them.
pub(super) type Sets = HashMap<Vec<Prefix>, Arc<AddressSet>>;

/// A section with its index.
#[derive(Debug)]
pub(super) struct Section {
    pub digest: u64,
    /// What its policies say and how the world is that they hang on: another number, other verdicts.
    pub judged_by: u64,
    chunk: Arc<Chunk>,
    hangs: Arc<Hangs>,
    /// Policies that hang on the world, as they are now.
    present: Present,
    /// `None`: short enough to walk. Policies that are not in force are not in it.
    index: Option<Classifier>,
    /// The place of each rule of the index; `None`: the same as its rank.
    places: Option<Box<[u32]>>,
}

/// What a section is built with.
pub(super) struct Ground<'a> {
    pub live: &'a Live,
    pub sets: &'a mut Sets,
}

/// A policy in force, for the index.
#[derive(PartialEq)]
struct Item<'a> {
    zones: &'a ZoneMatch,
    policy: &'a Policy,
    /// Of the sets that it names.
    mark: u64,
}

impl Section {
    /// `before`: the same section of the program before, or of the world before.
    pub(super) fn build(
        digest: u64,
        chunk: &Arc<Chunk>,
        before: Option<&Self>,
        ground: &mut Ground<'_>,
    ) -> Result<Self, BuildError> {
        let policies = policies_of(chunk);
        let same = before.filter(|before| before.digest == digest);
        let hangs = same.map_or_else(|| Arc::new(Hangs::of(policies)), |before| Arc::clone(&before.hangs));
        let judged_by = hangs.judged_by(digest, ground.live);
        let present = Present::of(&hangs, policies, ground);
        let chunk = Arc::clone(chunk);
        let mut section = Self { digest, judged_by, chunk, hangs, present, index: None, places: None };
        if section.policies().len() <= WALK_MAX {
            return Ok(section);
        }
        let places = section.present.in_force(section.policies().len());
        let old = before.and_then(|before| before.index.as_ref().map(|index| (before, index)));
        let index = match old {
            Some((before, index)) => index.edited(&section.edits(before, places.as_deref(), ground.sets))?,
            None => Classifier::build(section.rules(places.as_deref(), ground.sets))?,
        };
        section.index = Some(index);
        section.places = places;
        Ok(section)
    }

    pub(super) fn zones(&self) -> &ZoneMatch {
        &section_of(&self.chunk).zones
    }

    pub(super) fn policies(&self) -> &[(ZoneMatch, Policy)] {
        policies_of(&self.chunk)
    }

    /// The same section where the world is otherwise; `None`: nothing that it hangs on has changed.
    pub(super) fn revised(&self, ground: &mut Ground<'_>) -> Option<Result<Self, BuildError>> {
        let changed = self.hangs.judged_by(self.digest, ground.live) != self.judged_by;
        changed.then(|| Self::build(self.digest, &self.chunk, Some(self), ground))
    }

    /// Whether it is what a chunk of this digest makes in this world.
    pub(super) fn is(&self, digest: u64, live: &Live) -> bool {
        self.digest == digest && self.hangs.judged_by(digest, live) == self.judged_by
    }

    /// The place of the first policy that matches.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<usize> {
        let Some(index) = &self.index else {
            return (0..self.policies().len()).find(|place| self.examine(*place, tuple).is_ok());
        };
        let rank = index.lookup(&asked(tuple))?.rank as usize;
        Some(self.places.as_ref().map_or(rank, |places| places[rank] as usize))
    }

    /// The application term of a policy that matched, or the first condition that failed.
    pub(super) fn examine(&self, place: usize, tuple: &Tuple) -> Result<&Application, Condition> {
        let (zones, policy) = &self.policies()[place];
        match self.present.get(place) {
            None => examine(zones, policy, tuple),
            Some(present) => present.examine(zones, policy, tuple),
        }
    }

    pub(super) fn present(&self, place: usize) -> Option<&PresentPolicy> {
        self.present.get(place)
    }

    fn rules(&self, places: Option<&[u32]>, sets: &mut Sets) -> Vec<Rule> {
        match places {
            None => (0..self.policies().len()).map(|place| self.rule(place, sets)).collect(),
            Some(places) => places.iter().map(|place| self.rule(*place as usize, sets)).collect(),
        }
    }

    fn edits(&self, before: &Self, places: Option<&[u32]>, sets: &mut Sets) -> Vec<Edit> {
        let as_it_stands = |section: &Self| section.hangs.is_empty();
        if as_it_stands(self) && as_it_stands(before) {
            let changes = changes(before.policies(), self.policies(), |(_, policy)| policy.id.0);
            return changes.into_iter().map(|change| self.edit(change, None, sets)).collect();
        }
        let (old, new) = (before.items(before.places.as_deref()), self.items(places));
        let changes = changes(&old, &new, |item| item.policy.id.0);
        changes.into_iter().map(|change| self.edit(change, places, sets)).collect()
    }

    fn edit(&self, change: Change, places: Option<&[u32]>, sets: &mut Sets) -> Edit {
        match change {
            Change::Remove { rank } => Edit::Remove { rank },
            Change::Insert { before, new } => {
                let place = places.map_or(new, |places| places[new] as usize);
                Edit::Insert { before, rule: self.rule(place, sets) }
            }
        }
    }

    fn items(&self, places: Option<&[u32]>) -> Vec<Item<'_>> {
        let item = |place: usize| {
            let (zones, policy) = &self.policies()[place];
            Item { zones, policy, mark: self.present.get(place).map_or(0, |present| present.mark) }
        };
        match places {
            None => (0..self.policies().len()).map(item).collect(),
            Some(places) => places.iter().map(|place| item(*place as usize)).collect(),
        }
    }

    fn rule(&self, place: usize, sets: &mut Sets) -> Rule {
        let (zones, policy) = &self.policies()[place];
        let present = self.present.get(place);
        let some = |list: &[ZoneId]| (!list.is_empty()).then(|| list.into());
        let source = present.and_then(|p| p.source.clone());
        let destination = present.and_then(|p| p.destination.clone());
        Rule {
            key: RuleKey(policy.id.0),
            from: ravelin_classify::Zones(some(&zones.from)),
            to: ravelin_classify::Zones(some(&zones.to)),
            source: source.unwrap_or_else(|| addresses(&policy.source, sets)),
            destination: destination.unwrap_or_else(|| addresses(&policy.destination, sets)),
            terms: policy.applications.iter().map(term).collect(),
        }
    }
}

fn section_of(chunk: &Chunk) -> &PolicySection {
    match chunk {
        Chunk::Section(section) => section,
        other => unreachable!("a chunk of kind {} is no section", other.kind()),
    }
}

fn policies_of(chunk: &Chunk) -> &[(ZoneMatch, Policy)] {
    &section_of(chunk).policies
}

fn addresses(list: &AddressMatch, sets: &mut Sets) -> Addresses {
    Addresses { sets: Arc::new([fixed_set(list, sets)]), excluded: list.excluded }
}

/// What of a list the program itself says.
pub(super) fn fixed_set(list: &AddressMatch, sets: &mut Sets) -> Arc<AddressSet> {
    let range = |p: &Prefix| AddressRange { family: p.family, first: p.first, last: p.last };
    if !list.wildcards.is_empty() {
        let wildcards = list.wildcards.iter().map(|w| Wildcard {
            family: Family::V4,
            addr: Addr(w.addr.into()),
            mask: Addr(w.mask.into()),
        });
        return Arc::new(AddressSet::new(list.ranges.iter().map(range), wildcards));
    }
    match sets.get(&list.ranges) {
        Some(set) => Arc::clone(set),
        None => {
            let set = Arc::new(AddressSet::new(list.ranges.iter().map(range), []));
            sets.insert(list.ranges.clone(), Arc::clone(&set));
            set
        }
    }
}

fn term(application: &Application) -> Term {
    let ports = |r: ravelin_program::PortRange| PortRange { low: r.low, high: r.high };
    let octet = |value: Option<u8>| value.map_or((0, u8::MAX), |value| (value, value));
    Term {
        family: None,
        proto: application.proto,
        source_ports: ports(application.source_ports),
        destination_ports: ports(application.destination_ports),
        icmp: application.icmp.map(|m| IcmpRange { kind: octet(m.kind), code: octet(m.code) }),
    }
}

fn asked(tuple: &Tuple) -> ravelin_classify::Tuple {
    let Tuple { from, to, family, src, dst_family, dst, proto, sport, dport, icmp } = *tuple;
    ravelin_classify::Tuple { from, to, family, src, dst_family, dst, proto, sport, dport, icmp }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ravelin_program::{Action, Digest, IcmpMatch, LogWhen, PolicyTcp};
    use ravelin_types::{PolicyId, Proto, RuleIdentity};

    const PROTOS: [Proto; 4] = [Proto::TCP, Proto::UDP, Proto::ICMP, Proto(47)];

    fn family() -> impl Strategy<Value = Family> {
        prop_oneof![Just(Family::V4), Just(Family::V6)]
    }

    fn range() -> impl Strategy<Value = Prefix> {
        (family(), 0u8..12, 0u8..4).prop_map(|(family, first, more)| Prefix {
            family,
            first: Addr(first.into()),
            last: Addr((first + more).into()),
        })
    }

    fn address_match() -> impl Strategy<Value = AddressMatch> {
        let every = vec![Prefix::all(Family::V4), Prefix::all(Family::V6)];
        let listed = (prop::collection::vec(range(), 0..3), any::<bool>())
            .prop_map(|(ranges, excluded)| AddressMatch { ranges, excluded, ..AddressMatch::default() });
        prop_oneof![Just(AddressMatch { ranges: every, ..AddressMatch::default() }), listed]
    }

    fn application() -> impl Strategy<Value = Application> {
        let port = || {
            (0u16..6, 0u16..3).prop_map(|(low, more)| ravelin_program::PortRange { low, high: low + more })
        };
        (prop::option::of(0usize..4), port(), port(), prop::option::of((prop::option::of(0u8..3), 0u8..2)))
            .prop_map(|(proto, source_ports, destination_ports, icmp)| Application {
                // The compiler writes the protocol beside every ICMP condition.
                proto: if icmp.is_some() { Some(Proto::ICMP) } else { proto.map(|at| PROTOS[at]) },
                source_ports,
                destination_ports,
                icmp: icmp.map(|(kind, code)| IcmpMatch { kind, code: Some(code) }),
                inactivity_timeout: None,
                name: 0,
            })
    }

    fn policies() -> impl Strategy<Value = Vec<(ZoneMatch, Policy)>> {
        let zones = || prop::collection::vec((1u16..4).prop_map(ZoneId), 0..2);
        let terms = prop::collection::vec(application(), 0..3);
        let one = (zones(), zones(), address_match(), address_match(), terms);
        prop::collection::vec(one, WALK_MAX + 1..40).prop_map(|list| {
            (1..)
                .zip(list)
                .map(|(id, (from, to, source, destination, applications))| {
                    let policy = Policy {
                        id: PolicyId(id),
                        identity: RuleIdentity(id.into()),
                        name: id.to_string(),
                        source,
                        destination,
                        applications,
                        action: Action::Permit,
                        log: LogWhen::default(),
                        count: false,
                        schedule: None,
                        tcp: PolicyTcp::default(),
                    };
                    (ZoneMatch { from, to }, policy)
                })
                .collect()
        })
    }

    fn tuple() -> impl Strategy<Value = Tuple> {
        let icmp = prop::option::of((0u8..4, 0u8..3));
        ((1u16..4, 1u16..4), (family(), family()), (0u8..16, 0u8..16), 0usize..4, (0u16..9, 0u16..9), icmp)
            .prop_map(|((from, to), (family, dst_family), (src, dst), proto, (sport, dport), icmp)| Tuple {
                from: ZoneId(from),
                to: ZoneId(to),
                family,
                src: Addr(src.into()),
                dst_family,
                dst: Addr(dst.into()),
                proto: PROTOS[proto],
                sport,
                dport,
                icmp: icmp.filter(|_| PROTOS[proto] == Proto::ICMP),
            })
    }

    fn section(policies: &[(ZoneMatch, Policy)], before: Option<&Section>) -> Section {
        let content = PolicySection { zones: ZoneMatch::default(), policies: policies.to_vec() };
        let chunk = Arc::new(Chunk::Section(content));
        let digest = Digest::of(&chunk.encode()).short();
        let mut ground = Ground { live: &Live::default(), sets: &mut Sets::new() };
        Section::build(digest, &chunk, before, &mut ground).unwrap()
    }

    fn walked(policies: &[(ZoneMatch, Policy)], tuple: &Tuple) -> Option<usize> {
        policies.iter().position(|(zones, policy)| examine(zones, policy, tuple).is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]
        #[test]
        fn the_index_finds_what_a_walk_finds_and_still_does_after_a_commit(
            first in policies(),
            second in policies(),
            cut in 0usize..9,
            tuples in prop::collection::vec(tuple(), 40),
        ) {
            let before = section(&first, None);
            // What a commit does: some of the old list stays, some is new.
            let mut after: Vec<_> = first[cut..].iter().chain(&second[..cut]).cloned().collect();
            (1..).zip(&mut after).for_each(|(id, (_, policy))| if policy.id.0 < cut as u32 { policy.id = PolicyId(1000 + id) });
            let edited = section(&after, Some(&before));
            for tuple in &tuples {
                prop_assert_eq!(before.find(tuple), walked(&first, tuple));
                prop_assert_eq!(edited.find(tuple), walked(&after, tuple));
            }
        }
    }
}
