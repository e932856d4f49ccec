//! `rename`, `copy` and `insert`: entries under another name or in another place.

use ravelin_syntax::Word;
use ravelin_syntax::tree::{Kind, Node};

use super::{Done, Editor, Failure, NOT_FOUND, PROTECTED};
use crate::bind::Scope;
use crate::grammar::{Rule, RuleId, grammar};
use crate::merge::holds_protected;
use crate::path::{self, Path, Place};

/// Words that are looked at for the one that parts a command: more than the names behind it have.
const SPLITS_MAX: usize = 8;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Transfer {
    Rename,
    Copy,
}

impl Editor {
    /// `PATH to KEYS`: the new keys replace the last entry's own. With a keyword (`policy a to policy b`) too.
    pub(super) fn transfer(&mut self, words: &[Word], how: Transfer) -> Done {
        let (from, _, to) = self.split(words, &["to"]).ok_or("syntax error, expecting `to'")?;
        let (_, place) = self.locate(from)?;
        let source = path::at(&self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        let rule = entry_rule(source)?;
        let keys = keys_of(source, rule, to)?;
        for (key, word) in rule.keys.iter().zip(keys.iter()) {
            key.value.check(&word.text)?;
        }
        let above = place.indexes.len() - 1;
        let changes = if how == Transfer::Rename { &place.indexes[..] } else { &place.indexes[..above] };
        if self.protected(changes) || how == Transfer::Rename && holds_protected(source) {
            return Err(PROTECTED.into());
        }
        let node = Node { args: keys.into(), protect: false, ..source.clone() };
        self.work += weight(&node);
        let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        let parent = above.checked_sub(1).and_then(|n| place.hashes.get(n)).copied().unwrap_or(0);
        let there = match &self.binder {
            Some(binder) => {
                let scope = Scope { rule: RuleId(node.rule), hash: parent };
                let hash = binder.index.hash(scope, &node.args);
                binder.index.find(hash, nodes, scope.rule, &node.args).is_some()
            }
            None => nodes.iter().any(|n| n.rule == node.rule && n.args == node.args),
        };
        if there {
            return Err("target already exists".into());
        }
        match (&mut self.binder, how) {
            (Some(binder), Transfer::Rename) => {
                if let Some(hash) = place.hashes.last() {
                    binder.index.forget(*hash, &nodes[at]);
                }
                binder.index.enter(parent, &node, at);
                nodes[at] = node;
            }
            (Some(binder), Transfer::Copy) => {
                let hash = binder.index.enter_below(parent, &node);
                binder.index.add(parent, hash, nodes, node);
            }
            (None, Transfer::Rename) => nodes[at] = node,
            (None, Transfer::Copy) => {
                let end = nodes.iter().rposition(|n| n.rule == node.rule).map_or(nodes.len(), |n| n + 1);
                nodes.insert(end, node);
            }
        }
        self.bounded()
    }

    /// Words before and after one of some words behind the base. Names may be such words too: meant is the last one
    /// before which a statement that is there is named, and behind which a name for it.
    fn split<'a>(&self, words: &'a [Word], at: &[&str]) -> Option<(&'a [Word], &'a str, &'a [Word])> {
        let first = self.base.len() + 1;
        let is_one = |n: &usize| at.contains(&words[*n].text.as_str());
        let places: Vec<usize> = (first..words.len()).rev().filter(is_one).take(SPLITS_MAX).collect();
        let is_there = |n: usize| {
            let located = self.locate(&words[..n]).ok();
            located.is_some_and(|(path, place)| self.is_name(&path, &place, &words[n + 1..]))
        };
        let is_path =
            |n: usize| n + 1 < words.len() && path::resolve(&words[..n]).is_ok_and(|p| p.behind == 0);
        let found = places.iter().find(|n| is_there(**n)).or_else(|| places.iter().find(|n| is_path(**n)));
        let n = *found.or(places.first())?;
        Some((&words[..n], &words[n].text, &words[n + 1..]))
    }

    /// Whether words name a sibling of a statement, there or not.
    fn is_name(&self, path: &Path, place: &Place, words: &[Word]) -> bool {
        let Some(node) = path::at(&self.nodes, &place.indexes) else { return false };
        if node.kind == Kind::LeafList && path.value.is_some() {
            return !words.is_empty() && without_keyword(node, words).len() <= 1;
        }
        entry_rule(node).is_ok_and(|rule| keys_of(node, rule, words).is_ok())
    }

    /// `PATH before|after KEYS`, for an entry or a value of a list.
    pub(super) fn insert(&mut self, words: &[Word]) -> Done {
        let split = self.split(words, &["before", "after"]);
        let (from, side, to) = split.ok_or("syntax error, expecting `before' or `after'")?;
        let (path, place) = self.locate(from)?;
        if self.protected(&place.indexes[..place.indexes.len() - 1]) {
            return Err(PROTECTED.into());
        }
        let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        if let (Kind::LeafList, Some(value)) = (nodes[at].kind, &path.value) {
            let to = without_keyword(&nodes[at], to);
            let mut done = Ok(());
            nodes[at].args.change(|values| done = insert_value(values, value, side, to));
            return done;
        }
        let rule = entry_rule(&nodes[at])?;
        let keys = keys_of(&nodes[at], rule, to)?;
        let target = self.target(&place, &keys).ok_or(NOT_FOUND)?;
        if target == at {
            return Ok(());
        }
        let end = match (side == "before", target > at) {
            (true, true) => target - 1,
            (true, false) | (false, true) => target,
            (false, false) => target + 1,
        };
        let (low, high) = (at.min(end), at.max(end));
        self.work += high - low;
        let (nodes, _) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        if at < end {
            nodes[low..=high].rotate_left(1);
        } else {
            nodes[low..=high].rotate_right(1);
        }
        let parent = place.hashes.len().checked_sub(2).map_or(0, |n| place.hashes[n]);
        if let Some(binder) = &mut self.binder {
            for (n, node) in nodes.iter().enumerate().take(high + 1).skip(low) {
                binder.index.moved(parent, node, n);
            }
        }
        self.bounded()
    }

    /// The sibling of a place that has these keys.
    fn target(&self, place: &Place, keys: &[Word]) -> Option<usize> {
        let (last, above) = place.indexes.split_last()?;
        let level = match above {
            [] => self.nodes.as_slice(),
            above => &path::at(&self.nodes, above)?.children,
        };
        let rule = level.get(*last)?.rule;
        match self.index() {
            Some(index) => {
                let parent = place.hashes.len().checked_sub(2).map_or(0, |n| place.hashes[n]);
                let scope = Scope { rule: RuleId(rule), hash: parent };
                index.find(index.hash(scope, keys), level, scope.rule, keys)
            }
            None => level.iter().position(|n| n.rule == rule && n.args == keys),
        }
    }
}

fn insert_value(values: &mut Vec<Word>, value: &Word, side: &str, to: &[Word]) -> Done {
    let [to] = to else { return Err("syntax error, one value is expected here".into()) };
    let at = values.iter().position(|w| w == value).ok_or(NOT_FOUND)?;
    if !values.contains(to) {
        return Err(NOT_FOUND.into());
    }
    let moved = values.remove(at);
    let target = values.iter().position(|w| w == to);
    let end = target.map_or(at, |n| if side == "before" { n } else { n + 1 });
    values.insert(end, moved);
    Ok(())
}

fn entry_rule(node: &Node) -> Result<&'static Rule, Failure> {
    let rule = grammar().rule(RuleId(node.rule)).filter(|r| r.kind == Kind::Entry);
    rule.ok_or_else(|| "only an entry of a list has a name and a place".into())
}

/// The words that name a sibling of an entry, its keyword before them or not.
fn keys_of(node: &Node, rule: &Rule, words: &[Word]) -> Result<Vec<Word>, Failure> {
    let whole = |words: &&[Word]| path::keys(rule, words) == Some(words.len());
    // A name that is its own keyword is one too.
    let named = [without_keyword(node, words), words].into_iter().find(whole);
    named.map(<[Word]>::to_vec).ok_or_else(|| "syntax error, the name of an entry is expected here".into())
}

/// A statement's name or value without the keyword before it; one word alone is never the keyword.
fn without_keyword<'a>(node: &Node, words: &'a [Word]) -> &'a [Word] {
    match words {
        [keyword, rest @ ..] if !rest.is_empty() && keyword.text == node.keyword() => rest,
        words => words,
    }
}

/// Statements in a subtree.
fn weight(node: &Node) -> usize {
    1 + node.children.iter().map(weight).sum::<usize>()
}
