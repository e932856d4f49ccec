//! `show security nat`: summaries, rules and pools.

use std::fmt::Write as _;
use std::net::IpAddr;

use ravelin_ops::{Alarm, NatKind, NatPool, NatPools, NatRule, NatRules, Persistence, Translation};

use crate::element::Element;
use crate::or_any;

fn action(action: &Translation) -> String {
    match action {
        Translation::Off => "off".to_owned(),
        Translation::Interface => "interface".to_owned(),
        Translation::Inet => "inet".to_owned(),
        Translation::Pool(name) => name.clone(),
        Translation::Prefix(first, last) if first == last => first.to_string(),
        Translation::Prefix(first, last) => format!("{first} - {last}"),
    }
}

pub(crate) fn summary(list: &NatRules) -> String {
    let mut out = match list.kind {
        NatKind::Source => format!("Total pools: {}\n\n", list.source_pools),
        NatKind::Destination | NatKind::Static => String::new(),
    };
    let _ = writeln!(out, "Total rules: {}", list.rules.len());
    let source = list.kind == NatKind::Source;
    let to = if source { format!("{:<21}", "To") } else { String::new() };
    let _ = writeln!(out, "{:<19}{:<15}{:<18}{to}Action", "Rule name", "Rule set", "From");
    for rule in &list.rules {
        let NatRule { name, rule_set, from, .. } = rule;
        let to = if source { format!("{:<20} ", or_any(&rule.to)) } else { String::new() };
        let _ = writeln!(out, "{name:<18} {rule_set:<14} {:<17} {to}{}", or_any(from), action(&rule.action));
    }
    out
}

pub(crate) fn rules(list: &NatRules) -> String {
    let prefixes = list.rules.iter().flat_map(|r| r.sources.iter().chain(&r.destinations));
    let (v4, v6): (Vec<&_>, Vec<&_>) = prefixes.partition(|(first, _)| first.is_ipv4());
    let total = match list.kind {
        NatKind::Source => "Total rules",
        NatKind::Destination => "Total destination-nat rules",
        NatKind::Static => "Total static-nat rules",
    };
    let mut out = format!(
        "{total}: {}\nTotal referenced IPv4/IPv6 ip-prefixes: {}/{}\n",
        list.rules.len(),
        v4.len(),
        v6.len()
    );
    for rule in &list.rules {
        out.push_str(&one(rule));
    }
    out
}

fn one(rule: &NatRule) -> String {
    let NatRule { name, rule_set, id, position, from_kind, from, to_kind, to, .. } = rule;
    let mut out = match rule.kind {
        NatKind::Source => format!("source NAT rule: {name:<20} Rule-set: {rule_set}\n"),
        NatKind::Destination => format!("Destination NAT rule: {name:<20} Rule-set: {rule_set}\n"),
        NatKind::Static => format!("Static NAT rule: {name:<20} Rule-set: {rule_set}\n"),
    };
    let _ = writeln!(out, "  {:<27}: {id}", "Rule-Id");
    let _ = writeln!(out, "  {:<27}: {position}", "Rule position");
    let _ = writeln!(out, "  {:<27}: {}", format!("From {from_kind}"), or_any(from));
    if rule.kind == NatKind::Source {
        let _ = writeln!(out, "  {:<27}: {}", format!("To {to_kind}"), or_any(to));
    }
    out.push_str("  Match\n");
    ranges(&mut out, "Source addresses", &rule.sources);
    ports(&mut out, "Source port", &rule.source_ports);
    ranges(&mut out, "Destination addresses", &rule.destinations);
    ports(&mut out, "Destination port", &rule.destination_ports);
    let title = if rule.kind == NatKind::Static { "Host addresses" } else { "Action" };
    let _ = writeln!(out, "  {title:<27}: {}", action(&rule.action));
    if rule.kind == NatKind::Source {
        persistence(&mut out, &rule.persistence);
    }
    let _ = writeln!(out, "  {:<27}: {}", "Translation hits", rule.hits);
    let _ = writeln!(out, "    {:<25}: {}", "Successful sessions", rule.hits.saturating_sub(rule.failed));
    let _ = writeln!(out, "    {:<25}: {}", "Failed sessions", rule.failed);
    let _ = writeln!(out, "  {:<27}: {}", "Number of sessions", rule.sessions);
    if let Some(Alarm { raise, clear, raised }) = rule.alarm {
        let state = if raised { "raised" } else { "not raised" };
        let _ = writeln!(out, "  {:<27}: {state}, from {raise} until below {clear}", "Session count alarm");
    }
    out
}

const fn mapping_type(persistence: &Persistence) -> &'static str {
    if persistence.address_mapping { "address-mapping" } else { "address-port-mapping" }
}

/// As Junos shows it, of rules that keep nothing too.
fn persistence(out: &mut String, persistence: &Persistence) {
    let Persistence { permit, timeout_s, sessions_max, .. } = persistence;
    let mut line = |title, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, "    {title:<27}: {value}");
    };
    line("Persistent NAT type", &permit.as_deref().unwrap_or("N/A"));
    line("Persistent NAT mapping type", &mapping_type(persistence));
    line("Inactivity timeout", timeout_s);
    line("Max session number", sessions_max);
}

fn ports(out: &mut String, title: &str, ranges: &[(u16, u16)]) {
    for (n, (low, high)) in ranges.iter().enumerate() {
        let title = if n == 0 { title } else { "" };
        let colon = if n == 0 { ":" } else { " " };
        let _ = writeln!(out, "    {title:<25}{colon} {low:<15} - {high}");
    }
}

pub(crate) fn pools(list: &NatPools) -> String {
    let mut out = format!("Total destination-nat pools: {}\n", list.pools.len());
    for pool in &list.pools {
        let NatPool { name, first, last, port, rules, hits, sessions } = pool;
        let address = |address: &Option<IpAddr>| address.map_or_else(String::new, |a| a.to_string());
        let _ = writeln!(out, "\nPool name       : {name}");
        let _ = writeln!(out, "Address range   : {} - {}", address(first), address(last));
        let _ = writeln!(out, "Port            : {}", port.unwrap_or(0));
        let _ = writeln!(out, "Referenced rules: {rules}");
        let _ = writeln!(out, "Translation hits: {hits}");
        let _ = writeln!(out, "Sessions        : {sessions}");
    }
    out
}

pub(crate) fn pools_element(list: &NatPools) -> Element {
    let pool = |pool: &NatPool| {
        let address = |address: &Option<IpAddr>| address.map_or_else(String::new, |a| a.to_string());
        let range = Element::new("destination-nat-pool-address-range")
            .leaf("address-range-low", address(&pool.first))
            .leaf("address-range-high", address(&pool.last));
        Element::new("destination-nat-pool-entry")
            .leaf("pool-name", &pool.name)
            .child(range)
            .leaf("pool-port", pool.port.unwrap_or(0))
            .leaf("total-translation-hits", pool.hits)
            .leaf("number-of-sessions", pool.sessions)
    };
    Element::new("destination-nat-pool-information").children(list.pools.iter().map(pool))
}

fn ranges(out: &mut String, title: &str, ranges: &[(IpAddr, IpAddr)]) {
    for (n, (first, last)) in ranges.iter().enumerate() {
        let title = if n == 0 { title } else { "" };
        let colon = if n == 0 { ":" } else { " " };
        let _ = writeln!(out, "    {title:<25}{colon} {:<15} - {last}", first.to_string());
    }
}

/// Names of elements, by kind.
struct Names {
    list: &'static str,
    rule: &'static str,
    hits: &'static str,
    action_entry: &'static str,
    action: &'static str,
}

const fn names(kind: NatKind) -> Names {
    match kind {
        NatKind::Source => Names {
            list: "source-nat-rule-detail-information",
            rule: "source-nat-rule-entry",
            hits: "source-nat-rule-hits-entry",
            action_entry: "source-nat-rule-action-entry",
            action: "source-nat-rule-action",
        },
        NatKind::Destination => Names {
            list: "destination-nat-rule-detail-information",
            rule: "destination-nat-rule-entry",
            hits: "destination-nat-rule-hits-entry",
            action_entry: "destination-nat-rule-action-entry",
            action: "destination-nat-rule-action",
        },
        NatKind::Static => Names {
            list: "static-nat-rule-detail-information",
            rule: "static-nat-rule-entry",
            hits: "static-nat-rule-hits-entry",
            action_entry: "static-nat-rule-action-entry",
            action: "static-nat-rule-action",
        },
    }
}

pub(crate) fn element(list: &NatRules) -> Element {
    Element::new(names(list.kind).list).children(list.rules.iter().map(rule_element))
}

fn rule_element(rule: &NatRule) -> Element {
    let names = names(rule.kind);
    let range = |name, (first, last): &(IpAddr, IpAddr)| {
        Element::new(name).leaf("rule-address-low-range", first).leaf("rule-address-high-range", last)
    };
    let hits = Element::new(names.hits)
        .leaf("rule-translation-hits", rule.hits)
        .leaf("succ-hits", rule.hits.saturating_sub(rule.failed))
        .leaf("failed-hits", rule.failed)
        .leaf("concurrent-hits", rule.sessions);
    let done = Element::new(names.action_entry).leaf(names.action, action(&rule.action));
    let done = match (rule.kind, &rule.persistence) {
        (NatKind::Source, persistence) => done
            .leaf("persistent-nat-type", persistence.permit.as_deref().unwrap_or("N/A"))
            .leaf("persistent-nat-mapping-type", mapping_type(persistence))
            .leaf("persistent-nat-timeout", persistence.timeout_s)
            .leaf("persistent-nat-max-session", persistence.sessions_max),
        (NatKind::Destination | NatKind::Static, _) => done,
    };
    let entry = Element::new(names.rule)
        .leaf("rule-name", &rule.name)
        .leaf("rule-set-name", &rule.rule_set)
        .leaf("rule-id", rule.id)
        .leaf("rule-matching-position", rule.position)
        .leaf("rule-from-context", &rule.from_kind)
        .leaves("rule-from-context-name", &rule.from);
    let entry = match rule.kind {
        NatKind::Source => {
            entry.leaf("rule-to-context", &rule.to_kind).leaves("rule-to-context-name", &rule.to)
        }
        NatKind::Destination | NatKind::Static => entry,
    };
    entry
        .children(rule.sources.iter().map(|r| range("source-address-range-entry", r)))
        .children(rule.destinations.iter().map(|r| range("destination-address-range-entry", r)))
        .child(done)
        .child(hits)
}
