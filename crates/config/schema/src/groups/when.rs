//! Conditions under which a group is in force: `groups G when { ... }`, all of them together.
//!
//! Time is an argument: who has a clock says what it shows, and asks again when it shows something else. A configuration
//! is checked as it is at every time that its conditions tell apart. Spec: language-34, language-73..75.

use std::collections::BTreeSet;

use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Tree};

use super::{ClusterNode, Expander, is_bracket};

/// Configurations that conditions on time may make of one.
pub const PHASES_MAX: usize = 64;

/// What this system calls itself: `show version`.
const MODEL: &str = "ravelin";

/// Where and when a configuration is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    pub node: ClusterNode,
    /// Nothing that hangs on time is in force for whoever has no clock.
    pub clock: Option<Clock>,
}

impl From<ClusterNode> for Situation {
    fn from(node: ClusterNode) -> Self {
        Self { node, clock: None }
    }
}

/// What a clock on the wall shows. Earlier is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// Year, month, day.
    pub date: (i16, u8, u8),
    /// Since midnight.
    pub second: u32,
}

/// When a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    /// Every day, over midnight when it ends before it begins.
    Daily { from: u32, to: u32 },
    /// From then on, or until.
    Once { from: Clock, to: Option<Clock> },
}

/// A moment as written, `[yyyy-mm-dd.]hh[:mm[:ss]]`.
#[derive(Clone, Copy)]
struct Moment {
    date: Option<(i16, u8, u8)>,
    second: u32,
    /// Without minutes.
    is_hour: bool,
}

impl Moment {
    fn parse(word: &str) -> Option<Self> {
        let (date, time) = match word.split_once('.') {
            Some((date, time)) => (Some(date), time),
            None => (None, word),
        };
        let parts: Option<Vec<u32>> = time.split(':').map(|part| number(part, 2)).collect();
        let (hour, minute, second) = match parts?[..] {
            [hour] => (hour, 0, 0),
            [hour, minute] => (hour, minute, 0),
            [hour, minute, second] => (hour, minute, second),
            _ => return None,
        };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let date = match date.map(|date| date.split('-').collect::<Vec<_>>()) {
            None => None,
            Some(parts) => Some(day(&parts)?),
        };
        Some(Self { date, second: hour * 3600 + minute * 60 + second, is_hour: !time.contains(':') })
    }
}

fn number(word: &str, digits: usize) -> Option<u32> {
    let fits = (1..=digits).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| word.parse().ok()).flatten()
}

fn day(parts: &[&str]) -> Option<(i16, u8, u8)> {
    let [year, month, day] = parts else { return None };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let fits = year >= 1970 && (1..=days).contains(&day);
    fits.then_some((i16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
}

impl Period {
    /// The words behind `time`.
    fn parse(words: &[&str]) -> Result<Self, &'static str> {
        const FORM: &str = "invalid time; expecting [yyyy-mm-dd.]hh:mm[:ss] [to [yyyy-mm-dd.]hh:mm[:ss]]";
        let (from, to) = match words {
            [from] => (from, None),
            [from, "to", to] => (from, Some(to)),
            _ => return Err(FORM),
        };
        let from = Moment::parse(from).ok_or(FORM)?;
        let to = to.map(|to| Moment::parse(to).ok_or(FORM)).transpose()?;
        let clock = |moment: Moment| moment.date.map(|date| Clock { date, second: moment.second });
        match (clock(from), to) {
            (Some(from), None) => Ok(Self::Once { from, to: None }),
            (Some(from), Some(to)) => match clock(to) {
                Some(to) if to > from => Ok(Self::Once { from, to: Some(to) }),
                Some(_) => Err("end is not after start"),
                None => Err("a start with a date needs an end with one"),
            },
            (None, None) => Err("a time of day needs `to' and an end"),
            (None, Some(to)) if to.date.is_some() => Err("a start with a date is needed"),
            (None, Some(to)) if to.second == from.second => Err("end is start"),
            (None, Some(to)) if to.second < from.second && (from.is_hour || to.is_hour) => {
                Err("end is before start; write hours and minutes, hh:mm, if it is to go over midnight")
            }
            (None, Some(to)) => Ok(Self::Daily { from: from.second, to: to.second }),
        }
    }

    fn holds(self, clock: Clock) -> bool {
        match self {
            Self::Daily { from, to } if from < to => (from..to).contains(&clock.second),
            Self::Daily { from, to } => clock.second >= from || clock.second < to,
            Self::Once { from, to } => clock >= from && to.is_none_or(|to| clock < to),
        }
    }
}

/// Every period that conditions of a configuration speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Periods(Vec<Period>);

impl Periods {
    /// Of groups, applied or not.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        let groups = tree.nodes.iter().filter(|n| !n.inactive && n.name == "groups").flat_map(Node::active);
        let whens = groups.flat_map(Node::active).filter(|n| n.keyword() == "when");
        let mut found = Vec::new();
        for when in whens {
            each(when, |_, words| {
                if let ["time", words @ ..] = words
                    && let Ok(period) = Period::parse(words)
                    && !found.contains(&period)
                {
                    found.push(period);
                }
            });
        }
        Self(found)
    }

    /// Which of them hold.
    #[must_use]
    pub fn at(&self, clock: Clock) -> Vec<bool> {
        self.0.iter().map(|period| period.holds(clock)).collect()
    }

    /// A moment of each other configuration that they make from now on; without a clock, of each.
    ///
    /// # Errors
    /// There are more than [`PHASES_MAX`].
    pub fn others(&self, now: Option<Clock>) -> Result<Vec<Clock>, usize> {
        let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
        seen.insert(now.map_or_else(|| vec![false; self.0.len()], |now| self.at(now)));
        let mut out = Vec::new();
        for clock in self.moments(now) {
            if seen.insert(self.at(clock)) {
                out.push(clock);
            }
            if out.len() >= PHASES_MAX {
                return Err(PHASES_MAX);
            }
        }
        Ok(out)
    }

    /// Where anything may change: on every day that a period begins or ends, on the day after it (which need not be in
    /// any calendar), and today.
    fn moments(&self, now: Option<Clock>) -> Vec<Clock> {
        let mut seconds = BTreeSet::from([0]);
        let mut edges = BTreeSet::new();
        for period in &self.0 {
            match *period {
                Period::Daily { from, to } => seconds.extend([from, to]),
                Period::Once { from, to } => edges.extend(std::iter::once(from).chain(to)),
            }
        }
        let is_ahead = |clock: &Clock| now.is_none_or(|now| *clock >= now);
        let edges: Vec<Clock> = edges.into_iter().filter(is_ahead).collect();
        let mut dates = BTreeSet::from([now.map_or((1970, 1, 1), |now| now.date)]);
        for Clock { date: (year, month, day), second: _ } in now.iter().chain(&edges) {
            dates.extend([(*year, *month, *day), (*year, *month, *day + 1)]);
        }
        let daily = dates.iter().flat_map(|date| seconds.iter().map(|second| (*date, *second)));
        let daily = daily.map(|(date, second)| Clock { date, second }).filter(is_ahead);
        edges.iter().copied().chain(daily).collect()
    }
}

/// The conditions of a `when`, each with its words: `when { node node0; }` or, as a line has it, `when node node0`.
fn each<'a>(when: &'a Node, mut look: impl FnMut(&'a Node, &[&'a str])) {
    let own = (when.args.len() > 1).then_some(when);
    for condition in own.into_iter().chain(when.active()) {
        let words: Vec<&str> = condition.head().filter(|word| *word != "when").collect();
        look(condition, &words);
    }
}

impl<'a> Expander<'a> {
    /// Whether the conditions of a group hold, all of them.
    pub(super) fn in_force(&mut self, origin: u16, nodes: &'a [Node]) -> bool {
        let mut holds = true;
        for when in nodes.iter().filter(|n| !n.inactive && n.keyword() == "when") {
            each(when, |condition, words| {
                let bare = condition.children.is_empty() || std::ptr::eq(condition, when);
                holds &= self.holds(origin, condition, words, bare);
            });
        }
        holds
    }

    fn holds(&mut self, origin: u16, at: &Node, words: &[&str], bare: bool) -> bool {
        match words {
            ["node", name] if bare => self.situation.node.is_some_and(|node| *name == format!("node{node}")),
            // A node has one.
            ["routing-engine", engine @ ("re0" | "re1")] => *engine == "re0",
            ["peers", names @ ..] if names.iter().any(|name| !is_bracket(name)) => {
                self.host_name.is_some_and(|own| names.contains(&own))
            }
            ["time", time @ ..] if bare => match Period::parse(time) {
                Ok(period) => self.situation.clock.is_some_and(|clock| period.holds(clock)),
                Err(message) => {
                    self.tell(origin, at, words, |path, span| Diagnostic::error(path, span, message));
                    false
                }
            },
            ["model", model] if bare => {
                let holds = model.eq_ignore_ascii_case(MODEL);
                if !holds {
                    let message = format!("the group is not in force: this system's model is `{MODEL}'");
                    self.tell(origin, at, words, |path, span| Diagnostic::warning(path, span, message));
                }
                holds
            }
            [what @ ("chassis" | "member"), _] if bare => {
                let message = match *what {
                    "chassis" => "the group is not in force: this system has no chassis of that kind",
                    _ => "the group is not in force: this system is no member of a virtual chassis",
                };
                self.tell(origin, at, words, |path, span| Diagnostic::warning(path, span, message));
                false
            }
            _ => {
                let message = "statement not supported";
                self.tell(origin, at, words, |path, span| Diagnostic::error(path, span, message));
                false
            }
        }
    }

    /// Once a condition, wherever its group is applied.
    fn tell(
        &mut self,
        origin: u16,
        at: &Node,
        words: &[&str],
        finding: impl FnOnce(String, ravelin_syntax::Span) -> Diagnostic,
    ) {
        let known = (origin, at.span);
        if self.told_when.contains(&known) {
            return;
        }
        self.told_when.push(known);
        let path = format!("groups {} when {}", self.groups[usize::from(origin) - 1].name, words.join(" "));
        self.diagnostics.push(finding(path, at.span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    fn clock(second: u32) -> Clock {
        Clock { date: (2026, 11, 22), second }
    }

    fn hm(hour: u32, minute: u32) -> Clock {
        clock(hour * 3600 + minute * 60)
    }

    #[test]
    fn a_period_begins_at_its_start_and_ends_before_its_end() {
        for (words, inside, outside) in [
            ("9 to 17", vec![hm(9, 0), clock(17 * 3600 - 1)], vec![clock(9 * 3600 - 1), hm(17, 0)]),
            ("09:30 to 10:15:30", vec![hm(9, 30), clock(36929)], vec![hm(9, 29), clock(36930)]),
            ("22:00 to 06:00", vec![hm(22, 0), hm(0, 0), hm(5, 59)], vec![hm(6, 0), hm(21, 59)]),
            ("2026-11-22.09:00", vec![hm(9, 0)], vec![hm(8, 59)]),
            ("2026-11-21.09:00 to 2026-11-22.08:00", vec![hm(7, 59), hm(0, 0)], vec![hm(8, 0)]),
            ("2024-02-29.0 to 2026-11-23.0", vec![hm(0, 0)], vec![]),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let period = Period::parse(&words).unwrap_or_else(|e| panic!("{words:?}: {e}"));
            assert!(inside.iter().all(|clock| period.holds(*clock)), "{words:?}");
            assert!(!outside.iter().any(|clock| period.holds(*clock)), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for words in [
            "",
            "9",
            "09:00",
            "9 17",
            "9 to",
            "24:00 to 25:00",
            "9:60 to 10:00",
            "9:00:60 to 10:00",
            "a to b",
            "9:00:00:00 to 10",
            "9 to 5",
            "22 to 06:00",
            "9:00 to 9:00",
            "2026-02-29.09:00",
            "2026-13-01.09:00",
            "2026-11-22.09:00 to 10:00",
            "10:00 to 2026-11-22.09:00",
            "2026-11-22.09:00 to 2026-11-22.09:00",
            "+9 to 10",
            "009 to 10",
            "1969-01-01.09:00",
        ] {
            let list: Vec<&str> = words.split(' ').filter(|w| !w.is_empty()).collect();
            assert!(Period::parse(&list).is_err(), "{words}");
        }
    }

    fn periods(conditions: &[&str]) -> Periods {
        let group = |(n, c): (usize, &&str)| format!("groups {{ g{n} {{ when {{ {c}; }} }} }}\n");
        Periods::of(&read(&conditions.iter().enumerate().map(group).collect::<String>()).tree)
    }

    #[test]
    fn every_configuration_that_will_be_is_known_and_none_that_was() {
        let of = |conditions: &[&str], now| {
            let periods = periods(conditions);
            let others = periods.others(now).unwrap();
            let mut phases: Vec<_> = others.into_iter().map(|clock| periods.at(clock)).collect();
            phases.sort();
            phases
        };
        let noon = Some(hm(12, 0));
        assert!(of(&["node node0"], noon).is_empty());
        assert_eq!(of(&["time 9 to 17"], noon), [[false]]);
        assert_eq!(of(&["time 9 to 17"], None), [[true]]);
        assert_eq!(of(&["time 9 to 17", "time 9 to 17"], Some(hm(8, 0))), [[true]], "they are one");
        let over = [[false, false], [true, false], [true, true]];
        assert_eq!(of(&["time 9 to 17", "time 16 to 20"], Some(hm(18, 0))), over);
        assert!(of(&["time 2026-11-01.9 to 2026-11-21.9"], noon).is_empty(), "it is over");
        assert_eq!(of(&["time 2026-12-24.9"], noon), [[true]]);
        // Behind the day that it begins on, the mornings too.
        let all = [[false, true], [true, false], [true, true]];
        assert_eq!(of(&["time 2026-12-24.12:00", "time 9 to 10"], noon), all);
    }

    #[test]
    fn more_configurations_than_can_be_checked_are_an_error() {
        let many: Vec<String> = (0..70).map(|n| format!("time {}:{:02} to 23:59", n / 60, n % 60)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(periods(&many).others(None), Err(PHASES_MAX));
        assert!(periods(&many[..60]).others(None).is_ok());
    }
}
