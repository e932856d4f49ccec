//! What is made of a segment.

use crate::rules::Timeout;
use crate::seq::Seq;

macro_rules! drops {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// Why a segment was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum TcpDrop { $($(#[$doc])* $name,)* }

        impl TcpDrop {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in counters and traces.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

drops! {
    /// The first segment is no SYN. Spec: tcp-1.
    NotSyn "tcp-not-syn"
    /// Flags that can't stand together. Spec: tcp-4.
    BadFlags "tcp-bad-flags"
    /// It belongs after the handshake, which is not complete. Spec: tcp-7, tcp-31.
    NotEstablished "tcp-not-established"
    /// Sequence numbers beyond the receiver's window, or long acknowledged. Spec: tcp-12, tcp-13.
    OutOfWindow "tcp-out-of-window"
    /// It acknowledges what was never sent, or what was long ago. Spec: tcp-14, tcp-15.
    AckOutOfWindow "tcp-ack-out-of-window"
    /// A SACK block about data that was never sent. Spec: tcp-16.
    SackOutOfWindow "tcp-sack-out-of-window"
    /// A RST that no receiver would take. Spec: tcp-22.
    RstOutOfWindow "tcp-rst-out-of-window"
    /// A RST in the window, but not with the expected number. Spec: tcp-34.
    RstNotExpected "tcp-rst-not-expected"
    /// A SYN in a conversation that is established. Spec: tcp-19, tcp-24.
    SynInWindow "tcp-syn-in-window"
    /// Data after a FIN that was acknowledged. Spec: tcp-27.
    AfterFin "tcp-after-fin"
}

/// What happens to the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Drop(TcpDrop),
    /// The session's conversation is over and this SYN opens the next on its ports: the session ends
    /// and the packet is judged as one without. Spec: tcp-28.
    StartAnew,
}

/// Why a session ends with this segment, which itself passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `fin-invalidate-session`.
    Fin,
    /// `rst-invalidate-session`.
    Rst,
}

/// An empty ACK for the sender of a dropped segment, as from the other end.
///
/// It grants nothing and acknowledges nothing that the other end did not itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub seq: Seq,
    pub ack: Seq,
    /// As on the wire.
    pub window: u16,
}

/// The outcome for one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Judgement {
    pub verdict: Verdict,
    /// The timeout the session has from now on, when it is another one.
    pub timeout: Option<Timeout>,
    pub end: Option<End>,
    /// To be sent, rate-limited, when the segment was dropped.
    pub answer: Option<Answer>,
}

impl Judgement {
    /// It passes, and nothing follows from it.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        *self == Self::PASS
    }

    pub(crate) const PASS: Self = Self { verdict: Verdict::Pass, timeout: None, end: None, answer: None };

    pub(crate) const fn drop(reason: TcpDrop) -> Self {
        Self { verdict: Verdict::Drop(reason), ..Self::PASS }
    }

    pub(crate) const fn answered(reason: TcpDrop, answer: Option<Answer>) -> Self {
        Self { verdict: Verdict::Drop(reason), answer, ..Self::PASS }
    }
}
