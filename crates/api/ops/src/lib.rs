//! The command engine: one table of operational commands, the words of configuration mode, and what
//! they answer. Every front end (shell, scripts, later the network APIs) goes through [`execute`].
//!
//! Place: above the contract and the program; no I/O, no clock, no text layout (that is `render`).
//! State: a [`Session`] holds the mode and the edit path of one operator.

mod alarms;
mod answer;
mod capture;
mod commits;
mod completion;
mod config;
mod configure;
mod counting;
mod dynamic;
mod firewall;
mod flowing;
mod follow;
mod gates;
mod gather;
mod log;
mod names;
mod nat_state;
mod packet;
mod persistent;
mod pipe;
mod policies;
mod policy_names;
mod ports;
mod request;
mod routing;
mod session;
mod table;
mod watch;
pub mod wire;
mod words;
mod zones;

pub use alarms::{Alarm, AlarmChange, NatAlarms, WantedAlarm, Watched, utilization};
pub use answer::{
    AlgStatus, Answer, DropCount, EditorList, Explained, FabricLine, FindingLine, FlowStatistics, GroupLine,
    InterfaceLine, MirrorEntry, MirrorKind, MirrorList, MirrorOutputLine, NatKind, NatRule, NatRules,
    PlaneStatus, PolicyEntry, PolicyList, PolicySessions, PolicyTraffic, PortLine, ResourceLine,
    ScreenStatistics, SessionDetail, SessionList, SessionSummary, SourceNatPool, SourceNatPools, TcpOptions,
    TermLine, Translation, UnitLine, Version, Wing, WorkerLine, ZoneEntry,
};
pub use capture::{CAPTURE_BYTES_MAX, capture_source, capture_text};
pub use commits::{
    CommitEntry, CommitHistory, CommitKind, CommitOptions, CommitReport, Commits, EditorEntry, Refusal,
    ScheduledEntry, ScheduledTime, Synchronize,
};
pub use completion::complete;
pub use config::{
    Against, Candidate, ConfigMode, Form, LoadKind, Outcome, PolicyDescriptions, Problem, Verb, Written,
};
pub use configure::load_source;
pub use counting::{CounterQuery, FlowStatus, ScreenPlace};
pub use dynamic::{
    DnsLine, DynamicAnswer, DynamicQuery, DynamicView, EntryLine, EntryList, FeedLine, Feeds, ScheduleLine,
};
pub use firewall::{
    CounterLine, FilterEntry, FilterLogLine, FirewallDepth, FirewallList, InterfaceFilterLine,
    InterfaceFilterList, PolicerLine,
};
pub use follow::{Follow, stop as stop_following};
pub use gates::{GateLine, GateList, GateQuery};
pub use gather::{Failure, RouteEntry, RouteTable};
pub use log::{
    LogEvent, LogEvents, LogMemory, LogQuery, LogRequest, LogStatistics, LogStreamLine, LogView,
    TrackingCounters,
};
pub use names::{NameTable, PolicyName};
pub use nat_state::{
    InterfacePortsLine, InterfacePortsList, KeptQuery, NatClearQuery, NatPool, NatPools, NatState,
    NatStateQuery, PairedAddress, PairedAddresses, PortBlockLine, PortBlockPool, PortBlockPools,
    RuleApplication, RuleApplications,
};
pub use persistent::{MappingLine, MappingLines, MappingQuery, MappingSummary, Persistence};
pub use pipe::{Delivery, Display, Pipe, PipeError, delivery};
pub use ports::{DeterministicPool, DeterministicPools, HostPorts, HostQuery, PoolQuery, PoolUse, PoolUses};
pub use request::{
    ConfigureKind, Detail, FirewallQuery, HitOrder, Kept, PolicyView, Request, SessionQuery, TestPacket,
    ZoneView,
};
pub use routing::{InstanceLine, RouteLine, RouteTableLines, Routes};
pub use session::{Env, Facts, Mode, Render, Reply, Session, answer, execute, more};
pub use table::{Arg, Command, Miss, Param, commands, rpc_of};
pub use watch::{
    BufferLine, DropQuery, DropRecord, DropRecords, FlowFile, FlowFilterLine, FlowTrace, FlowTraceStatus,
    PacketQuery, PolicyMatches, PolicyTotal, PolicyTotals, PolicyTuple, ScreenOptions, ShadowList,
    ShadowQuery, Watch, WhiteListEntry,
};
