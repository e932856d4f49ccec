//! Which conditions of a dimension hold at a point, where they are few.
//!
//! A step has the list of the conditions that hold there, packed into a word where it fits: a lookup that knows the few
//! conditions of each dimension knows by which names entries can be its own. What holds everywhere is in no list.

mod leaf;

use ravelin_mem::{Shelf, Shelved};
use ravelin_types::{Addr, Family};

use crate::conditions::{Condition, Cover, Detail};
use crate::hash::QuickMap;
use crate::range::Point;
use crate::rule::Tuple;
use crate::space::Levels;
use crate::sweep::{Dimension, ends};
use leaf::Leaf;

/// Conditions at a point at most; where more hold, nothing is said.
pub(crate) const HELD_MAX: usize = 8;
/// Bits of a list for the number of its conditions.
pub(crate) const COUNT: u32 = 5;
/// The number of a list that is too long.
const MANY: u64 = (1 << COUNT) - 1;
/// Turns of conditions that a line is worth.
const WORK: usize = 1 << 23;

/// Parts of names: what the conditions at a point add to the name of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    parts: [u64; HELD_MAX],
    count: usize,
}

/// A function from points to conditions.
#[derive(Debug)]
pub(crate) struct HeldLine<K> {
    leaves: Shelved<Leaf<K>>,
    above: Levels<K>,
    /// What the condition that holds everywhere adds to a name, where there is one; it is in no list.
    everywhere: Option<u64>,
    /// Lists that don't fit into a word.
    pool: Shelved<u32>,
    /// Bits of a condition's number, all of them set.
    mask: u64,
    bits: u32,
    /// So many fit into a word.
    fit: usize,
    /// Where the dimension's part of a name begins.
    shift: u32,
}

#[derive(Debug)]
pub(crate) struct HeldAddresses {
    v4: HeldLine<u32>,
    v6: HeldLine<u128>,
}

impl Held {
    /// One part that adds nothing.
    pub(crate) const ONE: Self = Self { parts: [0; HELD_MAX], count: 1 };

    #[inline]
    pub(crate) fn parts(&self) -> &[u64] {
        &self.parts[..self.count]
    }

    /// The part of a number below [`Held::count`].
    #[inline]
    pub(crate) fn part(&self, at: usize) -> u64 {
        self.parts[at % HELD_MAX]
    }

    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The first `count` of these, and no others.
    #[inline]
    pub(crate) fn set<const N: usize>(&mut self, parts: [u64; N], count: usize) {
        for (place, part) in self.parts.iter_mut().zip(parts) {
            *place = part;
        }
        self.count = count.min(N);
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// Whether there was room.
    #[inline]
    #[must_use]
    pub(crate) fn push(&mut self, part: u64) -> bool {
        let Some(place) = self.parts.get_mut(self.count) else { return false };
        *place = part;
        self.count += 1;
        true
    }
}

impl<K: Point> HeldLine<K> {
    /// The line of a dimension; `sets` gives a set's ranges, `family` is the line's place in [`Condition::outside`],
    /// `last` the last point that is asked for, `shift` where its part of a name begins. `None`: it would cost too much, or
    /// say too little.
    pub(crate) fn build<'a>(
        dimension: &Dimension,
        sets: impl Iterator<Item = &'a [(K, K)]>,
        (family, last, shift): (usize, K, u32),
        most: usize,
    ) -> Option<Self>
    where
        K: 'a,
    {
        let sets: Vec<&[(K, K)]> = sets.collect();
        let full: Vec<bool> =
            sets.iter().map(|ranges| ranges.iter().any(|r| r.0 == K::default() && r.1 >= last)).collect();
        let always = |c: &Condition| c.detail == Detail::Always;
        let everywhere =
            |c: &Condition| always(c) || !c.outside[family] && c.sets.iter().any(|set| full[*set as usize]);
        // More than one would be dear to try everywhere: the others are in the lists, which may not be what their sets say.
        let everywhere = dimension.conditions.iter().position(everywhere);
        let mut sweep = Sweep::new(dimension, family, everywhere);
        for (set, _) in full.iter().enumerate().filter(|(_, full)| **full) {
            sweep.turn(dimension, set as u32)?;
        }
        let mut edges: Vec<(K, u32)> = Vec::new();
        for (at, ranges) in sets.iter().enumerate().filter(|(at, _)| !full[*at]) {
            edges.extend(ends(ranges).map(|edge| (edge, at as u32)));
        }
        edges.sort_unstable();
        let bits = (dimension.conditions.len().max(2) - 1).ilog2() + 1;
        let room = HELD_MAX - usize::from(everywhere.is_some());
        let fit = room.min(most).min(((u64::BITS - COUNT) / bits) as usize);
        let mut lists = Lists { bits, fit, pool: Vec::new(), known: QuickMap::default() };
        let mut steps = vec![(K::default(), lists.of(&sweep.holding, room))];
        for group in edges.chunk_by(|a, b| a.0 == b.0) {
            for (_, set) in group {
                sweep.turn(dimension, *set)?;
            }
            let list = lists.of(&sweep.holding, room);
            match steps.last_mut() {
                Some(last) if last.0 == group[0].0 => last.1 = list,
                Some(last) if last.1 == list => {}
                _ => steps.push((group[0].0, list)),
            }
        }
        let many = steps.iter().filter(|(_, list)| list & MANY == MANY).count();
        if many * 4 > steps.len() {
            return None;
        }
        let leaves = leaf::leaves(&steps);
        let above = Levels::new(leaves.iter().map(Leaf::first).collect());
        let everywhere = everywhere.map(|condition| (condition as u64) << shift);
        let mask = (1 << bits) - 1;
        let (leaves, pool) = ((&*leaves).into(), (&*lists.pool).into());
        Some(Self { leaves, above, everywhere, pool, mask, bits, fit, shift })
    }

    /// The leaf of the step that holds a point, which comes close meanwhile.
    #[inline]
    pub(crate) fn seek(&self, at: K) -> usize {
        let leaf = self.above.leaf(at);
        self.leaves[leaf].prefetch();
        leaf
    }

    /// [`HeldLine::seek`] on two lines.
    #[inline]
    fn seek_each(of: [&Self; 2], at: [K; 2]) -> [usize; 2] {
        let leaves = Levels::leaf_of_each(of.map(|line| &line.above), at);
        of.iter().zip(leaves).for_each(|(line, leaf)| line.leaves[leaf].prefetch());
        leaves
    }

    /// [`HeldLine::seek`] of several points, a level at a time.
    #[inline]
    pub(crate) fn seek_all<const N: usize>(&self, points: &[K]) -> [usize; N] {
        let leaves: [usize; N] = self.above.leaves(points);
        leaves.iter().take(points.len()).for_each(|leaf| self.leaves[*leaf].prefetch());
        leaves
    }

    /// The parts of names at a point; `None` where they are too many.
    #[inline(always)]
    pub(crate) fn held(&self, leaf: usize, at: K, held: &mut Held) -> Option<()> {
        let list = self.leaves[leaf].list(at);
        let (count, mut rest) = ((list & MANY) as usize, list >> COUNT);
        let first = usize::from(self.everywhere.is_some());
        held.parts[0] = self.everywhere.unwrap_or(0);
        held.count = first + count;
        if count > self.fit {
            return self.pooled(rest as usize, held.parts.get_mut(first..first + count)?);
        }
        // As many as fit, whatever the count: how often a loop runs should be easy to foresee.
        for place in held.parts.get_mut(first..first + self.fit)? {
            *place = (rest & self.mask) << self.shift;
            rest >>= self.bits;
        }
        Some(())
    }

    #[cold]
    fn pooled(&self, at: usize, places: &mut [u64]) -> Option<()> {
        let pool = self.pool.get(at..at + places.len())?;
        places.iter_mut().zip(pool).for_each(|(place, at)| *place = u64::from(*at) << self.shift);
        Some(())
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.leaves) + self.above.bytes() + size_of_val(&*self.pool)
    }

    /// Bytes of a shelf that it takes.
    pub(crate) fn room(&self) -> usize {
        Shelf::room_of(&self.leaves) + self.above.room() + Shelf::room_of(&self.pool)
    }

    pub(crate) fn move_to(&mut self, shelf: &mut Shelf) {
        self.above.move_to(shelf);
        self.leaves.move_to(shelf);
        self.pool.move_to(shelf);
    }
}

impl HeldAddresses {
    pub(crate) fn build(dimension: &Dimension, covers: &[Cover<'_>], shift: u32) -> Option<Self> {
        let v4 = covers.iter().map(|cover| &*cover.v4);
        let v6 = covers.iter().map(|cover| &*cover.v6);
        let v4 = HeldLine::build(dimension, v4, (0, u32::MAX, shift), HELD_MAX)?;
        let v6 = HeldLine::build(dimension, v6, (1, u128::MAX, shift), HELD_MAX)?;
        Some(Self { v4, v6 })
    }

    #[inline]
    pub(crate) fn seek(&self, family: Family, addr: Addr) -> usize {
        match family {
            Family::V4 => self.v4.seek(addr.low32()),
            Family::V6 => self.v6.seek(addr.0),
        }
    }

    /// [`HeldAddresses::seek`] of a point of several tuples, a level at a time.
    #[inline]
    pub(crate) fn seek_all<const N: usize>(
        &self,
        tuples: &[Tuple],
        point: impl Fn(&Tuple) -> (Family, Addr),
    ) -> [usize; N] {
        let all = |family| tuples.iter().all(|tuple| point(tuple).0 == family);
        let count = tuples.len();
        if all(Family::V4) {
            let mut at = [0; N];
            at.iter_mut().zip(tuples).for_each(|(at, tuple)| *at = point(tuple).1.low32());
            self.v4.seek_all(&at[..count])
        } else if all(Family::V6) {
            let mut at = [0; N];
            at.iter_mut().zip(tuples).for_each(|(at, tuple)| *at = point(tuple).1.0);
            self.v6.seek_all(&at[..count])
        } else {
            let mut leaves = [0; N];
            for (leaf, (family, addr)) in leaves.iter_mut().zip(tuples.iter().map(point)) {
                *leaf = self.seek(family, addr);
            }
            leaves
        }
    }

    #[inline]
    pub(crate) fn held(&self, leaf: usize, (family, addr): (Family, Addr), held: &mut Held) -> Option<()> {
        match family {
            Family::V4 => self.v4.held(leaf, addr.low32(), held),
            Family::V6 => self.v6.held(leaf, addr.0, held),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }

    pub(crate) fn room(&self) -> usize {
        self.v4.room() + self.v6.room()
    }

    pub(crate) fn move_to(&mut self, shelf: &mut Shelf) {
        self.v4.move_to(shelf);
        self.v6.move_to(shelf);
    }
}

/// [`HeldLine::seek`] of both addresses.
#[inline]
pub(crate) fn seek_both(of: [&HeldAddresses; 2], at: [(Family, Addr); 2]) -> [usize; 2] {
    let [(src_family, src), (dst_family, dst)] = at;
    match (src_family, dst_family) {
        (Family::V4, Family::V4) => HeldLine::seek_each(of.map(|line| &line.v4), [src.low32(), dst.low32()]),
        (Family::V6, Family::V6) => HeldLine::seek_each(of.map(|line| &line.v6), [src.0, dst.0]),
        _ => [of[0].seek(src_family, src), of[1].seek(dst_family, dst)],
    }
}

/// Lists as words, those that don't fit in a pool.
struct Lists {
    bits: u32,
    fit: usize,
    pool: Vec<u32>,
    known: QuickMap<Box<[u32]>, u64>,
}

impl Lists {
    fn of(&mut self, holding: &[u32], room: usize) -> u64 {
        let count = holding.len();
        if count > room {
            return MANY;
        }
        let mut list = [0; HELD_MAX];
        let list = &mut list[..count];
        list.copy_from_slice(holding);
        list.sort_unstable();
        let rest = if count > self.fit {
            let Self { pool, known, .. } = self;
            *known.entry((&*list).into()).or_insert_with(|| {
                pool.extend_from_slice(list);
                (pool.len() - count) as u64
            })
        } else {
            list.iter().rev().fold(0, |rest, condition| rest << self.bits | u64::from(*condition))
        };
        rest << COUNT | count as u64
    }
}

/// The state at one point of the line.
struct Sweep {
    everywhere: Option<usize>,
    outside: Vec<bool>,
    on: Vec<bool>,
    /// By condition: how many of its sets hold.
    counts: Vec<u32>,
    /// Conditions that hold, but the one that does everywhere.
    holding: Vec<u32>,
    left: usize,
}

impl Sweep {
    fn new(dimension: &Dimension, family: usize, everywhere: Option<usize>) -> Self {
        let conditions = &dimension.conditions;
        // One that is always possible is as if each of its sets were where none is too.
        let always = |c: &Condition| c.detail == Detail::Always;
        let outside: Vec<bool> = conditions.iter().map(|c| c.outside[family] || always(c)).collect();
        let holds = |at: &u32| outside[*at as usize] && Some(*at as usize) != everywhere;
        Self {
            holding: (0..conditions.len() as u32).filter(holds).collect(),
            everywhere,
            outside,
            on: Vec::new(),
            counts: vec![0; conditions.len()],
            left: WORK,
        }
    }

    /// A set begins or ends.
    fn turn(&mut self, dimension: &Dimension, set: u32) -> Option<()> {
        let at = set as usize;
        self.on.resize(self.on.len().max(at + 1), false);
        self.on[at] = !self.on[at];
        let users = dimension.users_of(set);
        self.left = self.left.checked_sub(users.len())?;
        for user in users.iter().map(|user| *user as usize) {
            let always = dimension.conditions[user].detail == Detail::Always;
            if always || Some(user) == self.everywhere {
                continue;
            }
            let count = &mut self.counts[user];
            let before = *count > 0;
            if self.on[at] {
                *count += 1
            } else {
                *count -= 1
            };
            if before == (*count > 0) {
                continue;
            }
            if (*count > 0) != self.outside[user] {
                self.holding.push(user as u32);
            } else {
                let place = self.holding.iter().position(|held| *held == user as u32)?;
                self.left = self.left.checked_sub(place)?;
                self.holding.swap_remove(place);
            }
        }
        Some(())
    }
}
