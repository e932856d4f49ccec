//! What is asked of counters of screens, policies and packets, and how packets are treated as a whole.

use serde::{Deserialize, Serialize};

/// Where screens have counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenPlace {
    Zone(String),
    Interface(String),
}

/// Which counters are shown or go back to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterQuery {
    Screens(ScreenPlace),
    ClearScreens(ScreenPlace),
    /// Hits of policies: of those between zones, or of every one.
    ClearHits {
        from_zone: Option<String>,
        to_zone: Option<String>,
    },
    /// Packets and bytes of the sessions of every policy that counts.
    ClearTraffic,
    ClearFlow,
    /// How packets are treated.
    FlowStatus,
}

/// How packets are treated: nothing that an operator could turn is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowStatus {
    /// A flow trace is being written.
    pub tracing: bool,
}
