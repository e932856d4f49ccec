//! Packets of every kind: protocols that nobody has heard of, messages of ICMP, sources and destinations that no host has, at the end of
//! their life, to all stations, with options and flags in any combination; between zones, within one and to the firewall, under generated
//! policies, screens and lists of services, many in one batch. What becomes of each, byte for byte, and what is left of it in
//! sessions, counters and events must be as the model has it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{
    ACK, ErrorOutcome, IcmpError, Model, Notice, Outcome, Packet, SYN, Segment, Session, Station,
};
use ravelin_contract::DataPlane;
use ravelin_program::Screen;
use ravelin_sim::SimPlane;
use ravelin_types::DropReason;

use crate::kit::{From, bare, error_frame, error_outcome_of, frame, ip, loaded, outcomes, plane, runs};
use crate::screens::{OPTIONS, wait};
use crate::seen::{expected, shown, told, zone_name};

mod config;

use config::config;

const ZONES: [&str; 3] = ["trust", "untrust", "dmz"];
/// Of three zones, and one of none.
const UNITS: [&str; 4] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/3.0"];
const NETBIOS: u16 = 139;

#[derive(Clone, Copy, Debug)]
enum Step {
    Fresh(usize, Packet),
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
}

/// How an error is told.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// By the end itself; else by a router before it.
    by_end: bool,
    is_nested: bool,
    elsewhere: bool,
    /// Of IPv4 and of IPv6.
    kinds: (u8, u8),
    code: u8,
    ttl: u8,
    cut: Option<usize>,
}

/// Who sends it, and to whom: `$` is the network that it comes from, `%` another.
const SOURCES: [&str; 36] = [
    "10.$.0.2",
    "10.$.0.2",
    "10.$.0.3",
    "10.$.0.4",
    "10.$.0.2",
    "10.%.0.2",
    "10.$.0.1",
    "10.%.0.1",
    "10.$.0.255",
    "10.$.0.0",
    "0.0.0.0",
    "0.0.0.7",
    "127.0.0.1",
    "169.254.0.9",
    "224.0.0.5",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.51.100.7",
    "2001:db8:$::2",
    "2001:db8:$::2",
    "2001:db8:$::3",
    "2001:db8:$::2",
    "2001:db8:%::2",
    "2001:db8:$::1",
    "2001:db8:%::1",
    "::",
    "::1",
    "fe80::9",
    "fe80::1",
    "ff02::1",
    "ff0e::1",
    "::ffff:10.0.0.2",
    "2001:db8:9::9",
    "64:ff9b::a00:2",
    "2001:db8:$::",
];
const DESTINATIONS: [&str; 38] = [
    "10.%.0.2",
    "10.%.0.2",
    "10.%.0.3",
    "10.%.0.4",
    "10.%.0.2",
    "10.$.0.2",
    "10.$.0.1",
    "10.%.0.1",
    "10.$.0.255",
    "10.%.0.255",
    "10.%.0.0",
    "0.0.0.0",
    "0.0.0.7",
    "127.0.0.1",
    "169.254.0.9",
    "224.0.0.5",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.51.100.7",
    "2001:db8:%::2",
    "2001:db8:%::2",
    "2001:db8:%::3",
    "2001:db8:%::2",
    "2001:db8:$::2",
    "2001:db8:$::1",
    "2001:db8:%::1",
    "::",
    "::1",
    "fe80::9",
    "ff01::1",
    "ff02::1",
    "ff02::1:ff00:1",
    "ff12::9",
    "ff0e::1",
    "::ffff:10.0.0.2",
    "2001:db8:9::9",
    "2001:db8:%::",
];

/// Messages that are no echo and no error, of ICMP and of ICMPv6.
const MESSAGES: [u8; 9] = [2, 9, 10, 13, 14, 17, 40, 200, 255];
const MESSAGES6: [u8; 12] = [5, 100, 130, 131, 133, 134, 135, 136, 137, 143, 200, 255];

fn protocol() -> impl Strategy<Value = u8> {
    select(
        &[6u8, 6, 6, 17, 17, 17, 1, 1, 58, 58, 2, 4, 41, 47, 50, 51, 59, 89, 94, 103, 132, 200, 255, 0][..],
    )
}

fn packet() -> impl Strategy<Value = Step> {
    let family = any::<bool>().prop_flat_map(|v6| {
        let of = move |list: &[&'static str]| {
            let of_family = list.iter().filter(|text| text.contains(':') == v6);
            select(of_family.copied().collect::<Vec<_>>())
        };
        (of(&SOURCES), of(&DESTINATIONS))
    });
    let ports = (select(&[1000u16, 1001, 67, 0][..]), select(&[22u16, 80, 123, 67, NETBIOS, 0][..]));
    let flags = prop_oneof![2 => Just(SYN), 1 => any::<u8>()];
    let ttl = select(&[64u8, 64, 64, 64, 64, 64, 64, 0, 1, 2, 255, 255][..]);
    let station = prop_oneof![10 => Just(Station::Own), 1 => Just(Station::All), 1 => Just(Station::Group)];
    let len = prop_oneof![2 => Just(24u16), 1 => Just(0), 1 => Just(7), 1 => 980u16..1010];
    let options = prop_oneof![4 => Just(&[][..]), 1 => select(&OPTIONS[..])];
    let message =
        (any::<[bool; 2]>(), select(&MESSAGES[..]), select(&MESSAGES6[..]), select(&[0u8, 0, 3][..]));
    let shape = ((ttl, station, len, options), ports, flags, message);
    ((0usize..4, 0usize..4), family, protocol(), shape).prop_map(
        |((from, other), (src, dst), proto, ((ttl, station, len, options), ports, flags, message))| {
            let addr =
                |text: &str| ip(&text.replace('$', &from.to_string()).replace('%', &other.to_string()));
            let (src, dst) = (addr(src), addr(dst));
            let v6 = src.is_ipv6();
            // Numbers of headers that would be walked over.
            let proto = if v6 && proto == 0 { 255 } else { proto };
            let ([is_echo, is_reply], kind4, kind6, code) = message;
            let is_own_icmp = proto == if v6 { 58 } else { 1 };
            let kind = if proto == 1 { kind4 } else { kind6 };
            let message = (matches!(proto, 1 | 58) && !(is_echo && is_own_icmp)).then_some((kind, code));
            let (sport, dport) = match (proto, message) {
                (6 | 17, _) => ports,
                (_, Some((kind, code))) => (u16::from(kind) << 8 | u16::from(code), 1),
                (1 | 58, None) if is_reply => (0, 7),
                (1 | 58, None) => (7, 0),
                // Of the data that it is made of.
                (132, _) => (0x0707, 0x0707),
                _ => (0, 0),
            };
            let tcp = (proto == 6).then(|| Segment::of(flags));
            let options = if v6 { &[] } else { options };
            let packet = Packet { src, dst, proto, sport, dport, tcp, len, options, ttl, station, message };
            Step::Fresh(from, packet)
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = select(&[10u64, 300, 1000, 2500, 20_000, 61_000][..]).prop_map(Step::Wait);
    let again = (0usize..6).prop_map(Step::Again);
    let back = (0usize..6).prop_map(Step::Back);
    let own = packet().prop_map(|step| match step {
        Step::Fresh(unit, packet) => Step::Own(unit, from_kernel(unit, packet)),
        other => other,
    });
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
    let step =
        prop_oneof![12 => packet(), 3 => own, 3 => again, 4 => back, 2 => error, 1 => wait, 1 => press];
    vec(step, 1..60)
}

/// The same as the firewall sends it: from an address of its.
fn from_kernel(unit: usize, packet: Packet) -> Packet {
    let src = if packet.src.is_ipv4() { format!("10.{unit}.0.1") } else { format!("2001:db8:{unit}::1") };
    let tcp = packet.tcp.map(|_| Segment::of(SYN));
    Packet { src: ip(&src), tcp, station: Station::Own, ..packet }
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
        Step::Wait(_) | Step::Press(_) | Step::Error { .. } => None,
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

/// What left is what came, one hop older; the firewall gets it as it came.
fn as_it_came(from: From, packet: &Packet, (outcome, left): &(Outcome, Option<Vec<u8>>)) -> bool {
    let whole = |packet: &Packet| frame(packet)[14..].to_vec();
    match (outcome, left) {
        (Outcome::Left { packet: left, .. }, Some(bytes)) => {
            let hops = u8::from(matches!(from, From::Port(_)));
            bytes[14..] == whole(&Packet { ttl: packet.ttl - hops, ..*left })
        }
        // Its urgent flag may be gone.
        (Outcome::Host, Some(_)) if packet.tcp.is_some() && packet.dport == NETBIOS => true,
        (Outcome::Host, Some(bytes)) => bytes[14..] == whole(packet),
        (_, left) => left.is_none(),
    }
}

fn hits(plane: &SimPlane) -> BTreeMap<(String, Screen), u64> {
    let (rules, counters) = (plane.rules().unwrap(), plane.telemetry().screens().unwrap());
    let of_zone = |zone| called(&zone_name(&rules, zone));
    counters.iter().flat_map(|c| c.hits.iter().map(|(s, n)| ((of_zone(c.zone), *s), *n))).collect()
}

/// The zone of a unit.
fn called(unit: &str) -> String {
    UNITS.iter().position(|name| *name == unit).map_or("", |at| ZONES[at]).to_owned()
}

fn drops(plane: &SimPlane) -> BTreeMap<DropReason, u64> {
    let drops = plane.telemetry().global().unwrap().drops;
    DropReason::ALL.iter().map(|reason| (*reason, drops[reason.index()])).filter(|(_, n)| *n > 0).collect()
}

/// What became of the error of a step, if it can be told.
fn agree_on_error(
    plane: &SimPlane,
    model: &mut Model<'_>,
    about: (usize, usize),
    told: &Told,
) -> Result<Option<ErrorOutcome>, TestCaseError> {
    let Some((from, error)) = error(model, about, told) else { return Ok(None) };
    let kind = if error.src.is_ipv4() { told.kinds.0 } else { told.kinds.1 };
    let sent = error_frame(&error, (kind, told.code), (told.ttl, told.cut));
    let got = error_outcome_of(plane, from, &error, &sent);
    if got != ErrorOutcome::Dropped(DropReason::Overload) {
        let expected = model.error_in(UNITS[from], &error, &sent.0);
        prop_assert_eq!(bare(got), bare(expected), "{:?} {:?} at {}", error, told, from);
    }
    Ok(Some(got))
}

/// Events of sessions, of denied packets and of screens, in any order.
fn agree_on_what_is_told(plane: &SimPlane, model: &Model<'_>) -> Result<(), TestCaseError> {
    let (mut got, notices) = told(plane);
    let mut should = model.told().to_vec();
    got.sort();
    should.sort();
    prop_assert_eq!(got, should);
    let named = |(of, unit, screen, is_stopped): Notice| (of, called(&unit), screen, is_stopped);
    let mut notices: Vec<_> = notices.into_iter().map(named).collect();
    let mut should = model.notices().to_vec();
    notices.sort();
    should.sort();
    prop_assert_eq!(notices, should);
    Ok(())
}

proptest! {
    #![proptest_config(runs(43, 800))]
    #[test]
    fn engine_and_model_agree_on_packets_of_every_kind(
        text in config(), steps in steps(), (workers, burst) in prop_oneof![(Just(1u8), 1usize..12), (2u8..=4, Just(1))],
    ) {
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let mut model = Model::new(&config);
        let mut dropped: BTreeMap<DropReason, u64> = BTreeMap::new();
        wait(&plane, &mut model, 5000);
        let mut steps_left = &steps[..];
        while let Some(first) = steps_left.first() {
            if let Step::Wait(ms) = *first {
                wait(&plane, &mut model, ms);
                while model.since_aged() < 3000 {
                    wait(&plane, &mut model, 1000);
                }
                steps_left = &steps_left[1..];
                continue;
            }
            if let Step::Press(pressed) = *first {
                plane.workers().press(pressed);
                steps_left = &steps_left[1..];
                continue;
            }
            if let Step::Error { session, way, told } = first {
                steps_left = &steps_left[1..];
                let Some(outcome) = agree_on_error(&plane, &mut model, (*session, *way), told)? else { continue };
                match outcome {
                    // Before its screens or behind them.
                    ErrorOutcome::Dropped(DropReason::Overload) => return Ok(()),
                    ErrorOutcome::Dropped(reason) => *dropped.entry(reason).or_default() += 1,
                    ErrorOutcome::Left(_) | ErrorOutcome::Host => {}
                }
                continue;
            }
            let is_sent = |step: &&Step| !matches!(step, Step::Wait(_) | Step::Press(_) | Step::Error { .. });
            let count = steps_left.iter().take_while(is_sent).take(burst).count();
            let packets: Vec<_> = steps_left[..count].iter().filter_map(|step| sent(step, &model)).collect();
            steps_left = &steps_left[count..];
            for ((from, packet), got) in packets.iter().zip(outcomes(&plane, &packets)) {
                if let Outcome::Dropped(reason) = got.0 {
                    *dropped.entry(reason).or_default() += 1;
                }
                if let (Outcome::Dropped(DropReason::Overload), From::Port(port)) = (&got.0, from)
                    && model.may_be_shed(UNITS[*port], packet)
                {
                    if model.knows(UNITS[*port], packet) {
                        return Ok(());
                    }
                    continue;
                }
                let judged = match *from {
                    From::Port(port) => model.agrees(UNITS[port], packet, &got.0),
                    From::Host(unit) => model.agrees_own(UNITS[unit], packet, &got.0),
                };
                if model.is_open() {
                    return Ok(());
                }
                prop_assert_eq!(judged, Ok(()), "{:?} of {:?} at {:?} in {:?} under\n{}", got.0, packet, from, packets, text);
                prop_assert!(as_it_came(*from, packet, &got), "{:?} of {:?}", got, packet);
            }
            prop_assert_eq!(shown(&plane), expected(&model), "after {:?} of {:?} under\n{}", packets, steps, text);
        }
        prop_assert_eq!(drops(&plane), dropped, "after {:?} under\n{}", steps, text);
        prop_assert_eq!(&hits(&plane), model.hits(), "after {:?} under\n{}", steps, text);
        agree_on_what_is_told(&plane, &model)?;
    }
}
