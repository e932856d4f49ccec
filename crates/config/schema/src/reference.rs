//! The configuration reference, made from the table: docs/manual/configuration.md.

use std::fmt::Write;

use ravelin_syntax::tree::Kind;

use crate::display::{kind_name, limits};
use crate::grammar::{Grammar, Mark, ROOT, Rule, RuleId, grammar};
use crate::{Counts, constraints, counts, instead};

const HEAD: &str = "\
# Configuration reference

Made from the table of the language (crates/config/schema); a test says when it is out of date, and
`UPDATE_EXPECT=1 cargo test -p ravelin-schema --test reference` makes it anew.

Statements are as in `set`; `<name>` is a name or value. A *level* holds statements, a *list* has an entry for each name,
a *flag* stands alone. **Enforced** statements do what they say, or the commit is refused; *annotations* are kept and shown,
without effect. A commit refuses every other statement of Junos: tables at the end count those. Statements and their values
are those of Junos 24.4R1; the enforced ones are in Ravelin since 0.1.
";

/// Who does what a statement says, by the beginning of its path; the longest counts.
const ENFORCED_BY: [(&str, &str); 13] = [
    ("applications", "dataplane"),
    ("firewall", "dataplane"),
    ("forwarding-options", "dataplane"),
    ("groups", "configuration"),
    ("interfaces", "dataplane, kernel interfaces"),
    ("policy-options", "dataplane"),
    ("routing-options", "kernel routes"),
    ("schedulers", "dataplane"),
    ("security", "dataplane"),
    ("security log", "security log"),
    ("system", "daemon"),
    ("system archival", "configuration archive"),
    ("system services metrics", "metrics"),
];

fn enforced_by(path: &str) -> &'static str {
    let begins =
        |(of, _): &&(&str, &str)| path.strip_prefix(of).is_some_and(|r| r.is_empty() || r.starts_with(' '));
    ENFORCED_BY.iter().filter(begins).max_by_key(|(of, _)| of.len()).map_or("configuration", |(_, by)| by)
}

/// The whole page.
#[must_use]
pub fn reference() -> String {
    let grammar = grammar();
    let mut out = HEAD.to_owned();
    for (id, rule) in grammar.children(ROOT).filter(|(_, r)| r.supported()) {
        let _ = write!(out, "\n## {}\n\n", rule.name);
        out.push_str("| statement | kind | takes | default | effect | by | what it is |\n|---|---|---|---|---|---|---|\n");
        rows(grammar, id, rule, "", &mut out);
    }
    out.push_str(
        "\n## What is refused\n\n`ravelin statements` prints these counts, and for a path those below it.\n",
    );
    for path in ["", "system", "security", "security nat", "interfaces <>", "firewall"] {
        table(path, &mut out);
    }
    not_judged(&mut out);
    out + include_str!("../missing.md")
}

/// Counts of what is below a path.
fn table(path: &str, out: &mut String) {
    let Some((rows, sum)) = counts(path) else { return };
    if !path.is_empty() {
        let _ = write!(out, "\nBelow `{path}`:\n");
    }
    out.push_str(
        "\n| hierarchy | statements of Junos | with a value | enforced | on the way or annotation | refused | of them by name | instead |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let advice = |name: &str| {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path} {name}") };
        instead(&path).unwrap_or("").replace('|', "\\|")
    };
    // Hierarchies that are names alone fill one row.
    let (alone, told): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(name, c)| !path.is_empty() && !name.is_empty() && c.is_name_alone());
    for (name, counts) in told {
        let refused = if counts.refused() > 0 { advice(name) } else { String::new() };
        let _ = writeln!(out, "| {name} | {} | {refused} |", cells(&counts));
    }
    let _ = writeln!(out, "| **all** | {} | |", cells(&sum));
    if !alone.is_empty() {
        let list: Vec<String> = alone.iter().map(|(name, _)| format!("`{name}`")).collect();
        let _ = writeln!(out, "\nBy name alone: {}.", list.join(", "));
    }
}

fn cells(counts: &Counts) -> String {
    let Counts { known, valued, enforced, kept, by_name } = *counts;
    if counts.is_name_alone() {
        return "not counted | | | | all | all".to_owned();
    }
    format!("{known} | {valued} | {enforced} | {kept} | {} | {by_name}", counts.refused())
}

/// Constraints of the table that nothing judges, if there are any.
fn not_judged(out: &mut String) {
    let (judged, unread) = constraints();
    let _ = write!(
        out,
        "\n## Constraints between statements\n\nOf the table's {} constraints (mandatory, exclusive, unique, references) a commit judges \
         {}.\n",
        judged + unread.len(),
        if unread.is_empty() { "all".to_owned() } else { judged.to_string() },
    );
    if !unread.is_empty() {
        out.push_str("\n| statement | constraint | why not |\n|---|---|---|\n");
    }
    for row in unread {
        let constraint = row.constraint.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | `{constraint}` | {} |", row.path, row.reason);
    }
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
        "| `{}` | {} | {} | {} | {effect} | {} | {} |",
        cell(&path),
        kind_name(rule),
        cell(&takes.join("; ")),
        values.default.unwrap_or(""),
        if matches!(rule.mark, Mark::Enforced | Mark::Presence) {
            enforced_by(&grammar.path(id))
        } else {
            ""
        },
        cell(rule.help)
    );
    // A group holds the same statements as the top, a range those of an interface.
    if !rule.is_group {
        for (child, below) in grammar.children(id).filter(|(_, below)| below.parent == id) {
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
    let takes = matches!(rule.kind, Kind::Leaf | Kind::LeafList);
    words.extend(
        takes.then(|| if rule.hidden { format!("<{}>", rule.name) } else { rule.value.kind.placeholder() }),
    );
    words.join(" ")
}
