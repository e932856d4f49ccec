//! The packed state of both directions, kept in the session record.
//!
//! All numbers are in the space in which the initial side sees the conversation. What the 32 bytes
//! mean is docs/spec/tcp.md, tcp-8..10.

use ravelin_wire::{put_u16, put_u32, u16_at, u32_at};

use crate::rules::Timeout;
use crate::segment::SCALE_MAX;
use crate::seq::Seq;
use crate::verdict::Answer;

/// Which side of the session sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Direction {
    /// From the side that sent the session's first packet.
    Initial = 0,
    Reverse = 1,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Initial, Self::Reverse];

    #[must_use]
    #[inline]
    pub const fn other(self) -> Self {
        match self {
            Self::Initial => Self::Reverse,
            Self::Reverse => Self::Initial,
        }
    }

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// How far a conversation has come. Spec: tcp-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// One SYN.
    SynSent,
    /// Both SYNs, not both acknowledged.
    SynReceived,
    Established,
    /// One FIN.
    HalfClosed,
    /// Both FINs, not both acknowledged.
    Closing,
    /// Both FINs acknowledged.
    TimeWait,
    Reset,
}

impl State {
    /// Whether the handshake is behind it.
    pub(crate) const fn is_open(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived)
    }
}

/// Its SYN was seen.
pub(crate) const SYN: u8 = 1;
/// And acknowledged.
pub(crate) const SYN_ACKED: u8 = 1 << 1;
/// Its FIN was seen: `end` is the number after it.
pub(crate) const FIN: u8 = 1 << 2;
pub(crate) const FIN_ACKED: u8 = 1 << 3;
/// `end` is known.
pub(crate) const SEEN: u8 = 1 << 4;
/// `granted` and `acked` are known: the receiver has spoken.
pub(crate) const GRANTED: u8 = 1 << 5;
/// Of the initial direction's byte: the conversation was picked up in the middle.
pub(crate) const LEARNT: u8 = 1 << 6;
/// Of the initial direction's byte: a RST that counts was seen.
pub(crate) const RESET: u8 = 1 << 7;

/// The scale is not known; the largest is assumed.
pub(crate) const SCALE_UNKNOWN: u8 = 15;
/// Of the reverse direction's byte: the opener's SYN offered a scale.
pub(crate) const OFFERED: u8 = 1 << 6;

/// What one handshake leaves open, in `pending`.
pub(crate) mod pending {
    /// The opener was told a number that is not of this conversation; it is in `granted` of the opener.
    pub(crate) const CHALLENGED: u8 = 1;
    /// Two SYN-ACKs with different numbers: the first in `acked`, the last in `end` of the answerer.
    pub(crate) const TWO_ANSWERS: u8 = 1 << 1;
    /// A SYN passed that may be a new conversation on the same ports.
    pub(crate) const RENEWED: u8 = 1 << 2;
    /// The reverse side sent that SYN.
    pub(crate) const BY_REVERSE: u8 = 1 << 3;
    /// Its scale in the upper four bits.
    pub(crate) const SCALE_AT: u32 = 4;
}

/// Bytes that any slack has at least: an unscaled window and a bit. Spec: tcp-11.
pub(crate) const SLACK_MIN: u32 = 1 << 16;
/// What is assumed to be granted at least while windows are learnt. Spec: tcp-18.
pub(crate) const LEARN_MIN: u32 = 1 << 20;
/// The largest distance that is ever held to be of the same conversation.
pub(crate) const REACH: u32 = 1 << 30;

/// A conversation as tracked: plain bytes, so that a session record and its copies can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Conversation {
    /// The number after the last seen of each direction.
    pub(crate) end: [Seq; 2],
    /// The highest number that the receiver of each direction has granted: its ACK plus its window.
    pub(crate) granted: [Seq; 2],
    /// The highest number acknowledged; before the first acknowledgement that of the SYN.
    pub(crate) acked: [Seq; 2],
    /// The largest window each direction advertised, in units of its scale.
    pub(crate) window: [u16; 2],
    pub(crate) flags: [u8; 2],
    /// Four bits a direction.
    pub(crate) scales: u8,
    pub(crate) pending: u8,
}

const _: () = assert!(size_of::<Conversation>() <= 32, "a session record is four cache lines");

impl Conversation {
    /// That of a session which is not TCP, or of no session.
    pub const NONE: Self = Self {
        end: [Seq(0); 2],
        granted: [Seq(0); 2],
        acked: [Seq(0); 2],
        window: [0; 2],
        flags: [0; 2],
        scales: SCALE_UNKNOWN << 4 | SCALE_UNKNOWN,
        pending: 0,
    };

    /// Bytes of its portable form.
    pub const BYTES: usize = 32;

    #[must_use]
    #[inline]
    pub const fn state(&self) -> State {
        if self.flags[0] & RESET != 0 { State::Reset } else { self.progress() }
    }

    /// The state but for a reset.
    pub(crate) const fn progress(&self) -> State {
        let [a, b] = self.flags;
        let (both, either) = (a & b, a | b);
        if both & FIN_ACKED != 0 {
            State::TimeWait
        } else if both & FIN != 0 {
            State::Closing
        } else if both & SYN_ACKED == 0 {
            if both & SYN != 0 { State::SynReceived } else { State::SynSent }
        } else if either & FIN != 0 {
            State::HalfClosed
        } else {
            State::Established
        }
    }

    /// The timeout class. A reset leaves it as it was. Spec: tcp-33.
    #[must_use]
    pub const fn timeout(&self) -> Timeout {
        match self.progress() {
            State::SynSent | State::SynReceived => Timeout::Initial,
            State::Established | State::Reset => Timeout::Established,
            State::HalfClosed => Timeout::HalfClosed,
            State::Closing => Timeout::Closing,
            State::TimeWait => Timeout::TimeWait,
        }
    }

    /// Whether the conversation was picked up in the middle and its windows were learnt.
    #[must_use]
    pub const fn is_learnt(&self) -> bool {
        self.flags[0] & LEARNT != 0
    }

    /// Forgets the numbers and keeps state and scales: for a session taken over from a peer, whose
    /// numbers may be far behind. They are learnt from the next segments. Spec: tcp-18.
    pub fn resynchronise(&mut self) {
        for direction in Direction::BOTH {
            self.flags[direction.index()] &= !(SEEN | GRANTED);
        }
        self.flags[0] |= LEARNT;
        self.pending = 0;
    }

    /// The newest segment of a side left with `by` bytes more than it was judged with. Spec: tcp-47.
    pub fn lengthened(&mut self, sender: Direction, by: i32) {
        let end = &mut self.end[sender.index()];
        *end = Seq(end.0.wrapping_add_signed(by));
    }

    /// The portable form: big-endian, in the order of the fields.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for d in [0, 1] {
            put_u32(&mut bytes, d * 4, self.end[d].0);
            put_u32(&mut bytes, 8 + d * 4, self.granted[d].0);
            put_u32(&mut bytes, 16 + d * 4, self.acked[d].0);
            put_u16(&mut bytes, 24 + d * 2, self.window[d]);
            bytes[28 + d] = self.flags[d];
        }
        bytes[30] = self.scales;
        bytes[31] = self.pending;
        bytes
    }

    /// From the portable form. Any bytes make a conversation; a wrong one drops segments, no more.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let pair = |at: usize| [Seq(u32_at(bytes, at)), Seq(u32_at(bytes, at + 4))];
        Self {
            end: pair(0),
            granted: pair(8),
            acked: pair(16),
            window: [u16_at(bytes, 24), u16_at(bytes, 26)],
            flags: [bytes[28], bytes[29]],
            scales: bytes[30],
            pending: bytes[31],
        }
    }

    #[inline]
    pub(crate) const fn has(&self, direction: Direction, flag: u8) -> bool {
        self.flags[direction.index()] & flag != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, direction: Direction, flag: u8) {
        self.flags[direction.index()] |= flag;
    }

    /// How far this direction's windows are shifted.
    #[inline]
    pub(crate) const fn shift(&self, direction: Direction) -> u32 {
        let scale = (self.scales >> (direction.index() * 4)) & 0xf;
        (if scale > SCALE_MAX { SCALE_MAX } else { scale }) as u32
    }

    pub(crate) fn set_scale(&mut self, direction: Direction, scale: u8) {
        let at = direction.index() * 4;
        self.scales = self.scales & !(0xf << at) | scale << at;
    }

    /// The largest window of this direction, in bytes.
    #[inline]
    pub(crate) const fn largest_window(&self, direction: Direction) -> u32 {
        (self.window[direction.index()] as u32) << self.shift(direction)
    }

    /// An ACK from the other end to `sender`, with the numbers that the other end itself last showed.
    pub(crate) fn challenge(&self, sender: Direction) -> Option<Answer> {
        let (s, r) = (sender.index(), sender.other().index());
        let is_heard = self.flags[s] & (GRANTED | SYN_ACKED) == GRANTED | SYN_ACKED;
        if !is_heard || !self.has(sender.other(), SEEN) {
            return None;
        }
        let open = self.granted[s].since(self.acked[s]) >> self.shift(sender.other());
        let mut window = u16::try_from(open).unwrap_or(u16::MAX);
        if self.is_learnt() {
            // More counts as granted then than was: no end hears of a window that the other never had.
            match self.window[r] {
                0 => return None,
                most => window = window.min(most),
            }
        }
        Some(Answer { seq: self.end[r], ack: self.acked[s], window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tcp-6, from the flags alone.
    #[test]
    fn the_state_follows_from_what_was_seen() {
        const OPEN: u8 = SYN | SYN_ACKED;
        for (a, b, state) in [
            (SYN, 0, State::SynSent),
            (0, SYN, State::SynSent),
            (SYN, SYN, State::SynReceived),
            (OPEN, SYN, State::SynReceived),
            (OPEN, OPEN, State::Established),
            (OPEN | FIN, OPEN, State::HalfClosed),
            (OPEN | FIN | FIN_ACKED, OPEN, State::HalfClosed),
            (OPEN, OPEN | FIN | FIN_ACKED, State::HalfClosed),
            (OPEN | FIN, OPEN | FIN, State::Closing),
            (OPEN | FIN | FIN_ACKED, OPEN | FIN, State::Closing),
            (OPEN | FIN | FIN_ACKED, OPEN | FIN | FIN_ACKED, State::TimeWait),
            (OPEN | RESET, OPEN, State::Reset),
            (SYN | RESET, 0, State::Reset),
        ] {
            let conversation = Conversation { flags: [a, b], ..Conversation::NONE };
            assert_eq!(conversation.state(), state, "{a:#b} {b:#b}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_portable_form_loses_nothing(bytes: [u8; 32]) {
            proptest::prop_assert_eq!(Conversation::from_bytes(&bytes).to_bytes(), bytes);
        }
    }
}
