//! Junos text to a lossless tree and back: braces, set lines, edits, diff.

mod children;
pub mod diagnostic;
mod diff;
mod lexer;
mod raw;
pub mod render;
mod span;
pub mod tree;

pub use children::Children;
pub use diagnostic::{Diagnostic, Severity};
pub use diff::diff;
pub use lexer::decode;
pub use raw::{DIAGNOSTICS_MAX, Form, Item, NESTING_MAX, Parsed, Statement, Tags, VERBS, Word, form, parse};
pub use span::Span;
pub use tree::{Change, Node, Tree};
