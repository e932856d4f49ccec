//! Text or tree to a valid configuration, with everything that is wrong on the way.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use ravelin_schema::{Bound, Changes, Clock, Cx, Lower, Memo, Periods, Situation};
use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Severity, Span, Tree};

use crate::check::{Earlier, check_after};
use crate::{Config, Policies, ValidConfig, check};

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

/// As [`load`], on a node of a cluster, at a time.
#[must_use]
pub fn load_on(text: &str, at: impl Into<Situation>) -> Loaded {
    load_read(ravelin_schema::read(text), at)
}

/// As [`load_on`], of a text that was read, and which nobody has to keep for it.
#[must_use]
pub fn load_read(bound: Bound, at: impl Into<Situation>) -> Loaded {
    let (mut errors, mut warnings): (Vec<_>, Vec<_>) =
        bound.diagnostics.into_iter().partition(|d| d.severity == Severity::Error);
    let result = match check_tree_after(&bound.tree, at, None) {
        Ok(checked) if errors.is_empty() => {
            warnings.extend(checked.warnings);
            Ok(checked.valid)
        }
        Ok(_) => Err(errors),
        Err(more) => {
            // Of a value that is none nothing more is said.
            let told: HashSet<Span> = errors.iter().map(|d| d.span).filter(|s| s.is_known()).collect();
            errors.extend(more.into_iter().filter(|d| !told.contains(&d.span)));
            errors.sort_by_key(|d| d.span);
            Err(errors)
        }
    };
    if let Ok(valid) = &result {
        warnings.extend(crate::warnings(valid));
    }
    Loaded { tree: bound.tree, result, warnings }
}

/// The active statements of a tree as a valid configuration.
pub fn check_tree(tree: &Tree) -> Result<ValidConfig, Vec<Diagnostic>> {
    check_tree_on(tree, None)
}

/// As [`check_tree`], on a node of a cluster, whose number `${node}` is, and at a time.
pub fn check_tree_on(tree: &Tree, at: impl Into<Situation>) -> Result<ValidConfig, Vec<Diagnostic>> {
    check_tree_after(tree, at, None).map(|checked| checked.valid)
}

/// A tree that passed every check, and what the check of one that was made from it by an edit can go on from.
#[derive(Clone, Debug)]
pub struct Checked {
    pub valid: ValidConfig,
    /// What is not in force of it, and the operator may not expect.
    pub warnings: Vec<Diagnostic>,
    tree: Tree,
    at: Situation,
    /// Nothing in it applies a group.
    is_plain: bool,
    memo: Arc<Memo>,
    lowered: Policies,
}

/// As [`check_tree_on`], with the work of an earlier check: what did not change since and depends on nothing that did is
/// not looked at again. Whatever is found wrong is found by a check from scratch.
pub fn check_tree_after(
    tree: &Tree,
    at: impl Into<Situation>,
    before: Option<&Checked>,
) -> Result<Checked, Vec<Diagnostic>> {
    let at = at.into();
    if let Some(checked) = before.and_then(|before| edited(tree, at, before)) {
        return Ok(checked);
    }
    let checked = whole(tree, at)?;
    match later(tree, at) {
        errors if errors.is_empty() => Ok(checked),
        errors => Err(errors),
    }
}

/// What is wrong at another time, when conditions on time hold or don't: what is committed has to stand then too. Told of
/// the first such time. Spec: language-74.
fn later(tree: &Tree, at: Situation) -> Vec<Diagnostic> {
    let others = match Periods::of(tree).others(at.clock) {
        Ok(others) => others,
        Err(most) => {
            let message = format!("conditions on time make more than {most} configurations of this one");
            return vec![Diagnostic::error("groups", Span::default(), message)];
        }
    };
    for clock in others {
        if let Err(mut errors) = whole(tree, Situation { clock: Some(clock), ..at }) {
            errors.iter_mut().for_each(|error| error.message = told_at(&error.message, clock));
            return errors;
        }
    }
    Vec::new()
}

fn told_at(message: &str, clock: Clock) -> String {
    let Clock { date: (year, month, day), second } = clock;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("at {year:04}-{month:02}-{day:02}.{hour:02}:{minute:02}:{second:02}: {message}")
}

/// `None`: the tree has to be checked as a whole.
fn edited(tree: &Tree, at: Situation, before: &Checked) -> Option<Checked> {
    if !before.is_plain || before.at.node != at.node {
        return None;
    }
    let Changes { list: changed, ends } = ravelin_schema::changed(&before.tree, tree)?;
    let is_plain = !changed.iter().filter_map(|change| change.new).any(ravelin_schema::uses_groups);
    if !is_plain
        || !ravelin_schema::refuse_changed(&changed).is_empty()
        || !ravelin_schema::violations_of(tree, &changed).is_empty()
    {
        return None;
    }
    let (config, errors, memo) = lower_with(tree, Cx::after(before.memo.clone(), ends));
    let lowered = config.security.policies.clone();
    let earlier = Earlier { lowered: &before.lowered, valid: &before.valid };
    let valid = errors.is_empty().then(|| check_after(config, Some(earlier)).ok())??;
    let (warnings, tree, memo) = (Vec::new(), tree.clone(), Arc::new(memo));
    Some(Checked { valid, warnings, tree, at, is_plain, memo, lowered })
}

fn whole(tree: &Tree, at: Situation) -> Result<Checked, Vec<Diagnostic>> {
    let mut effective = ravelin_schema::effective(tree, at);
    let told = std::mem::take(&mut effective.diagnostics);
    let (mut errors, warnings): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|d| d.severity == Severity::Error);
    errors.extend(ravelin_schema::refuse_effective(&effective));
    let (config, lowering, memo) = lower_with(&effective.tree, Cx::default());
    errors.extend(lowering);
    let lowered = config.security.policies.clone();
    let checked = check(config);
    let forbidden = ravelin_schema::violations(&effective.tree);
    match checked {
        Ok(valid) if errors.is_empty() && forbidden.is_empty() => {
            let is_plain = matches!(effective.tree, Cow::Borrowed(_));
            // Statements that groups made are made anew each time: nothing of them can be gone on from.
            let memo = Arc::new(if is_plain { memo } else { Memo::default() });
            return Ok(Checked { valid, warnings, tree: tree.clone(), at, is_plain, memo, lowered });
        }
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
    if errors.iter().any(|error| error.message == "statement not supported") {
        let levels = ravelin_schema::refused_levels(&effective.tree);
        errors.retain(|error| !follows(error, &levels));
    }
    effective.explain(&mut errors);
    errors.sort_by_key(|d| d.span);
    Err(errors)
}

/// Whether something is missing where something is refused, which may be what stands for it: that is told when the other is gone.
fn follows(error: &Diagnostic, refused: &HashSet<String>) -> bool {
    let Some(missing) = error.message.strip_prefix("missing mandatory statement") else { return false };
    // A path may end with what is missing, or what is missing be told by name.
    let above = error.path.rsplit_once(' ').map(|(above, _)| above);
    let named = missing.split(['\'', '`']).nth(1).map(|name| format!("{} {name}", error.path));
    let is_refused_in = |path: &str| refused.contains(path);
    is_refused_in(&error.path)
        || above.is_some_and(is_refused_in)
        || named.as_deref().is_some_and(is_refused_in)
}

/// The typed configuration and what couldn't be lowered, before any check across statements.
#[must_use]
pub fn lower_tree(tree: &Tree) -> (Config, Vec<Diagnostic>) {
    let (config, errors, _) = lower_with(tree, Cx::default());
    (config, errors)
}

fn lower_with(tree: &Tree, mut cx: Cx) -> (Config, Vec<Diagnostic>, Memo) {
    let root = Node { children: tree.nodes.clone().into(), ..Node::default() };
    let config = Config::lower(&root, &mut cx).unwrap_or_default();
    let errors = std::mem::take(&mut cx.errors);
    (config, errors, cx.into_memo())
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
