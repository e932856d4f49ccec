//! Cutting an IPv4 datagram into pieces that fit a link (RFC 791 2.3, 3.2).
//!
//! Place: on the way out, where DF is clear; before NAT64 where its IPv6 side takes less. The transport checksum
//! must be whole before: pieces can't be finished by a sender. State: how far the cutting is. Spec: fragment-1..7.

use ravelin_wire::{checksum, put_u16, u16_at};

use crate::header::IPV4_LEN;

/// Pieces of one datagram at most: 64 KiB in steps of eight bytes.
pub const PIECES_MAX: usize = 8192;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
/// An option that goes into every piece (RFC 791 3.1).
const COPIED: u8 = 0x80;
const HEADER_MAX: usize = 60;

/// Why a datagram is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFragmentable {
    /// DF is set: its sender is to be told the MTU.
    DontFragment,
    /// The header contradicts itself or the bytes there are.
    Malformed,
    /// No eight bytes fit behind the header.
    Mtu,
}

/// The pieces of a datagram, one after the other.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    datagram: &'a [u8],
    header_len: usize,
    /// Header of all pieces but the first: the options that are copied, padded.
    later: [u8; HEADER_MAX],
    later_len: usize,
    mtu: usize,
    /// Where in the payload the next piece starts; `None` behind the last.
    next: Option<usize>,
}

impl<'a> Pieces<'a> {
    /// The pieces of the datagram at the start of `bytes`, each of at most `mtu` bytes. A datagram that fits is one piece, as it is.
    ///
    /// # Errors
    /// Why there are none.
    pub fn of(bytes: &'a [u8], mtu: u16) -> Result<Self, NotFragmentable> {
        let header = bytes.get(..IPV4_LEN).ok_or(NotFragmentable::Malformed)?;
        let (header_len, total) = (usize::from(header[0] & 0x0f) * 4, usize::from(u16_at(header, 2)));
        if header[0] >> 4 != 4 || header_len < IPV4_LEN || total < header_len || bytes.len() < total {
            return Err(NotFragmentable::Malformed);
        }
        let fits = total <= usize::from(mtu);
        if !fits && u16_at(header, 6) & DONT_FRAGMENT != 0 {
            return Err(NotFragmentable::DontFragment);
        }
        if !fits && usize::from(mtu) < header_len + 8 {
            return Err(NotFragmentable::Mtu);
        }
        let (later, later_len) = later_header(&bytes[..header_len]);
        Ok(Self { datagram: &bytes[..total], header_len, later, later_len, mtu: mtu.into(), next: Some(0) })
    }

    /// Writes the next piece to `out` and gives its length. `None`: there is no more, or `out` is too short for it (the MTU always
    /// does).
    pub fn write_next(&mut self, out: &mut [u8]) -> Option<usize> {
        let start = self.next?;
        let payload = &self.datagram[self.header_len..];
        let header =
            if start == 0 { &self.datagram[..self.header_len] } else { &self.later[..self.later_len] };
        let left = payload.len() - start;
        let room = self.mtu.saturating_sub(header.len());
        let take = if left <= room { left } else { room / 8 * 8 };
        let len = header.len() + take;
        let (into, body) = out.get_mut(..len)?.split_at_mut(header.len());
        into.copy_from_slice(header);
        body.copy_from_slice(&payload[start..start + take]);
        self.next = (take < left).then_some(start + take);
        self.place(into, len, start);
        Some(len)
    }

    /// Writes length, offset, flags and checksum of the piece that starts at `start` of the payload.
    fn place(&self, header: &mut [u8], len: usize, start: usize) {
        let word = u16_at(self.datagram, 6);
        let units = (start / 8) as u16;
        // Cutting a piece: only its own last one can be the last of the datagram.
        let more = if self.next.is_none() { word & MORE } else { MORE };
        put_u16(header, 2, len as u16);
        put_u16(header, 6, word & !(MORE | OFFSET) | more | ((word & OFFSET) + units) & OFFSET);
        put_u16(header, 10, 0);
        let sum = !checksum::fold(checksum::sum(header));
        put_u16(header, 10, sum);
    }
}

/// The header of the pieces behind the first. Options behind one that is malformed are left out.
fn later_header(header: &[u8]) -> ([u8; HEADER_MAX], usize) {
    let mut later = [0; HEADER_MAX];
    later[..IPV4_LEN].copy_from_slice(&header[..IPV4_LEN]);
    let mut len = IPV4_LEN;
    let mut rest = &header[IPV4_LEN..];
    while let [kind, after @ ..] = rest {
        let size = match (kind, after) {
            (0, _) => break,
            (1, _) => 1,
            (_, [size, ..]) if (2..=rest.len()).contains(&usize::from(*size)) => usize::from(*size),
            _ => break,
        };
        if kind & COPIED != 0 {
            later[len..len + size].copy_from_slice(&rest[..size]);
            len += size;
        }
        rest = &rest[size..];
    }
    let len = len.next_multiple_of(4);
    later[0] = 0x40 | (len / 4) as u8;
    (later, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn datagram(options: &[u8], word: u16, payload: usize) -> Vec<u8> {
        let header_len = 20 + options.len();
        let mut bytes = vec![0; header_len];
        bytes[0] = 0x40 | (header_len / 4) as u8;
        put_u16(&mut bytes, 2, (header_len + payload) as u16);
        put_u16(&mut bytes, 4, 0x1234);
        put_u16(&mut bytes, 6, word);
        bytes[8..20].copy_from_slice(&[64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
        bytes[20..].copy_from_slice(options);
        let sum = !checksum::fold(checksum::sum(&bytes));
        put_u16(&mut bytes, 10, sum);
        bytes.extend((0..payload).map(|i| (i * 7 + i / 256) as u8));
        bytes
    }

    fn pieces(bytes: &[u8], mtu: u16) -> Vec<Vec<u8>> {
        let mut pieces = Pieces::of(bytes, mtu).unwrap();
        let mut out = vec![0; usize::from(mtu)];
        let mut all = Vec::new();
        while let Some(len) = pieces.write_next(&mut out) {
            all.push(out[..len].to_vec());
            assert!(all.len() <= PIECES_MAX);
        }
        all
    }

    /// Length, offset in bytes and the flag of each piece.
    fn places(pieces: &[Vec<u8>]) -> Vec<(usize, usize, bool)> {
        let of = |p: &Vec<u8>| (p.len(), usize::from(u16_at(p, 6) & OFFSET) * 8, u16_at(p, 6) & MORE != 0);
        pieces.iter().map(of).collect()
    }

    /// RFC 791, appendix A, example 2: 452 bytes of data over a link of 280 bytes.
    #[test]
    fn the_example_of_rfc_791_is_cut_in_two() {
        assert_eq!(places(&pieces(&datagram(&[], 0, 452), 280)), [(276, 0, true), (216, 256, false)]);
    }

    #[test]
    fn a_datagram_that_fits_is_one_piece_as_it_is() {
        for bytes in [datagram(&[], 0, 452), datagram(&[], DONT_FRAGMENT, 452), datagram(&[], 0, 0)] {
            assert_eq!(pieces(&bytes, 472), std::slice::from_ref(&bytes));
        }
    }

    #[test]
    fn a_piece_is_cut_further_and_keeps_its_flag() {
        let middle = datagram(&[], MORE | 100, 160);
        assert_eq!(places(&pieces(&middle, 100)), [(100, 800, true), (100, 880, true)]);
        let last = datagram(&[], 100, 160);
        assert_eq!(places(&pieces(&last, 100)), [(100, 800, true), (100, 880, false)]);
    }

    /// RFC 791 3.1: the copied bit; a security option (130) goes with every piece, a record route (7) with the first.
    #[test]
    fn options_are_copied_by_their_bit() {
        let options = [7, 3, 4, 1, 130, 5, 9, 9, 9, 148, 2, 0];
        let all = pieces(&datagram(&options, 0, 64), 64);
        assert_eq!(all[0][20..32], options);
        assert_eq!(all[1][0], 0x47);
        assert_eq!(all[1][20..28], [130, 5, 9, 9, 9, 148, 2, 0]);
        assert_eq!(places(&all), [(64, 0, true), (60, 32, false)]);
        let broken = datagram(&[130, 4, 1, 1, 131, 9, 0, 0], 0, 64);
        assert_eq!(pieces(&broken, 60)[1][20..24], [130, 4, 1, 1]);
    }

    #[test]
    fn what_can_not_be_cut_is_told() {
        let why = |bytes: &[u8], mtu| Pieces::of(bytes, mtu).err();
        let whole = datagram(&[], 0, 452);
        assert_eq!(why(&datagram(&[], DONT_FRAGMENT, 452), 280), Some(NotFragmentable::DontFragment));
        assert_eq!(why(&whole, 27), Some(NotFragmentable::Mtu));
        assert_eq!(why(&whole, 28), None);
        for len in 0..whole.len() {
            assert_eq!(why(&whole[..len], 280), Some(NotFragmentable::Malformed), "{len}");
        }
        let mut short = Pieces::of(&whole, 280).unwrap();
        assert_eq!(short.write_next(&mut [0; 275]), None);
        assert_eq!(short.write_next(&mut [0; 276]), Some(276));
    }

    proptest! {
        #[test]
        fn pieces_make_the_datagram_again(
            payload in 0usize..4000, mtu in 80u16..1600, options in proptest::collection::vec(any::<u8>(), 0..=10),
            start in 0u16..400, more: bool,
        ) {
            let options: Vec<u8> = options.iter().flat_map(|o| [*o; 4]).collect();
            let payload = if more { payload / 8 * 8 } else { payload };
            let word = start | if more { MORE } else { 0 };
            let whole = datagram(&options, word, payload);
            let all = pieces(&whole, mtu);
            let mut body = Vec::new();
            for (i, piece) in all.iter().enumerate() {
                let header = usize::from(piece[0] & 15) * 4;
                prop_assert_eq!(checksum::fold(checksum::sum(&piece[..header])), 0xffff);
                prop_assert!(piece.len() <= usize::from(mtu));
                prop_assert_eq!(usize::from(u16_at(piece, 2)), piece.len());
                prop_assert_eq!(usize::from(u16_at(piece, 6) & OFFSET) * 8, usize::from(start) * 8 + body.len());
                prop_assert_eq!(u16_at(piece, 6) & MORE != 0, more || i + 1 < all.len());
                prop_assert_eq!(&piece[12..20], &whole[12..20]);
                prop_assert_eq!(u16_at(piece, 4), 0x1234);
                body.extend_from_slice(&piece[header..]);
            }
            prop_assert_eq!(&body[..], &whole[20 + options.len()..]);
        }
    }
}
