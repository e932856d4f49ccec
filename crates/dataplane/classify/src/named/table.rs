//! The table of names: buckets that are cache lines, behind a filter that the nearest caches hold.

use super::Part;
use crate::rows::{ENTRIES_MAX, WORD};
use crate::view::Ranking;

/// Names a bucket: it is a cache line.
const SLOTS: usize = 3;
/// Buckets behind its own that a name may lie in.
const FURTHER_MAX: usize = 8;
/// Bits of the filter a name.
const FILTER_BITS: usize = 16;
/// No entry.
const NONE: u32 = u32::MAX;
/// The name of no entry.
const NOBODY: u64 = u64::MAX;
/// Set in what a name stands for when it is a run of words, not an entry.
pub(super) const RUN: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    pub(super) names: [u64; SLOTS],
    /// An entry, or [`RUN`] and where a run begins.
    pub(super) entries: [u32; SLOTS],
    /// Of the entry, or of the first of the run.
    pub(super) rankings: [Ranking; SLOTS],
    /// How many buckets further a name of this one may lie.
    pub(super) further: u32,
}

impl Bucket {
    const EMPTY: Self =
        Self { names: [NOBODY; SLOTS], entries: [NONE; SLOTS], rankings: [Ranking::NONE; SLOTS], further: 0 };

    /// The slot of a name: a choice, not a branch, which nobody could foresee.
    #[inline]
    pub(super) fn slot(&self, name: u64) -> Option<usize> {
        let slot = (0..SLOTS).fold(SLOTS, |found, slot| if self.names[slot] == name { slot } else { found });
        (slot < SLOTS).then_some(slot)
    }
}

#[inline]
pub(super) fn hash(name: u64) -> u64 {
    let wide = u128::from(name ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
    (wide >> 64) as u64 ^ wide as u64
}

/// Two bits of one word say that a name may be there.
#[inline]
pub(super) fn is_in(filter: &[u64], hash: u64) -> bool {
    let (at, bits) = filter_bits(hash, filter.len());
    filter[at] & bits == bits
}

#[inline]
fn filter_bits(hash: u64, words: usize) -> (usize, u64) {
    let bit = |shift: u32| 1u64.wrapping_shl((hash >> shift) as u32);
    ((((hash >> 32) * words as u64) >> 32) as usize, bit(0) | bit(6))
}

#[inline]
pub(super) fn bucket_of(hash: u32, buckets: usize) -> usize {
    ((u64::from(hash) * buckets as u64) >> 32) as usize
}

pub(super) type Table = (Box<[u64]>, Box<[Bucket]>, Box<[Part]>);

/// The filter, the table and the runs of entries whose names are these. `None`: names crowd together, however large the table.
pub(super) fn table(names: impl Iterator<Item = (u64, Ranking)>) -> Option<Table> {
    debug_assert!((ENTRIES_MAX as u32) < RUN);
    let mut all: Vec<(u64, u32, Ranking)> = names.zip(0..).map(|((name, r), at)| (name, at, r)).collect();
    all.sort_unstable_by_key(|(name, at, _)| (*name, *at));
    let mut runs = Vec::new();
    let of_same = |same: &[(u64, u32, Ranking)]| {
        let first = same.iter().map(|(.., ranking)| *ranking).min_by_key(|ranking| ranking.order)?;
        if let [(name, one, _)] = same {
            return Some((*name, *one, first));
        }
        let start = runs.len() as u32;
        for word in same.chunk_by(|a, b| a.1 as usize / WORD == b.1 as usize / WORD) {
            let bits = word.iter().fold(0, |bits, (_, entry, _)| bits | 1 << (entry % WORD as u32));
            runs.push(Part { word: word[0].1 / WORD as u32, last: false, bits });
        }
        runs.last_mut()?.last = true;
        Some((same[0].0, RUN | start, first))
    };
    let names: Vec<(u64, u32, Ranking)> = all.chunk_by(|a, b| a.0 == b.0).filter_map(of_same).collect();
    let mut filter = vec![0; (names.len() * FILTER_BITS).div_ceil(u64::BITS as usize)];
    for (name, ..) in &names {
        let (at, bits) = filter_bits(hash(*name), filter.len());
        filter[at] |= bits;
    }
    // Not quite half full, or larger.
    let buckets = [3, 4, 6, 12].into_iter().find_map(|size| buckets(&names, names.len() * size / 4 + 1));
    Some((filter.into(), buckets?, runs.into()))
}

/// So many buckets with names in them; `None` when one lies too far from home.
fn buckets(names: &[(u64, u32, Ranking)], count: usize) -> Option<Box<[Bucket]>> {
    let mut buckets = vec![Bucket::EMPTY; count];
    for (name, entries, ranking) in names {
        let home = bucket_of(hash(*name) as u32, count);
        let free = |further: &usize| buckets[(home + further) % count].entries.contains(&NONE);
        let further = (0..=FURTHER_MAX.min(count - 1)).find(free)?;
        let bucket = &mut buckets[(home + further) % count];
        let slot = bucket.entries.iter().position(|entry| *entry == NONE)?;
        (bucket.names[slot], bucket.entries[slot], bucket.rankings[slot]) = (*name, *entries, *ranking);
        // A bucket never empties: who comes later lies no nearer.
        buckets[home].further = further as u32;
    }
    Some(buckets.into())
}
