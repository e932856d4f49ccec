//! Policies, screens, lists of services and NAT between three zones, and commits that change them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{UNITS, ZONES};
use crate::screens::option;

const APPLICATIONS: [&str; 15] = [
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
    "coded",
    "association",
    "hidden",
    "last",
    "first",
];

const OWN: &str = "\
set applications application stamp protocol icmp
set applications application stamp icmp-type 13
set applications application coded protocol icmp
set applications application coded icmp-type 13
set applications application coded icmp-code 3
set applications application association protocol sctp
set applications application hidden protocol esp
set applications application last protocol 255
set applications application first protocol 0
set security screen white-list some address 10.0.0.4/32
set security screen white-list some address 10.1.0.4/32
";

/// A policy: its name and what is said of it, with NAME for that.
type Policy = (String, String);

/// What a configuration says, in parts that commits change one by one.
#[derive(Clone, Debug)]
struct Parts {
    policies: Vec<Policy>,
    default: &'static str,
    rematch: &'static str,
    inbound: [&'static str; 2],
    screens: [Option<String>; 3],
    nat: &'static [&'static str],
    more: Vec<&'static str>,
    /// The zone of the third unit.
    third: &'static str,
}

/// What a commit changes.
#[derive(Clone, Debug)]
enum Edit {
    /// Another in the place of this one, of its name if it is of its zones.
    Replace(usize, Policy),
    Insert(usize, Policy),
    Delete(usize),
    Move(usize, usize),
    Default(&'static str),
    Rematch(&'static str),
    Inbound([&'static str; 2]),
    Screens([Option<String>; 3]),
    Nat(&'static [&'static str]),
    More(Vec<&'static str>),
    Toggle(&'static str),
    Third(&'static str),
}

/// Lines of their own, behind `set`.
const MORE: [&str; 16] = [
    "security zones security-zone trust tcp-rst",
    "security zones security-zone untrust tcp-rst",
    "security zones security-zone trust unidirectional-session-refreshing",
    "interfaces ge-0/0/1 unit 0 family inet mtu 600",
    "interfaces ge-0/0/2 unit 0 family inet mtu 1000",
    "interfaces ge-0/0/0 unit 0 family inet6 mtu 1280",
    "interfaces ge-0/0/1 unit 0 family inet6 mtu 1280",
    "security flow tcp-session no-syn-check",
    "security flow tcp-session rst-sequence-check",
    "security flow tcp-session rst-invalidate-session",
    "security flow tcp-session fin-invalidate-session",
    "security flow tcp-session tcp-initial-timeout 40",
    "security flow tcp-session time-wait-state session-ageout",
    "security policies policy-stats system-wide enable",
    "applications application stamp inactivity-timeout 7",
    "applications application association inactivity-timeout never",
];

const REMATCHES: [&str; 4] = ["", "", "policy-rematch", "policy-rematch extensive"];

impl Parts {
    fn text(&self) -> String {
        let Self { policies, default, rematch, inbound, screens, nat, more, third } = self;
        // A zone may be without a unit.
        let mut text = OWN.to_owned() + "set security zones security-zone dmz description third\n";
        for n in 0..4 {
            let head = format!("set interfaces ge-0/0/{n} unit 0 family");
            text += &format!("{head} inet address 10.{n}.0.1/24\n{head} inet6 address 2001:db8:{n}::1/64\n");
        }
        for (zone, unit) in [ZONES[0], ZONES[1], third].iter().zip(UNITS) {
            text += &format!("set security zones security-zone {zone} interfaces {unit}\n");
        }
        text += &format!("set security policies default-policy {default}\n");
        if !rematch.is_empty() {
            text += &format!("set security policies {rematch}\n");
        }
        text.extend(policies.iter().map(|(name, body)| body.replace("NAME", name)));
        for (zone, list) in ZONES.iter().zip(inbound).filter(|(_, list)| !list.is_empty()) {
            text += &format!("set security zones security-zone {zone} host-inbound-traffic {list}\n");
        }
        text.extend(screens.iter().flatten().cloned());
        text.extend(nat.iter().map(|line| format!("set security nat {line}\n")));
        text.extend(more.iter().map(|line| format!("set {line}\n")));
        text
    }

    fn edit(&mut self, edit: Edit, number: usize) {
        let policies = &mut self.policies;
        let count = policies.len();
        let context = |(_, body): &Policy| body.split(" policy NAME").next().map(str::to_owned);
        match edit {
            Edit::Replace(at, new) if count > 0 => {
                let old = &policies[at % count];
                let name = if context(old) == context(&new) { old.0.clone() } else { format!("n{number}") };
                policies[at % count] = (name, new.1);
            }
            Edit::Insert(at, new) => policies.insert(at % (count + 1), (format!("n{number}"), new.1)),
            Edit::Delete(at) if count > 0 => drop(policies.remove(at % count)),
            Edit::Move(from, to) if count > 0 => {
                let policy = policies.remove(from % count);
                policies.insert(to % count, policy);
            }
            Edit::Replace(..) | Edit::Delete(_) | Edit::Move(..) => {}
            Edit::Default(default) => self.default = default,
            Edit::Rematch(rematch) => self.rematch = rematch,
            Edit::Inbound(inbound) => self.inbound = inbound,
            Edit::Screens(screens) => self.screens = screens,
            Edit::Nat(nat) => self.nat = nat,
            Edit::More(more) => self.more = more,
            Edit::Toggle(line) => match self.more.iter().position(|of| *of == line) {
                Some(at) => drop(self.more.remove(at)),
                None => self.more.push(line),
            },
            Edit::Third(third) => self.third = third,
        }
    }
}

/// A policy of a few hosts' talk.
fn plain() -> impl Strategy<Value = Policy> {
    let context = select(
        &[
            "from-zone trust to-zone untrust",
            "from-zone trust to-zone untrust",
            "from-zone trust to-zone junos-host",
            "from-zone junos-host to-zone trust",
            "global",
        ][..],
    );
    let context = context.prop_map(str::to_owned);
    let source = select(&["any", "any", "10.0.0.2/32", "2001:db8::2/128", "any-ipv4"][..]);
    let application =
        select(&["any", "any", "junos-ssh", "junos-dns-udp", "junos-icmp-ping", "stamp", "coded"][..]);
    let action = select(&["permit", "permit", "permit", "deny"][..]);
    let log = select(&["", "log session-init", "log session-close", "count", "count"][..]);
    of((context, source, Just("any"), application, action, log))
}

fn policy() -> impl Strategy<Value = Policy> {
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
    of((context, sides(), sides(), applications, action, log))
}

/// A policy of what may stand in its places.
fn of<C, S, D, W>(places: (C, S, D, W, W, W)) -> impl Strategy<Value = Policy>
where
    C: Strategy<Value = String>,
    S: Strategy<Value = &'static str>,
    D: Strategy<Value = &'static str>,
    W: Strategy<Value = &'static str>,
{
    places.prop_map(|(context, src, dst, application, action, log)| {
        let head = format!("set security policies {context} policy NAME");
        let log = if log.is_empty() { String::new() } else { format!("{head} then {log}\n") };
        let body = format!(
            "{head} match source-address {src}\n{head} match destination-address {dst}\n\
             {head} match application {application}\n{head} then {action}\n{log}"
        );
        (String::new(), body)
    })
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

fn default() -> impl Strategy<Value = &'static str> {
    select(&["permit-all", "deny-all"][..])
}

fn inbound() -> impl Strategy<Value = [&'static str; 2]> {
    [select(&INBOUND[..]), select(&INBOUND[..])]
}

fn more() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(MORE.to_vec(), 0..5)
}

fn screens() -> impl Strategy<Value = [Option<String>; 3]> {
    (option("trust"), option("untrust"), any::<[bool; 3]>()).prop_map(
        |(trust, untrust, [has_trust, has_untrust, shared])| {
            let third = "set security zones security-zone dmz screen of-trust\n".to_owned();
            [
                has_trust.then_some(trust),
                has_untrust.then_some(untrust),
                (has_trust && shared).then_some(third),
            ]
        },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    let policies = vec(policy(), 0..5).prop_map(|policies| {
        let named = policies.into_iter().enumerate();
        named.map(|(n, (_, body))| (format!("p{n}"), body)).collect()
    });
    let rest = (default(), select(&REMATCHES[..]), inbound(), select(&NATS[..]), more());
    (policies, rest, screens()).prop_map(|(policies, (default, rematch, inbound, nat, more), screens)| {
        Parts { policies, default, rematch, inbound, screens, nat, more, third: ZONES[2] }
    })
}

/// What is changed where only policies and services count.
fn slight() -> impl Strategy<Value = Edit> {
    let at = || 0usize..6;
    prop_oneof![
        6 => (at(), plain()).prop_map(|(at, policy)| Edit::Replace(at, policy)),
        2 => (at(), plain()).prop_map(|(at, policy)| Edit::Insert(at, policy)),
        2 => at().prop_map(Edit::Delete),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => default().prop_map(Edit::Default),
        2 => select(&REMATCHES[..]).prop_map(Edit::Rematch),
        2 => select(&WAYS_IN[..]).prop_map(|list| Edit::Inbound([list, ""])),
        2 => select(&MORE[..]).prop_map(Edit::Toggle),
        1 => select(&[MORE[3], MORE[13]][..]).prop_map(Edit::Toggle),
        1 => select(&NATS[..]).prop_map(Edit::Nat),
        1 => select(&["untrust", "dmz", "dmz"][..]).prop_map(Edit::Third),
    ]
}

const WAYS_IN: [&str; 4] = ["system-services any-service", "system-services ssh", "system-services ping", ""];

/// The same of few policies and many commits.
pub fn changing() -> impl Strategy<Value = Vec<String>> {
    let policies = vec(plain(), 1..5).prop_map(|policies| {
        let named = policies.into_iter().enumerate();
        named.map(|(n, (_, body))| (format!("p{n}"), body)).collect()
    });
    let rest = (default(), select(&REMATCHES[..]), select(&WAYS_IN[..]), select(&NATS[..]), more());
    let parts = (policies, rest).prop_map(|(policies, (default, rematch, inbound, nat, more))| Parts {
        policies,
        default,
        rematch,
        inbound: [inbound, ""],
        screens: [None, None, None],
        nat,
        more,
        third: ZONES[2],
    });
    (parts, vec(vec(slight(), 1..3), 2..8)).prop_map(|(parts, commits)| texts(parts, commits))
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0usize..6;
    prop_oneof![
        4 => (at(), policy()).prop_map(|(at, policy)| Edit::Replace(at, policy)),
        3 => (at(), policy()).prop_map(|(at, policy)| Edit::Insert(at, policy)),
        3 => at().prop_map(Edit::Delete),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => default().prop_map(Edit::Default),
        2 => select(&REMATCHES[..]).prop_map(Edit::Rematch),
        1 => inbound().prop_map(Edit::Inbound),
        2 => screens().prop_map(Edit::Screens),
        1 => select(&NATS[..]).prop_map(Edit::Nat),
        2 => more().prop_map(Edit::More),
        1 => select(&MORE[..]).prop_map(Edit::Toggle),
        1 => select(&["untrust", "dmz", "dmz"][..]).prop_map(Edit::Third),
    ]
}

/// A configuration, and those that follow it.
pub fn configs() -> impl Strategy<Value = Vec<String>> {
    (parts(), vec(vec(edit(), 0..3), 0..4)).prop_map(|(parts, commits)| texts(parts, commits))
}

fn texts(mut parts: Parts, commits: Vec<Vec<Edit>>) -> Vec<String> {
    let mut texts = vec![parts.text()];
    for (commit, edits) in commits.into_iter().enumerate() {
        for (n, edit) in edits.into_iter().enumerate() {
            parts.edit(edit, 10 * commit + n);
        }
        texts.push(parts.text());
    }
    texts
}
