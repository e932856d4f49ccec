//! `ravelin statements`: how much of the language is enforced, hierarchy by hierarchy. Spec: language-66.

use std::process::ExitCode;

use ravelin_schema::{Counts, counts};

/// Arguments of `statements`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Words of the hierarchy whose parts are counted, `<>` for a name; the top when none are given.
    path: Vec<String>,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Exit code 1: there is no such hierarchy.
pub fn run(arguments: &Arguments) -> ExitCode {
    let path = arguments.path.join(" ");
    let Some((rows, sum)) = counts(&path) else {
        return crate::fail(&format!("no such hierarchy: {path}"));
    };
    let rows = rows.into_iter().map(|(name, counts)| (name.to_owned(), counts));
    if arguments.json {
        let all: Vec<_> = rows.map(|(name, counts)| object(&name, counts)).collect();
        crate::say(&serde_json::Value::from(all));
        return ExitCode::SUCCESS;
    }
    crate::say(&format!(
        "{:<36} {:>10} {:>7} {:>9} {:>6} {:>8} {:>8}",
        "hierarchy", "statements", "valued", "enforced", "kept", "refused", "by name"
    ));
    for (name, counts) in rows.chain([("all".to_owned(), sum)]) {
        let Counts { known, valued, enforced, kept, by_name } = counts;
        let refused = counts.refused();
        crate::say(&format!(
            "{name:<36} {known:>10} {valued:>7} {enforced:>9} {kept:>6} {refused:>8} {by_name:>8}"
        ));
    }
    ExitCode::SUCCESS
}

fn object(name: &str, counts: Counts) -> serde_json::Value {
    let Counts { known, valued, enforced, kept, by_name } = counts;
    serde_json::json!({
        "hierarchy": name,
        "statements": known,
        "valued": valued,
        "enforced": enforced,
        "kept": kept,
        "refused": counts.refused(),
        "by_name": by_name,
    })
}
