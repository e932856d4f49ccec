//! The forms a configuration is shown and loaded in, for configuration mode.

use ravelin_ops::{Form, LoadKind, Outcome, Problem, Written};
use ravelin_schema::{Action, Inherit, Situation, View};
use ravelin_syntax::{Diagnostic, Tree};

use super::config_mode::problem;

/// Source lines of a finding are shown from this name.
const TEXT: &str = "candidate";

/// The statements below a path, in a form.
pub fn written(tree: &Tree, path: &[String], form: Form, at: Situation) -> Outcome<String> {
    let shown = ravelin_schema::display(tree, path, view(form), at);
    shown.ok_or_else(|| vec![Problem::of("statement not found")])
}

fn view(form: Form) -> View {
    let plain = |form| View { form, inherit: Inherit::AsWritten };
    match form {
        Form::Text => plain(ravelin_schema::Form::Omitting),
        Form::Whole => plain(ravelin_schema::Form::Text),
        Form::SetRelative => plain(ravelin_schema::Form::SetRelative),
        Form::Set => plain(ravelin_schema::Form::Set),
        Form::Xml => plain(ravelin_schema::Form::Xml),
        Form::Json => plain(ravelin_schema::Form::Json),
        Form::Detail => plain(ravelin_schema::Form::Detail),
        Form::Inherited { form, silent } => View {
            form: match form {
                Written::Text => ravelin_schema::Form::Omitting,
                Written::Whole => ravelin_schema::Form::Text,
                Written::SetRelative => ravelin_schema::Form::SetRelative,
                Written::Set => ravelin_schema::Form::Set,
                Written::Xml => ravelin_schema::Form::Xml,
                Written::Json => ravelin_schema::Form::Json,
                Written::Detail => ravelin_schema::Form::Detail,
            },
            inherit: if silent { Inherit::Silent } else { Inherit::Told },
        },
    }
}

/// The tree with a text loaded below a path, and what there is to warn of. Findings show the line of the text.
pub fn loaded(tree: &Tree, at: &[String], kind: LoadKind, text: &str) -> Outcome<(Tree, Vec<Problem>)> {
    let action = match kind {
        LoadKind::Set => Action::Set,
        LoadKind::Merge => Action::Merge,
        LoadKind::Override => Action::Override,
        LoadKind::Replace => Action::Replace,
        LoadKind::Update => Action::Update,
        LoadKind::Patch => Action::Patch,
    };
    let mut tree = tree.clone();
    let lines: Vec<&str> = text.lines().collect();
    let rendered = |d: &Diagnostic| Problem { rendered: d.caret_in(TEXT, &lines), ..problem(d) };
    match ravelin_schema::load(&mut tree, at, action, text) {
        Ok(warnings) => Ok((tree, warnings.iter().map(rendered).collect())),
        Err(errors) => Err(errors.iter().map(rendered).collect()),
    }
}
