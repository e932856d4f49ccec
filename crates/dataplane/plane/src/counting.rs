//! What policies have counted, of all workers.
//!
//! Asked for in parts: a worker serves its packets between two of them. Spec: policy-14, policy-16, policy-26, policy-28, policy-29.

use ravelin_contract::{Error, PolicyCounters};
use ravelin_engine::{PolicyCounts, Rules};
use ravelin_types::Instant;

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Policies told at a time.
const PART: usize = 4096;

pub(crate) fn policies<W: Workers>(plane: &Plane<W>, rules: &Rules) -> Result<Vec<PolicyCounters>, Error> {
    let one = |p: &ravelin_program::Policy| PolicyCounters {
        id: p.id,
        identity: p.identity,
        ..PolicyCounters::default()
    };
    let mut all: Vec<_> = rules.policies().map(one).collect();
    for worker in each(&plane.workers) {
        let mut counts = Vec::new();
        let now = loop {
            let from = counts.len();
            let (part, now) =
                ask(&plane.workers, worker, move |state, _, now| (state.policies(from, PART, now), now))?;
            if part.is_empty() {
                break now;
            }
            counts.extend(part);
        };
        for counter in &mut all {
            if let Some(counts) = counts.get(counter.id.index()) {
                add(counter, counts, now);
            }
        }
    }
    Ok(all)
}

fn add(counter: &mut PolicyCounters, counts: &PolicyCounts, now: Instant) {
    let PolicyCounts { hits, recent_came, recent_sent } = counts;
    counter.hits += hits.hits;
    counter.sessions += hits.sessions;
    counter.gained += hits.gained;
    counter.lost += hits.lost;
    counter.recent += u64::from(hits.pace.last(now));
    for wing in 0..2 {
        counter.packets[wing] += hits.packets[wing];
        counter.bytes[wing] += hits.bytes[wing];
    }
    counter.sent = counter.sent.plus(hits.sent());
    counter.recent_came = counter.recent_came.plus(*recent_came);
    counter.recent_sent = counter.recent_sent.plus(*recent_sent);
    counter.last_hit_s = counter.last_hit_s.max(hits.last_s);
    let first = [counter.first_hit_s, hits.first_s].into_iter().filter(|s| *s > 0);
    counter.first_hit_s = first.min().unwrap_or(0);
}
