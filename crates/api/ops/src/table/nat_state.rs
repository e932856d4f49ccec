//! Rows about what NAT keeps for hosts, and about its counters.

use super::commands::{alone, flag, option};
use super::given::Given;
use super::{Arg, Command, Miss, Param};
use crate::answer::NatKind;
use crate::nat_state::{KeptQuery, NatClearQuery, NatStateQuery};
use crate::request::Request;

const BLOCKS: &[Param] = &[
    option("host-ip", &[Arg::Address], "Blocks of this host"),
    option("pool", &[Arg::SourcePool], "Of this pool alone"),
    option("xlated-ip", &[Arg::Address], "Blocks of this external address"),
    option("xlated-port", &[Arg::Port], "The block that has this port of it"),
];
const PAIRED: &[Param] = &[
    option("host-ip", &[Arg::Address], "Address of this host"),
    option("pool-name", &[Arg::SourcePool], "Of this pool alone"),
    option("xlated-address", &[Arg::Address], "Hosts that have this external address"),
];
const RULES: &[Param] = &[flag("all", "Every rule"), alone(&[Arg::NatRule], "Rule")];
const SOURCE_POOLS: &[Param] = &[flag("all", "Every pool"), alone(&[Arg::SourcePool], "Pool")];
const DESTINATION_POOLS: &[Param] = &[flag("all", "Every pool"), alone(&[Arg::NatPool], "Pool")];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "nat", "statistics", "destination", "pool"],
        help: "Set hits of destination NAT pools back to zero",
        params: DESTINATION_POOLS,
        make: |given| Ok(clear(NatClearQuery::DestinationPools(one_or_all(given, "pool")?))),
    },
    Command {
        path: &["clear", "security", "nat", "statistics", "destination", "rule"],
        help: "Set hits of destination NAT rules back to zero",
        params: RULES,
        make: |given| Ok(clear(NatClearQuery::Rules(NatKind::Destination, one_or_all(given, "rule")?))),
    },
    Command {
        path: &["clear", "security", "nat", "statistics", "source", "pool"],
        help: "Set hits of source NAT pools back to zero",
        params: SOURCE_POOLS,
        make: |given| Ok(clear(NatClearQuery::SourcePools(one_or_all(given, "pool")?))),
    },
    Command {
        path: &["clear", "security", "nat", "statistics", "source", "rule"],
        help: "Set hits of source NAT rules back to zero",
        params: RULES,
        make: |given| Ok(clear(NatClearQuery::Rules(NatKind::Source, one_or_all(given, "rule")?))),
    },
    Command {
        path: &["clear", "security", "nat", "statistics", "static", "rule"],
        help: "Set hits of static NAT rules back to zero",
        params: RULES,
        make: |given| Ok(clear(NatClearQuery::Rules(NatKind::Static, one_or_all(given, "rule")?))),
    },
    Command {
        path: &["show", "security", "nat", "destination", "rule-application"],
        help: "Show applications that destination NAT rules ask for",
        params: RULES,
        make: |given| applications(given, NatKind::Destination),
    },
    Command {
        path: &["show", "security", "nat", "interface-nat-ports"],
        help: "Show ports of interfaces' addresses",
        params: &[],
        make: |_| Ok(Request::NatState(NatStateQuery::InterfacePorts)),
    },
    Command {
        path: &["show", "security", "nat", "source", "paired-address"],
        help: "Show hosts with their address of a pool",
        params: PAIRED,
        make: |given| {
            Ok(Request::NatState(NatStateQuery::PairedAddresses(KeptQuery {
                pool: given.text("pool-name"),
                host: given.read("host-ip", |v| v.parse().ok()),
                external: given.read("xlated-address", |v| v.parse().ok()),
                port: None,
            })))
        },
    },
    Command {
        path: &["show", "security", "nat", "source", "port-block"],
        help: "Show blocks of ports that hosts have",
        params: BLOCKS,
        make: blocks,
    },
    Command {
        path: &["show", "security", "nat", "source", "rule-application"],
        help: "Show applications that source NAT rules ask for",
        params: RULES,
        make: |given| applications(given, NatKind::Source),
    },
];

fn clear(what: NatClearQuery) -> Request {
    Request::NatState(NatStateQuery::Clear(what))
}

fn blocks(given: &Given) -> Result<Request, Miss> {
    let query = KeptQuery {
        pool: given.text("pool"),
        host: given.read("host-ip", |v| v.parse().ok()),
        external: given.read("xlated-ip", |v| v.parse().ok()),
        port: given.read("xlated-port", |v| v.parse().ok()),
    };
    match (query.port, query.external) {
        (Some(_), None) => Err(Miss::Missing("xlated-ip")),
        _ => Ok(Request::NatState(NatStateQuery::PortBlocks(query))),
    }
}

fn applications(given: &Given, kind: NatKind) -> Result<Request, Miss> {
    Ok(Request::NatState(NatStateQuery::RuleApplications(kind, one_or_all(given, "rule")?)))
}

fn one_or_all(given: &Given, what: &'static str) -> Result<Option<String>, Miss> {
    match (given.is_set("all"), given.text("")) {
        (true, None) => Ok(None),
        (false, Some(name)) => Ok(Some(name)),
        (true, Some(name)) => Err(Miss::Word(name)),
        (false, None) => Err(Miss::Missing(what)),
    }
}
