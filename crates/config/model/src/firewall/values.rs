//! Values of match conditions: numbers, ranges and the names that Junos has for them.
//!
//! Spec: firewall-filter-16..33, firewall-filter-70.

use std::marker::PhantomData;

use ravelin_schema::Value;

use crate::numbers;

/// What a list of values is about.
pub trait ListedKind {
    const WHAT: &'static str;
    const MAX: u32;
    fn named(name: &str) -> Option<u32>;
}

/// A value or a range of them, of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<K> {
    pub low: u32,
    pub high: u32,
    kind: PhantomData<K>,
}

impl<K: ListedKind> Listed<K> {
    fn one(text: &str) -> Option<u32> {
        K::named(text).or_else(|| number(text))
    }

    /// A range: where the `-` stands is tried, since names have some too.
    fn range(text: &str) -> Option<(u32, u32)> {
        let places = text.match_indices('-');
        places.filter_map(|(at, _)| Some((Self::one(&text[..at])?, Self::one(&text[at + 1..])?))).next()
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

impl<K: ListedKind> Value for Listed<K> {
    fn value(word: &str) -> Result<Self, String> {
        let found = Self::one(word).map(|value| (value, value)).or_else(|| Self::range(word));
        let (low, high) = found.ok_or_else(|| format!("invalid {} `{word}'", K::WHAT))?;
        if low > high {
            return Err(format!("range `{word}' ends before it begins"));
        }
        if high > K::MAX {
            return Err(format!("value {high} is not within range (0..{})", K::MAX));
        }
        Ok(Self { low, high, kind: PhantomData })
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $what:literal $max:expr, $named:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl ListedKind for $name {
            const WHAT: &'static str = $what;
            const MAX: u32 = $max;
            fn named(name: &str) -> Option<u32> {
                let named: fn(&str) -> Option<u32> = $named;
                named(name)
            }
        }
    )+};
}

kinds! {
    ProtocolNumber "protocol" 255, protocol;
    PortNumber "port" 65_535, |name| numbers::port(name).map(u32::from);
    /// Differentiated services code point: of `traffic-class` too.
    Dscp "DSCP" 63, dscp;
    Precedence "precedence" 7, precedence;
    Ttl "TTL" 255, |_| None;
    PacketLength "packet length" 65_535, |_| None;
    FragmentOffset "fragment offset" 8191, |_| None;
    Esp "SPI" u32::MAX, |_| None;
    InterfaceGroup "interface group" 255, |_| None;
    /// An IPv4 option's type; `any` is none of them and beyond all.
    IpOption "IP option" 256, ip_option;
    Icmp4Type "ICMP type" 255, |name| numbers::icmp_type(name).map(u32::from);
    Icmp4Code "ICMP code" 255, icmp4_code;
    Icmp6Type "ICMPv6 type" 255, icmp6_type;
    Icmp6Code "ICMPv6 code" 255, icmp6_code;
    ForwardingClass "forwarding class" 255, |name| class_by_name(name).map(u32::from);
    /// As packets carry it, from low to high.
    LossPriorityLevel "loss priority" 3, loss_priority;
}

impl IpOption {
    /// Stands for every option.
    pub const ANY: u32 = 256;
}

/// The forwarding classes that Junos has by default, by queue.
#[must_use]
pub fn class_by_name(name: &str) -> Option<u8> {
    Some(match name {
        "best-effort" => 0,
        "expedited-forwarding" => 1,
        "assured-forwarding" => 2,
        "network-control" => 3,
        _ => return None,
    })
}

fn loss_priority(name: &str) -> Option<u32> {
    ["low", "medium-low", "medium-high", "high"].iter().position(|known| *known == name).map(|n| n as u32)
}

fn protocol(name: &str) -> Option<u32> {
    Some(match name {
        "hop-by-hop" => 0,
        "ipv6" => 41,
        "routing" => 43,
        "fragment" => 44,
        "no-next-header" => 59,
        "dstopts" => 60,
        "mobility" => 135,
        _ => return numbers::protocol(name).map(u32::from),
    })
}

fn dscp(name: &str) -> Option<u32> {
    let (class, drop) = match name.as_bytes() {
        [b'c', b's', class @ b'0'..=b'7'] => (u32::from(class - b'0'), 0),
        [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => {
            (u32::from(class - b'0'), u32::from(drop - b'0'))
        }
        b"ef" => return Some(46),
        b"be" => return Some(0),
        _ => return None,
    };
    Some(class * 8 + drop * 2)
}

fn precedence(name: &str) -> Option<u32> {
    Some(match name {
        "routine" => 0,
        "priority" => 1,
        "immediate" => 2,
        "flash" => 3,
        "flash-override" => 4,
        "critical-ecp" => 5,
        "internet-control" => 6,
        "net-control" => 7,
        _ => return None,
    })
}

fn ip_option(name: &str) -> Option<u32> {
    Some(match name {
        "any" => IpOption::ANY,
        "record-route" => 7,
        "timestamp" => 68,
        "security" => 130,
        "loose-source-route" => 131,
        "stream-id" => 136,
        "strict-source-route" => 137,
        "router-alert" => 148,
        _ => return None,
    })
}

fn icmp6_type(name: &str) -> Option<u32> {
    Some(match name {
        "membership-query" => 130,
        "membership-report" => 131,
        "membership-termination" => 132,
        "router-renumbering" => 138,
        "node-information-request" => 139,
        "node-information-reply" => 140,
        _ => return numbers::icmp6_type(name).map(u32::from),
    })
}

/// RFC 792, RFC 1122, RFC 1812.
fn icmp4_code(name: &str) -> Option<u32> {
    Some(match name {
        "network-unreachable" | "redirect-for-network" | "ttl-eq-zero-during-transit" | "ip-header-bad" => 0,
        "host-unreachable"
        | "redirect-for-host"
        | "ttl-eq-zero-during-reassembly"
        | "required-option-missing" => 1,
        "protocol-unreachable" | "redirect-for-tos-and-net" => 2,
        "port-unreachable" | "redirect-for-tos-and-host" => 3,
        "fragmentation-needed" => 4,
        "source-route-failed" => 5,
        "destination-network-unknown" => 6,
        "destination-host-unknown" => 7,
        "source-host-isolated" => 8,
        "destination-network-prohibited" => 9,
        "destination-host-prohibited" => 10,
        "network-unreachable-for-TOS" => 11,
        "host-unreachable-for-TOS" => 12,
        "communication-prohibited-by-filtering" => 13,
        "host-precedence-violation" => 14,
        "precedence-cutoff-in-effect" => 15,
        _ => return None,
    })
}

/// RFC 4443.
fn icmp6_code(name: &str) -> Option<u32> {
    Some(match name {
        "no-route-to-destination" | "ttl-eq-zero-during-transit" | "ip6-header-bad" => 0,
        "administratively-prohibited" | "ttl-eq-zero-during-reassembly" | "unrecognized-next-header" => 1,
        "unrecognized-option" => 2,
        "address-unreachable" => 3,
        "port-unreachable" => 4,
        _ => return None,
    })
}

/// A number with `k`, `m` or `g` behind it: thousands, millions, thousand millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scaled(pub u64);

impl Value for Scaled {
    fn value(word: &str) -> Result<Self, String> {
        let (digits, scale) = match word.as_bytes().last() {
            Some(b'k' | b'K') => (&word[..word.len() - 1], 1_000),
            Some(b'm' | b'M') => (&word[..word.len() - 1], 1_000_000),
            Some(b'g' | b'G') => (&word[..word.len() - 1], 1_000_000_000),
            _ => (word, 1),
        };
        let number = Some(digits).filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|d| d.parse::<u64>().ok()).and_then(|n| n.checked_mul(scale));
        number.map(Self).ok_or_else(|| format!("invalid number `{word}'; expecting digits and k, m or g"))
    }
}

/// Up to 128 bits, decimal or hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexNumber(pub u128);

impl Value for HexNumber {
    fn value(word: &str) -> Result<Self, String> {
        let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
        let number = Some(hex).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = number.and_then(|h| u128::from_str_radix(h, 16).ok());
        number.map(Self).ok_or_else(|| format!("invalid hexadecimal number `{word}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<K: ListedKind>(word: &str) -> Result<(u32, u32), String> {
        Listed::<K>::value(word).map(|v| (v.low, v.high))
    }

    #[test]
    fn values_are_numbers_names_and_ranges_of_both() {
        assert_eq!(read::<PortNumber>("80"), Ok((80, 80)));
        assert_eq!(read::<PortNumber>("ftp-data"), Ok((20, 20)));
        assert_eq!(read::<PortNumber>("ftp-data-ssh"), Ok((20, 22)));
        assert_eq!(read::<PortNumber>("1024-65535"), Ok((1024, 65_535)));
        assert_eq!(read::<Ttl>("0x10-0x20"), Ok((16, 32)));
        assert_eq!(read::<ProtocolNumber>("tcp"), Ok((6, 6)));
        assert_eq!(read::<IpOption>("any"), Ok((256, 256)));
        assert_eq!(read::<PortNumber>("65536"), Err("value 65536 is not within range (0..65535)".into()));
        assert_eq!(read::<PortNumber>("9-1"), Err("range `9-1' ends before it begins".into()));
        assert_eq!(read::<ProtocolNumber>("tpc"), Err("invalid protocol `tpc'".into()));
        assert!(read::<PortNumber>("").is_err() && read::<PortNumber>("-").is_err());
    }

    /// RFC 2474, 2597, 3246.
    #[test]
    fn code_points_have_their_names() {
        let names =
            [("be", 0), ("cs0", 0), ("cs7", 56), ("af11", 10), ("af23", 22), ("af43", 38), ("ef", 46)];
        for (name, value) in names {
            assert_eq!(read::<Dscp>(name), Ok((value, value)), "{name}");
        }
        assert!(read::<Dscp>("af14").is_err() && read::<Dscp>("cs8").is_err() && read::<Dscp>("64").is_err());
    }

    #[test]
    fn rates_have_scales() {
        let read = |word| Scaled::value(word).map(|n| n.0).ok();
        assert_eq!(read("8000"), Some(8000));
        assert_eq!(
            (read("15k"), read("10m"), read("1g")),
            (Some(15_000), Some(10_000_000), Some(1_000_000_000))
        );
        assert_eq!(
            (read("k"), read(""), read("1.5m"), read("99999999999999999999")),
            (None, None, None, None)
        );
        assert_eq!(read("99999999999999999g"), None);
    }
}
