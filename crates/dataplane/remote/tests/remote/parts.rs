//! Calls that say more than a message holds, and what a successor goes on with, over a socket.
//!
//! Spec: contract-8, contract-18, sync-14, sync-15.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use prost::Message as _;
use ravelin_contract::{
    CarriedCounters, DataPlane, ExportCursor, GateFilter, NextHop, Route, RouteUpdate, SessionKey,
    UpdateBatch,
};
use ravelin_engine::Ingress;
use ravelin_remote::CAPABILITIES;
use ravelin_remote::proto::request::Call;
use ravelin_remote::proto::response::Answer;
use ravelin_remote::proto::{self, Hello, Request, Response};
use ravelin_types::{Family, InstanceId, InterfaceId, PortId, Proto, ZoneId};

use crate::fake::{Fake, key};
use crate::golden::{framed, read};
use crate::simulator::{frame, running, sessions};
use crate::{kept, serve};

/// More than one message takes, and no whole number of messages.
const MANY: u32 = (256 << 10) + 7;

fn route(n: u32) -> RouteUpdate {
    let prefix = ipnet::Ipv4Net::new(std::net::Ipv4Addr::from(0x1000_0000 + n), 32).unwrap().into();
    let hop = NextHop { interface: InterfaceId(1), gateway: None, weight: 1 };
    RouteUpdate { instance: InstanceId::DEFAULT, prefix, route: Some(Route::Via(vec![hop])) }
}

#[test]
fn a_table_of_any_size_is_one_update() {
    let (plane, served) = running();
    let client = served.client();
    let routes: Vec<_> = (0..MANY).map(route).collect();
    let batch = UpdateBatch { version: 9, resync: true, routes, ..UpdateBatch::default() };
    client.updates().apply(&batch).unwrap();
    assert_eq!((plane.forwarding().routes.len(), client.updates().version()), (MANY as usize, 9));
    // What came in parts once is not there another time.
    let few = UpdateBatch { version: 10, resync: true, routes: vec![route(0)], ..UpdateBatch::default() };
    client.updates().apply(&few).unwrap();
    assert_eq!(plane.forwarding().routes.len(), 1);
}

/// Beside a table of a quarter of a million, a route that goes and one that comes are two calls of some tens of bytes.
#[test]
fn a_change_of_one_route_moves_one_route() {
    let (plane, served) = running();
    let client = served.client();
    let routes: Vec<_> = (0..MANY).map(route).collect();
    let batch = UpdateBatch { version: 9, resync: true, routes, ..UpdateBatch::default() };
    client.updates().apply(&batch).unwrap();
    let gone = RouteUpdate { route: None, ..route(5) };
    for (version, change, left) in [(10, gone, MANY - 1), (11, route(5), MANY)] {
        let before = client.traffic();
        let batch = UpdateBatch { version, routes: vec![change], ..UpdateBatch::default() };
        client.updates().apply(&batch).unwrap();
        let after = client.traffic();
        let bytes = after.bytes - before.bytes;
        assert!(bytes > 0 && bytes < 64, "{bytes}");
        assert_eq!(plane.forwarding().routes.len(), left as usize);
    }
}

#[test]
fn parts_are_nothing_until_the_call_that_ends_them_and_go_with_their_connection() {
    let (plane, served) = running();
    let before = plane.forwarding().routes.len();
    let part = proto::UpdateBatch {
        routes: vec![proto::RouteUpdate {
            prefix: Some(proto::Prefix { addr: vec![10, 9, 0, 0], len: 16 }),
            route: Some(proto::route_update::Route::Discard(proto::Empty {})),
            ..Default::default()
        }],
        ..Default::default()
    };
    let capabilities = CAPABILITIES.iter().map(|word| (*word).to_owned()).collect();
    let hello = Hello { version: 1, capabilities, ..Hello::default() };
    let mut stream = UnixStream::connect(&served.path).unwrap();
    stream.write_all(&framed(&hello.encode_to_vec())).unwrap();
    let _: Hello = read(&stream);
    let request = Request { id: 1, call: Some(Call::UpdatePart(part)) };
    stream.write_all(&framed(&request.encode_to_vec())).unwrap();
    let answer: Response = read(&stream);
    assert!(matches!(answer.answer, Some(Answer::Done(_))));
    assert_eq!(plane.forwarding().routes.len(), before);
    drop(stream);
    served.client().updates().apply(&UpdateBatch { version: 3, ..UpdateBatch::default() }).unwrap();
    assert_eq!(plane.forwarding().routes.len(), before);
}

/// The one that the peer has is named in the first of several messages.
#[test]
fn a_peer_may_have_any_number_of_sessions() {
    let (plane, served) = running();
    for sport in [7, 8] {
        drop(plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame(sport))]));
    }
    let all = sessions(&*plane);
    let ([first, ..], gone) = (&all[..], all.len() as u64 - 1) else { panic!("two sessions at least") };
    assert!(gone > 0);
    let others = (0..MANY).map(|n| SessionKey { sport: n as u16, ..key((n >> 16) as u16) });
    let received: Vec<_> = [first.wings[0].key].into_iter().chain(others).collect();
    let client = served.client();
    let result = client.sessions().reconcile_bulk(&received, &|zone| zone == ZoneId(77)).unwrap();
    assert_eq!((result.stale, result.deleted), (gone, gone));
    assert_eq!(sessions(&*plane).iter().map(|view| view.id).collect::<Vec<_>>(), [first.id]);
}

#[test]
fn mappings_and_counters_of_another_plane_arrive_whole() {
    let plane = Arc::new(Fake::default());
    let client = serve(plane.clone());
    let client = client.client();
    let many = vec![kept::carried(); 5000];
    assert_eq!(client.sessions().put_mappings(&many).unwrap(), 5000);
    assert_eq!(plane.last_call(), format!("put {:?}", many.last()));
    assert_eq!(client.sessions().mappings().unwrap(), [many[0].clone(), many[1].clone()]);
    let page = client.sessions().mapping_page(ExportCursor { worker: 1, slot: 7 }, 3).unwrap();
    assert_eq!((page.mappings.len(), page.next), (1, None));
    let telemetry = client.telemetry();
    let counters = CarriedCounters {
        global: telemetry.global().unwrap(),
        policies: telemetry.policies().unwrap(),
        nat_rules: telemetry.nat_rules().unwrap(),
        interfaces: telemetry.interfaces().unwrap(),
        screens: telemetry.screens().unwrap(),
        unit_screens: telemetry.unit_screens().unwrap(),
        mirrors: telemetry.mirrors().unwrap(),
        ..CarriedCounters::default()
    };
    client.telemetry().carry_over(&counters).unwrap();
    assert_eq!(plane.last_call(), format!("{counters:?}"));
}

#[test]
fn expected_sessions_are_asked_for_as_they_are_meant() {
    let plane = Arc::new(Fake::default());
    let client = serve(plane.clone());
    let client = client.client();
    let filter = GateFilter {
        proto: Some(Proto::UDP),
        source: "10.0.0.0/8".parse().ok(),
        destination: "2001:db8::/32".parse().ok(),
        source_port: Some(1),
        destination_port: Some(u16::MAX),
        family: Some(Family::V6),
    };
    let from = ExportCursor { worker: 1, slot: 7 };
    let page = client.sessions().gate_page(&filter, from, usize::MAX).unwrap();
    assert_eq!(page.gates, [kept::gate()]);
    assert_eq!(page.next, Some(ExportCursor { slot: 9, ..from }));
    assert_eq!(plane.last_call(), format!("{filter:?} {from:?} 4096"));
}
