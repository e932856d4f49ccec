//! Commands about what changes without a commit.

use super::commands::{alone, flag, option};
use super::{Arg, Command, Miss};
use crate::dynamic::{DynamicQuery, Feeds};
use crate::request::Request;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "dns-cache"],
        help: "Forget addresses of names in the address book, and ask for them again",
        params: &[option("dns-name", &[Arg::Name], "Name of a host")],
        make: |given| Ok(Request::Dynamic(DynamicQuery::ClearDnsCache { name: given.text("dns-name") })),
    },
    Command {
        path: &["request", "security", "dynamic-address", "update"],
        help: "Look at feeds of addresses now",
        params: &[
            option("address-name", &[Arg::Name], "Feed of the name that policies use"),
            flag("all", "Every feed"),
            option("feed-name", &[Arg::Name], "One feed"),
            option("feed-server", &[Arg::Name], "Feeds of this server"),
        ],
        make: |given| {
            if given.is_empty() {
                return Err(Miss::Missing("update"));
            }
            if given.is_set("all") {
                given.only(&["all"])?;
            }
            let (address, feed) = (given.text("address-name"), given.text("feed-name"));
            let feeds = Feeds { address, feed, server: given.text("feed-server") };
            Ok(Request::Dynamic(DynamicQuery::Update(feeds)))
        },
    },
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
            let (address, feed) = (given.text("address-name"), given.text("feed-name"));
            let feeds = Feeds { address, feed, server: None };
            let summary = given.is_set("summary");
            let query = if summary { DynamicQuery::Summary(feeds) } else { DynamicQuery::Entries(feeds) };
            Ok(Request::Dynamic(query))
        },
    },
];
