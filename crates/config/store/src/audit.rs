//! Who changed what: a file beside the rollbacks, one line a changed statement, secrets masked.
//!
//! `audit.log` is cells parted by tabs: serial, time, user, client, what. A line `.` with the last audited serial ends
//! what was written at once; whatever a crash left behind the last such line is cut off. What the file lacks of the
//! history is made up from the history, so a commit can't escape it by a crash. Spec: commit-35.

use std::io;

use ravelin_syntax::{Tree, render};

use crate::disk::{Disk, replace};
use crate::file::{Record, Stored, clean};
use crate::store::{Store, StoreError};

pub(crate) const FILE: &str = "audit.log";
const OLD: &str = "audit.log.1";

/// The file gives way to a new one beyond this; one older is kept.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Changes of one commit that are written out.
const CHANGES_MAX: usize = 1000;

/// Keywords whose next word is a secret.
const SECRETS: &[&str] = &[
    "ascii-text",
    "authentication-key",
    "authentication-password",
    "community-name",
    "encrypted-password",
    "hexadecimal",
    "key",
    "md5",
    "passphrase",
    "password",
    "plain-text-password-value",
    "preauthentication-secret",
    "privacy-key",
    "privacy-password",
    "secret",
    "simple-password",
];
const MASK: &str = "/* SECRET-DATA */";

#[derive(Debug)]
pub(crate) struct Audit {
    bytes: usize,
    /// The last commit that is in the file.
    serial: u64,
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
        Ok(Self { bytes: end, serial })
    }

    fn add(&mut self, disk: &mut impl Disk, lines: &str, serial: u64) -> io::Result<()> {
        let block = format!("{lines}.\t{serial}\n");
        if self.bytes > 0 && self.bytes + block.len() > FILE_BYTES_MAX {
            disk.rename(FILE, OLD)?;
            self.bytes = 0;
        }
        disk.append(FILE, block.as_bytes())?;
        if self.bytes == 0 {
            // The file is new: its name must last too.
            disk.sync()?;
        }
        self.bytes += block.len();
        self.serial = serial;
        Ok(())
    }
}

impl<D: Disk> Store<D> {
    /// Writes down every commit that the audit file lacks; returns its lines, `set ...` and `delete ...`.
    pub fn audit_commits(&mut self) -> Result<Vec<String>, StoreError> {
        let done = self.audit.serial;
        let lacking: Vec<usize> =
            (0..self.history().len()).rev().filter(|&n| self.history()[n].serial > done).collect();
        let mut said = Vec::new();
        for n in lacking {
            let new = &self.history()[n];
            let before = self.history().get(n + 1);
            let serial = new.serial;
            let changes = match before {
                Some(old) => changes(&tree(old), &tree(new)),
                // What stood before the oldest that is kept isn't known.
                None if serial > 1 => Vec::new(),
                None => changes(&Tree::default(), &tree(new)),
            };
            let mut lines = line(serial, &new.record, "commit");
            for change in changes.iter().take(CHANGES_MAX) {
                lines.push_str(&line(serial, &new.record, change));
            }
            if changes.len() > CHANGES_MAX {
                let more = format!("{} more changes", changes.len() - CHANGES_MAX);
                lines.push_str(&line(serial, &new.record, &more));
            }
            self.audit.add(&mut self.disk, &lines, serial)?;
            said = changes;
        }
        Ok(said)
    }

    /// Writes down what is no commit: a confirmation, a rescue configuration, a schedule.
    pub fn audit_note(&mut self, record: &Record, what: &str) -> Result<(), StoreError> {
        let serial = self.audit.serial;
        let lines = line(self.active().map_or(0, |active| active.serial), record, what);
        self.audit.add(&mut self.disk, &lines, serial)?;
        Ok(())
    }
}

fn line(serial: u64, record: &Record, what: &str) -> String {
    let Record { time_s, user, client, comment: _, confirmed_min: _ } = record;
    format!("{serial}\t{time_s}\t{}\t{}\t{}\n", clean(user), clean(client), clean(what))
}

fn tree(stored: &Stored) -> Tree {
    ravelin_schema::read(&stored.text).tree
}

/// What leads from one tree to the other as commands, secrets masked. An order alone that changed is said as such.
#[must_use]
pub fn changes(old: &Tree, new: &Tree) -> Vec<String> {
    let (old, new) = (render::set(old), render::set(new));
    let before: std::collections::HashSet<&str> = old.lines().collect();
    let after: std::collections::HashSet<&str> = new.lines().collect();
    let undo = |line: &str| match line.split_once(' ') {
        Some(("set", rest)) => format!("delete {rest}"),
        Some(("deactivate", rest)) => format!("activate {rest}"),
        Some(("protect", rest)) => format!("unprotect {rest}"),
        _ => format!("delete {line}"),
    };
    let gone = old.lines().filter(|line| !after.contains(line)).map(|line| mask(&undo(line)));
    let come = new.lines().filter(|line| !before.contains(line)).map(mask);
    let mut out: Vec<String> = gone.chain(come).collect();
    let kept = |text: &str, other: &std::collections::HashSet<&str>| -> Vec<String> {
        text.lines().filter(|line| other.contains(line)).map(str::to_owned).collect()
    };
    if kept(&old, &after) != kept(&new, &before) {
        out.push("insert: the order of statements".to_owned());
    }
    out
}

/// The line without the values of secrets.
#[must_use]
pub fn mask(line: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut secret = false;
    for word in words(line) {
        let hashed = word.trim_start_matches('"').strip_prefix('$').is_some_and(|rest| rest.contains('$'));
        out.push(if secret || hashed { MASK } else { word });
        secret = SECRETS.contains(&word);
    }
    out.join(" ")
}

/// Words as `set` lines have them: parted by a space, one in quotes may hold spaces.
fn words(line: &str) -> Vec<&str> {
    let (mut out, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                out.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&line[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        ravelin_schema::read(text).tree
    }

    #[test]
    fn changes_are_commands() {
        let old = tree("set system host-name a\nset interfaces ge-0/0/0 disable");
        let new =
            tree("set system host-name b\nset interfaces ge-0/0/0 disable\ndeactivate interfaces ge-0/0/0");
        assert_eq!(
            changes(&old, &new),
            ["delete system host-name a", "set system host-name b", "deactivate interfaces ge-0/0/0"]
        );
        assert_eq!(changes(&new, &new), Vec::<String>::new());
        let one = tree("set interfaces ge-0/0/0 disable\nset interfaces ge-0/0/1 disable");
        let two = tree("set interfaces ge-0/0/1 disable\nset interfaces ge-0/0/0 disable");
        assert_eq!(changes(&one, &two), ["insert: the order of statements"]);
    }

    #[test]
    fn secrets_are_masked() {
        for (line, expected) in [
            (
                "set system radius-server 192.0.2.1 secret \"a b\\\" c\" timeout 3",
                "set system radius-server 192.0.2.1 secret /* SECRET-DATA */ timeout 3",
            ),
            ("set x encrypted-password \"$6$ab$cd\"", "set x encrypted-password /* SECRET-DATA */"),
            ("set x anything \"$9$abc\"", "set x anything /* SECRET-DATA */"),
            ("set system host-name secret", "set system host-name secret"),
        ] {
            assert_eq!(mask(line), expected);
        }
    }
}
