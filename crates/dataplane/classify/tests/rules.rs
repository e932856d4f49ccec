//! What a rule means, by example: families, empty and excluded sets, zones, ICMP, wildcards; and the order of lists.
//!
//! Spec: policy-2..8.

use std::sync::Arc;

use ravelin_classify::{
    AddressRange, AddressSet, Addresses, BuildError, Classifier, Edit, IcmpRange, OVERLAY_MAX, PortRange,
    Rule, RuleKey, Term, Tuple, Wildcard, Zones,
};
use ravelin_types::{Addr, Family, Proto, ZoneId};

fn range(text: &str) -> AddressRange {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let parse = |text: &str| Addr::from_ip(text.parse().unwrap());
    let ((family, first), (_, last)) = (parse(first), parse(last));
    AddressRange { family, first, last }
}

fn set(ranges: &[&str]) -> Arc<AddressSet> {
    Arc::new(AddressSet::new(ranges.iter().map(|text| range(text)), []))
}

fn any() -> Addresses {
    Addresses::of(Arc::new(AddressSet::any()))
}

fn rule(source: Addresses, destination: Addresses, terms: &[Term]) -> Rule {
    let (from, to) = (Zones(None), Zones(None));
    Rule { key: RuleKey(0), from, to, source, destination, terms: terms.into() }
}

fn from(source: Addresses) -> Rule {
    rule(source, any(), &[Term::ANY])
}

fn tuple(src: &str, proto: Proto, dport: u16) -> Tuple {
    let (family, src) = Addr::from_ip(src.parse().unwrap());
    let (from, to, dst_family) = (ZoneId(1), ZoneId(2), family);
    Tuple { from, to, family, src, dst_family, dst: src, proto, sport: 40_000, dport, icmp: None }
}

/// Which of the sources the rule lets through, by the classifier.
fn check(rule: Rule, matched: &[&str], passed: &[&str]) {
    let classifier = Classifier::build(vec![rule]).unwrap();
    for (sources, expected) in [(matched, true), (passed, false)] {
        for src in sources {
            assert_eq!(classifier.lookup(&tuple(src, Proto::TCP, 80)).is_some(), expected, "{src}");
        }
    }
}

#[test]
fn any_is_both_families_and_each_family_is_its_own() {
    check(from(any()), &["10.0.0.1", "2001:db8::1", "::"], &[]);
    let v4 = Arc::new(AddressSet::new([AddressRange::all(Family::V4)], []));
    check(from(Addresses::of(v4)), &["0.0.0.0", "255.255.255.255"], &["::", "::ffff:10.0.0.1", "::1"]);
    let v6 = Arc::new(AddressSet::new([AddressRange::all(Family::V6)], []));
    check(from(Addresses::of(v6)), &["::", "ffff::1"], &["0.0.0.0", "10.0.0.1"]);
}

#[test]
fn an_ipv4_address_is_not_the_ipv6_address_of_the_same_number() {
    check(from(Addresses::of(set(&["10.0.0.1"]))), &["10.0.0.1"], &["::a00:1", "10.0.0.2"]);
    check(from(Addresses::of(set(&["::a00:1"]))), &["::a00:1"], &["10.0.0.1"]);
}

#[test]
fn a_set_without_an_entry_matches_nothing_excluded_or_not() {
    check(from(Addresses::of(set(&[]))), &[], &["10.0.0.1", "2001:db8::1"]);
    check(from(Addresses::excluding(set(&[]))), &[], &["10.0.0.1", "2001:db8::1"]);
    check(from(Addresses { sets: [].into(), excluded: true }), &[], &["10.0.0.1", "2001:db8::1"]);
}

#[test]
fn exclusion_stays_within_the_families_it_names() {
    let excluded = from(Addresses::excluding(set(&["10.0.0.0-10.255.255.255"])));
    check(excluded, &["9.255.255.255", "11.0.0.0"], &["10.0.0.0", "10.255.255.255", "2001:db8::1"]);
    let both = set(&["10.0.0.1", "2001:db8::1"]);
    check(from(Addresses::excluding(both)), &["10.0.0.2", "2001:db8::2"], &["10.0.0.1", "2001:db8::1"]);
}

#[test]
fn a_list_of_sets_is_their_union() {
    let sets: Arc<[Arc<AddressSet>]> = [set(&["10.0.0.1-10.0.0.5"]), set(&["10.0.0.4-10.0.0.9"])].into();
    let list = |excluded| from(Addresses { sets: sets.clone(), excluded });
    check(list(false), &["10.0.0.1", "10.0.0.4", "10.0.0.9"], &["10.0.0.0", "10.0.0.10"]);
    check(list(true), &["10.0.0.0", "10.0.0.10"], &["10.0.0.1", "10.0.0.5", "10.0.0.6"]);
}

#[test]
fn a_wildcard_with_many_holes_is_exact() {
    // 2^17 combinations above the end: more than are written out.
    let holes =
        Wildcard { family: Family::V4, addr: Addr::v4([10, 0, 0, 1]), mask: Addr::v4([255, 0, 0x55, 0x55]) };
    let holes = Arc::new(AddressSet::new([], [holes]));
    let inside = ["10.0.0.1", "10.77.0.1", "10.77.170.171"];
    let outside = ["10.77.1.1", "11.0.0.1", "10.0.0.2", "10.77.170.170", "2001:db8::1"];
    check(from(Addresses::of(holes.clone())), &inside, &outside);
    check(from(Addresses::excluding(holes)), &outside[..4], &[&inside[..], &["2001:db8::1"]].concat());
}

#[test]
fn a_rule_without_a_term_matches_nothing() {
    check(rule(any(), any(), &[]), &[], &["10.0.0.1"]);
    let empty = PortRange { low: 9, high: 3 };
    check(rule(any(), any(), &[Term { destination_ports: empty, ..Term::ANY }]), &[], &["10.0.0.1"]);
    let udp = Term { proto: Some(Proto::UDP), destination_ports: empty, ..Term::ANY };
    check(rule(any(), any(), &[udp]), &[], &["10.0.0.1"]);
    check(rule(any(), any(), &[Term { source_ports: empty, ..Term::ANY }]), &[], &["10.0.0.1"]);
}

#[test]
fn icmp_is_known_by_type_and_code_and_ports_of_it_are_asked_too() {
    let echo = Term {
        proto: Some(Proto::ICMP),
        icmp: Some(IcmpRange { kind: (8, 8), code: (0, 255) }),
        ..Term::ANY
    };
    let classifier = Classifier::build(vec![
        rule(any(), any(), &[echo]),
        rule(any(), any(), &[Term { destination_ports: PortRange { low: 80, high: 80 }, ..Term::ANY }]),
        rule(any(), any(), &[Term { proto: Some(Proto::ICMP), ..Term::ANY }]),
    ])
    .unwrap();
    let first = |tuple: &Tuple| classifier.lookup(tuple).map(|found| found.rank);
    let icmp = |kind| Tuple { icmp: Some((kind, 0)), ..tuple("10.0.0.1", Proto::ICMP, 0) };
    assert_eq!([first(&icmp(8)), first(&icmp(0))], [Some(0), Some(2)]);
    assert_eq!(first(&Tuple { dport: 80, ..icmp(0) }), Some(1));
    // A later fragment shows no type.
    assert_eq!(first(&tuple("10.0.0.1", Proto::ICMP, 0)), Some(2));
    assert_eq!(first(&Tuple { icmp: Some((8, 0)), ..tuple("10.0.0.1", Proto::TCP, 0) }), None);
}

#[test]
fn every_protocol_can_be_named() {
    let all = (0..=255).map(|n| rule(any(), any(), &[Term { proto: Some(Proto(n)), ..Term::ANY }]));
    let classifier = Classifier::build(all.collect()).unwrap();
    for n in 0..=255 {
        let found = classifier.lookup(&tuple("10.0.0.1", Proto(n), 7));
        assert_eq!(found.map(|found| found.rank), Some(u32::from(n)));
    }
}

#[test]
fn the_terms_of_a_rule_do_not_mix() {
    let port = |port| PortRange { low: port, high: port };
    let term = |proto, source_ports, dport| Term {
        proto: Some(proto),
        source_ports,
        destination_ports: port(dport),
        ..Term::ANY
    };
    let terms = [
        term(Proto::TCP, PortRange::ANY, 80),
        term(Proto::UDP, PortRange::ANY, 53),
        term(Proto::UDP, port(123), 123),
    ];
    let classifier = Classifier::build(vec![rule(any(), any(), &terms)]).unwrap();
    let holds = |proto, sport, dport| {
        classifier.lookup(&Tuple { sport, ..tuple("10.0.0.1", proto, dport) }).is_some()
    };
    assert!(holds(Proto::TCP, 9, 80) && holds(Proto::UDP, 9, 53) && holds(Proto::UDP, 123, 123));
    assert!(!holds(Proto::TCP, 9, 53) && !holds(Proto::UDP, 9, 80) && !holds(Proto::UDP, 9, 123));
}

#[test]
fn zones_narrow_a_global_rule() {
    let zones = |list: &[u16]| Zones(Some(list.iter().map(|zone| ZoneId(*zone)).collect()));
    let rules =
        [(zones(&[1, 3]), zones(&[4])), (Zones(None), zones(&[2, 65_535])), (zones(&[]), Zones(None))];
    let rules = rules.map(|(from, to)| Rule { from, to, ..rule(any(), any(), &[Term::ANY]) });
    let classifier = Classifier::build(rules.into()).unwrap();
    let first = |from, to| {
        let (from, to) = (ZoneId(from), ZoneId(to));
        classifier.lookup(&Tuple { from, to, ..tuple("10.0.0.1", Proto::TCP, 80) }).map(|found| found.rank)
    };
    assert_eq!([first(3, 4), first(3, 2), first(0, 65_535), first(2, 4)], [Some(0), Some(1), Some(1), None]);
}

fn keyed(key: usize, port: u16) -> Rule {
    let term = Term { destination_ports: PortRange { low: port, high: u16::MAX }, ..Term::ANY };
    Rule { key: RuleKey(key as u32), ..rule(any(), any(), &[term]) }
}

#[test]
fn a_filter_goes_on_after_a_term() {
    let classifier = Classifier::build((0..300).map(|n| keyed(n, n as u16)).collect()).unwrap();
    let asked = tuple("10.0.0.1", Proto::UDP, 3);
    assert_eq!(classifier.matches(&asked).map(|found| found.key.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(classifier.lookup_from(&asked, 2).map(|found| found.rank), Some(2));
    assert_eq!(classifier.lookup_from(&asked, 4), None);
    assert_eq!(classifier.lookup_from(&asked, u32::MAX), None);
}

#[test]
fn a_wrong_edit_is_refused() {
    let classifier = Classifier::build(vec![keyed(0, 0), keyed(1, 1)]).unwrap();
    let refused = |edits: &[Edit]| classifier.edited(edits).err();
    assert_eq!(refused(&[Edit::Remove { rank: 2 }]), Some(BuildError::NoSuchRank { rank: 2 }));
    let twice = [Edit::Remove { rank: 1 }, Edit::Remove { rank: 1 }];
    assert_eq!(refused(&twice), Some(BuildError::NoSuchRank { rank: 1 }));
    let beyond = [Edit::Insert { before: 3, rule: keyed(2, 2) }];
    assert_eq!(refused(&beyond), Some(BuildError::NoSuchRank { rank: 3 }));
}

#[test]
fn an_overlay_that_is_full_becomes_base() {
    let classifier = Classifier::build(vec![keyed(0, 0)]).unwrap();
    let inserts = |count| -> Vec<Edit> {
        (0..count).map(|n| Edit::Insert { before: 1, rule: keyed(n + 1, 9) }).collect()
    };
    let small = classifier.edited(&inserts(OVERLAY_MAX)).unwrap();
    assert_eq!((small.overlay_len(), small.len()), (OVERLAY_MAX, OVERLAY_MAX + 1));
    let large = small.edited(&inserts(1)).unwrap();
    assert_eq!((large.overlay_len(), large.len()), (0, OVERLAY_MAX + 2));
    assert_eq!(large.rules().map(|rule| rule.key.0).take(3).collect::<Vec<_>>(), [0, 1, 1]);
}

#[test]
fn an_empty_list_matches_nothing_and_takes_rules() {
    let none = Classifier::build(Vec::new()).unwrap();
    let asked = tuple("2001:db8::1", Proto::UDP, 53);
    assert_eq!((none.lookup(&asked), none.is_empty()), (None, true));
    let one = none.edited(&[Edit::Insert { before: 0, rule: keyed(7, 0) }]).unwrap();
    assert_eq!(one.lookup(&asked).map(|found| found.key), Some(RuleKey(7)));
}

/// What a set costs does not grow with the rules that name it.
#[test]
fn a_shared_set_is_not_multiplied() {
    let hosts = (0..20_000u32).map(|n| {
        let addr = Addr(u128::from(0x0a00_0000 + n * 4));
        AddressRange { family: Family::V4, first: addr, last: addr }
    });
    let shared = Addresses::of(Arc::new(AddressSet::new(hosts, [])));
    let list = |count| (0..count).map(|n| Rule { source: shared.clone(), ..keyed(n, 65_535) }).collect();
    let [few, many] = [300, 1300].map(|count| Classifier::build(list(count)).unwrap().memory());
    assert!(many < few + 1000 * 500, "{few} bytes for three hundred rules, {many} for a thousand more");
}

/// To hold everywhere but at one address takes what it takes to hold there alone.
#[test]
fn what_is_excluded_costs_what_is_named() {
    let memory = |excluded| {
        let host = |n: usize| set(&[&Addr(0x0a00_0000 + n as u128 * 4).to_ip(Family::V4).to_string()]);
        let source = |n| Addresses { excluded, ..Addresses::of(host(n)) };
        let rules = (0..10_000).map(|n| Rule { source: source(n), ..keyed(n, 65_535) });
        Classifier::build(rules.collect()).unwrap().memory()
    };
    let [named, excluded] = [false, true].map(memory);
    assert!(excluded < named + named / 10, "{named} bytes named, {excluded} excluded");
}

/// More entries than one plane takes: a rule of 64 source ports has 64.
#[test]
fn a_list_may_need_several_planes() {
    let terms: Vec<Term> =
        (0..64).map(|n| Term { source_ports: PortRange { low: n * 2, high: n * 2 }, ..Term::ANY }).collect();
    let terms: Arc<[Term]> = terms.into();
    let destination = |n: usize| Addresses::of(set(&[&Addr(n as u128).to_ip(Family::V4).to_string()]));
    let rules = (0..4200).map(|n| Rule {
        key: RuleKey(n as u32),
        terms: terms.clone(),
        ..rule(any(), destination(n % 4100), &[])
    });
    let classifier = Classifier::build(rules.collect()).unwrap();
    let first = |dst: u128, sport| {
        let asked = Tuple { sport, dst: Addr(dst), ..tuple("10.0.0.1", Proto::UDP, 1) };
        classifier.matches(&asked).map(|found| found.rank).collect::<Vec<_>>()
    };
    assert_eq!(first(0, 126), [0, 4100]);
    assert_eq!(first(50, 0), [50, 4150]);
    assert_eq!(first(4099, 64), [4099]);
    assert_eq!(first(4099, 65), []);
}
