//! Ports of source pools: whose they are by arithmetic, and how many are in use.

use std::net::IpAddr;

use ravelin_nat::{Addresses, Deterministic, DeterministicSpec, PoolMode, PoolSpec, Ports};
use ravelin_program::SourcePool;
use ravelin_types::{Addr, Family};

use super::Failure;
use super::nat::source_pools;
use crate::answer::Answer;
use crate::ports::{
    DeterministicPool, DeterministicPools, HostPorts, HostQuery, PoolQuery, PoolUse, PoolUses,
};
use crate::session::Env;

/// Hosts that one answer lists.
const LINES_MAX: usize = 16_384;

/// A pool with its plan.
struct Planned<'a> {
    pool: &'a SourcePool,
    ports: &'a Ports,
    spec: &'a DeterministicSpec,
    external: Addresses,
    plan: Deterministic,
}

/// Answers a question about source pools.
pub(crate) fn about_pools(env: &Env<'_>, query: &PoolQuery) -> Result<Answer, Failure> {
    Ok(match query {
        PoolQuery::Detail { name } => Answer::SourceNatPools(source_pools(env, name.as_deref())?),
        PoolQuery::Use { name } => Answer::PoolUses(pool_use(env, name.as_deref())?),
        PoolQuery::Deterministic(hosts) => Answer::Deterministic(deterministic(env, hosts)?),
        PoolQuery::DeterministicRanges(hosts) => Answer::DeterministicRanges(deterministic(env, hosts)?),
    })
}

/// Hosts with their ports, of pools that compute them.
fn deterministic(env: &Env<'_>, query: &HostQuery) -> Result<DeterministicPools, Failure> {
    let mut room = LINES_MAX;
    let mut pools = Vec::new();
    for planned in env.names.source_pools().iter().filter_map(planned) {
        let Planned { pool, ports, spec, external, plan } = &planned;
        if matches!(query, HostQuery::Pool(name) if *name != pool.name) {
            continue;
        }
        let found = lines(&planned, query, room);
        let wanted = match query {
            HostQuery::All | HostQuery::Pool(_) => plan.count(),
            HostQuery::Host(_) | HostQuery::External(..) if found.is_empty() => continue,
            HostQuery::Host(_) | HostQuery::External(..) => found.len() as u64,
        };
        room -= found.len();
        let each = (u64::from(ports.high - ports.low) + 1) / u64::from(plan.block_size());
        pools.push(DeterministicPool {
            name: pool.name.clone(),
            block_size: plan.block_size(),
            hosts: plan.count(),
            blocks: external.count().unwrap_or(u64::MAX).saturating_mul(each),
            ranges: spec
                .hosts
                .iter()
                .map(|hosts| ends(hosts.family, hosts.hosts(spec.include_boundary)))
                .collect(),
            more: wanted - found.len() as u64,
            lines: found,
        });
    }
    match (query, pools.is_empty()) {
        (HostQuery::Pool(name), true) => {
            Err(Failure::NotFound { what: "deterministic pool", name: name.clone() })
        }
        _ => Ok(DeterministicPools { pools }),
    }
}

fn planned(pool: &SourcePool) -> Option<Planned<'_>> {
    let PoolMode::Deterministic(ports, spec) = &pool.spec.mode else { return None };
    let external = Addresses::new(&pool.spec.ranges);
    let plan = Deterministic::new(spec, ports, &external)?;
    Some(Planned { pool, ports, spec, external, plan })
}

fn lines(planned: &Planned<'_>, query: &HostQuery, room: usize) -> Vec<HostPorts> {
    let Planned { pool, ports, spec, plan, .. } = planned;
    let of = |(family, host): (Family, Addr)| {
        let (external, low, high) = plan.forward(family, host)?;
        Some(HostPorts { host: host.to_ip(family), external: external.to_ip(pool.spec.family), low, high })
    };
    match *query {
        HostQuery::All | HostQuery::Pool(_) => {
            let hosts = spec.hosts.iter().flat_map(|prefix| {
                let range = prefix.hosts(spec.include_boundary);
                (range.first.0..=range.last.0).map(|n| (prefix.family, Addr(n)))
            });
            hosts.take(room).filter_map(of).collect()
        }
        HostQuery::Host(host) => of(Addr::from_ip(host)).into_iter().collect(),
        HostQuery::External(external, port) => {
            let (family, addr) = Addr::from_ip(external);
            if family != pool.spec.family {
                return Vec::new();
            }
            // One port of each block when all of an address is asked for.
            let step = usize::from(plan.block_size());
            let asked = port.map_or((ports.low..=ports.high).step_by(step), |port| (port..=port).step_by(1));
            asked.filter_map(|port| plan.reverse(addr, port)).filter_map(of).take(room).collect()
        }
    }
}

fn ends(family: Family, range: ravelin_nat::AddressRange) -> (IpAddr, IpAddr) {
    (range.first.to_ip(family), range.last.to_ip(family))
}

/// How much of each pool is in use.
fn pool_use(env: &Env<'_>, name: Option<&str>) -> Result<PoolUses, Failure> {
    let counters = env.plane.telemetry().source_pools()?;
    let named = env.names.source_pools().iter().filter(|pool| name.is_none_or(|n| n == pool.name));
    let of = |pool: &SourcePool| {
        let PoolSpec { id, ranges, mode, .. } = &pool.spec;
        let counter = counters.iter().find(|c| c.id == u32::from(id.0)).copied().unwrap_or_default();
        let ports = counter.ports.into_iter().max().unwrap_or(0);
        let (unit, used, overload) = match mode {
            PoolMode::Translate(of) | PoolMode::Deterministic(of, _) => ("ports", ports, of.overload),
            PoolMode::Shared => ("ports", ports, 1),
            PoolMode::Blocks(..) => ("blocks", counter.held, 1),
            PoolMode::NoTranslation | PoolMode::Shift { .. } => ("addresses", counter.held, 1),
        };
        PoolUse {
            name: pool.name.clone(),
            is_pat: unit != "addresses",
            unit: unit.to_owned(),
            addresses: Addresses::new(ranges).count().unwrap_or(u64::MAX),
            overload,
            used,
            total: counter.capacity,
        }
    };
    let pools: Vec<_> = named.map(of).collect();
    match (name, pools.is_empty()) {
        (Some(name), true) => Err(Failure::NotFound { what: "pool", name: name.to_owned() }),
        _ => Ok(PoolUses { pools }),
    }
}
