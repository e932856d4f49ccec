//! `show | compare`: what leads from one tree to another, under `[edit ...]` headings.

use std::collections::HashMap;
use std::fmt::Write;

use crate::render;
use crate::tree::{Kind, Node, Tree};

/// Empty when the trees are the same.
#[must_use]
pub fn diff(old: &Tree, new: &Tree) -> String {
    let mut out = String::new();
    level(&mut out, &old.nodes, &new.nodes, &mut Vec::new());
    out
}

/// What is left of two levels without the statements both begin with and both end with.
fn changed_part<'a>(old: &'a [Node], new: &'a [Node]) -> (&'a [Node], &'a [Node]) {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same..], &new[same..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    (&old[..old.len() - same], &new[..new.len() - same])
}

fn level(out: &mut String, old: &[Node], new: &[Node], path: &mut Vec<String>) {
    let (old, new) = changed_part(old, new);
    let mut lines = String::new();
    let indent = " ".repeat(path.len() + 2);
    let (before, after) = (index(old), index(new));
    for node in old {
        if after.get(&identity(node)).is_none_or(|other| node.is_value() && node != *other) {
            changed(&mut lines, '-', &indent, node);
        }
    }
    for node in new {
        match before.get(&identity(node)) {
            None => changed(&mut lines, '+', &indent, node),
            Some(other) if node.is_value() && node != *other => changed(&mut lines, '+', &indent, node),
            Some(other) if node.inactive != other.inactive => {
                let mark = if node.inactive { "inactive" } else { "active" };
                let _ = writeln!(lines, "!{indent}{mark}: {} {{ ... }}", render::head(node));
            }
            Some(_) => {}
        }
    }
    let kept = |nodes: &[Node], there: &Index<'_>| -> Vec<Identity> {
        let entries = nodes.iter().filter(|n| n.kind == Kind::Entry).map(identity);
        entries.filter(|i| there.contains_key(i)).collect()
    };
    let (was, is) = (kept(old, &after), kept(new, &before));
    for (_, is) in was.iter().zip(&is).filter(|(was, is)| was != is) {
        let _ = writeln!(lines, "!{indent}{} {{ ... }}", render::head(after[is]));
    }
    if !lines.is_empty() {
        let place = if path.is_empty() { String::new() } else { format!(" {}", path.join(" ")) };
        let _ = writeln!(out, "[edit{place}]\n{}", lines.trim_end_matches('\n'));
    }
    for node in new.iter().filter(|n| !n.is_value()) {
        if let Some(other) = before.get(&identity(node)).filter(|other| **other != node) {
            path.push(render::head(node));
            level(out, &other.children, &node.children, path);
            path.pop();
        }
    }
}

/// What makes a statement the same on both sides: leaves by keyword, the rest by keyword and keys.
type Identity = (u32, Vec<String>);
type Index<'a> = HashMap<Identity, &'a Node>;

fn identity(node: &Node) -> Identity {
    let named_value = node.is_value() && !node.name.is_empty();
    let words = node.head().take(if named_value { 1 } else { usize::MAX });
    (node.rule, words.map(str::to_owned).collect())
}

fn index(nodes: &[Node]) -> Index<'_> {
    nodes.iter().map(|n| (identity(n), n)).collect()
}

fn changed(lines: &mut String, sign: char, indent: &str, node: &Node) {
    for line in render::nodes(std::slice::from_ref(node), 0).lines() {
        let _ = writeln!(lines, "{sign}{indent}{line}");
    }
}
