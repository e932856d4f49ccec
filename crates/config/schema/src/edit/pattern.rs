//! Commands over many statements: `wildcard delete`, `wildcard range`, `replace pattern`.

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Diagnostic, Item, Span, Statement, Tree, Word, render};
use regex::{Captures, Regex, RegexBuilder};

use super::{Done, Editor, Failure, NOT_FOUND};
use crate::grammar::{RuleId, grammar};
use crate::index::{Index, settle};
use crate::merge::holds_protected;
use crate::path;

/// Commands that one `wildcard range` may stand for.
pub const RANGE_MAX: usize = 4096;
const PATTERN_BYTES_MAX: usize = 1024;
const PROGRAM_BYTES_MAX: usize = 1 << 20;

fn regex(text: &str, whole: bool) -> Result<Regex, Failure> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern is at most {PATTERN_BYTES_MAX} bytes").into());
    }
    let text = if whole { format!("^(?:{text})$") } else { text.to_owned() };
    let built = RegexBuilder::new(&text).size_limit(PROGRAM_BYTES_MAX).build();
    built.map_err(|error| Failure::Said(format!("invalid pattern: {}", error.to_string().replace('\n', " "))))
}

impl Editor {
    /// Puts the tree in order and, after a change across it, knows it anew.
    fn whole(&mut self, change: impl FnOnce(&mut Self) -> Done) -> Done {
        settle(&mut self.nodes);
        let done = change(self);
        if let Some(binder) = &mut self.binder {
            binder.index = Index::of(&self.nodes);
        }
        done?;
        self.bounded()
    }

    /// `wildcard delete PATH REGEX`: entries of the last list whose name matches.
    pub(super) fn wildcard(&mut self, statement: &Statement) -> Done {
        let mut words = super::flat(&statement.items[1..]);
        match words.first().map(|w| w.text.as_str()) {
            Some("delete") => {}
            // Ranges are written out before lines are read: nothing was to be written out.
            Some("range") if words.len() > 1 => {
                let mut plain = statement.clone();
                plain.items.drain(..2);
                let verb = plain.items.first().cloned();
                if let Some(Item::One(verb)) = verb
                    && ["set", "delete", "activate", "deactivate", "protect", "unprotect"]
                        .contains(&verb.text.as_str())
                {
                    self.command(&mut plain);
                    return Ok(());
                }
                return Err("syntax error, `wildcard range' takes set, delete, activate, deactivate".into());
            }
            _ => return Err("syntax error, expecting `delete' or `range'".into()),
        }
        words.remove(0);
        let pattern = words.pop().ok_or("syntax error, missing pattern")?;
        let pattern = regex(&pattern.text, true)?;
        let path: Vec<Word> = self.base.iter().cloned().chain(words).collect();
        self.whole(|editor| editor.delete_matching(&path, &pattern))
    }

    fn delete_matching(&mut self, words: &[Word], pattern: &Regex) -> Done {
        let path = path::resolve(words).map_err(|unknown| self.unknown(words, &unknown.word))?;
        let above = if path.is_list { &path.steps[..path.steps.len() - 1] } else { &path.steps[..] };
        let place = path::follow(&self.nodes, above, None).ok_or(NOT_FOUND)?;
        if self.protected(&place.indexes) {
            return Err("statement is protected".into());
        }
        let list = path.is_list.then(|| path.steps.last().map(|s| s.rule.0)).flatten();
        let nodes = match path::siblings(&mut self.nodes, &place.indexes) {
            Some((nodes, at)) => &mut nodes[at],
            None => return Err("a level is expected before the pattern".into()),
        };
        self.work += nodes.children.len();
        if nodes.kind == Kind::LeafList {
            let before = nodes.args.len();
            nodes.args.retain(|w| !pattern.is_match(&w.text));
            let gone = before - nodes.args.len();
            if nodes.args.is_empty() {
                return self.remove_now(&place.indexes);
            }
            return if gone == 0 { Err(NOT_FOUND.into()) } else { Ok(()) };
        }
        let matches = |n: &Node| {
            let name = if n.kind == Kind::Entry {
                n.args.first().map(|w| w.text.as_str())
            } else {
                Some(n.keyword())
            };
            list.is_none_or(|rule| n.rule == rule) && name.is_some_and(|name| pattern.is_match(name))
        };
        if nodes.children.iter().any(|n| matches(n) && holds_protected(n)) {
            return Err("a statement is protected".into());
        }
        let before = nodes.children.len();
        nodes.children.edit().retain(|n| !matches(n));
        if nodes.children.len() == before {
            return Err(NOT_FOUND.into());
        }
        let mut indexes = place.indexes;
        indexes.push(0);
        super::prune(&mut self.nodes, &indexes);
        Ok(())
    }

    fn remove_now(&mut self, indexes: &[usize]) -> Done {
        let (nodes, at) = path::siblings(&mut self.nodes, indexes).ok_or(NOT_FOUND)?;
        nodes.remove(at);
        super::prune(&mut self.nodes, indexes);
        Ok(())
    }

    /// `replace pattern A with B [upto N]`: in names and values below the base. `&` is what matched, `\1` a group.
    pub(super) fn replace_pattern(&mut self, words: &[Word]) -> Done {
        let (base, words) = words.split_at(self.base.len());
        let text: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        let (pattern, with, limit) = match text.as_slice() {
            ["pattern", a, "with", b] => (*a, *b, usize::MAX),
            ["pattern", a, "with", b, "upto", n] => {
                (*a, *b, n.parse().map_err(|_| format!("invalid numeric value `{n}'"))?)
            }
            _ => return Err("syntax error, expecting `pattern REGEX with TEXT [upto NUMBER]'".into()),
        };
        let mut job =
            Replace { regex: regex(pattern, false)?, with: with.to_owned(), left: limit, protected: false };
        let base = base.to_vec();
        self.whole(|editor| editor.replace_below(&base, &mut job))
    }

    fn replace_below(&mut self, base: &[Word], job: &mut Replace) -> Done {
        let place = if base.is_empty() { path::Place::default() } else { self.locate(base)?.1 };
        self.work += self.nodes.len();
        let mut nodes = self.nodes.clone();
        let guarded = self.protected(&place.indexes);
        match path::siblings(&mut nodes, &place.indexes) {
            Some((level, at)) => job.nodes(&mut level[at].children, guarded),
            None => job.nodes(&mut nodes, guarded),
        }
        if job.protected {
            return Err("a statement is protected".into());
        }
        // Two names may have become one, and a value may no longer be one: what is read back is what counts.
        let tree = Tree { nodes };
        let mut bound = crate::read(&render::text(&tree));
        if bound.diagnostics.is_empty() {
            self.nodes = bound.tree.nodes;
            return Ok(());
        }
        self.diagnostics.append(&mut bound.diagnostics);
        Err(Failure::Told)
    }
}

struct Replace {
    regex: Regex,
    with: String,
    left: usize,
    protected: bool,
}

impl Replace {
    fn nodes(&mut self, nodes: &mut [Node], guarded: bool) {
        for node in nodes {
            let guarded = guarded || node.protect;
            let keywords: Vec<&str> = match grammar().rule(RuleId(node.rule)) {
                Some(rule) => rule.keys.iter().filter_map(|k| k.keyword).collect(),
                None => Vec::new(),
            };
            for word in node.args.iter_mut().filter(|w| !keywords.contains(&w.text.as_str())) {
                self.word(word, guarded);
            }
            self.nodes(&mut node.children, guarded);
        }
    }

    fn word(&mut self, word: &mut Word, guarded: bool) {
        if self.left == 0 || !self.regex.is_match(&word.text) {
            return;
        }
        self.protected |= guarded;
        let mut left = self.left;
        let replaced = self.regex.replace_all(&word.text, |found: &Captures<'_>| {
            if left == 0 {
                return found[0].to_owned();
            }
            left -= 1;
            expansion(&self.with, found)
        });
        word.text = replaced.into_owned().into();
        self.left = left;
    }
}

/// The replacement with `&` and `\n` filled in; `\&` is an ampersand.
fn expansion(with: &str, found: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str(&found[0]),
            '\\' => match chars.next() {
                Some(d) if d.is_ascii_digit() => {
                    let group = d.to_digit(10).and_then(|n| found.get(n as usize));
                    out.push_str(group.map_or("", |g| g.as_str()));
                }
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

/// Lines of `wildcard range` written out: `ge-0/0/[0-3,!2]` is three lines. Other lines stay.
pub(super) fn expand_ranges(text: &str) -> Result<String, Box<Diagnostic>> {
    if !text.contains("wildcard") {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    for (n, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        if words.next() == Some("wildcard") && words.next() == Some("range") {
            let lines = expand(line).map_err(|message| {
                let span = Span { line: n as u32 + 1, column: 1 };
                Box::new(Diagnostic::error("", span, message))
            })?;
            lines.iter().for_each(|l| {
                out.push_str(l);
                out.push('\n');
            });
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    Ok(out)
}

fn expand(line: &str) -> Result<Vec<String>, String> {
    let mut lines = vec![String::new()];
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let (before, after) = rest.split_at(open);
        let close = after.find(']').ok_or("syntax error, range is not closed: expecting `]'")?;
        let numbers = numbers(&after[1..close]);
        let attached = before.ends_with(|c: char| !c.is_whitespace());
        let parts = match numbers {
            Ok(numbers) if attached || !after[1..close].contains(' ') => numbers,
            Err(error) if attached => return Err(error),
            // A list in brackets: not ours.
            _ => vec![after[..=close].to_owned()],
        };
        if lines.len().saturating_mul(parts.len()) > RANGE_MAX {
            return Err(format!("a range stands for at most {RANGE_MAX} statements"));
        }
        lines = lines
            .iter()
            .flat_map(|line| parts.iter().map(move |part| format!("{line}{before}{part}")))
            .collect();
        rest = &after[close + 1..];
    }
    Ok(lines.into_iter().map(|line| line + rest).collect())
}

/// `0-3,7,!2`: numbers and ranges, then those that `!` takes out.
fn numbers(text: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("invalid range `[{text}]'");
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for part in text.split(',').map(str::trim) {
        let (list, part) = part.strip_prefix('!').map_or((&mut wanted, part), |part| (&mut unwanted, part));
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let low: u32 = low.trim().parse().map_err(|_| wrong())?;
        let high: u32 = high.trim().parse().map_err(|_| wrong())?;
        if low > high || (high - low) as usize >= RANGE_MAX {
            return Err(wrong());
        }
        list.extend(low..=high);
        if list.len() > RANGE_MAX {
            return Err(wrong());
        }
    }
    wanted.retain(|n| !unwanted.contains(n));
    if wanted.is_empty() { Err(wrong()) } else { Ok(wanted.iter().map(u32::to_string).collect()) }
}
