//! The commonest fragments, taken apart in a few loads as far as names their datagram and their session: of IPv4 without options.
//!
//! What is read here, [`parse`](crate::parse) reads the same way; what is another fragment, or not in order, is left to it.

use ravelin_types::{Addr, Proto};

use crate::plain::{IPV4_LEN, LinkHead, TCP_LEN, UDP_LEN};
use crate::{checksum, ethertype, u16_at, u32_at};

const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// A fragment of an IPv4 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The destination's MAC address, its first octet highest.
    pub station: u64,
    pub vlan: Option<u16>,
    pub proto: Proto,
    pub id: u16,
    /// In eights of octets, of the datagram's payload; `len` is in octets.
    pub offset: u16,
    pub len: u16,
    /// It is not the last.
    pub more: bool,
    pub src: Addr,
    pub dst: Addr,
    /// Of a first fragment, of TCP or UDP.
    pub ports: Option<(u16, u16)>,
}

impl Piece {
    /// Octets of its network header, which has no options.
    pub const HEADER_LEN: u16 = IPV4_LEN as u16;

    /// `None`: another packet, damaged, or shorter than any but a last fragment is.
    #[must_use]
    #[inline(always)]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let LinkHead { station, vlan, kind, l3_at } = LinkHead::read(frame)?;
        if kind != ethertype::IPV4 {
            return None;
        }
        let rest = frame.get(l3_at..)?;
        let header = rest.first_chunk::<{ IPV4_LEN + UDP_LEN }>()?;
        let (total, word) = (usize::from(u16_at(header, 2)), u16_at(header, 6));
        let is_piece = word & (MORE | OFFSET) != 0;
        if header[0] != 0x45 || !is_piece || total < IPV4_LEN + UDP_LEN || rest.len() < total {
            return None;
        }
        if !checksum::is_right(header.first_chunk()?) {
            return None;
        }
        let proto = Proto(header[9]);
        let is_first = word & OFFSET == 0;
        if is_first && !has_transport(rest, proto, total) {
            return None;
        }
        let address = |at: usize| Addr(u128::from(u32_at(header, at)));
        let ports = is_first.then(|| (u16_at(header, IPV4_LEN), u16_at(header, IPV4_LEN + 2)));
        Some(Self {
            station,
            vlan,
            proto,
            id: u16_at(header, 4),
            offset: word & OFFSET,
            len: (total - IPV4_LEN) as u16,
            more: word & MORE != 0,
            src: address(12),
            dst: address(16),
            ports,
        })
    }
}

/// Whether a whole UDP or TCP header stands behind that of IPv4.
#[inline(always)]
fn has_transport(datagram: &[u8], proto: Proto, total: usize) -> bool {
    let Some(body) = datagram.get(IPV4_LEN..total) else { return false };
    match proto {
        Proto::UDP => body.len() >= UDP_LEN && usize::from(u16_at(body, 4)) >= UDP_LEN,
        Proto::TCP => {
            body.len() >= TCP_LEN && (TCP_LEN..=body.len()).contains(&(usize::from(body[12] >> 4) * 4))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{self, Ip, Payload};
    use crate::{Fragment, L4, Plain, TcpFlags, Vlan, parse};
    use proptest::prelude::*;

    /// What is read as a piece is what the full reading says.
    fn agrees(frame: &[u8]) -> Option<Piece> {
        let piece = Piece::read(frame)?;
        let parsed = parse(frame).expect("a piece is in order");
        let network = parsed.network.expect("a piece is IP");
        let vlan = parsed.vlan.map(Vlan::id).filter(|id| *id != 0);
        assert_eq!((piece.station, piece.vlan), (Plain::station_of(parsed.dst_mac), vlan));
        assert_eq!((piece.proto, piece.src, piece.dst), (network.proto, network.src, network.dst));
        let ports = match network.l4 {
            L4::Udp { sport, dport } | L4::Tcp { sport, dport, .. } => Some((sport, dport)),
            L4::Opaque => None,
            other => panic!("no piece: {other:?}"),
        };
        assert_eq!(piece.ports, ports);
        match network.fragment {
            Fragment::First { id } => assert_eq!((id, ports.is_some()), (piece.id.into(), true)),
            Fragment::Later { id, .. } => assert_eq!((id, ports), (piece.id.into(), None)),
            Fragment::Whole => panic!("a whole datagram"),
        }
        let offset = match network.fragment {
            Fragment::Later { offset, .. } => offset,
            _ => 0,
        };
        assert_eq!((piece.offset, piece.len), (offset, network.end - network.l4_at));
        let l3_at = usize::from(network.l4_at - Piece::HEADER_LEN);
        assert_eq!(piece.more, frame[l3_at + 6] & 0x20 != 0);
        Some(piece)
    }

    fn frame(sample: usize, fragment: u16) -> Vec<u8> {
        let payloads = [
            Payload::udp(1000, 53, &[7; 40]),
            Payload::tcp(1000, 80, TcpFlags::ACK),
            Payload::icmp(ravelin_types::Family::V4, 8, 0, 7, &[7; 16]),
        ];
        let ip = Ip { id: 0xabcd, fragment, ..Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]) };
        build::frame(&ip, &payloads[sample])
    }

    #[test]
    fn first_pieces_show_ports_and_later_ones_none() {
        let read = |sample, fragment| agrees(&frame(sample, fragment));
        assert_eq!(read(0, MORE).and_then(|piece| piece.ports), Some((1000, 53)));
        assert_eq!(read(1, MORE).and_then(|piece| piece.ports), Some((1000, 80)));
        for fragment in [MORE | 3, 3, OFFSET] {
            assert_eq!(read(0, fragment).map(|piece| (piece.id, piece.ports)), Some((0xabcd, None)));
        }
        // ICMP has no ports; a whole datagram is no piece.
        assert_eq!((read(2, MORE), read(0, 0), read(0, 0x4000)), (None, None, None));
        for len in 0..frame(0, MORE).len() {
            assert_eq!(agrees(&frame(0, MORE)[..len]), None, "{len} bytes");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4096), ..ProptestConfig::default() })]
        #[test]
        fn it_reads_what_the_full_reading_reads(
            sample in 0usize..3, fragment in prop_oneof![Just(MORE), Just(MORE | 1), 0u16..], mend: bool,
            damage in proptest::collection::vec((12usize..60, any::<u8>()), 0..3),
        ) {
            let mut frame = frame(sample, fragment);
            for (at, value) in damage {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = value;
                }
            }
            if mend {
                crate::put_u16(&mut frame, 24, 0);
                let field = !checksum::fold(checksum::sum(&frame[14..34]));
                crate::put_u16(&mut frame, 24, field);
            }
            agrees(&frame);
        }
    }
}
