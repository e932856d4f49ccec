//! Policies: zones, addresses and applications exist; `any` stands alone; every part of a match is written.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_syntax::Span;

use super::applications::{own_names, unusable};
use super::{Report, zones};
use crate::{AddressRef, Config, Policies, Policy};

/// Tells names from prefixes written in the policy: the book is asked first. `any` zones of global policies
/// become the empty list.
pub(super) fn settle_references(policies: &mut Policies, known: &HashSet<&str>) {
    let settle = |policy: &mut Policy| {
        for reference in policy.source_addresses.iter_mut().chain(&mut policy.destination_addresses) {
            if let AddressRef::Named(name) = reference
                && !known.contains(name.as_str())
                && let Some(prefix) = literal(name)
            {
                *reference = AddressRef::Prefix(prefix);
            }
        }
    };
    policies.pairs.iter_mut().flat_map(|p| &mut p.policies).for_each(settle);
    for global in &mut policies.global {
        settle(&mut global.policy);
        for side in [&mut global.from_zones, &mut global.to_zones] {
            if side.as_slice() == ["any"] {
                side.clear();
            }
        }
    }
}

fn literal(text: &str) -> Option<IpNet> {
    let host = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().map(|p| p.trunc()).or_else(host)
}

pub(super) fn check(config: &Config, addresses: &HashSet<&str>, report: &mut Report) {
    let exist = zones::known(config);
    let known = Known { addresses, applications: own_names(config) };
    let zone = |name: &str, path: &str, at: Span, report: &mut Report| match name {
        "junos-host" => report.error(path, at, "zone `junos-host' in a policy is not supported"),
        name if !exist.contains(name) => report.error(path, at, format!("zone `{name}' is not defined")),
        _ => {}
    };
    for pair in &config.security.policies.pairs {
        let path = format!("security policies from-zone {} to-zone {}", pair.from, pair.to);
        zone(&pair.from, &path, pair.at, report);
        zone(&pair.to, &path, pair.at, report);
        for policy in &pair.policies {
            self::policy(&known, policy, &path, report);
        }
    }
    for global in &config.security.policies.global {
        let path = "security policies global";
        for name in global.from_zones.iter().chain(&global.to_zones) {
            let path = format!("{path} policy {} match", global.policy.name);
            zone(name, &path, global.policy.at, report);
        }
        policy(&known, &global.policy, path, report);
    }
}

/// Names that a policy may use.
struct Known<'a> {
    addresses: &'a HashSet<&'a str>,
    applications: HashSet<&'a str>,
}

/// Paths are made for what is wrong alone: policies are many.
fn policy(known: &Known<'_>, policy: &Policy, above: &str, report: &mut Report) {
    let path = |rest: &str| format!("{above} policy {} match {rest}", policy.name);
    let sides = [
        ("source-address", &policy.source_addresses, policy.source_excluded),
        ("destination-address", &policy.destination_addresses, policy.destination_excluded),
    ];
    for (side, addresses, excluded) in sides {
        if addresses.is_empty() {
            report.error(path(side), policy.at, format!("missing mandatory statement: '{side}'"));
        }
        if addresses.len() > 1 && addresses.contains(&AddressRef::Any) {
            report.error(path(side), policy.at, "`any' can't be combined with other addresses");
        }
        let wild = |a: &AddressRef| matches!(a, AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6);
        if excluded && addresses.iter().any(wild) {
            report.error(path(&format!("{side}-excluded")), policy.at, "`any' can't be excluded");
        }
        for name in addresses.iter().filter_map(name).filter(|n| !known.addresses.contains(n)) {
            report.error(
                path(&format!("{side} {name}")),
                policy.at,
                format!("address or address-set `{name}' is not defined"),
            );
        }
    }
    if policy.applications.is_empty() {
        report.error(path("application"), policy.at, "missing mandatory statement: 'application'");
    }
    if policy.applications.len() > 1 && policy.applications.iter().any(|a| a == "any") {
        report.error(path("application"), policy.at, "`any' can't be combined with other applications");
    }
    for name in &policy.applications {
        if let Some(message) = unusable(&known.applications, name) {
            report.error(path(&format!("application {name}")), policy.at, message);
        }
    }
}

fn name(reference: &AddressRef) -> Option<&str> {
    match reference {
        AddressRef::Named(name) => Some(name),
        AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6 | AddressRef::Prefix(_) => None,
    }
}
