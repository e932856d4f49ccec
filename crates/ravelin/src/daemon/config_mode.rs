//! Configuration mode for the command engine: store, candidate and commit behind `ConfigMode`.

use std::time::{SystemTime, UNIX_EPOCH};

use ravelin_ops::{
    Against, Candidate as Word, CommitRecord, CommitReport, ConfigMode, Form, LoadKind, Outcome, Problem,
    Verb,
};
use ravelin_store::{Record, Stored};
use ravelin_syntax::{Diagnostic, Tree, diff};

use super::control::Control;
use super::forms;

pub(super) fn problem(diagnostic: &Diagnostic) -> Problem {
    Problem {
        path: diagnostic.path.clone(),
        line: diagnostic.span.line,
        column: diagnostic.span.column,
        message: diagnostic.message.clone(),
        rendered: String::new(),
    }
}

fn problems(list: &[Diagnostic]) -> Vec<Problem> {
    list.iter().map(problem).collect()
}

fn number(n: u32) -> usize {
    n as usize
}

impl Control {
    fn active_tree(&self) -> Tree {
        self.store.active().map_or_else(Tree::default, |stored| ravelin_schema::read(&stored.text).tree)
    }
}

impl ConfigMode for Control {
    fn show(&self, path: &[String], form: Form) -> Outcome<String> {
        forms::written(self.candidate.tree(), path, form)
    }

    fn active(&self, path: &[String], form: Form) -> Outcome<String> {
        forms::written(&self.active_tree(), path, form)
    }

    fn edit(&mut self, at: &[String], verb: Verb, rest: &str) -> Outcome<()> {
        let line = format!("{} {rest}", verb.word());
        self.candidate.apply(at, &line).map_err(|errors| problems(&errors))
    }

    fn edit_exists(&self, path: &[String]) -> bool {
        let words: Vec<_> = path.iter().map(String::as_str).collect();
        ravelin_schema::help(&words).is_some()
    }

    fn compare(&self, against: Against) -> Outcome<String> {
        match against {
            Against::Active => Ok(self.candidate.compare()),
            Against::Rollback(n) => {
                let old = self.rollback_text(n)?;
                Ok(diff(&ravelin_schema::read(&old).tree, self.candidate.tree()))
            }
        }
    }

    fn check(&mut self) -> Outcome<Vec<Problem>> {
        self.check_candidate().map(|()| Vec::new()).map_err(|errors| problems(&errors))
    }

    fn commit(&mut self, user: &str, comment: Option<&str>) -> Outcome<CommitReport> {
        let record = Record {
            time_s: now_s(),
            user: user.to_owned(),
            client: "cli".into(),
            comment: comment.map(str::to_owned),
        };
        self.commit_candidate(record).map_err(|errors| problems(&errors))?;
        Ok(CommitReport::default())
    }

    fn rollback(&mut self, n: u32) -> Outcome<()> {
        let text = self.rollback_text(n)?;
        self.candidate.replace(&text).map_err(|errors| problems(&errors))
    }

    fn load(&mut self, at: &[String], kind: LoadKind, text: &str) -> Outcome<()> {
        let tree = forms::loaded(self.candidate.tree(), at, kind, text)?;
        self.candidate.set(tree);
        Ok(())
    }

    fn history(&self) -> Vec<CommitRecord> {
        let entry = |(number, stored): (u32, &Stored)| CommitRecord {
            number,
            time_s: stored.record.time_s as i64,
            user: stored.record.user.clone(),
            client: stored.record.client.clone(),
            comment: stored.record.comment.clone(),
        };
        (0..).zip(self.store.history()).map(entry).collect()
    }

    fn rollback_text(&self, n: u32) -> Outcome<String> {
        let stored = self.store.rollback(number(n)).map_err(|e| vec![Problem::of(e.to_string())])?;
        Ok(stored.text.clone())
    }

    fn compare_rollbacks(&self, old: u32, new: u32) -> Outcome<String> {
        self.store.compare(number(old), number(new)).map_err(|e| vec![Problem::of(e.to_string())])
    }

    fn complete(&self, at: &[String], _: Verb, words: &[&str], partial: &str) -> Vec<Word> {
        let path: Vec<_> = at.iter().map(String::as_str).chain(words.iter().copied()).collect();
        let found = ravelin_schema::complete(&path, partial);
        found.into_iter().map(|c| Word::new(c.word, c.help)).collect()
    }
}

/// Wall-clock time of a commit record.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
