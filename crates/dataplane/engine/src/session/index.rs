//! From a key's hash to slots: eight-way buckets, two choices, no chains.

use ravelin_mem::prefetch;

const WAYS: usize = 8;

/// One cache line: tags of eight entries and what they refer to.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; WAYS],
    refs: [u32; WAYS],
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
        Self { buckets: vec![EMPTY; buckets].into_boxed_slice(), mask: buckets as u64 - 1 }
    }

    fn places(&self, hash: u64) -> [usize; 2] {
        let first = hash & self.mask;
        let second = (hash >> 24) & self.mask;
        [first as usize, if second == first { first ^ (self.mask & 1) } else { second } as usize]
    }

    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.buckets[self.places(hash)[0]]);
    }

    /// Entries whose tag fits, in both buckets.
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = WingRef> {
        let tag = tag(hash);
        let [first, second] = self.places(hash);
        let of = move |at: usize| {
            let bucket = &self.buckets[at];
            (0..WAYS).filter(move |i| bucket.tags[*i] == tag).map(move |i| WingRef(bucket.refs[i]))
        };
        of(first).chain((second != first).then_some(second).into_iter().flat_map(of))
    }

    /// Enters a wing in the emptier of its two buckets; `false`: both are full.
    pub(super) fn insert(&mut self, hash: u64, entry: WingRef) -> bool {
        let free = |b: &Bucket| b.tags.iter().filter(|tag| **tag == 0).count();
        let [first, second] = self.places(hash);
        let at = if free(&self.buckets[second]) > free(&self.buckets[first]) { second } else { first };
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
