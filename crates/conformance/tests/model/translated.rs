//! Generated NAT of every kind between generated policies: source pools and interfaces, destination and static rules, NAT64,
//! NAT46 and NPTv6, with contexts of every rank; while routes change, time passes and routers complain, engine and model are
//! of one mind, of what rules count too.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use proptest::prelude::*;
use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_conformance::model::{IcmpError, Model, Outcome, Packet, RuleName, Tuple, tuple};
use ravelin_contract::{DataPlane, NextHop, Route, RouteUpdate, SessionFilter, SessionView, UpdateBatch};
use ravelin_engine::Limits;
use ravelin_model::load;
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Generation, InstanceId};

use crate::kit::{From, bare, error_outcome, ip, is_error_as_told, loaded, net, run, runs, unreachable_host};
use crate::said::agree_on_replies;
use crate::translated_config::{FAR, Step, UNITS, config, steps, unit_of};

struct World {
    plane: SimPlane,
    units: IdBook,
}

impl World {
    fn new(text: &str, workers: u8) -> Self {
        let valid = load(text).result.unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
        let mut units = IdBook::default();
        let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut units, Generation(1)).unwrap();
        let limits = Limits { sessions: 1024, events: 4096 };
        let plane = SimWorkers::plane(SimSetup { workers, limits, ..SimSetup::default() });
        plane.apply_config(&program).unwrap();
        plane.updates().apply(&routes(&valid, &units)).unwrap();
        Self { plane, units }
    }

    /// The far networks are behind this unit from now on, or nowhere.
    fn route(&self, model: &mut Model<'_>, unit: Option<usize>) {
        for (n, far) in FAR.iter().enumerate() {
            let hop = |unit: usize| NextHop {
                interface: self.units.find_unit(UNITS[unit]).unwrap(),
                gateway: Some(ip(&[format!("10.{unit}.0.254"), format!("2001:db8:{unit}::fe")][n])),
                weight: 1,
            };
            let route = unit.map(|unit| Route::Via(vec![hop(unit)]));
            let routes = vec![RouteUpdate { instance: InstanceId::DEFAULT, prefix: net(far), route }];
            self.plane.updates().apply(&UpdateBatch { routes, ..UpdateBatch::default() }).unwrap();
            model.set_route(None, net(far), unit.map(|unit| UNITS[unit]));
        }
    }

    fn wait(&self, model: &mut Model<'_>, ms: u64) {
        let workers = self.plane.workers();
        workers.advance(workers.now().plus(Duration::from_millis(ms)));
        for _ in 0..3 {
            let _ = workers.run_batch(&[]);
        }
        model.advance(ms);
    }

    /// Live sessions, by what opened them.
    fn sessions(&self) -> BTreeSet<Tuple> {
        let mut all = BTreeSet::new();
        let visit = &mut |view: &SessionView| {
            let key = &view.wings[0].key;
            all.insert((key.src, key.sport, key.dst, key.dport, key.proto.0));
            ControlFlow::Continue(())
        };
        self.plane.sessions().for_each(&SessionFilter::default(), visit).unwrap();
        all
    }

    /// Sessions tried by each rule, those of none left out.
    fn hits(&self) -> BTreeMap<RuleName, u64> {
        let rules = self.plane.rules().unwrap();
        let counted = self.plane.telemetry().nat_rules().unwrap();
        let of = |rule: ravelin_engine::NatRuleRef<'_>| {
            let hits = counted.iter().find(|known| known.id == rule.id).map_or(0, |known| known.hits);
            ((rule.kind, rule.set.to_owned(), rule.name.to_owned()), hits)
        };
        rules.nat_rules().map(of).filter(|(_, hits)| *hits > 0).collect()
    }
}

const fn back(packet: &Packet) -> Packet {
    let Packet { src, dst, sport, dport, .. } = *packet;
    Packet { src: dst, dst: src, sport: dport, dport: sport, ..*packet }
}

/// What a step sends: the packet or the error, and the port that it arrives at.
fn error(model: &Model<'_>, session: usize, way: usize, router: Option<u8>) -> Option<(usize, IcmpError)> {
    let known = model.sessions().get(session)?;
    let (quoted, zone) = match way {
        0 => (known.left, known.zone(1)),
        _ => (back(&known.inside), known.zone(0)),
    };
    let from = unit_of(zone);
    let src = match (router, quoted.dst.is_ipv4()) {
        (None, _) => quoted.dst,
        (Some(host), true) => ip(&format!("10.{from}.0.{host}")),
        (Some(host), false) => ip(&format!("2001:db8:{from}::{host:x}")),
    };
    Some((from, IcmpError { src, dst: quoted.src, quoted, is_nested: false }))
}

fn agree(world: &World, model: &mut Model<'_>, from: usize, packet: &Packet) -> Result<(), TestCaseError> {
    let ran = run(&world.plane, &[(From::Port(from), *packet)]);
    let got: &Outcome = &ran.fates[0].outcome;
    let judged = model.agrees(UNITS[from], packet, got);
    prop_assert_eq!(judged, Ok(()), "{:?} of {:?} at {}", got, packet, UNITS[from]);
    agree_on_replies(&world.plane, model, &ran.said)
}

proptest! {
    #![proptest_config(runs(29, 512))]
    // Proves: rfc3022-4, rfc4787-3, rfc5382-7, rfc5508-5, rfc6052-3, rfc6146-1, rfc6146-15, rfc6296-7.
    #[test]
    fn engine_and_model_agree_on_what_is_translated(
        text in config(), steps in steps(), workers in 1u8..=4,
    ) {
        let world = World::new(&text, workers);
        let config = loaded(&text);
        let mut model = Model::new(&config);
        world.route(&mut model, Some(1));
        for step in &steps {
            match *step {
                Step::Ask { from, packet } => agree(&world, &mut model, from, &packet)
                    .map_err(|error| TestCaseError::fail(format!("{error} by {workers} workers under\n{text}")))?,
                Step::Answer(session) => {
                    let known = model.sessions().get(session).filter(|s| s.inside.tcp.is_none());
                    let Some((packet, from)) = known.map(|s| (back(&s.left), unit_of(s.zone(1)))) else { continue };
                    agree(&world, &mut model, from, &packet)
                        .map_err(|error| TestCaseError::fail(format!("{error}, an answer, under\n{text}")))?;
                }
                Step::Error { session, way, router } => {
                    let Some((from, error)) = error(&model, session, way, router) else { continue };
                    let expected = model.error(UNITS[from], &error);
                    let (got, left) = error_outcome(&world.plane, from, &error);
                    let shape = (unreachable_host(&error), (64, None));
                    prop_assert!(
                        is_error_as_told(&error, shape, &expected, &left),
                        "{:?} of {:?} under\n{}", left, error, text,
                    );
                    prop_assert_eq!(bare(got), bare(expected), "{:?} at {} under\n{}", error, UNITS[from], text);
                }
                Step::Route(unit) => world.route(&mut model, unit),
                Step::Wait(ms) => world.wait(&mut model, ms),
            }
        }
        let live: BTreeSet<_> = model.sessions().iter().map(|s| tuple(&s.inside)).collect();
        prop_assert_eq!(world.sessions(), live, "of {:?} under\n{}", steps, text);
        prop_assert_eq!(&world.hits(), model.rule_hits(), "of {:?} under\n{}", steps, text);
        world.wait(&mut model, 2_000_000);
        for pool in world.plane.telemetry().source_pools().unwrap() {
            prop_assert_eq!((pool.ports, pool.others, pool.held), ([0; 4], 0, 0), "pool {} under\n{}", pool.id, text);
        }
    }
}
