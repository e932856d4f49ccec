//! Lists in which few conditions hold at a point, so that lookups go by name, beside the naive walk.

use std::sync::Arc;

use ravelin_types::{Addr, Family, Proto, ZoneId};

use crate::classifier::{Classifier, Edit};
use crate::range::{AddressRange, AddressSet, PortRange, Wildcard};
use crate::rule::{Addresses, IcmpRange, Rule, RuleKey, Term, Tuple, Zones};

/// Numbers that repeat from run to run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u64::from(end) * (self.0 >> 33)) >> 31) as u32
    }

    fn one_in(&mut self, of: u32) -> bool {
        self.below(of) == 0
    }

    fn of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len() as u32) as usize]
    }
}

/// What the rules of a list are put together from.
struct Stock {
    sets: Vec<Addresses>,
    zones: Vec<Zones>,
    terms: Vec<Arc<[Term]>>,
}

/// Where ranges begin: each set begins at some of these.
const PLACES: u32 = 120;
const WIDTH: u32 = 16;

fn range(family: Family, first: u32, last: u32) -> AddressRange {
    AddressRange { family, first: Addr(first.into()), last: Addr(last.into()) }
}

/// Without `any` what has every address is excluded.
fn addresses(draw: &mut Draw, any: bool) -> Addresses {
    let kind = draw.below(60);
    let set = match kind {
        0..6 => AddressSet::any(),
        6 => AddressSet::new([AddressRange::all(Family::V4)], []),
        // The second has more holes than are written out: what it holds of is asked of the rule.
        7..12 => {
            let holes: u32 = if draw.one_in(2) { 0b100_0000_1111 } else { 0b101_0101_0101_0101_0101_0000 };
            let (addr, mask) = (Addr(draw.below(1024).into()), Addr(u128::from(!holes)));
            AddressSet::new([], [Wildcard { family: Family::V4, addr, mask }])
        }
        _ => {
            let ranges = (0..=draw.below(3)).map(|_| {
                let family = if draw.one_in(3) { Family::V6 } else { Family::V4 };
                let first = draw.below(PLACES) * WIDTH;
                range(family, first, first + draw.below(WIDTH + WIDTH / 4))
            });
            AddressSet::new(ranges.collect::<Vec<_>>(), [])
        }
    };
    let set = Arc::new(set);
    let excluded = draw.one_in(if kind < 12 { 4 } else { 40 }) || kind < 7 && !any;
    if excluded { Addresses::excluding(set) } else { Addresses::of(set) }
}

fn term(draw: &mut Draw) -> Term {
    let mut ports = |any: u32| match draw.below(any) {
        0 => {
            let low = draw.below(40) as u16;
            PortRange { low, high: low + draw.below(3) as u16 }
        }
        _ => PortRange::ANY,
    };
    let (source_ports, destination_ports) = (ports(6), ports(1));
    let icmp = IcmpRange { kind: (8, 8), code: (0, 255) };
    match draw.below(10) {
        0 => Term { proto: Some(Proto::ICMP), icmp: Some(icmp), ..Term::ANY },
        1 => Term { family: Some(Family::V6), proto: Some(Proto::UDP), ..Term::ANY },
        2 => Term::ANY,
        n => {
            let proto = Some(if n % 2 == 0 { Proto::TCP } else { Proto::UDP });
            Term { proto, source_ports, destination_ports, ..Term::ANY }
        }
    }
}

impl Stock {
    fn new(draw: &mut Draw, zones: bool, any: bool) -> Self {
        let zone = |list: &[u16]| Zones(Some(list.iter().copied().map(ZoneId).collect()));
        let mut all = vec![Zones(None), zone(&[1]), zone(&[2]), zone(&[3]), zone(&[1, 3])];
        // Too many zones for every pair of them to be written out.
        all.extend(draw.one_in(3).then(|| zone(&[3, 300])));
        all.extend(draw.one_in(3).then(|| zone(&[u16::MAX])));
        Self {
            sets: (0..80).map(|_| addresses(draw, any)).collect(),
            zones: if zones { all } else { vec![Zones(None)] },
            terms: (0..12).map(|_| (0..=draw.below(2)).map(|_| term(draw)).collect()).collect(),
        }
    }

    fn rule(&self, draw: &mut Draw, key: u32) -> Rule {
        Rule {
            key: RuleKey(key),
            from: draw.of(&self.zones).clone(),
            to: draw.of(&self.zones).clone(),
            source: draw.of(&self.sets).clone(),
            destination: draw.of(&self.sets).clone(),
            terms: draw.of(&self.terms).clone(),
        }
    }
}

fn tuple(draw: &mut Draw) -> Tuple {
    let mut end = || {
        let family = if draw.one_in(3) { Family::V6 } else { Family::V4 };
        let edge = [0, 1, WIDTH - 1, WIDTH, u32::MAX][draw.below(5) as usize];
        (family, Addr((draw.below(PLACES) * WIDTH).saturating_add(edge).into()))
    };
    let ((family, src), (dst_family, dst)) = (end(), end());
    let proto = *draw.of(&[Proto::TCP, Proto::UDP, Proto::ICMP, Proto::SCTP]);
    let zone = |draw: &mut Draw| ZoneId(*draw.of(&[0, 1, 2, 3, 1, 2, 3, 6, 7, 8, 300, u16::MAX]));
    Tuple {
        from: zone(draw),
        to: zone(draw),
        family,
        src,
        dst_family,
        dst,
        proto,
        sport: draw.below(45) as u16,
        dport: draw.below(45) as u16,
        icmp: (proto == Proto::ICMP).then(|| (8, draw.below(3) as u8)),
    }
}

/// Every answer is that of the walk, alone, from a rank on, and by sixteen.
fn check(classifier: &Classifier, draw: &mut Draw, count: usize) {
    let rules: Vec<Rule> = classifier.rules().cloned().collect();
    let tuples: Vec<Tuple> = (0..count).map(|_| tuple(draw)).collect();
    let mut batch = vec![None; tuples.len()];
    classifier.lookup_batch(&tuples, &mut batch);
    for (tuple, in_batch) in tuples.iter().zip(batch) {
        let naive: Vec<u32> =
            (0..).zip(&rules).filter(|(_, rule)| rule.holds(tuple)).map(|(at, _)| at).collect();
        let key = naive.first().map(|at| (*at, rules[*at as usize].key));
        let found = [classifier.lookup(tuple), in_batch].map(|found| found.map(|m| (m.rank, m.key)));
        assert_eq!(found, [key; 2], "{tuple:?}");
        let floor = draw.below(rules.len() as u32);
        let from = naive.iter().copied().find(|at| *at >= floor);
        assert_eq!(classifier.lookup_from(tuple, floor).map(|m| m.rank), from, "{floor} {tuple:?}");
    }
}

/// How many lookups went by name.
fn by_name(classifier: &Classifier, draw: &mut Draw) -> usize {
    (0..200).filter(|_| classifier.is_by_name(&tuple(draw))).count()
}

#[test]
fn answers_by_name_are_those_of_the_walk() {
    let mut draw = Draw(7);
    let (mut asked, mut named) = (0, 0);
    for at in 0..24 {
        let stock = Stock::new(&mut draw, at % 2 == 0, at % 3 != 0);
        let count = 260 + draw.below(1500);
        let rules = (0..count).map(|key| stock.rule(&mut draw, key)).collect();
        let classifier = Classifier::build(rules).unwrap();
        check(&classifier, &mut draw, 600);
        asked += 200;
        named += by_name(&classifier, &mut draw);
    }
    assert!(named * 3 > asked, "only {named} of {asked} lookups went by name");
}

/// Rules that go are found no more, those that come are, and what is behind them is.
#[test]
fn edits_count_for_answers_by_name() {
    let mut draw = Draw(11);
    for at in 0..6 {
        let stock = Stock::new(&mut draw, at % 2 == 0, at % 3 != 0);
        let rules = (0..400).map(|key| stock.rule(&mut draw, key)).collect();
        let mut classifier = Classifier::build(rules).unwrap();
        for step in 0..6 {
            let mut edits: Vec<Edit> = Vec::new();
            for rank in (0..classifier.len() as u32).filter(|rank| (rank + step) % 5 == 0) {
                edits.push(Edit::Remove { rank });
                if draw.one_in(2) {
                    let rule = stock.rule(&mut draw, 1000 * step + 1000 + rank);
                    edits.push(Edit::Insert { before: draw.below(classifier.len() as u32), rule });
                }
            }
            classifier = classifier.edited(&edits).unwrap();
            check(&classifier, &mut draw, 60);
        }
    }
}

/// Entries of one name in several words, source ports beside it, are found by the first that holds.
#[test]
fn a_name_of_many_entries_is_a_run() {
    let mut draw = Draw(13);
    let stock = Stock::new(&mut draw, false, true);
    let mut rules: Vec<Rule> = (0..600).map(|key| stock.rule(&mut draw, key)).collect();
    let one = rules[7].clone();
    for (at, rule) in rules.iter_mut().enumerate().filter(|(at, _)| at % 3 != 0) {
        let port = (at % 90) as u16;
        let source_ports = PortRange { low: port, high: port };
        let terms = [Term { proto: Some(Proto::TCP), source_ports, ..Term::ANY }].into();
        *rule =
            Rule { key: rule.key, source: Addresses::of(Arc::new(AddressSet::any())), terms, ..one.clone() };
    }
    let classifier = Classifier::build(rules).unwrap();
    check(&classifier, &mut draw, 600);
    assert!(by_name(&classifier, &mut draw) > 0);
}

/// Hundreds of leaves on one side, one on the other, in both families.
#[test]
fn sides_may_have_trees_of_different_depth() {
    let mut draw = Draw(17);
    for family in [Family::V4, Family::V6] {
        let hosts = |count: u32| -> Vec<Addresses> {
            let host = |n| Addresses::of(Arc::new(AddressSet::new([range(family, n * 3, n * 3)], [])));
            (0..count).map(host).collect()
        };
        let (many, few) = (hosts(3000), hosts(3));
        for turned in [false, true] {
            let rule = |key: u32| {
                let (a, b) = (many[key as usize].clone(), few[key as usize % 3].clone());
                let (source, destination) = if turned { (b, a) } else { (a, b) };
                let (from, to) = (Zones(None), Zones(None));
                Rule { key: RuleKey(key), from, to, source, destination, terms: [Term::ANY].into() }
            };
            let classifier = Classifier::build((0..3000).map(rule).collect()).unwrap();
            for _ in 0..300 {
                let (n, place) = (draw.below(3000), draw.below(12));
                let [a, b] = [n * 3, place].map(|at| Addr(at.into()));
                let (src, dst) = if turned { (b, a) } else { (a, b) };
                let ends = Tuple { family, dst_family: family, src, dst, ..tuple(&mut draw) };
                let key = (place == n % 3 * 3).then_some(RuleKey(n));
                assert_eq!(classifier.lookup(&ends).map(|found| found.key), key, "{ends:?}");
                assert!(classifier.is_by_name(&ends));
            }
        }
    }
}
