//! Counters, and the way to events.

use ravelin_program::Screen;
use ravelin_types::{DropReason, InterfaceId, MirrorId, NatRuleId, PolicyId, RuleIdentity, ZoneId};

use crate::{
    BufferCounters, CarriedCounters, Error, EventBatch, FilterLog, FirewallClear, FirewallCounters,
    InterfacePorts, KeptFilter, KeptList, MappingFilter, MappingList, MirrorCounters, NatClear,
};

/// Device-wide counters, summed over workers without stopping them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub host_packets: u64,
    pub answers: u64,
    /// Packets that one worker gave to another.
    pub handed_over: u64,
    pub sessions_created: u64,
    pub sessions_closed: u64,
    pub sessions_live: u64,
    pub sessions_max: u64,
    pub drops: [u64; DropReason::COUNT],
    pub events_lost: u64,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            rx_packets: 0,
            rx_bytes: 0,
            tx_packets: 0,
            tx_bytes: 0,
            host_packets: 0,
            answers: 0,
            handed_over: 0,
            sessions_created: 0,
            sessions_closed: 0,
            sessions_live: 0,
            sessions_max: 0,
            drops: [0; DropReason::COUNT],
            events_lost: 0,
        }
    }
}

/// Packets and bytes, of the opening and the answering direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
}

impl Traffic {
    /// Both, wrapping: a difference of counters may be below zero.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_add)
    }

    /// The one without the other, wrapping.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_sub)
    }

    fn with(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let each = |one: [u64; 2], two: [u64; 2]| [of(one[0], two[0]), of(one[1], two[1])];
        Self { packets: each(self.packets, other.packets), bytes: each(self.bytes, other.bytes) }
    }
}

/// Hits of one policy, keyed by what survives commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounters {
    pub id: PolicyId,
    pub identity: RuleIdentity,
    pub hits: u64,
    /// Seconds since the plane's epoch; 0: never.
    pub first_hit_s: u64,
    pub last_hit_s: u64,
    /// Packets of its sessions, of the opening and the answering direction, when the policy counts.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// Sessions that it has.
    pub sessions: u64,
    /// Sessions that it came to have and that it lost again: created, ended, and moved from policy to policy by a commit.
    pub gained: u64,
    pub lost: u64,
    /// Those that came in the last whole ten seconds.
    pub recent: u64,
    /// What was sent on of `packets` and `bytes`, in bytes as it left.
    pub sent: Traffic,
    /// What came, and what was sent on of it, in ten seconds: the last whole ones, or the mean of a few more.
    pub recent_came: Traffic,
    pub recent_sent: Traffic,
}

/// Hits of one NAT rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatCounters {
    pub id: NatRuleId,
    pub identity: RuleIdentity,
    pub hits: u64,
    pub failed: u64,
    pub sessions: u64,
    /// Hits as they count for the pool that the rule names.
    pub pool_hits: u64,
}

/// What is in use of one source NAT pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounters {
    /// The pool's number, stable by name.
    pub id: u32,
    /// Ports leased, of TCP, UDP, ICMP and all others.
    pub ports: [u64; 4],
    /// Sessions that have an address and no port of it.
    pub others: u64,
    /// Blocks, or addresses of hosts, given out.
    pub held: u64,
    /// Ports of one protocol, blocks or addresses that can be given out in all.
    pub capacity: u64,
}

/// Packets of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    pub interface: InterfaceId,
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
}

/// Hits of the screens of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenCounters {
    pub zone: ZoneId,
    /// Only those that were hit.
    pub hits: Vec<(Screen, u64)>,
}

/// Hits of screens in packets that one unit received. What a screen finds in packets that leave a zone counts for the zone alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitScreenCounters {
    pub interface: InterfaceId,
    /// Only those that were hit.
    pub hits: Vec<(Screen, u64)>,
}

/// Counters that go back to zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterClear {
    /// Hits of these policies, and when the first and the last of them were.
    pub policy_hits: Vec<PolicyId>,
    /// Packets and bytes of their sessions, and how many of those came and went.
    pub policy_traffic: Vec<PolicyId>,
    /// Hits of screens, of zones.
    pub screens: Vec<ZoneId>,
    /// And of units.
    pub unit_screens: Vec<InterfaceId>,
    /// What [`Global`] tells but for sessions that live and sessions that there is room for.
    pub flow: bool,
}

/// Reads counters and events.
pub trait Telemetry {
    /// # Errors
    /// A worker does not answer.
    fn global(&self) -> Result<Global, Error>;
    /// # Errors
    /// A worker does not answer.
    fn policies(&self) -> Result<Vec<PolicyCounters>, Error>;
    /// # Errors
    /// A worker does not answer.
    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error>;
    /// # Errors
    /// A worker does not answer.
    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error>;
    /// # Errors
    /// A worker does not answer.
    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error>;
    /// By zone, those with hits.
    ///
    /// # Errors
    /// A worker does not answer.
    fn screens(&self) -> Result<Vec<ScreenCounters>, Error>;
    /// By unit, those with hits.
    ///
    /// # Errors
    /// A worker does not answer, or the plane does not count by unit.
    fn unit_screens(&self) -> Result<Vec<UnitScreenCounters>, Error> {
        Err(Error::Unsupported("screen counters of interfaces"))
    }
    /// Sets counters of policies, screens and packets back to zero. Other planes' counts are not touched.
    ///
    /// # Errors
    /// A worker does not answer, or the plane can't.
    fn clear_counters(&self, _what: &CounterClear) -> Result<(), Error> {
        Err(Error::Unsupported("clearing counters"))
    }
    /// Every mirror instance and mirror filter.
    ///
    /// # Errors
    /// A worker does not answer, or the plane does not mirror.
    fn mirrors(&self) -> Result<Vec<MirrorCounters>, Error> {
        Err(Error::Unsupported("mirror counters"))
    }
    /// Sets their counters back to zero.
    ///
    /// # Errors
    /// As [`Telemetry::mirrors`].
    fn clear_mirrors(&self, _mirrors: &[MirrorId]) -> Result<(), Error> {
        Err(Error::Unsupported("mirror counters"))
    }
    /// Counters of firewall filters and policers.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has no filters.
    fn firewall(&self) -> Result<FirewallCounters, Error> {
        Err(Error::Unsupported("firewall counters"))
    }
    /// The last packets that terms with `log` held of.
    ///
    /// # Errors
    /// As [`Telemetry::firewall`].
    fn firewall_log(&self) -> Result<FilterLog, Error> {
        Err(Error::Unsupported("firewall log"))
    }
    /// Sets counters back to zero.
    ///
    /// # Errors
    /// As [`Telemetry::firewall`].
    fn clear_firewall(&self, _what: &FirewallClear) -> Result<(), Error> {
        Err(Error::Unsupported("firewall counters"))
    }
    /// Mappings of persistent NAT, at most `most` of those that the filter holds for.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has no such mappings.
    fn persistent_mappings(&self, _filter: &MappingFilter, _most: usize) -> Result<MappingList, Error> {
        Err(Error::Unsupported("persistent NAT mappings"))
    }
    /// Ends mappings that have no session; how many.
    ///
    /// # Errors
    /// As [`Telemetry::persistent_mappings`].
    fn clear_persistent_mappings(&self, _filter: &MappingFilter) -> Result<u64, Error> {
        Err(Error::Unsupported("persistent NAT mappings"))
    }
    /// Blocks of ports or addresses that hosts have, at most `most` of those that the filter holds for.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has no such pools.
    fn kept_ports(&self, _filter: &KeptFilter, _most: usize) -> Result<KeptList, Error> {
        Err(Error::Unsupported("ports kept for hosts"))
    }
    /// Ports of the addresses that interface NAT gives, by address.
    ///
    /// # Errors
    /// As [`Telemetry::kept_ports`].
    fn interface_ports(&self) -> Result<Vec<InterfacePorts>, Error> {
        Err(Error::Unsupported("ports of interfaces"))
    }
    /// Sets counters of NAT rules back to zero.
    ///
    /// # Errors
    /// A worker does not answer, or the plane can't.
    fn clear_nat(&self, _what: &NatClear) -> Result<(), Error> {
        Err(Error::Unsupported("clearing counters of NAT"))
    }
    /// Memory for packets and events, by worker and kind.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has no account of it.
    fn buffers(&self) -> Result<Vec<BufferCounters>, Error> {
        Err(Error::Unsupported("buffers"))
    }
    /// Goes on counting from what another plane has counted.
    ///
    /// # Errors
    /// No program runs, a worker does not answer, or the plane can't.
    fn carry_over(&self, _counters: &CarriedCounters) -> Result<(), Error> {
        Err(Error::Unsupported("carried counters"))
    }
    /// Takes up to `max` events that wait; empty when none do.
    ///
    /// # Errors
    /// The plane is gone.
    fn events(&self, max: usize) -> Result<EventBatch, Error>;
}
