//! Junos text to a lossless tree and back: braces, set lines, edits, diff.

pub mod diagnostic;
mod span;

pub use diagnostic::{Diagnostic, Severity};
pub use span::Span;
