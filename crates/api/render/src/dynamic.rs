//! `show schedulers`, `show security dns-cache`, `show security dynamic-address`.

use std::fmt::Write as _;

use ravelin_ops::{DnsLine, DynamicAnswer, EntryList, FeedLine, ScheduleLine};

use crate::element::Element;

pub(crate) fn text(answer: &DynamicAnswer) -> String {
    match answer {
        DynamicAnswer::Schedulers(lines) => schedulers(lines),
        DynamicAnswer::DnsCache(lines) => dns(lines),
        DynamicAnswer::Feeds(lines) => feeds(lines),
        DynamicAnswer::Addresses(lists) => entries(lists),
        DynamicAnswer::NamesCleared(names) => format!("{names} names cleared\n"),
        DynamicAnswer::Updated(feeds) => format!("{feeds} feeds are updated\n"),
    }
}

pub(crate) fn element(answer: &DynamicAnswer) -> Element {
    match answer {
        DynamicAnswer::Schedulers(lines) => schedulers_element(lines),
        DynamicAnswer::DnsCache(lines) => dns_element(lines),
        DynamicAnswer::Feeds(lines) => feeds_element(lines),
        DynamicAnswer::Addresses(lists) => entries_element(lists),
        DynamicAnswer::NamesCleared(names) => Element::new("dns-cache-cleared").leaf("names", names),
        DynamicAnswer::Updated(feeds) => Element::new("dynamic-address-update").leaf("feeds", feeds),
    }
}

fn schedulers(lines: &[ScheduleLine]) -> String {
    let mut out = String::new();
    for ScheduleLine { name, open, until, policies } in lines {
        let _ = writeln!(out, "Scheduler name: {name}, State: {}", state(*open));
        let what = if *open { "Next deactivation" } else { "Next activation" };
        let _ = writeln!(out, "  {what}: {}\n  Policies: {policies}", until.as_deref().unwrap_or("none"));
    }
    out
}

const fn state(open: bool) -> &'static str {
    if open { "active" } else { "inactive" }
}

fn schedulers_element(lines: &[ScheduleLine]) -> Element {
    Element::new("scheduler-information").children(lines.iter().map(|line| {
        let ScheduleLine { name, open, until, policies } = line;
        let next = if *open { "scheduler-next-deactivation" } else { "scheduler-next-activation" };
        Element::new("scheduler")
            .leaf("scheduler-name", name)
            .leaf("scheduler-state", state(*open))
            .maybe(next, until.as_ref())
            .leaf("policies", policies)
    }))
}

fn dns(lines: &[DnsLine]) -> String {
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "DNS Name: {}, State: {}", line.name, resolved(line));
        let _ = writeln!(out, "  Last answer: {}, Next query: in {} seconds", age(line.age_s), line.next_s);
        for addr in &line.addresses {
            let _ = writeln!(out, "  {addr}");
        }
    }
    out
}

const fn resolved(line: &DnsLine) -> &'static str {
    match (line.addresses.is_empty(), line.failed) {
        (true, false) => "unresolved",
        (true, true) => "unresolved, query failed",
        (false, false) => "resolved",
        (false, true) => "resolved, query failed",
    }
}

fn age(age_s: Option<u64>) -> String {
    age_s.map_or_else(|| "never".to_owned(), |age| format!("{age} seconds ago"))
}

fn dns_element(lines: &[DnsLine]) -> Element {
    Element::new("dns-cache-information").children(lines.iter().map(|line| {
        Element::new("dns-cache-entry")
            .leaf("dns-name", &line.name)
            .leaf("state", resolved(line))
            .maybe("age", line.age_s)
            .leaf("next-query", line.next_s)
            .leaves("ip-address", &line.addresses)
    }))
}

fn feeds(lines: &[FeedLine]) -> String {
    let mut out = String::new();
    for line in lines {
        let FeedLine { server, feed, url, addresses, entries, unread, age_s, next_s, error, .. } = line;
        let _ = write!(
            out,
            "Server Name             : {server}\n\
             \x20 Feed Name             : {feed}\n\
             \x20   URL                 : {url}\n\
             \x20   Update interval     : {}   Hold interval: {}\n\
             \x20   Addresses           : {}\n\
             \x20   Total entries       : {}\n\
             \x20   Lines not read      : {unread}\n\
             \x20   Last update         : {}\n\
             \x20   Next update         : in {next_s} seconds\n",
            line.update_interval_s,
            line.hold_interval_s,
            addresses.join(", "),
            entries.map_or_else(|| "unknown".to_owned(), |count| count.to_string()),
            age(*age_s)
        );
        if let Some(error) = error {
            let _ = writeln!(out, "    Last error          : {error}");
        }
    }
    out
}

fn feeds_element(lines: &[FeedLine]) -> Element {
    Element::new("dynamic-address-summary").children(lines.iter().map(|line| {
        Element::new("feed")
            .leaf("server-name", &line.server)
            .leaf("feed-name", &line.feed)
            .leaf("url", &line.url)
            .leaves("address-name", &line.addresses)
            .maybe("total-entries", line.entries)
            .leaf("lines-not-read", line.unread)
            .maybe("last-update", line.age_s)
            .leaf("next-update", line.next_s)
            .leaf("update-interval", line.update_interval_s)
            .leaf("hold-interval", line.hold_interval_s)
            .maybe("last-error", line.error.as_ref())
    }))
}

fn entries(lists: &[EntryList]) -> String {
    let mut out = format!("{:<8}{:<40}{:<40}{:<24}Address\n", "No.", "IP-start", "IP-end", "Feed");
    for list in lists {
        for (n, entry) in (1..).zip(&list.entries) {
            let (first, last) = (entry.first.to_string(), entry.last.to_string());
            let _ = writeln!(out, "{n:<8}{first:<40}{last:<40}{:<24}{}", list.feed, list.name);
        }
        let _ = writeln!(out, "Total number of entries of {}: {}", list.name, list.count);
    }
    out
}

fn entries_element(lists: &[EntryList]) -> Element {
    Element::new("dynamic-address-information").children(lists.iter().map(|list| {
        let entries = list
            .entries
            .iter()
            .map(|e| Element::new("address-entry").leaf("ip-start", e.first).leaf("ip-end", e.last));
        Element::new("dynamic-address")
            .leaf("address-name", &list.name)
            .leaf("feed-name", &list.feed)
            .leaf("total-entries", list.count)
            .children(entries)
    }))
}
