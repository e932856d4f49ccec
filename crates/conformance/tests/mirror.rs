//! Port mirroring from configuration text to the program that workers hold, over workers, and over two nodes.

use std::time::Duration;

use ravelin_conformance::bench::{Bench, Due, Place, Setup, Simulator};
use ravelin_contract::{DataPlane, MirrorCounters};
use ravelin_model::load;
use ravelin_remote::{Client, Server, listen};
use ravelin_types::Mac;
use ravelin_wire::build::{self, Ip, Payload};
use tempfile::TempDir;

/// How long a call over the socket may take on a machine that does much else.
const CALL_MAX: Duration = Duration::from_secs(20);

const COMMON: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/2 unit 0 family inet address 192.0.2.1/24
set interfaces ge-0/0/3 unit 0 family inet address 192.0.3.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies from-zone trust to-zone untrust policy p match source-address any
set security policies from-zone trust to-zone untrust policy p match destination-address any
set security policies from-zone trust to-zone untrust policy p match application any
set security policies from-zone trust to-zone untrust policy p then permit
";

fn mirroring(rate: u32, output: &str) -> String {
    let mirroring = "set forwarding-options port-mirroring";
    format!(
        "{COMMON}{mirroring} input rate {rate}\n{mirroring} input ingress interface ge-0/0/0\n\
         {mirroring} output interface {output}\n"
    )
}

fn commit(bench: &mut Simulator, text: &str) {
    let valid = load(text).result.unwrap_or_else(|errors| panic!("{errors:?}"));
    bench.commit(&valid).unwrap();
}

/// Sends so many packets, each of a session of its own; frames that left by a port.
fn send(bench: &mut Simulator, packets: u16, by: &str) -> usize {
    let station = bench.station("ge-0/0/0").unwrap_or(Mac([0; 6]));
    for n in 0..packets {
        let mut ip = Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]);
        ip.dst_mac = station;
        let frame = build::frame(&ip, &Payload::udp(1000 + n, 53, b"question"));
        bench.send(&Place::Port("ge-0/0/0".into()), &frame).unwrap();
    }
    let due = Due { frames: usize::from(packets), drops: 0 };
    let arrivals = bench.collect(due).unwrap();
    let primary = arrivals.iter().filter(|a| a.place == Place::Port("ge-0/0/1".into())).count();
    assert_eq!(primary, usize::from(packets), "everything is forwarded");
    arrivals.iter().filter(|a| a.place == Place::Port(by.into())).count()
}

fn counters(bench: &Simulator) -> MirrorCounters {
    bench.plane().telemetry().mirrors().unwrap()[0]
}

/// Text, checks, compiler, socket, plane, workers: not one step is made by hand. Spec: mirror-1, mirror-20.
#[test]
fn a_committed_text_is_in_the_program_that_workers_hold() {
    let ground = TempDir::new().unwrap();
    let path = ground.path().join("plane");
    let mut server = None;
    let bench = Simulator::new(Setup::default()).behind(|plane| {
        server = Some(Server::serve(listen(&path).unwrap(), plane).unwrap());
        Client::connect(&path, CALL_MAX).map(|client| Box::new(client) as Box<dyn DataPlane>)
    });
    let mut bench = bench.unwrap();
    commit(&mut bench, COMMON);
    let held = |bench: &Simulator| bench.workers().snapshot().unwrap().rules.mirrors().clone();
    assert!(held(&bench).is_empty());
    commit(&mut bench, &mirroring(7, "ge-0/0/2"));
    let mirrors = held(&bench);
    assert_eq!(mirrors.instances.len(), 1);
    let mirror = &mirrors.instances[0];
    assert_eq!((mirror.rate, mirror.enabled, mirror.ingress.len()), (7, true, 1));
    assert!(mirror.outputs.any.is_some());
    assert_eq!(send(&mut bench, 21, "ge-0/0/2"), 3);
    assert_eq!(counters(&bench).packets, 3);
    bench.plane().telemetry().clear_mirrors(&[mirror.id]).unwrap();
    assert_eq!((counters(&bench).packets, counters(&bench).bytes), (0, 0));
    commit(&mut bench, COMMON);
    assert!(held(&bench).is_empty());
}

/// Spec: mirror-9.
#[test]
fn over_workers_the_ratio_is_exact_to_within_their_number() {
    for workers in [2, 3, 8] {
        let mut bench = Simulator::new(Setup { workers: Some(workers), ..Setup::default() });
        commit(&mut bench, &mirroring(10, "ge-0/0/2"));
        let copies = send(&mut bench, 2000, "ge-0/0/2");
        let off = 200 - copies.min(200);
        assert!(copies <= 200 && off <= usize::from(workers), "{copies} copies at {workers} workers");
        assert_eq!(counters(&bench).packets, copies as u64);
        assert_eq!(counters(&bench).lost, [0; 5]);
    }
}

/// Two nodes, each with a configuration of its own; the second takes over when the first is gone. Spec: mirror-9.
#[test]
fn after_failover_the_new_node_mirrors_by_its_own_configuration_and_counts_anew() {
    let mut first = Simulator::new(Setup::default());
    let mut second = Simulator::new(Setup::default());
    commit(&mut first, &mirroring(4, "ge-0/0/2"));
    commit(&mut second, &mirroring(3, "ge-0/0/3"));
    // Two packets short of the next that would have been chosen.
    assert_eq!(send(&mut first, 6, "ge-0/0/2"), 1);
    drop(first);
    assert_eq!(counters(&second).packets, 0);
    assert_eq!(send(&mut second, 2, "ge-0/0/3"), 0);
    assert_eq!(send(&mut second, 7, "ge-0/0/3"), 3);
    assert_eq!(counters(&second).packets, 3);
}
