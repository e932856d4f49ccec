//! Datagrams in pieces, with IPv6 extension headers before and behind the fragment header, in any order, more than once, some
//! never: which pieces pass, which wait and which die is as a list of what came says. Spec: session-18..22, fragment-12, fragment-15.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_contract::DataPlane as _;
use ravelin_engine::{Ingress, Verdict};
use ravelin_sim::SimPlane;
use ravelin_types::{Addr, DropReason, PortId, Proto};
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
";

/// Headers in front of the fragment header, by number.
const BEFORE: [&[u8]; 7] = [&[], &[0], &[60], &[43], &[0, 43], &[60, 43], &[0, 60, 43]];
/// How long a datagram is waited for, from its first piece on.
const LIFE_MS: u64 = 2000;

#[derive(Clone, Debug)]
struct Datagram {
    is_v6: bool,
    host: u8,
    id: u16,
    /// Of IPv6: extension headers that every piece has, and those that are cut with the rest.
    before: Vec<u8>,
    has_options: bool,
    /// Units of eight bytes of every piece but the last; the first has the UDP header.
    pieces: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Piece(usize, usize),
    Wait(u64),
}

fn datagram() -> impl Strategy<Value = Datagram> {
    let before = select(&BEFORE[..]);
    let ends = (any::<bool>(), 2u8..4, 7u16..9);
    (ends, before, any::<bool>(), vec(1usize..5, 1..6)).prop_map(
        |((is_v6, host, id), before, has_options, mut pieces)| {
            let (before, has_options) = if is_v6 { (before.to_vec(), has_options) } else { (vec![], false) };
            pieces[0] += usize::from(has_options);
            Datagram { is_v6, host, id, before, has_options, pieces }
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let piece = (0usize..4, 0usize..6).prop_map(|(of, piece)| Step::Piece(of, piece));
    vec(prop_oneof![12 => piece, 1 => select(&[100u64, 1200, 2100][..]).prop_map(Step::Wait)], 1..60)
}

impl Datagram {
    /// Pieces, the last one included.
    fn count(&self) -> usize {
        self.pieces.len() + 1
    }

    fn frame(&self, piece: usize) -> Vec<u8> {
        let mut body = Payload::udp(1000 + u16::from(self.host), 53, &[]).bytes;
        if self.has_options {
            body = [&[17u8, 0, 1, 4, 0, 0, 0, 0][..], &body].concat();
        }
        let units: usize = self.pieces.iter().sum();
        // The last piece is of no whole number of units.
        body.resize(units * 8 + 5, 7);
        let at: usize = self.pieces[..piece].iter().sum();
        let end = self.pieces.get(piece).map_or(body.len(), |len| (at + len) * 8);
        let (part, more) = (&body[at * 8..end], piece < self.pieces.len());
        let address = |net: u8, host: u8| match self.is_v6 {
            true => Addr::from_ip(ip(&format!("2001:db8:{net}::{host:x}"))),
            false => Addr::from_ip(ip(&format!("10.{net}.0.{host}"))),
        };
        let ((family, src), (_, dst)) = (address(0, self.host), address(1, 9));
        let of = Ip::new(family, src, dst);
        if !self.is_v6 {
            let fragment = at as u16 | if more { 0x2000 } else { 0 };
            return build::frame(&Ip { id: self.id, fragment, ..of }, &Payload::raw(Proto::UDP, part));
        }
        let word = ((at as u16) << 3 | u16::from(more)).to_be_bytes();
        let next = if self.has_options { 60 } else { 17 };
        let id = u32::from(self.id).to_be_bytes();
        let mut bytes = [&[next, 0][..], &word, &id, part].concat();
        let mut first = 44;
        for number in self.before.iter().rev() {
            // Options of padding alone; of the routing header nothing is left to visit.
            let rest = if *number == 43 { [4, 0, 0, 0, 0, 0] } else { [1, 4, 0, 0, 0, 0] };
            bytes = [&[first, 0][..], &rest, &bytes].concat();
            first = *number;
        }
        build::frame(&of, &Payload::raw(Proto(first), &bytes))
    }
}

/// What is known of a datagram, and what became of its pieces.
#[derive(Debug, Default)]
struct Known {
    began: u64,
    came: BTreeSet<usize>,
    waiting: Vec<usize>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// It leaves, and behind it what waited for it.
    Leave(Vec<usize>),
    Wait,
    Drop(DropReason),
}

impl Known {
    /// Pieces that waited for nothing.
    fn expire(&mut self, now: u64) -> usize {
        if self.came.is_empty() || now < self.began + LIFE_MS {
            return 0;
        }
        std::mem::take(self).waiting.len()
    }

    fn judge(&mut self, datagram: &Datagram, piece: usize, now: u64) -> Expected {
        if self.came.len() == datagram.count() {
            *self = Self::default();
        }
        if self.came.is_empty() {
            self.began = now;
        }
        if !self.came.insert(piece) {
            return Expected::Drop(DropReason::FragmentDuplicate);
        }
        if piece != 0 && !self.came.contains(&0) {
            self.waiting.push(piece);
            return Expected::Wait;
        }
        Expected::Leave([&[piece][..], &std::mem::take(&mut self.waiting)].concat())
    }
}

fn run(plane: &SimPlane, port: PortId, frame: &[u8]) -> (Verdict, Vec<Vec<u8>>) {
    let (verdicts, sent, _) = plane.workers().run_batch(&[(Ingress::Port(port), frame)]);
    // From where a hop takes nothing away and a link header nothing puts in.
    let shown = |frame: &[u8]| {
        if frame[14] >> 4 == 4 { [&frame[18..22], &frame[26..]].concat() } else { frame[22..].to_vec() }
    };
    (verdicts[0], sent.iter().map(|sent| shown(&sent.frame)).collect())
}

fn dropped(plane: &SimPlane, reason: DropReason) -> u64 {
    plane.telemetry().global().unwrap().drops[reason.index()]
}

proptest! {
    #![proptest_config(runs(37, 600))]
    #[test]
    fn engine_and_model_agree_on_pieces_of_datagrams(
        datagrams in vec(datagram(), 4), steps in steps(), workers in 1u8..=4,
    ) {
        let mut datagrams = datagrams;
        // One of a name at a time.
        let mut names = BTreeSet::new();
        datagrams.retain(|d| names.insert((d.is_v6, d.host, d.id)));
        let plane = plane(&loaded(TEXT), workers);
        let port = plane.rules().unwrap().ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
        let mut known: Vec<Known> = datagrams.iter().map(|_| Known::default()).collect();
        let (mut now, mut in_vain) = (0, 0);
        for step in &steps {
            let (of, piece) = match *step {
                Step::Wait(ms) => {
                    now += ms;
                    let workers = plane.workers();
                    workers.advance(workers.now().plus(Duration::from_millis(ms)));
                    let _ = workers.run_batch(&[]);
                    in_vain += known.iter_mut().map(|known| known.expire(now) as u64).sum::<u64>();
                    prop_assert_eq!(dropped(&plane, DropReason::FragmentNoFirst), in_vain);
                    continue;
                }
                Step::Piece(of, piece) => (of % datagrams.len(), piece),
            };
            let datagram = &datagrams[of];
            let piece = piece % datagram.count();
            let (verdict, left) = run(&plane, port, &datagram.frame(piece));
            let expected = known[of].judge(datagram, piece, now);
            let shown = |piece: &usize| {
                let frame = datagram.frame(*piece);
                if datagram.is_v6 { frame[22..].to_vec() } else { [&frame[18..22], &frame[26..]].concat() }
            };
            match &expected {
                Expected::Wait => prop_assert_eq!((verdict, left.len()), (Verdict::Consume, 0)),
                Expected::Drop(reason) => prop_assert_eq!((verdict, left.len()), (Verdict::Drop(*reason), 0)),
                Expected::Leave(pieces) => {
                    let wanted: Vec<_> = pieces.iter().map(shown).collect();
                    prop_assert_eq!(left, wanted, "{:?}: {:?} of {:?} in {:?}", verdict, step, datagrams, steps);
                }
            }
        }
    }
}
