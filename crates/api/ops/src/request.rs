//! What an operational command asks for, typed.

use std::net::IpAddr;

use crate::answer::{MirrorKind, NatKind};
use crate::counting::CounterQuery;
use crate::dynamic::DynamicQuery;

use ipnet::IpNet;
use ravelin_types::{Family, Proto};

use crate::firewall::FirewallDepth;
use crate::gates::GateQuery;
use crate::log::LogRequest;
use crate::nat_state::NatStateQuery;
use crate::persistent::MappingQuery;
use crate::ports::PoolQuery;
use crate::watch::Watch;

/// How much of each session is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    #[default]
    Brief,
    Extensive,
    Summary,
}

/// Which sessions are meant; the unit is still a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionQuery {
    pub proto: Option<Proto>,
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
    pub interface: Option<String>,
    pub family: Option<Family>,
    pub id: Option<u64>,
    pub nat: bool,
    /// Name of the application that its policy found.
    pub application: Option<String>,
    pub policy_id: Option<u32>,
    /// Silent for so many seconds or more.
    pub idle_s: Option<u32>,
    /// Of gateways that expect sessions, and the sessions that they expected.
    pub resources: bool,
    /// What no session here is was asked for.
    pub nowhere: bool,
}

/// Which filter, and which of its counters; `None`: every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallQuery {
    pub filter: Option<String>,
    pub counter: Option<String>,
}

/// Which view of the policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyView {
    pub from_zone: Option<String>,
    pub to_zone: Option<String>,
    pub name: Option<String>,
    pub detail: bool,
    pub hit_count: bool,
    /// Global policies alone.
    pub global: bool,
    pub order: HitOrder,
    /// Only counts below, and above.
    pub less_than: Option<u32>,
    pub greater_than: Option<u32>,
    /// The first of the list to show, from 1, and how many from there on.
    pub start: Option<u32>,
    pub count: Option<u32>,
}

/// Which zones, and how much of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneView {
    pub name: Option<String>,
    /// Names and types alone.
    pub terse: bool,
    /// Functional zones alone, or security zones alone.
    pub functional: Option<bool>,
}

/// How hit counts are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HitOrder {
    #[default]
    Evaluation,
    Ascending,
    Descending,
}

/// A packet to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPacket {
    pub interface: Option<String>,
    /// Instead of an interface: one of the zone's.
    pub zone: Option<String>,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub proto: Proto,
    pub source_port: u16,
    pub destination_port: u16,
    /// Flags of a TCP segment.
    pub tcp_flags: u8,
}

/// How configuration mode is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigureKind {
    #[default]
    Shared,
    Exclusive,
    Private,
}

/// What is asked of the configurations that are kept, and of those who edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Cancel the scheduled commit.
    ClearCommit,
    Rescue,
    SaveRescue,
    DeleteRescue,
    Logout {
        pid: u32,
    },
}

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Configuration {
        path: Vec<String>,
    },
    InterfacesTerse {
        name: Option<String>,
        /// Those of one routing instance.
        instance: Option<String>,
    },
    Routes {
        destination: Option<IpNet>,
        /// One table alone: `inet.0`, `NAME.inet6.0`.
        table: Option<String>,
    },
    /// Routing instances and how many routes each has.
    Instances {
        name: Option<String>,
    },
    Zones(ZoneView),
    Policies(PolicyView),
    Sessions {
        query: SessionQuery,
        detail: Detail,
    },
    ClearSessions {
        query: SessionQuery,
    },
    FlowStatistics,
    Gates(GateQuery),
    /// Mirror instances, or mirror filters.
    Mirrors(MirrorKind),
    /// What changes without a commit.
    Dynamic(DynamicQuery),
    Buffers,
    ClearMirrors(MirrorKind),
    Firewall {
        query: FirewallQuery,
        depth: FirewallDepth,
    },
    FirewallLog,
    ClearFirewall {
        counters: bool,
        query: FirewallQuery,
        log: bool,
    },
    Policers {
        name: Option<String>,
    },
    InterfaceFilters {
        name: Option<String>,
        policers: bool,
    },
    AlgStatus,
    Counters(CounterQuery),
    NatSummary(NatKind),
    /// Of one kind, and of one name when there is one.
    NatRules {
        kind: NatKind,
        name: Option<String>,
    },
    SourcePools(PoolQuery),
    Mappings(MappingQuery),
    MappingSummary,
    ClearMappings(MappingQuery),
    NatState(NatStateQuery),
    NatDestinationPools {
        name: Option<String>,
    },
    Version,
    CommitHistory,
    Kept(Kept),
    /// To a program, or to the installed one.
    InServiceUpgrade {
        package: Option<String>,
    },
    Rollback {
        number: u32,
    },
    RollbackCompare {
        old: u32,
        new: u32,
    },
    TestPacket(TestPacket),
    Watch(Watch),
    PlaneStatus,
    Log(LogRequest),
    SecurityLogFile,
    Configure(ConfigureKind),
    Exit,
    Help,
}
