//! Conditions that keep a row of their own, joined with the others' by the lookup.
//!
//! For conditions of many entries that begin and end often, groups that many rules name: to write their entries into
//! the row of each step would multiply them. A step has a list of those that hold there instead.

use std::collections::BTreeSet;

use crate::conditions::Detail;
use crate::hash::QuickMap;
use crate::range::Point;
use crate::reader::Row;
use crate::rows::Rows;
use crate::sweep::{Dimension, Exceeded, ends};

/// Members of lists that a word of the allowance stands for: 48 MiB a dimension.
const LISTED: usize = 4;

impl Dimension {
    /// The lists of a line as rows whose base is the number of a list; `None` when no condition is apart.
    ///
    /// # Errors
    /// More than `allowance` words were needed.
    pub(crate) fn apart<'a, K: Point + 'a>(
        &self,
        sets: impl Iterator<Item = &'a [(K, K)]>,
        family: usize,
        rows: &mut Rows,
        allowance: usize,
    ) -> Result<Option<Vec<(K, Row)>>, Exceeded> {
        let is_apart = |at: u32| self.conditions[at as usize].detail == Detail::Apart;
        let mut own: QuickMap<u32, u32> = QuickMap::default();
        for at in (0..self.conditions.len() as u32).filter(|at| is_apart(*at)) {
            own.insert(at, rows.row_of(self.entries_of(at)));
        }
        if own.is_empty() {
            return Ok(None);
        }
        let mut edges: Vec<(K, u32)> = Vec::new();
        for (set, ranges) in sets.enumerate() {
            if self.users_of(set as u32).iter().any(|at| is_apart(*at)) {
                edges.extend(ends(ranges).map(|edge| (edge, set as u32)));
            }
        }
        edges.sort_unstable();
        let outside = |at: &u32| self.conditions[*at as usize].outside[family];
        let mut holding: BTreeSet<u32> = own.keys().copied().filter(outside).collect();
        let mut on: BTreeSet<u32> = BTreeSet::new();
        let mut known: QuickMap<Vec<u32>, u32> = QuickMap::default();
        let mut list = |holding: &BTreeSet<u32>, rows: &mut Rows| {
            let parts: Vec<u32> = holding.iter().map(|at| own[at]).collect();
            Row::of(*known.entry(parts).or_insert_with_key(|parts| rows.list(parts)))
        };
        let mut steps = vec![(K::default(), list(&holding, rows))];
        let mut work = 0;
        for group in edges.chunk_by(|a, b| a.0 == b.0) {
            for (_, set) in group {
                if !on.remove(set) {
                    on.insert(*set);
                }
            }
            for at in group.iter().flat_map(|(_, set)| self.users_of(*set)).filter(|at| is_apart(**at)) {
                let condition = &self.conditions[*at as usize];
                work += 1 + condition.sets.len();
                let holds = condition.sets.iter().any(|set| on.contains(set)) != condition.outside[family];
                if holds {
                    holding.insert(*at)
                } else {
                    holding.remove(at)
                };
            }
            work += holding.len();
            if work > LISTED * allowance {
                return Err(Exceeded);
            }
            let row = list(&holding, rows);
            match steps.last_mut() {
                Some(last) if last.0 == group[0].0 => last.1 = row,
                Some(last) if last.1 == row => {}
                _ => steps.push((group[0].0, row)),
            }
        }
        Ok(Some(steps))
    }
}
