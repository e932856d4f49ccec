//! The words of configuration mode.

mod commit;

pub(crate) use commit::{Question, answer, enter, kept};

use crate::completion;
use crate::config::{Against, Candidate, LoadKind, Verb};
use crate::pipe::Pipe;
use crate::session::{Env, Fault, Reply, Session, compared, form, operational, said};
use crate::table::{Miss, pick};
use crate::words::{Line, Word, texts};

const UNCOMMITTED: &str = "The configuration has been changed but not committed\n";
const LEAVING: &str = "Exiting configuration mode\n";

const WORDS: &[(&str, &str)] = &[
    ("activate", "Give effect to a statement again"),
    ("annotate", "Put a comment at a statement"),
    ("commit", "Make the candidate the active configuration"),
    ("copy", "Copy a statement"),
    ("deactivate", "Keep a statement without effect"),
    ("delete", "Remove a statement"),
    ("edit", "Go to a level of the configuration"),
    ("exit", "Go back a level, or leave configuration mode"),
    ("insert", "Move an entry before or after another"),
    ("load", "Take configuration text in"),
    ("protect", "Keep a statement from being changed"),
    ("quit", "Go back a level, or leave configuration mode"),
    ("rename", "Give an entry another name"),
    ("replace", "Replace a pattern in names and values"),
    ("rollback", "Take a former configuration as the candidate"),
    ("run", "Run an operational command"),
    ("set", "Add or change a statement"),
    ("show", "Show the candidate"),
    ("status", "Show who is editing the configuration"),
    ("top", "Go to the top level"),
    ("unprotect", "Let a statement be changed again"),
    ("up", "Go up a level"),
    ("update", "Bring a private copy onto the active configuration"),
    ("wildcard", "Delete what matches a pattern, or set a range"),
];
const LOAD_WORDS: &[(&str, &str)] = &[
    ("merge", "Add to the candidate"),
    ("override", "Replace the candidate"),
    ("patch", "Do what `show | compare' showed"),
    ("replace", "Add to the candidate; `replace:' takes the place of a statement"),
    ("set", "Run `set' commands"),
    ("update", "Replace the candidate, or a level with `relative'"),
];

const WILDCARD_WORDS: &[(&str, &str)] = &[
    ("delete", "Delete what a regular expression matches"),
    ("range", "Run a command for every number of a range"),
];
const RANGE_WORDS: &[(&str, &str)] = &[
    ("activate", "Give effect to statements again"),
    ("deactivate", "Keep statements without effect"),
    ("delete", "Remove statements"),
    ("protect", "Keep statements from being changed"),
    ("set", "Add or change statements"),
    ("unprotect", "Let statements be changed again"),
];

/// One line in configuration mode.
pub(crate) struct Input<'a> {
    pub line: &'a str,
    pub parsed: &'a Line,
    pub pipes: &'a [Pipe],
    pub text: Option<&'a str>,
}

pub(crate) fn run(env: &mut Env<'_>, session: &mut Session, input: &Input<'_>) -> Result<Reply, Fault> {
    let reply = command(env, session, input, &input.parsed.command);
    env.config.moved(&session.edit);
    reply
}

fn command(
    env: &mut Env<'_>,
    session: &mut Session,
    input: &Input<'_>,
    words: &[Word],
) -> Result<Reply, Fault> {
    let Some((first, rest)) = words.split_first() else { return Err(Fault::Said("missing command")) };
    let name = pick(WORDS, &first.text).map_err(|miss| match miss {
        Miss::Word(word) => Miss::Command(word),
        other => other,
    })?;
    if let Some(verb) = verb(name) {
        let rest = rest.first().map_or("", |w| input.line[w.at..input.parsed.command_end].trim_end());
        env.config.may_edit().map_err(|refusal| commit::fault(env, refusal))?;
        env.config.edit(&session.edit, verb, rest)?;
        return Ok(Reply::default());
    }
    match name {
        "commit" => commit::commit(env, session, rest),
        "edit" => edit(env, session, rest),
        "exit" | "quit" => exit(env, session, rest),
        "load" => load(env, session, input, rest),
        "rollback" => commit::rollback(env, rest),
        "run" => run_operational(env, session, input, rest),
        "show" => show(env, session, input, rest),
        "status" => commit::status(env, rest),
        "top" => top(env, session, input, rest),
        "up" => up(env, session, input, rest),
        "update" => commit::update(env, rest),
        other => unreachable!("`{other}` is in the table and has no arm"),
    }
}

fn verb(name: &str) -> Option<Verb> {
    Some(match name {
        "set" => Verb::Set,
        "delete" => Verb::Delete,
        "activate" => Verb::Activate,
        "deactivate" => Verb::Deactivate,
        "insert" => Verb::Insert,
        "rename" => Verb::Rename,
        "copy" => Verb::Copy,
        "annotate" => Verb::Annotate,
        "protect" => Verb::Protect,
        "unprotect" => Verb::Unprotect,
        "wildcard" => Verb::Wildcard,
        "replace" => Verb::Replace,
        _ => return None,
    })
}

fn below(session: &Session, words: &[Word]) -> Vec<String> {
    session.edit.iter().cloned().chain(words.iter().map(|w| w.text.clone())).collect()
}

fn show(env: &Env<'_>, session: &Session, input: &Input<'_>, words: &[Word]) -> Result<Reply, Fault> {
    let text = match compared(input.pipes) {
        Some(0) => env.config.compare(Against::Active)?,
        Some(number) => env.config.compare(Against::Rollback(number))?,
        None => env.config.show(&below(session, words), form(input.pipes))?,
    };
    Ok(said(text))
}

fn edit(env: &Env<'_>, session: &mut Session, words: &[Word]) -> Result<Reply, Fault> {
    let path = below(session, words);
    if words.is_empty() {
        return Err(Miss::Missing("edit").into());
    }
    if env.config.levels(&path).last() != Some(&path.len()) {
        let named = words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
        return Err(Miss::Word(named).into());
    }
    session.back.push(std::mem::replace(&mut session.edit, path));
    Ok(Reply::default())
}

/// The path so many levels above another, however many words each takes.
fn above(env: &Env<'_>, path: &[String], count: usize) -> Vec<String> {
    let levels = env.config.levels(path);
    let above = levels.iter().rev().filter(|length| **length < path.len());
    let left = match count {
        0 => path.len(),
        _ => above.copied().nth(count - 1).unwrap_or(0),
    };
    path[..left].to_vec()
}

/// How many levels `up` is to go, and what is behind that.
fn count_up(words: &[Word]) -> (usize, &[Word]) {
    match words.split_first().map(|(first, rest)| (first.text.parse(), rest)) {
        Some((Ok(count), rest)) => (count, rest),
        Some((Err(_), _)) | None => (1, words),
    }
}

/// Alone it moves; before a command it makes that command start above.
fn up(env: &mut Env<'_>, session: &mut Session, input: &Input<'_>, words: &[Word]) -> Result<Reply, Fault> {
    let (count, words) = count_up(words);
    let there = above(env, &session.edit, count);
    if words.is_empty() {
        session.edit = there;
        return Ok(Reply::default());
    }
    elsewhere(env, session, there, (input, words))
}

/// Alone it moves; before a command it makes that command start at the top.
fn top(env: &mut Env<'_>, session: &mut Session, input: &Input<'_>, words: &[Word]) -> Result<Reply, Fault> {
    if words.is_empty() {
        session.edit.clear();
        session.back.clear();
        return Ok(Reply::default());
    }
    elsewhere(env, session, Vec::new(), (input, words))
}

/// Runs a command at another level; `edit` alone stays there.
fn elsewhere(
    env: &mut Env<'_>,
    session: &mut Session,
    there: Vec<String>,
    (input, words): (&Input<'_>, &[Word]),
) -> Result<Reply, Fault> {
    let here = std::mem::replace(&mut session.edit, there);
    let result = command(env, session, input, words);
    let moved = words.first().is_some_and(|w| pick(WORDS, &w.text) == Ok("edit"));
    if result.is_err() || !moved {
        session.edit = here;
    }
    result
}

fn exit(env: &mut Env<'_>, session: &mut Session, words: &[Word]) -> Result<Reply, Fault> {
    let whole = match words {
        [] => false,
        [word] if !word.text.is_empty() && "configuration-mode".starts_with(&word.text) => true,
        [word, ..] => return Err(Miss::Word(word.text.clone()).into()),
    };
    if !whole && !session.edit.is_empty() {
        session.edit = session.back.pop().unwrap_or_default();
        return Ok(Reply::default());
    }
    Ok(commit::leave(env, session))
}

/// The client reads the file and sends its text; a path never reaches the daemon's file system.
fn load(env: &mut Env<'_>, session: &Session, input: &Input<'_>, words: &[Word]) -> Result<Reply, Fault> {
    let kind = match words.first() {
        None => return Err(Miss::Missing("load").into()),
        Some(word) => match pick(LOAD_WORDS, &word.text)? {
            "merge" => LoadKind::Merge,
            "override" => LoadKind::Override,
            "patch" => LoadKind::Patch,
            "replace" => LoadKind::Replace,
            "update" => LoadKind::Update,
            _ => LoadKind::Set,
        },
    };
    let relative = match words.get(2..) {
        None => return Err(Miss::Missing("load").into()),
        Some([]) => false,
        Some([word]) if word.text == "relative" && kind != LoadKind::Override => true,
        Some([word, ..]) => return Err(Miss::Word(word.text.clone()).into()),
    };
    let text = input.text.ok_or(Fault::Said("the client sent no text to load"))?;
    let at = if relative { &session.edit[..] } else { &[] };
    env.config.may_edit().map_err(|refusal| commit::fault(env, refusal))?;
    let warnings = env.config.load(at, kind, text)?;
    let told: String = warnings.iter().map(crate::Problem::text).collect();
    Ok(said(format!("{told}load complete\n")))
}

fn run_operational(
    env: &mut Env<'_>,
    session: &mut Session,
    input: &Input<'_>,
    words: &[Word],
) -> Result<Reply, Fault> {
    let reply = operational(env, session, words, input.pipes)?;
    if reply.closed {
        return Err(Fault::Said("leave configuration mode first"));
    }
    Ok(reply)
}

/// The source that a `load` line names: a file of the client, or `terminal`. The client brings its text.
#[must_use]
pub fn load_source(line: &str) -> Option<String> {
    let words = crate::words::split(line).command;
    let first = words.first()?;
    if pick(WORDS, &first.text) != Ok("load") {
        return None;
    }
    words.get(2).map(|w| w.text.clone())
}

/// What may follow in `replace pattern REGEX with TEXT upto NUMBER`.
fn replace_words(words: &[&str]) -> &'static [(&'static str, &'static str)] {
    match words {
        [] => &[("pattern", "Regular expression to look for")],
        [_] => &[("<regex>", "What to look for")],
        [_, _] => &[("with", "What takes its place")],
        [_, _, _] => &[("<text>", "`&' is what was found, `\\1' its first group")],
        [_, _, _, _] => &[("upto", "Replace only so many")],
        [_, _, _, _, "upto"] => &[("<number>", "How many")],
        _ => &[],
    }
}

/// What may follow `words` in configuration mode.
pub(crate) fn complete(env: &Env<'_>, session: &Session, words: &[Word], partial: &str) -> Vec<Candidate> {
    let list = |table: &[(&'static str, &'static str)]| -> Vec<Candidate> {
        table.iter().map(|(word, help)| Candidate::new(*word, *help)).collect()
    };
    let Some((first, rest)) = words.split_first() else { return list(WORDS) };
    let Ok(name) = pick(WORDS, &first.text) else { return Vec::new() };
    let statement = |verb| env.config.complete(&session.edit, verb, &texts(rest), partial);
    match (name, &texts(rest)[..]) {
        ("wildcard", []) => return list(WILDCARD_WORDS),
        ("wildcard", ["range"]) => return list(RANGE_WORDS),
        ("wildcard", words) => {
            let skip = if words[0] == "range" { 2 } else { 1 };
            return env.config.complete(
                &session.edit,
                Verb::Delete,
                words.get(skip..).unwrap_or(&[]),
                partial,
            );
        }
        ("replace", words) => return list(replace_words(words)),
        _ => {}
    }
    if let Some(verb) = verb(name) {
        return statement(verb);
    }
    match (name, rest) {
        ("commit", [.., last]) if last.text == "at" => {
            list(&[("<time>", "\"hh:mm[:ss]\", \"yyyy-mm-dd hh:mm[:ss]\" or reboot")])
        }
        ("commit", [.., last]) if last.text == "comment" => list(&[("<comment>", "Text of the note")]),
        ("commit", [.., last]) if last.text == "confirmed" => {
            let minutes = Candidate::new("<minutes>", "Minutes from 1 to 65535 (10)");
            [vec![minutes], list(commit::WORDS)].concat()
        }
        ("commit", _) => list(commit::WORDS),
        ("edit", _) => statement(Verb::Set),
        ("show", _) => statement(Verb::Delete),
        ("exit" | "quit", []) => list(&[("configuration-mode", "Leave configuration mode")]),
        ("load", []) => list(LOAD_WORDS),
        ("load", [_]) => list(&[("<file>", "File of the client"), ("terminal", "Lines that follow")]),
        ("rollback", []) => commit::rollbacks(env),
        ("run", _) => completion::operational(env, rest, partial),
        ("top", _) => {
            let top = Session { edit: Vec::new(), ..session.clone() };
            complete(env, &top, rest, partial)
        }
        ("up", _) => {
            let (count, rest) = count_up(rest);
            let up = Session { edit: above(env, &session.edit, count), ..session.clone() };
            complete(env, &up, rest, partial)
        }
        _ => Vec::new(),
    }
}
