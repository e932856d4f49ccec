//! What a term does, and what the caller is asked and told while a packet is judged.
//!
//! Spec: firewall-filter-46..54.

pub use ravelin_types::MirrorId;
use ravelin_types::{ForwardingClassId, InstanceId, LossPriority, MeterId};

/// A counter of `then count`, as the program numbers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterCounterId(pub u32);

/// The answer to a rejected packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// Destination unreachable with this code (RFC 792, 1812; RFC 4443).
    Icmp { code: u8 },
    /// A reset to TCP; other protocols get no answer.
    TcpReset,
}

/// What ends the walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Terminal {
    #[default]
    Accept,
    Discard,
    Reject(Reject),
    /// Accepted, and routed by that instance.
    RoutingInstance(InstanceId),
    /// `next term`: the walk goes on.
    NextTerm,
}

/// Where and how a match is noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Logging {
    /// `log`: the ring that `show firewall log` reads.
    pub buffer: bool,
    pub syslog: bool,
}

/// Everything in a term's `then`. The default is an empty one: accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Then {
    pub terminal: Terminal,
    pub count: Option<FilterCounterId>,
    pub logging: Logging,
    pub meter: Option<MeterId>,
    pub forwarding_class: Option<ForwardingClassId>,
    pub loss_priority: Option<LossPriority>,
    pub mirror: Option<MirrorId>,
    pub sample: bool,
}

/// A term of a filter in the list of those applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TermAt {
    pub filter: u8,
    pub term: u16,
}

/// What travels with a packet and filters may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub forwarding_class: ForwardingClassId,
    pub loss_priority: LossPriority,
    /// The instance that a filter has it routed by, if one does.
    pub instance: Option<InstanceId>,
}

/// What a policer made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policed {
    Pass(Marks),
    Discard,
}

/// What the caller does for a term that holds, before the walk goes on.
pub trait Effects {
    fn count(&mut self, counter: FilterCounterId);
    fn log(&mut self, at: TermAt, logging: Logging, terminal: Terminal);
    fn police(&mut self, meter: MeterId, marks: Marks) -> Policed;
}

/// What is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Accept,
    Discard,
    Reject(Reject),
    /// A policer discarded it.
    Policed(MeterId),
}

/// The decision and what travels on with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub decision: Decision,
    /// The term that decided; `None`: no term did, the packet is discarded.
    pub term: Option<TermAt>,
    pub marks: Marks,
    pub mirror: Option<MirrorId>,
    pub sample: bool,
}
