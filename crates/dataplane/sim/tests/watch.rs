//! Watching packets through the contract: drops as they happen, the way of packets that a filter means, the last drops of
//! every reason, and packets that are tried on live sessions. With 1, 2 and 4 workers, at any of which a frame may arrive.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{
    DataPlane, Diagnostics, DropCause, InjectRequest, InjectVerdict, PacketFilter, SessionFilter, TraceBatch,
    TraceId, TraceKind, TraceRequest, TracedPacket,
};
use ravelin_engine::{Checksum, Ingress, Verdict};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{DropReason, Generation, Instant, Mac, PolicyId, PortId, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{TcpFlags, u16_at, u32_at};

const CONFIGURATION: &str = "
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone trust screen s
set security screen ids-option s tcp land
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule all match source-address 10.0.0.0/8
set security nat source rule-set out rule all then source-nat interface
set firewall family inet filter in term spam from destination-port 25
set firewall family inet filter in term spam then discard
set firewall family inet filter in term rest then accept
set interfaces ge-0/0/0 unit 0 family inet filter input in
set security policies from-zone trust to-zone untrust policy no-telnet match source-address any
set security policies from-zone trust to-zone untrust policy no-telnet match destination-address any
set security policies from-zone trust to-zone untrust policy no-telnet match application junos-telnet
set security policies from-zone trust to-zone untrust policy no-telnet then deny
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application junos-http
set security policies from-zone trust to-zone untrust policy web then permit
";

const INSIDE: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];

struct Bench {
    plane: SimPlane,
    now_s: u64,
}

impl Bench {
    fn new(workers: u8) -> Self {
        Self::with(SimSetup { workers, ..SimSetup::default() })
    }

    fn with(setup: SimSetup) -> Self {
        let valid = ravelin_model::load(CONFIGURATION).result.unwrap_or_else(|e| panic!("{e:?}"));
        let mut book = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1));
        let program = program.unwrap_or_else(|e| panic!("{e:?}"));
        let setup = SimSetup { checksum: Checksum::Unverified, ..setup };
        let plane = SimWorkers::plane(setup);
        plane.apply_config(&program).unwrap();
        plane.updates().apply(&routes(&valid, &book)).unwrap();
        let bench = Self { plane, now_s: 100 };
        bench.plane.workers().advance(Instant::from_secs(100));
        bench
    }

    fn look(&self) -> &dyn Diagnostics {
        self.plane.diagnostics()
    }

    fn pass(&mut self, seconds: u64) {
        self.now_s += seconds;
        self.plane.workers().advance(Instant::from_secs(self.now_s));
    }

    fn send(&self, port: u16, frame: &[u8]) -> (Verdict, Vec<Vec<u8>>) {
        let (verdicts, sent, _) = self.plane.workers().run_batch(&[(Ingress::Port(PortId(port)), frame)]);
        (verdicts[0], sent.into_iter().map(|sent| sent.frame).collect())
    }

    fn start(&self, filter: PacketFilter, kind: TraceKind, packets: u64) -> TraceId {
        let request = TraceRequest { filters: vec![filter], kind, packets, for_s: 0 };
        self.look().trace_start(&request).unwrap()
    }

    fn read(&self, id: TraceId) -> TraceBatch {
        self.look().trace_read(id, 10_000).unwrap()
    }

    fn policy(&self, name: &str) -> PolicyId {
        let rules = self.plane.rules().unwrap();
        rules.policies().find(|policy| policy.name == name).unwrap().id
    }
}

fn tcp(sport: u16, dport: u16) -> Vec<u8> {
    build::frame(&Ip::v4(INSIDE, SERVER), &Payload::tcp(sport, dport, TcpFlags::SYN))
}

fn tcp6(dport: u16) -> Vec<u8> {
    build::frame(&Ip::v6("2001:db8:1::2", "2001:db8:2::2"), &Payload::tcp(999, dport, TcpFlags::SYN))
}

/// Ports of the packets as they came, and what became of them.
fn ends(batch: &TraceBatch) -> Vec<(u16, InjectVerdict)> {
    let end = |p: &TracedPacket| (p.packet.key.map_or(0, |key| key.dport), p.verdict.clone());
    batch.packets.iter().map(end).collect()
}

fn dropped(reason: DropReason) -> InjectVerdict {
    InjectVerdict::Drop(reason)
}

/// `stage: subject: outcome` of one packet.
fn story(packet: &TracedPacket) -> Vec<String> {
    packet.findings.iter().map(|f| [&*f.stage, &f.subject, &f.outcome].join(": ")).collect()
}

#[test]
fn drops_are_told_with_their_cause_whichever_worker_judged_them() {
    for workers in [1, 2, 4] {
        let bench = Bench::new(workers);
        let id = bench.start(PacketFilter::default(), TraceKind::Drops, 0);
        assert_eq!(bench.read(id).packets, []);
        for sport in 1000..1020 {
            bench.send(0, &tcp(sport, 23));
        }
        bench.send(0, &tcp(1, 80));
        bench.send(0, &tcp(2, 25));
        bench.send(0, &tcp6(9999));
        bench.send(0, &build::frame(&Ip::v4(INSIDE, INSIDE), &Payload::tcp(7, 7, TcpFlags::SYN)));
        let batch = bench.read(id);
        let told: Vec<_> = batch.packets.iter().map(|p| (p.verdict.clone(), p.cause)).collect();
        let denied = (dropped(DropReason::PolicyDeny), Some(DropCause::Policy(bench.policy("no-telnet"))));
        assert_eq!(told.iter().filter(|one| **one == denied).count(), 20, "{workers} workers");
        let mut others: Vec<_> = told.into_iter().filter(|one| *one != denied).collect();
        others.sort_by_key(|(verdict, _)| format!("{verdict:?}"));
        assert_eq!(others[0], (dropped(DropReason::DefaultDeny), None));
        assert!(matches!(others[1].1, Some(DropCause::Filter { term: Some(0), .. })), "{others:?}");
        assert!(matches!(others[2].1, Some(DropCause::Screen { .. })), "{others:?}");
        assert_eq!(others.len(), 3);
        let telnet = &batch.packets[0].packet;
        let key = telnet.key.unwrap();
        assert_eq!((key.src, key.dport, key.proto), (INSIDE.into(), 23, Proto::TCP));
        assert_eq!(telnet.head, tcp(key.sport, 23)[..telnet.head.len()], "the first bytes as they came");
        assert!(!batch.ended && batch.lost == 0);
        bench.look().trace_stop(id).unwrap();
        assert!(bench.read(id).ended);
    }
}

/// A filter on the way in judges packets while their batch is examined, before any of it is dropped.
#[test]
fn in_a_batch_each_drop_has_the_cause_of_its_own() {
    for traced in [false, true] {
        let bench = Bench::new(1);
        if traced {
            bench.start(PacketFilter::default(), TraceKind::Path, 0);
        }
        let id = bench.start(PacketFilter::default(), TraceKind::Drops, 0);
        let frames = [tcp6(9999), tcp(1, 25), tcp6(9998), tcp(2, 23), tcp(3, 25), tcp6(9997)];
        let batch: Vec<_> = frames.iter().map(|frame| (Ingress::Port(PortId(0)), &frame[..])).collect();
        let _ = bench.plane.workers().run_batch(&batch);
        let policy = Some(DropCause::Policy(bench.policy("no-telnet")));
        let causes: Vec<_> = bench.read(id).packets.iter().map(|packet| packet.cause).collect();
        assert_eq!(causes.len(), 6, "{causes:?}");
        for (at, cause) in causes.iter().enumerate() {
            match at {
                1 | 4 => {
                    assert!(matches!(cause, Some(DropCause::Filter { term: Some(0), .. })), "{causes:?}")
                }
                3 => assert_eq!(*cause, policy, "{causes:?}"),
                _ => assert_eq!(*cause, None, "{causes:?}"),
            }
        }
    }
}

#[test]
fn the_way_of_a_packet_is_told_and_no_other_s() {
    for workers in [1, 4] {
        let bench = Bench::new(workers);
        let web = PacketFilter { destination_ports: Some((80, 80)), ..PacketFilter::default() };
        let id = bench.start(web, TraceKind::Path, 0);
        bench.send(0, &tcp(40_000, 80));
        bench.send(0, &tcp(40_000, 23));
        bench.send(0, &tcp6(80));
        let batch = bench.read(id);
        let forward = InjectVerdict::Forward { interface: "ge-0/0/1.0".into() };
        assert_eq!(ends(&batch), [(80, forward.clone()), (80, forward)], "{workers} workers");
        let four = batch.packets.iter().find(|p| p.packet.key.is_some_and(|key| key.src.is_ipv4())).unwrap();
        let story = story(four).join("\n");
        for part in [
            "ingress: ge-0/0/0.0: zone trust",
            "session: : no session",
            "zones: trust to untrust",
            "policy: no-telnet: no match: application",
            "policy: web: match: permit",
            "source-nat: all: match",
            "created",
        ] {
            assert!(story.contains(part), "{part} in {story}");
        }
    }
}

/// Under pressure the first fragment of a session waits for the next packet that is not plain, and is taken apart before that: on no tape, when
/// nobody traces it.
#[test]
fn a_fragment_that_waited_is_told_on_no_tape_of_another() {
    let bench = Bench::with(SimSetup { recorded: false, any_station: false, ..SimSetup::default() });
    let station = |port| Mac(bench.plane.rules().unwrap().port(PortId(port)).unwrap().mac);
    let ip = Ip { dst_mac: station(0), ..Ip::v4(INSIDE, SERVER) };
    let (_, sent) = bench.send(0, &build::frame(&ip, &Payload::tcp(40_000, 80, TcpFlags::SYN)));
    let (outside, port) = ([198, 51, 100, 1], u16_at(&sent[0], 34));
    let data = |to| Payload::tcp_segment(80, to, TcpFlags::ACK, 1, 1, &[0; 12]);
    let ip = Ip { dst_mac: station(1), ..Ip::v4(SERVER, outside) };
    let first = build::frame(&Ip { fragment: 0x2000, id: 7, ..ip.clone() }, &data(port));
    let other = build::frame(&ip, &data(81));
    bench.plane.workers().press(true);
    let filter = PacketFilter { destination_ports: Some((81, 81)), ..PacketFilter::default() };
    let id = bench.start(filter, TraceKind::Path, 0);
    let from = Ingress::Port(PortId(1));
    let (verdicts, ..) = bench.plane.workers().run_batch(&[(from, &first), (from, &other)]);
    // It has its session, and is dropped by that.
    assert_eq!(verdicts[0], Verdict::Drop(DropReason::TcpNotEstablished));
    let batch = bench.read(id);
    let [told] = &batch.packets[..] else { panic!("{batch:?}") };
    let story = story(told);
    assert_eq!(story[0], "ingress: ge-0/0/1.0: zone untrust");
    assert_eq!(story.iter().filter(|line| line.starts_with("ingress")).count(), 1, "{story:?}");
}

#[test]
fn a_filter_of_a_zone_an_interface_or_a_reason_means_its_packets_alone() {
    let bench = Bench::new(2);
    let rules = bench.plane.rules().unwrap();
    let untrust = rules.zones().find(|zone| zone.name == "untrust").unwrap().id;
    let unit = rules.units().find(|unit| unit.name == "ge-0/0/1.0").unwrap().id;
    let none = PacketFilter::default;
    let filters = [
        PacketFilter { zone: Some(untrust), ..none() },
        PacketFilter { interface: Some(unit), ..none() },
        PacketFilter { source: "198.51.100.0/24".parse().ok(), ..none() },
        PacketFilter { reason: Some(DropReason::DefaultDeny), ..none() },
    ];
    for filter in filters {
        for kind in [TraceKind::Drops, TraceKind::DropPath, TraceKind::Path] {
            let id = bench.start(filter.clone(), kind, 0);
            bench.send(0, &tcp(40_000, 23));
            bench.send(1, &build::frame(&Ip::v4(SERVER, INSIDE), &Payload::tcp(5, 80, TcpFlags::SYN)));
            let found = ends(&bench.read(id));
            assert_eq!(found, [(80, dropped(DropReason::DefaultDeny))], "{filter:?} {kind:?}");
            bench.look().trace_stop(id).unwrap();
        }
    }
}

#[test]
fn a_trace_ends_after_as_many_packets_as_were_asked_for_or_when_nobody_reads_it() {
    let mut bench = Bench::new(4);
    let id = bench.start(PacketFilter::default(), TraceKind::Path, 3);
    for sport in 1..50 {
        bench.send(0, &tcp(sport, 23));
    }
    let batch = bench.read(id);
    assert_eq!((batch.packets.len(), batch.ended), (3, true));
    let id = bench.start(PacketFilter::default(), TraceKind::DropPath, 0);
    bench.pass(10);
    assert!(!bench.read(id).ended);
    bench.pass(10);
    bench.send(0, &tcp(1, 23));
    assert_eq!(bench.read(id).packets.len(), 1, "reading keeps it");
    bench.pass(16);
    bench.send(0, &tcp(2, 23));
    let batch = bench.read(id);
    assert_eq!((batch.packets.len(), batch.ended), (0, true));
    let timed = TraceRequest { for_s: 5, ..TraceRequest::default() };
    let id = bench.look().trace_start(&timed).unwrap();
    bench.pass(4);
    bench.send(0, &tcp(3, 23));
    bench.pass(1);
    bench.send(0, &tcp(4, 23));
    let batch = bench.read(id);
    assert_eq!((batch.packets.len(), batch.ended), (1, true));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_so_many_traces_run() {
    let bench = Bench::new(1);
    let id = bench.start(PacketFilter::default(), TraceKind::Drops, 0);
    for n in 0..600 {
        bench.send(0, &tcp(n + 1, 23));
    }
    let batch = bench.look().trace_read(id, 500).unwrap();
    assert_eq!((batch.packets.len(), batch.lost), (500, 88));
    assert_eq!(bench.read(id).packets.len(), 12, "what was not asked for waits");
    for _ in 1..ravelin_contract::TRACES_MAX {
        bench.start(PacketFilter::default(), TraceKind::Path, 0);
    }
    let refused = bench.look().trace_start(&TraceRequest::default()).unwrap_err().to_string();
    assert!(refused.contains("8 packet traces run already"), "{refused}");
    let mut bench = bench;
    bench.pass(16);
    bench.look().trace_start(&TraceRequest::default()).expect("those that nobody reads make room");
}

#[test]
fn the_last_drops_of_every_reason_are_kept_until_they_are_cleared() {
    let mut bench = Bench::new(2);
    bench.send(0, &tcp(1, 99));
    for _ in 0..50 {
        bench.pass(1);
        for sport in 0..40 {
            bench.send(0, &tcp(1000 + sport, 23));
        }
    }
    let found = bench.look().drop_samples(10_000).unwrap();
    let of = |reason| found.samples.iter().filter(|sample| sample.reason == reason).count();
    assert_eq!(of(DropReason::DefaultDeny), 1, "not pushed out by a flood of another reason");
    assert!((16..=32).contains(&of(DropReason::PolicyDeny)), "sixteen a worker");
    let times: Vec<_> = found.samples.iter().map(|sample| sample.packet.at_ns).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "the newest first");
    assert_eq!(bench.look().drop_samples(3).unwrap().samples.len(), 3);
    bench.look().clear_drop_samples().unwrap();
    assert_eq!(bench.look().drop_samples(10).unwrap().samples, []);
}

/// Sessions and counters, as far as anybody can tell.
fn state(bench: &Bench) -> String {
    let mut sessions = Vec::new();
    let mut each = |view: &ravelin_contract::SessionView| {
        sessions.push(*view);
        std::ops::ControlFlow::Continue(())
    };
    bench.plane.sessions().for_each(&SessionFilter::default(), &mut each).unwrap();
    let telemetry = bench.plane.telemetry();
    format!(
        "{sessions:?} {:?} {:?} {:?} {:?}",
        telemetry.global(),
        telemetry.policies(),
        telemetry.nat_rules(),
        telemetry.screens()
    )
}

#[test]
fn a_packet_is_tried_on_the_session_that_it_is_of_and_changes_nothing() {
    for workers in [1, 2, 4] {
        let bench = Bench::new(workers);
        let (verdict, sent) = bench.send(0, &tcp(40_000, 80));
        assert!(matches!(verdict, Verdict::Send { .. }));
        let outside = &sent[0];
        let (port, seq) = (u16_at(outside, 34), u32_at(outside, 38));
        let source = [outside[26], outside[27], outside[28], outside[29]];
        let before = state(&bench);
        let try_it = |interface: &str, frame: Vec<u8>, before: Vec<Vec<u8>>| {
            let request = InjectRequest { interface: interface.into(), frame, before };
            bench.look().inject_packet(&request).unwrap()
        };
        let syn_ack = TcpFlags::SYN | TcpFlags::ACK;
        let answer = Payload::tcp_segment(80, port, syn_ack, 7000, seq.wrapping_add(1), b"");
        let answer = build::frame(&Ip::v4(SERVER, source), &answer);
        let told = try_it("ge-0/0/1.0", answer.clone(), Vec::new());
        assert_eq!(told.verdict, InjectVerdict::Forward { interface: "ge-0/0/0.0".into() }, "{told:?}");
        assert!(told.findings.iter().any(|f| f.outcome == "hit, reverse wing"), "{told:?}");
        // A trial knows what was tried before it in the same breath, and no other trial does.
        let again = |before: Vec<Vec<u8>>| {
            let told = try_it("ge-0/0/0.0", tcp(50_000, 80), before);
            told.findings.iter().any(|f| f.outcome == "hit, forward wing")
        };
        assert_eq!(
            [again(Vec::new()), again(vec![tcp(50_000, 80)]), again(Vec::new())],
            [false, true, false]
        );
        let stranger = Payload::tcp_segment(80, port.wrapping_add(1), syn_ack, 7000, 1, b"");
        let told = try_it("ge-0/0/1.0", build::frame(&Ip::v4(SERVER, source), &stranger), Vec::new());
        assert!(matches!(told.verdict, InjectVerdict::Drop(_)), "{told:?}");
        assert_eq!(state(&bench), before, "{workers} workers");
        // And the real answer still passes.
        assert!(matches!(bench.send(1, &answer).0, Verdict::Send { .. }));
    }
}

#[test]
fn an_icmp_error_is_tried_on_the_session_that_it_quotes() {
    let bench = Bench::new(2);
    let (_, sent) = bench.send(0, &tcp(40_000, 80));
    let quote = &sent[0][14..42];
    let source = [sent[0][26], sent[0][27], sent[0][28], sent[0][29]];
    let error = Payload::icmp(ravelin_types::Family::V4, 3, 1, 0, quote);
    let frame = build::frame(&Ip::v4([198, 51, 100, 254], source), &error);
    let request = InjectRequest { interface: "ge-0/0/1.0".into(), frame, before: Vec::new() };
    let told = bench.look().inject_packet(&request).unwrap();
    assert_eq!(told.verdict, InjectVerdict::Forward { interface: "ge-0/0/0.0".into() }, "{told:?}");
}
