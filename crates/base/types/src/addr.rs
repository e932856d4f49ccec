//! Addresses: one 128-bit value beside its family, so that tables have no v4/v6 pair of methods.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Address family of a packet, a key or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    V4 = 4,
    V6 = 6,
}

/// An address as the packet path holds it: the value in host order, IPv4 in the low 32 bits.
///
/// The family travels beside it (in the key or the packet's headers), never inside: an IPv6
/// packet with an IPv4-mapped address can't be mistaken for an IPv4 one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addr(pub u128);

impl Addr {
    #[must_use]
    pub const fn v4(octets: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(octets) as u128)
    }

    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }

    /// The address for people and for std's interfaces.
    #[must_use]
    pub fn to_ip(self, family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from(self.low32())),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(self.0)),
        }
    }

    /// The low 32 bits: the whole of an IPv4 address.
    #[must_use]
    pub const fn low32(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }

    #[must_use]
    pub const fn octets4(self) -> [u8; 4] {
        self.low32().to_be_bytes()
    }

    #[must_use]
    pub const fn octets6(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Family and value of a std address.
    #[must_use]
    pub fn from_ip(ip: IpAddr) -> (Family, Self) {
        match ip {
            IpAddr::V4(a) => (Family::V4, Self::v4(a.octets())),
            IpAddr::V6(a) => (Family::V6, Self::v6(a.octets())),
        }
    }

    #[must_use]
    pub fn is_multicast(self, family: Family) -> bool {
        match family {
            Family::V4 => self.low32() >> 28 == 0xe,
            Family::V6 => self.0 >> 120 == 0xff,
        }
    }

    #[must_use]
    pub fn is_unspecified(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn is_loopback(self, family: Family) -> bool {
        match family {
            Family::V4 => self.low32() >> 24 == 127,
            Family::V6 => self.0 == 1,
        }
    }

    /// An IPv6 link-local unicast address (fe80::/10).
    #[must_use]
    pub fn is_link_local6(self) -> bool {
        self.0 >> 118 == 0x3fa
    }

    /// An IPv4-mapped address (::ffff:0:0/96), never legal in a packet (RFC 4942 2.2).
    #[must_use]
    pub fn is_v4_mapped(self) -> bool {
        self.0 >> 32 == 0xffff
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.0 >> 32 == 0 { Family::V4 } else { Family::V6 };
        self.to_ip(family).fmt(f)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Group bit: multicast or broadcast.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no Ethernet address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnAddress(pub String);

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an Ethernet address", self.0)
    }
}

impl std::error::Error for NotAnAddress {}

impl FromStr for Mac {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotAnAddress(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|p| p.len() == 2).ok_or_else(bad)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        if parts.next().is_some() { Err(bad()) } else { Ok(Self(octets)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["10.0.0.1", "255.255.255.255", "2001:db8::1", "::1", "fe80::1"] {
            let ip: IpAddr = text.parse().unwrap();
            let (family, addr) = Addr::from_ip(ip);
            assert_eq!(addr.to_ip(family), ip);
        }
    }

    #[test]
    fn special_addresses_are_told_apart() {
        let v6 = |t: &str| Addr::from_ip(t.parse().unwrap()).1;
        assert!(v6("fe80::1").is_link_local6());
        assert!(!v6("fec0::1").is_link_local6());
        assert!(v6("::ffff:1.2.3.4").is_v4_mapped());
        assert!(v6("ff02::1").is_multicast(Family::V6));
        assert!(Addr::v4([224, 0, 0, 5]).is_multicast(Family::V4));
        assert!(!Addr::v4([240, 0, 0, 5]).is_multicast(Family::V4));
    }

    #[test]
    fn a_mac_is_six_pairs_of_hex() {
        assert_eq!("02:00:00:00:00:0a".parse::<Mac>().unwrap().to_string(), "02:00:00:00:00:0a");
        assert!("02:00:00:00:00".parse::<Mac>().is_err());
        assert!("02:00:00:00:00:0a:1".parse::<Mac>().is_err());
    }
}
