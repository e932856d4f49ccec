//! Ranges of addresses and ports, and the sets that rules share.

use ravelin_mem::not_above_lanes;
use ravelin_types::{Addr, Family};

/// Addresses `first..=last` of one family; none when `first` is above `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange {
    pub family: Family,
    pub first: Addr,
    pub last: Addr,
}

/// Addresses that agree with `addr` in the bits of `mask`, which may have holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wildcard {
    pub family: Family,
    pub addr: Addr,
    pub mask: Addr,
}

/// Ports `low..=high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    pub low: u16,
    pub high: u16,
}

/// A set of addresses, made once and shared by all rules that name it: the pointer is its identity, so
/// what a set costs does not depend on how many rules use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressSet {
    pub(crate) v4: Box<[(u32, u32)]>,
    pub(crate) v6: Box<[(u128, u128)]>,
    pub(crate) wildcards: Box<[Wildcard]>,
    names_v4: bool,
    names_v6: bool,
}

/// A value on the line that a dimension is.
pub(crate) trait Point: Copy + Ord + Default {
    const MAX: Self;
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
    /// As a point is kept among others that one is compared with; the same twice is the point.
    fn turned(self) -> Self;
    /// How many of these, turned and in the order of points, are not above a point.
    fn count_not_above<const N: usize>(turned: &[Self; N], at: Self) -> usize;
    /// The logarithm of the way to a point above, where that is a power of two.
    fn width_to(self, end: Self) -> Option<u8>;
    /// Whether a point lies `1 << width` or more above `first`; 127: never.
    fn is_beyond(self, first: Self, width: u8) -> bool;
}

impl Point for u32 {
    const MAX: Self = Self::MAX;
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
    #[inline]
    fn turned(self) -> Self {
        self ^ 1 << 31
    }
    #[inline]
    fn count_not_above<const N: usize>(turned: &[Self; N], at: Self) -> usize {
        not_above_lanes(turned, at.turned())
    }
    fn width_to(self, end: Self) -> Option<u8> {
        let way = end.checked_sub(self)?;
        way.is_power_of_two().then(|| way.trailing_zeros() as u8)
    }
    #[inline]
    fn is_beyond(self, first: Self, width: u8) -> bool {
        // A shift by 127 is one by 63.
        u64::from(self.wrapping_sub(first)).wrapping_shr(width.into()) != 0
    }
}

impl Point for u128 {
    const MAX: Self = Self::MAX;
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
    #[inline]
    fn turned(self) -> Self {
        self
    }
    /// By halves: they are four cache lines and more, of which this reads two or three.
    #[inline]
    fn count_not_above<const N: usize>(turned: &[Self; N], at: Self) -> usize {
        let is_not_above = |place: usize| turned.get(place).is_some_and(|key| *key <= at);
        let (mut count, mut left) = (0, N);
        while left > 1 {
            let half = left / 2;
            count += if is_not_above(count + half) { half } else { 0 };
            left -= half;
        }
        count + usize::from(is_not_above(count))
    }
    fn width_to(self, end: Self) -> Option<u8> {
        let way = end.checked_sub(self)?;
        (way.is_power_of_two() && way < 1 << 127).then(|| way.trailing_zeros() as u8)
    }
    #[inline]
    fn is_beyond(self, first: Self, width: u8) -> bool {
        width < 127 && self.wrapping_sub(first) >> width != 0
    }
}

impl PortRange {
    pub const ANY: Self = Self { low: 0, high: u16::MAX };

    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }
}

impl AddressRange {
    /// Every address of a family.
    #[must_use]
    pub const fn all(family: Family) -> Self {
        let last = match family {
            Family::V4 => Addr(u32::MAX as u128),
            Family::V6 => Addr(u128::MAX),
        };
        Self { family, first: Addr(0), last }
    }
}

impl Wildcard {
    #[must_use]
    pub fn contains(&self, family: Family, addr: Addr) -> bool {
        let width = AddressRange::all(self.family).last.0;
        self.family == family && (addr.0 ^ self.addr.0) & self.mask.0 & width == 0
    }

    /// Ranges that hold every address of the wildcard: at most `1 << bits` of them. Exact, and said so, when no
    /// more than `bits` free bits stand above the free bits at the end.
    pub(crate) fn cover(&self, bits: u32) -> (Vec<(u128, u128)>, bool) {
        let free = !self.mask.0 & AddressRange::all(self.family).last.0;
        let tail = (free.wrapping_add(1) & !free).wrapping_sub(1) & free;
        let (mut open, mut split) = (free & !tail, 0u128);
        for _ in 0..bits {
            let Some(top) = open.checked_ilog2() else { break };
            split |= 1 << top;
            open &= !(1 << top);
        }
        let fixed = self.addr.0 & self.mask.0 & AddressRange::all(self.family).last.0;
        let mut out = Vec::with_capacity(1 << split.count_ones());
        let mut chosen = 0u128;
        loop {
            out.push((fixed | chosen, fixed | chosen | open | tail));
            if chosen == split {
                return (out, open == 0);
            }
            // The next subset of the split bits.
            chosen = chosen.wrapping_sub(split) & split;
        }
    }
}

impl AddressSet {
    #[must_use]
    pub fn new(
        ranges: impl IntoIterator<Item = AddressRange>,
        wildcards: impl IntoIterator<Item = Wildcard>,
    ) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut set = Self::default();
        for AddressRange { family, first, last } in ranges {
            set.name(family);
            match family {
                Family::V4 => {
                    let low = |a: Addr| u32::try_from(a.0);
                    if let Ok(first) = low(first) {
                        v4.push((first, low(last).unwrap_or(u32::MAX)));
                    }
                }
                Family::V6 => v6.push((first.0, last.0)),
            }
        }
        let mut wildcards: Vec<_> = wildcards.into_iter().collect();
        wildcards.sort_unstable();
        wildcards.dedup();
        for wildcard in &wildcards {
            set.name(wildcard.family);
        }
        Self { v4: merged(v4).into(), v6: merged(v6).into(), wildcards: wildcards.into(), ..set }
    }

    /// Every address of both families: Junos `any`.
    #[must_use]
    pub fn any() -> Self {
        Self::new([AddressRange::all(Family::V4), AddressRange::all(Family::V6)], [])
    }

    #[must_use]
    pub fn contains(&self, family: Family, addr: Addr) -> bool {
        let listed = match family {
            Family::V4 => within(&self.v4, addr.low32()),
            Family::V6 => within(&self.v6, addr.0),
        };
        listed || self.wildcards.iter().any(|w| w.contains(family, addr))
    }

    /// Its ranges, sorted and joined, IPv4 first; wildcards are apart.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        let range = |family, first, last| AddressRange { family, first: Addr(first), last: Addr(last) };
        let v4 = self.v4.iter().map(move |(a, b)| range(Family::V4, u128::from(*a), u128::from(*b)));
        v4.chain(self.v6.iter().map(move |(a, b)| range(Family::V6, *a, *b)))
    }

    /// Whether the set speaks of a family at all; excluding it says nothing about the other one.
    #[must_use]
    pub const fn names(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.names_v4,
            Family::V6 => self.names_v6,
        }
    }

    pub(crate) fn is_any(&self) -> bool {
        *self.v4 == [(0, u32::MAX)] && *self.v6 == [(0, u128::MAX)]
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.v4) + size_of_val(&*self.v6) + size_of_val(&*self.wildcards)
    }

    const fn name(&mut self, family: Family) {
        match family {
            Family::V4 => self.names_v4 = true,
            Family::V6 => self.names_v6 = true,
        }
    }
}

/// Sorted, without overlap, touching ranges joined, empty ones left out.
pub(crate) fn merged<K: Point>(mut ranges: Vec<(K, K)>) -> Vec<(K, K)> {
    ranges.retain(|(first, last)| first <= last);
    ranges.sort_unstable();
    let mut out: Vec<(K, K)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

/// What is between merged ranges, before and behind.
pub(crate) fn complement<K: Point>(ranges: &[(K, K)]) -> Vec<(K, K)> {
    let mut out = Vec::with_capacity(ranges.len() + 1);
    let mut next = Some(K::default());
    for (first, last) in ranges {
        out.extend(next.zip(first.previous()).filter(|(from, to)| from <= to));
        next = last.next();
    }
    out.extend(next.map(|from| (from, K::MAX)));
    out
}

fn within<K: Ord + Copy>(ranges: &[(K, K)], at: K) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= at);
    after > 0 && at <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_where_they_touch() {
        assert_eq!(
            merged(vec![(5, 9), (1, 4), (20, 10), (8, 12), (14, u32::MAX)]),
            [(1, 12), (14, u32::MAX)]
        );
    }

    #[test]
    fn a_complement_is_what_is_left() {
        assert_eq!(complement(&[(0, 3), (7, 9), (20, u32::MAX)]), [(4, 6), (10, 19)]);
        assert_eq!(complement(&[(1, 3)]), [(0, 0), (4, u32::MAX)]);
        assert_eq!(complement::<u32>(&[]), [(0, u32::MAX)]);
        assert_eq!(complement(&[(0, u32::MAX)]), []);
    }

    #[test]
    fn a_cover_is_exact_when_it_has_the_bits() {
        let octets = |a| Addr::v4(a);
        let wildcard =
            Wildcard { family: Family::V4, addr: octets([10, 9, 7, 0]), mask: octets([255, 252, 255, 0]) };
        let v4 = |a, b| (Addr::v4(a).0, Addr::v4(b).0);
        let each = |b| v4([10, b, 7, 0], [10, b, 7, 255]);
        assert_eq!(wildcard.cover(2), (vec![each(8), each(9), each(10), each(11)], true));
        let half = vec![v4([10, 8, 7, 0], [10, 9, 7, 255]), v4([10, 10, 7, 0], [10, 11, 7, 255])];
        assert_eq!(wildcard.cover(1), (half, false));
    }

    #[test]
    fn a_contiguous_mask_is_one_range() {
        let wildcard = Wildcard { family: Family::V6, addr: Addr(0xff00), mask: Addr(!0xff) };
        assert_eq!(wildcard.cover(8), (vec![(0xff00, 0xffff)], true));
        let none = Wildcard { mask: Addr(0), ..wildcard };
        assert_eq!(none.cover(8), (vec![(0, u128::MAX)], true));
        let all = Wildcard { mask: Addr(u128::MAX), ..wildcard };
        assert_eq!(all.cover(8), (vec![(0xff00, 0xff00)], true));
    }
}
