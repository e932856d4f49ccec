//! Workers as threads, under schedules chosen at random: frames and messages between them are met in any order.
//!
//! The engine's own step, one state a thread, a channel a worker. What must hold whatever the order: no external end is two hosts',
//! every session is counted with its mapping once, a pool gives out what it has and no more, a host keeps its address or its block, and
//! all of it comes back once.
//! `SCHEDULES` is how many are tried (default 400). Spec: nat-pool-2..4, nat-pool-8, nat-persistent-7, nat-persistent-17, steer-8.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::{CloseReason, DataPlane, SessionView, SyncedSession};
use ravelin_engine::{
    Checksum, FlowKey, Handed, Ingress, Limits, Message, NoRecorder, Output, Packet, Seed, Shared, Snapshot,
    State, Steering, Verdict, step,
};
use ravelin_model::load;
use ravelin_nat::MappingRecord;
use ravelin_sim::{SimSetup, SimWorkers};
use ravelin_types::{Addr, Family, Generation, Instant, PortId, SessionId, WorkerId};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, parse};
use shuttle::scheduler::RandomScheduler;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Mutex, mpsc};
use shuttle::{Config, Runner, thread};

const WORKERS: u8 = 3;
const SCHEDULES: usize = 400;
const HEADROOM: usize = 64;
const SESSIONS: usize = 256;
const SEED: Seed = Seed([7; 32]);
/// Kept hosts are 10.1.0.2 to 10.1.0.5, those of the small pool 10.1.1.2 and on.
const SERVER: [u8; 4] = [198, 51, 100, 2];
/// Ports of the small pool, in two workers' stripes.
const SMALL: usize = 4;
/// Hosts of the paired pool, 10.1.2.2 and on, and of the pool of blocks, 10.1.3.2 and on; each has that many sessions.
const HOSTS: u8 = 3;
const EACH: u16 = 3;
/// Ports of a block: a host needs one.
const BLOCK: u16 = 4;

const CONFIG: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/16
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies default-policy permit-all
set security nat source pool kept address 203.0.113.5/32
set security nat source pool small address 203.0.113.6/32
set security nat source pool small port range 2046 to 2049
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule k match source-address 10.1.0.0/24
set security nat source rule-set out rule k then source-nat pool kept
set security nat source rule-set out rule k then source-nat pool persistent-nat permit any-remote-host
set security nat source rule-set out rule k then source-nat pool persistent-nat max-session-number 8
set security nat source rule-set out rule s match source-address 10.1.1.0/24
set security nat source rule-set out rule s then source-nat pool small
set security nat source pool pair address 203.0.113.8/30
set security nat source pool pair address-pooling paired
set security nat source rule-set out rule p match source-address 10.1.2.0/24
set security nat source rule-set out rule p then source-nat pool pair
set security nat source pool block address 203.0.113.16/31
set security nat source pool block port range 2048 to 2111
set security nat source pool block port block-allocation block-size 4
set security nat source rule-set out rule b match source-address 10.1.3.0/24
set security nat source rule-set out rule b then source-nat pool block
set security nat source rule-set hair from zone trust
set security nat source rule-set hair to zone trust
set security nat source rule-set hair rule k match source-address 10.1.0.0/24
set security nat source rule-set hair rule k then source-nat pool kept
set security nat source rule-set hair rule k then source-nat pool persistent-nat permit any-remote-host
set security nat source rule-set hair rule k then source-nat pool persistent-nat max-session-number 8
";

mod moved;

type End = (Addr, u16);

/// What a worker is sent.
enum Item {
    Frame {
        buffer: Vec<u8>,
        handed: Option<Handed>,
    },
    Message(Message),
    /// A session or a mapping of another plane, and the end of one.
    Put(Box<SyncedSession>),
    Mapping(Box<MappingRecord>),
    End(FlowKey, SessionId),
    Stop,
}

/// What all threads have in common.
struct Ground {
    inboxes: Vec<mpsc::Sender<Item>>,
    /// Items that are on their way or being looked at.
    pending: AtomicUsize,
    /// Source and destination of every frame that left, by the source that it came with.
    left: Mutex<Vec<(End, End)>>,
    snapshot: Arc<Snapshot>,
    shared: Shared,
}

fn snapshot() -> Arc<Snapshot> {
    static MADE: OnceLock<Arc<Snapshot>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let valid = load(CONFIG).result.unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut book = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1)).unwrap();
        let plane = SimWorkers::plane(SimSetup { workers: WORKERS, ..SimSetup::default() });
        plane.apply_config(&program).unwrap();
        plane.updates().apply(&routes(&valid, &book)).unwrap();
        plane.workers().snapshot().unwrap()
    });
    Arc::clone(made)
}

fn ends(frame: &[u8]) -> (End, End) {
    let network = parse(frame).unwrap().network.unwrap();
    let L4::Udp { sport, dport } = network.l4 else { panic!("{:?}", network.l4) };
    ((network.src, sport), (network.dst, dport))
}

impl Ground {
    fn send(&self, to: usize, item: Item) {
        self.pending.fetch_add(1, Ordering::SeqCst);
        self.inboxes[to].send(item).unwrap();
    }

    /// A datagram that arrives at some worker.
    fn arrive(&self, at: usize, (src, dst): (End, End)) {
        let datagram =
            build::frame(&Ip::new(Family::V4, src.0, dst.0), &Payload::udp(src.1, dst.1, b"hello"));
        let buffer = [&[0; HEADROOM][..], &datagram].concat();
        self.send(at % usize::from(WORKERS), Item::Frame { buffer, handed: None });
    }

    fn settle(&self) {
        while self.pending.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
    }
}

/// One step with what came, and what follows from it for the others.
fn turn(ground: &Ground, state: &mut State, out: &mut Output, frame: Option<(Vec<u8>, Option<Handed>)>) {
    let mut buffer = frame.as_ref().map(|(buffer, _)| buffer.clone()).unwrap_or_default();
    let mut packets = Vec::new();
    if let Some((whole, handed)) = &frame {
        let len = whole.len() - HEADROOM;
        let packet = Packet::new(&mut buffer, HEADROOM, len, Ingress::Port(PortId(0)), Checksum::Verified);
        packets.push(packet.with_handed(*handed));
    }
    step(&ground.snapshot, (state, &ground.shared), NOW, &mut packets, out, &mut NoRecorder);
    match (out.verdicts.first(), frame) {
        (Some(Verdict::HandOver(over)), Some((buffer, _))) => {
            ground.send(over.to.index(), Item::Frame { buffer, handed: Some(over.handed) });
        }
        (Some(Verdict::Send { .. }), Some((whole, _))) => {
            let (came, _) = ends(&whole[HEADROOM..]);
            let (left, _) = ends(packets[0].bytes());
            ground.left.lock().unwrap().push((came, left));
        }
        _ => {}
    }
    state.deliver(|to, message| {
        ground.send(to.index(), Item::Message(message));
        true
    });
}

const NOW: Instant = Instant::from_secs(1000);

fn work(ground: &Ground, inbox: &mpsc::Receiver<Item>, mut state: State) -> State {
    let mut out = Output::new();
    loop {
        match inbox.recv().unwrap() {
            Item::Stop => return state,
            Item::Message(message) => {
                state.receive(message);
                turn(ground, &mut state, &mut out, None);
            }
            Item::Frame { buffer, handed } => turn(ground, &mut state, &mut out, Some((buffer, handed))),
            Item::Put(session) => {
                state.put(&session, &ground.snapshot.rules, &ground.shared, NOW).unwrap();
                turn(ground, &mut state, &mut out, None);
            }
            Item::Mapping(mapping) => assert!(state.put_mapping(&mapping, NOW), "{mapping:?}"),
            Item::End(key, id) => {
                assert!(state.delete_session(&key, id, CloseReason::Cleared, &ground.shared, NOW));
                turn(ground, &mut state, &mut out, None);
            }
        }
        ground.pending.fetch_sub(1, Ordering::SeqCst);
    }
}

fn host(net: u8, n: u8) -> End {
    (Addr::v4([10, 1, net, n]), 5000 + u16::from(n))
}

/// Sessions of hosts that a pool keeps something for.
fn kept() -> impl Iterator<Item = (u8, u8, u16)> {
    let hosts = [2, 3].into_iter().flat_map(|net| (2..2 + HOSTS).map(move |n| (net, n)));
    hosts.flat_map(|(net, n)| (0..EACH).map(move |session| (net, n, session)))
}

/// A worker of a plane that has nothing yet.
fn fresh(ground: &Ground, worker: u8) -> State {
    let limits = Limits { sessions: SESSIONS, events: 16 };
    let mut state = State::new(Steering::new(&SEED, WorkerId(worker), WORKERS), &SEED, 1, limits);
    state.adopt(&ground.snapshot.rules, &ground.shared, NOW);
    state
}

/// A plane without sessions, its workers at work.
fn begin() -> (Arc<Ground>, Vec<thread::JoinHandle<State>>) {
    let snapshot = snapshot();
    let (inboxes, outlets): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| mpsc::channel()).unzip();
    let shared = Shared::new(SESSIONS as u64, &SEED);
    let left = Mutex::new(Vec::new());
    let ground = Arc::new(Ground { inboxes, pending: AtomicUsize::new(0), left, snapshot, shared });
    let workers = (0..WORKERS)
        .zip(outlets)
        .map(|(n, inbox)| {
            let state = fresh(&ground, n);
            let ground = Arc::clone(&ground);
            thread::spawn(move || work(&ground, &inbox, state))
        })
        .collect();
    (ground, workers)
}

/// The states of workers that have nothing to do.
fn stop(ground: &Ground, workers: Vec<thread::JoinHandle<State>>) -> Vec<State> {
    ground.settle();
    (0..usize::from(WORKERS)).for_each(|n| ground.inboxes[n].send(Item::Stop).unwrap());
    workers.into_iter().map(|worker| worker.join().unwrap()).collect()
}

/// A plane with sessions of every kind, made in any order.
fn lived() -> (Arc<Ground>, Vec<State>, BTreeMap<End, End>) {
    let (ground, workers) = begin();
    let server = (Addr::v4(SERVER), 53);
    (2..6).for_each(|n| ground.arrive(usize::from(n), (host(0, n), server)));
    ground.settle();
    let external: BTreeMap<End, End> = ground.left.lock().unwrap().iter().copied().collect();
    assert_eq!(external.len(), 4, "each host has its end");
    // Everybody to everybody, twice, from two wires at once; and more hosts than the small pool has ports.
    let wires: Vec<_> = (0..2usize)
        .map(|wire| {
            let (ground, external) = (Arc::clone(&ground), external.clone());
            thread::spawn(move || {
                for from in 2..6u8 {
                    for to in (2..6).filter(|to| *to != from) {
                        ground.arrive(wire + usize::from(from), (host(0, from), external[&host(0, to)]));
                    }
                    let other = host(1, from + 4 * wire as u8);
                    ground.arrive(wire + usize::from(from), (other, server));
                }
                // One session of each host and port, whichever wire has it; the first packet may come by both.
                for (net, n, session) in kept() {
                    ground.arrive(wire + usize::from(n), (host(net, n), (server.0, 100 + session)));
                }
            })
        })
        .collect();
    wires.into_iter().for_each(|wire| wire.join().unwrap());
    let states = stop(&ground, workers);
    (ground, states, external)
}

/// One schedule, from nothing to nothing.
fn run() {
    let (ground, mut states, external) = lived();
    judge(&states, &external);
    end(&ground, &mut states);
}

fn sessions(state: &State) -> Vec<SessionView> {
    let mut all = Vec::new();
    state.walk_sessions(0, u32::MAX, NOW, |view| {
        all.push(view);
        ControlFlow::Continue(())
    });
    all
}

/// What must be true when nothing is on its way.
fn judge(states: &[State], external: &BTreeMap<End, End>) {
    let all: Vec<_> = states.iter().flat_map(sessions).collect();
    let of = |addr: std::net::IpAddr, port| (Addr::from_ip(addr).1, port);
    let inside = |s: &SessionView| of(s.wings[0].key.src, s.wings[0].key.sport);
    let asked = |s: &SessionView| of(s.wings[0].key.dst, s.wings[0].key.dport);
    let outside = |s: &SessionView| of(s.wings[1].key.dst, s.wings[1].key.dport);
    let mut owner = BTreeMap::new();
    for session in &all {
        let known = *owner.entry(outside(session)).or_insert(inside(session));
        assert_eq!(known, inside(session), "{:?} is one host's", outside(session));
    }
    let small = Addr::v4([203, 0, 113, 6]);
    let ports: BTreeSet<_> = all.iter().map(outside).filter(|end| end.0 == small).collect();
    assert_eq!(ports.len(), SMALL, "the small pool is used up, and not before");
    // Each of four hosts has a session to the server, and each two of them one, or two when both began at once.
    let pair = |s: &SessionView| BTreeSet::from([outside(s), asked(s)]);
    let between: Vec<_> = all.iter().filter(|s| asked(s).0 != Addr::v4(SERVER)).map(pair).collect();
    assert_eq!(all.len(), 4 + between.len() + SMALL + kept().count());
    for net in [2, 3] {
        for own in (2..2 + HOSTS).map(|n| host(net, n)) {
            // What a host keeps: its address, or its block.
            let of_host = all.iter().filter(|s| inside(s) == own).map(outside);
            let kept: BTreeSet<_> =
                of_host.map(|(addr, port)| (addr, (net == 3).then_some(port / BLOCK))).collect();
            assert_eq!(kept.len(), 1, "{own:?} keeps {kept:?}");
        }
    }
    assert!(between.iter().all(|pair| between.iter().filter(|other| *other == pair).count() <= 2));
    assert_eq!(between.into_iter().collect::<BTreeSet<_>>().len(), 6);
    let mappings: Vec<_> = states.iter().flat_map(|state| state.mappings(NOW)).collect();
    assert_eq!(mappings.len(), external.len());
    for mapping in &mappings {
        let (own, end) = ((mapping.addr, mapping.port), (mapping.external, mapping.external_port));
        assert_eq!(external[&own], end);
        let counted =
            all.iter().filter(|s| inside(s) == own).count() + all.iter().filter(|s| asked(s) == end).count();
        assert_eq!(mapping.sessions as usize, counted, "{end:?} counts each session once");
    }
}

/// A step of each worker without packets, and what they say to each other.
fn quiet(ground: &Ground, states: &mut [State], now: Instant) {
    let mut out = Output::new();
    for at in 0..states.len() {
        let mut said = Vec::new();
        step(&ground.snapshot, (&mut states[at], &ground.shared), now, &mut [], &mut out, &mut NoRecorder);
        states[at].deliver(|to, message| {
            said.push((to, message));
            true
        });
        said.into_iter().for_each(|(to, message)| states[to.index()].receive(message));
    }
}

/// Every session ends; nothing of it is left anywhere.
fn end(ground: &Ground, states: &mut [State]) {
    for state in states.iter_mut() {
        for view in sessions(state) {
            let key = FlowKey::from_session_key(&view.wings[0].key).unwrap();
            assert!(state.delete_session(&key, view.id, CloseReason::Cleared, &ground.shared, NOW));
        }
    }
    (0..3).for_each(|_| quiet(ground, states, NOW));
    assert_eq!(ground.shared.sessions(), 0);
    let mappings = |states: &[State]| states.iter().flat_map(|s| s.mappings(NOW)).collect::<Vec<_>>();
    assert!(mappings(states).iter().all(|mapping| mapping.sessions == 0), "{:?}", mappings(states));
    // Behind their time mappings end, and with them the last leases.
    let later = NOW.plus(std::time::Duration::from_secs(301));
    (0..30).for_each(|_| quiet(ground, states, later));
    assert_eq!(mappings(states).len(), 0);
    let used = |state: &State| state.pools().iter().map(|(_, u)| u.ports.iter().sum::<u64>()).sum::<u64>();
    assert!(states.iter().all(|state| used(state) == 0), "every lease is back");
}

#[test]
fn whatever_the_order_nothing_is_given_twice_and_all_comes_back_once() {
    under_schedules(SCHEDULES, run);
}

fn under_schedules(default: usize, run: fn()) {
    let wanted = std::env::var("SCHEDULES").ok().and_then(|text| text.parse().ok());
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    snapshot();
    let scheduler = RandomScheduler::new_from_seed(11, wanted.unwrap_or(default));
    Runner::new(scheduler, config).run(run);
}
