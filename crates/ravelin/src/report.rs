//! `ravelin check --report`: what a configuration from elsewhere would mean here.

use std::fmt::Write;

use ravelin_model::{Refused, Report, Stanza};
use serde_json::json;

/// Tables for people.
#[must_use]
pub fn text(name: &str, report: &Report) -> String {
    let Report { stanzas, refused, annotations, errors } = report;
    let sum = |field: fn(&Stanza) -> usize| stanzas.values().map(field).sum::<usize>();
    let (enforced, kept, not) = (sum(|s| s.enforced), sum(|s| s.annotations), sum(|s| s.refused));
    let mut out = format!(
        "{name}: {} statements: {enforced} enforced, {kept} kept as annotations, {not} refused; {} other errors\n",
        enforced + kept + not,
        errors.len()
    );
    if !stanzas.is_empty() {
        let _ =
            writeln!(out, "\n{:<28} {:>9} {:>11} {:>8}", "hierarchy", "enforced", "annotations", "refused");
    }
    for (stanza, Stanza { enforced, annotations, refused }) in stanzas {
        let _ = writeln!(out, "{stanza:<28} {enforced:>9} {annotations:>11} {refused:>8}");
    }
    if !refused.is_empty() {
        let _ =
            writeln!(out, "\nrefused, with the line of the first, their number, and what to use instead:");
    }
    for Refused { path, at, count, instead } in refused {
        let _ = writeln!(out, "{:>7} {count:>6}  {path}", at.line);
        if let Some(instead) = instead {
            let _ = writeln!(out, "{:>16}{instead}", "");
        }
    }
    if !annotations.is_empty() {
        let _ = writeln!(out, "\nkept as annotations, without effect:");
    }
    for (path, count) in annotations {
        let _ = writeln!(out, "{:>7} {count:>6}  {path}", "");
    }
    if !errors.is_empty() {
        let _ = writeln!(out, "\nother errors:");
    }
    for error in errors {
        let _ = writeln!(out, "{}", error.line(name));
    }
    out
}

/// The same for programs.
#[must_use]
pub fn object(report: &Report) -> serde_json::Value {
    let Report { stanzas, refused, annotations, errors } = report;
    let stanza = |s: &Stanza| {
        let Stanza { enforced, annotations, refused } = s;
        json!({ "enforced": enforced, "annotations": annotations, "refused": refused })
    };
    let one = |r: &Refused| {
        let Refused { path, at, count, instead } = r;
        json!({ "path": path, "line": at.line, "column": at.column, "count": count, "instead": instead })
    };
    let errors: serde_json::Value =
        serde_json::from_str(&ravelin_syntax::diagnostic::json(errors)).unwrap_or_default();
    json!({
        "stanzas": stanzas.iter().map(|(name, s)| (name.clone(), stanza(s))).collect::<serde_json::Map<_, _>>(),
        "refused": refused.iter().map(one).collect::<Vec<_>>(),
        "annotations": annotations,
        "errors": errors,
    })
}
