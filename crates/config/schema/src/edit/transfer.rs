//! `rename`, `copy` and `insert`: entries under another name or in another place.

use ravelin_syntax::Word;
use ravelin_syntax::tree::{Kind, Node};

use super::{Done, Editor, Failure, NOT_FOUND, PROTECTED};
use crate::bind::Scope;
use crate::grammar::{Rule, RuleId, grammar};
use crate::merge::holds_protected;
use crate::path::{self, Place};

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

    /// Words before and after the last of some words behind the base.
    fn split<'a>(&self, words: &'a [Word], at: &[&str]) -> Option<(&'a [Word], &'a str, &'a [Word])> {
        let skip = self.base.len() + 1;
        let n = words.iter().skip(skip).rposition(|w| at.contains(&w.text.as_str()))? + skip;
        Some((&words[..n], &words[n].text, &words[n + 1..]))
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
            let to = to.strip_prefix(&[Word::new(nodes[at].keyword())]).unwrap_or(to);
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
    let words = words.strip_prefix(&[Word::new(node.keyword())]).unwrap_or(words);
    match path::keys(rule, words) {
        Some(used) if used == words.len() => Ok(words.to_vec()),
        _ => Err("syntax error, the name of an entry is expected here".into()),
    }
}

/// Statements in a subtree.
fn weight(node: &Node) -> usize {
    1 + node.children.iter().map(weight).sum::<usize>()
}
