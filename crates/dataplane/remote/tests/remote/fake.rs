//! A plane that answers fixed values and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Mutex;

use ravelin_contract::{
    Admission, Alg, ApplyResult, BufferCounters, Capabilities, CarriedCounters, CarriedMapping, CloseReason,
    CounterClear, DataPlane, Diagnostics, DropCause, DropSample, DropSamples, Error, Event, EventBatch,
    Explanation, ExportCursor, FilterSpan, Finding, GateFilter, GatePage, Global, Ha, InjectRequest,
    InjectVerdict, InterfaceCounters, InterfacePorts, KeptFilter, KeptList, Link, ManagedInterface,
    MappingFilter, MappingList, MappingPage, MirrorCounters, NatClear, NatCounters, NatEvent, NatLack,
    OverloadEvent, OverloadMoment, PacketHead, PolicerHit, PolicyCounters, PolicyDeny, PoolCounters,
    PortStatus, PutRefusal, PutResult, ReconcileResult, Refusal, Resource, ResourceRole, ScreenCounters,
    SessionDeltas, SessionEvent, SessionFilter, SessionKey, SessionPage, SessionRef, SessionState,
    SessionStore, SessionView, Status, SyncedSession, Telemetry, TraceBatch, TraceId, TraceRequest,
    TracedPacket, TrackedMoment, TrackedSession, Traffic, UnitScreenCounters, UpdateBatch, Updates, WingView,
};
use ravelin_program::{Program, Screen};
use ravelin_types::{
    DropReason, Generation, InstanceId, InterfaceId, MirrorId, NatRuleId, PolicyId, PortId, Proto,
    RuleIdentity, SessionId, WorkerId, ZoneId,
};

use crate::kept;

#[derive(Default)]
pub struct Fake {
    /// Each call as text, in order.
    pub calls: Mutex<Vec<String>>,
    pub sessions: u16,
    pub applied: Mutex<Option<ApplyResult>>,
    pub epoch: u64,
}

impl Fake {
    pub fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    pub fn last_call(&self) -> String {
        self.calls.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

pub fn key(port: u16) -> SessionKey {
    SessionKey {
        src: IpAddr::from([10, 0, 0, 1]),
        dst: "2001:db8::1".parse().unwrap(),
        sport: port,
        dport: 443,
        proto: Proto::TCP,
        instance: InstanceId::DEFAULT,
    }
}

pub fn view(port: u16) -> SessionView {
    let wing = |interface, key| WingView { key, interface, packets: 3, bytes: u64::from(port) };
    SessionView {
        id: SessionId(u64::MAX - u64::from(port)),
        worker: WorkerId(2),
        state: SessionState::Established,
        wings: [wing(Some(InterfaceId(0)), key(port)), wing(None, key(port.wrapping_add(1)))],
        policy: PolicyId(7),
        nat_rule: Some(NatRuleId(0)),
        destination_rule: Some(NatRuleId(u32::MAX - 1)),
        from_zone: ZoneId(1),
        to_zone: ZoneId(u16::MAX),
        application: None,
        timeout_s: 1800,
        remaining_s: 1799,
        age_s: 1,
        resource: Some(Resource {
            alg: Alg::Tftp,
            role: ResourceRole::Expected((port % 2 == 1).then_some(SessionId(u64::MAX))),
        }),
    }
}

pub fn result(generation: Generation) -> ApplyResult {
    fn one<T>(value: T) -> BTreeMap<String, T> {
        BTreeMap::from([("name".to_owned(), value)])
    }
    ApplyResult {
        generation,
        zone_ids: one(ZoneId(4)),
        filter_ids: one(5),
        filter_spans: one(FilterSpan { filter_id: 5, rule_start: 6, rule_count: 7 }),
        nat_counter_ids: one(8),
        pool_ids: one(9),
        policy_names: [(PolicyId(10), "p".to_owned())].into_iter().collect(),
        app_names: BTreeMap::from([(0, "junos-http".to_owned())]),
        policy_schedule_slots: vec!["night".into()],
        managed_interfaces: vec![ManagedInterface {
            name: "ge-0/0/0".into(),
            device: "eth1".into(),
            mode: "native".into(),
        }],
        capabilities: Capabilities { supported: vec!["zones".into()], refusals: vec![refusal()] },
    }
}

pub fn refusal() -> Refusal {
    Refusal { path: "security screen".into(), reason: "not enforced".into() }
}

pub fn events() -> EventBatch {
    let session = |close| Event::Session(SessionEvent { view: view(9), close });
    let tracked = |moment| Event::Tracked(TrackedSession { view: view(10), moment });
    let overload = |moment| Event::Overload(OverloadEvent { worker: WorkerId(3), moment });
    let interface = InterfaceId(2);
    let zones = (ZoneId(3), ZoneId(4));
    let events = vec![
        session(None),
        session(Some(CloseReason::TcpRst)),
        tracked(TrackedMoment::Opened),
        tracked(TrackedMoment::Updated),
        tracked(TrackedMoment::Closed(CloseReason::AgedOut)),
        Event::PolicyDeny(PolicyDeny {
            policy: PolicyId(1),
            key: key(1),
            interface,
            from_zone: zones.0,
            to_zone: zones.1,
            application: Some(5),
        }),
        Event::Nat(NatEvent::Exhausted { rule: NatRuleId(6), key: key(2), interface, lack: NatLack::Quota }),
        Event::NeighbourWanted { interface, addr: "fe80::1".parse().unwrap() },
        overload(OverloadMoment::Began { port: Some(PortId(0)) }),
        overload(OverloadMoment::Began { port: None }),
        overload(OverloadMoment::Ended { shed: 1 << 40, lasted_ms: 86_400_000 }),
        Event::Policer(PolicerHit {
            policer: RuleIdentity(7),
            place: RuleIdentity(8),
            interface,
            key: key(3),
            dropped: true,
            packets: 9,
            bytes: 900,
        }),
    ];
    EventBatch { events, lost: 11 }
}

pub fn global() -> Global {
    let mut global = Global { rx_packets: 1, sessions_max: u64::MAX, ..Global::default() };
    global.drops[DropReason::NoRoute.index()] = 12;
    global
}

pub fn status(epoch: u64) -> Status {
    let (worker, generation) = (WorkerId(1), Generation(3));
    Status {
        backend: "fake".into(),
        armed: true,
        epoch,
        generation: Some(generation),
        workers: vec![ravelin_contract::WorkerStatus { worker, alive: true, restarts: 2, generation }],
        ports: vec![PortStatus { name: "ge-0/0/0".into(), up: false, mode: "generic".into() }],
    }
}

pub fn explanation() -> Explanation {
    let finding = Finding { stage: "policy".into(), subject: "p".into(), outcome: "deny".into() };
    Explanation { verdict: InjectVerdict::Drop(DropReason::PolicyDeny), findings: vec![finding] }
}

pub const POLICY: PolicyCounters = PolicyCounters {
    id: PolicyId(1),
    identity: RuleIdentity(u64::MAX),
    hits: 2,
    first_hit_s: 3,
    last_hit_s: 4,
    packets: [5, 6],
    bytes: [7, 8],
    sessions: 9,
    gained: 10,
    lost: 11,
    recent: 12,
    sent: Traffic { packets: [13, 14], bytes: [15, 16] },
    recent_came: Traffic { packets: [17, 18], bytes: [19, 20] },
    recent_sent: Traffic { packets: [21, 22], bytes: [23, u64::MAX] },
};
pub fn screen_hits() -> ScreenCounters {
    ScreenCounters {
        zone: ravelin_types::ZoneId(3),
        hits: vec![(Screen::Land, 7), (Screen::IcmpFlood, u64::MAX)],
    }
}

pub fn unit_screen_hits() -> UnitScreenCounters {
    UnitScreenCounters { interface: InterfaceId(4), hits: vec![(Screen::UdpFlood, 1), (Screen::Teredo, 2)] }
}

pub const POOL: PoolCounters = PoolCounters { id: 1, ports: [2, 3, 4, 5], others: 6, held: 7, capacity: 8 };
pub const NAT: NatCounters = NatCounters {
    id: NatRuleId(1),
    identity: RuleIdentity(2),
    hits: 3,
    failed: 4,
    sessions: 5,
    pool_hits: 6,
};
pub const UNIT: InterfaceCounters =
    InterfaceCounters { interface: InterfaceId(1), rx_packets: 2, rx_bytes: 3, tx_packets: 4, tx_bytes: 5 };

pub fn batch() -> TraceBatch {
    let DropSample { packet, cause, .. } = sample();
    let verdict = InjectVerdict::Host { interface: "ge-0/0/0.0".into() };
    let Explanation { findings, .. } = explanation();
    let traced = TracedPacket { packet, verdict, cause, findings, findings_lost: 2 };
    TraceBatch { now_ns: 100, packets: vec![traced], lost: 3, ended: true }
}

pub fn sample() -> DropSample {
    let packet = PacketHead {
        at_ns: 99,
        worker: WorkerId(1),
        interface: None,
        from_host: true,
        key: None,
        bytes: 64,
        head: vec![1, 2, 3],
    };
    DropSample { packet, reason: DropReason::TtlExpired, cause: Some(DropCause::Policy(PolicyId(3))) }
}

impl DataPlane for Fake {
    fn start(&self) -> Result<(), Error> {
        self.note("start".into());
        Ok(())
    }

    fn check_config(&self, program: &Program) -> Result<Admission, Error> {
        self.note(format!("check {:?} {:?}", program.generation, program.digest()));
        Ok(Admission { refusals: vec![refusal()] })
    }

    fn apply_config(&self, program: &Program) -> Result<ApplyResult, Error> {
        self.note(format!("apply {:?} {:?}", program.generation, program.digest()));
        let result = result(program.generation);
        *self.applied.lock().unwrap() = Some(result.clone());
        Ok(result)
    }

    fn last_apply_result(&self) -> Option<ApplyResult> {
        self.applied.lock().unwrap().clone()
    }

    fn close(&self) {
        self.note("close".into());
    }

    fn teardown(&self) -> Result<(), Error> {
        Err(Error::Worker(7))
    }

    fn link(&self) -> &dyn Link {
        self
    }

    fn ha(&self) -> &dyn Ha {
        self
    }

    fn sessions(&self) -> &dyn SessionStore {
        self
    }

    fn telemetry(&self) -> &dyn Telemetry {
        self
    }

    fn diagnostics(&self) -> &dyn Diagnostics {
        self
    }

    fn updates(&self) -> &dyn Updates {
        self
    }
}

impl Updates for Fake {
    fn apply(&self, batch: &UpdateBatch) -> Result<(), Error> {
        self.note(format!("{batch:?}"));
        Ok(())
    }

    fn version(&self) -> u64 {
        17
    }
}

impl SessionStore for Fake {
    fn for_each(
        &self,
        filter: &SessionFilter,
        visit: &mut dyn FnMut(&SessionView) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.note(format!("{filter:?}"));
        for port in 0..self.sessions {
            if visit(&view(port)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn page(&self, filter: &SessionFilter, from: ExportCursor, max: usize) -> Result<SessionPage, Error> {
        self.note(format!("{filter:?}"));
        let all = from.slot as u16..self.sessions;
        let sessions: Vec<_> = all.take(max).map(view).collect();
        let slot = from.slot + sessions.len() as u32;
        let next = (slot < self.sessions.into()).then_some(ExportCursor { slot, ..from });
        Ok(SessionPage { sessions, next })
    }

    fn mapping_page(&self, from: ExportCursor, _: usize) -> Result<MappingPage, Error> {
        let next = (from.worker == 0).then_some(ExportCursor { worker: 1, slot: 7 });
        Ok(MappingPage { mappings: vec![kept::carried()], next })
    }

    fn gate_page(&self, filter: &GateFilter, from: ExportCursor, max: usize) -> Result<GatePage, Error> {
        self.note(format!("{filter:?} {from:?} {max}"));
        Ok(GatePage { gates: vec![kept::gate()], next: Some(ExportCursor { slot: 9, ..from }) })
    }

    fn put_mappings(&self, mappings: &[CarriedMapping]) -> Result<u64, Error> {
        self.note(format!("put {:?}", mappings.last()));
        Ok(mappings.len() as u64)
    }

    fn get(&self, at: &SessionKey) -> Result<Option<SessionView>, Error> {
        Ok((at.sport < self.sessions).then(|| view(at.sport)))
    }

    fn put_synced(&self, batch: &[SyncedSession]) -> Result<PutResult, Error> {
        self.note(format!("{:?}", batch.last()));
        let refused = batch.iter().take(1).map(|session| (session.id, PutRefusal::Collision)).collect();
        Ok(PutResult { installed: batch.len() as u64 - 1, updated: 3, refused })
    }

    fn delete_known(&self, batch: &[SessionRef], reason: CloseReason) -> Result<u64, Error> {
        self.note(format!("{:?} {reason:?}", batch.first()));
        Ok(batch.len() as u64)
    }

    fn delete_by_key(&self, key: &SessionKey, reason: CloseReason) -> Result<bool, Error> {
        self.note(format!("{key:?} {reason:?}"));
        Ok(key.sport < self.sessions)
    }

    fn reconcile_bulk(
        &self,
        received: &[SessionKey],
        owns: &dyn Fn(ZoneId) -> bool,
    ) -> Result<ReconcileResult, Error> {
        let owned: Vec<_> = (0..10).map(ZoneId).filter(|zone| owns(*zone)).collect();
        self.note(format!("{received:?} {owned:?}"));
        Ok(ReconcileResult { stale: 9, deleted: 8 })
    }

    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error> {
        self.note(format!("{filter:?}"));
        Ok(u64::from(self.sessions))
    }

    fn count(&self) -> Result<u64, Error> {
        Ok(u64::from(self.sessions))
    }

    fn deltas(&self) -> Result<&dyn SessionDeltas, Error> {
        Ok(self)
    }
}

impl Telemetry for Fake {
    fn global(&self) -> Result<Global, Error> {
        Ok(global())
    }

    fn policies(&self) -> Result<Vec<PolicyCounters>, Error> {
        Ok(vec![POLICY, PolicyCounters::default()])
    }

    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error> {
        Ok(vec![NAT])
    }

    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error> {
        Ok(vec![POOL])
    }

    fn persistent_mappings(&self, filter: &MappingFilter, most: usize) -> Result<MappingList, Error> {
        self.note(format!("mappings {filter:?} {most}"));
        Ok(kept::mappings())
    }

    fn clear_persistent_mappings(&self, filter: &MappingFilter) -> Result<u64, Error> {
        self.note(format!("clear mappings {filter:?}"));
        Ok(3)
    }

    fn kept_ports(&self, filter: &KeptFilter, most: usize) -> Result<KeptList, Error> {
        self.note(format!("kept {filter:?} {most}"));
        Ok(kept::kept())
    }

    fn interface_ports(&self) -> Result<Vec<InterfacePorts>, Error> {
        Ok(vec![kept::INTERFACE_PORTS])
    }

    fn carry_over(&self, counters: &CarriedCounters) -> Result<(), Error> {
        self.note(format!("{counters:?}"));
        Ok(())
    }

    fn clear_nat(&self, what: &NatClear) -> Result<(), Error> {
        self.note(format!("clear {what:?}"));
        Ok(())
    }

    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error> {
        Ok(vec![UNIT])
    }

    fn screens(&self) -> Result<Vec<ScreenCounters>, Error> {
        Ok(vec![screen_hits()])
    }

    fn unit_screens(&self) -> Result<Vec<UnitScreenCounters>, Error> {
        Ok(vec![unit_screen_hits()])
    }

    fn clear_counters(&self, what: &CounterClear) -> Result<(), Error> {
        self.note(format!("clear {what:?}"));
        Ok(())
    }

    fn buffers(&self) -> Result<Vec<BufferCounters>, Error> {
        Ok(vec![kept::BUFFERS])
    }

    fn mirrors(&self) -> Result<Vec<MirrorCounters>, Error> {
        Ok(vec![kept::MIRROR])
    }

    fn clear_mirrors(&self, mirrors: &[MirrorId]) -> Result<(), Error> {
        self.note(format!("clear_mirrors {mirrors:?}"));
        Ok(())
    }

    fn events(&self, max: usize) -> Result<EventBatch, Error> {
        self.note(format!("events {max}"));
        Ok(events())
    }
}

impl Diagnostics for Fake {
    fn status(&self) -> Result<Status, Error> {
        Ok(status(self.epoch))
    }

    fn arm(&self, armed: bool) -> Result<(), Error> {
        self.note(format!("arm {armed}"));
        Err(Error::NotReady)
    }

    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error> {
        assert_ne!(request.interface, "panic", "a defect of the plane");
        self.note(format!("{request:?}"));
        Ok(explanation())
    }

    fn drop_samples(&self, max: usize) -> Result<DropSamples, Error> {
        self.note(format!("samples {max}"));
        Ok(DropSamples { now_ns: 100, samples: vec![sample()] })
    }

    fn clear_drop_samples(&self) -> Result<(), Error> {
        self.note("clear samples".into());
        Ok(())
    }

    fn trace_start(&self, request: &TraceRequest) -> Result<TraceId, Error> {
        self.note(format!("{request:?}"));
        Ok(TraceId(41))
    }

    fn trace_read(&self, id: TraceId, max: usize) -> Result<TraceBatch, Error> {
        self.note(format!("{id:?} {max}"));
        Ok(batch())
    }

    fn trace_stop(&self, id: TraceId) -> Result<(), Error> {
        self.note(format!("stop {id:?}"));
        Ok(())
    }
}
