//! The simulator behind a socket answers as it does in the process.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use ravelin_contract::{
    CloseReason, DataPlane, Error, InjectRequest, InjectVerdict, NextHop, Route, RouteUpdate, SessionFilter,
    SessionView, UpdateBatch,
};
use ravelin_engine::Ingress;
use ravelin_program::{
    Action, AddressMatch, Application, Chunk, FlowSettings, HostInbound, Interface, Interfaces, LogWhen,
    Policy, PolicySection, PolicyTcp, Port, PortRange, Prefix, Program, Zone, ZoneMatch, Zones,
};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Family, Generation, InstanceId, InterfaceId, PolicyId, PortId, RuleIdentity, ZoneId};

use crate::{Served, serve};

fn port(id: u16) -> Port {
    let (name, device) = (format!("ge-0/0/{id}"), format!("eth{id}"));
    Port { id: PortId(id), name, device, mac: [2, 0, 0, 0, 0, id as u8], mtu: 1514, enabled: true }
}

fn unit(id: u16) -> Interface {
    Interface {
        id: InterfaceId(id),
        name: format!("ge-0/0/{id}.0"),
        port: PortId(id),
        vlan: None,
        zone: Some(ZoneId(id + 1)),
        instance: InstanceId::DEFAULT,
        enabled: true,
        mtu4: 1500,
        mtu6: 1500,
        inet: true,
        inet6: false,
        addresses: Vec::new(),
        host_inbound: None,
        proxied: Vec::new(),
        group: ravelin_types::GroupId(0),
        tap: format!("rv{id}"),
    }
}

pub(crate) fn program() -> Program {
    let zone = |id: u16| Zone {
        id: ZoneId(id),
        name: format!("zone{id}"),
        tcp_rst: false,
        unidirectional_refresh: false,
        tracking: None,
        functional: false,
        host_inbound: HostInbound::default(),
    };
    let any = AddressMatch { ranges: vec![Prefix::all(Family::V4)].into(), ..AddressMatch::default() };
    let application = Application {
        proto: None,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        icmp: None,
        inactivity_timeout: None,
        gateway: ravelin_program::Gateway::ByPort,
        name: 0,
    };
    let policy = Policy {
        id: PolicyId(1),
        identity: RuleIdentity(11),
        name: "out".into(),
        source: any.clone(),
        destination: any,
        applications: vec![application].into(),
        action: Action::Permit,
        log: LogWhen { init: true, close: true, update: 60 },
        count: true,
        schedule: None,
        tcp: PolicyTcp::default(),
        translated: Default::default(),
    };
    let zones = ZoneMatch { from: vec![ZoneId(1)].into(), to: vec![ZoneId(2)].into() };
    let section = PolicySection { zones, policies: vec![(ZoneMatch::default(), policy)] };
    let chunks = [
        Chunk::Interfaces(Interfaces {
            ports: vec![port(0), port(1)],
            units: vec![unit(0), unit(1)],
            instances: Vec::new(),
        }),
        Chunk::Zones(Zones(vec![zone(1), zone(2)])),
        Chunk::Flow(FlowSettings::default()),
        Chunk::Section(section),
        Chunk::ApplicationNames(vec!["any".into()]),
    ];
    Program::new(Generation(1), chunks.into_iter().map(|chunk| (String::new(), Arc::new(chunk))))
}

fn routes() -> UpdateBatch {
    let hop = |id| NextHop { interface: InterfaceId(id), gateway: None, weight: 1 };
    let route = |prefix: &str, id| RouteUpdate {
        instance: InstanceId::DEFAULT,
        prefix: prefix.parse().unwrap(),
        route: Some(Route::Via(vec![hop(id)])),
    };
    let routes = vec![route("10.0.0.0/24", 0), route("192.0.2.0/24", 1)];
    UpdateBatch { version: 1, resync: true, routes, ..UpdateBatch::default() }
}

/// UDP of 8 bytes without a checksum from 10.0.0.1 to 192.0.2.1.
pub(crate) fn frame(sport: u16) -> Vec<u8> {
    let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1];
    let sum: u32 = ip.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    ip[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    let ethernet = [2, 0, 0, 0, 0, 0, 2, 9, 9, 9, 9, 9, 8, 0];
    let [high, low] = sport.to_be_bytes();
    [&ethernet[..], &ip, &[high, low, 0, 53, 0, 8, 0, 0]].concat()
}

pub(crate) fn sessions(plane: &dyn DataPlane) -> Vec<SessionView> {
    let mut seen = Vec::new();
    let walked = plane.sessions().for_each(&SessionFilter::default(), &mut |view| {
        seen.push(*view);
        ControlFlow::Continue(())
    });
    walked.unwrap();
    seen
}

pub(crate) fn running() -> (Arc<SimPlane>, Served) {
    let plane = Arc::new(SimWorkers::plane(SimSetup::default()));
    let served = serve(plane.clone());
    let client = served.client();
    client.start().unwrap();
    assert_eq!(client.check_config(&program()).unwrap().refusals, []);
    let result = client.apply_config(&program()).unwrap();
    assert_eq!(Some(result), plane.last_apply_result());
    client.updates().apply(&routes()).unwrap();
    for sport in 1000..1005 {
        let _ = plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame(sport))]);
    }
    let _ = plane.workers().run_batch(&[(Ingress::Port(PortId(1)), &frame(1))]);
    (plane, served)
}

#[test]
fn every_reading_call_answers_as_in_the_process() {
    let (plane, served) = running();
    let client = served.client();
    assert_eq!(client.last_apply_result(), plane.last_apply_result());
    assert_eq!((client.updates().version(), client.epoch()), (1, 1));
    let live = sessions(&*plane);
    assert_eq!((live.len(), client.sessions().count().unwrap()), (5, 5));
    assert_eq!(sessions(&client), live);
    let key = &live[0].wings[0].key;
    assert_eq!(client.sessions().get(key).unwrap(), Some(live[0]));
    let (far, near) = (client.telemetry(), plane.telemetry());
    assert_eq!(far.global().unwrap(), near.global().unwrap());
    assert_ne!(far.global().unwrap().drops.iter().sum::<u64>(), 0);
    assert_eq!(far.policies().unwrap(), near.policies().unwrap());
    assert_eq!(far.nat_rules().unwrap(), near.nat_rules().unwrap());
    assert_eq!(far.interfaces().unwrap(), near.interfaces().unwrap());
    assert_eq!(client.diagnostics().status().unwrap(), plane.diagnostics().status().unwrap());
    let request = InjectRequest { interface: "ge-0/0/0.0".into(), frame: frame(7), before: Vec::new() };
    let explained = client.diagnostics().inject_packet(&request).unwrap();
    assert_eq!(explained, plane.diagnostics().inject_packet(&request).unwrap());
    assert_eq!(explained.verdict, InjectVerdict::Forward { interface: "ge-0/0/1.0".into() });
}

#[test]
fn events_are_taken_once_and_sessions_end_for_good() {
    let (plane, served) = running();
    let client = served.client();
    assert!(client.telemetry().events(100).unwrap().events.len() >= 5);
    assert_eq!(plane.telemetry().events(100).unwrap().events, []);
    let live = sessions(&client);
    let key = live[0].wings[0].key;
    assert_eq!(key.src, IpAddr::from([10, 0, 0, 1]));
    assert!(client.sessions().delete_by_key(&key, CloseReason::Cleared).unwrap());
    assert!(!client.sessions().delete_by_key(&key, CloseReason::Cleared).unwrap());
    assert_eq!(client.sessions().clear(&SessionFilter::default()).unwrap(), 4);
    assert_eq!(sessions(&*plane), []);
}

#[test]
fn what_the_plane_can_not_do_is_a_typed_error_over_the_socket_too() {
    let (_, served) = running();
    let client = served.client();
    client.close();
    client.teardown().unwrap_err();
    served.client().teardown().unwrap();
    assert!(matches!(served.client().diagnostics().arm(true), Err(Error::NotReady)));
}

#[test]
fn a_program_the_plane_refuses_comes_back_with_its_refusals() {
    let (plane, served) = running();
    let mut strange = program();
    strange.requires = vec!["quantum".into()];
    let refused = served.client().apply_config(&strange).unwrap_err();
    let Error::Refused(refusals) = refused else { panic!("{refused:?}") };
    assert_eq!(refusals[0].path, "quantum");
    assert_eq!(plane.last_apply_result().unwrap().generation, Generation(1));
}
