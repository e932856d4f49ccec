//! The life of commits: confirmed or taken back, scheduled, recorded, and enforced everywhere in the end.
//!
//! Junos: `commit [check | confirmed | at]`, `rollback`, rescue, archival. State: the store, the candidates, the
//! deadline of a commit that waits to be confirmed, and what consumers owe. Spec: commit-2..20.

mod fold;
mod install;
mod order;
mod peer;
mod situation;
mod transfer;

pub use fold::WholeFile;
pub use order::{Done, LifeError, Order, OrderKind};

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use ravelin_model::{Checked, ValidConfig};
use ravelin_schema::Periods;
use ravelin_store::{Database, Disk, Record, Store, StoreError, When};
use ravelin_syntax::render::Rendered;
use ravelin_syntax::{Diagnostic, Tree};

use crate::when::left;
use crate::{CommitError, Consumers, Now, Peer, Proposal, Synchronize};
use fold::Folds;
use install::{Install, OnFailure};
use peer::{Beside, Debt, Promise};

/// Pause before what failed is tried again; it doubles with every failure.
const RETRY: Duration = Duration::from_secs(2);
/// Longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(64);

/// Compiler and consumers of the running system.
pub trait Plant {
    /// Resolves and compiles a configuration, with a generation of its own.
    ///
    /// # Errors
    /// The statements that don't fit this machine.
    fn propose(&mut self, valid: &ValidConfig) -> Result<Proposal, Vec<Diagnostic>>;

    /// Everything that enforces a configuration.
    fn consumers(&mut self) -> Consumers<'_>;

    /// The way to the other node, where there is one and this one commits for both.
    fn peer(&mut self) -> Option<Box<dyn Peer>> {
        None
    }
}

/// What happened by itself.
#[derive(Debug, thiserror::Error)]
pub enum Note {
    #[error("Commit was not confirmed; automatic rollback complete.")]
    RolledBack,
    #[error("Commit was not confirmed; automatic rollback failed and is tried again: {0}")]
    RollbackFailed(CommitError),
    #[error("Commit was not confirmed, and no configuration to go back to is left.")]
    NothingToGoBackTo,
    #[error("The active configuration is applied everywhere.")]
    Applied,
    #[error("The time has come for other groups of the active configuration; it is applied everywhere.")]
    Switched,
    #[error("The active configuration is not applied: {0}")]
    NotApplied(CommitError),
    #[error("The scheduled commit is complete.")]
    ScheduledDone,
    #[error("The scheduled commit failed and is cancelled: {0}")]
    ScheduledFailed(CommitError),
    #[error("The time of the scheduled commit passed while nothing ran; it is cancelled.")]
    ScheduledMissed,
    #[error("The other node has the active configuration.")]
    Synchronized,
    #[error("The other node does not have the active configuration yet: {0}")]
    NotSynchronized(String),
    #[error("The store's files are whole again.")]
    Folded,
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// See the head of the file.
#[derive(Debug)]
pub struct Life<D> {
    store: Store<D>,
    database: Database,
    /// When the active commit is taken back unless confirmed, on the monotonic clock.
    deadline: Option<Duration>,
    active: Option<Proposal>,
    last: Last,
    /// How often a proposal became the active one, or was applied anew.
    applied: u64,
    /// Who does not enforce the active configuration, and when they are asked again.
    debts: Vec<(&'static str, String)>,
    retry_at: Duration,
    /// Conditions on time of the active configuration, and which of them hold of what is enforced.
    periods: Periods,
    phase: Vec<bool>,
    active_zone: TimeZone,
    /// What the other node does not have yet, and what this one promised it.
    debt: Debt,
    promise: Option<Promise>,
    /// The pause after the next failure.
    pause: Duration,
    /// When the next copy by the clock is due, and when a failed one is tried again.
    copy_at: Option<Duration>,
    copy_retry_at: Duration,
    folds: Folds,
    /// The machine's boot.
    boot: String,
    /// What times are meant in unless the configuration says.
    machine_zone: TimeZone,
}

/// What was done last, from which the next commit goes on.
#[derive(Debug, Default)]
struct Last {
    checked: Option<Checked>,
    rendered: Option<Rendered>,
    /// What was checked is the other node's too, by what it says itself.
    synchronize: bool,
}

impl<D: Disk + Send> Life<D> {
    /// Takes the store over. `boot` names this boot of the machine.
    pub fn new(store: Store<D>, now: Now, boot: impl Into<String>) -> Self {
        let tree = store.active().map_or_else(Arc::default, |stored| read(&stored.text.whole()));
        let waiting = store.active().filter(|stored| stored.revert.is_some());
        let deadline = waiting.map(|stored| {
            let Record { time_s, confirmed_min, .. } = stored.record;
            now.mono + left(time_s, confirmed_min.unwrap_or(0), now.wall_s)
        });
        Self {
            store,
            database: Database::new(tree),
            deadline,
            active: None,
            last: Last::default(),
            applied: 0,
            debts: Vec::new(),
            retry_at: Duration::ZERO,
            periods: Periods::default(),
            phase: Vec::new(),
            active_zone: TimeZone::UTC,
            debt: Debt::default(),
            promise: None,
            pause: RETRY,
            copy_at: None,
            copy_retry_at: Duration::ZERO,
            folds: Folds::default(),
            boot: boot.into(),
            machine_zone: TimeZone::UTC,
        }
    }

    /// The time zone that operators speak in; UTC until told.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { machine_zone: zone, ..self }
    }

    /// What times are meant in: what the active configuration says, or the machine's own.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        let configured = self.active.as_ref().and_then(|active| active.services.time_zone.as_ref());
        configured.unwrap_or(&self.machine_zone)
    }

    /// Brings up what the store says: an overdue commit is taken back first and never applied.
    pub fn start(&mut self, plant: &mut dyn Plant, now: Now) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.overdue(now) {
            notes.extend(self.revert(plant, now));
        }
        if self.active.is_none() && self.store.active().is_some() {
            notes.extend(self.apply_active(plant, now).err().map(Note::NotApplied));
        }
        match self.store.scheduled().map(|scheduled| scheduled.when.clone()) {
            Some(When::At(time_s)) if time_s <= now.wall_s => {
                notes.extend(self.store.unschedule().err().map(Note::Store));
                notes.push(Note::ScheduledMissed);
            }
            Some(When::Reboot(boot)) if boot != self.boot => notes.extend(self.run_scheduled(plant, now)),
            Some(When::At(_) | When::Reboot(_)) | None => {}
        }
        notes
    }

    /// Does what is due.
    pub fn tick(&mut self, plant: &mut dyn Plant, now: Now) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.overdue(now) {
            notes.extend(self.revert(plant, now));
        }
        if matches!(self.store.scheduled().map(|s| &s.when), Some(When::At(time_s)) if *time_s <= now.wall_s)
        {
            notes.extend(self.run_scheduled(plant, now));
        }
        if self.debts.is_empty() && self.periods.at(self.clock(now)) != self.phase {
            notes.push(self.apply_active(plant, now).map_or_else(Note::NotApplied, |()| Note::Switched));
        }
        if !self.debts.is_empty() && now.mono >= self.retry_at {
            notes.push(self.apply_active(plant, now).map_or_else(Note::NotApplied, |()| Note::Applied));
        }
        self.forget(now);
        notes.extend(self.catch_up(plant, now));
        notes
    }

    fn overdue(&self, now: Now) -> bool {
        self.deadline.is_some_and(|deadline| now.mono >= deadline)
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(RETRY_MAX);
        pause
    }

    /// A commit of what was active before, by the same way as any.
    fn revert(&mut self, plant: &mut dyn Plant, now: Now) -> Option<Note> {
        let Some(tree) = self.store.revert_text().map(|text| read(&text.whole())) else {
            self.deadline = None;
            return Some(self.store.confirm().map_or_else(Note::Store, |()| Note::NothingToGoBackTo));
        };
        let both = self.store.active().is_some_and(|active| active.synchronize);
        let install = Install {
            tree: &tree,
            record: by_itself(now, None),
            revert: None,
            by: None,
            beside: Beside::AsBefore(both),
            // What nobody confirmed must not come back.
            failure: OnFailure::Owe,
        };
        match self.install(plant, install, now) {
            Ok(()) => Some(Note::RolledBack),
            Err(error @ CommitError::Partial(_)) => Some(Note::NotApplied(error)),
            Err(error) => {
                self.deadline = Some(now.mono + self.next_pause());
                Some(Note::RollbackFailed(error))
            }
        }
    }

    fn run_scheduled(&mut self, plant: &mut dyn Plant, now: Now) -> Vec<Note> {
        let Some(scheduled) = self.store.scheduled().cloned() else { return Vec::new() };
        let mut notes = Vec::new();
        // A crash after the commit and before it was forgotten must not make it twice.
        if self.store.active().is_none_or(|active| active.text != scheduled.text) {
            let tree = read(&scheduled.text);
            let record = Record { time_s: now.wall_s, ..scheduled.record };
            let failure = OnFailure::RollBack;
            let how =
                scheduled.synchronize.map_or(Synchronize::Configured, |force| Synchronize::Asked { force });
            let beside = Beside::Ordered(how);
            let install = Install { tree: &tree, record, revert: None, by: None, failure, beside };
            let done = self.install(plant, install, now);
            notes.push(done.map_or_else(Note::ScheduledFailed, |()| Note::ScheduledDone));
        }
        notes.extend(self.store.unschedule().err().map(Note::Store));
        notes
    }

    /// What whoever has it checked or committed is to be told of the configuration that was checked last.
    #[must_use]
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let mut warnings =
            self.last.checked.as_ref().map_or_else(Vec::new, |c| ravelin_model::warnings(&c.valid));
        warnings.extend(self.last.checked.iter().flat_map(|checked| checked.warnings.iter().cloned()));
        warnings.extend(self.peer_warning());
        warnings
    }

    #[must_use]
    pub fn store(&self) -> &Store<D> {
        &self.store
    }

    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    pub fn database_mut(&mut self) -> &mut Database {
        &mut self.database
    }

    /// What is enforced, or on its way to be.
    #[must_use]
    pub fn active(&self) -> Option<&Proposal> {
        self.active.as_ref()
    }

    /// Changes whenever a proposal was applied.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Who does not enforce the active configuration yet.
    #[must_use]
    pub fn debts(&self) -> &[(&'static str, String)] {
        &self.debts
    }

    /// What is left until the active commit is taken back.
    #[must_use]
    pub fn left(&self, now: Now) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(now.mono))
    }
}

fn read(text: &str) -> Arc<Tree> {
    Arc::new(ravelin_schema::read(text).tree)
}

/// Nobody's commit, as Junos writes it.
fn by_itself(now: Now, comment: Option<String>) -> Record {
    Record { time_s: now.wall_s, user: "root".into(), client: "other".into(), comment, confirmed_min: None }
}
