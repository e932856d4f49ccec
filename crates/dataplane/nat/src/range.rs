//! Address ranges: the addresses of a pool, numbered, and the hosts of a prefix.
//!
//! State: none. An IPv6 range may have more addresses than can be numbered; [`Addresses::count`] says so.

use ravelin_types::{Addr, Family};

/// Addresses from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange {
    pub first: Addr,
    pub last: Addr,
}

impl AddressRange {
    #[must_use]
    pub const fn one(addr: Addr) -> Self {
        Self { first: addr, last: addr }
    }

    /// Every address of a prefix, network and broadcast included, as in a pool.
    #[must_use]
    pub fn prefix(family: Family, addr: Addr, len: u8) -> Self {
        let host = host_mask(family, len);
        Self { first: Addr(addr.0 & !host), last: Addr(addr.0 | host) }
    }

    /// How many addresses, or `None` when the range is empty or has more than fit a `u64`.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.last
            .0
            .checked_sub(self.first.0)
            .and_then(|n| u64::try_from(n).ok())
            .and_then(|n| n.checked_add(1))
    }

    #[must_use]
    pub fn holds(&self, addr: Addr) -> bool {
        self.first <= addr && addr <= self.last
    }
}

/// The host bits of a prefix length.
pub(crate) fn host_mask(family: Family, len: u8) -> u128 {
    let bits = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let host = bits - u32::from(len).min(bits);
    if host == 128 { !0 } else { (1 << host) - 1 }
}

/// A prefix of internal hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostPrefix {
    pub family: Family,
    pub addr: Addr,
    pub len: u8,
}

impl HostPrefix {
    /// Its hosts. Without `boundary` the network and broadcast address of an IPv4 prefix that has them are
    /// left out (RFC 3021: a /31 has none).
    #[must_use]
    pub fn hosts(&self, boundary: bool) -> AddressRange {
        let all = AddressRange::prefix(self.family, self.addr, self.len);
        if boundary || self.family == Family::V6 || self.len >= 31 {
            return all;
        }
        AddressRange { first: Addr(all.first.0 + 1), last: Addr(all.last.0 - 1) }
    }
}

/// Ranges in a row, so that every address has a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    ranges: Vec<AddressRange>,
    count: Option<u64>,
}

impl Addresses {
    /// Empty ranges have no addresses and are left out.
    #[must_use]
    pub fn new(ranges: &[AddressRange]) -> Self {
        let ranges: Vec<_> = ranges.iter().filter(|r| r.first <= r.last).copied().collect();
        let count = ranges.iter().try_fold(0u64, |sum, range| sum.checked_add(range.count()?));
        Self { ranges, count }
    }

    /// How many addresses; `None` when too many to number.
    #[must_use]
    pub const fn count(&self) -> Option<u64> {
        self.count
    }

    #[must_use]
    pub fn nth(&self, mut index: u64) -> Option<Addr> {
        for range in &self.ranges {
            match range.count() {
                Some(count) if index >= count => index -= count,
                Some(_) | None => return Some(Addr(range.first.0 + u128::from(index))),
            }
        }
        None
    }

    /// The number of an address, the lowest when ranges overlap.
    #[must_use]
    pub fn index_of(&self, addr: Addr) -> Option<u64> {
        let mut before = 0u64;
        for range in &self.ranges {
            if range.holds(addr) {
                return before.checked_add(u64::try_from(addr.0 - range.first.0).ok()?);
            }
            before = before.checked_add(range.count()?)?;
        }
        None
    }

    #[must_use]
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Addr {
        Addr::from_ip(text.parse().unwrap()).1
    }

    fn range(first: &str, last: &str) -> AddressRange {
        AddressRange { first: v4(first), last: v4(last) }
    }

    // Proves: rfc6888-3.
    #[test]
    fn addresses_are_numbered_through_all_ranges() {
        let pool =
            Addresses::new(&[range("192.0.2.10", "192.0.2.11"), range("198.51.100.0", "198.51.100.3")]);
        let all: Vec<_> = (0..7).map(|n| pool.nth(n)).collect();
        let expected =
            ["192.0.2.10", "192.0.2.11", "198.51.100.0", "198.51.100.1", "198.51.100.2", "198.51.100.3"];
        assert_eq!(all[..6], expected.map(|text| Some(v4(text))));
        assert_eq!(all[6], None);
        assert_eq!(pool.index_of(v4("198.51.100.1")), Some(3));
        assert_eq!(pool.index_of(v4("192.0.2.12")), None);
        assert_eq!(pool.count(), Some(6));
    }

    #[test]
    fn a_range_turned_round_is_empty() {
        assert_eq!(Addresses::new(&[range("192.0.2.2", "192.0.2.1")]).count(), Some(0));
    }

    #[test]
    fn an_ipv6_prefix_may_have_more_than_can_be_numbered() {
        let all = AddressRange::prefix(Family::V6, Addr(0), 0);
        assert_eq!(Addresses::new(&[all]).count(), None);
        let half = AddressRange::prefix(Family::V6, Addr(1 << 64), 65);
        assert_eq!(Addresses::new(&[half]).nth(5), Some(Addr((1 << 64) + 5)));
    }

    #[test]
    fn network_and_broadcast_are_left_out_where_there_are_any() {
        let prefix = |len| HostPrefix { family: Family::V4, addr: v4("10.0.0.8"), len };
        assert_eq!(prefix(29).hosts(false), range("10.0.0.9", "10.0.0.14"));
        assert_eq!(prefix(29).hosts(true), range("10.0.0.8", "10.0.0.15"));
        assert_eq!(prefix(31).hosts(false), range("10.0.0.8", "10.0.0.9"));
        assert_eq!(prefix(32).hosts(false), range("10.0.0.8", "10.0.0.8"));
    }
}
