//! What a commit refuses because nothing here enforces it.

use std::collections::HashSet;

use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Tree};

use crate::grammar::{RuleId, grammar};
use crate::{Changed, Effective};

/// One error for the topmost statement of every branch that isn't supported. Inactive statements don't count.
#[must_use]
pub fn refuse(tree: &Tree) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut above = Vec::new();
    for node in tree.active() {
        walk(node, &mut above, &mut out);
    }
    out
}

/// The same of what is in force. A look through the statements is saved where none is of a rule that is refused.
#[must_use]
pub fn refuse_effective(effective: &Effective<'_>) -> Vec<Diagnostic> {
    match &effective.rules {
        Some(rules) if rules.is_supported() => Vec::new(),
        _ => refuse(&effective.tree),
    }
}

/// The same of what one tree has and another, of which nothing is refused, has not.
#[must_use]
pub fn refuse_changed(changed: &[Changed<'_>]) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    for change in changed.iter().filter(|change| change.is_in_force()) {
        if let Some(node) = change.new {
            walk(node, &mut change.above.clone(), &mut out);
        }
    }
    out
}

/// Paths of the statements in which something is refused, by [`refuse`].
#[must_use]
pub fn refused_levels(tree: &Tree) -> HashSet<String> {
    let mut out = HashSet::new();
    let mut above = Vec::new();
    tree.active().for_each(|node| levels(node, &mut above, &mut out));
    out
}

fn levels<'a>(node: &'a Node, above: &mut Vec<&'a Node>, out: &mut HashSet<String>) {
    if !grammar().rule(RuleId(node.rule)).is_some_and(crate::Rule::supported) {
        out.insert(told(above));
        return;
    }
    above.push(node);
    node.active().for_each(|child| levels(child, above, out));
    above.pop();
}

fn told(path: &[&Node]) -> String {
    path.iter().flat_map(|node| node.told()).collect::<Vec<_>>().join(" ")
}

fn walk<'a>(node: &'a Node, above: &mut Vec<&'a Node>, out: &mut Vec<Diagnostic>) {
    above.push(node);
    if grammar().rule(RuleId(node.rule)).is_some_and(crate::Rule::supported) {
        for child in node.active() {
            walk(child, above, out);
        }
    } else {
        out.push(Diagnostic::error(told(above), node.span, "statement not supported"));
    }
    above.pop();
}
