//! What the life of commits asks of the daemon: who edits, who commits, what was committed, behind one trait.

use serde::{Deserialize, Serialize};

use crate::config::{Outcome, Problem};
use crate::request::ConfigureKind;

/// Someone in configuration mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorEntry {
    pub user: String,
    /// `pts/0`; `None`: not at a terminal, or not known.
    pub terminal: Option<String>,
    pub pid: Option<u32>,
    /// Seconds since 1970, UTC.
    pub since_s: i64,
    pub idle_s: u64,
    pub mode: ConfigureKind,
    /// The `[edit]` path.
    pub path: Vec<String>,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What is wrong with the configuration.
    Problems(Vec<Problem>),
    /// What has nothing to do with any statement.
    Said(String),
    /// These hold the lock.
    Locked(Vec<EditorEntry>),
    /// The shared candidate is changed; these are editing.
    Modified(Vec<EditorEntry>),
    /// A private copy would run into changes of the shared candidate.
    SharedModified,
    /// Statements of a private copy that were changed by others too.
    Conflicts(Vec<Problem>),
}

/// A commit that an operator asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitOptions {
    pub user: String,
    pub comment: Option<String>,
    pub kind: CommitKind,
    pub synchronize: Synchronize,
}

/// Whom a commit is for, beside this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronize {
    /// As `system commit synchronize` says.
    #[default]
    Configured,
    /// The other node must have it too; `force`: whoever edits there is sent away.
    Asked {
        force: bool,
    },
    Never,
}

/// When it is to hold, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CommitKind {
    #[default]
    Now,
    /// Only if it is confirmed within so many minutes.
    Confirmed { minutes: u16 },
    /// At a time as typed.
    At(String),
}

/// When a scheduled commit is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduledTime {
    /// Seconds since 1970, UTC.
    At(i64),
    Reboot,
}

/// A scheduled commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledEntry {
    pub user: String,
    pub client: String,
    pub time: ScheduledTime,
}

/// What a commit or a check left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitReport {
    pub warnings: Vec<Problem>,
    pub scheduled: Option<ScheduledTime>,
    /// It was done on both nodes: the names of this one and the other.
    pub nodes: Option<[&'static str; 2]>,
}

/// One commit of the history; 0 is the active one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitEntry {
    pub number: u32,
    /// Seconds since 1970, UTC.
    pub time_s: i64,
    pub user: String,
    /// How it came: `cli`; `other` when by itself.
    pub client: String,
    pub comment: Option<String>,
    /// Minutes of `commit confirmed`.
    pub confirmed_min: Option<u16>,
    /// It still waits to be confirmed.
    pub pending: bool,
}

/// What was committed, what will be, and what is kept for need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitHistory {
    /// Newest first.
    pub entries: Vec<CommitEntry>,
    pub scheduled: Option<ScheduledEntry>,
    /// The rescue configuration; its number has no meaning.
    pub rescue: Option<CommitEntry>,
}

/// Editors, locks and commits, as one operator's session sees them.
pub trait Commits {
    /// Enters configuration mode.
    ///
    /// # Errors
    /// Others' locks or changes are in the way.
    fn enter(&mut self, kind: ConfigureKind) -> Result<(), Refusal>;
    /// Leaves configuration mode. An exclusive or private editor's changes are gone.
    fn leave(&mut self);
    /// The operator is at this level now.
    fn moved(&mut self, path: &[String]);
    /// Ends the session of someone in configuration mode; false: there is nobody of that process.
    fn logout(&mut self, pid: u32, user: &str) -> bool;
    /// Has another build of the packet process go on in the running one's place; what there is to say at once. The rest
    /// is said when it is done.
    fn in_service_upgrade(&mut self, package: Option<&str>, user: &str) -> Outcome<String> {
        let (_, _) = (package, user);
        Err(vec![Problem::of("in-service upgrade is not supported here")])
    }
    /// Everyone in configuration mode.
    fn editors(&self) -> Vec<EditorEntry>;
    /// Everyone else in configuration mode.
    fn others(&self) -> Vec<EditorEntry>;
    /// How this session edits.
    fn mode(&self) -> ConfigureKind;
    /// The candidate differs from what it was made from.
    fn is_changed(&self) -> bool;
    /// # Errors
    /// Someone else holds the lock, or a scheduled commit keeps the candidate as it is.
    fn may_edit(&mut self) -> Result<(), Refusal>;
    /// Brings a private copy onto the active configuration.
    ///
    /// # Errors
    /// Statements that others changed too; the copy keeps its own.
    fn update(&mut self) -> Result<(), Refusal>;
    /// Checks the candidate as a commit would; confirms a commit that waits for it.
    ///
    /// # Errors
    /// A commit would be refused.
    fn check(&mut self, user: &str, synchronize: Synchronize) -> Result<CommitReport, Refusal>;
    /// Makes the candidate the active configuration, now or later.
    ///
    /// # Errors
    /// It is refused; the active configuration is as before.
    fn commit(&mut self, options: &CommitOptions) -> Result<CommitReport, Refusal>;
    /// Minutes, begun ones too, until the active commit is taken back.
    fn waiting_min(&self) -> Option<u64>;
    fn history(&self) -> CommitHistory;
    /// Cancels the scheduled commit; false: there is none.
    ///
    /// # Errors
    /// The store failed.
    fn clear_scheduled(&mut self, user: &str) -> Outcome<bool>;
    /// # Errors
    /// There is no such rollback.
    fn rollback_text(&self, number: u32) -> Outcome<String>;
    /// # Errors
    /// There is no such rollback.
    fn compare_rollbacks(&self, old: u32, new: u32) -> Outcome<String>;
    /// # Errors
    /// No rescue configuration was saved.
    fn rescue_text(&self) -> Outcome<String>;
    /// Keeps the active configuration for need.
    ///
    /// # Errors
    /// The store failed, or nothing is active.
    fn save_rescue(&mut self, user: &str) -> Outcome<()>;
    /// # Errors
    /// The store failed.
    fn delete_rescue(&mut self, user: &str) -> Outcome<()>;
}
