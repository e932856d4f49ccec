//! One stored configuration: its text between a heading that says who and when, and a checksum.
//!
//! Both are `##` comments, so the file is itself a configuration that can be read and loaded anywhere.

use sha2::{Digest, Sha256};

/// Who made a commit, when and why. Time is seconds since 1970, given by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub time_s: u64,
    pub user: String,
    /// `cli`, `netconf`, ...
    pub client: String,
    pub comment: Option<String>,
}

/// A configuration and its place in the sequence of commits; a later one has a greater serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub serial: u64,
    pub record: Record,
    pub text: String,
}

const HEAD: &str = "## ravelin 1";
const TAIL: &str = "## sha256 ";

#[must_use]
pub(crate) fn encode(stored: &Stored) -> Vec<u8> {
    let Stored { serial, record, text } = stored;
    let Record { time_s, user, client, comment } = record;
    let comment = comment.as_deref().map_or(String::new(), |c| format!("\t{}", clean(c)));
    let mut out = format!("{HEAD}\t{serial}\t{time_s}\t{}\t{}{comment}\n{text}", clean(user), clean(client));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    let sum = sum(&out);
    out.push_str(&format!("{TAIL}{sum}\n"));
    out.into_bytes()
}

/// `None` unless every byte is as written.
#[must_use]
pub(crate) fn decode(bytes: &[u8]) -> Option<Stored> {
    let whole = std::str::from_utf8(bytes).ok()?;
    let cut = whole.rfind(TAIL)?;
    let (body, tail) = whole.split_at(cut);
    if tail.strip_prefix(TAIL)?.strip_suffix('\n')? != sum(body) {
        return None;
    }
    let (head, text) = body.split_once('\n')?;
    let mut cells = head.strip_prefix(HEAD)?.strip_prefix('\t')?.split('\t');
    let serial = cells.next()?.parse().ok()?;
    let record = Record {
        time_s: cells.next()?.parse().ok()?,
        user: cells.next()?.to_owned(),
        client: cells.next()?.to_owned(),
        comment: cells.next().map(str::to_owned),
    };
    Some(Stored { serial, record, text: text.to_owned() })
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
