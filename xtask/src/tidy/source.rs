//! Rust text with comments and literals blanked out, so that rules look at code alone.
//!
//! A scanner, not a parser: it knows comments (nested), strings (raw, byte, C), characters against
//! lifetimes, and braces. Offsets and lines of the blanked text equal those of the original.

use std::ops::Range;

/// The blanked text of one file.
pub struct Code {
    text: String,
    tests: Vec<Range<usize>>,
}

/// A function: where its `fn` stands and how many lines it spans.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Code {
    pub fn new(source: &str) -> Self {
        let text = blank(source);
        let tests = test_regions(&text);
        Self { text, tests }
    }

    /// Lines where `word` stands as a whole word (or path) in code.
    pub fn lines_with(&self, word: &str) -> Vec<usize> {
        word_positions(&self.text, word).map(|at| line_of(&self.text, at)).collect()
    }

    /// As `lines_with`, without what is under `#[cfg(test)]`.
    pub fn lines_with_outside_tests(&self, word: &str) -> Vec<usize> {
        let shipped = word_positions(&self.text, word)
            .filter(|at| !self.tests.iter().any(|region| region.contains(at)));
        shipped.map(|at| line_of(&self.text, at)).collect()
    }

    pub fn functions(&self) -> Vec<Function> {
        word_positions(&self.text, "fn").filter_map(|at| self.function_at(at)).collect()
    }

    /// The function whose `fn` is at `at`; nothing for a function type or a declaration without body.
    fn function_at(&self, at: usize) -> Option<Function> {
        let rest = self.text[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        if name.is_empty() {
            return None;
        }
        let body = body_after(&self.text, at)?;
        let line = line_of(&self.text, at);
        Some(Function { name, line, lines: line_of(&self.text, body.end - 1) - line + 1 })
    }
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Byte positions of `word` in `text`, bounded by non-word characters at both ends.
pub fn word_positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[*at + word.len()..].chars().next();
        let opens = !word.starts_with(is_word) || !before.is_some_and(is_word);
        let closes = !word.ends_with(is_word) || !after.is_some_and(is_word);
        opens && closes
    })
}

pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The braces (both included) that follow `from`, unless a `;` or an unmatched closer ends it first.
fn body_after(text: &str, from: usize) -> Option<Range<usize>> {
    let mut nesting = 0_usize;
    for (offset, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nesting += 1,
            b')' | b']' => nesting = nesting.checked_sub(1)?,
            b'{' if nesting == 0 => return Some(offset..closing_brace(text, offset)? + 1),
            b';' | b'}' if nesting == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing_brace(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

fn test_regions(text: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    text.match_indices(MARK).filter_map(|(at, _)| body_after(text, at + MARK.len())).collect()
}

/// Replaces comments and the insides of literals by spaces, byte for byte.
fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match literal_or_comment(bytes, at) {
            Some(end) => {
                let end = end.min(bytes.len());
                out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
                end
            }
            None if is_word(char::from(bytes[at])) => end_of_word(bytes, at),
            None => at + 1,
        };
        at = end;
    }
    // A rule never looks for a non-ASCII word, so what is left of those goes too, byte for byte.
    out.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { ' ' }).collect()
}

fn end_of_word(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !is_word(char::from(*byte))).map_or(bytes.len(), |length| at + length)
}

/// Where the comment or literal that starts at `at` ends; nothing when none starts there.
fn literal_or_comment(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return Some(rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length));
    }
    if rest.starts_with(b"/*") {
        return Some(at + block_comment_length(rest));
    }
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'b' | b'c' | b'r')).count().min(2);
    let raw = rest[..prefix].contains(&b'r');
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    match rest.get(prefix + hashes) {
        Some(b'"') if raw => Some(at + raw_string_length(rest, prefix + hashes + 1, hashes)),
        Some(b'"') if hashes == 0 => Some(at + quoted_length(rest, prefix + 1, b'"')),
        Some(b'\'') if hashes == 0 && !raw => {
            character_length(&rest[prefix..]).map(|length| at + prefix + length)
        }
        _ => None,
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn raw_string_length(rest: &[u8], from: usize, hashes: usize) -> usize {
    let closes = |at: &usize| {
        let tail = &rest[at + 1..];
        rest[*at] == b'"' && tail.len() >= hashes && tail[..hashes].iter().all(|byte| *byte == b'#')
    };
    (from..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes)
}

fn quoted_length(rest: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; nothing for a lifetime.
fn character_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted_length(rest, 1, b'\''));
    }
    let width = match rest.get(1)? {
        byte if byte.is_ascii() => 1,
        byte => byte.leading_ones() as usize,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let code = Code::new(concat!(
            "// word\n/* word /* word */ word */\nlet a = \"word \\\" word\";\nlet b = r#\"word \" word\"#;\n",
            "let c = b\"word\"; let d = '\\''; let e = '\"'; word(); let f: &'word str;\n"
        ));
        assert_eq!(code.lines_with("word"), [5, 5]);
    }

    #[test]
    fn a_word_is_whole() {
        let code = Code::new("unsafe_code(); not_unsafe(); unsafe {}\n");
        assert_eq!(code.lines_with("unsafe"), [1]);
    }

    #[test]
    fn test_modules_are_told_apart() {
        let code = Code::new(
            "fn a() { word() }\n#[cfg(test)]\nmod tests {\n    fn b() { word() }\n}\nfn c() { word() }\n",
        );
        assert_eq!(code.lines_with_outside_tests("word"), [1, 6]);
    }

    #[test]
    fn function_lines_are_counted_from_fn_to_its_brace() {
        let code = Code::new(
            "trait T {\n    fn declared(&self) -> [u8; 4];\n}\nfn body(f: fn(u8)) -> [u8; 2]\nwhere\n{\n    '{'\n}\n",
        );
        let functions = code.functions();
        assert_eq!(functions, [Function { name: "body".to_owned(), line: 4, lines: 5 }]);
    }
}
