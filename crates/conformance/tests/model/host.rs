//! Generated policies to `junos-host` and `host-inbound-traffic` of zones and of interfaces, every service and protocol that packets can show, and
//! packets to the firewall at the ports that stand in docs/spec/host-inbound.md and beside them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{ACK, Model, Packet, SYN, Segment};

use crate::kit::{From, ip, loaded, plane, run, runs};
use crate::said::{Tap, agree_on_policies, agree_on_replies};

const BASE: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust interfaces ge-0/0/1.0
set security zones security-zone trust tcp-rst
set security policies policy-stats system-wide enable
";

const UNITS: [&str; 2] = ["ge-0/0/0.0", "ge-0/0/1.0"];

const SERVICES: [&str; 27] = [
    "bootp",
    "dhcp",
    "dhcpv6",
    "dns",
    "finger",
    "ftp",
    "http",
    "https",
    "ident-reset",
    "ike",
    "lsping",
    "lsselfping",
    "netconf",
    "ntp",
    "ping",
    "r2cp",
    "reverse-ssh",
    "reverse-telnet",
    "rlogin",
    "rsh",
    "sip",
    "snmp",
    "snmp-trap",
    "ssh",
    "telnet",
    "tftp",
    "any-service",
];

const PROTOCOLS: [&str; 14] = [
    "bfd", "bgp", "ldp", "msdp", "nhrp", "ospf", "ospf3", "pgm", "pim", "rip", "ripng", "rsvp", "sap", "vrrp",
];

/// Ports of the tables, and some that are in none.
const PORTS: [u16; 54] = [
    20, 21, 22, 23, 24, 52, 53, 54, 67, 68, 69, 70, 79, 80, 81, 113, 123, 161, 162, 163, 179, 180, 443, 444,
    500, 512, 513, 514, 515, 520, 521, 522, 546, 547, 639, 646, 830, 2900, 2901, 2902, 3220, 3221, 3222,
    3503, 3784, 3785, 4500, 4784, 5060, 5061, 5062, 8503, 9875, 28672,
];

fn list(at: &'static str) -> impl Strategy<Value = String> {
    let some = prop_oneof![
        3 => vec((select(&SERVICES[..]), Just(false)), 0..3),
        1 => vec((select(&SERVICES[..26]), Just(true)), 0..3),
    ];
    let protocols = prop_oneof![
        3 => vec((select(&PROTOCOLS[..]), Just(false)), 0..3),
        1 => vec((select(&PROTOCOLS[..]), Just(true)), 0..3),
    ];
    (some, protocols).prop_map(move |(services, protocols)| {
        let mut text = String::new();
        for (kind, names) in [("system-services", services), ("protocols", protocols)] {
            let set = format!("set security zones security-zone trust {at} host-inbound-traffic {kind}");
            if names.iter().any(|(_, is_excepted)| *is_excepted) {
                text += &format!("{set} all\n");
            }
            for (name, is_excepted) in names {
                text += &format!("{set} {name}{}\n", if is_excepted { " except" } else { "" });
            }
        }
        text
    })
}

/// A policy to the firewall: of the pair, of no pair and naming it, or of any zone, which does not mean it.
fn policy() -> impl Strategy<Value = String> {
    let of = select(
        &["from-zone trust to-zone junos-host policy", "global policy", "global policy", "global policy"][..],
    );
    let zones = select(&["", "to-zone junos-host", "to-zone [ trust junos-host ]", "from-zone trust"][..]);
    let source = select(&["any", "any-ipv6", "10.0.0.2/32", "10.0.0.0/16", "2001:db8:1::/64"][..]);
    let destination = select(&["any", "10.1.0.1/32", "any-ipv4"][..]);
    let application = select(&["any", "junos-ssh", "junos-icmp-ping", "junos-dns-udp", "junos-http"][..]);
    let action = select(&["permit", "deny", "reject", "deny"][..]);
    (of, zones, source, destination, application, action).prop_map(
        |(of, zones, source, destination, application, action)| {
            let name = format!("{of} NAME");
            let zones = if of.starts_with("global") && !zones.is_empty() {
                format!("set security policies {name} match {zones}\n")
            } else {
                String::new()
            };
            format!(
                "{zones}set security policies {name} match source-address {source}\n\
             set security policies {name} match destination-address {destination}\n\
             set security policies {name} match application {application}\n\
             set security policies {name} then {action}\n"
            )
        },
    )
}

fn packet() -> impl Strategy<Value = (usize, Packet)> {
    let proto = select(&[6u8, 6, 6, 17, 17, 17, 1, 46, 47, 50, 51, 54, 89, 103, 112, 113][..]);
    let opens = prop_oneof![9 => Just(true), 1 => Just(false)];
    (0usize..2, 0usize..2, any::<bool>(), proto, select(&PORTS[..]), opens, 1000u16..1100).prop_map(
        |(from, to, v6, proto, dport, opens, sport)| {
            let addr = |net: usize, host: u8| match v6 {
                true => ip(&format!("2001:db8:{net}::{host:x}")),
                false => ip(&format!("10.{net}.0.{host}")),
            };
            let (sport, dport) = match proto {
                6 | 17 => (sport, dport),
                1 => (sport, 0),
                _ => (0, 0),
            };
            let proto = if v6 && proto == 1 { 58 } else { proto };
            // An AH that is one would be walked over in IPv6.
            let proto = if v6 && proto == 51 { 50 } else { proto };
            let tcp = (proto == 6).then(|| Segment::of(if opens { SYN } else { ACK }));
            let packet = Packet {
                src: addr(from, 2),
                dst: addr(to, 1),
                proto,
                sport,
                dport,
                tcp,
                len: 24,
                options: &[],
                ..Packet::PLAIN
            };
            (from, packet)
        },
    )
}

proptest! {
    #![proptest_config(runs(31, 400))]
    #[test]
    fn engine_and_model_agree_on_what_is_for_the_firewall(
        zone in list(""),
        interface in list("interfaces ge-0/0/1.0"),
        policies in vec(policy(), 0..5),
        packets in vec(packet(), 1..60),
        workers in 1u8..=2,
    ) {
        let policies = policies.iter().enumerate();
        let policies: String = policies.map(|(n, policy)| policy.replace("NAME", &format!("p{n}"))).collect();
        let text = format!("{BASE}{zone}{interface}{policies}");
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let (mut model, mut tap) = (Model::new(&config), Tap::default());
        for (from, packet) in packets {
            let sent = [(From::Port(from), packet)];
            let ran = run(&plane, &sent);
            tap.ran(&UNITS, &sent, &ran);
            let got = &ran.fates[0].outcome;
            let judged = model.agrees(UNITS[from], &packet, got);
            prop_assert_eq!(judged, Ok(()), "{:?} of {:?} under\n{}", got, packet, text);
            agree_on_replies(&plane, &mut model, &ran.said)?;
        }
        tap.agrees(&plane)?;
        agree_on_policies(&plane, &model)?;
    }
}
