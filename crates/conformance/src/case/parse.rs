//! Lines of a case to its steps.

use std::time::Duration;

use jiff::tz::TimeZone;
use ravelin_contract::Neighbour;
use ravelin_types::{DropReason, GroupId};

use super::packet::{self, number, word};
use super::{Action, Benches, Block, Case, CopyOf, Expect, GroupWord, Outcome, Packet, Source, Step, What};
use crate::bench::{Neighbours, Place, Setup};

type Fault = (usize, What);

/// A statement: a line and the indented lines that follow it.
struct Statement<'a> {
    line: usize,
    head: &'a str,
    body: Vec<&'a str>,
}

pub(super) fn case(name: &str, text: &str) -> Result<Case, Fault> {
    let mut case =
        Case { name: name.to_owned(), benches: Benches::Every, setup: Setup::default(), steps: Vec::new() };
    for statement in statements(text)? {
        let at = statement.line;
        let head = statement.head;
        match head.split_once(' ').unwrap_or((head, "")) {
            ("only", "simulator") => case.benches = Benches::OnlySimulator,
            ("bench", rest) => case.setup = setup(rest).map_err(|w| (at, w))?,
            ("config", base) => {
                let base = (!base.is_empty()).then(|| base.to_owned());
                case.steps.push(plain(at, Action::Config { base, text: statement.block() }));
            }
            ("commit", "") => case.steps.push(plain(at, Action::Commit(statement.block()))),
            _ => spoken(&statement, &mut case.steps).map_err(|w| (at, w))?,
        }
    }
    Ok(case)
}

fn plain(line: usize, action: Action) -> Step {
    Step { line, action, outcomes: None }
}

fn statements(text: &str) -> Result<Vec<Statement<'_>>, Fault> {
    let mut out: Vec<Statement<'_>> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.starts_with('#') || (text.trim().is_empty() && out.is_empty()) {
            continue;
        }
        if text.starts_with([' ', '\t']) || text.is_empty() {
            let Some(last) = out.last_mut() else {
                return Err((line, What::Statement(text.trim().to_owned())));
            };
            last.body.push(text.trim_end());
        } else {
            out.push(Statement { line, head: text.trim_end(), body: Vec::new() });
        }
    }
    Ok(out)
}

impl Statement<'_> {
    fn block(&self) -> Block {
        let lines = self.body.iter().map(|l| (*l).to_owned()).collect();
        Block { first_line: self.line + 1, lines }
    }
}

/// A statement of words, `repeat` unrolled with `$n` written out.
fn spoken(statement: &Statement<'_>, steps: &mut Vec<Step>) -> Result<(), What> {
    let body = statement.body.iter().map(|l| l.trim()).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let text = std::iter::once(statement.head).chain(body).collect::<Vec<_>>().join(" ");
    let Some(rest) = text.strip_prefix("repeat ") else {
        steps.push(step(statement.line, &text)?);
        return Ok(());
    };
    let (times, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let times: u32 = word("a number", times)?;
    for n in 1..=times {
        steps.push(step(statement.line, &rest.replace("$n", &n.to_string()))?);
    }
    Ok(())
}

fn step(line: usize, text: &str) -> Result<Step, What> {
    let (doing, outcomes) = match text.split_once("=>") {
        Some((doing, outcomes)) => (doing.trim(), Some(outcomes)),
        None => (text, None),
    };
    let outcomes = outcomes
        .map(|list| list.split(';').map(|o| outcome(o.trim())).collect::<Result<_, _>>())
        .transpose()?;
    Ok(Step { line, action: action(doing)?, outcomes })
}

/// What concerns redundancy groups.
fn cluster(what: &str, words: &[&str]) -> Result<Action, What> {
    let said = match (what, words) {
        ("member", [unit, group]) => {
            return Ok(Action::Join { unit: (*unit).to_owned(), group: GroupId(word("a group", group)?) });
        }
        ("fabric", [fabric, port]) => {
            return Ok(Action::Fabric { fabric: word("a fabric", fabric)?, port: (*port).to_owned() });
        }
        ("group", [_, "active"]) => GroupWord::Active,
        ("group", [_, "passive"]) => GroupWord::Passive,
        ("group", [_, "alive"]) => GroupWord::Alive,
        ("group", [_, "late"]) => GroupWord::Late,
        _ => return Err(What::Statement(format!("{what} {}", words.join(" ")))),
    };
    Ok(Action::Group(GroupId(word("a group", words[0])?), said))
}

fn action(text: &str) -> Result<Action, What> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["after", time] => Action::Wait(duration(time)?),
        ["clear", "sessions"] => Action::Clear,
        [word @ ("arm" | "disarm")] => Action::Arm(*word == "arm"),
        [word @ ("pressed" | "eased")] => Action::Press(*word == "pressed"),
        ["member" | "group" | "fabric", group @ ..] => cluster(words[0], group)?,
        ["link", port, state] => Action::Link {
            port: (*port).to_owned(),
            up: match *state {
                "up" => true,
                "down" => false,
                other => return Err(What::Word { expected: "`up' or `down'", found: other.to_owned() }),
            },
        },
        ["neighbour", unit, addr, state] => Action::Neighbour {
            unit: (*unit).to_owned(),
            addr: word("an address", addr)?,
            neighbour: match *state {
                "failed" => Neighbour::Failed,
                "gone" => Neighbour::Gone,
                mac => Neighbour::Reachable(word("a MAC, `failed' or `gone'", mac)?),
            },
        },
        ["sessions", count] => Action::Expect(Expect::Sessions(word("a number", count)?)),
        ["dropped", name, count] => Action::Expect(Expect::Dropped(reason(name)?, word("a number", count)?)),
        ["carried", "policy", name, carried @ ..] => {
            Action::Expect(Expect::Carried((*name).to_owned(), carried.join(" ")))
        }
        ["hits", of, name, count] => Action::Expect(hits(text, (of, name), word("a number", count)?)?),
        ["mirrored", name, count] => {
            Action::Expect(Expect::Mirrored((*name).to_owned(), word("a number", count)?))
        }
        ["lost", name, reason, count] => {
            let count = word("a number", count)?;
            Action::Expect(Expect::Lost((*name).to_owned(), (*reason).to_owned(), count))
        }
        ["gates", count] => Action::Expect(Expect::Gates(word("a number", count)?)),
        ["gate", _, ..] => Action::Expect(Expect::Gate(after(text, 1).trim().to_owned())),
        ["told", _, ..] => Action::Expect(Expect::Told(after(text, 1).trim().to_owned())),
        ["check", one, "!=", other] => Action::Expect(Expect::Differ(variable(one)?, variable(other)?)),
        ["check", one, "in", low, high] => {
            let (low, high) = (word("a port", low)?, word("a port", high)?);
            Action::Expect(Expect::Within(variable(one)?, low, high))
        }
        ["host", unit, ..] => {
            let source = Source::Other(Place::Host((*unit).to_owned()));
            Action::Send(source, Box::new(packet::sending(after(text, 2))?))
        }
        [place, _, ..] if place.contains('/') => {
            let name = (*place).to_owned();
            let source =
                if place.contains('.') { Source::Unit(name) } else { Source::Other(Place::Port(name)) };
            Action::Send(source, Box::new(packet::sending(after(text, 1))?))
        }
        words => match world(words)? {
            Some(action) => action,
            None => return Err(What::Statement(text.to_owned())),
        },
    })
}

/// What is counted under a name.
fn hits(text: &str, (of, name): (&str, &str), count: u64) -> Result<Expect, What> {
    let name = name.to_owned();
    Ok(match of {
        "policy" => Expect::PolicyHits(name, count),
        "filter" => Expect::FilterHits(name, count),
        "policer" => Expect::PolicerHits(name, count),
        "nat" => Expect::NatHits(name, count),
        _ => return Err(What::Statement(text.to_owned())),
    })
}

/// What policies hang on.
fn world(words: &[&str]) -> Result<Option<Action>, What> {
    Ok(Some(match words {
        ["clock", date, time] => {
            let wrong = || What::Word { expected: "a date and time", found: format!("{date} {time}") };
            let civil: jiff::civil::DateTime = format!("{date}T{time}").parse().map_err(|_| wrong())?;
            Action::Clock(TimeZone::UTC.to_timestamp(civil).map_err(|_| wrong())?)
        }
        ["resolved", name, addresses @ ..] => Action::Resolved {
            name: (*name).to_owned(),
            addresses: addresses.iter().map(|a| word("an address", a)).collect::<Result<_, _>>()?,
        },
        ["fed", url, entries @ ..] => {
            Action::Fed { url: (*url).to_owned(), entries: entries.iter().map(|e| (*e).to_owned()).collect() }
        }
        _ => return Ok(None),
    }))
}

fn outcome(text: &str) -> Result<Outcome, What> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["drop", name] => Outcome::Drop(reason(name)?),
        ["held"] => Outcome::Held,
        ["copy", port, options @ ..] => Outcome::Copy(copy(port, options)?),
        ["sent", count] => Outcome::Count(word("a number", count)?),
        ["answer", unit, ..] => {
            let unit = (*unit).to_owned();
            match packet::sending(after(text, 2))?.packet {
                Packet::Ip(pattern) => Outcome::Answer { unit, pattern },
                Packet::Ether { kind, payload } => Outcome::AnswerEther { unit, frame: (kind, payload) },
                Packet::Bytes(_) => return Err(What::Outcome(text.to_owned())),
            }
        }
        ["host", unit] => Outcome::Host { unit: (*unit).to_owned(), pattern: None },
        ["host", unit, ..] => {
            Outcome::Host { unit: (*unit).to_owned(), pattern: Some(pattern(after(text, 2))?.0) }
        }
        [unit] if unit.contains('/') => {
            Outcome::Forward { unit: (*unit).to_owned(), pattern: None, to: None }
        }
        [unit, ..] if unit.contains('/') => {
            let (pattern, to) = pattern(after(text, 1))?;
            Outcome::Forward { unit: (*unit).to_owned(), pattern: Some(pattern), to }
        }
        _ => return Err(What::Outcome(text.to_owned())),
    })
}

fn copy(port: &str, options: &[&str]) -> Result<CopyOf, What> {
    let mut copy = CopyOf { port: port.to_owned(), left: false, cut: None, vlan: None, to: None };
    for option in options {
        match option.split_once('=') {
            None if *option == "out" => copy.left = true,
            Some(("cut", bytes)) => copy.cut = Some(word("a number", bytes)?),
            Some(("vlan", tag)) => copy.vlan = Some(word("a tag", tag)?),
            Some(("to", mac)) => copy.to = Some(word("a MAC", mac)?),
            _ => return Err(What::Word { expected: "an option of a copy", found: (*option).to_owned() }),
        }
    }
    Ok(copy)
}

type Expected = (Box<super::Pattern>, Option<ravelin_types::Mac>);

fn pattern(text: &str) -> Result<Expected, What> {
    let sending = packet::sending(text)?;
    match sending.packet {
        Packet::Ip(pattern) => Ok((pattern, sending.to)),
        Packet::Ether { .. } | Packet::Bytes(_) => Err(What::Outcome(text.to_owned())),
    }
}

/// The text after so many words.
fn after(text: &str, words: usize) -> &str {
    (0..words)
        .fold(text.trim_start(), |rest, _| rest.split_once(' ').map_or("", |(_, rest)| rest.trim_start()))
}

fn setup(text: &str) -> Result<Setup, What> {
    let mut setup = Setup::default();
    for option in text.split_whitespace() {
        match option.split_once('=') {
            Some(("sessions", count)) => setup.sessions = word("a number", count)?,
            Some(("workers", count)) => setup.workers = Some(word("a number", count)?),
            Some(("neighbours", "told")) => setup.neighbours = Neighbours::Told,
            _ => return Err(What::Word { expected: "an option of the bench", found: option.to_owned() }),
        }
    }
    Ok(setup)
}

fn reason(name: &str) -> Result<DropReason, What> {
    let unknown = || What::Word { expected: "a drop reason", found: name.to_owned() };
    DropReason::from_name(name).ok_or_else(unknown)
}

fn variable(text: &str) -> Result<String, What> {
    match number(text)? {
        super::Number::Variable(name) => Ok(name),
        _ => Err(What::Word { expected: "a variable", found: text.to_owned() }),
    }
}

fn duration(text: &str) -> Result<Duration, What> {
    match text.strip_suffix("ms") {
        Some(ms) => Ok(Duration::from_millis(word("a time", ms)?)),
        None => Ok(Duration::from_secs(word("a time", text.strip_suffix('s').unwrap_or(text))?)),
    }
}
