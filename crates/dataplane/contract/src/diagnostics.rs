//! Looking inside: status, injected packets, samples of what was dropped.

use ravelin_types::{DropReason, Generation, WorkerId};

use crate::Error;

/// One worker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    pub worker: WorkerId,
    pub alive: bool,
    pub restarts: u32,
    pub generation: Generation,
}

/// One port's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatus {
    pub name: String,
    pub up: bool,
    /// How packets are taken: the backend's word, for people.
    pub mode: String,
}

/// The plane at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub backend: String,
    pub armed: bool,
    /// Changes with every start of the plane.
    pub epoch: u64,
    pub generation: Option<Generation>,
    pub workers: Vec<WorkerStatus>,
    pub ports: Vec<PortStatus>,
}

/// A packet to judge without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectRequest {
    /// The unit it arrives on.
    pub interface: String,
    /// A whole Ethernet frame, without the unit's VLAN tag.
    pub frame: Vec<u8>,
}

/// How an injected packet ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InjectVerdict {
    Forward { interface: String },
    Host { interface: String },
    Drop(DropReason),
    Consume,
}

/// One thing the engine decided on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stage: `zone`, `route`, `policy`, `nat`, `session`, ...
    pub stage: String,
    /// What it was about, by name.
    pub subject: String,
    /// What came of it.
    pub outcome: String,
}

/// Why a packet ended as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub verdict: InjectVerdict,
    pub findings: Vec<Finding>,
}

/// The head of a packet that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropSample {
    pub reason: DropReason,
    pub at_ns: u64,
    pub head: Vec<u8>,
}

/// Looks inside the plane.
pub trait Diagnostics {
    /// # Errors
    /// The plane is gone.
    fn status(&self) -> Result<Status, Error>;
    /// Lets packets through (`true`) or drops all of them.
    ///
    /// # Errors
    /// No program is applied.
    fn arm(&self, armed: bool) -> Result<(), Error>;
    /// Runs a packet through the engine with a full recorder on a copy of nothing: it makes no
    /// session, counts nowhere and leaves no trace.
    ///
    /// # Errors
    /// Unknown interface, or the plane is gone.
    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error>;
    /// # Errors
    /// Not supported.
    fn drop_samples(&self, max: usize) -> Result<Vec<DropSample>, Error>;
}
