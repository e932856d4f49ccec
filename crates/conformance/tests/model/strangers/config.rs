//! Policies, screens, lists of services and NAT between three zones.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{UNITS, ZONES};
use crate::screens::option;

const APPLICATIONS: [&str; 14] = [
    "any",
    "any",
    "any",
    "junos-ssh",
    "junos-icmp-all",
    "junos-icmp-ping",
    "junos-icmp6-all",
    "junos-gre",
    "junos-ospf",
    "stamp",
    "association",
    "hidden",
    "last",
    "first",
];

const OWN: &str = "\
set applications application stamp protocol icmp
set applications application stamp icmp-type 13
set applications application association protocol sctp
set applications application hidden protocol esp
set applications application last protocol 255
set applications application first protocol 0
set security screen white-list some address 10.0.0.4/32
set security screen white-list some address 10.1.0.4/32
";

fn base() -> String {
    let mut text = OWN.to_owned();
    for n in 0..4 {
        let head = format!("set interfaces ge-0/0/{n} unit 0 family");
        text += &format!("{head} inet address 10.{n}.0.1/24\n{head} inet6 address 2001:db8:{n}::1/64\n");
    }
    for (zone, unit) in ZONES.iter().zip(UNITS) {
        text += &format!("set security zones security-zone {zone} interfaces {unit}\n");
    }
    text
}

fn policy() -> impl Strategy<Value = String> {
    let zone = || select(&ZONES[..]);
    let to = prop_oneof![3 => zone(), 1 => Just("junos-host")];
    let context = prop_oneof![
        3 => (zone(), to).prop_map(|(from, to)| format!("from-zone {from} to-zone {to}")),
        2 => Just("global".to_owned()),
    ];
    let sides = || select(&["any", "any", "any-ipv4", "any-ipv6", "10.0.0.0/24", "0.0.0.0/0"][..]);
    let action = select(&["permit", "permit", "permit", "deny", "reject"][..]);
    let log = select(&["", "log session-init", "log session-close", "count"][..]);
    let applications = select(&APPLICATIONS[..]);
    (context, sides(), sides(), applications, action, log).prop_map(
        |(context, src, dst, application, action, log)| {
            let head = format!("set security policies {context} policy NAME");
            let log = if log.is_empty() { String::new() } else { format!("{head} then {log}\n") };
            format!(
                "{head} match source-address {src}\n{head} match destination-address {dst}\n\
             {head} match application {application}\n{head} then {action}\n{log}"
            )
        },
    )
}

/// What a zone lets in.
const INBOUND: [&str; 11] = [
    "",
    "system-services any-service",
    "system-services ping",
    "system-services dhcp",
    "protocols all",
    "protocols ospf",
    "protocols igmp",
    "protocols pim",
    "protocols ndp",
    "protocols router-discovery",
    "system-services all",
];

/// A line each behind `set security nat`.
const NATS: [&[&str]; 6] = [
    &[],
    &[],
    &[
        "source rule-set rs from zone trust",
        "source rule-set rs to zone untrust",
        "source rule-set rs rule r match source-address 10.0.0.0/16",
        "source rule-set rs rule r then source-nat interface",
    ],
    &[
        "source pool p address 10.1.0.64/30",
        "source pool p port no-translation",
        "source rule-set rs from zone trust",
        "source rule-set rs to zone untrust",
        "source rule-set rs rule r match source-address 10.0.0.0/16",
        "source rule-set rs rule r then source-nat pool p",
    ],
    &[
        "static rule-set st from zone untrust",
        "static rule-set st rule r match destination-address 10.0.0.2/32",
        "static rule-set st rule r then static-nat prefix 10.2.0.3/32",
        "static rule-set st rule q match destination-address 2001:db8::2/128",
        "static rule-set st rule q then static-nat prefix 2001:db8:2::3/128",
    ],
    &[
        "destination pool d address 10.2.0.2/32",
        "destination rule-set ds from zone untrust",
        "destination rule-set ds rule r match destination-address 10.0.0.0/28",
        "destination rule-set ds rule r then destination-nat pool d",
    ],
];

pub fn config() -> impl Strategy<Value = String> {
    (of_zones(), select(&NATS[..])).prop_map(|(text, nat)| {
        nat.iter().fold(text, |text, line| text + &format!("set security nat {line}\n"))
    })
}

fn of_zones() -> impl Strategy<Value = String> {
    let inbound = || select(&INBOUND[..]);
    let screens = (option("trust"), option("untrust"), any::<[bool; 3]>());
    let default = select(&["permit-all", "deny-all"][..]);
    (vec(policy(), 0..5), default, (inbound(), inbound()), screens).prop_map(
        |(policies, default, (first, second), (trust, untrust, [has_trust, has_untrust, shared]))| {
            let mut text = base();
            text += &format!("set security policies default-policy {default}\n");
            let named =
                policies.iter().enumerate().map(|(n, policy)| policy.replace("NAME", &format!("p{n}")));
            text.extend(named);
            for (zone, list) in [("trust", first), ("untrust", second)] {
                if !list.is_empty() {
                    text += &format!("set security zones security-zone {zone} host-inbound-traffic {list}\n");
                }
            }
            text.extend(
                [(has_trust, trust), (has_untrust, untrust)].into_iter().filter(|of| of.0).map(|of| of.1),
            );
            if has_trust && shared {
                text += "set security zones security-zone dmz screen of-trust\n";
            }
            text
        },
    )
}
