//! Whole files behind commits that were written as what they changed, without anybody waiting for them.
//!
//! State: when the next attempt is due, and what the last one failed of. Spec: commit-62.

use std::io;
use std::time::Duration;

use ravelin_store::{Disk, Folded, Folding};

use super::{Life, Note, RETRY};
use crate::Now;

/// Longest pause before what failed is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(256);

#[derive(Debug)]
pub(super) struct Folds {
    due: Duration,
    /// The pause after the next failure.
    pause: Duration,
    /// What was told of the last attempt, if that failed.
    told: Option<String>,
}

impl Default for Folds {
    fn default() -> Self {
        Self { due: Duration::ZERO, pause: RETRY, told: None }
    }
}

impl Folds {
    /// A commit came: whatever it was that failed may be over.
    pub fn at_once(&mut self) {
        (self.due, self.pause) = (Duration::ZERO, RETRY);
    }
}

/// A file to be written while others use the store.
#[derive(Debug)]
pub struct WholeFile<D> {
    folding: Folding,
    disk: D,
}

impl<D: Disk> WholeFile<D> {
    /// Takes as long as the configuration is.
    ///
    /// # Errors
    /// Those of the disk; [`Life::folded`] is to be told.
    pub fn write(self) -> io::Result<Folded> {
        let Self { folding, mut disk } = self;
        folding.write(&mut disk)
    }
}

impl<D: Disk + Clone + Send> Life<D> {
    /// What has to be written now. One at a time: the next one is asked for when [`Self::folded`] was told of the last.
    #[must_use]
    pub fn fold_due(&self, now: Now) -> Option<WholeFile<D>> {
        let folding = self.store.folding().filter(|_| now.mono >= self.folds.due)?;
        Some(WholeFile { folding, disk: self.store.disk().clone() })
    }

    /// It was written, or could not be: then it is tried again after 2 s, and after twice as long each time up to 256 s. What
    /// fails as it did before is not told again.
    pub fn folded(&mut self, written: io::Result<Folded>, now: Now) -> Option<Note> {
        match written.map_err(Into::into).and_then(|folded| self.store.folded(folded)) {
            Ok(()) => {
                self.folds.at_once();
                self.folds.told.take().map(|_| Note::Folded)
            }
            Err(error) => {
                self.folds.due = now.mono + self.folds.pause;
                self.folds.pause = (self.folds.pause * 2).min(PAUSE_MAX);
                let text = error.to_string();
                let is_known = self.folds.told.replace(text.clone()).is_some_and(|told| told == text);
                (!is_known).then_some(Note::Store(error))
            }
        }
    }
}
