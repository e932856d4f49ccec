//! One stored configuration: its text between a heading that says who and when, and a checksum.
//!
//! Both are `##` comments, so the file is itself a configuration that can be read and loaded anywhere. The heading
//! is cells of `key=value` parted by tabs.

use std::ops::Deref;

use ravelin_syntax::Rope;
use sha2::{Digest, Sha256};

/// Who made a commit, when and why. Time is seconds since 1970, given by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub time_s: u64,
    pub user: String,
    /// `cli`, `netconf`, ...; `other` when nobody asked for it: an automatic rollback.
    pub client: String,
    pub comment: Option<String>,
    /// Minutes of `commit confirmed`; stays when it is confirmed.
    pub confirmed_min: Option<u16>,
}

/// What is known of a configuration beside its text: its place in the sequence of commits, a later one has a greater
/// serial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    pub serial: u64,
    pub record: Record,
    /// Set while the commit waits to be confirmed: the serial to go back to, 0 for the empty configuration.
    pub revert: Option<u64>,
    /// It is to be transferred to the archive sites.
    pub archive: bool,
    /// It is the other node's too.
    pub synchronize: bool,
}

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub heading: Heading,
    pub text: Rope,
}

impl Deref for Stored {
    type Target = Heading;

    fn deref(&self) -> &Heading {
        &self.heading
    }
}

impl Stored {
    /// The file, and the checksum it ends with.
    #[must_use]
    pub(crate) fn encode(&self) -> (Vec<u8>, String) {
        seal(&heading_cells(&self.heading), &self.text)
    }

    /// `None` unless every byte is as written.
    #[must_use]
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode_with_sum(bytes).map(|(stored, _)| stored)
    }

    /// And the checksum the file ends with.
    #[must_use]
    pub(crate) fn decode_with_sum(bytes: &[u8]) -> Option<(Self, String)> {
        let (sealed, sum) = unseal(bytes)?;
        Some((Self { heading: read_heading(&sealed)?, text: sealed.text.into() }, sum))
    }
}

pub(crate) fn heading_cells(heading: &Heading) -> Vec<(&'static str, String)> {
    let Heading { serial, record, revert, archive, synchronize } = heading;
    let mut cells = vec![("serial", serial.to_string())];
    cells.extend(record.cells());
    cells.extend(revert.map(|serial| ("revert", serial.to_string())));
    cells.extend(archive.then(|| ("archive", "1".to_owned())));
    cells.extend(synchronize.then(|| ("synchronize", "1".to_owned())));
    cells
}

pub(crate) fn read_heading(sealed: &Sealed) -> Option<Heading> {
    Some(Heading {
        serial: sealed.number("serial")?,
        record: Record::read(sealed)?,
        revert: sealed.number("revert"),
        archive: sealed.cell("archive").is_some(),
        synchronize: sealed.cell("synchronize").is_some(),
    })
}

impl Record {
    pub(crate) fn cells(&self) -> Vec<(&'static str, String)> {
        let Self { time_s, user, client, comment, confirmed_min } = self;
        let mut cells =
            vec![("time", time_s.to_string()), ("user", user.clone()), ("client", client.clone())];
        cells.extend(confirmed_min.map(|minutes| ("confirmed", minutes.to_string())));
        cells.extend(comment.clone().map(|comment| ("comment", comment)));
        cells
    }

    pub(crate) fn read(sealed: &Sealed) -> Option<Self> {
        Some(Self {
            time_s: sealed.number("time")?,
            user: sealed.cell("user")?.to_owned(),
            client: sealed.cell("client")?.to_owned(),
            comment: sealed.cell("comment").map(str::to_owned),
            confirmed_min: sealed.number("confirmed"),
        })
    }
}

const HEAD: &str = "## ravelin 2";
const TAIL: &str = "## sha256 ";

/// What heading and checksum rarely exceed.
const SEAL_BYTES: usize = 1024;

/// What a checksummed file holds.
#[derive(Debug)]
pub(crate) struct Sealed {
    cells: Vec<(String, String)>,
    pub text: String,
}

impl Sealed {
    pub fn cell(&self, key: &str) -> Option<&str> {
        self.cells.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    pub fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.cell(key)?.parse().ok()
    }
}

/// A file, and the checksum it ends with.
#[must_use]
pub(crate) fn seal(cells: &[(&str, String)], text: &Rope) -> (Vec<u8>, String) {
    let mut out = String::with_capacity(text.len() + SEAL_BYTES);
    out.push_str(HEAD);
    for (key, value) in cells {
        out.push_str(&format!("\t{key}={}", clean(value)));
    }
    out.push('\n');
    text.pieces().for_each(|piece| out.push_str(&piece));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    let sum = sum(&out);
    out.push_str(&format!("{TAIL}{sum}\n"));
    (out.into_bytes(), sum)
}

/// What a file holds, and the checksum it ends with.
#[must_use]
pub(crate) fn unseal(bytes: &[u8]) -> Option<(Sealed, String)> {
    let whole = std::str::from_utf8(bytes).ok()?;
    let (body, tail) = whole.split_at(whole.rfind(TAIL)?);
    let sum = sum(body);
    if tail.strip_prefix(TAIL)?.strip_suffix('\n')? != sum {
        return None;
    }
    let (head, text) = body.split_once('\n')?;
    let cells = head.strip_prefix(HEAD)?.split('\t').skip(1);
    let cells = cells.filter_map(|cell| cell.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
    Some((Sealed { cells: cells.collect(), text: text.to_owned() }, sum))
}

/// One line of one cell.
#[must_use]
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let comment = Some("a = b\tc".to_owned());
        let record =
            Record { time_s: 7, user: "ann".into(), client: "cli".into(), comment, confirmed_min: Some(3) };
        let stored = Stored {
            heading: Heading { serial: 9, record, revert: Some(8), archive: true, synchronize: true },
            text: "system;\n## sha256 x\n".into(),
        };
        let (bytes, _) = stored.encode();
        let comment = Some("a = b c".to_owned());
        let record = Record { comment, ..stored.record.clone() };
        assert_eq!(
            Stored::decode(&bytes),
            Some(Stored { heading: Heading { record, ..stored.heading }, text: stored.text })
        );
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut wrong = bytes.clone();
                wrong[at] ^= 1 << bit;
                assert_eq!(Stored::decode(&wrong), None, "byte {at}, bit {bit}");
            }
            assert_eq!(Stored::decode(&bytes[..at]), None, "cut at {at}");
        }
    }
}
