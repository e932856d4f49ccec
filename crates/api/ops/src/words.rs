//! A command line as words: quotes keep spaces, `|` begins a pipe.

/// A word and the byte where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub at: usize,
}

/// A line cut at its pipes. `open` is the last word when no space follows it yet: the one that completion is
/// about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub command: Vec<Word>,
    pub pipes: Vec<Vec<Word>>,
    /// The line ends within a word.
    pub ends_in_word: bool,
    /// Byte where the first pipe begins, or the line's length.
    pub command_end: usize,
}

/// Cuts a line into words. An unclosed quote runs to the end of the line.
#[must_use]
pub fn split(line: &str) -> Line {
    let mut out = Line { command_end: line.len(), ..Line::default() };
    let mut parts: Vec<Vec<Word>> = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if quoted {
            let text = &mut word.get_or_insert_with(|| Word { text: String::new(), at }).text;
            match c {
                _ if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => text.push(c),
            }
        } else if c.is_whitespace() || c == '|' {
            if let (Some(done), Some(part)) = (word.take(), parts.last_mut()) {
                part.push(done);
            }
            if c == '|' {
                if parts.len() == 1 {
                    out.command_end = at;
                }
                parts.push(Vec::new());
            }
        } else {
            let word = word.get_or_insert_with(|| Word { text: String::new(), at });
            if c == '"' {
                quoted = true;
            } else {
                word.text.push(c);
            }
        }
    }
    out.ends_in_word = word.is_some();
    if let (Some(done), Some(part)) = (word, parts.last_mut()) {
        part.push(done);
    }
    let mut parts = parts.into_iter();
    out.command = parts.next().unwrap_or_default();
    out.pipes = parts.collect();
    out
}

/// The texts alone.
#[must_use]
pub fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|w| w.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, command: &[&str], pipes: &[&[&str]], ends_in_word: bool) {
        let got = split(line);
        assert_eq!(texts(&got.command), command, "{line}");
        let got_pipes: Vec<_> = got.pipes.iter().map(|p| texts(p)).collect();
        assert_eq!(got_pipes, pipes, "{line}");
        assert_eq!(got.ends_in_word, ends_in_word, "{line}");
    }

    #[test]
    fn a_line_is_words_and_pipes() {
        check("", &[], &[], false);
        check("show route ", &["show", "route"], &[], false);
        check("show ro", &["show", "ro"], &[], true);
        check("show|count", &["show"], &[&["count"]], true);
        check(
            r#"show x | match "a | b" | last 3"#,
            &["show", "x"],
            &[&["match", "a | b"], &["last", "3"]],
            true,
        );
        check(r#"annotate "a \" b""#, &["annotate", "a \" b"], &[], true);
        check(r#"x """#, &["x", ""], &[], true);
    }

    #[test]
    fn the_command_ends_where_the_first_pipe_begins() {
        let line = r#"set a "x | y" | count"#;
        assert_eq!(&line[..split(line).command_end], r#"set a "x | y" "#);
    }
}
