//! What a TCP header says, and nothing of what it means; and what can become of a segment.

use ravelin_types::DropReason;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;
pub const URG: u8 = 32;

/// What a TCP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    /// The window scale option.
    pub scale: Option<u8>,
    /// The right edge of a SACK block.
    pub sack: Option<u32>,
    /// Bytes of data.
    pub len: u16,
}

/// What becomes of a segment and of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Pass,
    /// It passes, and the session ends with it.
    LastFin,
    LastRst,
    /// It opens another session in this one's place.
    Anew,
    Drop(DropReason),
    /// The naive reading does not say.
    Open,
}

impl Segment {
    /// A segment with these flags and nothing else said.
    #[must_use]
    pub const fn of(flags: u8) -> Self {
        Self { flags, seq: 1, ack: 0, window: u16::MAX, scale: None, sack: None, len: 0 }
    }

    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Bytes of options.
    #[must_use]
    pub fn options(&self) -> usize {
        4 * usize::from(self.scale.is_some()) + 12 * usize::from(self.sack.is_some())
    }

    /// Whether it asks for a connection (tcp-1).
    #[must_use]
    pub const fn opens(&self) -> bool {
        self.flags & (SYN | ACK | RST | FIN) == SYN
    }

    /// Whether it acknowledges and does nothing else to the conversation.
    pub(super) const fn may_end_a_handshake(&self) -> bool {
        self.flags & (SYN | FIN | RST | ACK) == ACK
    }

    /// Numbers it takes up (tcp-29).
    pub(super) fn space(&self) -> i64 {
        i64::from(self.len) + i64::from(self.has(SYN)) + i64::from(self.has(FIN))
    }

    /// Whether its flags can stand together (tcp-4).
    pub(super) const fn is_legal(&self) -> bool {
        let deciding = self.flags & (SYN | FIN | RST | ACK);
        matches!(deciding, SYN | ACK | RST)
            || deciding == SYN | ACK
            || deciding == FIN | ACK
            || deciding == RST | ACK
    }
}
