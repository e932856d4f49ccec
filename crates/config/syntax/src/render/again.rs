//! A text made from the one before: what two configurations share is shared as it was printed.
//!
//! A long text is known statement by statement where statements are many. A statement that is one with its forerunner
//! (the same words and marks, and what is below it shared) has the same text; so have all that stand in a row with it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Printer, push_pad};
use crate::rope::{Rope, Writer};
use crate::tree::{Node, Style, Tree};

/// Statements of shorter text are printed again as a whole.
const KNOWN_MIN: usize = 4096;
/// A level of so many statements is looked into wherever it is.
const MANY: usize = 32;
/// Levels from the top that are looked into, and how many more where a whole configuration stands below a name.
const LEVELS: usize = 3;
const NAMED_LEVELS: usize = 2;
/// How far a statement is looked for before all of them are put in order.
const NEAR: usize = 64;

/// A configuration's text, and where its statements stand in it.
#[derive(Clone, Debug)]
pub struct Rendered {
    nodes: Vec<Node>,
    text: Rope,
    level: Arc<Level>,
}

/// Statements of one level; places are counted from where the level begins.
#[derive(Debug, Default)]
struct Level {
    ends: Vec<usize>,
    below: Vec<Below>,
}

/// The level below a statement, and where in the statement's text it begins.
#[derive(Clone, Debug)]
struct Below {
    statement: usize,
    begins: usize,
    level: Arc<Level>,
}

/// A level as it was printed before, and where in the text it begins.
#[derive(Clone, Copy)]
struct Before<'b> {
    nodes: &'b [Node],
    text: &'b Rope,
    begins: usize,
    level: &'b Level,
}

/// Where in the level before the next statement is looked for first.
#[derive(Default)]
struct Cursor {
    next: usize,
    missed: usize,
    /// By what is below them; made when much was missed.
    all: Option<HashMap<usize, usize>>,
}

/// [`super::text`], of which what stands in the text before is shared with it.
#[must_use]
pub fn text_after(tree: &Tree, before: Option<&Rendered>) -> Rendered {
    let mut out = Writer::default();
    let old = before.map(|b| Before { nodes: &b.nodes, text: &b.text, begins: 0, level: &b.level });
    let level = Arc::new(level(&mut out, &tree.nodes, old, (0, LEVELS)));
    Rendered { nodes: tree.nodes.clone(), text: out.finish(), level }
}

impl Rendered {
    /// What the text is of.
    #[must_use]
    pub fn tree(&self) -> Tree {
        Tree { nodes: self.nodes.clone() }
    }

    #[must_use]
    pub fn text(&self) -> &Rope {
        &self.text
    }
}

/// Prints a level at a depth, in which levels are looked into down to another depth.
fn level(
    out: &mut Writer,
    nodes: &[Node],
    before: Option<Before<'_>>,
    (depth, looked): (usize, usize),
) -> Level {
    let begin = out.len();
    let (mut level, mut cursor) =
        (Level { ends: Vec::with_capacity(nodes.len()), below: Vec::new() }, Cursor::default());
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        let known = before.and_then(|before| Some((before, cursor.find(node, before.nodes)?)));
        let same = known.map_or(0, |(before, old)| {
            nodes[at..].iter().zip(&before.nodes[old..]).take_while(|(new, old)| is_same(new, old)).count()
        });
        let (Some((before, old)), true) = (known, same > 0) else {
            let below = known.and_then(|(before, old)| before.below(old));
            let looked = looked + if depth == 0 && holds_configurations(node) { NAMED_LEVELS } else { 0 };
            let made = statement(out, node, below, (depth, looked));
            level.below.extend(made.map(|(begins, level)| Below {
                statement: at,
                begins,
                level: level.into(),
            }));
            level.ends.push(out.len() - begin);
            cursor.next += usize::from(known.is_some());
            at += 1;
            continue;
        };
        let (from, to) = (before.start(old), before.level.ends[old + same - 1]);
        let here = out.len() - begin;
        out.share(before.text, before.begins + from..before.begins + to);
        level.ends.extend(before.level.ends[old..old + same].iter().map(|end| end - from + here));
        let below = &before.level.below;
        let first = below.partition_point(|below| below.statement < old);
        let kept = below[first..].iter().take_while(|below| below.statement < old + same);
        level
            .below
            .extend(kept.map(|below| Below { statement: below.statement - old + at, ..below.clone() }));
        cursor.next = old + same;
        at += same;
    }
    level
}

/// Prints one statement; where in its text its level begins, when it is long enough to be known.
fn statement(
    out: &mut Writer,
    node: &Node,
    before: Option<Before<'_>>,
    (depth, looked): (usize, usize),
) -> Option<(usize, Level)> {
    let printer = Printer::default();
    let is_level = !node.children.is_empty() && node.style != Style::Joined && !printer.fits_one_line(node);
    if !is_level || (depth >= looked && node.children.len() < MANY) {
        printer.block(out.fresh(), node, depth, "");
        return None;
    }
    let begin = out.len();
    printer.open(out.fresh(), node, depth, "");
    let begins = out.len() - begin;
    let level = level(out, &node.children, before, (depth + 1, looked));
    push_pad(out.fresh(), depth);
    out.fresh().push_str("}\n");
    (out.len() - begin >= KNOWN_MIN).then_some((begins, level))
}

/// Groups and logical systems are configurations of their own.
fn holds_configurations(node: &Node) -> bool {
    matches!(node.keyword(), "groups" | "logical-systems" | "tenants")
}

/// Whether two print the same, by what they share.
fn is_same(new: &Node, old: &Node) -> bool {
    new.children.is_shared_with(&old.children)
        && new.rule == old.rule
        && new.kind == old.kind
        && new.style == old.style
        && new.change() == old.change()
        && (new.inactive, new.protect) == (old.inactive, old.protect)
        && new.comments == old.comments
        && new.same_head(old)
}

impl<'b> Before<'b> {
    fn start(&self, statement: usize) -> usize {
        statement.checked_sub(1).map_or(0, |last| self.level.ends[last])
    }

    /// The level below a statement, when it is known.
    fn below(&self, statement: usize) -> Option<Before<'b>> {
        let at = self.level.below.binary_search_by_key(&statement, |below| below.statement).ok()?;
        let Below { begins, level, .. } = &self.level.below[at];
        let begins = self.begins + self.start(statement) + begins;
        Some(Before { nodes: &self.nodes[statement].children, text: self.text, begins, level })
    }
}

impl Cursor {
    /// The statement of the same words in the level before.
    fn find(&mut self, node: &Node, nodes: &[Node]) -> Option<usize> {
        let end = nodes.len().min(self.next + NEAR);
        let near = nodes.get(self.next..end).unwrap_or_default();
        let mut found = near.iter().position(|old| node.same_head(old)).map(|at| self.next + at);
        if found.is_none() && self.missed > NEAR {
            let all = self.all.get_or_insert_with(|| {
                (0..).zip(nodes).filter_map(|(at, old)| Some((old.children.identity()?, at))).collect()
            });
            found = node.children.identity().and_then(|identity| all.get(&identity).copied());
        }
        match found {
            Some(at) => (self.next, self.missed) = (at, 0),
            None => self.missed += 1,
        }
        found
    }
}
