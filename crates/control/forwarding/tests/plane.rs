//! The whole lower half on real devices: plane, TAPs, routes and neighbours, between a client and a server.
//!
//! Needs root, iproute2, ping, iperf3, util-linux. All state is named `rvb-*` or lies under `/run/rvb`.

#[path = "../../../dataplane/afxdp/tests/lab/mod.rs"]
mod lab;

use std::{
    fs::File,
    os::fd::AsFd,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lab::{Lab, inside, ok, ping, quiet, root, stdout, wait_for};
use ravelin_afxdp::{AfxdpPlane, AfxdpSetup, AfxdpWorkers, ChecksumOffload, SocketConfig};
use ravelin_contract::{DataPlane, Event, UpdateBatch};
use ravelin_engine::{Limits, Seed};
use ravelin_forwarding::{Monitor, Names, Prober};
use ravelin_host::{Desired, DesiredPort, DesiredTap, Host, link_local, resolve};
use ravelin_program::{
    Action, AddressMatch, Application, Chunk, FlowSettings, HostInbound, Interface, InterfaceAddress,
    Interfaces, LogWhen, NatContext, Policy, PolicySection, PolicyTcp, Port, PortRange, Prefix, Program,
    Service, SourceAction, SourceNat, SourceRule, SourceRuleSet, Zone, ZoneMatch, Zones,
};
use ravelin_types::{
    Addr, DropReason, Family, Generation, InstanceId, InterfaceId, Mac, NatRuleId, PolicyId, PortId, Proto,
    RuleIdentity, WorkerId, ZoneId,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::{mpsc, watch};

const TRUST: ZoneId = ZoneId(1);
const UNTRUST: ZoneId = ZoneId(2);

fn any() -> AddressMatch {
    AddressMatch::any()
}

fn unit(id: u16, zone: ZoneId) -> Interface {
    let third = id as u8 + 1;
    let v6: std::net::IpAddr = format!("fd08:{third}::1").parse().unwrap();
    let address = |family, addr, len| InterfaceAddress { family, addr, len, preferred: true };
    let v4 = address(Family::V4, Addr::v4([10, 8, third, 1]), 24);
    Interface {
        id: InterfaceId(id),
        name: format!("ge-0/0/{id}.0"),
        port: PortId(id),
        vlan: None,
        zone: Some(zone),
        instance: InstanceId::DEFAULT,
        enabled: true,
        mtu4: 1500,
        mtu6: 1500,
        inet: true,
        inet6: true,
        addresses: vec![v4, address(Family::V6, Addr::from_ip(v6).1, 64)],
        host_inbound: None,
        proxied: Vec::new(),
        group: ravelin_types::GroupId(0),
        tap: format!("ge-0-0-{id}.0"),
    }
}

fn any_application() -> Application {
    Application {
        proto: None,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        icmp: None,
        inactivity_timeout: None,
        gateway: ravelin_program::Gateway::ByPort,
        name: 0,
    }
}

/// Trust may open anything to untrust, translated to the interface; ping to the firewall is allowed in both.
fn program(macs: [Mac; 2]) -> Program {
    let port = |id: u16| Port {
        id: PortId(id),
        name: format!("ge-0/0/{id}"),
        device: format!("ge-0-0-{id}"),
        mac: macs[usize::from(id)].0,
        mtu: 1500,
        enabled: true,
    };
    let echo = |proto, kind| Service { proto: Some(proto), ports: PortRange::ANY, icmp: Some((kind, kind)) };
    let accept = vec![echo(Proto::ICMP, 8), echo(Proto::ICMPV6, 128)];
    let zone = |id, name: &str| Zone {
        id,
        name: name.into(),
        tcp_rst: false,
        unidirectional_refresh: false,
        tracking: None,
        functional: false,
        host_inbound: HostInbound { accept: accept.clone(), except: vec![] },
    };
    let policy = Policy {
        id: PolicyId(1),
        identity: RuleIdentity(1),
        name: "out".into(),
        source: any(),
        destination: any(),
        applications: vec![any_application()].into(),
        action: Action::Permit,
        log: LogWhen::default(),
        count: true,
        schedule: None,
        tcp: PolicyTcp::default(),
        translated: Default::default(),
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
    let (from, to) = (NatContext::Zones(vec![TRUST]), NatContext::Zones(vec![UNTRUST]));
    let set = SourceRuleSet { name: "rs".into(), from, to, rules: vec![rule] };
    let zones = ZoneMatch { from: vec![TRUST].into(), to: vec![UNTRUST].into() };
    let section = PolicySection { zones, policies: vec![(ZoneMatch::default(), policy)] };
    let chunks = [
        Chunk::Interfaces(Interfaces {
            ports: vec![port(0), port(1)],
            units: vec![unit(0, TRUST), unit(1, UNTRUST)],
            ..Interfaces::default()
        }),
        Chunk::Zones(Zones(vec![zone(TRUST, "trust"), zone(UNTRUST, "untrust")])),
        Chunk::Flow(FlowSettings::default()),
        Chunk::SourceNat(SourceNat(vec![set])),
        Chunk::Section(section),
        Chunk::ApplicationNames(vec!["any".into()]),
    ];
    Program::new(Generation(1), chunks.map(|c| (String::new(), Arc::new(c))))
}

/// What the kernel needs for the program's units.
fn desired(macs: [Mac; 2]) -> Desired {
    let tap = |id: u8| {
        let mac = macs[usize::from(id)];
        let third = id + 1;
        let nets = [format!("10.8.{third}.1/24"), format!("fd08:{third}::1/64")];
        let addresses = nets.iter().map(|net| net.parse().unwrap()).chain([link_local(mac)]).collect();
        DesiredTap {
            table: InstanceId::DEFAULT,
            name: format!("ge-0-0-{id}.0"),
            unit: format!("ge-0/0/{id}.0"),
            mac,
            mtu: 1500,
            up: true,
            addresses,
            proxied: std::collections::BTreeSet::new(),
        }
    };
    let port = |id: u8| DesiredPort { device: format!("ge-0-0-{id}"), up: true };
    Desired { ports: vec![port(0), port(1)], taps: vec![tap(0), tap(1)], ..Desired::default() }
}

/// The control side in small: kernel updates to the plane, wanted neighbours to the kernel.
async fn control(plane: Arc<AfxdpPlane>, ready: std::sync::mpsc::Sender<()>) {
    let mut host = Host::open().unwrap();
    let observed = host.observe(&Desired::default()).await.unwrap();
    let macs =
        ["ge-0/0/0", "ge-0/0/1"].map(|name| resolve(name, &Default::default(), &observed).unwrap().mac);
    host.apply(&desired(macs)).await.unwrap();
    plane.start().unwrap();
    let program = program(macs);
    assert_eq!(plane.check_config(&program).unwrap().refusals, []);
    plane.apply_config(&program).unwrap();
    let names = Names {
        units: [0, 1].map(|id| (format!("ge-0-0-{id}.0"), InterfaceId(id))).into(),
        ports: [0, 1].map(|id| (format!("ge-0-0-{id}"), PortId(id))).into(),
        ..Names::default()
    };
    let (_keep, names) = watch::channel(names);
    let (send, mut batches) = mpsc::channel::<UpdateBatch>(64);
    let monitor = tokio::spawn(Monitor::open().unwrap().run(names, send));
    let mut prober = Prober::open(Instant::now()).unwrap();
    ready.send(()).unwrap();
    loop {
        tokio::select! {
            batch = batches.recv() => match batch {
                Some(batch) => plane.updates().apply(&batch).unwrap(),
                None => panic!("{:?}", monitor.await),
            },
            () = tokio::time::sleep(Duration::from_millis(10)) => {
                let Ok(events) = plane.telemetry().events(64) else { return };
                for event in events.events {
                    if let Event::NeighbourWanted { interface, addr } = event {
                        let tap = format!("ge-0-0-{interface}.0");
                        prober.probe(&tap, addr, Instant::now()).await.unwrap();
                    }
                }
            }
        }
    }
}

fn scenario(workers: u8) {
    let setup = AfxdpSetup {
        pins: PathBuf::from("/run/rvb/plane"),
        workers,
        limits: Limits::default(),
        seed: Seed([7; 32]),
        offload: ChecksumOffload::Request,
        socket: SocketConfig::default(),
    };
    let plane = Arc::new(AfxdpWorkers::plane(setup).expect("the pins can be had"));
    let (send, ready) = std::sync::mpsc::channel();
    let driven = Arc::clone(&plane);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(control(driven, send));
    });
    ready.recv().expect("the control side starts");

    wait_for("IPv4 passes, translated", || ping("rvb-pc", "10.8.2.2"));
    wait_for("IPv6 passes", || ping("rvb-pc", "fd08:2::2"));
    wait_for("the firewall answers", || ping("rvb-pc", "10.8.1.1") && ping("rvb-pc", "fd08:1::1"));
    wait_for("the firewall asks", || ping("rvb-pf", "10.8.2.2") && ping("rvb-pf", "fd08:1::2"));
    assert!(!ping("rvb-ps", "10.8.1.2"), "untrust may open nothing to trust");
    assert!(plane.telemetry().global().unwrap().drops[DropReason::DefaultDeny.index()] > 0);

    let server = inside("rvb-ps", "iperf3").args(["-s", "-D", "-1", "-I", "/run/rvb/iperf.pid"]).status();
    assert!(server.unwrap().success());
    thread::sleep(Duration::from_millis(300));
    let transfer = stdout(inside("rvb-pc", "iperf3").args(["-c", "10.8.2.2", "-t", "2"]));
    assert!(transfer.contains("receiver"), "{transfer}");
    println!("{transfer}");

    let idle = cpu_ms();
    thread::sleep(Duration::from_secs(2));
    let spent = cpu_ms() - idle;
    println!("idle: {spent} ms of processor time in 2 s");
    assert!(spent < 100, "an idle plane sleeps: {spent} ms in 2 s");

    for worker in 0..workers {
        // Which call answers is not important: the worker dies of it.
        let _ = plane.workers().kill_worker(WorkerId(worker));
        let died = Instant::now();
        let restarts =
            || plane.diagnostics().status().unwrap().workers.iter().map(|w| w.restarts).collect::<Vec<_>>();
        let all: Vec<u32> = (0..workers).map(|w| u32::from(w <= worker)).collect();
        // Pings of new identifiers, so that they reach either worker and are handed over to either.
        let passes = || (0..8).all(|_| ping("rvb-pc", "10.8.2.2") && ping("rvb-pc", "fd08:2::2"));
        wait_for("the worker comes back and its neighbours hear it", || restarts() == all && passes());
        println!(
            "worker {worker} of {workers} killed: all forwarded again after {} ms",
            died.elapsed().as_millis()
        );
    }
    let handed_over = plane.telemetry().global().unwrap().handed_over;
    assert_eq!(handed_over > 0, workers > 1, "{handed_over} packets were handed over");

    plane.teardown().unwrap();
    assert_eq!(plane.workers().lost_frames(), 0, "every chunk has an owner");
    assert!(!ping("rvb-pc", "10.8.2.2"));
    assert!(quiet(inside("rvb-pf", "ip").args(["address", "show", "dev", "ge-0-0-0.0"])), "the TAP stays");
}

/// Processor time of this process.
fn cpu_ms() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

#[test]
fn a_client_reaches_a_server_through_the_plane() {
    if !root() {
        return;
    }
    // One after the other: both want the same names.
    for workers in [1, 2] {
        with(workers);
    }
}

fn with(workers: u8) {
    let lab = Lab::build("rvb-p", ["ge-0-0-0", "ge-0-0-1"], "/run/rvb/plane", workers);
    for (name, third) in [("rvb-pc", 1), ("rvb-ps", 2)] {
        let (v4, v6) = (format!("10.8.{third}.2/24"), format!("fd08:{third}::2/64"));
        let gateways = [format!("10.8.{third}.1"), format!("fd08:{third}::1")];
        ok(inside(name, "ip").args(["address", "add", &v4, "dev", "eth0"]));
        ok(inside(name, "ip").args(["address", "add", &v6, "dev", "eth0", "nodad"]));
        ok(inside(name, "ip").args(["route", "add", "default", "via", &gateways[0]]));
        ok(inside(name, "ip").args(["-6", "route", "add", "default", "via", &gateways[1]]));
    }
    let body = move || {
        let file = File::open("/run/netns/rvb-pf").unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        scenario(workers);
    };
    let outcome = thread::spawn(body).join();
    drop(lab);
    assert!(outcome.is_ok(), "see above");
}
