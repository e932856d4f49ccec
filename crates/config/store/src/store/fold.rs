//! Whole files behind a commit that was written as what it changed.
//!
//! The text is written while others use the store, since that takes as long as the configuration is; what is done with the store at
//! hand is a few renames.

use std::io;

use super::{ACTIVE, ACTIVE_NEW, EDIT, FOLDED_NEW, Store, StoreError};
use crate::disk::Disk;
use crate::file::Stored;

/// A configuration that is to be one file: see [`Store::folding`].
#[derive(Debug)]
pub struct Folding {
    active: Stored,
    epoch: u64,
    name: &'static str,
}

/// The same, written.
#[derive(Debug)]
pub struct Folded {
    epoch: u64,
    name: &'static str,
    sum: String,
}

impl Folding {
    /// Writes the file beside the others, where it counts for nothing. One at a time.
    pub fn write(self, disk: &mut impl Disk) -> io::Result<Folded> {
        let Self { active, epoch, name } = self;
        let (bytes, sum) = active.encode();
        disk.write(name, &bytes)?;
        Ok(Folded { epoch, name, sum })
    }
}

impl<D: Disk> Store<D> {
    /// Makes whole files of a commit that was written as what it changed, which takes as long as the configuration is. The next
    /// commit does it too. On an error everything is as before, and it can be tried again.
    pub fn fold(&mut self) -> Result<(), StoreError> {
        // Somebody may be writing what they were given to fold, under its name.
        let Some(folding) = self.folding() else { return Ok(()) };
        let folding = Folding { name: ACTIVE_NEW, ..folding };
        let folded = folding.write(&mut self.disk)?;
        self.folded(folded)
    }

    /// The same in parts, for whoever shares the store with others: what has to be written, then without the store at hand
    /// [`Folding::write`], then [`Self::folded`]. `None`: there is nothing to do.
    #[must_use]
    pub fn folding(&self) -> Option<Folding> {
        let active = self.active.as_ref().filter(|_| self.is_edited)?;
        Some(Folding { active: active.clone(), epoch: self.epoch, name: FOLDED_NEW })
    }

    /// Takes the file that was written, unless something else became active since: then it is removed. Errors are those of
    /// [`Self::fold`].
    pub fn folded(&mut self, folded: Folded) -> Result<(), StoreError> {
        let Folded { epoch, name, sum } = folded;
        if !self.is_edited || self.epoch != epoch {
            return Ok(self.disk.remove(name)?);
        }
        self.epoch += 1;
        self.shift()?;
        self.is_unsynced = true;
        self.disk.rename(name, ACTIVE)?;
        self.sum = sum;
        self.is_edited = false;
        if let Some(slot) = self.slots.first_mut() {
            *slot = 1;
        }
        self.sync()?;
        // Not before the other is durable. One that stays is older than what is active, and counts for nothing.
        Ok(self.disk.remove(EDIT)?)
    }

    /// Whether [`Self::fold`] has something to do.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.is_edited
    }
}
