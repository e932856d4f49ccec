//! Places in configuration text. A span names no file: the caller knows which text it loaded.

use std::fmt;

/// Where a word starts. Lines and columns count from 1, columns in characters; the default (0, 0) is
/// "nowhere": the statement was made by an edit or by the system, not read from text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub line: u32,
    pub column: u32,
}

impl Span {
    pub const NOWHERE: Span = Span { line: 0, column: 0 };

    #[must_use]
    pub fn is_known(self) -> bool {
        self.line != 0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
