//! The backend-neutral contract between control plane and packet plane.
//!
//! Place: a leaf that knows the program and the project's words, and nothing of any backend. A
//! canary test keeps its dependencies and its public names so.

mod apply;
mod buffers;
mod carry;
mod diagnostics;
mod error;
mod events;
mod firewall;
mod gate;
mod ha;
mod kept;
mod mirror;
mod naming;
mod persistent;
mod plane;
mod session;
mod sync;
mod telemetry;
mod updates;

pub use apply::{Admission, ApplyResult, Capabilities, FilterSpan, ManagedInterface, PolicyNames, Refusal};
pub use buffers::{BufferCounters, BufferKind};
pub use carry::{CarriedCounters, CarriedMapping};
pub use diagnostics::{
    Diagnostics, DropCause, DropSample, DropSamples, Explanation, Finding, HEAD_BYTES_MAX, InjectRequest,
    InjectVerdict, PacketFilter, PacketHead, PortStatus, Status, TRACE_FILTERS_MAX, TRACE_UNREAD_MAX_S,
    TRACES_MAX, TraceBatch, TraceId, TraceKind, TraceRequest, TracedPacket, WorkerStatus,
};
pub use error::Error;
pub use events::{
    BlockChange, Event, EventBatch, NatEvent, NatLack, OverloadEvent, OverloadMoment, PolicyDeny,
    SessionEvent, TrackedMoment, TrackedSession,
};
pub use firewall::{
    FilterAction, FilterCounter, FilterHit, FilterLog, FirewallClear, FirewallCounters, PolicerCounters,
    PolicerHit,
};
pub use gate::{Alg, GateFilter, GatePage, GateSource, GateView};
pub use ha::{FabricForwarding, FabricId, FabricState, GROUP_LEASE_NS, GroupState, Ha, Link};
pub use kept::{InterfacePorts, KeptFilter, KeptKind, KeptList, KeptPorts, NatClear};
pub use mirror::{MirrorCounters, MirrorLoss};
pub use naming::{Followed, IdKind, Naming, Renumber};
pub use persistent::{MappingFilter, MappingList, MappingOrigin, MappingPermit, PersistentMapping};
pub use plane::DataPlane;
pub use session::{
    CloseReason, MappingPage, ReconcileResult, Resource, ResourceRole, SessionFilter, SessionKey,
    SessionPage, SessionRef, SessionState, SessionStore, SessionView, WingView,
};
pub use sync::{
    ContentShift, DeltaBatch, DeltaCursor, ExportBatch, ExportCursor, HandshakeShift, PutRefusal, PutResult,
    SessionDelta, SessionDeltas, SourceBinding, SweepProfile, SyncedSession, SyncedWing,
};
pub use telemetry::{
    CounterClear, Global, InterfaceCounters, NatCounters, PolicyCounters, PoolCounters, ScreenCounters,
    Telemetry, Traffic, UnitScreenCounters,
};
pub use updates::{
    LIVE_SETS_MAX, LinkUpdate, LiveAddresses, LiveSetUpdate, LiveUpdate, Neighbour, NeighbourUpdate, NextHop,
    Route, RouteUpdate, SCHEDULES_MAX, ScheduleUpdate, UpdateBatch, Updates,
};
