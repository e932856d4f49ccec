//! A policy section and what finds the first of its policies that matches.
//!
//! Junos: `security policies from-zone to-zone` and `global`. Built by the control thread; a section that a commit
//! leaves alone is taken over as it is, one that changed a little shares the rest (docs/adr/0003-classifier.md). The
//! program has a long section in runs; those of one digest hold the same policies.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ravelin_classify::{
    AddressRange, AddressSet, Addresses, BuildError, Change, Classifier, Edit, IcmpRange, PortRange, Rule,
    RuleKey, Term, Wildcard, changes,
};
use ravelin_program::{AddressMatch, Application, Chunk, Digest, Policy, PolicySection, Prefix, ZoneMatch};
use ravelin_types::{Addr, Family, ZoneId};

use super::policy::{Tuple, examine};
use super::portable::{Said, ZoneMarks};
use super::present::{Hangs, Present, PresentPolicy};
use crate::explain::Condition;
use crate::live::Live;

/// A list as short as this is walked faster than it is looked up.
const WALK_MAX: usize = 8;

/// Sets of addresses by content: rules that name the same addresses share them.
pub(super) type Sets = HashMap<ravelin_program::Ranges, Arc<AddressSet>>;

/// Consecutive policies of a section, as the program has them.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub digest: Digest,
    chunk: Arc<Chunk>,
    /// What its policies say on every node.
    said: Said,
    /// What its policies hang on, by place in the run.
    hangs: Arc<Hangs>,
    /// A policy in it has TCP rules of its own.
    pub has_tcp: bool,
    /// Places of policies that name `junos-host` themselves.
    of_self: Arc<[u32]>,
}

/// A section with its index.
#[derive(Debug)]
pub(super) struct Section {
    /// Of what its policies say, on every node the same.
    digest: u64,
    /// What its policies say and how the world is that they hang on: another number, other verdicts.
    pub judged_by: u64,
    runs: Vec<Run>,
    /// Policies before each run, and all.
    starts: Vec<u32>,
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
    pub zones: &'a ZoneMarks,
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

impl Run {
    /// `None`: the chunk is of another kind.
    pub(super) fn new(digest: &Digest, chunk: &Arc<Chunk>, zones: &ZoneMarks) -> Option<Self> {
        let Chunk::Section(section) = &**chunk else { return None };
        let said = Said::of(&section.policies, zones);
        let hangs = Arc::new(Hangs::of(&section.policies));
        let has_tcp = section.policies.iter().any(|(_, policy)| !policy.tcp.is_default());
        let names_host =
            |zones: &ZoneMatch| zones.from.iter().chain(&zones.to).any(|zone| *zone == ZoneId::HOST);
        let policies = (0..).zip(&section.policies);
        let of_self = policies.filter(|(_, (zones, _))| names_host(zones)).map(|(place, _)| place).collect();
        Some(Self { digest: *digest, chunk: chunk.clone(), said, hangs, has_tcp, of_self })
    }

    fn section(&self) -> &PolicySection {
        match &*self.chunk {
            Chunk::Section(section) => section,
            other => unreachable!("a chunk of kind {} is no section", other.kind()),
        }
    }

    pub(super) fn zones(&self) -> &ZoneMatch {
        &self.section().zones
    }

    pub(super) fn policies(&self) -> &[(ZoneMatch, Policy)] {
        &self.section().policies
    }
}

impl Section {
    /// `runs`: at least one, all of one zone match. `before`: the same section of the program before, or of the world
    /// before.
    pub(super) fn build(
        runs: Vec<Run>,
        before: Option<&Self>,
        ground: &mut Ground<'_>,
    ) -> Result<Self, BuildError> {
        let mut starts = vec![0];
        let mut count = 0;
        for run in &runs {
            count += run.policies().len();
            starts.push(u32::try_from(count).map_err(|_| BuildError::TooManyRules { count })?);
        }
        let digest =
            Said::of_section(runs.first().map(Run::zones), runs.iter().map(|r| r.said), ground.zones);
        let hangs = match before.filter(|before| before.is_of(&runs)) {
            Some(same) => Arc::clone(&same.hangs),
            None => Arc::new(Hangs::of_all(starts.iter().copied().zip(runs.iter().map(|run| &*run.hangs)))),
        };
        let judged_by = hangs.judged_by(digest, ground.live);
        let mut section = Self {
            digest,
            judged_by,
            runs,
            starts,
            hangs,
            present: Present::default(),
            index: None,
            places: None,
        };
        section.present = Present::of(&section.hangs, |place| section.get(place), ground);
        if count <= WALK_MAX {
            return Ok(section);
        }
        let places = section.present.in_force(count);
        let old = before.and_then(|before| before.index.as_ref().map(|index| (before, index)));
        let index = match old {
            Some((before, index)) => index.edited(&section.edits(before, places.as_deref(), ground.sets))?,
            None => Classifier::build(section.rules(places.as_deref(), ground.sets))?,
        };
        section.index = Some(index);
        section.places = places;
        Ok(section)
    }

    /// Whether it is of these runs.
    fn is_of(&self, runs: &[Run]) -> bool {
        self.runs.iter().map(|run| run.digest).eq(runs.iter().map(|run| run.digest))
    }

    /// Whether it is what these runs make in this world.
    pub(super) fn is(&self, runs: &[Run], live: &Live) -> bool {
        self.is_of(runs) && self.hangs.judged_by(self.digest, live) == self.judged_by
    }

    /// The same section where the world is otherwise; `None`: nothing that it hangs on has changed.
    pub(super) fn revised(&self, ground: &mut Ground<'_>) -> Option<Result<Self, BuildError>> {
        let changed = self.hangs.judged_by(self.digest, ground.live) != self.judged_by;
        changed.then(|| Self::build(self.runs.clone(), Some(self), ground))
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(super) fn zones(&self) -> &ZoneMatch {
        static ANY: ZoneMatch = ZoneMatch::any();
        self.runs.first().map_or(&ANY, Run::zones)
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = &(ZoneMatch, Policy)> {
        self.runs.iter().flat_map(Run::policies)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.last().map_or(0, |count| *count as usize)
    }

    /// The policies that hang on the world, with their places.
    pub(super) fn hanging(&self) -> impl Iterator<Item = (u32, &Policy)> {
        self.hangs.places().filter_map(|place| Some((place, &self.get(place as usize)?.1)))
    }

    /// The places of policies that name `junos-host` themselves.
    pub(super) fn of_self(&self) -> impl Iterator<Item = u32> {
        let runs = self.runs.iter().zip(&self.starts);
        runs.flat_map(|(run, start)| run.of_self.iter().map(move |place| start + place))
    }

    /// The place of the first policy that matches.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<usize> {
        let Some(index) = &self.index else {
            let mut policies = self.policies().enumerate();
            return policies
                .find(|(place, item)| self.examine(*place, item, tuple).is_ok())
                .map(|(place, _)| place);
        };
        let rank = index.lookup(&asked(tuple))?.rank as usize;
        Some(self.places.as_ref().map_or(rank, |places| places[rank] as usize))
    }

    /// The application term of a policy that matched, or the first condition that failed. `item`: what is in this place.
    pub(super) fn examine<'p>(
        &self,
        place: usize,
        (zones, policy): &'p (ZoneMatch, Policy),
        tuple: &Tuple,
    ) -> Result<&'p Application, Condition> {
        match self.present.get(place) {
            None => examine(zones, policy, tuple),
            Some(present) => present.examine(zones, policy, tuple),
        }
    }

    pub(super) fn present(&self, place: usize) -> Option<&PresentPolicy> {
        self.present.get(place)
    }

    /// The policy of a place.
    pub(super) fn get(&self, place: usize) -> Option<&(ZoneMatch, Policy)> {
        let at = u32::try_from(place).ok()?;
        let run = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        self.runs.get(run)?.policies().get((at - self.starts[run]) as usize)
    }

    fn rules(&self, places: Option<&[u32]>, sets: &mut Sets) -> Vec<Rule> {
        let in_force = |place: usize| places.is_none_or(|all| all.binary_search(&(place as u32)).is_ok());
        let all = self.policies().enumerate().filter(|(place, _)| in_force(*place));
        all.map(|(place, item)| self.rule(place, item, sets)).collect()
    }

    fn edits(&self, before: &Self, places: Option<&[u32]>, sets: &mut Sets) -> Vec<Edit> {
        if self.hangs.is_empty() && before.hangs.is_empty() {
            return self.edits_by_runs(before, sets);
        }
        let (old, new) = (before.items(before.places.as_deref()), self.items(places));
        let edit = |change| match change {
            Change::Remove { rank } => Some(Edit::Remove { rank }),
            Change::Insert { before, new } => {
                let place = places.map_or(new, |places| places[new] as usize);
                let rule = self.rule(place, self.get(place)?, sets);
                Some(Edit::Insert { before, rule })
            }
        };
        changes(&old, &new, |item| item.policy.id.0).into_iter().filter_map(edit).collect()
    }

    /// Runs that both have in one order stay, between them policies are compared.
    fn edits_by_runs(&self, before: &Self, sets: &mut Sets) -> Vec<Edit> {
        let places: HashMap<Digest, usize> =
            before.runs.iter().enumerate().map(|(at, run)| (run.digest, at)).collect();
        let mut out = Vec::new();
        // Runs before these are done with.
        let (mut old_at, mut new_at) = (0, 0);
        for (at, run) in self.runs.iter().enumerate() {
            if let Some(place) = places.get(&run.digest).copied().filter(|place| *place >= old_at) {
                between((before, old_at..place), (self, new_at..at), sets, &mut out);
                (old_at, new_at) = (place + 1, at + 1);
            }
        }
        between((before, old_at..before.runs.len()), (self, new_at..self.runs.len()), sets, &mut out);
        out
    }

    fn items(&self, places: Option<&[u32]>) -> Vec<Item<'_>> {
        let mark = |place| self.present.get(place).map_or(0, |present| present.mark);
        let in_force = |place: usize| places.is_none_or(|all| all.binary_search(&(place as u32)).is_ok());
        let all = self.policies().enumerate().filter(|(place, _)| in_force(*place));
        all.map(|(place, (zones, policy))| Item { zones, policy, mark: mark(place) }).collect()
    }

    fn rule(&self, place: usize, item: &(ZoneMatch, Policy), sets: &mut Sets) -> Rule {
        let present = self.present.get(place);
        let source = present.and_then(|p| p.source.clone());
        let destination = present.and_then(|p| p.destination.clone());
        rule(item, (source, destination), sets)
    }
}

/// What leads from some runs to others.
fn between(
    (old, old_runs): (&Section, Range<usize>),
    (new, new_runs): (&Section, Range<usize>),
    sets: &mut Sets,
    out: &mut Vec<Edit>,
) {
    let first = old.starts[old_runs.start];
    let old: Vec<_> = old.runs[old_runs].iter().flat_map(Run::policies).collect();
    let new: Vec<_> = new.runs[new_runs].iter().flat_map(Run::policies).collect();
    let edit = |change| match change {
        Change::Remove { rank } => Edit::Remove { rank: first + rank },
        Change::Insert { before, new: at } => {
            Edit::Insert { before: first + before, rule: rule(new[at], (None, None), sets) }
        }
    };
    out.extend(changes(&old, &new, |(_, policy)| policy.id.0).into_iter().map(edit));
}

/// `present`: source and destination where they are not as the program says.
fn rule(
    (zones, policy): &(ZoneMatch, Policy),
    (source, destination): (Option<Addresses>, Option<Addresses>),
    sets: &mut Sets,
) -> Rule {
    let some = |list: &[ZoneId]| (!list.is_empty()).then(|| list.into());
    Rule {
        key: RuleKey(policy.id.0),
        from: ravelin_classify::Zones(some(&zones.from)),
        to: ravelin_classify::Zones(some(&zones.to)),
        source: source.unwrap_or_else(|| addresses(&policy.source, sets)),
        destination: destination.unwrap_or_else(|| addresses(&policy.destination, sets)),
        terms: policy.applications.iter().map(term).collect(),
    }
}

fn addresses(list: &AddressMatch, sets: &mut Sets) -> Addresses {
    Addresses { sets: Arc::new([fixed_set(list, sets)]), excluded: list.excluded }
}

/// What of a list the program itself says.
pub(super) fn fixed_set(list: &AddressMatch, sets: &mut Sets) -> Arc<AddressSet> {
    let range = |p: Prefix| AddressRange { family: p.family, first: p.first, last: p.last };
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
    use ravelin_program::{Action, IcmpMatch, LogWhen, PolicyTcp};
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
        let listed = (prop::collection::vec(range(), 0..3), any::<bool>()).prop_map(|(ranges, excluded)| {
            AddressMatch { ranges: ranges.into(), excluded, ..AddressMatch::default() }
        });
        prop_oneof![Just(AddressMatch::any()), listed]
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
                gateway: ravelin_program::Gateway::ByPort,
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
                        name: id.to_string().into(),
                        source,
                        destination,
                        applications: applications.into(),
                        action: Action::Permit,
                        log: LogWhen::default(),
                        count: false,
                        schedule: None,
                        tcp: PolicyTcp::default(),
                        translated: Default::default(),
                    };
                    (ZoneMatch { from: from.into(), to: to.into() }, policy)
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

    /// Cut into runs of this many.
    fn section(policies: &[(ZoneMatch, Policy)], cut: usize, before: Option<&Section>) -> Section {
        let run = |policies: &[(ZoneMatch, Policy)]| {
            let content = PolicySection { zones: ZoneMatch::default(), policies: policies.to_vec() };
            let chunk = Arc::new(Chunk::Section(content));
            Run::new(&Digest::of(&chunk.encode()), &chunk, &ZoneMarks::default()).unwrap()
        };
        let (live, zones) = (&Live::default(), &ZoneMarks::default());
        let mut ground = Ground { live, zones, sets: &mut Sets::new() };
        Section::build(policies.chunks(cut).map(run).collect(), before, &mut ground).unwrap()
    }

    fn found(section: &Section, tuple: &Tuple) -> Option<PolicyId> {
        section.find(tuple).map(|place| section.get(place).unwrap().1.id)
    }

    fn walked(policies: &[(ZoneMatch, Policy)], tuple: &Tuple) -> Option<PolicyId> {
        let found = policies.iter().find(|(zones, policy)| examine(zones, policy, tuple).is_ok());
        found.map(|(_, policy)| policy.id)
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]
        #[test]
        fn the_index_finds_what_a_walk_finds_and_still_does_after_a_commit(
            first in policies(),
            second in policies(),
            cut in 0usize..9,
            runs in (1usize..9, 1usize..9),
            tuples in prop::collection::vec(tuple(), 40),
        ) {
            let before = section(&first, runs.0, None);
            // What a commit does: some of the old list stays, some is new.
            let mut after: Vec<_> = first[cut..].iter().chain(&second[..cut]).cloned().collect();
            (1..).zip(&mut after).for_each(|(id, (_, policy))| if policy.id.0 < cut as u32 { policy.id = PolicyId(1000 + id) });
            let edited = section(&after, runs.1, Some(&before));
            for tuple in &tuples {
                prop_assert_eq!(found(&before, tuple), walked(&first, tuple));
                prop_assert_eq!(found(&edited, tuple), walked(&after, tuple));
            }
        }
    }
}
