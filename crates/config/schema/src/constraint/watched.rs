//! Statements that constraints look for, by rule: when one of them comes or goes, others must be judged again.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use ravelin_syntax::tree::{Kind, Node};

use super::expression::{Expression, Part, Test};
use super::judged;
use crate::grammar::{ROOT, Rule, RuleId, grammar};

/// Rules whose statements must be judged again when some others came or went, and those that lead there.
#[derive(Default)]
pub(super) struct Again {
    rules: HashSet<u32>,
    above: HashSet<u32>,
}

impl Again {
    /// A statement came or went, and all in it.
    pub fn add(&mut self, node: &Node) {
        for rule in lookers().get(&node.rule).into_iter().flatten().copied() {
            if self.rules.insert(rule.0) {
                let up = |rule: &RuleId| grammar().rule(*rule).filter(|_| *rule != ROOT).map(|r| r.parent);
                self.above.extend(std::iter::successors(up(&rule), up).map(|rule| rule.0));
            }
        }
        node.children.iter().for_each(|node| self.add(node));
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn has(&self, rule: u32) -> bool {
        self.rules.contains(&rule)
    }

    /// Whether there may be such statements below one.
    pub fn leads_on(&self, rule: u32) -> bool {
        self.above.contains(&rule)
    }
}

/// By rule: the supported ones with a constraint that may look for its statements.
fn lookers() -> &'static HashMap<u32, Vec<RuleId>> {
    static LOOKERS: OnceLock<HashMap<u32, Vec<RuleId>>> = OnceLock::new();
    LOOKERS.get_or_init(|| {
        let mut out: HashMap<u32, Vec<RuleId>> = HashMap::new();
        for (id, judged) in (0..).map(RuleId).zip(judged()) {
            if !grammar().rule(id).is_some_and(Rule::supported) {
                continue;
            }
            let mut looked_for = HashSet::new();
            for (expression, extra) in [(&judged.own, 0), (&judged.key, 1)] {
                expression.iter().for_each(|e| of_expression(e, id, extra, &mut looked_for));
            }
            looked_for.into_iter().for_each(|rule| out.entry(rule).or_default().push(id));
        }
        out
    })
}

fn of_expression(expression: &Expression, of: RuleId, extra: usize, out: &mut HashSet<u32>) {
    match expression {
        Expression::And(all) | Expression::Or(all) => {
            all.iter().for_each(|e| of_expression(e, of, extra, out));
        }
        Expression::Not(inner) => of_expression(inner, of, extra, out),
        Expression::Test(test) => of_test(test, of, extra, out),
    }
}

fn of_test(test: &Test, of: RuleId, extra: usize, out: &mut HashSet<u32>) {
    let Some(start) = start(test, of, extra) else { return };
    // What `all` counts are the entries at the last wildcard too.
    let last = test.words.iter().rposition(|part| *part == Part::Any);
    for words in std::iter::once(&test.words[..]).chain(last.map(|at| &test.words[..=at])) {
        ends(start, words, out);
    }
}

/// The rule whose level a path begins at, as when a tree is judged.
fn start(test: &Test, of: RuleId, extra: usize) -> Option<RuleId> {
    let Some(up) = test.up else { return Some(ROOT) };
    let mut above = Vec::new();
    let mut at = of;
    while at != ROOT {
        let rule = grammar().rule(at)?;
        if !rule.homogeneous {
            above.push(at);
        }
        at = rule.parent;
    }
    above.reverse();
    let left = (above.len() + extra).checked_sub(up)?;
    match left.checked_sub(1) {
        None => Some(ROOT),
        Some(last) => above.get(last).copied(),
    }
}

/// Rules that a path may end at. Every value counts as one that fits.
fn ends(level: RuleId, words: &[Part], out: &mut HashSet<u32>) {
    for (id, rule) in grammar().children(level) {
        let fits = |part: &Part| match part {
            Part::Word(word) => *word == rule.name,
            Part::Any | Part::Own | Part::OwnDevice | Part::OwnUnit | Part::Of(_) | Part::Joined(..) => true,
        };
        let mut rest = words;
        if !rule.hidden {
            match rest.split_first() {
                Some((first, after)) if fits(first) => rest = after,
                _ => continue,
            }
        }
        let (takes, most) = match rule.kind {
            // Keys, and words between them.
            Kind::Entry => (1..=rule.keys.len() * 2, rule.keys.len() * 2),
            Kind::Leaf | Kind::LeafList => (0..=0, 1),
            Kind::Flag | Kind::Container | Kind::Opaque => (0..=0, 0),
        };
        if rest.len() <= most {
            out.insert(id.0);
        }
        let is_value = matches!(rule.kind, Kind::Leaf | Kind::LeafList);
        for taken in takes.filter(|taken| *taken < rest.len() && !is_value) {
            ends(id, &rest[taken..], out);
        }
    }
}
