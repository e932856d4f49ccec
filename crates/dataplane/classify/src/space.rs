//! Where a value lies on a line cut into steps: a static search tree of cache lines.
//!
//! Each step begins at its key and has a row. A search reads one block a level, and its depth is the logarithm to
//! the base [`FANOUT`] of the number of steps, whatever the values are.

use crate::range::Point;

/// Keys a block: one cache line of 32-bit keys.
const FANOUT: usize = 16;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Keys<K>([K; FANOUT]);

/// The last level: the keys, and right behind them what they stand for.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Leaf<K> {
    keys: [K; FANOUT],
    rows: [u32; FANOUT],
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
    pub(crate) fn new(steps: &[(K, u32)]) -> Self {
        debug_assert!(steps.first().is_some_and(|(key, _)| *key == K::default()));
        let leaves: Box<[Leaf<K>]> = steps
            .chunks(FANOUT)
            .map(|chunk| {
                let last = chunk[chunk.len() - 1].1;
                let mut leaf = Leaf { keys: [K::MAX; FANOUT], rows: [last; FANOUT] };
                for (at, (key, row)) in chunk.iter().enumerate() {
                    (leaf.keys[at], leaf.rows[at]) = (*key, *row);
                }
                leaf
            })
            .collect();
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
    pub(crate) fn row(&self, at: K) -> u32 {
        let mut block = 0;
        for &(level, below) in &self.levels {
            let keys = &self.above[level as usize + block].0;
            // What fills a block up is the highest point, and counts only for it: it stays within the level.
            block = (block * FANOUT + not_above(keys, at) - 1).min(below as usize - 1);
        }
        let leaf = &self.leaves[block];
        leaf.rows[not_above(&leaf.keys, at) - 1]
    }

    /// [`Space::row`] of several points, a level at a time.
    #[inline]
    pub(crate) fn rows<const N: usize>(&self, points: &[K], rows: &mut [u32; N]) {
        let mut blocks = [0; N];
        for &(level, below) in &self.levels {
            for (block, at) in blocks.iter_mut().zip(points) {
                let keys = &self.above[level as usize + *block].0;
                *block = (*block * FANOUT + not_above(keys, *at) - 1).min(below as usize - 1);
            }
        }
        for ((row, block), at) in rows.iter_mut().zip(blocks).zip(points) {
            let leaf = &self.leaves[block];
            *row = leaf.rows[not_above(&leaf.keys, *at) - 1];
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.leaves) + size_of_val(&*self.above) + size_of_val(&*self.levels)
    }
}

/// How many keys are not above a point: at least one, since a block's first key led to it.
#[inline]
fn not_above<K: Point>(keys: &[K; FANOUT], at: K) -> usize {
    let count = keys.iter().map(|key| u32::from(*key <= at)).sum::<u32>();
    (count as usize).clamp(1, FANOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step is found at its first point, its last and in between, at each depth.
    #[test]
    fn a_point_is_in_the_step_that_begins_at_or_before_it() {
        for count in [1u32, 2, 15, 16, 17, 256, 257, 5000] {
            let steps: Vec<(u32, u32)> = (0..count).map(|n| (n * 10, n + 7)).collect();
            let space = Space::new(&steps);
            for n in 0..count {
                assert_eq!([space.row(n * 10), space.row(n * 10 + 5)], [n + 7; 2]);
            }
            assert_eq!(space.row(u32::MAX), count + 6);
        }
    }

    #[test]
    fn the_highest_point_may_begin_a_step() {
        for before in [0u128, 14, 15, 16, 300] {
            let mut steps: Vec<(u128, u32)> = (0..=before).map(|n| (n, n as u32)).collect();
            steps.push((u128::MAX, 9999));
            let space = Space::new(&steps);
            assert_eq!(space.row(u128::MAX), 9999);
            assert_eq!(space.row(u128::MAX - 1), before as u32);
        }
    }
}
