//! Which copy of the active configuration is due at an archive site.

use std::time::Duration;

use ravelin_store::{Disk, StoreError, Stored};

use super::Life;
use crate::Now;
use crate::archive::{Transfer, name};

/// Pause after every site refused a copy.
const RETRY: Duration = Duration::from_secs(60);

impl<D: Disk + Send> Life<D> {
    /// The next copy to be made: every commit in its turn, then what the clock asks for.
    #[must_use]
    pub fn transfer_due(&self, now: Now) -> Option<Transfer> {
        let plan = &self.active.as_ref()?.services.archival;
        if plan.sites.is_empty() || now.mono < self.copy_retry_at {
            return None;
        }
        let copy = |stored: &Stored, by_commit: bool| {
            let time_s = if by_commit { stored.record.time_s } else { now.wall_s };
            Transfer {
                sites: plan.sites.clone(),
                name: name(&plan.node, time_s, stored.serial),
                text: stored.text.clone(),
                serial: stored.serial,
                by_commit,
            }
        };
        let commit = self.store.unarchived().filter(|_| plan.on_commit).map(|stored| copy(&stored, true));
        let by_clock = || self.copy_at.filter(|at| now.mono >= *at).and(self.store.active());
        commit.or_else(|| by_clock().map(|stored| copy(stored, false)))
    }

    /// The copy arrived somewhere, or nowhere.
    ///
    /// # Errors
    /// The store can't remember it: the copy will be made again.
    pub fn transferred(&mut self, copy: &Transfer, arrived: bool, now: Now) -> Result<(), StoreError> {
        if !arrived {
            self.copy_retry_at = now.mono + RETRY;
            return Ok(());
        }
        if copy.by_commit {
            return self.store.archived(copy.serial);
        }
        let every = self.active.as_ref().and_then(|active| active.services.archival.every);
        self.copy_at = every.map(|every| now.mono + every);
        Ok(())
    }
}
