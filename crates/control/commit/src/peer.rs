//! The other node of a cluster, as a commit of this one sees it: asked, made ready, told, like any consumer.
//!
//! Junos: `commit synchronize`, `system commit synchronize`. Place: the last of the consumers; what carries the calls to
//! the other node implements [`Peer`], and answers them there with [`crate::Life`]'s `peer_...`. Spec: commit-52..60.

use std::cell::RefCell;
use std::fmt;

use ravelin_store::Record;
use ravelin_syntax::{Diagnostic, Rope};

use crate::transaction::refused;
use crate::{Consumer, Proposal};

/// Whom a commit is for, beside this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronize {
    /// As the configuration says: `system commit synchronize`.
    #[default]
    Configured,
    /// `commit synchronize [force]`: the other node must have it too.
    Asked { force: bool },
    /// `commit no-synchronize`.
    Never,
}

/// A configuration on its way to the other node.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCommit {
    pub text: Rope,
    /// Whose commit it is; with minutes, it waits to be confirmed there too.
    pub record: Record,
    /// Whoever edits there is sent away, and what is not committed is lost.
    pub force: bool,
}

impl fmt::Debug for PeerCommit {
    /// Without the text: it has secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, record, force } = self;
        let mut out = f.debug_struct("PeerCommit");
        out.field("bytes", &text.len()).field("record", record).field("force", force).finish()
    }
}

/// What the other node says when it does not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// It does not fit there; nothing has changed there.
    #[error("{}", .0.iter().map(|d| d.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Diagnostic>),
    /// It can't take one now: somebody edits there, or another commit is under way. Nothing has changed there.
    #[error("{0}")]
    Busy(String),
    /// It does not answer, or does not know what it promised: what it has is not known.
    #[error("{0}")]
    Away(String),
}

/// The way to the other node. Each call ends within a time that the implementation bounds.
pub trait Peer {
    /// This node and the other, such as `node0` and `node1`.
    fn names(&self) -> [&'static str; 2];

    /// Whether it could; from now on it keeps others from changing its configuration until it is told more, or for a
    /// minute.
    ///
    /// # Errors
    /// See [`PeerError`].
    fn check(&mut self, commit: &PeerCommit) -> Result<(), PeerError>;

    /// Makes it ready: it holds the configuration and only waits to be told.
    ///
    /// # Errors
    /// See [`PeerError`].
    fn prepare(&mut self) -> Result<(), PeerError>;

    /// Commits what was prepared. `Refused`: it went back to what it had.
    ///
    /// # Errors
    /// See [`PeerError`].
    fn apply(&mut self) -> Result<(), PeerError>;

    /// Forgets what was checked and prepared.
    fn abort(&mut self);

    /// The commit that waits there is confirmed.
    ///
    /// # Errors
    /// See [`PeerError`].
    fn confirm(&mut self, record: &Record) -> Result<(), PeerError>;
}

/// What became of the other node's part of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum PeerPart {
    /// Nothing was asked of it.
    #[default]
    None,
    /// There is no other node.
    Alone,
    /// It has it: the names of both.
    Has([&'static str; 2]),
    /// It gets it when it is back: its name, and why it doesn't have it.
    Owed(&'static str, String),
}

/// What a commit does without, of the other node, until later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It is on both nodes or on none.
    Nothing,
    /// Who does not answer gets it later.
    Answer,
    /// Whatever it says: a way back must not depend on it.
    Consent,
}

impl Without {
    fn covers(self, error: &PeerError) -> bool {
        match self {
            Self::Nothing => false,
            Self::Answer => matches!(error, PeerError::Away(_)),
            Self::Consent => true,
        }
    }
}

/// The other node as a consumer.
pub(crate) struct PeerConsumer<'a> {
    pub peer: Box<dyn Peer>,
    pub commit: PeerCommit,
    pub without: Without,
    pub part: &'a RefCell<PeerPart>,
}

impl PeerConsumer<'_> {
    /// A step at the other node; one that is not taken may be owed.
    fn step(&mut self, take: impl FnOnce(&mut Self) -> Result<(), PeerError>) -> Result<(), PeerError> {
        if matches!(*self.part.borrow(), PeerPart::Owed(..)) {
            return Ok(());
        }
        match take(self) {
            Err(error) if self.without.covers(&error) => {
                *self.part.borrow_mut() = PeerPart::Owed(self.name(), error.to_string());
                Ok(())
            }
            done => done,
        }
    }
}

impl Consumer for PeerConsumer<'_> {
    fn name(&self) -> &'static str {
        self.peer.names()[1]
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        let name = self.name();
        self.step(|this| this.peer.check(&this.commit)).map_err(|error| findings(name, error))
    }

    fn prepare(&mut self, _: &Proposal) -> Result<(), String> {
        self.step(|this| this.peer.prepare()).map_err(|error| error.to_string())
    }

    fn apply(&mut self, _: &Proposal) -> Result<(), String> {
        // It is recorded here: that the other node is gone now does not take it back.
        self.without = if self.without == Without::Nothing { Without::Answer } else { self.without };
        self.step(|this| this.peer.apply()).map_err(|error| error.to_string())?;
        let mut part = self.part.borrow_mut();
        if *part == PeerPart::None {
            *part = PeerPart::Has(self.peer.names());
        }
        Ok(())
    }

    fn abort(&mut self) {
        self.peer.abort();
    }

    fn is_elsewhere(&self) -> bool {
        true
    }
}

/// What the other node refused, by its name.
pub(crate) fn findings(name: &str, error: PeerError) -> Vec<Diagnostic> {
    let told = |path: String, message: &str| refused(path, format!("{name}: {message}"));
    match error {
        PeerError::Refused(list) => list.into_iter().map(|d| told(d.path, &d.message)).collect(),
        PeerError::Busy(message) | PeerError::Away(message) => vec![told(String::new(), &message)],
    }
}
