//! Generated screens on both zones, in both directions, with thresholds that a few packets reach, and packets that
//! trip them or do not. Verdicts and counters must be those of the model.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ravelin_conformance::model::{ACK, FIN, Model, Packet, RST, SYN, Segment, URG};
use ravelin_contract::DataPlane;
use ravelin_program::Screen;
use ravelin_sim::SimPlane;

use crate::kit::{ip, loaded, outcome, plane, runs};

const ZONES: [&str; 2] = ["trust", "untrust"];

/// Everything is permitted, so that screens alone decide.
pub const BASE: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone trust host-inbound-traffic system-services ping
set security screen white-list some address 10.0.0.4/32
set security screen white-list some address 10.1.0.4/32
";

/// What is asked of one packet.
const ALONE: [&str; 14] = [
    "icmp large",
    "ip bad-option",
    "ip record-route-option",
    "ip timestamp-option",
    "ip security-option",
    "ip stream-option",
    "ip loose-source-route-option",
    "ip strict-source-route-option",
    "ip unknown-protocol",
    "tcp syn-fin",
    "tcp fin-no-ack",
    "tcp tcp-no-flag",
    "tcp land",
    "tcp winnuke",
];

/// What is counted; `$` is a number of four or more.
const COUNTED: [&str; 33] = [
    "ip source-route-option",
    "ip spoofing",
    "icmp flood threshold $",
    "udp flood threshold $",
    "udp flood white-list some",
    "tcp syn-flood source-threshold $",
    "tcp syn-flood destination-threshold $",
    "icmp ip-sweep threshold 1000000",
    "tcp tcp-sweep threshold 1000000",
    "udp udp-sweep threshold 1000000",
    "tcp port-scan threshold 1000000",
    "udp port-scan threshold 300000",
    "limit-session source-ip-based $",
    "limit-session destination-ip-based $",
    "limit-session by-source maximum-sessions $",
    "limit-session by-source packet-rate $",
    "limit-session by-source session-rate $",
    "limit-session by-source by-protocol tcp maximum-sessions $",
    "limit-session by-source by-protocol udp packet-rate $",
    "limit-session by-source by-protocol icmp session-rate $",
    "limit-session by-destination maximum-sessions $",
    "limit-session by-destination packet-rate $",
    "limit-session by-destination session-rate $",
    "limit-session by-destination by-protocol udp maximum-sessions $",
    "limit-session by-destination by-protocol tcp packet-rate $",
    "limit-session by-destination by-protocol tcp session-rate $",
    "aggregation source-prefix-mask 30",
    "aggregation destination-prefix-mask 30",
    "aggregation source-prefix-v6-mask 126",
    "aggregation destination-prefix-v6-mask 126",
    "match-direction output",
    "match-direction input-output",
    "alarm-without-drop",
];

pub fn option(zone: &'static str) -> impl Strategy<Value = String> {
    let counted = subsequence(COUNTED.to_vec(), 1..6);
    (subsequence(ALONE.to_vec(), 0..5), counted, 4u8..12).prop_map(move |(alone, counted, threshold)| {
        let set = format!("set security screen ids-option of-{zone}");
        let mut text = format!("set security zones security-zone {zone} screen of-{zone}\n");
        for leaf in alone.into_iter().chain(counted) {
            text += &format!("{set} {}\n", leaf.replace('$', &threshold.to_string()));
            if leaf.contains("syn-flood") {
                // What is answered in a server's place is tested by itself.
                text += &format!("{set} tcp syn-flood attack-threshold 1000000\n");
            }
        }
        text
    })
}

fn config() -> impl Strategy<Value = String> {
    (option(ZONES[0]), option(ZONES[1])).prop_map(|(trust, untrust)| format!("{BASE}{trust}{untrust}"))
}

/// One option with its length, right or wrong.
pub const OPTIONS: [&[u8]; 10] = [
    &[],
    &[7, 7, 4, 0, 0, 0, 0, 0],
    &[131, 7, 4, 10, 1, 0, 9, 0],
    &[137, 7, 4, 10, 1, 0, 9, 0],
    &[137, 7, 3, 10, 1, 0, 9, 0],
    &[68, 8, 5, 0, 0, 0, 0, 0],
    &[68, 8, 4, 0, 0, 0, 0, 0],
    &[130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[136, 4, 0, 1],
    &[136, 9, 0, 1],
];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Arrives at the port of this number.
    Packet(usize, Packet),
    /// The answer to the last packet that was sent.
    Answer,
    /// One source tries a dozen addresses or ports.
    Sweep {
        from: usize,
        proto: u8,
        ports: bool,
    },
    /// A connection from its first segment to both FINs, and another on the same ports.
    Talk(usize),
    Wait(u64),
}

/// Most go to the other zone, from few sources to few ports; some from an address of the other side.
fn packet() -> impl Strategy<Value = Step> {
    let flags = select(&[SYN, SYN, SYN, SYN, ACK, SYN | FIN, FIN, 0, RST, SYN | URG, FIN | ACK][..]);
    let proto = select(&[6u8, 6, 17, 17, 1, 1, 200, 47][..]);
    let ports = (1000u16..1003, prop_oneof![3 => 78u16..92, 1 => Just(139)]);
    let ends = (0usize..2, prop_oneof![9 => Just(false), 1 => Just(true)], 2u8..6, 2u8..16);
    let shape = (select(&OPTIONS[..]), prop_oneof![4 => Just(7u16), 1 => 980u16..1010], any::<bool>());
    (ends, any::<u8>(), proto, flags, ports, shape).prop_map(
        |((from, is_spoofed, src, dst), odd, proto, flags, (sport, dport), (options, len, has_options))| {
            let v6 = odd < 64;
            // Foreign sources are other hosts than those that live there.
            let (net, src) = if is_spoofed { (1 - from, src + 100) } else { (from, src) };
            let addr = |net: usize, host: u8| match v6 {
                true => ip(&format!("2001:db8:{net}::{host:x}")),
                false => ip(&format!("10.{net}.0.{host}")),
            };
            let (src, dst) =
                (addr(net, src), if odd % 16 == 3 { addr(net, src) } else { addr(1 - from, dst) });
            let (sport, dport) = match proto {
                6 | 17 => (sport, dport),
                1 => (sport, 0),
                _ => (0, 0),
            };
            let proto = if v6 && proto == 1 { 58 } else { proto };
            let options = if v6 || !has_options { &[] } else { options };
            let len = if proto == 47 { 20 } else { len };
            let tcp = (proto == 6).then(|| Segment::of(flags));
            Step::Packet(from, Packet { src, dst, proto, sport, dport, tcp, len, options, ..Packet::PLAIN })
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = select(&[10u64, 100, 290, 300, 999, 1000, 2500, 20_000, 61_000][..]).prop_map(Step::Wait);
    let sweep = (0usize..2, select(&[1u8, 6, 17][..]), any::<bool>());
    let sweep = sweep.prop_map(|(from, proto, ports)| Step::Sweep { from, proto, ports });
    let talk = (0usize..2).prop_map(Step::Talk);
    vec(prop_oneof![16 => packet(), 3 => Just(Step::Answer), 2 => wait, 1 => sweep, 1 => talk], 1..70)
}

/// The packets of a step, and the ports that they arrive at.
fn packets(step: &Step, last: Option<(usize, Packet)>) -> Vec<(usize, Packet)> {
    let host = |net: usize, host: usize| ip(&format!("10.{net}.0.{host}"));
    let between = |from: usize, to: usize| Packet {
        src: host(from, 3),
        dst: host(1 - from, to),
        proto: 6,
        sport: 1001,
        dport: 80,
        tcp: None,
        len: 7,
        options: &[],
        ..Packet::PLAIN
    };
    match *step {
        Step::Wait(_) => Vec::new(),
        Step::Packet(from, packet) => vec![(from, packet)],
        Step::Answer => last.into_iter().collect(),
        Step::Sweep { from, proto, ports } => {
            let one = |n: usize| {
                let packet = Packet { proto, ..between(from, if ports { 2 } else { 20 + n }) };
                let tcp = (proto == 6).then(|| Segment::of(SYN));
                match proto {
                    1 => Packet { sport: n as u16, dport: 0, ..packet },
                    _ => Packet { dport: if ports { 200 + n as u16 } else { 80 }, tcp, ..packet },
                }
            };
            (0..12).map(|n| (from, one(n))).collect()
        }
        Step::Talk(from) => {
            let segment = |flags, seq, ack| Some(Segment { seq, ack, ..Segment::of(flags) });
            let client = |tcp| (from, Packet { tcp, ..between(from, 60) });
            let server = |tcp| {
                let Packet { src, dst, sport, dport, .. } = between(from, 60);
                (
                    1 - from,
                    Packet { src: dst, dst: src, sport: dport, dport: sport, tcp, ..between(from, 60) },
                )
            };
            vec![
                client(segment(SYN, 100, 0)),
                server(segment(SYN | ACK, 500, 101)),
                client(segment(FIN | ACK, 101, 501)),
                server(segment(FIN | ACK, 501, 102)),
                client(segment(SYN, 2000, 0)),
            ]
        }
    }
}

pub fn wait(plane: &SimPlane, model: &mut Model<'_>, ms: u64) {
    let workers = plane.workers();
    workers.advance(workers.now().plus(Duration::from_millis(ms)));
    for _ in 0..3 {
        let _ = workers.run_batch(&[]);
    }
    model.advance(ms);
}

pub fn hits(plane: &SimPlane) -> BTreeMap<(String, Screen), u64> {
    let rules = plane.rules().unwrap();
    let counters = plane.telemetry().screens().unwrap();
    let of_zone = |zone| {
        let unit = rules.units().find(|unit| unit.zone == Some(zone)).unwrap();
        let port: usize = unit.name["ge-0/0/".len()..][..1].parse().unwrap();
        ZONES[port].to_owned()
    };
    counters.iter().flat_map(|c| c.hits.iter().map(|(s, n)| ((of_zone(c.zone), *s), *n))).collect()
}

proptest! {
    #![proptest_config(runs(29, 800))]
    // Proves: rfc6888-5.
    #[test]
    fn engine_and_model_agree_on_screens(text in config(), steps in steps(), workers in 1u8..=4) {
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let mut model = Model::new(&config);
        let mut last: Option<(usize, Packet)> = None;
        // Away from zero, where no source has been seen.
        wait(&plane, &mut model, 5000);
        for step in &steps {
            if let Step::Wait(ms) = *step {
                wait(&plane, &mut model, ms);
                // A session that is over is found within two seconds, and what it held given back.
                while model.since_aged() < 3000 {
                    wait(&plane, &mut model, 1000);
                }
            }
            for (from, packet) in packets(step, last) {
                let got = outcome(&plane, from, &packet);
                let judged = model.agrees(&format!("ge-0/0/{from}.0"), &packet, &got);
                if model.is_open() {
                    return Ok(());
                }
                prop_assert_eq!(judged, Ok(()), "{:?} of {:?} in {:?} under\n{}", got, packet, steps, text);
                let Packet { src, dst, sport, dport, tcp, .. } = packet;
                let tcp = tcp.map(|tcp| Segment { ack: tcp.seq.wrapping_add(1), ..Segment::of(SYN | ACK) });
                if ![1, 58].contains(&packet.proto) && src != dst {
                    last = Some((1 - from, Packet { src: dst, dst: src, sport: dport, dport: sport, tcp, ..packet }));
                }
            }
        }
        prop_assert_eq!(&hits(&plane), model.hits(), "after {:?} under\n{}", steps, text);
    }
}
