//! What operators ask for: commits of their candidates, and what stands around them.

use std::sync::Arc;

use ravelin_model::check_tree_after;
use ravelin_schema::Situation;
use ravelin_store::{Conflict, Disk, EditError, EditMode, EditorId, Record, Scheduled, StoreError, When};
use ravelin_syntax::{Diagnostic, Tree, render};

use super::install::{Install, OnFailure};
use super::peer::Beside;
use super::{Last, Life, Plant};
use crate::when::{self, AtTime};
use crate::{AtError, CommitError, Now, Synchronize, transaction};

/// A commit that somebody asks for.
#[derive(Clone, Debug)]
pub struct Order {
    pub editor: EditorId,
    pub user: String,
    pub client: String,
    pub comment: Option<String>,
    pub kind: OrderKind,
    pub synchronize: Synchronize,
}

/// When it is to hold, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKind {
    Now,
    Confirmed {
        minutes: u16,
    },
    /// As typed.
    At(String),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Committed,
    /// It is taken back after so many minutes unless confirmed.
    Waiting {
        minutes: u16,
    },
    Scheduled(When),
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("another commit is pending; `clear system commit' cancels it")]
    Pending,
    #[error("{} conflicts with what was committed meanwhile", .0.len())]
    Conflicts(Vec<Conflict>),
    #[error("{0}")]
    At(#[from] AtError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Commit(#[from] CommitError),
    #[error("a commit waits to be confirmed; confirm it first")]
    Unconfirmed,
    #[error("the other node commits; try again")]
    Promised,
}

impl Order {
    fn record(&self, now: Now) -> Record {
        let confirmed_min = match self.kind {
            OrderKind::Confirmed { minutes } => Some(minutes),
            OrderKind::Now | OrderKind::At(_) => None,
        };
        Record {
            time_s: now.wall_s,
            user: self.user.clone(),
            client: self.client.clone(),
            comment: self.comment.clone(),
            confirmed_min,
        }
    }
}

impl<D: Disk + Send> Life<D> {
    /// Carries an order out.
    ///
    /// # Errors
    /// See [`LifeError`]; only a partial commit changed anything.
    pub fn commit(&mut self, plant: &mut dyn Plant, order: &Order, now: Now) -> Result<Done, LifeError> {
        self.may_commit(order.editor)?;
        let conflicts = self.database.update(order.editor);
        if !conflicts.is_empty() {
            return Err(LifeError::Conflicts(conflicts));
        }
        let tree = self.database.candidate(order.editor).tree().clone();
        let (revert, done) = match &order.kind {
            OrderKind::Now => (None, Done::Committed),
            OrderKind::Confirmed { minutes } => {
                (Some(self.store.revert_serial()?), Done::Waiting { minutes: *minutes })
            }
            OrderKind::At(time) => return self.schedule(plant, (&tree, time), order, now),
        };
        let install = Install {
            tree: &tree,
            record: order.record(now),
            revert,
            by: Some(order.editor),
            failure: OnFailure::RollBack,
            beside: Beside::Ordered(order.synchronize),
        };
        self.install(plant, install, now)?;
        Ok(done)
    }

    /// The first configuration of all, from a file.
    ///
    /// # Errors
    /// It is refused, or not enforced yet.
    pub fn first(
        &mut self,
        plant: &mut dyn Plant,
        (tree, record): (&Arc<Tree>, Record),
        now: Now,
    ) -> Result<(), CommitError> {
        let beside = Beside::Ordered(Synchronize::Configured);
        let install = Install { tree, record, revert: None, by: None, failure: OnFailure::Owe, beside };
        self.install(plant, install, now)
    }

    /// `commit check`. It confirms a commit that waits for it, as in Junos; true: it did.
    ///
    /// # Errors
    /// A commit would be refused.
    pub fn check(&mut self, plant: &mut dyn Plant, order: &Order, now: Now) -> Result<bool, LifeError> {
        let mut candidate = self.database.candidate(order.editor).clone();
        if self.database.mode(order.editor) == EditMode::Private {
            let active = self.database.shared_base().clone();
            let conflicts = candidate.rebase(&active);
            if !conflicts.is_empty() {
                return Err(LifeError::Conflicts(conflicts));
            }
        }
        let at = self.situation(candidate.tree(), now);
        check(plant, &mut self.last, (candidate.tree(), at)).map_err(CommitError::Refused)?;
        let record = order.record(now);
        let text = || render::text(candidate.tree()).into();
        self.check_peer(plant, (&text, &record), order.synchronize)?;
        if self.deadline.is_none() || self.may_commit(order.editor).is_err() {
            return Ok(false);
        }
        self.confirmed(&record, "commit check: confirmed")?;
        self.confirm_peer(plant, &record, now);
        Ok(true)
    }

    /// The active commit waits for nobody any more.
    pub(super) fn confirmed(&mut self, record: &Record, how: &str) -> Result<(), StoreError> {
        self.store.confirm()?;
        self.prune();
        self.deadline = None;
        self.note(record, how);
        Ok(())
    }

    /// `commit at`.
    fn schedule(
        &mut self,
        plant: &mut dyn Plant,
        (tree, time): (&Tree, &str),
        order: &Order,
        now: Now,
    ) -> Result<Done, LifeError> {
        if self.deadline.is_some() {
            return Err(LifeError::Unconfirmed);
        }
        let when = match when::parse(time, now.wall_s, self.zone())? {
            AtTime::At(time_s) => When::At(time_s),
            AtTime::Reboot => When::Reboot(self.boot.clone()),
        };
        let at = self.situation(tree, now);
        check(plant, &mut self.last, (tree, at)).map_err(CommitError::Refused)?;
        let record = order.record(now);
        let text = render::text(tree);
        self.check_peer(plant, (&|| text.as_str().into(), &record), order.synchronize)?;
        let synchronize = match order.synchronize {
            Synchronize::Asked { force } => Some(force),
            Synchronize::Configured | Synchronize::Never => None,
        };
        let scheduled = Scheduled { when: when.clone(), record: record.clone(), synchronize, text };
        self.store.schedule(scheduled)?;
        self.note(&record, &format!("commit at {time}"));
        Ok(Done::Scheduled(when))
    }

    /// `clear system commit`; false: nothing was scheduled.
    ///
    /// # Errors
    /// The store failed.
    pub fn unschedule(&mut self, record: &Record) -> Result<bool, StoreError> {
        let was = self.store.unschedule()?.is_some();
        if was {
            self.note(record, "clear system commit");
        }
        Ok(was)
    }

    /// Whether the editor may change the candidate: nobody else has the lock, and no commit of it is scheduled.
    ///
    /// # Errors
    /// Why not.
    pub fn may_edit(&mut self, editor: EditorId) -> Result<(), LifeError> {
        self.unpromised()?;
        self.database.edit(editor)?;
        match self.store.scheduled() {
            Some(_) if self.database.mode(editor) != EditMode::Private => Err(LifeError::Pending),
            _ => Ok(()),
        }
    }

    fn may_commit(&self, editor: EditorId) -> Result<(), LifeError> {
        self.unpromised()?;
        self.database.may_commit(editor)?;
        if self.store.scheduled().is_some() { Err(LifeError::Pending) } else { Ok(()) }
    }

    /// `request system configuration rescue save`.
    ///
    /// # Errors
    /// The store failed, or nothing was ever committed.
    pub fn save_rescue(&mut self, record: Record) -> Result<(), StoreError> {
        self.store.save_rescue(record.clone())?;
        self.note(&record, "request system configuration rescue save");
        Ok(())
    }

    /// `request system configuration rescue delete`.
    ///
    /// # Errors
    /// The store failed.
    pub fn delete_rescue(&mut self, record: &Record) -> Result<(), StoreError> {
        self.store.delete_rescue()?;
        self.note(record, "request system configuration rescue delete");
        Ok(())
    }

    /// `request system logout pid`; false: nobody of that process edits.
    pub fn logout(&mut self, pid: u32, record: &Record) -> bool {
        let Some(editor) = self.database.logout(pid) else { return false };
        self.note(record, &format!("request system logout pid {pid}: user {}", editor.user));
        true
    }

    /// Writes down what is no commit.
    pub fn note(&mut self, record: &Record, what: &str) {
        let Record { user, client, .. } = record;
        tracing::info!(user, client, what, "UI_CFG_AUDIT.");
        if let Err(error) = self.store.audit_note(record, what) {
            tracing::error!(%error, "The audit file can't be written.");
        }
    }
}

pub(super) fn check(
    plant: &mut dyn Plant,
    last: &mut Last,
    (tree, at): (&Tree, Situation),
) -> Result<(), Vec<Diagnostic>> {
    let new = check_tree_after(tree, at, last.checked.as_ref())?;
    let proposal = plant.propose(&last.checked.insert(new).valid)?;
    last.synchronize = proposal.services.synchronize;
    let mut consumers = plant.consumers();
    let done = transaction::check(&proposal, &mut consumers);
    consumers.iter_mut().for_each(|consumer| consumer.abort());
    done
}
