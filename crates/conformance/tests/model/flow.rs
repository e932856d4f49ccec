//! Generated conversations: TCP with proper and improper segments, UDP, echo and what is for the firewall, under
//! generated `tcp-session` and application timeouts, while time passes. Verdicts, sessions and what is told must be those
//! of the model.

use std::net::IpAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{ACK, FIN, Model, Outcome, PSH, Packet, RST, SYN, Segment, URG};
use ravelin_sim::SimPlane;

use crate::kit::{From, ip, loaded, plane, run, runs};
use crate::said::{Tap, agree_on_policies, agree_on_replies};
use crate::seen::{expected, shown, told};

const UNITS: [&str; 2] = ["ge-0/0/0.0", "ge-0/0/1.0"];

/// Two zones that policies of every kind stand between; the applications have timeouts of their own.
const BASE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust host-inbound-traffic system-services ssh
set security zones security-zone untrust interfaces ge-0/0/1.0
set applications application web protocol tcp
set applications application web destination-port 80
set applications application web inactivity-timeout 40
set applications application forever protocol tcp
set applications application forever destination-port 443
set applications application forever inactivity-timeout never
set applications application quick protocol udp
set applications application quick destination-port 53
set applications application quick inactivity-timeout 6
set security policies from-zone trust to-zone untrust policy no match source-address any
set security policies from-zone trust to-zone untrust policy no match destination-address any
set security policies from-zone trust to-zone untrust policy no match application junos-telnet
set security policies from-zone trust to-zone untrust policy no then log session-init
set security policies from-zone trust to-zone untrust policy own match source-address any
set security policies from-zone trust to-zone untrust policy own match destination-address any
set security policies from-zone trust to-zone untrust policy own match application [ web forever quick ]
set security policies from-zone trust to-zone untrust policy own then permit
set security policies from-zone trust to-zone untrust policy own then log session-init session-close
set security policies from-zone trust to-zone untrust policy rest match source-address any
set security policies from-zone trust to-zone untrust policy rest match destination-address any
set security policies from-zone trust to-zone untrust policy rest match application any
set security policies from-zone trust to-zone untrust policy rest then permit
set security policies from-zone trust to-zone untrust policy rest then count
set security policies from-zone trust to-zone untrust policy rest then log session-close
";

fn config() -> impl Strategy<Value = String> {
    let checks = select(&["", "", "no-syn-check", "strict-syn-check"][..]);
    let rst = select(&["", "rst-invalidate-session", "rst-sequence-check"][..]);
    let fin = prop_oneof![3 => Just(""), 1 => Just("fin-invalidate-session")];
    let wait = select(
        &[
            "",
            "",
            "time-wait-state session-ageout",
            "time-wait-state session-timeout 4",
            "time-wait-state session-timeout 30",
        ][..],
    );
    let half = prop_oneof![2 => Just(""), 1 => Just("time-wait-state apply-to-half-close-state")];
    let one_way = select(
        &[
            "",
            "set security zones security-zone trust unidirectional-session-refreshing\n",
            "set security zones security-zone trust tcp-rst\n",
            "set security zones security-zone untrust tcp-rst\n",
            "set security policies from-zone trust to-zone untrust policy no then reject\n",
        ][..],
    );
    let initial = select(&["", "tcp-initial-timeout 4", "tcp-initial-timeout 60"][..]);
    let tcp = (checks, rst, fin, wait, half, initial);
    (tcp, one_way).prop_map(|((checks, rst, fin, wait, half, initial), one_way)| {
        let mut text = BASE.to_owned() + one_way;
        if !text.contains("policy no then reject") {
            text += "set security policies from-zone trust to-zone untrust policy no then deny\n";
        }
        for leaf in [checks, rst, fin, wait, half, initial].into_iter().filter(|leaf| !leaf.is_empty()) {
            text += &format!("set security flow tcp-session {leaf}\n");
        }
        text
    })
}

/// Who talks to whom: sides, ports and protocol.
const TALKS: [(&str, u16, &str, u16, u8); 9] = [
    ("10.0.0.2", 1000, "10.1.0.5", 80, 6),
    ("10.0.0.2", 1001, "10.1.0.5", 443, 6),
    ("2001:db8::2", 1000, "2001:db8:1::5", 8080, 6),
    ("10.0.0.2", 1000, "10.1.0.5", 23, 6),
    ("10.0.0.2", 1000, "10.0.0.1", 22, 6),
    ("10.0.0.2", 1000, "10.1.0.5", 53, 17),
    ("2001:db8::2", 1000, "2001:db8:1::5", 54, 17),
    ("10.0.0.2", 7, "10.1.0.5", 0, 1),
    ("10.0.0.2", 0, "10.1.0.5", 0, 47),
];

/// What is sent next, or how long nothing is.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// What an end of the conversation would send as it stands.
    Proper {
        talk: usize,
        choice: u8,
        len: u16,
        scale: Option<u8>,
    },
    /// A segment at a distance from where its sender stands.
    Odd {
        talk: usize,
        from_server: bool,
        flags: u8,
        seq: i64,
        ack: i64,
        window: u16,
        len: u16,
        scale: Option<u8>,
        sack: Option<i64>,
    },
    Wait(u64),
}

/// What an odd segment has set; more often what ends or begins.
const FLAGS: [u8; 14] = [
    SYN,
    SYN,
    SYN | ACK,
    ACK,
    ACK | PSH,
    ACK | URG,
    FIN | ACK,
    FIN,
    RST,
    RST,
    RST | ACK,
    0,
    SYN | FIN,
    SYN | RST,
];

/// From where its sender stands: windows are 20,000 or up to 65,535 bytes, the least slack 65,536.
const DISTANCES: [i64; 17] = [
    0,
    0,
    0,
    -1,
    1,
    2,
    -900,
    900,
    -40_000,
    40_000,
    66_000,
    -66_000,
    140_000,
    -140_000,
    1 << 21,
    1 << 28,
    -(1 << 28),
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let talk = || prop_oneof![6 => 0usize..3, 1 => 3usize..5, 2 => 5usize..9];
    let len = || select(&[0u16, 0, 1, 100, 1000][..]);
    let scale = || select(&[None, Some(0), Some(2), Some(7)][..]);
    let proper = (talk(), any::<u8>(), len(), scale()).prop_map(|(talk, choice, len, scale)| Step::Proper {
        talk,
        choice,
        len,
        scale,
    });
    let flags = select(&FLAGS[..]);
    let far = || select(&DISTANCES[..]);
    let window = select(&[0u16, 1, 1000, 30_000, u16::MAX][..]);
    let sack = select(&[None, None, None, None, Some(0i64), Some(-10), Some(10), Some(70_000)][..]);
    let odd = (talk(), any::<bool>(), flags, (far(), far()), (window, len(), scale(), sack)).prop_map(
        |(talk, from_server, flags, (seq, ack), (window, len, scale, sack))| Step::Odd {
            talk,
            from_server,
            flags,
            seq,
            ack,
            window,
            len,
            scale,
            sack,
        },
    );
    let waits = [
        100u64, 1000, 1900, 2000, 3900, 4000, 6000, 19_900, 20_000, 30_000, 40_000, 60_000, 150_000,
        1_800_000,
    ];
    let wait = select(waits.to_vec()).prop_map(Step::Wait);
    vec(prop_oneof![12 => proper, 4 => odd, 2 => wait], 1..70)
}

/// How the ends of a conversation stand, as far as what they sent got through.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// The next number of the client and of the server.
    next: [u32; 2],
    syn: [bool; 2],
}

/// Close to the wrap, so that numbers go over it.
const FRESH: Ends = Ends { next: [0xffff_ff00, 5], syn: [false; 2] };

fn segment(ends: &Ends, step: &Step) -> (usize, Segment) {
    match *step {
        Step::Proper { choice, len, scale, .. } => {
            let (from, flags) = match (ends.syn, choice % 16) {
                ([false, _], _) => (0, SYN),
                ([true, false], _) => (1, SYN | ACK),
                (_, 0) => (0, FIN | ACK),
                (_, 1) => (1, FIN | ACK),
                // A new connection on the same ports, and an old one's request.
                (_, 2 | 3) => (0, SYN),
                (_, choice) => (usize::from(choice % 2), ACK),
            };
            let len = if flags & SYN != 0 { 0 } else { len };
            let scale = scale.filter(|_| flags & SYN != 0);
            let ack = if flags & ACK != 0 { ends.next[1 - from] } else { 0 };
            let by = match (ends.syn, flags, choice % 16) {
                ([true, true], SYN, 2) => 10,
                ([true, true], SYN, _) => u32::MAX - 5,
                _ => 0,
            };
            let seq = ends.next[from].wrapping_add(by);
            (from, Segment { flags, seq, ack, window: 20_000, scale, sack: None, len })
        }
        Step::Odd { from_server, flags, seq, ack, window, len, scale, sack, .. } => {
            let from = usize::from(from_server);
            let at = |number: u32, by: i64| number.wrapping_add(by as u32);
            let (seq, ack) = (at(ends.next[from], seq), at(ends.next[1 - from], ack));
            let is_syn = flags & SYN != 0;
            let sack = sack.filter(|_| !is_syn).map(|by| at(ends.next[1 - from], by));
            (from, Segment { flags, seq, ack, window, scale: scale.filter(|_| is_syn), sack, len })
        }
        Step::Wait(_) => unreachable!("nothing is sent"),
    }
}

/// The packet of a step, and the number of the port that it comes in by.
fn packet(talk: usize, from: usize, tcp: Option<Segment>) -> (usize, Packet) {
    let (client, sport, server, dport, proto) = TALKS[talk];
    let (client, server): (IpAddr, IpAddr) = (ip(client), ip(server));
    let (src, sport, dst, dport) =
        if from == 0 { (client, sport, server, dport) } else { (server, dport, client, sport) };
    let len = if proto == 47 { 20 } else { 7 };
    (from, Packet { src, dst, proto, sport, dport, tcp, len, options: &[], ..Packet::PLAIN })
}

fn wait(plane: &SimPlane, model: &mut Model<'_>, ms: u64) {
    let workers = plane.workers();
    workers.advance(workers.now().plus(Duration::from_millis(ms)));
    for _ in 0..3 {
        let _ = workers.run_batch(&[]);
    }
    model.advance(ms);
}

proptest! {
    #![proptest_config(runs(23, 800))]
    #[test]
    fn engine_and_model_agree_on_conversations(text in config(), steps in steps(), workers in 1u8..=3) {
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let mut model = Model::new(&config);
        let (mut ends, mut tap) = ([FRESH; TALKS.len()], Tap::default());
        for step in &steps {
            let (Step::Proper { talk, choice, .. } | Step::Odd { talk, flags: choice, .. }) = *step else {
                let Step::Wait(ms) = *step else { unreachable!("all others have a talk") };
                wait(&plane, &mut model, ms);
                prop_assert_eq!(shown(&plane), expected(&model), "after {} ms in {:?}\n{}", ms, steps, text);
                continue;
            };
            let is_tcp = TALKS[talk].4 == 6;
            let (from, tcp) = match is_tcp {
                true => {
                    let (from, tcp) = segment(&ends[talk], step);
                    (from, Some(tcp))
                }
                // Of echo only requests are written.
                false => (usize::from(choice % 2 == 1 && TALKS[talk].4 != 1), None),
            };
            let (port, packet) = packet(talk, from, tcp);
            let sent = [(From::Port(port), packet)];
            let ran = run(&plane, &sent);
            tap.ran(&UNITS, &sent, &ran);
            let got = ran.fates[0].outcome.clone();
            let judged = model.agrees(UNITS[port], &packet, &got);
            if model.is_open() {
                return Ok(());
            }
            prop_assert_eq!(judged, Ok(()), "{:?} of {:?} after {:?} under\n{}", got, packet, steps, text);
            let replies = agree_on_replies(&plane, &mut model, &ran.said);
            replies.map_err(|e| TestCaseError::fail(format!("{e} about {packet:?} after {steps:?} under\n{text}")))?;
            let passed = !matches!(got, Outcome::Dropped(_));
            if let (Some(tcp), true) = (tcp, passed) {
                note(&mut ends[talk], from, &tcp, step);
            }
        }
        prop_assert_eq!(shown(&plane), expected(&model), "at the end of {:?} under\n{}", steps, text);
        for _ in 0..3 {
            wait(&plane, &mut model, 2_000_000);
        }
        tap.agrees(&plane)?;
        agree_on_policies(&plane, &model)?;
        let (mut got, mut should) = (told(&plane, |_| String::new()).told, model.told().to_vec());
        got.sort();
        should.sort();
        prop_assert_eq!(got, should, "told of {:?} under\n{}", steps, text);
    }
}

/// Moves the ends on by what got through and was where they stand.
fn note(ends: &mut Ends, from: usize, tcp: &Segment, step: &Step) {
    let is_there = !matches!(step, Step::Odd { seq, .. } if *seq != 0) || tcp.opens();
    if tcp.flags & RST != 0 || !is_there {
        return;
    }
    let is_old = matches!(step, Step::Proper { choice, .. } if choice % 16 == 3) && ends.syn == [true; 2];
    if is_old && tcp.opens() {
        return;
    }
    if tcp.opens() && from == 0 {
        *ends = Ends { next: [tcp.seq, ends.next[1]], syn: [true, false] };
    }
    let space = u32::from(tcp.len) + u32::from(tcp.has(SYN)) + u32::from(tcp.has(FIN));
    ends.next[from] = tcp.seq.wrapping_add(space);
    ends.syn[from] |= tcp.has(SYN);
}
