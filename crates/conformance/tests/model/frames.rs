//! Frames whose lengths disagree, cut off at any byte or with something behind, with the tag of a unit, of another one, of none, of a priority
//! and two of them: of live sessions between tagged and untagged units of several ports, translated or not, and with the firewall itself. What
//! becomes of each, byte for byte with its link header, is as RFC 791, 768, 8200, 2675, 9293 and IEEE 802.1Q have it, on the short way, on the
//! long one and under pressure; and so are the counters of the units. Spec: flow-4, flow-29, flow-42.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_engine::{Checksum, Ingress, Verdict};
use ravelin_sim::{SentTo, SimPlane};
use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{checksum, put_u16};

use crate::kit::{ip, loaded, plane_by, runs};
use crate::said::{Said, Tap};

mod naive;

use naive::{Fate, fate};

/// Two tagged units of one port, an untagged one of another, and two tagged ones of a third; each has a zone of its own.
const TEXT: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 vlan-tagging
set interfaces ge-0/0/0 unit 100 vlan-id 100
set interfaces ge-0/0/0 unit 100 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 100 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/0 unit 200 vlan-id 200
set interfaces ge-0/0/0 unit 200 family inet address 10.2.0.1/24
set interfaces ge-0/0/0 unit 200 family inet6 address 2001:db8:2::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/2 vlan-tagging
set interfaces ge-0/0/2 unit 300 vlan-id 300
set interfaces ge-0/0/2 unit 300 family inet address 10.3.0.1/24
set interfaces ge-0/0/2 unit 300 family inet6 address 2001:db8:3::1/64
set interfaces ge-0/0/2 unit 7 vlan-id 301
set interfaces ge-0/0/2 unit 7 family inet address 10.4.0.1/24
set interfaces ge-0/0/2 unit 7 family inet6 address 2001:db8:4::1/64
set security zones security-zone a interfaces ge-0/0/0.100
set security zones security-zone a host-inbound-traffic system-services any-service
set security zones security-zone b interfaces ge-0/0/0.200
set security zones security-zone b host-inbound-traffic system-services any-service
set security zones security-zone c interfaces ge-0/0/1.0
set security zones security-zone d interfaces ge-0/0/2.300
set security zones security-zone e interfaces ge-0/0/2.7
";

/// The fifth host of the first network is known by other addresses in the second.
const NAT: &str = "\
set security nat static rule-set s from zone c
set security nat static rule-set s rule r match destination-address 10.1.0.50/32
set security nat static rule-set s rule r then static-nat prefix 10.0.0.5/32
set security nat static rule-set s rule q match destination-address 2001:db8:1::50/128
set security nat static rule-set s rule q then static-nat prefix 2001:db8::5/128
";

/// Name, port, tag and network.
pub const UNITS: [(&str, usize, Option<u16>, u8); 5] = [
    ("ge-0/0/0.100", 0, Some(100), 0),
    ("ge-0/0/0.200", 0, Some(200), 2),
    ("ge-0/0/1.0", 1, None, 1),
    ("ge-0/0/2.300", 2, Some(300), 3),
    ("ge-0/0/2.7", 2, Some(301), 4),
];
const PROTOCOLS: [u8; 5] = [6, 17, 1, 47, 132];

/// A conversation: of a host behind one of the first two units with one behind another, or with the firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Talk {
    pub is_v6: bool,
    pub proto: u8,
    /// Among [`UNITS`].
    pub from: usize,
    /// `None`: the firewall itself.
    pub to: Option<usize>,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    Nothing,
    /// What the network header says of its length, so much more or less than there is.
    Length(i32),
    /// Of IPv4: words of header.
    Words(u8),
    Version(u8),
    HeaderSum,
    /// What UDP says of its length.
    Udp(u16),
    /// Of TCP: words of header.
    Offset(u8),
    /// Cut off behind so many bytes of the frame.
    Cut(usize),
    /// A jumbo payload option in front of the transport header; with a length beside it or without.
    Jumbo(bool),
}

/// The tag of a frame.
#[derive(Clone, Copy, Debug)]
pub enum Tag {
    Own,
    None,
    /// That number, with this priority.
    Of(u16, u8),
    /// And another one in it, behind this EtherType.
    Two(u16),
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    way: usize,
    len: usize,
    wrong: Wrong,
    tag: Tag,
    /// Bytes behind.
    padding: usize,
}

fn talk() -> impl Strategy<Value = Talk> {
    let to = prop_oneof![3 => Just(Some(2usize)), 2 => Just(Some(3)), 1 => Just(None)];
    (any::<bool>(), select(&PROTOCOLS[..]), 0usize..2, to).prop_map(|(is_v6, proto, from, to)| Talk {
        is_v6,
        proto,
        from,
        to,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let wrong = prop_oneof![
        4 => Just(Wrong::Nothing),
        4 => prop_oneof![-70i32..12, select(&[-1i32, 1, -8, -20, 65_000][..])].prop_map(Wrong::Length),
        1 => select(&[0u8, 1, 4, 15][..]).prop_map(Wrong::Words),
        1 => select(&[0u8, 4, 5, 6, 15][..]).prop_map(Wrong::Version),
        1 => Just(Wrong::HeaderSum),
        2 => prop_oneof![0u16..60, select(&[0u16, 7, 8, 9, 65_535][..])].prop_map(Wrong::Udp),
        2 => (0u8..16).prop_map(Wrong::Offset),
        2 => (0usize..90).prop_map(Wrong::Cut),
        1 => any::<bool>().prop_map(Wrong::Jumbo),
    ];
    let tag = prop_oneof![
        12 => Just(Tag::Own),
        1 => Just(Tag::None),
        3 => (select(&[0u16, 1, 100, 200, 300, 301, 4095][..]), select(&[0u8, 5, 15][..])).prop_map(|(id, p)| Tag::Of(id, p)),
        1 => select(&[0x8100u16, 0x88a8][..]).prop_map(Tag::Two),
    ];
    let padding = prop_oneof![2 => Just(0usize), 1 => 1usize..30];
    (0usize..2, prop_oneof![0usize..30, Just(90)], wrong, tag, padding)
        .prop_map(|(way, len, wrong, tag, padding)| Shape { way, len, wrong, tag, padding })
}

impl Talk {
    fn host(&self, unit: usize, host: u8) -> Addr {
        let net = UNITS[unit].3;
        let text =
            if self.is_v6 { format!("2001:db8:{net}::{host:x}") } else { format!("10.{net}.0.{host}") };
        Addr::from_ip(ip(&text)).1
    }

    pub const fn family(&self) -> Family {
        if self.is_v6 { Family::V6 } else { Family::V4 }
    }

    /// Its two ends, as the opener knows them.
    pub fn ends(&self) -> (Addr, Addr) {
        // Of one protocol alone to the firewall's own address, which has but one.
        let to = self.to.map_or_else(|| self.host(self.from, 1), |to| self.host(to, 9));
        (self.host(self.from, 5), to)
    }

    /// The opener as the other end knows it.
    pub fn known(&self, nat: bool) -> Addr {
        if !nat || self.from != 0 || self.to != Some(2) {
            return self.ends().0;
        }
        Addr::from_ip(ip(if self.is_v6 { "2001:db8:1::50" } else { "10.1.0.50" })).1
    }

    /// The unit that its packets of a way come by.
    pub fn unit(&self, way: usize) -> usize {
        if way == 0 { self.from } else { self.to.expect("the firewall sends nothing here") }
    }

    fn payload(&self, way: usize, flags: u8, len: usize) -> Payload {
        let data = vec![7; len];
        let (sport, dport) = if way == 0 { (1000, 80) } else { (80, 1000) };
        let (seq, ack) = match (way, flags) {
            (0, 2) => (99, 0),
            (0, _) => (100, 500),
            (_, 0x12) => (499, 100),
            _ => (500, 100),
        };
        match self.proto {
            6 => Payload::tcp_segment(sport, dport, flags, seq, ack, &data),
            17 => Payload::udp(sport, dport, &data),
            1 => {
                let kinds = if self.is_v6 { [128, 129] } else { [8, 0] };
                Payload::icmp(self.family(), kinds[way], 0, 7 << 16, &data)
            }
            // Ports stand where those of UDP do.
            132 => Payload { proto: Proto(132), ..Payload::udp(sport, dport, &data) },
            proto => Payload::raw(Proto(proto), &data),
        }
    }

    /// A proper datagram.
    fn datagram(&self, way: usize, nat: bool, (flags, len): (u8, usize)) -> Vec<u8> {
        let (client, server) = self.ends();
        let (src, dst) = if way == 0 { (client, server) } else { (server, self.known(nat)) };
        build::datagram(&Ip::new(self.family(), src, dst), &self.payload(way, flags, len))
    }

    /// A frame, and the port that it comes by.
    fn frame(&self, shape: &Shape, nat: bool, flags: u8) -> (usize, Vec<u8>) {
        let (_, port, own, _) = UNITS[self.unit(shape.way)];
        // Sixty bytes of header are more than there is.
        let len = if matches!(shape.wrong, Wrong::Words(15)) { shape.len % 16 } else { shape.len };
        let mut bytes = self.datagram(shape.way, nat, (flags, len));
        spoil(&mut bytes, self, shape.wrong);
        bytes.extend(vec![0xee; shape.padding]);
        let kind = if self.is_v6 { [0x86, 0xdd] } else { [8, 0] };
        let tag =
            |id: u16, priority: u8| [[0x81, 0], (id | u16::from(priority) << 12).to_be_bytes()].concat();
        let tags = match shape.tag {
            Tag::Own => own.map(|id| tag(id, 0)).unwrap_or_default(),
            Tag::None => Vec::new(),
            Tag::Of(id, priority) => tag(id, priority),
            Tag::Two(kind) => {
                [kind.to_be_bytes().to_vec(), own.unwrap_or(0).to_be_bytes().to_vec(), tag(100, 0)].concat()
            }
        };
        let mut frame = [&[2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1][..], &tags, &kind, &bytes].concat();
        if let Wrong::Cut(at) = shape.wrong {
            frame.truncate(at);
        }
        (port, frame)
    }
}

fn spoil(bytes: &mut Vec<u8>, talk: &Talk, wrong: Wrong) {
    let l4_at = if talk.is_v6 { 40 } else { 20 };
    match wrong {
        Wrong::Nothing | Wrong::Cut(_) => return,
        Wrong::Length(by) => {
            let (at, from) = if talk.is_v6 { (4, bytes.len() - 40) } else { (2, bytes.len()) };
            put_u16(bytes, at, (from as i32 + by).clamp(0, 65_535) as u16);
        }
        Wrong::Words(words) if !talk.is_v6 => bytes[0] = bytes[0] & 0xf0 | words,
        Wrong::Version(version) => bytes[0] = bytes[0] & 0x0f | version << 4,
        Wrong::HeaderSum if !talk.is_v6 => bytes[10] ^= 1,
        Wrong::Udp(len) if talk.proto == 17 => put_u16(bytes, l4_at + 4, len),
        Wrong::Offset(words) if talk.proto == 6 => bytes[l4_at + 12] = words << 4,
        Wrong::Jumbo(has_length) if talk.is_v6 => {
            let option = [bytes[6], 0, 0xc2, 4, 0, 1, 0, 0];
            let len = (bytes.len() - 40 + option.len()) as u16;
            bytes[6] = 0;
            put_u16(bytes, 4, if has_length { len } else { 0 });
            bytes.splice(40..40, option);
        }
        Wrong::Words(_) | Wrong::HeaderSum | Wrong::Udp(_) | Wrong::Offset(_) | Wrong::Jumbo(_) => {}
    }
    if !talk.is_v6 && !matches!(wrong, Wrong::HeaderSum) {
        put_u16(bytes, 10, 0);
        let header = usize::from(bytes[0] & 15) * 4;
        let sum = !checksum::fold(checksum::sum(&bytes[..header.clamp(20, bytes.len())]));
        put_u16(bytes, 10, sum);
    }
}

/// Opens a conversation from both sides.
fn open(plane: &SimPlane, talk: &Talk, nat: bool, tap: &mut Tap) {
    let plain = |way| Shape { way, len: 24, wrong: Wrong::Nothing, tag: Tag::Own, padding: 0 };
    let steps: &[(usize, u8)] = match (talk.proto, talk.to) {
        (6, None) => &[(0, 2)],
        (6, Some(_)) => &[(0, 2), (1, 0x12), (0, 0x10)],
        (_, None) => &[(0, 0)],
        (_, Some(_)) => &[(0, 0), (1, 0)],
    };
    for (way, flags) in steps {
        let shape = Shape { len: if flags & 2 != 0 { 0 } else { 24 }, ..plain(*way) };
        let (port, frame) = talk.frame(&shape, nat, *flags);
        let (got, sent) = sent(plane, &[(port, frame.clone())]);
        assert!(matches!(got[0], Verdict::Send { .. }), "{:?} of {talk:?}", got[0]);
        tap.came(UNITS[talk.unit(*way)].0, &frame, &ravelin_conformance::model::Outcome::Host);
        noted(tap, &sent[0]);
    }
}

fn noted(tap: &mut Tap, Said { unit, to_kernel, frame }: &Said) {
    if *to_kernel { tap.kernel_got() } else { tap.left(unit, frame) }
}

/// Verdicts, and what left of a batch: unit, whether to the kernel, and frame.
fn sent(plane: &SimPlane, frames: &[(usize, Vec<u8>)]) -> (Vec<Verdict>, Vec<Said>) {
    let rules = plane.rules().unwrap();
    let port = |n: usize| rules.ports().find(|port| port.name == format!("ge-0/0/{n}")).unwrap().id;
    let batch: Vec<_> = frames.iter().map(|(n, frame)| (Ingress::Port(port(*n)), &frame[..])).collect();
    let (verdicts, sent, _) = plane.workers().run_batch(&batch);
    let one = |sent: ravelin_sim::Sent| {
        let unit = rules.unit(sent.unit).unwrap().name.clone();
        Said { unit, to_kernel: matches!(sent.to, SentTo::Host(_)), frame: sent.frame }
    };
    (verdicts, sent.into_iter().map(one).collect())
}

proptest! {
    #![proptest_config(runs(53, 600))]
    #[test]
    fn engine_and_model_agree_on_frames_whose_lengths_and_tags_disagree(
        talks in vec(talk(), 1..6), steps in vec((0usize..6, shape()), 1..60), nat in any::<bool>(),
        workers in 1u8..=3, [pressed, unknown] in any::<[bool; 2]>(), burst in 1usize..9,
    ) {
        let text = TEXT.to_owned() + if nat { NAT } else { "" };
        let checksum = if unknown { Checksum::Unknown } else { Checksum::Unverified };
        let (plane, _) = plane_by(&loaded(&text), workers, checksum);
        let macs: Vec<_> = (0..3).map(|n| {
            let rules = plane.rules().unwrap();
            Mac(rules.ports().find(|port| port.name == format!("ge-0/0/{n}")).unwrap().mac)
        }).collect();
        let mut tap = Tap::default();
        let mut talks = talks;
        // The same ones are one, and so are those with the firewall's one address that have no ports.
        let mut known: Vec<Talk> = Vec::new();
        talks.retain(|talk| !known.contains(talk) && { known.push(*talk); true });
        talks.iter().for_each(|talk| open(&plane, talk, nat, &mut tap));
        plane.workers().press(pressed);
        let burst = if workers == 1 { burst } else { 1 };
        for batch in steps.chunks(burst) {
            let one = |(n, shape): &(usize, Shape)| {
                let talk = talks[n % talks.len()];
                let shape = Shape { way: if talk.to.is_none() { 0 } else { shape.way }, ..*shape };
                let (port, frame) = talk.frame(&shape, nat, 0x10);
                (talk, shape, (port, frame))
            };
            let asked: Vec<_> = batch.iter().map(one).collect();
            // What is of no session may be shed.
            let told = |(talk, shape, (port, frame)): &(Talk, Shape, (usize, Vec<u8>))| {
                let fate = fate((*port, frame), (talk, shape.way), (nat, unknown, &macs));
                (*shape, frame.clone(), *port, fate)
            };
            let told: Vec<_> = asked.iter().map(told).filter(|(.., fate)| !pressed || !fate.is_new()).collect();
            let frames: Vec<_> = told.iter().map(|(_, frame, port, _)| (*port, frame.clone())).collect();
            let (verdicts, left) = sent(&plane, &frames);
            let mut left = left.into_iter();
            for (verdict, (shape, frame, _, fate)) in verdicts.iter().zip(&told) {
                let got = match verdict {
                    Verdict::Drop(reason) => Fate::Dies(*reason),
                    Verdict::Send { .. } => {
                        let said = left.next().unwrap();
                        noted(&mut tap, &said);
                        let Said { unit, to_kernel, frame } = said;
                        if to_kernel { Fate::Host(unit, frame[14..].to_vec()) } else { Fate::Leaves(unit, frame) }
                    }
                    other => panic!("{other:?} of {shape:?}"),
                };
                if let Some(unit) = &fate.unit {
                    tap.came(unit, frame, &ravelin_conformance::model::Outcome::Host);
                }
                prop_assert_eq!(&got, &fate.fate, "{:?} {:02x?} of {:?}, {}", shape, frame, talks, workers);
            }
            prop_assert_eq!(left.next(), None);
        }
        tap.agrees(&plane)?;
    }
}
