//! A string that lies in itself when it is short: names and values of a configuration mostly are.
//!
//! Place: below the configuration tree, which holds millions. State: none.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Bytes that need no allocation: IPv6 prefixes and most names fit.
pub const TEXT_INLINE_MAX: usize = 22;

/// An immutable string as large as a `String`, on the heap only when it is longer than [`TEXT_INLINE_MAX`].
#[derive(Clone)]
pub struct Text(Form);

#[derive(Clone)]
enum Form {
    /// `bytes[..length]` were copied from a `str` as a whole.
    Short {
        length: u8,
        bytes: [u8; TEXT_INLINE_MAX],
    },
    Long(Box<str>),
}

const _: () = assert!(size_of::<Text>() == size_of::<String>(), "no larger than what it stands for");

impl Text {
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.len() > TEXT_INLINE_MAX {
            return Self(Form::Long(text.into()));
        }
        let mut bytes = [0; TEXT_INLINE_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self(Form::Short { length: text.len() as u8, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Short { length, bytes } => &bytes[..usize::from(*length)],
            Form::Long(text) => text.as_bytes(),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Short { length, bytes } => {
                let bytes = &bytes[..usize::from(*length)];
                // SAFETY: `new` alone makes a `Short`, from the bytes of one whole `str`, and nothing changes them.
                unsafe { std::str::from_utf8_unchecked(bytes) }
            }
            Form::Long(text) => text,
        }
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
        if text.len() > TEXT_INLINE_MAX { Self(Form::Long(text.into())) } else { Self::new(&text) }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text.0 {
            Form::Long(text) => text.into(),
            Form::Short { .. } => text.as_str().to_owned(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
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
