//! Tidy: one pass over the tree and over cargo's view of it, one line a finding.
//!
//! `layers` holds the layer table, `limits` the sizes and their exceptions, `rules` the judgements on
//! one file, `citations` those that need the specification beside it,
//! `features` what tests alone turn on. A finding reads `file:line: rule: message`, so an editor can jump to it.

mod citations;
mod features;
mod layers;
mod limits;
mod rules;
mod source;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the repository, `/` between parts.
    pub path: String,
    /// From 1; 1 also when the finding is about the whole file.
    pub line: usize,
    pub rule: Rule,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, message } = self;
        write!(out, "{path}:{line}: {}: {message}", rule.name())
    }
}

/// Every rule of tidy; the name is what a finding shows and what an exception cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A dependency that points up, or out of the narrow list of its crate.
    Layer,
    /// A third-party crate where it may not be.
    External,
    /// `unsafe` outside the crates that may.
    Unsafe,
    /// A clock, thread, lock, file or random number inside the engine.
    Pure,
    /// Printing below the api layer.
    Print,
    /// A Rust file that does not open with `//!`.
    Head,
    /// A file over its size.
    FileSize,
    /// A function over its size.
    FunctionSize,
    /// Unfinished work left in the text.
    Unfinished,
    /// A rule of docs/spec that is cited and does not exist.
    Citation,
    /// A name that means something on one machine only.
    Machine,
    /// A feature of a dependency that only tests turn on.
    Feature,
    /// An exception that excuses nothing.
    Exception,
}

impl Rule {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::External => "external",
            Self::Unsafe => "unsafe",
            Self::Pure => "pure",
            Self::Print => "print",
            Self::Head => "head",
            Self::FileSize => "file-size",
            Self::FunctionSize => "function-size",
            Self::Unfinished => "unfinished",
            Self::Citation => "citation",
            Self::Machine => "machine",
            Self::Feature => "feature",
            Self::Exception => "exception",
        }
    }
}

#[derive(Debug)]
pub enum TidyError {
    Read { path: PathBuf, error: io::Error },
    Cargo(io::Error),
    CargoFailed(String),
    Metadata(serde_json::Error),
}

impl fmt::Display for TidyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(out, "cannot read {}: {error}", path.display()),
            Self::Cargo(error) => write!(out, "cannot run cargo: {error}"),
            Self::CargoFailed(text) => write!(out, "cargo failed: {text}"),
            Self::Metadata(error) => write!(out, "cargo metadata says something unexpected: {error}"),
        }
    }
}

/// Judges the whole repository; findings are sorted by place.
pub fn run() -> Result<Vec<Finding>, TidyError> {
    let metadata = cargo_metadata()?;
    let root = PathBuf::from(&metadata.workspace_root);
    let mut findings = features::check()?;
    for package in &metadata.packages {
        findings.extend(layers::check(package, &root));
    }
    let mut paths = Vec::new();
    walk(&root, &mut paths)?;
    let mut files = Vec::new();
    for path in paths {
        if let Some(text) = read_text(&path)? {
            files.push((relative(&path, &root), text));
        }
    }
    let spec = citations::Spec::new(&files);
    for (path, text) in &files {
        rules::check(path, text, &mut findings);
        spec.check(path, text, &mut findings);
    }
    let mut findings = limits::excuse(findings);
    findings.sort();
    Ok(findings)
}

fn cargo_metadata() -> Result<layers::Metadata, TidyError> {
    let said = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"])?;
    serde_json::from_slice(&said).map_err(TidyError::Metadata)
}

fn cargo(arguments: &[&str]) -> Result<Vec<u8>, TidyError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).output().map_err(TidyError::Cargo)?;
    if !output.status.success() {
        return Err(TidyError::CargoFailed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(output.stdout)
}

/// Collects every file that belongs to the tree: no build output, no hidden directories but ours.
fn walk(directory: &Path, into: &mut Vec<PathBuf>) -> Result<(), TidyError> {
    let failed = |error| TidyError::Read { path: directory.to_owned(), error };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !matches!(&*name, ".ci" | ".cargo");
            if !hidden && name != "target" {
                walk(&entry.path(), into)?;
            }
        } else if kind.is_file() && name != ".git" {
            into.push(entry.path());
        }
    }
    Ok(())
}

/// The text of a file, or nothing when it is not UTF-8 (captures, images).
fn read_text(path: &Path) -> Result<Option<String>, TidyError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) => Err(TidyError::Read { path: path.to_owned(), error }),
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_place_rule_and_message() {
        let finding = Finding {
            path: "a/b.rs".to_owned(),
            line: 7,
            rule: Rule::FileSize,
            message: "too long".to_owned(),
        };
        assert_eq!(finding.to_string(), "a/b.rs:7: file-size: too long");
    }
}
