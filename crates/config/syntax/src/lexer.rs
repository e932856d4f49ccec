//! Configuration text to tokens: words, quoted words, braces, brackets, semicolons, comments, line ends.

use ravelin_mem::Text;

use crate::{Diagnostic, Span};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word { text: Text, quoted: bool },
    Open,
    Close,
    ListOpen,
    ListClose,
    End,
    Comment(String),
    Newline,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// File bytes to text: UTF-8, or Latin-1 when it isn't; a byte-order mark is dropped.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

/// Bytes of the `<...>` a text begins with.
pub(crate) fn wildcard(text: &str) -> Option<usize> {
    let end = text.find(|c: char| c == '>' || c.is_whitespace() || "{};\"".contains(c))?;
    text[end..].starts_with('>').then_some(end + 1)
}

pub(crate) struct Lexer<'a> {
    text: &'a str,
    /// Bytes before the place at hand.
    offset: usize,
    at: Span,
    /// Ends of lines mean nothing.
    joins_lines: bool,
    pub errors: Vec<Diagnostic>,
}

/// Bytes of one character that stand in a word, and end none.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte < 0x80 {
        table[byte as usize] = !matches!(byte, b'{' | b'}' | b'[' | b']' | b';' | b'"');
        byte += 1;
    }
    let mut control = 0;
    while control < b' ' {
        table[control as usize] = !matches!(control, b'\t'..=b'\r');
        control += 1;
    }
    table
};

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, offset: 0, at: Span { line: 1, column: 1 }, joins_lines: false, errors: Vec::new() }
    }

    /// `joins_lines`: ends of lines mean nothing.
    pub fn joining(text: &'a str, joins_lines: bool) -> Self {
        Self { joins_lines, ..Self::new(text) }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.offset += c.len_utf8();
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    /// Goes over characters of one line.
    fn pass(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        let plain = rest.bytes().take_while(|b| b.is_ascii() && wanted(char::from(*b))).count() as u32;
        self.offset += plain as usize;
        self.at.column += plain;
        let rest = &rest[plain as usize..];
        if rest.bytes().next().is_none_or(|b| b.is_ascii()) {
            return;
        }
        let (mut bytes, mut chars) = (0, 0);
        for c in rest.chars().take_while(|c| wanted(*c)) {
            bytes += c.len_utf8();
            chars += 1;
        }
        self.offset += bytes;
        self.at.column += chars;
    }

    pub fn next(&mut self) -> Option<Token> {
        self.blank();
        let span = self.at;
        let rest = self.rest();
        let kind = match rest.bytes().next()? {
            b'\n' => self.single(Kind::Newline),
            b'{' => self.single(Kind::Open),
            b'}' => self.single(Kind::Close),
            b'[' => self.single(Kind::ListOpen),
            b']' => self.single(Kind::ListClose),
            b';' => self.single(Kind::End),
            b'#' => self.line_comment(),
            b'"' => self.quoted(span),
            b'/' if rest.starts_with("/*") => self.block_comment(span),
            _ => self.word(),
        };
        Some(Token { kind, span })
    }

    /// Goes over what stands between words.
    fn blank(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.offset) {
            match byte {
                b'\n' if self.joins_lines => {
                    self.at.line += 1;
                    self.at.column = 1;
                    self.offset += 1;
                }
                b'\n' => return,
                b' ' | b'\t'..=b'\r' => {
                    self.at.column += 1;
                    self.offset += 1;
                }
                byte if byte.is_ascii() => return,
                _ => {
                    let before = self.offset;
                    self.pass(|c| c.is_whitespace() && c != '\n');
                    if self.offset == before {
                        return;
                    }
                }
            }
        }
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.offset += 1;
        self.at.column += 1;
        if kind == Kind::Newline {
            self.at.line += 1;
            self.at.column = 1;
        }
        kind
    }

    fn line_comment(&mut self) -> Kind {
        let line = self.rest().split('\n').next().unwrap_or("").to_owned();
        for _ in line.chars() {
            self.bump();
        }
        Kind::Comment(line.trim_end().to_owned())
    }

    fn block_comment(&mut self, span: Span) -> Kind {
        let length = self.rest().find("*/").map(|n| n + 2);
        let end = length.map_or(self.text.len(), |n| self.offset + n);
        let body = self.text.get(self.offset..end).unwrap_or("").to_owned();
        while self.offset < end && self.bump().is_some() {}
        if length.is_none() {
            self.errors.push(Diagnostic::error("", span, "comment is not closed"));
        }
        Kind::Comment(body)
    }

    fn quoted(&mut self, span: Span) -> Kind {
        self.bump();
        let start = self.offset;
        self.pass(|c| !matches!(c, '"' | '\\' | '\n'));
        let plain = &self.text[start..self.offset];
        if self.rest().starts_with('"') {
            self.bump();
            return Kind::Word { text: Text::new(plain), quoted: true };
        }
        let mut text = plain.to_owned();
        loop {
            match self.bump() {
                Some('"') => break,
                Some('\\') => match self.bump() {
                    Some(c @ ('"' | '\\')) => text.push(c),
                    Some('n') => text.push('\n'),
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                Some(c) => text.push(c),
                None => {
                    self.errors.push(Diagnostic::error("", span, "string is not closed"));
                    break;
                }
            }
        }
        Kind::Word { text: text.into(), quoted: true }
    }

    fn word(&mut self) -> Kind {
        let start = self.offset;
        let rest = self.rest();
        // A wildcard may hold brackets: `<ge-[01]/*>`.
        let length = if rest.starts_with('<') { wildcard(rest) } else { None };
        let end = start + length.unwrap_or(0);
        while self.offset < end {
            self.bump();
        }
        let bytes = &self.text.as_bytes()[self.offset..];
        let plain = bytes.iter().take_while(|b| IN_WORD[usize::from(**b)]).count();
        self.offset += plain;
        self.at.column += plain as u32;
        if bytes.get(plain).is_some_and(|b| !b.is_ascii()) {
            self.pass(|c| !matches!(c, '{' | '}' | '[' | ']' | ';' | '"') && !c.is_whitespace());
        }
        Kind::Word { text: Text::new(&self.text[start..self.offset]), quoted: false }
    }
}
