//! Text or tree to a valid configuration, with everything that is wrong on the way.

use std::collections::HashSet;

use ravelin_schema::{ClusterNode, Cx, Lower};
use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Severity, Span, Tree};

use crate::{Config, ValidConfig, check};

/// What became of a text. The tree is there even when the result is not.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub tree: Tree,
    pub result: Result<ValidConfig, Vec<Diagnostic>>,
    pub warnings: Vec<Diagnostic>,
}

/// Reads braces, `set` lines, XML or JSON; the text itself tells which.
#[must_use]
pub fn load(text: &str) -> Loaded {
    load_on(text, None)
}

/// As [`load`], on a node of a cluster.
#[must_use]
pub fn load_on(text: &str, node: ClusterNode) -> Loaded {
    let bound = ravelin_schema::read(text);
    let (mut errors, warnings): (Vec<_>, Vec<_>) =
        bound.diagnostics.into_iter().partition(|d| d.severity == Severity::Error);
    let result = match check_tree_on(&bound.tree, node) {
        Ok(valid) if errors.is_empty() => Ok(valid),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            errors.sort_by_key(|d| d.span.offset);
            Err(errors)
        }
    };
    Loaded { tree: bound.tree, result, warnings }
}

/// The active statements of a tree as a valid configuration.
pub fn check_tree(tree: &Tree) -> Result<ValidConfig, Vec<Diagnostic>> {
    check_tree_on(tree, None)
}

/// As [`check_tree`], on a node of a cluster: `${node}` is its number.
pub fn check_tree_on(tree: &Tree, node: ClusterNode) -> Result<ValidConfig, Vec<Diagnostic>> {
    let mut effective = ravelin_schema::effective(tree, node);
    let mut errors = std::mem::take(&mut effective.diagnostics);
    errors.extend(ravelin_schema::refuse(&effective.tree));
    let (config, lowering) = lower_tree(&effective.tree);
    errors.extend(lowering);
    let checked = check(config);
    let forbidden = ravelin_schema::violations(&effective.tree);
    match checked {
        Ok(valid) if errors.is_empty() && forbidden.is_empty() => return Ok(valid),
        Ok(_) => {}
        Err(mut more) => {
            ravelin_schema::refine(&effective.tree.nodes, &mut more);
            errors.extend(more);
        }
    }
    // One finding a place: the checks know more of what they find than the table does.
    let told: HashSet<Span> = errors.iter().map(|d| d.span).filter(|s| s.is_known()).collect();
    let paths: HashSet<String> = errors.iter().map(|d| d.path.clone()).collect();
    let is_new = |d: &Diagnostic| !told.contains(&d.span) && !paths.contains(&d.path);
    errors.extend(forbidden.into_iter().filter(is_new));
    effective.explain(&mut errors);
    errors.sort_by_key(|d| d.span.offset);
    Err(errors)
}

/// The typed configuration and what couldn't be lowered, before any check across statements.
#[must_use]
pub fn lower_tree(tree: &Tree) -> (Config, Vec<Diagnostic>) {
    let root = Node { children: tree.nodes.clone().into(), ..Node::default() };
    let mut cx = Cx::default();
    let config = Config::lower(&root, &mut cx).unwrap_or_default();
    (config, cx.errors)
}

/// Grammar paths the typed configuration consumes.
#[must_use]
pub fn covered() -> Vec<String> {
    let mut out = Vec::new();
    Config::covered("", &mut out);
    out.sort();
    out.dedup();
    out
}
