//! The binary form: a record of numbers, lengths and values, without names, and the way back.
//!
//! Junos does not publish its own encoding; this one is described in docs/spec/log.md and may be relied on: numbers of
//! messages and types of values never change. Spec: log-39..42.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::line::{Line, MESSAGE_MAX};
use crate::message::Message;
use crate::plan::Style;
use crate::record::Record;
use crate::table::Tag;
use crate::values::Value;

/// What every record begins with: two letters and the version.
pub(crate) const START: [u8; 3] = *b"RV\x01";
/// Bytes before the host name.
const HEAD: usize = 19;
/// Bytes of one text; what is longer is cut.
const TEXT_MAX: usize = 1024;

/// Types of values.
const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const HEX: u8 = 2;
const V4: u8 = 4;
const V6: u8 = 6;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    #[error("no record begins here")]
    NoStart,
    #[error("the record is cut off")]
    Cut,
    #[error("the record contradicts its own lengths")]
    Malformed,
    #[error("message {0} is of a later version")]
    Unknown(u16),
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub time: Timestamp,
    /// Facility times 8 plus severity.
    pub priority: u8,
    pub host_name: String,
    pub tag: Tag,
    values: Vec<Owned>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Text(String),
    Number(u64),
    Hex(u64),
    Address(IpAddr),
}

/// Appends a record.
pub(crate) fn encode(out: &mut Vec<u8>, line: &Line<'_>, record: &Record) {
    let start = out.len();
    let message = record.message();
    out.extend_from_slice(&START);
    out.push((line.facility << 3) | message.severity as u8);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&line.clock.microsecond().to_be_bytes());
    out.extend_from_slice(&message.number.to_be_bytes());
    let mut host_name = String::new();
    crate::line::host(&mut host_name, line.host_name);
    out.push(host_name.len() as u8);
    out.extend_from_slice(host_name.as_bytes());
    record.with_values(|values| {
        for value in values {
            let before = out.len();
            push(out, value);
            if out.len() - start > MESSAGE_MAX {
                // Whole values only; the reader takes the rest for empty.
                out.truncate(before);
                break;
            }
        }
    });
    let length = (out.len() - start) as u32;
    out[start + 4..start + 8].copy_from_slice(&length.to_be_bytes());
}

fn push(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => {
            let text = &text[..text.floor_char_boundary(TEXT_MAX)];
            out.push(TEXT);
            out.extend_from_slice(&(text.len() as u16).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            out.push(NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Hex(number) => {
            out.push(HEX);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Address(IpAddr::V4(address)) => {
            out.push(V4);
            out.extend_from_slice(&address.octets());
        }
        Value::Address(IpAddr::V6(address)) => {
            out.push(V6);
            out.extend_from_slice(&address.octets());
        }
    }
}

/// Takes `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn text(bytes: &mut &[u8], length: usize) -> Option<String> {
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(std::str::from_utf8(head).ok()?.to_owned())
}

fn value(bytes: &mut &[u8]) -> Option<Owned> {
    Some(match take::<1>(bytes)?[0] {
        TEXT => {
            let length = u16::from_be_bytes(take(bytes)?);
            Owned::Text(text(bytes, length.into())?)
        }
        NUMBER => Owned::Number(u64::from_be_bytes(take(bytes)?)),
        HEX => Owned::Hex(u64::from_be_bytes(take(bytes)?)),
        V4 => Owned::Address(Ipv4Addr::from(take::<4>(bytes)?).into()),
        V6 => Owned::Address(Ipv6Addr::from(take::<16>(bytes)?).into()),
        _ => return None,
    })
}

impl Decoded {
    /// Reads the record at the front, and how long it is.
    ///
    /// # Errors
    /// There is none, or not a whole one; with [`BinaryError::Unknown`] the length is good for stepping over it.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), (BinaryError, usize)> {
        if !bytes.starts_with(&START) {
            return Err((BinaryError::NoStart, 1));
        }
        let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else { return Err((BinaryError::Cut, 1)) };
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if !(HEAD..=MESSAGE_MAX).contains(&length) {
            return Err((BinaryError::Malformed, 1));
        }
        let Some(whole) = bytes.get(..length) else { return Err((BinaryError::Cut, 1)) };
        let number = u16::from_be_bytes([head[16], head[17]]);
        let Some(tag) = Tag::from_number(number) else {
            return Err((BinaryError::Unknown(number), length));
        };
        let found = Self::body(tag, head, &whole[HEAD..]).ok_or((BinaryError::Malformed, 1))?;
        Ok((found, length))
    }

    fn body(tag: Tag, head: &[u8; HEAD], mut rest: &[u8]) -> Option<Self> {
        let microsecond = i64::from_be_bytes(head[8..16].try_into().ok()?);
        let host_name = text(&mut rest, head[18].into())?;
        let mut values = Vec::new();
        while !rest.is_empty() {
            values.push(value(&mut rest)?);
        }
        let time = Timestamp::from_microsecond(microsecond).ok()?;
        Some(Self { time, priority: head[3], host_name, tag, values })
    }

    /// Appends it in a form of text, as it would have been written at once.
    pub fn write(&self, out: &mut String, style: Style, clock: &mut Clock) {
        let Self { time, priority, host_name, tag, values } = self;
        clock.set(*time);
        let message: &Message = tag.message();
        let values: Vec<_> = values
            .iter()
            .map(|value| match value {
                Owned::Text(text) => Value::Text(text),
                Owned::Number(number) => Value::Number(*number),
                Owned::Hex(number) => Value::Hex(*number),
                Owned::Address(address) => Value::Address(*address),
            })
            .collect();
        Line { style, facility: priority >> 3, host_name, clock }.write_values(out, message, &values);
    }
}

/// The records of a file, and what of it is none.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    /// Bytes that belong to no record that could be read.
    pub skipped: u64,
    /// Messages of a later version.
    pub unknown: u64,
}

impl<'a> Records<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, skipped: 0, unknown: 0 }
    }

    /// Whether a file begins as one of this form does.
    #[must_use]
    pub fn are_in(bytes: &[u8]) -> bool {
        bytes.starts_with(&START)
    }
}

impl Iterator for Records<'_> {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        while !self.bytes.is_empty() {
            match Decoded::read(self.bytes) {
                Ok((found, length)) => {
                    self.bytes = &self.bytes[length..];
                    return Some(found);
                }
                Err((BinaryError::Unknown(_), length)) => {
                    self.unknown += 1;
                    self.bytes = &self.bytes[length..];
                }
                Err((BinaryError::NoStart | BinaryError::Cut | BinaryError::Malformed, length)) => {
                    self.skipped += length as u64;
                    self.bytes = &self.bytes[length..];
                }
            }
        }
        None
    }
}
