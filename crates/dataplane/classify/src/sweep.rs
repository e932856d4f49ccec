//! From sets of ranges to steps with rows: one pass along a line.
//!
//! Where a set begins or ends, the row changes by the entries of the conditions it turns. Points in the same sets have
//! the same row, however many stretches they lie in: a set of 100,000 prefixes has two rows, not 200,000.

use std::collections::{BTreeSet, HashMap};

use crate::conditions::Condition;
use crate::range::Point;
use crate::rows::{EMPTY, Rows, WORD};

/// Sets that a point may be in for its row to be found again.
const MEMBERS_MAX: usize = 32;

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
    ) -> Result<Vec<(K, u32)>, Exceeded> {
        let mut edges: Vec<(K, u32)> = Vec::new();
        let mut count = 0;
        for (set, ranges) in sets.enumerate() {
            count += 1;
            edges.extend(ranges.iter().map(|(first, _)| (*first, set as u32)));
            edges.extend(ranges.iter().filter_map(|(_, last)| Some((last.next()?, set as u32))));
        }
        edges.sort_unstable();
        let mut sweep = Sweep {
            on: vec![false; count],
            turned: vec![false; count],
            members: BTreeSet::new(),
            known: HashMap::new(),
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

    /// Leaves the conditions that cost most to the rules themselves: half of the cost, at least one.
    pub(crate) fn give_up(&mut self) {
        let mut order: Vec<u32> = (0..self.costs.len() as u32).collect();
        order.retain(|at| !self.conditions[*at as usize].always);
        order.sort_by_key(|at| std::cmp::Reverse(self.costs[*at as usize]));
        let mut left = self.costs.iter().sum::<u64>() / 2 + 1;
        for at in order {
            let condition = &mut self.conditions[at as usize];
            (condition.always, condition.loose) = (true, true);
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
    on: Vec<bool>,
    /// Sets that begin or end at this point.
    turned: Vec<bool>,
    members: BTreeSet<u32>,
    known: HashMap<Box<[u32]>, u32>,
    work: u64,
    allowance: u64,
}

impl Sweep {
    /// The row where no set holds.
    fn outside(&mut self, dimension: &Dimension, family: usize, rows: &mut Rows) -> u32 {
        let holds = |condition: &Condition| condition.outside[family] || condition.always;
        let mut changes = Vec::new();
        for (at, _) in dimension.conditions.iter().enumerate().filter(|(_, c)| holds(c)) {
            changes.extend_from_slice(dimension.entries.of(at));
        }
        let row = rows.toggled(EMPTY, joined(&mut changes));
        self.known.insert([].into(), row);
        row
    }

    /// The row after some sets have begun or ended.
    fn turn(
        &mut self,
        dimension: &mut Dimension,
        sets: impl Iterator<Item = u32> + Clone,
        row: u32,
        rows: &mut Rows,
    ) -> Result<u32, Exceeded> {
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
        if let (None, Some(name)) = (known, name) {
            self.known.insert(name, row);
        }
        Ok(row)
    }

    fn changed(
        &mut self,
        dimension: &mut Dimension,
        sets: impl Iterator<Item = u32>,
        row: u32,
        rows: &mut Rows,
    ) -> Result<u32, Exceeded> {
        let Dimension { conditions, uses, entries, costs } = dimension;
        let mut turned: Vec<u32> = sets.flat_map(|set| uses.of(set as usize)).copied().collect();
        turned.sort_unstable();
        turned.dedup();
        let before = rows.len();
        let mut changes = Vec::new();
        for at in turned {
            let condition = &conditions[at as usize];
            if condition.always {
                continue;
            }
            let looked = condition.sets.len() as u64;
            self.work += looked;
            costs[at as usize] += looked;
            let holds = condition.sets.iter().any(|set| self.on[*set as usize]);
            let held = condition.sets.iter().any(|set| self.on[*set as usize] != self.turned[*set as usize]);
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
        let row = rows.toggled(row, joined(&mut changes));
        self.work += (rows.len() - before) as u64;
        if self.work > self.allowance { Err(Exceeded) } else { Ok(row) }
    }
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
