//! Statements as written, before the grammar has said what each word is.

use ravelin_mem::Text;

use crate::lexer::{Kind, Lexer};
use crate::reader::{Ending, Reader};
use crate::tree::Change;
use crate::{Diagnostic, Span};

/// Errors told of one text; what follows is not read.
pub const DIAGNOSTICS_MAX: usize = 1000;
/// Bytes of one text; a larger one is not read.
pub const TEXT_BYTES_MAX: usize = 1 << 30;

/// Braces deeper than this are refused: the language itself nests less than 20 deep.
pub const NESTING_MAX: usize = 48;

#[derive(Clone, Default)]
pub struct Word {
    pub text: Text,
    pub quoted: bool,
    /// It is never to be told but where the configuration is shown.
    pub secret: bool,
    /// As [`crate::Node::origin`], for a value among others.
    pub origin: u16,
    pub span: Span,
}

/// Words are equal by their text: quoting and place don't change what they mean.
impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Word {}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text: _, quoted: _, secret: _, origin: _, span } = self;
        write!(f, "{:?}@{span}", self.told())
    }
}

impl Word {
    /// The text for findings and logs.
    #[must_use]
    pub fn told(&self) -> &str {
        if self.secret { "<secret>" } else { &self.text }
    }

    /// Of a list of values in a statement that no rule of a grammar stands for.
    #[must_use]
    pub fn is_bracket(&self) -> bool {
        !self.quoted && (self.text == "[" || self.text == "]")
    }

    #[must_use]
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    One(Word),
    /// `[ a b ]`
    Many(Vec<Word>, Span),
}

impl Item {
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Item::One(word) => word.span,
            Item::Many(_, span) => *span,
        }
    }
}

/// What stands before a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    pub inactive: bool,
    pub protect: bool,
    pub change: Change,
    pub comments: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    pub tags: Tags,
    pub items: Vec<Item>,
    /// `None` for a statement that ends with `;` or, in `set` form, with its line.
    pub body: Option<Vec<Statement>>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Braces,
    /// One command a line: `set ...`, `delete ...`.
    Lines,
}

#[derive(Clone, Debug)]
pub struct Parsed {
    pub form: Form,
    pub statements: Vec<Statement>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The verbs that begin a line of the `set` form.
pub const VERBS: [&str; 15] = [
    "set",
    "delete",
    "activate",
    "deactivate",
    "rename",
    "copy",
    "insert",
    "annotate",
    "protect",
    "unprotect",
    "replace",
    "wildcard",
    "edit",
    "top",
    "up",
];

/// The form of a text, by its first word.
#[must_use]
pub fn form(text: &str) -> Form {
    let mut lexer = Lexer::new(text);
    let mut tokens = std::iter::from_fn(|| lexer.next()).map(|t| t.kind);
    match tokens.find(|kind| !matches!(kind, Kind::Newline | Kind::Comment(_))) {
        Some(Kind::Word { text, quoted: false }) if VERBS.contains(&text.as_str()) => Form::Lines,
        _ => Form::Braces,
    }
}

/// Reads text in either form; the first word tells which. No recursion: nesting is a stack with a bound.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut reader = Reader::new(text);
    let form = reader.form();
    let mut statements = Vec::new();
    // Statements whose brace is open, each with the siblings before it.
    let mut stack: Vec<(Statement, Vec<Statement>)> = Vec::new();
    loop {
        let mut statement = Statement::default();
        match reader.next(&mut statement) {
            Some(Ending::Line) => statements.push(statement),
            Some(Ending::Open) => stack.push((statement, std::mem::take(&mut statements))),
            None => {
                let Some((mut above, siblings)) = stack.pop() else { break };
                above.body = Some(std::mem::replace(&mut statements, siblings));
                if !above.items.is_empty() {
                    statements.push(above);
                }
            }
        }
    }
    Parsed { form, statements, diagnostics: reader.finish() }
}
