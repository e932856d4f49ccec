//! A tree as text: braces as `show configuration` prints them, and `set` lines.

use std::fmt::Write;

use crate::Word;
use crate::tree::{Kind, Node, Style, Tree};

/// Braces, four spaces a level.
#[must_use]
pub fn text(tree: &Tree) -> String {
    nodes(&tree.nodes, 0)
}

#[must_use]
pub fn nodes(nodes: &[Node], depth: usize) -> String {
    let mut out = String::new();
    for node in nodes {
        block(&mut out, node, depth);
    }
    out
}

/// `set` lines, then a `deactivate` or `protect` line after the statement it is about.
#[must_use]
pub fn set(tree: &Tree) -> String {
    set_under(&tree.nodes, &[])
}

/// As [`set`], for the statements below `path`.
#[must_use]
pub fn set_under(nodes: &[Node], path: &[String]) -> String {
    let mut out = String::new();
    let mut words: Vec<String> = path.iter().map(|w| quote(w)).collect();
    for node in nodes {
        set_lines(&mut out, node, &mut words);
    }
    out
}

/// A word as it must be written to be read back as one word.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"{}[];\"#()<>&|?'`\\".contains(c);
    let looks_like_more = word.starts_with("/*") || word.ends_with(':');
    if !word.is_empty() && !looks_like_more && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn args(words: &[Word], kind: Kind) -> String {
    let quoted: Vec<String> = words.iter().map(|w| quote(&w.text)).collect();
    match kind {
        Kind::LeafList if words.len() != 1 => format!("[ {} ]", quoted.join(" ")),
        _ => quoted.join(" "),
    }
}

/// Keyword and arguments, a list of values in brackets.
#[must_use]
pub fn head(node: &Node) -> String {
    let arguments = args(&node.args, node.kind);
    match (node.name.is_empty(), arguments.is_empty()) {
        (true, _) => arguments,
        (false, true) => node.name.clone(),
        (false, false) => format!("{} {arguments}", node.name),
    }
}

fn fits_one_line(node: &Node) -> bool {
    let plain = |n: &Node| n.comments.is_empty() && !n.inactive && !n.protect;
    match node.style {
        Style::Block | Style::Joined => false,
        Style::OneLine => !node.children.is_empty() && node.children.iter().all(|n| plain(n) && inline(n)),
        Style::OneLinePlus => matches!(node.children.as_slice(), [only] if plain(only) && inline(only)),
    }
}

fn inline(node: &Node) -> bool {
    node.is_value() || (node.children.is_empty() && node.kind == Kind::Container) || fits_one_line(node)
}

fn inline_text(node: &Node, out: &mut String) {
    out.push_str(&head(node));
    for child in &node.children {
        out.push(' ');
        inline_text(child, out);
    }
}

fn block(out: &mut String, node: &Node, depth: usize) {
    joined(out, node, depth, "");
}

fn joined(out: &mut String, node: &Node, depth: usize, lead: &str) {
    let pad = "    ".repeat(depth);
    let plain = node.comments.is_empty() && !node.inactive && !node.protect;
    if node.style == Style::Joined && plain && !node.children.is_empty() {
        let lead = format!("{lead}{} ", head(node));
        for child in &node.children {
            joined(out, child, depth, &lead);
        }
        return;
    }
    for comment in &node.comments {
        let _ = writeln!(out, "{pad}{}", comment.trim_end());
    }
    out.push_str(&pad);
    if node.inactive {
        out.push_str("inactive: ");
    }
    if node.protect {
        out.push_str("protect: ");
    }
    out.push_str(lead);
    if node.children.is_empty() {
        let _ = writeln!(out, "{};", head(node));
    } else if fits_one_line(node) {
        inline_text(node, out);
        out.push_str(";\n");
    } else {
        let _ = writeln!(out, "{} {{", head(node));
        for child in &node.children {
            block(out, child, depth + 1);
        }
        let _ = writeln!(out, "{pad}}}");
    }
}

fn set_lines(out: &mut String, node: &Node, path: &mut Vec<String>) {
    let mark = path.len();
    if !node.name.is_empty() {
        path.push(node.name.clone());
    }
    let named = path.len();
    path.extend(node.args.iter().map(|w| quote(&w.text)));
    match node.kind {
        Kind::LeafList => {
            for word in &node.args {
                let _ = writeln!(out, "set {} {}", path[..named].join(" "), quote(&word.text));
            }
            path.truncate(named);
        }
        _ if node.children.is_empty() || node.presence && node.children.iter().all(|n| n.inactive) => {
            let _ = writeln!(out, "set {}", path.join(" "));
        }
        _ => {}
    }
    for child in &node.children {
        set_lines(out, child, path);
    }
    if node.inactive {
        let _ = writeln!(out, "deactivate {}", path.join(" "));
    }
    if node.protect {
        let _ = writeln!(out, "protect {}", path.join(" "));
    }
    path.truncate(mark);
}
