//! `load patch`: what `show | compare` showed, done to another configuration.
//!
//! Spec: language-14. State: none.

use std::collections::HashMap;

use ravelin_syntax::{Change, Diagnostic, Node, Span, Tree, Word, render};

use crate::bind::Bound;
use crate::merge::{Merger, Replacing};

/// Lines below one `[edit ...]` heading.
#[derive(Default)]
struct Hunk {
    line: u32,
    base: Vec<Word>,
    removed: String,
    added: String,
    /// `inactive` or `active`, and the head of the statement.
    marks: Vec<(Change, String)>,
    /// Heads of entries that changed their places among themselves, in their new order.
    moved: Vec<String>,
}

/// Does a patch below `base`, all of it or nothing.
pub(crate) fn apply(tree: &mut Tree, base: &[String], text: &str) -> Result<(), Vec<Diagnostic>> {
    let hunks = hunks(base, text).map_err(|error| vec![*error])?;
    let mut nodes = tree.nodes.clone();
    let mut errors = Vec::new();
    for hunk in hunks {
        let mut removed = bound(&hunk, &hunk.removed, &mut errors);
        mark(&mut removed.tree.nodes, hunk_depth(&hunk.base));
        let added = bound(&hunk, &hunk.added, &mut errors);
        for part in [removed, added] {
            let mut merger = Merger::new(Replacing::Ignored);
            merger.merge(&mut nodes, part.tree.nodes);
            errors.extend(merger.diagnostics.into_iter().map(|mut d| {
                d.span.line = hunk.line;
                // What is to go must be there.
                d.severity = ravelin_syntax::Severity::Error;
                d
            }));
        }
        if !hunk.moved.is_empty() && errors.is_empty() {
            errors.extend(reorder(&mut nodes, &hunk).err().map(|error| *error));
        }
        for (change, head) in &hunk.marks {
            let verb = if *change == Change::Activate { "activate" } else { "deactivate" };
            let mut part = Tree { nodes: std::mem::take(&mut nodes) };
            let base: Vec<String> = hunk.base.iter().map(|w| w.text.to_string()).collect();
            if let Err(more) = crate::apply(&mut part, &base, &format!("{verb} {head}")) {
                errors.extend(more);
            }
            nodes = part.nodes;
        }
    }
    if errors.is_empty() {
        tree.nodes = nodes;
        return Ok(());
    }
    Err(errors)
}

/// Puts entries into each other's places: those they have together stay the same, and the patch has their order.
fn reorder(nodes: &mut Vec<Node>, hunk: &Hunk) -> Result<(), Box<Diagnostic>> {
    let at = Span { line: hunk.line, column: 1 };
    let words = |w: &[Word]| w.iter().map(|w| w.text.to_string()).collect::<Vec<_>>().join(" ");
    let fail = |head: &str| {
        let message = format!("`{head}' is not here and can't be moved");
        Box::new(Diagnostic::error(words(&hunk.base), at, message))
    };
    let path = crate::path::resolve(&hunk.base).map_err(|unknown| fail(&unknown.word))?;
    let place = crate::path::follow(nodes, &path.steps, None).ok_or_else(|| fail(&words(&hunk.base)))?;
    let level = match crate::path::siblings(nodes, &place.indexes) {
        Some((above, at)) => &mut *above[at].children,
        None => nodes,
    };
    let heads: HashMap<String, usize> =
        level.iter().enumerate().map(|(at, n)| (render::head(n), at)).collect();
    let order = hunk.moved.iter().map(|head| heads.get(head).copied().ok_or_else(|| fail(head)));
    let order: Vec<usize> = order.collect::<Result<_, _>>()?;
    let mut places = order.clone();
    places.sort_unstable();
    places.dedup();
    if places.len() != order.len() {
        return Err(fail(&hunk.moved[0]));
    }
    let moved: Vec<Node> = order.iter().map(|from| level[*from].clone()).collect();
    for (to, node) in places.into_iter().zip(moved) {
        level[to] = node;
    }
    Ok(())
}

fn hunk_depth(base: &[Word]) -> usize {
    crate::path::resolve(base).map_or(0, |path| path.steps.len())
}

/// Statements at the end of the way are what is removed.
fn mark(nodes: &mut [Node], depth: usize) {
    for node in nodes {
        if depth == 0 {
            node.set_change(Change::Delete);
        } else {
            mark(&mut node.children, depth - 1);
        }
    }
}

fn bound(hunk: &Hunk, text: &str, errors: &mut Vec<Diagnostic>) -> Bound {
    if text.trim().is_empty() {
        return Bound::default();
    }
    let words: Vec<String> = hunk.base.iter().map(|w| render::quote(&w.text)).collect();
    let text = if words.is_empty() { text.to_owned() } else { format!("{} {{\n{text}\n}}", words.join(" ")) };
    let mut bound = crate::bind::bind(&text, &[]);
    errors.extend(
        bound.diagnostics.drain(..).map(|d| Diagnostic { span: Span { line: hunk.line, column: 1 }, ..d }),
    );
    bound
}

fn hunks(base: &[String], text: &str) -> Result<Vec<Hunk>, Box<Diagnostic>> {
    let mut hunks: Vec<Hunk> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let at = Span { line: n as u32 + 1, column: 1 };
        let fail = |message: &str| Box::new(Diagnostic::error("", at, message));
        if let Some(heading) = line.trim().strip_prefix("[edit") {
            let heading = heading.strip_suffix(']').ok_or_else(|| fail("syntax error, expecting `]'"))?;
            let parsed = ravelin_syntax::parse(&format!("{};", heading.trim()));
            let words = parsed.statements.iter().flat_map(|s| s.items.iter()).flat_map(|item| match item {
                ravelin_syntax::Item::One(word) => vec![word.clone()],
                ravelin_syntax::Item::Many(words, _) => words.clone(),
            });
            let base = base.iter().map(Word::new).chain(words).collect();
            hunks.push(Hunk { line: at.line, base, ..Hunk::default() });
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let hunk = hunks.last_mut().ok_or_else(|| fail("syntax error, expecting `[edit ...]'"))?;
        let rest = line.get(1..).unwrap_or("");
        match line.chars().next() {
            Some('-') => push(&mut hunk.removed, rest),
            Some('+') => push(&mut hunk.added, rest),
            Some('!') => {
                let line = rest.trim().trim_end_matches("{ ... }").trim();
                match line.split_once(": ") {
                    Some(("inactive", head)) => hunk.marks.push((Change::Merge, head.to_owned())),
                    Some(("active", head)) => hunk.marks.push((Change::Activate, head.to_owned())),
                    _ => hunk.moved.push(line.to_owned()),
                }
            }
            // Context.
            _ => {}
        }
    }
    Ok(hunks)
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
