//! The engine behind the simulator, by a program built by hand: two zones, one permit, source NAT.

#[path = "flow/fragments.rs"]
mod fragments;
#[path = "flow/overload.rs"]
mod overload;
#[path = "flow/whole.rs"]
mod whole;

use std::ops::ControlFlow;
use std::sync::Arc;

use ravelin_contract::{
    CloseReason, DataPlane, Error, NextHop, Route, RouteUpdate, SessionFilter, SessionRef, SessionView,
    UpdateBatch,
};
use ravelin_engine::{Checksum, Ingress, Verdict};
use ravelin_program::{
    Action, AddressMatch, Application, Chunk, FlowSettings, HostInbound, Interface, InterfaceAddress,
    Interfaces, LogWhen, NatContext, Policy, PolicySection, PolicyTcp, Port, PortRange, Prefix, Program,
    Service, SourceAction, SourceNat, SourceRule, SourceRuleSet, TcpSettings, Zone, ZoneMatch, Zones,
};
use ravelin_sim::{Sent, SimPlane, SimSetup, SimWorkers};
use ravelin_types::{
    Addr, DropReason, Family, Generation, InstanceId, Instant, InterfaceId, NatRuleId, PolicyId, PortId,
    Proto, RuleIdentity, WorkerId, ZoneId,
};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, Network, TcpFlags, checksum, parse};

const TRUST: ZoneId = ZoneId(1);
const UNTRUST: ZoneId = ZoneId(2);
const INSIDE: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const OUTSIDE: [u8; 4] = [198, 51, 100, 1];

fn any() -> AddressMatch {
    AddressMatch::any()
}

fn policy(id: u32, name: &str, ports: (u16, u16), action: Action) -> Policy {
    let application = Application {
        proto: None,
        source_ports: PortRange::ANY,
        destination_ports: PortRange { low: ports.0, high: ports.1 },
        icmp: None,
        inactivity_timeout: None,
        gateway: ravelin_program::Gateway::ByPort,
        name: 0,
    };
    Policy {
        id: PolicyId(id),
        identity: RuleIdentity(id.into()),
        name: name.into(),
        source: any(),
        destination: any(),
        applications: vec![application].into(),
        action,
        log: LogWhen::default(),
        count: true,
        schedule: None,
        tcp: PolicyTcp::default(),
        translated: Default::default(),
    }
}

fn unit(id: u16, zone: ZoneId, (vlan, mtu): (Option<u16>, u16), v4: [u8; 4], v6: &str) -> Interface {
    let Ip { src, .. } = Ip::v6(v6, v6);
    let address = |family, addr, len| InterfaceAddress { family, addr, len, preferred: true };
    Interface {
        id: InterfaceId(id),
        name: format!("ge-0/0/{id}.0"),
        port: PortId(id),
        vlan,
        zone: Some(zone),
        instance: InstanceId::DEFAULT,
        enabled: true,
        mtu4: mtu,
        mtu6: mtu,
        inet: true,
        inet6: true,
        addresses: vec![address(Family::V4, Addr::v4(v4), 24), address(Family::V6, src, 64)],
        host_inbound: None,
        proxied: Vec::new(),
        group: ravelin_types::GroupId(0),
        tap: format!("tap{id}"),
    }
}

fn program(generation: u64, nat: bool, policies: Vec<Policy>) -> Program {
    program_of(generation, nat, policies, 1500)
}

fn program_of(generation: u64, nat: bool, policies: Vec<Policy>, mtu: u16) -> Program {
    let port = |id: u16| Port {
        id: PortId(id),
        name: format!("ge-0/0/{id}"),
        device: format!("ge-0-0-{id}"),
        mac: [2, 0, 0, 0, 0, id as u8 + 1],
        mtu,
        enabled: true,
    };
    let ping = Service { proto: Some(Proto::ICMP), ports: PortRange::ANY, icmp: Some((8, 8)) };
    let zone = |id, name: &str| Zone {
        id,
        name: name.into(),
        tcp_rst: false,
        unidirectional_refresh: false,
        tracking: None,
        functional: false,
        host_inbound: HostInbound { accept: vec![ping], except: vec![] },
    };
    let rule = SourceRule {
        id: NatRuleId(1),
        identity: RuleIdentity(1),
        name: "r1".into(),
        matching: ravelin_program::NatMatch {
            source: AddressMatch { ranges: vec![Prefix::all(Family::V4)].into(), ..AddressMatch::default() },
            destination: any(),
            ..Default::default()
        },
        action: SourceAction::Interface,
        persistent: None,
    };
    let set = SourceRuleSet {
        name: "rs".into(),
        from: NatContext::Zones(vec![TRUST]),
        to: NatContext::Zones(vec![UNTRUST]),
        rules: vec![rule],
    };
    let section = PolicySection {
        zones: ZoneMatch { from: vec![TRUST].into(), to: vec![UNTRUST].into() },
        policies: policies.into_iter().map(|p| (ZoneMatch::default(), p)).collect(),
    };
    let chunks = [
        Chunk::Interfaces(Interfaces {
            ports: vec![port(0), port(1)],
            units: vec![
                unit(0, TRUST, (None, mtu), [10, 1, 0, 1], "2001:db8:1::1"),
                unit(1, UNTRUST, (Some(100), mtu), OUTSIDE, "2001:db8:2::1"),
            ],
            ..Interfaces::default()
        }),
        Chunk::Zones(Zones(vec![zone(TRUST, "trust"), zone(UNTRUST, "untrust")])),
        Chunk::Flow(FlowSettings::default()),
        Chunk::SourceNat(SourceNat(if nat { vec![set] } else { vec![] })),
        Chunk::Section(section),
        Chunk::ApplicationNames(vec!["any".into()]),
    ];
    Program::new(Generation(generation), chunks.map(|c| (String::new(), Arc::new(c))))
}

fn route(prefix: &str, unit: u16) -> RouteUpdate {
    let hop = NextHop { interface: InterfaceId(unit), gateway: None, weight: 1 };
    RouteUpdate {
        instance: InstanceId::DEFAULT,
        prefix: prefix.parse().unwrap(),
        route: Some(Route::Via(vec![hop])),
    }
}

fn plane(program: &Program, checksum: Checksum) -> SimPlane {
    plane_of(program, SimSetup { checksum, ..SimSetup::default() })
}

fn plane_of(program: &Program, setup: SimSetup) -> SimPlane {
    let plane = SimWorkers::plane(setup);
    assert!(plane.check_config(program).unwrap().refusals.is_empty());
    plane.apply_config(program).unwrap();
    let routes = ["10.1.0.0/24", "2001:db8:1::/64"].map(|p| route(p, 0));
    let more = ["198.51.100.0/24", "2001:db8:2::/64"].map(|p| route(p, 1));
    let routes = routes.into_iter().chain(more).collect();
    plane.updates().apply(&UpdateBatch { version: 1, routes, ..UpdateBatch::default() }).unwrap();
    plane
}

fn permit_all() -> Vec<Policy> {
    vec![policy(1, "p1", (0, 65535), Action::Permit)]
}

fn send(plane: &SimPlane, port: u16, frame: &[u8]) -> (Verdict, Vec<Sent>) {
    let (verdicts, sent, _) = plane.workers().run_batch(&[(Ingress::Port(PortId(port)), frame)]);
    (verdicts[0], sent)
}

/// An answer from outside is tagged on its way in.
fn tagged(mut ip: Ip) -> Ip {
    ip.vlan = Some(100);
    ip
}

fn network(frame: &[u8]) -> Network {
    let network = parse(frame).unwrap().network.unwrap();
    let l4 = &frame[usize::from(network.l4_at)..usize::from(network.end)];
    let sum = if network.proto == Proto::ICMP {
        !checksum::fold(checksum::sum(l4))
    } else {
        checksum::transport(network.family, network.src, network.dst, network.proto, l4)
    };
    assert_eq!(sum, 0, "the transport checksum is right");
    network
}

fn ports(network: &Network) -> (u16, u16) {
    match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } => (sport, dport),
        L4::Icmp { id, .. } => (id, 0),
        _ => panic!("no ports"),
    }
}

#[test]
fn a_tcp_conversation_is_translated_both_ways_whatever_the_checksum_state() {
    for checksum in [Checksum::Unverified, Checksum::Unknown] {
        let plane = plane(&program(1, true, permit_all()), checksum);
        let syn = build::frame(&Ip::v4(INSIDE, SERVER), &Payload::tcp(40000, 80, TcpFlags::SYN));
        let (verdict, sent) = send(&plane, 0, &syn);
        assert!(matches!(verdict, Verdict::Send { .. }), "{verdict:?}");
        let out = network(&sent[0].frame);
        assert_eq!((out.src, out.dst, out.ttl), (Addr::v4(OUTSIDE), Addr::v4(SERVER), 63));
        assert_eq!(parse(&sent[0].frame).unwrap().vlan.map(|v| v.id()), Some(100));
        let (leased, dport) = ports(&out);
        assert_eq!(dport, 80);
        let back = tagged(Ip::v4(SERVER, OUTSIDE));
        let answer =
            build::frame(&back, &Payload::tcp_segment(80, leased, TcpFlags::SYN | TcpFlags::ACK, 1, 2, b""));
        let (_, sent) = send(&plane, 1, &answer);
        let inside = network(&sent[0].frame);
        assert_eq!((inside.src, inside.dst), (Addr::v4(SERVER), Addr::v4(INSIDE)));
        assert_eq!(ports(&inside), (80, 40000));
        assert_eq!(parse(&sent[0].frame).unwrap().vlan, None);
        assert_eq!(plane.sessions().count().unwrap(), 1);
        let counted = plane.telemetry().policies().unwrap()[0];
        assert_eq!((counted.hits, counted.packets, counted.bytes), (1, [1, 1], [40, 40]));
    }
}

#[test]
fn two_inside_hosts_with_one_source_port_get_two_outside_ports() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let mut seen = Vec::new();
    for host in 2..50 {
        let ip = Ip::v4([10, 1, 0, host], SERVER);
        let (_, sent) = send(&plane, 0, &build::frame(&ip, &Payload::udp(5000, 53, b"q")));
        seen.push(ports(&network(&sent[0].frame)).0);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 48);
}

#[test]
fn ipv6_passes_untranslated_and_its_answer_needs_no_policy() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let ip = Ip::v6("2001:db8:1::2", "2001:db8:2::2");
    let (_, sent) = send(&plane, 0, &build::frame(&ip, &Payload::udp(5000, 53, b"q")));
    assert_eq!(network(&sent[0].frame).src, ip.src);
    let back = tagged(Ip::v6("2001:db8:2::2", "2001:db8:1::2"));
    let (verdict, _) = send(&plane, 1, &build::frame(&back, &Payload::udp(53, 5000, b"a")));
    assert!(matches!(verdict, Verdict::Send { .. }), "{verdict:?}");
    let stranger = tagged(Ip::v6("2001:db8:2::3", "2001:db8:1::2"));
    let (verdict, _) = send(&plane, 1, &build::frame(&stranger, &Payload::udp(53, 5000, b"a")));
    assert_eq!(verdict, Verdict::Drop(DropReason::DefaultDeny));
}

#[test]
fn ping_to_the_firewall_reaches_the_host_and_other_services_do_not() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let ip = Ip::v4(INSIDE, [10, 1, 0, 1]);
    let ping = build::frame(&ip, &Payload::icmp(Family::V4, 8, 0, 0x0001_0001, b"hi"));
    let (verdict, sent) = send(&plane, 0, &ping);
    assert!(matches!(verdict, Verdict::Send { egress: ravelin_engine::Egress::Host(_), .. }), "{verdict:?}");
    assert_eq!(network(&sent[0].frame).ttl, 64);
    let ssh = build::frame(&ip, &Payload::tcp(40000, 22, TcpFlags::SYN));
    assert_eq!(send(&plane, 0, &ssh).0, Verdict::Drop(DropReason::HostInboundDenied));
}

#[test]
fn reject_answers_and_deny_is_silent() {
    let policies = vec![
        policy(1, "deny-telnet", (23, 23), Action::Deny),
        policy(2, "reject-smtp", (25, 25), Action::Reject),
        policy(3, "rest", (0, 65535), Action::Permit),
    ];
    let plane = plane(&program(1, true, policies), Checksum::Unverified);
    let ip = Ip::v4(INSIDE, SERVER);
    let (verdict, sent) = send(&plane, 0, &build::frame(&ip, &Payload::tcp(40000, 23, TcpFlags::SYN)));
    assert_eq!((verdict, sent.len()), (Verdict::Drop(DropReason::PolicyDeny), 0));
    let (verdict, sent) = send(&plane, 0, &build::frame(&ip, &Payload::tcp(40000, 25, TcpFlags::SYN)));
    assert_eq!(verdict, Verdict::Drop(DropReason::PolicyReject));
    let reset = network(&sent[0].frame);
    assert_eq!((reset.src, reset.dst), (ip.dst, ip.src));
    let L4::Tcp { flags, .. } = reset.l4 else { panic!("not tcp") };
    assert_eq!(flags.0, TcpFlags::RST | TcpFlags::ACK);
    let (_, sent) = send(&plane, 0, &build::frame(&ip, &Payload::udp(40000, 25, b"x")));
    let L4::Icmp { kind, code, .. } = network(&sent[0].frame).l4 else { panic!("not icmp") };
    assert_eq!((kind, code), (3, 3));
}

#[test]
fn an_icmp_error_finds_its_session_and_is_turned_back() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let (_, sent) =
        send(&plane, 0, &build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 33434, b"probe")));
    let quoted = &sent[0].frame[18..];
    let router = tagged(Ip::v4([198, 51, 100, 9], OUTSIDE));
    let error = build::frame(&router, &Payload::icmp(Family::V4, 11, 0, 0, &quoted[..28]));
    let (verdict, sent) = send(&plane, 1, &error);
    assert!(matches!(verdict, Verdict::Send { .. }), "{verdict:?}");
    let inside = network(&sent[0].frame);
    assert_eq!((inside.src, inside.dst), (router.src, Addr::v4(INSIDE)));
    let quote = ravelin_wire::parse_ip(&sent[0].frame[14 + 28..], Family::V4).unwrap();
    assert_eq!((quote.src, ports(&quote)), (Addr::v4(INSIDE), (5000, 33434)));
    let stray = tagged(Ip::v4([198, 51, 100, 9], OUTSIDE));
    let other = build::datagram(&Ip::v4(OUTSIDE, SERVER), &Payload::udp(1, 2, b""));
    let error = build::frame(&stray, &Payload::icmp(Family::V4, 11, 0, 0, &other));
    assert_eq!(send(&plane, 1, &error).0, Verdict::Drop(DropReason::IcmpErrorNoSession));
}

#[test]
fn ttl_and_mtu_are_answered() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let mut ip = Ip::v4(INSIDE, SERVER);
    ip.ttl = 1;
    let (verdict, sent) = send(&plane, 0, &build::frame(&ip, &Payload::udp(1, 2, b"x")));
    assert_eq!(verdict, Verdict::Drop(DropReason::TtlExpired));
    let L4::Icmp { kind, code, .. } = network(&sent[0].frame).l4 else { panic!("not icmp") };
    assert_eq!((kind, code), (11, 0));
    let mut ip = Ip::v4(INSIDE, SERVER);
    ip.fragment = 0x4000;
    let (verdict, sent) = send(&plane, 0, &build::frame(&ip, &Payload::udp(1, 2, &[0; 1600])));
    assert_eq!(verdict, Verdict::Drop(DropReason::PacketTooBig));
    let L4::Icmp { kind, code, id } = network(&sent[0].frame).l4 else { panic!("not icmp") };
    assert_eq!((kind, code, id), (3, 4, 0));
}

#[test]
fn a_commit_that_deletes_the_policy_ends_its_sessions_and_one_that_does_not_keeps_them() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let frame = build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 53, b"q"));
    send(&plane, 0, &frame);
    let more = vec![policy(2, "p0", (9, 9), Action::Deny), policy(1, "p1", (0, 65535), Action::Permit)];
    plane.apply_config(&program(2, true, more)).unwrap();
    let (verdict, _) = send(&plane, 0, &frame);
    assert!(matches!(verdict, Verdict::Send { .. }), "{verdict:?}");
    let counters = plane.telemetry().global().unwrap();
    assert_eq!((counters.sessions_created, counters.sessions_closed), (1, 0));
    plane.apply_config(&program(3, true, vec![policy(2, "p0", (9, 9), Action::Deny)])).unwrap();
    assert_eq!(send(&plane, 0, &frame).0, Verdict::Drop(DropReason::DefaultDeny));
    assert_eq!(plane.sessions().count().unwrap(), 0);
}

#[test]
fn sessions_age_and_give_their_port_back() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    send(&plane, 0, &build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 53, b"q")));
    for second in 1..70 {
        plane.workers().advance(Instant::from_secs(second));
        let _ = plane.workers().run_batch(&[]);
    }
    assert_eq!(plane.sessions().count().unwrap(), 0);
    assert_eq!(plane.telemetry().nat_rules().unwrap()[0].sessions, 0);
}

#[test]
fn clear_ends_what_the_filter_names_and_nothing_else() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    for host in 2..12 {
        send(&plane, 0, &build::frame(&Ip::v4([10, 1, 0, host], SERVER), &Payload::udp(5000, 53, b"q")));
    }
    let one = SessionFilter { source: Some("10.1.0.5/32".parse().unwrap()), ..SessionFilter::default() };
    assert_eq!(plane.sessions().clear(&one).unwrap(), 1);
    assert_eq!(plane.sessions().count().unwrap(), 9);
    assert_eq!(plane.sessions().clear(&SessionFilter::default()).unwrap(), 9);
}

/// The sessions of a plane, by whatever worker has them.
fn sessions(plane: &SimPlane) -> Vec<SessionView> {
    let mut all = Vec::new();
    let visit = &mut |view: &SessionView| {
        all.push(*view);
        ControlFlow::Continue(())
    };
    plane.sessions().for_each(&SessionFilter::default(), visit).unwrap();
    all
}

#[test]
fn a_worker_that_does_not_answer_keeps_its_own_sessions_and_no_others() {
    type Ends = fn(&SimPlane, &[SessionRef]) -> Result<u64, Error>;
    let ways: [Ends; 3] = [
        |plane, _| plane.sessions().clear(&SessionFilter::default()),
        |plane, known| plane.sessions().delete_known(known, CloseReason::PeerDelete),
        |plane, _| plane.sessions().reconcile_bulk(&[], &|_| false).map(|result| result.deleted),
    ];
    for ends in ways {
        for silent in [WorkerId(0), WorkerId(1), WorkerId(2)] {
            let setup = SimSetup { workers: 3, ..SimSetup::default() };
            let plane = plane_of(&program(1, true, permit_all()), setup);
            for host in 2..62 {
                send(
                    &plane,
                    0,
                    &build::frame(&Ip::v4([10, 1, 0, host], SERVER), &Payload::udp(5000, 53, b"q")),
                );
            }
            let before = sessions(&plane);
            let known: Vec<_> = before.iter().map(|v| SessionRef { id: v.id, key: v.wings[0].key }).collect();
            let kept = before.iter().filter(|view| view.worker == silent).count();
            assert!(before.len() == 60 && kept > 5, "{kept}");
            plane.workers().silence(Some(silent));
            assert!(matches!(ends(&plane, &known), Err(Error::Worker(worker)) if worker == silent.0));
            plane.workers().silence(None);
            let after = sessions(&plane);
            assert!(after.len() == kept && after.iter().all(|view| view.worker == silent), "{silent:?}");
            assert_eq!(ends(&plane, &known).unwrap(), kept as u64);
            assert_eq!(plane.sessions().count().unwrap(), 0);
        }
    }
}

/// A SYN that announces an MSS of 1460, of which the firewall lets 1350 through. Spec: tcp-42.
#[test]
fn the_mss_that_a_syn_announces_is_lowered_and_its_checksum_holds() {
    let mut program = program(1, true, permit_all());
    let flow = FlowSettings {
        tcp: TcpSettings { mss: Some(1350), ..TcpSettings::default() },
        ..FlowSettings::default()
    };
    let others = program.chunks().filter(|(_, _, chunk)| !matches!(***chunk, Chunk::Flow(_)));
    let chunks: Vec<_> = others.map(|(key, _, chunk)| (key.name.clone(), Arc::clone(chunk))).collect();
    program = Program::new(
        program.generation,
        chunks.into_iter().chain([(String::new(), Arc::new(Chunk::Flow(flow)))]),
    );
    for checksum in [Checksum::Unverified, Checksum::Unknown] {
        let plane = plane(&program, checksum);
        let payload = Payload::tcp_segment(40000, 80, TcpFlags::SYN, 1, 0, &[2, 4, 0x05, 0xb4]);
        let mut syn = build::frame(&Ip::v4(INSIDE, SERVER), &payload);
        let l4_at = usize::from(network(&syn).l4_at);
        syn[l4_at + 12] = 6 << 4;
        sum(&mut syn);
        let (_, sent) = send(&plane, 0, &syn);
        let out = network(&sent[0].frame);
        let option = usize::from(out.l4_at) + 20;
        assert_eq!(sent[0].frame[option..option + 4], [2, 4, 0x05, 0x46], "1350");
        let mut summed = sent[0].frame.clone();
        sum(&mut summed);
        assert_eq!(summed, sent[0].frame, "the checksum is right");
    }
}

/// Makes the TCP checksum of a frame anew.
fn sum(frame: &mut [u8]) {
    let network = parse(frame).unwrap().network.unwrap();
    let (at, end) = (usize::from(network.l4_at), usize::from(network.end));
    frame[at + 16..at + 18].fill(0);
    let sum = checksum::transport(network.family, network.src, network.dst, network.proto, &frame[at..end]);
    frame[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
}
