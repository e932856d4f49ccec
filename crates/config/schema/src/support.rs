//! What a commit refuses because nothing here enforces it.

use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Tree};

use crate::grammar::{RuleId, grammar};
use crate::trail::Trail;

/// One error for the topmost statement of every branch that isn't supported. Inactive statements don't count.
#[must_use]
pub fn refuse(tree: &Tree) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let top: Vec<&Node> = tree.active().collect();
    walk(top, &mut Trail::default(), &mut out);
    out
}

fn walk<'a>(nodes: impl IntoIterator<Item = &'a Node>, path: &mut Trail, out: &mut Vec<Diagnostic>) {
    for node in nodes {
        let mark = path.len();
        node.told().for_each(|word| path.push(word));
        let supported = grammar().rule(RuleId(node.rule)).is_some_and(crate::Rule::supported);
        if supported {
            walk(node.active().collect::<Vec<_>>(), path, out);
        } else {
            out.push(Diagnostic::error(path.join(), node.span, "statement not supported"));
        }
        path.truncate(mark);
    }
}
