//! Counters of port mirroring, summed over workers.

use ravelin_contract::{Error, MirrorCounters};
use ravelin_types::MirrorId;

use crate::Plane;
use crate::workers::{Workers, ask, each};

pub(crate) fn counters<W: Workers>(plane: &Plane<W>) -> Result<Vec<MirrorCounters>, Error> {
    let Some(rules) = plane.rules() else { return Ok(Vec::new()) };
    let counted = rules.mirrors().counted();
    let mut all: Vec<_> = counted
        .map(|(id, identity, _)| MirrorCounters { id, identity, ..MirrorCounters::default() })
        .collect();
    for worker in each(&plane.workers) {
        let counts = ask(&plane.workers, worker, |state, _, _| state.counters.mirrors.clone())?;
        for counter in &mut all {
            let Some(one) = counts.get(counter.id.index()) else { continue };
            counter.packets += one.packets;
            counter.bytes += one.bytes;
            counter.lost.iter_mut().zip(one.lost).for_each(|(sum, lost)| *sum += lost);
        }
    }
    Ok(all)
}

pub(crate) fn clear<W: Workers>(plane: &Plane<W>, mirrors: &[MirrorId]) -> Result<(), Error> {
    for worker in each(&plane.workers) {
        let mirrors = mirrors.to_vec();
        ask(&plane.workers, worker, move |state, _, _| {
            for mirror in mirrors {
                if let Some(counts) = state.counters.mirrors.get_mut(mirror.index()) {
                    *counts = Default::default();
                }
            }
        })?;
    }
    Ok(())
}
