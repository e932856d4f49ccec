//! Packets of every kind: protocols that nobody has heard of, messages of ICMP, sources and destinations that no host has, at the end of
//! their life, to all stations, with options and flags in any combination; between zones, within one and to the firewall, under generated
//! policies, screens and lists of services, many in one batch. What becomes of each, byte for byte, and what is left of it in
//! sessions, counters and events must be as the model has it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_compile::IdBook;
use ravelin_conformance::model::{
    ACK, ErrorOutcome, IcmpError, Model, Outcome, Packet, SYN, Segment, Session,
};
use ravelin_contract::{DataPlane, ScreenCounters};
use ravelin_model::Config;
use ravelin_sim::SimPlane;
use ravelin_types::{DropReason, ZoneId};

use crate::filters::{Names, agree_on_copies};
use crate::kit::{
    Fate, From, bare, commit, error_frame, error_outcome_of, frame, ip, is_error_as_told, joined, loaded,
    plane_of, run, runs,
};
use crate::said::{Tap, agree_on_policies, agree_on_replies, agree_on_replies_in_any_order, cut};
use crate::screens::wait;
use crate::seen::{Heard, expected, shown, told};

mod config;
pub mod packet;

use config::{changing, configs};
use packet::{from_kernel, packet, plain};

const ZONES: [&str; 3] = ["trust", "untrust", "dmz"];
/// Of three zones, and one of none.
const UNITS: [&str; 4] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/3.0"];
const NETBIOS: u16 = 139;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Fresh(usize, Packet),
    /// The same from so many ports at once, where one worker takes them all.
    Storm(usize, Packet, u16),
    /// Once more what opened the session of this number.
    Again(usize),
    /// The answer to it.
    Back(usize),
    /// The kernel sends it.
    Own(usize, Packet),
    /// An error about a packet of a session, of which of its two ways.
    Error {
        session: usize,
        way: usize,
        told: Told,
    },
    Wait(u64),
    /// Frames come faster than they are taken from now on, or no more.
    Press(bool),
    /// The next configuration, if there is one.
    Commit,
}

/// How an error is told.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// By the end itself; else by a router before it.
    pub by_end: bool,
    pub is_nested: bool,
    pub elsewhere: bool,
    /// Of IPv4 and of IPv6.
    pub kinds: (u8, u8),
    pub code: u8,
    pub ttl: u8,
    pub cut: Option<usize>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = select(&[10u64, 300, 1000, 2500, 20_000, 61_000][..]).prop_map(Step::Wait);
    let again = (0usize..6).prop_map(Step::Again);
    let back = (0usize..6).prop_map(Step::Back);
    let fresh = packet().prop_map(|(from, packet)| Step::Fresh(from, packet));
    let own = packet().prop_map(|(unit, packet)| Step::Own(unit, from_kernel(unit, packet)));
    let storm = (packet(), 30u16..64).prop_map(|((from, packet), times)| Step::Storm(from, packet, times));
    let press = any::<bool>().prop_map(Step::Press);
    let kinds = (select(&[3u8, 4, 5, 11, 12][..]), 1u8..5);
    let shape = (
        select(&[0u8, 1, 4][..]),
        select(&[64u8, 64, 1, 0][..]),
        select(&[None, None, Some(8), Some(12)][..]),
    );
    let told = (any::<bool>(), 0u8..8, kinds, shape).prop_map(|(by_end, odd, kinds, (code, ttl, cut))| {
        Told { by_end, is_nested: odd == 0, elsewhere: odd == 1, kinds, code, ttl, cut }
    });
    let error =
        (0usize..6, 0usize..2, told).prop_map(|(session, way, told)| Step::Error { session, way, told });
    let step = prop_oneof![24 => fresh, 1 => storm, 6 => own, 6 => again, 8 => back, 4 => error, 2 => wait, 2 => press, 3 => Just(Step::Commit)];
    vec(step, 1..60)
}

/// What a step sends, as the sessions stand.
fn sent(step: &Step, model: &Model<'_>) -> Option<(From, Packet)> {
    let of = |n: usize| model.sessions().get(n);
    let at = |zone: &str| ZONES.iter().position(|name| *name == zone);
    let port = |session: &Session, way: usize| match session.zone(way) {
        "junos-host" => Some(From::Host(at(session.zone(1 - way))?)),
        zone => Some(From::Port(at(zone)?)),
    };
    // What the kernel has for itself it does not send.
    let is_own = |packet: &Packet| match packet.dst {
        IpAddr::V4(dst) => matches!(dst.octets(), [10, 0..4, 0, 1]),
        IpAddr::V6(dst) => matches!(dst.segments(), [0x2001, 0xdb8, 0..4, 0, 0, 0, 0, 1]),
    };
    let sent = match *step {
        Step::Wait(_) | Step::Press(_) | Step::Error { .. } | Step::Storm(..) | Step::Commit => None,
        Step::Fresh(from, packet) => Some((From::Port(from), packet)),
        Step::Own(unit, packet) => Some((From::Host(unit), packet)),
        Step::Again(n) => of(n).and_then(|session| Some((port(session, 0)?, session.inside))),
        Step::Back(n) => of(n).and_then(|session| {
            let Packet { src, dst, sport, dport, tcp, message, .. } = session.left;
            let (sport, dport) = if message.is_some() { (sport, dport) } else { (dport, sport) };
            let tcp = tcp.map(|tcp| Segment { ack: tcp.seq.wrapping_add(1), ..Segment::of(SYN | ACK) });
            let packet = Packet { src: dst, dst: src, sport, dport, tcp, ttl: 64, ..session.left };
            Some((port(session, 1)?, packet))
        }),
    };
    sent.filter(|(from, packet)| matches!(from, From::Port(_)) || !is_own(packet))
}

/// What an error of a step says, and the port where it arrives.
fn error(model: &Model<'_>, (session, way): (usize, usize), told: &Told) -> Option<(usize, IcmpError)> {
    let known = model.sessions().get(session)?;
    let back = |packet: &Packet| {
        let Packet { src, dst, sport, dport, .. } = *packet;
        Packet { src: dst, dst: src, sport: dport, dport: sport, ..*packet }
    };
    let (quoted, zone) = match way {
        0 => (known.left, known.zone(1)),
        // Of what is no echo there is no answer that could be written.
        _ if known.inside.message.is_some() => return None,
        _ => (back(&known.inside), known.zone(0)),
    };
    let from = ZONES.iter().position(|name| *name == zone)?;
    let from = if told.elsewhere { (from + 1) % ZONES.len() } else { from };
    let router =
        if quoted.src.is_ipv4() { format!("10.{from}.0.77") } else { format!("2001:db8:{from}::77") };
    let src = if told.by_end { quoted.dst } else { ip(&router) };
    Some((from, IcmpError { src, dst: quoted.src, quoted, is_nested: told.is_nested }))
}

/// What left is what came, one hop older, cut where the link takes less; the firewall gets it as it came.
fn as_it_came(model: &Model<'_>, from: From, packet: &Packet, fate: &Fate) -> bool {
    let whole = |packet: &Packet| frame(packet)[14..].to_vec();
    match &fate.outcome {
        Outcome::Left { unit, packet: left } => {
            let hops = u8::from(matches!(from, From::Port(_)));
            let whole = whole(&Packet { ttl: packet.ttl - hops, ..*left });
            let wanted = cut(&whole, model.mtu(unit, packet.src.is_ipv4()));
            joined(&fate.left)[14..] == whole && fate.left.iter().map(|frame| &frame[14..]).eq(&wanted)
        }
        // Its urgent flag may be gone.
        Outcome::Host if packet.tcp.is_some() && packet.dport == NETBIOS => true,
        Outcome::Host => fate.left.iter().map(|frame| &frame[14..]).eq([&whole(packet)]),
        Outcome::Answered | Outcome::Dropped(_) => fate.left.is_empty(),
    }
}

fn drops(plane: &SimPlane) -> BTreeMap<DropReason, u64> {
    let drops = plane.telemetry().global().unwrap().drops;
    DropReason::ALL.iter().map(|reason| (*reason, drops[reason.index()])).filter(|(_, n)| *n > 0).collect()
}

/// The plane, the model, and what was seen of both.
struct World<'a> {
    /// Those that are in force one behind the other.
    configs: &'a [Config],
    commits: usize,
    book: IdBook,
    plane: SimPlane,
    model: Model<'a>,
    workers: u8,
    dropped: BTreeMap<DropReason, u64>,
    tap: Tap,
    filters: Names,
}

/// Whether the model can say what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    On,
    /// What was dropped under pressure may have changed what it does not show.
    Nowhere,
}

impl<'a> World<'a> {
    fn new(configs: &'a [Config], workers: u8) -> Self {
        let (plane, book) = plane_of(&configs[0], workers);
        let (model, dropped, tap) = (Model::new(&configs[0]), BTreeMap::new(), Tap::default());
        let filters = Names::of(&plane);
        let mut world = Self { configs, commits: 0, book, plane, model, workers, dropped, tap, filters };
        wait(&world.plane, &mut world.model, 5000);
        world
    }

    /// Time passes; a session that is over is found within two seconds, and what it held given back.
    fn wait(&mut self, ms: u64) {
        wait(&self.plane, &mut self.model, ms);
        while self.model.since_aged() < 3000 {
            wait(&self.plane, &mut self.model, 1000);
        }
    }

    fn commit(&mut self) {
        if let Some(config) = self.configs.get(self.commits + 1) {
            self.commits += 1;
            commit(&self.plane, config, (&mut self.book, 1 + self.commits as u64));
            self.model.commit(config);
            self.filters.more(&self.plane);
        }
    }

    /// An error about a packet of a session.
    fn error(&mut self, about: (usize, usize), told: &Told) -> Result<Goes, TestCaseError> {
        let Some((from, error)) = error(&self.model, about, told) else { return Ok(Goes::On) };
        let kind = if error.src.is_ipv4() { told.kinds.0 } else { told.kinds.1 };
        let sent = error_frame(&error, (kind, told.code), (told.ttl, told.cut));
        let (got, left) = error_outcome_of(&self.plane, from, &error, &sent);
        let shows =
            if let ErrorOutcome::Dropped(reason) = got { Outcome::Dropped(reason) } else { Outcome::Host };
        self.tap.came(UNITS[from], &sent.1, &shows);
        match got {
            ErrorOutcome::Dropped(reason) => {
                *self.dropped.entry(reason).or_default() += 1;
                // Before its screens or behind them.
                if reason == DropReason::Overload {
                    return Ok(Goes::Nowhere);
                }
            }
            ErrorOutcome::Left(_) => left.1.iter().for_each(|frame| self.tap.left(&left.0, frame)),
            ErrorOutcome::Host => self.tap.kernel_got(),
        }
        let expected = self.model.error_in(UNITS[from], &error, &sent.0);
        // What is quoted in them is not the model's.
        self.model.take_copies();
        prop_assert_eq!(bare(got), bare(expected), "{:?} {:?} at {}", error, told, from);
        let shape = ((kind, told.code), (told.ttl, told.cut));
        prop_assert!(
            is_error_as_told(&error, shape, &expected, &left.1),
            "{:?} of {:?} {:?}",
            left,
            error,
            told
        );
        Ok(Goes::On)
    }

    /// Packets of steps, in one batch.
    fn packets(&mut self, packets: &[(From, Packet)]) -> Result<Goes, TestCaseError> {
        let run = run(&self.plane, packets);
        self.tap.ran(&UNITS, packets, &run);
        for ((from, packet), fate) in packets.iter().zip(&run.fates) {
            let outcome = &fate.outcome;
            if let Outcome::Dropped(reason) = outcome {
                *self.dropped.entry(*reason).or_default() += 1;
            }
            if let (Outcome::Dropped(DropReason::Overload), From::Port(port)) = (outcome, from) {
                // What it looked to be of may have ended by it, and screens have been asked.
                if self.model.is_like_one(UNITS[*port], packet) {
                    return Ok(Goes::Nowhere);
                }
                if self.model.may_be_shed(UNITS[*port], packet) {
                    continue;
                }
            }
            let judged = match *from {
                From::Port(port) => self.model.agrees(UNITS[port], packet, outcome),
                From::Host(unit) => self.model.agrees_own(UNITS[unit], packet, outcome),
            };
            if self.model.is_open() {
                return Ok(Goes::Nowhere);
            }
            prop_assert_eq!(judged, Ok(()), "{:?} of {:?} at {:?}", outcome, packet, from);
            prop_assert!(as_it_came(&self.model, *from, packet, fate), "{:?} of {:?}", fate, packet);
        }
        agree_on_copies(&mut self.model, packets, &run)?;
        let is_filtered = self.configs[self.commits].firewall.filters4().next().is_some();
        match is_filtered {
            false => agree_on_replies(&self.plane, &mut self.model, &run.said)?,
            true => agree_on_replies_in_any_order(&self.plane, &mut self.model, &run.said)?,
        }
        prop_assert_eq!(shown(&self.plane), expected(&self.model), "after {:?}", packets);
        Ok(Goes::On)
    }

    /// The first of the steps, or as many packets as go together; how many those were.
    fn go(&mut self, steps: &[Step], burst: usize) -> Result<(Goes, usize), TestCaseError> {
        match &steps[0] {
            Step::Wait(ms) => self.wait(*ms),
            Step::Commit => self.commit(),
            Step::Press(pressed) => self.plane.workers().press(*pressed),
            Step::Error { session, way, told } => return Ok((self.error((*session, *way), told)?, 1)),
            Step::Storm(from, packet, times) => {
                let times = if self.workers == 1 { *times } else { 1 };
                let has_ports = matches!(packet.proto, 6 | 17);
                let one = |n| if has_ports { Packet { sport: 2000 + n, ..*packet } } else { *packet };
                let packets: Vec<_> = (0..times).map(|n| (From::Port(*from), one(n))).collect();
                return Ok((self.packets(&packets)?, 1));
            }
            Step::Fresh(..) | Step::Again(_) | Step::Back(_) | Step::Own(..) => {
                let count = steps.iter().take_while(|step| is_sent(step)).take(burst).count();
                let packets: Vec<_> =
                    steps[..count].iter().filter_map(|step| sent(step, &self.model)).collect();
                return Ok((self.packets(&packets)?, count));
            }
        }
        Ok((Goes::On, 1))
    }

    fn called(&self, zone: ZoneId) -> String {
        let found = ZONES.into_iter().find(|name| self.book.clone().zone(name) == Ok(zone));
        found.unwrap_or_default().to_owned()
    }

    /// Counters and events.
    fn ends(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(&drops(&self.plane), &self.dropped);
        let counters = self.plane.telemetry().screens().unwrap();
        let of = |c: &ScreenCounters| c.hits.iter().map(|(s, n)| ((self.called(c.zone), *s), *n)).collect();
        let hits: BTreeMap<_, _> =
            counters.iter().flat_map(|c: &ScreenCounters| -> Vec<_> { of(c) }).collect();
        prop_assert_eq!(&hits, self.model.hits());
        self.tap.agrees(&self.plane)?;
        agree_on_policies(&self.plane, &self.model)?;
        self.filters.agree_on_counters(&self.plane, &self.model)?;
        self.filters.agree_on_policers(&self.plane, &self.model)?;
        self.agree_on_what_is_told()
    }

    /// Events of sessions, of denied packets and of screens, in any order.
    fn agree_on_what_is_told(&self) -> Result<(), TestCaseError> {
        let Heard { told: mut got, mut notices, hits } = told(&self.plane, |zone| self.called(zone));
        let mut should = self.model.told().to_vec();
        got.sort();
        should.sort();
        prop_assert_eq!(got, should);
        let mut should = self.model.notices().to_vec();
        notices.sort();
        should.sort();
        prop_assert_eq!(notices, should);
        self.filters.agree_on_hits(&self.plane, &self.model, &hits)
    }
}

const fn is_sent(step: &Step) -> bool {
    matches!(step, Step::Fresh(..) | Step::Again(_) | Step::Back(_) | Step::Own(..))
}

/// Of packets of a few hosts, so that most are of sessions that commits have to do with.
fn plain_steps() -> impl Strategy<Value = Vec<Step>> {
    let fresh = plain().prop_map(|(from, packet)| Step::Fresh(from, packet));
    let own = plain().prop_map(|(unit, packet)| Step::Own(unit, from_kernel(unit, packet)));
    let about = || 0usize..5;
    let told =
        Told { by_end: true, is_nested: false, elsewhere: false, kinds: (3, 1), code: 1, ttl: 64, cut: None };
    let error = (about(), 0usize..2).prop_map(move |(session, way)| Step::Error { session, way, told });
    let wait = select(&[300u64, 5000, 20_000][..]).prop_map(Step::Wait);
    let step = prop_oneof![
        6 => fresh, 1 => own, 5 => about().prop_map(Step::Again), 4 => about().prop_map(Step::Back), 1 => error,
        1 => wait, 4 => Just(Step::Commit),
    ];
    vec(step, 5..50)
}

pub fn agree(texts: &[String], steps: &[Step], (workers, burst): (u8, usize)) -> Result<(), TestCaseError> {
    let configs: Vec<_> = texts.iter().map(|text| loaded(text)).collect();
    let mut world = World::new(&configs, workers);
    let mut left = steps;
    let nat = |text: &String| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("set security nat")).map(str::to_owned).collect()
    };
    while !left.is_empty() {
        let next = texts.get(world.commits + 1).filter(|_| matches!(left[0], Step::Commit));
        // An answer to an address that NAT has no more comes to another worker than its session's, which does not see it.
        if workers > 1 && next.is_some_and(|next| nat(next) != nat(&texts[world.commits])) {
            return Ok(());
        }
        let went = world.go(left, burst);
        let text = &texts[world.commits];
        let told =
            |error: TestCaseError| TestCaseError::fail(format!("{error}\nat {:?} under\n{text}", left[0]));
        let (goes, count) = went.map_err(told)?;
        if goes == Goes::Nowhere {
            return Ok(());
        }
        left = &left[count..];
    }
    world.ends().map_err(|error| TestCaseError::fail(format!("{error}\nafter {steps:?} under\n{texts:?}")))
}

/// Workers, and packets of a batch: of several workers each has one of its own.
pub fn workers() -> impl Strategy<Value = (u8, usize)> {
    prop_oneof![(Just(1u8), 1usize..12), (2u8..=4, Just(1))]
}

proptest! {
    #![proptest_config(runs(43, 800))]
    #[test]
    fn engine_and_model_agree_on_packets_of_every_kind(texts in configs(), steps in steps(), workers in workers()) {
        agree(&texts, &steps, workers)?;
    }

    #[test]
    fn engine_and_model_agree_on_sessions_that_commits_change(
        texts in changing(), steps in plain_steps(), workers in workers(),
    ) {
        agree(&texts, &steps, workers)?;
    }
}
