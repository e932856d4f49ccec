//! Sessions that gateways expect, walked in bounded steps.

use ravelin_contract::{Error, ExportCursor, GateFilter, GatePage};
use ravelin_types::WorkerId;

use crate::Plane;
use crate::workers::{Workers, ask};

/// Places looked at between two batches of packets.
const WALK: usize = 1024;

/// Expected sessions that the filter holds for, from a place on.
pub(crate) fn page<W: Workers>(
    plane: &Plane<W>,
    filter: &GateFilter,
    from: ExportCursor,
    max: usize,
) -> Result<GatePage, Error> {
    let mut page = GatePage { next: Some(from), ..GatePage::default() };
    while let Some(at) = page.next.filter(|_| page.gates.len() < max) {
        if at.worker >= plane.workers.count() {
            page.next = None;
            break;
        }
        let (found, next) = ask(&plane.workers, WorkerId(at.worker), move |state, _, now| {
            state.walk_gates(at.slot, WALK, now)
        })?;
        page.gates.extend(found.into_iter().filter(|gate| filter.holds(gate)));
        page.next = Some(match next {
            Some(slot) => ExportCursor { slot, ..at },
            None => ExportCursor { worker: at.worker + 1, slot: 0 },
        });
    }
    Ok(page)
}
