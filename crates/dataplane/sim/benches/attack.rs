//! What attacks cost the traffic that was there before: `step` without any backend, one worker.
//!
//! `cargo bench -p ravelin-sim --bench attack [NAME...]`. Established sessions (64-byte UDP, source NAT, random order) are stepped alone,
//! then with a hostile frame behind every tenth of theirs, then with other hostile frames under pressure, as a worker steps them that
//! can't keep up, then alone again. Rounds of the four are interleaved. Shown are what a hostile frame costs, the established throughput under attack
//! against the clean one, both again under pressure, the throughput behind it, how many hostile frames a second leave four
//! fifths of the throughput of a worker that keeps up, and what memory the process has taken meanwhile. Speed is shown, never asserted;
//! that established packets all pass, and that no table outgrows its limit, is.
//!
//! `valgrind --tool=callgrind --toggle-collect='*step_counted*' attack-... --count [NAME...]` counts instructions instead, whatever
//! else the machine does: full batches of hostile frames alone go through `step_counted`, `COUNTED` of them a name; with `--pressed` under pressure.

use std::sync::Arc;
use std::time::Instant as Clock;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{Neighbour, NeighbourUpdate};
use ravelin_engine::{
    BATCH_MAX, Checksum, Egress, Forwarding, Ingress, Limits, NoRecorder, Output, Packet, Resolver, Rules,
    Seed, Shared, Snapshot, State, Steering, Verdict, step,
};
use ravelin_types::{Family, Generation, Instant, Mac, PortId, Proto};
use ravelin_wire::TcpFlags;
use ravelin_wire::build::{self, Ip, Payload};

const ROUNDS: usize = 7;
/// Established sessions, and those that the table holds.
const SESSIONS: usize = 10_000;
const TABLE: usize = 60_000;
/// Frames of a round; one hostile frame behind so many established ones.
const FRAMES: usize = 512 * BATCH_MAX;
const SHARE: usize = 10;
const SEED: Seed = Seed([7; 32]);
const HEADROOM: usize = 32;
const BUFFER: usize = 256;
/// Nanoseconds that the engine's clock moves a batch: a core's worth of packets.
const BATCH_NS: u64 = 5_000;
const SERVER: u16 = 9000;
/// Hostile frames whose instructions are counted.
const COUNTED: usize = 128 * BATCH_MAX;

/// What all have: an inside and an outside, source NAT, and policies that a flood of tuples is looked up in.
const COMMON: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 192.168.1.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set routing-options static route 10.0.0.0/8 next-hop 192.168.1.2
set routing-options static route 0.0.0.0/0 next-hop 198.51.100.2
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone untrust host-inbound-traffic system-services ping
set security nat source pool wide address 198.51.100.64/28
set security nat source rule-set rs from zone trust
set security nat source rule-set rs to zone untrust
set security nat source rule-set rs rule r match source-address 10.0.0.0/8
set security policies from-zone trust to-zone untrust policy out match source-address any
set security policies from-zone trust to-zone untrust policy out match destination-address any
set security policies from-zone trust to-zone untrust policy out match application any
set security policies from-zone trust to-zone untrust policy out then permit
";
/// The outside may open what it wants to one network.
const OPEN: &str = "\
set security policies from-zone untrust to-zone trust policy in match source-address any
set security policies from-zone untrust to-zone trust policy in match destination-address 10.200.0.0/16
set security policies from-zone untrust to-zone trust policy in match application any
set security policies from-zone untrust to-zone trust policy in then permit
";
const POOL: &str = "set security nat source rule-set rs rule r then source-nat pool wide\n";
const INTERFACE: &str = "set security nat source rule-set rs rule r then source-nat interface\n";
const COOKIES: &str = "\
set security screen ids-option s tcp syn-flood attack-threshold 200
set security zones security-zone untrust screen s
";

/// A way to be hostile.
struct Attack {
    name: &'static str,
    configuration: fn() -> String,
    /// Comes from inside.
    inside: bool,
    /// Frame `n`, of numbers that nobody could tell.
    frame: fn(n: u64, random: [u64; 2]) -> (Ip, Payload),
}

fn open() -> String {
    [COMMON, OPEN, POOL].concat()
}

fn address(word: u64) -> [u8; 4] {
    // A host of 16.0.0.0/4: none of the networks here.
    ((word as u32) & 0x0fff_ffff | 0x1000_0000).to_be_bytes()
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "SYN flood, no screen",
        configuration: open,
        inside: false,
        frame: |_, [a, b]| {
            let ip = Ip::v4(address(a), [10, 200, 0, b as u8]);
            (ip, Payload::tcp_segment((a >> 40) as u16 | 1, 80, TcpFlags::SYN, b as u32, 0, &[]))
        },
    },
    Attack {
        name: "SYN flood, cookies",
        configuration: || open() + COOKIES,
        inside: false,
        frame: |_, [a, b]| {
            let ip = Ip::v4(address(a), [10, 200, 0, 7]);
            (ip, Payload::tcp_segment((a >> 40) as u16 | 1, 80, TcpFlags::SYN, b as u32, 0, &[]))
        },
    },
    Attack {
        name: "forged cookies",
        configuration: || open() + COOKIES,
        inside: false,
        frame: |n, [a, b]| {
            let ip = Ip::v4(address(a), [10, 200, 0, 7]);
            let flags = if n % 8 == 0 { TcpFlags::SYN } else { TcpFlags::ACK };
            (ip, Payload::tcp_segment((a >> 40) as u16 | 1, 80, flags, b as u32, (b >> 32) as u32, &[]))
        },
    },
    Attack {
        name: "spoofed new flows",
        configuration: open,
        inside: false,
        frame: |_, [a, b]| {
            let ip = Ip::v4(address(a), [10, 200, (b >> 8) as u8, b as u8]);
            (ip, Payload::udp((a >> 40) as u16 | 1, (b >> 16) as u16 | 1, &[0; 18]))
        },
    },
    Attack {
        // What collides for a hash that adds or xors the words of a tuple.
        name: "hash collisions",
        configuration: open,
        inside: false,
        frame: |n, _| {
            let n = n as u16;
            let [high, low] = n.to_be_bytes();
            let ip = Ip::v4([16, 0, high, low], [10, 200, high, low]);
            (ip, Payload::udp(n | 1, n | 1, &[0; 18]))
        },
    },
    Attack {
        name: "tuple explosion, 10,000 policies",
        configuration: || [COMMON, POOL, &policies(10_000)].concat(),
        inside: false,
        frame: |_, [a, b]| {
            let ip = Ip::v4(address(a), [10, (b >> 8) as u8, b as u8, (b >> 24) as u8]);
            (ip, Payload::udp((a >> 40) as u16, (b >> 32) as u16, &[0; 18]))
        },
    },
    Attack {
        name: "fragments without an end",
        configuration: open,
        inside: false,
        frame: |n, [a, b]| {
            let first = n % 2 == 0;
            let ip = Ip::v4(address(a), [10, 200, 0, b as u8]);
            let fragment = if first { 0x2000 } else { 0x2000 | 64 };
            let ip = Ip { id: b as u16, fragment, ..ip };
            (ip, Payload::raw(Proto::UDP, &[0, 80, 0, 80, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
        },
    },
    Attack {
        // Few datagrams, which are paid for before long.
        name: "copies of fragments",
        configuration: open,
        inside: false,
        frame: |n, _| {
            let [high, low] = ((n / 2 % 1024) as u16).to_be_bytes();
            let ip = Ip::v4([16, 0, high, low], [10, 200, 0, low]);
            let fragment = if n.is_multiple_of(2) { 0x2000 } else { 0x2000 | 64 };
            let ip = Ip { id: 7, fragment, ..ip };
            (ip, Payload::raw(Proto::UDP, &[0, 80, 0, 80, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
        },
    },
    Attack {
        name: "ICMP errors",
        configuration: open,
        inside: false,
        frame: |_, [a, b]| {
            let quoted = Ip::v4([10, 0, (b >> 8) as u8, b as u8], address(a));
            let quote = build::frame(&quoted, &Payload::udp(b as u16 | 1, SERVER, &[0; 8]))[14..].to_vec();
            let ip = Ip::v4(address(b), [198, 51, 100, 64 + (a % 16) as u8]);
            (ip, Payload::icmp(Family::V4, 3, 3, 0, &quote))
        },
    },
    Attack {
        name: "port exhaustion",
        configuration: || [COMMON, INTERFACE].concat(),
        inside: true,
        frame: |_, [a, b]| {
            let ip = Ip::v4([10, 100, (a >> 8) as u8, a as u8], address(b));
            (ip, Payload::udp((a >> 16) as u16 | 1, SERVER, &[0; 18]))
        },
    },
    Attack {
        name: "pings of the firewall",
        configuration: open,
        inside: false,
        frame: |_, [a, _]| {
            let ip = Ip::v4(address(a), [198, 51, 100, 1]);
            (ip, Payload::icmp(Family::V4, 8, 0, a as u32, &[0; 18]))
        },
    },
];

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let chosen =
        || ATTACKS.iter().filter(|a| named.is_empty() || named.iter().any(|n| a.name.contains(n.as_str())));
    let asked = |flag: &str| std::env::args().any(|a| a == flag);
    if asked("--count") {
        return chosen().for_each(|attack| count(attack, asked("--pressed")));
    }
    println!(
        "{SESSIONS} established sessions, one hostile frame behind every {SHARE}; {ROUNDS} rounds, median (min-max)"
    );
    println!(
        "{:>34} {:>20} {:>20} {:>20} {:>20} {:>20} {:>20} {:>10} {:>9} {:>8}",
        "attack",
        "clean ns",
        "hostile ns",
        "under attack %",
        "pressed: hostile ns",
        "under attack %",
        "behind it %",
        "80 % at/s",
        "sessions",
        "grown KiB"
    );
    chosen().for_each(measure);
}

/// Full batches of hostile frames for an instruction counter, into tables that are as full as they become.
fn count(attack: &Attack, pressed: bool) {
    let mut ground = Ground::new(&(attack.configuration)());
    let frames: Vec<_> = (0..SESSIONS).map(|n| ground.opening(n)).collect();
    frames.iter().for_each(|frame| ground.must_pass(frame));
    let mut sent = 0;
    for (frames, step) in [(TABLE, plain_step as Step), (COUNTED, step_counted as Step)] {
        ground.state.press(pressed && frames == COUNTED);
        let flood: Vec<_> = (0..frames)
            .map(|_| {
                sent += 1;
                let random = [ground.draw(), ground.draw()];
                ground.framed((attack.frame)(sent, random), attack.inside)
            })
            .collect();
        ground.run_by(step, &flood.iter().map(|frame| (frame, false)).collect::<Vec<_>>());
    }
    println!("{}: {COUNTED} frames, {} sessions", attack.name, ground.state.sessions.len());
}

/// One batch through the engine.
type Step = fn(&Snapshot, (&mut State, &Shared), Instant, &mut [Packet<'_>], &mut Output);

fn plain_step(
    world: &Snapshot,
    state: (&mut State, &Shared),
    now: Instant,
    packets: &mut [Packet<'_>],
    out: &mut Output,
) {
    step(world, state, now, packets, out, &mut NoRecorder);
}

/// The same by a name that an instruction counter is told.
#[inline(never)]
fn step_counted(
    world: &Snapshot,
    state: (&mut State, &Shared),
    now: Instant,
    packets: &mut [Packet<'_>],
    out: &mut Output,
) {
    step(world, state, now, packets, out, &mut NoRecorder);
}

fn measure(attack: &Attack) {
    let mut ground = Ground::new(&(attack.configuration)());
    let frames: Vec<_> = (0..SESSIONS).map(|n| ground.opening(n)).collect();
    frames.iter().for_each(|frame| ground.must_pass(frame));
    let mut sent = 0;
    let mut hostile = |ground: &mut Ground, count: usize| -> Vec<Frame> {
        (0..count)
            .map(|_| {
                sent += 1;
                let random = [ground.draw(), ground.draw()];
                ground.framed((attack.frame)(sent, random), attack.inside)
            })
            .collect()
    };
    // Tables are as full as they become before anything is timed.
    for _ in 0..TABLE / 8_000 {
        let flood = hostile(&mut ground, 8_000);
        ground.run(&flood.iter().map(|frame| (frame, false)).collect::<Vec<_>>());
    }
    let before = resident_kib();
    let (mut clean, mut cost, mut under, mut behind) = (vec![], vec![], vec![], vec![]);
    let (mut shed_cost, mut shed_under) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let order: Vec<_> = (0..FRAMES).map(|_| ground.draw() as usize % SESSIONS).collect();
        let alone: Vec<_> = order.iter().map(|at| (&frames[*at], true)).collect();
        let flood = hostile(&mut ground, FRAMES / SHARE + 1);
        // Under pressure another flood: what the first has left behind is no stranger any more.
        let other = hostile(&mut ground, FRAMES / SHARE + 1);
        let mixed = |flood| mixed(&alone, flood);
        let (unpressed, strange) = (mixed(&flood), mixed(&other));
        let first = ground.run(&alone);
        let attacked = ground.run(&unpressed);
        ground.state.press(true);
        let pressed = ground.run(&strange);
        ground.state.press(false);
        let again = ground.run(&alone);
        clean.push(first / FRAMES as f64);
        cost.push((attacked - first).max(0.0) / flood.len() as f64);
        under.push(100.0 * first / attacked);
        shed_cost.push((pressed - first).max(0.0) / flood.len() as f64);
        shed_under.push(100.0 * first / pressed);
        behind.push(100.0 * first / again);
    }
    let grown = resident_kib().saturating_sub(before);
    let most = 0.2e9 / median(&mut cost.clone());
    assert!(ground.state.sessions.len() <= TABLE, "the table outgrew its limit");
    println!(
        "{:>34} {:>20} {:>20} {:>20} {:>20} {:>20} {:>20} {:>10.0} {:>9} {:>8}",
        attack.name,
        shown(clean),
        shown(cost),
        shown(under),
        shown(shed_cost),
        shown(shed_under),
        shown(behind),
        most,
        ground.state.sessions.len(),
        grown
    );
}

/// One hostile frame behind every few established ones.
fn mixed<'f>(alone: &[(&'f Frame, bool)], flood: &'f [Frame]) -> Vec<(&'f Frame, bool)> {
    let behind = |(own, theirs): (&[(&'f Frame, bool)], &'f Frame)| {
        own.iter().copied().chain([(theirs, false)]).collect::<Vec<_>>()
    };
    alone.chunks(SHARE).zip(flood).flat_map(behind).collect()
}

/// A frame and the port it arrives on.
struct Frame {
    port: PortId,
    bytes: Vec<u8>,
}

/// A worker's state with its snapshot, and the interfaces around it.
struct Ground {
    snapshot: Snapshot,
    state: State,
    shared: Shared,
    out: Output,
    now: Instant,
    ports: [(PortId, Mac); 2],
    random: u64,
}

impl Ground {
    fn new(text: &str) -> Self {
        let loaded = ravelin_model::load(text);
        let valid = loaded.result.unwrap_or_else(|errors| panic!("the bench's configuration: {errors:?}"));
        let mut book = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1))
            .unwrap_or_else(|errors| panic!("the bench's configuration: {errors:?}"));
        let rules =
            Rules::build(&program, None, 1).unwrap_or_else(|error| panic!("the bench's program: {error:?}"));
        let mut updates = routes(&valid, &book);
        for (unit, addr) in [("ge-0/0/0.0", "192.168.1.2"), ("ge-0/0/1.0", "198.51.100.2")] {
            updates.neighbours.push(NeighbourUpdate {
                interface: book.find_unit(unit).expect("a configured unit"),
                addr: addr.parse().expect("an address"),
                neighbour: Neighbour::Reachable(Mac([2, 9, 9, 9, 9, 9])),
            });
        }
        let port = |name: &str| {
            let port = rules.ports().find(|p| p.name == name).expect("a configured port");
            (port.id, Mac(port.mac))
        };
        let ports = [port("ge-0/0/0"), port("ge-0/0/1")];
        let limits = Limits { sessions: TABLE, events: 4096 };
        let mut state = State::new(Steering::alone(&SEED), &SEED, 1, limits);
        let shared = Shared::new(TABLE as u64, &SEED);
        state.adopt(&rules, &shared, Instant::ZERO);
        let forwarding = Arc::new(Forwarding::new(Resolver::Table).updated(&updates));
        let rules = Arc::new(rules);
        let snapshot =
            Snapshot { rules, forwarding, armed: true, any_station: false, judged: 1, fabrics: None };
        let (out, now) = (Output::new(), Instant::from_secs(1));
        Self { snapshot, state, shared, out, now, ports, random: 0x9e37_79b9_7f4a_7c15 }
    }

    fn framed(&self, (mut ip, payload): (Ip, Payload), inside: bool) -> Frame {
        let (port, station) = self.ports[usize::from(!inside)];
        ip.dst_mac = station;
        Frame { port, bytes: build::frame(&ip, &payload) }
    }

    /// The packets of established session `n`.
    fn opening(&self, n: usize) -> Frame {
        let ip = Ip::v4([10, 0, (n >> 12) as u8, (n >> 4) as u8], [203, 0, 113, 9]);
        self.framed((ip, Payload::udp(1024 + (n % 16) as u16, SERVER, &[0; 18])), true)
    }

    fn must_pass(&mut self, frame: &Frame) {
        self.run(&[(frame, true)]);
    }

    /// Steps frames in batches; established ones, which are said to be so, must be sent. Nanoseconds in `step` alone.
    fn run(&mut self, frames: &[(&Frame, bool)]) -> f64 {
        self.run_by(plain_step, frames)
    }

    fn run_by(&mut self, step: Step, frames: &[(&Frame, bool)]) -> f64 {
        let mut buffers = vec![[0; BUFFER]; BATCH_MAX];
        let mut stepped = 0.0;
        for batch in frames.chunks(BATCH_MAX) {
            for (buffer, (frame, _)) in buffers.iter_mut().zip(batch) {
                buffer[HEADROOM..HEADROOM + frame.bytes.len()].copy_from_slice(&frame.bytes);
            }
            let mut packets: Vec<_> = (buffers.iter_mut().zip(batch))
                .map(|(buffer, (frame, _))| {
                    let (len, at) = (frame.bytes.len(), Ingress::Port(frame.port));
                    Packet::new(buffer, HEADROOM, len, at, Checksum::Unverified)
                })
                .collect();
            self.now.0 += BATCH_NS;
            let start = Clock::now();
            let state = (&mut self.state, &self.shared);
            step(&self.snapshot, state, self.now, &mut packets, &mut self.out);
            stepped += start.elapsed().as_nanos() as f64;
            self.state.events.take(usize::MAX);
            for (verdict, (_, established)) in self.out.verdicts.iter().zip(batch) {
                let passed = matches!(verdict, Verdict::Send { egress: Egress::Port(_), .. });
                assert!(passed || !established, "an established packet came to {verdict:?}");
            }
        }
        stepped
    }

    /// xorshift, so that runs repeat.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Policies from outside, each of a host and a port; none matches.
fn policies(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let policy = format!("set security policies from-zone untrust to-zone trust policy p{n} match");
        let (high, low) = (n / 256, n % 256);
        text += &format!("{policy} source-address 172.16.{high}.{low}/32\n");
        text +=
            &format!("{policy} destination-address 10.{high}.{low}.0/24\n{policy} application junos-http\n");
        text += &format!("set security policies from-zone untrust to-zone trust policy p{n} then permit\n");
    }
    text
}

/// Memory that the process has.
fn resident_kib() -> u64 {
    let all = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = all.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    pages * 4
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(mut values: Vec<f64>) -> String {
    let middle = median(&mut values);
    format!("{middle:.1} ({:.1}-{:.1})", values[0], values[values.len() - 1])
}
