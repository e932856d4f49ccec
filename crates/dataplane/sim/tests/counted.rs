//! What a policy counts of packets of the express path and of the whole one: what dies behind its session came, and was not sent on. Spec: policy-28.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{DataPlane, Traffic};
use ravelin_engine::{Checksum, Ingress, Verdict};
use ravelin_sim::{SimSetup, SimWorkers};
use ravelin_types::{DropReason, Generation, Instant, Mac, PortId};
use ravelin_wire::build::{self, Ip, Payload};

const CONFIGURATION: &str = "
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set firewall family inet filter four term long from packet-length 100
set firewall family inet filter four term long then discard
set firewall family inet filter four term rest then accept
set firewall family inet6 filter six term long from packet-length 100
set firewall family inet6 filter six term long then discard
set firewall family inet6 filter six term rest then accept
set interfaces ge-0/0/1 unit 0 family inet filter output four
set interfaces ge-0/0/1 unit 0 family inet6 filter output six
set security policies from-zone trust to-zone untrust policy p match source-address any
set security policies from-zone trust to-zone untrust policy p match destination-address any
set security policies from-zone trust to-zone untrust policy p match application any
set security policies from-zone trust to-zone untrust policy p then permit
set security policies from-zone trust to-zone untrust policy p then count
";

/// Datagrams of so many bytes to a server, and what became of each; what the policy has counted.
fn carried(recorded: bool, (ip, header): (&Ip, usize), lengths: &[usize]) -> (Vec<Verdict>, [Traffic; 2]) {
    let valid = ravelin_model::load(CONFIGURATION).result.unwrap_or_else(|e| panic!("{e:?}"));
    let mut book = IdBook::default();
    let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1)).unwrap();
    let setup =
        SimSetup { recorded, any_station: false, checksum: Checksum::Unverified, ..SimSetup::default() };
    let plane = SimWorkers::plane(setup);
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, &book)).unwrap();
    plane.workers().advance(Instant::from_secs(100));
    let dst_mac = Mac(plane.rules().unwrap().port(PortId(0)).unwrap().mac);
    let ip = Ip { dst_mac, ..ip.clone() };
    let verdicts = lengths.iter().map(|len| {
        let frame = build::frame(&ip, &Payload::udp(5, 5000, &vec![7; len - header - 8]));
        plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame)]).0[0]
    });
    let verdicts = verdicts.collect();
    let [counters] = plane.telemetry().policies().unwrap()[..] else { panic!("one policy") };
    (verdicts, [Traffic { packets: counters.packets, bytes: counters.bytes }, counters.sent])
}

#[test]
fn what_a_filter_drops_on_the_way_out_came_and_was_not_sent_on() {
    let ends =
        [(Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]), 20), (Ip::v6("2001:db8:1::2", "2001:db8:2::2"), 40)];
    for (ip, header) in &ends {
        for recorded in [true, false] {
            let (verdicts, carried) = carried(recorded, (ip, *header), &[60, 61, 100, 62, 100, 100]);
            let dropped = Verdict::Drop(DropReason::FilterDiscard);
            let died: Vec<_> = verdicts.iter().map(|verdict| *verdict == dropped).collect();
            assert_eq!(died, [false, false, true, false, true, true]);
            let of = |packets, bytes| Traffic { packets: [packets, 0], bytes: [bytes, 0] };
            assert_eq!(carried, [of(6, 483), of(3, 183)], "recorded: {recorded}");
        }
    }
}
