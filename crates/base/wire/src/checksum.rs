//! The Internet checksum: whole (RFC 1071) and incremental (RFC 1624, equation 3).

use ravelin_types::{Addr, Family, Proto};

/// A one's-complement sum not yet folded to 16 bits.
pub type Sum = u64;

/// What a rewrite adds to every checksum that covers the changed words, folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(pub u16);

/// Sum of the bytes as big-endian 16-bit words; an odd last byte counts as the high half.
#[must_use]
pub fn sum(bytes: &[u8]) -> Sum {
    let (wide, rest) = bytes.as_chunks::<4>();
    let mut total = wide.iter().map(|w| u64::from(u32::from_be_bytes(*w))).sum::<u64>();
    let (pairs, odd) = rest.as_chunks::<2>();
    total += pairs.iter().map(|p| u64::from(u16::from_be_bytes(*p))).sum::<u64>();
    total + odd.first().map_or(0, |b| u64::from(*b) << 8)
}

/// Folds a sum to 16 bits, carries added back.
#[must_use]
pub const fn fold(sum: Sum) -> u16 {
    let mut s = (sum & 0xffff_ffff) + (sum >> 32);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s as u16
}

/// Whether the checksum of an IPv4 header without options is right: the sum of its words is -0, which it is in whatever byte
/// order they are taken (RFC 1071 2(B)), and however wide (2(C)).
#[must_use]
#[inline]
pub fn is_right(header: &[u8; 20]) -> bool {
    let (words, _) = header.as_chunks::<4>();
    let sum: Sum = words.iter().map(|word| Sum::from(u32::from_ne_bytes(*word))).sum();
    // A sum folds to what it leaves when divided by 0xffff, where 0 stands for both zeros; that of no bits alone is +0.
    sum != 0 && sum.is_multiple_of(0xffff)
}

/// Folds a sum of a few 16-bit words: what two steps are enough for.
const fn fold_short(sum: u32) -> u16 {
    let s = (sum & 0xffff) + (sum >> 16);
    (s + (s >> 16)) as u16
}

/// Sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1).
#[must_use]
pub fn pseudo(family: Family, src: Addr, dst: Addr, proto: Proto, len: usize) -> Sum {
    address(family, src) + address(family, dst) + u64::from(proto.0) + len as u64
}

fn address(family: Family, addr: Addr) -> Sum {
    match family {
        Family::V4 => u64::from(addr.low32()),
        Family::V6 => sum(&addr.octets6()),
    }
}

impl Delta {
    /// The change from one address to another.
    #[must_use]
    pub fn address(family: Family, old: Addr, new: Addr) -> Self {
        Self(fold(u64::from(!fold(address(family, old))) + u64::from(fold(address(family, new)))))
    }

    /// The change from one 16-bit word to another.
    #[must_use]
    pub const fn word(old: u16, new: u16) -> Self {
        Self(fold_short(!old as u32 + new as u32))
    }

    /// Both changes.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(fold_short(self.0 as u32 + other.0 as u32))
    }

    /// The checksum field after the change.
    #[must_use]
    pub const fn apply(self, field: u16) -> u16 {
        !fold_short(!field as u32 + self.0 as u32)
    }

    /// The same after this change and another.
    #[must_use]
    pub const fn apply_with(self, other: Self, field: u16) -> u16 {
        !fold_short(!field as u32 + self.0 as u32 + other.0 as u32)
    }
}

/// Computes the transport checksum of `l4` (its field counted as zero) with its pseudo-header.
#[must_use]
pub fn transport(family: Family, src: Addr, dst: Addr, proto: Proto, l4: &[u8]) -> u16 {
    let total = sum(l4) + pseudo(family, src, dst, proto, l4.len());
    !fold(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 section 3: the worked example.
    #[test]
    fn the_rfc_example_sums_to_ddf2() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    /// RFC 1624 section 4: HC 0xdd2f, m 0x5555, m' 0x3285 gives 0x0000.
    #[test]
    fn the_rfc_1624_example_gives_zero() {
        assert_eq!(Delta::word(0x5555, 0x3285).apply(0xdd2f), 0x0000);
    }

    /// The header of RFC 1071's time, whole and with each bit turned; and the one whose sum is +0.
    #[test]
    fn a_header_is_right_when_its_words_sum_to_minus_zero() {
        let mut header = [0; 20];
        header[..10].copy_from_slice(&[0x45, 0, 0, 0x54, 0x12, 0x34, 0x40, 0, 64, 17]);
        header[12..].copy_from_slice(&[10, 0, 0, 1, 198, 51, 100, 1]);
        let field = !fold(sum(&header));
        header[10..12].copy_from_slice(&field.to_be_bytes());
        assert!(is_right(&header));
        for bit in 0..160 {
            let mut damaged = header;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_right(&damaged), "bit {bit}");
        }
        assert!(!is_right(&[0; 20]) && is_right(&[0xff; 20]));
    }

    proptest::proptest! {
        #[test]
        fn a_header_is_right_when_its_sum_folds_to_minus_zero(mut header: [u8; 20], mend: bool) {
            if mend {
                header[10..12].fill(0);
                let field = !fold(sum(&header));
                header[10..12].copy_from_slice(&field.to_be_bytes());
            }
            proptest::prop_assert_eq!(is_right(&header), fold(sum(&header)) == 0xffff);
        }

        #[test]
        fn a_delta_folds_as_every_sum_does(a: u16, b: u16, c: u16) {
            let both = Delta(a).and(Delta(b)).apply(c);
            proptest::prop_assert_eq!(Delta(a).apply_with(Delta(b), c), both);
            proptest::prop_assert_eq!(Delta::word(a, b).0, fold(u64::from(!a) + u64::from(b)));
            proptest::prop_assert_eq!(Delta(a).and(Delta(b)).0, fold(u64::from(a) + u64::from(b)));
            proptest::prop_assert_eq!(Delta(a).apply(b), !fold(u64::from(!b) + u64::from(a)));
        }

        // Proves: rfc3022-7.
        #[test]
        fn incremental_equals_whole(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 20..64), word in 0usize..9, new: u16) {
            bytes[10] = 0;
            bytes[11] = 0;
            let at = if word == 5 { 0 } else { word * 2 };
            let field = !fold(sum(&bytes));
            let old = crate::u16_at(&bytes, at);
            crate::put_u16(&mut bytes, at, new);
            let updated = Delta::word(old, new).apply(field);
            bytes[10..12].copy_from_slice(&updated.to_be_bytes());
            proptest::prop_assert_eq!(fold(sum(&bytes)), 0xffff);
        }
    }
}
