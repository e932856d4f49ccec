//! The configuration reference, made from the table: docs/manual/configuration.md.

use std::fmt::Write;

use ravelin_syntax::tree::Kind;

use crate::display::{kind_name, limits};
use crate::grammar::{Grammar, Mark, ROOT, Rule, RuleId, grammar};
use crate::{constraints, instead};

const HEAD: &str = "\
# Configuration reference

Made from the table of the language (crates/config/schema); a test says when it is out of date, and
`UPDATE_EXPECT=1 cargo test -p ravelin-schema --test reference` makes it anew.

Statements are as in `set`; `<name>` is a name or value. A *level* holds statements, a *list* has an entry for each name,
a *flag* stands alone. **Enforced** statements do what they say, or the commit is refused; *annotations* are kept and shown,
without effect. A commit refuses every other statement of Junos: the second table counts those. Statements and their values
are those of Junos 24.4R1; the enforced ones are in Ravelin since 0.1.
";

/// Who does what a statement says, by the beginning of its path; the longest counts.
const ENFORCED_BY: [(&str, &str); 12] = [
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
    out.push_str("\n## What is refused\n\n");
    out.push_str(
        "| hierarchy | statements of Junos | with a value | enforced | on the way or annotation | refused | instead |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let mut sum = Count::default();
    for (id, rule) in grammar.children(ROOT) {
        let all = count(grammar, id);
        if rule.is_universal() || rule.name == "groups" {
            continue;
        }
        sum = sum.and(all);
        let _ = writeln!(out, "| {} | {} | {} |", rule.name, all.cells(), instead(rule.name).unwrap_or(""));
    }
    let _ = writeln!(out, "| **all** | {} | |", sum.cells());
    not_judged(&mut out);
    out
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

/// Statements of a hierarchy.
#[derive(Clone, Copy, Default)]
struct Count {
    all: usize,
    valued: usize,
    enforced: usize,
    kept: usize,
}

impl Count {
    fn and(self, other: Self) -> Self {
        let Self { all, valued, enforced, kept } = other;
        Self {
            all: self.all + all,
            valued: self.valued + valued,
            enforced: self.enforced + enforced,
            kept: self.kept + kept,
        }
    }

    fn cells(self) -> String {
        let Self { all, valued, enforced, kept } = self;
        let refused = all - enforced - kept;
        match all {
            // The table doesn't detail it.
            1 if enforced + kept == 0 => "not counted | | | | all".to_owned(),
            _ => format!("{all} | {valued} | {enforced} | {kept} | {refused}"),
        }
    }
}

fn count(grammar: &Grammar, id: RuleId) -> Count {
    let Some(rule) = grammar.rule(id) else { return Count::default() };
    let valued = matches!(rule.kind, Kind::Leaf | Kind::LeafList) || !rule.keys.is_empty();
    let own = Count {
        all: 1,
        valued: usize::from(valued),
        enforced: usize::from(matches!(rule.mark, Mark::Enforced | Mark::Presence)),
        kept: usize::from(matches!(rule.mark, Mark::Way | Mark::Annotation)),
    };
    grammar.children(id).fold(own, |sum, (child, _)| sum.and(count(grammar, child)))
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
    let takes = matches!(rule.kind, Kind::Leaf | Kind::LeafList);
    words.extend(
        takes.then(|| if rule.hidden { format!("<{}>", rule.name) } else { rule.value.kind.placeholder() }),
    );
    words.join(" ")
}
