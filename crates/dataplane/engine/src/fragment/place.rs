//! Where a fragment lies in its datagram, as its header says.
//!
//! State: none. Spec: fragment-8..10.

use ravelin_translate::Piece;
use ravelin_types::{Family, Proto};
use ravelin_wire::{Network, u16_at};

const IPV4_MORE: u16 = 0x2000;
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_LEN: usize = 40;
const FRAGMENT_LEN: usize = 8;

/// The place of the fragment whose network header is at `l3_at`; `proto` is its transport as far as known. `None`: the header
/// contradicts itself.
pub(super) fn of(bytes: &[u8], l3_at: usize, network: &Network, proto: Proto) -> Option<Piece> {
    let (body_at, header_len, offset, more) = match network.family {
        Family::V4 => {
            let header_len = usize::from(bytes.get(l3_at)? & 0x0f) * 4;
            let word = u16_at(bytes.get(l3_at + 6..l3_at + 8)?, 0);
            (l3_at + header_len, header_len, word & IPV4_OFFSET, word & IPV4_MORE != 0)
        }
        Family::V6 => {
            let at = fragment_header(bytes, l3_at)?;
            let word = u16_at(bytes.get(at + 2..at + 4)?, 0);
            // The longest datagram is told by its payload length, which leaves the fixed header out.
            (at + FRAGMENT_LEN, at - (l3_at + IPV6_LEN), word >> 3, word & 1 == 1)
        }
    };
    let len = usize::from(network.end).checked_sub(body_at)?;
    Some(Piece { offset, len: len as u16, more, header_len: header_len as u16, proto })
}

/// Where the fragment header is that the parser went by: the last one, or the first that names an offset. The parser has bounded the
/// number of headers.
fn fragment_header(bytes: &[u8], l3_at: usize) -> Option<usize> {
    let (mut next, mut at) = (Proto(*bytes.get(l3_at + 6)?), l3_at + IPV6_LEN);
    let mut found = None;
    loop {
        match next {
            Proto::IPV6_FRAGMENT => {
                let header = bytes.get(at..at + FRAGMENT_LEN)?;
                found = Some(at);
                if u16_at(header, 2) >> 3 != 0 {
                    return found;
                }
                next = Proto(header[0]);
                at += FRAGMENT_LEN;
            }
            Proto::HOP_BY_HOP | Proto::IPV6_ROUTE | Proto::IPV6_DEST_OPTIONS => {
                let header = bytes.get(at..at + 8)?;
                next = Proto(header[0]);
                at += 8 + usize::from(header[1]) * 8;
            }
            _ => return found,
        }
    }
}
