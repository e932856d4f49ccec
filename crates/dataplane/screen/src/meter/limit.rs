//! Exact counts by key: sessions at once, for the whole device.
//!
//! A bucket is two cache lines: fifteen cells and a word that orders claims. A cell with a count belongs to its
//! key until the count is zero again. Which key takes a free cell is decided in the bucket's one word, and every
//! worker that sees a decision not yet carried out carries it out: nobody waits for a worker that was stopped,
//! and no key ever has two cells. Spec: screen-54..57.

use word::Word;

mod word;

const WAYS: usize = 15;
/// Tries against other workers' claims in one bucket before a key goes uncounted.
const CLAIMS_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct LimitTable {
    buckets: Box<[Bucket]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Bucket {
    claim: Word,
    cells: [Word; WAYS],
}

const _: () = assert!(size_of::<Bucket>() == 128, "two cache lines");

/// A place in the table that one more was counted at; returned by [`LimitTable::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub u32);

impl Place {
    pub(crate) const NONE: Self = Self(u32::MAX);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key has as many as it may.
    Limit,
    /// All cells of the bucket are taken: the key can't be counted.
    Full,
}

/// `tag | epoch | count`: 28, 16 and 20 bits. The epoch is that of the last claim to the cell.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell(u64);

const TAG_BITS: u32 = 28;
/// As many as one key can count; beyond that it goes uncounted.
const COUNT_MAX: u32 = 0x000f_ffff;
const EPOCH_MASK: u32 = 0xffff;

impl Cell {
    const fn new(tag: u32, epoch: u32, count: u32) -> Self {
        Self((tag as u64) << 36 | ((epoch & EPOCH_MASK) as u64) << 20 | count as u64)
    }

    const fn tag(self) -> u32 {
        (self.0 >> 36) as u32
    }

    const fn epoch(self) -> u32 {
        (self.0 >> 20) as u32 & EPOCH_MASK
    }

    const fn count(self) -> u32 {
        self.0 as u32 & COUNT_MAX
    }
}

/// `tag | epoch | cell | pending`: 28, 31, 4 and 1 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Claim(u64);

impl Claim {
    const fn new(tag: u32, epoch: u32, cell: usize) -> Self {
        Self((tag as u64) << 36 | (epoch as u64 & 0x7fff_ffff) << 5 | (cell as u64) << 1 | 1)
    }

    const fn is_pending(self) -> bool {
        self.0 & 1 == 1
    }

    const fn done(self) -> Self {
        Self(self.0 & !1)
    }

    const fn epoch(self) -> u32 {
        (self.0 >> 5) as u32 & 0x7fff_ffff
    }

    const fn cell(self) -> usize {
        (self.0 >> 1) as usize & 15
    }

    const fn tag(self) -> u32 {
        (self.0 >> 36) as u32
    }
}

impl LimitTable {
    /// `buckets` is rounded up to a power of two.
    pub(crate) fn new(buckets: usize) -> Self {
        let count = buckets.max(1).next_power_of_two();
        Self { buckets: (0..count).map(|_| Bucket::default()).collect() }
    }

    /// Counts one more for the key, unless it has `limit` already. Says how many it had.
    pub(crate) fn reserve(&self, hash: u64, limit: u32) -> Result<(Place, u32), Refusal> {
        let index = hash as u32 as usize & (self.buckets.len() - 1);
        let bucket = &self.buckets[index];
        let tag = ((hash >> (64 - TAG_BITS)) as u32).max(1);
        for _ in 0..CLAIMS_MAX {
            let Some(at) = bucket.find_or_claim(tag)? else { continue };
            let mut seen = Cell(bucket.cells[at].load());
            while seen.tag() == tag {
                if seen.count() >= limit {
                    return Err(Refusal::Limit);
                }
                if seen.count() == COUNT_MAX {
                    return Err(Refusal::Full);
                }
                match bucket.cells[at].swap_if(seen.0, seen.0 + 1) {
                    Ok(_) => return Ok((Place((index * WAYS + at) as u32), seen.count())),
                    Err(now) => seen = Cell(now),
                }
            }
            // Another key took the cell in between.
        }
        Err(Refusal::Full)
    }

    /// Takes back what [`LimitTable::reserve`] counted. A place is released once.
    pub(crate) fn release(&self, place: Place) {
        let place = place.0 as usize;
        if let Some(bucket) = self.buckets.get(place / WAYS) {
            // The cell can't have changed hands: its count was not zero.
            bucket.cells[place % WAYS].take_one();
        }
    }

    /// What all keys have together.
    #[cfg(test)]
    pub(crate) fn total(&self) -> u64 {
        let cells = self.buckets.iter().flat_map(|bucket| &bucket.cells);
        cells.map(|cell| u64::from(Cell(cell.load()).count())).sum()
    }
}

impl Bucket {
    /// The key's cell; `None`: look again, the bucket was changing.
    fn find_or_claim(&self, tag: u32) -> Result<Option<usize>, Refusal> {
        let claim = Claim(self.claim.load());
        if claim.is_pending() {
            self.carry_out(claim);
            return Ok(None);
        }
        let mut free = None;
        for (at, cell) in self.cells.iter().enumerate() {
            let cell = Cell(cell.load());
            if cell.tag() == tag {
                return Ok(Some(at));
            }
            if cell.count() == 0 && free.is_none() {
                free = Some(at);
            }
        }
        let next = Claim::new(tag, claim.epoch().wrapping_add(1), free.ok_or(Refusal::Full)?);
        // Fails when anything was claimed since the search began: then the key may have a cell by now.
        if self.claim.swap_if(claim.0, next.0).is_ok() {
            self.carry_out(next);
        }
        Ok(None)
    }

    /// Decides the claim: gives the cell to its new key, or leaves it to the old one, which counts there again.
    /// Either way the cell takes the claim's epoch. So who comes late to a decided claim finds another word than
    /// he read, and his swap fails; without the epoch a count that rose and fell would look untouched.
    fn carry_out(&self, claim: Claim) {
        let cell = &self.cells[claim.cell()];
        loop {
            let seen = Cell(cell.load());
            // Read after the cell: the cell's word is one from within the claim.
            if self.claim.load() != claim.0 {
                return;
            }
            if seen.epoch() == claim.epoch() & EPOCH_MASK {
                break;
            }
            let next = match seen.count() {
                0 => Cell::new(claim.tag(), claim.epoch(), 0),
                count => Cell::new(seen.tag(), claim.epoch(), count),
            };
            if cell.swap_if(seen.0, next.0).is_ok() {
                break;
            }
        }
        let _ = self.claim.swap_if(claim.0, claim.done().0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    const fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15) << 32
    }

    proptest! {
        /// Any order of taking and giving back agrees with a map of counts.
        #[test]
        fn it_counts_as_a_map_does(steps in proptest::collection::vec((1u64..12, any::<bool>()), 0..200), limit in 1u32..5) {
            let table = LimitTable::new(1);
            let mut model: HashMap<u64, Vec<Place>> = HashMap::new();
            for (key, takes) in steps {
                let held = model.entry(key).or_default();
                if takes {
                    match table.reserve(hash(key), limit) {
                        Ok((place, had)) => {
                            prop_assert_eq!(had as usize, held.len());
                            held.push(place);
                        }
                        Err(refusal) => {
                            prop_assert_eq!(refusal, Refusal::Limit);
                            prop_assert_eq!(held.len(), limit as usize);
                        }
                    }
                } else if let Some(place) = held.pop() {
                    table.release(place);
                }
                prop_assert_eq!(table.total() as usize, model.values().map(Vec::len).sum::<usize>());
            }
        }
    }

    /// Four workers take and give back twenty keys in a bucket of fifteen cells: claims, frees and counts race
    /// all the time, and no key is ever over its limit.
    #[test]
    fn no_interleaving_lets_a_key_have_more() {
        const LIMIT: u32 = 3;
        let table = LimitTable::new(1);
        let held: Vec<AtomicU32> = (0..20).map(|_| AtomicU32::new(0)).collect();
        let worker = |seed: u64| {
            let mut random = seed;
            let mut mine: Vec<(usize, Place)> = Vec::new();
            for _ in 0..60_000 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let key = (random >> 33) as usize % held.len();
                if random >> 62 == 0 || mine.len() > 6 {
                    let Some((key, place)) = mine.pop() else { continue };
                    held[key].fetch_sub(1, Ordering::SeqCst);
                    table.release(place);
                } else if let Ok((place, _)) = table.reserve(hash(key as u64 + 1), LIMIT) {
                    let before = held[key].fetch_add(1, Ordering::SeqCst);
                    assert!(before < LIMIT, "key {key} has {}", before + 1);
                    mine.push((key, place));
                }
            }
            for (key, place) in mine {
                held[key].fetch_sub(1, Ordering::SeqCst);
                table.release(place);
            }
        };
        std::thread::scope(|scope| {
            (1..=4).for_each(|seed| drop(scope.spawn(move || worker(seed * 7919))));
        });
        assert_eq!(table.total(), 0, "everything was given back");
    }

    /// Every step of three workers in an order that chance decides, step by step: thirteen cells are taken, and
    /// three keys fight for the other two.
    #[test]
    fn no_generated_interleaving_lets_a_key_have_more() {
        for seed in 0..4000u64 {
            let table = LimitTable::new(1);
            assert!((100..113).all(|key| table.reserve(hash(key), 9).is_ok()));
            let held: [AtomicU32; 3] = Default::default();
            let worker = |mut random: u64| {
                let mut mine: Vec<(usize, Place)> = Vec::new();
                for _ in 0..10 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let key = (random >> 40) as usize % 3;
                    if random >> 62 == 0 || mine.len() > 1 {
                        let Some((key, place)) = mine.pop() else { continue };
                        held[key].fetch_sub(1, Ordering::SeqCst);
                        table.release(place);
                    } else if let Ok((place, _)) = table.reserve(hash(key as u64 + 1), 1) {
                        let before = held[key].fetch_add(1, Ordering::SeqCst);
                        assert_eq!(before, 0, "seed {seed}: key {key} has two");
                        mine.push((key, place));
                    }
                }
                for (key, place) in mine {
                    held[key].fetch_sub(1, Ordering::SeqCst);
                    table.release(place);
                }
            };
            let (worker, table) = (&worker, &table);
            word::interleave(seed, (0..3).map(|n| move || worker(seed * 3 + n)).collect());
            assert_eq!(table.total(), 13, "seed {seed}");
        }
    }

    #[test]
    fn a_full_bucket_says_so_and_a_freed_cell_is_taken() {
        let table = LimitTable::new(1);
        let places: Vec<_> = (1..=15).map(|key| table.reserve(hash(key), 9).unwrap().0).collect();
        assert_eq!(table.reserve(hash(16), 9), Err(Refusal::Full));
        assert_eq!(table.reserve(hash(3), 1), Err(Refusal::Limit));
        table.release(places[4]);
        assert_eq!(table.reserve(hash(16), 9), Ok((places[4], 0)));
        assert_eq!(table.reserve(hash(5), 9), Err(Refusal::Full), "its cell is gone");
    }

    #[test]
    fn a_claim_left_by_a_stopped_worker_is_carried_out_by_the_next() {
        let table = LimitTable::new(1);
        let bucket = &table.buckets[0];
        let key = hash(42);
        let tag = (key >> (64 - TAG_BITS)) as u32;
        bucket.claim.store(Claim::new(tag, 1, 3).0);
        assert_eq!(table.reserve(key, 5).unwrap(), (Place(3), 0), "the cell that was claimed for it");
        assert_eq!(table.reserve(hash(7), 5).unwrap(), (Place(0), 0));
        assert_eq!(table.reserve(key, 5).unwrap(), (Place(3), 1));
    }

    #[test]
    fn a_claim_to_a_cell_that_counts_again_fails_and_is_made_elsewhere() {
        let table = LimitTable::new(1);
        let (place, _) = table.reserve(hash(9), 5).unwrap();
        let bucket = &table.buckets[0];
        let cell = || Cell(bucket.cells[0].load());
        let late = Claim::new(77, 2, place.0 as usize);
        bucket.claim.store(late.0);
        bucket.carry_out(late);
        assert_eq!((cell().epoch(), cell().count()), (2, 1), "refused, and it shows on the cell");
        table.release(place);
        assert_eq!(table.reserve(hash(9), 5), Ok((place, 0)));
        table.release(place);
        let next = Claim::new(78, 3, place.0 as usize);
        bucket.claim.store(next.0);
        bucket.carry_out(next);
        bucket.carry_out(late);
        assert_eq!((cell().tag(), cell().epoch()), (78, 3), "who comes late changes nothing");
    }
}
