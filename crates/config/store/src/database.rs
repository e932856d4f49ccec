//! The configuration database: the shared candidate, private copies, and who is editing what.
//!
//! Junos: `configure`, `configure exclusive`, `configure private`. State: candidates and editors, in memory only.
//! Spec: commit-21..30.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_syntax::Tree;

use crate::{Candidate, Conflict};

/// Editors at a time.
pub const EDITORS_MAX: usize = 64;

/// One operator's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditorId(pub u64);

/// How configuration mode was entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditMode {
    #[default]
    Shared,
    Exclusive,
    Private,
}

/// Someone in configuration mode. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editor {
    pub user: String,
    pub terminal: Option<String>,
    pub pid: Option<u32>,
    pub since_s: u64,
    pub active_s: u64,
    pub mode: EditMode,
    /// The `[edit]` path.
    pub path: Vec<String>,
}

/// Why an editor may not do this now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("configuration database locked")]
    Locked(Vec<Editor>),
    #[error("configuration database modified")]
    Modified(Vec<Editor>),
    #[error("shared configuration database modified")]
    SharedModified,
    #[error("too many users are editing the configuration")]
    TooMany,
}

#[derive(Debug)]
struct Desk {
    editor: Editor,
    /// The copy of a private editor.
    copy: Option<Candidate>,
}

/// Every candidate.
#[derive(Debug, Default)]
pub struct Database {
    shared: Candidate,
    desks: BTreeMap<EditorId, Desk>,
}

impl Database {
    #[must_use]
    pub fn new(active: impl Into<Arc<Tree>>) -> Self {
        Self { shared: Candidate::new(active), desks: BTreeMap::new() }
    }

    /// `configure`.
    ///
    /// # Errors
    /// Another editor holds the lock, or there are changes that the way of editing would run into.
    pub fn enter(&mut self, id: EditorId, editor: Editor) -> Result<(), EditError> {
        if self.desks.len() >= EDITORS_MAX && !self.desks.contains_key(&id) {
            return Err(EditError::TooMany);
        }
        let changed = self.shared.is_changed();
        match editor.mode {
            EditMode::Shared => {}
            EditMode::Exclusive => {
                self.unlocked(id)?;
                if changed {
                    return Err(EditError::Modified(self.others(id)));
                }
            }
            EditMode::Private if changed => return Err(EditError::SharedModified),
            EditMode::Private => {}
        }
        let private = editor.mode == EditMode::Private;
        let copy = private.then(|| Candidate::new(self.shared.base().clone()));
        self.desks.insert(id, Desk { editor, copy });
        Ok(())
    }

    /// Leaves configuration mode, on purpose or by dying: the lock is gone, and with it what was not committed.
    pub fn leave(&mut self, id: EditorId) {
        if let Some(desk) = self.desks.remove(&id)
            && desk.editor.mode == EditMode::Exclusive
        {
            self.shared.discard();
        }
    }

    /// `request system logout pid`: the editor leaves, whether it likes it or not. `None`: nobody of that process edits.
    pub fn logout(&mut self, pid: u32) -> Option<Editor> {
        let mut last = None;
        while let Some((id, desk)) = self.desks.iter().find(|(_, desk)| desk.editor.pid == Some(pid)) {
            let (id, editor) = (*id, desk.editor.clone());
            self.leave(id);
            last = Some(editor);
        }
        last
    }

    /// Everyone leaves, and what nobody committed is gone: another node's commit takes its place by force.
    pub fn evict(&mut self) -> Vec<Editor> {
        let editors = std::mem::take(&mut self.desks).into_values().map(|desk| desk.editor).collect();
        self.shared.discard();
        editors
    }

    /// # Errors
    /// Someone holds the lock, or the shared candidate is changed: another node's commit would run into it.
    pub fn undisturbed(&self) -> Result<(), EditError> {
        let exclusive = |desk: &&Desk| desk.editor.mode == EditMode::Exclusive;
        let holders: Vec<Editor> =
            self.desks.values().filter(exclusive).map(|desk| desk.editor.clone()).collect();
        if !holders.is_empty() {
            return Err(EditError::Locked(holders));
        }
        if self.shared.is_changed() { Err(EditError::Modified(self.editors())) } else { Ok(()) }
    }

    #[must_use]
    pub fn is_editing(&self, id: EditorId) -> bool {
        self.desks.contains_key(&id)
    }

    /// The editor did something, at a level of the configuration.
    pub fn touch(&mut self, id: EditorId, now_s: u64, path: Option<&[String]>) {
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.editor.active_s = now_s;
            if let Some(path) = path {
                desk.editor.path = path.to_vec();
            }
        }
    }

    #[must_use]
    pub fn mode(&self, id: EditorId) -> EditMode {
        self.desks.get(&id).map_or(EditMode::Shared, |desk| desk.editor.mode)
    }

    /// Everyone in configuration mode.
    #[must_use]
    pub fn editors(&self) -> Vec<Editor> {
        self.desks.values().map(|desk| desk.editor.clone()).collect()
    }

    /// Everyone else in configuration mode.
    #[must_use]
    pub fn others(&self, id: EditorId) -> Vec<Editor> {
        self.desks.iter().filter(|(other, _)| **other != id).map(|(_, desk)| desk.editor.clone()).collect()
    }

    /// # Errors
    /// Someone else holds the lock.
    pub fn unlocked(&self, id: EditorId) -> Result<(), EditError> {
        let exclusive =
            |(other, desk): &(&EditorId, &Desk)| **other != id && desk.editor.mode == EditMode::Exclusive;
        let holders: Vec<Editor> =
            self.desks.iter().filter(exclusive).map(|(_, desk)| desk.editor.clone()).collect();
        if holders.is_empty() { Ok(()) } else { Err(EditError::Locked(holders)) }
    }

    /// What the editor sees.
    #[must_use]
    pub fn candidate(&self, id: EditorId) -> &Candidate {
        self.desks.get(&id).and_then(|desk| desk.copy.as_ref()).unwrap_or(&self.shared)
    }

    /// What the editor changes. A private copy is nobody else's business.
    ///
    /// # Errors
    /// Someone else holds the lock.
    pub fn edit(&mut self, id: EditorId) -> Result<&mut Candidate, EditError> {
        if self.mode(id) != EditMode::Private {
            self.unlocked(id)?;
        }
        let copy = self.desks.get_mut(&id).and_then(|desk| desk.copy.as_mut());
        Ok(copy.unwrap_or(&mut self.shared))
    }

    /// The active configuration, as the shared candidate is compared with it.
    #[must_use]
    pub fn shared_base(&self) -> &Arc<Tree> {
        self.shared.base()
    }

    /// Whether the editor may commit.
    ///
    /// # Errors
    /// Someone else holds the lock; or a private commit would run into changes of the shared candidate.
    pub fn may_commit(&self, id: EditorId) -> Result<(), EditError> {
        self.unlocked(id)?;
        if self.mode(id) == EditMode::Private && self.shared.is_changed() {
            return Err(EditError::SharedModified);
        }
        Ok(())
    }

    /// `update`: brings a private copy onto the active configuration.
    pub fn update(&mut self, id: EditorId) -> Vec<Conflict> {
        let Self { shared, desks } = self;
        let copy = desks.get_mut(&id).and_then(|desk| desk.copy.as_mut());
        copy.map_or_else(Vec::new, |copy| copy.rebase(shared.base()))
    }

    /// `tree` is active now; `by` had it as candidate.
    pub fn activated(&mut self, tree: &Arc<Tree>, by: Option<EditorId>) {
        if let Some(copy) = by.and_then(|id| self.desks.get_mut(&id)).and_then(|desk| desk.copy.as_mut()) {
            *copy = Candidate::new(tree.clone());
        }
        self.shared.activated(tree);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: EditorId = EditorId(1);
    const BOB: EditorId = EditorId(2);

    fn editor(user: &str, mode: EditMode) -> Editor {
        Editor { user: user.into(), mode, ..Editor::default() }
    }

    fn name(database: &mut Database, id: EditorId, name: &str) -> Result<(), EditError> {
        let done = database.edit(id)?.apply(&[], &format!("set system host-name {name}"));
        assert!(done.is_ok(), "{done:?}");
        Ok(())
    }

    /// Commits what an editor has.
    fn commit(database: &mut Database, id: EditorId) -> Result<Vec<Conflict>, EditError> {
        database.may_commit(id)?;
        let conflicts = database.update(id);
        if conflicts.is_empty() {
            let tree = database.candidate(id).tree().clone();
            database.activated(&tree, Some(id));
        }
        Ok(conflicts)
    }

    #[test]
    fn the_shared_candidate_is_everybodys() {
        let mut database = Database::default();
        database.enter(ANN, editor("ann", EditMode::Shared)).unwrap();
        database.enter(BOB, editor("bob", EditMode::Shared)).unwrap();
        name(&mut database, ANN, "a").unwrap();
        assert!(database.candidate(BOB).is_changed());
        assert_eq!(database.others(BOB)[0].user, "ann");
        assert_eq!(commit(&mut database, BOB), Ok(vec![]));
        assert!(!database.candidate(ANN).is_changed());
    }

    #[test]
    fn exclusive_keeps_others_from_changing_and_committing_and_ends_with_the_session() {
        let mut database = Database::default();
        database.enter(BOB, editor("bob", EditMode::Shared)).unwrap();
        name(&mut database, BOB, "b").unwrap();
        let modified = database.enter(ANN, editor("ann", EditMode::Exclusive));
        assert!(matches!(modified, Err(EditError::Modified(who)) if who[0].user == "bob"));
        assert_eq!(database.enter(ANN, editor("ann", EditMode::Private)), Err(EditError::SharedModified));
        database.edit(BOB).unwrap().discard();
        database.enter(ANN, editor("ann", EditMode::Exclusive)).unwrap();
        name(&mut database, ANN, "a").unwrap();
        assert!(matches!(name(&mut database, BOB, "b"), Err(EditError::Locked(who)) if who[0].user == "ann"));
        assert!(matches!(commit(&mut database, BOB), Err(EditError::Locked(_))));
        assert!(matches!(database.enter(BOB, editor("bob", EditMode::Exclusive)), Err(EditError::Locked(_))));
        database.leave(ANN);
        assert!(!database.candidate(BOB).is_changed(), "discarded with the session");
        database.enter(ANN, Editor { pid: Some(7), ..editor("ann", EditMode::Exclusive) }).unwrap();
        name(&mut database, ANN, "a").unwrap();
        assert_eq!(database.logout(8), None);
        assert_eq!(database.logout(7).map(|editor| editor.user).as_deref(), Some("ann"));
        assert!(!database.is_editing(ANN) && !database.candidate(BOB).is_changed());
        assert_eq!(name(&mut database, BOB, "b"), Ok(()));
    }

    #[test]
    fn private_copies_commit_only_their_own_changes() {
        let mut database = Database::default();
        for (id, user) in [(ANN, "ann"), (BOB, "bob")] {
            database.enter(id, editor(user, EditMode::Private)).unwrap();
        }
        name(&mut database, ANN, "a").unwrap();
        assert!(!database.candidate(BOB).is_changed());
        let line = "set applications application x protocol 47";
        database.edit(BOB).unwrap().apply(&[], line).unwrap();
        assert_eq!(commit(&mut database, ANN), Ok(vec![]));
        assert_eq!(commit(&mut database, BOB), Ok(vec![]));
        let text = database.candidate(EditorId(9)).text();
        assert!(text.contains("host-name a;") && text.contains("application x"), "{text}");
    }

    #[test]
    fn a_conflict_is_refused_once_and_the_second_commit_wins() {
        let mut database = Database::default();
        for (id, user) in [(ANN, "ann"), (BOB, "bob")] {
            database.enter(id, editor(user, EditMode::Private)).unwrap();
        }
        name(&mut database, ANN, "a").unwrap();
        name(&mut database, BOB, "b").unwrap();
        assert_eq!(commit(&mut database, ANN), Ok(vec![]));
        assert_eq!(commit(&mut database, BOB).map(|list| list.len()), Ok(1));
        assert_eq!(commit(&mut database, BOB), Ok(vec![]));
        assert!(database.candidate(EditorId(9)).text().contains("host-name b;"));
    }

    #[test]
    fn a_private_commit_does_not_run_into_the_shared_candidate() {
        let mut database = Database::default();
        database.enter(ANN, editor("ann", EditMode::Private)).unwrap();
        database.enter(BOB, editor("bob", EditMode::Shared)).unwrap();
        name(&mut database, ANN, "a").unwrap();
        name(&mut database, BOB, "b").unwrap();
        assert_eq!(commit(&mut database, ANN), Err(EditError::SharedModified));
    }

    #[test]
    fn an_automatic_rollback_keeps_what_is_being_edited() {
        let mut database = Database::default();
        name(&mut database, ANN, "a").unwrap();
        database.activated(&Arc::default(), None);
        assert!(database.candidate(ANN).text().contains("host-name a;"));
    }
}
