//! Dynamic addresses: names that nothing else has, feeds that exist, and lists that only policies can take.

use std::collections::{HashMap, HashSet};

use super::Report;
use crate::{AddressNames, AddressValue, Config, FeedServer, SourcePool};

pub(super) fn check(config: &Config, known: &AddressNames, report: &mut Report) {
    let dynamic = &config.security.dynamic_addresses;
    let mut feeds: HashMap<&str, &str> = HashMap::new();
    for server in &dynamic.servers {
        let path = format!("security dynamic-address feed-server {}", server.name);
        self::server(server, &path, report);
        for feed in &server.feeds {
            if let Some(other) = feeds.insert(&feed.name, &server.name) {
                let message = format!("feed `{}' is also one of feed-server `{other}'", feed.name);
                report.error(format!("{path} feed-name {}", feed.name), feed.at, message);
            }
        }
    }
    for address in &dynamic.names {
        let path = format!("security dynamic-address address-name {}", address.name);
        if known.is_in_a_book(&address.name) {
            report.error(&path, address.at, format!("`{}' is also a name of the address book", address.name));
        }
        match &address.feeds[..] {
            [] => report.error(&path, address.at, "missing mandatory statement: 'profile feed-name'"),
            [feed] if !feeds.contains_key(feed.as_str()) => {
                let message = format!("feed `{feed}' is not defined");
                report.error(format!("{path} profile feed-name {feed}"), address.at, message);
            }
            [_] => {}
            [..] => report.error(format!("{path} profile"), address.at, "more than one 'feed-name'"),
        }
    }
    let named = |pool: &SourcePool| pool.address_name.is_some();
    let moving =
        if config.security.nat_source.pools.iter().any(named) { moving(config) } else { HashSet::new() };
    for pool in &config.security.nat_source.pools {
        if let Some(name) = pool.address_name.as_deref().filter(|name| moving.contains(name)) {
            let message = format!("address `{name}' is no range that a commit knows: not supported in NAT");
            report.error(format!("security nat source pool {} address-name", pool.name), pool.at, message);
        }
    }
}

fn server(server: &FeedServer, path: &str, report: &mut Report) {
    match (&server.url, &server.hostname) {
        (None, None) => report.error(path, server.at, "missing mandatory statement: 'url' or 'hostname'"),
        (Some(_), Some(_)) => report.error(path, server.at, "'url' and 'hostname' can't be combined"),
        (Some(url), None) if !["http://", "file:///"].iter().any(|scheme| url.starts_with(scheme)) => {
            let message = "only http:// and file:/// are supported";
            report.error(format!("{path} url {url}"), server.at, message);
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
}

/// Names that NAT rules can't use: those rules are decided by what a commit says, in ranges.
pub(super) fn moving(config: &Config) -> HashSet<&str> {
    let books = &config.security.address_books;
    let mut moving: HashSet<&str> = HashSet::new();
    for address in books.iter().flat_map(|book| &book.addresses) {
        match address.value {
            AddressValue::Dns(_) | AddressValue::Wildcard(..) => drop(moving.insert(&address.name)),
            AddressValue::Prefix(_) | AddressValue::Range(..) => {}
        }
    }
    moving.extend(config.security.dynamic_addresses.names.iter().map(|d| d.name.as_str()));
    if moving.is_empty() {
        return moving;
    }
    // Sets are found by what they hold until nothing more is.
    loop {
        let before = moving.len();
        for set in books.iter().flat_map(|book| &book.sets) {
            if set.addresses.iter().chain(&set.sets).any(|name| moving.contains(name.as_str())) {
                moving.insert(&set.name);
            }
        }
        if moving.len() == before {
            return moving;
        }
    }
}
