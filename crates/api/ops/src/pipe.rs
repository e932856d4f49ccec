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
    /// With what `apply-flags omit` hides.
    Omit,
    Set,
    /// `set` commands that begin at the level at hand.
    SetRelative,
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
    /// Without so many columns at the left.
    Trim(usize),
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
    /// The client writes the file, and only what comes out at the end.
    #[error("syntax error, `| {0}' must stand last, with a file of the client")]
    Client(&'static str),
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
    ("save", "Write the output to a file"),
    ("tee", "Show the output and write it to a file"),
    ("trim", "Leave out columns at the left"),
];
pub(crate) const DISPLAY_WORDS: &[(&str, &str)] = &[
    ("detail", "With what every statement is and takes"),
    ("inheritance", "With the statements of groups"),
    ("json", "As JSON"),
    ("omit", "With what `apply-flags omit' hides"),
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
            "save" => return Err(PipeError::Client("save")),
            "tee" => return Err(PipeError::Client("tee")),
            "trim" => {
                let columns = rest.first().ok_or(PipeError::Missing("trim"))?;
                (Self::Trim(number(columns)? as usize), 1)
            }
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
            Self::Trim(columns) => lines(text.lines().map(|line| {
                let at = line.char_indices().nth(*columns).map_or(line.len(), |(at, _)| at);
                &line[at..]
            })),
            Self::NoMore | Self::Display(_) | Self::Compare(_) => text,
        }
    }
}

/// What the client does with the output of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The line without what is the client's.
    pub line: String,
    /// `| save FILE`: a file of the client, and nothing on the screen.
    pub save: Option<String>,
    /// `| tee FILE`: both.
    pub tee: Option<String>,
    /// `| no-more`: all at once.
    pub no_more: bool,
}

/// Takes a `save` or `tee` that stands last off a line. Anywhere else they stay, and are refused.
#[must_use]
pub fn delivery(line: &str) -> Delivery {
    let parsed = crate::words::split(line);
    let named = |pipe: &[crate::words::Word]| pick(WORDS, &pipe.first()?.text).ok();
    let no_more = parsed.pipes.iter().any(|pipe| named(pipe) == Some("no-more"));
    let whole = Delivery { line: line.to_owned(), no_more, ..Delivery::default() };
    let Some([word, file]) = parsed.pipes.last().map(Vec::as_slice) else { return whole };
    let (save, tee) = match named(std::slice::from_ref(word)) {
        Some("save") => (Some(file.text.clone()), None),
        Some("tee") => (None, Some(file.text.clone())),
        _ => return whole,
    };
    // Words lie behind their pipe, so the last `|` before the word is it.
    let end = line[..word.at].rfind('|').unwrap_or(line.len());
    Delivery { line: line[..end].trim_end().to_owned(), save, tee, no_more }
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
        Ok("set") => {
            let relative = rest.get(1).is_some_and(|w| !w.is_empty() && "relative".starts_with(w));
            let shown = if relative { Display::SetRelative } else { Display::Set };
            return Ok((Pipe::Display(shown), 1 + usize::from(relative)));
        }
        Ok("omit") => Display::Omit,
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
        check("trim 2", "pha\nta\nmma\n");
        check("trim 9", "\n\n\n");
    }

    #[test]
    fn what_is_wrong_is_said() {
        check(
            "co",
            "'co' is ambiguous.\nPossible completions:\n  compare              Compare the candidate with another configuration\n  count                Count the lines",
        );
        check("tee x", "syntax error, `| tee' must stand last, with a file of the client");
        check("wrong x", "syntax error: wrong");
        check("match", "syntax error, missing argument for `match'");
        check("count 3", "syntax error: 3");
        check("last x", "`x' is not a number");
        check("display rdf", "`| display rdf' is not supported");
        check("display inheritance brief", "syntax error: brief");
        check("display set absolute", "syntax error: absolute");
        let error = Pipe::parse(&["match", "("]).unwrap_err();
        assert!(matches!(error, PipeError::Pattern(_)));
    }

    #[test]
    fn a_configuration_is_shown_in_the_forms_asked_for() {
        use crate::config::{Form, Written};
        for (line, expected) in [
            (&["display set"][..], Form::Set),
            (&["display set relative"], Form::SetRelative),
            (&["display omit"], Form::Whole),
            (
                &["display omit", "display inheritance"],
                Form::Inherited { form: Written::Whole, silent: false },
            ),
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
    fn files_are_the_clients() {
        let whole = |line: &str| Delivery { line: line.into(), ..Delivery::default() };
        assert_eq!(delivery("show route"), whole("show route"));
        let saved = delivery("show route | match \"a | b\" | sa \"my file\"");
        assert_eq!(saved.line, "show route | match \"a | b\"");
        assert_eq!((saved.save.as_deref(), saved.tee), (Some("my file"), None));
        assert_eq!(delivery("show | no-more | tee x").tee.as_deref(), Some("x"));
        assert!(delivery("show | no-m").no_more);
        for line in ["show | save x | count", "show | save", "show | save a b", "set a \"| save x\""] {
            assert_eq!(delivery(line), whole(line), "{line}");
        }
    }

    #[test]
    fn compare_may_name_a_rollback() {
        assert!(matches!(Pipe::parse(&["compare"]), Ok(Pipe::Compare(None))));
        assert!(matches!(Pipe::parse(&["compare", "rollback", "3"]), Ok(Pipe::Compare(Some(3)))));
    }
}
