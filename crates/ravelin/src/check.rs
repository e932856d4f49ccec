//! `ravelin check`: would this configuration commit?

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_syntax::Diagnostic;

use crate::{report, source};

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The configuration: braces, `set` lines, XML or JSON; what is in it tells which.
    file: PathBuf,
    /// Print diagnostics as a JSON array.
    #[arg(long)]
    json: bool,
    /// Print the line of every finding, the word at fault marked, and what may help.
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// Print what of a configuration from elsewhere is enforced, kept and refused here, and what to use instead.
    #[arg(long)]
    report: bool,
    /// Number of the cluster node, for `${node}`.
    #[arg(long)]
    node: Option<u8>,
}

/// Exit code 0: a commit would succeed. 1: it would not. 2: the file can't be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let name = arguments.file.display().to_string();
    let text = match source::read(&arguments.file) {
        Ok(text) => text,
        Err(error) => {
            crate::fail(&format!("{name}: {error}"));
            return ExitCode::from(2);
        }
    };
    if arguments.report {
        return reported(arguments, &name, &text);
    }
    let read = ravelin_schema::read(&text);
    let text = arguments.explain.then_some(text);
    let outcome = source::build(read, arguments.node);
    let errors = outcome.result.err().unwrap_or_default();
    let all: Vec<_> = outcome.warnings.iter().chain(&errors).collect();
    if arguments.json {
        let all: Vec<Diagnostic> = all.into_iter().cloned().collect();
        crate::say(&ravelin_syntax::diagnostic::json(&all));
    } else if let Some(text) = text {
        let lines: Vec<&str> = text.lines().collect();
        all.iter().for_each(|d| crate::say(&d.caret_in(&name, &lines)));
    } else {
        for diagnostic in &all {
            crate::say(&diagnostic.line(&name));
        }
    }
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Exit code 0: all of it is enforced or kept.
fn reported(arguments: &Arguments, name: &str, text: &str) -> ExitCode {
    let bound = ravelin_schema::read(text);
    let report = ravelin_model::report(&bound.tree, arguments.node, bound.diagnostics);
    if arguments.json {
        crate::say(&report::object(&report));
    } else {
        crate::say(&report::text(name, &report).trim_end());
    }
    let whole = report.refused.is_empty() && report.errors.is_empty();
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
