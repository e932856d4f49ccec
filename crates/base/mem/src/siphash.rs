//! SipHash over whole words: keyed hashes of what packets choose.
//!
//! The same function as the byte-wise one of other uses, each word taken as eight little-endian bytes, without its
//! buffering. SipHash-1-3 where a collision costs time, SipHash-2-4 where a forgery would cost more. Source: Aumasson and
//! Bernstein, "SipHash: a fast short-input PRF", section 2.

use std::hash::{BuildHasher, Hasher, RandomState};

/// SipHash-1-3 of `words`.
#[inline]
#[must_use]
pub fn siphash13<const N: usize>(key: (u64, u64), words: [u64; N]) -> u64 {
    let mut state = seeded(key);
    for word in words {
        state[3] ^= word;
        state = round(state);
        state[0] ^= word;
    }
    state[3] ^= length(N);
    state = round(state);
    state[0] ^= length(N);
    state[2] ^= 0xff;
    for _ in 0..3 {
        state = round(state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

/// SipHash-2-4 of `words`.
#[inline]
#[must_use]
pub fn siphash24<const N: usize>(key: (u64, u64), words: [u64; N]) -> u64 {
    let mut state = seeded(key);
    for word in words {
        state[3] ^= word;
        state = round(round(state));
        state[0] ^= word;
    }
    state[3] ^= length(N);
    state = round(round(state));
    state[0] ^= length(N);
    state[2] ^= 0xff;
    for _ in 0..4 {
        state = round(state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

/// SipHash-1-3 for maps whose keys are written as words.
#[derive(Clone, Copy, Debug)]
pub struct KeyedWords((u64, u64));

/// A hash that is being made.
#[derive(Clone, Copy, Debug)]
pub struct WordHasher {
    state: [u64; 4],
    count: usize,
}

impl KeyedWords {
    #[must_use]
    pub const fn new(key: (u64, u64)) -> Self {
        Self(key)
    }
}

/// Under a key of its own, as the maps of the standard library.
impl Default for KeyedWords {
    fn default() -> Self {
        let drawn = RandomState::new();
        Self((drawn.hash_one(0), drawn.hash_one(1)))
    }
}

impl BuildHasher for KeyedWords {
    type Hasher = WordHasher;

    #[inline]
    fn build_hasher(&self) -> WordHasher {
        WordHasher { state: seeded(self.0), count: 0 }
    }
}

impl Hasher for WordHasher {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.state[3] ^= word;
        self.state = round(self.state);
        self.state[0] ^= word;
        self.count += 1;
    }

    /// Bytes that do not fill a word are one with zeros behind them.
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut state = self.state;
        state[3] ^= length(self.count);
        state = round(state);
        state[0] ^= length(self.count);
        state[2] ^= 0xff;
        for _ in 0..3 {
            state = round(state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

/// The last word: how many bytes there were.
#[inline]
const fn length(words: usize) -> u64 {
    (words as u64 * 8) << 56
}

#[inline]
const fn seeded((k0, k1): (u64, u64)) -> [u64; 4] {
    [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ]
}

#[inline]
fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v2 = v2.wrapping_add(v3);
    v1 = v1.rotate_left(13) ^ v0;
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.rotate_left(32).wrapping_add(v3);
    v2 = v2.wrapping_add(v1);
    v3 = v3.rotate_left(21) ^ v0;
    v1 = v1.rotate_left(17) ^ v2;
    [v0, v1, v2.rotate_left(32), v3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip::{SipHasher13, SipHasher24};

    proptest::proptest! {
        #[test]
        fn they_are_the_bytewise_functions(key: (u64, u64), words: [u64; 7]) {
            let mut one = SipHasher13::new_with_keys(key.0, key.1);
            let mut two = SipHasher24::new_with_keys(key.0, key.1);
            let mut own = KeyedWords::new(key).build_hasher();
            for word in &words[..2] {
                one.write_u64(*word);
                own.write_u64(*word);
            }
            let first = [words[0], words[1]];
            proptest::prop_assert_eq!(siphash13(key, first), one.finish());
            proptest::prop_assert_eq!(own.finish(), one.finish());
            for word in &words {
                two.write_u64(*word);
            }
            for word in &words[2..] {
                one.write_u64(*word);
                own.write(&word.to_le_bytes());
            }
            proptest::prop_assert_eq!(siphash13(key, words), one.finish());
            proptest::prop_assert_eq!(own.finish(), one.finish());
            proptest::prop_assert_eq!(siphash24(key, words), two.finish());
        }
    }

    /// The vector of the paper's appendix A: the key 00..0f, and fifteen bytes 00..0e; here of whole words, 00..07.
    #[test]
    fn of_no_word_and_of_one_they_are_the_published_ones() {
        let key = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(siphash24(key, []), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash24(key, [0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }
}
