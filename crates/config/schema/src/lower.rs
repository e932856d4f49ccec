//! Tree to typed structs: the trait the derive implements, and the steps it is made of.
//!
//! A path here is relative and made of keywords: `match source-address`; `<>` is the child without keyword.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Diagnostic, Few, Span, Text, Word};

use crate::SharedEnds;
use crate::memo::{self, Memo};
use crate::runs::{Named, Runs};
use crate::trail::Trail;

/// Made from one statement and what is in it.
pub trait Lower: Sized {
    fn lower(node: &Node, cx: &mut Cx) -> Option<Self>;

    /// Adds the grammar paths this type consumes, below `prefix`.
    fn covered(prefix: &str, out: &mut Vec<String>);
}

/// Made from one word.
pub trait Value: Sized {
    fn value(word: &str) -> Result<Self, String>;
}

/// Errors found so far and the path of the statement being lowered.
#[derive(Debug, Default)]
pub struct Cx {
    pub errors: Vec<Diagnostic>,
    path: Trail,
    /// Of an earlier configuration, and of this one.
    pub(crate) before: Option<Arc<Memo>>,
    pub(crate) memo: Memo,
    pub(crate) remembered: Vec<memo::Key>,
    pub(crate) ends: SharedEnds,
}

impl Cx {
    /// With what an earlier configuration was lowered to; `ends` are those of its levels and of these.
    #[must_use]
    pub fn after(before: Arc<Memo>, ends: SharedEnds) -> Self {
        Self { before: Some(before), ends, ..Self::default() }
    }

    /// What the next lowering may go on from; worth nothing when there were errors.
    #[must_use]
    pub fn into_memo(self) -> Memo {
        self.memo
    }

    pub(crate) fn path(&self) -> String {
        self.path.join()
    }

    pub fn enter<T>(&mut self, node: &Node, work: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.path.len();
        node.told().for_each(|word| self.path.push(word));
        let out = work(self);
        self.path.truncate(mark);
        out
    }

    pub fn error(&mut self, at: Span, message: impl Into<String>) {
        self.errors.push(Diagnostic::error(self.path.join(), at, message));
    }

    /// An error about two statements that exclude each other: `at`, and `other` before it.
    pub fn conflict(&mut self, at: Span, message: impl Into<String>, other: Span, what: impl Into<String>) {
        self.errors.push(Diagnostic::error(self.path.join(), at, message).and(other, what));
    }

    pub fn parse<T: Value>(&mut self, word: &Word) -> Option<T> {
        match T::value(&word.text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(word.span, message);
                None
            }
        }
    }
}

/// Joins grammar paths.
#[must_use]
pub fn join(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_owned() } else { format!("{prefix} {path}") }
}

pub(crate) fn is(node: &Node, word: &str) -> bool {
    if word == "<>" { node.keyword().is_empty() } else { node.name == word }
}

/// The first keyword of a path, and what follows it. Asked a million times, of short paths.
fn first_word(path: &str) -> (&str, &str) {
    match path.bytes().position(|byte| byte == b' ') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (path, ""),
    }
}

/// Active nodes at a keyword path.
#[must_use]
pub fn at<'a>(node: &'a Node, path: &str) -> Vec<&'a Node> {
    let mut found = vec![node];
    for word in path.split(' ') {
        found = found.into_iter().flat_map(Node::active).filter(|n| is(n, word)).collect();
    }
    found
}

#[must_use]
pub fn flag(node: &Node, path: &str) -> bool {
    let (word, rest) = first_word(path);
    node.active().filter(|n| is(n, word)).any(|n| rest.is_empty() || flag(n, rest))
}

fn count(node: &Node, path: &str) -> usize {
    let (word, rest) = first_word(path);
    let found = node.active().filter(|n| is(n, word));
    if rest.is_empty() { found.count() } else { found.map(|n| count(n, rest)).sum() }
}

/// Calls `work` on every active node at `path`, its whole path entered.
fn visit(node: &Node, path: &str, cx: &mut Cx, work: &mut dyn FnMut(&Node, &mut Cx)) {
    let (word, rest) = first_word(path);
    for child in node.active().filter(|n| is(n, word)) {
        if rest.is_empty() {
            work(child, cx);
        } else {
            cx.enter(child, |cx| visit(child, rest, cx, work));
        }
    }
}

/// A leaf's value; Junos keeps one value, the last.
pub fn leaf<T: Value>(node: &Node, path: &str, cx: &mut Cx) -> Option<T> {
    let mut last = None;
    values(node, path, cx, &mut |value, _| last = Some(value));
    last
}

/// Values of a leaf-list, or keys of a list without bodies.
pub fn leaves<T: Value>(node: &Node, path: &str, cx: &mut Cx) -> Vec<T> {
    let mut out = Vec::new();
    values(node, path, cx, &mut |value, count| {
        if out.capacity() == 0 {
            out.reserve_exact(count);
        }
        out.push(value);
    });
    out
}

/// As [`leaves`], where there mostly is one.
pub fn few<T: Value + Clone>(node: &Node, path: &str, cx: &mut Cx) -> Few<T> {
    let mut out = Few::default();
    values(node, path, cx, &mut |value, _| out.push(value));
    out.settle();
    out
}

/// Gives `take` every value, and how many its statement has.
fn values<T: Value>(node: &Node, path: &str, cx: &mut Cx, take: &mut dyn FnMut(T, usize)) {
    visit(node, path, cx, &mut |found, cx| {
        let count = if found.kind == Kind::Entry { 1 } else { found.args.len() };
        for word in found.args.iter().take(count) {
            match T::value(&word.text) {
                Ok(value) => take(value, count),
                Err(message) => {
                    let mark = cx.path.len();
                    if !found.name.is_empty() {
                        cx.path.push(found.name);
                    }
                    cx.path.push(word.told());
                    cx.error(word.span, message);
                    cx.path.truncate(mark);
                }
            }
        }
    });
}

pub fn list<T>(node: &Node, path: &str, cx: &mut Cx) -> Vec<T>
where
    T: Lower + Clone + Send + Sync + 'static,
{
    let mut out = Vec::with_capacity(count(node, path));
    visit(node, path, cx, &mut |found, cx| out.extend(cx.enter(found, |cx| memo::whole(found, cx))));
    out
}

/// A list that may be long: what it has in common with that of an earlier configuration is shared.
pub fn runs<T>(node: &Node, path: &str, cx: &mut Cx) -> Runs<T>
where
    T: Lower + Named + Clone + Send + Sync + 'static,
{
    let Some((above, word)) = path.rsplit_once(' ') else { return memo::level(&node.children, path, cx) };
    let mut found = Vec::new();
    visit(node, above, cx, &mut |parent, cx| {
        found.push(cx.enter(parent, |cx| memo::level::<T>(&parent.children, word, cx)));
    });
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => only,
        (last, _) => found.iter().chain(&last).flatten().cloned().collect(),
    }
}

pub fn presence<T>(node: &Node, path: &str, cx: &mut Cx) -> Option<T>
where
    T: Lower + Clone + Send + Sync + 'static,
{
    list(node, path, cx).pop()
}

/// An entry's nth key: words between keys count too.
pub fn key<T: Value>(node: &Node, index: usize, cx: &mut Cx) -> Option<T> {
    let word = node.args.get(index)?;
    cx.parse(word)
}

impl Value for String {
    fn value(word: &str) -> Result<Self, String> {
        Ok(word.to_owned())
    }
}

impl Value for Text {
    fn value(word: &str) -> Result<Self, String> {
        Ok(word.into())
    }
}

/// What few statements say takes no room in those that don't.
impl<T: Value> Value for Box<T> {
    fn value(word: &str) -> Result<Self, String> {
        T::value(word).map(Self::new)
    }
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn value(word: &str) -> Result<Self, String> {
                word.parse().map_err(|_| format!("invalid numeric value `{word}'; expecting 0..{}", <$type>::MAX))
            }
        }
    )+};
}

numbers!(u8, u16, u32);

impl Value for IpAddr {
    fn value(word: &str) -> Result<Self, String> {
        word.parse().map_err(|_| format!("invalid IP address `{word}'"))
    }
}

/// A prefix; an address alone is a host. Host bits are kept.
impl Value for IpNet {
    fn value(word: &str) -> Result<Self, String> {
        let prefix = word.parse::<IpNet>().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
        prefix.ok_or_else(|| format!("invalid prefix `{word}'"))
    }
}
