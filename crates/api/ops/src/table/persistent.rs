//! Rows about the mappings of persistent NAT.

use super::commands::{alone, option};
use super::given::{Given, proto};
use super::{Arg, Command, Miss, Param};
use crate::persistent::MappingQuery;
use crate::request::Request;

const INTERNAL: &[Param] = &[
    alone(&[Arg::Address], "Internal address"),
    option("internal-port", &[Arg::Port], "Internal port"),
    option("internal-protocol", &[Arg::Protocol], "Protocol"),
];
const OF_INTERFACE: &[Param] = &[alone(&[Arg::Interface], "Of this logical interface alone")];
const OF_POOL: &[Param] = &[alone(&[Arg::SourcePool], "Source pool")];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "nat", "source", "persistent-nat-table", "all"],
        help: "End every mapping without sessions",
        params: &[],
        make: |_| Ok(Request::ClearMappings(MappingQuery::All)),
    },
    Command {
        path: &["clear", "security", "nat", "source", "persistent-nat-table", "interface"],
        help: "End mappings to interfaces' addresses",
        params: OF_INTERFACE,
        make: |given| Ok(Request::ClearMappings(MappingQuery::Interface(given.text("")))),
    },
    Command {
        path: &["clear", "security", "nat", "source", "persistent-nat-table", "internal-ip"],
        help: "End mappings of an internal address",
        params: INTERNAL,
        make: |given| internal(given).map(Request::ClearMappings),
    },
    Command {
        path: &["clear", "security", "nat", "source", "persistent-nat-table", "pool"],
        help: "End mappings to a pool's addresses",
        params: OF_POOL,
        make: |given| pool(given).map(Request::ClearMappings),
    },
    Command {
        path: &["show", "security", "nat", "source", "persistent-nat-table", "all"],
        help: "Show every mapping",
        params: &[],
        make: |_| Ok(Request::Mappings(MappingQuery::All)),
    },
    Command {
        path: &["show", "security", "nat", "source", "persistent-nat-table", "interface"],
        help: "Show mappings to interfaces' addresses",
        params: OF_INTERFACE,
        make: |given| Ok(Request::Mappings(MappingQuery::Interface(given.text("")))),
    },
    Command {
        path: &["show", "security", "nat", "source", "persistent-nat-table", "internal-ip"],
        help: "Show mappings of an internal address",
        params: INTERNAL,
        make: |given| internal(given).map(Request::Mappings),
    },
    Command {
        path: &["show", "security", "nat", "source", "persistent-nat-table", "pool"],
        help: "Show mappings to a pool's addresses",
        params: OF_POOL,
        make: |given| pool(given).map(Request::Mappings),
    },
    Command {
        path: &["show", "security", "nat", "source", "persistent-nat-table", "summary"],
        help: "Show how many mappings there are",
        params: &[],
        make: |_| Ok(Request::MappingSummary),
    },
];

fn internal(given: &Given) -> Result<MappingQuery, Miss> {
    Ok(MappingQuery::Internal {
        addr: given.read("", |v| v.parse().ok()).ok_or(Miss::Missing("internal-ip"))?,
        port: given.read("internal-port", |v| v.parse().ok()),
        proto: given.read("internal-protocol", proto),
    })
}

fn pool(given: &Given) -> Result<MappingQuery, Miss> {
    given.text("").map(MappingQuery::Pool).ok_or(Miss::Missing("pool"))
}
