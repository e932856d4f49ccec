//! One tree into another: what `load merge`, `replace` and `update` do, statement by statement.
//!
//! Spec: language-5, language-12..13.

use std::collections::HashMap;

use ravelin_syntax::tree::{Change, Kind, Node};
use ravelin_syntax::{Diagnostic, Span, Text, Word};

use crate::grammar::OPAQUE;
use crate::index::{leave_gap, settle_level};

/// What the marks of incoming statements do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replacing {
    /// `replace:` puts the incoming statement in the place of the other.
    Honoured,
    /// `replace:` is as if it weren't there.
    Ignored,
}

/// Levels at least this large on both sides are matched by a table.
const LARGE: usize = 32;

pub(crate) struct Merger {
    pub replacing: Replacing,
    pub diagnostics: Vec<Diagnostic>,
    path: Vec<String>,
}

impl Merger {
    pub fn new(replacing: Replacing) -> Self {
        Self { replacing, diagnostics: Vec::new(), path: Vec::new() }
    }

    /// Takes `source` into `target`; below a protected statement nothing changes.
    pub fn merge(&mut self, target: &mut Vec<Node>, source: Vec<Node>) {
        let table = (source.len() >= LARGE && target.len() >= LARGE).then(|| table(target));
        for incoming in source {
            let found = match &table {
                Some(table) => table.get(&identity(&incoming)).copied(),
                None => target.iter().position(|n| same(n, &incoming)),
            };
            let depth = self.path.len();
            self.path.extend(incoming.told().map(str::to_owned));
            self.one(target, found, incoming);
            self.path.truncate(depth);
        }
        settle_level(target);
    }

    fn one(&mut self, target: &mut Vec<Node>, found: Option<usize>, incoming: Node) {
        let at = incoming.span;
        let Some(found) = found else {
            if incoming.change() == Change::Delete {
                return self.warn(at, "statement not found");
            }
            target.extend(plain(incoming));
            return;
        };
        let node = &mut target[found];
        if node.protect && incoming.change() == Change::Unprotect {
            node.protect = false;
        }
        let is_word_of_way = incoming.kind == Kind::Container || incoming.kind == Kind::Entry;
        if node.protect
            && (!is_word_of_way || incoming.change() != Change::Merge || !incoming.children.is_empty())
        {
            return self.error(at, "statement is protected and can't be changed");
        }
        match incoming.change() {
            Change::Delete => self.delete(node, incoming),
            Change::Replace if self.replacing == Replacing::Honoured => {
                if holds_protected(node) {
                    return self.error(at, "a statement below is protected and can't be changed");
                }
                if let Some(incoming) = plain(incoming) {
                    *node = incoming;
                }
            }
            Change::Merge | Change::Replace | Change::Activate | Change::Unprotect => {
                self.join(node, incoming)
            }
        }
    }

    fn delete(&mut self, node: &mut Node, incoming: Node) {
        if holds_protected(node) {
            return self.error(incoming.span, "statement is protected and can't be deleted");
        }
        if node.kind == Kind::LeafList && !incoming.args.is_empty() {
            node.args.retain(|w| !incoming.args.contains(w));
            if !node.args.is_empty() {
                return;
            }
        }
        leave_gap(node);
    }

    fn join(&mut self, node: &mut Node, incoming: Node) {
        let change = incoming.change();
        let Node { args, children, comments, inactive, protect, span, .. } = incoming;
        node.inactive = (node.inactive && change != Change::Activate) || inactive;
        node.protect |= protect;
        if !comments.is_empty() {
            node.comments = comments;
            node.set_change(Change::Merge);
        }
        match node.kind {
            Kind::Leaf => {
                node.args = args;
                node.span = span;
            }
            Kind::LeafList => node.args.change(|values| union(values, args.into())),
            Kind::Container | Kind::Entry | Kind::Flag | Kind::Opaque => {}
        }
        let had = !node.children.is_empty();
        if !children.is_empty() {
            self.merge(node.children.edit(), children.into_iter().collect());
        }
        if had && node.children.is_empty() && !node.presence && node.kind == Kind::Container {
            leave_gap(node);
        }
    }

    fn error(&mut self, at: Span, message: &str) {
        self.diagnostics.push(Diagnostic::error(self.path.join(" "), at, message));
    }

    fn warn(&mut self, at: Span, message: &str) {
        self.diagnostics.push(Diagnostic::warning(self.path.join(" "), at, message));
    }
}

/// Values added to those that are there, each once.
fn union(values: &mut Vec<Word>, more: Vec<Word>) {
    if values.len() < LARGE || more.len() < LARGE {
        for word in more {
            if !values.contains(&word) {
                values.push(word);
            }
        }
        return;
    }
    let mut known: std::collections::HashSet<Text> = values.iter().map(|w| w.text.clone()).collect();
    values.extend(more.into_iter().filter(|w| known.insert(w.text.clone())));
}

/// A statement that nothing stands in the way of: its marks mean nothing, and deleted ones in it never were.
pub(crate) fn plain(mut node: Node) -> Option<Node> {
    if node.change() == Change::Delete {
        return None;
    }
    node.set_change(Change::Merge);
    if !node.children.is_empty() {
        node.children = node.children.into_iter().filter_map(plain).collect();
        if node.children.is_empty() && !node.presence && node.kind == Kind::Container {
            return None;
        }
    }
    Some(node)
}

pub(crate) fn holds_protected(node: &Node) -> bool {
    node.protect || node.children.iter().any(holds_protected)
}

fn same(a: &Node, b: &Node) -> bool {
    a.rule == b.rule
        && match a.kind {
            Kind::Entry => a.args == b.args,
            _ if a.rule == OPAQUE.0 => a.same_head(b),
            _ => true,
        }
}

type Identity = (u32, Vec<String>);

fn identity(node: &Node) -> Identity {
    let words: Vec<String> = match node.kind {
        Kind::Entry => node.args.iter().map(|w| w.text.to_string()).collect(),
        _ if node.rule == OPAQUE.0 => node.head().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    (node.rule, words)
}

fn table(nodes: &[Node]) -> HashMap<Identity, usize> {
    let mut out = HashMap::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        out.entry(identity(node)).or_insert(at);
    }
    out
}
