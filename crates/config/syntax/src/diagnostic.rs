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
    /// The group the statement was inherited from.
    pub group: Option<String>,
    /// Other places that have to do with it, each with what is there.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    #[must_use]
    pub fn error(path: impl Into<String>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            span,
            message: message.into(),
            hint: None,
            group: None,
            related: Vec::new(),
        }
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

    /// With another place: that of the statement it is in conflict with.
    #[must_use]
    pub fn and(mut self, at: Span, what: impl Into<String>) -> Self {
        if at.is_known() && at != self.span {
            self.related.push((at, what.into()));
        }
        self
    }

    /// `FILE:LINE:COL: path: message`, the form editors and compilers share.
    #[must_use]
    pub fn line(&self, file: &str) -> String {
        let Self { path, span, message, severity, hint: _, group, related: _ } = self;
        let note = if *severity == Severity::Warning { "warning: " } else { "" };
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let group = group.as_ref().map_or(String::new(), |g| format!(" (inherited from group `{g}')"));
        format!("{file}:{}:{}: {note}{path}{message}{group}", span.line, span.column)
    }

    /// The line at fault with a caret below the word, for people.
    #[must_use]
    pub fn caret(&self, file: &str, text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        self.caret_in(file, &lines)
    }

    /// As [`Diagnostic::caret`], for a text whose lines are known.
    #[must_use]
    pub fn caret_in(&self, file: &str, lines: &[&str]) -> String {
        let Self { severity, path, span, message, hint, group, related } = self;
        let mut out = format!("{}: {message}\n", severity.as_str());
        place(&mut out, *span, file, lines);
        for (span, what) in related {
            let _ = writeln!(out, "note: {what}");
            place(&mut out, *span, file, lines);
        }
        if !path.is_empty() {
            let _ = writeln!(out, "  in [edit {path}]");
        }
        if let Some(group) = group {
            let _ = writeln!(out, "  inherited from group `{group}'");
        }
        if let Some(hint) = hint {
            let _ = writeln!(out, "  help: {hint}");
        }
        out
    }
}

/// Longest part of a line that is shown around the word at fault.
const SHOWN_CHARS: usize = 160;

fn place(out: &mut String, span: Span, file: &str, lines: &[&str]) {
    if !span.is_known() {
        return;
    }
    let number = span.line.to_string();
    let pad = " ".repeat(number.len());
    let _ = writeln!(out, "{pad}--> {file}:{}:{}", span.line, span.column);
    let Some(source) = lines.get(span.line as usize - 1) else { return };
    let column = (span.column as usize).saturating_sub(1);
    // Of a very long line what is around the word.
    let from = column.saturating_sub(SHOWN_CHARS / 2);
    let shown: String = crate::veil::veiled(source).chars().skip(from).take(SHOWN_CHARS).collect();
    let tab = |c: char| if c == '\t' { '\t' } else { ' ' };
    let lead: String = shown.chars().take(column - from).map(tab).collect();
    let word: String = shown.chars().skip(column - from).collect();
    let carets = "^".repeat(word_length(&word));
    let _ = writeln!(out, "{pad} |\n{number} | {}\n{pad} | {lead}{carets}", shown.trim_end());
}

/// Characters of the word a text begins with.
fn word_length(text: &str) -> usize {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.chars().position(|c| c == '"')).map(|n| n + 2);
    let plain = || text.chars().take_while(|c| !c.is_whitespace() && !"{};[]".contains(*c)).count();
    quoted.unwrap_or_else(plain).max(1)
}

/// The list as a JSON array of `{"severity","path","line","column","message"}`, with `"hint"`, `"group"` and
/// `"related"` where there are any.
#[must_use]
pub fn json(diagnostics: &[Diagnostic]) -> String {
    let objects: Vec<String> = diagnostics.iter().map(object).collect();
    format!("[{}]", objects.join(","))
}

fn object(d: &Diagnostic) -> String {
    let Diagnostic { severity, path, span, message, hint, group, related } = d;
    let mut out = format!(
        "{{\"severity\":{},\"path\":{},\"line\":{},\"column\":{},\"message\":{}",
        json_string(severity.as_str()),
        json_string(path),
        span.line,
        span.column,
        json_string(message)
    );
    for (name, value) in [("hint", hint), ("group", group)] {
        if let Some(value) = value {
            let _ = write!(out, ",\"{name}\":{}", json_string(value));
        }
    }
    if !related.is_empty() {
        let one = |(span, what): &(Span, String)| {
            format!("{{\"line\":{},\"column\":{},\"message\":{}}}", span.line, span.column, json_string(what))
        };
        let list: Vec<String> = related.iter().map(one).collect();
        let _ = write!(out, ",\"related\":[{}]", list.join(","));
    }
    out.push('}');
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
