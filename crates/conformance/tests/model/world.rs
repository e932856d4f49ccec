//! Worlds of both families: generated books of zones, global policies with lists, schedulers and a clock that is put forward, a second
//! router, routes that come and go while sessions live, `policy-rematch` in its three forms, and ICMP errors about what passed:
//! engine and model are of one mind.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_conformance::model::{IcmpError, Model, Outcome, Packet, SYN, Segment};
use ravelin_contract::{DataPlane, NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_dynamic::{Book, DynamicPlan, Now};
use ravelin_engine::Limits;
use ravelin_model::{Config, load, lower_tree};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::Generation;

use crate::kit::{bare, error_outcome, is_error_as_told, outcome, runs, unreachable_host};

mod config;

use config::{Routers, address, config, prefix};

/// A prefix that leads here and there.
const FAR: &str = "10.9.0.0/16";
const UNITS: [&str; 5] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/3.0", "ge-0/0/4.0"];
/// 2026-01-01 00:00:00, a Thursday.
const START: i64 = 1_767_225_600;

/// From inside to one of the far hosts or of the units' neighbours.
#[derive(Clone, Copy, Debug)]
struct Ask {
    /// From the branch instead.
    is_branch: bool,
    host: u8,
    to: &'static str,
    is_v6: bool,
    is_tcp: bool,
    port: u16,
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Ask),
    /// Once more what opened the session of this number, if it is none of TCP.
    Again(usize),
    /// The answer of the session of this number.
    Answer(usize),
    /// An error about a packet of it: of which of its two ways, and who says so.
    Error {
        session: usize,
        way: usize,
        by_end: bool,
        is_nested: bool,
        elsewhere: bool,
    },
    /// Of nothing that is known.
    Stray {
        is_v6: bool,
    },
    /// Minutes that the clock on the wall is put forward by.
    Clock(i64),
    /// Where the far hosts are: to the router of this unit, by it or nowhere.
    Route {
        unit: usize,
        is_there: bool,
        is_v6: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let far = ["10.9.0.5", "10.9.0.6", "10.9.200.1", "10.1.0.7", "10.3.0.9", "10.8.0.1", "10.3.0.1"];
    let to = select(far.to_vec());
    let ask = (any::<bool>(), 2u8..5, to, any::<[bool; 2]>(), select(&[22u16, 53, 80][..]));
    let ask = ask.prop_map(|(is_branch, host, to, [is_v6, is_tcp], port)| {
        Step::Ask(Ask { is_branch, host, to, is_v6, is_tcp, port })
    });
    let error = (0usize..4, 0usize..2, any::<bool>(), 0u8..8);
    let route = (select(&[1usize, 1, 2, 3][..]), 0u8..4, any::<bool>());
    prop_oneof![
        5 => ask,
        4 => (0usize..4).prop_map(Step::Again),
        3 => (0usize..4).prop_map(Step::Answer),
        3 => error.prop_map(|(session, way, by_end, odd)| Step::Error {
            session, way, by_end, is_nested: odd == 0, elsewhere: odd == 1,
        }),
        1 => any::<bool>().prop_map(|is_v6| Step::Stray { is_v6 }),
        3 => select(&[1i64, 60, 239, 240, 600, 1440, 3000][..]).prop_map(Step::Clock),
        3 => route.prop_map(|(unit, odd, is_v6)| Step::Route { unit, is_there: odd != 0, is_v6 }),
    ]
}

/// The plane, and what it is told of the world as the daemon tells it.
struct World {
    plane: SimPlane,
    units: IdBook,
    book: Book,
    routers: Routers,
    wall: i64,
}

impl World {
    fn new((text, routers): (&str, Routers), workers: u8) -> Self {
        let loaded = load(text);
        let valid =
            loaded.result.unwrap_or_else(|errors| panic!("the generator is wrong: {errors:?}\n{text}"));
        let mut units = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut units, Generation(1)).unwrap();
        let limits = Limits { sessions: 1024, events: 4096 };
        let plane = SimWorkers::plane(SimSetup { workers, limits, ..SimSetup::default() });
        let book = Book::new(TimeZone::UTC);
        let mut world = Self { plane, units, book, routers, wall: START };
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

    /// The far hosts of a family are by this unit from now on, or no more in its router.
    fn route(&self, model: &mut Model<'_>, unit: usize, (is_there, is_v6): (bool, bool)) {
        let (prefix, of) = (prefix(FAR, is_v6), self.routers.of(unit));
        let gateway = Some(address(&format!("{}.254", self.routers.network(unit)), is_v6));
        let interface = self.units.find_unit(UNITS[unit]).unwrap();
        let route = is_there.then(|| Route::Via(vec![NextHop { interface, gateway, weight: 1 }]));
        let instance = self.units.find_instance(of).unwrap();
        let routes = vec![RouteUpdate { instance, prefix, route }];
        self.plane.updates().apply(&UpdateBatch { routes, ..UpdateBatch::default() }).unwrap();
        model.set_route(of, prefix, is_there.then_some(UNITS[unit]));
    }

    /// A first packet, and the unit that it comes in by.
    fn asked(&self, ask: Ask) -> (Packet, usize) {
        let Ask { is_branch, host, to, is_v6, is_tcp, port } = ask;
        let unit = if is_branch { 4 } else { 0 };
        let src = address(&format!("{}.{host}", self.routers.network(unit)), is_v6);
        let proto = if is_tcp { 6 } else { 17 };
        let tcp = is_tcp.then(|| Segment::of(SYN));
        let dst = address(to, is_v6);
        (
            Packet { src, dst, proto, sport: 4000, dport: port, tcp, len: 7, options: &[], ..Packet::PLAIN },
            unit,
        )
    }

    /// The error that a step means, and where it arrives.
    fn error_of(&self, model: &Model<'_>, step: &Step) -> Option<(usize, IcmpError)> {
        let (session, way, by_end, is_nested, elsewhere) = match *step {
            Step::Error { session, way, by_end, is_nested, elsewhere } => {
                (session, way, by_end, is_nested, elsewhere)
            }
            Step::Stray { is_v6 } => {
                let ask = Ask { is_branch: false, host: 9, to: "10.9.0.5", is_v6, is_tcp: false, port: 99 };
                let (quoted, _) = self.asked(ask);
                let src = address("10.1.0.77", is_v6);
                return Some((1, IcmpError { src, dst: quoted.src, quoted, is_nested: false }));
            }
            Step::Ask(_) | Step::Again(_) | Step::Answer(_) | Step::Clock(_) | Step::Route { .. } => {
                return None;
            }
        };
        let known = model.sessions().get(session)?;
        let (quoted, zone) = match way {
            0 => (known.left, known.zone(1)),
            _ => (back(&known.inside), known.zone(0)),
        };
        let from = if elsewhere { unit_of(if way == 0 { "trust" } else { "dmz" }) } else { unit_of(zone) };
        let router = address(&format!("10.{from}.0.77"), !quoted.src.is_ipv4());
        let src = if by_end { quoted.dst } else { router };
        Some((from, IcmpError { src, dst: quoted.src, quoted, is_nested }))
    }

    fn agree(&self, model: &mut Model<'_>, from: usize, packet: &Packet) -> Result<(), TestCaseError> {
        let got: Outcome = outcome(&self.plane, from, packet);
        let judged = model.agrees(UNITS[from], packet, &got);
        prop_assert_eq!(judged, Ok(()), "{:?} of {:?} at {}", got, packet, UNITS[from]);
        Ok(())
    }

    fn step(&mut self, model: &mut Model<'_>, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Clock(minutes) => {
                self.wall += minutes * 60;
                self.tell();
                model.set_wall(self.wall);
            }
            Step::Route { unit, is_there, is_v6 } => self.route(model, unit, (is_there, is_v6)),
            Step::Ask(ask) => {
                let (packet, from) = self.asked(ask);
                self.agree(model, from, &packet)?;
            }
            Step::Again(session) => {
                let known = model.sessions().get(session).filter(|s| s.inside.tcp.is_none());
                let Some((packet, from)) = known.map(|s| (s.inside, unit_of(s.zone(0)))) else {
                    return Ok(());
                };
                self.agree(model, from, &packet)?;
            }
            Step::Answer(session) => {
                let known = model.sessions().get(session).filter(|s| s.inside.tcp.is_none());
                let Some((packet, from)) = known.map(|s| (back(&s.left), unit_of(s.zone(1)))) else {
                    return Ok(());
                };
                self.agree(model, from, &packet)?;
            }
            Step::Error { .. } | Step::Stray { .. } => {
                let Some((from, error)) = self.error_of(model, step) else { return Ok(()) };
                let expected = model.error(UNITS[from], &error);
                let (got, left) = error_outcome(&self.plane, from, &error);
                let shape = (unreachable_host(&error), (64, None));
                prop_assert!(is_error_as_told(&error, shape, &expected, &left), "{:?} of {:?}", left, error);
                prop_assert_eq!(bare(got), bare(expected), "{:?} at {}", error, UNITS[from]);
            }
        }
        Ok(())
    }
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
        "branch" => 4,
        _ => 3,
    }
}

proptest! {
    #![proptest_config(runs(11, 768))]
    #[test]
    fn engine_and_model_agree_while_the_world_changes(
        (text, routers) in config(), steps in vec(step(), 4..40), workers in 1u8..=4,
    ) {
        let mut world = World::new((&text, routers), workers);
        let (config, _): (Config, _) = lower_tree(&load(&text).tree);
        let mut model = Model::new(&config);
        model.set_wall(world.wall);
        for step in &steps {
            world.step(&mut model, step)?;
        }
    }
}
