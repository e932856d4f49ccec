//! Going on with what another plane counted and mapped.
//!
//! Counters are added at the first worker, whose they become: sums are what anyone reads. Spec: sync-14, sync-15.

use std::collections::HashMap;

use ravelin_contract::{
    CarriedCounters, CarriedMapping, Error, ExportCursor, MappingOrigin, MappingPage, MappingPermit,
    PersistentMapping, PolicyCounters, Traffic,
};
use ravelin_engine::{Counters, Hits, Rules};
use ravelin_nat::{Action, MappingRecord, Permit, PersistentRule, PoolId};
use ravelin_types::{Addr, PolicyId, Proto, RuleIdentity, Seconds, WorkerId};

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Mappings looked at, or made, between two batches of packets.
const WALK: u32 = 1024;

/// Adds what another plane counted.
pub(crate) fn counters<W: Workers>(plane: &Plane<W>, carried: &CarriedCounters) -> Result<(), Error> {
    let Some(rules) = plane.rules() else { return Err(Error::NotReady) };
    let carried = carried.clone();
    // Found here: a worker has packets to serve meanwhile.
    let policies = known(&carried, &rules);
    ask(&plane.workers, WorkerId(0), move |state, _, _| {
        policies.iter().for_each(|(id, told)| state.recount(*id, |hits| add_policy(hits, told)));
        add(&mut state.counters, &carried, &rules);
        for counter in &carried.firewall.policers {
            let own = |key: &(RuleIdentity, RuleIdentity)| *key == (counter.policer, counter.place);
            let mut meters = rules.meters();
            if let Some((_, meter)) = meters.find(|(p, _)| own(&(p.key.policer, p.key.place))) {
                meter.carry(WorkerId(0), &counter.packets, &counter.bytes);
            }
        }
    })
}

/// Rules are found by identity, which outlives ids; everything else by id.
fn add(counters: &mut Counters, carried: &CarriedCounters, rules: &Rules) {
    let global = &carried.global;
    counters.rx_packets += global.rx_packets;
    counters.rx_bytes += global.rx_bytes;
    counters.tx_packets += global.tx_packets;
    counters.tx_bytes += global.tx_bytes;
    counters.host_packets += global.host_packets;
    counters.answers += global.answers;
    counters.handed_over += global.handed_over;
    // Those that live have been created here, or will be, when they are put in.
    counters.sessions_created += global.sessions_created.saturating_sub(global.sessions_live);
    counters.sessions_closed += global.sessions_closed;
    counters.drops.iter_mut().zip(global.drops).for_each(|(sum, more)| *sum += more);
    for rule in rules.nat_rules() {
        let told = carried.nat_rules.iter().find(|told| told.identity == rule.identity);
        let (Some(told), Some(hits)) = (told, counters.nat_rules.get_mut(rule.id.index())) else { continue };
        hits.hits += told.hits;
        hits.failed += told.failed;
        hits.pool_hits += told.pool_hits;
    }
    for told in &carried.interfaces {
        if let Some(unit) = counters.units.get_mut(told.interface.index()) {
            unit.rx_packets += told.rx_packets;
            unit.rx_bytes += told.rx_bytes;
            unit.tx_packets += told.tx_packets;
            unit.tx_bytes += told.tx_bytes;
        }
    }
    for told in &carried.screens {
        if let Some(zone) = counters.screens.get_mut(told.zone.index()) {
            told.hits.iter().for_each(|(screen, hits)| zone[screen.index()] += hits);
        }
    }
    for told in &carried.unit_screens {
        if let Some(unit) = counters.unit_screens.get_mut(told.interface.index()) {
            told.hits.iter().for_each(|(screen, hits)| unit[screen.index()] += hits);
        }
    }
    for told in &carried.mirrors {
        if let Some(mirror) = counters.mirrors.get_mut(told.id.index()) {
            mirror.packets += told.packets;
            mirror.bytes += told.bytes;
            mirror.lost.iter_mut().zip(told.lost).for_each(|(sum, more)| *sum += more);
        }
    }
    for told in &carried.firewall.filters {
        if let Some(filter) = counters.filters.get_mut(told.id as usize) {
            filter.packets += told.packets;
            filter.bytes += told.bytes;
        }
    }
}

/// What was told of the policies that there are.
fn known(carried: &CarriedCounters, rules: &Rules) -> Vec<(PolicyId, PolicyCounters)> {
    let told: HashMap<_, _> = carried.policies.iter().map(|told| (told.identity, told)).collect();
    rules.policies().filter_map(|policy| Some((policy.id, **told.get(&policy.identity)?))).collect()
}

fn add_policy(hits: &mut Hits, told: &PolicyCounters) {
    hits.hits += told.hits;
    hits.gained += told.gained;
    hits.lost += told.lost;
    for wing in 0..2 {
        hits.packets[wing] += told.packets[wing];
        hits.bytes[wing] += told.bytes[wing];
    }
    let came = Traffic { packets: told.packets, bytes: told.bytes };
    hits.unsent = hits.unsent.plus(came.minus(told.sent));
    let first = [hits.first_s, told.first_hit_s].into_iter().filter(|at| *at > 0);
    hits.first_s = first.min().unwrap_or(0);
    hits.last_s = hits.last_s.max(told.last_hit_s);
}

/// Mappings from a place on, whole; a bounded number between two batches.
pub(crate) fn mapping_page<W: Workers>(
    plane: &Plane<W>,
    from: ExportCursor,
    max: usize,
) -> Result<MappingPage, Error> {
    let mut page = MappingPage { next: Some(from), ..MappingPage::default() };
    while let Some(at) = page.next.filter(|_| page.mappings.len() < max) {
        if at.worker >= plane.workers.count() {
            page.next = None;
            break;
        }
        let (records, next) = ask(&plane.workers, WorkerId(at.worker), move |state, _, now| {
            state.walk_mappings(at.slot, WALK, now)
        })?;
        page.mappings.extend(records.iter().map(carried));
        page.next = Some(match next {
            Some(slot) => ExportCursor { slot, ..at },
            None => ExportCursor { worker: at.worker + 1, slot: 0 },
        });
    }
    Ok(page)
}

/// Makes mappings that another plane had, without their sessions; how many could be made.
pub(crate) fn put_mappings<W: Workers>(plane: &Plane<W>, carried: &[CarriedMapping]) -> Result<u64, Error> {
    let mut made = 0;
    for some in carried.chunks(WALK as usize) {
        let records: Vec<_> = some.iter().filter_map(record).collect();
        let placed = ask(&plane.workers, WorkerId(0), move |state, _, _| {
            let home = |record: MappingRecord| (state.home_of_mapping(&record), record);
            records.into_iter().map(home).collect::<Vec<_>>()
        })?;
        for worker in each(&plane.workers) {
            let own = |(home, record): &(_, MappingRecord)| (*home == worker).then(|| record.clone());
            let own: Vec<_> = placed.iter().filter_map(own).collect();
            made += ask(&plane.workers, worker, move |state, _, now| {
                own.iter().filter(|record| state.put_mapping(record, now)).count() as u64
            })?;
        }
    }
    Ok(made)
}

fn carried(record: &MappingRecord) -> CarriedMapping {
    let remote = |(addr, port): &(Addr, u16)| (addr.to_ip(record.external_family), *port);
    CarriedMapping {
        mapping: crate::mappings::shown(record),
        block_external: record.rule.block_external,
        remotes: record.remotes.iter().map(remote).collect(),
    }
}

/// `None`: its two ends make no sense.
fn record(carried: &CarriedMapping) -> Option<MappingRecord> {
    let CarriedMapping { mapping, block_external, remotes } = carried;
    let PersistentMapping { origin, rule, proto, internal, internal_port, external, .. } = *mapping;
    let ((family, addr), (external_family, external)) = (Addr::from_ip(internal), Addr::from_ip(external));
    let remote = |(addr, port): &(std::net::IpAddr, u16)| {
        let (of, addr) = Addr::from_ip(*addr);
        (of == external_family).then_some((addr, *port))
    };
    let rule = PersistentRule {
        id: rule,
        permit: match mapping.permit {
            MappingPermit::AnyRemoteHost => Permit::AnyRemoteHost,
            MappingPermit::TargetHost => Permit::TargetHost,
            MappingPermit::TargetHostPort => Permit::TargetHostPort,
        },
        address_mapping: proto.is_none(),
        block_external: *block_external,
        inactivity: Seconds(mapping.timeout_s),
        sessions_max: mapping.sessions_max,
    };
    Some(MappingRecord {
        action: match origin {
            MappingOrigin::Interface => Action::Interface(external),
            MappingOrigin::Pool(id) => Action::Pool(PoolId(u16::try_from(id).ok()?)),
        },
        rule,
        proto: proto.unwrap_or(Proto::default()),
        token: mapping.instance.0.into(),
        family,
        addr,
        port: internal_port,
        external_family,
        external,
        external_port: mapping.external_port,
        sessions: 0,
        idle: std::time::Duration::from_secs(mapping.idle_s.into()),
        remotes: remotes.iter().filter_map(remote).collect(),
    })
}
