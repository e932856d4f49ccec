//! ICMP and ICMPv6 messages and their counterparts: types, codes, pointers, MTU.
//!
//! State: none. Spec: rfc7915-9..18, rfc7915-33..40.

use ravelin_types::Family;

use crate::siit::Rules;

/// Bytes of an ICMP message before what it carries.
pub(crate) const LEN: usize = 8;

/// What stands in the four bytes behind the checksum of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Nothing but the length attribute (RFC 4884).
    Length,
    Mtu,
    Pointer(u8),
}

/// An error message as the other family has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub kind: u8,
    pub code: u8,
    pub field: Field,
}

/// The other family's type of an echo request or reply.
pub(crate) const fn query(from: Family, kind: u8) -> Option<u8> {
    match (from, kind) {
        (Family::V4, 8) => Some(128),
        (Family::V4, 0) => Some(129),
        (Family::V6, 128) => Some(8),
        (Family::V6, 129) => Some(0),
        _ => None,
    }
}

/// The other family's message of an error; `rest` are the four bytes behind its checksum.
pub(crate) fn error(from: Family, kind: u8, code: u8, rest: [u8; 4]) -> Option<Message> {
    let (kind, code, field) = match from {
        Family::V4 => error4(kind, code, rest[0])?,
        Family::V6 => error6(kind, code, u32::from_be_bytes(rest))?,
    };
    Some(Message { kind, code, field })
}

/// RFC 7915 4.2.
fn error4(kind: u8, code: u8, pointer: u8) -> Option<(u8, u8, Field)> {
    Some(match (kind, code) {
        (3, 0 | 1 | 5..=8 | 11 | 12) => (1, 0, Field::Length),
        // Protocol unreachable: the fault is in IPv6's Next Header field.
        (3, 2) => (4, 1, Field::Pointer(6)),
        (3, 3) => (1, 4, Field::Length),
        (3, 4) => (2, 0, Field::Mtu),
        (3, 9 | 10 | 13 | 15) => (1, 1, Field::Length),
        (11, code) => (3, code, Field::Length),
        (12, 0 | 2) => (4, 0, Field::Pointer(pointer4(pointer)?)),
        _ => return None,
    })
}

/// RFC 7915 5.2.
fn error6(kind: u8, code: u8, pointer: u32) -> Option<(u8, u8, Field)> {
    Some(match (kind, code) {
        (1, 0 | 2 | 3) => (3, 1, Field::Length),
        (1, 1) => (3, 10, Field::Length),
        (1, 4) => (3, 3, Field::Length),
        (2, _) => (3, 4, Field::Mtu),
        (3, code) => (11, code, Field::Length),
        (4, 0) => (12, 0, Field::Pointer(pointer6(pointer)?)),
        (4, 1) => (3, 2, Field::Length),
        _ => return None,
    })
}

/// A field of the IPv4 header as one of the IPv6 header (RFC 7915 4.2, figure 3).
const fn pointer4(at: u8) -> Option<u8> {
    match at {
        0 | 1 => Some(at),
        2 | 3 => Some(4),
        8 => Some(7),
        9 => Some(6),
        12..=15 => Some(8),
        16..=19 => Some(24),
        _ => None,
    }
}

/// A field of the IPv6 header as one of the IPv4 header (RFC 7915 5.2, figure 6).
const fn pointer6(at: u32) -> Option<u8> {
    match at {
        0 | 1 => Some(at as u8),
        4 | 5 => Some(2),
        6 => Some(9),
        7 => Some(8),
        8..=23 => Some(12),
        24..=39 => Some(16),
        _ => None,
    }
}

/// The length attribute's place in the four bytes and its unit, where the type has one (RFC 4884 4).
pub(crate) const fn length_attribute(family: Family, kind: u8) -> Option<(usize, usize)> {
    match (family, kind) {
        (Family::V4, 3 | 11 | 12) => Some((1, 4)),
        (Family::V6, 1 | 3) => Some((0, 8)),
        _ => None,
    }
}

/// Likely MTUs, largest first, where a router does not tell (RFC 1191 7).
const PLATEAUS: [u16; 7] = [65535, 32000, 17914, 8166, 4352, 2002, 1492];
/// What every IPv6 link takes (RFC 8200 5).
pub(crate) const MTU6_MIN: u16 = 1280;
/// By how much IPv6 headers are longer, without and with a fragment header.
pub(crate) const GROWTH: u16 = 20;
pub(crate) const GROWTH_FRAGMENT: u16 = 28;

/// The MTU that IPv6 hosts are told for one reported in IPv4; `total` is the quoted packet's length.
pub(crate) fn mtu6(reported: u16, total: usize, rules: &Rules) -> u32 {
    let likely = || PLATEAUS.into_iter().find(|p| usize::from(*p) < total).unwrap_or(0);
    let reported = if reported == 0 { likely() } else { reported };
    let mtu = reported.saturating_add(GROWTH).min(rules.mtu6).min(rules.mtu4.saturating_add(GROWTH));
    u32::from(mtu.max(MTU6_MIN))
}

/// The MTU that IPv4 hosts are told for one reported in IPv6. Less than an IPv6 link can have is not believed
/// (RFC 8201 4).
pub(crate) fn mtu4(reported: u32, growth: u16, rules: &Rules) -> u16 {
    let reported = u16::try_from(reported).unwrap_or(u16::MAX).max(MTU6_MIN);
    (reported - growth).min(rules.mtu4).min(rules.mtu6.max(MTU6_MIN) - growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type, some of its codes and what they become.
    type Row = (u8, &'static [u8], (u8, u8));

    // Proves: rfc7915-11, rfc7915-14, rfc7915-35, rfc7915-38.
    /// RFC 7915 4.2 and 5.2, every type and code: what is not listed has no counterpart.
    #[test]
    fn types_and_codes_are_those_of_the_rfc() {
        let four: &[Row] = &[
            (3, &[0, 1, 5, 6, 7, 8, 11, 12], (1, 0)),
            (3, &[2], (4, 1)),
            (3, &[3], (1, 4)),
            (3, &[4], (2, 0)),
            (3, &[9, 10, 13, 15], (1, 1)),
            (11, &[0], (3, 0)),
            (11, &[1], (3, 1)),
            (12, &[0, 2], (4, 0)),
        ];
        let six: &[Row] = &[
            (1, &[0, 2, 3], (3, 1)),
            (1, &[1], (3, 10)),
            (1, &[4], (3, 3)),
            (2, &[0], (3, 4)),
            (3, &[0], (11, 0)),
            (3, &[1], (11, 1)),
            (4, &[0], (12, 0)),
            (4, &[1], (3, 2)),
        ];
        for (family, table, skipped) in [(Family::V4, four, [11, 11]), (Family::V6, six, [2, 3])] {
            for (kind, code) in (0..=255u8).flat_map(|kind| (0..=20u8).map(move |code| (kind, code))) {
                let listed = table.iter().find(|(k, codes, _)| *k == kind && codes.contains(&code));
                let got = error(family, kind, code, [0; 4]).map(|m| (m.kind, m.code));
                // Codes of these types are passed on, known or not.
                if listed.is_none() && skipped.contains(&kind) {
                    continue;
                }
                assert_eq!(got, listed.map(|(.., to)| *to), "{family:?} {kind}/{code}");
            }
        }
    }

    #[test]
    fn echo_alone_of_the_queries_has_a_counterpart() {
        for kind in 0..=255u8 {
            let expected = match kind {
                8 => Some(128),
                0 => Some(129),
                _ => None,
            };
            assert_eq!(query(Family::V4, kind), expected, "{kind}");
            let expected = match kind {
                128 => Some(8),
                129 => Some(0),
                _ => None,
            };
            assert_eq!(query(Family::V6, kind), expected, "{kind}");
        }
    }

    // Proves: rfc7915-16, rfc7915-39.
    /// RFC 7915 figures 3 and 6, row by row.
    #[test]
    fn pointers_are_those_of_the_figures() {
        let n = None;
        let figure3 = [
            Some(0),
            Some(1),
            Some(4),
            Some(4),
            n,
            n,
            n,
            n,
            Some(7),
            Some(6),
            n,
            n,
            Some(8),
            Some(8),
            Some(8),
            Some(8),
            Some(24),
            Some(24),
            Some(24),
            Some(24),
            n,
            n,
        ];
        for (at, expected) in figure3.into_iter().enumerate() {
            let got = error(Family::V4, 12, 0, [at as u8, 0, 0, 0]).map(|m| m.field);
            assert_eq!(got, expected.map(Field::Pointer), "{at}");
        }
        for at in 0..44u32 {
            let expected = match at {
                0 => Some(0),
                1 => Some(1),
                4 | 5 => Some(2),
                6 => Some(9),
                7 => Some(8),
                8..=23 => Some(12),
                24..=39 => Some(16),
                _ => None,
            };
            let got = error(Family::V6, 4, 0, at.to_be_bytes()).map(|m| m.field);
            assert_eq!(got, expected.map(Field::Pointer), "{at}");
        }
        assert_eq!(error(Family::V6, 4, 0, [1, 0, 0, 6]), None);
        assert_eq!(error(Family::V4, 3, 2, [0; 4]).map(|m| m.field), Some(Field::Pointer(6)));
    }

    fn rules(mtu4: u16, mtu6: u16) -> Rules {
        Rules { mtu4, mtu6, ..Rules::default() }
    }

    // Proves: rfc7915-12, rfc7915-13.
    /// RFC 7915 4.2: max(1280, min(reported + 20, MTU of IPv6 next hop, MTU of IPv4 next hop + 20)).
    #[test]
    fn fragmentation_needed_becomes_packet_too_big() {
        for (reported, total, mtu4, mtu6_link, expected) in [
            (1400, 1500, 1500, 1500, 1420),
            (1500, 1500, 1500, 1500, 1500),
            (1500, 9000, 1500, 9000, 1520),
            (9000, 9000, 1400, 9000, 1420),
            (576, 1500, 1500, 1500, 1280),
            (68, 1500, 1500, 1500, 1280),
            (65535, 1500, 65535, 65535, 65535),
            // A router that tells nothing: the plateau below the quoted length.
            (0, 4400, 9000, 9000, 4372),
            (0, 4352, 9000, 9000, 2022),
            (0, 1500, 1500, 1500, 1500),
            (0, 1493, 9000, 9000, 1512),
            (0, 1492, 1500, 1500, 1280),
            (0, 600, 1500, 1500, 1280),
        ] {
            assert_eq!(mtu6(reported, total, &rules(mtu4, mtu6_link)), expected, "{reported} {total}");
        }
    }

    // Proves: rfc7915-36, rfc7915-37.
    /// RFC 7915 5.2: min(reported - 20, MTU of IPv4 next hop, MTU of IPv6 next hop - 20), with 28 where the
    /// packet in error had a fragment header.
    #[test]
    fn packet_too_big_becomes_fragmentation_needed() {
        for (reported, growth, mtu4_link, mtu6, expected) in [
            (1400, GROWTH, 1500, 1500, 1380),
            (1400, GROWTH_FRAGMENT, 1500, 1500, 1372),
            (9000, GROWTH, 1500, 9000, 1500),
            (9000, GROWTH, 9000, 1500, 1480),
            (0xffff_ffff, GROWTH, 65535, 65535, 65515),
            (1000, GROWTH, 1500, 1500, 1260),
            (0, GROWTH, 1500, 1500, 1260),
        ] {
            assert_eq!(mtu4(reported, growth, &rules(mtu4_link, mtu6)), expected, "{reported}");
        }
    }
}
