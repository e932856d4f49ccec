//! How far a TCP conversation has come, from its flags alone.
//!
//! Spec: session-8..11. Sequence windows are not tracked here.

use ravelin_wire::TcpFlags;

use crate::session::Life;

/// Flags seen on the two wings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress(u8);

const SYN: u8 = 1;
const SYN_ACK: u8 = 2;
const ACKED: u8 = 4;
const FIN: [u8; 2] = [8, 16];
const RST: u8 = 32;

impl Progress {
    pub(crate) const NEW: Self = Self(0);

    /// Takes in a segment of wing 0 (the opener's) or 1.
    pub(crate) fn advance(self, wing: usize, flags: TcpFlags) -> Self {
        let mut seen = self.0;
        let (syn, ack) = (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK));
        if wing == 0 && syn {
            seen |= SYN;
        }
        if wing == 1 && syn && ack {
            seen |= SYN_ACK;
        }
        if wing == 0 && ack && !syn && seen & SYN_ACK != 0 {
            seen |= ACKED;
        }
        if flags.has(TcpFlags::FIN) {
            seen |= FIN[wing];
        }
        if flags.has(TcpFlags::RST) {
            seen |= RST;
        }
        Self(seen)
    }

    /// A conversation taken up in the middle (SYN check off): both ways are taken as open.
    pub(crate) fn midstream() -> Self {
        Self(SYN | SYN_ACK | ACKED)
    }

    pub(crate) fn life(self) -> Life {
        if self.0 & RST != 0 || self.0 & (FIN[0] | FIN[1]) == FIN[0] | FIN[1] {
            Life::Closing
        } else if self.0 & ACKED != 0 {
            Life::Established
        } else {
            Life::Opening
        }
    }

    pub(crate) fn was_reset(self) -> bool {
        self.0 & RST != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(segments: &[(usize, u8)]) -> Life {
        let flags = segments.iter();
        flags.fold(Progress::NEW, |p, (wing, f)| p.advance(*wing, TcpFlags(*f))).life()
    }

    const S: u8 = TcpFlags::SYN;
    const A: u8 = TcpFlags::ACK;
    const F: u8 = TcpFlags::FIN;

    #[test]
    fn a_handshake_takes_three_segments() {
        assert_eq!(life(&[(0, S)]), Life::Opening);
        assert_eq!(life(&[(0, S), (1, S | A)]), Life::Opening);
        assert_eq!(life(&[(0, S), (1, S | A), (0, A)]), Life::Established);
        assert_eq!(life(&[(0, S), (0, A)]), Life::Opening);
    }

    #[test]
    fn both_fins_or_one_rst_close() {
        let open = [(0, S), (1, S | A), (0, A)];
        let with = |more: &[(usize, u8)]| life(&[&open, more].concat());
        assert_eq!(with(&[(0, F | A)]), Life::Established);
        assert_eq!(with(&[(0, F | A), (1, F | A)]), Life::Closing);
        assert_eq!(with(&[(1, TcpFlags::RST)]), Life::Closing);
    }
}
