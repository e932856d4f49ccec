//! What source NAT keeps for hosts, by the names that operators have given; counters that go back to zero.

use ravelin_contract::{InterfacePorts, KeptFilter, KeptKind, NatClear};
use ravelin_nat::{BlockSpec, PoolId, PoolMode};
use ravelin_program::{Application, DestinationAction, List, SourceAction, SourcePool};
use ravelin_types::{Addr, NatRuleId};

use super::Failure;
use crate::answer::{Answer, NatKind};
use crate::nat_state::{
    InterfacePortsLine, InterfacePortsList, KeptQuery, NatClearQuery, NatState, NatStateQuery, PairedAddress,
    PairedAddresses, PortBlockLine, PortBlockPool, PortBlockPools, RuleApplication, RuleApplications,
};
use crate::session::Env;

/// Blocks or hosts that one answer lists.
const LINES_MAX: usize = 16_384;

/// Answers a question about the state of NAT.
pub(crate) fn about_nat_state(env: &Env<'_>, query: NatStateQuery) -> Result<Answer, Failure> {
    Ok(Answer::NatState(match query {
        NatStateQuery::PortBlocks(query) => NatState::PortBlocks(port_blocks(env, &query)?),
        NatStateQuery::PairedAddresses(query) => NatState::PairedAddresses(paired(env, &query)?),
        NatStateQuery::InterfacePorts => NatState::InterfacePorts(interface_ports(env)?),
        NatStateQuery::RuleApplications(kind, name) => {
            NatState::RuleApplications(rule_applications(env, kind, name.as_deref())?)
        }
        NatStateQuery::Clear(query) => {
            let what = cleared(env, &query)?;
            env.plane.telemetry().clear_nat(&what)?;
            NatState::Cleared { counters: (what.rules.len() + what.pools.len()) as u64 }
        }
    }))
}

fn unfound(what: &'static str, name: &str) -> Failure {
    Failure::NotFound { what, name: name.to_owned() }
}

fn filter(env: &Env<'_>, kind: KeptKind, query: &KeptQuery) -> Result<KeptFilter, Failure> {
    let KeptQuery { pool, host, external, port } = query;
    let id = |name: &String| {
        let found = env.names.source_pools().iter().find(|pool| pool.name == *name);
        found.map(|pool| pool.spec.id.0.into()).ok_or_else(|| unfound("pool", name))
    };
    let pool = pool.as_ref().map(id).transpose()?;
    Ok(KeptFilter { kind, pool, host: *host, external: *external, port: *port })
}

fn port_blocks(env: &Env<'_>, query: &KeptQuery) -> Result<PortBlockPools, Failure> {
    let filter = filter(env, KeptKind::Block, query)?;
    let telemetry = env.plane.telemetry();
    let counters = telemetry.source_pools()?;
    let list = telemetry.kept_ports(&filter, LINES_MAX)?;
    let mut kept = list.kept;
    kept.sort_unstable_by_key(|block| (block.host, block.external, block.low));
    let of = |pool: &SourcePool| {
        let PoolMode::Blocks(_, BlockSpec { size, per_host, active_timeout, .. }) = pool.spec.mode else {
            return None;
        };
        let id = u32::from(pool.spec.id.0);
        if filter.pool.is_some_and(|asked| asked != id) {
            return None;
        }
        let counter = counters.iter().find(|counter| counter.id == id).copied().unwrap_or_default();
        let lines = kept.iter().filter(|block| block.pool == id).map(|block| PortBlockLine {
            host: block.host,
            external: block.external,
            low: block.low,
            high: block.high,
            used: block.used,
            active: block.is_active,
            left_s: block.left_s,
        });
        Some(PortBlockPool {
            name: pool.name.clone(),
            block_size: size,
            per_host,
            active_timeout_s: active_timeout.0,
            used: counter.held,
            total: counter.capacity,
            lines: lines.collect(),
        })
    };
    let pools: Vec<_> = env.names.source_pools().iter().filter_map(of).collect();
    match (&query.pool, pools.is_empty()) {
        (Some(name), true) => Err(unfound("pool of port blocks", name)),
        _ => Ok(PortBlockPools { pools, more: list.found.saturating_sub(kept.len() as u64) }),
    }
}

fn paired(env: &Env<'_>, query: &KeptQuery) -> Result<PairedAddresses, Failure> {
    let list = env.plane.telemetry().kept_ports(&filter(env, KeptKind::Address, query)?, LINES_MAX)?;
    let name = |id: u32| {
        let pool = u16::try_from(id).ok().and_then(|id| env.names.source_pool(PoolId(id)));
        pool.map_or_else(|| id.to_string(), |pool| pool.name.clone())
    };
    let line = |kept: &ravelin_contract::KeptPorts| PairedAddress {
        pool: name(kept.pool),
        internal: kept.host,
        external: kept.external,
        sessions: kept.used,
    };
    let mut addresses: Vec<_> = list.kept.iter().map(line).collect();
    addresses.sort_unstable_by(|a, b| (&a.pool, a.internal).cmp(&(&b.pool, b.internal)));
    let more = list.found.saturating_sub(addresses.len() as u64);
    Ok(PairedAddresses { addresses, more })
}

fn interface_ports(env: &Env<'_>) -> Result<InterfacePortsList, Failure> {
    let line = |ports: InterfacePorts| {
        let InterfacePorts { addr, single, single_max, twin, twin_max } = ports;
        let (family, own) = Addr::from_ip(addr);
        let of = |unit: &&ravelin_program::Interface| {
            unit.addresses.iter().any(|a| (a.family, a.addr) == (family, own))
        };
        let unit = env.names.interfaces().iter().find(of);
        let interface = unit.map_or_else(|| "-".to_owned(), |unit| unit.name.clone());
        InterfacePortsLine { interface, address: addr, single, single_max, twin, twin_max }
    };
    let mut lines: Vec<_> = env.plane.telemetry().interface_ports()?.into_iter().map(line).collect();
    lines.sort_by(|a, b| (&a.interface, a.address).cmp(&(&b.interface, b.address)));
    Ok(InterfacePortsList { lines })
}

fn rule_applications(env: &Env<'_>, kind: NatKind, name: Option<&str>) -> Result<RuleApplications, Failure> {
    let words = |terms: &Option<List<Application>>| -> Vec<String> {
        let of = |term: &Application| env.names.application(term.name).unwrap_or_default().to_owned();
        let mut words: Vec<_> = terms.iter().flatten().map(of).collect();
        // Terms of one application stand together.
        words.dedup();
        words
    };
    let rule = |set: &str, rule: &str, id: NatRuleId, terms: &Option<List<Application>>| RuleApplication {
        name: rule.to_owned(),
        rule_set: set.to_owned(),
        id: id.0,
        applications: words(terms),
    };
    let rules: Vec<_> = match kind {
        NatKind::Source => {
            let all = env.names.source_rules();
            all.map(|(set, r)| rule(&set.name, &r.name, r.id, &r.matching.applications)).collect()
        }
        NatKind::Destination => {
            let all = env.names.destination_rules();
            all.map(|(set, r)| rule(&set.name, &r.name, r.id, &r.matching.applications)).collect()
        }
        NatKind::Static => Vec::new(),
    };
    if let Some(name) = name
        && !rules.iter().any(|rule| rule.name == name)
    {
        return Err(unfound("rule", name));
    }
    let wanted =
        |rule: &RuleApplication| name.is_none_or(|name| name == rule.name) && !rule.applications.is_empty();
    Ok(RuleApplications { kind, rules: rules.into_iter().filter(wanted).collect() })
}

fn cleared(env: &Env<'_>, query: &NatClearQuery) -> Result<NatClear, Failure> {
    let (what, name, of_pools) = match query {
        NatClearQuery::Rules(_, name) => ("rule", name, false),
        NatClearQuery::SourcePools(name) | NatClearQuery::DestinationPools(name) => ("pool", name, true),
    };
    let named = |other: &str| name.as_ref().is_none_or(|name| name == other);
    let ids: Vec<NatRuleId> = match query {
        NatClearQuery::Rules(NatKind::Source, _) => {
            env.names.source_rules().filter(|(_, rule)| named(&rule.name)).map(|(_, rule)| rule.id).collect()
        }
        NatClearQuery::Rules(NatKind::Destination, _) => {
            let rules = env.names.destination_rules().filter(|(_, rule)| named(&rule.name));
            rules.map(|(_, rule)| rule.id).collect()
        }
        NatClearQuery::Rules(NatKind::Static, _) => {
            env.names.static_rules().filter(|(_, rule)| named(&rule.name)).map(|(_, rule)| rule.id).collect()
        }
        NatClearQuery::SourcePools(_) => {
            let pools: Vec<_> = env.names.source_pools().iter().filter(|pool| named(&pool.name)).collect();
            if let (Some(name), []) = (name, &pools[..]) {
                return Err(unfound(what, name));
            }
            let names_one = |action: &SourceAction| match action {
                SourceAction::Pool(id) => pools.iter().any(|pool| pool.spec.id == *id),
                SourceAction::Off | SourceAction::Interface => false,
            };
            let rules = env.names.source_rules().filter(|(_, rule)| names_one(&rule.action));
            return Ok(NatClear { pools: rules.map(|(_, rule)| rule.id).collect(), ..NatClear::default() });
        }
        NatClearQuery::DestinationPools(_) => {
            let names_one = |action: &DestinationAction| match action {
                DestinationAction::Pool(pool) => named(&pool.name),
                DestinationAction::Off => false,
            };
            let rules = env.names.destination_rules().filter(|(_, rule)| names_one(&rule.action));
            rules.map(|(_, rule)| rule.id).collect()
        }
    };
    match (name, ids.is_empty(), of_pools) {
        (Some(name), true, _) => Err(unfound(what, name)),
        (_, _, true) => Ok(NatClear { pools: ids, ..NatClear::default() }),
        (_, _, false) => Ok(NatClear { rules: ids, ..NatClear::default() }),
    }
}
