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
    RuleKey, Term, changes,
};
use ravelin_program::{AddressMatch, Application, Chunk, Digest, Policy, PolicySection, Prefix, ZoneMatch};
use ravelin_types::ZoneId;

use super::policy::{Tuple, examine};

/// A list as short as this is walked faster than it is looked up.
const WALK_MAX: usize = 8;

/// Sets of addresses by content: rules that name the same addresses share them.
pub(super) type Sets = HashMap<Vec<Prefix>, Arc<AddressSet>>;

/// Consecutive policies of a section, as the program has them.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub digest: Digest,
    chunk: Arc<Chunk>,
}

/// A section with its index.
#[derive(Debug)]
pub(super) struct Section {
    pub digest: u64,
    runs: Vec<Run>,
    /// Policies before each run, and all.
    starts: Vec<u32>,
    /// `None`: short enough to walk.
    index: Option<Classifier>,
}

impl Run {
    /// `None`: the chunk is of another kind.
    pub(super) fn new(digest: &Digest, chunk: &Arc<Chunk>) -> Option<Self> {
        matches!(**chunk, Chunk::Section(_)).then(|| Self { digest: *digest, chunk: chunk.clone() })
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
    /// `runs`: at least one, all of one zone match. `before`: the same section of the program before.
    pub(super) fn build(runs: Vec<Run>, before: Option<&Self>, sets: &mut Sets) -> Result<Self, BuildError> {
        let mut starts = vec![0];
        let mut count = 0;
        for run in &runs {
            count += run.policies().len();
            starts.push(u32::try_from(count).map_err(|_| BuildError::TooManyRules { count })?);
        }
        let digest = Digest::of_all(runs.iter().map(|run| run.digest)).short();
        let mut section = Self { digest, runs, starts, index: None };
        if count > WALK_MAX {
            let index = match before.and_then(|before| before.index.as_ref().map(|index| (before, index))) {
                Some((before, index)) => index.edited(&edits(before, &section, sets))?,
                None => Classifier::build(section.policies().map(|p| rule(p, sets)).collect())?,
            };
            section.index = Some(index);
        }
        Ok(section)
    }

    /// Whether it is of these runs.
    pub(super) fn is_of(&self, runs: &[Run]) -> bool {
        self.runs.iter().map(|run| run.digest).eq(runs.iter().map(|run| run.digest))
    }

    pub(super) fn zones(&self) -> &ZoneMatch {
        const ANY: &ZoneMatch = &ZoneMatch { from: Vec::new(), to: Vec::new() };
        self.runs.first().map_or(ANY, Run::zones)
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = &(ZoneMatch, Policy)> {
        self.runs.iter().flat_map(Run::policies)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.last().map_or(0, |count| *count as usize)
    }

    /// The rank of the first policy that matches.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<u32> {
        match &self.index {
            Some(index) => index.lookup(&asked(tuple)).map(|found| found.rank),
            None => {
                let found = self.policies().position(|(zones, p)| examine(zones, p, tuple).is_ok());
                found.map(|rank| rank as u32)
            }
        }
    }

    /// The policy of a rank.
    pub(super) fn get(&self, rank: u32) -> Option<&Policy> {
        let run = self.starts.partition_point(|start| *start <= rank).checked_sub(1)?;
        let place = (rank - self.starts[run]) as usize;
        self.runs.get(run)?.policies().get(place).map(|(_, policy)| policy)
    }
}

/// What leads from a section to another: runs that both have in one order stay, between them policies are compared.
fn edits(old: &Section, new: &Section, sets: &mut Sets) -> Vec<Edit> {
    let places: HashMap<Digest, usize> =
        old.runs.iter().enumerate().map(|(at, run)| (run.digest, at)).collect();
    let mut out = Vec::new();
    // Runs before these are done with.
    let (mut old_at, mut new_at) = (0, 0);
    for (at, run) in new.runs.iter().enumerate() {
        if let Some(place) = places.get(&run.digest).copied().filter(|place| *place >= old_at) {
            between((old, old_at..place), (new, new_at..at), sets, &mut out);
            (old_at, new_at) = (place + 1, at + 1);
        }
    }
    between((old, old_at..old.runs.len()), (new, new_at..new.runs.len()), sets, &mut out);
    out
}

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
            Edit::Insert { before: first + before, rule: rule(new[at], sets) }
        }
    };
    out.extend(changes(&old, &new, |(_, policy)| policy.id.0).into_iter().map(edit));
}

fn rule((zones, policy): &(ZoneMatch, Policy), sets: &mut Sets) -> Rule {
    let some = |list: &[ZoneId]| (!list.is_empty()).then(|| list.into());
    Rule {
        key: RuleKey(policy.id.0),
        from: ravelin_classify::Zones(some(&zones.from)),
        to: ravelin_classify::Zones(some(&zones.to)),
        source: addresses(&policy.source, sets),
        destination: addresses(&policy.destination, sets),
        terms: policy.applications.iter().map(term).collect(),
    }
}

fn addresses(list: &AddressMatch, sets: &mut Sets) -> Addresses {
    let range = |p: &Prefix| AddressRange { family: p.family, first: p.first, last: p.last };
    let set = match sets.get(&list.ranges) {
        Some(set) => Arc::clone(set),
        None => {
            let set = Arc::new(AddressSet::new(list.ranges.iter().map(range), []));
            sets.insert(list.ranges.clone(), Arc::clone(&set));
            set
        }
    };
    Addresses { sets: Arc::new([set]), excluded: list.excluded }
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
    use ravelin_program::{Action, IcmpMatch, LogWhen};
    use ravelin_types::{Addr, Family, PolicyId, Proto, RuleIdentity};

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
            .prop_map(|(ranges, excluded)| AddressMatch { ranges, excluded });
        prop_oneof![Just(AddressMatch { ranges: every, excluded: false }), listed]
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

    /// Cut into runs of this many.
    fn section(policies: &[(ZoneMatch, Policy)], cut: usize, before: Option<&Section>) -> Section {
        let run = |policies: &[(ZoneMatch, Policy)]| {
            let content = PolicySection { zones: ZoneMatch::default(), policies: policies.to_vec() };
            let chunk = Arc::new(Chunk::Section(content));
            Run::new(&Digest::of(&chunk.encode()), &chunk).unwrap()
        };
        Section::build(policies.chunks(cut).map(run).collect(), before, &mut Sets::new()).unwrap()
    }

    fn found(section: &Section, tuple: &Tuple) -> Option<PolicyId> {
        section.find(tuple).map(|rank| section.get(rank).unwrap().id)
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
