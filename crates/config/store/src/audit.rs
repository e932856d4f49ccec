//! Who changed what: a file beside the rollbacks, one line a changed statement, secrets masked.
//!
//! `audit.log` is cells parted by tabs: serial, time, user, client, what. A line `.` with the last audited serial ends
//! what was written at once; whatever a crash left behind the last such line is cut off. What the file lacks of the
//! history is made up from the history, so a commit can't escape it by a crash. Spec: commit-35.

use std::io;

use ravelin_syntax::Tree;

use crate::changes::changes;
use crate::disk::{Disk, replace};
use crate::file::{Heading, Record, clean};
use crate::store::{Store, StoreError};

pub(crate) const FILE: &str = "audit.log";
const OLD: &str = "audit.log.1";

/// The file gives way to a new one beyond this; one older is kept.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Changes of one commit that are written out.
const CHANGES_MAX: usize = 1000;

#[derive(Debug)]
pub(crate) struct Audit {
    bytes: usize,
    /// The last commit that is in the file.
    serial: u64,
    /// The last addition failed, and may have left a part of itself.
    torn: bool,
}

impl Audit {
    /// Cuts off what a crash left half written.
    pub fn open(disk: &mut impl Disk) -> io::Result<Self> {
        let bytes = disk.read(FILE)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let (mut end, mut at, mut serial) = (0, 0, 0);
        for line in text.split_inclusive('\n') {
            at += line.len();
            let last = line.strip_prefix(".\t").and_then(|rest| rest.strip_suffix('\n'));
            if let Some(number) = last.and_then(|rest| rest.parse().ok()) {
                (end, serial) = (at, number);
            }
        }
        if end < text.len() {
            replace(disk, FILE, &text.as_bytes()[..end])?;
        }
        Ok(Self { bytes: end, serial, torn: false })
    }

    fn add(&mut self, disk: &mut impl Disk, lines: &str, serial: u64) -> io::Result<()> {
        let block = format!("{lines}.\t{serial}\n");
        if self.bytes > 0 && self.bytes + block.len() > FILE_BYTES_MAX {
            disk.rename(FILE, OLD)?;
            self.bytes = 0;
        }
        self.torn = true;
        disk.append(FILE, block.as_bytes())?;
        if self.bytes == 0 {
            // The file is new: its name must last too.
            disk.sync()?;
        }
        self.torn = false;
        self.bytes += block.len();
        self.serial = serial;
        Ok(())
    }
}

impl<D: Disk> Store<D> {
    /// Writes down every commit that the audit file lacks; returns the last one's lines, `set ...` and `delete ...`.
    /// `last` is the configuration before and after the last commit, when they are at hand.
    pub fn audit_commits(&mut self, last: Option<(&Tree, &Tree)>) -> Result<Vec<String>, StoreError> {
        self.mend()?;
        let done = self.audit.serial;
        let history: Vec<Heading> = self.history().into_iter().cloned().collect();
        let mut said = Vec::new();
        for (n, Heading { serial, record, .. }) in history.iter().enumerate().rev() {
            if *serial <= done {
                continue;
            }
            let changes = match last {
                Some((old, new)) if n == 0 => changes(old, new),
                // What stood before the oldest that is kept isn't known.
                _ if n + 1 == history.len() && *serial > 1 => Vec::new(),
                _ if n + 1 == history.len() => changes(&Tree::default(), &self.tree(n)?),
                _ => changes(&self.tree(n + 1)?, &self.tree(n)?),
            };
            let mut lines = line(*serial, record, "commit");
            for change in changes.iter().take(CHANGES_MAX) {
                lines.push_str(&line(*serial, record, change));
            }
            if changes.len() > CHANGES_MAX {
                let more = format!("{} more changes", changes.len() - CHANGES_MAX);
                lines.push_str(&line(*serial, record, &more));
            }
            self.audit.add(&mut self.disk, &lines, *serial)?;
            said = changes;
        }
        Ok(said)
    }

    /// Writes down what is no commit: a confirmation, a rescue configuration, a schedule.
    pub fn audit_note(&mut self, record: &Record, what: &str) -> Result<(), StoreError> {
        self.mend()?;
        let serial = self.audit.serial;
        let lines = line(self.active().map_or(0, |active| active.serial), record, what);
        self.audit.add(&mut self.disk, &lines, serial)?;
        Ok(())
    }

    fn tree(&self, n: usize) -> Result<Tree, StoreError> {
        Ok(ravelin_schema::read(&self.rollback(n)?.text.whole()).tree)
    }

    /// After a failure the file itself tells what it has.
    fn mend(&mut self) -> Result<(), StoreError> {
        if self.audit.torn {
            self.audit = Audit::open(&mut self.disk)?;
        }
        Ok(())
    }
}

fn line(serial: u64, record: &Record, what: &str) -> String {
    let Record { time_s, user, client, comment: _, confirmed_min: _ } = record;
    format!("{serial}\t{time_s}\t{}\t{}\t{}\n", clean(user), clean(client), clean(what))
}
