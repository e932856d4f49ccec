//! What an operational command answers: names and numbers, no layout.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::routing::{InstanceLine, Routes};

use crate::alarms::Alarm;
use crate::commits::{CommitHistory, EditorEntry, ScheduledTime};
use crate::counting::FlowStatus;
use crate::dynamic::DynamicAnswer;
use crate::firewall::{CounterLine, FilterLogLine, FirewallList, InterfaceFilterList};
use crate::gates::GateList;
use crate::log::{LogEvents, LogStatistics, TrackingCounters};
use crate::nat_state::{NatPools, NatState};
use crate::persistent::{MappingLines, MappingSummary, Persistence};
pub use crate::policies::{PolicyEntry, PolicyList, PolicySessions, PolicyTraffic, TcpOptions, TermLine};
use crate::ports::{DeterministicPools, PoolUses};
use crate::watch::{
    BufferLine, DropRecords, FlowTraceStatus, PolicyMatches, PolicyTotals, ScreenOptions, ShadowList,
    WhiteListEntry,
};
pub use crate::zones::ZoneEntry;

/// Every answer that has structure. Configuration text is passed as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Interfaces(Vec<InterfaceLine>),
    Routes(Routes),
    Instances(Vec<InstanceLine>),
    Zones(Vec<ZoneEntry>),
    /// Names and types alone.
    ZonesTerse(Vec<ZoneEntry>),
    Screens(ScreenStatistics),
    Mirrors(MirrorList),
    Dynamic(DynamicAnswer),
    Buffers(Vec<BufferLine>),
    MirrorsCleared {
        kind: MirrorKind,
        mirrors: u64,
    },
    Firewall(FirewallList),
    FirewallLog(Vec<FilterLogLine>),
    FirewallCleared,
    Policers(Vec<CounterLine>),
    InterfaceFilters(InterfaceFilterList),
    Algs(AlgStatus),
    Policies(PolicyList),
    HitCounts(PolicyList),
    Sessions(SessionList),
    SessionSummary(SessionSummary),
    Cleared {
        sessions: u64,
    },
    FlowStatistics(FlowStatistics),
    Gates(GateList),
    FlowStatus(FlowStatus),
    CountersCleared,
    NatSummary(NatRules),
    NatPools(NatPools),
    SourceNatPools(SourceNatPools),
    NatRules(NatRules),
    Deterministic(DeterministicPools),
    DeterministicRanges(DeterministicPools),
    PoolUses(PoolUses),
    Mappings(MappingLines),
    MappingSummary(MappingSummary),
    MappingsCleared {
        mappings: u64,
    },
    NatState(NatState),
    Version(Version),
    Commits(CommitHistory),
    Editors(EditorList),
    Scheduled(ScheduledTime),
    Explained(Explained),
    PlaneStatus(PlaneStatus),
    SecurityLog(LogEvents),
    LogCleared {
        events: u64,
    },
    LogStatistics(LogStatistics),
    Tracking(TrackingCounters),
    TrackingCleared,
    Drops(DropRecords),
    DropsCleared,
    FlowTrace(FlowTraceStatus),
    PolicyMatches(PolicyMatches),
    PolicyTotals(PolicyTotals),
    PolicyContexts(PolicyTotals),
    Shadows(ShadowList),
    ScreenOptions(ScreenOptions),
    WhiteLists(Vec<WhiteListEntry>),
    /// Packets judged one after another.
    Tried(Vec<Explained>),
}

/// A port and its units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InterfaceLine {
    pub name: String,
    pub admin_up: bool,
    pub link_up: bool,
    pub units: Vec<UnitLine>,
}

/// A unit with its addresses as `10.0.0.1/24`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitLine {
    pub name: String,
    pub admin_up: bool,
    pub inet: Option<Vec<String>>,
    pub inet6: Option<Vec<String>>,
}

/// Sessions that were asked for: a part of them, since there may be millions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionList {
    pub sessions: Vec<SessionDetail>,
    /// These and those of the parts before.
    pub total: u64,
    pub extensive: bool,
    /// Nothing came before.
    pub first: bool,
    /// Nothing comes behind.
    pub last: bool,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionDetail {
    pub id: u64,
    /// `name/index`.
    pub policy: String,
    pub state: String,
    pub timeout_s: u32,
    pub remaining_s: u32,
    pub age_s: u32,
    pub application: Option<String>,
    pub nat_rule: Option<String>,
    /// The pool that its source address comes from; told with `extensive`.
    #[serde(default)]
    pub nat_pool: Option<String>,
    pub destination_rule: Option<String>,
    pub from_zone: String,
    pub to_zone: String,
    pub worker: u8,
    /// Of a gateway that expects sessions.
    #[serde(default)]
    pub resource: Option<ResourceLine>,
    pub wings: [Wing; 2],
}

/// The sessions of a gateway that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLine {
    /// `FTP ALG`.
    pub client: String,
    /// Number of the session that has others expected; 0: not known.
    pub group: u64,
    /// 0: that session; 1: one that was expected.
    pub resource: u32,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wing {
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    pub protocol: String,
    pub interface: String,
    pub packets: u64,
    pub bytes: u64,
}

/// The session table in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    pub unicast: u64,
    pub multicast: u64,
    /// Not created: table, NAT addresses or ports were exhausted, or the wing was in use.
    pub failed: u64,
    pub in_use: u64,
    pub valid: u64,
    /// Handshake not complete.
    pub pending: u64,
    pub closing: u64,
    pub maximum: u64,
}

/// A counter of drops.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DropCount {
    pub reason: String,
    pub text: String,
    pub packets: u64,
}

/// The packet path in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowStatistics {
    pub sessions: u64,
    pub received: u64,
    pub transmitted: u64,
    pub to_host: u64,
    pub answered: u64,
    /// From one packet worker to another.
    #[serde(default)]
    pub handed_over: u64,
    pub dropped: u64,
    pub sessions_created: u64,
    pub sessions_closed: u64,
    pub events_lost: u64,
    /// Only reasons that happened.
    pub drops: Vec<DropCount>,
}

/// What the screens of a zone have seen, in all or in packets that one interface received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScreenStatistics {
    /// Empty when an interface was asked for.
    pub zone: String,
    #[serde(default)]
    pub interface: Option<String>,
    /// Name of the screen and hits, every screen.
    pub screens: Vec<(String, u64)>,
}

/// Which of the two ways to mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MirrorKind {
    #[default]
    Instances,
    Filters,
}

/// Mirror instances, or mirror filters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MirrorList {
    pub kind: MirrorKind,
    pub mirrors: Vec<MirrorEntry>,
}

/// One instance or filter with its counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MirrorEntry {
    /// Empty: the instance without a name.
    pub name: String,
    pub id: u16,
    pub enabled: bool,
    pub rate: u16,
    pub run_length: u8,
    /// 0: whole packets.
    pub maximum_packet_length: u16,
    pub ingress: Vec<String>,
    pub egress: Vec<String>,
    pub outputs: Vec<MirrorOutputLine>,
    pub packets: u64,
    pub bytes: u64,
    /// By reason, every reason.
    pub lost: Vec<(String, u64)>,
}

/// Where copies of a family leave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MirrorOutputLine {
    pub family: String,
    pub interface: String,
    pub up: bool,
    /// Of the next hop, or of the station.
    pub to: Option<String>,
}

/// Gateways of the application layer and whether they look at new sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlgStatus {
    pub gateways: Vec<(String, bool)>,
}

/// Source NAT rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NatRules {
    #[serde(default)]
    pub kind: NatKind,
    pub rules: Vec<NatRule>,
    /// Source pools there are.
    pub source_pools: u32,
}

/// Which of the three translations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatKind {
    #[default]
    Source,
    Destination,
    Static,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Translation {
    #[default]
    Off,
    Interface,
    /// To a pool of this name.
    Pool(String),
    /// To addresses of equal number.
    Prefix(IpAddr, IpAddr),
    /// To the IPv4 addresses within IPv6 ones.
    Inet,
}

/// Source NAT pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceNatPools {
    pub pools: Vec<SourceNatPool>,
}

/// One source pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceNatPool {
    pub name: String,
    pub id: u16,
    /// The host that gets the first address.
    pub base: Option<IpAddr>,
    /// `None`: ports stay.
    pub ports: Option<(u16, u16)>,
    pub overload: u8,
    pub paired: bool,
    /// Another pool's name, or `interface`.
    pub overflow: Option<String>,
    pub addresses: Vec<(IpAddr, IpAddr)>,
    pub rules: u32,
    /// In use: ports of TCP, UDP, ICMP and all others.
    pub used: [u64; 4],
    /// Sessions with an address and no port of it.
    pub others: u64,
    pub held: u64,
    pub capacity: u64,
    #[serde(default)]
    pub alarm: Option<Alarm>,
    /// Addresses in all, and sessions made by rules that name it.
    #[serde(default)]
    pub total_addresses: u64,
    #[serde(default)]
    pub hits: u64,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NatRule {
    pub kind: NatKind,
    pub name: String,
    pub rule_set: String,
    pub id: u32,
    pub position: u32,
    /// `zone` or `interface`.
    pub from_kind: String,
    pub from: Vec<String>,
    pub to_kind: String,
    pub to: Vec<String>,
    /// First and last address of each range.
    pub sources: Vec<(IpAddr, IpAddr)>,
    pub destinations: Vec<(IpAddr, IpAddr)>,
    /// First and last port of each range; empty: any.
    #[serde(default)]
    pub source_ports: Vec<(u16, u16)>,
    #[serde(default)]
    pub destination_ports: Vec<(u16, u16)>,
    pub action: Translation,
    /// Of source rules.
    #[serde(default)]
    pub persistence: Persistence,
    pub hits: u64,
    pub failed: u64,
    pub sessions: u64,
    #[serde(default)]
    pub alarm: Option<Alarm>,
}

/// Who runs here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub host_name: String,
    pub version: String,
}

/// Who is in configuration mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EditorList {
    /// They keep others out.
    pub locked: bool,
    pub editors: Vec<EditorEntry>,
}

/// A stage's decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FindingLine {
    pub stage: String,
    pub subject: String,
    pub outcome: String,
}

/// A judged packet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    pub packet: String,
    pub interface: String,
    pub findings: Vec<FindingLine>,
    /// `forward`, `host`, `drop` or `consume`.
    pub verdict: String,
    /// The unit it leaves through, or the reason it is dropped for.
    pub detail: Option<String>,
}

/// A worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerLine {
    pub id: u8,
    pub alive: bool,
    pub restarts: u32,
    pub generation: u64,
}

/// A port as the backend holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PortLine {
    pub name: String,
    pub up: bool,
    pub mode: String,
}

/// A redundancy group that the plane has been told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupLine {
    pub id: u8,
    pub active: bool,
    /// How long it goes on without another word of its control side.
    pub lease_ms: u32,
}

/// A fabric link to the other node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FabricLine {
    pub id: u8,
    pub interface: String,
    pub up: bool,
    pub sent: u64,
    pub received: u64,
}

/// The plane at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaneStatus {
    pub backend: String,
    pub armed: bool,
    pub epoch: u64,
    pub generation: Option<u64>,
    pub workers: Vec<WorkerLine>,
    pub ports: Vec<PortLine>,
    pub groups: Vec<GroupLine>,
    pub fabrics: Vec<FabricLine>,
}
