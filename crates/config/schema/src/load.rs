//! Texts into trees: what the form is, and how it enters a configuration that is there.
//!
//! Spec: language-11..16.

use ravelin_syntax::tree::Node;
use ravelin_syntax::{Change, Diagnostic, Form, Severity, Span, Tree, Word};

use crate::bind::{Bound, bind};
use crate::merge::{Merger, Replacing, plain};
use crate::path;

/// How a text enters a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Statements are added; `replace:` is as if it weren't there.
    Merge,
    /// The text is the whole configuration.
    Override,
    /// As `Merge`, and `replace:` is honoured.
    Replace,
    /// As `Override`, for the level the text is about.
    Update,
    /// The text is what `show | compare` shows.
    Patch,
    /// The text is commands.
    Set,
}

/// Reads a whole configuration in any form: braces, `set` lines, XML, JSON.
#[must_use]
pub fn read(text: &str) -> Bound {
    let mut bound = source(text, &[]);
    if bound.is_marked {
        bound.tree.nodes = all_plain(bound.tree.nodes);
    }
    for command in std::mem::take(&mut bound.commands) {
        let message = "there is no configuration here whose entries it could change";
        bound.diagnostics.push(Diagnostic::error(command, Span::NOWHERE, message));
    }
    bound
}

/// Takes a text into a configuration below `base`; answers warnings. On an error nothing has changed.
pub fn load(
    tree: &mut Tree,
    base: &[String],
    action: Action,
    text: &str,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    match action {
        Action::Set => return crate::apply(tree, base, text).map(|()| Vec::new()),
        Action::Patch => return crate::patch::apply(tree, base, text).map(|()| Vec::new()),
        Action::Merge | Action::Replace if form(text) == TextForm::Lines => {
            return crate::apply(tree, base, text).map(|()| Vec::new());
        }
        Action::Merge | Action::Replace | Action::Override | Action::Update => {}
    }
    let whole = matches!(action, Action::Override | Action::Update);
    let at = base;
    let base: Vec<Word> = base.iter().map(Word::new).collect();
    let mut bound = source(text, if action == Action::Override { &[] } else { &base });
    if bound.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(bound.diagnostics);
    }
    if whole && (base.is_empty() || action == Action::Override) {
        let changed = Tree { nodes: all_plain(bound.tree.nodes) };
        *tree = ordered(changed, &[], &bound.commands)?;
        return Ok(bound.diagnostics);
    }
    let replacing = if action == Action::Merge { Replacing::Ignored } else { Replacing::Honoured };
    if whole {
        // The level itself is what is replaced.
        mark_innermost(&mut bound.tree.nodes, base_depth(&base));
    }
    let mut changed = tree.nodes.clone();
    let mut merger = Merger::new(replacing);
    merger.merge(&mut changed, bound.tree.nodes);
    bound.diagnostics.append(&mut merger.diagnostics);
    if bound.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(bound.diagnostics);
    }
    *tree = ordered(Tree { nodes: changed }, at, &bound.commands)?;
    Ok(bound.diagnostics)
}

/// A tree after the commands that came with its statements.
fn ordered(mut tree: Tree, base: &[String], commands: &[String]) -> Result<Tree, Vec<Diagnostic>> {
    for command in commands {
        crate::apply(&mut tree, base, command)?;
    }
    Ok(tree)
}

fn all_plain(nodes: Vec<Node>) -> Vec<Node> {
    if is_plain(&nodes) { nodes } else { nodes.into_iter().filter_map(plain).collect() }
}

fn is_plain(nodes: &[Node]) -> bool {
    nodes.iter().all(|n| n.change() == Change::Merge && is_plain(&n.children))
}

fn base_depth(base: &[Word]) -> usize {
    path::resolve(base).map_or(0, |path| path.steps.len())
}

fn mark_innermost(nodes: &mut [Node], depth: usize) {
    if let ([only], true) = (nodes, depth > 0) {
        if depth == 1 {
            only.set_change(Change::Replace);
        } else {
            mark_innermost(&mut only.children, depth - 1);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum TextForm {
    Braces,
    Lines,
    Xml,
    Json,
}

fn form(text: &str) -> TextForm {
    match text.trim_start().chars().next() {
        Some('<') => TextForm::Xml,
        Some('{') => TextForm::Json,
        _ if ravelin_syntax::form(text) == Form::Lines => TextForm::Lines,
        _ => TextForm::Braces,
    }
}

/// The statements of a text below a level, changes still marked.
fn source(text: &str, base: &[Word]) -> Bound {
    let mut bound = match form(text) {
        TextForm::Xml => crate::xml::read(text, base),
        TextForm::Json => crate::json::read(text, base),
        TextForm::Lines => crate::edit::replay(text, base.to_vec()),
        TextForm::Braces => bind(text, base),
    };
    bound.diagnostics.sort_by_key(|d| d.span);
    bound
}
