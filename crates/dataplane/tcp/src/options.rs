//! The options of a TCP header, walked within the header's length (RFC 9293 3.1, 3.2).

use ravelin_wire::TcpFlags;

/// Bytes of a TCP header without options.
pub(crate) const HEADER: usize = 20;

const END: u8 = 0;
const NOP: u8 = 1;
pub(crate) const MSS: u8 = 2;
pub(crate) const WINDOW_SCALE: u8 = 3;
pub(crate) const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// What RFC 7323 appendix A recommends for a segment with nothing but timestamps.
const ALIGNED_TIMESTAMPS: [u8; 4] = [NOP, NOP, TIMESTAMPS, 10];

/// One option: its kind and where its value stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: u8,
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// Options from first to last; an impossible length ends the walk.
#[derive(Debug)]
pub(crate) struct Walk<'h> {
    header: &'h [u8],
    at: usize,
}

/// The options of `header`, which is the whole TCP header and no more.
pub(crate) fn walk(header: &[u8]) -> Walk<'_> {
    Walk { header, at: HEADER }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        while self.header.get(self.at) == Some(&NOP) {
            self.at += 1;
        }
        let kind = *self.header.get(self.at).filter(|kind| **kind != END)?;
        let len = usize::from(*self.header.get(self.at + 1)?);
        if len < 2 || self.at + len > self.header.len() {
            return None;
        }
        let found = Found { kind, at: self.at + 2, len: len - 2 };
        self.at += len;
        Some(found)
    }
}

/// Length of the TCP header at the start of `tcp`, when it is all there.
pub(crate) fn header_len(tcp: &[u8]) -> Option<usize> {
    let len = usize::from(tcp.get(12)? >> 4) * 4;
    (len >= HEADER && tcp.len() >= len).then_some(len)
}

/// The flags; the caller has checked the header's length.
pub(crate) fn flags(tcp: &[u8]) -> TcpFlags {
    TcpFlags(tcp[13])
}

/// Whether the header holds timestamps and nothing else, as most segments do.
pub(crate) fn only_timestamps(header: &[u8]) -> bool {
    header.len() == HEADER + 12 && header[HEADER..HEADER + 4] == ALIGNED_TIMESTAMPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(options: &[u8]) -> Vec<(u8, usize, usize)> {
        let header = [&[0; HEADER], options].concat();
        walk(&header).map(|f| (f.kind, f.at - HEADER, f.len)).collect()
    }

    #[test]
    fn options_are_found_between_padding() {
        let syn = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7];
        assert_eq!(kinds(&syn), [(2, 2, 2), (4, 6, 0), (8, 8, 8), (3, 19, 1)]);
        assert_eq!(kinds(&[0, 2, 4, 5, 180]), []);
        assert_eq!(kinds(&[1, 1, 1, 1]), []);
    }

    #[test]
    fn an_impossible_length_ends_the_walk() {
        for bad in [&[3, 0, 2, 4][..], &[3, 1, 2, 4], &[3, 9, 2, 4], &[3], &[2, 4, 5]] {
            assert_eq!(kinds(bad), [], "{bad:?}");
        }
    }
}
