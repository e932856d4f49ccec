//! `ravelin convert`: a configuration in another form, by the code behind `| display`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use ravelin_schema::{Form, Inherit, View, display, read};
use ravelin_syntax::Severity;

use crate::source;

/// Arguments of `convert`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The configuration: braces, `set` lines, XML or JSON; what is in it tells which.
    file: PathBuf,
    /// The form to print.
    #[arg(long, value_enum, default_value_t = To::Text)]
    to: To,
    /// Expand groups and leave out what is inactive; in text, say which group a statement came from.
    #[arg(long)]
    inherit: bool,
    /// With `--inherit`, don't say it.
    #[arg(long, requires = "inherit")]
    no_comments: bool,
    /// Number of the cluster node, for `${node}`.
    #[arg(long)]
    node: Option<u8>,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    Text,
    Set,
    Xml,
    Json,
    /// Text with a note on every statement.
    Detail,
}

/// Exit code 0: printed. 1: printed, and parts of the file could not be read; they are told on standard error.
/// 2: the file can't be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let Arguments { file, to, inherit, no_comments, node } = arguments;
    let name = file.display().to_string();
    let text = match source::read(file) {
        Ok(text) => text,
        Err(error) => {
            crate::fail(&format!("{name}: {error}"));
            return ExitCode::from(2);
        }
    };
    let bound = read(&text);
    let mut diagnostics = bound.diagnostics;
    if *inherit {
        diagnostics.extend(ravelin_schema::effective(&bound.tree, *node).diagnostics);
    }
    let form = match to {
        To::Text => Form::Text,
        To::Set => Form::Set,
        To::Xml => Form::Xml,
        To::Json => Form::Json,
        To::Detail => Form::Detail,
    };
    let inherit = match (inherit, no_comments) {
        (false, _) => Inherit::AsWritten,
        (true, false) => Inherit::Told,
        (true, true) => Inherit::Silent,
    };
    let shown = display(&bound.tree, &[], View { form, inherit }, *node).unwrap_or_default();
    crate::say(&shown.trim_end_matches('\n'));
    let lines: Vec<&str> = text.lines().collect();
    diagnostics.iter().for_each(|d| eprint!("{}", d.caret_in(&name, &lines)));
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
