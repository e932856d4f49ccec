//! The backend-neutral contract between control plane and packet plane.
//!
//! Place: a leaf that knows the program and the project's words, and nothing of any backend. A
//! canary test keeps its dependencies and its public names so.

mod apply;
mod carry;
mod diagnostics;
mod error;
mod firewall;
mod ha;
mod mirror;
mod persistent;
mod plane;
mod session;
mod sync;
mod telemetry;
mod updates;

pub use apply::{Admission, ApplyResult, Capabilities, FilterSpan, ManagedInterface, Refusal};
pub use carry::{CarriedCounters, CarriedMapping};
pub use diagnostics::{
    Diagnostics, DropSample, Explanation, Finding, InjectRequest, InjectVerdict, PortStatus, Status,
    WorkerStatus,
};
pub use error::Error;
pub use firewall::{
    FilterAction, FilterCounter, FilterHit, FilterLog, FirewallClear, FirewallCounters, PolicerCounters,
};
pub use ha::{FabricForwarding, FabricId, GroupId, Ha, Link};
pub use mirror::{MirrorCounters, MirrorLoss};
pub use persistent::{MappingFilter, MappingList, MappingOrigin, MappingPermit, PersistentMapping};
pub use plane::DataPlane;
pub use session::{
    CloseReason, ReconcileResult, SessionFilter, SessionKey, SessionRef, SessionState, SessionStore,
    SessionView, WingView,
};
pub use sync::{
    ContentShift, DeltaBatch, DeltaCursor, ExportBatch, ExportCursor, HandshakeShift, PutRefusal, PutResult,
    SessionDelta, SessionDeltas, SourceBinding, SweepProfile, SyncedSession, SyncedWing,
};
pub use telemetry::{
    Event, EventBatch, Global, InterfaceCounters, NatCounters, PolicyCounters, PoolCounters, ScreenCounters,
    SessionEvent, Telemetry,
};
pub use updates::{
    LinkUpdate, Neighbour, NeighbourUpdate, NextHop, Route, RouteUpdate, UpdateBatch, Updates,
};
