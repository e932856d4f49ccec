//! Commands that change a tree: set, delete, activate, deactivate, rename, copy, insert, annotate, protect.

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Diagnostic, Form, Item, Parsed, Span, Statement, Tree, Word};

use crate::bind::{Binder, Bound, Scope};
use crate::grammar::ROOT;

/// Applies one command line (`set system host-name a`) below `base`, the `[edit]` path. The tree changes only
/// when there is no error.
pub fn apply(tree: &mut Tree, base: &[String], line: &str) -> Result<(), Vec<Diagnostic>> {
    let parsed = ravelin_syntax::parse(line);
    let mut errors = parsed.diagnostics;
    if parsed.form != Form::Lines {
        errors.push(Diagnostic::error("", Span::NOWHERE, "syntax error, unknown command"));
    }
    let mut changed = tree.clone();
    if errors.is_empty() {
        let mut base = base.to_vec();
        let mut binder = Binder::new(Form::Lines);
        binder.search();
        for statement in &parsed.statements {
            errors.extend(command(&mut changed, &mut binder, &mut base, statement));
        }
    }
    if errors.is_empty() {
        *tree = changed;
        return Ok(());
    }
    Err(errors)
}

/// Builds a tree from the lines of a `set` file.
pub(crate) fn replay(parsed: &Parsed) -> Bound {
    let mut bound = Bound::default();
    let mut base = Vec::new();
    let mut binder = Binder::new(Form::Lines);
    for statement in &parsed.statements {
        let errors = command(&mut bound.tree, &mut binder, &mut base, statement);
        bound.diagnostics.extend(errors);
    }
    bound
}

fn command(
    tree: &mut Tree,
    binder: &mut Binder,
    base: &mut Vec<String>,
    statement: &Statement,
) -> Vec<Diagnostic> {
    let Some(Item::One(verb)) = statement.items.first() else {
        return vec![Diagnostic::error("", statement.span, "syntax error, expecting a command")];
    };
    let mut items: Vec<Item> =
        base.iter().map(|w| Item::One(Word { span: verb.span, ..Word::new(w) })).collect();
    items.extend(statement.items[1..].iter().cloned());
    if verb.text == "set" {
        return set(tree, binder, items, statement);
    }
    binder.search();
    let words = flat(&items);
    let result = match verb.text.as_str() {
        "delete" => delete(tree, &words),
        "activate" => with_node(tree, &words, |n| n.inactive = false),
        "deactivate" => with_node(tree, &words, |n| n.inactive = true),
        "protect" => with_node(tree, &words, |n| n.protect = true),
        "unprotect" => with_node(tree, &words, |n| n.protect = false),
        "rename" => transfer(tree, &words, base.len(), Transfer::Rename),
        "copy" => transfer(tree, &words, base.len(), Transfer::Copy),
        "insert" => insert(tree, &words, base.len()),
        "annotate" => match words.split_last() {
            Some((text, path)) => {
                with_node(tree, path, |n| n.comments = vec![format!("/* {} */", text.replace("*/", "* /"))])
            }
            None => Err("missing argument".to_owned()),
        },
        "edit" => {
            *base = words.iter().map(|w| (*w).to_owned()).collect();
            Ok(())
        }
        "top" => {
            base.clear();
            Ok(())
        }
        "up" => {
            base.pop();
            Ok(())
        }
        other => Err(format!("syntax error, unknown command `{other}'")),
    };
    match result {
        Ok(()) => Vec::new(),
        Err(message) => vec![Diagnostic::error(words.join(" "), verb.span, message)],
    }
}

fn flat(items: &[Item]) -> Vec<&str> {
    let words = items.iter().flat_map(|item| match item {
        Item::One(word) => std::slice::from_ref(word),
        Item::Many(words, _) => words.as_slice(),
    });
    words.map(|w| w.text.as_str()).collect()
}

fn set(tree: &mut Tree, binder: &mut Binder, items: Vec<Item>, from: &Statement) -> Vec<Diagnostic> {
    let span = from.items.first().map_or(from.span, Item::span);
    if items.is_empty() {
        return vec![Diagnostic::error("", span, "syntax error, missing statement")];
    }
    let statement = Statement { items, span, ..Statement::default() };
    binder.place_statement(&mut tree.nodes, Scope { rule: ROOT, hash: 0 }, &statement);
    std::mem::take(&mut binder.diagnostics)
}

const NOT_FOUND: &str = "statement not found";

/// Where a path leads: child indexes, and the value of a leaf-list if the path ends in one.
struct Place {
    indexes: Vec<usize>,
    value: Option<String>,
}

fn locate(nodes: &[Node], words: &[&str]) -> Option<Place> {
    for (index, node) in nodes.iter().enumerate() {
        let Some(used) = consumed(node, words) else { continue };
        let rest = &words[used..];
        if rest.is_empty() {
            return Some(Place { indexes: vec![index], value: None });
        }
        if node.kind == Kind::LeafList && rest.len() == 1 && node.args.iter().any(|w| w.text == rest[0]) {
            return Some(Place { indexes: vec![index], value: Some(rest[0].to_owned()) });
        }
        if let Some(mut place) = locate(&node.children, rest) {
            place.indexes.insert(0, index);
            return Some(place);
        }
    }
    None
}

/// How many of `words` name this node: a leaf answers to its keyword with or without its value.
fn consumed(node: &Node, words: &[&str]) -> Option<usize> {
    let named = usize::from(!node.name.is_empty());
    if named == 1 && words.first() != Some(&node.name.as_str()) {
        return None;
    }
    let full = named + node.args.len();
    let whole = words.len() >= full && node.head().eq(words[..full].iter().copied());
    match node.kind {
        Kind::LeafList if named == 1 => Some(1),
        Kind::Leaf if named == 1 && words.len() == 1 => Some(1),
        _ => whole.then_some(full),
    }
}

fn siblings<'a>(nodes: &'a mut Vec<Node>, indexes: &[usize]) -> Option<(&'a mut Vec<Node>, usize)> {
    let (last, path) = indexes.split_last()?;
    let mut at = nodes;
    for &index in path {
        at = &mut at.get_mut(index)?.children;
    }
    (*last < at.len()).then_some((at, *last))
}

fn with_node(tree: &mut Tree, words: &[&str], change: impl FnOnce(&mut Node)) -> Result<(), String> {
    let place = locate(&tree.nodes, words).ok_or(NOT_FOUND)?;
    let (nodes, index) = siblings(&mut tree.nodes, &place.indexes).ok_or(NOT_FOUND)?;
    change(&mut nodes[index]);
    Ok(())
}

fn delete(tree: &mut Tree, words: &[&str]) -> Result<(), String> {
    if words.is_empty() {
        if tree.nodes.iter().any(holds_protected) {
            return Err("a statement is protected".to_owned());
        }
        tree.nodes.clear();
        return Ok(());
    }
    let Some(place) = locate(&tree.nodes, words) else {
        return delete_entries(tree, words);
    };
    let above = (1..place.indexes.len()).any(|n| {
        siblings(&mut tree.nodes, &place.indexes[..n]).is_some_and(|(nodes, index)| nodes[index].protect)
    });
    let (nodes, index) = siblings(&mut tree.nodes, &place.indexes).ok_or(NOT_FOUND)?;
    if above || holds_protected(&nodes[index]) {
        return Err("statement is protected".to_owned());
    }
    match place.value {
        Some(value) if nodes[index].args.len() > 1 => nodes[index].args.retain(|w| w.text != value),
        _ => {
            nodes.remove(index);
        }
    }
    prune(tree, &place.indexes);
    Ok(())
}

fn holds_protected(node: &Node) -> bool {
    node.protect || node.children.iter().any(holds_protected)
}

/// `delete ... policy` without a name takes every entry of the list.
fn delete_entries(tree: &mut Tree, words: &[&str]) -> Result<(), String> {
    let (keyword, path) = words.split_last().ok_or(NOT_FOUND)?;
    let list = |n: &Node| n.kind == Kind::Entry && n.name == *keyword && !holds_protected(n);
    let mut removed = false;
    let mut strip = |nodes: &mut Vec<Node>| {
        let before = nodes.len();
        nodes.retain(|n| !list(n));
        removed = nodes.len() < before;
    };
    let mut indexes = Vec::new();
    if path.is_empty() {
        strip(&mut tree.nodes);
    } else {
        indexes = locate(&tree.nodes, path).ok_or(NOT_FOUND)?.indexes;
        with_node(tree, path, |n| strip(&mut n.children))?;
        indexes.push(0);
    }
    if !removed {
        return Err(NOT_FOUND.to_owned());
    }
    prune(tree, &indexes);
    Ok(())
}

/// Containers that mean nothing when empty go with their last child.
fn prune(tree: &mut Tree, indexes: &[usize]) {
    for length in (1..indexes.len()).rev() {
        let Some((nodes, index)) = siblings(&mut tree.nodes, &indexes[..length]) else { return };
        let node = &nodes[index];
        if !node.children.is_empty() || node.presence || node.kind != Kind::Container {
            return;
        }
        nodes.remove(index);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Transfer {
    Rename,
    Copy,
}

/// `PATH to KEYS`: the new keys replace the last entry's own. With a keyword (`policy a to policy b`) too.
fn transfer(tree: &mut Tree, words: &[&str], base: usize, how: Transfer) -> Result<(), String> {
    let split = words.iter().skip(base + 1).rposition(|w| *w == "to").map(|n| n + base + 1);
    let (from, to) = split.map(|n| (&words[..n], &words[n + 1..])).ok_or("syntax error, expecting `to'")?;
    let place = locate(&tree.nodes, from).ok_or(NOT_FOUND)?;
    let (nodes, index) = siblings(&mut tree.nodes, &place.indexes).ok_or(NOT_FOUND)?;
    let mut node = nodes[index].clone();
    let to = to.strip_prefix(&[node.name.as_str()][..]).unwrap_or(to);
    if node.kind != Kind::Entry || to.len() != node.args.len() {
        return Err("only an entry of a list has a name to change".to_owned());
    }
    node.args = to.iter().map(|w| Word::new(*w)).collect();
    if nodes.iter().any(|n| n.same_head(&node)) {
        return Err("target already exists".to_owned());
    }
    match how {
        Transfer::Rename => nodes[index] = node,
        Transfer::Copy => {
            let end = nodes.iter().rposition(|n| n.rule == node.rule).map_or(nodes.len(), |n| n + 1);
            nodes.insert(end, node);
        }
    }
    Ok(())
}

/// `PATH before|after KEYS`.
fn insert(tree: &mut Tree, words: &[&str], base: usize) -> Result<(), String> {
    let split =
        words.iter().skip(base + 1).rposition(|w| ["before", "after"].contains(w)).map(|n| n + base + 1);
    let n = split.ok_or("syntax error, expecting `before' or `after'")?;
    let (from, side, to) = (&words[..n], words[n], &words[n + 1..]);
    let place = locate(&tree.nodes, from).ok_or(NOT_FOUND)?;
    let (nodes, index) = siblings(&mut tree.nodes, &place.indexes).ok_or(NOT_FOUND)?;
    let to = to.strip_prefix(&[nodes[index].name.as_str()][..]).unwrap_or(to);
    let moved = &nodes[index];
    let same =
        |n: &Node| n.rule == moved.rule && n.args.iter().map(|w| w.text.as_str()).eq(to.iter().copied());
    let target = nodes.iter().position(same).ok_or(NOT_FOUND)?;
    if target == index {
        return Ok(());
    }
    let node = nodes.remove(index);
    let target = if target > index { target - 1 } else { target };
    nodes.insert(if side == "before" { target } else { target + 1 }, node);
    Ok(())
}
