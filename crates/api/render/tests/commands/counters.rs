//! Counters of screens, policies and packets, by zone and by interface, and back to zero: over a simulator that packets have
//! passed, behind a socket.

use std::time::Duration;

use ravelin_conformance::bench::{Bench as _, Place};
use ravelin_contract::CarriedCounters;
use ravelin_model::load;
use ravelin_ops::{Answer, FlowStatistics, PolicyEntry, PolicySessions, PolicyTraffic, ScreenStatistics};
use ravelin_types::Family;
use ravelin_wire::TcpFlags;
use ravelin_wire::build::{self, Ip, Payload};

use crate::support::World;

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

const CLIENT: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const LAND: &str = "TCP land attack";
const SYN_FIN: &str = "TCP SYN FIN";

fn world(workers: u8) -> World {
    World::new(TEXT, Some(workers))
}

/// What is sent to a firewall, and asked of it.
impl World {
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

    /// One byte more than the way out takes, which nobody may cut.
    fn too_long(&mut self, sport: u16) {
        let dst_mac = self.simulator.station("ge-0/0/0").unwrap();
        let ip = Ip { fragment: 0x4000, dst_mac, ..Ip::v4(CLIENT, SERVER) };
        let frame = build::frame(&ip, &Payload::udp(sport, 53, &[0; 1473]));
        self.simulator.send(&Place::Port("ge-0/0/0".into()), &frame).unwrap();
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
        let mut world = world(workers);
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
    let mut world = world(1);
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
        let mut world = world(workers);
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

/// Spec: policy-26.
#[test]
fn sessions_of_a_policy_are_counted_as_they_come_and_go() {
    for workers in [1, 2] {
        let mut world = world(workers);
        world.traffic();
        let of = |active, created, deleted, recent| PolicySessions { active, created, deleted, recent };
        assert_eq!(world.policy().sessions, of(3, 3, 0, 0));
        world.simulator.advance(Duration::from_secs(10)).unwrap();
        assert_eq!(world.policy().sessions, of(3, 3, 0, 3));
        world.simulator.advance(Duration::from_secs(10)).unwrap();
        world.bench.good("clear security flow session source-port 1001");
        assert_eq!(world.policy().sessions, of(2, 3, 1, 0));
        let shown = world.bench.good("show security policies detail");
        let block = "
    Session rate       :                    3                  0.0 sps
    Active sessions    :                    2
    Session deletions  :                    1
    Policy lookups     :                    3
";
        assert!(shown.contains(block), "{shown}");
        let xml = world.bench.good("show security policies detail | display xml");
        let flat: Vec<_> = xml.lines().map(str::trim).collect();
        let leaves = "<session-rate>0.0</session-rate>\n<session-creations>3</session-creations>\n<active-sessions>2</active-sessions>\n\
                      <session-deletions>1</session-deletions>\n<policy-lookups>3</policy-lookups>";
        assert!(flat.join("\n").contains(leaves), "{xml}");
        world.bench.good("clear security policies statistics");
        assert_eq!(world.policy().sessions, of(2, 0, 0, 0));
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(2000, 53, b"new"));
        assert_eq!(world.policy().sessions, of(3, 1, 0, 0));
    }
}

/// Spec: policy-26.
#[test]
fn what_policies_carry_and_send_on_is_told_with_its_rates() {
    for workers in [1, 2] {
        let mut world = world(workers);
        // Ten flows of three packets of 100 bytes, half of them answered by 200, and one that is too long to leave.
        for n in 0..10 {
            for _ in 0..3 {
                world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000 + n, 53, &[0; 72]));
            }
            if n % 2 == 0 {
                world.send("ge-0/0/1", (SERVER, CLIENT), &Payload::udp(53, 1000 + n, &[0; 172]));
            }
        }
        world.too_long(1001);
        let of = |packets, bytes| PolicyTraffic { packets, bytes };
        let (came, sent) = (of([31, 5], [4501, 1000]), of([30, 5], [3000, 1000]));
        let told = world.policy();
        assert_eq!((of(told.packets, told.bytes), told.sent), (came, sent));
        assert_eq!((told.recent_came, told.recent_sent), (of([0; 2], [0; 2]), of([0; 2], [0; 2])));
        // What is cleared meanwhile was carried all the same.
        world.bench.good("clear security policies statistics");
        let told = world.policy();
        assert_eq!((of(told.packets, told.bytes), told.sent), (of([0; 2], [0; 2]), of([0; 2], [0; 2])));
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000, 53, &[0; 72]));
        world.simulator.advance(Duration::from_secs(10)).unwrap();
        let told = world.policy();
        assert_eq!(
            (told.recent_came, told.recent_sent),
            (of([32, 5], [4601, 1000]), of([31, 5], [3100, 1000]))
        );
        let shown = world.bench.good("show security policies detail");
        let block = "
  Policy statistics:
    Input  bytes       :                  100                  560 bps
      Initial direction:                  100                  460 bps
      Reply direction  :                    0                  100 bps
    Output bytes       :                  100                  410 bps
      Initial direction:                  100                  310 bps
      Reply direction  :                    0                  100 bps
    Input  packets     :                    1                    3 pps
      Initial direction:                    1                    3 pps
      Reply direction  :                    0                    0 pps
    Output packets     :                    1                    3 pps
      Initial direction:                    1                    3 pps
      Reply direction  :                    0                    0 pps
    Session rate       :                    0                  1.0 sps
";
        assert!(shown.contains(block), "{shown}");
        let xml = world.bench.good("show security policies detail | display xml");
        let flat: Vec<_> = xml.lines().map(str::trim).collect();
        let leaves = "<output-bytes-init>100</output-bytes-init>\n<output-byte-rate-init>310</output-byte-rate-init>\n\
                      <output-bytes-reply>0</output-bytes-reply>\n<output-byte-rate-reply>100</output-byte-rate-reply>\n\
                      <input-packets-init>1</input-packets-init>\n<input-packet-rate-init>3</input-packet-rate-init>";
        assert!(flat.join("\n").contains(leaves), "{xml}");
        // Ten seconds without a packet.
        world.simulator.advance(Duration::from_secs(10)).unwrap();
        let told = world.policy();
        assert_eq!((told.recent_came, told.recent_sent), (of([0; 2], [0; 2]), of([0; 2], [0; 2])));
    }
}

/// What a successor is told is added to what it saw itself; those that live it counts when they are put in. Spec: policy-26.
#[test]
fn a_successor_goes_on_counting_sessions_of_policies() {
    let mut old = world(2);
    old.traffic();
    old.bench.good("clear security flow session source-port 1001");
    let mut new = world(1);
    old.too_long(1000);
    let carried = CarriedCounters::of(old.simulator.plane().telemetry()).unwrap();
    new.simulator.plane().telemetry().carry_over(&carried).unwrap();
    let told = new.policy();
    assert_eq!(told.sessions, PolicySessions { active: 0, created: 3, deleted: 1, recent: 0 });
    assert_eq!((told.packets, told.sent.packets), ([7, 0], [6, 0]));
    assert_eq!((told.bytes, told.sent.bytes), ([6 * 32 + 1501, 0], [6 * 32, 0]));
    // It grew elsewhere.
    new.simulator.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(new.policy().recent_came, PolicyTraffic::default());
}

/// By `policy-rematch extensive`. Spec: policy-12, policy-26.
#[test]
fn a_session_that_moves_is_lost_to_one_policy_and_comes_to_another() {
    for workers in [1, 2] {
        let mut world = world(workers);
        world.traffic();
        // It is for something else now, and another one permits what it did.
        let narrow = TEXT.replace("web match application any", "web match application junos-http");
        let other =
            TEXT.lines().filter(|line| line.contains("policy web")).map(|line| line.replace("web", "other"));
        let text = [
            narrow,
            other.collect::<Vec<_>>().join("\n"),
            "\nset security policies policy-rematch extensive\n".into(),
        ];
        world.simulator.commit(&load(&text.concat()).result.unwrap()).unwrap();
        world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000, 53, b"more"));
        let policies = world.simulator.plane().telemetry().policies().unwrap();
        let counts: Vec<_> = policies.iter().map(|p| (p.sessions, p.gained, p.lost)).collect();
        assert_eq!(counts, [(2, 3, 1), (1, 1, 0)]);
    }
}

#[test]
fn packets_and_drops_are_counted_from_zero_again_and_nothing_else_is_touched() {
    for workers in [1, 2] {
        let mut world = world(workers);
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
    let mut old = world(2);
    old.traffic();
    let mut new = world(1);
    let carried = CarriedCounters::of(old.simulator.plane().telemetry()).unwrap();
    assert_eq!(carried.unit_screens.len(), 2);
    new.simulator.plane().telemetry().carry_over(&carried).unwrap();
    new.traffic();
    assert_eq!(new.screens("interface ge-0/0/0.0"), [6, 0]);
    assert_eq!(new.screens("interface ge-0/0/2.0"), [0, 4]);
    assert_eq!(new.screens("zone trust"), [6, 4]);
}
