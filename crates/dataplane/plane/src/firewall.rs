//! Counters of filters and policers, and what filters logged.

use ravelin_contract::{Error, FilterCounter, FilterLog, FirewallClear, FirewallCounters, PolicerCounters};

use ravelin_program::PolicerInstance;

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Entries of all workers that one answer has.
const LOGGED_MAX: usize = 4096;

pub(crate) fn counters<W: Workers>(plane: &Plane<W>) -> Result<FirewallCounters, Error> {
    let Some(rules) = plane.rules() else { return Ok(FirewallCounters::default()) };
    let mut filters: Vec<FilterCounter> = Vec::new();
    for filter in rules.filters() {
        for (id, name) in &filter.counters {
            let (filter, name) = (filter.id, name.clone());
            filters.push(FilterCounter { filter, name, id: id.0, packets: 0, bytes: 0 });
        }
    }
    filters.sort_by_key(|counter| counter.id);
    filters.dedup_by_key(|counter| counter.id);
    for worker in each(&plane.workers) {
        let hits = ask(&plane.workers, worker, |state, _, _| state.counters.filters.clone())?;
        for counter in &mut filters {
            let Some(hit) = hits.get(counter.id as usize) else { continue };
            counter.packets += hit.packets;
            counter.bytes += hit.bytes;
        }
    }
    let policer = |(policer, meter): (&PolicerInstance, &ravelin_policer::Meter)| {
        let counts = meter.counts();
        PolicerCounters {
            name: policer.name.clone(),
            filter: policer.filter,
            policer: policer.key.policer,
            place: policer.key.place,
            packets: counts.packets,
            bytes: counts.bytes,
        }
    };
    Ok(FirewallCounters { filters, policers: rules.meters().map(policer).collect() })
}

pub(crate) fn log<W: Workers>(plane: &Plane<W>) -> Result<FilterLog, Error> {
    let mut log = FilterLog::default();
    for worker in each(&plane.workers) {
        let (entries, now) = ask(&plane.workers, worker, |state, _, now| (state.filter_log(), now))?;
        log.entries.extend(entries);
        log.now_ns = log.now_ns.max(now.0);
    }
    log.entries.sort_by_key(|(at, _)| *at);
    let over = log.entries.len().saturating_sub(LOGGED_MAX);
    log.entries.drain(..over);
    Ok(log)
}

pub(crate) fn clear<W: Workers>(plane: &Plane<W>, what: &FirewallClear) -> Result<(), Error> {
    let Some(rules) = plane.rules() else { return Ok(()) };
    for worker in each(&plane.workers) {
        let (what, rules) = (what.clone(), rules.clone());
        ask(&plane.workers, worker, move |state, _, _| state.clear_firewall(&what, &rules))?;
    }
    Ok(())
}
