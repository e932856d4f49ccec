//! Statements as written, before the grammar has said what each word is. Every error is reported; the parser
//! goes on after each. No recursion: nesting is a stack with a bound.

use crate::lexer::{Kind, Lexer, Token};
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
    pub text: String,
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

    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
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
    /// Statements at all levels.
    pub count: usize,
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

/// Reads text in either form; the first word tells which.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    if text.len() > TEXT_BYTES_MAX {
        let error = Diagnostic::error("", Span::NOWHERE, "the text is larger than a configuration may be");
        return Parsed { form: Form::Braces, statements: Vec::new(), count: 0, diagnostics: vec![error] };
    }
    let form = form(text);
    let mut lexer = Lexer::new(text);
    let mut parser = Parser { form, ..Parser::default() };
    while let Some(token) = lexer.next() {
        parser.take(token);
        if parser.errors.len() >= DIAGNOSTICS_MAX {
            parser.errors.push(Diagnostic::error("", Span::NOWHERE, "too many errors; the rest is not read"));
            break;
        }
    }
    parser.errors.append(&mut lexer.errors);
    let count = parser.count;
    let (statements, mut diagnostics) = parser.finish();
    diagnostics.sort_by_key(|d| d.span.offset);
    Parsed { form, statements, count, diagnostics }
}

#[derive(Default)]
struct Parser {
    form: Form,
    /// Statements whose brace is open, each with the siblings before it.
    stack: Vec<(Statement, Vec<Statement>)>,
    done: Vec<Statement>,
    current: Statement,
    list: Option<(Vec<Word>, Span)>,
    skipping: usize,
    errors: Vec<Diagnostic>,
    /// Statements begun.
    count: usize,
}

impl Parser {
    fn take(&mut self, token: Token) {
        let Token { kind, span } = token;
        if self.skipping > 0 {
            match kind {
                Kind::Open => self.skipping += 1,
                Kind::Close => self.skipping -= 1,
                _ => {}
            }
            return;
        }
        match kind {
            Kind::Newline if self.form == Form::Lines => self.end(span),
            Kind::Newline => {}
            Kind::Comment(text) => self.comment(text),
            Kind::Word { text, quoted } => self.word(Word { text, quoted, span, ..Word::default() }),
            Kind::ListOpen if self.list.is_none() => self.list = Some((Vec::new(), span)),
            Kind::ListOpen => self.error(span, "syntax error, `[' inside a list"),
            Kind::ListClose => match self.list.take() {
                Some((words, at)) => self.current.items.push(Item::Many(words, at)),
                None => self.error(span, "syntax error, `]' without `['"),
            },
            Kind::End => self.end(span),
            Kind::Open => self.open(span),
            Kind::Close => self.close(span),
        }
    }

    fn comment(&mut self, text: String) {
        if self.form == Form::Braces && !text.starts_with("##") && self.current.items.is_empty() {
            self.current.tags.comments.push(text);
        }
    }

    fn word(&mut self, word: Word) {
        if let Some((words, _)) = &mut self.list {
            words.push(word);
            return;
        }
        if self.current.items.is_empty() {
            if self.current.span == Span::NOWHERE {
                self.current.span = word.span;
                // Few have more words than these.
                self.current.items.reserve_exact(2);
                self.count += 1;
            }
            let tags = &mut self.current.tags;
            match word.text.as_str() {
                _ if word.quoted => {}
                "inactive:" => return tags.inactive = true,
                "protect:" => return tags.protect = true,
                "active:" => return tags.change = Change::Activate,
                "unprotect:" => return tags.change = Change::Unprotect,
                "replace:" => return tags.change = Change::Replace,
                "delete:" => return tags.change = Change::Delete,
                _ => {}
            }
        }
        self.current.items.push(Item::One(word));
    }

    fn close_list(&mut self) {
        if let Some((words, at)) = self.list.take() {
            self.error(at, "syntax error, list is not closed: expecting `]'");
            self.current.items.push(Item::Many(words, at));
        }
    }

    fn end(&mut self, span: Span) {
        self.close_list();
        if self.current.items.is_empty() {
            if self.form == Form::Braces && self.current.tags != Tags::default() {
                self.error(span, "syntax error, expecting a statement");
            }
            self.current = Statement::default();
            return;
        }
        self.done.push(std::mem::take(&mut self.current));
    }

    fn open(&mut self, span: Span) {
        self.close_list();
        if self.form == Form::Lines {
            return self.error(span, "syntax error, `{' in a set line");
        }
        if self.current.items.is_empty() {
            self.error(span, "syntax error, `{' without a statement");
        }
        if self.stack.len() >= NESTING_MAX {
            self.error(span, "statements are nested too deep");
            self.current = Statement::default();
            self.skipping = 1;
            return;
        }
        self.stack.push((std::mem::take(&mut self.current), std::mem::take(&mut self.done)));
    }

    fn close(&mut self, span: Span) {
        self.unfinished(span);
        match self.stack.pop() {
            Some((mut statement, siblings)) => {
                statement.body = Some(std::mem::replace(&mut self.done, siblings));
                if !statement.items.is_empty() {
                    self.done.push(statement);
                }
            }
            None => self.error(span, "syntax error, `}' without `{'"),
        }
    }

    /// Words that neither `;` nor `{` followed.
    fn unfinished(&mut self, span: Span) {
        self.close_list();
        if !self.current.items.is_empty() {
            let at = self.current.items.last().map_or(span, Item::span);
            self.error(at, "syntax error, expecting `;' or `{' after this word");
            self.done.push(std::mem::take(&mut self.current));
        } else if self.current.span.is_known() {
            self.error(self.current.span, "syntax error, expecting a statement");
        }
        self.current = Statement::default();
    }

    fn error(&mut self, span: Span, message: &str) {
        self.errors.push(Diagnostic::error("", span, message));
    }

    fn finish(mut self) -> (Vec<Statement>, Vec<Diagnostic>) {
        if self.form == Form::Lines {
            self.end(Span::NOWHERE);
        } else {
            self.unfinished(Span::NOWHERE);
        }
        while let Some((statement, _)) = self.stack.last() {
            let at = statement.span;
            self.error(at, "syntax error, `{' is not closed");
            self.close(at);
        }
        (self.done, self.errors)
    }
}
