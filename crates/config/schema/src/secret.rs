//! Secrets of a configuration: `$9$` text that anyone can undo, and hashes that nobody can.
//!
//! `$9$` keeps a secret from a glance over the shoulder: characters of an alphabet whose distances, weighted, sum up
//! to the bytes. Spec: language-40..41.

use std::fmt;

pub use ravelin_syntax::{announces, is_obscured};

use crate::lower::Value;

/// A secret in clear. It is shown to who asks for its text and to nobody else.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What it is.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// In clear, or as `$9$` text, whose bytes are those of a text in most cases.
impl Value for Secret {
    fn value(word: &str) -> Result<Self, String> {
        if !word.starts_with(MAGIC) {
            return Ok(Self::new(word));
        }
        let Secret(clear) =
            decode(word).ok_or("invalid encrypted secret; expecting $9$ text as it is shown")?;
        let bytes: Option<Vec<u8>> = clear.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        Ok(Self(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(clear)))
    }
}

/// A hash as `encrypted-password` holds it.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    ["$1$", "$5$", "$6$"].iter().any(|kind| text.len() > kind.len() && text.starts_with(kind))
}

const MAGIC: &str = "$9$";
/// Characters by family; those of the first are followed by three of padding, those of the last by none.
const FAMILIES: [&str; 4] = ["QzF3n6/9CAtpu0O", "B1IREhcSyrleKvMW8LXx", "7N-dVbwsY2g4oaJZGUDj", "iHkq.mPf5T"];
/// What the distances of one byte weigh, in turn.
const WEIGHTS: [&[u32]; 7] =
    [&[1, 4, 32], &[1, 16, 32], &[1, 8, 32], &[1, 64], &[1, 32], &[1, 4, 16, 128], &[1, 32, 64]];
const ALPHABET: u32 = 65;

fn alphabet() -> impl Iterator<Item = char> {
    FAMILIES.iter().flat_map(|family| family.chars())
}

fn place(c: char) -> Option<u32> {
    alphabet().position(|a| a == c).map(|n| n as u32)
}

/// How many characters of padding follow the first.
fn padding(first: char) -> Option<usize> {
    FAMILIES.iter().position(|family| family.contains(first)).map(|n| 3 - n)
}

/// The secret of a `$9$` text; `None` when it is none.
#[must_use]
pub fn decode(text: &str) -> Option<Secret> {
    let mut rest = text.strip_prefix(MAGIC)?.chars();
    let first = rest.next()?;
    let mut before = place(first)?;
    for _ in 0..padding(first)? {
        rest.next()?;
    }
    let mut out = String::new();
    let mut turn = 0;
    while !rest.as_str().is_empty() {
        let mut sum = 0;
        for weight in WEIGHTS[turn % WEIGHTS.len()] {
            let here = place(rest.next()?)?;
            // The next character is a distance of nothing.
            let distance = (here + ALPHABET - before + ALPHABET - 1) % ALPHABET;
            sum += distance * weight;
            before = here;
        }
        out.push(char::from((sum % 256) as u8));
        turn += 1;
    }
    (turn > 0).then_some(Secret(out))
}

/// A secret as `$9$` text. `salt` chooses among its forms; characters beyond Latin-1 have none.
#[must_use]
pub fn encode(secret: &Secret, salt: u32) -> Option<String> {
    let letters: Vec<char> = alphabet().collect();
    let pick = |n: u32| letters[(n % ALPHABET) as usize];
    let first = pick(salt);
    let mut out = format!("{MAGIC}{first}");
    for n in 0..padding(first)? as u32 {
        out.push(pick(salt / ALPHABET + 7 * n));
    }
    let mut before = place(first)?;
    for (turn, c) in secret.0.chars().enumerate() {
        let mut left = u32::from(u8::try_from(u32::from(c)).ok()?);
        let weights = WEIGHTS[turn % WEIGHTS.len()];
        let mut distances = vec![0; weights.len()];
        for (distance, weight) in distances.iter_mut().zip(weights).rev() {
            *distance = left / weight;
            left %= weight;
        }
        for distance in distances {
            before = (before + distance + 1) % ALPHABET;
            out.push(pick(before));
        }
    }
    (!secret.0.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_shows_is_undone() {
        assert_eq!(decode("$9$LbHX-wg4Z").as_ref().map(Secret::reveal), Some("lc"));
        for wrong in
            ["", "$9$", "$9$L", "$9$LbH", "$9$LbHX-wg4", "$9$LbHX-wg4Z!", "$1$abc", "plain", "$9$\u{e9}"]
        {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_form_of_a_secret_is_undone() {
        let all: String = (1..=255u8).map(char::from).collect();
        for text in ["a", "secret", "with spaces and \"quotes\"", all.as_str()] {
            for salt in 0..200 {
                let encoded = encode(&Secret::new(text), salt).expect("Latin-1");
                assert!(encoded.len() > text.len() + 3 && encoded.starts_with("$9$"));
                assert_eq!(decode(&encoded).as_ref().map(Secret::reveal), Some(text), "{encoded}");
            }
        }
        assert_eq!(encode(&Secret::new("\u{2603}"), 0), None);
        assert_eq!(encode(&Secret::new(""), 0), None);
    }

    #[test]
    fn a_secret_is_not_in_debug_output() {
        assert_eq!(format!("{:?}", Some(Secret::new("hidden"))), "Some(<secret>)");
        assert!(is_hash("$6$salt$hash") && is_hash("$5$x") && !is_hash("$9$x") && !is_hash("$6$"));
    }
}
