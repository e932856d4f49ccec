//! Eight short words compared with one at once.
//!
//! Place: below the session index, whose buckets have eight tags. State: none.

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
        fn they_are_compared_as_one_by_one(lanes: [u16; 8], at in 0usize..8, drawn: u16) {
            for one in [lanes[at], drawn] {
                proptest::prop_assert_eq!(equal_lanes(&lanes, one), one_by_one(&lanes, one));
            }
        }
    }
}
