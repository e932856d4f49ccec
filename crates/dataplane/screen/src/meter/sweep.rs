//! Sweeps and scans: how many different targets one source tried within a short time.
//!
//! A cell is one cache line that holds ten targets. Words are changed one by one: a race between two workers at
//! the turn of a window may lose or keep a target, at most one a worker. Spec: screen-45..49.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Targets that make a sweep. Spec: screen-45.
pub(crate) const TARGETS: usize = 10;
const WAYS: usize = 4;
const CLAIMS_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct SweepTable {
    cells: Box<[Cell]>,
    mask: usize,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Cell {
    /// The source's hash; zero: never used.
    id: AtomicU64,
    /// Nanoseconds when what is known of the source ends.
    ends: AtomicU64,
    /// Filled from the front; the last one filled marks a sweep.
    targets: [AtomicU32; TARGETS],
}

const _: () = assert!(size_of::<Cell>() == 64, "one cache line");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    Below,
    /// This is the target that makes it one.
    Found,
    Over,
}

impl SweepTable {
    /// `cells` is rounded up to a power of two, four at least.
    pub(crate) fn new(cells: usize) -> Self {
        let count = cells.max(WAYS).next_power_of_two();
        Self { cells: (0..count).map(|_| Cell::default()).collect(), mask: count / WAYS - 1 }
    }

    /// The source tries a target at `now`; `span` nanoseconds from its first the count begins anew.
    pub(crate) fn visit(&self, source: u64, target: u32, now: u64, span: u64) -> Sweep {
        let Some(cell) = self.cell(source | 1, now) else { return Sweep::Below };
        cell.begin(now, span);
        let target = target.max(1);
        if cell.targets[TARGETS - 1].load(Relaxed) != 0 {
            return Sweep::Over;
        }
        for (place, slot) in cell.targets.iter().enumerate() {
            let held = match slot.compare_exchange(0, target, Relaxed, Relaxed) {
                Ok(_) if place == TARGETS - 1 => return Sweep::Found,
                Ok(_) => return Sweep::Below,
                Err(held) => held,
            };
            if held == target {
                return Sweep::Below;
            }
        }
        Sweep::Over
    }

    /// Marks a source as sweeping until `ends`.
    pub(crate) fn mark(&self, source: u64, now: u64, ends: u64) {
        let Some(cell) = self.cell(source | 1, now) else { return };
        cell.ends.fetch_max(ends, Relaxed);
        cell.targets[TARGETS - 1].store(1, Relaxed);
    }

    /// Whether a source was marked and its time has not come.
    pub(crate) fn is_marked(&self, source: u64, now: u64) -> bool {
        let id = source | 1;
        self.bucket(id)
            .iter()
            .find(|cell| cell.id.load(Relaxed) == id)
            .is_some_and(|cell| now < cell.ends.load(Relaxed) && cell.targets[TARGETS - 1].load(Relaxed) != 0)
    }

    fn bucket(&self, id: u64) -> &[Cell] {
        let first = ((id >> 32) as usize & self.mask) * WAYS;
        &self.cells[first..first + WAYS]
    }

    fn cell(&self, id: u64, now: u64) -> Option<&Cell> {
        let cells = self.bucket(id);
        for _ in 0..CLAIMS_MAX {
            if let Some(cell) = cells.iter().find(|cell| cell.id.load(Relaxed) == id) {
                return Some(cell);
            }
            let (cell, old) = victim(cells, now)?;
            if cell.id.compare_exchange(old, id, Relaxed, Relaxed).is_ok() {
                // Whatever the cell knew was another's.
                cell.ends.store(0, Relaxed);
                cell.clear();
                return Some(cell);
            }
        }
        None
    }
}

/// An idle cell, else that of the source with the fewest targets, but never a sweeping one.
fn victim(cells: &[Cell], now: u64) -> Option<(&Cell, u64)> {
    let mut best: Option<(usize, &Cell, u64)> = None;
    for cell in cells {
        let id = cell.id.load(Relaxed);
        if id == 0 || cell.ends.load(Relaxed) <= now {
            return Some((cell, id));
        }
        let filled = cell.targets.iter().filter(|slot| slot.load(Relaxed) != 0).count();
        let sweeps = cell.targets[TARGETS - 1].load(Relaxed) != 0;
        if !sweeps && best.is_none_or(|(least, ..)| filled < least) {
            best = Some((filled, cell, id));
        }
    }
    best.map(|(_, cell, id)| (cell, id))
}

impl Cell {
    /// Starts a new window when the last one is over; one worker does.
    fn begin(&self, now: u64, span: u64) {
        let ends = self.ends.load(Relaxed);
        if now >= ends && self.ends.compare_exchange(ends, now.saturating_add(span), Relaxed, Relaxed).is_ok()
        {
            self.clear();
        }
    }

    /// From the back, so that nobody takes the old sweep for a new one.
    fn clear(&self) {
        self.targets.iter().rev().for_each(|slot| slot.store(0, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: u64 = 5_000_000;

    #[test]
    fn the_tenth_target_within_the_time_is_a_sweep_and_all_after_it() {
        let table = SweepTable::new(64);
        for target in 1..10 {
            assert_eq!(table.visit(7, target, u64::from(target) * 1000, SPAN), Sweep::Below);
            assert_eq!(table.visit(7, target, u64::from(target) * 1000, SPAN), Sweep::Below, "no new target");
        }
        assert_eq!(table.visit(7, 10, 10_000, SPAN), Sweep::Found);
        assert_eq!(table.visit(7, 3, 11_000, SPAN), Sweep::Over, "every packet of the source");
        assert_eq!(table.visit(8, 3, 11_000, SPAN), Sweep::Below, "another source");
        assert_eq!(table.visit(7, 3, SPAN + 1000, SPAN), Sweep::Below, "its time is over");
    }

    #[test]
    fn nine_in_the_time_are_none_however_often() {
        let table = SweepTable::new(64);
        for round in 0..20u64 {
            for target in 0..9u32 {
                let now = round * SPAN + u64::from(target);
                assert_eq!(table.visit(7, round as u32 * 9 + target + 1, now, SPAN), Sweep::Below);
            }
        }
    }

    #[test]
    fn sources_without_end_take_no_memory_and_a_sweep_stays_known() {
        let table = SweepTable::new(64);
        for target in 1..=10 {
            table.visit(7, target, 0, SPAN);
        }
        for spoofed in 0u64..10_000 {
            table.visit(spoofed.wrapping_mul(0x9e37_79b9_7f4a_7c15), 1, 1, SPAN);
        }
        assert_eq!(table.cells.len(), 64);
        assert_eq!(table.visit(7, 1, 2, SPAN), Sweep::Over);
    }

    #[test]
    fn ten_targets_over_four_workers_are_found_once() {
        let table = SweepTable::new(64);
        let found: usize = std::thread::scope(|scope| {
            let one = |worker: u32| {
                let table = &table;
                move || (0..3).filter(|n| table.visit(7, worker * 3 + n + 1, 5, SPAN) == Sweep::Found).count()
            };
            let all: Vec<_> = (0..4).map(|worker| scope.spawn(one(worker))).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // The cell may be claimed and its window begun by several at once: that may cost a target a worker.
        assert!(found <= 1, "{found}");
        let table = SweepTable::new(64);
        assert_eq!(table.visit(7, 1, 5, SPAN), Sweep::Below);
        let found: usize = std::thread::scope(|scope| {
            let one = |worker: u32| {
                let table = &table;
                move || (0..3).filter(|n| table.visit(7, worker * 3 + n + 2, 5, SPAN) == Sweep::Found).count()
            };
            let all: Vec<_> = (0..4).map(|worker| scope.spawn(one(worker))).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(found, 1, "thirteen targets in a window that has begun");
    }

    #[test]
    fn a_mark_holds_until_its_time() {
        let table = SweepTable::new(64);
        assert!(!table.is_marked(9, 0));
        table.mark(9, 0, 100);
        assert!(table.is_marked(9, 99) && !table.is_marked(9, 100));
    }
}
