//! From a key's hash to slots: eight-way buckets, two choices, no chains.

use ravelin_mem::{equal_lanes, prefetch, table};

const WAYS: usize = 8;
/// Free ways below which a bucket gives new entries to the other one, if that is emptier.
const SPARE: u32 = 4;

/// One cache line: tags of eight entries and what they refer to.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; WAYS],
    refs: [u32; WAYS],
}

impl Bucket {
    /// The ways whose tag is `tag`, as bits.
    #[inline(always)]
    fn fitting(&self, tag: u16) -> u32 {
        equal_lanes(&self.tags, tag)
    }
}

const EMPTY: Bucket = Bucket { tags: [0; WAYS], refs: [0; WAYS] };

/// Slot and wing in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WingRef(u32);

impl WingRef {
    pub(crate) fn new(slot: u32, wing: usize) -> Self {
        Self(slot << 1 | wing as u32)
    }

    pub(crate) const fn slot(self) -> u32 {
        self.0 >> 1
    }

    pub(crate) const fn wing(self) -> usize {
        (self.0 & 1) as usize
    }
}

/// The index over all wings of a table.
#[derive(Debug)]
pub(super) struct Index {
    buckets: Box<[Bucket]>,
    mask: u64,
}

impl Index {
    /// Room for `wings` entries at three quarters full.
    pub(super) fn new(wings: usize) -> Self {
        let buckets = (wings / 6 + 1).next_power_of_two();
        Self { buckets: table(EMPTY, buckets), mask: buckets as u64 - 1 }
    }

    #[inline(always)]
    fn first(&self, hash: u64) -> usize {
        (hash & self.mask) as usize
    }

    #[inline(always)]
    fn places(&self, hash: u64) -> [usize; 2] {
        let first = hash & self.mask;
        let second = (hash >> 24) & self.mask;
        [first as usize, if second == first { first ^ (self.mask & 1) } else { second } as usize]
    }

    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.buckets[self.first(hash)]);
    }

    pub(super) fn prefetch_both(&self, hash: u64) {
        self.places(hash).iter().for_each(|at| prefetch(&self.buckets[*at]));
    }

    /// Who is probably meant by a hash: the first entry of its first bucket whose tag fits. Its second bucket is asked for when
    /// there is none.
    #[inline]
    pub(super) fn hint(&self, hash: u64) -> Option<WingRef> {
        let bucket = &self.buckets[self.first(hash)];
        let fitting = bucket.fitting(tag(hash));
        if fitting == 0 {
            self.prefetch_second(hash);
            return None;
        }
        Some(WingRef(bucket.refs[fitting.trailing_zeros() as usize % WAYS]))
    }

    #[cold]
    #[inline(never)]
    fn prefetch_second(&self, hash: u64) {
        prefetch(&self.buckets[self.places(hash)[1]]);
    }

    /// The same of its second bucket.
    pub(super) fn hint_of_second(&self, hash: u64) -> Option<WingRef> {
        let bucket = &self.buckets[self.places(hash)[1]];
        let fitting = bucket.fitting(tag(hash));
        (fitting != 0).then(|| WingRef(bucket.refs[fitting.trailing_zeros() as usize % WAYS]))
    }

    /// The first entry whose tag fits and of which `is` holds, in either bucket.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(WingRef) -> bool) -> Option<WingRef> {
        let tag = tag(hash);
        for at in self.places(hash) {
            let bucket = &self.buckets[at];
            let mut fitting = bucket.fitting(tag);
            while fitting != 0 {
                let entry = WingRef(bucket.refs[fitting.trailing_zeros() as usize % WAYS]);
                if is(entry) {
                    return Some(entry);
                }
                fitting &= fitting - 1;
            }
        }
        None
    }

    /// Enters a wing in its first bucket, or in the emptier of its two when the first fills up: most
    /// lookups end in one line. `false`: both are full.
    pub(super) fn insert(&mut self, hash: u64, entry: WingRef) -> bool {
        let free = |b: &Bucket| b.fitting(0).count_ones();
        let [first, second] = self.places(hash);
        let left = free(&self.buckets[first]);
        let at = if left < SPARE && free(&self.buckets[second]) > left { second } else { first };
        let bucket = &mut self.buckets[at];
        match bucket.tags.iter().position(|tag| *tag == 0) {
            None => false,
            Some(way) => {
                bucket.tags[way] = tag(hash);
                bucket.refs[way] = entry.0;
                true
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u64, entry: WingRef) {
        for at in self.places(hash) {
            let bucket = &mut self.buckets[at];
            for way in 0..WAYS {
                if bucket.tags[way] != 0 && bucket.refs[way] == entry.0 {
                    bucket.tags[way] = 0;
                    return;
                }
            }
        }
    }
}

/// Never zero: zero is an empty entry.
fn tag(hash: u64) -> u16 {
    ((hash >> 48) as u16).max(1)
}
