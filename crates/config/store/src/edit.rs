//! A commit of a long configuration as what it changed, written beside the file that it changes.
//!
//! `active.edit` holds the heading of the new configuration, the checksum that `active.conf` ends with, and splices: a line
//! `= BEGIN END`, bytes of that configuration, or `+ LENGTH` and as many bytes that are new. Sealed as any file of the store.

use ravelin_syntax::{Rope, Splice};

use crate::file::{Heading, Stored, heading_cells, read_heading, seal, unseal};

/// Shorter configurations are written as a whole: that takes no longer.
pub(crate) const WHOLE_BELOW: usize = 64 << 10;
/// New text may be this part of the whole.
const NEW_MAX: usize = 4;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Edit {
    pub heading: Heading,
    /// What the file that it changes ends with.
    pub base: String,
    splices: String,
}

/// How `new` is written beside `old`; `None` when it is better written as a whole.
#[must_use]
pub(crate) fn encode(new: &Stored, old: &Stored, base: &str) -> Option<Vec<u8>> {
    let splices = new.text.splices(&old.text);
    let fresh: usize = splices.iter().map(|s| if let Splice::New(text) = s { text.len() } else { 0 }).sum();
    if fresh > new.text.len() / NEW_MAX {
        return None;
    }
    let mut body = String::with_capacity(fresh + splices.len() * 32);
    for splice in splices {
        match splice {
            Splice::Kept(range) => body.push_str(&format!("= {} {}\n", range.start, range.end)),
            Splice::New(text) => {
                body.push_str(&format!("+ {}\n", text.len()));
                body.push_str(&text);
                body.push('\n');
            }
        }
    }
    let mut cells = heading_cells(&new.heading);
    cells.push(("base", base.to_owned()));
    Some(seal(&cells, &body.into()).0)
}

impl Edit {
    /// `None` unless every byte is as written.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (sealed, _) = unseal(bytes)?;
        let base = sealed.cell("base")?.to_owned();
        Some(Self { heading: read_heading(&sealed)?, base, splices: sealed.text })
    }

    /// The configuration that it makes of `old`.
    #[must_use]
    pub fn apply(&self, old: &Rope) -> Option<Stored> {
        let mut splices = Vec::new();
        let mut rest = &*self.splices;
        while !rest.is_empty() {
            let (line, behind) = rest.split_once('\n')?;
            let (kind, numbers) = line.split_once(' ')?;
            rest = match kind {
                "=" => {
                    let (start, end) = numbers.split_once(' ')?;
                    splices.push(Splice::Kept(start.parse().ok()?..end.parse().ok()?));
                    behind
                }
                "+" => {
                    let text = behind.get(..numbers.parse().ok()?)?;
                    splices.push(Splice::New(text.into()));
                    behind[text.len()..].strip_prefix('\n')?
                }
                _ => return None,
            };
        }
        Some(Stored { heading: self.heading.clone(), text: old.spliced(splices)? })
    }
}
