//! What `translated` is tried with: four units in three zones, both families, and NAT of every kind between them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{Packet, SYN, Segment};

use crate::kit::ip;

/// Networks that lead here and there.
pub const FAR: [&str; 2] = ["10.9.0.0/16", "2001:db8:9::/48"];
pub const UNITS: [&str; 4] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/3.0"];
const ZONES: [&str; 4] = ["trust", "untrust", "untrust", "dmz"];
/// What pools overflow to, and what destination rules name.
const POOLS: &str = "\
set security nat source pool spare address 203.0.113.90/32
set security nat source pool spare port range 3000 to 3001
set security nat source pool spare6 address 2001:db8:ff::90/128
set security nat source pool spare6 port range 3000 to 3001
set security nat destination pool d0four address 10.3.0.2/31
set security nat destination pool d1four address 10.3.0.4/32
set security nat destination pool d1four address port 22
set security nat destination pool d0six address 2001:db8:3::2/127
set security nat destination pool d1six address 2001:db8:3::4/128
set security nat destination pool d1six address port 22
set security address-book global address low 10.0.0.0/30
set security address-book global address six 2001:db8::/126
set security address-book global address far 10.9.0.0/16
set security address-book global address-set some address six
set security address-book global address-set some address far
";

/// The number of a unit of a zone.
pub fn unit_of(zone: &str) -> usize {
    ZONES.iter().position(|known| *known == zone).expect("a zone of the base")
}

fn base() -> String {
    let mut text = POOLS.to_owned();
    for (n, zone) in ZONES.iter().enumerate() {
        text += &format!(
            "set interfaces ge-0/0/{n} unit 0 family inet address 10.{n}.0.1/24\n\
             set interfaces ge-0/0/{n} unit 0 family inet6 address 2001:db8:{n}::1/64\n\
             set security zones security-zone {zone} interfaces ge-0/0/{n}.0\n"
        );
    }
    text
}

/// Lines behind a pool's name; `$` is its number.
fn pool() -> impl Strategy<Value = Vec<String>> {
    let kind = select(
        &[
            "plain", "range", "narrow", "paired", "kept", "shared", "shift", "parity", "services",
            "computed", "spare", "out", "both", "hosts",
        ][..],
    );
    (kind, prop::bool::weighted(0.3), 1u8..=3).prop_map(|(kind, v6, addresses)| {
        let (first, last) = match v6 {
            false => ("203.0.113.$1/32", format!("203.0.113.${addresses}/32")),
            true => ("2001:db8:ff::$1/128", format!("2001:db8:ff::${addresses}/128")),
        };
        let of_family = |four: &'static str, six: &'static str| if v6 { six } else { four };
        let range = format!("address {first} to {last}");
        let lines: Vec<&str> = match kind {
            // Ports of two workers and more; of one; of one, and a host stays with its address.
            "range" => vec!["port range 2044 to 2051"],
            "narrow" => vec!["port range 2050"],
            "paired" => vec!["port range 2050 to 2052", "address-pooling paired"],
            "kept" => vec!["port no-translation"],
            "shared" => vec!["port no-translation", "address-shared"],
            "shift" => vec![of_family("host-address-base 10.0.0.2/32", "host-address-base 2001:db8::2/128")],
            "parity" => vec!["port range 2046 to 2049", "port preserve-parity"],
            "services" => vec!["port range 2044 to 2046", "port preserve-range"],
            "computed" => vec![
                "port range 3000 to 3011",
                "port deterministic block-size 3",
                "port deterministic include-boundary-addresses",
                of_family(
                    "port deterministic host address 10.0.0.4/30",
                    "port deterministic host address 2001:db8::4/126",
                ),
            ],
            "spare" => vec!["port no-translation", of_family("overflow-pool spare", "overflow-pool spare6")],
            "both" => vec!["port no-translation", "address-shared", "overflow-pool interface"],
            "out" => vec!["port no-translation", "overflow-pool interface"],
            "hosts" => return vec!["address 2001:db8:ff$::/96".to_owned()],
            _ => vec![],
        };
        [range].into_iter().chain(lines.into_iter().map(str::to_owned)).collect()
    })
}

fn source_rule() -> impl Strategy<Value = Vec<String>> {
    let source = select(
        &[
            "source-address 10.0.0.0/16",
            "source-address 10.0.0.4/30",
            "source-address 2001:db8::/64",
            "source-address 2001:db8::/32",
            "source-address 2001:db8::/32",
            "source-address 0.0.0.0/0",
            "source-address-name low",
            "source-address-name some",
        ][..],
    );
    let more = select(
        &[
            "destination-address 10.1.0.0/24",
            "destination-address 10.0.0.0/8",
            "destination-address 2001:db8:1::/64",
            "destination-address-name some",
            "destination-port 53 to 80",
            "source-port 1001",
            "protocol udp",
            "protocol icmp6",
            "application junos-dns-udp",
        ][..],
    );
    let action = prop_oneof![
        6 => select(&["pool p0", "pool p1", "pool p2"][..]),
        2 => Just("interface"),
        1 => Just("off"),
    ];
    (source, proptest::option::weighted(0.3, more), action).prop_map(|(source, more, action)| {
        let matches = [Some(source), more].into_iter().flatten().map(|line| format!("match {line}"));
        matches.chain([format!("then source-nat {action}")]).collect()
    })
}

fn destination_rule() -> impl Strategy<Value = Vec<String>> {
    let to = select(&["10.1.0.32/30", "10.1.0.33/32", "10.0.0.1/32", "2001:db8:1::20/126"][..]);
    let more = select(
        &[
            "match destination-port 53",
            "match destination-port 80 to 123",
            "match protocol tcp",
            "match application junos-ssh",
        ][..],
    );
    let from = select(&["match source-address 10.0.0.4/30", "match source-address-name some"][..]);
    let more = proptest::option::weighted(0.4, prop_oneof![3 => more, 1 => from]);
    (to, more, select(&["d0", "d1", "off"][..])).prop_map(|(to, more, pool)| {
        // A pool is of its rule's family.
        let family = if to.contains(':') { "six" } else { "four" };
        let action = if pool == "off" { "off".into() } else { format!("pool {pool}{family}") };
        let mut lines = vec![format!("match destination-address {to}")];
        lines.extend(more.map(str::to_owned));
        lines.push(format!("then destination-nat {action}"));
        lines
    })
}

fn static_rule() -> impl Strategy<Value = Vec<String>> {
    let prefixes = select(
        &[
            ("10.1.0.64/30", "prefix 10.0.0.4/30", false),
            ("10.1.0.68/32", "prefix 10.0.0.3/32", false),
            ("10.1.0.72/32", "prefix 10.3.0.3/32", true),
            ("2001:db8:1::40/126", "prefix 2001:db8::4/126", false),
            // Of two families.
            ("10.1.0.80/30", "prefix 2001:db8:3::4/126", false),
            ("2001:db8:1::80/126", "prefix 10.0.0.4/30", false),
            // NAT64.
            ("2001:db8:64::/96", "inet", false),
            ("2001:db8:64::/96", "inet", false),
            ("2001:db8:64::/96", "inet", false),
            ("2001:db8:64::/96", "inet", false),
            ("2001:db8:64::/96", "inet", false),
            ("2001:db8:6400::/40", "inet", false),
            ("64:ff9b::/96", "inet", false),
            // NPTv6.
            ("2001:db8:a::/48", "nptv6-prefix 2001:db8::/48", false),
            ("2001:db8:b:7::/64", "nptv6-prefix 2001:db8::/64", false),
        ][..],
    );
    let remote = proptest::option::weighted(
        0.2,
        select(&["match source-address 10.1.0.0/29", "match source-address 2001:db8:1::/125"][..]),
    );
    (prefixes, remote).prop_map(|((outside, inside, with_ports), remote)| {
        let mut lines =
            vec![format!("match destination-address {outside}"), format!("then static-nat {inside}")];
        if with_ports {
            lines.push("match destination-port 53 to 54".into());
            lines.push("then static-nat prefix mapped-port 1053 to 1054".into());
        }
        let of_family = |line: &&str| line.contains(':') == outside.contains(':');
        lines.extend(remote.filter(of_family).map(str::to_owned));
        lines
    })
}

/// What a rule-set may be about, at either end.
const FROM: &[&str] = &[
    "zone trust",
    "zone trust",
    "zone trust",
    "zone untrust",
    "zone dmz",
    "interface ge-0/0/0.0",
    "interface ge-0/0/1.0",
];
const TO: &[&str] = &[
    "zone untrust",
    "zone untrust",
    "zone untrust",
    "zone trust",
    "zone dmz",
    "interface ge-0/0/1.0",
    "interface ge-0/0/2.0",
];

/// Rule-sets of one kind.
fn sets<T: Strategy<Value = Vec<String>>>(kind: &'static str, rule: T) -> impl Strategy<Value = String> {
    let ends = (select(FROM), select(TO));
    vec((ends, vec(rule, 1..4)), 1..5).prop_map(move |sets| {
        let (mut text, mut seen) = (String::new(), Vec::new());
        for (n, ((from, to), rules)) in sets.into_iter().enumerate() {
            let ends = if kind == "source" { (from, to) } else { (from, "") };
            if seen.contains(&ends) {
                continue;
            }
            seen.push(ends);
            let set = format!("set security nat {kind} rule-set rs{n}");
            text += &format!("{set} from {from}\n");
            if kind == "source" {
                text += &format!("{set} to {to}\n");
            }
            for (at, lines) in rules.into_iter().enumerate() {
                lines.iter().for_each(|line| text += &format!("{set} rule r{at} {line}\n"));
            }
        }
        text
    })
}

/// Lines behind a policy's name.
fn policy() -> impl Strategy<Value = Vec<String>> {
    let source = select(&["any", "any", "low", "six", "some", "any-ipv6", "any-ipv4"][..]);
    let destination = select(&["any", "any", "far", "10.3.0.0/24", "2001:db8:3::/64", "any-ipv4"][..]);
    let application = select(&["any", "any", "any", "junos-ssh", "junos-dns-udp", "junos-icmp-ping"][..]);
    let then = select(
        &[
            "permit",
            "permit",
            "permit",
            "deny",
            "reject",
            "permit destination-address drop-translated",
            "permit destination-address drop-untranslated",
        ][..],
    );
    (source, destination, application, then).prop_map(|(source, destination, application, then)| {
        let list = [
            format!("match source-address {source}"),
            format!("match destination-address {destination}"),
            format!("match application {application}"),
            format!("then {then}"),
        ];
        list.to_vec()
    })
}

fn policies() -> impl Strategy<Value = String> {
    let zone = || select(&["trust", "untrust", "dmz"][..]);
    let pairs = vec((zone(), zone(), vec(policy(), 1..3)), 0..4);
    (pairs, prop_oneof![9 => Just("permit-all"), 1 => Just("deny-all")]).prop_map(|(pairs, default)| {
        let mut text = format!("set security policies default-policy {default}\n");
        for (at, (from, to, policies)) in pairs.into_iter().enumerate() {
            for (n, lines) in policies.into_iter().enumerate() {
                let head = format!("set security policies from-zone {from} to-zone {to} policy p{at}{n}");
                lines.iter().for_each(|line| text += &format!("{head} {line}\n"));
            }
        }
        text
    })
}

pub fn config() -> impl Strategy<Value = String> {
    let pools = [pool(), pool(), pool()];
    let rules = (
        sets("source", source_rule()),
        sets("destination", destination_rule()),
        sets("static", static_rule()),
    );
    (pools, rules, policies(), any::<bool>()).prop_map(
        |(pools, (source, destination, fixed), policies, stays)| {
            let mut text = base() + &policies + &source + &destination + &fixed;
            if stays {
                text += "set security nat source address-persistent\n";
            }
            for (n, lines) in pools.into_iter().enumerate() {
                for line in lines {
                    let line = line.replace('$', &(n + 1).to_string());
                    text += &format!("set security nat source pool p{n} {line}\n");
                }
            }
            text
        },
    )
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Ask {
        from: usize,
        packet: Packet,
    },
    /// The answer of the session of this number.
    Answer(usize),
    /// An error about a packet of it, of one of its two ways; from its end, or from this router there.
    Error {
        session: usize,
        way: usize,
        router: Option<u8>,
    },
    /// Where the far networks are.
    Route(Option<usize>),
    /// Milliseconds, of whole eights of seconds: a port goes back up to two seconds behind the timeout that ends its session.
    Wait(u64),
}

/// Where packets go to, of either family.
fn far_end(v6: bool) -> BoxedStrategy<String> {
    let host = || prop_oneof![4 => 2u8..9, 1 => 32u8..36, 1 => 64u8..74, 1 => 80u8..84];
    let unit = || prop_oneof![1 => 0usize..4, 2 => Just(1usize)];
    match v6 {
        false => prop_oneof![
            5 => (unit(), host()).prop_map(|(unit, host)| format!("10.{unit}.0.{host}")),
            1 => select(&["10.9.0.5", "10.9.0.6", "10.0.0.1", "10.8.0.1"][..]).prop_map(str::to_owned),
        ]
        .boxed(),
        true => {
            let place = || (unit(), 2u8..9).prop_map(|(unit, host)| (unit as u8, host));
            prop_oneof![
                4 => (unit(), host()).prop_map(|(unit, host)| format!("2001:db8:{unit}::{host:x}")),
                6 => place().prop_map(|(unit, host)| format!("2001:db8:64::10.{unit}.0.{host}")),
                // Around the byte that holds nothing.
                1 => place().prop_map(|(unit, host)| format!("2001:db8:640a:{unit:x}00:{host:x}::")),
                1 => place().prop_map(|(unit, host)| format!("64:ff9b::10.{unit}.0.{host}")),
                1 => select(&["2001:db8:9::5", "2001:db8:8::1", "2001:db8:a:5::7", "2001:db8:a:ffff::7",
                    "2001:db8:b:7::9", "2001:db8:b:7:ffff:ffff:ffff:ffff"][..]).prop_map(str::to_owned),
            ]
            .boxed()
        }
    }
}

/// A unit and a packet whose source is on it.
fn packet() -> impl Strategy<Value = Step> {
    let from = prop_oneof![3 => Just(0usize), 1 => 0usize..4];
    let proto = select(&[6u8, 17, 17, 1][..]);
    let ports = (select(&[1001u16, 1002, 1500, 1501][..]), select(&[22u16, 53, 54, 80, 123][..]));
    let ends = any::<bool>().prop_flat_map(|v6| (Just(v6), 2u8..9, far_end(v6)));
    (from, ends, proto, ports).prop_map(|(from, (v6, host, dst), proto, (sport, dport))| {
        let src = match v6 {
            true => format!("2001:db8:{from}::{host:x}"),
            false => format!("10.{from}.0.{host}"),
        };
        let (proto, sport, dport) = match (proto, v6) {
            (1, true) => (58, sport + 1000, 0),
            (1, false) => (1, sport + 1000, 0),
            (proto, _) => (proto, sport, dport),
        };
        let tcp = (proto == 6).then(|| Segment::of(SYN));
        let packet = Packet {
            src: ip(&src),
            dst: ip(&dst),
            proto,
            sport,
            dport,
            tcp,
            len: 7,
            options: &[],
            ..Packet::PLAIN
        };
        Step::Ask { from, packet }
    })
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let router = prop_oneof![1 => Just(None), 2 => (2u8..9).prop_map(Some)];
    let error = (0usize..12, 0usize..2, router);
    let step = prop_oneof![
        12 => packet(),
        4 => (0usize..12).prop_map(Step::Answer),
        3 => error.prop_map(|(session, way, router)| Step::Error { session, way, router }),
        1 => select(&[Some(1), Some(2), Some(3), None][..]).prop_map(Step::Route),
        1 => select(&[8_000u64, 16_000, 24_000, 64_000][..]).prop_map(Step::Wait),
    ];
    vec(step, 10..90)
}
