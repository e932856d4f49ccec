//! What a backend may answer instead of a result.

use crate::Refusal;

/// Why a call on the contract failed. A failed call leaves the running program untouched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This backend can't do it, now or ever: not a transient failure.
    #[error("operation not supported by this backend: {0}")]
    Unsupported(&'static str),
    #[error("the program is refused: {}", list(.0))]
    Refused(Vec<Refusal>),
    #[error("no program has been applied")]
    NotReady,
    /// The id belongs to a generation that is gone.
    #[error("stale generation")]
    Stale,
    #[error("worker {0} does not answer")]
    Worker(u8),
    #[error("the packet process can't be reached: {0}")]
    Unreachable(String),
    #[error("the packet process answered nonsense: {0}")]
    Protocol(String),
    #[error("{0}")]
    Backend(String),
}

fn list(refusals: &[Refusal]) -> String {
    let lines: Vec<_> = refusals.iter().map(|r| format!("{}: {}", r.path, r.reason)).collect();
    lines.join("; ")
}
