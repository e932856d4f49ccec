//! What may come next on a line: for `?`, Tab and space.

use crate::config::{Candidate, Verb};
use crate::configure;
use crate::pipe;
use crate::session::{Env, Mode, Session};
use crate::table::{Arg, At, next_words, open_params, walk};
use crate::words::{self, Line, Word};

pub(crate) const ENTER: &str = "<[Enter]>";
pub(crate) const PIPE: &str = "<|>";

/// Words that may stand at the end of `line`, which may end within one. Empty when the line is already wrong.
#[must_use]
pub fn complete(env: &Env<'_>, session: &Session, line: &str) -> Vec<Candidate> {
    let mut line = words::split(line);
    let partial = open_word(&mut line);
    let mut out = match line.pipes.last() {
        Some(pipe) => pipe_words(pipe),
        None => match session.mode {
            Mode::Operational => operational(env, &line.command, &partial),
            Mode::Configuration => configure::complete(env, session, &line.command, &partial),
        },
    };
    out.retain(|c| match c.word.as_str() {
        ENTER | PIPE => partial.is_empty(),
        word => !c.is_literal() || word.starts_with(&partial),
    });
    // Numbers in their order, behind words.
    out.sort_by_cached_key(|c| (c.word.parse::<u64>().ok(), c.clone()));
    out.dedup();
    out
}

/// Takes the word that the line ends within.
fn open_word(line: &mut Line) -> String {
    if !line.ends_in_word {
        return String::new();
    }
    let part = line.pipes.last_mut().unwrap_or(&mut line.command);
    part.pop().map_or_else(String::new, |w| w.text)
}

fn pipe_words(pipe: &[Word]) -> Vec<Candidate> {
    let table = match words::texts(pipe)[..] {
        [] => pipe::WORDS,
        [first] if first.len() > 1 && "display".starts_with(first) => pipe::DISPLAY_WORDS,
        [first, "set"] if first.len() > 1 && "display".starts_with(first) => {
            &[("relative", "Begin at the level shown")]
        }
        [first] if ["match", "except", "find"].contains(&first) => &[("<pattern>", "Regular expression")],
        ["save" | "tee"] => &[("<file>", "File of the client")],
        ["trim" | "last"] => &[("<number>", "How many")],
        ["compare"] => &[("rollback", "With a former configuration")],
        _ => &[],
    };
    table.iter().map(|(word, help)| Candidate::new(*word, *help)).collect()
}

/// Candidates of an operational command.
pub(crate) fn operational(env: &Env<'_>, words: &[Word], partial: &str) -> Vec<Candidate> {
    match walk(words, &|arg, name| env.names.has(arg, name)) {
        Err(_) => Vec::new(),
        Ok(At::Path(path)) => next_words(&path),
        Ok(At::Command { pending: Some((param, index)), .. }) => {
            values(env, param.args[index], param.help, &[], partial)
        }
        Ok(At::Command { command, given, pending: None }) => {
            let mut out = vec![Candidate::new(ENTER, "Execute this command")];
            for param in open_params(command, &given) {
                match (param.word, param.args.first()) {
                    (Some(word), _) => out.push(Candidate::new(word, param.help)),
                    (None, Some(arg)) => out.extend(values(env, *arg, param.help, given.values(""), partial)),
                    (None, None) => {}
                }
            }
            if given.is_empty() {
                out.extend(next_words(command.path));
            }
            out.push(Candidate::new(PIPE, "Pipe through a command"));
            out
        }
    }
}

/// What a value may be: names that exist, else a placeholder.
fn values(env: &Env<'_>, arg: Arg, help: &str, before: &[String], partial: &str) -> Vec<Candidate> {
    let named = |names: Vec<String>| -> Vec<Candidate> {
        let mut out = vec![Candidate::new(arg.placeholder(), help)];
        out.extend(names.into_iter().map(|n| Candidate::new(n, "")));
        out
    };
    let owned = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect();
    match arg {
        Arg::Zone => named(owned(&mut env.names.zone_list())),
        Arg::Policy => named(owned(&mut env.names.policy_list())),
        Arg::NatRule => named(owned(&mut env.names.nat_rule_list())),
        Arg::NatPool => named(owned(&mut env.names.nat_pools().map(|(_, pool)| pool.name.as_str()))),
        Arg::SourcePool => named(owned(&mut env.names.source_pools().iter().map(|pool| pool.name.as_str()))),
        Arg::Interface => named(owned(&mut env.names.interfaces().iter().map(|u| u.name.as_str()))),
        Arg::ConfigPath => {
            let before: Vec<_> = before.iter().map(String::as_str).collect();
            env.config.complete(&[], Verb::Delete, &before, partial)
        }
        Arg::Protocol | Arg::Family | Arg::Severity | Arg::ZoneType => {
            arg.words().into_iter().map(|(word, help)| Candidate::new(word, help)).collect()
        }
        Arg::Address | Arg::Prefix | Arg::Port | Arg::Number | Arg::SessionId | Arg::Time | Arg::Name => {
            named(Vec::new())
        }
    }
}
