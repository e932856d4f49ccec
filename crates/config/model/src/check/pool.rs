//! Source pools: addresses that exist, and statements that fit each other. What the allocator can't do is told
//! when the program is made.

use super::Report;
use crate::{AddressNames, Config, NatSource, ProxyRange, SourceNatAction, SourcePool};

/// Port ranges of pools begin here.
const LOW_MIN: u16 = 1024;
/// Sessions on one port at most.
const OVERLOADING_MAX: u16 = 32;

pub(super) fn check(config: &Config, known: &AddressNames, report: &mut Report) {
    let source = &config.security.nat_source;
    for pool in &source.pools {
        let path = format!("security nat source pool {}", pool.name);
        addresses(known, pool, &path, report);
        ports(pool, &path, report);
        for (one, other) in exclusive(pool).into_iter().filter_map(both) {
            report.error(path.as_str(), pool.at, format!("'{one}' and '{other}' can't be combined"));
        }
        for (statement, needed) in needs(pool).into_iter().filter_map(lacking) {
            report.error(path.as_str(), pool.at, format!("'{statement}' needs '{needed}'"));
        }
        overflow(source, pool, &path, report);
    }
    if source.default_low.is_some() != source.default_high.is_some() {
        let path = "security nat source pool-default-port-range";
        report.error(path, Default::default(), "needs a first and a last port");
    }
    if let Some(factor) = source.interface_overloading_factor
        && !(1..=OVERLOADING_MAX).contains(&factor)
    {
        let path = "security nat source interface port-overloading-factor";
        let message = format!("value {factor} is not within range (1..{OVERLOADING_MAX})");
        report.error(path, Default::default(), message);
    }
    rules(source, report);
}

fn addresses(known: &AddressNames, pool: &SourcePool, path: &str, report: &mut Report) {
    match (&pool.address_name, pool.addresses.is_empty()) {
        (None, true) => report.error(path, pool.at, "missing mandatory statement: 'address'"),
        (Some(_), false) => report.error(path, pool.at, "'address' and 'address-name' can't be combined"),
        (Some(name), true) if !known.contains(name.as_str()) => {
            let message = format!("address or address-set `{name}' is not defined");
            report.error(format!("{path} address-name"), pool.at, message);
        }
        (Some(_), true) | (None, false) => {}
    }
    for range in &pool.addresses {
        if range.ends().is_none() {
            report.error(format!("{path} address"), range.at, "is no range of addresses");
        }
    }
    let of = |range: &ProxyRange| range.first.addr().is_ipv4();
    if pool.addresses.iter().any(of) && !pool.addresses.iter().all(of) {
        report.error(format!("{path} address"), pool.at, "addresses must be of one family");
    }
}

fn ports(pool: &SourcePool, path: &str, report: &mut Report) {
    let there = format!("{path} port range");
    match (pool.port.low, pool.port.high) {
        (None, Some(_)) => report.error(there, pool.at, "has no first port"),
        (Some(low), high) if low.0 < LOW_MIN || high.is_some_and(|high| high.0 < low.0) => {
            report.error(there, pool.at, format!("is no range from {LOW_MIN} to 65535"));
        }
        (Some(_) | None, _) => {}
    }
    if let Some(deterministic) = &pool.port.deterministic
        && deterministic.hosts.is_empty()
    {
        report.error(format!("{path} port deterministic"), pool.at, "missing mandatory statement: 'host'");
    }
}

type Said = (&'static str, bool);

/// Statements of which one would be ignored beside the other.
fn exclusive(pool: &SourcePool) -> Vec<(Said, Said)> {
    let base = ("host-address-base", pool.host_address_base.is_some());
    let keep = ("port no-translation", pool.port.no_translation);
    let blocks = ("port block-allocation", pool.port.blocks.is_some());
    let deterministic = ("port deterministic", pool.port.deterministic.is_some());
    let factor = ("port port-overloading-factor", pool.port.overloading_factor.is_some());
    let (paired, no_paired) =
        (("address-pooling paired", pool.paired), ("address-pooling no-paired", pool.no_paired));
    let of_ports = [
        ("port range", pool.port.low.is_some()),
        factor,
        ("port preserve-parity", pool.port.preserve_parity),
        ("port preserve-range", pool.port.preserve_range),
        blocks,
        deterministic,
        paired,
        no_paired,
    ];
    let without_ports = [base, keep].into_iter().flat_map(|one| of_ports.map(|other| (one, other)));
    let others = [
        (base, ("address-shared", pool.address_shared)),
        (base, ("overflow-pool", pool.overflow_pool.is_some() || pool.overflow_interface)),
        (blocks, deterministic),
        (blocks, factor),
        (deterministic, factor),
        (deterministic, paired),
        (deterministic, no_paired),
        (paired, no_paired),
        (
            ("overflow-pool", pool.overflow_pool.is_some()),
            ("overflow-pool interface", pool.overflow_interface),
        ),
    ];
    without_ports.chain(others).collect()
}

/// Statements that mean nothing without another.
fn needs(pool: &SourcePool) -> [(Said, Said); 2] {
    let keep = ("port no-translation", pool.port.no_translation);
    let overflows = pool.overflow_pool.is_some() || pool.overflow_interface;
    [(("address-shared", pool.address_shared), keep), (("overflow-pool", overflows), keep)]
}

fn both(((one, said), (other, also)): (Said, Said)) -> Option<(&'static str, &'static str)> {
    (said && also).then_some((one, other))
}

fn lacking(((one, said), (needed, also)): (Said, Said)) -> Option<(&'static str, &'static str)> {
    (said && !also).then_some((one, needed))
}

fn overflow(source: &NatSource, pool: &SourcePool, path: &str, report: &mut Report) {
    let Some(name) = &pool.overflow_pool else { return };
    let there = format!("{path} overflow-pool");
    match source.pools.iter().find(|other| other.name == *name) {
        None => report.error(there, pool.at, format!("pool `{name}' is not defined")),
        Some(other) if other.port.no_translation || other.host_address_base.is_some() => {
            report.error(there, pool.at, format!("pool `{name}' does not translate ports"));
        }
        Some(_) => {}
    }
}

fn rules(source: &NatSource, report: &mut Report) {
    for (set, rule) in source.rule_sets.iter().flat_map(|set| set.rules.iter().map(move |rule| (set, rule))) {
        if let SourceNatAction::Pool(name) = &rule.action
            && !source.pools.iter().any(|pool| pool.name == *name)
        {
            let path =
                format!("security nat source rule-set {} rule {} then source-nat pool", set.name, rule.name);
            report.error(path, rule.at, format!("pool `{name}' is not defined"));
        }
    }
}
