//! The configuration reference, made from the table: docs/manual/configuration.md.

use std::fmt::Write;

use crate::display::{kind_name, limits};
use crate::grammar::{Grammar, Mark, ROOT, Rule, RuleId, grammar};
use crate::instead;

const HEAD: &str = "\
# Configuration reference

Made from the table of the language (crates/config/schema); a test says when it is out of date, and
`UPDATE_EXPECT=1 cargo test -p ravelin-schema --test reference` makes it anew.

Statements are as in `set`; `<name>` is a name or value. A *level* holds statements, a *list* has an entry for each name,
a *flag* stands alone. **Enforced** statements do what they say, or the commit is refused; *annotations* are kept and shown,
without effect. A commit refuses every other statement of Junos: the second table counts those.
";

/// The whole page.
#[must_use]
pub fn reference() -> String {
    let grammar = grammar();
    let mut out = HEAD.to_owned();
    for (id, rule) in grammar.children(ROOT).filter(|(_, r)| r.supported()) {
        let _ = write!(out, "\n## {}\n\n", rule.name);
        out.push_str("| statement | kind | takes | default | | |\n|---|---|---|---|---|---|\n");
        rows(grammar, id, rule, "", &mut out);
    }
    out.push_str("\n## What is refused\n\n");
    out.push_str(
        "| hierarchy | statements of Junos | enforced or kept | instead of the others |\n|---|---|---|---|\n",
    );
    for (id, rule) in grammar.children(ROOT) {
        let (all, supported) = count(grammar, id);
        if rule.is_universal() || rule.name == "groups" {
            continue;
        }
        let all = if all == 1 { "not counted".to_owned() } else { all.to_string() };
        let _ =
            writeln!(out, "| {} | {all} | {supported} | {} |", rule.name, instead(rule.name).unwrap_or(""));
    }
    out
}

fn count(grammar: &Grammar, id: RuleId) -> (usize, usize) {
    let own = grammar.rule(id).is_some_and(Rule::supported);
    let below = grammar.children(id).map(|(child, _)| count(grammar, child));
    below.fold((1, usize::from(own)), |(all, supported), (a, s)| (all + a, supported + s))
}

fn rows(grammar: &Grammar, id: RuleId, rule: &Rule, above: &str, out: &mut String) {
    let path = written(rule, above);
    let effect = match rule.mark {
        Mark::Enforced | Mark::Presence => "**enforced**",
        Mark::Annotation => "annotation",
        Mark::Way => "",
        Mark::Known => return,
    };
    let values = rule.first_value();
    let takes: Vec<String> = limits(values).into_iter().filter(|l| !l.starts_with("default: ")).collect();
    let cell = |text: &str| text.replace('|', "\\|");
    let _ = writeln!(
        out,
        "| `{}` | {} | {} | {} | {effect} | {} |",
        cell(&path),
        kind_name(rule),
        cell(&takes.join("; ")),
        values.default.unwrap_or(""),
        cell(rule.help)
    );
    // A group holds the same statements as the top.
    if !rule.is_group {
        for (child, below) in grammar.children(id) {
            rows(grammar, child, below, &path, out);
        }
    }
}

/// The statement as `set` takes it, names and values in `<>`.
fn written(rule: &Rule, above: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend((!above.is_empty()).then(|| above.to_owned()));
    words.extend((!rule.hidden).then(|| rule.name.to_owned()));
    for key in rule.keys.iter().filter(|k| !k.optional) {
        words.extend(key.keyword.map(str::to_owned));
        words.push(format!("<{}>", key.element));
    }
    let takes = matches!(rule.kind, ravelin_syntax::tree::Kind::Leaf | ravelin_syntax::tree::Kind::LeafList);
    words.extend(
        takes.then(|| if rule.hidden { format!("<{}>", rule.name) } else { rule.value.kind.placeholder() }),
    );
    words.join(" ")
}
