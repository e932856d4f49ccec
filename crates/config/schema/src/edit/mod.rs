//! Commands that change a tree: set, delete, activate, deactivate, rename, copy, insert, annotate, protect,
//! wildcard, replace pattern.
//!
//! One command works in place. A text of many works over an index of the tree, so that its time is that of its
//! length; what moves whole subtrees counts against [`WORK_MAX`]. Spec: language-1..10.

mod pattern;
mod transfer;

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Diagnostic, Form, Item, Reader, Span, Statement, Tree, Word, render};

use crate::bind::{Binder, Bound, Scope};
use crate::grammar::grammar;
use crate::index::{Index, leave_gap, settle};
use crate::merge::{Merger, Replacing, holds_protected};
use crate::path::{self, Path, Place};
use crate::value::nearest;

/// Statements that commands of one text may move, copy or look at beyond its own length.
pub const WORK_MAX: usize = 100_000_000;

const NOT_FOUND: &str = "statement not found";
const PROTECTED: &str = "statement is protected and can't be changed";

/// Applies command lines (`set system host-name a`) below `base`, the `[edit]` path. The tree changes only when
/// there is no error.
pub fn apply(tree: &mut Tree, base: &[String], text: &str) -> Result<(), Vec<Diagnostic>> {
    let text = pattern::expand_ranges(text).map_err(|error| vec![*error])?;
    let mut parsed = ravelin_syntax::parse(&text);
    let mut errors = parsed.diagnostics;
    if parsed.form != Form::Lines {
        errors.push(Diagnostic::error("", Span::NOWHERE, "syntax error, unknown command"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let base: Vec<Word> = base.iter().map(Word::new).collect();
    if let [only] = parsed.statements.as_mut_slice() {
        return single(tree, base, only);
    }
    let mut editor = Editor::over(tree.nodes.clone(), base);
    for mut statement in parsed.statements {
        editor.command(&mut statement);
    }
    let bound = editor.finish();
    if bound.diagnostics.is_empty() {
        *tree = bound.tree;
        return Ok(());
    }
    Err(bound.diagnostics)
}

/// One command in place: a failed one has changed nothing.
fn single(tree: &mut Tree, base: Vec<Word>, statement: &mut Statement) -> Result<(), Vec<Diagnostic>> {
    let mut editor = Editor { nodes: std::mem::take(&mut tree.nodes), base, ..Editor::empty() };
    editor.binder = None;
    editor.command(statement);
    tree.nodes = editor.nodes;
    if editor.diagnostics.is_empty() { Ok(()) } else { Err(editor.diagnostics) }
}

/// Builds a tree from the lines of a `set` file.
pub(crate) fn replay(text: &str, base: Vec<Word>) -> Bound {
    let mut editor = Editor { base, ..Editor::empty() };
    let mut reader = Reader::new(text);
    let mut statement = Statement::default();
    while reader.next(&mut statement).is_some() || reader.depth() > 0 {
        editor.command(&mut statement);
    }
    let mut bound = editor.finish();
    bound.diagnostics.extend(reader.finish());
    bound
}

/// What became of one command.
enum Failure {
    /// Already among the diagnostics.
    Told,
    Said(String),
}

impl<T: Into<String>> From<T> for Failure {
    fn from(message: T) -> Self {
        Self::Said(message.into())
    }
}

type Done = Result<(), Failure>;

struct Editor {
    nodes: Vec<Node>,
    base: Vec<Word>,
    /// Of a text of many commands; one alone needs none.
    binder: Option<Binder<'static>>,
    diagnostics: Vec<Diagnostic>,
    work: usize,
}

impl Editor {
    fn empty() -> Self {
        let binder = Some(Binder::new(Form::Lines));
        Self { nodes: Vec::new(), base: Vec::new(), binder, diagnostics: Vec::new(), work: 0 }
    }

    fn over(nodes: Vec<Node>, base: Vec<Word>) -> Self {
        let binder = Some(Binder::with(Form::Lines, Index::of(&nodes)));
        Self { nodes, base, binder, ..Self::empty() }
    }

    fn finish(mut self) -> Bound {
        settle(&mut self.nodes);
        Bound { tree: Tree { nodes: self.nodes }, diagnostics: self.diagnostics, ..Bound::default() }
    }

    fn index(&self) -> Option<&Index> {
        self.binder.as_ref().map(|b| &b.index)
    }

    fn index_mut(&mut self) -> Option<&mut Index> {
        self.binder.as_mut().map(|b| &mut b.index)
    }

    fn command(&mut self, statement: &mut Statement) {
        let Some(Item::One(verb)) = statement.items.first() else {
            return self.tell(statement.span, &[], "syntax error, expecting a command".to_owned());
        };
        if self.diagnostics.len() >= ravelin_syntax::DIAGNOSTICS_MAX {
            return;
        }
        if verb.text == "set" {
            let at = verb.span;
            if let Err(Failure::Said(message)) = self.set(statement, at) {
                let base = self.base.clone();
                self.tell(at, &base, message);
            }
            return;
        }
        let mut words: Vec<Word> = self.base.clone();
        words.extend(flat(&statement.items[1..]));
        let done = match verb.text.as_str() {
            "delete" => self.delete(&words),
            "activate" => self.change(&words, &|n| n.inactive = false),
            "deactivate" => self.change(&words, &|n| n.inactive = true),
            "protect" => self.mark(&words, true),
            "unprotect" => self.mark(&words, false),
            "annotate" => self.annotate(&words),
            "rename" => self.transfer(&words, transfer::Transfer::Rename),
            "copy" => self.transfer(&words, transfer::Transfer::Copy),
            "insert" => self.insert(&words),
            "wildcard" => self.wildcard(statement),
            "replace" => self.replace_pattern(&words),
            "edit" => {
                self.base = words.clone();
                Ok(())
            }
            "top" => {
                self.base.clear();
                Ok(())
            }
            "up" => self.up(&words),
            other => Err(format!("syntax error, unknown command `{other}'").into()),
        };
        if let Err(Failure::Said(message)) = done {
            self.tell(verb.span, &words, message);
        }
    }

    fn tell(&mut self, at: Span, words: &[Word], message: String) {
        // A secret is no part of what is told.
        let resolved = path::resolve(words).ok();
        let value = resolved.filter(|p| p.value.is_some()).and_then(|p| grammar().rule(p.steps.last()?.rule));
        let secret = value.is_some_and(|rule| rule.value.is_secret);
        let words = &words[..words.len() - usize::from(secret)];
        let path: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        self.diagnostics.push(Diagnostic::error(path.join(" "), at, message));
    }

    /// However many words a level takes.
    fn up(&mut self, words: &[Word]) -> Done {
        let levels = match &words[self.base.len()..] {
            [] => 1,
            [count] => count.text.parse().map_err(|_| format!("invalid numeric value `{}'", count.text))?,
            [_, extra, ..] => return Err(format!("syntax error, unknown word `{}'", extra.text).into()),
        };
        let mut above = path::levels_of(&self.base);
        above.retain(|length| *length < self.base.len());
        if levels > 0 {
            self.base.truncate(above.iter().rev().nth(levels - 1).map_or(0, |length| *length));
        }
        Ok(())
    }

    /// The words of the statement go into the tree.
    fn set(&mut self, statement: &mut Statement, span: Span) -> Done {
        let base = self.base.iter().map(|w| Item::One(Word { span, ..w.clone() }));
        statement.items.splice(..1, base);
        if statement.items.is_empty() {
            return Err("syntax error, missing statement".into());
        }
        if let Some(binder) = &mut self.binder {
            binder.place_statement(&mut self.nodes, Scope::TOP, statement);
            self.diagnostics.append(&mut binder.diagnostics);
            return Ok(());
        }
        let mut fresh = Vec::new();
        let mut binder = Binder::new(Form::Lines);
        binder.place_statement(&mut fresh, Scope::TOP, statement);
        if binder.diagnostics.is_empty() && protected_on_way(&self.nodes, &fresh) {
            return Err(PROTECTED.into());
        }
        if binder.diagnostics.is_empty() {
            settle(&mut fresh);
            let mut merger = Merger::new(Replacing::Ignored);
            merger.merge(&mut self.nodes, fresh);
            binder.diagnostics = merger.diagnostics;
        }
        let told = !binder.diagnostics.is_empty();
        self.diagnostics.append(&mut binder.diagnostics);
        if told { Err(Failure::Told) } else { Ok(()) }
    }

    /// The statement that words name. A value of a list counts only when it is there.
    fn locate(&self, words: &[Word]) -> Result<(Path, Place), Failure> {
        let path = path::resolve(words).map_err(|unknown| self.unknown(words, &unknown.word))?;
        if path.behind > 0 {
            let (_, extra) = words.split_at(words.len() - path.behind);
            return Err(self.unknown(words, &extra[0].text));
        }
        let place = path::follow(&self.nodes, &path.steps, self.index()).ok_or(NOT_FOUND)?;
        let node = path::at(&self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        let there = path.value.as_ref().is_none_or(|v| node.args.contains(v));
        if there { Ok((path, place)) } else { Err(NOT_FOUND.into()) }
    }

    fn unknown(&self, words: &[Word], word: &str) -> Failure {
        let mut near = None;
        if let Some(at) = words.iter().position(|w| w.text == word)
            && let Ok(above) = path::resolve(&words[..at])
        {
            let scope = above.steps.last().map_or(crate::grammar::ROOT, |s| s.rule);
            let names = grammar().children(scope).filter(|(_, r)| !r.hidden).map(|(_, r)| r.name);
            near = nearest(word, names);
        }
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}'?"));
        format!("syntax error, unknown statement `{word}'{hint}").into()
    }

    fn protected(&self, indexes: &[usize]) -> bool {
        (1..=indexes.len()).any(|n| path::at(&self.nodes, &indexes[..n]).is_some_and(|node| node.protect))
    }

    /// Where the statement is that words name; of a hierarchy outside the table, every one that begins with them.
    fn places(&mut self, words: &[Word]) -> Result<Vec<Vec<usize>>, Failure> {
        match self.locate(words) {
            Err(Failure::Said(message)) if message == NOT_FOUND => {
                let (found, looked) = path::outside(&self.nodes, words);
                self.work += looked;
                self.bounded()?;
                if found.is_empty() { Err(NOT_FOUND.into()) } else { Ok(found) }
            }
            located => located.map(|(_, place)| vec![place.indexes]),
        }
    }

    /// Changes a statement that isn't protected and above which nothing is.
    fn change(&mut self, words: &[Word], change: &dyn Fn(&mut Node)) -> Done {
        let places = self.places(words)?;
        if places.iter().any(|place| self.protected(place)) {
            return Err(PROTECTED.into());
        }
        for place in places {
            let (nodes, at) = path::siblings(&mut self.nodes, &place).ok_or(NOT_FOUND)?;
            change(&mut nodes[at]);
        }
        Ok(())
    }

    fn mark(&mut self, words: &[Word], protect: bool) -> Done {
        for place in self.places(words)? {
            let (nodes, at) = path::siblings(&mut self.nodes, &place).ok_or(NOT_FOUND)?;
            nodes[at].protect = protect;
        }
        Ok(())
    }

    /// Comments may be put at protected statements too.
    fn annotate(&mut self, words: &[Word]) -> Done {
        let (text, path) = words.split_last().ok_or("syntax error, missing argument")?;
        let (_, place) = self.locate(path)?;
        let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        nodes[at].comments = render::comments(&text.text).into();
        Ok(())
    }

    fn delete(&mut self, words: &[Word]) -> Done {
        if words.is_empty() {
            if self.nodes.iter().any(holds_protected) {
                return Err("a statement is protected".into());
            }
            self.nodes.clear();
            if let Some(index) = self.index_mut() {
                *index = Index::complete();
            }
            return Ok(());
        }
        let path = path::resolve(words).map_err(|unknown| self.unknown(words, &unknown.word))?;
        if path.is_list {
            return self.delete_list(&path);
        }
        if path.behind > 0 {
            return self.delete_line(words, path.behind);
        }
        let (path, place) = match self.locate(words) {
            Err(Failure::Said(message)) if message == NOT_FOUND => return self.delete_outside(words),
            located => located?,
        };
        let node = path::at(&self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        if self.protected(&place.indexes) || holds_protected(node) {
            return Err("statement is protected".into());
        }
        let statement = place.hashes.last().copied();
        let one_value = path.value.filter(|_| node.kind == Kind::LeafList && node.args.len() > 1);
        if let Some(value) = one_value {
            if let (Some(index), Some(hash)) = (self.index_mut(), statement) {
                index.forget_value(hash, &value.text);
            }
            let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
            nodes[at].args.retain(|w| *w != value);
            return Ok(());
        }
        self.remove(&place)
    }

    /// Every statement outside the table that begins with these words.
    fn delete_outside(&mut self, words: &[Word]) -> Done {
        let places = self.places(words)?;
        let held = |place: &Vec<usize>| {
            self.protected(place) || path::at(&self.nodes, place).is_some_and(holds_protected)
        };
        if places.iter().any(held) {
            return Err("statement is protected".into());
        }
        // From the last on: those before keep their places.
        for place in places.into_iter().rev() {
            let (nodes, at) = path::siblings(&mut self.nodes, &place).ok_or(NOT_FOUND)?;
            if self.binder.is_some() {
                leave_gap(&mut nodes[at]);
            } else {
                nodes.remove(at);
                prune(&mut self.nodes, &place);
            }
        }
        Ok(())
    }

    /// `... 2000 to 60000`: a value and what stands behind it on its line, both or nothing.
    fn delete_line(&mut self, words: &[Word], behind: usize) -> Done {
        let (first, rest) = words.split_at(words.len() - behind);
        // The value itself is the last of the first part.
        let other: Vec<Word> = first[..first.len() - 1].iter().chain(rest).cloned().collect();
        self.locate(first)?;
        self.locate(&other)?;
        self.delete(&other)?;
        self.delete(first)
    }

    fn remove(&mut self, place: &Place) -> Done {
        let Some(binder) = &mut self.binder else {
            let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
            nodes.remove(at);
            prune(&mut self.nodes, &place.indexes);
            return Ok(());
        };
        let (nodes, at) = path::siblings(&mut self.nodes, &place.indexes).ok_or(NOT_FOUND)?;
        if let Some(hash) = place.hashes.last() {
            binder.index.forget(*hash, &nodes[at]);
        }
        leave_gap(&mut nodes[at]);
        Ok(())
    }

    /// `delete ... policy` without a name takes every entry of the list.
    fn delete_list(&mut self, path: &Path) -> Done {
        let (last, above) = path.steps.split_last().ok_or(NOT_FOUND)?;
        let place = path::follow(&self.nodes, above, self.index()).ok_or(NOT_FOUND)?;
        if self.protected(&place.indexes) {
            return Err("statement is protected".into());
        }
        let nodes = match path::siblings(&mut self.nodes, &place.indexes) {
            Some((nodes, at)) => nodes[at].children.edit(),
            None => &mut self.nodes,
        };
        let listed = |n: &Node| n.rule == last.rule.0;
        if nodes.iter().any(|n| listed(n) && holds_protected(n)) {
            return Err("a statement is protected".into());
        }
        let count = nodes.iter().filter(|n| listed(n)).count();
        self.work += nodes.len();
        if count == 0 {
            return Err(NOT_FOUND.into());
        }
        match &mut self.binder {
            Some(binder) => {
                let parent = place.hashes.last().copied().unwrap_or(0);
                for node in nodes.iter_mut().filter(|n| listed(n)) {
                    let hash = binder.index.hash(Scope { rule: last.rule, hash: parent }, &node.args);
                    binder.index.forget(hash, node);
                    leave_gap(node);
                }
                self.bounded()
            }
            None => {
                nodes.retain(|n| !listed(n));
                let mut indexes = place.indexes;
                indexes.push(0);
                prune(&mut self.nodes, &indexes);
                Ok(())
            }
        }
    }

    fn bounded(&self) -> Done {
        if self.work > WORK_MAX {
            Err("the commands of this text move too many statements".into())
        } else {
            Ok(())
        }
    }
}

fn flat(items: &[Item]) -> Vec<Word> {
    let words = items.iter().flat_map(|item| match item {
        Item::One(word) => std::slice::from_ref(word),
        Item::Many(words, _) => words.as_slice(),
    });
    words.cloned().collect()
}

/// Whether something protected lies above what is new, or is it.
fn protected_on_way(nodes: &[Node], fresh: &[Node]) -> bool {
    fresh.iter().any(|new| {
        let same = |n: &&Node| n.rule == new.rule && (n.kind != Kind::Entry || n.args == new.args);
        nodes.iter().find(same).is_some_and(|n| n.protect || protected_on_way(&n.children, &new.children))
    })
}

/// Containers that mean nothing when empty go with their last child.
fn prune(nodes: &mut Vec<Node>, indexes: &[usize]) {
    for length in (1..indexes.len()).rev() {
        let Some((level, at)) = path::siblings(nodes, &indexes[..length]) else { return };
        let node = &level[at];
        if !node.children.is_empty() || node.presence || node.kind != Kind::Container {
            return;
        }
        level.remove(at);
    }
}
