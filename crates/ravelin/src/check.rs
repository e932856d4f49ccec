//! `ravelin check`: would this configuration commit?

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_syntax::Diagnostic;
use serde_json::json;

use crate::source;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The configuration, in braces or as `set` lines.
    file: PathBuf,
    /// Print diagnostics as a JSON array.
    #[arg(long)]
    json: bool,
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
    let outcome = source::build(&text);
    let errors = outcome.result.err().unwrap_or_default();
    let all: Vec<_> = outcome.warnings.iter().chain(&errors).collect();
    if arguments.json {
        crate::say(&all.iter().map(|d| object(d)).collect::<serde_json::Value>());
    } else {
        for diagnostic in &all {
            crate::say(&diagnostic.line(&name));
        }
    }
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn object(d: &Diagnostic) -> serde_json::Value {
    json!({
        "severity": d.severity.as_str(),
        "path": d.path,
        "line": d.span.line,
        "column": d.span.column,
        "message": d.message,
    })
}
