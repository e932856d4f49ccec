//! The active configuration and those before it, kept so that a crash leaves the old one or the new one, whole.
//!
//! `active.conf` is what a restart applies; `rollback.1` to `rollback.49` are its forerunners, the latest first.
//! The rename onto `active.conf` is the commit point. Whatever was half done before it is undone by reading: a
//! forerunner counts only when its checksum holds and its serial is below the active one's.

use std::io;

use ravelin_syntax::{Tree, diff};

use crate::disk::Disk;
use crate::file::{Record, Stored, decode, encode};

/// Configurations kept, the active one included.
pub const HISTORY_MAX: usize = 50;

const ACTIVE: &str = "active.conf";
const NEW: &str = "active.conf.new";
const COPY: &str = "rollback.new";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store's files can't be used: {0}")]
    Io(#[from] io::Error),
    #[error("`{name}' is damaged: its checksum doesn't match")]
    Damaged { name: String },
    #[error("there is no rollback {wanted}; {kept} configurations are kept")]
    NoRollback { wanted: usize, kept: usize },
}

#[derive(Debug)]
pub struct Store<D> {
    disk: D,
    /// Latest first; the first is active. Empty before the first commit.
    history: Vec<Stored>,
    /// The number of the file that holds each forerunner: rising, and without gaps unless a crash left one.
    slots: Vec<usize>,
}

impl<D: Disk> Store<D> {
    /// Reads what is there. A damaged active configuration is an error, a damaged forerunner is left out.
    pub fn open(mut disk: D) -> Result<Self, StoreError> {
        disk.remove(NEW)?;
        disk.remove(COPY)?;
        let mut history = Vec::new();
        if let Some(bytes) = disk.read(ACTIVE)? {
            history.push(decode(&bytes).ok_or_else(|| StoreError::Damaged { name: ACTIVE.to_owned() })?);
        }
        let limit = history.first().map_or(0, |active: &Stored| active.serial);
        let mut slots = Vec::new();
        for n in 1..HISTORY_MAX {
            let found = disk.read(&rollback_name(n))?.and_then(|bytes| decode(&bytes));
            let last = history.last().map_or(0, |s| s.serial);
            if let Some(stored) = found.filter(|s| s.serial < limit.min(last)) {
                history.push(stored);
                slots.push(n);
            }
        }
        Ok(Self { disk, history, slots })
    }

    /// Makes `text` the active configuration. On an error the active one is still the old one.
    pub fn commit(&mut self, text: &str, record: Record) -> Result<u64, StoreError> {
        let serial = self.history.first().map_or(1, |active| active.serial + 1);
        let stored = Stored { serial, record, text: text.to_owned() };
        self.disk.write(NEW, &encode(&stored))?;
        self.shift()?;
        self.disk.rename(NEW, ACTIVE)?;
        if !self.history.is_empty() {
            self.slots.insert(0, 1);
        }
        self.history.insert(0, stored);
        self.disk.sync()?;
        Ok(serial)
    }

    /// Every forerunner moves one back, oldest first, so that none is overwritten before it has moved. Gaps that a
    /// crash left are closed first, from the latest on.
    fn shift(&mut self) -> Result<(), StoreError> {
        let Some(active) = self.history.first() else { return Ok(()) };
        let copy = encode(active);
        for (n, slot) in self.slots.iter_mut().enumerate() {
            if *slot != n + 1 {
                self.disk.rename(&rollback_name(*slot), &rollback_name(n + 1))?;
                *slot = n + 1;
            }
        }
        // The oldest gives way to the one before it.
        self.slots.truncate(HISTORY_MAX - 2);
        self.history.truncate(HISTORY_MAX - 1);
        for n in (1..=self.slots.len()).rev() {
            self.disk.rename(&rollback_name(n), &rollback_name(n + 1))?;
            self.slots[n - 1] = n + 1;
        }
        self.disk.write(COPY, &copy)?;
        self.disk.rename(COPY, &rollback_name(1))?;
        self.disk.sync()?;
        Ok(())
    }

    #[must_use]
    pub fn active(&self) -> Option<&Stored> {
        self.history.first()
    }

    /// Latest first: index n is what `rollback n` loads.
    #[must_use]
    pub fn history(&self) -> &[Stored] {
        &self.history
    }

    pub fn rollback(&self, n: usize) -> Result<&Stored, StoreError> {
        self.history.get(n).ok_or(StoreError::NoRollback { wanted: n, kept: self.history.len() })
    }

    /// What leads from configuration `a` to `b`, both as `rollback` numbers.
    pub fn compare(&self, a: usize, b: usize) -> Result<String, StoreError> {
        let tree = |n| -> Result<Tree, StoreError> { Ok(ravelin_schema::read(&self.rollback(n)?.text).tree) };
        Ok(diff(&tree(a)?, &tree(b)?))
    }
}

fn rollback_name(n: usize) -> String {
    format!("rollback.{n}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Files = BTreeMap<String, Vec<u8>>;

    /// A disk that dies at its nth change; a write that dies leaves half its bytes.
    #[derive(Clone, Default)]
    struct DyingDisk {
        now: Files,
        durable: Files,
        left: Option<usize>,
    }

    impl DyingDisk {
        fn step(&mut self) -> io::Result<()> {
            match &mut self.left {
                Some(0) => Err(io::Error::other("dead")),
                Some(n) => {
                    *n -= 1;
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }

    impl Disk for &mut DyingDisk {
        fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
            Ok(self.now.get(name).cloned())
        }

        fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
            let alive = self.step();
            let kept = if alive.is_ok() { bytes.len() } else { bytes.len() / 2 };
            self.now.insert(name.to_owned(), bytes[..kept].to_vec());
            alive
        }

        fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
            self.step()?;
            let bytes = self.now.remove(from).ok_or_else(|| io::Error::other("missing"))?;
            self.now.insert(to.to_owned(), bytes);
            Ok(())
        }

        fn remove(&mut self, name: &str) -> io::Result<()> {
            self.step()?;
            self.now.remove(name);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.step()?;
            self.durable = self.now.clone();
            Ok(())
        }
    }

    fn text(n: usize) -> String {
        format!("system {{\n    host-name fw{n};\n}}\n")
    }

    fn filled(commits: usize) -> DyingDisk {
        let mut disk = DyingDisk::default();
        let mut store = Store::open(&mut disk).unwrap_or_else(|e| panic!("{e}"));
        for n in 1..=commits {
            let done =
                store.commit(&text(n), Record { time_s: n as u64, user: "a".into(), ..Record::default() });
            assert!(done.is_ok(), "{done:?}");
        }
        drop(store);
        disk
    }

    #[test]
    fn a_crash_at_any_step_leaves_the_old_or_the_new_configuration_and_all_history() {
        for commits in [0, 1, 3, 60] {
            let before = filled(commits);
            let mut finished = false;
            for kill in 0.. {
                let mut disk = DyingDisk { left: Some(kill), ..before.clone() };
                let done =
                    Store::open(&mut disk).and_then(|mut s| s.commit(&text(commits + 1), Record::default()));
                for files in [disk.now.clone(), disk.durable.clone()] {
                    let mut after = DyingDisk { now: files.clone(), durable: files, left: None };
                    let store = Store::open(&mut after).unwrap_or_else(|e| panic!("kill {kill}: {e}"));
                    let active = store.active().map_or(0, |s| s.serial as usize);
                    assert!(active == commits || active == commits + 1, "kill {kill}: {active}");
                    assert!(done.is_err() || active == commits + 1, "kill {kill}: committed but lost");
                    let serials: Vec<usize> = store.history().iter().map(|s| s.serial as usize).collect();
                    let wanted: Vec<usize> =
                        (1..=active).rev().take(serials.len().max(HISTORY_MAX - 1)).collect();
                    assert_eq!(serials, wanted, "kill {kill}");
                    assert!(store.history().iter().all(|s| s.text == text(s.serial as usize)));
                }
                finished = done.is_ok();
                if finished {
                    break;
                }
            }
            assert!(finished);
        }
    }

    #[test]
    fn damage_is_noticed() {
        let mut disk = filled(2);
        if let Some(bytes) = disk.now.get_mut("active.conf") {
            bytes[30] ^= 1;
        }
        assert!(matches!(Store::open(&mut disk), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn fifty_configurations_are_kept_and_compared() {
        let mut disk = filled(60);
        let store = Store::open(&mut disk).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(store.history().len(), HISTORY_MAX);
        let want = "[edit system]\n-   host-name fw59;\n+   host-name fw60;\n";
        assert_eq!(store.compare(1, 0).ok().as_deref(), Some(want));
        assert!(matches!(store.rollback(50), Err(StoreError::NoRollback { wanted: 50, kept: 50 })));
    }

    #[test]
    fn a_directory_keeps_what_was_committed() {
        let place = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let open = || {
            let disk = crate::Directory::open(place.path()).unwrap_or_else(|e| panic!("{e}"));
            Store::open(disk).unwrap_or_else(|e| panic!("{e}"))
        };
        let record = Record {
            time_s: 7,
            user: "ann".into(),
            client: "cli".into(),
            comment: Some("two\nlines".into()),
        };
        assert!(open().commit(&text(1), record).is_ok());
        assert!(open().commit(&text(2), Record::default()).is_ok());
        let store = open();
        assert_eq!(store.active().map(|s| s.text.clone()), Some(text(2)));
        assert_eq!(store.history()[1].record.comment.as_deref(), Some("two lines"));
    }
}
