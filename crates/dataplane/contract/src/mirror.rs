//! What port mirroring copied, and what it lost.

use ravelin_types::{MirrorId, RuleIdentity};

/// Why a copy was not sent. The packet itself is never touched by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorLoss {
    /// No buffer was free, or none is long enough.
    NoFrame,
    /// The batch has had its copies, or what room is left is kept for other traffic.
    Reserve,
    /// The output has no link here, or it is down.
    NoBinding,
    /// The output takes no more at the moment.
    Full,
    /// The same, at another worker.
    FullElsewhere,
}

impl MirrorLoss {
    pub const ALL: [Self; 5] =
        [Self::NoFrame, Self::Reserve, Self::NoBinding, Self::Full, Self::FullElsewhere];
    pub const COUNT: usize = Self::ALL.len();

    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFrame => "no-frame",
            Self::Reserve => "reserve",
            Self::NoBinding => "no-binding",
            Self::Full => "queue-full",
            Self::FullElsewhere => "queue-full-cross",
        }
    }
}

/// Copies of one instance or mirror filter, summed over workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorCounters {
    pub id: MirrorId,
    pub identity: RuleIdentity,
    pub packets: u64,
    pub bytes: u64,
    /// By reason.
    pub lost: [u64; MirrorLoss::COUNT],
}
