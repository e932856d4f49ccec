//! Generated configurations of both families: books of zones, pairs and global lists with schedulers, `policy-rematch`, and a
//! second router, apart or led into.

use ipnet::{IpNet, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::net::{IpAddr, Ipv6Addr};

/// One zone inside; outside two units of one zone, and a third zone.
const BASE: &str = "\
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone untrust interfaces ge-0/0/2.0
set security zones security-zone dmz interfaces ge-0/0/3.0
set security zones security-zone branch interfaces ge-0/0/4.0
set schedulers scheduler work daily start-time 08:00 stop-time 17:00
set schedulers scheduler work saturday exclude
set schedulers scheduler work sunday exclude
set schedulers scheduler night daily start-time 22:00 stop-time 06:00
set schedulers scheduler week friday all-day
set schedulers scheduler week monday start-time 00:00 stop-time 12:00
set schedulers scheduler once start-date 2026-01-03.12:00 stop-date 2026-01-05
";
/// What the set of a book may hold.
const MEMBERS: &[&[&str]] = &[&["a"], &["b"], &["a", "b"]];
/// The second router, where there is one.
pub const VR: &str = "VR";

/// What an IPv4 prefix is called in IPv6: its 32 bits behind 2001:db8.
pub fn six(prefix: &str) -> IpNet {
    let IpNet::V4(net) = prefix.parse().unwrap() else { panic!("{prefix} is none of IPv4") };
    let bits = 0x2001_0db8 << 96 | u128::from(u32::from(net.addr())) << 64;
    Ipv6Net::new(Ipv6Addr::from(bits), net.prefix_len() + 32).unwrap().into()
}

/// An address, in the family that is wanted.
pub fn address(addr: &str, is_v6: bool) -> IpAddr {
    if is_v6 { six(&format!("{addr}/32")).addr() } else { addr.parse().unwrap() }
}

/// A prefix, in the family that is wanted.
pub fn prefix(prefix: &str, is_v6: bool) -> IpNet {
    if is_v6 { six(prefix) } else { prefix.parse().unwrap() }
}

/// What the names `a`, `b` and `s` stand for in a book: `s` is the set of one of them or both.
fn book(name: &str, attach: Option<&str>) -> impl Strategy<Value = String> {
    let prefix = || {
        let prefixes =
            ["10.0.0.2/32", "10.0.0.0/30", "10.9.0.0/17", "10.9.128.0/17", "10.9.0.5/32", "10.3.0.0/24"];
        (select(prefixes.to_vec()), any::<bool>()).prop_map(|(net, is_v6)| prefix(net, is_v6))
    };
    let members = select(MEMBERS);
    let (name, attach) = (name.to_owned(), attach.map(str::to_owned));
    (prefix(), prefix(), members, any::<[bool; 2]>()).prop_map(move |(a, b, members, [has_set, has_b])| {
        let is_global = attach.is_none();
        let book = format!("set security address-book {name}");
        let mut text = format!("{book} address a {a}\n");
        if is_global || has_b {
            text += &format!("{book} address b {b}\n");
        }
        if is_global || has_set {
            let known = members.iter().filter(|m| is_global || has_b || **m == "a");
            text.extend(known.map(|m| format!("{book} address-set s address {m}\n")));
            if !is_global && !has_b {
                text += &format!("{book} address-set s address a\n");
            }
        }
        text.extend(attach.iter().map(|zone| format!("{book} attach zone {zone}\n")));
        text
    })
}

/// A policy behind its context and name.
fn policy() -> impl Strategy<Value = Vec<String>> {
    let some = || select(&["a", "b", "s", "a excluded", "s excluded"][..]);
    let side = || prop_oneof![2 => Just("any"), 1 => some()];
    let some = select(&["junos-ssh", "junos-dns-udp"][..]);
    let applications = prop_oneof![4 => Just("any"), 1 => some];
    let then = select(&["permit", "permit", "permit", "deny", "deny", "reject"][..]);
    let scheduler = select(&["", "work", "work", "night", "week", "once"][..]);
    (side(), side(), applications, then, scheduler).prop_map(|(src, dst, application, then, scheduler)| {
        let mut lines = vec![format!("match application {application}"), format!("then {then}")];
        for (end, side) in [("source", src), ("destination", dst)] {
            let (name, excluded) = side.split_once(' ').map_or((side, false), |(name, _)| (name, true));
            lines.push(format!("match {end}-address {name}"));
            lines.extend(excluded.then(|| format!("match {end}-address-excluded")));
        }
        lines.extend((!scheduler.is_empty()).then(|| format!("scheduler-name {scheduler}")));
        lines
    })
}

/// How the second router stands to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routers {
    One,
    /// Two, with the same network inside; whether the first leads into the second, and back.
    Two {
        there: bool,
        back: bool,
    },
}

impl Routers {
    /// The instance of a unit.
    pub fn of(self, unit: usize) -> Option<&'static str> {
        (self != Self::One && unit >= 3).then_some(VR)
    }

    /// The network of a unit, but for the last octet.
    pub fn network(self, unit: usize) -> String {
        if self != Self::One && unit == 4 { "10.0.0".to_owned() } else { format!("10.{unit}.0") }
    }

    fn text(self) -> String {
        let mut text = String::new();
        for unit in 0..5 {
            let own = format!("{}.1/24", self.network(unit));
            let head = format!("set interfaces ge-0/0/{unit} unit 0 family");
            text += &format!("{head} inet address {own}\n{head} inet6 address {}\n", six(&own));
        }
        let Self::Two { there, back } = self else { return text };
        let vr = format!("set routing-instances {VR}");
        text += &format!("{vr} instance-type virtual-router\n");
        text += &format!("{vr} interface ge-0/0/3.0\n{vr} interface ge-0/0/4.0\n");
        let mut lead = |(head, from): (&str, &str), net: &str, into: &str| {
            let (six, rib) = (six(net), format!("rib {from}inet6.0"));
            text += &format!("{head} routing-options static route {net} next-table {into}inet.0\n");
            text += &format!("{head} routing-options {rib} static route {six} next-table {into}inet6.0\n");
        };
        if there {
            lead(("set", ""), "10.3.0.0/24", "VR.");
        }
        if back {
            lead((&vr, "VR."), "10.9.128.0/17", "");
            lead((&vr, "VR."), "10.1.0.0/24", "");
        }
        text
    }
}

fn routers() -> impl Strategy<Value = Routers> {
    let two = any::<[bool; 2]>().prop_map(|[there, back]| Routers::Two { there, back });
    prop_oneof![Just(Routers::One), two]
}

pub fn config() -> impl Strategy<Value = (String, Routers)> {
    let books = (
        book("global", None),
        proptest::option::of(book("inner", Some("trust"))),
        proptest::option::of(book("outer", Some("untrust"))),
    );
    let pair = (select(&["trust", "trust", "branch"][..]), select(&["untrust", "dmz"][..]));
    let pairs = vec((pair, vec(policy(), 1..4)), 0..4);
    let zones = || select(&["", "any", "trust", "untrust dmz", "trust dmz", "dmz", "branch trust"][..]);
    // What means anything often stands around the rest: a denial by the hour before, a permit behind.
    let guard = proptest::option::of(select(&["work", "night", "week"][..]));
    let around = (guard, any::<bool>());
    let global = (around, vec((zones(), zones(), policy()), 0..4)).prop_map(|((guard, rest), mut global)| {
        let any = |lines: &[&str]| {
            let match_any =
                ["source-address", "destination-address", "application"].map(|of| format!("match {of} any"));
            match_any.into_iter().chain(lines.iter().map(|line| (*line).to_owned())).collect::<Vec<_>>()
        };
        if let Some(scheduler) = guard {
            global.insert(0, ("", "", any(&["then deny", &format!("scheduler-name {scheduler}")])));
        }
        if rest {
            global.push(("", "", any(&["then permit"])));
        }
        global
    });
    let rematch =
        prop_oneof![1 => Just(""), 1 => Just("policy-rematch"), 2 => Just("policy-rematch extensive")];
    (books, pairs, global, rematch, routers()).prop_map(|(books, pairs, global, rematch, routers)| {
        let mut text = routers.text() + BASE + &books.0;
        text.extend([books.1, books.2].into_iter().flatten());
        for (at, ((from, to), policies)) in pairs.iter().enumerate() {
            for (n, lines) in policies.iter().enumerate() {
                let head = format!("set security policies from-zone {from} to-zone {to} policy p{at}{n}");
                text.extend(lines.iter().map(|line| format!("{head} {line}\n")));
            }
        }
        for (n, (from, to, lines)) in global.iter().enumerate() {
            let head = format!("set security policies global policy g{n}");
            text.extend(lines.iter().map(|line| format!("{head} {line}\n")));
            for (end, zones) in [("from", from), ("to", to)] {
                text.extend(zones.split_whitespace().map(|z| format!("{head} match {end}-zone {z}\n")));
            }
        }
        if !rematch.is_empty() {
            text += &format!("set security policies {rematch}\n");
        }
        (text, routers)
    })
}
