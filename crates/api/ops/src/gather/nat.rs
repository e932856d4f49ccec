//! NAT rules and pools with their counters.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ravelin_contract::{NatCounters, PoolCounters};
use ravelin_nat::{Addresses, Assignment, Overflow, Permit, PersistentRule, PoolMode, PoolSpec};
use ravelin_program::{
    AddressMatch, DestinationAction, DestinationRule, DestinationRuleSet, NatContext, NatMatch, PortRange,
    SourceAction, SourcePool, SourceRule, SourceRuleSet, StaticRule, StaticRuleSet, StaticTarget,
};
use ravelin_types::NatRuleId;

use super::Failure;
use super::rules::ends;
use crate::answer::{NatKind, NatRule, NatRules, SourceNatPool, SourceNatPools, Translation};
use crate::nat_state::{NatPool, NatPools};
use crate::persistent::Persistence;
use crate::session::Env;

/// What the three kinds of rules have in common, as it is shown.
struct Shown<'a> {
    set: (&'a str, &'a NatContext, Option<&'a NatContext>),
    rule: (&'a str, NatRuleId),
    source: &'a AddressMatch,
    destinations: Vec<(IpAddr, IpAddr)>,
    source_ports: &'a [PortRange],
    destination_ports: Vec<(u16, u16)>,
    action: Translation,
    persistence: Persistence,
}

pub(crate) fn nat_rules(env: &Env<'_>, kind: NatKind, name: Option<&str>) -> Result<NatRules, Failure> {
    let mut counters: BTreeMap<NatRuleId, _> = BTreeMap::new();
    for counter in env.plane.telemetry().nat_rules()? {
        counters.insert(counter.id, counter);
    }
    let mut rules = Vec::new();
    for (position, shown) in (1..).zip(shown(env, kind)) {
        let Shown { set: (set, from, to), rule: (rule, id), .. } = shown;
        if name.is_some_and(|n| n != rule) {
            continue;
        }
        let (from_kind, from) = env.names.nat_context(from);
        let (to_kind, to) = to.map_or(("", Vec::new()), |to| env.names.nat_context(to));
        let counter = counters.get(&id).copied().unwrap_or_default();
        rules.push(NatRule {
            kind,
            name: rule.to_owned(),
            rule_set: set.to_owned(),
            id: id.0,
            position,
            from_kind: from_kind.to_owned(),
            from,
            to_kind: to_kind.to_owned(),
            to,
            sources: shown.source.ranges.iter().map(|range| ends(&range)).collect(),
            destinations: shown.destinations,
            source_ports: shown.source_ports.iter().map(port_ends).collect(),
            destination_ports: shown.destination_ports,
            action: shown.action,
            persistence: shown.persistence,
            hits: counter.hits,
            failed: counter.failed,
            sessions: counter.sessions,
            alarm: env.alarms.of_rule(kind, set, rule),
        });
    }
    match (name, &rules[..]) {
        (Some(name), []) => Err(Failure::NotFound { what: "rule", name: name.to_owned() }),
        _ => Ok(NatRules { kind, rules, source_pools: env.names.source_pools().len() as u32 }),
    }
}

fn shown<'a>(env: &'a Env<'_>, kind: NatKind) -> Vec<Shown<'a>> {
    match kind {
        NatKind::Source => env.names.source_rules().map(|rule| source(env, rule)).collect(),
        NatKind::Destination => env.names.destination_rules().map(destination).collect(),
        NatKind::Static => env.names.static_rules().map(fixed).collect(),
    }
}

fn source<'a>(env: &Env<'_>, (set, rule): (&'a SourceRuleSet, &'a SourceRule)) -> Shown<'a> {
    let NatMatch { source, destination, source_ports, destination_ports, .. } = &rule.matching;
    Shown {
        set: (&set.name, &set.from, Some(&set.to)),
        rule: (&rule.name, rule.id),
        source,
        destinations: destination.ranges.iter().map(|range| ends(&range)).collect(),
        source_ports,
        destination_ports: destination_ports.iter().map(port_ends).collect(),
        action: match rule.action {
            SourceAction::Off => Translation::Off,
            SourceAction::Interface => Translation::Interface,
            SourceAction::Pool(id) => Translation::Pool(
                env.names.source_pool(id).map_or_else(String::new, |pool| pool.name.clone()),
            ),
        },
        persistence: rule.persistent.as_ref().map_or_else(Persistence::default, kept),
    }
}

fn kept(rule: &PersistentRule) -> Persistence {
    let PersistentRule { id: _, permit, address_mapping, block_external: _, inactivity, sessions_max } =
        *rule;
    let permit = match permit {
        Permit::AnyRemoteHost => "any-remote-host",
        Permit::TargetHost => "target-host",
        Permit::TargetHostPort => "target-host-port",
    };
    Persistence { permit: Some(permit.to_owned()), address_mapping, timeout_s: inactivity.0, sessions_max }
}

fn destination<'a>((set, rule): (&'a DestinationRuleSet, &'a DestinationRule)) -> Shown<'a> {
    let NatMatch { source, destination, source_ports, destination_ports, .. } = &rule.matching;
    Shown {
        set: (&set.name, &set.from, None),
        rule: (&rule.name, rule.id),
        source,
        destinations: destination.ranges.iter().map(|range| ends(&range)).collect(),
        source_ports,
        destination_ports: destination_ports.iter().map(port_ends).collect(),
        action: match &rule.action {
            DestinationAction::Off => Translation::Off,
            DestinationAction::Pool(pool) => Translation::Pool(pool.name.clone()),
        },
        persistence: Persistence::default(),
    }
}

fn fixed<'a>((set, rule): (&'a StaticRuleSet, &'a StaticRule)) -> Shown<'a> {
    Shown {
        set: (&set.name, &set.from, None),
        rule: (&rule.name, rule.id),
        source: &rule.remote,
        destinations: vec![ends(&rule.outside)],
        source_ports: &rule.remote_ports,
        destination_ports: rule.ports.iter().map(|(outside, _)| port_ends(outside)).collect(),
        action: match &rule.target {
            StaticTarget::Range(inside) | StaticTarget::Npt(inside) => {
                let (first, last) = ends(inside);
                Translation::Prefix(first, last)
            }
            StaticTarget::Embedded => Translation::Inet,
        },
        persistence: Persistence::default(),
    }
}

const fn port_ends(range: &PortRange) -> (u16, u16) {
    (range.low, range.high)
}

/// Source pools by name, with what is in use of each.
pub(crate) fn source_pools(env: &Env<'_>, name: Option<&str>) -> Result<SourceNatPools, Failure> {
    let telemetry = env.plane.telemetry();
    let counters = (telemetry.source_pools()?, telemetry.nat_rules()?);
    let named = env.names.source_pools().iter().filter(|pool| name.is_none_or(|n| n == pool.name));
    let pools: Vec<_> = named.map(|pool| source_pool(env, pool, (&counters.0, &counters.1))).collect();
    match (name, pools.is_empty()) {
        (Some(name), true) => Err(Failure::NotFound { what: "pool", name: name.to_owned() }),
        _ => Ok(SourceNatPools { pools }),
    }
}

fn source_pool(
    env: &Env<'_>,
    pool: &SourcePool,
    (counters, hits): (&[PoolCounters], &[NatCounters]),
) -> SourceNatPool {
    let PoolSpec { id, family, ranges, mode, assignment, overflow } = &pool.spec;
    let counter = counters.iter().find(|c| c.id == u32::from(id.0)).copied().unwrap_or_default();
    let ports = match mode {
        PoolMode::Translate(ports) | PoolMode::Blocks(ports, _) | PoolMode::Deterministic(ports, _) => {
            Some(ports)
        }
        PoolMode::NoTranslation | PoolMode::Shared | PoolMode::Shift { .. } => None,
    };
    let rules = || env.names.source_rules().filter(|(_, rule)| rule.action == SourceAction::Pool(*id));
    let of_rule = |id: NatRuleId| hits.iter().find(|c| c.id == id).map_or(0, |c| c.pool_hits);
    SourceNatPool {
        name: pool.name.clone(),
        id: id.0,
        base: match mode {
            PoolMode::Shift { hosts, base } => Some(base.to_ip(*hosts)),
            _ => None,
        },
        ports: ports.map(|ports| (ports.low, ports.high)),
        overload: ports.map_or(1, |ports| ports.overload),
        paired: *assignment == Assignment::Paired,
        overflow: overflow.map(|overflow| match overflow {
            Overflow::Interface => "interface".to_owned(),
            Overflow::Pool(other) => {
                env.names.source_pool(other).map_or_else(String::new, |p| p.name.clone())
            }
        }),
        addresses: ranges.iter().map(|r| (r.first.to_ip(*family), r.last.to_ip(*family))).collect(),
        rules: rules().count() as u32,
        total_addresses: Addresses::new(ranges).count().unwrap_or(u64::MAX),
        hits: rules().map(|(_, rule)| of_rule(rule.id)).sum(),
        used: counter.ports,
        others: counter.others,
        held: counter.held,
        capacity: counter.capacity,
        alarm: env.alarms.of_pool(&pool.name),
    }
}

/// Destination pools by name, with the hits of all rules that use them.
pub(crate) fn nat_pools(env: &Env<'_>, name: Option<&str>) -> Result<NatPools, Failure> {
    let counters = env.plane.telemetry().nat_rules()?;
    let mut pools: BTreeMap<&str, NatPool> = BTreeMap::new();
    for (rule, pool) in env.names.nat_pools().filter(|(_, pool)| name.is_none_or(|n| n == pool.name)) {
        let (first, last) = ends(&pool.addresses);
        let entry = pools.entry(&pool.name).or_insert_with(|| NatPool {
            name: pool.name.clone(),
            first: Some(first),
            last: Some(last),
            port: pool.port,
            ..NatPool::default()
        });
        entry.rules += 1;
        if let Some(counter) = counters.iter().find(|c| c.id == rule.id) {
            entry.hits += counter.pool_hits;
            entry.sessions += counter.sessions;
        }
    }
    match (name, pools.is_empty()) {
        (Some(name), true) => Err(Failure::NotFound { what: "pool", name: name.to_owned() }),
        _ => Ok(NatPools { pools: pools.into_values().collect() }),
    }
}
