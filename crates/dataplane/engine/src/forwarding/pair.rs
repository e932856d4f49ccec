//! A table in two copies: workers read one while the other becomes the next.
//!
//! The copy that nobody reads any more is behind by the changes of the last update: it takes those and the new ones, and
//! the two change places. So an update costs twice its changes, whatever the table holds. Workers let go of a copy when they
//! take the next one; should one still read it, the table is copied once. State: both copies, and what one lacks. A table is
//! never freed by a worker: the one that was read last stays here until all of them have left it.

use std::mem;
use std::sync::Arc;

/// A table that takes one change at a time.
pub(super) trait Changes: Clone {
    type Change: Clone + std::fmt::Debug;

    fn change(&mut self, change: Self::Change);
}

#[derive(Clone, Debug)]
pub(super) struct Pair<T: Changes> {
    /// What workers are told to read.
    live: Arc<T>,
    /// What they were told before.
    before: Before<T>,
    /// How often a table had to be copied.
    copies: u64,
}

#[derive(Clone, Debug)]
enum Before<T: Changes> {
    /// Nothing worth keeping.
    None,
    /// The live one but for these changes.
    Lacks(Arc<T>, Vec<T::Change>),
    /// Another table altogether, kept so that it is freed here.
    Other(#[allow(dead_code, reason = "only its end matters")] Arc<T>),
}

impl<T: Changes> Pair<T> {
    pub(super) fn new(live: Arc<T>) -> Self {
        Self { live, before: Before::None, copies: 0 }
    }

    pub(super) fn live(&self) -> &Arc<T> {
        &self.live
    }

    /// Tables copied so far: 1 behind a start or a replacement is normal, more mean that a reader did not let go.
    pub(super) fn copies(&self) -> u64 {
        self.copies
    }

    /// Takes changes in, the earlier one first; without any, the live table stays the one it is.
    pub(super) fn update(&mut self, changes: Vec<T::Change>) {
        if changes.is_empty() {
            return;
        }
        let mut next = self.unread();
        let table = Arc::make_mut(&mut next);
        changes.iter().cloned().for_each(|change| table.change(change));
        let before = mem::replace(&mut self.live, next);
        self.before = Before::Lacks(before, changes);
    }

    /// Puts another table in its place.
    pub(super) fn replace(&mut self, table: T) {
        let before = mem::replace(&mut self.live, Arc::new(table));
        self.before = Before::Other(before);
    }

    /// A table like the live one that nobody else has.
    fn unread(&mut self) -> Arc<T> {
        if let Before::Lacks(mut table, lacking) = mem::replace(&mut self.before, Before::None)
            && let Some(unread) = Arc::get_mut(&mut table)
        {
            lacking.into_iter().for_each(|change| unread.change(change));
            return table;
        }
        self.copies += 1;
        Arc::new((*self.live).clone())
    }
}
