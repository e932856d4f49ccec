//! The rows of the table.

use std::sync::LazyLock;

use ravelin_types::Proto;

use super::given::{Given, prefix, proto};
use super::{Arg, Command, Miss, Param, log};
use crate::answer::NatKind;
use crate::log::LogRequest;
use crate::ports::PoolQuery;
use crate::request::{ConfigureKind, HitOrder, PolicyView, Request, TestPacket};
use crate::watch::Watch;

/// Help of words that are not yet a command.
pub(crate) const GROUPS: &[(&[&str], &str)] = &[
    (&["clear"], "Clear state of the running system"),
    (&["clear", "forwarding-options"], "Clear what forwarding counts"),
    (&["clear", "security"], "Clear security state"),
    (&["clear", "security", "application-tracking"], "Clear what was told of tracked sessions"),
    (&["clear", "security", "nat"], "Clear address translation"),
    (&["clear", "security", "nat", "source"], "Clear source address translation"),
    (
        &["clear", "security", "nat", "source", "persistent-nat-table"],
        "End external ends that internal ones keep",
    ),
    (&["clear", "security", "nat", "statistics"], "Clear counters of address translation"),
    (&["clear", "security", "nat", "statistics", "destination"], "Clear those of destination translation"),
    (&["clear", "security", "nat", "statistics", "source"], "Clear those of source translation"),
    (&["clear", "security", "nat", "statistics", "static"], "Clear those of static translation"),
    (&["clear", "security", "forward-options"], "Clear what security forwarding counts"),
    (&["clear", "security", "flow"], "Clear state of the packet path"),
    (&["clear", "security", "policies"], "Clear counters of policies"),
    (&["clear", "security", "screen"], "Clear counters of screens"),
    (&["clear", "system"], "Clear what the system keeps"),
    (&["request"], "Do something to the system"),
    (&["request", "security"], "Do something to the security configuration's state"),
    (&["request", "security", "dynamic-address"], "Addresses of feeds"),
    (&["request", "system"], "Do something to the system as a whole"),
    (&["request", "system", "configuration"], "Keep configurations"),
    (&["request", "system", "configuration", "rescue"], "Keep a configuration for need"),
    (&["request", "system", "software"], "Change the software that runs"),
    (&["show"], "Show state of the system"),
    (&["show", "forwarding-options"], "Show copies of packets"),
    (&["show", "interfaces"], "Show interfaces"),
    (&["show", "ravelin"], "Show what is particular to Ravelin (extension)"),
    (&["show", "security"], "Show security state"),
    (&["show", "security", "alg"], "Show gateways of the application layer"),
    (&["show", "security", "application-tracking"], "Show what was told of tracked sessions"),
    (&["show", "security", "flow"], "Show the packet path"),
    (&["show", "security", "forward-options"], "Show security forwarding"),
    (&["show", "security", "nat"], "Show address translation"),
    (&["show", "security", "screen"], "Show screens"),
    (&["show", "security", "nat", "destination"], "Show destination address translation"),
    (&["show", "security", "nat", "resource-usage"], "Show how much of address translation is in use"),
    (&["show", "security", "nat", "source"], "Show source address translation"),
    (
        &["show", "security", "nat", "source", "persistent-nat-table"],
        "Show external ends that internal ones keep",
    ),
    (&["show", "security", "nat", "static"], "Show static address translation"),
    (&["show", "system"], "Show the system"),
    (&["show", "system", "configuration"], "Show configurations that are kept"),
    (&["test"], "Try something without doing it"),
    (&["test", "security"], "Try what the security configuration does"),
];

pub(super) const fn flag(word: &'static str, help: &'static str) -> Param {
    Param { word: Some(word), args: &[], help }
}

pub(super) const fn option(word: &'static str, args: &'static [Arg], help: &'static str) -> Param {
    Param { word: Some(word), args, help }
}

pub(super) const fn alone(args: &'static [Arg], help: &'static str) -> Param {
    Param { word: None, args, help }
}

const SHOW_POLICIES: &[Param] = &[
    flag("ascending", "Hit counts, the lowest first"),
    option("count", &[Arg::Number], "How many policies to show, 1 or more"),
    flag("descending", "Hit counts, the highest first"),
    flag("detail", "With logging and counters"),
    option("from-zone", &[Arg::Zone], "Policies for traffic from this zone"),
    flag("global", "Global policies"),
    option("greater-than", &[Arg::Number], "Hit counts above this"),
    flag("hit-count", "How often each policy matched"),
    flag("information", "How many policies there are"),
    option("less-than", &[Arg::Number], "Hit counts below this"),
    option("policy-name", &[Arg::Policy], "Policies of this name"),
    option("start", &[Arg::Number], "First policy of the list to show, from 1"),
    option("to-zone", &[Arg::Zone], "Policies for traffic to this zone"),
    flag("zone-context", "How many policies there are from zone to zone"),
];

const TEST_PACKET: &[Param] = &[
    option("destination-ip", &[Arg::Address], "Destination address"),
    option("destination-port", &[Arg::Port], "Destination port (default 80)"),
    option("from-zone", &[Arg::Zone], "Zone the packet comes from, instead of an interface"),
    option("interface", &[Arg::Interface], "Logical interface the packet arrives on"),
    option("protocol", &[Arg::Protocol], "IP protocol (default tcp, a SYN)"),
    option("source-ip", &[Arg::Address], "Source address"),
    option("source-port", &[Arg::Port], "Source port (default 40000)"),
    option("tcp-flags", &[Arg::Name], "Flags of a TCP segment, such as ack or fin+ack (default syn)"),
];

/// Every operational command.
#[must_use]
pub fn commands() -> &'static [Command] {
    static ALL: LazyLock<Vec<Command>> = LazyLock::new(|| {
        [
            COMMANDS,
            super::sessions::COMMANDS,
            super::dynamic::COMMANDS,
            super::mirror::COMMANDS,
            super::system::COMMANDS,
            super::firewall::COMMANDS,
            super::buffers::COMMANDS,
            super::gates::COMMANDS,
            super::counting::COMMANDS,
            super::persistent::COMMANDS,
            super::ports::COMMANDS,
            super::nat_state::COMMANDS,
            super::watch::COMMANDS,
            super::watch::OTHERS,
        ]
        .concat()
    });
    &ALL
}

const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "application-tracking", "counters"],
        help: "Clear what was told of tracked sessions",
        params: &[],
        make: |_| Ok(Request::Log(LogRequest::ClearTracking)),
    },
    Command {
        path: &["clear", "security", "log"],
        help: "Forget kept security events",
        params: log::CLEAR,
        make: log::clear,
    },
    Command {
        path: &["configure"],
        help: "Enter configuration mode",
        params: &[
            flag("exclusive", "Keep others from changing and committing"),
            flag("private", "Edit a copy of one's own"),
        ],
        make: |given| {
            let kind = match (given.is_set("exclusive"), given.is_set("private")) {
                (true, true) => return Err(Miss::Word("private".to_owned())),
                (true, false) => ConfigureKind::Exclusive,
                (false, true) => ConfigureKind::Private,
                (false, false) => ConfigureKind::Shared,
            };
            Ok(Request::Configure(kind))
        },
    },
    Command { path: &["exit"], help: "End the session", params: &[], make: |_| Ok(Request::Exit) },
    Command { path: &["help"], help: "How to get help", params: &[], make: |_| Ok(Request::Help) },
    Command { path: &["quit"], help: "End the session", params: &[], make: |_| Ok(Request::Exit) },
    Command {
        path: &["show", "configuration"],
        help: "Show the active configuration",
        params: &[alone(&[Arg::ConfigPath], "Statement to show")],
        make: |given| Ok(Request::Configuration { path: given.values("").to_vec() }),
    },
    Command {
        path: &["show", "interfaces", "terse"],
        help: "Show interfaces, their state and addresses",
        params: &[
            alone(&[Arg::Interface], "Physical or logical interface"),
            option("routing-instance", &[Arg::Name], "Interfaces of this routing instance"),
        ],
        make: |given| {
            Ok(Request::InterfacesTerse { name: given.text(""), instance: given.text("routing-instance") })
        },
    },
    Command {
        path: &["show", "ravelin", "log"],
        help: "Show what became of security log messages (extension)",
        params: &[],
        make: |_| Ok(Request::Log(LogRequest::Statistics)),
    },
    Command {
        path: &["show", "ravelin", "status"],
        help: "Show backend, workers, ports and generation (extension)",
        params: &[],
        make: |_| Ok(Request::PlaneStatus),
    },
    Command {
        path: &["show", "route"],
        help: "Show routes",
        params: &[
            alone(&[Arg::Prefix], "Best route of an address, or routes within a prefix"),
            option("table", &[Arg::Name], "Routes of this table, such as inet.0"),
        ],
        make: |given| Ok(Request::Routes { destination: given.read("", prefix), table: given.text("table") }),
    },
    Command {
        path: &["show", "route", "instance"],
        help: "Show routing instances",
        params: &[alone(&[Arg::Name], "Routing instance to show")],
        make: |given| Ok(Request::Instances { name: given.text("") }),
    },
    Command {
        path: &["show", "security", "flow", "statistics"],
        help: "Show packets, sessions and drops in numbers",
        params: &[],
        make: |_| Ok(Request::FlowStatistics),
    },
    Command {
        path: &["show", "security", "log"],
        help: "Show kept security events",
        params: log::SHOW,
        make: log::show,
    },
    Command {
        path: &["show", "security", "alg", "status"],
        help: "Show which gateways are on",
        params: &[],
        make: |_| Ok(Request::AlgStatus),
    },
    Command {
        path: &["show", "security", "application-tracking", "counters"],
        help: "Show how often tracked sessions were told of",
        params: &[],
        make: |_| Ok(Request::Log(LogRequest::Tracking)),
    },
    Command {
        path: &["show", "security", "nat", "destination", "pool"],
        help: "Show destination NAT pools",
        params: &[flag("all", "Every pool"), alone(&[Arg::NatPool], "Pool to show")],
        make: |given| match (given.is_set("all"), given.text("")) {
            (true, None) => Ok(Request::NatDestinationPools { name: None }),
            (false, Some(name)) => Ok(Request::NatDestinationPools { name: Some(name) }),
            (true, Some(name)) => Err(Miss::Word(name)),
            (false, None) => Err(Miss::Missing("pool")),
        },
    },
    Command {
        path: &["show", "security", "nat", "destination", "rule"],
        help: "Show destination NAT rules",
        params: &[flag("all", "Every rule"), alone(&[Arg::NatRule], "Rule to show")],
        make: |given| nat_rules(given, NatKind::Destination),
    },
    Command {
        path: &["show", "security", "nat", "destination", "summary"],
        help: "Show destination NAT at a glance",
        params: &[],
        make: |_| Ok(Request::NatSummary(NatKind::Destination)),
    },
    Command {
        path: &["show", "security", "nat", "source", "pool"],
        help: "Show source NAT pools",
        params: &[flag("all", "Every pool"), alone(&[Arg::SourcePool], "Pool to show")],
        make: |given| match (given.is_set("all"), given.text("")) {
            (true, None) => Ok(Request::SourcePools(PoolQuery::Detail { name: None })),
            (false, Some(name)) => Ok(Request::SourcePools(PoolQuery::Detail { name: Some(name) })),
            (true, Some(name)) => Err(Miss::Word(name)),
            (false, None) => Err(Miss::Missing("pool")),
        },
    },
    Command {
        path: &["show", "security", "nat", "source", "rule"],
        help: "Show source NAT rules",
        params: &[flag("all", "Every rule"), alone(&[Arg::NatRule], "Rule to show")],
        make: |given| nat_rules(given, NatKind::Source),
    },
    Command {
        path: &["show", "security", "nat", "source", "summary"],
        help: "Show source NAT at a glance",
        params: &[],
        make: |_| Ok(Request::NatSummary(NatKind::Source)),
    },
    Command {
        path: &["show", "security", "nat", "static", "rule"],
        help: "Show static NAT rules",
        params: &[flag("all", "Every rule"), alone(&[Arg::NatRule], "Rule to show")],
        make: |given| nat_rules(given, NatKind::Static),
    },
    Command {
        path: &["show", "security", "nat", "static", "summary"],
        help: "Show static NAT at a glance",
        params: &[],
        make: |_| Ok(Request::NatSummary(NatKind::Static)),
    },
    Command {
        path: &["show", "security", "policies"],
        help: "Show policies",
        params: SHOW_POLICIES,
        make: policies,
    },
    Command {
        path: &["show", "version"],
        help: "Show the software's version",
        params: &[],
        make: |_| Ok(Request::Version),
    },
    Command {
        path: &["test", "security", "packet"],
        help: "Explain what would become of a packet (extension)",
        params: TEST_PACKET,
        make: test_packet,
    },
];

fn policies(given: &Given) -> Result<Request, Miss> {
    for (word, what) in [("information", Watch::PolicyTotals), ("zone-context", Watch::PolicyContexts)] {
        if given.is_set(word) {
            given.only(&[word])?;
            return Ok(Request::Watch(what));
        }
    }
    let hit_count = given.is_set("hit-count");
    let counted = ["ascending", "descending", "greater-than", "less-than"];
    if let Some(word) = counted.into_iter().find(|word| given.is_set(word) && !hit_count) {
        return Err(Miss::Word(word.to_owned()));
    }
    if hit_count && given.is_set("detail") {
        return Err(Miss::Word("detail".to_owned()));
    }
    let number = |word| given.read(word, |v| v.parse().ok());
    let from_one = |word| match number(word) {
        Some(0) => Err(Miss::Value { word: "0".to_owned(), wanted: "a number from 1" }),
        number => Ok(number),
    };
    Ok(Request::Policies(PolicyView {
        from_zone: given.text("from-zone"),
        to_zone: given.text("to-zone"),
        name: given.text("policy-name"),
        detail: given.is_set("detail"),
        hit_count,
        global: given.is_set("global"),
        order: match (given.is_set("ascending"), given.is_set("descending")) {
            (false, false) => HitOrder::Evaluation,
            (true, false) => HitOrder::Ascending,
            (false, true) => HitOrder::Descending,
            (true, true) => return Err(Miss::Word("descending".to_owned())),
        },
        less_than: number("less-than"),
        greater_than: number("greater-than"),
        start: from_one("start")?,
        count: from_one("count")?,
    }))
}

fn nat_rules(given: &Given, kind: NatKind) -> Result<Request, Miss> {
    match (given.is_set("all"), given.text("")) {
        (true, None) => Ok(Request::NatRules { kind, name: None }),
        (false, Some(name)) => Ok(Request::NatRules { kind, name: Some(name) }),
        (true, Some(name)) => Err(Miss::Word(name)),
        (false, None) => Err(Miss::Missing("rule")),
    }
}

fn test_packet(given: &Given) -> Result<Request, Miss> {
    let source = given.required("source-ip", |v| v.parse::<std::net::IpAddr>().ok())?;
    let destination = given.required("destination-ip", |v| v.parse::<std::net::IpAddr>().ok())?;
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(Miss::Value {
            word: destination.to_string(),
            wanted: "an address of the source's family",
        });
    }
    let (interface, zone) = (given.text("interface"), given.text("from-zone"));
    match (&interface, &zone) {
        (None, None) => return Err(Miss::Missing("interface")),
        (Some(_), Some(zone)) => return Err(Miss::Word(zone.clone())),
        (Some(_), None) | (None, Some(_)) => {}
    }
    Ok(Request::TestPacket(TestPacket {
        interface,
        zone,
        source,
        destination,
        proto: given.read("protocol", proto).unwrap_or(Proto::TCP),
        source_port: given.read("source-port", |v| v.parse().ok()).unwrap_or(40_000),
        destination_port: given.read("destination-port", |v| v.parse().ok()).unwrap_or(80),
        tcp_flags: tcp_flags(given.text("tcp-flags").as_deref().unwrap_or("syn"))?,
    }))
}

/// `syn`, `ack`, `fin+ack`, ...
fn tcp_flags(text: &str) -> Result<u8, Miss> {
    let flag = |word| ["fin", "syn", "rst", "psh", "ack", "urg"].iter().position(|name| *name == word);
    let mut bits = text.split('+').map(|word| flag(word).map(|at| 1_u8 << at));
    let bits = bits.try_fold(0, |all, one| Some(all | one?));
    bits.ok_or(Miss::Value { word: text.to_owned(), wanted: "flags such as syn or fin+ack" })
}
