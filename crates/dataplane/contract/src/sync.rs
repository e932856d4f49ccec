//! Sessions whole, for a peer or for the process that comes after; and what changes of them, in order.

use ravelin_types::{GroupId, InterfaceId, NatRuleId, PolicyId, SessionId, WorkerId, ZoneId};

use crate::{CloseReason, Error, Naming, SessionKey, SessionState, SessionView};

/// A session whole: everything that another plane needs to go on with it. Ids are those of its plane; another one's sessions
/// are renumbered first ([`crate::Renumber`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedSession {
    pub id: SessionId,
    pub state: SessionState,
    pub wings: [SyncedWing; 2],
    /// `None`: the default policy, or traffic of the firewall's own.
    pub policy: Option<PolicyId>,
    /// Digest of the rules that judged it, without ids: where the receiver's differ, it is judged again.
    pub judged_by: u64,
    pub source_rule: Option<NatRuleId>,
    pub destination_rule: Option<NatRuleId>,
    pub source: SourceBinding,
    /// It came in by a persistent mapping.
    pub entered: bool,
    /// A gateway of the application layer expected it.
    pub expected: bool,
    /// The session that did, as far as that is known.
    pub parent: Option<SessionId>,
    /// Its policy logs its close, and counts its packets.
    pub log_close: bool,
    pub count: bool,
    /// Index into the program's application names.
    pub application: Option<u32>,
    pub timeout_s: u32,
    /// The timeout once it is established.
    pub established_timeout_s: u32,
    /// Since its last packet, and since its first.
    pub idle_ms: u64,
    pub age_ms: u64,
    /// TCP as tracked, in the form of docs/spec/tcp.md, tcp-8.
    pub tcp: Option<[u8; 32]>,
    /// The firewall made the handshakes: how the two ends' numbers differ.
    pub handshake: Option<HandshakeShift>,
    /// A gateway made its content longer or shorter, in either direction.
    pub content: Option<[ContentShift; 2]>,
}

/// One direction of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncedWing {
    pub key: SessionKey,
    /// Where its packets arrive; `None`: from the firewall itself.
    pub interface: Option<InterfaceId>,
    pub zone: ZoneId,
    pub packets: u64,
    pub bytes: u64,
}

/// What a session holds of source translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceBinding {
    /// Nothing: its source is its own, or computed by a rule.
    #[default]
    None,
    /// A port of the egress interface's address.
    Interface,
    /// What the pool of this number gave.
    Pool(u16),
}

/// How the numbers of the two ends differ where the firewall made the handshakes (docs/spec/screen.md, screen-65).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandshakeShift {
    pub seq: u32,
    pub timestamp: u32,
    /// Window scales from and to, towards the client and towards the server.
    pub to_client: (u8, u8),
    pub to_server: (u8, u8),
}

/// What is added to the sequence numbers of one direction: `before` up to and with `at`, `after` behind it (tcp-47).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentShift {
    pub at: u32,
    pub before: u32,
    pub after: u32,
}

/// Why a session was not taken over. Nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PutRefusal {
    /// The table, or the device's limit, is full.
    Full,
    /// Another session has one of its keys.
    Collision,
    /// Its address or port is another's here, or can't be had.
    Translation,
    /// An interface, zone, policy or rule that the running program does not have.
    Unknown,
    /// It contradicts itself.
    Malformed,
}

impl PutRefusal {
    pub const ALL: &'static [Self] =
        &[Self::Full, Self::Collision, Self::Translation, Self::Unknown, Self::Malformed];
}

/// What became of a batch, entry by entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutResult {
    /// Sessions that are new here.
    pub installed: u64,
    /// Sessions that were here and are as the peer has them now.
    pub updated: u64,
    pub refused: Vec<(SessionId, PutRefusal)>,
}

impl PutResult {
    /// Adds what became of another batch.
    pub fn add(&mut self, other: Self) {
        self.installed += other.installed;
        self.updated += other.updated;
        self.refused.extend(other.refused);
    }
}

/// A change to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionDelta {
    Open(SyncedSession),
    /// It went on to another state.
    Update(SyncedSession),
    /// It ended, with its last counts.
    Close(SessionView, CloseReason),
}

/// How far a reader has read: of each worker the last sequence number seen. Zero: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaCursor {
    /// Of the plane that counted; another epoch has other numbers.
    pub epoch: u64,
    pub seen: Vec<u64>,
}

/// Changes after a cursor, each worker's in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaBatch {
    /// Worker, sequence number, change. An open or update of a session that has ended since is left out: its close follows.
    pub deltas: Vec<(WorkerId, u64, SessionDelta)>,
    /// Numbers that are gone, first and last: the reader was too slow, or the epoch is another. What they told is in an
    /// export made after this.
    pub lost: Vec<(WorkerId, u64, u64)>,
    /// Where to go on.
    pub next: DeltaCursor,
    /// There is more already.
    pub truncated: bool,
}

/// A piece of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportBatch {
    pub sessions: Vec<SyncedSession>,
    /// Where to go on; `None`: that was all.
    pub next: Option<ExportCursor>,
}

/// A place in an export or a list of sessions. Sessions that neither open nor end while it goes on are in it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportCursor {
    pub worker: u8,
    pub slot: u32,
}

/// How often a peer should sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepProfile {
    pub enabled: bool,
    pub active_interval_s: u32,
    pub idle_interval_s: u32,
}

/// Session changes for a peer. Workers keep none before the first call of `drain`.
pub trait SessionDeltas {
    /// What changed after `cursor`, at most about `max` changes.
    ///
    /// # Errors
    /// A worker does not answer.
    fn drain(&self, cursor: &DeltaCursor, max: usize) -> Result<DeltaBatch, Error>;
    /// Sessions whole, at most about `max` at a time, those of these groups; none given: all. A session is of the group that it
    /// leaves by, or if that is none, of that by which it came.
    ///
    /// # Errors
    /// A worker does not answer.
    fn export(&self, groups: &[GroupId], from: ExportCursor, max: usize) -> Result<ExportBatch, Error>;
    /// What the ids in sessions stand for. They are never given to something else: a naming is good for all sessions of which
    /// every id is in it.
    ///
    /// # Errors
    /// No program runs, or the plane is gone.
    fn naming(&self) -> Result<Naming, Error>;
    /// # Errors
    /// The plane is gone.
    fn sweep_profile(&self) -> Result<SweepProfile, Error>;
}
