//! From sets of ranges to steps with rows: one pass along a line.
//!
//! Where a set begins or ends, the row changes by the entries of the conditions it turns. Points in the same sets have
//! the same row, however many stretches they lie in: a set of 100,000 prefixes has two rows, not 200,000.

use std::collections::BTreeSet;

use crate::conditions::{Condition, Detail};
use crate::hash::QuickMap;
use crate::range::{Point, complement, merged};
use crate::reader::Row;
use crate::rows::{Rows, WORD};

/// Sets that a point may be in for its row to be found again.
const MEMBERS_MAX: usize = 32;

/// Edges from one point of the coarse grid to the next.
const GRID: usize = 256;

/// Words of entries from which on a condition that costs too much gets a row of its own.
const APART_WORDS: usize = 8;

/// A dimension while it is built.
#[derive(Debug)]
pub(crate) struct Dimension {
    pub conditions: Vec<Condition>,
    /// Conditions that name a set.
    uses: Lists<u32>,
    /// Words and bits of the entries of a condition.
    entries: Lists<(u32, u64)>,
    /// What the turning of a condition has cost, in words.
    costs: Vec<u64>,
}

/// The allowance was not enough.
#[derive(Debug)]
pub(crate) struct Exceeded;

/// Lists one behind another.
#[derive(Debug)]
struct Lists<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Lists<T> {
    fn of(&self, at: usize) -> &[T] {
        &self.items[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

impl Dimension {
    /// `of`: the condition of each entry, in the order of the entries' bits.
    pub(crate) fn new(conditions: Vec<Condition>, sets: usize, of: impl Iterator<Item = u32>) -> Self {
        let pairs =
            conditions.iter().enumerate().flat_map(|(at, c)| c.sets.iter().map(move |s| (*s, at as u32)));
        let uses = lists(sets, pairs.collect());
        let mut words: Vec<(u32, (u32, u64))> = Vec::new();
        let mut last = vec![u32::MAX; conditions.len()];
        for (at, condition) in of.enumerate() {
            let (word, bit) = ((at / WORD) as u32, 1u64 << (at % WORD));
            let known = last[condition as usize] as usize;
            match words.get_mut(known).filter(|(_, (w, _))| *w == word) {
                Some((_, (_, bits))) => *bits |= bit,
                None => {
                    last[condition as usize] = words.len() as u32;
                    words.push((condition, (word, bit)));
                }
            }
        }
        let entries = lists(conditions.len(), words);
        let costs = vec![0; conditions.len()];
        Self { conditions, uses, entries, costs }
    }

    /// The steps of a line; `sets` gives a set's ranges, `family` is the line's place in [`Condition::outside`].
    ///
    /// # Errors
    /// More than `allowance` words were needed.
    pub(crate) fn steps<'a, K: Point + 'a>(
        &mut self,
        sets: impl Iterator<Item = &'a [(K, K)]>,
        family: usize,
        rows: &mut Rows,
        allowance: usize,
    ) -> Result<Vec<(K, Row)>, Exceeded> {
        let sets: Vec<&[(K, K)]> = sets.collect();
        let edges = self.edges(&sets, family);
        let count = sets.len() + self.conditions.len();
        let mut sweep = Sweep {
            sets: sets.len() as u32,
            on: vec![false; count],
            turned: vec![false; count],
            members: BTreeSet::new(),
            known: QuickMap::default(),
            name: None,
            work: 0,
            allowance: allowance as u64,
        };
        let mut row = sweep.outside(self, family, rows);
        let mut steps = vec![(K::default(), row)];
        for group in edges.chunk_by(|a, b| a.0 == b.0) {
            row = sweep.turn(self, group.iter().map(|(_, set)| *set), row, rows)?;
            match steps.last_mut() {
                Some(last) if last.0 == group[0].0 => last.1 = row,
                Some(last) if last.1 == row => {}
                _ => steps.push((group[0].0, row)),
            }
        }
        Ok(steps)
    }

    /// Where something begins or ends, sorted: sets, and behind them the conditions that are coarse.
    fn edges<K: Point>(&self, sets: &[&[(K, K)]], family: usize) -> Vec<(K, u32)> {
        let mut edges: Vec<(K, u32)> = Vec::new();
        for (at, ranges) in sets.iter().enumerate() {
            let users = self.uses.of(at).iter();
            if users.map(|user| self.conditions[*user as usize].detail).any(|detail| detail == Detail::Exact)
            {
                edges.extend(ends(ranges).map(|edge| (edge, at as u32)));
            }
        }
        if self.conditions.iter().any(|condition| condition.detail == Detail::Coarse) {
            let mut all: Vec<K> = sets.iter().flat_map(|ranges| ends(ranges)).collect();
            all.sort_unstable();
            all.dedup();
            let grid: Vec<K> = all.into_iter().step_by(GRID).collect();
            for (at, condition) in self.conditions.iter().enumerate() {
                if condition.detail == Detail::Coarse {
                    let at = (sets.len() + at) as u32;
                    let ranges = coarse(condition, sets, family, &grid);
                    edges.extend(ends(&ranges).map(|edge| (edge, at)));
                }
            }
        }
        edges.sort_unstable();
        edges
    }

    pub(crate) fn entries_of(&self, condition: u32) -> &[(u32, u64)] {
        self.entries.of(condition as usize)
    }

    pub(crate) fn users_of(&self, set: u32) -> &[u32] {
        self.uses.of(set as usize)
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.conditions.iter().all(|condition| condition.detail == Detail::Always)
    }

    /// Makes the conditions that cost most less exact: half of the cost, at least one.
    pub(crate) fn give_up(&mut self) {
        let mut order: Vec<u32> = (0..self.costs.len() as u32).collect();
        order.retain(|at| self.conditions[*at as usize].detail != Detail::Always);
        order.sort_by_key(|at| {
            (self.conditions[*at as usize].detail, std::cmp::Reverse(self.costs[*at as usize]))
        });
        let mut left = self.costs.iter().sum::<u64>() / 2 + 1;
        for at in order {
            let condition = &mut self.conditions[at as usize];
            condition.detail = match condition.detail {
                Detail::Exact if self.entries.of(at as usize).len() >= APART_WORDS => Detail::Apart,
                Detail::Exact | Detail::Apart => Detail::Coarse,
                Detail::Coarse | Detail::Always => Detail::Always,
            };
            left = left.saturating_sub(self.costs[at as usize]);
            if left == 0 {
                break;
            }
        }
        self.costs.fill(0);
    }
}

/// The state at one point of the line.
struct Sweep {
    /// How many sets there are; numbers from here on are conditions.
    sets: u32,
    on: Vec<bool>,
    /// Sets that begin or end at this point.
    turned: Vec<bool>,
    members: BTreeSet<u32>,
    known: QuickMap<Box<[u32]>, Row>,
    /// The sets that hold before this point, when their row can be found again.
    name: Option<Box<[u32]>>,
    work: u64,
    allowance: u64,
}

impl Sweep {
    /// The row where no set holds.
    fn outside(&mut self, dimension: &Dimension, family: usize, rows: &mut Rows) -> Row {
        let holds = |condition: &Condition| match condition.detail {
            Detail::Exact => condition.outside[family],
            Detail::Apart | Detail::Coarse => false,
            Detail::Always => true,
        };
        let mut changes = Vec::new();
        for (at, _) in dimension.conditions.iter().enumerate().filter(|(_, c)| holds(c)) {
            changes.extend_from_slice(dimension.entries.of(at));
        }
        let (_, row) = rows.changed(Row::default(), joined(&mut changes));
        self.known.insert([].into(), row);
        self.name = Some([].into());
        row
    }

    /// The row after some sets have begun or ended.
    fn turn(
        &mut self,
        dimension: &mut Dimension,
        sets: impl Iterator<Item = u32> + Clone,
        row: Row,
        rows: &mut Rows,
    ) -> Result<Row, Exceeded> {
        for set in sets.clone() {
            let on = &mut self.on[set as usize];
            *on = !*on;
            if *on {
                self.members.insert(set)
            } else {
                self.members.remove(&set)
            };
            self.turned[set as usize] = true;
        }
        let name: Option<Box<[u32]>> =
            (self.members.len() <= MEMBERS_MAX).then(|| self.members.iter().copied().collect());
        let known = name.as_ref().and_then(|name| self.known.get(name)).copied();
        let row = match known {
            Some(row) => row,
            None => self.changed(dimension, sets.clone(), row, rows)?,
        };
        for set in sets {
            self.turned[set as usize] = false;
        }
        if let (None, Some(name)) = (known, &name) {
            self.known.insert(name.clone(), row);
        }
        self.name = name;
        Ok(row)
    }

    fn changed(
        &mut self,
        dimension: &mut Dimension,
        sets: impl Iterator<Item = u32>,
        row: Row,
        rows: &mut Rows,
    ) -> Result<Row, Exceeded> {
        let Dimension { conditions, uses, entries, costs } = dimension;
        let mut turned: Vec<u32> = Vec::new();
        for set in sets {
            match set.checked_sub(self.sets) {
                Some(condition) => turned.push(condition),
                None => turned.extend(uses.of(set as usize)),
            }
        }
        turned.sort_unstable();
        turned.dedup();
        let before = rows.len();
        let mut changes = Vec::new();
        for at in turned {
            let condition = &conditions[at as usize];
            let own = [self.sets + at];
            let watched = match condition.detail {
                Detail::Exact => &*condition.sets,
                Detail::Coarse => &own,
                Detail::Apart | Detail::Always => continue,
            };
            self.work += watched.len() as u64;
            costs[at as usize] += watched.len() as u64;
            let holds = watched.iter().any(|set| self.on[*set as usize]);
            let held = watched.iter().any(|set| self.on[*set as usize] != self.turned[*set as usize]);
            if holds == held {
                continue;
            }
            let mine = entries.of(at as usize);
            costs[at as usize] += mine.len() as u64;
            self.work += mine.len() as u64;
            if self.work > self.allowance {
                return Err(Exceeded);
            }
            changes.extend_from_slice(mine);
        }
        if changes.is_empty() {
            return Ok(row);
        }
        let (before_it, row) = rows.changed(row, joined(&mut changes));
        if let Some(name) = self.name.take() {
            self.known.insert(name, before_it);
        }
        self.work += (rows.len() - before) as u64;
        if self.work > self.allowance { Err(Exceeded) } else { Ok(row) }
    }
}

/// Where a condition holds, widened to points of the grid. The grid begins at the lowest edge: before it no set
/// begins, and an excluding condition holds from the lowest point on.
fn coarse<K: Point>(condition: &Condition, sets: &[&[(K, K)]], family: usize, grid: &[K]) -> Vec<(K, K)> {
    let inside = condition.sets.iter().flat_map(|set| sets[*set as usize]).copied().collect();
    let inside = merged(inside);
    let holds = if condition.outside[family] { complement(&inside) } else { inside };
    let widened = holds.into_iter().map(|(first, last)| {
        let before = grid.partition_point(|point| *point <= first);
        let behind = grid.partition_point(|point| *point <= last);
        let first = before.checked_sub(1).map_or(K::default(), |at| grid[at]);
        (first, grid.get(behind).and_then(|point| point.previous()).unwrap_or(K::MAX))
    });
    merged(widened.collect())
}

/// Where ranges begin and where they have ended.
pub(crate) fn ends<K: Point>(ranges: &[(K, K)]) -> impl Iterator<Item = K> {
    ranges.iter().flat_map(|(first, last)| [Some(*first), last.next()]).flatten()
}

/// Words ascending, each once.
fn joined(changes: &mut Vec<(u32, u64)>) -> &[(u32, u64)] {
    if !changes.is_sorted_by_key(|(word, _)| *word) {
        changes.sort_unstable_by_key(|(word, _)| *word);
    }
    changes.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 ^= next.1;
        }
        same
    });
    changes
}

/// Pairs of list and item as lists; items keep their order.
fn lists<T: Copy + Default>(count: usize, pairs: Vec<(u32, T)>) -> Lists<T> {
    let mut starts = vec![0u32; count + 1];
    for (list, _) in &pairs {
        starts[*list as usize + 1] += 1;
    }
    for at in 0..count {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut items = vec![T::default(); pairs.len()];
    for (list, item) in pairs {
        let at = &mut next[list as usize];
        items[*at as usize] = item;
        *at += 1;
    }
    Lists { starts, items }
}
