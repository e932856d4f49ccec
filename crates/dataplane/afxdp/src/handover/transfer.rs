//! How what a worker knows goes to the worker of the same number in another process.
//!
//! Place: between the engine's state and the conversation, which carries chunks and looks into none. State: an export
//! remembers how far it came.

use ravelin_engine::{Rules, Shared, State};
use ravelin_types::{Instant, WorkerId};

/// A chunk that the other process can't take in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state that can't be taken in: {0}")]
pub struct ImportError(pub String);

/// Takes state out of workers and puts it into others.
pub trait StateTransfer: Send + Sync + 'static {
    /// What the chunks are and in which version. Processes that differ in it don't hand over.
    fn format(&self) -> &'static str;

    /// A new export of one worker's state.
    fn export(&self, worker: WorkerId) -> Box<dyn StateExport>;

    /// Puts a chunk into a state that has adopted the same program, if there is one. Chunks come in the order they were taken out.
    ///
    /// # Errors
    /// The chunk is not what it should be: nothing comes of the hand-over.
    fn import(
        &self,
        state: &mut State,
        with: (Option<&Rules>, &Shared),
        chunk: &[u8],
        now: Instant,
    ) -> Result<(), ImportError>;
}

/// One worker's state on its way out.
pub trait StateExport: Send {
    /// The next chunk ahead of time, from a worker that works on: bounded work between two batches. `None`: the rest,
    /// what changed since included, is little enough to be taken in one piece while nothing moves.
    fn ahead(&mut self, state: &mut State, shared: &Shared, now: Instant) -> Option<Vec<u8>>;

    /// All that is left, from a worker that stands still. The worker may go on afterwards: nothing is taken from it.
    fn last(&mut self, state: &mut State, shared: &Shared, now: Instant) -> Vec<Vec<u8>>;
}
