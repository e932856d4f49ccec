//! A plane of two sessions.

use std::ops::ControlFlow;
use std::sync::Mutex;

use ravelin_contract::{
    Admission, ApplyResult, BufferCounters, BufferKind, CloseReason, CounterClear, DataPlane, Diagnostics,
    DropSamples, Error, EventBatch, Explanation, ExportCursor, FilterLog, Finding, FirewallClear,
    FirewallCounters, GateFilter, GatePage, Global, Ha, InjectRequest, InjectVerdict, InterfaceCounters,
    InterfacePorts, KeptFilter, KeptList, Link, MappingFilter, MappingList, MappingOrigin, MappingPermit,
    NatClear, NatCounters, PersistentMapping, PolicyCounters, PoolCounters, PortStatus, PutResult,
    ReconcileResult, ScreenCounters, SessionDeltas, SessionFilter, SessionKey, SessionPage, SessionRef,
    SessionState, SessionStore, SessionView, Status, SyncedSession, Telemetry, TraceBatch, TraceId,
    TraceRequest, UnitScreenCounters, Updates, WingView, WorkerStatus,
};
use ravelin_program::Program;
use ravelin_program::Screen;
use ravelin_types::{
    DropReason, Generation, InstanceId, InterfaceId, NatRuleId, PolicyId, Proto, RuleIdentity, SessionId,
    WorkerId, ZoneId,
};

/// Seconds of the plane's clock.
const NOW_S: u64 = super::drops::NOW_NS / 1_000_000_000;

#[derive(Default)]
pub struct FakePlane {
    /// The last filter that sessions were cleared by.
    pub cleared: Mutex<Option<SessionFilter>>,
    /// Counters that were last set back to zero.
    pub cleared_counters: Mutex<Option<CounterClear>>,
    /// What was last set back to zero.
    pub cleared_firewall: Mutex<Option<FirewallClear>>,
    /// The last packet that was injected.
    pub injected: Mutex<Option<InjectRequest>>,
    /// Sessions that were ended one by one.
    pub ended: Mutex<Vec<SessionRef>>,
    /// Traces ever started; `None`: stopped.
    pub traces: Mutex<Vec<Option<TraceRequest>>>,
    forgotten: Mutex<bool>,
}

pub(super) fn unsupported<T>() -> Result<T, Error> {
    Err(Error::Unsupported("test"))
}

fn key(src: (&str, u16), dst: (&str, u16), proto: Proto) -> SessionKey {
    SessionKey {
        src: src.0.parse().unwrap(),
        dst: dst.0.parse().unwrap(),
        sport: src.1,
        dport: dst.1,
        proto,
        instance: InstanceId::DEFAULT,
    }
}

fn sessions() -> [SessionView; 2] {
    let wing = |key, unit: Option<u16>, packets, bytes| WingView {
        key,
        interface: unit.map(InterfaceId),
        packets,
        bytes,
    };
    let web = ("198.51.100.2", 80);
    let first = SessionView {
        id: SessionId(3),
        worker: WorkerId(0),
        state: SessionState::Established,
        wings: [
            wing(key(("10.1.0.2", 40_000), web, Proto::TCP), Some(0), 5, 400),
            wing(key(web, ("198.51.100.1", 1024), Proto::TCP), Some(1), 4, 3000),
        ],
        policy: PolicyId(4),
        nat_rule: Some(NatRuleId(1)),
        destination_rule: None,
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        application: Some(1),
        timeout_s: 1800,
        remaining_s: 1796,
        age_s: 12,
        resource: None,
    };
    let ping = key(("2001:db8::2", 1), ("2001:db8::1", 9), Proto::ICMPV6);
    let back = key(("2001:db8::1", 9), ("2001:db8::2", 1), Proto::ICMPV6);
    let second = SessionView {
        id: SessionId(9),
        state: SessionState::Opening,
        wings: [wing(ping, Some(0), 1, 104), wing(back, None, 0, 0)],
        policy: PolicyId(u32::MAX),
        nat_rule: None,
        destination_rule: None,
        to_zone: ZoneId::HOST,
        application: None,
        timeout_s: 60,
        remaining_s: 58,
        age_s: 2,
        ..first
    };
    [second, first]
}

/// By an interface's address, by a pool's, of a whole address, and of a pool that is no more.
fn mappings() -> [PersistentMapping; 4] {
    let of_interface = PersistentMapping {
        origin: MappingOrigin::Interface,
        rule: Some(NatRuleId(1)),
        proto: Some(Proto::UDP),
        internal: "10.1.0.2".parse().unwrap(),
        internal_port: 5060,
        instance: InstanceId::DEFAULT,
        external: "198.51.100.1".parse().unwrap(),
        external_port: 20_000,
        permit: MappingPermit::AnyRemoteHost,
        sessions: 2,
        sessions_max: 30,
        idle_s: 0,
        timeout_s: 300,
    };
    let of_pool = PersistentMapping {
        origin: MappingOrigin::Pool(3),
        proto: Some(Proto::TCP),
        internal: "2001:db8::77".parse().unwrap(),
        external: "203.0.113.9".parse().unwrap(),
        external_port: 1024,
        permit: MappingPermit::TargetHostPort,
        sessions: 0,
        idle_s: 46,
        ..of_interface
    };
    let whole = PersistentMapping {
        origin: MappingOrigin::Pool(4),
        proto: None,
        internal: "10.1.0.9".parse().unwrap(),
        internal_port: 0,
        external: "203.0.113.10".parse().unwrap(),
        external_port: 0,
        permit: MappingPermit::TargetHost,
        ..of_interface
    };
    let gone = PersistentMapping {
        origin: MappingOrigin::Pool(99),
        rule: None,
        internal_port: 999,
        sessions: 0,
        idle_s: 500,
        ..of_interface
    };
    [of_pool, whole, of_interface, gone]
}

impl DataPlane for FakePlane {
    fn start(&self) -> Result<(), Error> {
        Ok(())
    }
    fn check_config(&self, _: &Program) -> Result<Admission, Error> {
        unsupported()
    }
    fn apply_config(&self, _: &Program) -> Result<ApplyResult, Error> {
        unsupported()
    }
    fn last_apply_result(&self) -> Option<ApplyResult> {
        None
    }
    fn close(&self) {}
    fn teardown(&self) -> Result<(), Error> {
        Ok(())
    }
    fn link(&self) -> &dyn Link {
        unreachable!("no command asks for links")
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
        unreachable!("no command updates the plane")
    }
}

impl SessionStore for FakePlane {
    fn for_each(
        &self,
        filter: &SessionFilter,
        visit: &mut dyn FnMut(&SessionView) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for view in sessions().iter().filter(|v| filter.holds(v)) {
            if visit(view).is_break() {
                break;
            }
        }
        Ok(())
    }
    /// One at a time, so that a list is told in parts.
    fn page(&self, filter: &SessionFilter, from: ExportCursor, _: usize) -> Result<SessionPage, Error> {
        let mut all: Vec<_> = sessions().iter().filter(|v| filter.holds(v)).copied().collect();
        all.sort_by_key(|view| view.id);
        let rest = all.get(from.slot as usize..).unwrap_or_default();
        let next = (rest.len() > 1).then_some(ExportCursor { slot: from.slot + 1, ..from });
        Ok(SessionPage { sessions: rest.iter().take(1).copied().collect(), next })
    }
    /// One at a time.
    fn gate_page(&self, filter: &GateFilter, from: ExportCursor, _: usize) -> Result<GatePage, Error> {
        let all: Vec<_> = super::gates::gates().into_iter().filter(|gate| filter.holds(gate)).collect();
        let rest = all.get(from.slot as usize..).unwrap_or_default();
        let next = (rest.len() > 1).then_some(ExportCursor { slot: from.slot + 1, ..from });
        Ok(GatePage { gates: rest.iter().take(1).copied().collect(), next })
    }
    fn get(&self, _: &SessionKey) -> Result<Option<SessionView>, Error> {
        unsupported()
    }
    fn put_synced(&self, _: &[SyncedSession]) -> Result<PutResult, Error> {
        unsupported()
    }
    fn delete_known(&self, batch: &[SessionRef], _: CloseReason) -> Result<u64, Error> {
        self.ended.lock().unwrap().extend(batch);
        Ok(batch.len() as u64)
    }
    fn delete_by_key(&self, _: &SessionKey, _: CloseReason) -> Result<bool, Error> {
        unsupported()
    }
    fn reconcile_bulk(&self, _: &[SessionKey], _: &dyn Fn(ZoneId) -> bool) -> Result<ReconcileResult, Error> {
        unsupported()
    }
    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error> {
        *self.cleared.lock().unwrap() = Some(filter.clone());
        Ok(sessions().iter().filter(|v| filter.holds(v)).count() as u64)
    }
    fn count(&self) -> Result<u64, Error> {
        Ok(2)
    }
    fn deltas(&self) -> Result<&dyn SessionDeltas, Error> {
        unsupported()
    }
}

impl Telemetry for FakePlane {
    fn global(&self) -> Result<Global, Error> {
        let mut global = Global { rx_packets: 1000, tx_packets: 900, sessions_live: 2, ..Global::default() };
        global.sessions_max = 65_536;
        global.drops[DropReason::PolicyReject.index()] = 3;
        global.drops[DropReason::SessionTableFull.index()] = 1;
        Ok(global)
    }
    fn policies(&self) -> Result<Vec<PolicyCounters>, Error> {
        let (first_hit_s, last_hit_s) = (NOW_S - 100, NOW_S - 5);
        let hits = PolicyCounters {
            id: PolicyId(4),
            hits: 20,
            first_hit_s,
            last_hit_s,
            ..PolicyCounters::default()
        };
        Ok(vec![hits])
    }
    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error> {
        Ok(vec![NatCounters {
            id: NatRuleId(1),
            identity: RuleIdentity(1),
            hits: 7,
            failed: 1,
            sessions: 2,
            pool_hits: 7,
        }])
    }
    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error> {
        Ok(vec![PoolCounters { id: 3, ports: [5, 40, 2, 0], others: 1, held: 0, capacity: 124928 }])
    }
    fn persistent_mappings(&self, filter: &MappingFilter, most: usize) -> Result<MappingList, Error> {
        let held = mappings().into_iter().filter(|mapping| filter.holds(mapping));
        let mut mappings: Vec<_> = held.collect();
        let found = mappings.len() as u64;
        mappings.truncate(most);
        Ok(MappingList { mappings, found, in_use: 4, capacity: 131_072 })
    }
    fn clear_persistent_mappings(&self, filter: &MappingFilter) -> Result<u64, Error> {
        let free = |mapping: &PersistentMapping| mapping.sessions == 0 && filter.holds(mapping);
        Ok(mappings().into_iter().filter(free).count() as u64)
    }
    fn kept_ports(&self, filter: &KeptFilter, most: usize) -> Result<KeptList, Error> {
        let mut kept: Vec<_> = super::kept::kept().into_iter().filter(|one| filter.holds(one)).collect();
        let found = kept.len() as u64;
        kept.truncate(most);
        Ok(KeptList { kept, found })
    }
    fn interface_ports(&self) -> Result<Vec<InterfacePorts>, Error> {
        Ok(super::kept::interface_ports())
    }
    fn clear_nat(&self, what: &NatClear) -> Result<(), Error> {
        super::kept::note(what);
        Ok(())
    }
    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error> {
        unsupported()
    }
    fn screens(&self) -> Result<Vec<ScreenCounters>, Error> {
        Ok(vec![ScreenCounters { zone: ZoneId(2), hits: vec![(Screen::IcmpFlood, 4), (Screen::Land, 1)] }])
    }
    fn unit_screens(&self) -> Result<Vec<UnitScreenCounters>, Error> {
        Ok(vec![UnitScreenCounters { interface: InterfaceId(1), hits: vec![(Screen::IcmpFlood, 3)] }])
    }
    fn clear_counters(&self, what: &CounterClear) -> Result<(), Error> {
        *self.cleared_counters.lock().unwrap() = Some(what.clone());
        Ok(())
    }
    fn buffers(&self) -> Result<Vec<BufferCounters>, Error> {
        let one = |kind, bytes, [capacity, free, lent, used]: [u64; 4], refused| BufferCounters {
            worker: WorkerId(1),
            kind,
            bytes,
            capacity,
            free,
            lent,
            used,
            refused,
        };
        let packets = one(BufferKind::Packets, 4096, [5120, 3000, 2100, 20], None);
        Ok(vec![packets, one(BufferKind::Events, 0, [4096, 4095, 0, 1], Some(17))])
    }
    fn firewall(&self) -> Result<FirewallCounters, Error> {
        Ok(super::firewall::counters())
    }
    fn firewall_log(&self) -> Result<FilterLog, Error> {
        Ok(super::firewall::log())
    }
    fn clear_firewall(&self, what: &FirewallClear) -> Result<(), Error> {
        *self.cleared_firewall.lock().unwrap() = Some(what.clone());
        Ok(())
    }
    fn mirrors(&self) -> Result<Vec<ravelin_contract::MirrorCounters>, Error> {
        Ok(Vec::new())
    }
    fn clear_mirrors(&self, _: &[ravelin_types::MirrorId]) -> Result<(), Error> {
        Ok(())
    }
    fn events(&self, _: usize) -> Result<EventBatch, Error> {
        unsupported()
    }
}

impl Diagnostics for FakePlane {
    fn status(&self) -> Result<Status, Error> {
        let port = |name: &str, up| PortStatus { name: name.into(), up, mode: "native, copy".into() };
        let worker =
            WorkerStatus { worker: WorkerId(0), alive: true, restarts: 1, generation: Generation(7) };
        Ok(Status {
            backend: "fake".into(),
            armed: true,
            epoch: 11,
            generation: Some(Generation(7)),
            workers: vec![worker],
            ports: vec![port("ge-0/0/0", true), port("ge-0/0/1", false)],
        })
    }
    fn arm(&self, _: bool) -> Result<(), Error> {
        unsupported()
    }
    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error> {
        *self.injected.lock().unwrap() = Some(request.clone());
        let finding = |stage: &str, subject: &str, outcome: &str| Finding {
            stage: stage.into(),
            subject: subject.into(),
            outcome: outcome.into(),
        };
        Ok(Explanation {
            verdict: InjectVerdict::Drop(DropReason::PolicyReject),
            findings: vec![finding("session", "", "no session"), finding("policy", "p2", "match: reject")],
        })
    }
    fn drop_samples(&self, max: usize) -> Result<DropSamples, Error> {
        let samples = super::drops::samples().into_iter().filter(|_| !*self.forgotten.lock().unwrap());
        Ok(DropSamples { now_ns: super::drops::NOW_NS, samples: samples.take(max).collect() })
    }
    fn clear_drop_samples(&self) -> Result<(), Error> {
        *self.forgotten.lock().unwrap() = true;
        Ok(())
    }
    fn trace_start(&self, request: &TraceRequest) -> Result<TraceId, Error> {
        let mut traces = self.traces.lock().unwrap();
        traces.push(Some(request.clone()));
        Ok(TraceId(traces.len() as u64))
    }
    /// Every sample that the filter holds for, each time it is asked.
    fn trace_read(&self, id: TraceId, max: usize) -> Result<TraceBatch, Error> {
        let traces = self.traces.lock().unwrap();
        let Some(Some(request)) = traces.get(id.0 as usize - 1) else {
            return Ok(TraceBatch { ended: true, ..TraceBatch::default() });
        };
        Ok(super::drops::batch(request, max))
    }
    fn trace_stop(&self, id: TraceId) -> Result<(), Error> {
        self.traces.lock().unwrap()[id.0 as usize - 1] = None;
        Ok(())
    }
}
