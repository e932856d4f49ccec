//! What of a program hangs on the state of the world: schedules, and sets of addresses that change without a commit.
//!
//! Junos: `schedulers`, `dns-name` of an address, `security dynamic-address`. A program names them; what they are at
//! present is told by updates (`contract::LiveUpdate`). What is not told yet is closed, or unresolved.

use ravelin_types::{LiveSetId, ScheduleId};

/// Everything that the policies of a program refer to, by name, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    pub schedules: Vec<(ScheduleId, String)>,
    pub sets: Vec<(LiveSetId, String)>,
}

/// `then permit tcp-options` of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PolicyTcp {
    pub syn_check: bool,
    pub sequence_check: bool,
    pub window_scale: bool,
    /// Highest MSS that a SYN of the first packet's direction may announce.
    pub initial_mss: Option<u16>,
    /// And one of the other direction.
    pub reverse_mss: Option<u16>,
}

impl PolicyTcp {
    /// Nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
