//! A naive evaluator of rules as lists of numbers, which shares no code with the crate, and generators of rules and
//! tuples that meet: few addresses, few ports, prefixes within prefixes.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use ravelin_classify::{
    AddressRange, AddressSet, Addresses, IcmpRange, PortRange, Rule, RuleKey, Term, Tuple, Wildcard, Zones,
};
use ravelin_types::{Addr, Family, Proto, ZoneId};

const V4_MAX: u128 = u32::MAX as u128;

/// Ranges and wildcards (value, mask) of a set; true is IPv6.
#[derive(Clone, Debug)]
pub struct PlainSet {
    pub ranges: Vec<(bool, u128, u128)>,
    pub wildcards: Vec<(bool, u128, u128)>,
}

#[derive(Clone, Debug)]
pub struct PlainTerm {
    pub six: Option<bool>,
    pub proto: Option<u8>,
    pub sport: (u16, u16),
    pub dport: (u16, u16),
    pub icmp: Option<((u8, u8), (u8, u8))>,
}

/// Addresses by the numbers of shared sets, and whether they are excluded.
pub type PlainAddresses = (Vec<usize>, bool);

#[derive(Clone, Debug)]
pub struct PlainRule {
    pub from: Option<Vec<u16>>,
    pub to: Option<Vec<u16>>,
    pub source: PlainAddresses,
    pub destination: PlainAddresses,
    pub terms: Vec<PlainTerm>,
}

#[derive(Clone, Debug)]
pub struct PlainTuple {
    pub from: u16,
    pub to: u16,
    pub six: bool,
    pub dst_six: bool,
    pub src: u128,
    pub dst: u128,
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
    pub icmp: Option<(u8, u8)>,
}

/// The truth: whether a rule holds of a tuple.
pub fn holds(sets: &[PlainSet], rule: &PlainRule, t: &PlainTuple) -> bool {
    let zone = |list: &Option<Vec<u16>>, zone| list.as_ref().is_none_or(|list| list.contains(&zone));
    zone(&rule.from, t.from)
        && zone(&rule.to, t.to)
        && listed(sets, &rule.source, t.six, t.src)
        && listed(sets, &rule.destination, t.dst_six, t.dst)
        && rule.terms.iter().any(|term| term_holds(term, t))
}

fn listed(sets: &[PlainSet], (list, excluded): &PlainAddresses, six: bool, addr: u128) -> bool {
    let (mut inside, mut named) = (false, false);
    for set in list.iter().map(|at| &sets[*at]) {
        for (family, first, last) in &set.ranges {
            named |= *family == six;
            inside |= *family == six && *first <= addr && addr <= *last;
        }
        for (family, value, mask) in &set.wildcards {
            named |= *family == six;
            inside |= *family == six && value & mask == addr & mask;
        }
    }
    if *excluded { named && !inside } else { inside }
}

fn term_holds(term: &PlainTerm, t: &PlainTuple) -> bool {
    let typed = t.icmp.filter(|_| t.proto == 1 || t.proto == 58);
    let icmp = match (term.icmp, typed) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((kinds, codes)), Some((kind, code))) => {
            kinds.0 <= kind && kind <= kinds.1 && codes.0 <= code && code <= codes.1
        }
    };
    icmp && term.six.is_none_or(|six| six == t.six)
        && term.proto.is_none_or(|proto| proto == t.proto)
        && (term.sport.0 <= t.sport && t.sport <= term.sport.1)
        && (term.dport.0 <= t.dport && t.dport <= term.dport.1)
}

fn family(six: bool) -> Family {
    if six { Family::V6 } else { Family::V4 }
}

pub fn shared(sets: &[PlainSet]) -> Vec<Arc<AddressSet>> {
    let set = |set: &PlainSet| {
        let range =
            |r: &(bool, u128, u128)| AddressRange { family: family(r.0), first: Addr(r.1), last: Addr(r.2) };
        let wildcard =
            |w: &(bool, u128, u128)| Wildcard { family: family(w.0), addr: Addr(w.1), mask: Addr(w.2) };
        Arc::new(AddressSet::new(set.ranges.iter().map(range), set.wildcards.iter().map(wildcard)))
    };
    sets.iter().map(set).collect()
}

pub fn rule(sets: &[Arc<AddressSet>], key: usize, rule: &PlainRule) -> Rule {
    let addresses = |(list, excluded): &PlainAddresses| Addresses {
        sets: list.iter().map(|at| sets[*at].clone()).collect(),
        excluded: *excluded,
    };
    let zones = |list: &Option<Vec<u16>>| {
        Zones(list.as_ref().map(|list| list.iter().map(|zone| ZoneId(*zone)).collect()))
    };
    let ports = |(low, high)| PortRange { low, high };
    let term = |term: &PlainTerm| Term {
        family: term.six.map(family),
        proto: term.proto.map(Proto),
        source_ports: ports(term.sport),
        destination_ports: ports(term.dport),
        icmp: term.icmp.map(|(kind, code)| IcmpRange { kind, code }),
    };
    Rule {
        key: RuleKey(key as u32),
        from: zones(&rule.from),
        to: zones(&rule.to),
        source: addresses(&rule.source),
        destination: addresses(&rule.destination),
        terms: rule.terms.iter().map(term).collect(),
    }
}

pub fn tuple(t: &PlainTuple) -> Tuple {
    Tuple {
        from: ZoneId(t.from),
        to: ZoneId(t.to),
        family: family(t.six),
        src: Addr(t.src),
        dst_family: family(t.dst_six),
        dst: Addr(t.dst),
        proto: Proto(t.proto),
        sport: t.sport,
        dport: t.dport,
        icmp: t.icmp,
    }
}

/// Sixteen low addresses, the highest ones, and some that differ in high bits only.
fn addr(six: bool) -> BoxedStrategy<u128> {
    let max = if six { u128::MAX } else { V4_MAX };
    let high = if six { 0x2001_0db8u128 << 96 } else { 0x0a00_0000 };
    prop_oneof![
        4 => (0..16u128).prop_map(move |n| high | n),
        2 => (0..4u128, 0..4u128).prop_map(move |(b, d)| high | b << 16 | d),
        1 => select(vec![0, 1, max - 1, max]),
    ]
    .boxed()
}

fn range() -> impl Strategy<Value = (bool, u128, u128)> {
    any::<bool>().prop_flat_map(|six| {
        let max = if six { u128::MAX } else { V4_MAX };
        prop_oneof![
            3 => addr(six).prop_map(move |a| (six, a, a)),
            4 => (addr(six), 0..20u32).prop_map(move |(a, bits)| {
                let low = (1u128 << bits) - 1;
                (six, a & !low, a | low)
            }),
            2 => (addr(six), addr(six)).prop_map(move |(a, b)| (six, a.min(b), a.max(b))),
            1 => Just((six, 0, max)),
            1 => Just((six, 9, 3)),
        ]
    })
}

fn wildcard() -> impl Strategy<Value = (bool, u128, u128)> {
    any::<bool>().prop_flat_map(|six| {
        let holes = select(vec![0u128, 1, 2, 5, 0x3_0000, 0xff_0000, 0x00ff_ff00, 0x3_0002, 0xff_fffe]);
        let all = if six { u128::MAX } else { V4_MAX };
        (addr(six), holes).prop_map(move |(a, holes)| (six, a, all & !holes))
    })
}

pub fn sets() -> impl Strategy<Value = Vec<PlainSet>> {
    let set = prop_oneof![
        12 => prop::collection::vec(range(), 0..4).prop_map(|ranges| (ranges, vec![])),
        3 => (prop::collection::vec(range(), 0..2), prop::collection::vec(wildcard(), 1..3)),
        2 => Just((vec![(false, 0, V4_MAX), (true, 0, u128::MAX)], vec![])),
    ];
    let set = set.prop_map(|(ranges, wildcards)| PlainSet { ranges, wildcards });
    prop::collection::vec(set, 1..10)
}

const PORTS: [u16; 6] = [0, 79, 80, 81, 443, 65535];

fn ports() -> impl Strategy<Value = (u16, u16)> {
    let pair = (select(&PORTS[..]), select(&PORTS[..]));
    prop_oneof![3 => Just((0, 65535)), 2 => select(&PORTS[..]).prop_map(|p| (p, p)), 2 => pair]
}

fn term() -> impl Strategy<Value = PlainTerm> {
    let small = || (0..4u8, 0..4u8);
    let kinds = prop_oneof![2 => small(), 1 => Just((0, 255))];
    let icmp = prop_oneof![
        3 => Just(None),
        1 => (kinds, prop_oneof![small(), Just((0, 255))]).prop_map(Some)
    ];
    let source = prop_oneof![5 => Just((0, 65535)), 1 => ports()];
    let six = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let proto = prop_oneof![1 => Just(None), 4 => select(vec![1, 6, 17, 58, 255]).prop_map(Some)];
    (six, proto, source, ports(), icmp).prop_map(|(six, proto, sport, dport, icmp)| PlainTerm {
        six,
        proto,
        sport,
        dport,
        icmp,
    })
}

pub fn rules(sets: usize, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<PlainRule>> {
    let zones = || prop_oneof![3 => Just(None), 1 => prop::collection::vec(0..4u16, 0..3).prop_map(Some)];
    let addresses =
        move || (prop::collection::vec(0..sets, 0..3), prop_oneof![4 => Just(false), 1 => Just(true)]);
    let any = PlainTerm { six: None, proto: None, sport: (0, 65535), dport: (0, 65535), icmp: None };
    let terms = prop_oneof![2 => prop::collection::vec(term(), 0..4), 1 => Just(vec![any])];
    let rule = (zones(), zones(), addresses(), addresses(), terms).prop_map(
        |(from, to, source, destination, terms)| PlainRule { from, to, source, destination, terms },
    );
    prop::collection::vec(rule, count)
}

pub fn tuples(count: usize) -> impl Strategy<Value = Vec<PlainTuple>> {
    // One in five goes between families.
    let families = prop_oneof![2 => Just((false, false)), 2 => Just((true, true)), 1 => any::<bool>().prop_map(|six| (six, !six))];
    let addresses = families.prop_flat_map(|(six, dst_six)| (Just((six, dst_six)), addr(six), addr(dst_six)));
    let icmp = prop_oneof![Just(None), (0..4u8, 0..4u8).prop_map(Some)];
    let ports = (select(&PORTS[..]), select(&PORTS[..]));
    let tuple = (addresses, select(vec![1u8, 6, 17, 58, 255, 0]), ports, icmp, (0..4u16, 0..4u16)).prop_map(
        |(((six, dst_six), src, dst), proto, (sport, dport), icmp, (from, to))| PlainTuple {
            from,
            to,
            six,
            dst_six,
            src,
            dst,
            proto,
            sport,
            dport,
            icmp,
        },
    );
    prop::collection::vec(tuple, count)
}
