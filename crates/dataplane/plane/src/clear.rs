//! Counters of policies, screens and packets that go back to zero, at every worker.

use ravelin_contract::{CounterClear, Error};
use ravelin_engine::{Hits, State};
use ravelin_program::Screen;

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Between two batches, so that no packet is counted by halves.
pub(crate) fn counters<W: Workers>(plane: &Plane<W>, what: &CounterClear) -> Result<(), Error> {
    for worker in each(&plane.workers) {
        let what = what.clone();
        ask(&plane.workers, worker, move |state, _, _| clear(state, &what))?;
    }
    Ok(())
}

/// Ids that are out of range count nothing here.
fn clear(state: &mut State, what: &CounterClear) {
    let CounterClear { policy_hits, policy_traffic, screens, unit_screens, flow } = what;
    policy_hits.iter().for_each(|id| state.recount(*id, Hits::clear_hits));
    policy_traffic.iter().for_each(|id| state.recount(*id, Hits::clear_traffic));
    let counters = &mut state.counters;
    let zero = [0; Screen::COUNT];
    for zone in screens {
        counters.screens.get_mut(zone.index()).into_iter().for_each(|counts| *counts = zero);
    }
    for unit in unit_screens {
        counters.unit_screens.get_mut(unit.index()).into_iter().for_each(|counts| *counts = zero);
    }
    if *flow {
        counters.clear_flow();
        // Losses that nobody was told of yet are still told.
        let unreported = state.events.unreported();
        state.events.lost_before(unreported, unreported);
    }
}
