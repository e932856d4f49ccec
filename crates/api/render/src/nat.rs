//! `show security nat source`: summary and rules.

use std::fmt::Write as _;
use std::net::IpAddr;

use ravelin_ops::{NatRule, NatRules, Translation};

use crate::element::Element;
use crate::or_any;

const fn action(action: Translation) -> &'static str {
    match action {
        Translation::Off => "off",
        Translation::Interface => "interface",
    }
}

pub(crate) fn summary(list: &NatRules) -> String {
    let mut out = format!("Total pools: 0\n\nTotal rules: {}\n", list.rules.len());
    let _ = writeln!(out, "{:<19}{:<15}{:<18}{:<21}Action", "Rule name", "Rule set", "From", "To");
    for rule in &list.rules {
        let NatRule { name, rule_set, from, to, .. } = rule;
        let (from, to) = (or_any(from), or_any(to));
        let _ = writeln!(out, "{name:<18} {rule_set:<14} {from:<17} {to:<20} {}", action(rule.action));
    }
    out
}

pub(crate) fn rules(list: &NatRules) -> String {
    let prefixes = list.rules.iter().flat_map(|r| r.sources.iter().chain(&r.destinations));
    let (v4, v6): (Vec<&_>, Vec<&_>) = prefixes.partition(|(first, _)| first.is_ipv4());
    let mut out = format!(
        "Total rules: {}\nTotal referenced IPv4/IPv6 ip-prefixes: {}/{}\n",
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
    let mut out = format!("source NAT rule: {name:<20} Rule-set: {rule_set}\n");
    let _ = writeln!(out, "  {:<27}: {id}", "Rule-Id");
    let _ = writeln!(out, "  {:<27}: {position}", "Rule position");
    let _ = writeln!(out, "  {:<27}: {}", format!("From {from_kind}"), or_any(from));
    let _ = writeln!(out, "  {:<27}: {}", format!("To {to_kind}"), or_any(to));
    out.push_str("  Match\n");
    ranges(&mut out, "Source addresses", &rule.sources);
    ranges(&mut out, "Destination addresses", &rule.destinations);
    let _ = writeln!(out, "  {:<27}: {}", "Action", action(rule.action));
    let _ = writeln!(out, "  {:<27}: {}", "Translation hits", rule.hits);
    let _ = writeln!(out, "    {:<25}: {}", "Successful sessions", rule.hits.saturating_sub(rule.failed));
    let _ = writeln!(out, "    {:<25}: {}", "Failed sessions", rule.failed);
    let _ = writeln!(out, "  {:<27}: {}", "Number of sessions", rule.sessions);
    out
}

fn ranges(out: &mut String, title: &str, ranges: &[(IpAddr, IpAddr)]) {
    for (n, (first, last)) in ranges.iter().enumerate() {
        let title = if n == 0 { title } else { "" };
        let colon = if n == 0 { ":" } else { " " };
        let _ = writeln!(out, "    {title:<25}{colon} {:<15} - {last}", first.to_string());
    }
}

pub(crate) fn element(list: &NatRules) -> Element {
    Element::new("source-nat-rule-detail-information").children(list.rules.iter().map(rule_element))
}

fn rule_element(rule: &NatRule) -> Element {
    let range = |name, (first, last): &(IpAddr, IpAddr)| {
        Element::new(name).leaf("rule-address-low-range", first).leaf("rule-address-high-range", last)
    };
    let hits = Element::new("source-nat-rule-hits-entry")
        .leaf("rule-translation-hits", rule.hits)
        .leaf("succ-hits", rule.hits.saturating_sub(rule.failed))
        .leaf("failed-hits", rule.failed)
        .leaf("concurrent-hits", rule.sessions);
    Element::new("source-nat-rule-entry")
        .leaf("rule-name", &rule.name)
        .leaf("rule-set-name", &rule.rule_set)
        .leaf("rule-id", rule.id)
        .leaf("rule-matching-position", rule.position)
        .leaf("rule-from-context", &rule.from_kind)
        .leaves("rule-from-context-name", &rule.from)
        .leaf("rule-to-context", &rule.to_kind)
        .leaves("rule-to-context-name", &rule.to)
        .children(rule.sources.iter().map(|r| range("source-address-range-entry", r)))
        .children(rule.destinations.iter().map(|r| range("destination-address-range-entry", r)))
        .child(
            Element::new("source-nat-rule-action-entry").leaf("source-nat-rule-action", action(rule.action)),
        )
        .child(hits)
}
