//! What the engine costs: `step` on batches of 64 frames, without any backend.
//!
//! `cargo bench -p ravelin-sim --bench engine [established [SESSIONS...]|sessions|filters|screens|mirror]`. The program comes from
//! configuration text: two zones, one permit, interface source NAT. Every session is translated; since one address has
//! 62,464 ports, sessions are spread over enough egress interfaces that none has more than 50,000.
//! Frames are restored from untouched ones before each run of [`RUN`] frames, outside the timed part.
//! A round's figure is the median of its runs, so that a preemption spoils one run and not the round.
//! Prints medians of [`ROUNDS`] with minimum and maximum; asserts verdicts, never speed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant as Clock;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{Neighbour, NeighbourUpdate};
use ravelin_engine::{
    BATCH_MAX, Checksum, Egress, Forwarding, Ingress, Limits, NoRecorder, Output, Packet, Resolver, Rules,
    Seed, Shared, Snapshot, State, Steering, Verdict, step,
};
use ravelin_types::{Generation, Instant, InterfaceId, Mac, PortId};
use ravelin_wire::build::{self, Ip, Payload};

const ROUNDS: usize = 5;
/// Frames stepped between two readings of the clock: 16 batches, 128 KiB of buffers.
const RUN: usize = 16 * BATCH_MAX;
/// Frames stepped a round.
const FRAMES: usize = 2048 * RUN;
/// No application layer gateway looks into this port.
const SERVER: u16 = 9000;
/// Sessions on one external address at most.
const PER_ADDRESS: usize = 50_000;
/// Bytes of a 64-byte Ethernet frame without its check sequence.
const FRAME: usize = 60;
const SEED: Seed = Seed([7; 32]);
const HEADROOM: usize = 32;
const BUFFER: usize = 128;
/// Nanoseconds that the engine's clock moves a batch.
const BATCH_NS: u64 = 2_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let only = arguments.next();
    let wanted = |name: &str| only.as_deref().is_none_or(|o| o == name);
    let counts: Vec<usize> = arguments.map(|a| a.parse().expect("a number of sessions")).collect();
    if wanted("established") {
        established(if counts.is_empty() { &[1_000, 100_000, 1_000_000] } else { &counts });
    }
    if wanted("sessions") {
        sessions();
    }
    if wanted("filters") {
        filters();
    }
    if wanted("screens") {
        screens();
    }
    if wanted("mirror") {
        mirror();
    }
}

/// Established 64-byte UDP packets, random order.
fn established(counts: &[usize]) {
    println!(
        "established, 64-byte UDP, source NAT, batches of 64, random order; ns a packet, median (min-max)"
    );
    println!("{:>10} {:>10} {:>22} {:>22} {:>10}", "sessions", "addresses", "forward", "reverse", "restore");
    for &count in counts {
        let mut bench = Bench::new(count, 1, LogSessions::No);
        let forward: Vec<_> = (0..count).map(|n| bench.opening(n)).collect();
        let reverse = bench.open(&forward);
        let (there, restored) = bench.rounds(&forward);
        let (back, _) = bench.rounds(&reverse);
        println!(
            "{count:>10} {:>10} {:>22} {:>22} {restored:>10.1}",
            bench.outside.len(),
            shown(there),
            shown(back)
        );
    }
}

/// Sessions opened by their first packet and ended by ageing, both logged.
fn sessions() {
    println!("set-up and tear-down, UDP, source NAT, both logged; median (min-max)");
    println!(
        "{:>10} {:>10} {:>24} {:>22} {:>12}",
        "policies", "sessions", "set-up ns", "ageing ns", "both a s"
    );
    for (policies, count) in [(10, 40_000), (10_000, 4_000)] {
        let mut bench = Bench::new(count, policies, LogSessions::Yes);
        let frames: Vec<_> = (0..count).map(|n| bench.opening(n)).collect();
        let (mut up, mut down) = ([0.0; ROUNDS], [0.0; ROUNDS]);
        for round in 0..ROUNDS {
            let order = bench.order(&frames, count);
            up[round] = bench.run(&order).0;
            down[round] = bench.age_all();
        }
        let both = 1e9 / (median(&mut up) + median(&mut down));
        println!("{policies:>10} {count:>10} {:>24} {:>22} {both:>12.0}", shown(up), shown(down));
    }
}

/// Established packets judged by an input filter whose last term accepts them and none before does.
fn filters() {
    println!("input filter, 64-byte UDP, 1000 sessions, forward; ns a packet, median (min-max)");
    println!("{:>10} {:>34} {:>22}", "terms", "conditions", "forward");
    for (terms, conditions) in
        [(0, Conditions::Prefixes), (10, Conditions::Prefixes), (1000, Conditions::Prefixes)]
            .into_iter()
            .chain([(10, Conditions::Lengths), (1000, Conditions::Lengths)])
    {
        let text = configuration(1, 1, LogSessions::No) + &filter(terms, conditions);
        let mut bench = Bench::with(1000, text);
        let forward: Vec<_> = (0..1000).map(|n| bench.opening(n)).collect();
        bench.open(&forward);
        let (there, _) = bench.rounds(&forward);
        println!("{terms:>10} {:>34} {:>22}", conditions.shown(), shown(there));
    }
}

/// Established packets of a zone with screens.
fn screens() {
    const COUNT: usize = 10_000;
    println!("screens where packets come in, {COUNT} sessions, 64-byte UDP; ns a packet, median (min-max)");
    println!("{:>40} {:>22}", "screens", "forward");
    let sets: [(&str, &[&str]); 3] = [
        ("none", &[]),
        ("as untrust-screen of a new device", &UNTRUST_SCREEN),
        (
            "those and UDP flood",
            &[&UNTRUST_SCREEN[..], &["limit-session by-source packet-rate 4000000000"]].concat(),
        ),
    ];
    for (name, screens) in sets {
        let mut text = configuration(1, 1, LogSessions::No);
        for screen in screens {
            writeln!(text, "set security screen ids-option s {screen}").expect("a string takes all");
        }
        if !screens.is_empty() {
            text.push_str("set security zones security-zone trust screen s\n");
        }
        let mut bench = Bench::with(COUNT, text);
        let forward: Vec<_> = (0..COUNT).map(|n| bench.opening(n)).collect();
        bench.open(&forward);
        let (there, _) = bench.rounds(&forward);
        println!("{name:>40} {:>22}", shown(there));
    }
}

/// What the zone of the outside has in the configuration that an SRX is delivered with.
const UNTRUST_SCREEN: [&str; 9] = [
    "icmp ping-death",
    "ip source-route-option",
    "ip tear-drop",
    "tcp syn-flood alarm-threshold 1024",
    "tcp syn-flood attack-threshold 200",
    "tcp syn-flood source-threshold 1024",
    "tcp syn-flood destination-threshold 2048",
    "tcp syn-flood timeout 20",
    "tcp land",
];

/// What the terms ask that do not hold.
#[derive(Clone, Copy)]
enum Conditions {
    /// A source prefix, a protocol and a port: what prefilters exclude.
    Prefixes,
    /// A packet length: each term is looked at.
    Lengths,
}

impl Conditions {
    fn shown(self) -> &'static str {
        match self {
            Self::Prefixes => "source-address, protocol, port",
            Self::Lengths => "packet-length",
        }
    }
}

/// A filter of so many terms at the inside unit; none for no terms.
fn filter(terms: usize, conditions: Conditions) -> String {
    let mut text = String::new();
    let mut set = |line: String| writeln!(text, "set {line}").expect("a string takes all");
    if terms == 0 {
        return text;
    }
    for n in 1..terms {
        let term = format!("firewall family inet filter f term t{n}");
        match conditions {
            Conditions::Prefixes => {
                set(format!("{term} from source-address 172.{}.{}.0/24", 16 + n / 256, n % 256));
                set(format!("{term} from protocol udp"));
                set(format!("{term} from destination-port {}", 2000 + n));
            }
            Conditions::Lengths => set(format!("{term} from packet-length {}", 2000 + n)),
        }
        set(format!("{term} then discard"));
    }
    set("firewall family inet filter f term last then accept".into());
    set("interfaces ge-0/0/0 unit 0 family inet filter input f".into());
    text
}

/// Established packets, what arrives from inside mirrored; copies are made and not sent.
fn mirror() {
    const COUNT: usize = 10_000;
    println!("mirroring what arrives inside, {COUNT} sessions, 64-byte UDP; ns a packet, median (min-max)");
    println!("{:>10} {:>22}", "one in", "forward");
    for rate in [0, 100, 1] {
        let mut bench = Bench::with(COUNT, mirrored(&configuration(1, 1, LogSessions::No), rate));
        let forward: Vec<_> = (0..COUNT).map(|n| bench.opening(n)).collect();
        bench.open(&forward);
        let (there, _) = bench.rounds(&forward);
        println!("{:>10} {:>22}", if rate == 0 { "none".into() } else { rate.to_string() }, shown(there));
    }
}

fn mirrored(text: &str, rate: u32) -> String {
    if rate == 0 {
        return text.to_owned();
    }
    let mirroring = "set forwarding-options port-mirroring";
    format!(
        "{text}set interfaces ge-0/0/9 unit 0 family inet address 203.0.113.1/24\n\
         {mirroring} input rate {rate}\n{mirroring} input ingress interface ge-0/0/0\n\
         {mirroring} output interface ge-0/0/9\n"
    )
}

/// A frame and the port it arrives on.
#[derive(Clone, Copy)]
struct Frame {
    port: PortId,
    bytes: [u8; FRAME],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LogSessions {
    Yes,
    No,
}

/// A worker's state with its snapshot, and the interfaces around it.
struct Bench {
    snapshot: Snapshot,
    state: State,
    shared: Shared,
    out: Output,
    now: Instant,
    inside: (PortId, Mac),
    outside: Vec<(PortId, Mac)>,
    buffers: Vec<[u8; BUFFER]>,
    random: u64,
}

impl Bench {
    fn new(sessions: usize, policies: usize, log: LogSessions) -> Self {
        let addresses = sessions.div_ceil(PER_ADDRESS);
        Self::with(sessions, configuration(addresses, policies, log))
    }

    fn with(sessions: usize, text: String) -> Self {
        let addresses = sessions.div_ceil(PER_ADDRESS);
        let loaded = ravelin_model::load(&text);
        let valid = loaded.result.unwrap_or_else(|errors| panic!("the bench's configuration: {errors:?}"));
        let mut book = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1))
            .unwrap_or_else(|errors| panic!("the bench's configuration: {errors:?}"));
        let rules =
            Rules::build(&program, None, 1).unwrap_or_else(|error| panic!("the bench's program: {error:?}"));
        let mut updates = routes(&valid, &book);
        let neighbour = |unit: String, addr: String| NeighbourUpdate {
            interface: book.find_unit(&unit).unwrap_or(InterfaceId(0)),
            addr: addr.parse().expect("an address"),
            neighbour: Neighbour::Reachable(Mac([2, 9, 9, 9, 9, 9])),
        };
        updates.neighbours.push(neighbour("ge-0/0/0.0".into(), "192.168.1.2".into()));
        for n in 1..=addresses {
            updates.neighbours.push(neighbour(format!("ge-0/0/{n}.0"), format!("198.51.{n}.2")));
        }
        let port = |n: usize| {
            let name = format!("ge-0/0/{n}");
            let port = rules.ports().find(|p| p.name == name).expect("a configured port");
            (port.id, Mac(port.mac))
        };
        let (inside, outside) = (port(0), (1..=addresses).map(port).collect());
        let mut state = State::new(Steering::alone(&SEED), &SEED, 1, Limits { sessions, events: 4096 });
        let shared = Shared::new(sessions as u64, &SEED);
        state.adopt(&rules, &shared, Instant::ZERO);
        Self {
            snapshot: Snapshot {
                rules: Arc::new(rules),
                forwarding: Arc::new(Forwarding::new(Resolver::Table).updated(&updates)),
                armed: true,
                any_station: false,
                judged: 1,
                fabrics: None,
            },
            state,
            shared,
            out: Output::new(),
            now: Instant::from_secs(1),
            inside,
            outside,
            buffers: vec![[0; BUFFER]; RUN],
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The first packet of session `n`: sixteen ports a host, sessions dealt to the egress ports in turn.
    fn opening(&self, n: usize) -> Frame {
        let (host, port) = ((n / 16) as u32 + 2, 1024 + (n % 16) as u16);
        let [_, b, c, d] = host.to_be_bytes();
        let net = (n % self.outside.len()) as u8 + 1;
        let mut ip = Ip::v4([10, b, c, d], [198, 51, net, 2]);
        ip.dst_mac = self.inside.1;
        let frame = build::frame(&ip, &Payload::udp(port, SERVER, &[0; FRAME - 42]));
        Frame { port: self.inside.0, bytes: frame.try_into().expect("a frame of the bench's size") }
    }

    /// Opens a session with each frame; the answers' first packets, made of what was sent.
    fn open(&mut self, frames: &[Frame]) -> Vec<Frame> {
        let mut answers = Vec::with_capacity(frames.len());
        for batch in frames.chunks(BATCH_MAX) {
            let batch: Vec<_> = batch.iter().collect();
            self.run(&batch);
            for (buffer, verdict) in self.buffers.iter().zip(&self.out.verdicts) {
                let Verdict::Send { egress: Egress::Port(port), .. } = *verdict else {
                    panic!("a session was not opened: {verdict:?}");
                };
                let station = self.outside.iter().find(|(id, _)| *id == port).expect("an egress port").1;
                answers.push(answer(&buffer[HEADROOM..HEADROOM + FRAME], (port, station)));
            }
        }
        answers
    }

    /// Nanoseconds a frame of every round, and those of the restoring.
    fn rounds(&mut self, frames: &[Frame]) -> ([f64; ROUNDS], f64) {
        let (mut ns, mut restored) = ([0.0; ROUNDS], [0.0; ROUNDS]);
        let warm = self.order(frames, frames.len().max(RUN));
        self.run(&warm);
        for round in 0..ROUNDS {
            let order = self.order(frames, FRAMES);
            (ns[round], restored[round]) = self.run(&order);
        }
        (ns, median(&mut restored))
    }

    /// Frames in random order: each once when as many are wanted as there are, else drawn at random.
    fn order<'f>(&mut self, frames: &'f [Frame], count: usize) -> Vec<&'f Frame> {
        if count == frames.len() {
            let mut order: Vec<_> = frames.iter().collect();
            for at in (1..count).rev() {
                order.swap(at, self.draw(at + 1));
            }
            return order;
        }
        (0..count).map(|_| &frames[self.draw(frames.len())]).collect()
    }

    /// Steps frames in batches; every one must be sent. Nanoseconds a frame in `step` alone, and to restore.
    fn run(&mut self, frames: &[&Frame]) -> (f64, f64) {
        let (mut stepped, mut restored) = (Vec::new(), Vec::new());
        for run in frames.chunks(RUN) {
            let each = |start: Clock| start.elapsed().as_nanos() as f64 / run.len() as f64;
            let start = Clock::now();
            for (buffer, frame) in self.buffers.iter_mut().zip(run) {
                buffer[HEADROOM..HEADROOM + FRAME].copy_from_slice(&frame.bytes);
            }
            let mut packets: Vec<_> = (self.buffers.iter_mut().zip(run))
                .map(|(buffer, frame)| {
                    Packet::new(buffer, HEADROOM, FRAME, Ingress::Port(frame.port), Checksum::Unverified)
                })
                .collect();
            restored.push(each(start));
            let start = Clock::now();
            for batch in packets.chunks_mut(BATCH_MAX) {
                self.now.0 += BATCH_NS;
                let state = (&mut self.state, &self.shared);
                step(&self.snapshot, state, self.now, batch, &mut self.out, &mut NoRecorder);
            }
            stepped.push(each(start));
            self.state.events.take(usize::MAX);
        }
        let drops: u64 = self.state.counters.drops.iter().sum();
        assert_eq!(drops, 0, "the bench's packets are all sent: {:?}", self.out.verdicts);
        (median(&mut stepped), median(&mut restored))
    }

    /// Lets every session fall silent and age out; nanoseconds a session.
    fn age_all(&mut self) -> f64 {
        let sessions = self.state.sessions.len();
        // The wheel moves a second at a time; a long silence is over in this many.
        self.now = Instant(self.now.0 + 100_000_000_000);
        let start = Clock::now();
        while !self.state.sessions.is_empty() {
            let state = (&mut self.state, &self.shared);
            step(&self.snapshot, state, self.now, &mut [], &mut self.out, &mut NoRecorder);
            self.now.0 += BATCH_NS;
            self.state.events.take(usize::MAX);
        }
        start.elapsed().as_nanos() as f64 / sessions as f64
    }

    /// A number below `end`: xorshift, so that runs repeat.
    fn draw(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((u128::from(self.random) * end as u128) >> 64) as usize
    }
}

/// The answer to a sent frame, arriving at the port that sent it.
fn answer(sent: &[u8], (port, station): (PortId, Mac)) -> Frame {
    let network = ravelin_wire::parse(sent).ok().and_then(|p| p.network).expect("what the engine sent");
    let key = ravelin_engine::FlowKey::of(&network, None, ravelin_types::InstanceId::DEFAULT).reversed();
    let mut ip = Ip::new(network.family, key.src(), key.dst());
    ip.dst_mac = station;
    let frame = build::frame(&ip, &Payload::udp(key.sport(), key.dport(), &[0; FRAME - 42]));
    Frame { port, bytes: frame.try_into().expect("a frame of the bench's size") }
}

/// One inside interface and `addresses` outside; the last of `policies` permits, none before it matches.
fn configuration(addresses: usize, policies: usize, log: LogSessions) -> String {
    let mut text = String::new();
    let mut set = |line: String| writeln!(text, "set {line}").expect("a string takes all");
    set("interfaces ge-0/0/0 unit 0 family inet address 192.168.1.1/24".into());
    set("routing-options static route 10.0.0.0/8 next-hop 192.168.1.2".into());
    set("security zones security-zone trust interfaces ge-0/0/0.0".into());
    for n in 1..=addresses {
        set(format!("interfaces ge-0/0/{n} unit 0 family inet address 198.51.{n}.1/24"));
        set(format!("security zones security-zone untrust interfaces ge-0/0/{n}.0"));
    }
    let nat = "security nat source rule-set rs";
    set(format!("{nat} from zone trust"));
    set(format!("{nat} to zone untrust"));
    set(format!("{nat} rule r match source-address 10.0.0.0/8"));
    set(format!("{nat} rule r then source-nat interface"));
    let policy = |n: usize| format!("security policies from-zone trust to-zone untrust policy p{n}");
    for n in 1..policies {
        set(format!("security address-book global address a{n} 172.16.{}.{}/32", n / 256, n % 256));
        set(format!("{} match source-address a{n}", policy(n)));
        set(format!("{} match destination-address any", policy(n)));
        set(format!("{} match application junos-http", policy(n)));
        set(format!("{} then permit", policy(n)));
    }
    for part in ["source-address any", "destination-address any", "application any"] {
        set(format!("{} match {part}", policy(policies)));
    }
    set(format!("{} then permit", policy(policies)));
    if log == LogSessions::Yes {
        set(format!("{} then log session-init", policy(policies)));
        set(format!("{} then log session-close", policy(policies)));
    }
    text
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(mut values: [f64; ROUNDS]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{:.1} ({low:.1}-{high:.1})", median(&mut values))
}
