//! Source NAT: contexts and names exist, every rule says what it matches.

use std::collections::HashSet;

use super::{Report, names, zones};
use crate::{Config, NatContext, NatRule, NatRuleSet};

pub(super) fn check(config: &Config, report: &mut Report) {
    let known = names::known_addresses(config);
    for set in &config.security.nat_source.rule_sets {
        let path = format!("security nat source rule-set {}", set.name);
        context(config, set, "from", &set.from, report);
        context(config, set, "to", &set.to, report);
        if set.rules.is_empty() {
            report.error(&path, set.at, "missing mandatory statement: 'rule'");
        }
        for rule in &set.rules {
            self::rule(&known, rule, &format!("{path} rule {}", rule.name), report);
        }
    }
}

fn context(config: &Config, set: &NatRuleSet, side: &str, context: &NatContext, report: &mut Report) {
    let path = format!("security nat source rule-set {} {side}", set.name);
    match context {
        NatContext::Zones(names) => {
            let exist = zones::known(config);
            for name in names.iter().filter(|n| !exist.contains(n.as_str())) {
                report.error(format!("{path} zone {name}"), set.at, format!("zone `{name}' is not defined"));
            }
        }
        NatContext::Interfaces(names) => {
            let exist = zones::logical_interfaces(config);
            for name in names.iter().filter(|n| !exist.contains(n.as_str())) {
                report.error(
                    format!("{path} interface {name}"),
                    set.at,
                    format!("interface `{name}' is not defined"),
                );
            }
        }
        NatContext::RoutingInstances(_) => {
            report.error(format!("{path} routing-instance"), set.at, "statement not supported");
        }
    }
}

fn rule(known: &HashSet<&str>, rule: &NatRule, path: &str, report: &mut Report) {
    let NatRule {
        source_addresses,
        destination_addresses,
        source_address_names,
        destination_address_names,
        ..
    } = rule;
    if source_addresses.is_empty()
        && destination_addresses.is_empty()
        && source_address_names.is_empty()
        && destination_address_names.is_empty()
    {
        report.error(
            format!("{path} match"),
            rule.at,
            "missing mandatory statement: 'source-address' or 'destination-address'",
        );
    }
    for name in source_address_names.iter().chain(destination_address_names) {
        if !known.contains(name.as_str()) {
            report.error(
                format!("{path} match"),
                rule.at,
                format!("address or address-set `{name}' is not defined"),
            );
        }
    }
}
