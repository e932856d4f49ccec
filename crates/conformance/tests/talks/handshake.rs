//! Handshakes that the firewall makes with client and server, by SYN cookie and by SYN proxy. Spec: screen-42, screen-58..71.

use std::time::Duration;

use crate::kit::{A, F, Ground, R, S, Side, Tcp, tcp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_conformance::bench::Setup;
use ravelin_engine::Checksum;
use ravelin_types::DropReason;

pub const OUTSIDE: Side = Side { port: "ge-0/0/1", host: "198.51.100.2" };
pub const INSIDE: Side = Side { port: "ge-0/0/0", host: "10.1.0.2" };
/// The client's first number and the server's.
pub const C: u32 = 0xffff_fff0;
pub const V: u32 = 7000;

pub const BASE: &str = include_str!("../../configs/screen.conf");
pub const FLOOD: &str = "set security screen ids-option untrust-screen tcp syn-flood attack-threshold 1\n";
pub const DNAT: &str = "\
set security nat destination pool web address 10.1.0.2/32 port 8080
set security nat destination rule-set in from zone untrust
set security nat destination rule-set in rule web match destination-address 203.0.113.80/32
set security nat destination rule-set in rule web match destination-port 80
set security nat destination rule-set in rule web then destination-nat pool web
";
const PROXY: &str = "set security flow syn-flood-protection-mode syn-proxy\n";

/// What a client names and what its server hears.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub client: &'static str,
    pub asked: &'static str,
    pub server: &'static str,
}

pub const PLAIN: Names = Names { client: "198.51.100.2:4000", asked: "10.1.0.2:80", server: "10.1.0.2:80" };
pub const NATTED: Names =
    Names { client: "198.51.100.2:4000", asked: "203.0.113.80:80", server: "10.1.0.2:8080" };
pub const SIX: Names =
    Names { client: "[2001:db8:2::2]:4000", asked: "[2001:db8:1::2]:80", server: "[2001:db8:1::2]:80" };

/// MSS 1460, SACK permitted, timestamp, window scale.
fn options(timestamp: u32, echo: u32, scale: u8) -> Vec<u8> {
    let mut out = vec![2, 4, 5, 0xb4, 4, 2, 8, 10];
    out.extend(timestamp.to_be_bytes());
    out.extend(echo.to_be_bytes());
    out.extend([1, 3, 3, scale]);
    out
}

fn timestamps(timestamp: u32, echo: u32) -> Vec<u8> {
    [&[1, 1, 8, 10][..], &timestamp.to_be_bytes(), &echo.to_be_bytes()].concat()
}

fn timestamp_of(segment: &Tcp) -> u32 {
    let at = segment.options.windows(2).position(|pair| pair == [8, 10]).unwrap();
    u32::from_be_bytes(segment.options[at + 2..at + 6].try_into().unwrap())
}

impl Names {
    fn ask(&self, flags: u8, seq: u32, ack: u32) -> Tcp {
        tcp(self.client, self.asked, flags, seq, ack)
    }

    pub fn answer(&self, flags: u8, seq: u32, ack: u32) -> Tcp {
        tcp(self.server, self.client, flags, seq, ack)
    }
}

/// A flood goes on: the next request is answered in the server's place.
pub fn flooded(text: &str, setup: Setup, names: Names) -> Ground {
    let mut ground = Ground::new(text, setup);
    let mut first = names.ask(S, 1, 0);
    first.src.set_port(9);
    assert_eq!(ground.send(&OUTSIDE, &first).len(), 1);
    assert_eq!(ground.sessions(), 1);
    ground
}

fn one(left: Vec<(String, Tcp)>, port: &str) -> Tcp {
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].0, port);
    left[0].1.clone()
}

/// The client's request and ACK; our answer.
fn challenged(ground: &mut Ground, names: Names) -> (Tcp, Tcp) {
    let request = Tcp { options: options(100, 0, 7), ..names.ask(S, C, 0) };
    let answer = one(ground.send(&OUTSIDE, &request), "ge-0/0/1");
    assert_eq!((answer.src, answer.dst), (request.dst, request.src));
    assert_eq!((answer.flags, answer.ack, answer.window), (S | A, C.wrapping_add(1), 0));
    assert_eq!(ground.sessions(), 1, "a request that is answered costs no session");
    let ack = Tcp {
        window: 500,
        options: timestamps(101, timestamp_of(&answer)),
        ..names.ask(A, C.wrapping_add(1), answer.seq.wrapping_add(1))
    };
    (answer, ack)
}

/// A connection through both handshakes. Gives our cookie, and our timestamp.
pub fn connected(ground: &mut Ground, names: Names) -> (u32, u32) {
    let (answer, ack) = challenged(ground, names);
    completed(ground, names, &answer, &ack, &ack)
}

/// The client's ACK, or what the firewall hears in its place, and all that follows.
fn completed(ground: &mut Ground, names: Names, answer: &Tcp, ack: &Tcp, heard: &Tcp) -> (u32, u32) {
    let asked = one(ground.send(&OUTSIDE, heard), "ge-0/0/0");
    assert_eq!((asked.src, asked.dst), (ack.src, names.server.parse().unwrap()));
    assert_eq!((asked.flags, asked.seq, asked.ack), (S, C, 0));
    // The client's window is scaled by seven; in a request it is not.
    assert_eq!((asked.window, timestamp_of(&asked)), (500 << 7, 101));
    assert_eq!(asked.options, options(101, 0, 7), "what the client offered");
    assert_eq!(ground.sessions(), 2);
    let answered =
        Tcp { window: 30_000, options: options(9000, 101, 5), ..names.answer(S | A, V, C.wrapping_add(1)) };
    let left = ground.send(&INSIDE, &answered);
    assert_eq!(left.len(), 2, "{left:?}");
    let to = |port: &str| left.iter().find(|(name, _)| name == port).unwrap().1.clone();
    let ended = to("ge-0/0/0");
    assert_eq!((ended.flags, ended.seq, ended.ack), (A, C.wrapping_add(1), V + 1));
    assert_eq!((ended.window, &ended.options), (500, &timestamps(101, 9000)));
    let opened = to("ge-0/0/1");
    assert_eq!((opened.src, opened.dst), (ack.dst, ack.src));
    assert_eq!((opened.flags, opened.seq, opened.ack), (A, answer.seq.wrapping_add(1), C.wrapping_add(1)));
    // The server's 30000 bytes in the scale that we announced.
    assert_eq!(opened.window, 30_000 >> 7);
    (answer.seq, timestamp_of(answer))
}

/// Both directions, with SACK, and the reset of either side.
fn talks(ground: &mut Ground, names: Names, (cookie, clock): (u32, u32), reset_by_client: bool) {
    let next = C.wrapping_add(1);
    let own = |n: u32| cookie.wrapping_add(1).wrapping_add(n);
    let said = Tcp {
        window: 600,
        options: timestamps(102, clock),
        data: b"GET /".to_vec(),
        ..names.ask(A, next, own(0))
    };
    let heard = one(ground.send(&OUTSIDE, &said), "ge-0/0/0");
    let wanted = Tcp {
        ack: V + 1,
        options: timestamps(102, 9000),
        dst: names.server.parse().unwrap(),
        ..said.clone()
    };
    assert_eq!(heard, wanted);
    let said = Tcp {
        window: 1000,
        options: timestamps(9010, 102),
        data: b"200 OK!".to_vec(),
        ..names.answer(A, V + 1, next.wrapping_add(5))
    };
    let heard = one(ground.send(&INSIDE, &said), "ge-0/0/1");
    // 1000 in the server's scale 5 is 250 in our 7.
    let wanted = Tcp {
        seq: own(0),
        window: 250,
        options: timestamps(clock.wrapping_add(10), 102),
        src: names.asked.parse().unwrap(),
        ..said.clone()
    };
    assert_eq!(heard, wanted);
    // The first three bytes were lost on the way.
    let edges = |from: u32, to: u32| [&[1, 1, 5, 10][..], &from.to_be_bytes(), &to.to_be_bytes()].concat();
    let said =
        Tcp { options: edges(own(3), own(7)), window: 600, ..names.ask(A, next.wrapping_add(5), own(0)) };
    let heard = one(ground.send(&OUTSIDE, &said), "ge-0/0/0");
    assert_eq!((heard.ack, heard.options), (V + 1, edges(V + 4, V + 8)));
    if reset_by_client {
        let said = Tcp { window: 0, ..names.ask(R | A, next.wrapping_add(5), own(7)) };
        let heard = one(ground.send(&OUTSIDE, &said), "ge-0/0/0");
        assert_eq!((heard.flags, heard.seq, heard.ack), (R | A, next.wrapping_add(5), V + 8));
    } else {
        let said = Tcp { window: 0, ..names.answer(R, V + 8, 0) };
        let heard = one(ground.send(&INSIDE, &said), "ge-0/0/1");
        assert_eq!((heard.flags, heard.seq, heard.ack), (R, own(7), 0));
    }
}

#[test]
fn a_client_and_a_server_talk_through_two_handshakes() {
    for mode in ["", PROXY] {
        for (names, more) in [(PLAIN, ""), (NATTED, DNAT), (SIX, "")] {
            for workers in [1, 2, 5] {
                for checksum in [Checksum::Unverified, Checksum::Unknown] {
                    let setup = Setup { workers: Some(workers), checksum, ..Setup::default() };
                    let mut ground = flooded(&[BASE, FLOOD, mode, more].concat(), setup, names);
                    let ours = connected(&mut ground, names);
                    talks(&mut ground, names, ours, workers == 2);
                }
            }
        }
    }
}

/// The client believes to be connected and has something to say. What it hears of the window is zero: it probes that, with its
/// first number, for as long as nobody answers (RFC 9293 3.8.6.1).
#[test]
fn a_lost_ack_is_made_good_by_a_probe() {
    for mode in ["", PROXY] {
        for (names, more) in [(PLAIN, ""), (NATTED, DNAT), (SIX, "")] {
            for (workers, garbage) in [(1, ""), (2, "x"), (5, "")] {
                let setup = Setup { workers: Some(workers), ..Setup::default() };
                let mut ground = flooded(&[BASE, FLOOD, mode, more].concat(), setup, names);
                let (answer, ack) = challenged(&mut ground, names);
                let probe = Tcp { seq: C, data: garbage.into(), ..ack.clone() };
                let ours = completed(&mut ground, names, &answer, &ack, &probe);
                talks(&mut ground, names, ours, workers == 2);
            }
        }
    }
}

/// The server's window, lost on the way to the client, is told again to a probe.
#[test]
fn a_lost_window_is_asked_for_by_a_probe() {
    for mode in ["", PROXY] {
        for (names, more) in [(PLAIN, ""), (NATTED, DNAT), (SIX, "")] {
            let mut ground = flooded(&[BASE, FLOOD, mode, more].concat(), Setup::default(), names);
            let (cookie, clock) = connected(&mut ground, names);
            let next = C.wrapping_add(1);
            let probe = Tcp {
                window: 500,
                options: timestamps(103, clock),
                ..names.ask(A, C, cookie.wrapping_add(1))
            };
            let heard = one(ground.send(&OUTSIDE, &probe), "ge-0/0/0");
            assert_eq!(
                (heard.flags, heard.seq, heard.ack, heard.options),
                (A, C, V + 1, timestamps(103, 9000))
            );
            let told = Tcp { window: 1000, options: timestamps(9001, 103), ..names.answer(A, V + 1, next) };
            let heard = one(ground.send(&INSIDE, &told), "ge-0/0/1");
            assert_eq!((heard.seq, heard.ack, heard.window), (cookie.wrapping_add(1), next, 250));
            talks(&mut ground, names, (cookie, clock), false);
        }
    }
}

#[test]
fn a_client_without_options_talks_too() {
    let names = PLAIN;
    let mut ground = flooded(&[BASE, FLOOD].concat(), Setup::default(), names);
    let answer = one(ground.send(&OUTSIDE, &names.ask(S, C, 0)), "ge-0/0/1");
    assert_eq!(answer.options, [2, 4, 5, 0xb4], "nothing but the segment size of the way out");
    let ack = names.ask(A, C.wrapping_add(1), answer.seq.wrapping_add(1));
    let asked = one(ground.send(&OUTSIDE, &ack), "ge-0/0/0");
    assert_eq!((asked.window, &asked.options[..]), (1000, &[2, 4, 2, 24][..]), "536 is what no word means");
    let left = ground.send(&INSIDE, &Tcp { window: 9, ..names.answer(S | A, V, C.wrapping_add(1)) });
    assert_eq!(left.len(), 2);
    let said = names.ask(A, C.wrapping_add(1), answer.seq.wrapping_add(1));
    let heard = one(ground.send(&OUTSIDE, &said), "ge-0/0/0");
    assert_eq!(heard, Tcp { ack: V + 1, ..said });
}

/// Nothing comes of an ACK, and it is said why.
#[track_caller]
fn comes_to_nothing(ground: &mut Ground, ack: &Tcp, reason: DropReason) {
    let (sessions, dropped) = (ground.sessions(), ground.dropped(reason));
    assert_eq!(ground.send(&OUTSIDE, ack), []);
    assert_eq!((ground.sessions(), ground.dropped(reason)), (sessions, dropped + 1));
}

#[test]
fn a_forged_cookie_opens_nothing() {
    let reason = DropReason::SynCookieInvalid;
    for mode in ["", PROXY] {
        let mut ground = flooded(&[BASE, FLOOD, mode].concat(), Setup::default(), PLAIN);
        let (_, ack) = challenged(&mut ground, PLAIN);
        let reason = if mode.is_empty() { reason } else { DropReason::TcpNotSyn };
        for bit in 0..30 {
            comes_to_nothing(&mut ground, &Tcp { ack: ack.ack ^ 1 << bit, ..ack.clone() }, reason);
        }
        comes_to_nothing(&mut ground, &Tcp { seq: ack.seq.wrapping_add(1), ..ack.clone() }, reason);
        let mut other = ack.clone();
        other.src.set_port(4001);
        comes_to_nothing(&mut ground, &other, reason);
        // What was agreed is under the hash too: another scale.
        if mode.is_empty() {
            let scaled = timestamps(101, u32::from_be_bytes(ack.options[8..12].try_into().unwrap()) ^ 1);
            comes_to_nothing(&mut ground, &Tcp { options: scaled, ..ack.clone() }, reason);
        }
        assert_eq!(ground.send(&OUTSIDE, &ack).len(), 1, "the right one opens");
    }
}

#[test]
fn a_cookie_opens_one_connection() {
    for (mode, reason) in [("", DropReason::SynCookieInvalid), (PROXY, DropReason::TcpNotSyn)] {
        let mut ground = flooded(&[BASE, FLOOD, mode].concat(), Setup::default(), PLAIN);
        let (_, ack) = challenged(&mut ground, PLAIN);
        assert_eq!(ground.send(&OUTSIDE, &ack).len(), 1);
        // The server refuses, and the client's own segments come once more.
        let left = ground.send(&INSIDE, &PLAIN.answer(R | A, 0, C.wrapping_add(1)));
        let reset = one(left, "ge-0/0/1");
        assert_eq!((reset.flags, reset.seq, reset.ack), (R | A, ack.ack, ack.seq));
        assert_eq!(ground.sessions(), 1);
        comes_to_nothing(&mut ground, &ack, reason);
    }
}

#[test]
fn a_cookie_two_rotations_old_opens_nothing() {
    for (seconds, opens) in [(0, true), (63, true), (127, false), (128, false), (200, false)] {
        let mut ground = Ground::new(&[BASE, FLOOD].concat(), Setup::default());
        // The secret of the cookie is that of the time from 64 s to 128 s.
        let _ = ground.wait(Duration::from_secs(65));
        assert_eq!(
            ground
                .send(&OUTSIDE, &Tcp { src: "198.51.100.2:9".parse().unwrap(), ..PLAIN.ask(S, 1, 0) })
                .len(),
            1
        );
        let (_, ack) = challenged(&mut ground, PLAIN);
        let _ = ground.wait(Duration::from_secs(seconds));
        assert_eq!(ground.send(&OUTSIDE, &ack).len(), usize::from(opens), "after {seconds} s");
    }
}

#[test]
fn a_proxied_request_waits_no_longer_than_its_timeout() {
    let timeout = "set security screen ids-option untrust-screen tcp syn-flood timeout 3\n";
    for (seconds, opens) in [(2, true), (3, false)] {
        let mut ground = flooded(&[BASE, FLOOD, PROXY, timeout].concat(), Setup::default(), PLAIN);
        let (_, ack) = challenged(&mut ground, PLAIN);
        let _ = ground.wait(Duration::from_secs(seconds));
        assert_eq!(ground.send(&OUTSIDE, &ack).len(), usize::from(opens), "after {seconds} s");
    }
}

#[test]
fn the_proxys_queue_is_bounded_and_the_cookies_need_none() {
    let queue = "set security screen ids-option untrust-screen tcp syn-flood queue-size 200
        set security screen ids-option untrust-screen tcp syn-flood source-threshold 100000
        set security screen ids-option untrust-screen tcp syn-flood destination-threshold 100000\n";
    for (mode, most) in [(PROXY, 200), ("", 1000)] {
        let mut ground = flooded(&[BASE, FLOOD, mode, queue].concat(), Setup::default(), PLAIN);
        let ask = |port: u16| Tcp { src: ([198, 51, 100, 7], port).into(), ..PLAIN.ask(S, C, 0) };
        let answers: usize = (1000..2000).map(|port| ground.send(&OUTSIDE, &ask(port)).len()).sum();
        assert!(answers <= most && answers > most * 9 / 10, "{answers}");
        assert_eq!(ground.dropped(DropReason::SynFlood), 1000 - answers as u64);
        assert_eq!(ground.sessions(), 1);
        // Their time is over: there is room again.
        let _ = ground.wait(Duration::from_secs(30));
        let answers: usize = (1000..1100).map(|port| ground.send(&OUTSIDE, &ask(port)).len()).sum();
        assert!(answers >= 99, "{answers}");
    }
}

#[test]
fn a_listed_client_is_let_through_and_another_port_too() {
    let list = "set security screen ids-option untrust-screen tcp syn-flood white-list known source-address 198.51.100.3/32\n";
    let mut ground = flooded(&[BASE, FLOOD, list].concat(), Setup::default(), PLAIN);
    let listed = Tcp { src: "198.51.100.3:5".parse().unwrap(), ..PLAIN.ask(S, C, 0) };
    assert_eq!(one(ground.send(&OUTSIDE, &listed), "ge-0/0/0").flags, S);
    let other = Tcp { dst: "10.1.0.2:81".parse().unwrap(), ..PLAIN.ask(S, C, 0) };
    assert_eq!(one(ground.send(&OUTSIDE, &other), "ge-0/0/0").flags, S);
}

/// The request is judged by policy, route and NAT when the client has proved to be there, and not before.
#[test]
fn a_client_that_no_policy_permits_is_reset() {
    let denied = BASE.replace("policy all then permit", "policy all then deny");
    let mut ground = Ground::new(&[&denied, FLOOD].concat(), Setup::default());
    assert_eq!(ground.send(&OUTSIDE, &PLAIN.ask(S, 1, 0)), []);
    let answer = one(ground.send(&OUTSIDE, &PLAIN.ask(S, C, 0)), "ge-0/0/1");
    let ack = PLAIN.ask(A, C.wrapping_add(1), answer.seq.wrapping_add(1));
    let reset = one(ground.send(&OUTSIDE, &ack), "ge-0/0/1");
    assert_eq!((reset.flags, reset.seq), (R, answer.seq.wrapping_add(1)));
    assert_eq!((ground.sessions(), ground.dropped(DropReason::PolicyDeny)), (0, 2));
}

/// What a client says before its server has answered is said again; a server that never does costs it its connection.
#[test]
fn a_server_that_is_silent_is_asked_again_and_then_given_up() {
    let mut ground = flooded(&[BASE, FLOOD].concat(), Setup::default(), PLAIN);
    let (answer, ack) = challenged(&mut ground, PLAIN);
    assert_eq!(ground.send(&OUTSIDE, &ack).len(), 1);
    let early = Tcp { data: b"early".to_vec(), ..ack.clone() };
    comes_to_nothing(&mut ground, &early, DropReason::TcpNotEstablished);
    comes_to_nothing(&mut ground, &Tcp { flags: F | A, ..ack.clone() }, DropReason::TcpNotEstablished);
    comes_to_nothing(
        &mut ground,
        &Tcp { flags: R, seq: ack.seq ^ 64, ..ack.clone() },
        DropReason::TcpRstOutOfWindow,
    );
    let mut times = Vec::new();
    let mut last = None;
    for second in 1..40 {
        for (port, frame) in ground.wait(Duration::from_secs(1)) {
            times.push(second);
            last = Some((port, Tcp::read(&frame)));
        }
    }
    assert_eq!(times.len(), 5, "{times:?}");
    assert_eq!(times[..3], [1, 3, 7], "each time after twice as long");
    let (port, reset) = last.unwrap();
    assert_eq!((port.as_str(), reset.flags, reset.seq), ("ge-0/0/1", R | A, answer.seq.wrapping_add(1)));
    assert_eq!(ground.sessions(), 0);
}

#[test]
fn a_client_that_gives_up_first_takes_its_session_along() {
    let mut ground = flooded(&[BASE, FLOOD].concat(), Setup::default(), PLAIN);
    let (_, ack) = challenged(&mut ground, PLAIN);
    assert_eq!(ground.send(&OUTSIDE, &ack).len(), 1);
    let reset =
        one(ground.send(&OUTSIDE, &Tcp { flags: R, ack: 0, options: vec![], ..ack.clone() }), "ge-0/0/0");
    assert_eq!((reset.flags, reset.seq), (R, C.wrapping_add(1)));
    assert_eq!(ground.sessions(), 1);
}

#[test]
fn early_data_passes_once_the_server_is_there() {
    let mut ground = flooded(&[BASE, FLOOD].concat(), Setup::default(), PLAIN);
    let (_, ack) = challenged(&mut ground, PLAIN);
    let with_data = Tcp { data: b"hello".to_vec(), ..ack.clone() };
    let asked = one(ground.send(&OUTSIDE, &with_data), "ge-0/0/0");
    assert_eq!((asked.flags, asked.data.len()), (S, 0));
    assert_eq!(ground.send(&INSIDE, &PLAIN.answer(S | A, V, C.wrapping_add(1))).len(), 2);
    let heard = one(ground.send(&OUTSIDE, &with_data), "ge-0/0/0");
    assert_eq!((heard.ack, heard.data), (V + 1, b"hello".to_vec()));
}

/// While a flood goes on, segments that are nobody's third of a handshake die as ever; those of sessions pass.
#[test]
fn other_segments_are_left_alone() {
    let mut ground = Ground::new(&[BASE, FLOOD].concat(), Setup::default());
    assert_eq!(ground.send(&OUTSIDE, &PLAIN.ask(S, C, 0)).len(), 1);
    assert_eq!(ground.send(&INSIDE, &PLAIN.answer(S | A, V, C.wrapping_add(1))).len(), 1);
    let mut flood = PLAIN.ask(S, 5, 0);
    flood.src.set_port(11);
    assert_eq!(one(ground.send(&OUTSIDE, &flood), "ge-0/0/1").flags, S | A);
    let said = PLAIN.ask(A, C.wrapping_add(1), V + 1);
    assert_eq!(one(ground.send(&OUTSIDE, &said), "ge-0/0/0"), said);
    let mut stray = PLAIN.ask(F | A, C.wrapping_add(1), V + 1);
    stray.src.set_port(12);
    comes_to_nothing(&mut ground, &stray, DropReason::TcpNotSyn);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]
    /// A guessed ACK is right once in 134 million: none of these is.
    #[test]
    fn no_guess_opens_a_session(guesses in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u16>()), 32)) {
        let mut ground = flooded(&[BASE, FLOOD].concat(), Setup::default(), PLAIN);
        let _ = challenged(&mut ground, PLAIN);
        for (seq, ack, port) in guesses {
            let guess = Tcp { src: ([198, 51, 100, 2], port.max(10)).into(), ..PLAIN.ask(A, seq, ack) };
            let _ = ground.send(&OUTSIDE, &guess);
        }
        prop_assert_eq!(ground.sessions(), 1);
    }
}
