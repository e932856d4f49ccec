//! Cutting an IPv4 packet that the way out does not take whole.
//!
//! Junos: `family inet mtu`. Place: behind the rewrite, before the transmit queue or the wait for a neighbour; checksums are finished
//! before. State: none, the pieces are answers of the step. Spec: flow-20, fragment-1..7, fragment-18..20.

use ravelin_program::Interface;
use ravelin_translate::Pieces;
use ravelin_types::{DropReason, Family};
use ravelin_wire::u16_at;

use crate::output::ANSWER_LEN_MAX;
use crate::step::Flow;

/// Whether a packet must be cut, and may be, to leave by a unit.
pub(crate) fn is_needed(flow: &Flow, unit: &Interface) -> bool {
    flow.network.family == Family::V4
        && flow.network.end - flow.link.l3_at > unit.mtu4
        && !flow.network.dont_fragment
}

/// The frames that a frame with a link header of `link_len` bytes is cut into.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    link: &'a [u8],
    pieces: Pieces<'a>,
    count: usize,
}

impl<'a> Frames<'a> {
    /// # Errors
    /// The packet can't be cut.
    pub(crate) fn of(frame: &'a [u8], link_len: usize, mtu: u16) -> Result<Self, DropReason> {
        let (link, datagram) = frame.split_at_checked(link_len).ok_or(DropReason::PacketTooBig)?;
        let mtu = mtu.min((ANSWER_LEN_MAX - link_len) as u16);
        let pieces = Pieces::of(datagram, mtu).map_err(|_| DropReason::PacketTooBig)?;
        let header = usize::from(datagram[0] & 0x0f) * 4;
        let body = usize::from(u16_at(datagram, 2)) - header;
        let room = usize::from(mtu).saturating_sub(header) / 8 * 8;
        Ok(Self { link, pieces, count: body.div_ceil(room.max(8)) })
    }

    /// How many there are at most: pieces behind the first may have shorter headers.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Gives every frame to `take`.
    pub(crate) fn each(mut self, mut take: impl FnMut(&[u8])) {
        let mut frame = [0; ANSWER_LEN_MAX];
        let link_len = self.link.len();
        frame[..link_len].copy_from_slice(self.link);
        while let Some(len) = self.pieces.write_next(&mut frame[link_len..]) {
            take(&frame[..link_len + len]);
        }
    }
}
