//! SipHash-1-3 over whole words, unrolled: the table's keyed hash.
//!
//! The same function as the byte-wise one of other uses, without its buffering. Spec: Aumasson and
//! Bernstein, "SipHash: a fast short-input PRF", section 2.

/// The hash of `words`, each taken as eight little-endian bytes.
#[inline]
pub(crate) fn siphash13<const N: usize>((k0, k1): (u64, u64), words: [u64; N]) -> u64 {
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    for word in words {
        state = compress(state, word);
    }
    state = compress(state, (N as u64 * 8) << 56);
    state[2] ^= 0xff;
    for _ in 0..3 {
        state = round(state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline]
fn compress(mut state: [u64; 4], word: u64) -> [u64; 4] {
    state[3] ^= word;
    state = round(state);
    state[0] ^= word;
    state
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
    use siphasher::sip::SipHasher13;
    use std::hash::Hasher;

    proptest::proptest! {
        #[test]
        fn it_is_the_bytewise_function(key: (u64, u64), words: [u64; 5]) {
            let mut bytewise = SipHasher13::new_with_keys(key.0, key.1);
            words[..2].iter().for_each(|word| bytewise.write_u64(*word));
            proptest::prop_assert_eq!(siphash13(key, [words[0], words[1]]), bytewise.finish());
            words[2..].iter().for_each(|word| bytewise.write_u64(*word));
            proptest::prop_assert_eq!(siphash13(key, words), bytewise.finish());
        }
    }
}
