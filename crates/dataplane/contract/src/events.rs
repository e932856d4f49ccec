//! What happened: events as the packet plane tells them, with ids for names.

use std::net::IpAddr;

use ravelin_program::Screen;
use ravelin_types::{InstanceId, InterfaceId, NatRuleId, PolicyId, PortId, Proto, WorkerId, ZoneId};

use crate::{CloseReason, FilterHit, PolicerHit, SessionKey, SessionView};

/// A session's beginning or end, when its policy logs it.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEvent {
    pub view: SessionView,
    /// `None`: it begins.
    pub close: Option<CloseReason>,
}

/// A session that began in a zone with `application-tracking`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedSession {
    pub view: SessionView,
    pub moment: TrackedMoment,
}

/// When in its life it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackedMoment {
    Opened,
    /// It lives on.
    Updated,
    Closed(CloseReason),
}

/// A packet that a policy with `log session-init` did not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyDeny {
    pub policy: PolicyId,
    /// As it came, before translation.
    pub key: SessionKey,
    pub interface: InterfaceId,
    pub from_zone: ZoneId,
    pub to_zone: ZoneId,
    /// Index into the program's application names.
    pub application: Option<u32>,
}

/// What becomes of a block of ports that a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockChange {
    Allocated,
    /// Still in use, told again.
    Interim,
    Released,
}

impl BlockChange {
    pub const ALL: [Self; 3] = [Self::Allocated, Self::Interim, Self::Released];
}

/// What there was nothing left of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NatLack {
    #[default]
    Ports,
    Addresses,
    /// What the host or its mapping may have: there is more for others.
    Quota,
}

impl NatLack {
    pub const ALL: [Self; 3] = [Self::Ports, Self::Addresses, Self::Quota];
}

/// What source NAT gave out or took back by the block, or ran out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatEvent {
    /// Blocks of ports of a host.
    Block {
        change: BlockChange,
        /// The pool's number, stable by name.
        pool: u32,
        /// Where the host is: overlapping networks have hosts of one address.
        instance: InstanceId,
        host: IpAddr,
        external: IpAddr,
        low: u16,
        high: u16,
        /// Blocks that the host has now, and may have at most.
        used: u32,
        most: u32,
        /// Seconds since it was given out.
        age_s: u32,
    },
    /// The use of a pool reached the one threshold or fell below the other; percentages.
    PoolAlarm { pool: u32, raised: bool, threshold: u8, current: u8 },
    /// The live sessions of a rule reached the one threshold or fell below the other.
    RuleAlarm { rule: NatRuleId, raised: bool, threshold: u32, current: u32 },
    /// An external end is kept for an internal one, or no more.
    Binding {
        /// `false`: ended.
        made: bool,
        /// `None`: of an interface.
        pool: Option<u32>,
        /// `None`: of an address with all its ports, and both ports are 0.
        proto: Option<Proto>,
        /// Where the internal end is.
        instance: InstanceId,
        internal: IpAddr,
        internal_port: u16,
        external: IpAddr,
        external_port: u16,
    },
    /// Nothing was left to translate by. Told at most once a second by a worker.
    Exhausted { rule: NatRuleId, key: SessionKey, interface: InterfaceId, lack: NatLack },
}

/// That frames came faster than a worker could judge them, and that they do no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadEvent {
    pub worker: WorkerId,
    pub moment: OverloadMoment,
}

/// The two ends of a spell of overload. A worker tells of one spell a second at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverloadMoment {
    /// `None`: by what other workers hand over.
    Began { port: Option<PortId> },
    /// Packets dropped as `overload` meanwhile, and milliseconds from the first batch under pressure to the last.
    Ended { shed: u64, lasted_ms: u64 },
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Session(SessionEvent),
    /// A session lives on, which its policy has reported from time to time.
    SessionUpdated(SessionView),
    /// A session of a zone that tracks them.
    Tracked(TrackedSession),
    PolicyDeny(PolicyDeny),
    /// A screen of a zone saw something.
    Screen {
        screen: Screen,
        zone: ZoneId,
        interface: InterfaceId,
        key: SessionKey,
        /// Not let through.
        dropped: bool,
    },
    /// A term of a firewall filter with `syslog` held of a packet.
    Filter(FilterHit),
    /// A packet was beyond the limit of a policer.
    Policer(PolicerHit),
    Nat(NatEvent),
    /// A worker came under pressure, or is under none any more.
    Overload(OverloadEvent),
    /// A packet waits for this address to be resolved.
    NeighbourWanted {
        interface: InterfaceId,
        addr: IpAddr,
    },
}

/// Events since the last call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventBatch {
    pub events: Vec<Event>,
    /// Events the producer had to throw away.
    pub lost: u64,
}
