//! Where a value lies on a line cut into steps: a static search tree of cache lines.
//!
//! Each step begins at its key and has a row. A search reads one block a level, and its depth is the logarithm to
//! the base [`FANOUT`] of the number of steps, whatever the values are.

use ravelin_mem::prefetch;

use crate::range::Point;
use crate::reader::Row;
use crate::rows::{EMPTY, Rows};

/// Keys a block: one cache line of 32-bit keys.
const FANOUT: usize = 16;
/// Steps of a leaf: one less, for the row that they share.
const STEPS: usize = 15;
/// Set in a leaf's row for an entry beside the shared row; else it is a row of the arena.
const ENTRY: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Keys<K>([K; FANOUT]);

/// The last level: the keys, and right behind them what they stand for.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Leaf<K> {
    keys: [K; STEPS],
    base: u32,
    rows: [u32; STEPS],
}

/// A function from points to rows.
#[derive(Debug)]
pub(crate) struct Space<K> {
    leaves: Box<[Leaf<K>]>,
    /// The levels above, root first: the first key of each block of the level below.
    above: Box<[Keys<K>]>,
    /// Where each level begins in `above`, and how many blocks the level below it has.
    levels: Box<[(u32, u32)]>,
}

impl<K: Point> Space<K> {
    /// Steps in ascending order; the first begins at the lowest point.
    pub(crate) fn new(steps: &[(K, Row)], rows: &mut Rows) -> Self {
        debug_assert!(steps.first().is_some_and(|(key, _)| *key == K::default()));
        let leaves: Box<[Leaf<K>]> = steps.chunks(STEPS).map(|steps| Leaf::new(steps, rows)).collect();
        let mut firsts: Vec<K> = leaves.iter().map(|leaf| leaf.keys[0]).collect();
        let mut levels: Vec<Vec<Keys<K>>> = Vec::new();
        while firsts.len() > 1 {
            let level: Vec<_> = firsts
                .chunks(FANOUT)
                .map(|chunk| {
                    let mut keys = Keys([K::MAX; FANOUT]);
                    keys.0[..chunk.len()].copy_from_slice(chunk);
                    keys
                })
                .collect();
            firsts = level.iter().map(|keys| keys.0[0]).collect();
            levels.push(level);
        }
        let (mut above, mut places) = (Vec::new(), Vec::new());
        for at in (0..levels.len()).rev() {
            let below = if at == 0 { leaves.len() } else { levels[at - 1].len() };
            places.push((above.len() as u32, below as u32));
            above.extend_from_slice(&levels[at]);
        }
        Self { leaves, above: above.into(), levels: places.into() }
    }

    /// The row of the step that holds a point.
    #[inline]
    pub(crate) fn row(&self, at: K) -> Row {
        self.row_of(self.leaf(at), at)
    }

    /// The leaf of the step that holds a point, which comes close meanwhile.
    #[inline]
    pub(crate) fn leaf(&self, at: K) -> usize {
        let mut block = 0;
        for &(level, below) in &self.levels {
            let keys = &self.above[level as usize + block].0;
            // What fills a block up is the highest point, and counts only for it: it stays within the level.
            block = (block * FANOUT + not_above(keys, at) - 1).min(below as usize - 1);
        }
        self.leaves[block].prefetch();
        block
    }

    /// [`Space::row`], of a point whose leaf is known.
    #[inline]
    pub(crate) fn row_of(&self, leaf: usize, at: K) -> Row {
        self.leaves[leaf].row(at)
    }

    /// [`Space::row`] of several points, a level at a time.
    #[inline]
    pub(crate) fn rows<const N: usize>(&self, points: &[K], rows: &mut [Row; N]) {
        let mut blocks = [0; N];
        for &(level, below) in &self.levels {
            for (block, at) in blocks.iter_mut().zip(points) {
                let keys = &self.above[level as usize + *block].0;
                *block = (*block * FANOUT + not_above(keys, *at) - 1).min(below as usize - 1);
            }
        }
        blocks.iter().take(points.len()).for_each(|block| self.leaves[*block].prefetch());
        for ((row, block), at) in rows.iter_mut().zip(blocks).zip(points) {
            *row = self.leaves[block].row(*at);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.leaves) + size_of_val(&*self.above) + size_of_val(&*self.levels)
    }
}

impl<K: Point> Leaf<K> {
    fn new(steps: &[(K, Row)], rows: &mut Rows) -> Self {
        let shared = steps.iter().filter(|(_, row)| row.entry().is_some()).map(|(_, row)| row.base);
        let uses = |base: &u32| shared.clone().filter(|other| other == base).count();
        let base = shared.clone().max_by_key(uses).unwrap_or(EMPTY);
        let mut leaf = Self { keys: [K::MAX; STEPS], base, rows: [EMPTY; STEPS] };
        for (at, (key, row)) in steps.iter().enumerate() {
            leaf.keys[at] = *key;
            leaf.rows[at] = match row.entry() {
                Some(entry) if row.base == base => ENTRY | entry,
                _ => rows.settled(*row),
            };
        }
        let last = steps.len() - 1;
        let row = leaf.rows[last];
        leaf.rows[last..].fill(row);
        leaf
    }

    /// Every line of it comes close: which row it is follows from the keys, but where the rows are does not.
    #[inline]
    fn prefetch(&self) {
        self.keys.iter().step_by(64 / size_of::<K>()).for_each(prefetch);
        prefetch(&self.rows);
    }

    #[inline]
    fn row(&self, at: K) -> Row {
        match self.rows[not_above(&self.keys, at) - 1] {
            row if row & ENTRY == 0 => Row::of(row),
            entry => Row::with(self.base, entry & !ENTRY),
        }
    }
}

/// How many keys are not above a point: at least one, since a block's first key led to it.
#[inline]
fn not_above<K: Point, const N: usize>(keys: &[K; N], at: K) -> usize {
    let count = keys.iter().map(|key| u32::from(*key <= at)).sum::<u32>();
    (count as usize).clamp(1, N)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row for each step that no other has: an entry beside the empty row, or one of the arena.
    fn space<K: Point>(keys: impl Iterator<Item = K>) -> (Space<K>, Vec<u32>, Rows) {
        let mut rows = Rows::new(1 << 18);
        let steps: Vec<(K, Row)> =
            keys.enumerate().map(|(n, key)| (key, Row::with(EMPTY, n as u32))).collect();
        let space = Space::new(&steps, &mut rows);
        (space, (0..steps.len() as u32).collect(), rows)
    }

    /// Every step is found at its first point and in between, at each depth, alone and with others.
    #[test]
    fn a_point_is_in_the_step_that_begins_at_or_before_it() {
        for count in [1u32, 2, 15, 16, 17, 225, 256, 257, 5000] {
            let (space, entries, _) = space((0..count).map(|n| n * 10));
            for n in entries {
                let found = [space.row(n * 10), space.row(n * 10 + 5)];
                assert_eq!(found.map(Row::entry), [Some(n); 2]);
                let mut rows = [Row::default(); 3];
                space.rows(&[n * 10 + 9, u32::MAX], &mut rows);
                assert_eq!(rows.map(Row::entry), [Some(n), Some(count - 1), None]);
            }
        }
    }

    #[test]
    fn the_highest_point_may_begin_a_step() {
        for before in [0u128, 13, 14, 15, 300] {
            let (space, ..) = space((0..=before).chain([u128::MAX]));
            assert_eq!(space.row(u128::MAX).entry(), Some(before as u32 + 1));
            assert_eq!(space.row(u128::MAX - 1).entry(), Some(before as u32));
        }
    }

    /// Rows beside different ones of the arena in one leaf are all kept.
    #[test]
    fn a_leaf_of_several_bases_keeps_every_row() {
        let mut rows = Rows::new(256);
        let bases = [3u64, 5, 9].map(|bits| rows.changed(Row::default(), &[(1, bits)]).1.base);
        let steps: Vec<(u32, Row)> = (0..12).map(|n| (n, Row::with(bases[n as usize % 3], 200))).collect();
        let space = Space::new(&steps, &mut rows);
        for (n, bits) in (0..12).zip([3, 5, 9].iter().cycle()) {
            let row = space.row(n);
            let rows = rows.reader();
            let place = rows.place(row.base, 1);
            let far = rows.place(row.base, 3);
            assert_eq!(
                [rows.bits::<false>(row, place, 0, 1), rows.bits::<false>(row, far, 0, 3)],
                [*bits, 1 << 8],
                "{n}"
            );
        }
    }
}
