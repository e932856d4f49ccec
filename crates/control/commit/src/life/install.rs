//! Making a configuration the active one, and what to do when not everybody goes along.

use std::cell::RefCell;
use std::sync::Arc;

use ravelin_model::check_tree_after;
use ravelin_schema::{Periods, Situation};
use ravelin_store::{Disk, EditorId, Entry, Heading, Record, Store};
use ravelin_syntax::{Tree, render};

use super::peer::Beside;
use super::situation::zone_of;
use super::{Last, Life, Plant, RETRY, by_itself, read};
use crate::peer::PeerPart;
use crate::transaction::names;
use crate::{CommitError, Now, Proposal, transaction};

/// Changes of a commit that are logged; the audit file has more.
const LOGGED_MAX: usize = 100;

/// What becomes of a commit that a consumer does not apply after the commit point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The configuration before it is committed anew.
    RollBack,
    /// It stays, and is applied as soon as that works.
    Owe,
}

/// A configuration on its way in.
pub(super) struct Install<'a> {
    pub tree: &'a Arc<Tree>,
    pub record: Record,
    /// Goes back to this serial unless confirmed.
    pub revert: Option<u64>,
    /// Whose candidate it is.
    pub by: Option<EditorId>,
    pub failure: OnFailure,
    pub beside: Beside,
}

impl<D: Disk + Send> Life<D> {
    /// Commits. On `Ok` everybody enforces it; on `Partial` it is active and owed; on any other error the active
    /// configuration is what it was.
    pub(super) fn install(
        &mut self,
        plant: &mut dyn Plant,
        install: Install<'_>,
        now: Now,
    ) -> Result<(), CommitError> {
        let Install { tree, record, revert, by, failure, beside } = install;
        let before = self.store.active().map(|stored| stored.heading.clone());
        let waiting = before.as_ref().is_some_and(|before| before.synchronize && before.revert.is_some());
        let entry = Entry { record, revert, ..Entry::default() };
        let deadline = revert.and(entry.record.confirmed_min);
        let deadline = deadline.map(|min| now.mono + std::time::Duration::from_secs(u64::from(min) * 60));
        let at = self.situation(tree, now);
        let put = put((&mut self.store, &mut self.last), plant, (tree, entry, at), (beside, waiting));
        let Put { proposal, part, done } = put?;
        let failed = match done {
            Ok(()) => {
                self.settle_peer(part, now);
                self.installed((tree, at), by, deadline, (proposal, now));
                self.owe(Vec::new(), now);
                return Ok(());
            }
            Err(CommitError::Partial(failed)) => failed,
            Err(error) => return Err(error),
        };
        if failure == OnFailure::RollBack
            && let Some(before) = before
            && self.take_back(plant, before, &failed, now)
        {
            return Err(CommitError::RolledBack(failed));
        }
        self.settle_peer(part, now);
        self.installed((tree, at), by, deadline, (proposal, now));
        self.owe(failed.clone(), now);
        Err(CommitError::Partial(failed))
    }

    /// Commits the configuration before the active one anew. True: it is active again.
    fn take_back(
        &mut self,
        plant: &mut dyn Plant,
        before: Heading,
        failed: &[(&'static str, String)],
        now: Now,
    ) -> bool {
        // What was active before is what the database still has as active.
        let tree = self.database.shared_base().clone();
        let comment = Some(format!("not applied by {}; rolled back", names(failed)));
        let Heading { revert, record, synchronize, serial: _, archive: _ } = before;
        let record = match revert {
            // Whoever waited to be confirmed still waits, as long as before.
            Some(_) => Record { comment, ..record },
            None => by_itself(now, comment),
        };
        let entry = Entry { record, revert, ..Entry::default() };
        let beside = (Beside::AsBefore(synchronize), false);
        let at = self.situation(&tree, now);
        let put = put((&mut self.store, &mut self.last), plant, (&tree, entry, at), beside);
        let (proposal, part, debts) = match put {
            Ok(Put { proposal, part, done: Ok(()) }) => (proposal, part, Vec::new()),
            Ok(Put { proposal, part, done: Err(CommitError::Partial(failed)) }) => (proposal, part, failed),
            Ok(Put { done: Err(_), .. }) | Err(_) => return false,
        };
        self.settle_peer(part, now);
        self.folds.at_once();
        self.activated(proposal, (&tree, at), now);
        // The failed commit is in the history too, and so in the audit file.
        self.log_changes(None);
        self.owe(debts, now);
        true
    }

    fn installed(
        &mut self,
        (tree, at): (&Arc<Tree>, Situation),
        by: Option<EditorId>,
        deadline: Option<std::time::Duration>,
        (proposal, now): (Proposal, Now),
    ) {
        self.deadline = deadline;
        self.folds.at_once();
        let before = self.database.shared_base().clone();
        self.database.activated(tree, by);
        self.activated(proposal, (tree, at), now);
        self.log_changes(Some((&before, tree)));
    }

    fn activated(&mut self, proposal: Proposal, (tree, at): (&Tree, Situation), now: Now) {
        self.periods = Periods::of(tree);
        self.phase = at.clock.map_or_else(Vec::new, |clock| self.periods.at(clock));
        self.active_zone = zone_of(&self.machine_zone, tree);
        let archival = &proposal.services.archival;
        let before = self.active.as_ref().map(|active| &active.services.archival);
        if before.and_then(|before| before.every) != archival.every {
            self.copy_at = archival.every.map(|every| now.mono + every);
        }
        // Other sites have refused nothing yet.
        if before.is_none_or(|before| before.sites != archival.sites) {
            self.copy_retry_at = now.mono;
        }
        self.active = Some(proposal);
        self.applied += 1;
    }

    fn owe(&mut self, debts: Vec<(&'static str, String)>, now: Now) {
        if debts.is_empty() {
            self.pause = RETRY;
        } else {
            self.retry_at = now.mono + self.next_pause();
        }
        self.debts = debts;
    }

    /// Applies what the store has as active; at a start, after the dataplane was started anew, or when somebody owes it.
    ///
    /// # Errors
    /// It does not fit this machine any more, or is not enforced everywhere: then it is owed.
    pub fn apply_active(&mut self, plant: &mut dyn Plant, now: Now) -> Result<(), CommitError> {
        let Some(tree) = self.active_tree() else { return Ok(()) };
        let at = self.situation(&tree, now);
        let applied = check_tree_after(&tree, at, None)
            .and_then(|checked| plant.propose(&self.last.checked.insert(checked).valid))
            .map_err(CommitError::Refused)
            .and_then(|proposal| {
                let mut consumers = plant.consumers();
                // Everything is recorded already.
                let done = transaction::commit(&proposal, &mut consumers, || Ok(()));
                drop(consumers);
                match done {
                    Ok(()) => Ok((proposal, Vec::new())),
                    Err(CommitError::Partial(failed)) => Ok((proposal, failed)),
                    Err(error) => Err(error),
                }
            });
        match applied {
            Ok((proposal, failed)) => {
                self.activated(proposal, (&tree, at), now);
                self.owe(failed.clone(), now);
                if failed.is_empty() { Ok(()) } else { Err(CommitError::Partial(failed)) }
            }
            Err(error) => {
                self.owe(vec![("configuration", error.to_string())], now);
                Err(error)
            }
        }
    }

    /// What the store has as active: the statements that candidates are made from, so that a first commit behind a start
    /// looks at no more than what it changes.
    fn active_tree(&mut self) -> Option<Arc<Tree>> {
        let stored = self.store.active()?;
        let base = self.database.shared_base();
        let rendered = self.last.rendered.get_or_insert_with(|| render::text_after(base, None));
        if *rendered.text() != stored.text {
            return Some(read(&stored.text.whole()));
        }
        self.store.share_text(rendered.text());
        Some(Arc::new(rendered.tree()))
    }

    /// Keeps no more of the history than is wanted; what is in it has to be in the audit file first.
    pub(super) fn prune(&mut self) {
        let Some(keep) = self.active.as_ref().and_then(|active| active.services.rollbacks_max) else {
            return;
        };
        if let Err(error) = self.store.prune(usize::from(keep)) {
            tracing::error!(%error, "Former configurations can't be removed.");
        }
    }

    /// The audit file and the log. The file heals itself at the next commit or start.
    fn log_changes(&mut self, last: Option<(&Tree, &Tree)>) {
        let changes = match self.store.audit_commits(last) {
            Ok(changes) => {
                self.prune();
                changes
            }
            Err(error) => {
                tracing::error!(%error, "The audit file can't be written.");
                Vec::new()
            }
        };
        let Some(active) = self.store.active() else { return };
        let Record { user, client, comment, .. } = &active.record;
        let comment = comment.as_deref().unwrap_or("none");
        tracing::info!(user, client, comment, serial = active.serial, "UI_COMMIT.");
        for change in changes.iter().take(LOGGED_MAX) {
            tracing::info!(user, client, change, "UI_CFG_AUDIT.");
        }
    }
}

/// What became of a proposal that was made.
struct Put {
    proposal: Proposal,
    part: PeerPart,
    done: Result<(), CommitError>,
}

/// Compiles, and commits over every consumer, the other node if it is to have it, and the store.
fn put<D: Disk + Send>(
    (store, last): (&mut Store<D>, &mut Last),
    plant: &mut dyn Plant,
    (tree, entry, at): (&Tree, Entry, Situation),
    (beside, waiting): (Beside, bool),
) -> Result<Put, CommitError> {
    // What was checked before is gone on from, whatever became of it.
    let Last { checked, rendered, synchronize: _ } = last;
    let new = check_tree_after(tree, at, checked.as_ref()).map_err(CommitError::Refused)?;
    let proposal = plant.propose(&checked.insert(new).valid).map_err(CommitError::Refused)?;
    let synchronize = beside.is_wanted(proposal.services.synchronize, waiting);
    let entry = Entry { archive: proposal.services.archival.on_commit, synchronize, ..entry };
    let serial = store.next_serial();
    let mut render = || rendered.insert(render::text_after(tree, rendered.as_ref())).text().clone();
    let (part, peer) = (RefCell::default(), synchronize.then(|| plant.peer()));
    let mut consumers = plant.consumers();
    if let Some(peer) = peer {
        beside.join(&mut consumers, peer, (render(), entry.record.clone()), &part);
    }
    let done = std::thread::scope(|scope| {
        // What is to be recorded is written while everyone checks and gets ready.
        let staging = scope.spawn(move || {
            let staged = store.stage(render(), entry);
            (store, staged)
        });
        transaction::commit(&proposal, &mut consumers, || {
            let (store, staged) = staging.join().map_err(|_| "it ended in a panic".to_owned())?;
            match staged.and_then(|staged| store.record(staged)) {
                Ok(_) => Ok(()),
                // Renamed, but the last sync failed: a restart now would bring it up.
                Err(error) if store.active().is_some_and(|active| active.serial == serial) => {
                    tracing::error!(%error, "The commit may be lost in a power cut.");
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            }
        })
    });
    drop(consumers);
    Ok(Put { proposal, part: part.into_inner(), done })
}
