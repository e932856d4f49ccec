//! Statements that constraints look for, by rule: when one of them comes or goes, others must be judged again.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use ravelin_syntax::tree::{Kind, Node};

use super::expression::{Expression, Part, Test};
use super::judged;
use crate::grammar::{ROOT, Rule, RuleId, grammar};

/// Names that are told apart; with more, every statement of the rule is judged again.
const NAMES_MAX: usize = 4096;

/// Which statements of a rule are judged again.
enum Meant<'a> {
    Every,
    /// Those of these names or values.
    Named(HashSet<&'a str>),
}

/// Statements that must be judged again when some others came or went, and where they are.
#[derive(Default)]
pub(super) struct Again<'a> {
    rules: HashMap<u32, Meant<'a>>,
    /// By rule: the rules below it that are meant, or lead to one that is.
    below: HashMap<u32, Vec<u32>>,
}

impl<'a> Again<'a> {
    /// A statement came or went, and all in it.
    pub fn add(&mut self, node: &'a Node) {
        for looker in lookers().get(&node.rule).into_iter().flatten() {
            let meant = self.rules.entry(looker.rule.0).or_insert_with(|| {
                leads_to(looker.rule, &mut self.below);
                Meant::Named(HashSet::new())
            });
            if let Meant::Named(names) = meant {
                names.extend(node.args.iter().map(|word| word.text.as_str()));
                if looker.which == Which::Every || names.len() > NAMES_MAX {
                    *meant = Meant::Every;
                }
            }
        }
        node.children.iter().for_each(|node| self.add(node));
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a statement of a rule is judged for a name or value of its own.
    pub fn means(&self, rule: u32, own: &str) -> bool {
        self.rules.get(&rule).is_some_and(|meant| match meant {
            Meant::Every => true,
            Meant::Named(names) => names.contains(own),
        })
    }

    pub fn has(&self, rule: u32) -> bool {
        self.rules.contains_key(&rule)
    }

    /// Rules below one of which there may be such statements.
    pub fn below(&self, rule: u32) -> &[u32] {
        self.below.get(&rule).map_or(&[], Vec::as_slice)
    }
}

/// Notes the way to a rule.
fn leads_to(rule: RuleId, below: &mut HashMap<u32, Vec<u32>>) {
    let mut at = rule;
    while at != ROOT {
        let parent = grammar().rule(at).map_or(ROOT, |rule| rule.parent);
        let known = below.entry(parent.0).or_default();
        if known.contains(&at.0) {
            return;
        }
        known.push(at.0);
        at = parent;
    }
}

/// The statements of a rule on a level, which are kept in the order of rules.
pub(super) fn of_rule(level: &[Node], rule: u32) -> &[Node] {
    debug_assert!(level.is_sorted_by_key(|node| node.rule), "siblings stand in the order of the table");
    let level = &level[level.partition_point(|node| node.rule < rule)..];
    &level[..level.partition_point(|node| node.rule == rule)]
}

/// Which statements with a constraint one that came or went is of concern to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Every,
    /// Those whose own name or value is its name or value.
    Named,
}

/// A supported rule with a constraint.
#[derive(Clone, Copy, Debug)]
struct Looker {
    rule: RuleId,
    which: Which,
}

/// By rule: those that may look for its statements.
fn lookers() -> &'static HashMap<u32, Vec<Looker>> {
    static LOOKERS: OnceLock<HashMap<u32, Vec<Looker>>> = OnceLock::new();
    LOOKERS.get_or_init(|| {
        let mut out: HashMap<u32, Vec<Looker>> = HashMap::new();
        for (id, judged) in (0..).map(RuleId).zip(judged()) {
            if !grammar().rule(id).is_some_and(Rule::supported) {
                continue;
            }
            let mut looked_for = HashMap::new();
            for (expression, extra) in [(&judged.own, 0), (&judged.key, 1)] {
                expression.iter().for_each(|e| of_expression(e, id, extra, &mut looked_for));
            }
            for (rule, which) in looked_for {
                out.entry(rule).or_default().push(Looker { rule: id, which });
            }
        }
        out
    })
}

fn of_expression(expression: &Expression, of: RuleId, extra: usize, out: &mut HashMap<u32, Which>) {
    match expression {
        Expression::And(all) | Expression::Or(all) => {
            all.iter().for_each(|e| of_expression(e, of, extra, out));
        }
        Expression::Not(inner) => of_expression(inner, of, extra, out),
        Expression::Test(test) => of_test(test, of, extra, out),
    }
}

fn of_test(test: &Test, of: RuleId, extra: usize, out: &mut HashMap<u32, Which>) {
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
fn ends(level: RuleId, words: &[Part], out: &mut HashMap<u32, Which>) {
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
            let which = which(rule, rest);
            let known = out.entry(id.0).or_insert(which);
            *known = if *known == which { which } else { Which::Every };
        }
        let is_value = matches!(rule.kind, Kind::Leaf | Kind::LeafList);
        for taken in takes.filter(|taken| *taken < rest.len() && !is_value) {
            ends(id, &rest[taken..], out);
        }
    }
}

/// Which statements a path that ends at a rule with these words is of concern to.
fn which(rule: &Rule, words: &[Part]) -> Which {
    let is_name = match rule.kind {
        Kind::Entry => matches!(&rule.keys[..], [key] if key.keyword.is_none()),
        // A value without keyword may also be named by what it is.
        Kind::Leaf | Kind::LeafList => !rule.hidden,
        Kind::Flag | Kind::Container | Kind::Opaque => false,
    };
    if is_name && words == [Part::Own] { Which::Named } else { Which::Every }
}
