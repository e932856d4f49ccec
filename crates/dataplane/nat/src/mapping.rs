//! Static and destination NAT's arithmetic: a prefix onto a prefix, a range of ports onto a range.
//!
//! Junos: `static-nat prefix [mapped-port]`, `destination pool`. State: none. Spec: nat-pool-36..38.

use ravelin_types::{Addr, Family};

use crate::range::host_mask;

/// One prefix onto another of the same family and length; host bits stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixMap {
    outside: Addr,
    inside: Addr,
    host: u128,
}

impl PrefixMap {
    /// Host bits of either address are ignored.
    #[must_use]
    pub fn new(family: Family, outside: Addr, inside: Addr, len: u8) -> Self {
        let host = host_mask(family, len);
        Self { outside: Addr(outside.0 & !host), inside: Addr(inside.0 & !host), host }
    }

    /// The internal address of an external one.
    #[must_use]
    pub fn inward(&self, addr: Addr) -> Option<Addr> {
        (addr.0 & !self.host == self.outside.0).then_some(Addr(self.inside.0 | addr.0 & self.host))
    }

    /// The external address of an internal one.
    #[must_use]
    pub fn outward(&self, addr: Addr) -> Option<Addr> {
        (addr.0 & !self.host == self.inside.0).then_some(Addr(self.outside.0 | addr.0 & self.host))
    }
}

/// A range of external ports onto internal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMap {
    outside: (u16, u16),
    inside: (u16, u16),
}

impl PortMap {
    /// `None` when a range is turned round, or when the inside is neither of the same size nor one port.
    #[must_use]
    pub fn new(outside: (u16, u16), inside: (u16, u16)) -> Option<Self> {
        let size = |(low, high): (u16, u16)| high.checked_sub(low);
        let fits = size(inside)? == 0 || size(inside) == size(outside);
        (size(outside).is_some() && fits).then_some(Self { outside, inside })
    }

    /// Whether every internal port has one external port: what static NAT needs in its other direction.
    #[must_use]
    pub const fn is_one_to_one(&self) -> bool {
        self.outside.1 - self.outside.0 == self.inside.1 - self.inside.0
    }

    #[must_use]
    pub fn inward(&self, port: u16) -> Option<u16> {
        let offset = offset(self.outside, port)?;
        Some(if self.is_one_to_one() { self.inside.0 + offset } else { self.inside.0 })
    }

    /// `None` also when many external ports lead to this one.
    #[must_use]
    pub fn outward(&self, port: u16) -> Option<u16> {
        let offset = offset(self.inside, port)?;
        self.is_one_to_one().then(|| self.outside.0 + offset)
    }
}

fn offset((low, high): (u16, u16), port: u16) -> Option<u16> {
    (low..=high).contains(&port).then(|| port - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Addr {
        Addr::from_ip(text.parse().unwrap()).1
    }

    #[test]
    fn a_prefix_is_shifted_and_back() {
        let map = PrefixMap::new(Family::V4, v4("203.0.113.16"), v4("10.0.0.32"), 28);
        assert_eq!(map.inward(v4("203.0.113.31")), Some(v4("10.0.0.47")));
        assert_eq!(map.outward(v4("10.0.0.32")), Some(v4("203.0.113.16")));
        assert_eq!(map.inward(v4("203.0.113.32")), None);
        assert_eq!(map.outward(v4("10.0.0.48")), None);
    }

    #[test]
    fn a_whole_family_and_a_single_host_are_prefixes_too() {
        let all = PrefixMap::new(Family::V4, Addr(0), Addr(0), 0);
        assert_eq!(all.inward(v4("203.0.113.9")), Some(v4("203.0.113.9")));
        let one = PrefixMap::new(Family::V6, Addr(5), Addr(u128::MAX), 128);
        assert_eq!((one.inward(Addr(5)), one.outward(Addr(5))), (Some(Addr(u128::MAX)), None));
        assert_eq!(
            PrefixMap::new(Family::V6, Addr(0), Addr(0), 0).inward(Addr(u128::MAX)),
            Some(Addr(u128::MAX))
        );
    }

    #[test]
    fn ports_are_shifted_or_gathered_on_one() {
        let shift = PortMap::new((8000, 8099), (100, 199)).unwrap();
        assert_eq!(
            (shift.inward(8099), shift.inward(8100), shift.outward(100)),
            (Some(199), None, Some(8000))
        );
        let gather = PortMap::new((8000, 8099), (80, 80)).unwrap();
        assert_eq!(
            (gather.inward(8005), gather.outward(80), gather.is_one_to_one()),
            (Some(80), None, false)
        );
        let one = PortMap::new((80, 80), (8080, 8080)).unwrap();
        assert_eq!((one.outward(8080), one.is_one_to_one()), (Some(80), true));
        let all = PortMap::new((0, 65535), (0, 65535)).unwrap();
        assert_eq!(all.inward(65535), Some(65535));
    }

    #[test]
    fn ranges_that_do_not_fit_are_no_map() {
        for (outside, inside) in [((10, 9), (1, 1)), ((1, 2), (2, 1)), ((1, 10), (1, 5)), ((1, 5), (1, 10))] {
            assert_eq!(PortMap::new(outside, inside), None, "{outside:?} {inside:?}");
        }
    }
}
