//! The commonest datagrams, taken apart in a few loads: whole TCP and UDP without options or extension headers.
//!
//! What is read here, [`parse`](crate::parse) reads the same way; what is not plain, or not in order, is left to it.

use ravelin_types::{Addr, Family, Mac, Proto};

use crate::{
    ETHERNET_LEN, Fragment, L4, Network, TcpFlags, VLAN_LEN, Vlan, checksum, ethertype, u16_at, u32_at,
};

pub(crate) const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
pub(crate) const UDP_LEN: usize = 8;
pub(crate) const TCP_LEN: usize = 20;

/// What the link header says, with one tag or none.
#[derive(Clone, Copy, Debug)]
pub struct LinkHead {
    /// The destination's MAC address, its first octet highest.
    pub station: u64,
    /// Tag 0 says priority, and no VLAN (IEEE 802.1Q 9.6).
    pub vlan: Option<u16>,
    /// EtherType of what follows.
    pub kind: u16,
    pub l3_at: usize,
}

impl LinkHead {
    /// `None`: too short for a datagram behind a tag.
    #[must_use]
    #[inline(always)]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let head = frame.first_chunk::<{ ETHERNET_LEN + VLAN_LEN }>()?;
        let station = u64::from_be_bytes(*head.first_chunk()?) >> 16;
        let (kind, l3_at, vlan) = match u16_at(head, 12) {
            ethertype::VLAN => {
                let id = Vlan(u16_at(head, 14)).id();
                (u16_at(head, 16), ETHERNET_LEN + VLAN_LEN, (id != 0).then_some(id))
            }
            kind => (kind, ETHERNET_LEN, None),
        };
        Some(Self { station, vlan, kind, l3_at })
    }
}

/// A whole TCP or UDP datagram. Offsets are from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The destination's MAC address, its first octet highest.
    pub station: u64,
    /// Tag 0 says priority, and no VLAN (IEEE 802.1Q 9.6).
    pub vlan: Option<u16>,
    pub family: Family,
    /// TCP or UDP.
    pub proto: Proto,
    pub ttl: u8,
    pub l3_at: u16,
    pub l4_at: u16,
    /// End of the datagram; what follows is padding.
    pub end: u16,
    pub src: Addr,
    pub dst: Addr,
    pub sport: u16,
    pub dport: u16,
}

impl Plain {
    /// `None`: not plain, damaged, or a TCP segment that is neither a request alone nor one amidst its connection.
    #[must_use]
    #[inline(always)]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let link = LinkHead::read(frame)?;
        match link.kind {
            ethertype::IPV4 => Self::ipv4(frame, &link),
            ethertype::IPV6 => Self::ipv6(frame, &link),
            _ => None,
        }
    }

    /// A MAC address as `station` has it.
    #[must_use]
    pub fn station_of(mac: Mac) -> u64 {
        mac.0.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet))
    }

    /// The network part as [`parse`](crate::parse) has it, of the frame that this was read from.
    #[must_use]
    #[inline]
    pub fn network(&self, frame: &[u8]) -> Network {
        let Self { family, proto, ttl, l3_at, l4_at, end, src, dst, sport, dport, .. } = *self;
        let octet = |at: u16| frame.get(usize::from(at)).copied().unwrap_or_default();
        let (tos, dont_fragment) = match family {
            Family::V4 => (octet(l3_at + 1), octet(l3_at + 6) & 0x40 != 0),
            Family::V6 => (octet(l3_at) << 4 | octet(l3_at + 1) >> 4, true),
        };
        let l4 = match proto {
            Proto::TCP => {
                let (len, flags) = (octet(l4_at + 12) >> 4 << 2, TcpFlags(octet(l4_at + 13)));
                L4::Tcp { sport, dport, flags, header_len: len }
            }
            _ => L4::Udp { sport, dport },
        };
        let fragment = Fragment::Whole;
        Network { family, src, dst, proto, ttl, tos, l4_at, end, fragment, dont_fragment, l4 }
    }

    /// One of IPv4, behind its link header.
    #[must_use]
    #[inline(always)]
    pub fn ipv4(frame: &[u8], link: &LinkHead) -> Option<Self> {
        let LinkHead { station, vlan, l3_at: at, .. } = *link;
        // Both headers' first words, which a UDP header has and a TCP header exceeds.
        let header = frame.get(at..)?.first_chunk::<{ IPV4_LEN + UDP_LEN }>()?;
        let total = usize::from(u16_at(header, 2));
        let fragmented = u16_at(header, 6) & 0x3fff != 0;
        if header[0] != 0x45 || total < IPV4_LEN + UDP_LEN || fragmented || frame.len() < at + total {
            return None;
        }
        if !checksum::is_right(header.first_chunk()?) {
            return None;
        }
        if !has_transport(frame, Proto(header[9]), (at + IPV4_LEN, at + total)) {
            return None;
        }
        Some(Self {
            station,
            vlan,
            family: Family::V4,
            proto: Proto(header[9]),
            ttl: header[8],
            l3_at: at as u16,
            l4_at: (at + IPV4_LEN) as u16,
            end: (at + total) as u16,
            src: Addr(u128::from(u32_at(header, 12))),
            dst: Addr(u128::from(u32_at(header, 16))),
            sport: u16_at(header, IPV4_LEN),
            dport: u16_at(header, IPV4_LEN + 2),
        })
    }

    /// One of IPv6, behind its link header.
    #[must_use]
    #[inline(always)]
    pub fn ipv6(frame: &[u8], link: &LinkHead) -> Option<Self> {
        let LinkHead { station, vlan, l3_at: at, .. } = *link;
        let header = frame.get(at..)?.first_chunk::<{ IPV6_LEN + UDP_LEN }>()?;
        let end = at + IPV6_LEN + usize::from(u16_at(header, 4));
        if header[0] >> 4 != 6 || end < at + IPV6_LEN + UDP_LEN || frame.len() < end {
            return None;
        }
        let address = |at: usize| {
            let words = [0, 4, 8, 12].map(|i| u128::from(u32_at(header, at + i)));
            Addr(words[0] << 96 | words[1] << 64 | words[2] << 32 | words[3])
        };
        let (src, dst) = (address(8), address(24));
        if src.is_v4_mapped() || dst.is_v4_mapped() {
            return None;
        }
        if !has_transport(frame, Proto(header[6]), (at + IPV6_LEN, end)) {
            return None;
        }
        Some(Self {
            station,
            vlan,
            family: Family::V6,
            proto: Proto(header[6]),
            ttl: header[7],
            l3_at: at as u16,
            l4_at: (at + IPV6_LEN) as u16,
            end: end as u16,
            src,
            dst,
            sport: u16_at(header, IPV6_LEN),
            dport: u16_at(header, IPV6_LEN + 2),
        })
    }
}

/// Whether a UDP header stands there, or that of a TCP segment without urgent data: a SYN and no more, or amidst its
/// connection.
#[inline(always)]
fn has_transport(frame: &[u8], proto: Proto, (at, end): (usize, usize)) -> bool {
    let Some(body) = frame.get(at..end) else { return false };
    match proto {
        // One that ends before its datagram does has a sum of its own (RFC 768).
        Proto::UDP if body.len() >= UDP_LEN => usize::from(u16_at(body, 4)) == body.len(),
        Proto::TCP if body.len() >= TCP_LEN => {
            let len = usize::from(body[12] >> 4) * 4;
            let told = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::URG | TcpFlags::ACK;
            let tells = body[13] & told;
            (TCP_LEN..=body.len()).contains(&len) && (tells == TcpFlags::ACK || tells == TcpFlags::SYN)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{self, Ip, Payload};
    use crate::parse;

    /// What is plain is what the full reading says.
    fn agrees(frame: &[u8]) -> Option<Plain> {
        let plain = Plain::read(frame)?;
        let parsed = parse(frame).expect("a plain frame is in order");
        let network = parsed.network.expect("a plain frame is IP");
        let vlan = parsed.vlan.map(Vlan::id).filter(|id| *id != 0);
        let station = Plain::station_of(parsed.dst_mac);
        assert_eq!((station, vlan, parsed.l3_at), (plain.station, plain.vlan, plain.l3_at));
        assert_eq!(network, plain.network(frame));
        match network.l4 {
            L4::Udp { sport, dport } => assert_eq!((sport, dport), (plain.sport, plain.dport)),
            L4::Tcp { sport, dport, flags, .. } => {
                assert_eq!((sport, dport), (plain.sport, plain.dport));
                let ending = [TcpFlags::FIN, TcpFlags::RST, TcpFlags::URG];
                assert!(!ending.iter().any(|flag| flags.has(*flag)));
                assert!(flags.has(TcpFlags::SYN) != flags.has(TcpFlags::ACK));
            }
            other => panic!("not plain: {other:?}"),
        }
        Some(plain)
    }

    fn samples() -> Vec<Vec<u8>> {
        let ips = [Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]), Ip::v6("2001:db8::1", "2001:db8::2")];
        let payloads = [
            Payload::udp(1000, 53, b"question"),
            Payload::tcp(1000, 80, TcpFlags::ACK),
            Payload::tcp(1000, 80, TcpFlags::ACK | TcpFlags::PSH),
            Payload::tcp(1000, 80, TcpFlags::SYN),
        ];
        ips.iter().flat_map(|ip| payloads.iter().map(|p| build::frame(ip, p))).collect()
    }

    fn tagged(frame: &[u8], tag: u16) -> Vec<u8> {
        let mut out = frame[..12].to_vec();
        out.extend_from_slice(&ethertype::VLAN.to_be_bytes());
        out.extend_from_slice(&tag.to_be_bytes());
        out.extend_from_slice(&frame[12..]);
        out
    }

    #[test]
    fn data_is_plain_with_and_without_a_tag() {
        for frame in samples() {
            assert!(agrees(&frame).is_some());
            assert_eq!(agrees(&tagged(&frame, 0x6007)).and_then(|p| p.vlan), Some(7));
            assert_eq!(agrees(&tagged(&frame, 0x6000)).and_then(|p| p.vlan), None);
        }
    }

    #[test]
    fn answered_openings_endings_and_extension_headers_are_not() {
        let ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
        let answer = TcpFlags::SYN | TcpFlags::ACK;
        for flags in [answer, TcpFlags::SYN | TcpFlags::URG, TcpFlags::FIN | TcpFlags::ACK, TcpFlags::RST, 0]
        {
            assert_eq!(Plain::read(&build::frame(&ip, &Payload::tcp(1, 2, flags))), None);
        }
        let ip = Ip::v6("2001:db8::1", "2001:db8::2").with_extensions(1);
        assert_eq!(Plain::read(&build::frame(&ip, &Payload::udp(1, 2, b""))), None);
    }

    #[test]
    fn a_truncated_frame_is_not_plain() {
        for frame in samples() {
            for len in 0..frame.len() {
                assert_eq!(Plain::read(&frame[..len]), None, "{len} bytes");
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: proptest::prelude::ProptestConfig::default().cases.max(4096), ..proptest::prelude::ProptestConfig::default() })]
        #[test]
        fn it_reads_what_the_full_reading_reads(
            sample in 0usize..8, tag in proptest::option::of(0u16..4096), mend: bool, trailer in 0usize..4,
            damage in proptest::collection::vec((0usize..64, proptest::num::u8::ANY), 0..3),
        ) {
            let mut frame = samples()[sample].clone();
            if let Some(tag) = tag {
                frame = tagged(&frame, tag);
            }
            frame.resize(frame.len() + trailer, 0);
            for (at, value) in damage {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = value;
                }
            }
            if mend {
                let at = if tag.is_some() { 18 } else { 14 };
                let header = at..at + 20;
                crate::put_u16(&mut frame, at + 10, 0);
                let field = !crate::checksum::fold(crate::checksum::sum(&frame[header]));
                crate::put_u16(&mut frame, at + 10, field);
            }
            agrees(&frame);
        }
    }
}
