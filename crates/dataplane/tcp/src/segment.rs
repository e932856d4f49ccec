//! What the checks need of one segment.

use ravelin_wire::{Fragment, L4, Network, TcpFlags, u16_at, u32_at};

use crate::options::{self, HEADER, SACK, WINDOW_SCALE};
use crate::seq::Seq;

/// RFC 7323 2.3: a larger shift is taken as this one.
pub(crate) const SCALE_MAX: u8 = 14;

/// Whether the payload's length is what the sender sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// The first fragment of a datagram: more bytes follow, how many is not known yet.
    Cut,
}

/// The facts of a segment, read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub seq: Seq,
    /// Meaningful when ACK is set.
    pub ack: Seq,
    /// Bytes of payload; SYN and FIN not counted.
    pub len: u32,
    /// As on the wire, not scaled.
    pub window: u16,
    pub flags: TcpFlags,
    pub extent: Extent,
    /// The window scale option of a SYN.
    pub scale: Option<u8>,
    /// The highest right edge among SACK blocks (RFC 2018).
    pub sack: Option<Seq>,
}

impl Segment {
    /// Reads the segment of a parsed packet; `None` when it is no TCP with its whole header.
    #[must_use]
    #[inline]
    pub fn read(frame: &[u8], network: &Network) -> Option<Self> {
        let L4::Tcp { .. } = network.l4 else { return None };
        let extent = match network.fragment {
            Fragment::Whole => Extent::Whole,
            Fragment::First { .. } => Extent::Cut,
            Fragment::Later { .. } => return None,
        };
        let tcp = frame.get(usize::from(network.l4_at)..usize::from(network.end))?;
        Self::of(tcp, extent)
    }

    /// Reads a segment from its bytes, the payload included.
    #[must_use]
    #[inline]
    pub fn of(tcp: &[u8], extent: Extent) -> Option<Self> {
        let header = options::header_len(tcp)?;
        let flags = options::flags(tcp);
        let mut segment = Self {
            seq: Seq(u32_at(tcp, 4)),
            ack: Seq(u32_at(tcp, 8)),
            len: (tcp.len() - header) as u32,
            window: u16_at(tcp, 14),
            flags,
            extent,
            scale: None,
            sack: None,
        };
        if header > HEADER && !options::only_timestamps(&tcp[..header]) {
            segment.read_options(&tcp[..header]);
        }
        Some(segment)
    }

    fn read_options(&mut self, header: &[u8]) {
        for option in options::walk(header) {
            match (option.kind, option.len) {
                (WINDOW_SCALE, 1) if self.has(TcpFlags::SYN) => {
                    self.scale = Some(header[option.at].min(SCALE_MAX));
                }
                (SACK, len) if len % 8 == 0 => {
                    for block in (option.at..option.at + len).step_by(8) {
                        let right = Seq(u32_at(header, block + 4));
                        self.sack = Some(self.sack.map_or(right, |sack| sack.later(right)));
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags.has(flag)
    }

    /// Sequence numbers it takes up: payload, SYN and FIN (RFC 9293 3.4).
    #[must_use]
    pub const fn space(&self) -> u32 {
        self.len.wrapping_add(self.has(TcpFlags::SYN) as u32 + self.has(TcpFlags::FIN) as u32)
    }

    /// The number after its last.
    #[must_use]
    pub const fn end(&self) -> Seq {
        self.seq.plus(self.space())
    }

    /// Whether its flags can stand together in a conversation. Spec: tcp-4.
    #[must_use]
    pub const fn is_legal(&self) -> bool {
        let (syn, fin) = (self.has(TcpFlags::SYN), self.has(TcpFlags::FIN));
        let (rst, ack) = (self.has(TcpFlags::RST), self.has(TcpFlags::ACK));
        match (syn, rst) {
            (true, true) => false,
            (true, false) | (false, true) => !fin,
            (false, false) => ack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_wire::build::{self, Ip, Payload};
    use ravelin_wire::parse;

    fn header(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0; HEADER];
        tcp[4..8].copy_from_slice(&7_u32.to_be_bytes());
        tcp[8..12].copy_from_slice(&9_u32.to_be_bytes());
        tcp[12] = ((HEADER + options.len()) as u8 / 4) << 4;
        tcp[13] = flags;
        tcp[14..16].copy_from_slice(&500_u16.to_be_bytes());
        [&tcp, options, payload].concat()
    }

    #[test]
    fn numbers_and_length_are_read_from_a_frame_of_either_family() {
        for ip in [Ip::v4([10, 0, 0, 1], [10, 0, 0, 2]), Ip::v6("2001:db8::1", "2001:db8::2")] {
            let data = Payload::tcp_segment(1, 2, TcpFlags::ACK | TcpFlags::FIN, 70, 80, b"abc");
            let frame = build::frame(&ip, &data);
            let network = parse(&frame).unwrap().network.unwrap();
            let segment = Segment::read(&frame, &network).unwrap();
            assert_eq!((segment.seq, segment.ack, segment.len), (Seq(70), Seq(80), 3));
            assert_eq!((segment.end(), segment.extent), (Seq(74), Extent::Whole));
        }
    }

    #[test]
    fn the_highest_sack_edge_counts_over_the_wrap() {
        let mut options = vec![1, 1, 5, 18];
        for edge in [0xffff_0000_u32, 0xffff_1000, 0xffff_f000, 16] {
            options.extend(edge.to_be_bytes());
        }
        let segment = Segment::of(&header(TcpFlags::ACK, &options, b""), Extent::Whole).unwrap();
        assert_eq!(segment.sack, Some(Seq(16)));
    }

    #[test]
    fn scale_is_read_from_a_syn_alone_and_bounded() {
        for (flags, shift, expected) in [
            (TcpFlags::SYN, 7, Some(7)),
            (TcpFlags::SYN | TcpFlags::ACK, 0, Some(0)),
            (TcpFlags::SYN, 200, Some(14)),
            (TcpFlags::ACK, 7, None),
        ] {
            let segment = Segment::of(&header(flags, &[3, 3, shift, 0], b""), Extent::Whole).unwrap();
            assert_eq!(segment.scale, expected);
        }
    }

    #[test]
    fn a_header_longer_than_its_segment_is_no_segment() {
        let whole = header(TcpFlags::SYN, &[2, 4, 5, 180], b"");
        for len in 0..whole.len() {
            assert_eq!(Segment::of(&whole[..len], Extent::Whole), None, "{len}");
        }
    }

    /// tcp-4, all 32 combinations of the five flags that matter.
    #[test]
    fn flags_that_cannot_stand_together() {
        const S: u8 = TcpFlags::SYN;
        const A: u8 = TcpFlags::ACK;
        const F: u8 = TcpFlags::FIN;
        const R: u8 = TcpFlags::RST;
        let legal = [S, S | A, A, A | F, R, R | A];
        for bits in (0..=0x17_u8).filter(|b| b & TcpFlags::PSH == 0) {
            let segment = Segment::of(&header(bits, &[], b""), Extent::Whole).unwrap();
            assert_eq!(segment.is_legal(), legal.contains(&bits), "{bits:#04x}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: proptest::prelude::ProptestConfig::default().cases.max(512), ..proptest::prelude::ProptestConfig::default() })]
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = Segment::of(&bytes, Extent::Whole);
        }
    }
}
