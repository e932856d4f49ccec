//! The express path is the whole path, only shorter: two engines see the same packets, one of them with a recorder on, which has
//! every packet take the whole way. Verdicts, frames, counters, sessions and events must be equal. A third has some of its packets
//! traced, in their places in the batch, and does what the others do.

mod fragments;
mod silence;
mod variants;
mod workers;

use std::ops::ControlFlow;
use std::sync::Arc;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{PacketFilter, TraceId, TraceKind, TraceRequest};
use ravelin_engine::{
    Armed, BATCH_MAX, Checksum, Egress, FACTS_MAX, Fact, FlowKey, Forwarding, Ingress, Limits, NoRecorder,
    Notes, Output, Packet, Recorder, Resolver, Rules, Seed, Shared, Snapshot, State, Steering, Tape, Trace,
    Verdict, step,
};
use ravelin_program::Program;
use ravelin_types::{DropReason, Family, Generation, Instant, Mac, PortId, Proto, WorkerId};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{Fragment, TcpFlags, parse, put_u16, u32_at};

use variants::{COMMON, VARIANTS};
use workers::handed;

const HEADROOM: usize = 32;
const BUFFER: usize = 512;
const SEED: Seed = Seed([9; 32]);
const RUNS: u64 = 100;
const STEPS: usize = 40;

fn configuration(variant: usize) -> String {
    let mut text = COMMON.to_owned();
    let pairs = [("trust", "untrust"), ("trust", "dmz"), ("dmz", "trust"), ("untrust", "trust")];
    for (from, to) in pairs {
        let policy = format!("set security policies from-zone {from} to-zone {to} policy p");
        text.push_str(&format!(
            "{policy} match source-address any\n{policy} match destination-address any\n"
        ));
        text.push_str(&format!("{policy} match application any\n{policy} then permit\n"));
        text.push_str(&format!("{policy} then count\n{policy} then log session-close\n"));
    }
    text + VARIANTS[variant]
}

/// One engine.
struct Engine {
    snapshot: Snapshot,
    state: State,
    shared: Shared,
    out: Output,
    /// The last change of a session that its reader was told of.
    told: u64,
}

/// A SYN that announces a segment size of 1460.
fn request(sport: u16) -> Payload {
    let mut payload = Payload::tcp_segment(sport, 80, TcpFlags::SYN, 1000, 0, b"");
    payload.bytes.extend_from_slice(&[2, 4, 0x05, 0xb4]);
    payload.bytes[12] = (24 / 4) << 4;
    payload
}

/// What a step did, as far as anybody can tell.
#[derive(Debug, PartialEq)]
struct Seen {
    verdicts: Vec<Verdict>,
    frames: Vec<Vec<u8>>,
    answers: Vec<(Egress, Vec<u8>)>,
    copies: Vec<(PortId, Vec<u8>)>,
    rest: String,
}

#[derive(Clone)]
struct Frame {
    port: PortId,
    bytes: Vec<u8>,
    checksum: Checksum,
    handed: bool,
}

impl Engine {
    /// The first of so many workers; what it hands over goes nowhere.
    fn new(program: &Program, forwarding: &Arc<Forwarding>, workers: u8) -> Self {
        let rules = Arc::new(Rules::build(program, None, workers).unwrap_or_else(|e| panic!("{e:?}")));
        let limits = Limits { sessions: 64, events: 4096 };
        let steering = Steering::new(&SEED, WorkerId(0), workers);
        let (state, shared) = (State::new(steering, &SEED, 1, limits), Shared::new(64, &SEED));
        let snapshot = Snapshot {
            rules: Arc::clone(&rules),
            forwarding: Arc::clone(forwarding),
            armed: true,
            any_station: false,
            judged: 1,
            fabrics: None,
        };
        let mut engine = Self { snapshot, state, shared, out: Output::new(), told: 0 };
        engine.state.adopt(&rules, &engine.shared, Instant::ZERO);
        // A reader comes: from now on changes are told.
        engine.told = engine.state.deltas_after(0, 1, Instant::ZERO).seen;
        engine
    }

    /// Traces the way of UDP packets, and drops.
    fn watching(mut self) -> Self {
        let udp = PacketFilter { proto: Some(Proto::UDP), ..PacketFilter::default() };
        let paths = TraceRequest { filters: vec![udp], kind: TraceKind::Path, ..TraceRequest::default() };
        let tapes = (0..BATCH_MAX).map(|_| Tape::with_room(FACTS_MAX)).collect();
        let ever = (Instant(u64::MAX), Instant(u64::MAX));
        self.state.arm(Armed::new(TraceId(1), &paths, ever), tapes);
        self.state.arm(Armed::new(TraceId(2), &TraceRequest::default(), ever), Vec::new());
        self
    }

    /// How many packets were traced since the last time.
    fn traced(&mut self, now: Instant) -> usize {
        let mut read = |id, kind| {
            let until = (now, Instant(u64::MAX));
            let (notes, live) =
                self.state.read_trace(TraceId(id), Notes::for_kind(kind), until).expect("armed");
            assert!(live && notes.lost == 0);
            notes
        };
        let drops = read(2, TraceKind::Drops);
        assert!(drops.iter().all(|noted| matches!(noted.verdict, Verdict::Drop(_))));
        let paths = read(1, TraceKind::Path);
        for noted in paths.iter() {
            assert_eq!(noted.head.key.map(|key| key.proto()), Some(Proto::UDP));
            let came = noted.tape.facts().iter().filter(|fact| matches!(fact, Fact::Ingress { .. }));
            assert!(!noted.tape.facts().is_empty() && came.count() <= 1, "the tape of one packet");
        }
        paths.iter().count()
    }

    fn step<R: Recorder>(&mut self, now: Instant, frames: &[Frame], rec: &mut R) -> Seen {
        let mut buffers = vec![[0u8; BUFFER]; frames.len()];
        let mut packets: Vec<_> = (buffers.iter_mut().zip(frames))
            .map(|(buffer, frame)| {
                let len = frame.bytes.len();
                buffer[HEADROOM..HEADROOM + len].copy_from_slice(&frame.bytes);
                let packet = Packet::new(buffer, HEADROOM, len, Ingress::Port(frame.port), frame.checksum);
                packet.with_handed(frame.handed.then(handed))
            })
            .collect();
        step(&self.snapshot, (&mut self.state, &self.shared), now, &mut packets, &mut self.out, rec);
        let frames = packets.iter().map(|p| p.bytes().to_vec()).collect();
        let answers = self.out.answers().iter().map(|a| (a.egress, a.bytes().to_vec())).collect();
        let copies = self.out.copies().iter().map(|c| (c.port, c.bytes().to_vec())).collect();
        let mut sessions = Vec::new();
        self.state.walk_sessions(0, 64, now, |view| {
            sessions.push(view);
            ControlFlow::Continue(())
        });
        let events = self.state.events.take(usize::MAX);
        let told = self.state.deltas_after(self.told, 1 << 12, now);
        self.told = told.seen;
        let rest = format!("{:?}\n{sessions:#?}\n{events:?}\n{told:?}", self.state.counters);
        Seen { verdicts: self.out.verdicts.clone(), frames, answers, copies, rest }
    }
}

/// Both engines and what passes between their interfaces.
struct Pair {
    short: Engine,
    whole: Engine,
    watched: Engine,
    /// Packets that were traced.
    traced: usize,
    stations: Vec<(PortId, Mac)>,
    pool: Vec<Frame>,
    /// The last fragments, which come again now and then.
    pieces: Vec<Frame>,
    book: IdBook,
    generation: u64,
    now: Instant,
    random: u64,
    /// Frames that the express path could have taken, and those it did: by the recorder that it leaves out.
    sent: usize,
    copied: usize,
    /// Fragments that were dropped for want of a session, and as copies, while nobody could pay.
    shed: usize,
    copies: usize,
    pressed: bool,
    workers: u8,
    /// Packets that were shed by one of several workers, and those that it handed over while nobody could pay.
    shed_of_many: usize,
    handed_over: usize,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut book = IdBook::default();
        let (program, forwarding) = world(0, 1, &mut book, None);
        // Each has rules of its own: meters are part of them.
        let workers = Self::workers(seed);
        let engine = || Engine::new(&program, &forwarding, workers);
        let (short, whole, watched) = (engine(), engine(), engine().watching());
        let stations = (short.snapshot.rules.ports().map(|p| (p.id, Mac(p.mac)))).collect();
        let (random, now) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, Instant::from_secs(1));
        let mut pair = Self {
            short,
            whole,
            watched,
            traced: 0,
            stations,
            pool: Vec::new(),
            pieces: Vec::new(),
            book,
            generation: 1,
            now,
            random,
            sent: 0,
            copied: 0,
            shed: 0,
            copies: 0,
            pressed: false,
            workers,
            shed_of_many: 0,
            handed_over: 0,
        };
        pair.pool = pair.openings();
        pair
    }

    fn openings(&self) -> Vec<Frame> {
        let mut out = Vec::new();
        let station = self.stations[0];
        for host in 2..5u8 {
            let sport = 1000 + u16::from(host);
            let payloads = [Payload::udp(sport, 53, &[b'q'; 240]), request(sport)];
            let ips = [
                Ip::v4([10, 0, 0, host], [198, 51, 100, 2]),
                Ip::v4([10, 0, 0, host], [192, 0, 2, 2]),
                Ip::v6(&format!("2001:db8::{host}"), "2001:db8:1::2"),
                Ip::v6(&format!("2001:db8::{host}"), "2001:db8:2::2"),
                Ip::v6(&format!("2001:db8::{host}"), "2001:db8:64::c633:6402"),
            ];
            for mut ip in ips {
                ip.dst_mac = station.1;
                out.extend(payloads.iter().map(|p| fresh(station.0, build::frame(&ip, p))));
            }
        }
        let mut inward = Ip::v4([198, 51, 100, 3], [198, 51, 100, 77]);
        inward.dst_mac = self.stations[1].1;
        out.push(fresh(self.stations[1].0, build::frame(&inward, &Payload::udp(5000, 53, b"inward"))));
        // Errors about packets that nobody sent, and one that quotes nothing.
        let sent = build::datagram(&Ip::v4([10, 0, 0, 9], [198, 51, 100, 2]), &Payload::udp(9, 53, b""));
        for quote in [&sent[..], &sent[..9]] {
            let error = Payload::icmp(Family::V4, 3, 3, 0, quote);
            out.push(fresh(self.stations[1].0, build::frame(&inward, &error)));
        }
        // What is no plain packet, whole: pings through and to the firewall, neighbour discovery, an end, a protocol by number.
        let mut through = Ip::v4([10, 0, 0, 2], [198, 51, 100, 2]);
        let mut own = Ip::v4([10, 0, 0, 2], [10, 0, 0, 1]);
        let mut six = Ip::v6("2001:db8::2", "2001:db8:1::2");
        let mut neighbour = Ip::v6("2001:db8::2", "2001:db8::1");
        neighbour.ttl = 255;
        for ip in [&mut through, &mut own, &mut six, &mut neighbour] {
            ip.dst_mac = station.1;
        }
        let ping = |family, kind| Payload::icmp(family, kind, 0, 7 << 16, b"ping");
        let end = Payload::tcp_segment(1002, 80, TcpFlags::FIN | TcpFlags::ACK, 1001, 5001, b"");
        let others = [
            (&through, ping(Family::V4, 8)),
            (&own, ping(Family::V4, 8)),
            (&six, ping(Family::V6, 128)),
            (&neighbour, ping(Family::V6, 135)),
            (&through, end),
            (&through, Payload::raw(Proto::ESP, &[0, 0, 0, 7, 0, 0, 0, 1])),
        ];
        out.extend(others.iter().map(|(ip, payload)| fresh(station.0, build::frame(ip, payload))));
        out
    }

    fn draw(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((u128::from(self.random) * end as u128) >> 64) as usize
    }

    fn batch(&mut self) -> Vec<Frame> {
        let len = 1 + self.draw(BATCH_MAX.min(12));
        (0..len)
            .map(|_| {
                let at = self.draw(self.pool.len());
                let mut frame = if self.draw(4) == 0 { self.fragment() } else { self.pool[at].clone() };
                frame.checksum = [Checksum::Unverified, Checksum::Verified, Checksum::Unknown][self.draw(3)];
                if self.draw(30) == 0 {
                    let other = self.draw(3);
                    let (port, station) = self.stations[other];
                    frame.port = port;
                    frame.bytes[..6].copy_from_slice(&station.0);
                }
                if self.draw(6) == 0 {
                    self.damage(&mut frame.bytes);
                }
                frame.handed = self.is_handed(&frame);
                frame
            })
            .collect()
    }

    /// One byte of the headers anew, the IPv4 checksum mended now and then; or padding; or a cut.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        match self.draw(8) {
            0 => bytes.extend_from_slice(&[0xee; 9]),
            1 => bytes.truncate(20 + self.draw(bytes.len() - 20)),
            kind => {
                let l3_at = if bytes[12..14] == [0x81, 0] { 18 } else { 14 };
                let (hops, any) = (l3_at + if bytes[l3_at] == 0x45 { 8 } else { 7 }, self.draw(256) as u8);
                let (at, value) = if kind == 2 { (hops, 1) } else { (self.draw(bytes.len().min(60)), any) };
                bytes[at] = value;
                if kind == 3 && bytes[l3_at] == 0x45 {
                    let (same, flags) = (self.draw(2) == 0, l3_at + 20 + 13);
                    match same {
                        true => bytes.copy_within(l3_at + 12..l3_at + 16, l3_at + 16),
                        false => bytes.iter_mut().skip(flags).take(1).for_each(|byte| *byte = any),
                    }
                }
                if bytes[l3_at] == 0x45 && self.draw(4) != 0 {
                    put_u16(bytes, l3_at + 10, 0);
                    let sum = ravelin_wire::checksum::sum(&bytes[l3_at..l3_at + 20]);
                    put_u16(bytes, l3_at + 10, !ravelin_wire::checksum::fold(sum));
                }
            }
        }
    }

    fn step(&mut self) {
        let batch = self.batch();
        self.now.0 += 1_000_000 * (1 + self.draw(50) as u64);
        if self.draw(12) == 0 {
            self.now.0 += 1_000_000_000 * self.draw(90) as u64;
        }
        if self.draw(8) == 0 {
            self.pressed = self.draw(2) == 0;
            for engine in [&mut self.short, &mut self.whole, &mut self.watched] {
                engine.state.press(self.pressed);
            }
        }
        self.gossip();
        let short = self.short.step(self.now, &batch, &mut NoRecorder);
        let whole = self.whole.step(self.now, &batch, &mut Trace::default());
        assert_eq!(
            short,
            whole,
            "after {batch:x?}",
            batch = batch.iter().map(|f| &f.bytes).collect::<Vec<_>>()
        );
        let watched = self.watched.step(self.now, &batch, &mut NoRecorder);
        assert_eq!(short, watched, "traced");
        self.traced += self.watched.traced(self.now);
        self.copied += short.copies.len();
        for (frame, verdict) in batch.iter().zip(&short.verdicts).filter(|_| self.pressed) {
            let network = parse(&frame.bytes).ok().and_then(|parsed| parsed.network);
            let is_piece = network.is_some_and(|network| network.fragment != Fragment::Whole);
            self.shed += usize::from(is_piece && *verdict == Verdict::Drop(DropReason::Overload));
            self.copies += usize::from(*verdict == Verdict::Drop(DropReason::FragmentDuplicate));
            let is_shed = self.workers > 1 && *verdict == Verdict::Drop(DropReason::Overload);
            self.shed_of_many += usize::from(is_shed);
            self.handed_over += usize::from(matches!(verdict, Verdict::HandOver(_)));
        }
        for (frame, verdict) in short.frames.iter().zip(&short.verdicts) {
            let Verdict::Send { egress: Egress::Port(port), .. } = *verdict else { continue };
            self.sent += 1;
            let station = self.stations.iter().find(|(id, _)| *id == port).expect("a known port").1;
            if self.draw(6) == 0
                && let Some(error) = error(frame, station)
                && self.pool.len() < 200
            {
                self.pool.push(fresh(port, error));
            }
            if let Some(answer) = answer(frame, station)
                && self.pool.len() < 200
            {
                self.pool.push(fresh(port, answer));
            }
        }
    }

    fn commit(&mut self) {
        self.generation += 1;
        let variant = self.draw(VARIANTS.len());
        let before = Arc::clone(&self.short.snapshot.forwarding);
        let (program, changed) = world(variant, self.generation, &mut self.book, Some(&before));
        // Mostly the routes stay as they were.
        let forwarding = if self.draw(3) == 0 { changed } else { before };
        for engine in [&mut self.short, &mut self.whole, &mut self.watched] {
            let before = Some(&*engine.snapshot.rules);
            let rules =
                Arc::new(Rules::build(&program, before, self.workers).unwrap_or_else(|e| panic!("{e:?}")));
            engine.snapshot.rules = Arc::clone(&rules);
            engine.snapshot.forwarding = Arc::clone(&forwarding);
            engine.state.adopt(&rules, &engine.shared, self.now);
        }
    }
}

fn fresh(port: PortId, bytes: Vec<u8>) -> Frame {
    Frame { port, bytes, checksum: Checksum::Unverified, handed: false }
}

fn world(
    variant: usize,
    generation: u64,
    book: &mut IdBook,
    before: Option<&Forwarding>,
) -> (Program, Arc<Forwarding>) {
    let valid = ravelin_model::load(&configuration(variant)).result.unwrap_or_else(|e| panic!("{e:?}"));
    let program = compile(&valid, &Resolved::virtual_ports(&valid), book, Generation(generation));
    let program = program.unwrap_or_else(|e| panic!("{e:?}"));
    let updates = routes(&valid, book);
    let none = Forwarding::new(Resolver::Computed);
    (program, Arc::new(before.unwrap_or(&none).updated(&updates)))
}

/// What a host says that has nobody at the port of a frame that it got.
fn error(sent: &[u8], station: Mac) -> Option<Vec<u8>> {
    let parsed = parse(sent).ok().filter(|parsed| parsed.vlan.is_none())?;
    let network = parsed.network?;
    let mut ip = Ip::new(network.family, network.dst, network.src);
    ip.dst_mac = station;
    let (kind, code) = if network.family == Family::V4 { (3, 3) } else { (1, 4) };
    let quote = sent[usize::from(parsed.l3_at)..].iter().copied().take(64).collect::<Vec<_>>();
    Some(build::frame(&ip, &Payload::icmp(network.family, kind, code, 0, &quote)))
}

/// What the other end says to a frame that it got; the VLAN tag as it came.
fn answer(sent: &[u8], station: Mac) -> Option<Vec<u8>> {
    let parsed = parse(sent).ok()?;
    let network = parsed.network.filter(|network| network.fragment == Fragment::Whole)?;
    let key = FlowKey::of(&network, None, ravelin_types::InstanceId::DEFAULT).reversed();
    let mut ip = Ip::new(network.family, key.src(), key.dst());
    ip.dst_mac = station;
    let body = &sent[usize::from(network.l4_at)..usize::from(network.end)];
    let payload = match network.proto {
        Proto::UDP => Payload::udp(key.sport(), key.dport(), &[b'a'; 240]),
        Proto::TCP => {
            let (seq, ack, flags) = (u32_at(body, 4), u32_at(body, 8), body[13]);
            let header = usize::from(body[12] >> 4) * 4;
            let data = (body.len() - header) as u32;
            let turn = u32::from(flags & (TcpFlags::SYN | TcpFlags::FIN) != 0);
            let (flags, own, text): (_, _, &[u8]) = match flags & (TcpFlags::SYN | TcpFlags::ACK) {
                TcpFlags::SYN => (TcpFlags::SYN | TcpFlags::ACK, 5000, b""),
                _ => (TcpFlags::ACK, ack, b"some data"),
            };
            let next = seq.wrapping_add(data + turn);
            Payload::tcp_segment(key.sport(), key.dport(), flags, own, next, text)
        }
        _ => return None,
    };
    let plain = build::frame(&ip, &payload);
    Some(match parsed.vlan {
        None => plain,
        Some(tag) => {
            let mut tagged = plain[..12].to_vec();
            tagged.extend_from_slice(&[0x81, 0]);
            tagged.extend_from_slice(&tag.0.to_be_bytes());
            tagged.extend_from_slice(&plain[12..]);
            tagged
        }
    })
}

#[test]
fn it_does_what_the_whole_path_does() {
    let (mut sent, mut copied, mut traced, mut shed, mut copies) = (0, 0, 0, 0, 0);
    let (mut shed_of_many, mut handed_over) = (0, 0);
    for seed in 1..=RUNS {
        let mut pair = Pair::new(seed);
        for _ in 0..STEPS {
            pair.step();
            if pair.draw(10) == 0 {
                pair.commit();
            }
        }
        sent += pair.sent;
        copied += pair.copied;
        traced += pair.traced;
        shed += pair.shed;
        copies += pair.copies;
        shed_of_many += pair.shed_of_many;
        handed_over += pair.handed_over;
    }
    assert!(sent > 5_000, "most packets pass: {sent}");
    assert!(traced > 2_000, "many are traced: {traced}");
    assert!(copied > 500, "many are mirrored: {copied}");
    assert!(shed > 500 && copies > 50, "fragments under pressure: {shed} shed, {copies} copies");
    assert!(shed_of_many > 300 && handed_over > 300, "of several workers: {shed_of_many}, {handed_over}");
}
