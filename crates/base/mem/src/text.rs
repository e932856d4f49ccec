//! A string that lies in itself when it is short: names and values of a configuration mostly are.
//!
//! Place: below the configuration tree, which holds millions. State: none.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::ptr::NonNull;

/// Bytes that need no allocation: IPv4 prefixes and most names fit.
pub const TEXT_INLINE_MAX: usize = 15;

/// The last byte of a text on the heap; of a short one it is the length.
const LONG: u8 = u8::MAX;

/// An immutable string in two words, on the heap only when it is longer than [`TEXT_INLINE_MAX`].
///
/// The last byte of both forms tells them apart.
#[repr(C)]
pub union Text {
    short: Short,
    long: Long,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Short {
    /// The first `length` were copied from a `str` as a whole.
    bytes: [u8; TEXT_INLINE_MAX],
    length: u8,
}

/// What a `Box<str>` was taken apart to. Packed: a text may lie at any address.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Long {
    start: NonNull<u8>,
    /// Little end first.
    length: [u8; 7],
    mark: u8,
}

const _: () = assert!(size_of::<Text>() == 16 && align_of::<Text>() == 1, "packs with what stands beside it");
const _: () = assert!(
    size_of::<usize>() == 8,
    "a length fits in seven bytes, for no text takes more of an address space"
);

// SAFETY: a text owns its bytes as a `Box<str>` does, and nothing changes them.
unsafe impl Send for Text {}
// SAFETY: as above; there is no way to change a text by a shared reference.
unsafe impl Sync for Text {}

impl Text {
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.len() > TEXT_INLINE_MAX {
            return Self::long(text.into());
        }
        let mut bytes = [0; TEXT_INLINE_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { short: Short { bytes, length: text.len() as u8 } }
    }

    fn long(text: Box<str>) -> Self {
        let mut length = [0; 7];
        length.copy_from_slice(&text.len().to_le_bytes()[..7]);
        let start = NonNull::from(Box::leak(text)).cast::<u8>();
        Self { long: Long { start, length, mark: LONG } }
    }

    fn is_long(&self) -> bool {
        // SAFETY: the last byte is initialized in both forms.
        unsafe { self.short.length == LONG }
    }

    /// The bytes on the heap, where there are any.
    fn heap(&self) -> Option<NonNull<[u8]>> {
        if !self.is_long() {
            return None;
        }
        // SAFETY: the mark says that `long` was written.
        let Long { start, length, mark: _ } = unsafe { self.long };
        let mut bytes = [0; 8];
        bytes[..7].copy_from_slice(&length);
        Some(NonNull::slice_from_raw_parts(start, usize::from_le_bytes(bytes)))
    }

    fn as_bytes(&self) -> &[u8] {
        if let Some(bytes) = self.heap() {
            // SAFETY: `long` took them from a `Box<str>`, which this text owns until it is dropped.
            return unsafe { bytes.as_ref() };
        }
        // SAFETY: what is not long was written as `short`.
        let short = unsafe { &self.short };
        &short.bytes[..usize::from(short.length)]
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        // SAFETY: both forms hold the bytes of one whole `str`, and nothing changes them.
        unsafe { std::str::from_utf8_unchecked(self.as_bytes()) }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(bytes) = self.heap() {
            // SAFETY: `long` leaked this box, and only the one owner frees it.
            drop(unsafe { Box::from_raw(bytes.as_ptr()) });
        }
    }
}

impl Clone for Text {
    fn clone(&self) -> Self {
        if self.is_long() {
            return Self::new(self.as_str());
        }
        // SAFETY: what is not long was written as `short`.
        Self { short: unsafe { self.short } }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.len() > TEXT_INLINE_MAX { Self::long(text.into()) } else { Self::new(&text) }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        if self.is_long() || other.is_long() {
            return self.as_bytes() == other.as_bytes();
        }
        // SAFETY: neither is long: both were written as `short`, and what is behind their bytes is zero.
        let (Short { bytes, length }, other) = unsafe { (self.short, other.short) };
        bytes == other.bytes && length == other.length
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// As `str` hashes: a map by `Text` may be asked by `str`.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::{TEXT_INLINE_MAX, Text};

    #[test]
    fn every_length_and_every_width_of_character_is_kept() {
        for length in 0..=2 * TEXT_INLINE_MAX {
            for c in ['a', '\u{e9}', '\u{20ac}', '\u{1f600}', '\0'] {
                let text: String = std::iter::repeat_n(c, length).collect();
                for made in [Text::new(&text), Text::from(text.clone()), Text::from(&text).clone()] {
                    assert_eq!(made.as_str(), text);
                    assert_eq!(String::from(made), text);
                }
            }
        }
    }

    #[test]
    fn sets_by_text_are_asked_by_str_and_order_is_that_of_str() {
        let words = ["", "a", "ab", "b", "a name longer than what fits inside", "\u{e9}"];
        let set: HashSet<Text> = words.iter().copied().map(Text::new).collect();
        assert!(words.iter().all(|w| set.contains(*w)) && !set.contains("c"));
        for (a, b) in words.iter().flat_map(|a| words.iter().map(move |b| (a, b))) {
            assert_eq!(Text::new(a) == Text::new(b), a == b, "{a:?} {b:?}");
        }
        let ordered: Vec<String> = words
            .iter()
            .copied()
            .map(Text::new)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(String::from)
            .collect();
        let expected: Vec<&str> = words.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(ordered, expected);
        assert_ne!(Text::new("a"), Text::new("a\0"));
    }
}
