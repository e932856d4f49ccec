//! Where a value lies on a line cut into steps: a static search tree of cache lines.
//!
//! Each step begins at its key and has a row. A search reads one block a level, and its depth is the logarithm to
//! the base [`FANOUT`] of the number of steps, whatever the values are.

use ravelin_mem::{Shelf, Shelved, prefetch};

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

/// The levels above the leaves of a search tree, root first: the first key of each block of the level below, turned.
#[derive(Debug)]
pub(crate) struct Levels<K> {
    keys: Shelved<Keys<K>>,
    /// Where each level begins in `keys`, and how many blocks the level below it has.
    levels: Box<[(u32, u32)]>,
}

/// A function from points to rows.
#[derive(Debug)]
pub(crate) struct Space<K> {
    leaves: Box<[Leaf<K>]>,
    above: Levels<K>,
}

impl<K: Point> Levels<K> {
    /// `firsts`: the first key of each leaf, ascending from the lowest point.
    pub(crate) fn new(mut firsts: Vec<K>) -> Self {
        let mut below = vec![firsts.len()];
        let mut levels: Vec<Vec<Keys<K>>> = Vec::new();
        while firsts.len() > 1 {
            let level: Vec<_> = firsts
                .chunks(FANOUT)
                .map(|chunk| {
                    let mut keys = Keys([K::MAX.turned(); FANOUT]);
                    keys.0.iter_mut().zip(chunk).for_each(|(key, first)| *key = first.turned());
                    keys
                })
                .collect();
            firsts = firsts.chunks(FANOUT).map(|chunk| chunk[0]).collect();
            below.push(level.len());
            levels.push(level);
        }
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        for (level, below) in levels.iter().zip(below).rev() {
            places.push((keys.len() as u32, below as u32));
            keys.extend_from_slice(level);
        }
        Self { keys: (&*keys).into(), levels: places.into() }
    }

    /// The leaf of the step that holds a point.
    #[inline]
    pub(crate) fn leaf(&self, at: K) -> usize {
        self.levels.iter().fold(0, |block, level| self.below(*level, block, at))
    }

    /// [`Levels::leaf`] of a point each on two lines, by turns, so that one is compared while the other waits.
    #[inline]
    pub(crate) fn leaf_of_each(of: [&Self; 2], at: [K; 2]) -> [usize; 2] {
        let [a, b] = of;
        let both = a.levels.len().min(b.levels.len());
        let mut blocks = [0; 2];
        for (of_a, of_b) in a.levels.iter().zip(&b.levels) {
            blocks = [a.below(*of_a, blocks[0], at[0]), b.below(*of_b, blocks[1], at[1])];
        }
        let rest = |of: &Self, block, at| {
            of.levels[both..].iter().fold(block, |block, level| of.below(*level, block, at))
        };
        [rest(a, blocks[0], at[0]), rest(b, blocks[1], at[1])]
    }

    /// [`Levels::leaf`] of several points, a level at a time.
    #[inline]
    pub(crate) fn leaves<const N: usize>(&self, points: &[K]) -> [usize; N] {
        let mut blocks = [0; N];
        for level in &self.levels {
            for (block, at) in blocks.iter_mut().zip(points) {
                *block = self.below(*level, *block, *at);
            }
        }
        blocks
    }

    #[inline]
    fn below(&self, (level, below): (u32, u32), block: usize, at: K) -> usize {
        let keys = &self.keys[level as usize + block].0;
        // What fills a block up is the highest point, and counts only for it: it stays within the level.
        (block * FANOUT + last_not_above(keys, at)).min(below as usize - 1)
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.levels)
    }

    /// Bytes of a shelf that it takes.
    pub(crate) fn room(&self) -> usize {
        Shelf::room_of(&self.keys)
    }

    pub(crate) fn move_to(&mut self, shelf: &mut Shelf) {
        self.keys.move_to(shelf);
    }
}

impl<K: Point> Space<K> {
    /// Steps in ascending order; the first begins at the lowest point.
    pub(crate) fn new(steps: &[(K, Row)], rows: &mut Rows) -> Self {
        debug_assert!(steps.first().is_some_and(|(key, _)| *key == K::default()));
        let leaves: Box<[Leaf<K>]> = steps.chunks(STEPS).map(|steps| Leaf::new(steps, rows)).collect();
        let above = Levels::new(leaves.iter().map(|leaf| leaf.keys[0].turned()).collect());
        Self { leaves, above }
    }

    /// The row of the step that holds a point.
    #[inline]
    pub(crate) fn row(&self, at: K) -> Row {
        self.row_of(self.leaf(at), at)
    }

    /// The leaf of the step that holds a point, which comes close meanwhile.
    #[inline]
    pub(crate) fn leaf(&self, at: K) -> usize {
        let leaf = self.above.leaf(at);
        self.leaves[leaf].prefetch();
        leaf
    }

    /// [`Space::row`], of a point whose leaf is known.
    #[inline]
    pub(crate) fn row_of(&self, leaf: usize, at: K) -> Row {
        self.leaves[leaf].row(at)
    }

    /// [`Space::row`] of several points, a level at a time.
    #[inline]
    pub(crate) fn rows<const N: usize>(&self, points: &[K], rows: &mut [Row; N]) {
        let leaves: [usize; N] = self.above.leaves(points);
        leaves.iter().take(points.len()).for_each(|leaf| self.leaves[*leaf].prefetch());
        for ((row, leaf), at) in rows.iter_mut().zip(leaves).zip(points) {
            *row = self.leaves[leaf].row(*at);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.leaves) + self.above.bytes()
    }
}

impl<K: Point> Leaf<K> {
    fn new(steps: &[(K, Row)], rows: &mut Rows) -> Self {
        let shared = steps.iter().filter(|(_, row)| row.entry().is_some()).map(|(_, row)| row.base);
        let uses = |base: &u32| shared.clone().filter(|other| other == base).count();
        let base = shared.clone().max_by_key(uses).unwrap_or(EMPTY);
        let mut leaf = Self { keys: [K::MAX.turned(); STEPS], base, rows: [EMPTY; STEPS] };
        for (at, (key, row)) in steps.iter().enumerate() {
            leaf.keys[at] = key.turned();
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
        match self.rows[last_not_above(&self.keys, at)] {
            row if row & ENTRY == 0 => Row::of(row),
            entry => Row::with(self.base, entry & !ENTRY),
        }
    }
}

/// The last key, each turned, that is not above a point: there is one, since a block's first key led to it.
#[inline]
pub(crate) fn last_not_above<K: Point, const N: usize>(keys: &[K; N], at: K) -> usize {
    let count = K::count_not_above(keys, at);
    debug_assert!(count > 0, "the first key led here");
    if N.is_power_of_two() { count.wrapping_sub(1) & (N - 1) } else { count.clamp(1, N) - 1 }
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
