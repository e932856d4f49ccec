//! Commands about what changes without a commit.

use super::commands::{alone, flag};
use super::{Arg, Command};
use crate::dynamic::DynamicQuery;
use crate::request::Request;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["show", "schedulers"],
        help: "Show schedulers, and when each changes",
        params: &[alone(&[Arg::Name], "Scheduler to show")],
        make: |given| Ok(Request::Dynamic(DynamicQuery::Schedulers { name: given.text("") })),
    },
    Command {
        path: &["show", "security", "dns-cache"],
        help: "Show addresses of names in the address book",
        params: &[alone(&[Arg::Name], "Name of a host")],
        make: |given| Ok(Request::Dynamic(DynamicQuery::DnsCache { name: given.text("") })),
    },
    Command {
        path: &["show", "security", "dynamic-address"],
        help: "Show addresses of feeds",
        params: &[flag("summary", "Feeds, and when each was had")],
        make: |given| {
            let query = if given.is_set("summary") { DynamicQuery::Summary } else { DynamicQuery::Entries };
            Ok(Request::Dynamic(query))
        },
    },
];
