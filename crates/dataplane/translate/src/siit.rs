//! IP/ICMP translation (RFC 7915): a datagram of one family becomes one of the other, in place.
//!
//! Junos: `security nat natv6v4`, static NAT `inet`, NAT64 rules. Place: where NAT rewrites. State: none.
//! The new addresses and ports are the caller's; from an IPv6 prefix they come by [`crate::Prefix64`].
//! Spec: rfc7915-1..8, rfc7915-19..32, rfc7915-42..44.

mod error;

use ravelin_types::{Addr, Family, Proto};

use crate::header::{Extent, FRAGMENT_LEN, Header, IPV4_LEN, IPV6_LEN, Place};
use crate::icmp::{GROWTH, GROWTH_FRAGMENT, MTU6_MIN};
use crate::{Datagram, Ends, Refused, transport};

pub use crate::transport::complete_udp;
pub(crate) use error::Taken;
pub use error::{error_to_ipv4, error_to_ipv6};

/// IPv4 datagrams above this size are sent with DF, as an IPv6 host expects (RFC 7915 5.1).
const FRAGMENTABLE_MAX: usize = 1260;

/// When a datagram that is no part gets a fragment header on its way to IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentHeader {
    /// When its sender allows fragmentation (DF clear).
    Fragmentable,
    /// Never: Junos `natv6v4 no-v6-frag-header`, and RFC 7915's own rule.
    PartsAlone,
}

/// What is done with UDP over IPv4 that has no checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroChecksum {
    Compute,
    Drop,
}

/// Whether TOS and traffic class are carried over (RFC 7915 4.1, 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficClass {
    Copy,
    Zero,
}

/// How a translator is set up, and the links that a packet goes between.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// MTU of the link on the IPv4 side.
    pub mtu4: u16,
    /// MTU of the link on the IPv6 side.
    pub mtu6: u16,
    /// The least MTU behind the IPv6 side: fragmentable packets are cut to it. At least 1280.
    pub lowest_mtu6: u16,
    pub fragment_header: FragmentHeader,
    pub zero_checksum: ZeroChecksum,
    pub traffic_class: TrafficClass,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            mtu4: 1500,
            mtu6: 1500,
            lowest_mtu6: MTU6_MIN,
            fragment_header: FragmentHeader::Fragmentable,
            zero_checksum: ZeroChecksum::Compute,
            traffic_class: TrafficClass::Copy,
        }
    }
}

/// What a datagram has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    pub family: Family,
    pub proto: Proto,
    /// Offset of the payload in the datagram.
    pub l4_at: usize,
    /// Bytes of the datagram.
    pub len: usize,
    /// IPv4: whether it may not be fragmented on its way out.
    pub dont_fragment: bool,
}

/// Whether a header is of a packet on its way or of one that an error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is forwarded: the hop is counted.
    Forwarded,
    Quoted,
}

/// The header that a datagram shall have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub family: Family,
    pub src: Addr,
    pub dst: Addr,
    /// Identification of an IPv4 datagram that brings none.
    pub id: u16,
    pub rules: &'a Rules,
}

/// Makes an IPv4 datagram an IPv6 one. The caller has room of 28 bytes in front.
///
/// # Errors
/// Why it can't be, with the answer to its sender. ICMP errors go to [`error_to_ipv6`].
pub fn to_ipv6(datagram: &mut Datagram<'_>, ends: &Ends, rules: &Rules) -> Result<Translated, Refused> {
    let target = Target { family: Family::V6, src: ends.src, dst: ends.dst, id: 0, rules };
    packet(datagram, ends, &target)
}

/// Makes an IPv6 datagram an IPv4 one. `id` is the identification of one that has none yet: never the same
/// twice for an address pair within the life of a datagram (RFC 6864).
///
/// # Errors
/// Why it can't be, with the answer to its sender. ICMPv6 errors go to [`error_to_ipv4`].
pub fn to_ipv4(
    datagram: &mut Datagram<'_>,
    ends: &Ends,
    id: u16,
    rules: &Rules,
) -> Result<Translated, Refused> {
    let target = Target { family: Family::V4, src: ends.src, dst: ends.dst, id, rules };
    packet(datagram, ends, &target)
}

#[inline(always)]
fn packet(datagram: &mut Datagram<'_>, ends: &Ends, target: &Target<'_>) -> Result<Translated, Refused> {
    let old = Header::read(datagram.bytes(), other(target.family), Extent::Whole)?;
    let new = target.header(&old, Role::Forwarded)?;
    let l4 = old.len..old.len + old.payload;
    transport::check(&datagram.bytes()[l4.clone()], &old, target.rules.zero_checksum)?;
    check_size(&old, &new, target.rules)?;
    datagram.fits(old.len, new.len)?;
    transport::translate(&mut datagram.bytes_mut()[l4.clone()], &old, &new, ends.ports);
    datagram.truncate(l4.end);
    datagram.resize_front(old.len, new.len);
    new.write(datagram.bytes_mut());
    Ok(new.translated())
}

pub(crate) const fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

impl Header {
    pub(crate) fn translated(&self) -> Translated {
        Translated {
            family: self.family,
            proto: self.proto,
            l4_at: self.len,
            len: self.len + self.payload,
            dont_fragment: self.dont_fragment,
        }
    }
}

impl Target<'_> {
    /// The counterpart of a header (RFC 7915 4.1, 5.1).
    #[inline(always)]
    pub(crate) fn header(&self, old: &Header, role: Role) -> Result<Header, Refused> {
        if let Some(refused) = old.obstacle {
            return Err(refused);
        }
        let ttl = match role {
            Role::Forwarded if old.ttl <= 1 => return Err(Refused::Expired),
            Role::Forwarded => old.ttl - 1,
            Role::Quoted => old.ttl,
        };
        let proto = protocol(self.family, old.proto).ok_or(Refused::Protocol)?;
        let place = self.place(old, role);
        let len = Header::written(self.family, place);
        let (id, dont_fragment) = match self.family {
            Family::V6 => (if place.is_some() { old.id } else { 0 }, true),
            Family::V4 if old.place.is_some() => (old.id & 0xffff, false),
            Family::V4 => (u32::from(self.id), len + old.payload > FRAGMENTABLE_MAX),
        };
        if len + old.payload > usize::from(u16::MAX) {
            return Err(Refused::TooBig { mtu: self.rules.mtu6_told() });
        }
        let tos = match self.rules.traffic_class {
            TrafficClass::Copy => old.tos,
            TrafficClass::Zero => 0,
        };
        Ok(Header {
            family: self.family,
            src: self.src,
            dst: self.dst,
            tos,
            ttl,
            proto,
            id,
            dont_fragment,
            place,
            len,
            payload: old.payload,
            obstacle: None,
        })
    }

    fn place(&self, old: &Header, role: Role) -> Option<Place> {
        let part = old.place.filter(|p| p.is_part());
        let wanted = self.family == Family::V6
            && role == Role::Forwarded
            && !old.dont_fragment
            && self.rules.fragment_header == FragmentHeader::Fragmentable;
        part.or(wanted.then_some(Place::ATOMIC))
    }
}

impl Rules {
    /// The MTU that an IPv6 sender is told about the IPv4 side.
    fn mtu6_told(&self) -> u16 {
        self.mtu4.saturating_add(GROWTH).max(MTU6_MIN)
    }
}

/// The other family's protocol number. `None`: it would be something else there (an ICMP that is not the family's own, an
/// extension header), or is of one link alone (IGMP).
const fn protocol(to: Family, proto: Proto) -> Option<Proto> {
    const MOBILITY: Proto = Proto(135);
    const HIP: Proto = Proto(139);
    const SHIM6: Proto = Proto(140);
    match (to, proto) {
        (Family::V6, Proto::ICMP) => Some(Proto::ICMPV6),
        (Family::V4, Proto::ICMPV6) => Some(Proto::ICMP),
        (
            Family::V6,
            Proto::IGMP
            | Proto::HOP_BY_HOP
            | Proto::IPV6_ROUTE
            | Proto::IPV6_FRAGMENT
            | Proto::ICMPV6
            | Proto::IPV6_DEST_OPTIONS
            | MOBILITY
            | HIP
            | SHIM6,
        )
        | (Family::V4, Proto::ICMP | Proto::IGMP) => None,
        (_, other) => Some(other),
    }
}

/// Whether the other side takes it as it is (RFC 7915 4, 5.1).
fn check_size(old: &Header, new: &Header, rules: &Rules) -> Result<(), Refused> {
    let len = new.len + new.payload;
    match new.family {
        Family::V4 if new.dont_fragment && len > usize::from(rules.mtu4) => {
            Err(Refused::TooBig { mtu: rules.mtu6_told() })
        }
        Family::V4 => Ok(()),
        Family::V6 => {
            let link = rules.mtu6.max(MTU6_MIN);
            if old.dont_fragment && len > usize::from(link) {
                let growth = if new.place.is_some() { GROWTH_FRAGMENT } else { GROWTH };
                return Err(Refused::TooBig { mtu: link - growth });
            }
            let lowest = link.min(rules.lowest_mtu6.max(MTU6_MIN));
            if !old.dont_fragment && len > usize::from(lowest) {
                // Counted with a header without options: that of a later piece may have none.
                return Err(Refused::MustFragment { mtu: lowest - GROWTH_FRAGMENT });
            }
            Ok(())
        }
    }
}

const _: () = assert!(IPV6_LEN - IPV4_LEN == GROWTH as usize);
const _: () = assert!(IPV6_LEN + FRAGMENT_LEN - IPV4_LEN == GROWTH_FRAGMENT as usize);
