//! `show | compare`: what leads from one tree to another, under `[edit ...]` headings.

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

fn level(out: &mut String, old: &[Node], new: &[Node], path: &mut Vec<String>) {
    let mut lines = String::new();
    let indent = " ".repeat(path.len() + 2);
    for node in old {
        if counterpart(new, node).is_none_or(|other| node.is_value() && node != other) {
            changed(&mut lines, '-', &indent, node);
        }
    }
    for node in new {
        match counterpart(old, node) {
            None => changed(&mut lines, '+', &indent, node),
            Some(other) if node.is_value() && node != other => changed(&mut lines, '+', &indent, node),
            Some(other) if node.inactive != other.inactive => {
                let mark = if node.inactive { "inactive" } else { "active" };
                let _ = writeln!(lines, "!{indent}{mark}: {} {{ ... }}", render::head(node));
            }
            Some(_) => {}
        }
    }
    for (sign, node) in moved(old, new) {
        let _ = writeln!(lines, "{sign}{indent}{} {{ ... }}", render::head(node));
    }
    if !lines.is_empty() {
        let place = path.join(" ");
        let _ = writeln!(
            out,
            "[edit{}{place}]\n{}",
            if path.is_empty() { "" } else { " " },
            lines.trim_end_matches('\n')
        );
    }
    for node in new.iter().filter(|n| !n.is_value()) {
        if let Some(other) = counterpart(old, node).filter(|other| *other != node) {
            path.push(render::head(node));
            level(out, &other.children, &node.children, path);
            path.pop();
        }
    }
}

/// The same statement on the other side: leaves by keyword, the rest by keyword and keys.
fn counterpart<'a>(nodes: &'a [Node], node: &Node) -> Option<&'a Node> {
    nodes.iter().find(|n| {
        n.rule == node.rule
            && if node.is_value() && !node.name.is_empty() { n.name == node.name } else { n.same_head(node) }
    })
}

/// Entries of one list that both sides hold in another order: the order of rules decides.
fn moved<'a>(old: &[Node], new: &'a [Node]) -> Vec<(char, &'a Node)> {
    let common: Vec<&Node> =
        old.iter().filter(|n| n.kind == Kind::Entry && counterpart(new, n).is_some()).collect();
    let after: Vec<&Node> =
        new.iter().filter(|n| n.kind == Kind::Entry && counterpart(old, n).is_some()).collect();
    common.iter().zip(&after).filter(|(a, b)| !a.same_head(b)).map(|(_, b)| ('!', *b)).collect()
}

fn changed(lines: &mut String, sign: char, indent: &str, node: &Node) {
    for line in render::nodes(std::slice::from_ref(node), 0).lines() {
        let _ = writeln!(lines, "{sign}{indent}{line}");
    }
}
