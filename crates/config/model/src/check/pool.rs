//! Source pools: addresses that exist, and statements that fit each other. What the allocator can't do is told
//! when the program is made.

use ravelin_syntax::Span;

use super::Report;
use crate::{AddressNames, AddressValue, Config, NatSource, Port, ProxyRange, SourceNatAction, SourcePool};

/// Port ranges of pools begin here.
const LOW_MIN: u16 = 1024;
/// And those of pairs here.
const TWIN_MIN: u16 = 63488;
/// Sessions on one port at most.
const OVERLOADING_MAX: u16 = 32;

pub(super) fn check(config: &Config, known: &AddressNames, report: &mut Report) {
    let source = &config.security.nat_source;
    for pool in &source.pools {
        let path = format!("security nat source pool {}", pool.name);
        addresses(known, pool, &path, report);
        ports(pool, &path, report);
        deterministic(known, pool, &path, report);
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
    let twin = (source.default_twin_low, source.default_twin_high);
    twin_ports("security nat source pool-default-twin-port-range", Span::default(), twin, report);
    if source.interface_overloading_off && source.interface_overloading_factor.is_some() {
        let message = "'port-overloading off' and 'port-overloading-factor' can't be combined";
        report.error("security nat source interface", Span::default(), message);
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
    let twin = (pool.port.twin_low, pool.port.twin_high);
    twin_ports(&format!("{path} port range twin-port"), pool.at, twin, report);
}

/// Pairs are of ports that nothing else gives out: an even one and the next.
fn twin_ports(path: &str, at: Span, twin: (Option<Port>, Option<Port>), report: &mut Report) {
    match twin {
        (None, None) => {}
        // Of an odd first port the pair begins behind it.
        (Some(low), Some(high))
            if low.0 >= TWIN_MIN && u32::from(low.0).next_multiple_of(2) < high.0.into() => {}
        (Some(_), Some(_)) => {
            report.error(path, at, format!("is no range from {TWIN_MIN} to 65535 with a pair"))
        }
        (Some(_), None) | (None, Some(_)) => report.error(path, at, "needs a first and a last port"),
    }
}

/// What a feed or a resolver fills has no values here.
fn is_of_prefixes(known: &AddressNames, name: &str) -> bool {
    let mut values = known.values(name).peekable();
    values.peek().is_some() && values.all(|value| matches!(value, AddressValue::Prefix(_)))
}

/// Hosts that have ports, by prefixes.
fn deterministic(known: &AddressNames, pool: &SourcePool, path: &str, report: &mut Report) {
    let Some(deterministic) = &pool.port.deterministic else { return };
    let there = format!("{path} port deterministic");
    if deterministic.hosts.is_empty() && deterministic.host_names.is_empty() {
        report.error(&there, pool.at, "missing mandatory statement: 'host'");
    }
    for name in &deterministic.host_names {
        let message = if !known.contains(name.as_str()) {
            format!("address or address-set `{name}' is not defined")
        } else if !is_of_prefixes(known, name) {
            format!("address `{name}' is not of prefixes: not supported here")
        } else {
            continue;
        };
        report.error(format!("{there} host address-name {name}"), pool.at, message);
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
    let automatic = ("port automatic", pool.port.automatic_random || pool.port.automatic_round_robin);
    let range = pool.port.low.is_some() || pool.port.range_random || pool.port.range_round_robin;
    let range = ("port range", range || pool.port.twin_low.is_some());
    let (random, in_turn) = (pool.port.range_random, pool.port.range_round_robin);
    let subscriber = ("address-persistent", pool.subscriber_prefix.is_some());
    let of_ports = [
        range,
        automatic,
        factor,
        ("port preserve-parity", pool.port.preserve_parity),
        ("port preserve-range", pool.port.preserve_range),
        blocks,
        deterministic,
        paired,
        no_paired,
        subscriber,
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
        (subscriber, paired),
        (subscriber, no_paired),
        (subscriber, deterministic),
        (subscriber, blocks),
        (range, automatic),
        (("port range random-allocation", random), ("port range round-robin", in_turn)),
        (
            ("port automatic random-allocation", pool.port.automatic_random),
            ("port automatic round-robin", pool.port.automatic_round_robin),
        ),
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
