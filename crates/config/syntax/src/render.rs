//! A tree as text: braces as `show configuration` prints them, and `set` lines.

mod again;

use std::fmt::Write;

use crate::Word;
use crate::tree::{Change, Kind, Node, Style, Tree};

pub use again::{Rendered, text_after};

/// Braces, four spaces a level.
#[must_use]
pub fn text(tree: &Tree) -> String {
    nodes(&tree.nodes, 0)
}

#[must_use]
pub fn nodes(nodes: &[Node], depth: usize) -> String {
    Printer::default().nodes(nodes, depth)
}

/// Braces, and above every inherited statement the group it came from: `groups` are names by origin.
#[must_use]
pub fn inherited(nodes: &[Node], groups: &[String]) -> String {
    noted(nodes, &|node| origins(node, groups))
}

/// Braces, and above every statement that has any its notes, in `##` comments.
#[must_use]
pub fn noted(nodes: &[Node], notes: Notes<'_>) -> String {
    Printer { notes: Some(notes), omits: None }.nodes(nodes, 0)
}

/// Braces, and nothing of what is in statements that `omits` says.
#[must_use]
pub fn omitting(nodes: &[Node], notes: Option<Notes<'_>>, omits: Omits<'_>) -> String {
    Printer { notes, omits: Some(omits) }.nodes(nodes, 0)
}

/// Whether what is in a statement is left out.
pub type Omits<'a> = &'a dyn Fn(&Node) -> bool;

/// What is to be said above a statement, each a line of its own comment.
pub type Notes<'a> = &'a dyn Fn(&Node) -> Vec<String>;

/// `set` lines, then an `annotate`, `deactivate` or `protect` line after the statement it is about.
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
    let mut out = String::new();
    push_quoted(&mut out, word);
    out
}

fn push_quoted(out: &mut String, word: &str) {
    if is_plain(word) {
        return out.push_str(word);
    }
    out.push('"');
    for c in word.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn is_plain(word: &str) -> bool {
    if word.starts_with('<') {
        return crate::lexer::wildcard(word) == Some(word.len()) && !word.chars().any(char::is_control);
    }
    let simple = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !word.is_empty() && word.bytes().all(simple) {
        return true;
    }
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"{}[];\"#()<>&|?'`\\".contains(c);
    let looks_like_more = word.starts_with("/*") || word.ends_with(':');
    !word.is_empty() && !looks_like_more && word.chars().all(plain)
}

fn push_args(out: &mut String, node: &Node) {
    let words = &node.args;
    let is_list = node.kind == Kind::LeafList && words.len() != 1;
    out.push_str(if is_list { "[ " } else { "" });
    for (at, word) in words.iter().enumerate() {
        out.push_str(if at > 0 { " " } else { "" });
        push_word(out, node, word);
    }
    out.push_str(if is_list { " ]" } else { "" });
}

fn push_word(out: &mut String, node: &Node, word: &Word) {
    if node.is_outside() && word.is_bracket() {
        out.push_str(&word.text)
    } else {
        push_quoted(out, &word.text)
    }
}

/// Keyword and arguments, a list of values in brackets.
#[must_use]
pub fn head(node: &Node) -> String {
    let mut out = String::new();
    push_head(&mut out, node);
    out
}

fn push_head(out: &mut String, node: &Node) {
    out.push_str(node.name);
    let is_empty_list = node.kind == Kind::LeafList && node.args.is_empty();
    if !node.args.is_empty() || is_empty_list {
        out.push_str(if node.name.is_empty() { "" } else { " " });
        push_args(out, node);
    }
}

/// As [`head`], for findings and logs: a secret is not in it.
#[must_use]
pub fn told(node: &Node) -> String {
    if !node.args.iter().any(|w| w.secret) {
        return head(node);
    }
    let masked = |w: &Word| if w.secret { Word::new(w.told()) } else { w.clone() };
    head(&Node { args: node.args.iter().map(masked).collect(), ..node.clone() })
}

fn inline_text(node: &Node, out: &mut String) {
    push_head(out, node);
    for child in &node.children {
        out.push(' ');
        inline_text(child, out);
    }
}

fn push_pad(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("    "));
}

#[derive(Clone, Copy, Default)]
struct Printer<'a> {
    notes: Option<Notes<'a>>,
    omits: Option<Omits<'a>>,
}

impl Printer<'_> {
    fn nodes(&self, nodes: &[Node], depth: usize) -> String {
        let mut out = String::new();
        for node in nodes {
            self.block(&mut out, node, depth, "");
        }
        out
    }

    /// Whether nothing is to be written above or before the statement.
    fn is_plain(&self, node: &Node) -> bool {
        let untold = self.notes.is_none_or(|notes| notes(node).is_empty());
        let unmarked = !node.inactive && !node.protect && node.change() == Change::Merge;
        untold && unmarked && node.comments.is_empty()
    }

    fn fits_one_line(&self, node: &Node) -> bool {
        let fits = |n: &Node| self.is_plain(n) && self.inline(n);
        match node.style {
            Style::Block | Style::Joined => false,
            // What follows a container on its line could be read as being in it.
            Style::OneLine => match node.children.split_last() {
                Some((last, before)) => {
                    let whole = |n: &Node| n.is_value() || (n.kind == Kind::Entry && n.children.is_empty());
                    fits(last) && before.iter().all(|n| fits(n) && whole(n))
                }
                None => false,
            },
            Style::OneLinePlus => matches!(&*node.children, [only] if fits(only)),
        }
    }

    fn inline(&self, node: &Node) -> bool {
        let empty = node.children.is_empty() && node.kind == Kind::Container;
        node.is_value() || empty || self.fits_one_line(node)
    }

    fn block(&self, out: &mut String, node: &Node, depth: usize, lead: &str) {
        if self.omits.is_some_and(|omits| omits(node)) {
            self.marks(out, node, depth, lead);
            push_head(out, node);
            out.push_str(" { /* OMITTED */ };\n");
            return;
        }
        if node.style == Style::Joined && self.is_plain(node) && !node.children.is_empty() {
            let lead = format!("{lead}{} ", head(node));
            for child in &node.children {
                self.block(out, child, depth, &lead);
            }
            return;
        }
        if node.children.is_empty() {
            self.marks(out, node, depth, lead);
            push_head(out, node);
            out.push_str(";\n");
        } else if self.fits_one_line(node) {
            self.marks(out, node, depth, lead);
            inline_text(node, out);
            out.push_str(";\n");
        } else {
            self.open(out, node, depth, lead);
            for child in &node.children {
                self.block(out, child, depth + 1, "");
            }
            push_pad(out, depth);
            out.push_str("}\n");
        }
    }

    /// A statement that has others in braces, up to and with the brace.
    fn open(&self, out: &mut String, node: &Node, depth: usize, lead: &str) {
        self.marks(out, node, depth, lead);
        push_head(out, node);
        out.push_str(" {\n");
    }

    /// What stands above and before a statement.
    fn marks(&self, out: &mut String, node: &Node, depth: usize, lead: &str) {
        let notes = self.notes.map_or_else(Vec::new, |notes| notes(node));
        let pad =
            if notes.is_empty() && node.comments.is_empty() { String::new() } else { "    ".repeat(depth) };
        for note in notes {
            let _ = writeln!(out, "{pad}##");
            note.lines().for_each(|line| {
                let _ = writeln!(out, "{pad}## {line}");
            });
            let _ = writeln!(out, "{pad}##");
        }
        for comment in node.comments.iter() {
            let _ = writeln!(out, "{pad}{}", comment.trim_end());
        }
        push_pad(out, depth);
        out.push_str(if node.inactive { "inactive: " } else { "" });
        out.push_str(if node.protect { "protect: " } else { "" });
        out.push_str(match node.change() {
            Change::Merge => "",
            Change::Replace => "replace: ",
            Change::Delete => "delete: ",
            Change::Activate => "active: ",
            Change::Unprotect => "unprotect: ",
        });
        out.push_str(lead);
    }
}

/// What was inherited, by the word that names it, and from where: `groups` are names by origin.
#[must_use]
pub fn origins(node: &Node, groups: &[String]) -> Vec<String> {
    let words: Vec<(&str, u16)> = match node.kind {
        Kind::LeafList => node.args.iter().map(|w| (w.text.as_str(), w.origin)).collect(),
        _ => vec![(node.args.last().map_or(node.name, |w| &w.text), node.origin)],
    };
    let group = |origin: u16| usize::from(origin).checked_sub(1).and_then(|n| groups.get(n));
    let told = words.into_iter().filter_map(|(word, origin)| Some((word, group(origin)?)));
    told.map(|(word, group)| match group.strip_prefix("interface-range ") {
        Some(range) => format!("'{word}' was expanded from interface-range '{range}'"),
        None => format!("'{word}' was inherited from group '{group}'"),
    })
    .collect()
}

fn set_lines(out: &mut String, node: &Node, path: &mut Vec<String>) {
    let mark = path.len();
    if !node.name.is_empty() {
        path.push(node.name.to_owned());
    }
    let named = path.len();
    path.extend(node.args.iter().map(|word| {
        let mut out = String::new();
        push_word(&mut out, node, word);
        out
    }));
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
    if node.kind == Kind::Leaf && named > mark {
        path.truncate(named);
    }
    let place = path.join(" ");
    if !node.comments.is_empty() {
        let _ = writeln!(out, "annotate {place} {}", quote(&annotation(&node.comments)));
    }
    if node.inactive {
        let _ = writeln!(out, "deactivate {place}");
    }
    if node.protect {
        let _ = writeln!(out, "protect {place}");
    }
    path.truncate(mark);
}

/// Comments as the text of `annotate`: the words alone of a single block comment, else the comments as written.
#[must_use]
pub fn annotation(comments: &[String]) -> String {
    let raw = |text: &str| text.starts_with('#') || text.starts_with("/*");
    if let [only] = comments
        && let Some(text) = only.strip_prefix("/* ").and_then(|t| t.strip_suffix(" */"))
        && !raw(text)
        && !text.is_empty()
    {
        return text.to_owned();
    }
    comments.join("\n")
}

/// The comments that the text of `annotate` stands for; none for an empty one.
#[must_use]
pub fn comments(annotation: &str) -> Vec<String> {
    if annotation.is_empty() {
        return Vec::new();
    }
    if !annotation.starts_with('#') && !annotation.starts_with("/*") {
        return vec![format!("/* {} */", annotation.replace("*/", "* /"))];
    }
    let mut out = Vec::new();
    let mut rest = annotation;
    while !rest.is_empty() {
        let line = rest.find('\n').unwrap_or(rest.len());
        let end = match rest.strip_prefix("/*").and_then(|body| body.find("*/")) {
            Some(end) => end + 4,
            None if rest.starts_with("/*") => {
                out.push(format!("{rest} */"));
                break;
            }
            None => line,
        };
        out.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    out.retain(|c| !c.is_empty());
    for comment in &mut out {
        if !comment.starts_with('#') && !comment.starts_with("/*") {
            *comment = format!("# {comment}");
        }
    }
    out
}
