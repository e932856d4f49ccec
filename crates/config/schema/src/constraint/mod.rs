//! Constraints of the table, judged on a tree: what must be there beside a statement, and what must not.
//!
//! Spec: language-60..63. Place: after groups are expanded, beside the checks of the typed configuration.

mod expression;
mod levels;
mod watched;

use std::borrow::Cow;
use std::sync::OnceLock;

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{DIAGNOSTICS_MAX, Diagnostic, Span, Tree};

use crate::Changed;
use crate::grammar::{ROOT, Rule, RuleId, grammar};

use expression::{Expression, Part, Test, Wanted, parse};
use levels::Levels;
use watched::{Again, of_rule};

/// Names that stand for something nobody defines.
const BUILT_IN: [&str; 3] = ["any", "any-ipv4", "any-ipv6"];
/// What the system defines itself begins so.
const OF_THE_SYSTEM: &str = "junos-";

/// Constraints of one rule.
#[derive(Default)]
struct Judged {
    own: Option<Expression>,
    key: Option<Expression>,
    /// Some statement below has a constraint.
    below: bool,
}

fn judged() -> &'static [Judged] {
    static JUDGED: OnceLock<Vec<Judged>> = OnceLock::new();
    JUDGED.get_or_init(|| {
        let read = |text: &'static str| (!text.is_empty()).then(|| parse(text).ok()).flatten();
        let rule = |n: usize| grammar().rule(RuleId(n as u32));
        let one = |n| {
            rule(n).map_or_else(Judged::default, |r: &Rule| Judged {
                own: read(r.constraint),
                key: read(r.key_constraint),
                below: false,
            })
        };
        let mut out: Vec<Judged> = (0..grammar().len()).map(one).collect();
        // Parents come first.
        for n in (1..out.len()).rev() {
            let counts = rule(n).is_some_and(Rule::supported);
            if counts && (out[n].below || out[n].own.is_some() || out[n].key.is_some()) {
                let parent = rule(n).map_or(0, |r| r.parent.0 as usize);
                out[parent].below = true;
            }
        }
        out
    })
}

/// A row of the table whose constraint has no meaning here, and why.
#[derive(Debug)]
pub struct Unread {
    pub path: String,
    pub constraint: &'static str,
    pub reason: &'static str,
}

/// How many constraints of the table are judged, and those that are not.
#[must_use]
pub fn constraints() -> (usize, Vec<Unread>) {
    let (mut read, mut unread) = (0, Vec::new());
    for id in (0..grammar().len() as u32).map(RuleId) {
        let Some(rule) = grammar().rule(id) else { continue };
        for constraint in [rule.constraint, rule.key_constraint].into_iter().filter(|c| !c.is_empty()) {
            match parse(constraint) {
                Ok(_) => read += 1,
                Err(reason) => unread.push(Unread { path: grammar().path(id), constraint, reason }),
            }
        }
    }
    (read, unread)
}

/// Everything in an effective tree that the table's constraints forbid. What isn't supported is not looked into.
#[must_use]
pub fn violations(tree: &Tree) -> Vec<Diagnostic> {
    let mut judge = Judge::of(tree);
    for node in tree.active() {
        judge.statement(node);
    }
    judge.out
}

/// The same after a change of a tree in which nothing is forbidden: what changed is judged, and wherever they stand
/// the statements with a constraint that looks for such as came or went.
#[must_use]
pub fn violations_of(tree: &Tree, changed: &[Changed<'_>]) -> Vec<Diagnostic> {
    let mut again = Again::default();
    changed
        .iter()
        .flat_map(|change| change.old.into_iter().chain(change.new))
        .for_each(|node| again.add(node));
    let mut judge = Judge::of(tree);
    if !again.is_empty() {
        judge.only = Some(&again);
        judge.again(&tree.nodes, ROOT.0);
        judge.only = None;
    }
    for change in changed.iter().filter(|change| change.is_in_force()) {
        judge.above.clone_from(&change.above);
        change.new.into_iter().for_each(|node| judge.statement(node));
    }
    judge.out
}

/// Words of a path; `None` stands for any.
type Words<'a> = Vec<Option<Cow<'a, str>>>;

struct Judge<'a> {
    tree: &'a Tree,
    /// What large levels hold, by where they lie.
    levels: Levels<'a>,
    /// Statements on the way, the one at hand last.
    above: Vec<&'a Node>,
    out: Vec<Diagnostic>,
    /// What is judged; `None`: all.
    only: Option<&'a Again<'a>>,
}

impl<'a> Judge<'a> {
    fn of(tree: &'a Tree) -> Self {
        Self { tree, levels: Levels::default(), above: Vec::new(), out: Vec::new(), only: None }
    }

    fn statement(&mut self, node: &'a Node) {
        let Some(judged) = judged().get(node.rule as usize) else { return };
        let is_meant = self.only.is_none_or(|only| only.has(node.rule));
        let leads_on = judged.below && self.only.is_none_or(|only| !only.below(node.rule).is_empty());
        let is_judged = is_meant && (judged.own.is_some() || judged.key.is_some());
        if !(leads_on || is_judged) || self.out.len() >= DIAGNOSTICS_MAX {
            return;
        }
        let Some(rule) = grammar().rule(RuleId(node.rule)).filter(|r| r.supported()) else { return };
        self.above.push(node);
        let words = || node.args.iter().take(if node.kind == Kind::Entry { 1 } else { usize::MAX });
        let only = self.only;
        let means = |own: &str| only.is_none_or(|only| only.means(node.rule, own));
        if let Some(expression) = judged.own.as_ref().filter(|_| is_meant) {
            // A value is judged where it is; a statement without one by its place alone.
            let spoken: Vec<(&'a str, Span)> = words().map(|w| (w.text.as_str(), w.span)).collect();
            let spoken = if spoken.is_empty() { vec![("", node.span)] } else { spoken };
            for (own, at) in spoken.into_iter().filter(|(own, _)| means(own)) {
                self.judge(expression, rule, Own { value: own, at, extra: 0 });
            }
        }
        if let (Some(expression), Some(word)) = (&judged.key, node.args.first().filter(|w| means(&w.text))) {
            self.judge(expression, rule, Own { value: &word.text, at: word.span, extra: 1 });
        }
        match self.only.filter(|_| leads_on) {
            Some(_) => self.again(&node.children, node.rule),
            None if leads_on => node.active().for_each(|child| self.statement(child)),
            None => {}
        }
        self.above.pop();
    }

    /// Judges what is to be judged again below a statement, without a look at the others.
    fn again(&mut self, level: &'a [Node], above: u32) {
        for rule in self.only.map_or(&[][..], |only| only.below(above)) {
            of_rule(level, *rule).iter().filter(|node| !node.inactive).for_each(|node| self.statement(node));
        }
    }

    /// Tells each part of a conjunction that doesn't hold.
    fn judge(&mut self, expression: &Expression, rule: &Rule, own: Own<'a>) {
        if let Expression::And(all) = expression {
            return all.iter().for_each(|e| self.judge(e, rule, own));
        }
        if self.holds(expression, own) {
            return;
        }
        let path: Vec<&str> = self.above.iter().flat_map(|n| n.told()).collect();
        let told = if rule.value.is_secret { "<secret>" } else { own.value };
        let name = if rule.hidden { self.hidden_name(told) } else { rule.name.to_owned() };
        let finding = match expression {
            Expression::Not(inner) => {
                let other = self.found(inner, own);
                let what = other.map_or_else(|| names(inner).join("' or `"), |n| head(n, &self.above));
                let finding = Diagnostic::error(
                    path.join(" "),
                    own.at,
                    format!("`{name}' can't be given together with `{what}'"),
                );
                match other.filter(|n| n.span.is_known()) {
                    Some(other) => finding.and(other.span, "it is given here"),
                    None => finding,
                }
            }
            Expression::Test(test) if test.wanted == Wanted::Unique => {
                let first = self.all(test, own).into_iter().find(|n| n.span != own.at);
                let message = format!("`{told}' is given more than once: `{test}' must be unique");
                let finding = Diagnostic::error(path.join(" "), own.at, message);
                match first.filter(|n| n.span.is_known()) {
                    Some(other) => finding.and(other.span, "it is also given here"),
                    None => finding,
                }
            }
            Expression::Test(test) if test.words.last().is_some_and(|part| part.is_own()) => {
                let message = format!("`{told}' is not defined: `{test}' is needed");
                Diagnostic::error(path.join(" "), own.at, message)
            }
            _ => {
                let needed = names(expression).join("' or `");
                Diagnostic::error(path.join(" "), own.at, format!("`{name}' needs `{needed}'"))
            }
        };
        self.out.push(finding);
    }

    fn hidden_name(&self, value: &str) -> String {
        let above = self.above.iter().rev().find(|n| !n.name.is_empty());
        above.map_or_else(|| value.to_owned(), |n| format!("{} {value}", n.name))
    }

    /// What can't be said, because it is about statements that nobody can commit here, holds.
    fn holds(&mut self, expression: &Expression, own: Own<'a>) -> bool {
        self.truth(expression, own) != Some(false)
    }

    fn truth(&mut self, expression: &Expression, own: Own<'a>) -> Option<bool> {
        match expression {
            Expression::And(all) => self.decided(all, own, false),
            Expression::Or(all) => self.decided(all, own, true),
            Expression::Not(inner) => self.truth(inner, own).map(|truth| !truth),
            Expression::Test(test) if is_outside(test) => None,
            Expression::Test(test) => {
                let named = test.words.last().is_some_and(|part| part.is_own());
                Some(match test.wanted {
                    Wanted::Some if named && is_built_in(own.value) => true,
                    Wanted::Some => self.first(test, own).is_some(),
                    Wanted::Unique => self.all(test, own).len() <= 1,
                    Wanted::All => self.each(test, own),
                })
            }
        }
    }

    /// One part with this truth decides; if none has any, nothing is said.
    fn decided(&mut self, all: &[Expression], own: Own<'a>, by: bool) -> Option<bool> {
        let mut said = None;
        for part in all {
            match self.truth(part, own) {
                Some(truth) if truth == by => return Some(by),
                Some(truth) => said = Some(truth),
                None => {}
            }
        }
        said
    }

    /// A statement that makes an expression true.
    fn found(&mut self, expression: &Expression, own: Own<'a>) -> Option<&'a Node> {
        match expression {
            Expression::And(all) | Expression::Or(all) => all.iter().find_map(|e| self.found(e, own)),
            Expression::Not(_) => None,
            Expression::Test(test) => self.first(test, own),
        }
    }

    /// Every entry at the last wildcard has what follows it.
    fn each(&mut self, test: &Test, own: Own<'a>) -> bool {
        let Some(at) = test.words.iter().rposition(|p| *p == Part::Any) else {
            return self.first(test, own).is_some();
        };
        let entries = self.all(&Test { words: test.words[..=at].to_vec(), ..test.clone() }, own);
        let whole = self.all(test, own);
        entries.len() <= whole.len()
    }

    fn first(&mut self, test: &Test, own: Own<'a>) -> Option<&'a Node> {
        let (start, words) = self.start(test, own)?;
        self.walk(start, &words, &mut Vec::new(), 1).pop()
    }

    fn all(&mut self, test: &Test, own: Own<'a>) -> Vec<&'a Node> {
        let Some((start, words)) = self.start(test, own) else { return Vec::new() };
        self.walk(start, &words, &mut Vec::new(), usize::MAX)
    }

    /// The level a path begins at, and its words; `None` stands for any.
    fn start(&self, test: &Test, own: Own<'a>) -> Option<(&'a [Node], Words<'a>)> {
        let level: &'a [Node] = match test.up {
            None => &self.tree.nodes,
            Some(up) => {
                // Braces around a list are no level of their own.
                let is_level = |n: &&&'a Node| grammar().rule(RuleId(n.rule)).is_none_or(|r| !r.homogeneous);
                let levels: Vec<&&'a Node> = self.above.iter().filter(is_level).collect();
                let left = (levels.len() + own.extra).checked_sub(up)?;
                match left.checked_sub(1) {
                    None => &self.tree.nodes,
                    Some(last) => levels.get(last).map(|n| &*n.children).unwrap_or_default(),
                }
            }
        };
        // An interface without a unit is its unit 0.
        let (device, unit) = own.value.rsplit_once('.').unwrap_or((own.value, "0"));
        let word = |part: &Part| match part {
            Part::Word(word) => Some(Some(Cow::Borrowed(*word))),
            Part::Any => Some(None),
            Part::Own => Some(Some(own.value.into())),
            Part::OwnDevice => Some(Some(device.into())),
            Part::OwnUnit => Some(Some(unit.into())),
            Part::Of(list) => self.name_of(list).map(|name| Some(name.into())),
            Part::Joined(list, other) => {
                Some(Some(format!("{}.{}", self.name_of(list)?, self.name_of(other)?).into()))
            }
        };
        Some((level, test.words.iter().map(word).collect::<Option<Vec<_>>>()?))
    }

    /// The name of the entry of a list that the statement is in.
    fn name_of(&self, list: &str) -> Option<&'a str> {
        let named = |n: &&&'a Node| {
            let rule = grammar().rule(RuleId(n.rule));
            n.kind == Kind::Entry && rule.is_some_and(|r| r.name == list || r.element == list)
        };
        self.above.iter().rev().find(named)?.args.first().map(|w| w.text.as_str())
    }

    fn walk(
        &mut self,
        level: &'a [Node],
        words: &[Option<Cow<'a, str>>],
        out: &mut Vec<&'a Node>,
        most: usize,
    ) -> Vec<&'a Node> {
        let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
        self.level(level, &words, out, most);
        std::mem::take(out)
    }

    fn level(&mut self, level: &'a [Node], words: &[Option<&str>], out: &mut Vec<&'a Node>, most: usize) {
        let Some(places) = self.levels.places(level, words) else {
            let active = level.iter().filter(|n| !n.inactive);
            return self.each_of(active, words, out, most);
        };
        self.each_of(places.into_iter().map(|place| &level[place as usize]), words, out, most);
    }

    fn each_of(
        &mut self,
        nodes: impl Iterator<Item = &'a Node>,
        words: &[Option<&str>],
        out: &mut Vec<&'a Node>,
        most: usize,
    ) {
        for node in nodes {
            if out.len() >= most {
                return;
            }
            self.one(node, words, out, most);
        }
    }

    /// Takes the words of a path that a statement is written with, and follows the rest below it.
    fn one(&mut self, node: &'a Node, words: &[Option<&str>], out: &mut Vec<&'a Node>, most: usize) {
        let mut rest = words;
        let name = node.keyword();
        if !name.is_empty() {
            match rest {
                [word, after @ ..] if word.is_none_or(|w| w == name) => rest = after,
                _ => return,
            }
        } else if let ([Some(word)], Some(rule)) = (rest, grammar().rule(RuleId(node.rule)))
            && *word == rule.name
            && node.kind != Kind::Entry
        {
            // The path names a value by what it is.
            return out.push(node);
        }
        let fits = |word: &Option<&str>, text: &str| word.is_none_or(|w| w == text);
        match node.kind {
            Kind::Leaf | Kind::LeafList => {
                let Some((word, after)) = rest.split_first() else { return out.push(node) };
                if after.is_empty() && node.args.iter().any(|a| fits(word, &a.text)) {
                    out.push(node);
                }
            }
            Kind::Flag | Kind::Container | Kind::Opaque => {
                if rest.is_empty() {
                    out.push(node);
                } else {
                    self.level(&node.children, rest, out, most);
                }
            }
            Kind::Entry => {
                for arg in &node.args {
                    let Some((word, after)) = rest.split_first() else { return out.push(node) };
                    if !fits(word, &arg.text) {
                        return;
                    }
                    rest = after;
                }
                if rest.is_empty() {
                    out.push(node);
                } else {
                    self.level(&node.children, rest, out, most);
                }
            }
        }
    }
}

/// What a constraint is judged for.
#[derive(Clone, Copy)]
struct Own<'a> {
    value: &'a str,
    at: Span,
    /// A key is a level below its entry.
    extra: usize,
}

fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name) || name.starts_with(OF_THE_SYSTEM)
}

/// The path begins at the top and leads into statements that a commit refuses.
fn is_outside(test: &Test) -> bool {
    let mut at = RuleId::default();
    for part in test.words.iter().filter(|_| test.up.is_none()) {
        let Part::Word(word) = part else { return false };
        let Some((id, rule)) = grammar().keyword(at, word) else { return false };
        if !rule.supported() {
            return true;
        }
        at = id;
    }
    false
}

/// The paths of an expression that would make it true.
fn names(expression: &Expression) -> Vec<String> {
    match expression {
        Expression::And(all) | Expression::Or(all) => all.iter().flat_map(names).collect(),
        Expression::Not(inner) => names(inner).into_iter().map(|n| format!("no {n}")).collect(),
        Expression::Test(test) => vec![test.to_string()],
    }
}

/// A statement as a finding names it, a value by the statement it belongs to.
fn head(node: &Node, above: &[&Node]) -> String {
    let words: Vec<&str> = node.told().collect();
    if !node.keyword().is_empty() {
        return words.join(" ");
    }
    let parent = above.iter().rev().find(|n| !n.name.is_empty()).map_or("", |n| n.name);
    format!("{parent} {}", words.join(" "))
}

#[cfg(test)]
mod tests;
