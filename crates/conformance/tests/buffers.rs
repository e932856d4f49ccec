//! What finds no buffer is counted by the worker that had none. Spec: mirror-26.

use ravelin_conformance::bench::{Bench, Due, Place, Setup, Simulator};
use ravelin_contract::{BufferCounters, BufferKind, CounterClear};
use ravelin_model::load;
use ravelin_types::Mac;
use ravelin_wire::build::{self, Ip, Payload};

const CONFIG: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies from-zone trust to-zone untrust policy p match source-address any
set security policies from-zone trust to-zone untrust policy p match destination-address any
set security policies from-zone trust to-zone untrust policy p match application any
set security policies from-zone trust to-zone untrust policy p then permit
set security policies from-zone trust to-zone untrust policy p then log session-init
";
const WORKERS: u8 = 3;
const SESSIONS: u16 = 1000;

fn events(bench: &Simulator) -> Vec<BufferCounters> {
    let all = bench.plane().telemetry().buffers().unwrap();
    all.into_iter().filter(|counters| counters.kind == BufferKind::Events).collect()
}

/// Every session tells of itself, and nobody listens.
#[test]
fn events_are_lost_and_counted_by_the_worker_that_told_them() {
    let mut bench = Simulator::new(Setup { workers: Some(WORKERS), ..Setup::default() });
    bench.commit(&load(CONFIG).result.unwrap()).unwrap();
    let station = bench.station("ge-0/0/0").unwrap_or(Mac([0; 6]));
    for n in 0..SESSIONS {
        let mut ip = Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]);
        ip.dst_mac = station;
        let frame = build::frame(&ip, &Payload::udp(1000 + n, 99, b"question"));
        bench.send(&Place::Port("ge-0/0/0".into()), &frame).unwrap();
    }
    assert_eq!(
        bench.collect(Due { frames: usize::from(SESSIONS), drops: 0 }).unwrap().len(),
        usize::from(SESSIONS)
    );
    let telemetry = bench.plane().telemetry();
    let all = events(&bench);
    assert_eq!(all.len(), usize::from(WORKERS));
    for of_one in &all {
        assert_eq!(of_one.used, of_one.capacity);
        assert!(of_one.refused > Some(0), "{of_one:?}");
    }
    let told = |all: &[BufferCounters]| all.iter().map(|c| c.used + c.refused.unwrap()).sum::<u64>();
    let lost = |all: &[BufferCounters]| all.iter().filter_map(|c| c.refused).sum::<u64>();
    assert_eq!(told(&all), u64::from(SESSIONS));
    assert_eq!(telemetry.global().unwrap().events_lost, lost(&all));
    // What is fetched makes room; what was lost stays counted, and is told once.
    let batch = telemetry.events(usize::from(SESSIONS)).unwrap();
    assert_eq!(batch.events.len() as u64 + batch.lost, u64::from(SESSIONS));
    assert_eq!((batch.lost, telemetry.events(10).unwrap().lost), (lost(&all), 0));
    assert_eq!(lost(&events(&bench)), lost(&all));
    assert!(events(&bench).iter().all(|counters| counters.used == 0));
    telemetry.clear_counters(&CounterClear { flow: true, ..CounterClear::default() }).unwrap();
    assert_eq!(lost(&events(&bench)), 0);
}
