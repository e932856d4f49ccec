//! Pieces that no sender makes, of datagrams of every protocol: empty and cut off, within a header, over one another, behind the end, too many
//! of them, again and again; under policies and under generated screens that look at pieces, that only alarm or that stop. What
//! becomes of each and of those that waited for it is as a list of what came says, and so are the counters.
//! Spec: session-18..22, fragment-8..17, screen-16, screen-24..28, screen-40, screen-41, screen-55, screen-76.

use std::collections::{BTreeMap, BTreeSet};
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
set security policies from-zone trust to-zone untrust policy no then deny
";
const DENIED_HOST: u8 = 3;

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

const LIFE_MS: u64 = 2000;
const HELD_MAX: usize = 16;
const PIECES_MAX: usize = 64;
const LONGEST: usize = 65_535;

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

/// What is known of a datagram.
#[derive(Debug, Default)]
struct Known {
    began: u64,
    came: Vec<Piece>,
    waiting: Vec<Piece>,
    bad: Option<DropReason>,
    /// What it is, from its first piece on.
    kind: Option<Kind>,
    fate: Option<DropReason>,
}

impl Known {
    /// What is wrong with a piece, or whether it is a copy.
    fn fault(&self, piece: &Piece) -> Result<bool, DropReason> {
        let (start, end) = piece.range();
        let header = if piece.is_v6 { 0 } else { 20 };
        // Of IPv6 the first piece alone says what a later one is of.
        let kind = self.kind.unwrap_or(piece.kind);
        if piece.kind == Kind::Error && piece.offset == 0 {
            return Err(DropReason::IcmpErrorFragment);
        }
        if piece.len == 0 || piece.more && !piece.len.is_multiple_of(8) {
            return Err(DropReason::FragmentLength);
        }
        if end + header > LONGEST {
            return Err(DropReason::FragmentTooLong);
        }
        if kind == Kind::Tcp && (start == 0 && piece.len < 20 || start > 0 && start < 20) {
            return Err(DropReason::FragmentTiny);
        }
        let last = self.came.iter().find(|other| !other.more).map(|other| other.range().1);
        if let Some(other) = self.came.iter().find(|other| other.range() == (start, end)) {
            return if other.more == piece.more { Ok(true) } else { Err(DropReason::FragmentEnds) };
        }
        if self.came.iter().any(|other| other.range().0 < end && start < other.range().1) {
            return Err(DropReason::FragmentOverlap);
        }
        let furthest = self.came.iter().map(|other| other.range().1).max().unwrap_or(0);
        if last.is_some_and(|last| end > last) || !piece.more && furthest > end {
            return Err(DropReason::FragmentEnds);
        }
        if self.came.len() == PIECES_MAX {
            return Err(DropReason::FragmentTooMany);
        }
        Ok(false)
    }

    fn is_complete(&self) -> bool {
        let Some(last) = self.came.iter().find(|piece| !piece.more) else { return false };
        self.bad.is_none() && self.came.iter().map(|piece| piece.len).sum::<usize>() == last.range().1
    }
}

/// Screens, policies and sessions, gone through anew for each piece.
struct Naive<'a> {
    option: &'a ravelin_model::IdsOption,
    denies: bool,
    known: BTreeMap<(bool, u8, u16, u8), Known>,
    sessions: BTreeSet<(bool, u8, Kind)>,
    counted: Vec<((Screen, bool, u8, u16), u64)>,
    hits: BTreeMap<Screen, u64>,
    drops: BTreeMap<DropReason, u64>,
    now: u64,
    /// They waited for a first that came in this batch.
    released: Vec<(Piece, Kind)>,
}

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Leaves,
    Waits,
    Dies(DropReason),
}

impl Naive<'_> {
    fn expire(&mut self) {
        let over: Vec<_> =
            self.known.iter().filter(|(_, of)| of.began + LIFE_MS <= self.now).map(|(n, _)| *n).collect();
        for name in over {
            let in_vain = self.known.remove(&name).unwrap().waiting.len();
            (0..in_vain).for_each(|_| self.drop(DropReason::FragmentNoFirst));
        }
    }

    fn drop(&mut self, reason: DropReason) {
        *self.drops.entry(reason).or_default() += 1;
    }

    /// What becomes of the pieces of a batch, and which leave: all are looked at, then each goes its way, behind them what waited.
    fn judge(&mut self, batch: &[Piece]) -> (Vec<Fate>, Vec<Piece>) {
        let looked: Vec<_> = batch.iter().map(|piece| self.look(piece)).collect();
        let mut left = Vec::new();
        let pass = |(piece, looked): (&Piece, Result<Kind, Fate>)| match looked {
            Ok(kind) => self.pass(piece, kind, &mut left),
            Err(fate) => fate,
        };
        let fates: Vec<_> = batch.iter().zip(looked).map(pass).collect();
        let mut all = fates.clone();
        for (piece, kind) in std::mem::take(&mut self.released) {
            all.push(self.pass(&piece, kind, &mut left));
        }
        for fate in all {
            if let Fate::Dies(reason) = fate {
                self.drop(reason);
            }
        }
        (fates, left)
    }

    /// What a piece is of, or what becomes of it before that is asked.
    fn look(&mut self, piece: &Piece) -> Result<Kind, Fate> {
        if let Some(reason) = piece.malformed() {
            return Err(Fate::Dies(reason));
        }
        if piece.is_whole() {
            return Ok(piece.kind);
        }
        let (name, now) = (piece.name(), self.now);
        if self.known.get(&name).is_some_and(Known::is_complete) {
            self.known.remove(&name);
        }
        let known = self.known.entry(name).or_insert_with(|| Known { began: now, ..Known::default() });
        if let Some(reason) = known.bad {
            return Err(Fate::Dies(reason));
        }
        match known.fault(piece) {
            Ok(true) => return Err(Fate::Dies(DropReason::FragmentDuplicate)),
            Ok(false) => {}
            Err(reason) => {
                known.bad = Some(reason);
                let lost = std::mem::take(&mut known.waiting).len();
                (0..lost).for_each(|_| self.drop(reason));
                let stops = self.screens(piece, piece.kind, Some(reason));
                return Err(Fate::Dies(if stops { DropReason::Screen } else { reason }));
            }
        }
        known.came.push(*piece);
        if piece.offset == 0 {
            known.kind = Some(piece.kind);
        }
        let Some(kind) = known.kind else {
            if known.waiting.len() == HELD_MAX {
                return Err(Fate::Dies(DropReason::FragmentHoldFull));
            }
            known.waiting.push(*piece);
            return Err(Fate::Waits);
        };
        self.released.extend(std::mem::take(&mut known.waiting).into_iter().map(|piece| (piece, kind)));
        Ok(kind)
    }

    /// What is known to be of a datagram goes its way.
    fn pass(&mut self, piece: &Piece, kind: Kind, left: &mut Vec<Piece>) -> Fate {
        if kind == Kind::Error {
            // It quotes nothing.
            let stops = self.screens(piece, kind, None);
            return Fate::Dies(if stops { DropReason::Screen } else { DropReason::MalformedIcmp });
        }
        let session = (piece.is_v6, piece.host, kind);
        let has_session = self.sessions.contains(&session);
        let is_later = piece.offset > 0;
        let fate = if is_later && !has_session {
            let known = self.known.get(&piece.name());
            Fate::Dies(known.and_then(|known| known.fate).unwrap_or(DropReason::FragmentNoFirst))
        } else if self.screens(piece, kind, None) {
            Fate::Dies(DropReason::Screen)
        } else if !has_session && self.denies && piece.host == DENIED_HOST {
            Fate::Dies(DropReason::PolicyDeny)
        } else {
            self.sessions.insert(session);
            left.push(*piece);
            Fate::Leaves
        };
        if let (Fate::Dies(reason), false, false) = (fate, is_later, piece.is_whole()) {
            let now = self.now;
            let known = self.known.entry(piece.name());
            known.or_insert_with(|| Known { began: now, ..Known::default() }).fate = Some(reason);
        }
        fate
    }

    /// Whether a screen stops it. `bad`: it condemns its datagram.
    fn screens(&mut self, piece: &Piece, kind: Kind, bad: Option<DropReason>) -> bool {
        let (option, is_later) = (self.option, piece.offset > 0);
        let is_icmp = matches!(kind, Kind::Echo | Kind::Error);
        let is_piece = !piece.is_whole();
        let header = if piece.is_v6 { 0 } else { 20 };
        let size = piece.len + if piece.is_v6 { 48 } else { 20 };
        let found = [
            (Screen::UnknownProtocol, option.ip.unknown_protocol && kind == Kind::Unknown),
            (Screen::TearDrop, option.ip.tear_drop && bad == Some(DropReason::FragmentOverlap)),
            (
                Screen::PingDeath,
                option.icmp.ping_death && is_icmp && is_later && header + piece.range().1 > LONGEST,
            ),
            (Screen::IcmpFragment, option.icmp.fragment && is_icmp && is_piece),
            (Screen::IcmpLarge, option.icmp.large && is_icmp && size > 1024),
            (Screen::SynFrag, option.tcp.syn_frag && kind == Kind::Tcp && is_piece && !is_later),
        ];
        for (screen, _) in found.into_iter().filter(|(_, trips)| *trips) {
            if self.hit(screen) {
                return true;
            }
        }
        let flood = |of: &Option<ravelin_model::Threshold>| of.as_ref().and_then(|of| of.threshold);
        let port = if is_later { 0 } else { 123 };
        let udp = option.udp.flood.as_ref().and_then(|flood| flood.threshold);
        let rates = [
            (Screen::IcmpFlood, flood(&option.icmp.flood).filter(|_| is_icmp), 0, 0),
            (Screen::UdpFlood, udp.filter(|_| kind == Kind::Udp), 0, port),
            (Screen::BySourcePackets, option.limit_session.by_source.all.packet_rate, piece.host, 0),
        ];
        for (screen, most, host, port) in rates {
            let (Some(most), second) = (most, self.now / 1000) else { continue };
            let key = (screen, piece.is_v6, host, port);
            self.counted.push((key, second));
            let count = self.counted.iter().filter(|other| **other == (key, second)).count();
            if count > most as usize && self.hit(screen) {
                return true;
            }
        }
        false
    }

    fn hit(&mut self, screen: Screen) -> bool {
        *self.hits.entry(screen).or_default() += 1;
        !self.option.alarm_without_drop
    }
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
        leaves in subsequence(LEAVES.to_vec(), 0..6), threshold in 4u8..12, denies in any::<bool>(),
        steps in steps(), workers in 1u8..=4,
    ) {
        let mut text = TEXT.to_owned() + if denies { DENIED } else { "" };
        for leaf in leaves {
            text += &format!("set security screen ids-option s {}\n", leaf.replace('$', &threshold.to_string()));
        }
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let port = plane.rules().unwrap().ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
        advance(&plane, 5000);
        let mut naive = Naive {
            option: &config.security.screen.ids_options[0],
            denies,
            known: BTreeMap::new(),
            sessions: BTreeSet::new(),
            counted: Vec::new(),
            hits: BTreeMap::new(),
            drops: BTreeMap::new(),
            now: 5000,
            released: Vec::new(),
        };
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
                let (fates, pieces) = naive.judge(&batch);
                for ((verdict, fate), piece) in verdicts.iter().zip(&fates).zip(&batch) {
                    let is_as_said = match fate {
                        Fate::Leaves => matches!(verdict, Verdict::Send { .. }),
                        Fate::Waits => *verdict == Verdict::Consume,
                        Fate::Dies(reason) => *verdict == Verdict::Drop(*reason),
                    };
                    prop_assert!(is_as_said, "{:?} where {:?} of {:?} in {:?} under\n{}", verdict, fate, piece, steps, text);
                }
                let wanted: Vec<_> = pieces.iter().map(|piece| shown(&piece.frame())).collect();
                prop_assert_eq!(left, wanted, "{:?} of {:?} in {:?} under\n{}", fates, batch, steps, text);
            }
            prop_assert_eq!(&drops(&plane), &naive.drops, "after {:?} of {:?} under\n{}", step, steps, text);
            prop_assert_eq!(&hits(&plane), &naive.hits, "after {:?} of {:?} under\n{}", step, steps, text);
        }
    }
}
