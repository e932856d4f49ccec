//! Drops as they are shown, traces of flows that an operator sets up, and what may be asked of policies.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_contract::{DataPlane, PacketFilter};
use ravelin_types::Proto;
use serde::{Deserialize, Serialize};

use crate::answer::PolicyEntry;
use crate::gather::Failure;
use crate::names::NameTable;

/// Which packets are meant, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketQuery {
    pub interface: Option<String>,
    pub from_zone: Option<String>,
    pub proto: Option<Proto>,
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
}

impl PacketQuery {
    /// The filter that the plane knows.
    ///
    /// # Errors
    /// There is no such interface or zone.
    pub fn filter(&self, names: &NameTable) -> Result<PacketFilter, Failure> {
        let Self { interface, from_zone, proto, source, destination, source_port, destination_port } = self;
        let found = |what, name: &String| Failure::NotFound { what, name: name.clone() };
        let unit = |name: &String| names.unit_id(name).ok_or_else(|| found("interface", name));
        let zone = |name: &String| names.zone_id(name).ok_or_else(|| found("zone", name));
        Ok(PacketFilter {
            interface: interface.as_ref().map(unit).transpose()?,
            zone: from_zone.as_ref().map(zone).transpose()?,
            family: None,
            proto: *proto,
            source: *source,
            destination: *destination,
            source_ports: source_port.map(|port| (port, port)),
            destination_ports: destination_port.map(|port| (port, port)),
            reason: None,
        })
    }
}

/// Which drops, and how many of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropQuery {
    pub packets: PacketQuery,
    /// `None`: as many as there are.
    pub count: Option<u32>,
}

/// The file of a flow trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowFile {
    pub name: String,
    pub files: u32,
    pub size: u64,
    /// Only lines that match it are written.
    pub pattern: Option<String>,
}

/// A tuple that policies are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTuple {
    pub from_zone: String,
    pub to_zone: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub proto: Proto,
    pub source_port: u16,
    pub destination_port: u16,
    /// Global policies alone.
    pub global: bool,
    pub results: u32,
}

/// Which policies are looked at for others in their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowQuery {
    pub from_zone: Option<String>,
    pub to_zone: Option<String>,
    pub global: bool,
    pub policy: Option<String>,
    /// Those that stand in the way of `policy`, instead of those in whose way it stands.
    pub reverse: bool,
}

/// What is asked of packets and policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    Drops(DropQuery),
    ClearDrops,
    FollowDrops(DropQuery),
    FlowFilter {
        name: String,
        packets: PacketQuery,
    },
    FlowFile(FlowFile),
    FlowStart,
    FlowStop,
    FlowStatus,
    FlowClear {
        name: Option<String>,
    },
    Match(PolicyTuple),
    Shadows(ShadowQuery),
    PolicyTotals,
    /// The same without hits.
    PolicyContexts,
    ScreenOptions {
        name: String,
    },
    /// White-lists of screens, or the one of a name.
    WhiteLists {
        name: Option<String>,
    },
    /// Packets of a capture that the client brings along, one after another.
    TryCapture {
        interface: String,
    },
}

/// Dropped packets, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DropRecords {
    pub records: Vec<DropRecord>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DropRecord {
    /// `HH:MM:SS.ffffff` by the clock on the wall.
    pub time: String,
    /// `None`: no IP packet, or one that can't be read.
    pub source: Option<IpAddr>,
    pub source_port: u16,
    pub destination: Option<IpAddr>,
    pub destination_port: u16,
    pub protocol: String,
    /// Of IPv4; 0 otherwise.
    pub ip_id: u16,
    pub interface: String,
    /// `POLICY`, `IDS`, `FILTER` or `FLOW`.
    pub module: String,
    pub detail: String,
    /// The counter's name.
    pub reason: String,
}

/// The flow trace that an operator has set up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowTraceStatus {
    pub active: bool,
    pub file: Option<String>,
    pub pattern: Option<String>,
    pub filters: Vec<FlowFilterLine>,
    /// Packets written, and packets that there was no room for.
    pub packets: u64,
    pub lost: u64,
    /// Why it ended by itself.
    pub trouble: Option<String>,
}

/// One filter of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowFilterLine {
    pub name: String,
    pub source: String,
    pub source_ports: (u16, u16),
    pub destination: String,
    pub destination_ports: (u16, u16),
    pub protocol: Option<String>,
    pub interface: Option<String>,
    pub from_zone: Option<String>,
}

impl FlowFilterLine {
    #[must_use]
    pub fn new(name: &str, packets: &PacketQuery) -> Self {
        let PacketQuery { interface, from_zone, proto, source, destination, source_port, destination_port } =
            packets;
        let v6 = source.or(*destination).is_some_and(|net| net.addr().is_ipv6());
        let prefix = |net: &Option<IpNet>| match net {
            Some(net) => net.to_string(),
            None if v6 => "::/0".to_owned(),
            None => "0.0.0.0/0".to_owned(),
        };
        let ports = |port: &Option<u16>| port.map_or((0, u16::MAX), |port| (port, port));
        Self {
            name: name.to_owned(),
            source: prefix(source),
            source_ports: ports(source_port),
            destination: prefix(destination),
            destination_ports: ports(destination_port),
            protocol: proto.map(|proto| proto.to_string()),
            interface: interface.clone(),
            from_zone: from_zone.clone(),
        }
    }
}

/// Who writes flow traces to files.
pub trait FlowTrace {
    /// # Errors
    /// There are too many filters.
    fn filter(&self, name: &str, packets: &PacketQuery) -> Result<(), String>;
    /// # Errors
    /// There is no such filter.
    fn clear(&self, name: Option<&str>) -> Result<(), String>;
    /// # Errors
    /// It is no name of a file, or the pattern is none.
    fn file(&self, file: &FlowFile) -> Result<(), String>;
    /// # Errors
    /// No file or no filter is set up, or the plane has no room for another trace.
    fn start(&self, plane: &dyn DataPlane, names: &NameTable) -> Result<(), String>;
    fn stop(&self, plane: &dyn DataPlane);
    fn status(&self) -> FlowTraceStatus;
}

/// What policies say of a tuple.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyMatches {
    /// The first decides.
    pub matched: Vec<PolicyEntry>,
    /// Policies before the one that decides, and the condition that does not hold.
    pub passed: Vec<(String, String)>,
    /// Policies passed over that are not listed.
    pub more: u64,
    /// What the default policy does, when no policy matches.
    pub default_action: Option<String>,
}

/// Policies in the way of others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShadowList {
    pub reverse: bool,
    /// A policy, and one behind it that it leaves nothing to.
    pub shadowed: Vec<(String, String)>,
    /// A policy, and one behind it that would do the same in its place.
    pub redundant: Vec<(String, String)>,
    /// Policies that nothing has hit since the plane started.
    pub unused: Vec<String>,
    /// Policies that were too many to be compared.
    pub left_out: u64,
}

/// A profile of screens as it is compiled: what is on, and how much is too much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScreenOptions {
    pub name: String,
    pub zones: Vec<String>,
    pub options: Vec<(String, String)>,
}

/// A white-list of screens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhiteListEntry {
    pub name: String,
    /// Prefixes.
    pub addresses: Vec<String>,
    /// Profiles that name it.
    pub profiles: Vec<String>,
}

/// How many policies stand where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyTotals {
    pub default_action: String,
    pub contexts: Vec<PolicyTotal>,
}

/// The policies of one pair of zones, or the global ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyTotal {
    pub from_zones: Vec<String>,
    pub to_zones: Vec<String>,
    pub global: bool,
    pub policies: u64,
    pub hits: u64,
}

/// Buffers of one kind at one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BufferLine {
    pub worker: u8,
    pub kind: String,
    /// Bytes of one; 0: they have no size.
    pub bytes: u32,
    pub capacity: u64,
    pub free: u64,
    pub lent: u64,
    pub used: u64,
    /// What found no room; absent where it isn't counted.
    pub refused: Option<u64>,
}
