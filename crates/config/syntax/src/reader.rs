//! Statements of a text one after another, nothing kept: the binder places each while it is at hand.
//!
//! Every error is reported, and reading goes on after each. State: the open braces.

use crate::lexer::{Kind, Lexer};
use crate::raw::{DIAGNOSTICS_MAX, Form, Item, NESTING_MAX, Statement, TEXT_BYTES_MAX, Tags, Word, form};
use crate::tree::Change;
use crate::{Diagnostic, Span};

/// What a statement ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `;` or, in `set` form, its line.
    Line,
    /// `{`: what comes next is in it.
    Open,
}

pub struct Reader<'a> {
    lexer: Lexer<'a>,
    form: Form,
    /// Where the statements began whose brace is open.
    open: Vec<Span>,
    /// A brace was closed behind a statement that was not ended.
    closing: bool,
    /// Nothing more is read.
    done: bool,
    errors: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    /// Of text in either form; the first word tells which.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let too_large = text.len() > TEXT_BYTES_MAX;
        let text = if too_large { "" } else { text };
        let form = form(text);
        let mut reader = Self {
            lexer: Lexer::joining(text, form == Form::Braces),
            form,
            open: Vec::new(),
            closing: false,
            done: false,
            errors: Vec::new(),
        };
        if too_large {
            reader.error(Span::NOWHERE, "the text is larger than a configuration may be");
        }
        reader
    }

    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Braces that are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Everything that is wrong with what was read, in the order of the text.
    #[must_use]
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.errors.append(&mut self.lexer.errors);
        self.errors.sort_by_key(|d| d.span);
        self.errors
    }

    /// Reads on to where the brace of this depth is closed.
    pub fn close(&mut self, depth: usize) {
        let mut statement = Statement::default();
        while self.depth() >= depth && depth > 0 {
            self.next(&mut statement);
        }
    }

    /// The next statement of the level at hand; `None` where its brace is closed, or the text ends.
    pub fn next(&mut self, into: &mut Statement) -> Option<Ending> {
        clear(into);
        if std::mem::take(&mut self.closing) {
            self.open.pop();
            return None;
        }
        let mut list = None;
        while !self.done {
            if self.errors.len() >= DIAGNOSTICS_MAX {
                self.error(Span::NOWHERE, "too many errors; the rest is not read");
                break;
            }
            let Some(token) = self.lexer.next() else { break };
            let span = token.span;
            match token.kind {
                Kind::Newline if self.form == Form::Lines => {
                    if self.end(into, &mut list, span) {
                        return Some(Ending::Line);
                    }
                }
                Kind::Newline => {}
                Kind::Comment(text) => self.comment(into, text),
                Kind::Word { text, quoted } => {
                    let word = Word { text, quoted, span, ..Word::default() };
                    match &mut list {
                        Some((words, _)) => self.take_value(words, word),
                        None => take_word(into, word),
                    }
                }
                Kind::ListOpen if list.is_none() => list = Some((Vec::new(), span)),
                Kind::ListOpen => self.error(span, "syntax error, `[' inside a list"),
                Kind::ListClose => match list.take() {
                    Some((words, at)) => into.items.push(Item::Many(words, at)),
                    None => self.error(span, "syntax error, `]' without `['"),
                },
                Kind::End => {
                    if self.end(into, &mut list, span) {
                        return Some(Ending::Line);
                    }
                }
                Kind::Open => {
                    if self.open_brace(into, &mut list, span) {
                        return Some(Ending::Open);
                    }
                }
                Kind::Close => {
                    let unfinished = self.unfinished(into, &mut list, span);
                    if self.open.is_empty() {
                        self.error(span, "syntax error, `}' without `{'");
                        if !unfinished {
                            clear(into);
                            continue;
                        }
                    } else if unfinished {
                        self.closing = true;
                    } else {
                        self.open.pop();
                        return None;
                    }
                    return Some(Ending::Line);
                }
            }
        }
        self.ended(into, &mut list)
    }

    /// The text is at its end: what is open closes, one brace a call.
    fn ended(&mut self, into: &mut Statement, list: &mut List) -> Option<Ending> {
        let first = !std::mem::replace(&mut self.done, true);
        if first {
            let left = match self.form {
                Form::Lines => self.end(into, list, Span::NOWHERE),
                Form::Braces => self.unfinished(into, list, Span::NOWHERE),
            };
            if left {
                return Some(Ending::Line);
            }
        }
        if let Some(at) = self.open.pop() {
            self.error(at, "syntax error, `{' is not closed");
        }
        None
    }

    fn take_value(&mut self, words: &mut Vec<Word>, word: Word) {
        if !word.quoted && tag(&mut Tags::default(), &word.text) {
            let message = format!("syntax error, `{}' marks a statement, not a value of a list", word.text);
            return self.error(word.span, &message);
        }
        words.push(word);
    }

    fn comment(&self, into: &mut Statement, text: String) {
        if self.form == Form::Braces && !text.starts_with("##") && into.items.is_empty() {
            into.tags.comments.push(text);
        }
    }

    fn close_list(&mut self, into: &mut Statement, list: &mut List) {
        if let Some((words, at)) = list.take() {
            self.error(at, "syntax error, list is not closed: expecting `]'");
            into.items.push(Item::Many(words, at));
        }
    }

    /// Whether there is a statement to end.
    fn end(&mut self, into: &mut Statement, list: &mut List, span: Span) -> bool {
        self.close_list(into, list);
        if !into.items.is_empty() {
            return true;
        }
        if self.form == Form::Braces && into.tags != Tags::default() {
            self.error(span, "syntax error, expecting a statement");
        }
        clear(into);
        false
    }

    fn open_brace(&mut self, into: &mut Statement, list: &mut List, span: Span) -> bool {
        self.close_list(into, list);
        if self.form == Form::Lines {
            self.error(span, "syntax error, `{' in a set line");
            return false;
        }
        if into.items.is_empty() {
            self.error(span, "syntax error, `{' without a statement");
        }
        if self.open.len() >= NESTING_MAX {
            self.error(span, "statements are nested too deep");
            clear(into);
            self.skip();
            return false;
        }
        self.open.push(into.span);
        true
    }

    /// Goes over everything to the brace that closes.
    fn skip(&mut self) {
        let mut depth = 1usize;
        while depth > 0
            && let Some(token) = self.lexer.next()
        {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
        }
    }

    /// Words that neither `;` nor `{` followed: whether there are any.
    fn unfinished(&mut self, into: &mut Statement, list: &mut List, span: Span) -> bool {
        self.close_list(into, list);
        if let Some(last) = into.items.last() {
            let at = if last.span().is_known() { last.span() } else { span };
            self.error(at, "syntax error, expecting `;' or `{' after this word");
            return true;
        }
        if into.span.is_known() {
            self.error(into.span, "syntax error, expecting a statement");
        }
        false
    }

    fn error(&mut self, span: Span, message: &str) {
        self.errors.push(Diagnostic::error("", span, message));
    }
}

/// A list whose bracket is open, and where that is.
type List = Option<(Vec<Word>, Span)>;

/// Keeps the room its words took.
fn clear(statement: &mut Statement) {
    let Statement { tags, items, body, span } = statement;
    items.clear();
    *body = None;
    *span = Span::NOWHERE;
    if *tags != Tags::default() {
        *tags = Tags::default();
    }
}

fn take_word(into: &mut Statement, word: Word) {
    if into.items.is_empty() {
        if into.span == Span::NOWHERE {
            into.span = word.span;
        }
        if word.text.ends_with(':') && !word.quoted && tag(&mut into.tags, &word.text) {
            return;
        }
    }
    into.items.push(Item::One(word));
}

/// Whether a word before a statement is a mark of it.
fn tag(tags: &mut Tags, word: &str) -> bool {
    match word {
        "inactive:" => tags.inactive = true,
        "protect:" => tags.protect = true,
        "active:" => tags.change = Change::Activate,
        "unprotect:" => tags.change = Change::Unprotect,
        "replace:" => tags.change = Change::Replace,
        "delete:" => tags.change = Change::Delete,
        _ => return false,
    }
    true
}
