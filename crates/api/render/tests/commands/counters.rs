//! Counters of screens, policies and packets, by zone and by interface, and back to zero: over a simulator that packets have
//! passed, behind a socket.

use std::time::Duration;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_conformance::bench::{Bench as _, Place, Setup, Simulator};
use ravelin_contract::{CarriedCounters, DataPlane};
use ravelin_model::load;
use ravelin_ops::{Answer, FlowStatistics, PolicyEntry, ScreenStatistics};
use ravelin_remote::{Client, Server, listen};
use ravelin_types::{Family, Generation, Mac};
use ravelin_wire::TcpFlags;
use ravelin_wire::build::{self, Ip, Payload};
use tempfile::TempDir;

use crate::support::Bench;

/// Two interfaces in one zone.
const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/2 unit 0 family inet address 10.2.0.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust interfaces ge-0/0/2.0
set security zones security-zone trust screen s
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone untrust screen leaving
set security screen ids-option leaving match-direction output
set security screen ids-option leaving icmp large
set security screen ids-option s tcp land
set security screen ids-option s tcp syn-fin
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application any
set security policies from-zone trust to-zone untrust policy web then permit
set security policies from-zone trust to-zone untrust policy web then count
";

/// How long a call over the socket may take on a machine that does much else.
const CALL_MAX: Duration = Duration::from_secs(20);
const CLIENT: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const LAND: &str = "TCP land attack";
const SYN_FIN: &str = "TCP SYN FIN";

struct World {
    bench: Bench,
    simulator: Simulator,
    _server: Option<Server>,
    _ground: TempDir,
}

impl World {
    fn new(workers: u8) -> Self {
        let ground = TempDir::new().unwrap();
        let path = ground.path().join("plane");
        let valid = load(TEXT).result.unwrap_or_else(|errors| panic!("{errors:?}"));
        let resolved = Resolved::virtual_ports(&valid);
        let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).unwrap();
        let mut server = None;
        let simulator =
            Simulator::new(Setup { workers: Some(workers), ..Setup::default() }).behind(|plane| {
                server = Some(Server::serve(listen(&path).unwrap(), plane).unwrap());
                Client::connect(&path, CALL_MAX).map(|client| Box::new(client) as Box<dyn DataPlane>)
            });
        let mut simulator = simulator.unwrap();
        simulator.commit(&valid).unwrap();
        let client = Client::connect(&path, CALL_MAX).unwrap();
        let bench = Bench::over(Box::new(client), &program);
        Self { bench, simulator, _server: server, _ground: ground }
    }

    fn send(&mut self, port: &str, (from, to): ([u8; 4], [u8; 4]), payload: &Payload) {
        let mut ip = Ip::v4(from, to);
        ip.dst_mac = self.simulator.station(port).unwrap_or(Mac([0; 6]));
        self.simulator.send(&Place::Port(port.into()), &build::frame(&ip, payload)).unwrap();
    }

    /// Three land attacks at one interface, two segments with SYN and FIN at the other, and three permitted flows of two packets.
    fn traffic(&mut self) {
        for n in 0..3 {
            self.send("ge-0/0/0", (CLIENT, CLIENT), &Payload::tcp(100 + n, 100 + n, TcpFlags::SYN));
        }
        for n in 0..2 {
            let both = Payload::tcp(200 + n, 80, TcpFlags::SYN | TcpFlags::FIN);
            self.send("ge-0/0/2", ([10, 2, 0, 2], SERVER), &both);
        }
        for n in 0..3 {
            for _ in 0..2 {
                self.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000 + n, 53, b"what"));
            }
        }
    }

    /// Hits of the two screens.
    #[track_caller]
    fn screens(&mut self, place: &str) -> [u64; 2] {
        let Answer::Screens(ScreenStatistics { screens, .. }) =
            self.bench.asked(&format!("show security screen statistics {place}"))
        else {
            panic!("{place}")
        };
        [LAND, SYN_FIN].map(|name| screens.iter().find(|(screen, _)| screen == name).unwrap().1)
    }

    fn policy(&mut self) -> PolicyEntry {
        let Answer::Policies(mut list) = self.bench.asked("show security policies detail") else { panic!() };
        list.policies.swap_remove(0)
    }

    fn flow(&mut self) -> FlowStatistics {
        let Answer::FlowStatistics(flow) = self.bench.asked("show security flow statistics") else {
            panic!()
        };
        flow
    }
}

#[test]
fn screens_count_by_zone_and_by_the_interface_that_packets_came_in_by() {
    for workers in [1, 2] {
        let mut world = World::new(workers);
        world.traffic();
        assert_eq!(world.screens("zone trust"), [3, 2]);
        assert_eq!(world.screens("zone untrust"), [0, 0]);
        assert_eq!(world.screens("interface ge-0/0/0.0"), [3, 0]);
        assert_eq!(world.screens("interface ge-0/0/2"), [0, 2]);
        let scraped = world.bench.metrics(1000).text();
        let series = |unit: &str, screen: &str| {
            let labels = format!("interface=\"{unit}\",zone=\"trust\",screen=\"{screen}\"");
            format!("\nravelin_interface_screen_hits_total{{{labels}}} ")
        };
        assert!(scraped.contains(&(series("ge-0/0/0.0", LAND) + "3\n")), "{scraped}");
        assert!(scraped.contains(&(series("ge-0/0/2.0", SYN_FIN) + "2\n")), "{scraped}");
        assert!(!scraped.contains(&series("ge-0/0/2.0", LAND)), "{scraped}");
        assert_eq!(world.bench.good("clear security screen statistics interface ge-0/0/0.0"), "");
        assert_eq!(world.screens("interface ge-0/0/0.0"), [0, 0]);
        assert_eq!(world.screens("interface ge-0/0/2.0"), [0, 2]);
        assert_eq!(world.screens("zone trust"), [3, 2]);
        world.bench.good("clear security screen statistics zone trust");
        assert_eq!(world.screens("zone trust"), [0, 0]);
        assert_eq!(world.screens("interface ge-0/0/2.0"), [0, 2]);
        world.traffic();
        assert_eq!(world.screens("zone trust"), [3, 2]);
        let bad = |world: &mut World, line: &str| world.bench.bad(line);
        assert_eq!(
            bad(&mut world, "clear security screen statistics zone dmz"),
            "error: zone dmz not found\n"
        );
        assert_eq!(
            bad(&mut world, "show security screen statistics interface ge-9/0/0.0"),
            "error: interface ge-9/0/0.0 not found\n"
        );
        assert!(bad(&mut world, "clear security screen statistics").starts_with("syntax error, missing"));
        assert!(
            bad(&mut world, "show security screen statistics zone trust interface ge-0/0/0.0")
                .starts_with("syntax error: ge-0/0/0.0")
        );
    }
}

/// It was received by no interface of the zone whose screen found it.
#[test]
fn what_leaves_for_a_zone_counts_for_the_zone_alone() {
    let mut world = World::new(1);
    world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::icmp(Family::V4, 8, 0, 7, &[0; 1200]));
    let line = "show security screen statistics";
    let shown =
        |world: &mut World, place: &str| world.bench.good(&format!("{line} {place} | match \"ICMP large\""));
    let count = |hits: u64| format!("  {:<47} {hits}\n", "ICMP large packet");
    assert_eq!(shown(&mut world, "zone untrust"), count(1));
    for place in ["zone trust", "interface ge-0/0/0.0", "interface ge-0/0/1.0"] {
        assert_eq!(shown(&mut world, place), count(0), "{place}");
    }
}

#[test]
fn hits_and_traffic_of_policies_are_cleared_apart_and_sessions_live_on() {
    for workers in [1, 2] {
        let mut world = World::new(workers);
        world.traffic();
        let first = world.policy();
        assert_eq!((first.hits, first.packets, first.first_hit_ago_s.is_some()), (3, [6, 0], true));
        world.bench.good("clear security policies hit-count from-zone untrust");
        assert_eq!(world.policy().hits, 3);
        world.bench.good("clear security policies hit-count from-zone trust to-zone untrust");
        let cleared = world.policy();
        assert_eq!((cleared.hits, cleared.packets), (0, [6, 0]));
        assert_eq!((cleared.first_hit_ago_s, cleared.last_hit_ago_s), (None, None));
        world.bench.good("clear security policies statistics");
        assert_eq!((world.policy().packets, world.policy().bytes), ([0, 0], [0, 0]));
        assert_eq!(world.flow().sessions, 3);
        // One more of a session, and a new one.
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000, 53, b"more"));
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(2000, 53, b"new"));
        assert_eq!((world.policy().hits, world.policy().packets), (1, [2, 0]));
        let refused = world.bench.bad("clear security policies hit-count to-zone dmz");
        assert_eq!(refused, "error: zone dmz not found\n");
    }
}

#[test]
fn packets_and_drops_are_counted_from_zero_again_and_nothing_else_is_touched() {
    for workers in [1, 2] {
        let mut world = World::new(workers);
        world.traffic();
        let before = world.flow();
        assert_eq!(
            (before.received, before.dropped, before.sessions, before.sessions_created),
            (11, 5, 3, 3)
        );
        world.bench.good("clear security flow statistics");
        assert_eq!(world.flow(), FlowStatistics { sessions: 3, ..FlowStatistics::default() });
        assert_eq!((world.policy().hits, world.screens("zone trust")), (3, [3, 2]));
        assert_eq!(world.screens("interface ge-0/0/2.0"), [0, 2]);
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000, 53, b"more"));
        assert_eq!((world.flow().received, world.flow().transmitted), (1, 1));
    }
}

/// Spec: sync-14.
#[test]
fn a_successor_goes_on_counting_screens_of_interfaces() {
    let mut old = World::new(2);
    old.traffic();
    let mut new = World::new(1);
    let carried = CarriedCounters::of(old.simulator.plane().telemetry()).unwrap();
    assert_eq!(carried.unit_screens.len(), 2);
    new.simulator.plane().telemetry().carry_over(&carried).unwrap();
    new.traffic();
    assert_eq!(new.screens("interface ge-0/0/0.0"), [6, 0]);
    assert_eq!(new.screens("interface ge-0/0/2.0"), [0, 4]);
    assert_eq!(new.screens("zone trust"), [6, 4]);
}
