//! Connections through two handshakes against arithmetic: whatever numbers and options both ends begin with, each hears
//! what the other said in the numbers that it knows. Spec: screen-61, screen-65, screen-66, screen-68.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_conformance::bench::Setup;

use crate::handshake::{BASE, DNAT, FLOOD, INSIDE, NATTED, Names, OUTSIDE, PLAIN, SIX, flooded};
use crate::kit::{A, F, Ground, R, S, Tcp, tcp};

const PROXY: &str = "set security flow syn-flood-protection-mode syn-proxy\n";
/// More than both say in all: no window ever ends.
const ROOM: u32 = 1 << 14;
const PUSH: u8 = 8;

/// What one end says of itself in its first segment.
#[derive(Clone, Copy, Debug)]
struct End {
    isn: u32,
    scale: Option<u8>,
    sack: bool,
    stamp: u32,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    client: End,
    server: End,
    /// Of the client; a server has them when its client has.
    stamps: bool,
    proxy: bool,
    workers: u8,
    names: usize,
}

/// One segment behind the handshake.
#[derive(Clone, Copy, Debug)]
struct Said {
    by_client: bool,
    len: u16,
    /// The same data as before.
    again: bool,
    /// Acknowledges no more than before.
    lag: bool,
    window: u16,
    blocks: u8,
    stamped: bool,
}

#[derive(Clone, Copy, Debug)]
enum Last {
    Reset { by_client: bool },
    Finish { client_first: bool },
}

/// What an end has said and heard so far, in its own numbers.
#[derive(Clone, Copy, Debug)]
struct Line {
    next: u32,
    before: u32,
    heard: u32,
    acked: u32,
    stamp: u32,
    echo: u32,
}

/// What the two legs of a connection differ in.
#[derive(Clone, Copy, Debug)]
struct Legs {
    /// Server's numbers to those that its client sees.
    seq: u32,
    stamp: u32,
    /// By what the client shifts, and by what its server takes that.
    client: (u8, u8),
    /// By what the server shifts, and by what its client takes that.
    server: (u8, u8),
}

fn end() -> impl Strategy<Value = End> {
    let number = || prop_oneof![any::<u32>(), 0xffff_f000..=u32::MAX];
    (number(), prop::option::of(0..=14_u8), any::<bool>(), number())
        .prop_map(|(isn, scale, sack, stamp)| End { isn, scale, sack, stamp })
}

fn start() -> impl Strategy<Value = Start> {
    let workers = prop::sample::select(&[1_u8, 2, 5][..]);
    (end(), end(), prop::bool::weighted(0.8), any::<bool>(), workers, 0..3_usize).prop_map(
        |(client, server, stamps, proxy, workers, names)| Start {
            client,
            server,
            stamps,
            proxy,
            workers,
            names,
        },
    )
}

fn said() -> impl Strategy<Value = Said> {
    let len = prop_oneof![Just(0_u16), 1..200_u16];
    (any::<bool>(), len, prop::bool::weighted(0.2), any::<bool>(), any::<u16>(), 0..4_u8, any::<bool>())
        .prop_map(|(by_client, len, again, lag, window, blocks, stamped)| Said {
            by_client,
            len,
            again,
            lag,
            window,
            blocks,
            stamped,
        })
}

fn last() -> impl Strategy<Value = Last> {
    prop_oneof![
        any::<bool>().prop_map(|by_client| Last::Reset { by_client }),
        any::<bool>().prop_map(|client_first| Last::Finish { client_first }),
    ]
}

fn padded(mut options: Vec<u8>) -> Vec<u8> {
    options.resize(options.len().next_multiple_of(4), 1);
    options
}

/// What an end's first segment offers: an MSS of 1460, and what else it has.
fn offered(end: &End, echo: u32, stamps: bool) -> Vec<u8> {
    let mut out = vec![2, 4, 5, 0xb4];
    out.extend(end.sack.then_some([4, 2]).into_iter().flatten());
    if stamps {
        out.extend([8, 10]);
        out.extend([end.stamp, echo].iter().flat_map(|n| n.to_be_bytes()));
    }
    out.extend(end.scale.map(|scale| [3, 3, scale]).into_iter().flatten());
    padded(out)
}

/// The content of an option.
fn option(segment: &Tcp, wanted: u8) -> Option<&[u8]> {
    let mut rest = &segment.options[..];
    while let [kind, behind @ ..] = rest {
        match (kind, behind) {
            (1, _) => rest = behind,
            (0, _) => return None,
            (kind, [len, ..]) if *kind == wanted => return Some(&rest[2..usize::from(*len)]),
            (_, [len, ..]) => rest = &rest[usize::from(*len)..],
            (_, []) => return None,
        }
    }
    None
}

fn scale_of(segment: &Tcp) -> Option<u8> {
    option(segment, 3).map(|content| content[0])
}

fn stamp_of(segment: &Tcp) -> Option<u32> {
    option(segment, 8).map(|content| u32::from_be_bytes(content[..4].try_into().unwrap()))
}

/// A field that says at least [`ROOM`] when it is shifted by `scale`.
fn window(drawn: u16, scale: u8) -> u16 {
    drawn.max(u16::try_from((ROOM >> scale) + 1).unwrap())
}

fn converted(window: u16, (from, to): (u8, u8)) -> u16 {
    u16::try_from(u64::from(window) << from >> to).unwrap_or(u16::MAX)
}

fn one(left: Vec<(String, Tcp)>, port: &str) -> Tcp {
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].0, port);
    left[0].1.clone()
}

/// Both handshakes; what both ends hold behind them, and how their numbers differ.
fn connect(ground: &mut Ground, names: Names, start: &Start) -> (Line, Line, Legs) {
    let Start { client, server, stamps, .. } = *start;
    let request =
        Tcp { options: offered(&client, 0, stamps), ..tcp(names.client, names.asked, S, client.isn, 0) };
    let answer = one(ground.send(&OUTSIDE, &request), "ge-0/0/1");
    let first = client.isn.wrapping_add(1);
    assert_eq!((answer.flags, answer.ack), (S | A, first));
    let clock = stamp_of(&answer);
    assert_eq!(clock.is_some(), stamps);
    // Without timestamps nothing else can be kept.
    let scale = client.scale.filter(|_| stamps);
    assert_eq!(scale_of(&answer).is_some(), scale.is_some());
    let shift = scale.unwrap_or(0);
    let stamp = client.stamp.wrapping_add(1);
    let ack = Tcp {
        window: window(0, shift),
        options: stamped(stamps, stamp, clock.unwrap_or(0)),
        ..tcp(names.client, names.asked, A, first, answer.seq.wrapping_add(1))
    };
    let asked = one(ground.send(&OUTSIDE, &ack), "ge-0/0/0");
    assert_eq!((asked.flags, asked.seq, asked.ack), (S, client.isn, 0));
    assert_eq!(option(&asked, 2), Some(&[5, 0xb4][..]));
    assert_eq!((scale_of(&asked), stamp_of(&asked)), (scale, stamps.then_some(stamp)));
    assert_eq!(option(&asked, 4).is_some(), client.sack && stamps);
    // A server says only what it was asked for.
    let server = End { scale: server.scale.and(scale), sack: server.sack && client.sack && stamps, ..server };
    let answered = Tcp {
        window: 30_000,
        options: offered(&server, stamp, stamps),
        ..tcp(names.server, names.client, S | A, server.isn, first)
    };
    assert_eq!(ground.send(&INSIDE, &answered).len(), 2);
    let to_server = server.scale.and(scale).unwrap_or(0);
    let legs = Legs {
        seq: answer.seq.wrapping_sub(server.isn),
        stamp: clock.unwrap_or(0).wrapping_sub(server.stamp),
        client: (shift, to_server),
        server: (server.scale.unwrap_or(0), scale_of(&answer).unwrap_or(0)),
    };
    let line = |next: u32, heard: u32, stamp: u32, echo: u32| Line {
        next,
        before: next,
        heard,
        acked: heard,
        stamp,
        echo,
    };
    let behind = server.isn.wrapping_add(1);
    let of_client = line(first, answer.seq.wrapping_add(1), stamp, clock.unwrap_or(0));
    (of_client, line(behind, first, server.stamp, stamp), legs)
}

/// Timestamps as segments behind the first have them.
fn stamped(with: bool, stamp: u32, echo: u32) -> Vec<u8> {
    let content = || [&[1, 1, 8, 10][..], &stamp.to_be_bytes(), &echo.to_be_bytes()].concat();
    if with { content() } else { Vec::new() }
}

/// Blocks of SACK: of the data behind what is acknowledged, all but the first byte and one between each two.
fn blocks(acked: u32, count: u8) -> Vec<u8> {
    let edge = |n: u8| acked.wrapping_add(u32::from(n)).to_be_bytes();
    let all: Vec<u8> = (0..count).flat_map(|n| [edge(4 * n + 1), edge(4 * n + 3)].concat()).collect();
    if count == 0 { all } else { [&[1, 1, 5, 2 + 8 * count][..], &all].concat() }
}

struct Talk {
    ground: Ground,
    names: Names,
    stamps: bool,
    client: Line,
    server: Line,
    legs: Legs,
}

impl Talk {
    /// An end says something, and the other hears it.
    fn say(&mut self, said: &Said, flags: u8) {
        let Self { names, stamps, legs, .. } = *self;
        let (me, shift) =
            if said.by_client { (&mut self.client, legs.client) } else { (&mut self.server, legs.server) };
        let seq = if said.again { me.before } else { me.next };
        let len = if said.again { me.next.wrapping_sub(me.before) } else { said.len.into() };
        if !said.lag {
            me.acked = me.heard;
        }
        me.stamp = me.stamp.wrapping_add(1);
        let with = stamps && (said.stamped || said.blocks == 0);
        // Three blocks leave no room for timestamps and padding.
        let most = if with { 2 } else { 3 };
        let count =
            said.blocks.min(most).min(u8::try_from(me.heard.wrapping_sub(me.acked) / 4).unwrap_or(u8::MAX));
        let ends = if said.by_client { (names.client, names.asked) } else { (names.server, names.client) };
        let segment = Tcp {
            window: window(said.window, shift.0),
            options: [stamped(with, me.stamp, me.echo), blocks(me.acked, count)].concat(),
            data: vec![b'x'; len as usize],
            ..tcp(ends.0, ends.1, flags, seq, me.acked)
        };
        if !said.again {
            (me.before, me.next) = (seq, seq.wrapping_add(len).wrapping_add(u32::from(flags & F != 0)));
        }
        let (stamp, echo, acked) = (me.stamp, me.echo, me.acked);
        let (next, side, port) = (
            me.next,
            if said.by_client { &OUTSIDE } else { &INSIDE },
            if said.by_client { "ge-0/0/0" } else { "ge-0/0/1" },
        );
        let came = one(self.ground.send(side, &segment), port);
        let window = converted(segment.window, shift);
        let wanted = if said.by_client {
            let server = |n: u32| n.wrapping_sub(legs.seq);
            Tcp {
                dst: names.server.parse().unwrap(),
                ack: server(acked),
                window,
                options: [stamped(with, stamp, echo.wrapping_sub(legs.stamp)), blocks(server(acked), count)]
                    .concat(),
                ..segment
            }
        } else {
            let shown = stamped(with, stamp.wrapping_add(legs.stamp), echo);
            Tcp {
                src: names.asked.parse().unwrap(),
                seq: seq.wrapping_add(legs.seq),
                window,
                options: [shown, blocks(acked, count)].concat(),
                ..segment
            }
        };
        assert_eq!(came, wanted);
        let (other, seen, clock) = if said.by_client {
            (&mut self.server, next, stamp)
        } else {
            (&mut self.client, next.wrapping_add(legs.seq), stamp.wrapping_add(legs.stamp))
        };
        other.heard = seen;
        if with {
            other.echo = clock;
        }
    }

    fn end(&mut self, last: Last) {
        let plain = |by_client: bool| Said {
            by_client,
            len: 0,
            again: false,
            lag: false,
            window: 0,
            blocks: 0,
            stamped: true,
        };
        match last {
            Last::Reset { by_client } => self.say(&plain(by_client), R | A),
            Last::Finish { client_first } => {
                for (by_client, flags) in [(client_first, F | A), (!client_first, F | A), (client_first, A)] {
                    self.say(&plain(by_client), flags);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn each_end_hears_the_other_in_its_own_numbers(
        start in start(),
        all in prop::collection::vec(said(), 0..40),
        last in last(),
    ) {
        let (names, more) = [(PLAIN, ""), (NATTED, DNAT), (SIX, "")][start.names];
        let mode = if start.proxy { PROXY } else { "" };
        let setup = Setup { workers: Some(start.workers), ..Setup::default() };
        let mut ground = flooded(&[BASE, FLOOD, mode, more].concat(), setup, names);
        let (client, server, legs) = connect(&mut ground, names, &start);
        let mut talk = Talk { ground, names, stamps: start.stamps, client, server, legs };
        for said in &all {
            talk.say(said, if said.len == 0 { A } else { A | PUSH });
        }
        talk.end(last);
    }
}
