//! Why a datagram was not translated, and what its sender is to be told.
//!
//! Spec: rfc7915-5, rfc7915-7, rfc7915-25, rfc7915-29, rfc6296-8.

use ravelin_types::Family;

use crate::nptv6::Unmappable;

/// Why a datagram was not translated. It is as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A header that contradicts itself or the bytes that are there.
    Malformed,
    /// The buffer has no room for the longer headers.
    NoRoom,
    /// TTL or hop limit was used up.
    Expired,
    /// A source route that is not used up (RFC 7915 4.1).
    SourceRoute,
    /// An IPv6 routing header with segments left, whose count stands at this offset (RFC 7915 5.1).
    RoutingHeader { at: u16 },
    /// Larger than the other side's link takes and not to be fragmented; the sender is told this MTU.
    TooBig { mtu: u16 },
    /// To be cut into IPv4 pieces of at most this size (see [`crate::Pieces`]), each of which is translated. Before, UDP
    /// without a checksum gets one by [`crate::siit::complete_udp`]: of a piece nobody could make it.
    MustFragment { mtu: u16 },
    /// A part of an ICMP message: its checksum can't be made from a part (RFC 7915 1.2).
    IcmpFragment,
    /// An ICMP type or code without a counterpart in the other family.
    NoCounterpart,
    /// A protocol that means something else, or nothing, in the other family.
    Protocol,
    /// UDP over IPv4 without a checksum, to a family that demands one (RFC 7915 4.5).
    UdpWithoutChecksum,
    /// A first fragment too short to hold the transport header's checksum.
    TinyFragment,
    /// An ICMP error that quotes an ICMP error, or a tunnel's inner packet (RFC 7915 4.3).
    NestedError,
    /// The ICMP checksum, or that of the quoted header, does not hold (RFC 5508 REQ-3).
    BadChecksum,
    /// NPTv6 has no counterpart for the address at this offset.
    Unmappable { why: Unmappable, at: u16 },
}

/// An ICMP error to send back, in the family of the refused datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub kind: u8,
    pub code: u8,
    /// The four bytes behind the checksum: an MTU, a pointer, or zero.
    pub rest: u32,
}

impl Refused {
    /// What the sender is told. `None`: nothing.
    ///
    /// The caller still owes the rules on when to be silent (errors about errors, groups, rate limits).
    #[must_use]
    pub const fn answer(self, family: Family) -> Option<Answer> {
        let (v4, v6) = match self {
            Self::Expired => ((11, 0, 0), (3, 0, 0)),
            Self::SourceRoute => ((3, 5, 0), (1, 0, 0)),
            // From here on some are of IPv6 alone.
            Self::RoutingHeader { at } => ((12, 0, 0), (4, 0, at as u32)),
            Self::TooBig { mtu } => ((3, 4, mtu as u32), (2, 0, mtu as u32)),
            // Communication administratively prohibited (RFC 7915 4.4, 5.4).
            Self::IcmpFragment | Self::UdpWithoutChecksum | Self::TinyFragment => ((3, 13, 0), (1, 1, 0)),
            Self::Unmappable { why: Unmappable::Subnet, .. } => ((3, 0, 0), (1, 0, 0)),
            Self::Unmappable { why: Unmappable::Identifier, at } => ((12, 0, 0), (4, 0, at as u32)),
            Self::Malformed
            | Self::NoRoom
            | Self::MustFragment { .. }
            | Self::NoCounterpart
            | Self::Protocol
            | Self::NestedError
            | Self::BadChecksum => return None,
        };
        let (kind, code, rest) = match family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        Some(Answer { kind, code, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: rfc7915-44.
    #[test]
    fn the_sender_is_told_in_its_own_family() {
        let told = |r: Refused, f| r.answer(f).map(|a| (a.kind, a.code, a.rest));
        assert_eq!(told(Refused::TooBig { mtu: 1260 }, Family::V4), Some((3, 4, 1260)));
        assert_eq!(told(Refused::TooBig { mtu: 1280 }, Family::V6), Some((2, 0, 1280)));
        assert_eq!(told(Refused::SourceRoute, Family::V4), Some((3, 5, 0)));
        assert_eq!(told(Refused::RoutingHeader { at: 43 }, Family::V6), Some((4, 0, 43)));
        assert_eq!(told(Refused::Expired, Family::V4), Some((11, 0, 0)));
        assert_eq!(told(Refused::Expired, Family::V6), Some((3, 0, 0)));
        assert_eq!(told(Refused::UdpWithoutChecksum, Family::V4), Some((3, 13, 0)));
        assert_eq!(told(Refused::NoCounterpart, Family::V6), None);
        let unmappable = |why| told(Refused::Unmappable { why, at: 24 }, Family::V6);
        assert_eq!(unmappable(Unmappable::Subnet), Some((1, 0, 0)));
        assert_eq!(unmappable(Unmappable::Identifier), Some((4, 0, 24)));
    }
}
