//! Pieces that no sender makes, of datagrams of every protocol: empty and cut off, within a header, over one another, behind the end, too many
//! of them, again and again; under policies and under generated screens that look at pieces, that only alarm or that stop; passing each behind
//! its first, or all once all have come, and given up sooner or later. What becomes of each and of those that waited for it is as a list of what came says, and so are the counters.
//! Spec: session-18..22, fragment-8..17, fragment-22..26, screen-16, screen-24..28, screen-40, screen-41, screen-55, screen-76.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ravelin_contract::DataPlane as _;
use ravelin_engine::{Ingress, Verdict};
use ravelin_program::Screen;
use ravelin_sim::SimPlane;
use ravelin_types::{Addr, DropReason, Family, PortId, Proto};
use ravelin_wire::build::{self, Ip, Payload};

use crate::kit::{ip, loaded, plane, runs};

mod naive;

use naive::{Fate, Naive};

const TEXT: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone trust screen s
set security screen ids-option s description s
";

/// Denied to the second of the hosts.
const DENIED: &str = "\
set security policies from-zone trust to-zone untrust policy no match source-address [ 10.0.0.3/32 2001:db8::3/128 ]
set security policies from-zone trust to-zone untrust policy no match destination-address any
set security policies from-zone trust to-zone untrust policy no match application any
set security policies from-zone trust to-zone untrust policy no then $
";

const FORCED: &str = "set security flow force-ip-reassembly\n";

/// `$` is a number of four or more.
const LEAVES: [&str; 10] = [
    "alarm-without-drop",
    "ip tear-drop",
    "icmp ping-death",
    "icmp fragment",
    "icmp large",
    "tcp syn-frag",
    "ip unknown-protocol",
    "icmp flood threshold $",
    "udp flood threshold $",
    "limit-session by-source packet-rate $",
];

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Tcp,
    Udp,
    Echo,
    Error,
    Gre,
    Unknown,
}

impl Kind {
    const fn number(self, is_v6: bool) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Echo | Self::Error if is_v6 => 58,
            Self::Echo | Self::Error => 1,
            Self::Gre => 47,
            Self::Unknown => 200,
        }
    }

    /// Bytes that a first piece must have.
    const fn header(self) -> usize {
        match self {
            Self::Tcp => 20,
            Self::Udp | Self::Echo | Self::Error => 8,
            Self::Gre | Self::Unknown => 0,
        }
    }

    fn bytes(self, is_v6: bool) -> Vec<u8> {
        let family = if is_v6 { Family::V6 } else { Family::V4 };
        let error = if is_v6 { 1 } else { 3 };
        let echo = if is_v6 { 128 } else { 8 };
        match self {
            Self::Tcp => Payload::tcp(1000, 80, 2).bytes,
            Self::Udp => Payload::udp(1000, 123, &[]).bytes,
            Self::Echo => Payload::icmp(family, echo, 0, 7 << 16, &[]).bytes,
            Self::Error => Payload::icmp(family, error, 1, 0, &[]).bytes,
            Self::Gre | Self::Unknown => Vec::new(),
        }
    }
}

/// So many can be given at once.
const ANSWERS: usize = 50;

#[derive(Clone, Copy, Debug)]
struct Piece {
    is_v6: bool,
    host: u8,
    id: u16,
    kind: Kind,
    /// In units of eight bytes.
    offset: usize,
    len: usize,
    more: bool,
    dont_fragment: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// Some in one batch.
    Pieces(Vec<Piece>),
    /// As many small ones behind one another.
    Many(Piece, usize),
    Wait(u64),
}

fn piece() -> impl Strategy<Value = Piece> {
    let kind = select(
        &[Kind::Tcp, Kind::Udp, Kind::Udp, Kind::Echo, Kind::Echo, Kind::Error, Kind::Gre, Kind::Unknown][..],
    );
    let offset = prop_oneof![6 => 0usize..7, 1 => select(&[100usize, 8180, 8190, 8191][..])];
    let len = prop_oneof![6 => (1usize..4).prop_map(|units| units * 8), 1 => select(&[0usize, 1, 4, 12, 20, 21, 25, 40, 1008][..])];
    let more = prop_oneof![4 => Just(true), 1 => Just(false)];
    (any::<[bool; 2]>(), 2u8..4, 7u16..9, kind, (offset, len, more)).prop_map(
        |([is_v6, dont_fragment], host, id, kind, (offset, len, more))| Piece {
            is_v6,
            host,
            id,
            kind,
            offset,
            len,
            more,
            dont_fragment: dont_fragment && !is_v6,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let many = (piece(), 2usize..70).prop_map(|(piece, count)| Step::Many(piece, count));
    let wait = select(&[100u64, 500, 1200, 2100][..]).prop_map(Step::Wait);
    vec(prop_oneof![24 => vec(piece(), 1..5).prop_map(Step::Pieces), 1 => many, 2 => wait], 1..60)
}

impl Piece {
    fn frame(&self) -> Vec<u8> {
        let mut body = self.kind.bytes(self.is_v6);
        let (at, end) = (self.offset * 8, self.offset * 8 + self.len);
        body.resize(end.max(body.len()), 7);
        let part = &body[at..end];
        let address = |net: u8, host: u8| match self.is_v6 {
            true => Addr::from_ip(ip(&format!("2001:db8:{net}::{host:x}"))),
            false => Addr::from_ip(ip(&format!("10.{net}.0.{host}"))),
        };
        let ((family, src), (_, dst)) = (address(0, self.host), address(1, 9));
        let of = Ip::new(family, src, dst);
        let number = self.kind.number(self.is_v6);
        if !self.is_v6 {
            let more = if self.more { 0x2000 } else { 0 };
            let stays = if self.dont_fragment { 0x4000 } else { 0 };
            let ip = Ip { id: self.id, fragment: self.offset as u16 | more | stays, ..of };
            return raw(&ip, number, part);
        }
        let word = ((self.offset as u16) << 3 | u16::from(self.more)).to_be_bytes();
        let id = u32::from(self.id).to_be_bytes();
        raw(&of, Proto::IPV6_FRAGMENT.0, &[&[number, 0][..], &word, &id, part].concat())
    }

    const fn is_whole(&self) -> bool {
        self.offset == 0 && !self.more
    }

    /// What the parser can't take apart (fragment-10).
    fn malformed(&self) -> Option<DropReason> {
        if self.offset > 0 || self.len >= self.kind.header() {
            return None;
        }
        let is_icmp = matches!(self.kind, Kind::Echo | Kind::Error);
        Some(if is_icmp { DropReason::MalformedIcmp } else { DropReason::MalformedTransport })
    }

    const fn name(&self) -> (bool, u8, u16, u8) {
        (self.is_v6, self.host, self.id, if self.is_v6 { 0 } else { self.kind.number(false) })
    }

    const fn range(&self) -> (usize, usize) {
        (self.offset * 8, self.offset * 8 + self.len)
    }
}

/// A frame whose transport checksum is the sender's own affair: it is spread over pieces.
fn raw(ip: &Ip, number: u8, part: &[u8]) -> Vec<u8> {
    let mut frame = build::frame(ip, &Payload::raw(Proto(253), part));
    let at = if ip.family == Family::V4 { 23 } else { 20 };
    if ip.family == Family::V4 {
        let sum = u16::from_be_bytes([frame[24], frame[25]]);
        // Another number in the place of 253, and the sum with it (RFC 1624).
        let changed = u32::from(!sum) + u32::from(!253u16) + u32::from(number);
        let folded = (changed & 0xffff) + (changed >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        frame[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
    frame[at] = number;
    frame
}

fn run(plane: &SimPlane, port: PortId, batch: &[Piece]) -> (Vec<Verdict>, Vec<Vec<u8>>) {
    let frames: Vec<_> = batch.iter().map(Piece::frame).collect();
    let frames: Vec<_> = frames.iter().map(|frame| (Ingress::Port(port), &frame[..])).collect();
    let (verdicts, sent, _) = plane.workers().run_batch(&frames);
    (verdicts, sent.iter().map(|sent| shown(&sent.frame)).collect())
}

/// What a hop does not change.
fn shown(frame: &[u8]) -> Vec<u8> {
    if frame[14] >> 4 == 4 {
        [&frame[14..22], &frame[23..24], &frame[26..]].concat()
    } else {
        [&frame[14..21], &frame[22..]].concat()
    }
}

fn drops(plane: &SimPlane) -> BTreeMap<DropReason, u64> {
    let drops = plane.telemetry().global().unwrap().drops;
    DropReason::ALL.iter().map(|reason| (*reason, drops[reason.index()])).filter(|(_, n)| *n > 0).collect()
}

fn hits(plane: &SimPlane) -> BTreeMap<Screen, u64> {
    let counters = plane.telemetry().screens().unwrap();
    counters.iter().flat_map(|zone| zone.hits.iter().copied()).collect()
}

fn advance(plane: &SimPlane, ms: u64) {
    let workers = plane.workers();
    workers.advance(workers.now().plus(Duration::from_millis(ms)));
    let _ = workers.run_batch(&[]);
}

proptest! {
    #![proptest_config(runs(47, 800))]
    #[test]
    fn engine_and_model_agree_on_pieces_that_no_sender_makes(
        whole in select(&[None, None, Some(0u16), Some(5)][..]), timeout in select(&[0u64, 1, 3][..]),
        leaves in subsequence(LEAVES.to_vec(), 0..6), threshold in 4u8..12, denial in select(&[None, Some("deny"), Some("reject")][..]),
        steps in steps(), workers in 1u8..=4,
    ) {
        let mut text = TEXT.to_owned();
        text.extend(denial.map(|action| DENIED.replace('$', action)));
        for leaf in leaves {
            text += &format!("set security screen ids-option s {}\n", leaf.replace('$', &threshold.to_string()));
        }
        text += &format!("set security flow fragment-reassembly-timeout {timeout}\n");
        if let Some(most) = whole {
            text += &format!("{FORCED}set security flow fragment-limit {most}\n");
        }
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let port = plane.rules().unwrap().ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
        advance(&plane, 5000);
        let mut naive = Naive::new(&config.security, denial, 5000);
        for step in &steps {
            let batches = match step {
                Step::Wait(ms) => {
                    naive.now += ms;
                    advance(&plane, *ms);
                    naive.expire();
                    Vec::new()
                }
                // Of several workers each has a batch of its own.
                Step::Pieces(pieces) if workers == 1 => vec![pieces.clone()],
                Step::Pieces(pieces) => pieces.iter().map(|piece| vec![*piece]).collect(),
                Step::Many(of, count) => {
                    let one = |n| Piece { offset: 4 + n, len: 8, more: true, ..*of };
                    (0..*count).map(|n| vec![one(n)]).collect()
                }
            };
            for batch in batches {
                let (verdicts, left) = run(&plane, port, &batch);
                let (fates, frames) = naive.judge(&batch);
                for ((verdict, fate), piece) in verdicts.iter().zip(&fates).zip(&batch) {
                    let is_as_said = match fate {
                        Fate::Leaves => matches!(verdict, Verdict::Send { .. }),
                        Fate::Waits => *verdict == Verdict::Consume,
                        Fate::Dies(reason) => *verdict == Verdict::Drop(*reason),
                    };
                    prop_assert!(is_as_said, "{:?} where {:?} of {:?} in {:?} under\n{}", verdict, fate, piece, steps, text);
                }
                let wanted: Vec<_> = frames.iter().map(|frame| shown(frame)).collect();
                if naive.answered > ANSWERS {
                    return Ok(());
                }
                prop_assert_eq!(left, wanted, "{:?} of {:?} in {:?} under\n{}", fates, batch, steps, text);
            }
            prop_assert_eq!(&drops(&plane), &naive.drops, "after {:?} of {:?} under\n{}", step, steps, text);
            prop_assert_eq!(&hits(&plane), &naive.hits, "after {:?} of {:?} under\n{}", step, steps, text);
        }
    }
}
