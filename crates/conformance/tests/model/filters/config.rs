//! Filters with terms of all kinds, and where they stand.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Three units, a zone each, and everything let through; filters change that.
const BASE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/2 unit 0 family inet address 10.2.0.1/24
set interfaces ge-0/0/2 unit 0 family inet6 address 2001:db8:2::1/64
set interfaces ge-0/0/3 unit 0 family inet address 10.3.0.1/24
set interfaces ge-0/0/3 unit 0 family inet6 address 2001:db8:3::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone dmz interfaces ge-0/0/2.0
set policy-options prefix-list some 10.0.0.2/32
set policy-options prefix-list some 10.1.0.0/24
set policy-options prefix-list some 2001:db8::2/128
set policy-options prefix-list some 2001:db8:1::/48
set policy-options prefix-list four 10.0.0.0/8
set policy-options prefix-list six 2001:db8::/32
set firewall interface-set outside ge-0/0/1.0
set firewall interface-set outside ge-0/0/2*
set firewall interface-set first ge-0/0/0
";

/// Lines of their own, behind `set`.
const MORE: [&str; 10] = [
    "security policies default-policy permit-all",
    "security policies default-policy permit-all",
    "security zones security-zone trust host-inbound-traffic system-services any-service",
    "security zones security-zone untrust host-inbound-traffic system-services any-service",
    "security zones security-zone untrust host-inbound-traffic protocols all",
    "security zones security-zone trust tcp-rst",
    "interfaces ge-0/0/1 unit 0 family inet mtu 600",
    "interfaces ge-0/0/1 unit 0 family inet6 mtu 1280",
    "interfaces ge-0/0/0 unit 0 family inet filter group 3",
    "interfaces ge-0/0/1 unit 0 family inet6 filter group 7",
];

/// A line each behind `set security nat`.
const NATS: [&[&str]; 5] = [
    &[],
    &[],
    &[
        "static rule-set st from zone untrust",
        "static rule-set st rule r match destination-address 10.1.0.77/32",
        "static rule-set st rule r then static-nat prefix 10.0.0.2/32",
        "static rule-set st rule q match destination-address 2001:db8:1::77/128",
        "static rule-set st rule q then static-nat prefix 2001:db8::2/128",
    ],
    &[
        "destination pool d address 10.2.0.2/32",
        "destination rule-set ds from zone trust",
        "destination rule-set ds rule r match destination-address 10.1.0.0/24",
        "destination rule-set ds rule r then destination-nat pool d",
    ],
    &[
        "source rule-set rs from zone trust",
        "source rule-set rs to zone untrust",
        "source rule-set rs rule r match source-address 10.0.0.0/16",
        "source rule-set rs rule r then source-nat interface",
    ],
];

/// Conditions of both families; `4:` or `6:` before those of one.
const CONDITIONS: [&str; 89] = [
    "4:source-address 10.0.0.2/32",
    "4:source-address 10.0.0.0/24",
    "4:source-address 10.0.0.0/8",
    "4:source-address 10.0.0.3/32 except",
    "4:source-address 10.0.0.0/24 except",
    "4:source-address 0.0.0.0/0",
    "4:destination-address 10.1.0.2/32",
    "4:destination-address 10.1.0.0/24",
    "4:destination-address 10.0.0.0/8",
    "4:destination-address 10.1.0.2/32 except",
    "4:destination-address 0.0.0.0/0",
    "4:address 10.1.0.2/32",
    "4:address 10.0.0.0/24",
    "4:address 10.0.0.2/32 except",
    "4:address 0.0.0.0/0",
    "6:source-address 2001:db8::2/128",
    "6:source-address 2001:db8::/64",
    "6:source-address 2001:db8::3/128 except",
    "6:source-address ::/0",
    "6:destination-address 2001:db8:1::2/128",
    "6:destination-address 2001:db8:1::/64 except",
    "6:destination-address ::/0",
    "6:address 2001:db8:1::/48",
    "6:address 2001:db8::3/128 except",
    "6:address ::/0",
    "prefix-list some",
    "prefix-list some except",
    "source-prefix-list some",
    "source-prefix-list four",
    "source-prefix-list six",
    "destination-prefix-list some",
    "destination-prefix-list some except",
    "destination-prefix-list six",
    "destination-prefix-list four",
    "4:protocol tcp",
    "4:protocol udp",
    "4:protocol icmp",
    "4:protocol 50-60",
    "4:protocol-except tcp",
    "4:protocol-except [ tcp udp ]",
    "6:next-header tcp",
    "6:next-header [ udp icmp6 ]",
    "6:next-header-except udp",
    "source-port 1000",
    "source-port 1-1023",
    "source-port-except 1000",
    "destination-port 22",
    "destination-port [ 20-25 53 ]",
    "destination-port-except 22",
    "port 53",
    "port 1000",
    "port-except 53",
    "tcp-flags syn",
    "tcp-flags \"syn & !ack\"",
    "tcp-flags \"(ack | rst), fin\"",
    "tcp-flags \"!(syn | fin) & !urgent\"",
    "tcp-flags 0x12",
    "tcp-initial",
    "tcp-established",
    "packet-length 0-48",
    "packet-length 600",
    "packet-length-except 30-60",
    "4:ttl 64",
    "4:ttl [ 1-2 63 ]",
    "4:ttl-except 63-64",
    "4:dscp 46",
    "4:dscp-except [ 8 0 ]",
    "4:precedence [ 1 7 ]",
    "4:precedence-except 0",
    "6:traffic-class ef",
    "6:traffic-class-except 0",
    "4:icmp-type echo-request",
    "4:icmp-type [ 3 13 0 ]",
    "4:icmp-type-except 8",
    "4:icmp-code 3",
    "4:icmp-code-except 0",
    "6:icmp-type echo-request",
    "6:icmp-type-except 1-127",
    "6:icmp-code 0",
    "4:ip-options any",
    "4:ip-options [ record-route timestamp ]",
    "4:ip-options-except [ loose-source-route 7 ]",
    "4:ip-options-except any",
    "4:fragment-flags dont-fragment",
    "4:fragment-flags \"!dont-fragment\"",
    "4:fragment-offset 0",
    "4:fragment-offset-except 0",
    "4:is-fragment",
    "4:first-fragment",
];

/// The same on where a packet came from and how it is marked, and what is rare.
const OTHERS: [&str; 16] = [
    "interface ge-0/0/0.0",
    "interface ge-0/0/1",
    "interface [ ge-0/0/1.0 ge-0/0/2.0 ]",
    "interface-set outside",
    "interface-set [ first outside ]",
    "interface-group 3",
    "interface-group-except 3",
    "interface-group [ 0 7 ]",
    "forwarding-class expedited-forwarding",
    "forwarding-class-except best-effort",
    "loss-priority high",
    "loss-priority-except low",
    "loss-priority [ low medium-high ]",
    "4:esp-spi 0x07070707",
    "4:esp-spi-except 1",
    "packet-length-except 0",
];

const REJECTS: [&str; 6] = [
    "reject",
    "reject",
    "reject tcp-reset",
    "4:reject host-prohibited",
    "6:reject policy-failed",
    "reject port-unreachable",
];

const ENDS: [&str; 9] = ["", "accept", "accept", "accept", "accept", "next term", "next term", "discard", "REJECT"];

/// What a term does beside.
const BESIDE: [&str; 11] = [
    "port-mirror",
    "port-mirror-instance m",
    "count c",
    "count d",
    "count c",
    "syslog",
    "log",
    "forwarding-class expedited-forwarding",
    "loss-priority high",
    "loss-priority medium-high",
    "forwarding-class best-effort",
];

/// Policers of few packets, and what a term says to take one.
const POLICERS: [&str; 7] = [
    "policer few",
    "policer few",
    "policer bytes",
    "policer shared",
    "policer marking",
    "three-color-policer single-rate single",
    "three-color-policer two-rate double",
];

/// What they allow: one of these at a time.
const LIMITS: [&str; 3] = [
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 3
set firewall policer few then discard
",
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 2
set firewall policer few then discard
",
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 2
set firewall policer few then loss-priority high
",
];

const OTHER_POLICERS: &str = "\
set firewall policer bytes if-exceeding bandwidth-limit 8k
set firewall policer bytes if-exceeding burst-size-limit 1500
set firewall policer bytes then discard
set firewall policer shared filter-specific
set firewall policer shared if-exceeding bandwidth-limit 8k
set firewall policer shared if-exceeding burst-size-limit 2000
set firewall policer shared then discard
set firewall policer marking if-exceeding bandwidth-limit 16k
set firewall policer marking if-exceeding burst-size-limit 1500
set firewall policer marking then loss-priority medium-high
set firewall policer marking then forwarding-class assured-forwarding
set firewall three-color-policer single action loss-priority high then discard
set firewall three-color-policer single single-rate color-aware
set firewall three-color-policer single single-rate committed-information-rate 8k
set firewall three-color-policer single single-rate committed-burst-size 1500
set firewall three-color-policer single single-rate excess-burst-size 2000
set firewall three-color-policer double two-rate color-blind
set firewall three-color-policer double two-rate committed-information-rate 8k
set firewall three-color-policer double two-rate committed-burst-size 1500
set firewall three-color-policer double two-rate peak-information-rate 16k
set firewall three-color-policer double two-rate peak-burst-size 3000
";

/// Where one stands without a filter.
const POLICED: [&str; 4] = [
    "interfaces ge-0/0/0 unit 0 family inet policer input few",
    "interfaces ge-0/0/1 unit 0 family inet policer output bytes",
    "interfaces ge-0/0/0 unit 0 family inet6 policer input marking",
    "interfaces ge-0/0/1 unit 0 family inet6 policer output few",
];

/// Mirrors that terms name, and those that take everything of a unit.
const MIRRORS: &str = "\
set interfaces ge-0/0/4 unit 0 family inet address 10.4.0.1/24
set interfaces ge-0/0/5 unit 0 family inet address 10.5.0.1/24
set interfaces ge-0/0/6 unit 0 family inet address 10.6.0.1/24
set interfaces ge-0/0/7 unit 0 family inet address 10.7.0.1/24
set forwarding-options port-mirroring output interface ge-0/0/4
set forwarding-options port-mirroring instance m family inet output interface ge-0/0/5.0
set forwarding-options port-mirroring instance m input maximum-packet-length 36
";

const MIRRORED: [&str; 4] = [
    "\
set forwarding-options port-mirroring instance in input ingress interface ge-0/0/0.0
set forwarding-options port-mirroring instance in output interface ge-0/0/6
",
    "\
set forwarding-options port-mirroring instance out input egress interface ge-0/0/1.0
set forwarding-options port-mirroring instance out output interface ge-0/0/7
",
    "set forwarding-options port-mirroring instance m disable\n",
    "set forwarding-options port-mirroring disable-all-instances\n",
];

/// Which family a line is for: neither says so, for both.
fn of_family(line: &str, six: bool) -> Option<&str> {
    match (line.strip_prefix("4:"), line.strip_prefix("6:")) {
        (Some(line), _) => (!six).then_some(line),
        (_, Some(line)) => six.then_some(line),
        (None, None) => Some(line),
    }
}

/// A term of either family: its lines behind the name of the filter and its own.
#[derive(Clone, Debug)]
enum Term {
    Of { from: Vec<&'static str>, end: &'static str, reject: &'static str, beside: Vec<&'static str>, policer: Option<&'static str> },
    /// The terms of another filter.
    Nested,
}

#[derive(Clone, Debug)]
struct Filter {
    specific: bool,
    terms: Vec<Term>,
}

/// Where it stands: the unit, the direction and the names in the list.
type Place = (&'static str, &'static str, Vec<usize>);

#[derive(Clone, Debug)]
struct Parts {
    more: Vec<&'static str>,
    nat: &'static [&'static str],
    /// Of both families: those that stand somewhere, and the one that is nested.
    filters: Vec<Filter>,
    places: [Vec<Place>; 2],
    /// If there are policers, the limits of one, and where they stand.
    policers: Option<(&'static str, Vec<&'static str>)>,
    mirrors: Option<Vec<&'static str>>,
}

const NAMES: [&str; 4] = ["one", "two", "three", "inner"];

impl Parts {
    fn text(&self) -> String {
        let Self { more, nat, filters, places, policers, mirrors } = self;
        let mut text = BASE.to_owned();
        text.extend(more.iter().map(|line| format!("set {line}\n")));
        text.extend(nat.iter().map(|line| format!("set security nat {line}\n")));
        if let Some((limits, policed)) = policers {
            text += &format!("{OTHER_POLICERS}{limits}");
            text.extend(policed.iter().map(|line| format!("set {line}\n")));
        }
        if let Some(mirrored) = mirrors {
            text += MIRRORS;
            text.extend(mirrored.iter().copied());
        }
        let kinds = Kinds { policers: policers.is_some(), mirrors: mirrors.is_some() };
        for (six, family) in [(false, "inet"), (true, "inet6")] {
            for (filter, name) in filters.iter().zip(NAMES) {
                let head = format!("set firewall family {family} filter {name}");
                if filter.specific {
                    text += &format!("{head} interface-specific\n");
                }
                for (n, term) in filter.terms.iter().enumerate() {
                    text += &lines(&format!("{head} term t{n}"), term, (six, kinds));
                }
            }
            for (unit, direction, list) in &places[usize::from(six)] {
                let head = format!("set interfaces {unit} family {family} filter {direction}");
                match &list[..] {
                    [one] => text += &format!("{head} {}\n", NAMES[*one]),
                    many => text.extend(many.iter().map(|one| format!("{head}-list {}\n", NAMES[*one]))),
                }
            }
        }
        text
    }

    fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Filter(at, filter) => {
                let at = at % self.filters.len();
                self.filters[at] = if NAMES[at] == "inner" { inner(filter) } else { filter };
            }
            Edit::Term(at, n, term) => {
                let at = at % (self.filters.len() - 1);
                let terms = &mut self.filters[at].terms;
                let n = n % terms.len();
                terms[n] = term;
            }
            Edit::Places(six, places) => self.places[usize::from(six)] = places,
            Edit::More(more) => self.more = more,
            Edit::Mirrors(mirrored) => self.mirrors = self.mirrors.take().map(|_| mirrored),
            Edit::Policers(limits, policed) => {
                self.policers = self.policers.take().map(|_| (limits, policed));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Filter(usize, Filter),
    Term(usize, usize, Term),
    Places(bool, Vec<Place>),
    More(Vec<&'static str>),
    Policers(&'static str, Vec<&'static str>),
    Mirrors(Vec<&'static str>),
}

/// What terms may name.
#[derive(Clone, Copy, Debug)]
struct Kinds {
    policers: bool,
    mirrors: bool,
}

fn lines(head: &str, term: &Term, (six, kinds): (bool, Kinds)) -> String {
    let Term::Of { from, end, reject, beside, policer } = term else {
        return format!("{head} filter inner\n");
    };
    let mut text = String::new();
    let mut from: Vec<_> = from.iter().filter_map(|line| of_family(line, six)).collect();
    // One of these alone.
    let first = from.iter().position(|line| line.starts_with("tcp-"));
    let mut at = 0..;
    from.retain(|line| at.next() == first || !line.starts_with("tcp-"));
    // What looks at TCP says that it does.
    let is_of_tcp = from.iter().any(|line| line.starts_with("tcp-"));
    let says = |line: &&&str| !is_of_tcp || !line.starts_with("protocol") && !line.starts_with("next-header");
    from.iter().filter(says).for_each(|line| text += &format!("{head} from {line}\n"));
    if is_of_tcp {
        text += &format!("{head} from {} tcp\n", if six { "next-header" } else { "protocol" });
    }
    let reject = of_family(reject, six).unwrap_or("reject");
    let end = if *end == "REJECT" { reject } else { end };
    // A policer of three colours gives the priority itself.
    let marks = beside.iter().any(|line| line.starts_with("loss-priority"));
    let policer = policer.filter(|line| kinds.policers && !(marks && line.starts_with("three")));
    let beside = beside.iter().copied().filter(|line| kinds.mirrors || !line.starts_with("port-mirror"));
    for line in beside.chain(policer).chain([end]).filter(|line| !line.is_empty()) {
        text += &format!("{head} then {line}\n");
    }
    if !text.contains(" then ") {
        text += &format!("{head} then accept\n");
    }
    text
}

fn inner(filter: Filter) -> Filter {
    let plain = |term| match term {
        Term::Nested => Term::Of { from: vec![], end: "next term", reject: "reject", beside: vec!["count c"], policer: None },
        of @ Term::Of { .. } => of,
    };
    Filter { terms: filter.terms.into_iter().map(plain).collect(), specific: false }
}

/// What is said once of each kind.
fn beside() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(BESIDE.to_vec(), 0..4).prop_map(|mut lines| {
        let mut seen = Vec::new();
        lines.retain(|line: &&str| {
            let kind = line.split(' ').next().unwrap_or_default().trim_end_matches("-instance");
            let is_first = !seen.contains(&kind);
            seen.push(kind);
            is_first
        });
        lines
    })
}

fn term() -> impl Strategy<Value = Term> {
    let condition = prop_oneof![3 => select(&CONDITIONS[..]), 1 => select(&OTHERS[..])];
    let from = prop_oneof![4 => vec(condition.clone(), 0..3), 1 => vec(condition, 3..5)];
    let policer = prop_oneof![2 => Just(None), 1 => select(&POLICERS[..]).prop_map(Some)];
    let of = (from, select(&ENDS[..]), select(&REJECTS[..]), beside(), policer)
        .prop_map(|(from, end, reject, beside, policer)| Term::Of { from, end, reject, beside, policer });
    prop_oneof![12 => of, 1 => Just(Term::Nested)]
}

fn filter() -> impl Strategy<Value = Filter> {
    let last = Term::Of { from: vec![], end: "accept", reject: "reject", beside: vec!["count last"], policer: None };
    (any::<bool>(), vec(term(), 1..6), prop_oneof![4 => Just(true), 1 => Just(false)]).prop_map(
        move |(specific, mut terms, accepts)| {
            terms.extend(accepts.then(|| last.clone()));
            Filter { specific, terms }
        },
    )
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let unit = [
        ("ge-0/0/0 unit 0", "input"),
        ("ge-0/0/0 unit 0", "output"),
        ("ge-0/0/1 unit 0", "input"),
        ("ge-0/0/1 unit 0", "output"),
        ("ge-0/0/2 unit 0", "output"),
        ("lo0 unit 0", "input"),
        ("lo0 unit 0", "output"),
    ];
    let list = prop_oneof![3 => (0usize..3).prop_map(|one| vec![one]), 1 => subsequence(vec![0usize, 1, 2], 2..4).prop_shuffle()];
    (subsequence(unit.to_vec(), 0..5), vec(list, 5)).prop_map(|(units, lists)| {
        units.into_iter().zip(lists).map(|((unit, direction), list)| (unit, direction, list)).collect()
    })
}

fn more() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(MORE.to_vec(), 4..10)
}

fn policers() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
    (select(&LIMITS[..]), subsequence(POLICED.to_vec(), 0..3))
}

fn mirrored() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(MIRRORED.to_vec(), 0..3)
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (0usize..4, filter()).prop_map(|(at, filter)| Edit::Filter(at, filter)),
        3 => (0usize..3, 0usize..6, term()).prop_map(|(at, n, term)| Edit::Term(at, n, term)),
        2 => (any::<bool>(), places()).prop_map(|(six, places)| Edit::Places(six, places)),
        1 => more().prop_map(Edit::More),
        1 => mirrored().prop_map(Edit::Mirrors),
        1 => policers().prop_map(|(limits, policed)| Edit::Policers(limits, policed)),
    ]
}

/// A configuration, and those that follow it.
pub fn configs() -> impl Strategy<Value = Vec<String>> {
    let filters = (vec(filter(), 3), filter()).prop_map(|(mut filters, last)| {
        filters.push(inner(last));
        filters
    });
    let policers = proptest::option::weighted(0.4, policers());
    let mirrors = proptest::option::weighted(0.3, mirrored());
    let policers = (policers, mirrors);
    let parts = (more(), select(&NATS[..]), filters, [places(), places()], policers);
    let parts = parts.prop_map(|(more, nat, filters, places, (policers, mirrors))| Parts {
        more,
        nat,
        filters,
        places,
        policers,
        mirrors,
    });
    (parts, vec(vec(edit(), 1..3), 0..5)).prop_map(|(mut parts, commits)| {
        let mut texts = vec![parts.text()];
        for edits in commits {
            edits.into_iter().for_each(|edit| parts.edit(edit));
            texts.push(parts.text());
        }
        texts
    })
}
