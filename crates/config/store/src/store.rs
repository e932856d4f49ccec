//! The active configuration and those before it, kept so that a crash leaves the old one or the new one, whole.
//!
//! `active.conf` is what a restart applies; `rollback.1` to `rollback.49` are its forerunners, the latest first.
//! A forerunner is the file that was active, by another name. The rename onto `active.conf` is the commit point. Whatever was half done before it is undone by reading: a
//! forerunner counts only when its checksum holds and its serial is below the active one's, and its text is read again
//! when somebody asks for it. That a commit waits to be
//! confirmed stands in the heading of `active.conf`, so it begins and ends with the same rename.
//!
//! Of a long configuration a commit writes what it changed, as `active.edit`: that rename is its commit point, and `active.conf` is its
//! forerunner until [`Store::fold`] makes whole files of both, by the same way as a commit.

mod fold;
mod present;

use std::io;

use ravelin_syntax::{Rope, Tree, diff};

use crate::audit::Audit;
use crate::disk::{Disk, replace};
use crate::edit;
use crate::file::{Heading, Record, Stored};
use crate::schedule::Scheduled;
use present::{Present, found, serial};

pub use fold::{Folded, Folding};

/// Configurations kept, the active one included.
pub const HISTORY_MAX: usize = 50;

const ACTIVE: &str = "active.conf";
const ACTIVE_NEW: &str = "active.conf.new";
const EDIT: &str = "active.edit";
const EDIT_NEW: &str = "active.edit.new";
const COPY: &str = "rollback";
/// What is to be `active.conf`, where it is written beside everything else.
const FOLDED: &str = "active.fold";
const FOLDED_NEW: &str = "active.fold.new";
const RESCUE: &str = "rescue.conf";
const ARCHIVED: &str = "archived";
const SYNCHRONIZED: &str = "synchronized";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store's files can't be used: {0}")]
    Io(#[from] io::Error),
    #[error("`{name}' is damaged: its checksum doesn't match")]
    Damaged { name: String },
    #[error("`{EDIT}' holds changes to another configuration than `{ACTIVE}'")]
    Stray,
    #[error("what was to become active was overtaken by another configuration")]
    Overtaken,
    #[error("there is no rollback {wanted}; {kept} configurations are kept")]
    NoRollback { wanted: usize, kept: usize },
    #[error("No rescue configuration is set.")]
    NoRescue,
    #[error("the configuration to go back to is about to leave the history; confirm first")]
    RevertTooFar,
}

/// A commit as it is to be kept.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub record: Record,
    /// As in [`Stored`].
    pub revert: Option<u64>,
    /// As in [`Stored`].
    pub archive: bool,
    /// As in [`Stored`].
    pub synchronize: bool,
}

/// A configuration that lies on the disk beside the active one: see [`Store::stage`].
#[derive(Debug)]
pub struct Staged {
    stored: Stored,
    epoch: u64,
    /// What the file ends with, unless it is what was changed.
    whole: Option<String>,
}

#[derive(Debug)]
pub struct Store<D> {
    pub(crate) disk: D,
    /// `None` before the first commit.
    active: Option<Stored>,
    /// What `active.conf` ends with.
    sum: String,
    /// What is active is `active.conf` as `active.edit` changes it.
    is_edited: bool,
    /// A rename may not be durable.
    is_unsynced: bool,
    /// Rises with whatever makes worthless what was staged before.
    epoch: u64,
    /// Shorter configurations are written as a whole.
    whole_below: usize,
    /// Its forerunners, latest first. Their texts stay on the disk: fifty of a large configuration would fill a memory.
    before: Vec<Heading>,
    /// The number of the file that holds each forerunner: rising, and without gaps unless a crash left one. 0 is `active.conf`.
    slots: Vec<usize>,
    rescue: Option<Stored>,
    /// Files that were there and not as written.
    damaged: Vec<String>,
    pub(crate) scheduled: Option<Scheduled>,
    /// Serial of the last commit that reached an archive site.
    archived: u64,
    /// Serial of the last commit that the other node has.
    synchronized: u64,
    pub(crate) audit: Audit,
}

impl<D: Disk> Store<D> {
    /// Reads what is there. A damaged active configuration is an error, a damaged forerunner is left out.
    pub fn open(mut disk: D) -> Result<Self, StoreError> {
        let own = [ACTIVE, EDIT, FOLDED, COPY, RESCUE, ARCHIVED, SYNCHRONIZED];
        for name in own.into_iter().chain([crate::schedule::FILE, crate::audit::FILE]) {
            disk.remove(&format!("{name}.new"))?;
        }
        let Present { active, file, sum } = Present::read(&mut disk)?;
        let (mut before, mut slots, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = active.as_ref().map_or(0, |active| active.serial);
        let is_edited = file.is_some();
        if let Some(heading) = file {
            last = heading.serial;
            before.push(Heading { revert: None, ..heading });
            slots.push(0);
        }
        for n in 1..HISTORY_MAX {
            let found = found(&disk, &rollback_name(n), Stored::decode, &mut damaged)?;
            if let Some(Stored { heading, text: _ }) = found.filter(|s| s.serial < last) {
                last = heading.serial;
                before.push(Heading { revert: None, ..heading });
                slots.push(n);
            }
        }
        before.truncate(HISTORY_MAX - 1);
        slots.truncate(HISTORY_MAX - 1);
        let rescue = found(&disk, RESCUE, Stored::decode, &mut damaged)?;
        let scheduled = found(&disk, crate::schedule::FILE, Scheduled::decode, &mut damaged)?;
        let archived = serial(&disk, ARCHIVED)?;
        let synchronized = serial(&disk, SYNCHRONIZED)?;
        let audit = Audit::open(&mut disk)?;
        let mut store = Self {
            disk,
            active,
            sum,
            is_edited,
            is_unsynced: false,
            epoch: 0,
            whole_below: edit::WHOLE_BELOW,
            before,
            slots,
            rescue,
            damaged,
            scheduled,
            archived,
            synchronized,
            audit,
        };
        store.audit_commits(None)?;
        Ok(store)
    }

    /// Makes `text` the active configuration. On an error the active one is still the old one, except when only
    /// the last sync failed: then `active` says so.
    pub fn commit(&mut self, text: impl Into<Rope>, entry: Entry) -> Result<u64, StoreError> {
        let staged = self.stage(text, entry)?;
        self.record(staged)
    }

    /// Writes down what [`Self::record`] makes active; until then it counts for nothing, whatever happens.
    pub fn stage(&mut self, text: impl Into<Rope>, entry: Entry) -> Result<Staged, StoreError> {
        self.fold()?;
        self.epoch += 1;
        let epoch = self.epoch;
        let Entry { record, revert, archive, synchronize } = entry;
        let heading = Heading { serial: self.next_serial(), record, revert, archive, synchronize };
        let stored = Stored { heading, text: text.into() };
        let long = self.active.as_ref().filter(|_| stored.text.len() >= self.whole_below);
        if let Some(edit) = long.and_then(|active| edit::encode(&stored, active, &self.sum)) {
            self.disk.write(EDIT_NEW, &edit)?;
            return Ok(Staged { stored, epoch, whole: None });
        }
        let (bytes, sum) = stored.encode();
        self.disk.write(ACTIVE_NEW, &bytes)?;
        Ok(Staged { stored, epoch, whole: Some(sum) })
    }

    /// Makes what was staged active. Errors are those of [`Self::commit`].
    pub fn record(&mut self, staged: Staged) -> Result<u64, StoreError> {
        let Staged { stored, epoch, whole } = staged;
        if self.epoch != epoch {
            return Err(StoreError::Overtaken);
        }
        self.epoch += 1;
        let serial = stored.serial;
        match whole {
            Some(sum) => {
                self.shift()?;
                self.is_unsynced = true;
                self.disk.rename(ACTIVE_NEW, ACTIVE)?;
                self.sum = sum;
            }
            None => {
                // What it changes has to last before it does.
                self.sync()?;
                self.is_unsynced = true;
                self.disk.rename(EDIT_NEW, EDIT)?;
                self.is_edited = true;
            }
        }
        if let Some(before) = self.active.replace(stored) {
            // Only the active configuration can wait.
            self.before.insert(0, Heading { revert: None, ..before.heading });
            self.slots.insert(0, if self.is_edited { 0 } else { 1 });
            self.before.truncate(HISTORY_MAX - 1);
            self.slots.truncate(HISTORY_MAX - 1);
        }
        self.sync()?;
        Ok(serial)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.is_unsynced {
            self.disk.sync()?;
            self.is_unsynced = false;
        }
        Ok(())
    }

    /// Holds the active configuration's text as what `text` shares with others, if it is the same.
    pub fn share_text(&mut self, text: &Rope) {
        if let Some(active) = self.active.as_mut().filter(|active| active.text == *text) {
            active.text = text.clone();
        }
    }

    /// The serial of the next commit.
    #[must_use]
    pub fn next_serial(&self) -> u64 {
        self.active.as_ref().map_or(1, |active| active.serial + 1)
    }

    /// The serial that a commit made now goes back to unless it is confirmed: the last configuration that waits for
    /// nobody.
    ///
    /// # Errors
    /// That configuration would leave the history with this commit.
    pub fn revert_serial(&self) -> Result<u64, StoreError> {
        let Some(active) = &self.active else { return Ok(0) };
        let serial = active.revert.unwrap_or(active.serial);
        let place = self.history().iter().position(|s| s.serial == serial);
        if place.is_some_and(|place| place + 1 >= HISTORY_MAX) || (place.is_none() && serial > 0) {
            return Err(StoreError::RevertTooFar);
        }
        Ok(serial)
    }

    /// What to go back to when nobody confirms: empty when nothing was committed before. A forerunner that was
    /// damaged gives way to the one before it; `None` when no older one is left.
    #[must_use]
    pub fn revert_text(&self) -> Option<Rope> {
        let serial = self.active()?.revert?;
        if serial == 0 {
            return Some(Rope::default());
        }
        let fitting = (1..=self.before.len()).filter(|n| self.before[n - 1].serial <= serial);
        fitting.map(|n| self.rollback(n)).find_map(Result::ok).map(|stored| stored.text)
    }

    /// The active configuration waits for nobody any more.
    pub fn confirm(&mut self) -> Result<(), StoreError> {
        if self.active.as_ref().is_none_or(|active| active.revert.is_none()) {
            return Ok(());
        }
        self.fold()?;
        self.epoch += 1;
        let Some(active) = &mut self.active else { return Ok(()) };
        let confirmed = unconditional(active);
        let (bytes, sum) = confirmed.encode();
        self.is_unsynced = true;
        replace(&mut self.disk, ACTIVE, &bytes)?;
        (self.is_unsynced, self.sum) = (false, sum);
        *active = confirmed;
        Ok(())
    }

    /// Every forerunner moves one back, oldest first, so that none is overwritten before it has moved, and `active.conf` becomes
    /// the first. Gaps that a crash left are closed before, from the latest on.
    fn shift(&mut self) -> Result<(), StoreError> {
        let Some(active) = &self.active else { return Ok(()) };
        // The one that is `active.conf` itself has its place already.
        let own = usize::from(self.is_edited);
        for (n, slot) in self.slots.iter_mut().enumerate().skip(own) {
            let wanted = n + 1 - own;
            if *slot != wanted {
                self.disk.rename(&rollback_name(*slot), &rollback_name(wanted))?;
                *slot = wanted;
            }
        }
        // The oldest gives way to the one before it.
        self.slots.truncate(HISTORY_MAX - 2 + own);
        self.before.truncate(HISTORY_MAX - 2 + own);
        for n in (own..self.slots.len()).rev() {
            let slot = self.slots[n];
            self.disk.rename(&rollback_name(slot), &rollback_name(slot + 1))?;
            self.slots[n] = slot + 1;
        }
        let new = format!("{COPY}.new");
        // What an earlier attempt left may be the active configuration by another name.
        self.disk.remove(&new)?;
        if self.disk.link(ACTIVE, &new).is_err() {
            let bytes = match self.is_edited {
                true => self.disk.read(ACTIVE)?.ok_or(StoreError::Stray)?,
                false => active.encode().0,
            };
            self.disk.write(&new, &bytes)?;
        }
        self.disk.rename(&new, &rollback_name(1))?;
        self.disk.sync()?;
        Ok(())
    }

    /// Forgets forerunners beyond `keep`, the oldest first; those that a commit which waits may go back to, and those that
    /// have to reach an archive site, stay until they are needed no more. Spec: commit-48.
    pub fn prune(&mut self, keep: usize) -> Result<(), StoreError> {
        let revert = self.active.as_ref().and_then(|active| active.revert);
        let target = revert.and_then(|serial| self.before.iter().position(|s| s.serial <= serial));
        let waiting = self.before.iter().rposition(|s| s.archive && s.serial > self.archived);
        let needed = target.max(waiting).map_or(0, |place| place + 1);
        let before = self.slots.len();
        if before > keep.max(needed) {
            // The first may be the file that is active.
            self.fold()?;
        }
        while self.slots.len() > keep.max(needed)
            && let Some(slot) = self.slots.last()
        {
            self.disk.remove(&rollback_name(*slot))?;
            self.slots.pop();
            self.before.pop();
        }
        if self.slots.len() < before {
            self.disk.sync()?;
        }
        Ok(())
    }

    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }

    #[must_use]
    pub fn active(&self) -> Option<&Stored> {
        self.active.as_ref()
    }

    /// Latest first: index n is what `rollback n` loads.
    #[must_use]
    pub fn history(&self) -> Vec<&Heading> {
        self.active.iter().map(|active| &active.heading).chain(&self.before).collect()
    }

    /// Reads a forerunner from the disk.
    pub fn rollback(&self, n: usize) -> Result<Stored, StoreError> {
        let kept = self.history().len();
        let known =
            self.active.as_ref().filter(|_| n < kept).ok_or(StoreError::NoRollback { wanted: n, kept })?;
        let Some(at) = n.checked_sub(1) else { return Ok(known.clone()) };
        let name = match self.slots[at] {
            0 => ACTIVE.to_owned(),
            slot => rollback_name(slot),
        };
        let stored = self.disk.read(&name)?.and_then(|bytes| Stored::decode(&bytes));
        let is_it = |stored: &Stored| stored.serial == self.before[at].serial;
        let stored = stored.filter(is_it).ok_or(StoreError::Damaged { name })?;
        Ok(unconditional(&stored))
    }

    /// What leads from configuration `a` to `b`, both as `rollback` numbers.
    pub fn compare(&self, a: usize, b: usize) -> Result<String, StoreError> {
        let tree = |n| -> Result<Tree, StoreError> {
            Ok(ravelin_schema::read(&self.rollback(n)?.text.whole()).tree)
        };
        Ok(diff(&tree(a)?, &tree(b)?))
    }

    /// `request system configuration rescue save`: the active configuration, whatever is committed later.
    pub fn save_rescue(&mut self, record: Record) -> Result<(), StoreError> {
        let Some(active) = self.active() else {
            return Err(StoreError::NoRollback { wanted: 0, kept: 0 });
        };
        let serial = active.serial;
        let heading = Heading { serial, record, revert: None, archive: false, synchronize: false };
        let rescue = Stored { heading, text: active.text.clone() };
        replace(&mut self.disk, RESCUE, &rescue.encode().0)?;
        self.damaged.retain(|name| name != RESCUE);
        self.rescue = Some(rescue);
        Ok(())
    }

    pub fn delete_rescue(&mut self) -> Result<(), StoreError> {
        self.disk.remove(RESCUE)?;
        self.disk.sync()?;
        self.damaged.retain(|name| name != RESCUE);
        self.rescue = None;
        Ok(())
    }

    pub fn rescue(&self) -> Result<&Stored, StoreError> {
        if self.damaged.iter().any(|name| name == RESCUE) {
            return Err(StoreError::Damaged { name: RESCUE.to_owned() });
        }
        self.rescue.as_ref().ok_or(StoreError::NoRescue)
    }

    /// Files that were found damaged, and are as good as missing.
    #[must_use]
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// The oldest commit that still has to reach an archive site. The queue is the history: it is bounded with it,
    /// and a crash can neither lose an entry nor invent one.
    #[must_use]
    pub fn unarchived(&self) -> Option<Stored> {
        let history = self.history();
        let waits = |n: &usize| history[*n].archive && history[*n].serial > self.archived;
        (0..history.len()).rev().filter(waits).find_map(|n| self.rollback(n).ok())
    }

    /// A commit, and with it all before it, reached an archive site.
    pub fn archived(&mut self, serial: u64) -> Result<(), StoreError> {
        replace(&mut self.disk, ARCHIVED, format!("{serial}\n").as_bytes())?;
        self.archived = serial;
        Ok(())
    }

    /// The active configuration, if the other node is to have it and may not.
    #[must_use]
    pub fn unsynchronized(&self) -> Option<&Stored> {
        self.active.as_ref().filter(|active| active.synchronize && active.serial > self.synchronized)
    }

    /// The other node has everything up to this commit.
    pub fn synchronized(&mut self, serial: u64) -> Result<(), StoreError> {
        replace(&mut self.disk, SYNCHRONIZED, format!("{serial}\n").as_bytes())?;
        self.synchronized = serial;
        Ok(())
    }
}

/// A configuration that waits for nobody.
fn unconditional(stored: &Stored) -> Stored {
    let Stored { heading, text } = stored.clone();
    Stored { heading: Heading { revert: None, ..heading }, text }
}

fn rollback_name(n: usize) -> String {
    format!("{COPY}.{n}")
}

#[cfg(test)]
mod tests;
