//! Rows about firewall filters and policers.

use super::commands::{alone, flag, option};
use super::given::Given;
use super::{Arg, Command, Miss};
use crate::firewall::FirewallDepth;
use crate::request::{FirewallQuery, Request};

const FILTER: super::Param = option("filter", &[Arg::Name], "One filter");
const COUNTER: super::Param = option("counter", &[Arg::Name], "One counter");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "firewall"],
        help: "Set counters of firewall filters and policers back to zero",
        params: &[
            flag("all", "Every counter"),
            COUNTER,
            FILTER,
            flag("log", "Forget the packets that filters logged"),
        ],
        make: |given| match (given.is_set("all"), given.is_set("log"), query(given)) {
            (false, false, FirewallQuery { filter: None, counter: None }) => Err(Miss::Missing("firewall")),
            (false, false, FirewallQuery { filter: None, counter: Some(_) }) => Err(Miss::Missing("filter")),
            (true, _, FirewallQuery { filter: Some(name), .. }) => Err(Miss::Word(name)),
            (all, log, query) => Ok(Request::ClearFirewall { counters: all || !log, query, log }),
        },
    },
    Command {
        path: &["show", "firewall"],
        help: "Show counters of firewall filters",
        params: &[
            COUNTER,
            flag("detail", "What policers saw, too"),
            FILTER,
            flag("log", "Packets that filters logged"),
            flag("terse", "Names of filters only"),
        ],
        make: |given| match (given.is_set("log"), given.is_set("terse"), given.is_set("detail")) {
            (true, _, _) => Ok(Request::FirewallLog),
            (false, true, true) => Err(Miss::Word("detail".to_owned())),
            (false, true, false) => {
                Ok(Request::Firewall { query: query(given), depth: FirewallDepth::Terse })
            }
            (false, false, true) => {
                Ok(Request::Firewall { query: query(given), depth: FirewallDepth::Detail })
            }
            (false, false, false) => {
                Ok(Request::Firewall { query: query(given), depth: FirewallDepth::Brief })
            }
        },
    },
    Command {
        path: &["show", "interfaces", "filters"],
        help: "Show filters of interfaces",
        params: &[alone(&[Arg::Interface], "Physical or logical interface")],
        make: |given| Ok(Request::InterfaceFilters { name: given.text(""), policers: false }),
    },
    Command {
        path: &["show", "interfaces", "policers"],
        help: "Show policers of interfaces",
        params: &[alone(&[Arg::Interface], "Physical or logical interface")],
        make: |given| Ok(Request::InterfaceFilters { name: given.text(""), policers: true }),
    },
    Command {
        path: &["show", "policer"],
        help: "Show what policers have limited",
        params: &[alone(&[Arg::Name], "Policer to show")],
        make: |given| Ok(Request::Policers { name: given.text("") }),
    },
];

fn query(given: &Given) -> FirewallQuery {
    FirewallQuery { filter: given.text("filter"), counter: given.text("counter") }
}
