//! Conversations as text, with what each segment is to meet.
//!
//! A line is `> FLAGS SEQ[:ACK] [+LEN] [wWINDOW] [sSCALE] [kSACK] [cut] = OUTCOME`, `<` for the reverse
//! direction. Flags: S A F R P U, `-` for none. The outcome is `pass`, `anew` or the name of the
//! drop without `tcp-`, then what else changes: a timeout's name, `end-fin`, `end-rst`,
//! `answer SEQ:ACK:WINDOW`. A line `state NAME` asks for the state. The first line opens the session; one that
//! opens none must be the last.

use ravelin_tcp::{
    Arrival, Conversation, Direction, End, Extent, Judgement, Segment, Seq, TcpDrop, TcpRules, Timeout,
    Verdict,
};
use ravelin_wire::TcpFlags;

/// Runs a script under the rules and compares every line.
pub fn check(rules: &TcpRules, script: &str) {
    run(rules, Arrival::Plain, script);
}

/// As [`check`]; the first packet comes as told.
pub fn run(rules: &TcpRules, arrival: Arrival, script: &str) {
    let mut conversation: Option<Conversation> = None;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("state ") {
            let state = conversation.map(|c| format!("{:?}", c.state()));
            assert_eq!(state.as_deref(), Some(name), "in\n{script}");
            continue;
        }
        if line == "taken over" {
            conversation.as_mut().expect("a session").resynchronise();
            continue;
        }
        let (what, expected) = line.split_once(" = ").expect("an outcome");
        let (direction, segment) = segment(what);
        let outcome = match &mut conversation {
            Some(conversation) => judged(&conversation.judge(direction, &segment, rules)),
            None => match Conversation::open(&segment, arrival, rules) {
                Err(reason) => name(reason).to_owned(),
                Ok(opened) => {
                    conversation = Some(opened.conversation);
                    format!("pass {}", timeout(opened.timeout))
                }
            },
        };
        assert_eq!(outcome, expected.trim(), "`{line}` in\n{script}");
    }
}

fn segment(line: &str) -> (Direction, Segment) {
    let mut words = line.split_whitespace();
    let direction = match words.next() {
        Some(">") => Direction::Initial,
        Some("<") => Direction::Reverse,
        other => panic!("`{other:?}` is no direction"),
    };
    let flags = words.next().expect("flags").chars().map(flag).fold(0, |all, flag| all | flag);
    let numbers = words.next().expect("numbers");
    let (seq, ack) = numbers.split_once(':').unwrap_or((numbers, "0"));
    let mut segment = Segment {
        seq: Seq(number(seq)),
        ack: Seq(number(ack)),
        len: 0,
        window: 1000,
        flags: TcpFlags(flags),
        extent: Extent::Whole,
        scale: None,
        sack: None,
    };
    for word in words {
        let value = || number(&word[1..]);
        match word.as_bytes()[0] {
            b'+' => segment.len = value(),
            b'w' => segment.window = value() as u16,
            b's' => segment.scale = Some(value() as u8),
            b'k' => segment.sack = Some(Seq(value())),
            b'c' => segment.extent = Extent::Cut,
            _ => panic!("`{word}` is no part of a segment"),
        }
    }
    (direction, segment)
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn flag(letter: char) -> u8 {
    match letter {
        'S' => TcpFlags::SYN,
        'A' => TcpFlags::ACK,
        'F' => TcpFlags::FIN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'U' => TcpFlags::URG,
        '-' => 0,
        other => panic!("`{other}` is no flag"),
    }
}

fn judged(judgement: &Judgement) -> String {
    let mut text = match judgement.verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::StartAnew => "anew".to_owned(),
        Verdict::Drop(reason) => name(reason).to_owned(),
    };
    if let Some(class) = judgement.timeout {
        text.push(' ');
        text.push_str(timeout(class));
    }
    match judgement.end {
        Some(End::Fin) => text.push_str(" end-fin"),
        Some(End::Rst) => text.push_str(" end-rst"),
        None => {}
    }
    if let Some(answer) = judgement.answer {
        text.push_str(&format!(" answer {}:{}:{}", answer.seq.0, answer.ack.0, answer.window));
    }
    text
}

fn name(reason: TcpDrop) -> &'static str {
    reason.name().strip_prefix("tcp-").expect("every name starts alike")
}

fn timeout(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Initial => "initial",
        Timeout::Established => "established",
        Timeout::HalfClosed => "half-closed",
        Timeout::Closing => "closing",
        Timeout::TimeWait => "time-wait",
    }
}
