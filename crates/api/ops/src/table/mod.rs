//! The table of operational commands, and matching a line against it.
//!
//! A command is fixed words, then parameters in any order: flags, keywords with values, or a value alone. Every
//! word may be shortened to a unique prefix. Help, completion and errors all come of the same table.

mod buffers;
mod commands;
mod counting;
mod dynamic;
mod firewall;
mod gates;
mod given;
mod log;
mod mirror;
mod nat_state;
mod persistent;
mod ports;
mod rpc;
mod sessions;
mod system;
mod watch;

use crate::config::Candidate;
use crate::words::Word;

pub(crate) use commands::GROUPS;
pub use commands::commands;
pub use given::Arg;
pub(crate) use given::Given;
pub use rpc::rpc_of;

use crate::request::Request;

/// One parameter of a command.
#[derive(Debug)]
pub struct Param {
    /// `None`: the value stands alone.
    pub word: Option<&'static str>,
    pub args: &'static [Arg],
    pub help: &'static str,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    pub path: &'static [&'static str],
    pub help: &'static str,
    pub params: &'static [Param],
    pub(crate) make: fn(&Given) -> Result<Request, Miss>,
}

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    #[error("unknown command: {0}")]
    Command(String),
    #[error("syntax error: {0}")]
    Word(String),
    #[error("'{word}' is ambiguous.\nPossible completions:\n{}", listing(.candidates))]
    Ambiguous { word: String, candidates: Vec<Candidate> },
    #[error("syntax error, incomplete command.\nPossible completions:\n{}", listing(.0))]
    Incomplete(Vec<Candidate>),
    #[error("syntax error, missing argument for `{0}'")]
    Missing(&'static str),
    #[error("invalid value '{word}', expecting {wanted}")]
    Value { word: String, wanted: &'static str },
}

/// Candidates as `?` lists them.
pub(crate) fn listing(candidates: &[Candidate]) -> String {
    let width = candidates.iter().map(|c| c.word.len()).max().unwrap_or(0).max(20);
    let lines: Vec<_> = candidates
        .iter()
        .map(|Candidate { word, help }| format!("  {word:<width$} {help}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// The one name of a list that a word means: itself, or its only continuation.
pub(crate) fn pick(names: &[(&'static str, &'static str)], word: &str) -> Result<&'static str, Miss> {
    let found: Vec<_> = names.iter().filter(|(name, _)| name.starts_with(word)).collect();
    match found[..] {
        [] => Err(Miss::Word(word.to_owned())),
        [(name, _)] => Ok(name),
        _ => match found.iter().find(|(name, _)| *name == word) {
            Some((name, _)) => Ok(name),
            None => {
                let candidates = found.iter().map(|(name, help)| Candidate::new(*name, *help)).collect();
                Err(Miss::Ambiguous { word: word.to_owned(), candidates })
            }
        },
    }
}

/// How far a line's words lead.
#[derive(Debug)]
pub(crate) enum At {
    /// Fixed words so far.
    Path(Vec<&'static str>),
    /// A command, what it was given, and a parameter that still wants values.
    Command { command: &'static Command, given: Given, pending: Option<(&'static Param, usize)> },
}

/// Whether there is something of a kind that has this name.
pub(crate) type Known<'a> = &'a dyn Fn(Arg, &str) -> bool;

/// Follows words through the table.
pub(crate) fn walk(words: &[Word], known: Known<'_>) -> Result<At, Miss> {
    let mut at = At::Path(Vec::new());
    for word in words {
        at = match at {
            At::Path(path) => step_path(path, &word.text)?,
            At::Command { command, given, pending } => match longer(command, &given, &word.text) {
                Some(command) => At::Command { command, given, pending },
                None => step_param(command, (given, pending), &word.text, known)?,
            },
        };
    }
    Ok(at)
}

/// The command whose path goes on by a word where this one's ends: `show route` and `show route instance`.
fn longer(command: &'static Command, given: &Given, word: &str) -> Option<&'static Command> {
    let goes_on = |c: &&Command| matches!(c.path.strip_prefix(command.path), Some([next]) if *next == word);
    given.is_empty().then(|| commands().iter().find(goes_on)).flatten()
}

/// Reads a whole line.
pub(crate) fn read(words: &[Word], known: Known<'_>) -> Result<Request, Miss> {
    match walk(words, known)? {
        At::Path(path) => Err(Miss::Incomplete(next_words(&path))),
        At::Command { pending: Some((param, _)), .. } => Err(Miss::Missing(param.word.unwrap_or("value"))),
        At::Command { command, given, pending: None } => (command.make)(&given),
    }
}

/// Fixed words that may follow, each once, with help.
pub(crate) fn next_words(path: &[&'static str]) -> Vec<Candidate> {
    let mut out: Vec<Candidate> = Vec::new();
    for command in commands() {
        let Some(rest) = command.path.strip_prefix(path) else { continue };
        let Some(word) = rest.first() else { continue };
        if out.iter().any(|c| c.word == *word) {
            continue;
        }
        let help = if rest.len() == 1 { command.help } else { group_help(&command.path[..=path.len()]) };
        out.push(Candidate::new(*word, help));
    }
    out.sort();
    out
}

/// Parameters not given yet; keywords by name, values by placeholder.
pub(crate) fn open_params<'a>(
    command: &'static Command,
    given: &'a Given,
) -> impl Iterator<Item = &'static Param> + 'a {
    command.params.iter().filter(move |p| is_rest(p) || !given.has(p))
}

fn is_name(param: &Param) -> bool {
    param.word.is_none() && param.args == [Arg::Name]
}

fn is_rest(param: &Param) -> bool {
    param.args == [Arg::ConfigPath]
}

fn group_help(path: &[&str]) -> &'static str {
    GROUPS.iter().chain(watch::GROUPS).find(|(group, _)| *group == path).map_or("", |(_, help)| help)
}

fn step_path(mut path: Vec<&'static str>, word: &str) -> Result<At, Miss> {
    let next = |c: &'static Command| c.path.strip_prefix(&path[..]).and_then(|rest| rest.first().copied());
    let mut found: Vec<&'static str> =
        commands().iter().filter_map(next).filter(|w| w.starts_with(word)).collect();
    found.dedup();
    found.sort_unstable();
    found.dedup();
    let chosen = match found[..] {
        [] if path.is_empty() => return Err(Miss::Command(word.to_owned())),
        [] => return Err(Miss::Word(word.to_owned())),
        [one] => one,
        _ => match found.iter().find(|w| **w == word) {
            Some(exact) => *exact,
            None => {
                let mut candidates = next_words(&path);
                candidates.retain(|c| c.word.starts_with(word));
                return Err(Miss::Ambiguous { word: word.to_owned(), candidates });
            }
        },
    };
    path.push(chosen);
    match commands().iter().find(|c| c.path == path) {
        Some(command) => Ok(At::Command { command, given: Given::default(), pending: None }),
        None => Ok(At::Path(path)),
    }
}

fn step_param(
    command: &'static Command,
    (mut given, pending): (Given, Option<(&'static Param, usize)>),
    word: &str,
    known: Known<'_>,
) -> Result<At, Miss> {
    let alone = || open_params(command, &given).find(|p| p.word.is_none());
    let (param, index) = match pending {
        Some(pending) => pending,
        // A name that the command begins with is the operator's own word, whatever that looks like.
        None if given.is_empty() && command.params.first().is_some_and(is_name) => (&command.params[0], 0),
        None => match keyword(command, &given, (word, known))? {
            Some(param) => {
                given.flag(param);
                let pending = (!param.args.is_empty()).then_some((param, 0));
                return Ok(At::Command { command, given, pending });
            }
            None => (alone().ok_or_else(|| Miss::Word(word.to_owned()))?, 0),
        },
    };
    let arg = param.args[index];
    if !arg.accepts(word) {
        return Err(Miss::Value { word: word.to_owned(), wanted: arg.wanted() });
    }
    given.value(param, word);
    let pending = (index + 1 < param.args.len()).then_some((param, index + 1));
    Ok(At::Command { command, given, pending })
}

/// The keyword parameter that a word means; `None`: it may be a value. The name of something goes before the beginning of a
/// keyword, and a whole keyword before a name.
fn keyword(
    command: &'static Command,
    given: &Given,
    (word, known): (&str, Known<'_>),
) -> Result<Option<&'static Param>, Miss> {
    let found: Vec<_> =
        open_params(command, given).filter(|p| p.word.is_some_and(|w| w.starts_with(word))).collect();
    let is_whole = found.iter().any(|p| p.word == Some(word));
    let mut values = open_params(command, given).filter(|p| p.word.is_none());
    if !is_whole && values.any(|p| p.args.first().is_some_and(|arg| known(*arg, word))) {
        return Ok(None);
    }
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => match found.iter().find(|p| p.word == Some(word)) {
            Some(exact) => Ok(Some(exact)),
            None => {
                let candidates =
                    found.iter().map(|p| Candidate::new(p.word.unwrap_or_default(), p.help)).collect();
                Err(Miss::Ambiguous { word: word.to_owned(), candidates })
            }
        },
    }
}

#[cfg(test)]
mod tests;
