//! Hashes of two or of five words under a secret key: AES where the processor has its rounds, else SipHash-1-3.
//!
//! Place: below the session table, whose keys anyone on the network chooses. State: the key, spread out.
//!
//! Two words are one block, and their hash is half of its AES-128, with round keys that are drawn one by one. Five words are
//! three blocks: each but the last goes through four rounds, whose sum with the last is what AES-128 takes in. Two inputs have the same
//! sum with a chance of about 2^-113. Sources: FIPS 197; Minematsu and Tsunoo, "Provably Secure MACs from
//! Differentially-Uniform Permutations and AES-Based Implementations" (FSE 2006), for four rounds.

use crate::siphash::{siphash13, siphash24};

/// A keyed hash, one of which a table has for its life. Hashes of equal words differ between processors.
#[derive(Clone, Copy, Debug)]
pub struct KeyedHash(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Rounds(rounds::Keys),
    Sip((u64, u64)),
}

impl KeyedHash {
    /// The faster one of the two that this processor can do.
    #[must_use]
    pub fn new(key: (u64, u64)) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(keys) = rounds::Keys::new(|n| drawn(key, n)) {
            return Self(Kind::Rounds(keys));
        }
        Self::portable(key)
    }

    /// SipHash-1-3, whatever the processor can do.
    #[must_use]
    pub const fn portable(key: (u64, u64)) -> Self {
        Self(Kind::Sip(key))
    }

    #[inline(always)]
    #[must_use]
    pub fn of_two(&self, words: [u64; 2]) -> u64 {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Rounds(keys) => keys.of_two(words),
            Kind::Sip(key) => siphash13(*key, words),
        }
    }

    /// No hash of two words tells anything about one of five.
    #[inline(always)]
    #[must_use]
    pub fn of_five(&self, words: &[u64; 5]) -> u64 {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Rounds(keys) => keys.of_five(words),
            Kind::Sip(key) => siphash13(*key, *words),
        }
    }
}

/// 128 bits of a key's, by number.
#[cfg(target_arch = "x86_64")]
fn drawn(key: (u64, u64), n: u64) -> [u64; 2] {
    [2 * n, 2 * n + 1].map(|half| siphash24(key, [half]))
}

#[cfg(target_arch = "x86_64")]
mod rounds {
    use core::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
    };

    /// Of AES-128: one before the first round, one a round.
    const WHOLE: usize = 11;
    const FEW: usize = 4;

    /// Made only where the processor has the instructions, which the rest relies on.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Keys {
        whole: [__m128i; WHOLE],
        few: [__m128i; FEW],
        /// Added to the blocks of five words, so that none can stand in for another.
        places: [__m128i; 3],
    }

    impl Keys {
        /// From 128 bits by number. `None`: this processor has no AES.
        pub(super) fn new(draw: impl Fn(u64) -> [u64; 2]) -> Option<Self> {
            let at = |first: usize| move |n: usize| (first + n) as u64;
            let keys = Self {
                whole: std::array::from_fn(at(0)).map(|n| block(draw(n))),
                few: std::array::from_fn(at(WHOLE)).map(|n| block(draw(n))),
                places: std::array::from_fn(at(WHOLE + FEW)).map(|n| block(draw(n))),
            };
            std::arch::is_x86_feature_detected!("aes").then_some(keys)
        }

        #[inline(always)]
        pub(super) fn of_two(&self, words: [u64; 2]) -> u64 {
            // SAFETY: keys are only made on processors that have AES.
            unsafe { two(&self.whole, words[0], words[1]) }
        }

        #[inline(always)]
        pub(super) fn of_five(&self, words: &[u64; 5]) -> u64 {
            // SAFETY: as above.
            unsafe { five(self, words) }
        }
    }

    #[inline(always)]
    fn block([low, high]: [u64; 2]) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_set_epi64x(high.cast_signed(), low.cast_signed()) }
    }

    #[target_feature(enable = "aes")]
    #[inline]
    fn two(keys: &[__m128i; WHOLE], low: u64, high: u64) -> u64 {
        _mm_cvtsi128_si64(encrypt(keys, block([low, high]))).cast_unsigned()
    }

    #[target_feature(enable = "aes")]
    #[inline]
    fn five(keys: &Keys, words: &[u64; 5]) -> u64 {
        let [a, b, c, d, e] = *words;
        let [first, second, third] = &keys.places;
        let mut sum = _mm_xor_si128(block([e, 0]), *third);
        for one in [_mm_xor_si128(block([a, b]), *first), _mm_xor_si128(block([c, d]), *second)] {
            sum = _mm_xor_si128(sum, keys.few.iter().fold(one, |block, key| _mm_aesenc_si128(block, *key)));
        }
        _mm_cvtsi128_si64(encrypt(&keys.whole, sum)).cast_unsigned()
    }

    /// AES-128 of a block.
    #[target_feature(enable = "aes")]
    #[inline]
    fn encrypt(keys: &[__m128i; WHOLE], block: __m128i) -> __m128i {
        let mut state = _mm_xor_si128(block, keys[0]);
        for key in &keys[1..WHOLE - 1] {
            state = _mm_aesenc_si128(state, *key);
        }
        _mm_aesenclast_si128(state, keys[WHOLE - 1])
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// FIPS 197, appendix B: the key 2b7e1516..., spread out as appendix A.1 has it, and its block.
        #[test]
        fn a_block_is_encrypted_as_the_standard_has_it() {
            const KEYS: [u128; WHOLE] = [
                0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c,
                0xa0fa_fe17_8854_2cb1_23a3_3939_2a6c_7605,
                0xf2c2_95f2_7a96_b943_5935_807a_7359_f67f,
                0x3d80_477d_4716_fe3e_1e23_7e44_6d7a_883b,
                0xef44_a541_a852_5b7f_b671_253b_db0b_ad00,
                0xd4d1_c6f8_7c83_9d87_caf2_b8bc_11f9_15bc,
                0x6d88_a37a_110b_3efd_dbf9_8641_ca00_93fd,
                0x4e54_f70e_5f5f_c9f3_84a6_4fb2_4ea6_dc4f,
                0xead2_7321_b58d_bad2_312b_f560_7f8d_292f,
                0xac77_66f3_19fa_dc21_28d1_2941_575c_006e,
                0xd014_f9a8_c9ee_2589_e13f_0cc8_b663_0ca6,
            ];
            let halves = |bytes: u128| {
                let bytes = bytes.to_be_bytes();
                [0, 8].map(|at| u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes")))
            };
            let Some(keys) = Keys::new(|n| KEYS.get(n as usize).map_or([0; 2], |key| halves(*key))) else {
                eprintln!("skipped: this processor has no AES");
                return;
            };
            let text = halves(0x3243_f6a8_885a_308d_3131_98a2_e037_0734);
            let cipher = halves(0x3925_841d_02dc_09fb_dc11_8597_196a_0b32);
            assert_eq!(keys.of_two(text), cipher[0]);
        }

        /// The value is that of AES written down byte by byte elsewhere.
        #[test]
        fn five_words_are_summed_up_behind_four_rounds() {
            let draw = |n: u64| [n.wrapping_mul(0x0123_4567_89ab_cdef), n * n + 1];
            let Some(keys) = Keys::new(draw) else {
                eprintln!("skipped: this processor has no AES");
                return;
            };
            let words = [0x2001_0db8_0000_0000, 1, 0x2001_0db8_0000_ffff, 2, 0x1234_0050_0606_0000];
            assert_eq!(keys.of_five(&words), 0x4c47_6f8e_832b_dd38);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const KEY: (u64, u64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);

    fn both() -> [KeyedHash; 2] {
        [KeyedHash::new(KEY), KeyedHash::portable(KEY)]
    }

    #[test]
    fn every_bit_of_every_word_counts() {
        for hash in both() {
            let mut seen = HashSet::from([hash.of_five(&[0; 5]), hash.of_two([0; 2])]);
            for bit in 0..320 {
                let mut words = [0; 5];
                words[bit / 64] = 1 << (bit % 64);
                assert!(seen.insert(hash.of_five(&words)), "bit {bit}");
                if bit < 128 {
                    assert!(seen.insert(hash.of_two([words[0], words[1]])), "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn blocks_do_not_stand_in_for_each_other() {
        for hash in both() {
            let one = hash.of_five(&[1, 2, 3, 4, 5]);
            assert_ne!(one, hash.of_five(&[3, 4, 1, 2, 5]));
            // Equal blocks would cancel out.
            assert_ne!(hash.of_five(&[1, 2, 1, 2, 5]), hash.of_five(&[3, 4, 3, 4, 5]));
        }
    }

    #[test]
    fn another_key_gives_other_hashes() {
        for change in [(1, 0), (0, 1), (1 << 63, 0), (0, 1 << 63)] {
            let other = (KEY.0 ^ change.0, KEY.1 ^ change.1);
            assert_ne!(KeyedHash::new(other).of_two([1, 2]), KeyedHash::new(KEY).of_two([1, 2]));
            assert_ne!(KeyedHash::new(other).of_five(&[1; 5]), KeyedHash::new(KEY).of_five(&[1; 5]));
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn no_part_of_a_round_key_is_that_of_another() {
        let keys = [KEY, (KEY.0 ^ 1, KEY.1), (KEY.0, KEY.1 ^ 1)];
        let halves = keys.iter().flat_map(|key| (0..18).flat_map(|n| drawn(*key, n)));
        assert_eq!(halves.collect::<HashSet<_>>().len(), 3 * 18 * 2);
    }

    /// Addresses that count up, as scans do: buckets by the low bits and tags by the high ones fill evenly.
    #[test]
    fn neighbours_are_spread_evenly() {
        for hash in both() {
            for part in [0, 24, 48] {
                let mut filled = [0u32; 256];
                for n in 0..65_536u64 {
                    filled[(hash.of_two([0x0a00_0000 << 32 | n, 7]) >> part) as usize % 256] += 1;
                }
                // 256 each, six standard deviations of 16 beside it.
                assert!(filled.iter().all(|count| (160..=352).contains(count)), "{filled:?}");
            }
        }
    }
}
