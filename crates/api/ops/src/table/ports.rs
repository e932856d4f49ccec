//! Rows about ports of source pools.

use super::commands::{alone, flag, option};
use super::given::Given;
use super::{Arg, Command, Miss, Param};
use crate::ports::{HostQuery, PoolQuery};
use crate::request::Request;

const HOSTS: &[Param] = &[
    flag("host-address-range", "Show which hosts there are"),
    option("host-ip", &[Arg::Address], "Ports of this host"),
    option("pool", &[Arg::SourcePool], "Of this pool alone"),
    option("xlated-ip", &[Arg::Address], "Hosts that have this external address"),
    option("xlated-port", &[Arg::Port], "The host that has this port of it"),
];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["show", "security", "nat", "resource-usage", "source-pool"],
        help: "Show how much of source NAT pools is in use",
        params: &[flag("all", "Every pool"), alone(&[Arg::SourcePool], "Pool to show")],
        make: |given| match (given.is_set("all"), given.text("")) {
            (true, None) => Ok(Request::SourcePools(PoolQuery::Use { name: None })),
            (false, Some(name)) => Ok(Request::SourcePools(PoolQuery::Use { name: Some(name) })),
            (true, Some(name)) => Err(Miss::Word(name)),
            (false, None) => Err(Miss::Missing("source-pool")),
        },
    },
    Command {
        path: &["show", "security", "nat", "source", "deterministic"],
        help: "Show hosts with their deterministic ports",
        params: HOSTS,
        make: hosts,
    },
];

fn hosts(given: &Given) -> Result<Request, Miss> {
    let port = given.read("xlated-port", |v| v.parse().ok());
    let chosen: Vec<_> = ["host-ip", "pool", "xlated-ip"].into_iter().filter(|w| given.is_set(w)).collect();
    let query = match chosen[..] {
        [] => HostQuery::All,
        ["pool"] => HostQuery::Pool(given.text("pool").ok_or(Miss::Missing("pool"))?),
        ["host-ip"] => HostQuery::Host(given.required("host-ip", |v| v.parse().ok())?),
        ["xlated-ip"] => HostQuery::External(given.required("xlated-ip", |v| v.parse().ok())?, port),
        [_, second, ..] => return Err(Miss::Word(second.to_owned())),
        [_] => unreachable!("one of the three words"),
    };
    match (given.is_set("host-address-range"), &query) {
        (_, HostQuery::All | HostQuery::Pool(_) | HostQuery::Host(_)) if port.is_some() => {
            Err(Miss::Missing("xlated-ip"))
        }
        (true, HostQuery::Host(_) | HostQuery::External(..)) => {
            Err(Miss::Word("host-address-range".to_owned()))
        }
        (true, _) => Ok(Request::SourcePools(PoolQuery::DeterministicRanges(query))),
        (false, _) => Ok(Request::SourcePools(PoolQuery::Deterministic(query))),
    }
}
