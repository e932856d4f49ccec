//! Junos text to a lossless tree and back: braces, set lines, edits, diff.

mod args;
mod children;
mod comments;
pub mod diagnostic;
mod diff;
mod lexer;
mod packed;
mod raw;
mod reader;
pub mod render;
mod rope;
mod span;
pub mod tree;
mod veil;

pub use args::Args;
pub use children::Children;
pub use comments::Comments;
pub use diagnostic::{Diagnostic, Severity};
pub use diff::diff;
pub use lexer::decode;
pub use ravelin_mem::{Few, Text};
pub use raw::{DIAGNOSTICS_MAX, Form, Item, NESTING_MAX, Parsed, Statement, Tags, VERBS, Word, form, parse};
pub use reader::{Ending, Reader};
pub use rope::{Rope, Splice};
pub use span::Span;
pub use tree::{Change, Node, Shape, Tree};
pub use veil::{announces, is_obscured};
