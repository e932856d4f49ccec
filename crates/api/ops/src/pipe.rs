//! What stands behind `|`: filters over the finished text, and how an answer is displayed.

use regex::{Regex, RegexBuilder};

use crate::table::{Miss, pick};

const PATTERN_BYTES_MAX: usize = 1024;
const PROGRAM_BYTES_MAX: usize = 1 << 20;
const LAST_DEFAULT: usize = 10;

/// How an answer or a configuration is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Display {
    #[default]
    Text,
    Set,
    Xml,
    Json,
    Detail,
    /// Groups expanded, and their names told.
    Inheritance,
    /// Groups expanded.
    InheritanceSilent,
}

/// One pipe.
#[derive(Clone, Debug)]
pub enum Pipe {
    Match(Regex),
    Except(Regex),
    Find(Regex),
    Count,
    Last(usize),
    NoMore,
    Display(Display),
    /// `None`: with the active configuration.
    Compare(Option<u32>),
}

/// Why a pipe can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipeError {
    #[error("syntax error, missing word after `|'")]
    Empty,
    #[error(transparent)]
    Word(#[from] Miss),
    #[error("syntax error, missing argument for `{0}'")]
    Missing(&'static str),
    #[error("`| {0}' is not supported")]
    Unsupported(String),
    #[error("regex error: {0}")]
    Pattern(String),
    #[error("`{0}' is not a number")]
    Number(String),
}

/// Words after `|` with their help.
pub(crate) const WORDS: &[(&str, &str)] = &[
    ("compare", "Compare the candidate with another configuration"),
    ("count", "Count the lines"),
    ("display", "Show the output in another form"),
    ("except", "Leave out lines that match a pattern"),
    ("find", "Begin at the first line that matches a pattern"),
    ("last", "Show only the end of the output"),
    ("match", "Show only lines that match a pattern"),
    ("no-more", "Do not stop at every screen"),
];
pub(crate) const DISPLAY_WORDS: &[(&str, &str)] = &[
    ("detail", "With what every statement is and takes"),
    ("inheritance", "With the statements of groups"),
    ("json", "As JSON"),
    ("set", "As `set' commands"),
    ("xml", "As XML"),
];

impl Pipe {
    /// Reads the words of one pipe.
    ///
    /// # Errors
    /// The words are none of the table's, or an argument is missing or malformed.
    pub fn parse(words: &[&str]) -> Result<Self, PipeError> {
        let (first, rest) = words.split_first().ok_or(PipeError::Empty)?;
        let name = pick(WORDS, first)?;
        let (pipe, used) = match name {
            "match" => (Self::Match(pattern("match", rest)?), 1),
            "except" => (Self::Except(pattern("except", rest)?), 1),
            "find" => (Self::Find(pattern("find", rest)?), 1),
            "count" => (Self::Count, 0),
            "no-more" => (Self::NoMore, 0),
            "last" => match rest.first() {
                None => (Self::Last(LAST_DEFAULT), 0),
                Some(n) => (Self::Last(number(n)? as usize), 1),
            },
            "display" => display(rest)?,
            "compare" => compare(rest)?,
            other => unreachable!("`{other}` is in the table and has no arm"),
        };
        match rest.get(used) {
            Some(extra) => Err(Miss::Word((*extra).to_owned()).into()),
            None => Ok(pipe),
        }
    }

    /// The text after this pipe; displays and comparisons are done before any text exists.
    #[must_use]
    pub fn apply(&self, text: String) -> String {
        match self {
            Self::Match(re) => lines(text.lines().filter(|l| re.is_match(l))),
            Self::Except(re) => lines(text.lines().filter(|l| !re.is_match(l))),
            Self::Find(re) => match text.lines().position(|l| re.is_match(l)) {
                Some(at) => lines(text.lines().skip(at)),
                None => "Pattern not found\n".to_owned(),
            },
            Self::Count => format!("Count: {} lines\n", text.lines().count()),
            Self::Last(n) => {
                let total = text.lines().count();
                lines(text.lines().skip(total.saturating_sub(*n)))
            }
            Self::NoMore | Self::Display(_) | Self::Compare(_) => text,
        }
    }
}

fn lines<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.fold(String::new(), |mut out, line| {
        out.push_str(line);
        out.push('\n');
        out
    })
}

/// Patterns ignore case, as Junos' do.
fn pattern(name: &'static str, rest: &[&str]) -> Result<Regex, PipeError> {
    let text = rest.first().ok_or(PipeError::Missing(name))?;
    if text.len() > PATTERN_BYTES_MAX {
        return Err(PipeError::Pattern(format!("longer than {PATTERN_BYTES_MAX} bytes")));
    }
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(PROGRAM_BYTES_MAX)
        .build()
        .map_err(|error| PipeError::Pattern(error.to_string()))
}

fn number(word: &str) -> Result<u32, PipeError> {
    word.parse().map_err(|_| PipeError::Number(word.to_owned()))
}

fn display(rest: &[&str]) -> Result<(Pipe, usize), PipeError> {
    let word = rest.first().ok_or(PipeError::Missing("display"))?;
    let shown = match pick(DISPLAY_WORDS, word) {
        Ok("set") => Display::Set,
        Ok("xml") => Display::Xml,
        Ok("detail") => Display::Detail,
        Ok("inheritance") => {
            let silent = rest.get(1).is_some_and(|w| w.len() > 1 && "no-comments".starts_with(w));
            let shown = if silent { Display::InheritanceSilent } else { Display::Inheritance };
            return Ok((Pipe::Display(shown), 1 + usize::from(silent)));
        }
        Ok(_) => Display::Json,
        Err(_) => return Err(PipeError::Unsupported(format!("display {word}"))),
    };
    Ok((Pipe::Display(shown), 1))
}

fn compare(rest: &[&str]) -> Result<(Pipe, usize), PipeError> {
    match rest {
        [] => Ok((Pipe::Compare(None), 0)),
        [word, rest @ ..] if "rollback".starts_with(word) => {
            let n = rest.first().ok_or(PipeError::Missing("rollback"))?;
            Ok((Pipe::Compare(Some(number(n)?)), 2))
        }
        [word, ..] => Err(Miss::Word((*word).to_owned()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "alpha\nBeta\ngamma\n";

    #[track_caller]
    fn check(pipe: &str, expected: &str) {
        let words: Vec<_> = pipe.split(' ').collect();
        let got = match Pipe::parse(&words) {
            Ok(pipe) => pipe.apply(TEXT.to_owned()),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{pipe}");
    }

    #[test]
    fn filters_work_on_lines() {
        check("match ^b", "Beta\n");
        check("m a$|b", "alpha\nBeta\ngamma\n");
        check("except l", "Beta\ngamma\n");
        check("find beta", "Beta\ngamma\n");
        check("find zz", "Pattern not found\n");
        check("count", "Count: 3 lines\n");
        check("last 1", "gamma\n");
        check("last", TEXT);
        check("no-more", TEXT);
    }

    #[test]
    fn what_is_wrong_is_said() {
        check(
            "co",
            "'co' is ambiguous.\nPossible completions:\n  compare              Compare the candidate with another configuration\n  count                Count the lines",
        );
        check("tee x", "syntax error: tee");
        check("match", "syntax error, missing argument for `match'");
        check("count 3", "syntax error: 3");
        check("last x", "`x' is not a number");
        check("display rdf", "`| display rdf' is not supported");
        check("display inheritance brief", "syntax error: brief");
        let error = Pipe::parse(&["match", "("]).unwrap_err();
        assert!(matches!(error, PipeError::Pattern(_)));
    }

    #[test]
    fn a_configuration_is_shown_in_the_forms_asked_for() {
        use crate::config::{Form, Written};
        for (line, expected) in [
            (&["display set"][..], Form::Set),
            (&["display xml"], Form::Xml),
            (&["display detail"], Form::Detail),
            (&["display inheritance"], Form::Inherited { form: Written::Text, silent: false }),
            (&["display set", "display inheritance"], Form::Inherited { form: Written::Set, silent: false }),
            (
                &["display inheritance no-comments", "display json"],
                Form::Inherited { form: Written::Json, silent: true },
            ),
            (&["count"], Form::Text),
        ] {
            let words = line.iter().map(|pipe| pipe.split(' ').collect::<Vec<_>>());
            let pipes: Vec<Pipe> = words.map(|w| Pipe::parse(&w).unwrap_or_else(|e| panic!("{e}"))).collect();
            assert_eq!(crate::session::form(&pipes), expected, "{line:?}");
        }
    }

    #[test]
    fn compare_may_name_a_rollback() {
        assert!(matches!(Pipe::parse(&["compare"]), Ok(Pipe::Compare(None))));
        assert!(matches!(Pipe::parse(&["compare", "rollback", "3"]), Ok(Pipe::Compare(Some(3)))));
    }
}
