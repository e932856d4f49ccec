//! Entering and leaving configuration mode, and the words of commits.
//!
//! Junos: `configure [exclusive | private]`, `commit ...`, `rollback`, `status`, `update`, `exit`. Spec: commit-4..34.

use super::{LEAVING, UNCOMMITTED};
use crate::answer::{Answer, EditorList};
use crate::commits::{
    CommitEntry, CommitHistory, CommitKind, CommitOptions, CommitReport, EditorEntry, Refusal, Synchronize,
};
use crate::config::{Candidate, LoadKind, Problem};
use crate::request::{ConfigureKind, Kept};
use crate::session::{Env, Fault, Mode, Reply, Session, said};
use crate::table::{Miss, pick};
use crate::words::Word;

const CHECKED: &str = "configuration check succeeds\n";
const COMMITTED: &str = "commit complete\n";
const DISCARDED_ON_EXIT: &str = "warning: uncommitted changes will be discarded on exit\n";
const ENTERING: &str = "Entering configuration mode\n";
const DISCARDING: &str = "warning: discarding uncommitted changes\nload complete\n";
const EXIT_ANYHOW: &str = "Exit with uncommitted changes? [yes,no] (yes) ";
const DISCARD: &str = "Discard uncommitted changes? [yes,no] (yes) ";

/// Minutes of `commit confirmed` when none are given.
const CONFIRMED_MIN: u16 = 10;

pub(super) const WORDS: &[(&str, &str)] = &[
    ("and-quit", "Leave configuration mode afterwards"),
    ("at", "Commit at a time, or at the next boot"),
    ("check", "Check only; confirms a commit that waits for it"),
    ("comment", "Note in the history"),
    ("confirmed", "Go back to the configuration before it unless confirmed"),
    ("no-synchronize", "Commit on this node alone, whatever the configuration says"),
    ("synchronize", "Commit on the other node too; with force, whoever edits there"),
];

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Leave configuration mode with changes.
    Leave,
}

/// `configure`.
pub(crate) fn enter(env: &mut Env<'_>, session: &mut Session, kind: ConfigureKind) -> Result<Reply, Fault> {
    if session.mode == Mode::Configuration {
        return Err(Fault::Said("already in configuration mode"));
    }
    env.config.enter(kind).map_err(|refusal| fault(env, refusal))?;
    session.mode = Mode::Configuration;
    let warning = if kind == ConfigureKind::Shared { "" } else { DISCARDED_ON_EXIT };
    let others = env.config.others();
    let others = if others.is_empty() { String::new() } else { listed(env, others) };
    let changed = if env.config.is_changed() { UNCOMMITTED } else { "" };
    Ok(said(format!("{warning}{ENTERING}{others}{changed}")))
}

/// Commands about configurations that are kept, and about those who edit.
pub(crate) fn kept(env: &mut Env<'_>, session: &Session, asked: Kept) -> Result<Reply, Fault> {
    let user = &session.user;
    Ok(said(match asked {
        Kept::ClearCommit if env.config.clear_scheduled(user)? => "Pending commit cleared.\n".to_owned(),
        Kept::ClearCommit => "No commit scheduled.\n".to_owned(),
        Kept::Rescue => env.config.rescue_text()?,
        Kept::SaveRescue => env.config.save_rescue(user).map(|()| String::new())?,
        Kept::DeleteRescue => env.config.delete_rescue(user).map(|()| String::new())?,
        Kept::Logout { pid } if env.config.logout(pid, user) => String::new(),
        Kept::Logout { .. } => return Err(Fault::Said("nobody of this process edits the configuration")),
    }))
}

fn listed(env: &Env<'_>, editors: Vec<EditorEntry>) -> String {
    env.render.text(&Answer::Editors(EditorList { locked: false, editors }))
}

/// Why nothing was done, as the operator reads it.
pub(crate) fn fault(env: &Env<'_>, refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Problems(list) => Fault::Problems(list),
        Refusal::Said(text) => Fault::Told(text),
        Refusal::Locked(editors) => {
            let holders = env.render.text(&Answer::Editors(EditorList { locked: true, editors }));
            Fault::Told(holders.trim_end().to_owned())
        }
        Refusal::Modified(editors) => {
            Fault::Before(listed(env, editors), "configuration database modified".to_owned())
        }
        Refusal::SharedModified => Fault::Told("shared configuration database modified".to_owned()),
        Refusal::Conflicts(list) => Fault::Conflicts(list),
    }
}

/// `status`.
pub(super) fn status(env: &Env<'_>, words: &[Word]) -> Result<Reply, Fault> {
    nothing_more(words)?;
    Ok(said(listed(env, env.config.editors())))
}

/// `update`.
pub(super) fn update(env: &mut Env<'_>, words: &[Word]) -> Result<Reply, Fault> {
    nothing_more(words)?;
    if env.config.mode() != ConfigureKind::Private {
        return Err(Fault::Said("update is for private editing: use `configure private'"));
    }
    env.config.update().map_err(|refusal| fault(env, refusal))?;
    Ok(Reply::default())
}

fn nothing_more(words: &[Word]) -> Result<(), Fault> {
    words.first().map_or(Ok(()), |word| Err(Miss::Word(word.text.clone()).into()))
}

/// `exit` of the top level: with uncommitted changes it asks first.
pub(super) fn leave(env: &mut Env<'_>, session: &mut Session) -> Reply {
    if !env.config.is_changed() {
        return left(env, session, "");
    }
    session.asked = Some(Question::Leave);
    let (warning, question) = match env.config.mode() {
        ConfigureKind::Shared => ("", EXIT_ANYHOW),
        ConfigureKind::Exclusive => ("warning: Auto rollback on exiting 'configure exclusive'\n", DISCARD),
        ConfigureKind::Private => ("", DISCARD),
    };
    Reply { ask: Some(question.to_owned()), ..said(format!("{UNCOMMITTED}{warning}")) }
}

fn left(env: &mut Env<'_>, session: &mut Session, note: &str) -> Reply {
    env.config.leave();
    session.leave_configuration();
    said(format!("{note}{LEAVING}"))
}

/// The answer to a question.
pub(crate) fn answer(env: &mut Env<'_>, session: &mut Session, yes: bool) -> Reply {
    match session.asked.take() {
        Some(Question::Leave) if yes => {
            let shared = env.config.mode() == ConfigureKind::Shared;
            left(env, session, if shared { "" } else { DISCARDING })
        }
        Some(Question::Leave) => Reply::default(),
        None => Reply { error: true, ..said("error: nothing was asked\n") },
    }
}

/// What a `commit` line asks for.
#[derive(Default)]
struct Asked {
    check: bool,
    quit: bool,
    comment: Option<String>,
    kind: CommitKind,
    synchronize: Synchronize,
}

fn asked(words: &[Word]) -> Result<Asked, Fault> {
    let mut asked = Asked::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let name = pick(WORDS, &word.text)?;
        let first = asked.kind == CommitKind::Now && !asked.check;
        match name {
            "and-quit" => asked.quit = true,
            "check" if first => asked.check = true,
            "comment" => {
                asked.comment = Some(words.next().ok_or(Miss::Missing("comment"))?.text.clone());
            }
            "confirmed" if first => {
                let given = words.next_if(|word| word.text.starts_with(|c: char| c.is_ascii_digit()));
                let minutes = given.map_or(Ok(CONFIRMED_MIN), |word| minutes(&word.text))?;
                asked.kind = CommitKind::Confirmed { minutes };
            }
            "at" if first => {
                asked.kind = CommitKind::At(words.next().ok_or(Miss::Missing("at"))?.text.clone());
            }
            "synchronize" if asked.synchronize == Synchronize::Configured => {
                let force = words.next_if(|word| word.text == "force").is_some();
                asked.synchronize = Synchronize::Asked { force };
            }
            // A scheduled commit remembers only that both nodes are asked for.
            "no-synchronize" if asked.synchronize == Synchronize::Configured => {
                asked.synchronize = Synchronize::Never;
            }
            other => return Err(Miss::Word(other.to_owned()).into()),
        }
    }
    if matches!(asked.kind, CommitKind::At(_)) && asked.synchronize == Synchronize::Never {
        return Err(Miss::Word("no-synchronize".to_owned()).into());
    }
    Ok(asked)
}

fn minutes(word: &str) -> Result<u16, Miss> {
    let wrong = || Miss::Value { word: word.to_owned(), wanted: "minutes from 1 to 65535" };
    word.parse().ok().filter(|minutes| *minutes > 0).ok_or_else(wrong)
}

/// `commit`.
pub(super) fn commit(env: &mut Env<'_>, session: &mut Session, words: &[Word]) -> Result<Reply, Fault> {
    let Asked { check, quit, comment, kind, synchronize } = asked(words)?;
    let refused = |env: &Env<'_>, refusal| match refusal {
        Refusal::Problems(list) => Fault::Refused(list),
        other => fault(env, other),
    };
    if check {
        let report = env.config.check(&session.user, synchronize);
        let report = report.map_err(|refusal| refused(env, refusal))?;
        let done = of_nodes(&report, [CHECKED, CHECKED]).unwrap_or_else(|| CHECKED.to_owned());
        return Ok(said(format!("{}{done}", warned(&report.warnings))));
    }
    let minutes = if let CommitKind::Confirmed { minutes } = kind { Some(minutes) } else { None };
    let options = CommitOptions { user: session.user.clone(), comment, kind, synchronize };
    let report = env.config.commit(&options).map_err(|refusal| refused(env, refusal))?;
    let mut output = warned(&report.warnings);
    if let Some(time) = report.scheduled {
        output.push_str(CHECKED);
        output.push_str(&env.render.text(&Answer::Scheduled(time)));
        env.config.leave();
        session.leave_configuration();
        return Ok(said(format!("{output}{LEAVING}")));
    }
    if let Some(minutes) = minutes {
        let s = if minutes == 1 { "" } else { "s" };
        output.push_str(&format!(
            "commit confirmed will be automatically rolled back in {minutes} minute{s} unless confirmed\n"
        ));
    }
    let done = of_nodes(&report, [CHECKED, COMMITTED]).map(|nodes| {
        let [here, _] = report.nodes.unwrap_or_default();
        format!("{nodes}{here}:\n{COMMITTED}")
    });
    output.push_str(done.as_deref().unwrap_or(COMMITTED));
    Ok(if quit { left(env, session, &output) } else { said(output) })
}

/// What this node did, and then the other, as Junos tells it of two; `None`: there was one.
fn of_nodes(report: &CommitReport, done: [&str; 2]) -> Option<String> {
    let [here, there] = report.nodes?;
    Some(format!("{here}:\n{}{there}:\n{}", done[0], done[1]))
}

fn warned(warnings: &[Problem]) -> String {
    warnings.iter().map(Problem::text).collect()
}

/// What `rollback` may take: the history, as `show system commit` has it.
pub(super) fn rollbacks(env: &Env<'_>) -> Vec<Candidate> {
    let history = env.config.history();
    let rescue = history.rescue.is_some().then(|| Candidate::new("rescue", "The rescue configuration"));
    let entry = |entry: CommitEntry| {
        let number = entry.number.to_string();
        let alone = CommitHistory { entries: vec![entry], ..CommitHistory::default() };
        let line = env.render.text(&Answer::Commits(alone));
        let help = line.lines().next().unwrap_or("").trim_start_matches(&number).trim_start().to_owned();
        Candidate::new(number, help)
    };
    history.entries.into_iter().map(entry).chain(rescue).collect()
}

/// `rollback [N | rescue]`.
pub(super) fn rollback(env: &mut Env<'_>, words: &[Word]) -> Result<Reply, Fault> {
    let word = match words {
        [] => "0",
        [word] => word.text.as_str(),
        [_, extra, ..] => return Err(Miss::Word(extra.text.clone()).into()),
    };
    env.config.may_edit().map_err(|refusal| fault(env, refusal))?;
    if word.len() > 1 && "rescue".starts_with(word) {
        let text = env.config.rescue_text()?;
        env.config.load(&[], LoadKind::Override, &text)?;
    } else {
        let wanted = "a number of a former configuration, or rescue";
        let number = word.parse().map_err(|_| Miss::Value { word: word.to_owned(), wanted })?;
        env.config.rollback(number)?;
    }
    Ok(said("load complete\n"))
}
