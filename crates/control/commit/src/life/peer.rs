//! Both sides of a commit over two nodes: what the other one is asked and owed, and what it asks of this one.
//!
//! Junos: `commit synchronize`, `system commit synchronize`. State: what the other node lacks (in the store), and what
//! this one promised. Spec: commit-52..60.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use ravelin_store::{Disk, Record};
use ravelin_syntax::{Diagnostic, Rope, Severity, Tree};

use super::install::{Install, OnFailure};
use super::{Life, LifeError, Note, Plant, RETRY, RETRY_MAX, order};
use crate::peer::{PeerConsumer, PeerPart, Without, findings};
use crate::{CommitError, Consumers, Now, Peer, PeerCommit, PeerError, Synchronize};

/// How long a promise to the other node holds when nothing more is heard of it.
const PROMISE: Duration = Duration::from_secs(60);

const ALONE: &str = "there is no other node; this one commits alone";

/// The other node's part in what becomes active here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// An operator's commit.
    Ordered(Synchronize),
    /// A way back: as with the commit that it takes back.
    AsBefore(bool),
}

/// What this node promised the other.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    tree: Arc<Tree>,
    record: Record,
    force: bool,
    until: Duration,
}

/// What is owed to the other node, and when it is tried again.
#[derive(Clone, Debug, Default)]
pub(super) struct Debt {
    pub part: PeerPart,
    retry_at: Duration,
    pause: Duration,
    /// The last reason that was told.
    told: String,
}

impl Beside {
    /// `configured`: what the configuration says; `waiting`: a commit over both nodes waits to be confirmed.
    pub(super) fn is_wanted(self, configured: bool, waiting: bool) -> bool {
        match self {
            Self::Ordered(Synchronize::Configured) => configured || waiting,
            Self::Ordered(Synchronize::Asked { .. }) => true,
            Self::Ordered(Synchronize::Never) => false,
            Self::AsBefore(both) => both,
        }
    }

    fn without(self) -> Without {
        match self {
            Self::Ordered(Synchronize::Asked { .. }) => Without::Nothing,
            Self::Ordered(Synchronize::Configured | Synchronize::Never) => Without::Answer,
            Self::AsBefore(_) => Without::Consent,
        }
    }

    fn force(self) -> bool {
        self == Self::Ordered(Synchronize::Asked { force: true })
    }

    /// Puts the other node behind the consumers of this one.
    pub(super) fn join<'a>(
        self,
        consumers: &mut Consumers<'a>,
        peer: Option<Box<dyn Peer>>,
        (text, record): (Rope, Record),
        part: &'a RefCell<PeerPart>,
    ) {
        let Some(peer) = peer else {
            *part.borrow_mut() = PeerPart::Alone;
            return;
        };
        let commit = PeerCommit { text, record, force: self.force() };
        consumers.push(Box::new(PeerConsumer { peer, commit, without: self.without(), part }));
    }
}

/// This node's side of its own commits.
impl<D: Disk + Send> Life<D> {
    /// What the last commit or check did at the other node: the names of both.
    #[must_use]
    pub fn synchronized(&self) -> Option<[&'static str; 2]> {
        if let PeerPart::Has(names) = self.debt.part { Some(names) } else { None }
    }

    pub(super) fn peer_warning(&self) -> Option<Diagnostic> {
        let message = match &self.debt.part {
            PeerPart::None | PeerPart::Has(_) => return None,
            PeerPart::Alone => ALONE.to_owned(),
            PeerPart::Owed(name, reason) => format!("{name} gets the configuration later: {reason}"),
        };
        Some(Diagnostic::warning(String::new(), Default::default(), message))
    }

    /// Remembers what the other node has of what is active now.
    pub(super) fn settle_peer(&mut self, part: PeerPart, now: Now) {
        if matches!(part, PeerPart::Has(_)) {
            self.has_all();
        }
        self.debt = Debt { part, retry_at: now.mono + RETRY, pause: RETRY, told: String::new() };
    }

    fn has_all(&mut self) {
        let Some(serial) = self.store.unsynchronized().map(|stored| stored.serial) else { return };
        if let Err(error) = self.store.synchronized(serial) {
            tracing::error!(%error, "What the other node has can't be written down; it is sent again.");
        }
    }

    /// Whether the other node could take a candidate, which is not committed.
    pub(super) fn check_peer(
        &mut self,
        plant: &mut dyn Plant,
        (text, record): (&dyn Fn() -> Rope, &Record),
        how: Synchronize,
    ) -> Result<(), CommitError> {
        let beside = Beside::Ordered(how);
        let configured = self.last.synchronize;
        self.debt.part = PeerPart::None;
        if !beside.is_wanted(configured, false) {
            return Ok(());
        }
        let Some(mut peer) = plant.peer() else {
            self.debt.part = PeerPart::Alone;
            return Ok(());
        };
        let sent = PeerCommit { text: text(), record: record.clone(), force: beside.force() };
        let done = peer.check(&sent);
        peer.abort();
        let names = peer.names();
        self.debt.part = match done {
            Ok(()) => PeerPart::Has(names),
            Err(PeerError::Away(reason)) if beside.without() == Without::Answer => {
                PeerPart::Owed(names[1], reason)
            }
            Err(error) => return Err(CommitError::Refused(findings(names[1], error))),
        };
        Ok(())
    }

    /// A commit over both nodes was confirmed here: there too, or what is active is sent again.
    pub(super) fn confirm_peer(&mut self, plant: &mut dyn Plant, record: &Record, now: Now) {
        let Some(serial) = self.store.active().filter(|active| active.synchronize).map(|a| a.serial) else {
            return;
        };
        if self.store.unsynchronized().is_some() {
            return;
        }
        let confirmed = plant.peer().is_some_and(|mut peer| peer.confirm(record).is_ok());
        if !confirmed && let Err(error) = self.store.synchronized(serial.saturating_sub(1)) {
            tracing::error!(%error, "The other node does not know that the commit is confirmed.");
        }
        self.debt.retry_at = now.mono;
    }

    /// Sends the other node what it lacks. Nobody there is sent away for it.
    pub(super) fn catch_up(&mut self, plant: &mut dyn Plant, now: Now) -> Option<Note> {
        let stored = self.store.unsynchronized()?;
        if now.mono < self.debt.retry_at || !self.debts.is_empty() {
            return None;
        }
        let mut record = stored.record.clone();
        // One that was confirmed meanwhile waits for nobody.
        record.confirmed_min = record.confirmed_min.filter(|_| stored.revert.is_some());
        let commit = PeerCommit { text: stored.text.clone(), record, force: false };
        let done = match plant.peer() {
            Some(mut peer) => {
                let name = peer.names()[1];
                let sent = peer.check(&commit).and_then(|()| peer.prepare()).and_then(|()| peer.apply());
                if sent.is_err() {
                    peer.abort();
                }
                sent.map_err(|error| format!("{name}: {error}"))
            }
            None => Err(ALONE.to_owned()),
        };
        let Err(reason) = done else {
            self.has_all();
            self.debt = Debt::default();
            return Some(Note::Synchronized);
        };
        let pause = self.debt.pause.max(RETRY);
        self.debt.retry_at = now.mono + pause;
        self.debt.pause = (pause * 2).min(RETRY_MAX);
        if self.debt.told == reason {
            return None;
        }
        self.debt.told.clone_from(&reason);
        Some(Note::NotSynchronized(reason))
    }
}

/// This node as the other one.
impl<D: Disk + Send> Life<D> {
    /// The other node asks whether its commit could be this one's too. Until it says more, or for a minute, nobody
    /// changes or commits here.
    ///
    /// # Errors
    /// See [`PeerError`]: nothing has changed.
    pub fn peer_check(
        &mut self,
        plant: &mut dyn Plant,
        commit: &PeerCommit,
        now: Now,
    ) -> Result<(), PeerError> {
        let busy = |error: &dyn std::fmt::Display| PeerError::Busy(error.to_string());
        self.promise = None;
        if self.store.scheduled().is_some() {
            return Err(busy(&LifeError::Pending));
        }
        let PeerCommit { text, record, force } = commit;
        if !force {
            self.database.undisturbed().map_err(|error| busy(&error))?;
        }
        if record.confirmed_min.is_some() {
            self.store.revert_serial().map_err(|error| busy(&error))?;
        }
        let bound = ravelin_schema::read(&text.whole());
        let errors: Vec<_> =
            bound.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(PeerError::Refused(errors));
        }
        let at = self.situation(&bound.tree, now);
        order::check(plant, &mut self.last, (&bound.tree, at)).map_err(PeerError::Refused)?;
        let (tree, record, force) = (Arc::new(bound.tree), record.clone(), *force);
        self.promise = Some(Promise { tree, record, force, until: now.mono + PROMISE });
        Ok(())
    }

    /// The other node is about to commit.
    ///
    /// # Errors
    /// What it speaks of was not checked, or so long ago that it is forgotten.
    pub fn peer_prepare(&mut self, now: Now) -> Result<(), PeerError> {
        self.forget(now);
        let promise = self.promise.as_mut().ok_or_else(unknown)?;
        promise.until = now.mono + PROMISE;
        Ok(())
    }

    /// The other node has committed: so does this one.
    ///
    /// # Errors
    /// `Refused`: this node went back to what it had. `Away`: nothing is prepared here any more.
    pub fn peer_apply(&mut self, plant: &mut dyn Plant, now: Now) -> Result<(), PeerError> {
        self.forget(now);
        let Promise { tree, record, force, until: _ } = self.promise.clone().ok_or_else(unknown)?;
        let busy = |error: &dyn std::fmt::Display| PeerError::Busy(error.to_string());
        let revert = record.confirmed_min.map(|_| self.store.revert_serial()).transpose();
        let revert = revert.map_err(|error| busy(&error))?;
        if force {
            for editor in self.database.evict() {
                tracing::warn!(user = editor.user, "Sent away by the other node's commit.");
            }
        }
        let beside = Beside::Ordered(Synchronize::Never);
        let failure = OnFailure::RollBack;
        let install = Install { tree: &tree, record, revert, by: None, failure, beside };
        match self.install(plant, install, now) {
            // What is owed here is made good here.
            Ok(()) | Err(CommitError::Partial(_)) => {
                self.promise = None;
                Ok(())
            }
            Err(error) => Err(PeerError::Refused(error.diagnostics())),
        }
    }

    /// The other node does not commit.
    pub fn peer_abort(&mut self) {
        self.promise = None;
    }

    /// The other node's commit is confirmed, and so is this one's.
    ///
    /// # Errors
    /// The store failed.
    pub fn peer_confirm(&mut self, record: &Record) -> Result<(), PeerError> {
        self.confirmed(record, "commit check of the other node: confirmed")
            .map_err(|error| PeerError::Busy(error.to_string()))
    }

    pub(super) fn forget(&mut self, now: Now) {
        self.promise = self.promise.take().filter(|promise| now.mono < promise.until);
    }

    /// # Errors
    /// The other node's commit is under way.
    pub(super) fn unpromised(&self) -> Result<(), LifeError> {
        if self.promise.is_some() { Err(LifeError::Promised) } else { Ok(()) }
    }
}

fn unknown() -> PeerError {
    PeerError::Away("nothing is prepared for a commit".to_owned())
}
