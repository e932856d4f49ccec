//! What is wrong with a configuration, where, and what would repair it: one type for every stage.

use std::fmt::Write;

use crate::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The commit is refused.
    Error,
    /// The commit goes through; the operator should know.
    Warning,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The statement as in `set`, without the verb: `security zones security-zone trust`.
    pub path: String,
    pub span: Span,
    pub message: String,
    pub hint: Option<String>,
}

impl Diagnostic {
    #[must_use]
    pub fn error(path: impl Into<String>, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), span, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn warning(path: impl Into<String>, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, span, message) }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `FILE:LINE:COL: path: message`, the form editors and compilers share.
    #[must_use]
    pub fn line(&self, file: &str) -> String {
        let Self { path, span, message, severity, hint: _ } = self;
        let note = if *severity == Severity::Warning { "warning: " } else { "" };
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        format!("{file}:{}:{}: {note}{path}{message}", span.line, span.column)
    }

    /// The line at fault with a caret below the word, for people.
    #[must_use]
    pub fn caret(&self, file: &str, text: &str) -> String {
        let mut out = format!("{}: {}\n", self.severity.as_str(), self.message);
        if self.span.is_known() {
            let number = self.span.line.to_string();
            let pad = " ".repeat(number.len());
            let _ = writeln!(out, "{pad}--> {file}:{}:{}", self.span.line, self.span.column);
            if let Some(source) = text.lines().nth(self.span.line as usize - 1) {
                let lead: String = source
                    .chars()
                    .take((self.span.column as usize).saturating_sub(1))
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let _ = writeln!(out, "{pad} |\n{number} | {}\n{pad} | {lead}^", source.trim_end());
            }
        }
        if !self.path.is_empty() {
            let _ = writeln!(out, "  in [edit {}]", self.path);
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "  help: {hint}");
        }
        out
    }
}

/// The list as a JSON array of `{"severity","path","line","column","message"}`.
#[must_use]
pub fn json(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::from("[");
    for (n, d) in diagnostics.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        let _ = write!(
            out,
            "{{\"severity\":{},\"path\":{},\"line\":{},\"column\":{},\"message\":{}}}",
            json_string(d.severity.as_str()),
            json_string(&d.path),
            d.span.line,
            d.span.column,
            json_string(&d.message)
        );
    }
    out.push(']');
    out
}

fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
