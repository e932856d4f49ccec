//! What a backend has to be able to do.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use ravelin_contract::{Error, PortStatus, Refusal, WorkerStatus};
use ravelin_engine::{Rules, Shared, Snapshot, State};
use ravelin_types::{Instant, WorkerId};

/// Work for a worker, done between two batches.
pub type Task = Box<dyn FnOnce(&mut State, &Shared, Instant) + Send>;

/// How a backend takes packets from a port, in its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMode {
    pub port: String,
    pub device: String,
    pub mode: String,
}

/// Workers that own their state and run the engine.
pub trait Workers: Send + Sync + 'static {
    /// The backend's name, for people.
    const NAME: &'static str;

    /// # Errors
    /// Workers can't be started.
    fn start(&self) -> Result<(), Error>;

    /// # Errors
    /// Something could not be given back.
    fn stop(&self) -> Result<(), Error>;

    fn count(&self) -> u8;

    /// Gives a worker a task; returns before it is done.
    ///
    /// # Errors
    /// The worker is gone.
    fn run(&self, worker: WorkerId, task: Task) -> Result<(), Error>;

    /// Gives every worker a snapshot, which adopts it before its next batch; returns when all have.
    ///
    /// # Errors
    /// A worker does not answer.
    fn publish(&self, snapshot: &Arc<Snapshot>) -> Result<(), Error>;

    /// What of these rules the backend can't enforce or attach to.
    fn admit(&self, rules: &Rules) -> Vec<Refusal>;

    /// Takes over the ports of these rules and lets go of others.
    ///
    /// # Errors
    /// A port can't be had; those held before stay.
    fn attach(&self, rules: &Rules) -> Result<Vec<PortMode>, Error>;

    /// Lets go of the ports' queues; what arrives meanwhile is dropped. Workers, their sessions and everything else stays.
    ///
    /// # Errors
    /// A queue does not stop; or the backend can't do this.
    fn close_ports(&self) -> Result<(), Error>;

    /// Takes the queues of the ports of these rules, which may be other devices than before under the same names.
    ///
    /// # Errors
    /// A port can't be had.
    fn open_ports(&self, rules: &Rules) -> Result<Vec<PortMode>, Error>;

    /// What this backend can do here beside enforcing programs, in words for people and scripts.
    fn abilities(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<WorkerStatus>;

    fn ports(&self) -> Vec<PortStatus>;
}

/// Runs a question on a worker and waits for its answer.
pub(crate) fn ask<W: Workers, T: Send + 'static>(
    workers: &W,
    worker: WorkerId,
    question: impl FnOnce(&mut State, &Shared, Instant) -> T + Send + 'static,
) -> Result<T, Error> {
    let (send, receive) = sync_channel(1);
    let task: Task = Box::new(move |state, shared, now| {
        // The asker may have given up; then nobody wants the answer.
        let _ = send.send(question(state, shared, now));
    });
    workers.run(worker, task)?;
    receive.recv_timeout(ANSWER_MAX).map_err(|_| Error::Worker(worker.0))
}

/// How long a worker may take to answer: it works in batches of microseconds.
const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Every worker in turn.
pub(crate) fn each<W: Workers>(workers: &W) -> impl Iterator<Item = WorkerId> {
    (0..workers.count()).map(WorkerId)
}
