//! Conditions as configured, names resolved to numbers.
//!
//! Spec: firewall-filter-10..45.

use std::sync::Arc;

use ravelin_types::{Addr, Family, FlagTable, InterfaceId};

/// Which end of a packet an address or port condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Source,
    Destination,
    /// `address`, `port`, `prefix-list`: the one or the other.
    Either,
}

/// A field of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ByteField {
    /// `protocol`; in family inet6 `payload-protocol`: what stands behind all extension headers.
    Protocol,
    /// `next-header`: the field of the fixed IPv6 header.
    NextHeader,
    /// `dscp`, `traffic-class`: the upper six bits.
    Dscp,
    /// `precedence`: the upper three bits.
    Precedence,
    /// `ttl`, `hop-limit`.
    Ttl,
    IcmpType,
    IcmpCode,
    /// By id, as marked so far.
    ForwardingClass,
    /// By [`ravelin_types::LossPriority`] as a number, as marked so far.
    LossPriority,
    /// 0 where the interface is in no group.
    InterfaceGroup,
}

/// A numeric field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberField {
    /// Bytes of the IP packet, header included.
    PacketLength,
    /// In units of eight bytes.
    FragmentOffset,
    EspSpi,
}

/// Values listed in a condition: inclusive ranges, and whether they are those not to match (`-except`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    pub ranges: Vec<(u32, u32)>,
    pub except: bool,
}

/// A prefix of an address or prefix list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListedPrefix {
    pub family: Family,
    pub addr: Addr,
    pub len: u8,
    pub except: bool,
}

/// `ip-options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionMatch {
    /// Any option at all.
    Any { except: bool },
    /// An option of one of these types.
    Types(Values),
}

/// Where a flexible match counts its offset from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlexibleStart {
    /// The network header.
    Layer3,
    /// The transport header.
    Layer4,
    /// Behind the transport header of TCP, UDP, SCTP or ICMP.
    Payload,
}

/// `flexible-match-mask` (low and high equal) and `flexible-match-range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlexibleMatch {
    pub start: FlexibleStart,
    pub byte_offset: u8,
    /// 0 to 7.
    pub bit_offset: u8,
    /// 1 to 128, with the bit offset at most 128.
    pub bit_length: u8,
    /// Applied before comparing.
    pub mask: u128,
    pub low: u128,
    pub high: u128,
    pub except: bool,
}

/// One condition of a term's `from`; a term holds when all do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Addresses and prefix lists of one end, together: the longest prefix decides. Terms that use the same
    /// list may share it.
    Address {
        end: End,
        prefixes: Arc<[ListedPrefix]>,
    },
    Port {
        end: End,
        values: Values,
    },
    Byte {
        field: ByteField,
        values: Values,
    },
    Number {
        field: NumberField,
        values: Values,
    },
    /// `tcp-flags`, `tcp-established`, `tcp-initial`.
    TcpFlags(FlagTable),
    /// `fragment-flags`: of the four bits 0x8 reserved, 0x4 don't fragment, 0x2 more fragments.
    FragmentFlags(FlagTable),
    /// A fragment that is not the first.
    IsFragment,
    /// The first of several fragments.
    FirstFragment,
    IpOptions(OptionMatch),
    Flexible(FlexibleMatch),
    /// `interface` or an `interface-set`, as the units it names.
    Interface(Vec<InterfaceId>),
}

impl Values {
    #[must_use]
    pub fn of(ranges: &[(u32, u32)]) -> Self {
        Self { ranges: ranges.to_vec(), except: false }
    }

    #[must_use]
    pub fn except(ranges: &[(u32, u32)]) -> Self {
        Self { ranges: ranges.to_vec(), except: true }
    }
}

impl ByteField {
    /// The largest value that the field can hold.
    #[must_use]
    pub const fn largest(self) -> u32 {
        match self {
            Self::Dscp => 63,
            Self::Precedence => 7,
            Self::LossPriority => 3,
            Self::Protocol
            | Self::NextHeader
            | Self::Ttl
            | Self::IcmpType
            | Self::IcmpCode
            | Self::ForwardingClass
            | Self::InterfaceGroup => 255,
        }
    }
}

impl NumberField {
    #[must_use]
    pub const fn largest(self) -> u32 {
        match self {
            Self::PacketLength => 65_535,
            Self::FragmentOffset => 8_191,
            Self::EspSpi => u32::MAX,
        }
    }
}
