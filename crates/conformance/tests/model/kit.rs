//! A simulator under a configuration, and what becomes of packets there.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_conformance::model::{ErrorOutcome, IcmpError, Outcome, Packet, Segment, Station};
use ravelin_contract::DataPlane;
use ravelin_engine::{Checksum, Egress, Ingress, Limits, Rules, Verdict};
use ravelin_model::{Config, check, load};
use ravelin_sim::{Sent, SentTo, SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Addr, Family, Generation, Mac, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, Network, checksum, parse, parse_ip, put_u16, u16_at, u32_at};

use crate::said::Said;

/// The same runs each time, so that a change alone can make one fail; a soak, which says how many, has others each time.
pub fn runs(seed: u64, cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig { cases: asked.cases.max(cases), ..asked },
        None => ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), ..asked },
    }
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn plane(config: &Config, workers: u8) -> SimPlane {
    plane_of(config, workers).0
}

/// And the book of its ids, for commits to come.
pub fn plane_of(config: &Config, workers: u8) -> (SimPlane, IdBook) {
    plane_by(config, workers, Checksum::Unverified)
}

/// On links that say this of a packet's checksum.
pub fn plane_by(config: &Config, workers: u8, checksum: Checksum) -> (SimPlane, IdBook) {
    let limits = Limits { sessions: 1024, events: 4096 };
    // What is recorded takes the whole path, the rest the express path where it may.
    let recorded = workers.is_multiple_of(2);
    let plane = SimWorkers::plane(SimSetup { workers, limits, checksum, recorded, ..SimSetup::default() });
    let mut book = IdBook::default();
    commit(&plane, config, (&mut book, 1));
    (plane, book)
}

/// A configuration is in force from now on, the one of this number.
pub fn commit(plane: &SimPlane, config: &Config, (book, number): (&mut IdBook, u64)) {
    let valid = check(config.clone()).unwrap_or_else(|errors| panic!("the generator is wrong: {errors:?}"));
    let program = compile(&valid, &Resolved::virtual_ports(&valid), book, Generation(number)).unwrap();
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, book)).unwrap();
}

pub fn frame(packet: &Packet) -> Vec<u8> {
    let ((family, src), (_, dst)) = (Addr::from_ip(packet.src), Addr::from_ip(packet.dst));
    let data = vec![7; usize::from(packet.len)];
    let payload = match (Proto(packet.proto), packet.tcp) {
        (Proto::TCP, Some(tcp)) => segment((packet.sport, packet.dport), &tcp),
        (Proto::UDP, _) => Payload::udp(packet.sport, packet.dport, &data),
        (own, _) if packet.message.is_some() => {
            let (kind, code) = packet.message.unwrap();
            Payload { proto: own, ..Payload::icmp(family, kind, code, 0, &data) }
        }
        (Proto::ICMP | Proto::ICMPV6, _) => echo(family, packet, &data),
        (proto, _) => Payload::raw(proto, &data),
    };
    let dst_mac = match packet.station {
        Station::Own => Mac([2, 0, 0, 0, 1, 2]),
        Station::All => Mac([255; 6]),
        Station::Group => Mac([1, 0, 0x5e, 0, 0, 5]),
    };
    let fragment = if packet.dont_fragment { 0x4000 } else { 0 };
    let ip = Ip { ttl: packet.ttl, dst_mac, fragment, ..Ip::new(family, src, dst) };
    let mut frame = build::frame(&ip, &payload);
    of_service(&mut frame, packet.tos);
    if !packet.options.is_empty() {
        let options = packet.options;
        frame.splice(34..34, options.iter().copied());
        frame[14] = 0x45 + (options.len() / 4) as u8;
        let total = (frame.len() - 14) as u16;
        put_u16(&mut frame, 16, total);
        put_u16(&mut frame, 24, 0);
        let sum = !checksum::fold(checksum::sum(&frame[14..34 + options.len()]));
        put_u16(&mut frame, 24, sum);
    }
    frame
}

/// Puts the byte of its service into a frame.
fn of_service(frame: &mut [u8], tos: u8) {
    if frame[14] >> 4 == 6 {
        (frame[14], frame[15]) = (0x60 | tos >> 4, tos << 4);
        return;
    }
    frame[15] = tos;
    put_u16(frame, 24, 0);
    let sum = !checksum::fold(checksum::sum(&frame[14..34]));
    put_u16(frame, 24, sum);
}

/// A request, or the reply that has its identifier as destination port.
fn echo(family: Family, packet: &Packet, data: &[u8]) -> Payload {
    let kind = match (family, packet.dport) {
        (Family::V4, 0) => 8,
        (Family::V4, _) => 0,
        (Family::V6, 0) => 128,
        (Family::V6, _) => 129,
    };
    Payload::icmp(family, kind, 0, u32::from(packet.sport | packet.dport) << 16, data)
}

fn segment((sport, dport): (u16, u16), tcp: &Segment) -> Payload {
    let data = vec![7; usize::from(tcp.len)];
    let mut payload = Payload::tcp_segment(sport, dport, tcp.flags, tcp.seq, tcp.ack, &data);
    put_u16(&mut payload.bytes, 14, tcp.window);
    if let Some(scale) = tcp.scale {
        payload.bytes.splice(20..20, [1, 3, 3, scale]);
    }
    if let Some(edge) = tcp.sack {
        let block = [edge.wrapping_sub(1).to_be_bytes(), edge.to_be_bytes()].concat();
        payload.bytes.splice(20..20, [&[1, 1, 5, 10][..], &block].concat());
    }
    payload.bytes[12] = ((20 + tcp.options()) as u8 / 4) << 4;
    payload
}

/// What a TCP header says, read from the bytes.
fn read(tcp: &[u8]) -> Segment {
    let header = usize::from(tcp[12] >> 4) * 4;
    Segment {
        flags: tcp[13],
        seq: u32_at(tcp, 4),
        ack: u32_at(tcp, 8),
        window: u16_at(tcp, 14),
        // A segment of the model has one of the two.
        scale: (header == 24).then(|| tcp[23]),
        sack: (header == 32).then(|| u32_at(tcp, 28)),
        len: (tcp.len() - header) as u16,
    }
}

/// What becomes of a packet that arrives at the port of this number.
pub fn outcome(plane: &SimPlane, from: usize, packet: &Packet) -> Outcome {
    run(plane, &[(From::Port(from), *packet)]).fates.remove(0).outcome
}

/// Where a packet comes from: the wire at the port of this number, or the kernel by the unit there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Port(usize),
    Host(usize),
}

/// What became of a packet, and the frames that left of it: several, when it was cut.
#[derive(Clone, Debug)]
pub struct Fate {
    pub outcome: Outcome,
    pub left: Vec<Vec<u8>>,
}

/// What became of the packets of a batch, and what the firewall said.
#[derive(Clone, Debug)]
pub struct Run {
    pub fates: Vec<Fate>,
    pub said: Vec<Said>,
    /// Copies for mirrors, by the port that they left by.
    pub copies: Vec<(String, Vec<u8>)>,
}

/// Packets in one batch. What the firewall sends of its own comes behind those of the batch itself, in the order of what it is about.
pub fn run(plane: &SimPlane, packets: &[(From, Packet)]) -> Run {
    let rules = plane.rules().unwrap();
    let ingress = |from: From| match from {
        From::Port(n) => Ingress::Port(rules.ports().find(|p| p.name == format!("ge-0/0/{n}")).unwrap().id),
        From::Host(n) => Ingress::Host(rules.units().find(|u| u.name == format!("ge-0/0/{n}.0")).unwrap().id),
    };
    let frames: Vec<_> = packets.iter().map(|(from, packet)| (ingress(*from), frame(packet))).collect();
    let frames: Vec<_> = frames.iter().map(|(ingress, frame)| (*ingress, &frame[..])).collect();
    let (verdicts, sent, _) = plane.workers().run_batch(&frames);
    let (copies, mut sent): (Vec<_>, Vec<_>) = sent.into_iter().partition(|sent| sent.mirror.is_some());
    let port = |to: SentTo| match to {
        SentTo::Port(id) => rules.port(id).unwrap().name.clone(),
        SentTo::Host(_) => unreachable!("the kernel gets no copies"),
    };
    let copies = copies.into_iter().map(|copy| (port(copy.to), copy.frame)).collect();
    let whole = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Send { .. })).count();
    let (pieces, own): (Vec<_>, Vec<_>) =
        sent.split_off(whole).into_iter().partition(|sent| cut_at(&sent.frame) != (0, false));
    let (mut sent, mut pieces) = (sent.into_iter(), pieces.into_iter());
    let (mut fates, mut said) = (Vec::new(), Vec::new());
    for (verdict, (_, packet)) in verdicts.iter().zip(packets) {
        let mut left: Vec<Vec<u8>> = Vec::new();
        let mut unit = None;
        match verdict {
            Verdict::Send { .. } => left.push(sent.next().unwrap().frame),
            Verdict::Consume => {
                while left.last().is_none_or(|last| cut_at(last).1)
                    && let Some(piece) = pieces.next()
                {
                    unit = Some(rules.unit(piece.unit).unwrap().name.clone());
                    left.push(piece.frame);
                }
            }
            Verdict::Drop(_) | Verdict::HandOver(_) => {}
        }
        let outcome = match unit {
            Some(unit) => Outcome::Left { unit, packet: read_left(&joined(&left), packet) },
            None => read_outcome(&rules, *verdict, packet, left.first()),
        };
        fates.push(Fate { outcome, left });
    }
    for answer in own {
        let to_kernel = matches!(answer.to, SentTo::Host(_));
        let unit = rules.unit(answer.unit).unwrap().name.clone();
        said.push(Said { unit, to_kernel, frame: answer.frame });
    }
    Run { fates, said, copies }
}

/// Which piece a frame is: its offset in units of eight bytes, and whether more are to come.
fn cut_at(frame: &[u8]) -> (u16, bool) {
    let l3_at = usize::from(parse(frame).unwrap().l3_at);
    let word = if frame[l3_at] >> 4 == 4 { u16_at(frame, l3_at + 6) } else { 0 };
    (word & 0x1fff, word & 0x2000 != 0)
}

/// The datagram that pieces are of, behind the link header of the first.
pub fn joined(pieces: &[Vec<u8>]) -> Vec<u8> {
    let [first, later @ ..] = pieces else { return Vec::new() };
    let mut whole = first.clone();
    let at = parse(first).unwrap();
    let l3_at = usize::from(at.l3_at);
    for piece in later {
        let network = parse(piece).unwrap().network.unwrap();
        whole.extend(&piece[usize::from(network.l4_at)..usize::from(network.end)]);
    }
    if !later.is_empty() {
        let (header, total) = (usize::from(at.network.unwrap().l4_at), (whole.len() - l3_at) as u16);
        put_u16(&mut whole, l3_at + 2, total);
        put_u16(&mut whole, l3_at + 6, 0);
        put_u16(&mut whole, l3_at + 10, 0);
        let sum = !checksum::fold(checksum::sum(&whole[l3_at..header]));
        put_u16(&mut whole, l3_at + 10, sum);
    }
    whole
}

/// A packet of the kind of `like` as it left.
fn read_left(frame: &[u8], like: &Packet) -> Packet {
    let network = parse(frame).unwrap().network.unwrap();
    let tcp = like.tcp.map(|_| read(&frame[usize::from(network.l4_at)..usize::from(network.end)]));
    Packet { tcp, ..read_packet(&network, like) }
}

fn read_outcome(rules: &Rules, verdict: Verdict, packet: &Packet, frame: Option<&Vec<u8>>) -> Outcome {
    match verdict {
        Verdict::Send { egress: Egress::Port(_), unit, .. } => {
            let packet = read_left(frame.unwrap(), packet);
            Outcome::Left { unit: rules.unit(unit).unwrap().name.clone(), packet }
        }
        Verdict::Send { egress: Egress::Host(_), .. } => Outcome::Host,
        Verdict::Drop(reason) => Outcome::Dropped(reason),
        Verdict::Consume => Outcome::Answered,
        other => panic!("{other:?} is no outcome of the model"),
    }
}

/// What is the same in every packet of a flow, of one of the kind of `like`.
pub fn read_packet(network: &Network, like: &Packet) -> Packet {
    let (sport, dport) = match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } | L4::Sctp { sport, dport } => (sport, dport),
        L4::Icmp { kind, code, .. } if like.message.is_some() => (u16::from(kind) << 8 | u16::from(code), 1),
        L4::Icmp { id, kind: 0 | 129, .. } => (0, id),
        L4::Icmp { id, .. } => (id, 0),
        L4::Opaque | L4::Spi(_) => (0, 0),
    };
    let (src, dst) = (network.src.to_ip(network.family), network.dst.to_ip(network.family));
    Packet { src, dst, sport, dport, proto: network.proto.0, ..*like }
}

/// What becomes of an ICMP error that arrives at the port of this number: a host is not to be had. The frames that left of it, too.
pub fn error_outcome(plane: &SimPlane, from: usize, error: &IcmpError) -> (ErrorOutcome, Vec<Vec<u8>>) {
    let shape = (unreachable_host(error), (64, None));
    let (outcome, (_, left)) = error_outcome_of(plane, from, error, &error_frame(error, shape.0, shape.1));
    (outcome, left)
}

/// The message that says so.
pub fn unreachable_host(error: &IcmpError) -> (u8, u8) {
    if error.src.is_ipv4() { (3, 1) } else { (1, 3) }
}

/// Whether an error that left is what came with the ends that the model gives it, and those of its quote, to the last byte. Between families
/// more than that is another.
pub fn is_error_as_told(
    error: &IcmpError,
    (message, (ttl, cut)): ((u8, u8), (u8, Option<usize>)),
    expected: &ErrorOutcome,
    left: &[Vec<u8>],
) -> bool {
    let ErrorOutcome::Left(told) = expected else { return true };
    if told.src.is_ipv4() != error.src.is_ipv4() {
        return true;
    }
    let Packet { src, dst, sport, dport, .. } = told.quoted;
    // Of messages that are no echo the kind stands there.
    let (sport, dport) = match error.quoted.message {
        Some(_) => (error.quoted.sport, error.quoted.dport),
        None => (sport, dport),
    };
    let quoted = Packet { src, dst, sport, dport, ..error.quoted };
    let told = IcmpError { quoted, ..*told };
    let (_, frame) = error_frame(&told, message, (ttl - 1, cut));
    let whole = joined(left);
    whole.get(14..) == frame.get(14..)
}

/// An error of a kind, with so many hops to go; its quote is cut behind so many bytes of what its transport begins with.
pub fn error_frame(
    error: &IcmpError,
    message: (u8, u8),
    (ttl, cut): (u8, Option<usize>),
) -> (Packet, Vec<u8>) {
    let mut quote = frame(&error.quoted)[14..].to_vec();
    if error.is_nested {
        // The sender of what is quoted complains of the packet itself.
        quote = about((error.quoted.src, error.quoted.dst), message, (64, &quote))[14..].to_vec();
    }
    let header = if error.src.is_ipv4() { 20 + error.quoted.options.len() } else { 40 };
    quote.truncate(cut.map_or(usize::MAX, |cut| header + cut));
    let (kind, code) = message;
    let packet = Packet {
        src: error.src,
        dst: error.dst,
        proto: if error.src.is_ipv4() { 1 } else { 58 },
        sport: u16::from(kind) << 8 | u16::from(code),
        dport: 1,
        len: quote.len() as u16,
        ttl,
        message: Some(message),
        ..Packet::PLAIN
    };
    (packet, about((error.src, error.dst), message, (ttl, &quote)))
}

/// What becomes of it where it arrives; the unit, and the frames that left: several, when it was cut.
pub fn error_outcome_of(
    plane: &SimPlane,
    from: usize,
    error: &IcmpError,
    (_, bytes): &(Packet, Vec<u8>),
) -> (ErrorOutcome, (String, Vec<Vec<u8>>)) {
    let rules = plane.rules().unwrap();
    let port = rules.ports().find(|p| p.name == format!("ge-0/0/{from}")).unwrap().id;
    let (verdicts, mut sent, _) = plane.workers().run_batch(&[(Ingress::Port(port), bytes)]);
    sent.retain(|sent| sent.mirror.is_none());
    let outcome = match verdicts[0] {
        Verdict::Send { egress: Egress::Port(_), .. } | Verdict::Consume => {
            let left = joined(&sent.iter().map(|sent| sent.frame.clone()).collect::<Vec<_>>());
            let outer = parse(&left).unwrap().network.unwrap();
            let quote = &left[usize::from(outer.l4_at) + 8..usize::from(outer.end)];
            let quoted = read_packet(&parse_ip(quote, outer.family).unwrap(), &error.quoted);
            let (src, dst) = (outer.src.to_ip(outer.family), outer.dst.to_ip(outer.family));
            ErrorOutcome::Left(IcmpError { src, dst, quoted, is_nested: false })
        }
        Verdict::Send { egress: Egress::Host(_), .. } => ErrorOutcome::Host,
        Verdict::Drop(reason) => ErrorOutcome::Dropped(reason),
        other => panic!("{other:?} is no outcome of the model"),
    };
    let is_cut = |sent: &Sent| cut_at(&sent.frame) != (0, false);
    assert!(sent.len() <= 1 || sent.iter().all(is_cut), "nothing is said about an error");
    let unit = sent.first().map(|sent| rules.unit(sent.unit).unwrap().name.clone());
    (outcome, (unit.unwrap_or_default(), sent.into_iter().map(|sent| sent.frame).collect()))
}

fn about((src, dst): (IpAddr, IpAddr), (kind, code): (u8, u8), (ttl, quote): (u8, &[u8])) -> Vec<u8> {
    let (family, src) = Addr::from_ip(src);
    let ip = Ip { ttl, ..Ip::new(family, src, Addr::from_ip(dst).1) };
    build::frame(&ip, &Payload::icmp(family, kind, code, 0, quote))
}

/// Without what a quote need not show.
pub fn bare(outcome: ErrorOutcome) -> ErrorOutcome {
    match outcome {
        ErrorOutcome::Left(error) => {
            let quoted = Packet { tcp: None, len: 0, ..error.quoted };
            ErrorOutcome::Left(IcmpError { quoted, ..error })
        }
        other => other,
    }
}

pub fn loaded(text: &str) -> Config {
    let result = load(text).result;
    let valid = result.unwrap_or_else(|errors| panic!("the generator is wrong: {errors:?}\n{text}"));
    valid.get().clone()
}
