//! What a configuration from elsewhere would mean here: what is enforced, kept for people, refused.
//!
//! Counts are of statements as `set` writes them, groups expanded and inactive ones left out.

use std::collections::BTreeMap;

use ravelin_schema::{ClusterNode, Mark, RuleId, effective, grammar, instead};
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Diagnostic, Span, Tree};

/// Statements of one hierarchy at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza {
    pub enforced: usize,
    /// Text for people: kept and shown, without effect.
    pub annotations: usize,
    pub refused: usize,
}

/// Statements that a commit refuses because nothing here enforces them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Keywords down to the topmost statement that is refused.
    pub path: String,
    /// The first of them.
    pub at: Span,
    /// How many there are, below it too.
    pub count: usize,
    /// What does the work here.
    pub instead: Option<&'static str>,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By name.
    pub stanzas: BTreeMap<String, Stanza>,
    /// In the order of their paths.
    pub refused: Vec<Refused>,
    /// Annotations by path, with their number.
    pub annotations: BTreeMap<String, usize>,
    /// Everything else that keeps the configuration from committing.
    pub errors: Vec<Diagnostic>,
}

/// The report of a tree; `errors` are those of reading its text.
#[must_use]
pub fn report(tree: &Tree, node: ClusterNode, errors: Vec<Diagnostic>) -> Report {
    let mut report = Report { errors, ..Report::default() };
    let effective = effective(tree, node);
    let mut refused = BTreeMap::new();
    for top in effective.tree.active() {
        let stanza = report.stanzas.entry(top.keyword().to_owned()).or_default();
        count(top, "", stanza, &mut Found { refused: &mut refused, annotations: &mut report.annotations });
    }
    report.refused = refused.into_values().collect();
    if let Err(errors) = crate::check_tree_on(tree, node) {
        let unsupported = |d: &Diagnostic| d.message == "statement not supported";
        report.errors.extend(errors.into_iter().filter(|d| !unsupported(d)));
    }
    report
}

struct Found<'a> {
    refused: &'a mut BTreeMap<String, Refused>,
    annotations: &'a mut BTreeMap<String, usize>,
}

/// `above` is the grammar's path, `<>` for what is written without a keyword.
fn count(node: &Node, above: &str, stanza: &mut Stanza, found: &mut Found<'_>) {
    let rule = grammar().rule(RuleId(node.rule));
    let name = if node.keyword().is_empty() { "<>" } else { node.keyword() };
    let path = if above.is_empty() { name.to_owned() } else { format!("{above} {name}") };
    match rule.map(|r| r.mark) {
        None | Some(Mark::Known) => {
            let statements = statements(node);
            stanza.refused += statements;
            let first = || Refused { path: shown(&path), at: node.span, count: 0, instead: instead(&path) };
            found.refused.entry(shown(&path)).or_insert_with(first).count += statements;
            return;
        }
        Some(Mark::Annotation) => {
            let statements = statements(node);
            stanza.annotations += statements;
            *found.annotations.entry(shown(&path)).or_default() += statements;
            return;
        }
        Some(Mark::Way | Mark::Enforced | Mark::Presence) => {}
    }
    let mut below = 0;
    for child in node.active() {
        count(child, &path, stanza, found);
        below += 1;
    }
    if below == 0 {
        stanza.enforced += statements(node);
    }
}

/// Keywords alone.
fn shown(path: &str) -> String {
    path.split(' ').filter(|word| *word != "<>").collect::<Vec<_>>().join(" ")
}

/// Lines that `set` writes for it.
fn statements(node: &Node) -> usize {
    match node.kind {
        Kind::LeafList => node.args.len(),
        _ if node.active().next().is_none() => 1,
        _ => node.active().map(statements).sum(),
    }
}
