//! Generated books of zones, global policies with lists, schedulers and a clock that is put forward, routes that come and go
//! while sessions live, and ICMP errors about what passed: engine and model are of one mind.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_conformance::model::{IcmpError, Model, Outcome, Packet, SYN, Segment};
use ravelin_contract::{DataPlane, NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_dynamic::{Book, DynamicPlan, Now};
use ravelin_engine::Limits;
use ravelin_model::{Config, load, lower_tree};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Generation, InstanceId};

use crate::kit::{bare, error_outcome, ip, net, outcome};

/// One zone inside; outside two units of one zone, and a third zone.
const BASE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/2 unit 0 family inet address 10.2.0.1/24
set interfaces ge-0/0/3 unit 0 family inet address 10.3.0.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone untrust interfaces ge-0/0/2.0
set security zones security-zone dmz interfaces ge-0/0/3.0
set schedulers scheduler work daily start-time 08:00 stop-time 17:00
set schedulers scheduler work saturday exclude
set schedulers scheduler work sunday exclude
set schedulers scheduler night daily start-time 22:00 stop-time 06:00
set schedulers scheduler week friday all-day
set schedulers scheduler week monday start-time 00:00 stop-time 12:00
set schedulers scheduler once start-date 2026-01-03.12:00 stop-date 2026-01-05
";
/// A prefix that leads here and there.
const FAR: &str = "10.9.0.0/16";
const UNITS: [&str; 4] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/3.0"];
/// What the set of a book may hold.
const MEMBERS: &[&[&str]] = &[&["a"], &["b"], &["a", "b"]];
/// 2026-01-01 00:00:00, a Thursday.
const START: i64 = 1_767_225_600;

/// What the names `a`, `b` and `s` stand for in a book: `s` is the set of one of them or both.
fn book(name: &str, attach: Option<&str>) -> impl Strategy<Value = String> {
    let prefix = || {
        select(
            &["10.0.0.2/32", "10.0.0.0/30", "10.9.0.0/17", "10.9.128.0/17", "10.9.0.5/32", "10.3.0.0/24"][..],
        )
    };
    let members = select(MEMBERS);
    let (name, attach) = (name.to_owned(), attach.map(str::to_owned));
    (prefix(), prefix(), members, any::<[bool; 2]>()).prop_map(move |(a, b, members, [has_set, has_b])| {
        let is_global = attach.is_none();
        let book = format!("set security address-book {name}");
        let mut text = format!("{book} address a {a}\n");
        if is_global || has_b {
            text += &format!("{book} address b {b}\n");
        }
        if is_global || has_set {
            let known = members.iter().filter(|m| is_global || has_b || **m == "a");
            text.extend(known.map(|m| format!("{book} address-set s address {m}\n")));
            if !is_global && !has_b {
                text += &format!("{book} address-set s address a\n");
            }
        }
        text.extend(attach.iter().map(|zone| format!("{book} attach zone {zone}\n")));
        text
    })
}

/// A policy behind its context and name.
fn policy() -> impl Strategy<Value = Vec<String>> {
    let side = || select(&["any", "any", "a", "b", "s", "a excluded", "s excluded"][..]);
    let applications = select(&["any", "any", "junos-ssh", "junos-dns-udp"][..]);
    let then = select(&["permit", "permit", "permit", "deny", "reject"][..]);
    let scheduler = select(&["", "", "work", "night", "week", "once"][..]);
    (side(), side(), applications, then, scheduler).prop_map(|(src, dst, application, then, scheduler)| {
        let mut lines = vec![format!("match application {application}"), format!("then {then}")];
        for (end, side) in [("source", src), ("destination", dst)] {
            let (name, excluded) = side.split_once(' ').map_or((side, false), |(name, _)| (name, true));
            lines.push(format!("match {end}-address {name}"));
            lines.extend(excluded.then(|| format!("match {end}-address-excluded")));
        }
        lines.extend((!scheduler.is_empty()).then(|| format!("scheduler-name {scheduler}")));
        lines
    })
}

fn config() -> impl Strategy<Value = String> {
    let books = (
        book("global", None),
        proptest::option::of(book("inner", Some("trust"))),
        proptest::option::of(book("outer", Some("untrust"))),
    );
    let pairs = vec((select(&["untrust", "dmz"][..]), vec(policy(), 1..4)), 0..3);
    let zones = || select(&["", "any", "trust", "untrust dmz", "trust dmz", "dmz"][..]);
    let global = vec((zones(), zones(), policy()), 0..4);
    (books, pairs, global, any::<bool>()).prop_map(|(books, pairs, global, rematch)| {
        let mut text = BASE.to_owned() + &books.0;
        text.extend([books.1, books.2].into_iter().flatten());
        for (at, (to, policies)) in pairs.iter().enumerate() {
            for (n, lines) in policies.iter().enumerate() {
                let head = format!("set security policies from-zone trust to-zone {to} policy p{at}{n}");
                text.extend(lines.iter().map(|line| format!("{head} {line}\n")));
            }
        }
        for (n, (from, to, lines)) in global.iter().enumerate() {
            let head = format!("set security policies global policy g{n}");
            text.extend(lines.iter().map(|line| format!("{head} {line}\n")));
            for (end, zones) in [("from", from), ("to", to)] {
                text.extend(zones.split_whitespace().map(|z| format!("{head} match {end}-zone {z}\n")));
            }
        }
        if rematch {
            text += "set security policies policy-rematch\n";
        }
        text
    })
}

#[derive(Clone, Debug)]
enum Step {
    /// From inside to one of the far hosts or of the units' neighbours.
    Ask { host: u8, to: &'static str, tcp: bool, port: u16 },
    /// The answer of the session of this number.
    Answer(usize),
    /// An error about a packet of it: of which of its two ways, and who says so.
    Error { session: usize, way: usize, by_end: bool, is_nested: bool, elsewhere: bool },
    /// Of nothing that is known.
    Stray,
    /// Minutes that the clock on the wall is put forward by.
    Clock(i64),
    /// Where the far hosts are.
    Route(Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let to = select(&["10.9.0.5", "10.9.0.6", "10.9.200.1", "10.1.0.7", "10.3.0.9", "10.8.0.1"][..]);
    let ask = (2u8..5, to, any::<bool>(), select(&[22u16, 53, 80][..]));
    let error = (0usize..4, 0usize..2, any::<bool>(), 0u8..8);
    prop_oneof![
        5 => ask.prop_map(|(host, to, tcp, port)| Step::Ask { host, to, tcp, port }),
        3 => (0usize..4).prop_map(Step::Answer),
        3 => error.prop_map(|(session, way, by_end, odd)| Step::Error {
            session, way, by_end, is_nested: odd == 0, elsewhere: odd == 1,
        }),
        1 => Just(Step::Stray),
        2 => select(&[1i64, 60, 239, 240, 600, 1440, 3000][..]).prop_map(Step::Clock),
        2 => select(&[Some(1), Some(1), Some(2), Some(3), None][..]).prop_map(Step::Route),
    ]
}

/// The plane, and what it is told of the world as the daemon tells it.
struct World {
    plane: SimPlane,
    units: IdBook,
    book: Book,
    wall: i64,
}

impl World {
    fn new(text: &str, workers: u8) -> Self {
        let loaded = load(text);
        let valid =
            loaded.result.unwrap_or_else(|errors| panic!("the generator is wrong: {errors:?}\n{text}"));
        let mut units = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut units, Generation(1)).unwrap();
        let limits = Limits { sessions: 1024, events: 4096 };
        let plane = SimWorkers::plane(SimSetup { workers, limits, ..SimSetup::default() });
        let mut world = Self { plane, units, book: Book::new(TimeZone::UTC), wall: START };
        world.book.follow(DynamicPlan::new(&valid), world.now());
        world.tell();
        world.plane.apply_config(&program).unwrap();
        world.plane.updates().apply(&routes(&valid, &world.units)).unwrap();
        world
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::from_second(self.wall).unwrap(), mono: std::time::Duration::ZERO }
    }

    fn tell(&mut self) {
        let now = self.now();
        if let Some(live) = self.book.update(now) {
            let news = UpdateBatch { live: Some(live), ..UpdateBatch::default() };
            self.plane.updates().apply(&news).unwrap();
        }
    }

    fn route(&self, unit: Option<usize>) {
        let hop = unit.map(|unit| NextHop {
            interface: self.units.find_unit(UNITS[unit]).unwrap(),
            gateway: Some(ip(&format!("10.{unit}.0.254"))),
            weight: 1,
        });
        let route = hop.map(|hop| Route::Via(vec![hop]));
        let routes = vec![RouteUpdate { instance: InstanceId::DEFAULT, prefix: net(FAR), route }];
        self.plane.updates().apply(&UpdateBatch { routes, ..UpdateBatch::default() }).unwrap();
    }
}

fn asked(host: u8, to: &str, tcp: bool, port: u16) -> Packet {
    let proto = if tcp { 6 } else { 17 };
    let tcp = tcp.then(|| Segment::of(SYN));
    let src = ip(&format!("10.0.0.{host}"));
    Packet { src, dst: ip(to), proto, sport: 4000, dport: port, tcp, len: 7, options: &[] }
}

const fn back(packet: &Packet) -> Packet {
    let Packet { src, dst, sport, dport, .. } = *packet;
    Packet { src: dst, dst: src, sport: dport, dport: sport, ..*packet }
}

/// The number of a unit of a zone.
fn unit_of(zone: &str) -> usize {
    match zone {
        "trust" => 0,
        "untrust" => 1,
        _ => 3,
    }
}

/// The error that a step means, and where it arrives.
fn error(model: &Model<'_>, step: &Step) -> Option<(usize, IcmpError)> {
    let Step::Error { session, way, by_end, is_nested, elsewhere } = *step else {
        let quoted = asked(9, "10.9.0.5", false, 99);
        return Some((1, IcmpError { src: ip("10.1.0.77"), dst: quoted.src, quoted, is_nested: false }));
    };
    let known = model.sessions().get(session)?;
    let (quoted, zone) = match way {
        0 => (known.left, known.zone(1)),
        _ => (back(&known.inside), known.zone(0)),
    };
    let from = if elsewhere { unit_of(if way == 0 { "trust" } else { "dmz" }) } else { unit_of(zone) };
    let src = if by_end { quoted.dst } else { ip(&format!("10.{from}.0.77")) };
    Some((from, IcmpError { src, dst: quoted.src, quoted, is_nested }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]
    #[test]
    fn engine_and_model_agree_while_the_world_changes(
        text in config(), steps in vec(step(), 4..40), workers in 1u8..=4,
    ) {
        let mut world = World::new(&text, workers);
        let (config, _): (Config, _) = lower_tree(&load(&text).tree);
        let mut model = Model::new(&config);
        model.set_wall(world.wall);
        for step in steps {
            match step {
                Step::Clock(minutes) => {
                    world.wall += minutes * 60;
                    world.tell();
                    model.set_wall(world.wall);
                }
                Step::Route(unit) => {
                    world.route(unit);
                    model.set_route(net(FAR), unit.map(|unit| UNITS[unit]));
                }
                Step::Ask { host, to, tcp, port } => {
                    let packet = asked(host, to, tcp, port);
                    agree(&world, &mut model, 0, &packet)?;
                }
                Step::Answer(session) => {
                    let known = model.sessions().get(session).filter(|s| s.inside.tcp.is_none());
                    let Some((packet, from)) = known.map(|s| (back(&s.left), unit_of(s.zone(1)))) else { continue };
                    agree(&world, &mut model, from, &packet)?;
                }
                Step::Error { .. } | Step::Stray => {
                    let Some((from, error)) = error(&model, &step) else { continue };
                    let expected = model.error(UNITS[from], &error);
                    let got = error_outcome(&world.plane, from, &error);
                    prop_assert_eq!(bare(got), bare(expected), "{:?} at {}", error, UNITS[from]);
                }
            }
        }
    }
}

fn agree(world: &World, model: &mut Model<'_>, from: usize, packet: &Packet) -> Result<(), TestCaseError> {
    let got: Outcome = outcome(&world.plane, from, packet);
    let judged = model.agrees(UNITS[from], packet, &got);
    prop_assert_eq!(judged, Ok(()), "{:?} of {:?}", got, packet);
    Ok(())
}
