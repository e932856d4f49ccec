//! IPv4-embedded IPv6 addresses.
//!
//! State: none. Spec: rfc6052-1..9.

use ravelin_types::Addr;

/// A prefix that IPv6 hosts see the IPv4 world behind: of 32, 40, 48, 56, 64 or 96 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix64 {
    prefix: u128,
    len: u8,
}

/// Why a prefix can't hold IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAPrefix {
    /// Not one of the six lengths of RFC 6052 2.2.
    Length,
    /// Bits 64 to 71 are not zero (RFC 6052 2.2).
    UOctet,
    /// Bits behind the prefix's length are set.
    HostBits,
}

/// Bits below the u octet (bits 64 to 71).
const U_SHIFT: u32 = 56;

/// IPv4 blocks that are not global, `(network, length)`: RFC 1918, RFC 5735 3 as kept on by RFC 6890.
const NON_GLOBAL: &[(u32, u8)] = &[
    (0x0000_0000, 8),  // this network
    (0x0a00_0000, 8),  // private
    (0x6440_0000, 10), // shared (RFC 6598)
    (0x7f00_0000, 8),  // loopback
    (0xa9fe_0000, 16), // link local
    (0xac10_0000, 12), // private
    (0xc000_0000, 24), // protocol assignments
    (0xc000_0200, 24), // TEST-NET-1
    (0xc0a8_0000, 16), // private
    (0xc612_0000, 15), // benchmarking
    (0xc633_6400, 24), // TEST-NET-2
    (0xcb00_7100, 24), // TEST-NET-3
    (0xe000_0000, 4),  // multicast
    (0xf000_0000, 4),  // reserved and broadcast
];

impl Prefix64 {
    /// 64:ff9b::/96.
    pub const WELL_KNOWN: Self = Self { prefix: 0x0064_ff9b << 96, len: 96 };

    /// # Errors
    /// When the bits are no such prefix.
    pub const fn new(prefix: Addr, len: u8) -> Result<Self, NotAPrefix> {
        if !matches!(len, 32 | 40 | 48 | 56 | 64 | 96) {
            return Err(NotAPrefix::Length);
        }
        if prefix.0 & (u128::MAX >> len) != 0 {
            return Err(NotAPrefix::HostBits);
        }
        if (prefix.0 >> U_SHIFT) & 0xff != 0 {
            return Err(NotAPrefix::UOctet);
        }
        Ok(Self { prefix: prefix.0, len })
    }

    /// The IPv6 address that stands for an IPv4 one; u octet and suffix are zero.
    #[must_use]
    pub const fn embed(&self, v4: Addr) -> Addr {
        let v4 = v4.low32() as u128;
        let bits = if self.len == 96 { v4 } else { around_u(v4 << (88 - self.len as u32)) };
        Addr(self.prefix | bits)
    }

    /// The IPv4 address that an IPv6 one stands for. `None`: it is not of this prefix.
    ///
    /// What u octet and suffix hold is not looked at (RFC 6052 2.2).
    #[must_use]
    pub const fn extract(&self, v6: Addr) -> Option<Addr> {
        if !self.contains(v6) {
            return None;
        }
        if self.len == 96 {
            return Some(Addr(v6.0 & 0xffff_ffff));
        }
        Some(Addr((without_u(v6.0) >> (88 - self.len as u32)) & 0xffff_ffff))
    }

    #[must_use]
    pub const fn contains(&self, v6: Addr) -> bool {
        (v6.0 ^ self.prefix) >> (128 - self.len as u32) == 0
    }

    /// Whether the RFC lets this prefix stand for the address: the well-known one only for global addresses
    /// (RFC 6052 3.1). A packet with another is to be dropped.
    #[must_use]
    pub fn may_represent(&self, v4: Addr) -> bool {
        *self != Self::WELL_KNOWN || is_global(v4)
    }
}

/// A 120-bit address with a u octet of zero put in.
const fn around_u(bits: u128) -> u128 {
    let low = (1 << U_SHIFT) - 1;
    ((bits >> U_SHIFT) << (U_SHIFT + 8)) | (bits & low)
}

/// The address without its u octet: 120 bits.
const fn without_u(v6: u128) -> u128 {
    let low = (1 << U_SHIFT) - 1;
    ((v6 >> (U_SHIFT + 8)) << U_SHIFT) | (v6 & low)
}

fn is_global(v4: Addr) -> bool {
    let value = v4.low32();
    !NON_GLOBAL.iter().any(|(network, len)| (value ^ network) >> (32 - len) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::Family;
    use std::net::IpAddr;

    fn addr(text: &str) -> Addr {
        Addr::from_ip(text.parse::<IpAddr>().unwrap()).1
    }

    fn prefix(text: &str) -> Result<Prefix64, NotAPrefix> {
        let (network, len) = text.split_once('/').unwrap();
        Prefix64::new(addr(network), len.parse().unwrap())
    }

    // Proves: rfc6052-3, rfc6052-7.
    /// RFC 6052 2.4, tables 2 and 3, and the well-known prefix.
    #[test]
    fn the_examples_of_the_rfc_hold_both_ways() {
        let v4 = addr("192.0.2.33");
        for (network, expected) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
        ] {
            let prefix = prefix(network).unwrap();
            assert_eq!(prefix.embed(v4).to_ip(Family::V6), expected.parse::<IpAddr>().unwrap(), "{network}");
            assert_eq!(prefix.extract(addr(expected)), Some(v4), "{network}");
        }
    }

    // Proves: rfc6052-1, rfc6052-2.
    #[test]
    fn a_prefix_has_one_of_six_lengths_and_no_u_octet() {
        for len in 0..=128u8 {
            let known = [32, 40, 48, 56, 64, 96].contains(&len);
            let made = Prefix64::new(Addr(0x2001_0db8 << 96), len);
            assert_eq!(made.err(), (!known).then_some(NotAPrefix::Length), "{len}");
        }
        assert_eq!(
            prefix("2001:db8:0:0:1::/96"),
            Ok(Prefix64 { prefix: 0x2001_0db8_0000_0000_0001 << 48, len: 96 })
        );
        assert_eq!(prefix("2001:db8:0:0:100::/96"), Err(NotAPrefix::UOctet));
        assert_eq!(prefix("2001:db8:1::/32"), Err(NotAPrefix::HostBits));
    }

    #[test]
    fn an_address_of_another_prefix_is_none() {
        assert_eq!(Prefix64::WELL_KNOWN.extract(addr("64:ff9b:1::1.2.3.4")), None);
        assert_eq!(prefix("2001:db8::/32").unwrap().extract(addr("2001:db9:c000:221::")), None);
    }

    // Proves: rfc6052-5.
    /// RFC 6052 2.2: bits of the suffix that are not zero are read as zero.
    #[test]
    fn u_octet_and_suffix_are_not_looked_at() {
        let prefix = prefix("2001:db8:122::/48").unwrap();
        assert_eq!(prefix.extract(addr("2001:db8:122:c000:ff02:21ff:ffff:ffff")), Some(addr("192.0.2.33")));
    }

    // Proves: rfc6052-8, rfc6052-9.
    /// RFC 6052 3.1.
    #[test]
    fn the_well_known_prefix_stands_for_global_addresses_alone() {
        let own = prefix("2001:db8:122:344::/96").unwrap();
        for (text, global) in [
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("172.32.0.1", true),
            ("192.168.0.1", false),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("198.19.255.1", false),
            ("198.20.0.1", true),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("0.0.0.1", false),
            ("8.8.8.8", true),
            ("192.88.99.1", true),
        ] {
            assert_eq!(Prefix64::WELL_KNOWN.may_represent(addr(text)), global, "{text}");
            assert!(own.may_represent(addr(text)), "{text}");
        }
    }

    proptest::proptest! {
        // Proves: rfc6052-4, rfc6052-6.
        #[test]
        fn extract_undoes_embed(v4: [u8; 4], bits: u128, which in 0usize..6) {
            let len = [32u8, 40, 48, 56, 64, 96][which];
            let bits = bits & !(u128::MAX >> len) & !(0xff << 56);
            let prefix = Prefix64::new(Addr(bits), len).unwrap();
            let v6 = prefix.embed(Addr::v4(v4));
            proptest::prop_assert_eq!(prefix.extract(v6), Some(Addr::v4(v4)));
            proptest::prop_assert_eq!(v6.octets6()[8], 0);
            proptest::prop_assert!(prefix.contains(v6));
        }
    }
}
