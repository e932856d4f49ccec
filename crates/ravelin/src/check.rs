//! `ravelin check`: would this configuration commit?

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_syntax::Diagnostic;

use crate::source;

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
        let all: Vec<Diagnostic> = all.into_iter().cloned().collect();
        crate::say(&ravelin_syntax::diagnostic::json(&all));
    } else if arguments.explain {
        let lines: Vec<&str> = text.lines().collect();
        all.iter().for_each(|d| crate::say(&d.caret_in(&name, &lines)));
    } else {
        for diagnostic in &all {
            crate::say(&diagnostic.line(&name));
        }
    }
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
