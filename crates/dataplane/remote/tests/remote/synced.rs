//! Sessions whole and their changes, as the fake plane has them.

use ravelin_contract::{
    CloseReason, ContentShift, DeltaBatch, DeltaCursor, Error, ExportBatch, ExportCursor, HandshakeShift,
    IdKind, Naming, SessionDelta, SessionDeltas, SessionState, SourceBinding, SweepProfile, SyncedSession,
    SyncedWing,
};
use ravelin_types::{
    Generation, GroupId, InterfaceId, NatRuleId, PolicyId, RuleIdentity, SessionId, WorkerId, ZoneId,
};

use crate::fake::{Fake, key, view};

/// Two sessions, of which one has everything.
pub fn synced() -> [SyncedSession; 2] {
    let wing = |port, zone| SyncedWing {
        key: key(port),
        interface: None,
        zone: ZoneId(zone),
        packets: u64::MAX,
        bytes: 1,
    };
    let bare = SyncedSession {
        id: SessionId(1),
        state: SessionState::Opening,
        wings: [wing(1, 0), wing(2, 3)],
        policy: None,
        judged_by: u64::MAX,
        source_rule: None,
        destination_rule: None,
        source: SourceBinding::None,
        entered: false,
        expected: false,
        parent: None,
        log_close: false,
        count: false,
        application: None,
        timeout_s: 0,
        established_timeout_s: 1800,
        idle_ms: 0,
        age_ms: u64::MAX,
        tcp: None,
        handshake: None,
        content: None,
    };
    let shift = |at| ContentShift { at, before: 1, after: u32::MAX };
    let full = SyncedSession {
        state: SessionState::Closing,
        wings: [wing(1, 0), SyncedWing { interface: Some(InterfaceId(7)), ..wing(2, 3) }],
        policy: Some(PolicyId(0)),
        source_rule: Some(NatRuleId(0)),
        destination_rule: Some(NatRuleId(9)),
        source: SourceBinding::Pool(0),
        entered: true,
        expected: true,
        parent: Some(SessionId(u64::MAX)),
        log_close: true,
        count: true,
        application: Some(0),
        tcp: Some(std::array::from_fn(|at| at as u8)),
        handshake: Some(HandshakeShift {
            seq: u32::MAX,
            timestamp: 1,
            to_client: (14, 0),
            to_server: (0, 14),
        }),
        content: Some([shift(0), shift(u32::MAX)]),
        ..bare.clone()
    };
    [bare, full]
}

pub fn deltas() -> DeltaBatch {
    let [bare, full] = synced();
    let of_interface = SyncedSession { source: SourceBinding::Interface, ..bare.clone() };
    DeltaBatch {
        deltas: vec![
            (WorkerId(0), 1, SessionDelta::Open(bare)),
            (WorkerId(0), 2, SessionDelta::Update(full)),
            (WorkerId(0), 3, SessionDelta::Update(of_interface)),
            (WorkerId(9), u64::MAX, SessionDelta::Close(view(4), CloseReason::Reconcile)),
        ],
        lost: vec![(WorkerId(1), 5, u64::MAX)],
        next: DeltaCursor { epoch: u64::MAX, seen: vec![3, 0] },
        truncated: true,
    }
}

pub fn naming() -> Naming {
    let ids = vec![
        (IdKind::Zone, 0, RuleIdentity(1)),
        (IdKind::Zone, 2, RuleIdentity(u64::MAX)),
        (IdKind::FilterCounter, u32::MAX, RuleIdentity(0)),
    ];
    Naming { generation: Generation(9), ids }
}

impl SessionDeltas for Fake {
    fn drain(&self, cursor: &DeltaCursor, max: usize) -> Result<DeltaBatch, Error> {
        self.note(format!("{cursor:?} {max}"));
        Ok(deltas())
    }

    fn export(&self, groups: &[GroupId], from: ExportCursor, max: usize) -> Result<ExportBatch, Error> {
        self.note(format!("{groups:?} {from:?} {max}"));
        Ok(ExportBatch {
            sessions: synced().to_vec(),
            next: Some(ExportCursor { worker: 1, slot: u32::MAX }),
        })
    }

    fn naming(&self) -> Result<Naming, Error> {
        Ok(naming())
    }

    fn sweep_profile(&self) -> Result<SweepProfile, Error> {
        Ok(SweepProfile { enabled: true, active_interval_s: 15, idle_interval_s: 60 })
    }
}
