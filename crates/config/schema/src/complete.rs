//! What may come next on a `set` line: for completion and `?`.

use ravelin_syntax::tree::Kind;

use crate::grammar::{Grammar, ROOT, RuleId, grammar};
use crate::value::ValueType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    Keyword,
    /// A fixed word that is a value.
    Value,
    /// Something the operator makes up or that exists in the configuration: `word` is `<name>`.
    Placeholder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub word: String,
    pub help: String,
    pub kind: CandidateKind,
    /// False: a commit will refuse it.
    pub supported: bool,
    /// Path of the grammar's node, for values the caller knows (names of zones, interfaces).
    pub path: String,
}

/// Where a line stands: at a node whose children may follow, or before an argument of one.
enum At {
    Node(RuleId),
    Argument(RuleId, usize),
}

/// Candidates for the word after `words` that begin with `partial`.
#[must_use]
pub fn complete(words: &[&str], partial: &str) -> Vec<Candidate> {
    let grammar = grammar();
    let Some(at) = walk(grammar, words) else { return Vec::new() };
    let mut out = Vec::new();
    match at {
        At::Argument(id, step) => argument(grammar, id, step, &mut out),
        At::Node(id) => {
            for (child, rule) in grammar.children(id) {
                if rule.hidden {
                    argument(grammar, child, 0, &mut out);
                } else {
                    out.push(Candidate {
                        word: rule.name.to_owned(),
                        help: rule.help.to_owned(),
                        kind: CandidateKind::Keyword,
                        supported: rule.supported(),
                        path: grammar.path(child),
                    });
                }
            }
        }
    }
    out.retain(|c| c.kind == CandidateKind::Placeholder || c.word.starts_with(partial));
    out
}

fn walk(grammar: &Grammar, words: &[&str]) -> Option<At> {
    let mut at = At::Node(ROOT);
    for word in words {
        at = match at {
            At::Node(id) => match grammar.keyword(id, word) {
                Some((child, _)) => enter(grammar, child, 0)?,
                None => {
                    let (child, _) = grammar
                        .hidden(id)
                        .find(|(_, r)| r.kind == Kind::Entry || r.value.check(word).is_ok())?;
                    enter(grammar, child, 1)?
                }
            },
            At::Argument(id, step) => enter(grammar, id, step + 1)?,
        };
    }
    Some(at)
}

/// The state after `step` words of a node's arguments.
fn enter(grammar: &Grammar, id: RuleId, step: usize) -> Option<At> {
    let rule = grammar.rule(id)?;
    let wanted = match rule.kind {
        Kind::Entry => {
            rule.keys.iter().filter(|k| !k.optional).map(|k| 1 + usize::from(k.keyword.is_some())).sum()
        }
        Kind::Leaf | Kind::LeafList => 1,
        Kind::Container | Kind::Flag | Kind::Opaque => 0,
    };
    if step < wanted {
        return Some(At::Argument(id, step));
    }
    Some(At::Node(match rule.kind {
        Kind::Leaf | Kind::LeafList | Kind::Flag => rule.parent,
        Kind::Container | Kind::Entry | Kind::Opaque => id,
    }))
}

fn argument(grammar: &Grammar, id: RuleId, step: usize, out: &mut Vec<Candidate>) {
    let Some(rule) = grammar.rule(id) else { return };
    let candidate = |word: &str, kind| Candidate {
        word: word.to_owned(),
        help: rule.help.to_owned(),
        kind,
        supported: rule.supported(),
        path: grammar.path(id),
    };
    let mut parts = Vec::new();
    for key in rule.keys.iter().filter(|k| !k.optional) {
        parts.extend(key.keyword.map(|word| (Some(word), &key.value)));
        parts.push((None, &key.value));
    }
    if parts.is_empty() {
        parts.push((None, &rule.value));
    }
    match parts.get(step) {
        Some((Some(keyword), _)) => out.push(candidate(keyword, CandidateKind::Keyword)),
        Some((None, values)) => match &values.kind {
            ValueType::Words(words) => out.extend(words.iter().map(|w| candidate(w, CandidateKind::Value))),
            kind => out.push(candidate(&kind.placeholder(), CandidateKind::Placeholder)),
        },
        None => {}
    }
}
