//! Commands about what changes without a commit.

use super::commands::{alone, flag, option};
use super::{Arg, Command};
use crate::dynamic::{DynamicQuery, Feeds};
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
        params: &[
            option("address-name", &[Arg::Name], "Name that policies use"),
            option("feed-name", &[Arg::Name], "Feed"),
            flag("summary", "Feeds, and when each was had"),
        ],
        make: |given| {
            let feeds = Feeds { address: given.text("address-name"), feed: given.text("feed-name") };
            let summary = given.is_set("summary");
            let query = if summary { DynamicQuery::Summary(feeds) } else { DynamicQuery::Entries(feeds) };
            Ok(Request::Dynamic(query))
        },
    },
];
