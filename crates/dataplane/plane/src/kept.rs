//! What source NAT keeps for hosts, walked in bounded steps, and its counters set back.

use std::collections::BTreeMap;

use ravelin_contract::{Error, InterfacePorts, KeptFilter, KeptKind, KeptList, KeptPorts, NatClear};
use ravelin_nat::{BlockRecord, PairRecord};

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Places looked at between two batches of packets.
const WALK: u32 = 1024;
/// Addresses whose ports are counted between two batches of packets.
const ADDRESSES: u32 = 16;

pub(crate) fn list<W: Workers>(
    plane: &Plane<W>,
    filter: &KeptFilter,
    most: usize,
) -> Result<KeptList, Error> {
    let mut list = KeptList::default();
    let kind = filter.kind;
    for worker in each(&plane.workers) {
        let mut from = Some(0);
        while let Some(at) = from {
            let (kept, next) = ask(&plane.workers, worker, move |state, _, now| match kind {
                KeptKind::Block => {
                    let (blocks, next) = state.walk_blocks(at, WALK, now);
                    (blocks.iter().map(block).collect::<Vec<_>>(), next)
                }
                KeptKind::Address => {
                    let (pairs, next) = state.walk_pairs(at, WALK);
                    (pairs.iter().map(pair).collect(), next)
                }
            })?;
            for one in kept.into_iter().filter(|one| filter.holds(one)) {
                list.found += 1;
                if list.kept.len() < most {
                    list.kept.push(one);
                }
            }
            from = next;
        }
    }
    Ok(list)
}

fn block(record: &BlockRecord) -> KeptPorts {
    let BlockRecord { pool, host_family, host, external_family, external, low, high, .. } = *record;
    let BlockRecord { used, is_active, age, left, .. } = *record;
    let seconds = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    KeptPorts {
        kind: KeptKind::Block,
        pool: pool.0.into(),
        host: host.to_ip(host_family),
        external: external.to_ip(external_family),
        low,
        high,
        used,
        is_active,
        age_s: seconds(age),
        left_s: left.map(seconds),
    }
}

fn pair(record: &PairRecord) -> KeptPorts {
    let PairRecord { pool, family, internal, external_family, external, sessions } = *record;
    KeptPorts {
        kind: KeptKind::Address,
        pool: pool.0.into(),
        host: internal.to_ip(family),
        external: external.to_ip(external_family),
        low: 0,
        high: u16::MAX,
        used: sessions,
        is_active: true,
        age_s: 0,
        left_s: None,
    }
}

/// Each worker has some of an address's ports: the sums are the address's.
pub(crate) fn interface_ports<W: Workers>(plane: &Plane<W>) -> Result<Vec<InterfacePorts>, Error> {
    let mut sums = BTreeMap::new();
    for worker in each(&plane.workers) {
        let mut from = Some(0);
        while let Some(at) = from {
            let (uses, next) =
                ask(&plane.workers, worker, move |state, _, _| state.walk_interfaces(at, ADDRESSES))?;
            for one in uses {
                let addr = one.addr.to_ip(one.family);
                let none = InterfacePorts { addr, single: 0, single_max: 0, twin: 0, twin_max: 0 };
                let sum = sums.entry(addr).or_insert(none);
                sum.single += u64::from(one.single);
                sum.single_max += u64::from(one.single_max);
                sum.twin += u64::from(one.twin);
                sum.twin_max += u64::from(one.twin_max);
            }
            from = next;
        }
    }
    Ok(sums.into_values().collect())
}

pub(crate) fn clear<W: Workers>(plane: &Plane<W>, what: &NatClear) -> Result<(), Error> {
    for worker in each(&plane.workers) {
        let NatClear { rules, pools } = what.clone();
        ask(&plane.workers, worker, move |state, _, _| {
            for rule in rules {
                if let Some(hits) = state.counters.nat_rules.get_mut(rule.index()) {
                    hits.clear();
                }
            }
            for rule in pools {
                if let Some(hits) = state.counters.nat_rules.get_mut(rule.index()) {
                    hits.pool_hits = 0;
                }
            }
        })?;
    }
    Ok(())
}
