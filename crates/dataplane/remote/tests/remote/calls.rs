//! Every call, both ways; the connection lost and found.

use std::ops::ControlFlow;
use std::sync::Arc;

use ravelin_contract::{
    ApplyResult, CloseReason, CounterClear, DataPlane, DeltaCursor, Error, ExportCursor, FabricForwarding,
    FabricId, InjectRequest, KeptFilter, KeptKind, LinkUpdate, LiveUpdate, MappingFilter, NatClear,
    Neighbour, NeighbourUpdate, PacketFilter, PolicyCounters, PolicyNames, PutRefusal, PutResult,
    ReconcileResult, Route, RouteUpdate, ScheduleUpdate, SessionFilter, SessionRef, TraceKind, TraceRequest,
    UpdateBatch,
};
use ravelin_remote::{Server, listen};
use ravelin_types::{
    Generation, GroupId, InstanceId, InterfaceId, Mac, MirrorId, NatRuleId, PolicyId, PortId, Proto,
    ScheduleId, ZoneId,
};

use crate::fake::{self, Fake, key, view};
use crate::transfer::program;
use crate::{Served, serve};
use crate::{kept, synced};

fn fake(sessions: u16) -> (Arc<Fake>, Served) {
    let plane = Arc::new(Fake { sessions, epoch: 40, ..Fake::default() });
    (plane.clone(), serve(plane))
}

#[test]
fn programs_and_their_results_arrive_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    client.start().unwrap();
    assert_eq!(plane.last_call(), "start");
    assert_eq!(client.last_apply_result(), None);
    let program = program(5, &["a", "b"]);
    assert_eq!(client.check_config(&program).unwrap().refusals, [fake::refusal()]);
    assert_eq!(plane.last_call(), format!("check Generation(5) {:?}", program.digest()));
    // The names of policies are those of the program, which need not be said.
    let told = ApplyResult { policy_names: PolicyNames::of(&program), ..fake::result(Generation(5)) };
    assert_eq!(client.apply_config(&program).unwrap(), told);
    assert_eq!(client.last_apply_result(), Some(fake::result(Generation(5))));
    assert!(matches!(client.teardown(), Err(Error::Worker(7))));
}

#[test]
fn updates_arrive_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    let interface = InterfaceId(3);
    let prefix = "10.0.0.0/8".parse().unwrap();
    let addr = "10.0.0.9".parse().unwrap();
    let batch = UpdateBatch {
        version: 2,
        resync: true,
        routes: vec![RouteUpdate { instance: InstanceId(1), prefix, route: Some(Route::Local(interface)) }],
        neighbours: vec![NeighbourUpdate { interface, addr, neighbour: Neighbour::Reachable(Mac([1; 6])) }],
        links: vec![LinkUpdate { port: PortId(1), up: true }],
        live: Some(LiveUpdate {
            resync: false,
            schedules: vec![ScheduleUpdate { id: ScheduleId(9), open: Some(true) }],
            sets: Vec::new(),
        }),
    };
    client.updates().apply(&batch).unwrap();
    assert_eq!(plane.last_call(), format!("{batch:?}"));
    assert_eq!(client.updates().version(), 17);
}

#[test]
fn sessions_come_in_pages_each_once_and_in_order() {
    for count in [0, 1, 511, 512, 513, 3000] {
        let (plane, served) = fake(count);
        let filter = SessionFilter { proto: Some(Proto::UDP), nat: Some(true), ..Default::default() };
        let mut seen = Vec::new();
        let walked = served.client().sessions().for_each(&filter, &mut |view| {
            seen.push(*view);
            ControlFlow::Continue(())
        });
        walked.unwrap();
        assert_eq!(seen, (0..count).map(view).collect::<Vec<_>>());
        assert_eq!(plane.last_call(), format!("{filter:?}"));
    }
}

#[test]
fn a_visitor_may_break_off_and_may_make_other_calls() {
    let (_, served) = fake(u16::MAX);
    let client = served.client();
    let mut seen = 0;
    let walked = client.sessions().for_each(&SessionFilter::default(), &mut |view| {
        seen += 1;
        assert_eq!(client.sessions().get(&view.wings[0].key).unwrap(), Some(*view));
        if seen < 600 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    walked.unwrap();
    assert_eq!(seen, 600);
    assert_eq!(client.sessions().count().unwrap(), u64::from(u16::MAX));
}

#[test]
fn sessions_are_found_put_and_deleted() {
    let (plane, served) = fake(10);
    let client = served.client();
    let store = client.sessions();
    assert_eq!(store.get(&key(3)).unwrap(), Some(view(3)));
    assert_eq!(store.get(&key(10)).unwrap(), None);
    let put = store.put_synced(&synced::synced()).unwrap();
    assert_eq!(plane.last_call(), format!("{:?}", Some(&synced::synced()[1])));
    let refused = vec![(synced::synced()[0].id, PutRefusal::Collision)];
    assert_eq!(put, PutResult { installed: 1, updated: 3, refused });
    let refs: Vec<_> = (0..9000).map(|port| SessionRef { id: view(port).id, key: key(port) }).collect();
    assert_eq!(store.delete_known(&refs, CloseReason::PeerDelete).unwrap(), 9000);
    assert_eq!(plane.last_call(), format!("{:?} PeerDelete", Some(refs[8192])));
    assert!(store.delete_by_key(&key(9), CloseReason::Cleared).unwrap());
    assert!(!store.delete_by_key(&key(10), CloseReason::Cleared).unwrap());
    assert_eq!(plane.last_call(), format!("{:?} Cleared", key(10)));
    assert_eq!(store.clear(&SessionFilter::default()).unwrap(), 10);
    // Of a program's zones the caller is asked, and of the firewall itself.
    let result = store.reconcile_bulk(&[key(1), key(2)], &|zone| zone == ZoneId::HOST).unwrap();
    assert_eq!(result, ReconcileResult { stale: 9, deleted: 8 });
    assert_eq!(plane.last_call(), format!("{:?} {:?}", [key(1), key(2)], [ZoneId::HOST]));
}

#[test]
fn changes_and_exports_arrive_whole_and_are_bounded() {
    let (plane, served) = fake(0);
    let client = served.client();
    let deltas = client.sessions().deltas().unwrap();
    let cursor = DeltaCursor { epoch: 7, seen: vec![0, u64::MAX] };
    assert_eq!(deltas.drain(&cursor, 5).unwrap(), synced::deltas());
    assert_eq!(plane.last_call(), format!("{cursor:?} 5"));
    deltas.drain(&cursor, usize::MAX).unwrap();
    assert_eq!(plane.last_call(), format!("{cursor:?} 4096"));
    let from = ExportCursor { worker: 3, slot: 9 };
    let batch = deltas.export(&[GroupId(2)], from, usize::MAX).unwrap();
    assert_eq!(plane.last_call(), format!("{:?} {from:?} 4096", [GroupId(2)]));
    assert_eq!(batch.sessions, synced::synced());
    assert_eq!(batch.next, Some(ExportCursor { worker: 1, slot: u32::MAX }));
    assert_eq!(deltas.sweep_profile().unwrap().idle_interval_s, 60);
}

#[test]
fn telemetry_arrives_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    let telemetry = client.telemetry();
    assert_eq!(telemetry.global().unwrap(), fake::global());
    assert_eq!(telemetry.policies().unwrap(), [fake::POLICY, PolicyCounters::default()]);
    assert_eq!(telemetry.nat_rules().unwrap(), [fake::NAT]);
    assert_eq!(telemetry.source_pools().unwrap(), [fake::POOL]);
    assert_eq!(telemetry.interfaces().unwrap(), [fake::UNIT]);
    assert_eq!(telemetry.screens().unwrap(), [fake::screen_hits()]);
    assert_eq!(telemetry.unit_screens().unwrap(), [fake::unit_screen_hits()]);
    assert_eq!(telemetry.buffers().unwrap(), [kept::BUFFERS]);
    assert_eq!(telemetry.mirrors().unwrap(), [kept::MIRROR]);
    telemetry.clear_mirrors(&[MirrorId(3), MirrorId(0)]).unwrap();
    assert_eq!(plane.last_call(), "clear_mirrors [MirrorId(3), MirrorId(0)]");
    assert_eq!(telemetry.events(usize::MAX).unwrap(), fake::events());
    assert_eq!(plane.last_call(), "events 4096");
}

#[test]
fn mappings_are_asked_for_as_the_caller_says_and_arrive_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    let telemetry = client.telemetry();
    let filter = kept::mapping_filter();
    assert_eq!(telemetry.persistent_mappings(&filter, 7).unwrap(), kept::mappings());
    assert_eq!(plane.last_call(), format!("mappings {filter:?} 7"));
    // However many are asked for, one answer is bounded.
    telemetry.persistent_mappings(&MappingFilter::default(), usize::MAX).unwrap();
    assert_eq!(plane.last_call(), format!("mappings {:?} 65536", MappingFilter::default()));
    assert_eq!(telemetry.clear_persistent_mappings(&filter).unwrap(), 3);
    assert_eq!(plane.last_call(), format!("clear mappings {filter:?}"));
}

#[test]
fn kept_ports_are_asked_for_as_the_caller_says_and_arrive_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    let telemetry = client.telemetry();
    let filters = [
        KeptFilter::default(),
        KeptFilter {
            kind: KeptKind::Address,
            pool: Some(0),
            host: Some("10.0.0.1".parse().unwrap()),
            external: Some("2001:db8::2".parse().unwrap()),
            port: Some(0),
        },
    ];
    for filter in filters {
        assert_eq!(telemetry.kept_ports(&filter, 7).unwrap(), kept::kept());
        assert_eq!(plane.last_call(), format!("kept {filter:?} 7"));
        telemetry.kept_ports(&filter, usize::MAX).unwrap();
        assert_eq!(plane.last_call(), format!("kept {filter:?} 65536"));
    }
    assert_eq!(telemetry.interface_ports().unwrap(), [kept::INTERFACE_PORTS]);
    let what = NatClear { rules: vec![NatRuleId(1), NatRuleId(0)], pools: vec![NatRuleId(u32::MAX)] };
    telemetry.clear_nat(&what).unwrap();
    assert_eq!(plane.last_call(), format!("clear {what:?}"));
}

#[test]
fn counters_to_clear_are_named_one_by_one() {
    let (plane, served) = fake(0);
    let client = served.client();
    let all = CounterClear {
        policy_hits: vec![PolicyId(0), PolicyId(u32::MAX)],
        policy_traffic: vec![PolicyId(7)],
        screens: vec![ZoneId(3), ZoneId(u16::MAX)],
        unit_screens: vec![InterfaceId(4)],
        flow: true,
    };
    for what in [CounterClear::default(), all] {
        client.telemetry().clear_counters(&what).unwrap();
        assert_eq!(plane.last_call(), format!("clear {what:?}"));
    }
}

#[test]
fn diagnostics_arrive_whole() {
    let (plane, served) = fake(0);
    let client = served.client();
    let diagnostics = client.diagnostics();
    assert_eq!(diagnostics.status().unwrap(), fake::status(40));
    assert!(matches!(diagnostics.arm(true), Err(Error::NotReady)));
    assert_eq!(plane.last_call(), "arm true");
    let request =
        InjectRequest { interface: "ge-0/0/0.0".into(), frame: vec![0; 60], before: vec![vec![1; 3]] };
    assert_eq!(diagnostics.inject_packet(&request).unwrap(), fake::explanation());
    assert_eq!(plane.last_call(), format!("{request:?}"));
    let samples = diagnostics.drop_samples(5).unwrap();
    assert_eq!((samples.now_ns, samples.samples), (100, vec![fake::sample()]));
    assert_eq!(plane.last_call(), "samples 5");
    diagnostics.clear_drop_samples().unwrap();
    assert_eq!(plane.last_call(), "clear samples");
}

#[test]
fn traces_are_started_read_and_stopped() {
    let (plane, served) = fake(0);
    let client = served.client();
    let diagnostics = client.diagnostics();
    let filter = PacketFilter { source: "10.0.0.0/8".parse().ok(), ..PacketFilter::default() };
    let request = TraceRequest { filters: vec![filter], kind: TraceKind::DropPath, packets: 7, for_s: 60 };
    let id = diagnostics.trace_start(&request).unwrap();
    assert_eq!(plane.last_call(), format!("{request:?}"));
    assert_eq!(diagnostics.trace_read(id, 9).unwrap(), fake::batch());
    assert_eq!(plane.last_call(), "TraceId(41) 9");
    diagnostics.trace_stop(id).unwrap();
    assert_eq!(plane.last_call(), "stop TraceId(41)");
}

#[test]
fn link_and_cluster_calls_reach_the_plane_and_its_refusals_come_back() {
    let (plane, served) = fake(0);
    let client = served.client();
    let link = client.link();
    for answer in [link.defer_workers(true), link.prepare_link_cycle(), link.notify_link_cycle()] {
        assert!(matches!(answer, Err(Error::Unsupported("link cycle"))), "{answer:?}");
    }
    let ha = client.ha();
    ha.set_group_active(GroupId(1), true).unwrap();
    assert_eq!(plane.last_call(), "GroupId(1) true");
    ha.set_watchdog(GroupId(2), 3).unwrap();
    assert_eq!(plane.last_call(), "GroupId(2) 3");
    assert_eq!(ha.groups().unwrap(), crate::kept::groups());
    let (peer_mac, local_mac) = (Mac([2; 6]), Mac([4; 6]));
    let to = FabricForwarding { interface: "fab0".into(), peer_mac, local_mac };
    ha.set_fabric_forwarding(FabricId(1), &to).unwrap();
    assert_eq!(plane.last_call(), format!("FabricId(1) {to:?}"));
    ha.sync_fabric_state().unwrap();
    assert_eq!(plane.last_call(), "sync_fabric_state");
    assert_eq!(ha.fabrics().unwrap(), crate::kept::fabrics());
}

#[test]
fn after_a_restart_a_reading_call_finds_the_new_plane() {
    let (_, served) = fake(1);
    let client = served.client();
    assert_eq!((client.epoch(), client.sessions().count().unwrap()), (40, 1));
    let Served { server, path, _dir } = served;
    server.stop();
    assert!(matches!(client.sessions().count(), Err(Error::Unreachable(_))));
    let next = Arc::new(Fake { sessions: 2, epoch: 41, ..Fake::default() });
    let _server = Server::serve(listen(&path).unwrap(), next).unwrap();
    assert_eq!((client.sessions().count().unwrap(), client.epoch()), (2, 41));
}

#[test]
fn a_changing_call_on_a_broken_connection_is_not_made_twice() {
    let (_, served) = fake(1);
    let client = served.client();
    let Served { server, path, _dir } = served;
    server.stop();
    let next = Arc::new(Fake::default());
    let _server = Server::serve(listen(&path).unwrap(), next.clone()).unwrap();
    assert!(matches!(client.start(), Err(Error::Unreachable(_))));
    assert_eq!(next.last_call(), "");
    client.start().unwrap();
    assert_eq!(next.last_call(), "start");
}

#[test]
fn a_closed_client_leaves_the_plane_alone() {
    let (plane, served) = fake(1);
    let client = served.client();
    client.close();
    assert!(matches!(client.sessions().count(), Err(Error::Unreachable(_))));
    assert_eq!(plane.last_call(), "");
    assert_eq!(served.client().sessions().count().unwrap(), 1);
}
