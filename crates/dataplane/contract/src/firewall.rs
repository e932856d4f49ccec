//! What filters and policers counted and logged.

use ravelin_types::{InterfaceId, RuleIdentity};

use crate::SessionKey;

/// A counter of `then count`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterCounter {
    /// The filter's id; instances that share a counter are one.
    pub filter: u32,
    pub name: String,
    /// Stable by filter and name over commits.
    pub id: u32,
    pub packets: u64,
    pub bytes: u64,
}

/// Packets and bytes of one instance of a policer: green, yellow, red.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicerCounters {
    pub name: String,
    /// The filter that it is shown with; `None`: it stands at an interface.
    pub filter: Option<u32>,
    pub policer: RuleIdentity,
    pub place: RuleIdentity,
    pub packets: [u64; 3],
    pub bytes: [u64; 3],
}

/// Everything that `show firewall` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallCounters {
    pub filters: Vec<FilterCounter>,
    pub policers: Vec<PolicerCounters>,
}

/// What is set back to zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallClear {
    /// Ids of counters.
    pub counters: Vec<u32>,
    /// Policer instances: policer and place.
    pub policers: Vec<(RuleIdentity, RuleIdentity)>,
    /// The log that `show firewall log` reads.
    pub log: bool,
}

/// What a term that logs does with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterAction {
    Accept,
    Discard,
    Reject,
}

/// A packet for which a term with `log` or `syslog` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterHit {
    /// The filter's id, and its term counted from 0.
    pub filter: u32,
    pub term: u16,
    pub action: FilterAction,
    /// The unit it came by.
    pub interface: InterfaceId,
    pub key: SessionKey,
    /// Bytes of the IP packet.
    pub bytes: u32,
}

/// A packet beyond the limit of a policer, told once a second of each instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicerHit {
    pub policer: RuleIdentity,
    pub place: RuleIdentity,
    /// The unit the packet came by.
    pub interface: InterfaceId,
    pub key: SessionKey,
    /// Not let through; else marked.
    pub dropped: bool,
    /// Packets and bytes beyond the limit so far, this one among them, as `show firewall` counts them.
    pub packets: u64,
    pub bytes: u64,
}

/// What `show firewall log` shows, the newest last. Times are of the plane's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterLog {
    pub now_ns: u64,
    pub entries: Vec<(u64, FilterHit)>,
}
