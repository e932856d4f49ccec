//! Conversations of the Linux kernel with itself, recorded between the ends (tests/traces).
//!
//! None of their segments is dropped, from whichever segment on the conversation is followed; of
//! segments put in between, those outside the naive reader's window are dropped, with their reason, and those
//! at its edge are not.

mod naive;
mod recorded;

use naive::Naive;
use ravelin_tcp::{
    Arrival, BlindAttack, Conversation, Direction, Extent, Segment, Seq, Sequence, State, SynCheck, TcpDrop,
    TcpRules, Verdict,
};
use ravelin_wire::TcpFlags;
use recorded::{Trace, read};

const LOSSY: &[&str] = &["bulk", "duplex6", "plain", "wrap", "half-close"];
const CALM: &[&str] = &[
    "keepalive",
    "zero-window",
    "simultaneous-close",
    "reset",
    "simultaneous-open",
    "port-reuse",
    "fast-open",
    "half-open",
    "lost-handshake",
];

fn every() -> impl Iterator<Item = (&'static str, Trace)> {
    let names = LOSSY.iter().chain(CALM);
    names.flat_map(|name| read(name).into_iter().map(|trace| (*name, trace)))
}

/// What became of a trace.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    drops: Vec<(usize, TcpDrop)>,
    /// Conversations begun on the ports of the last one.
    anew: usize,
    last: Option<State>,
}

/// Replays a trace from a segment on. Directions are those of the first segment followed.
fn replay(trace: &[(Direction, Segment)], rules: &TcpRules) -> Told {
    let mut told = Told::default();
    let mut following: Option<(Conversation, Direction)> = None;
    for (index, (direction, segment)) in trace.iter().enumerate() {
        if let Some((conversation, initial)) = &mut following {
            let sender = if direction == initial { Direction::Initial } else { Direction::Reverse };
            match conversation.judge(sender, segment, rules).verdict {
                Verdict::Pass => continue,
                Verdict::Drop(reason) => {
                    told.drops.push((index, reason));
                    continue;
                }
                Verdict::StartAnew => told.anew += 1,
            }
        }
        // A RST opens nothing, and that is no drop of a session.
        following = Conversation::open(segment, Arrival::Plain, rules)
            .ok()
            .map(|opened| (opened.conversation, *direction));
    }
    told.last = following.map(|(conversation, _)| conversation.state());
    told
}

#[test]
fn no_segment_of_a_recorded_conversation_is_dropped() {
    let count: usize = every().map(|(_, trace)| trace.len()).sum();
    assert!(count > 1500, "{count} segments are recorded");
    for (name, trace) in every() {
        assert_eq!(replay(&trace, &TcpRules::default()).drops, [], "{name}");
    }
}

/// `rst-sequence-check` takes only what the receiver ignores: a RST behind what it acknowledged.
#[test]
fn a_reset_that_was_taken_is_an_expected_one() {
    let exact = TcpRules { rst_sequence_check: true, ..TcpRules::default() };
    for (name, trace) in every() {
        for (at, reason) in replay(&trace, &exact).drops {
            let (direction, segment) = &trace[at];
            let acks = trace[..at].iter().filter(|(d, s)| d != direction && s.flags.has(TcpFlags::ACK));
            let acked = acks.map(|(_, s)| s.ack).reduce(Seq::later).expect("an ACK");
            assert_eq!(reason, TcpDrop::RstNotExpected, "{name}");
            assert!(segment.seq.is_before(acked), "{name} {at}: {segment:?}");
        }
    }
}

#[test]
fn conversations_end_as_they_did() {
    for (name, trace) in every() {
        let anew = match name {
            "port-reuse" => 2,
            "half-open" => 1,
            _ => 0,
        };
        let is_reset = trace.last().is_some_and(|(_, segment)| segment.flags.has(TcpFlags::RST));
        let last = if is_reset { State::Reset } else { State::TimeWait };
        let told = replay(&trace, &TcpRules::default());
        assert_eq!((told.anew, told.last), (anew, Some(last)), "{name}");
    }
}

/// Taken up at every segment in turn, without a SYN: nothing after it is dropped.
#[test]
fn no_segment_is_dropped_of_a_conversation_picked_up_anywhere() {
    let rules = TcpRules { syn_check: SynCheck::Off, ..TcpRules::default() };
    for (name, trace) in every() {
        for from in 0..trace.len() {
            let told = replay(&trace[from..], &rules);
            assert_eq!(told.drops, [], "{name} from {from}");
        }
    }
}

/// Taken over from a peer at every segment in turn, with what the peer knew at another.
#[test]
fn no_segment_is_dropped_of_a_conversation_taken_over() {
    let rules = TcpRules::default();
    for name in LOSSY {
        for trace in read(name) {
            let mut known =
                vec![Conversation::open(&trace[0].1, Arrival::Plain, &rules).unwrap().conversation];
            for (direction, segment) in &trace[1..] {
                let mut next = *known.last().unwrap();
                assert_eq!(next.judge(*direction, segment, &rules).verdict, Verdict::Pass);
                known.push(next);
            }
            let open = known.iter().position(|c| c.state() == State::Established).unwrap();
            for from in open + 1..trace.len() {
                let mut conversation = known[(from / 2).max(open)];
                if conversation.state() != State::Established {
                    continue;
                }
                conversation = Conversation::from_bytes(&conversation.to_bytes());
                conversation.resynchronise();
                for (index, (direction, segment)) in trace.iter().enumerate().skip(from) {
                    let verdict = conversation.judge(*direction, segment, &rules).verdict;
                    assert_eq!(verdict, Verdict::Pass, "{name} over at {from}: {index}");
                }
            }
        }
    }
}

/// Only one direction comes by; needs both checks off.
#[test]
fn half_of_a_conversation_flows_without_checks() {
    let rules = TcpRules { syn_check: SynCheck::Off, sequence: Sequence::Unchecked, ..TcpRules::default() };
    for (name, trace) in every() {
        for direction in [Direction::Initial, Direction::Reverse] {
            let half: Trace = trace.iter().filter(|(d, _)| *d == direction).copied().collect();
            assert_eq!(replay(&half, &rules).drops, [], "{name}");
        }
    }
}

/// The extension answers for the server what the server would have said.
#[test]
fn challenges_drop_nothing_but_the_syn_of_a_restarted_client() {
    let rules = TcpRules { blind_attack: BlindAttack::Challenge, ..TcpRules::default() };
    for (name, trace) in every() {
        let told = replay(&trace, &rules);
        match name {
            "half-open" => assert_eq!(told.drops[0], (5, TcpDrop::SynInWindow)),
            "lost-handshake" => assert!(told.drops.iter().all(|(_, d)| *d == TcpDrop::SynInWindow)),
            _ => assert_eq!(told.drops, [], "{name}"),
        }
    }
}

/// A segment of `side` put into the trace.
struct Put {
    what: &'static str,
    side: usize,
    flags: u8,
    seq: i64,
    len: u32,
    ack: i64,
    sack: Option<i64>,
    meets: Option<TcpDrop>,
}

/// Segments at and beyond each bound that the naive reader knows.
fn puts(naive: &Naive, side: usize) -> Vec<Put> {
    let (own, other) = (naive.sides[side], naive.sides[1 - side]);
    let sound = Put {
        what: "sound",
        side,
        flags: TcpFlags::ACK,
        seq: own.acked,
        len: 0,
        ack: other.acked,
        sack: None,
        meets: None,
    };
    let data = |what, end: i64, len: u32, meets| Put { what, seq: end - i64::from(len), len, meets, ..sound };
    let ack = |what, ack, meets| Put { what, ack, meets, ..sound };
    let rst = |what, seq, meets| Put { what, flags: TcpFlags::RST, seq, meets, ..sound };
    let (low, back) = (own.acked - naive.slack(side), other.acked - naive.slack(1 - side));
    let outside = Some(TcpDrop::OutOfWindow);
    let stray = Some(TcpDrop::AckOutOfWindow);
    let mut all = vec![
        data("at the window's edge", own.granted, 0, None),
        data("a probe", own.granted + 1, 0, None),
        data("beyond the window", own.granted + 2, 0, outside),
        data("data beyond the window", own.granted + 2, 100, outside),
        data("far beyond the window", own.granted + 2 + (1 << 29), 1, outside),
        data("half way round", own.granted + (1 << 30), 1, outside),
        data("old", low, 0, None),
        data("too old", low - 1, 0, outside),
        data("data too old", low - 1, 50, outside),
        ack("all that was sent", other.end, None),
        ack("more than was sent", other.end + 1, stray),
        ack("far more than was sent", other.end + (1 << 29), stray),
        ack("an old ack", back, None),
        ack("an ack too old", back - 1, stray),
        Put { what: "a sack", sack: Some(other.end), ..sound },
        Put {
            what: "a sack of nothing",
            sack: Some(other.end + 1),
            meets: Some(TcpDrop::SackOutOfWindow),
            ..sound
        },
        rst("a reset where expected", own.acked, None),
        rst("a reset in the window", own.granted, None),
        rst("a reset beyond", own.granted + 2, Some(TcpDrop::RstOutOfWindow)),
        rst("an old reset", own.acked - 1, None),
        rst("a reset too old", low - 1, Some(TcpDrop::RstOutOfWindow)),
        Put { what: "no flag", flags: 0, meets: Some(TcpDrop::BadFlags), ..sound },
        Put {
            what: "syn and fin",
            flags: TcpFlags::SYN | TcpFlags::FIN,
            meets: Some(TcpDrop::BadFlags),
            ..sound
        },
    ];
    if own.fin && own.acked == own.end {
        // What stands behind an acknowledged FIN has a reason of its own.
        let beyond = |put: &&mut Put| put.meets.is_none() && put.seq + i64::from(put.len) > own.end;
        let data = all.iter_mut().filter(|put| put.flags == TcpFlags::ACK).filter(beyond);
        data.for_each(|put| put.meets = Some(TcpDrop::AfterFin));
    }
    all
}

fn segment(naive: &Naive, put: &Put) -> Segment {
    Segment {
        seq: Seq(naive.number(put.side, put.seq)),
        ack: Seq(naive.number(1 - put.side, put.ack)),
        len: put.len,
        window: 0,
        flags: TcpFlags(put.flags),
        extent: Extent::Whole,
        scale: None,
        sack: put.sack.map(|edge| Seq(naive.number(1 - put.side, edge))),
    }
}

/// After each segment of each trace, 46 segments at and beyond the bounds.
#[test]
fn segments_put_outside_the_window_are_dropped_and_no_others() {
    let rules = TcpRules::default();
    let mut dropped = 0;
    for (name, trace) in every() {
        let mut conversation = Conversation::open(&trace[0].1, Arrival::Plain, &rules).unwrap().conversation;
        let mut naive = Naive::default();
        naive.see(0, &trace[0].1);
        for (at, (direction, genuine)) in trace.iter().enumerate().skip(1) {
            if conversation.judge(*direction, genuine, &rules).verdict != Verdict::Pass {
                break;
            }
            naive.see(*direction as usize, genuine);
            if !naive.is_open() || naive.resets > 0 {
                continue;
            }
            for (side, sender) in [Direction::Initial, Direction::Reverse].into_iter().enumerate() {
                for put in puts(&naive, side) {
                    let mut tried = conversation;
                    let verdict = tried.judge(sender, &segment(&naive, &put), &rules).verdict;
                    let expected = put.meets.map_or(Verdict::Pass, Verdict::Drop);
                    assert_eq!(verdict, expected, "{name}, {} of {sender:?} after {at}: {naive:?}", put.what);
                    if put.meets.is_some() {
                        assert_eq!(tried, conversation, "a drop changes nothing");
                        dropped += 1;
                    }
                }
            }
        }
    }
    assert!(dropped > 20_000, "{dropped}");
}

/// With all that put in between for good, exactly that is dropped, and every genuine segment passes.
#[test]
fn a_trace_with_segments_inserted_loses_exactly_those() {
    let rules = TcpRules::default();
    for (name, trace) in every() {
        let mut conversation = Conversation::open(&trace[0].1, Arrival::Plain, &rules).unwrap().conversation;
        let mut naive = Naive::default();
        naive.see(0, &trace[0].1);
        for (at, (direction, genuine)) in trace.iter().enumerate().skip(1) {
            let judged = conversation.judge(*direction, genuine, &rules).verdict;
            if judged == Verdict::StartAnew {
                break;
            }
            assert_eq!(judged, Verdict::Pass, "{name} {at}");
            naive.see(*direction as usize, genuine);
            if !naive.is_open() || naive.resets > 0 {
                continue;
            }
            for (side, sender) in [Direction::Initial, Direction::Reverse].into_iter().enumerate() {
                for put in puts(&naive, side).iter().filter(|put| put.meets.is_some()) {
                    let verdict = conversation.judge(sender, &segment(&naive, put), &rules).verdict;
                    assert_eq!(verdict, Verdict::Drop(put.meets.unwrap()), "{name} {at} {}", put.what);
                }
            }
        }
    }
}
