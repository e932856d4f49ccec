//! Every threshold of a screen, with one, two and four workers, flows spread over them and all at one, at half, once and
//! ten times the limit: what passes is the limit's, to the packet (screen-6, docs/adr/0004). And memory under sources
//! without end is what it was.
//!
//! `UPDATE_EXPECT=1` writes the table into docs/spec/screen.md; the test compares it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{DataPlane, SessionFilter};
use ravelin_engine::{Egress, Ingress, Limits, Verdict};
use ravelin_model::load;
use ravelin_program::Screen;
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Addr, Family, Generation, Instant, PortId, WorkerId};
use ravelin_wire::TcpFlags;
use ravelin_wire::build::{self, Ip, Payload};

const BASE: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/8
set interfaces ge-0/0/1 unit 0 family inet address 20.0.0.1/8
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone trust screen s
set security screen ids-option s description \"What a row says\"
";

const WORKERS: [u8; 3] = [1, 2, 4];
/// Packets of a rate, sessions of a limit.
const LIMIT: u32 = 40;
/// The smallest queue of the SYN proxy.
const QUEUE: u32 = 200;
/// Requests that are let through before any is proxied, where alarms are counted.
const ATTACK: u32 = 1;
/// A moment at which a second begins.
const START: u64 = 5_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// Flows that packets of a rate are spread over.
const SPREAD: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proto {
    Tcp,
    Udp,
    Icmp,
}

/// A flow by what tells it from others.
#[derive(Clone, Copy, Debug)]
struct Flow {
    proto: Proto,
    src: u32,
    sport: u16,
    dst: u32,
    dport: u16,
}

/// What of the flows is common to all: what the row's screen counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Source,
    Destination,
    /// To one port of one address.
    Service,
    /// To many ports of one address, from one.
    Ports,
}

/// How the traffic of a row goes and what is counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// Packets; they may be all of one flow.
    Packets,
    /// Each packet is a flow of its own.
    Sessions,
    /// Each flow does a handshake and falls silent; the last segment counts.
    Silent,
    /// Requests that are not dropped: they wait, answered, or were let through.
    Requests,
    /// Flows that are not counted by this screen.
    Not(Screen),
}

struct Row {
    leaves: Vec<String>,
    limit: u32,
    proto: Proto,
    by: By,
    measure: Measure,
}

fn flow(row: &Row, n: u32) -> Flow {
    let (src, dst) = (0x0a00_0002, 0x1400_0002);
    let sport = 1000 + (n % 50_000) as u16;
    match row.by {
        By::Source => Flow { proto: row.proto, src, sport, dst: dst + n, dport: 80 },
        By::Destination => Flow { proto: row.proto, src: src + n, sport, dst, dport: 80 + (n % 50) as u16 },
        By::Service => Flow { proto: row.proto, src: src + n, sport, dst, dport: 80 },
        By::Ports => Flow { proto: row.proto, src, sport: 1000, dst, dport: 80 + n as u16 },
    }
}

fn rows() -> Vec<Row> {
    let row = |leaf: &str, limit: u32, proto, by, measure| {
        let leaves = leaf.split("; ").map(|leaf| leaf.replace('$', &limit.to_string())).collect();
        Row { leaves, limit, proto, by, measure }
    };
    use By::{Destination, Ports, Service, Source};
    use Measure::{Not, Packets, Requests, Sessions, Silent};
    use Proto::{Icmp, Tcp, Udp};
    let attack = "tcp syn-flood attack-threshold";
    let mut rows = vec![
        row("icmp flood threshold $", LIMIT, Icmp, Destination, Packets),
        row("udp flood threshold $", LIMIT, Udp, Service, Packets),
        row(&format!("{attack} $"), LIMIT, Tcp, Service, Sessions),
        row(
            &format!("tcp syn-flood alarm-threshold $; {attack} {ATTACK}"),
            LIMIT,
            Tcp,
            Service,
            Not(Screen::SynFloodAlarm),
        ),
        row(&format!("tcp syn-flood source-threshold $; {attack} 100000"), LIMIT, Tcp, Source, Sessions),
        row(
            &format!("tcp syn-flood destination-threshold $; {attack} 100000"),
            LIMIT,
            Tcp,
            Destination,
            Sessions,
        ),
        row(&format!("tcp syn-flood queue-size $; {attack} {ATTACK}"), QUEUE, Tcp, Service, Requests),
        row("tcp syn-ack-ack-proxy threshold $", LIMIT, Tcp, Source, Silent),
        row("icmp ip-sweep threshold 1000000", 10, Icmp, Source, Sessions),
        row("tcp tcp-sweep threshold 1000000", 10, Tcp, Source, Sessions),
        row("udp udp-sweep threshold 1000000", 10, Udp, Source, Sessions),
        row("tcp port-scan threshold 1000000", 10, Tcp, Ports, Sessions),
        row("udp port-scan threshold 1000000", 10, Udp, Ports, Sessions),
        row("limit-session source-ip-based $", LIMIT, Udp, Source, Sessions),
        row("limit-session destination-ip-based $", LIMIT, Udp, Destination, Sessions),
    ];
    for (side, by) in [("by-source", Source), ("by-destination", Destination)] {
        let protocols =
            [("", Udp), ("by-protocol tcp ", Tcp), ("by-protocol udp ", Udp), ("by-protocol icmp ", Icmp)];
        for (below, proto) in protocols {
            for (leaf, measure) in
                [("maximum-sessions", Sessions), ("session-rate", Sessions), ("packet-rate", Packets)]
            {
                rows.push(row(&format!("limit-session {side} {below}{leaf} $"), LIMIT, proto, by, measure));
            }
        }
    }
    rows
}

fn plane(leaves: &[String], workers: u8) -> SimPlane {
    let mut text = BASE.to_owned();
    for leaf in leaves {
        let _ = match leaf.strip_prefix("set ") {
            Some(_) => writeln!(text, "{leaf}"),
            None => writeln!(text, "set security screen ids-option s {leaf}"),
        };
    }
    if leaves.iter().any(|leaf| leaf.contains("queue-size")) {
        text += "set security flow syn-flood-protection-mode syn-proxy\n";
    }
    let valid = load(&text).result.unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    let mut book = IdBook::default();
    let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1)).unwrap();
    let limits = Limits { sessions: 4096, events: 64 };
    let plane = SimWorkers::plane(SimSetup { workers, limits, ..SimSetup::default() });
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, &book)).unwrap();
    plane
}

fn port(plane: &SimPlane, name: &str) -> PortId {
    plane.rules().unwrap().ports().find(|port| port.name == name).unwrap().id
}

fn frame(flow: &Flow) -> Vec<u8> {
    let payload = match flow.proto {
        Proto::Tcp => Payload::tcp_segment(flow.sport, flow.dport, TcpFlags::SYN, 1, 0, b""),
        Proto::Udp => Payload::udp(flow.sport, flow.dport, b"x"),
        Proto::Icmp => Payload::icmp(Family::V4, 8, 0, u32::from(flow.sport) << 16, b"x"),
    };
    between((flow.src, flow.dst), &payload)
}

fn between((src, dst): (u32, u32), payload: &Payload) -> Vec<u8> {
    let addr = |n: u32| Addr::v4(Ipv4Addr::from(n).octets());
    build::frame(&Ip::new(Family::V4, addr(src), addr(dst)), payload)
}

/// Whether a packet went on.
fn passes(plane: &SimPlane, port: PortId, frame: &[u8]) -> bool {
    matches!(verdict(plane, port, frame), Verdict::Send { egress: Egress::Port(_), .. })
}

fn verdict(plane: &SimPlane, port: PortId, frame: &[u8]) -> Verdict {
    plane.workers().run_batch(&[(Ingress::Port(port), frame)]).0[0]
}

/// The first flows of a row that one worker has: those that a plane without screens gives to it.
fn at_one_worker(row: &Row, workers: u8, count: u32) -> Vec<Flow> {
    let plane = plane(&[], workers);
    let inside = port(&plane, "ge-0/0/0");
    let mut found = Vec::new();
    let mut n = 0;
    while found.len() < count as usize {
        let flow = flow(row, n);
        n += 1;
        assert!(passes(&plane, inside, &frame(&flow)));
        let mut worker = None;
        let visit = &mut |view: &ravelin_contract::SessionView| {
            worker = Some(view.worker);
            ControlFlow::Break(())
        };
        plane.sessions().for_each(&SessionFilter::default(), visit).unwrap();
        if worker == Some(WorkerId(0)) {
            found.push(flow);
        }
        plane.sessions().clear(&SessionFilter::default()).unwrap();
    }
    found
}

/// How much of the offered traffic was let through, evenly over a second.
fn measured(row: &Row, workers: u8, flows: &[Flow], offered: u32) -> u32 {
    let plane = plane(&row.leaves, workers);
    let (inside, outside) = (port(&plane, "ge-0/0/0"), port(&plane, "ge-0/0/1"));
    let mut passed = 0;
    for n in 0..offered {
        plane.workers().advance(Instant(START + u64::from(n) * SECOND / u64::from(offered)));
        let flow = &flows[n as usize % flows.len()];
        let first = verdict(&plane, inside, &frame(flow));
        let is_dropped = matches!(first, Verdict::Drop(_));
        let first = matches!(first, Verdict::Send { egress: Egress::Port(_), .. });
        passed += match row.measure {
            Measure::Requests => u32::from(!is_dropped),
            Measure::Silent => {
                let Flow { src, sport, dst, dport, .. } = *flow;
                let answer = Payload::tcp_segment(dport, sport, TcpFlags::SYN | TcpFlags::ACK, 7, 2, b"");
                let last = Payload::tcp_segment(sport, dport, TcpFlags::ACK, 2, 8, b"");
                assert!(first && passes(&plane, outside, &between((dst, src), &answer)));
                u32::from(passes(&plane, inside, &between((src, dst), &last)))
            }
            Measure::Packets | Measure::Sessions | Measure::Not(_) => u32::from(first),
        };
    }
    match row.measure {
        Measure::Not(screen) => {
            let counters = plane.telemetry().screens().unwrap();
            let hits = counters.iter().flat_map(|zone| &zone.hits).filter(|(of, _)| *of == screen);
            offered - hits.map(|(_, hits)| *hits as u32).sum::<u32>()
        }
        Measure::Packets | Measure::Sessions | Measure::Silent | Measure::Requests => passed,
    }
}

/// What must pass: a sweep's tenth target is one too many, and alarms are of those that are proxied.
fn allowed(row: &Row, offered: u32) -> u32 {
    let is_sweep = row.leaves[0].contains("sweep") || row.leaves[0].contains("scan");
    offered.min(match row.measure {
        _ if is_sweep => row.limit - 1,
        Measure::Not(_) | Measure::Requests => row.limit + ATTACK,
        Measure::Packets | Measure::Sessions | Measure::Silent => row.limit,
    })
}

const BEGIN: &str = "| statement | limit | of 0.5x | of 1x | of 10x |\n|---|---|---|---|---|\n";

/// Errors about sessions that other workers have are screened where they come, and not once more where they go on. Spec: screen-6.
#[test]
fn errors_that_workers_give_to_each_other_count_once() {
    const LEAVES: [&str; 7] = [
        "icmp flood threshold 40",
        "set security nat source pool p address 20.0.1.0/28",
        "set security nat source pool p port no-translation",
        "set security nat source rule-set r from zone trust",
        "set security nat source rule-set r to zone untrust",
        "set security nat source rule-set r rule r match source-address 10.0.0.0/8",
        "set security nat source rule-set r rule r then source-nat pool p",
    ];
    let [client, server] = [[10, 0, 0, 7], [20, 0, 0, 2]].map(|addr| u32::from(Ipv4Addr::from(addr)));
    for workers in WORKERS {
        let plane = plane(&LEAVES.map(str::to_owned), workers);
        plane.workers().advance(Instant(START));
        let inside = port(&plane, "ge-0/0/0");
        let handed_over = || plane.telemetry().global().unwrap().handed_over;
        let mut most = 0;
        let passed = (0..2 * LIMIT).filter(|n| {
            let port = 1000 + *n as u16;
            assert!(passes(&plane, inside, &between((client, server), &Payload::udp(port, 53, b"x"))));
            let answer = between((server, client), &Payload::udp(53, port, b"x"));
            let before = handed_over();
            let error = Payload::icmp(Family::V4, 3, 3, 0, &answer[14..]);
            let passed = passes(&plane, inside, &between((client, server), &error));
            most = most.max(handed_over() - before);
            passed
        });
        assert_eq!(passed.count(), LIMIT as usize, "{workers} workers");
        // To whom its key says, and on to who has the session.
        assert_eq!(most, if workers == 1 { 0 } else { 2 });
    }
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/screen.md")
}

#[test]
fn every_threshold_is_exact_whatever_the_workers_the_flows_and_the_rate() {
    let mut table = BEGIN.to_owned();
    for row in rows() {
        let rates = [row.limit / 2, row.limit, row.limit * 10];
        let mut cells = Vec::new();
        for workers in WORKERS {
            let of_many = if row.measure == Measure::Packets { SPREAD } else { row.limit * 10 };
            let of_one = if row.measure == Measure::Packets { 1 } else { row.limit * 10 };
            let spread: Vec<_> = (0..of_many).map(|n| flow(&row, n)).collect();
            let at_one = match workers {
                1 => spread[..of_one as usize].to_vec(),
                _ => at_one_worker(&row, workers, of_one),
            };
            for flows in [spread, at_one] {
                let got = rates.map(|offered| measured(&row, workers, &flows, offered));
                let expected = rates.map(|offered| allowed(&row, offered));
                assert_eq!(got, expected, "{:?}, {workers} workers, {} flows", row.leaves, flows.len());
                cells.push(got);
            }
        }
        let [half, once, ten] = cells[0];
        let _ = writeln!(table, "| `{}` | {} | {half} | {once} | {ten} |", row.leaves[0], row.limit);
    }
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the table's head");
    let (_, after) = rest.split_once("\n\n").expect("text behind the table");
    let should = format!("{before}{table}\n{after}");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(page(), should).unwrap();
        return;
    }
    assert_eq!(text, should, "UPDATE_EXPECT=1 writes the table anew");
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Every screen that counts is on; a quarter of a million sources that are not there fill no more than what was set aside.
#[test]
fn sources_without_end_take_no_memory_and_a_clean_one_passes() {
    let leaves: Vec<_> =
        rows().into_iter().filter(|row| row.limit == LIMIT).flat_map(|row| row.leaves).collect();
    let leaves: Vec<_> = leaves
        .into_iter()
        .filter(|leaf| {
            !leaf.contains("syn-flood") && !leaf.contains("destination") && !leaf.contains("flood")
        })
        .collect();
    let plane = plane(&leaves, 2);
    let inside = port(&plane, "ge-0/0/0");
    let spoof = |n: u32| Flow {
        proto: Proto::Udp,
        src: 0x0a00_1000 + n,
        sport: 9,
        dst: 0x1400_0002 + n % 250,
        dport: 53,
    };
    let clean = Flow { proto: Proto::Udp, src: 0x0a00_0009, sport: 9, dst: 0x1400_0100, dport: 53 };
    let mut lost = 0;
    let mut send = |from: u32, to: u32| {
        for n in from..to {
            plane.workers().advance(Instant(START + u64::from(n) * 20_000));
            let _ = passes(&plane, inside, &frame(&spoof(n)));
            if n % 10_000 == 0 {
                lost += u32::from(!passes(&plane, inside, &frame(&clean)));
            }
        }
    };
    // Everything has been touched once.
    send(0, 100_000);
    let before = resident();
    send(100_000, 250_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} bytes more");
    assert_eq!(lost, 0, "of a client that was there before the flood");
    assert!(plane.sessions().count().unwrap() <= 4096);
}
