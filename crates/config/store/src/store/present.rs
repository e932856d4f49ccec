//! What the files have: the active configuration, and what lies beside it.

use std::io;

use super::{ACTIVE, EDIT, StoreError};
use crate::disk::Disk;
use crate::edit::Edit;
use crate::file::{Heading, Stored};

/// What the files say is active.
pub(super) struct Present {
    pub active: Option<Stored>,
    /// The heading of `active.conf`, where what is active is more than that.
    pub file: Option<Heading>,
    /// What `active.conf` ends with.
    pub sum: String,
}

impl Present {
    pub fn read(disk: &mut impl Disk) -> Result<Self, StoreError> {
        let damaged = |name: &str| StoreError::Damaged { name: name.to_owned() };
        let file = match disk.read(ACTIVE)? {
            Some(bytes) => Some(Stored::decode_with_sum(&bytes).ok_or_else(|| damaged(ACTIVE))?),
            None => None,
        };
        let edit = match disk.read(EDIT)? {
            Some(bytes) => Some(Edit::decode(&bytes).ok_or_else(|| damaged(EDIT))?),
            None => None,
        };
        let (file, sum) = file.map_or_else(Default::default, |(stored, sum)| (Some(stored), sum));
        let Some(edit) = edit else { return Ok(Self { active: file, file: None, sum }) };
        let Some(stored) = file else { return Err(StoreError::Stray) };
        if edit.heading.serial <= stored.serial {
            // It is in the file already.
            disk.remove(EDIT)?;
            return Ok(Self { active: Some(stored), file: None, sum });
        }
        if edit.base != sum {
            return Err(StoreError::Stray);
        }
        let active = edit.apply(&stored.text).ok_or_else(|| damaged(EDIT))?;
        Ok(Self { active: Some(active), file: Some(stored.heading), sum })
    }
}

/// A number that was written down; without one nothing was done yet, and it is done again.
pub(super) fn serial(disk: &impl Disk, name: &str) -> io::Result<u64> {
    let text = disk.read(name)?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| text.trim().parse().ok()).unwrap_or(0))
}

/// What a file holds; one that isn't as it was written is named.
pub(super) fn found<T>(
    disk: &impl Disk,
    name: &str,
    decode: fn(&[u8]) -> Option<T>,
    damaged: &mut Vec<String>,
) -> io::Result<Option<T>> {
    let Some(bytes) = disk.read(name)? else { return Ok(None) };
    let decoded = decode(&bytes);
    if decoded.is_none() {
        damaged.push(name.to_owned());
    }
    Ok(decoded)
}
