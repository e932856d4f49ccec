//! Sessions as the control plane sees them: one record, two wings, one deletion.

use std::net::IpAddr;
use std::ops::ControlFlow;

use ravelin_types::{InstanceId, InterfaceId, NatRuleId, PolicyId, Proto, SessionId, WorkerId, ZoneId};

use crate::{
    Alg, CarriedMapping, Error, ExportCursor, GateFilter, GatePage, PutResult, SessionDeltas, SyncedSession,
};

/// One wing's tuple. Family is that of the addresses, which are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub sport: u16,
    pub dport: u16,
    pub proto: Proto,
    /// The routing instance that its packets come in: the same tuple in another one is another's.
    pub instance: InstanceId,
}

/// A session named so that a stale delete can't hit a newer one under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionRef {
    pub id: SessionId,
    pub key: SessionKey,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    AgedOut,
    TcpFin,
    TcpRst,
    Cleared,
    PolicyChanged,
    InterfaceGone,
    NatChanged,
    PeerDelete,
    Reconcile,
    /// The answer came that was all there was to wait for.
    ResponseReceived,
}

impl CloseReason {
    pub const ALL: &'static [Self] = &[
        Self::AgedOut,
        Self::TcpFin,
        Self::TcpRst,
        Self::Cleared,
        Self::PolicyChanged,
        Self::InterfaceGone,
        Self::NatChanged,
        Self::PeerDelete,
        Self::Reconcile,
        Self::ResponseReceived,
    ];

    /// The reason as RT_FLOW writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::AgedOut => "idle Timeout",
            Self::TcpFin => "TCP FIN",
            Self::TcpRst => "TCP RST",
            Self::Cleared => "CLI",
            Self::PolicyChanged => "policy change",
            Self::InterfaceGone => "interface removed",
            Self::NatChanged => "NAT change",
            Self::PeerDelete => "HA",
            Self::Reconcile => "HA reconcile",
            Self::ResponseReceived => "response received",
        }
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    Opening,
    Established,
    Closing,
}

/// One direction of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WingView {
    pub key: SessionKey,
    /// Where packets of this wing arrive; `None`: from the firewall itself.
    pub interface: Option<InterfaceId>,
    pub packets: u64,
    pub bytes: u64,
}

/// The gateway of the application layer that a session belongs to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    pub alg: Alg,
    pub role: ResourceRole,
}

/// What a session is to its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceRole {
    /// Its packets may have other sessions expected.
    Control,
    /// It was expected: by the session of this number, as far as that is known.
    Expected(Option<SessionId>),
}

/// A session as it stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionView {
    pub id: SessionId,
    pub worker: WorkerId,
    pub state: SessionState,
    pub wings: [WingView; 2],
    pub policy: PolicyId,
    /// The rule that translates its source, and the one that translates its destination.
    pub nat_rule: Option<NatRuleId>,
    pub destination_rule: Option<NatRuleId>,
    pub from_zone: ZoneId,
    pub to_zone: ZoneId,
    /// Index into the program's application names.
    pub application: Option<u32>,
    pub timeout_s: u32,
    pub remaining_s: u32,
    pub age_s: u32,
    /// Of a gateway that expects sessions.
    pub resource: Option<Resource>,
}

/// Which sessions are meant; every field given must hold. Addresses and ports may match either
/// wing's source or destination as Junos filters do: on the wing that opened the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    pub proto: Option<Proto>,
    pub source: Option<ipnet::IpNet>,
    pub destination: Option<ipnet::IpNet>,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
    pub interface: Option<InterfaceId>,
    pub family: Option<ravelin_types::Family>,
    pub id: Option<SessionId>,
    /// Some(true): only translated sessions.
    pub nat: Option<bool>,
}

impl SessionFilter {
    #[must_use]
    pub fn holds(&self, view: &SessionView) -> bool {
        let Self { proto, source, destination, source_port, destination_port, interface, family, id, nat } =
            self;
        let key = &view.wings[0].key;
        let v6 = key.src.is_ipv6();
        proto.is_none_or(|p| p == key.proto)
            && source.is_none_or(|n| n.contains(&key.src))
            && destination.is_none_or(|n| n.contains(&key.dst))
            && source_port.is_none_or(|p| p == key.sport)
            && destination_port.is_none_or(|p| p == key.dport)
            && interface.is_none_or(|i| view.wings.iter().any(|w| w.interface == Some(i)))
            && family.is_none_or(|f| (f == ravelin_types::Family::V6) == v6)
            && id.is_none_or(|i| i == view.id)
            && nat.is_none_or(|n| n == (view.nat_rule.is_some() || view.destination_rule.is_some()))
    }
}

/// Some of the sessions that a filter holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPage {
    pub sessions: Vec<SessionView>,
    /// Where to go on; `None`: those were all.
    pub next: Option<ExportCursor>,
}

/// Some of the mappings of persistent NAT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingPage {
    pub mappings: Vec<CarriedMapping>,
    /// Where to go on; `None`: those were all.
    pub next: Option<ExportCursor>,
}

/// Of all mappings so many are asked for at a time.
const MAPPINGS_AT_ONCE: usize = 16_384;

/// What a reconcile found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReconcileResult {
    pub stale: u64,
    pub deleted: u64,
}

/// The sessions of every worker.
pub trait SessionStore {
    /// Visits sessions that the filter holds for, a bounded number between batches of packets,
    /// until `visit` breaks.
    ///
    /// # Errors
    /// A worker does not answer.
    fn for_each(
        &self,
        filter: &SessionFilter,
        visit: &mut dyn FnMut(&SessionView) -> ControlFlow<()>,
    ) -> Result<(), Error>;
    /// Sessions that the filter holds for, about `max` of them, from a place on; a bounded number between batches of
    /// packets. Of sessions that neither open nor end meanwhile all pages together have each once.
    ///
    /// # Errors
    /// A worker does not answer.
    fn page(&self, filter: &SessionFilter, from: ExportCursor, max: usize) -> Result<SessionPage, Error>;
    /// # Errors
    /// A worker does not answer; a missing session is `None`.
    fn get(&self, key: &SessionKey) -> Result<Option<SessionView>, Error>;
    /// Installs a peer's sessions, each whole or not at all; one that is here already becomes as the peer has it.
    ///
    /// # Errors
    /// A worker does not answer. What can't be installed is in the result.
    fn put_synced(&self, batch: &[SyncedSession]) -> Result<PutResult, Error>;
    /// Ends the sessions that are still the ones named; returns how many.
    ///
    /// # Errors
    /// A worker does not answer; those of all others have ended.
    fn delete_known(&self, batch: &[SessionRef], reason: CloseReason) -> Result<u64, Error>;
    /// Reads, then deletes what it read; missing is no error.
    ///
    /// # Errors
    /// A worker does not answer.
    fn delete_by_key(&self, key: &SessionKey, reason: CloseReason) -> Result<bool, Error>;
    /// Ends what a peer no longer has: sessions that came in by zones which are not `owns`, and whose first key is not among
    /// those received. What arrived as a change while the bulk was under way must be among them.
    ///
    /// # Errors
    /// A worker does not answer; what all others had to end has ended.
    fn reconcile_bulk(
        &self,
        received: &[SessionKey],
        owns: &dyn Fn(ZoneId) -> bool,
    ) -> Result<ReconcileResult, Error>;
    /// Ends what the filter holds for; returns how many.
    ///
    /// # Errors
    /// A worker does not answer; what all others had has ended.
    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error>;
    /// Mappings of persistent NAT, whole, about `max` of them, from a place on.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has none.
    fn mapping_page(&self, _from: ExportCursor, _max: usize) -> Result<MappingPage, Error> {
        Err(Error::Unsupported("persistent NAT mappings"))
    }
    /// Every mapping.
    ///
    /// # Errors
    /// As [`SessionStore::mapping_page`].
    fn mappings(&self) -> Result<Vec<CarriedMapping>, Error> {
        let (mut all, mut at) = (Vec::new(), Some(ExportCursor::default()));
        while let Some(from) = at {
            let mut page = self.mapping_page(from, MAPPINGS_AT_ONCE)?;
            all.append(&mut page.mappings);
            at = page.next;
        }
        Ok(all)
    }
    /// Makes another plane's mappings, whose sessions come by `put_synced`; how many there are of them now.
    ///
    /// # Errors
    /// As [`SessionStore::mappings`].
    fn put_mappings(&self, _mappings: &[CarriedMapping]) -> Result<u64, Error> {
        Err(Error::Unsupported("persistent NAT mappings"))
    }
    /// Sessions that gateways expect and that the filter holds for, about `max` of them, from a place on; a bounded number
    /// between batches of packets. Of those that neither come to be expected nor cease to be meanwhile all pages together
    /// have each once.
    ///
    /// # Errors
    /// A worker does not answer, or the plane has no gateways.
    fn gate_page(&self, _filter: &GateFilter, _from: ExportCursor, _max: usize) -> Result<GatePage, Error> {
        Err(Error::Unsupported("expected sessions"))
    }
    /// # Errors
    /// A worker does not answer.
    fn count(&self) -> Result<u64, Error>;
    /// # Errors
    /// Not supported by this backend.
    fn deltas(&self) -> Result<&dyn SessionDeltas, Error>;
}
