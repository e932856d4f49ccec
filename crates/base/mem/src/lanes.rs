//! Words compared with one at once.
//!
//! Place: below the session index, whose buckets have eight tags, and the classifier, whose search trees have up to sixteen keys
//! a node. State: none.

/// Which of eight are equal to `one`, as bits, the first lowest.
#[must_use]
#[inline(always)]
pub fn equal_lanes(lanes: &[u16; 8], one: u16) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        at_once(lanes, one)
    }
    #[cfg(not(target_arch = "x86_64"))]
    one_by_one(lanes, one)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn at_once(lanes: &[u16; 8], one: u16) -> u32 {
    use core::arch::x86_64::{
        _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16,
        _mm_setzero_si128,
    };
    // SAFETY: sixteen bytes that are borrowed are read, wherever they begin.
    let lanes = unsafe { _mm_loadu_si128(lanes.as_ptr().cast()) };
    let equal = _mm_cmpeq_epi16(lanes, _mm_set1_epi16(one.cast_signed()));
    // A byte a lane: -1 stays -1, and 0 stays 0.
    _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())).cast_unsigned()
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn one_by_one(lanes: &[u16; 8], one: u16) -> u32 {
    lanes.iter().enumerate().fold(0, |bits, (at, lane)| bits | u32::from(*lane == one) << at)
}

/// How many of up to sixteen words in rising order are not above `at`, all of them with their first bit turned round: there are
/// comparisons with a sign alone, and so turned they are those without.
#[must_use]
#[inline(always)]
pub fn not_above_lanes<const N: usize>(rising: &[u32; N], at: u32) -> usize {
    const { assert!(N <= 16) };
    debug_assert!(rising.is_sorted_by_key(|word| word.cast_signed()));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        not_above_at_once(rising, at)
    }
    #[cfg(not(target_arch = "x86_64"))]
    not_above_one_by_one(rising, at)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn not_above_at_once<const N: usize>(rising: &[u32; N], at: u32) -> usize {
    use core::arch::x86_64::{
        __m128i, _mm_cmpgt_epi32, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32,
        _mm_set1_epi32, _mm_setzero_si128,
    };
    let at = _mm_set1_epi32(at.cast_signed());
    let four = |words: &[u32; 4]| -> __m128i {
        // SAFETY: sixteen bytes that are borrowed are read, wherever they begin.
        _mm_cmpgt_epi32(unsafe { _mm_loadu_si128(words.as_ptr().cast()) }, at)
    };
    let (fours, rest) = rising.as_chunks::<4>();
    let mut above = [_mm_setzero_si128(); 4];
    for (above, words) in above.iter_mut().zip(fours) {
        *above = four(words);
    }
    if !rest.is_empty() {
        let mut last = [i32::MAX.cast_unsigned(); 4];
        last[..rest.len()].copy_from_slice(rest);
        above[fours.len()] = four(&last);
    }
    // A byte a word: -1 stays -1, and 0 stays 0.
    let bytes = _mm_packs_epi16(_mm_packs_epi32(above[0], above[1]), _mm_packs_epi32(above[2], above[3]));
    let above = _mm_movemask_epi8(bytes).cast_unsigned();
    (above | 1 << N).trailing_zeros() as usize
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn not_above_one_by_one(rising: &[u32], at: u32) -> usize {
    rising.iter().filter(|word| word.cast_signed() <= at.cast_signed()).count()
}

/// Which of eight pairs of words meet another pair, as bits, the first lowest: the first word of each has a bit of the
/// other's second, and the other way round.
#[must_use]
#[inline(always)]
pub fn meeting_lanes(lanes: (&[u16; 8], &[u16; 8]), one: (u16, u16)) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        meeting_at_once(lanes, one)
    }
    #[cfg(not(target_arch = "x86_64"))]
    meeting_one_by_one(lanes, one)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn meeting_at_once((words, bits): (&[u16; 8], &[u16; 8]), (word, bit): (u16, u16)) -> u32 {
    use core::arch::x86_64::{
        _mm_and_si128, _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_packs_epi16,
        _mm_set1_epi16, _mm_setzero_si128,
    };
    // SAFETY: sixteen bytes each that are borrowed are read, wherever they begin.
    let [words, bits] = unsafe { [words, bits].map(|lanes| _mm_loadu_si128(lanes.as_ptr().cast())) };
    let zero = _mm_setzero_si128();
    let theirs = _mm_and_si128(words, _mm_set1_epi16(bit.cast_signed()));
    let ours = _mm_and_si128(bits, _mm_set1_epi16(word.cast_signed()));
    let apart = _mm_or_si128(_mm_cmpeq_epi16(theirs, zero), _mm_cmpeq_epi16(ours, zero));
    !_mm_movemask_epi8(_mm_packs_epi16(apart, zero)).cast_unsigned() & 0xff
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn meeting_one_by_one((words, bits): (&[u16; 8], &[u16; 8]), (word, bit): (u16, u16)) -> u32 {
    let meets = |at: &usize| words[*at] & bit != 0 && bits[*at] & word != 0;
    (0..8).filter(meets).fold(0, |all, at| all | 1 << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_has_its_bit() {
        for tag in [0, 1, 0x7fff, 0x8000, 0xff00, 0x00ff, 0xffff] {
            for set in 0..=255u32 {
                let lane = |at: usize| if set >> at & 1 == 1 { tag } else { tag ^ 1 << at };
                let lanes = std::array::from_fn(lane);
                assert_eq!(equal_lanes(&lanes, tag), set, "{lanes:x?} {tag:x}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn pairs_meet_as_one_by_one(words: [u16; 8], bits: [u8; 8], word: u16, bit: u8) {
            let bit_of = |at: u8| 1u16.checked_shl(u32::from(at % 17)).unwrap_or(0);
            let (bits, bit) = (bits.map(bit_of), bit_of(bit));
            let met = meeting_lanes((&words, &bits), (word, bit));
            proptest::prop_assert_eq!(met, meeting_one_by_one((&words, &bits), (word, bit)));
        }

        #[test]
        fn words_not_above_are_counted_as_one_by_one(mut words: [u32; 16], at in 0usize..16, drawn: u32, same: bool) {
            words[1] = if same { words[0] } else { u32::MAX };
            words.sort_unstable_by_key(|word| word.cast_signed());
            for at in [words[at], words[at].wrapping_sub(1), drawn, 0, u32::MAX] {
                let [twelve, fifteen] = [&words[..12], &words[..15]];
                let counts = [
                    not_above_lanes(&words, at),
                    not_above_lanes::<15>(fifteen.try_into().expect("fifteen"), at),
                    not_above_lanes::<12>(twelve.try_into().expect("twelve"), at),
                ];
                let plain = [&words[..], fifteen, twelve].map(|words| not_above_one_by_one(words, at));
                proptest::prop_assert_eq!(counts, plain);
            }
        }

        #[test]
        fn they_are_compared_as_one_by_one(lanes: [u16; 8], at in 0usize..8, drawn: u16) {
            for one in [lanes[at], drawn] {
                proptest::prop_assert_eq!(equal_lanes(&lanes, one), one_by_one(&lanes, one));
            }
        }
    }
}
