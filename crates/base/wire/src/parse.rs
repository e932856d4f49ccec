//! From a frame to the few facts the packet path needs, in one bounded pass.
//!
//! Ethernet II, one 802.1Q tag, IPv4 with options, IPv6 with extension headers (RFC 8200 4),
//! TCP, UDP, SCTP ports, ICMP and ICMPv6 headers, SPI of ESP and AH, GRE by protocol alone.

use ravelin_types::{Addr, Family, Mac, Proto};

use crate::{ETHERNET_LEN, VLAN_LEN, ethertype, u16_at, u32_at};

/// Extension headers walked before a packet is given up as hostile.
pub const EXTENSIONS_MAX: usize = 16;

/// The 802.1Q tag of a frame: VLAN id and the priority bits above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan(pub u16);

impl Vlan {
    #[must_use]
    pub const fn id(self) -> u16 {
        self.0 & 0x0fff
    }
}

/// The eight classic TCP flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;

    #[must_use]
    pub const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// A connection request: SYN without ACK, RST or FIN.
    #[must_use]
    pub const fn opens(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST | Self::FIN) == Self::SYN
    }
}

/// Where a packet stands among the fragments of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    Whole,
    First { id: u32 },
    Later { id: u32, offset: u16 },
}

/// What stands behind the network header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L4 {
    Tcp {
        sport: u16,
        dport: u16,
        flags: TcpFlags,
        header_len: u8,
    },
    Udp {
        sport: u16,
        dport: u16,
    },
    Sctp {
        sport: u16,
        dport: u16,
    },
    Icmp {
        kind: u8,
        code: u8,
        id: u16,
    },
    Spi(u32),
    /// A protocol known by number alone, or a fragment without the transport header.
    Opaque,
}

/// The network part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub family: Family,
    pub src: Addr,
    pub dst: Addr,
    pub proto: Proto,
    pub ttl: u8,
    pub tos: u8,
    /// Offset of the transport header in the frame.
    pub l4_at: u16,
    /// End of the datagram in the frame; what follows is padding.
    pub end: u16,
    pub fragment: Fragment,
    /// IPv4 only: the sender forbids fragmentation. IPv6 is always so.
    pub dont_fragment: bool,
    pub l4: L4,
}

impl Network {
    /// A datagram of which the two ends are known and nothing else.
    #[must_use]
    pub const fn of_ends(family: Family, proto: Proto, (src, dst): (Addr, Addr)) -> Self {
        let (fragment, l4) = (Fragment::Whole, L4::Opaque);
        Self { family, src, dst, proto, ttl: 0, tos: 0, l4_at: 0, end: 0, fragment, dont_fragment: false, l4 }
    }
}

/// A frame taken apart. Offsets are from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub dst_mac: Mac,
    pub src_mac: Mac,
    pub vlan: Option<Vlan>,
    pub ethertype: u16,
    /// Offset of the network header.
    pub l3_at: u16,
    /// `None`: not IP; the host may want it (ARP).
    pub network: Option<Network>,
}

/// Why a frame could not be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    Ethernet,
    Ipv4Header,
    Ipv4Checksum,
    Ipv6Header,
    ExtensionHeader,
    TooManyExtensions,
    MappedAddress,
    Transport,
    IcmpLength,
}

/// Takes a frame apart.
///
/// # Errors
/// A header that contradicts itself or the frame's length; a later stage never sees such a frame.
pub fn parse(frame: &[u8]) -> Result<Parsed, Malformed> {
    parse_here(frame)
}

/// The same in its caller's place: who asks for few of the facts pays for few.
///
/// # Errors
/// As [`parse`].
#[inline(always)]
pub fn parse_here(frame: &[u8]) -> Result<Parsed, Malformed> {
    if frame.len() < ETHERNET_LEN {
        return Err(Malformed::Ethernet);
    }
    let mut kind = u16_at(frame, 12);
    let mut l3_at = ETHERNET_LEN;
    let mut vlan = None;
    if kind == ethertype::VLAN {
        if frame.len() < ETHERNET_LEN + VLAN_LEN {
            return Err(Malformed::Ethernet);
        }
        vlan = Some(Vlan(u16_at(frame, 14)));
        kind = u16_at(frame, 16);
        l3_at += VLAN_LEN;
    }
    let network = match kind {
        ethertype::IPV4 => Some(ipv4(frame, l3_at)?),
        ethertype::IPV6 => Some(ipv6(frame, l3_at)?),
        _ => None,
    };
    let ([dst_mac, src_mac, ..], _) = frame.as_chunks::<6>() else { return Err(Malformed::Ethernet) };
    let (dst_mac, src_mac) = (Mac(*dst_mac), Mac(*src_mac));
    Ok(Parsed { dst_mac, src_mac, vlan, ethertype: kind, l3_at: l3_at as u16, network })
}

/// Takes apart the datagram at the start of `bytes`, as it is embedded in an ICMP error: the
/// datagram may be cut short after eight bytes of its transport header (RFC 792).
///
/// # Errors
/// As [`parse`]; a cut payload is no error here.
pub fn parse_ip(bytes: &[u8], family: Family) -> Result<Network, Malformed> {
    match family {
        Family::V4 => embedded_ipv4(bytes),
        Family::V6 => embedded_ipv6(bytes),
    }
}

#[inline(always)]
fn ipv4(frame: &[u8], at: usize) -> Result<Network, Malformed> {
    let header = frame.get(at..).and_then(|rest| rest.first_chunk::<20>()).ok_or(Malformed::Ipv4Header)?;
    let len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16_at(header, 2));
    if header[0] >> 4 != 4 || len < 20 || total < len || frame.len() < at + total {
        return Err(Malformed::Ipv4Header);
    }
    let word = |i: usize| u64::from(u32_at(header, i * 4));
    let fixed = word(0) + word(1) + word(2) + word(3) + word(4);
    let options = if len == 20 { 0 } else { crate::checksum::sum(&frame[at + 20..at + len]) };
    if crate::checksum::fold(fixed + options) != 0xffff {
        return Err(Malformed::Ipv4Checksum);
    }
    let mut network = ipv4_facts(header, at + len, at + total);
    network.l4 = transport(frame, &network)?;
    Ok(network)
}

fn embedded_ipv4(bytes: &[u8]) -> Result<Network, Malformed> {
    let header = bytes.first_chunk::<20>().ok_or(Malformed::Ipv4Header)?;
    let len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || len < 20 || bytes.len() < len {
        return Err(Malformed::Ipv4Header);
    }
    let end = bytes.len().min(usize::from(u16_at(header, 2)).max(len));
    let mut network = ipv4_facts(header, len, end);
    network.l4 = embedded_transport(bytes, &network)?;
    Ok(network)
}

#[inline(always)]
fn ipv4_facts(header: &[u8; 20], l4_at: usize, end: usize) -> Network {
    let word = u16_at(header, 6);
    let (offset, more) = (word & 0x1fff, word & 0x2000 != 0);
    let id = u32::from(u16_at(header, 4));
    let fragment = match (offset, more) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First { id },
        (offset, _) => Fragment::Later { id, offset },
    };
    let quad = |at: usize| Addr(u128::from(u32_at(header, at)));
    Network {
        family: Family::V4,
        src: quad(12),
        dst: quad(16),
        proto: Proto(header[9]),
        ttl: header[8],
        tos: header[1],
        l4_at: l4_at as u16,
        end: end as u16,
        fragment,
        dont_fragment: word & 0x4000 != 0,
        l4: L4::Opaque,
    }
}

fn ipv6(frame: &[u8], at: usize) -> Result<Network, Malformed> {
    let header = frame.get(at..at + 40).ok_or(Malformed::Ipv6Header)?;
    let end = at + 40 + usize::from(u16_at(header, 4));
    if header[0] >> 4 != 6 || frame.len() < end {
        return Err(Malformed::Ipv6Header);
    }
    let mut network = ipv6_facts(frame, at, end)?;
    if network.src.is_v4_mapped() || network.dst.is_v4_mapped() {
        return Err(Malformed::MappedAddress);
    }
    network.l4 = transport(frame, &network)?;
    Ok(network)
}

fn embedded_ipv6(bytes: &[u8]) -> Result<Network, Malformed> {
    let header = bytes.get(..40).ok_or(Malformed::Ipv6Header)?;
    if header[0] >> 4 != 6 {
        return Err(Malformed::Ipv6Header);
    }
    let end = bytes.len().min(40 + usize::from(u16_at(header, 4)));
    let mut network = ipv6_facts(bytes, 0, end)?;
    network.l4 = embedded_transport(bytes, &network)?;
    Ok(network)
}

/// Fixed header and the walk over the extension headers; the caller has checked 40 bytes at `at`.
fn ipv6_facts(bytes: &[u8], at: usize, end: usize) -> Result<Network, Malformed> {
    let (mut next, mut l4_at, mut fragment) = (Proto(bytes[at + 6]), at + 40, Fragment::Whole);
    let mut seen = 0;
    while matches!(
        next,
        Proto::HOP_BY_HOP | Proto::IPV6_ROUTE | Proto::IPV6_DEST_OPTIONS | Proto::IPV6_FRAGMENT
    ) {
        seen += 1;
        if seen > EXTENSIONS_MAX {
            return Err(Malformed::TooManyExtensions);
        }
        let header = bytes[..end].get(l4_at..l4_at + 8).ok_or(Malformed::ExtensionHeader)?;
        let len = if next == Proto::IPV6_FRAGMENT { 8 } else { 8 + usize::from(header[1]) * 8 };
        if end < l4_at + len {
            return Err(Malformed::ExtensionHeader);
        }
        let is_fragment = next == Proto::IPV6_FRAGMENT;
        next = Proto(header[0]);
        l4_at += len;
        if is_fragment {
            // What is a piece already is no datagram that could be cut once more, and must not pass for whole (RFC 8200 4.1, 4.5).
            if fragment != Fragment::Whole {
                return Err(Malformed::ExtensionHeader);
            }
            fragment = ipv6_fragment(header);
            if matches!(fragment, Fragment::Later { .. }) {
                break;
            }
        }
    }
    let sixteen = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&bytes[at..at + 16]);
        Addr::v6(octets)
    };
    Ok(Network {
        family: Family::V6,
        src: sixteen(at + 8),
        dst: sixteen(at + 24),
        proto: next,
        ttl: bytes[at + 7],
        tos: (u16_at(bytes, at) >> 4) as u8,
        l4_at: l4_at as u16,
        end: end as u16,
        fragment,
        dont_fragment: true,
        l4: L4::Opaque,
    })
}

/// RFC 8200 4.5; an atomic fragment (offset 0, no more) is whole (RFC 6946).
fn ipv6_fragment(header: &[u8]) -> Fragment {
    let (word, id) = (u16_at(header, 2), u32_at(header, 4));
    match (word >> 3, word & 1 == 1) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First { id },
        (offset, _) => Fragment::Later { id, offset },
    }
}

#[inline(always)]
fn transport(frame: &[u8], network: &Network) -> Result<L4, Malformed> {
    if matches!(network.fragment, Fragment::Later { .. }) {
        return Ok(L4::Opaque);
    }
    let body = &frame[usize::from(network.l4_at)..usize::from(network.end)];
    match network.proto {
        Proto::TCP => {
            let header = body.get(..20).ok_or(Malformed::Transport)?;
            let len = usize::from(header[12] >> 4) * 4;
            if len < 20 || body.len() < len {
                return Err(Malformed::Transport);
            }
            Ok(tcp(header, len as u8))
        }
        Proto::UDP => {
            let header = body.get(..8).ok_or(Malformed::Transport)?;
            let len = usize::from(u16_at(header, 4));
            let whole = network.fragment == Fragment::Whole;
            if len < 8 || (whole && body.len() < len) {
                return Err(Malformed::Transport);
            }
            Ok(L4::Udp { sport: u16_at(header, 0), dport: u16_at(header, 2) })
        }
        Proto::ICMP | Proto::ICMPV6 => {
            let header = body.get(..8).ok_or(Malformed::IcmpLength)?;
            Ok(icmp(header))
        }
        _ => embedded_transport(frame, network),
    }
}

/// The transport header as far as eight bytes tell.
fn embedded_transport(bytes: &[u8], network: &Network) -> Result<L4, Malformed> {
    if matches!(network.fragment, Fragment::Later { .. }) {
        return Ok(L4::Opaque);
    }
    let body = bytes.get(usize::from(network.l4_at)..usize::from(network.end)).ok_or(Malformed::Transport)?;
    let header = |len: usize| body.get(..len).ok_or(Malformed::Transport);
    Ok(match network.proto {
        Proto::TCP => {
            let h = header(8)?;
            L4::Tcp { sport: u16_at(h, 0), dport: u16_at(h, 2), flags: TcpFlags::default(), header_len: 0 }
        }
        Proto::UDP => header(8).map(|h| L4::Udp { sport: u16_at(h, 0), dport: u16_at(h, 2) })?,
        Proto::SCTP => header(8).map(|h| L4::Sctp { sport: u16_at(h, 0), dport: u16_at(h, 2) })?,
        Proto::ICMP | Proto::ICMPV6 => icmp(header(8)?),
        Proto::ESP => L4::Spi(u32_at(header(8)?, 0)),
        Proto::AH => L4::Spi(u32_at(header(8)?, 4)),
        _ => L4::Opaque,
    })
}

fn tcp(header: &[u8], header_len: u8) -> L4 {
    L4::Tcp { sport: u16_at(header, 0), dport: u16_at(header, 2), flags: TcpFlags(header[13]), header_len }
}

fn icmp(header: &[u8]) -> L4 {
    L4::Icmp { kind: header[0], code: header[1], id: u16_at(header, 4) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{self, Ip, Payload};

    fn sample() -> Vec<u8> {
        let ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
        build::frame(&ip, &Payload::tcp(1000, 80, TcpFlags::SYN))
    }

    #[test]
    fn a_tcp_syn_is_taken_apart() {
        let parsed = parse(&sample()).unwrap();
        let network = parsed.network.unwrap();
        assert_eq!((network.proto, network.ttl, network.l4_at), (Proto::TCP, 64, 34));
        let L4::Tcp { sport, dport, flags, .. } = network.l4 else { panic!("not tcp") };
        assert_eq!((sport, dport, flags.opens()), (1000, 80, true));
    }

    #[test]
    fn truncation_at_every_byte_is_an_error_and_never_a_panic() {
        let frame = sample();
        for len in 0..frame.len() {
            assert!(parse(&frame[..len]).is_err(), "{len} bytes were accepted");
        }
    }

    #[test]
    fn ipv6_extension_headers_are_walked_to_a_bound() {
        let ip = Ip::v6("2001:db8::1", "2001:db8::2");
        for (count, accepted) in [(0, true), (10, true), (EXTENSIONS_MAX, true), (17, false)] {
            let frame = build::frame(&ip.clone().with_extensions(count), &Payload::udp(53, 53, b"x"));
            assert_eq!(parse(&frame).is_ok(), accepted, "{count} extension headers");
        }
    }

    #[test]
    fn a_mapped_address_has_its_own_reason() {
        let frame = build::frame(&Ip::v6("::ffff:10.0.0.1", "2001:db8::2"), &Payload::udp(1, 2, b""));
        assert_eq!(parse(&frame), Err(Malformed::MappedAddress));
    }

    proptest::proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..256)) {
            let _ = parse(&bytes);
            let _ = parse_ip(&bytes, Family::V4);
            let _ = parse_ip(&bytes, Family::V6);
        }

        #[test]
        fn damaged_headers_never_panic(at in 0usize..54, value: u8, v6: bool) {
            let ip = if v6 { Ip::v6("2001:db8::1", "2001:db8::2").with_extensions(2) } else { Ip::v4([1,2,3,4],[5,6,7,8]) };
            let mut frame = build::frame(&ip, &Payload::udp(9, 9, b"abcdef"));
            let at = at.min(frame.len() - 1);
            frame[at] = value;
            let _ = parse(&frame);
        }
    }
}
