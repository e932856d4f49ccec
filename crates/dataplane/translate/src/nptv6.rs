//! IPv6-to-IPv6 network prefix translation: one prefix for another, the checksum of the address unchanged.
//!
//! Junos: static NAT `nptv6-prefix`. Place: static NAT and reverse static NAT. State: none.
//! Spec: rfc6296-1..11.

use ravelin_types::{Addr, Family};
use ravelin_wire::checksum::Delta;
use ravelin_wire::rewrite;

use crate::header::{Extent, Header};
use crate::siit::Taken;
use crate::{Datagram, Ends, Refused, rewrite_error};

/// Bits of the longest prefix: the interface identifier stands behind them.
const PREFIX_MAX: u8 = 64;
/// Prefixes up to this leave the word behind it, the subnet, to be adjusted.
const SUBNET_AT: u8 = 48;
/// Words of the interface identifier, in the order in which they are tried (RFC 6296 3.5).
const IDENTIFIER: std::ops::Range<usize> = 4..8;

/// Offsets of the addresses in an IPv6 header.
const SRC_AT: u16 = 8;
const DST_AT: u16 = 24;

/// A pair of prefixes and the difference of their checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nptv6 {
    internal: u128,
    external: u128,
    /// Bits of the longer prefix: the shorter is extended with zeros to it (RFC 6296 3.7).
    len: u8,
    /// What an outbound address's word is increased by, in one's complement.
    adjustment: u16,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Outbound,
    Inbound,
}

/// An address of the prefix that has no counterpart. The packet is dropped and its sender told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmappable {
    /// The subnet is 0xffff (RFC 6296 3.4).
    Subnet,
    /// The interface identifier is all ones (RFC 6296 3.7).
    Identifier,
}

impl Nptv6 {
    /// The pair of an internal and an external prefix with their lengths. `None`: one is longer than /64 or has bits set behind
    /// its length.
    #[must_use]
    pub fn new(internal: (Addr, u8), external: (Addr, u8)) -> Option<Self> {
        let clean = |(prefix, len): (Addr, u8)| {
            len <= PREFIX_MAX && prefix.0.checked_shl(u32::from(len)).is_none_or(|behind| behind == 0)
        };
        if !clean(internal) || !clean(external) {
            return None;
        }
        let (internal, external, len) = (internal.0.0, external.0.0, internal.1.max(external.1));
        Some(Self { internal, external, len, adjustment: minus(sum(internal), sum(external)) })
    }

    #[must_use]
    pub fn is_internal(&self, addr: Addr) -> bool {
        self.holds(self.internal, addr)
    }

    #[must_use]
    pub fn is_external(&self, addr: Addr) -> bool {
        self.holds(self.external, addr)
    }

    /// The external address of an internal one. The caller has asked [`Self::is_internal`].
    ///
    /// # Errors
    /// An address that can't be mapped.
    pub fn outbound(&self, addr: Addr) -> Result<Addr, Unmappable> {
        self.map(addr, self.external, self.adjustment)
    }

    /// The internal address of an external one. The caller has asked [`Self::is_external`].
    ///
    /// # Errors
    /// An address that can't be mapped.
    pub fn inbound(&self, addr: Addr) -> Result<Addr, Unmappable> {
        self.map(addr, self.internal, !self.adjustment)
    }

    /// Rewrites the source of an outbound packet, the destination of an inbound one. No checksum changes; an
    /// address that is not of the prefix stays.
    ///
    /// # Errors
    /// A packet that is to be dropped, and whose sender is to be told.
    pub fn translate(&self, packet: &mut Datagram<'_>, way: Direction) -> Result<(), Refused> {
        let header = Header::read(packet.bytes(), Family::V6, Extent::Whole)?;
        let (mut src, mut dst) = (header.src, header.dst);
        match way {
            Direction::Outbound => src = refuse(self.outward(src), SRC_AT)?,
            Direction::Inbound => dst = refuse(self.inward(dst), DST_AT)?,
        }
        rewrite::addresses(packet.bytes_mut(), 0, Family::V6, src, dst, Delta::default());
        Ok(())
    }

    /// Rewrites an ICMPv6 error and the packet that it quotes, which went the other way.
    ///
    /// # Errors
    /// An error that must not be passed on.
    pub fn translate_error(&self, packet: &mut Datagram<'_>, way: Direction) -> Result<(), Refused> {
        let Taken { outer, quote, .. } = Taken::read(packet.bytes(), Family::V6)?;
        let (own, quoted) = match way {
            Direction::Outbound => (
                (refuse(self.outward(outer.src), SRC_AT)?, outer.dst),
                Ends::new(quote.src, refuse(self.outward(quote.dst), SRC_AT)?),
            ),
            Direction::Inbound => (
                (outer.src, refuse(self.inward(outer.dst), DST_AT)?),
                Ends::new(refuse(self.inward(quote.src), DST_AT)?, quote.dst),
            ),
        };
        rewrite_error(packet, Family::V6, own, &quoted)
    }

    fn outward(&self, addr: Addr) -> Result<Addr, Unmappable> {
        if self.is_internal(addr) { self.outbound(addr) } else { Ok(addr) }
    }

    fn inward(&self, addr: Addr) -> Result<Addr, Unmappable> {
        if self.is_external(addr) { self.inbound(addr) } else { Ok(addr) }
    }

    fn holds(&self, prefix: u128, addr: Addr) -> bool {
        (addr.0 ^ prefix).checked_shr(128 - u32::from(self.len)).is_none_or(|differ| differ == 0)
    }

    fn map(&self, addr: Addr, prefix: u128, adjustment: u16) -> Result<Addr, Unmappable> {
        let word = self.word(addr)?;
        let host = u128::MAX.checked_shr(u32::from(self.len)).unwrap_or(0);
        let replaced = prefix | (addr.0 & host);
        let shift = 112 - 16 * word as u32;
        let old = (replaced >> shift) as u16;
        let new = plus(old, adjustment);
        Ok(Addr(replaced ^ (u128::from(old ^ new) << shift)))
    }

    /// The word that is adjusted: never one of all ones, which one's complement can't tell from zero.
    fn word(&self, addr: Addr) -> Result<usize, Unmappable> {
        let is_free = |word: &usize| (addr.0 >> (112 - 16 * word)) as u16 != 0xffff;
        if self.len <= SUBNET_AT {
            return Some(3).filter(is_free).ok_or(Unmappable::Subnet);
        }
        IDENTIFIER.clone().find(is_free).ok_or(Unmappable::Identifier)
    }
}

fn refuse(mapped: Result<Addr, Unmappable>, at: u16) -> Result<Addr, Refused> {
    mapped.map_err(|why| Refused::Unmappable { why, at })
}

/// One's complement sum of the words; all ones is read as zero.
fn sum(prefix: u128) -> u16 {
    (0..8).fold(0, |sum, word| plus(sum, (prefix >> (16 * word)) as u16))
}

/// One's complement addition; the result is never 0xffff (RFC 6296 3.1).
const fn plus(a: u16, b: u16) -> u16 {
    let wide = a as u32 + b as u32;
    let folded = ((wide & 0xffff) + (wide >> 16)) as u16;
    if folded == 0xffff { 0 } else { folded }
}

const fn minus(a: u16, b: u16) -> u16 {
    plus(a, !b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn addr(text: &str) -> Addr {
        Addr::from_ip(text.parse::<IpAddr>().unwrap()).1
    }

    fn pair(internal: &str, external: &str) -> Nptv6 {
        let prefix = |text: &str| {
            let (network, len) = text.split_once('/').unwrap();
            (addr(network), len.parse().unwrap())
        };
        Nptv6::new(prefix(internal), prefix(external)).unwrap()
    }

    // Proves: rfc6296-2, rfc6296-3, rfc6296-4, rfc6296-5, rfc6296-6.
    /// RFC 6296 3.6 for /48; the rest worked by hand from 3.4, 3.5 and 3.7.
    #[test]
    fn addresses_map_as_the_rfc_says() {
        for (internal, external, inside, outside) in [
            ("fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:1::1234", "2001:db8:1:d550::1234"),
            ("fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405::1", "2001:db8:1:d54f::1"),
            // 0x2ab0 + 0xd54f = 0xffff, which is written as zero.
            ("fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:2ab0::1", "2001:db8:1:0::1"),
            // fd01 - 2001 = dd00.
            ("fd01::/16", "2001::/16", "fd01:1:2:3::4", "2001:1:2:dd03::4"),
            // Longer than /48: the first word of the identifier that is not all ones.
            ("fd01:203:405:1::/64", "2001:db8:1:2::/64", "fd01:203:405:1::1", "2001:db8:1:2:d54e::1"),
            (
                "fd01:203:405:1::/64",
                "2001:db8:1:2::/64",
                "fd01:203:405:1:ffff:1::1",
                "2001:db8:1:2:ffff:d54f::1",
            ),
            (
                "fd01:203:405:1::/64",
                "2001:db8:1:2::/64",
                "fd01:203:405:1:ffff:ffff:ffff:2",
                "2001:db8:1:2:ffff:ffff:ffff:d550",
            ),
            // Of two lengths the shorter is extended: /56 and the identifier.
            ("fd01:203:405::/48", "2001:db8:1:200::/56", "fd01:203:405:7::1", "2001:db8:1:207:d34f::1"),
        ] {
            let nptv6 = pair(internal, external);
            assert!(nptv6.is_internal(addr(inside)) && nptv6.is_external(addr(outside)));
            assert_eq!(nptv6.outbound(addr(inside)), Ok(addr(outside)), "{internal} {external}");
            assert_eq!(nptv6.inbound(addr(outside)), Ok(addr(inside)), "{internal} {external}");
        }
    }

    // Proves: rfc6296-8.
    #[test]
    fn what_can_not_be_mapped_is_told() {
        let short = pair("fd01:203:405::/48", "2001:db8:1::/48");
        assert_eq!(short.outbound(addr("fd01:203:405:ffff::1")), Err(Unmappable::Subnet));
        assert_eq!(short.inbound(addr("2001:db8:1:ffff::1")), Err(Unmappable::Subnet));
        let long = pair("fd01:203:405:1::/64", "2001:db8:1:2::/64");
        assert_eq!(long.outbound(addr("fd01:203:405:1:ffff:ffff:ffff:ffff")), Err(Unmappable::Identifier));
    }

    // Proves: rfc6296-1.
    #[test]
    fn a_pair_is_of_clean_prefixes_up_to_64_bits() {
        assert!(Nptv6::new((addr("fd00::"), 65), (addr("2001:db8::"), 64)).is_none());
        assert!(Nptv6::new((addr("fd00::1"), 64), (addr("2001:db8::"), 64)).is_none());
        assert!(Nptv6::new((addr("fd00:0:0:1::"), 64), (addr("2001:db8::"), 32)).is_some());
        assert!(Nptv6::new((addr("::"), 0), (addr("::"), 0)).is_some());
    }

    /// The sum of an address modulo 0xffff, by long division instead of folding.
    fn residue(addr: Addr) -> u128 {
        (0..8).map(|word| (addr.0 >> (16 * word)) & 0xffff).sum::<u128>() % 0xffff
    }

    fn clean(bits: u128, len: u8) -> (Addr, u8) {
        (Addr(bits & !u128::MAX.checked_shr(u32::from(len)).unwrap_or(0)), len)
    }

    proptest! {
        // Proves: rfc6296-7, rfc6296-9.
        #[test]
        fn mapping_is_neutral_to_checksums_and_undone_by_its_inverse(
            a: u128, b: u128, host: u128, len_in in 0u8..=64, len_out in 0u8..=64, ones in 0u32..5,
        ) {
            let nptv6 = Nptv6::new(clean(a, len_in), clean(b, len_out)).unwrap();
            // Identifiers that begin with words of all ones are otherwise never drawn.
            let host = host | (!u64::MAX.checked_shr(16 * ones).unwrap_or(0)) as u128;
            let len = u32::from(nptv6.len);
            let inside = Addr(nptv6.internal | host & u128::MAX.checked_shr(len).unwrap_or(0));
            prop_assert!(nptv6.is_internal(inside));
            match nptv6.outbound(inside) {
                Ok(outside) => {
                    prop_assert!(nptv6.is_external(outside));
                    prop_assert_eq!(residue(outside), residue(inside));
                    prop_assert_eq!(nptv6.inbound(outside), Ok(inside));
                }
                Err(Unmappable::Subnet) => prop_assert_eq!((inside.0 >> 64) as u16, 0xffff),
                Err(Unmappable::Identifier) => prop_assert_eq!(inside.0 as u64, u64::MAX),
            }
        }
    }
}
