//! Configuration mode for the command engine: an operator's candidate behind `ConfigMode`.

use ravelin_commit::Now;
use ravelin_ops::{
    Against, Candidate as Word, Commits as _, ConfigMode, Form, LoadKind, Outcome, PolicyDescriptions,
    Problem, Verb,
};
use ravelin_store::{Candidate, EditorId};
use ravelin_syntax::{Diagnostic, Tree, diff};

use super::control::Control;
use super::forms;
use super::upgrade::Order;

/// Who sits at a connection.
pub struct Seat {
    pub id: EditorId,
    pub user: String,
    pub terminal: Option<String>,
    pub pid: Option<u32>,
}

/// The daemon's state as one operator's line sees and changes it.
pub struct Desk<'a> {
    pub control: &'a mut Control,
    pub seat: &'a Seat,
    pub now: Now,
    /// What is to be done when the daemon's state is let go of: it takes its time.
    pub upgrade: Option<Order>,
}

pub(super) fn problem(diagnostic: &Diagnostic) -> Problem {
    Problem {
        path: diagnostic.path.clone(),
        line: diagnostic.span.line,
        column: diagnostic.span.column,
        message: diagnostic.message.clone(),
        rendered: String::new(),
    }
}

/// What does not keep a configuration from being committed.
pub(super) fn warned(list: &[Diagnostic]) -> Vec<Problem> {
    let warning = |d: &Diagnostic| Problem { message: format!("warning: {}", d.message), ..problem(d) };
    list.iter().map(warning).collect()
}

pub fn problems(list: &[Diagnostic]) -> Vec<Problem> {
    list.iter().map(problem).collect()
}

impl Desk<'_> {
    pub fn candidate(&self) -> &Candidate {
        self.control.life.database().candidate(self.seat.id)
    }

    /// As it is in force now, where that is asked for.
    fn written(&self, tree: &Tree, path: &[String], form: Form) -> Outcome<String> {
        forms::written(tree, path, form, self.control.life.situation(tree, self.now))
    }

    /// The candidate, to be changed: whichever way a change comes, it comes through here.
    fn edited(&mut self) -> Outcome<&mut Candidate> {
        self.control.life.may_edit(self.seat.id).map_err(|error| vec![Problem::of(error.to_string())])?;
        let candidate = self.control.life.database_mut().edit(self.seat.id);
        candidate.map_err(|error| vec![Problem::of(error.to_string())])
    }
}

impl ConfigMode for Desk<'_> {
    fn show(&self, path: &[String], form: Form) -> Outcome<String> {
        self.written(self.candidate().tree(), path, form)
    }

    fn active(&self, path: &[String], form: Form) -> Outcome<String> {
        self.written(self.control.life.database().shared_base(), path, form)
    }

    fn policy_descriptions(&self) -> PolicyDescriptions {
        self.control.policy_descriptions()
    }

    fn edit(&mut self, at: &[String], verb: Verb, rest: &str) -> Outcome<()> {
        let line = format!("{} {rest}", verb.word());
        self.edited()?.apply(at, &line).map_err(|errors| problems(&errors))
    }

    fn levels(&self, path: &[String]) -> Vec<usize> {
        let words: Vec<_> = path.iter().map(String::as_str).collect();
        ravelin_schema::levels(&words)
    }

    fn compare(&self, against: Against) -> Outcome<String> {
        match against {
            Against::Active => Ok(self.candidate().compare()),
            Against::Rollback(n) => {
                let old = self.rollback_text(n)?;
                Ok(diff(&ravelin_schema::read(&old).tree, self.candidate().tree()))
            }
        }
    }

    fn rollback(&mut self, n: u32) -> Outcome<()> {
        let text = self.rollback_text(n)?;
        self.edited()?.replace(&text).map_err(|errors| problems(&errors))
    }

    fn load(&mut self, at: &[String], kind: LoadKind, text: &str) -> Outcome<Vec<Problem>> {
        let candidate = self.edited()?;
        let (tree, warnings) = forms::loaded(candidate.tree(), at, kind, text)?;
        candidate.set(tree);
        Ok(warnings)
    }

    fn complete(&self, at: &[String], _: Verb, words: &[&str], partial: &str) -> Vec<Word> {
        let path: Vec<_> = at.iter().map(String::as_str).chain(words.iter().copied()).collect();
        let found = ravelin_schema::complete(&path, partial);
        found.into_iter().map(|c| Word::new(c.word, c.help)).collect()
    }
}
