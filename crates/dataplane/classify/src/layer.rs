//! A list of rules with the planes that find them: the base of a classifier, or its overlay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::conditions::Effort;
use crate::plane::Plane;
use crate::rows::ENTRIES_MAX;
use crate::rule::Rule;
use crate::service;
use crate::view::View;

/// Rules of one list at most.
pub const RULES_MAX: usize = (1 << 22) - 1;

/// A list that can't be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// More than [`RULES_MAX`].
    TooManyRules { count: usize },
    /// An edit names a rank that the list does not have, or removes one twice.
    NoSuchRank { rank: u32 },
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooManyRules { count } => write!(f, "{count} rules are more than {RULES_MAX}"),
            Self::NoSuchRank { rank } => write!(f, "the list has no rule of rank {rank} to change"),
        }
    }
}

impl std::error::Error for BuildError {}

#[derive(Debug)]
pub(crate) struct Layer {
    pub rules: Box<[Rule]>,
    /// Each of consecutive rules; more than one only beyond [`ENTRIES_MAX`].
    pub planes: Box<[Plane]>,
}

impl Layer {
    pub(crate) fn build(rules: Vec<Rule>, effort: Effort) -> Self {
        let mut planes = Vec::new();
        let (mut first, mut entries) = (0, 0);
        for (at, rule) in rules.iter().enumerate() {
            let more = service::count(&rule.terms);
            if entries > 0 && entries + more > ENTRIES_MAX {
                planes.push(Plane::build(&rules[first..at], first, effort));
                (first, entries) = (at, 0);
            }
            entries += more;
        }
        // Rules without a term that could hold have no entry.
        if entries > 0 {
            planes.push(Plane::build(&rules[first..], first, effort));
        }
        Self { rules: rules.into(), planes: planes.into() }
    }

    /// `order_of`: by rule.
    pub(crate) fn views(&self, order_of: impl Fn(u32) -> u32) -> Box<[View]> {
        self.planes.iter().map(|plane| View::new(plane, &self.rules, &order_of)).collect()
    }

    /// Bytes of planes, rules, and sets that `seen` does not have yet.
    pub(crate) fn bytes(&self, seen: &mut HashSet<usize>) -> usize {
        let planes: usize = self.planes.iter().map(Plane::bytes).sum();
        let mut rules = size_of_val(&*self.rules);
        for rule in &self.rules {
            if seen.insert(rule.terms.as_ptr().addr()) {
                rules += size_of_val(&*rule.terms);
            }
            for addresses in [&rule.source, &rule.destination] {
                if seen.insert(addresses.sets.as_ptr().addr()) {
                    rules += size_of_val(&*addresses.sets);
                }
                let sets = addresses.sets.iter().filter(|set| seen.insert(Arc::as_ptr(set).addr()));
                rules += sets.map(|set| set.bytes()).sum::<usize>();
            }
        }
        planes + rules
    }
}

#[cfg(test)]
mod tests {
    use ravelin_types::{Addr, Family, Proto, ZoneId};

    use super::*;
    use crate::order::of_base;
    use crate::range::{AddressRange, AddressSet, PortRange};
    use crate::rule::{Addresses, RuleKey, Term, Tuple, Zones};

    /// Ranges that all overlap, some with a second range or turned round, in both families.
    fn overlapping(count: u32) -> Vec<Rule> {
        let addresses = |n: u32, salt: u32| {
            let low = (n * salt) % count * 8;
            let range = |family, first, last| AddressRange { family, first: Addr(first), last: Addr(last) };
            let (first, last) = (u128::from(low), u128::from(count * 16 - low / 2));
            let mut ranges = vec![range(Family::V4, first, last), range(Family::V6, first + 5, last + 5)];
            if n.is_multiple_of(3) {
                ranges.push(range(Family::V4, 1 << 30, (1 << 30) + first));
            }
            Addresses {
                excluded: n.is_multiple_of(5),
                ..Addresses::of(Arc::new(AddressSet::new(ranges, [])))
            }
        };
        let term = |n: u32| {
            let ports = PortRange { low: (n % 500) as u16, high: (n % 500 + 20) as u16 };
            Term { proto: Some(Proto::TCP), destination_ports: ports, ..Term::ANY }
        };
        (0..count)
            .map(|n| Rule {
                key: RuleKey(n),
                from: Zones(None),
                to: Zones(None),
                source: addresses(n, 7),
                destination: addresses(n, 11),
                terms: [term(n)].into(),
            })
            .collect()
    }

    /// From group to group: seven groups of a hundred scattered networks, some excluded, an address in several of them.
    fn grouped(count: u32) -> Vec<Rule> {
        let mut seed = 5u64;
        let mut draw = |end: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as u32 % end
        };
        let groups: Vec<Arc<AddressSet>> = (0..7u32)
            .map(|at| {
                let ranges = (0..200u32).map(|n| {
                    let first = u128::from(draw(count * 17));
                    let family = if n.is_multiple_of(2) || at == 0 { Family::V4 } else { Family::V6 };
                    AddressRange { family, first: Addr(first), last: Addr(first + 64) }
                });
                Arc::new(AddressSet::new(ranges, []))
            })
            .collect();
        let mut rules = overlapping(count);
        for (n, rule) in rules.iter_mut().enumerate() {
            let mut group = || Addresses {
                sets: (0..=draw(2)).map(|_| groups[draw(7) as usize].clone()).collect(),
                excluded: n.is_multiple_of(6),
            };
            (rule.source, rule.destination) = (group(), group());
        }
        rules
    }

    #[test]
    fn groups_of_many_rules_are_joined_by_the_lookup() {
        check(2500, &grouped(2500));
    }

    #[test]
    fn what_rows_leave_open_is_asked_of_the_rules() {
        check(2500, &overlapping(2500));
    }

    /// However little a build may do, the answer is that of the walk.
    fn check(count: u32, rules: &[Rule]) {
        for rows in [0, 20_000, 60_000] {
            for ranges in [1, usize::MAX] {
                for named in [0, usize::MAX] {
                    let layer = Layer::build(rules.to_vec(), Effort { ranges, rows, named });
                    let views = layer.views(of_base);
                    let mut seed = 9u64;
                    let mut draw = |end: u32| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (seed >> 33) as u32 % end
                    };
                    for n in 0..200 {
                        let family = if n % 2 == 0 { Family::V4 } else { Family::V6 };
                        let mut addr = || Addr(u128::from(draw(count * 17)));
                        let (src, dst) = (addr(), addr());
                        let (from, to) = (ZoneId(1), ZoneId(2));
                        let dport = draw(520) as u16;
                        let (dst_family, proto) = (family, Proto::TCP);
                        let tuple = Tuple {
                            from,
                            to,
                            family,
                            src,
                            dst_family,
                            dst,
                            proto,
                            sport: 9,
                            dport,
                            icmp: None,
                        };
                        let naive = rules.iter().position(|rule| rule.holds(&tuple));
                        let found = crate::classifier::first(&layer, &views, &tuple);
                        assert_eq!(
                            found,
                            naive.map(|rank| of_base(rank as u32)),
                            "{rows} {ranges} {named} {tuple:?}"
                        );
                    }
                }
            }
        }
    }
}
