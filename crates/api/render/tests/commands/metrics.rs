//! Every sample of a scrape is what the commands show, over a simulator that packets have passed.

use std::time::Duration;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_conformance::bench::{Bench as _, Place, Setup, Simulator};
use ravelin_contract::DataPlane;
use ravelin_model::load;
use ravelin_remote::{Client, Server, listen};
use ravelin_types::{Generation, Mac};
use ravelin_wire::build::{self, Ip, Payload};
use tempfile::TempDir;

use crate::support::Bench;

const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet filter input f
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/2 unit 0 family inet address 192.0.2.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust screen s
set security zones security-zone untrust interfaces ge-0/0/1.0
set security screen ids-option s tcp land
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application any
set security policies from-zone trust to-zone untrust policy web then permit
set security policies from-zone trust to-zone untrust policy web then count
set security policies global policy none match source-address any
set security policies global policy none match destination-address any
set security policies global policy none match application any
set security policies global policy none then deny
set security nat source pool p address 198.51.100.7/32
set security nat source rule-set r from zone trust
set security nat source rule-set r to zone untrust
set security nat source rule-set r rule n match source-address 10.1.0.0/24
set security nat source rule-set r rule n then source-nat pool p
set firewall policer tight if-exceeding bandwidth-limit 32k
set firewall policer tight if-exceeding burst-size-limit 1500
set firewall policer tight then discard
set firewall family inet filter f term dns from destination-port 53
set firewall family inet filter f term dns then count dns
set firewall family inet filter f term dns then policer tight
set firewall family inet filter f term dns then accept
set firewall family inet filter f term rest then count rest
set firewall family inet filter f term rest then accept
set forwarding-options port-mirroring instance m input ingress interface ge-0/0/0
set forwarding-options port-mirroring instance m input rate 2
set forwarding-options port-mirroring instance m output interface ge-0/0/2
";

/// How long a call over the socket may take on a machine that does much else.
const CALL_MAX: Duration = Duration::from_secs(20);

/// A firewall behind a socket, and all that must live as long.
struct World {
    bench: Bench,
    _simulator: Simulator,
    _server: Option<Server>,
    _ground: TempDir,
}

impl World {
    /// It has seen packets of every kind that the configuration tells apart.
    fn new() -> Self {
        let ground = TempDir::new().unwrap();
        let path = ground.path().join("plane");
        let valid = load(TEXT).result.unwrap_or_else(|errors| panic!("{errors:?}"));
        let resolved = Resolved::virtual_ports(&valid);
        let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).unwrap();
        let mut server = None;
        let simulator = Simulator::new(Setup::default()).behind(|plane| {
            server = Some(Server::serve(listen(&path).unwrap(), plane).unwrap());
            Client::connect(&path, CALL_MAX).map(|client| Box::new(client) as Box<dyn DataPlane>)
        });
        let mut simulator = simulator.unwrap();
        simulator.commit(&valid).unwrap();
        traffic(&mut simulator);
        let client = Client::connect(&path, CALL_MAX).unwrap();
        let bench = Bench::over(Box::new(client), &program);
        Self { bench, _simulator: simulator, _server: server, _ground: ground }
    }
}

fn traffic(simulator: &mut Simulator) {
    let station = simulator.station("ge-0/0/0").unwrap_or(Mac([0; 6]));
    let mut send = |from: [u8; 4], to: [u8; 4], ports: (u16, u16), data: &[u8]| {
        let mut ip = Ip::v4(from, to);
        ip.dst_mac = station;
        let frame = build::frame(&ip, &Payload::udp(ports.0, ports.1, data));
        simulator.send(&Place::Port("ge-0/0/0".into()), &frame).unwrap();
    };
    let (host, server) = ([10, 1, 0, 2], [198, 51, 100, 2]);
    for n in 0..5 {
        send(host, server, (1000 + n, 53), &[0; 1000]);
    }
    for n in 0..3 {
        send(host, server, (2000 + n, 80), b"hello");
        send(host, server, (2000 + n, 80), b"again");
    }
    // To a network without a zone.
    send(host, [192, 0, 2, 9], (3000, 80), b"where");
}

#[test]
fn dump() {
    let mut world = World::new();
    println!("{}", world.bench.metrics(1000).text());
    for line in [
        "show security flow statistics", "show ravelin status", "show system buffers", "show interfaces terse",
        "show security policies hit-count", "show security policies detail", "show security nat source rule all",
        "show security nat source pool all", "show firewall detail", "show policer", "show forwarding-options port-mirroring", "show ravelin log",
        "show security screen statistics zone trust", "show security nat interface-nat-ports", "show security nat source persistent-nat-table summary",
    ] {
        println!("{line}\n{}", world.bench.good(&format!("{line} | display json")));
    }
}
