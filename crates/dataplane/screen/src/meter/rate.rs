//! Rates by key: how many within this second, for the whole device.
//!
//! A bucket is one cache line of four cells. A key's cell is found by its whole 64-bit hash; a new key takes an
//! idle cell, else that of the key with the lowest count, but never that of a key over its limit. Spec: screen-50..53.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Cells of a bucket: what fits one cache line.
const WAYS: usize = 4;
/// Tries to claim a cell that other workers claim at the same time.
const CLAIMS_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct RateTable {
    buckets: Box<[Bucket]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket([Cell; WAYS]);

const _: () = assert!(size_of::<Bucket>() == 64, "one cache line");

#[derive(Debug, Default)]
struct Cell {
    /// The key's hash; zero: never used.
    id: AtomicU64,
    /// `over | window | count`: one bit, 31 bits of seconds, 32 bits.
    meter: AtomicU64,
}

/// What became of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    Within,
    /// The first over the limit in this second.
    Crossed,
    Over,
    /// Every cell of the bucket belongs to a key over its limit; not counted.
    Unmetered,
}

#[derive(Clone, Copy)]
struct Meter {
    over: bool,
    window: u32,
    count: u32,
}

impl Meter {
    const fn unpack(word: u64) -> Self {
        Self { over: word >> 63 == 1, window: (word >> 32) as u32 & 0x7fff_ffff, count: word as u32 }
    }

    const fn pack(self) -> u64 {
        (self.over as u64) << 63 | (self.window as u64) << 32 | self.count as u64
    }
}

impl RateTable {
    /// `buckets` is rounded up to a power of two.
    pub(crate) fn new(buckets: usize) -> Self {
        let count = buckets.max(1).next_power_of_two();
        Self { buckets: (0..count).map(|_| Bucket::default()).collect() }
    }

    /// Counts one for the key in a second; more than `limit` within it is over.
    #[inline]
    pub(crate) fn count(&self, hash: u64, window: u32, limit: u32) -> Rate {
        let window = window & 0x7fff_ffff;
        match self.cell(hash | 1, window) {
            Some(cell) => cell.count(window, limit),
            None => Rate::Unmetered,
        }
    }

    /// Brings the bucket of a key close.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        ravelin_mem::prefetch(&self.buckets[self.index(hash | 1)]);
    }

    #[inline]
    fn index(&self, id: u64) -> usize {
        (id >> 32) as usize & (self.buckets.len() - 1)
    }

    fn cell(&self, id: u64, window: u32) -> Option<&Cell> {
        let cells = &self.buckets[self.index(id)].0;
        for _ in 0..CLAIMS_MAX {
            if let Some(cell) = cells.iter().find(|cell| cell.id.load(Relaxed) == id) {
                return Some(cell);
            }
            let (cell, old, was_idle) = victim(cells, window)?;
            if cell.id.compare_exchange(old, id, Relaxed, Relaxed).is_ok() {
                if !was_idle {
                    cell.meter.store(Meter { over: false, window, count: 0 }.pack(), Relaxed);
                }
                return Some(cell);
            }
        }
        None
    }
}

/// The cell a new key may take: an idle one, else the least counted that is not over its limit.
fn victim(cells: &[Cell; WAYS], window: u32) -> Option<(&Cell, u64, bool)> {
    let mut best: Option<(u32, &Cell, u64)> = None;
    for cell in cells {
        let (id, meter) = (cell.id.load(Relaxed), Meter::unpack(cell.meter.load(Relaxed)));
        if id == 0 || meter.window < window {
            return Some((cell, id, true));
        }
        if !meter.over && best.is_none_or(|(count, ..)| meter.count < count) {
            best = Some((meter.count, cell, id));
        }
    }
    best.map(|(_, cell, id)| (cell, id, false))
}

impl Cell {
    /// A worker whose clock is a batch behind counts in the window that another has begun.
    #[inline]
    fn count(&self, window: u32, limit: u32) -> Rate {
        let mut seen = self.meter.load(Relaxed);
        loop {
            let meter = Meter::unpack(seen);
            let (next, verdict) = if window > meter.window {
                let over = limit == 0;
                let verdict = if over { Rate::Crossed } else { Rate::Within };
                (Meter { over, window, count: 1 }, verdict)
            } else if meter.over {
                // Nothing is written: under a flood the line stays shared between the cores.
                return Rate::Over;
            } else if meter.count >= limit {
                (Meter { over: true, ..meter }, Rate::Crossed)
            } else {
                (Meter { count: meter.count + 1, ..meter }, Rate::Within)
            };
            match self.meter.compare_exchange_weak(seen, next.pack(), Relaxed, Relaxed) {
                Ok(_) => return verdict,
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes when `workers` send `each` within every one of `seconds`.
    fn passed(workers: u64, seconds: u32, each: u64, limit: u32, keys: u64) -> u64 {
        let table = RateTable::new(1 << 10);
        let worker = |table: &RateTable| {
            let mut within = 0;
            for second in 1..=seconds {
                for n in 0..each {
                    let key = (n % keys + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    within += u64::from(table.count(key, second, limit) == Rate::Within);
                }
            }
            within
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..workers).map(|_| scope.spawn(|| worker(&table))).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    }

    /// One worker after another or all at once, spread or on one key: the device passes the limit.
    #[test]
    fn the_limit_is_that_of_the_device() {
        for workers in [1, 2, 4] {
            for keys in [1, 8] {
                for (tenths, limit) in [(5, 400u32), (10, 400), (100, 400)] {
                    let offered = u64::from(limit) * keys * tenths / 10;
                    let expected = offered.min(u64::from(limit) * keys);
                    // All within one second of virtual time, so that threads need not run in step.
                    let got = passed(workers, 1, offered / workers, limit, keys);
                    assert_eq!(got, expected, "{workers} workers, {keys} keys, {tenths}/10");
                }
            }
        }
    }

    #[test]
    fn every_second_begins_anew_and_the_first_over_is_told_once() {
        let table = RateTable::new(4);
        for second in [7, 8] {
            let all: Vec<_> = (0..5).map(|_| table.count(99, second, 2)).collect();
            assert_eq!(all, [Rate::Within, Rate::Within, Rate::Crossed, Rate::Over, Rate::Over]);
        }
        assert_eq!(table.count(99, 7, 2), Rate::Over, "a late worker counts in the window begun");
        assert_eq!(table.count(99, 9, 0), Rate::Crossed);
    }

    /// Spoofed keys fill every bucket; the flood's own key is still limited, within what churn costs it.
    #[test]
    fn keys_without_end_take_no_memory_and_do_not_hide_a_flood() {
        let table = RateTable::new(64);
        let before = table.buckets.len();
        let (mut within, limit) = (0u32, 100);
        for n in 0u64..100_000 {
            let spoofed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555;
            table.count(spoofed, 1, limit);
            within += u32::from(table.count(0x1234_5678_9abc_def1, 1, limit) == Rate::Within);
        }
        assert_eq!(table.buckets.len(), before);
        assert!((limit..=limit + limit / 10).contains(&within), "{within} of 100000 passed");
    }

    #[test]
    fn a_key_over_its_limit_keeps_its_cell_and_others_go_unmetered() {
        let table = RateTable::new(1);
        for key in [3u64, 5, 7, 9] {
            assert_eq!(table.count(key, 1, 1), Rate::Within);
            assert_eq!(table.count(key, 1, 1), Rate::Crossed);
        }
        assert_eq!(table.count(11, 1, 1), Rate::Unmetered);
        assert_eq!(table.count(3, 1, 1), Rate::Over);
        assert_eq!(table.count(11, 2, 1), Rate::Within, "idle cells are taken");
    }
}
