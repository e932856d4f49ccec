//! Why a valid configuration can't be compiled here.

use ravelin_syntax::Span;

/// A statement that can't be enforced on this machine or by this dataplane.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct CompileError {
    pub path: String,
    pub at: Span,
    pub message: String,
}
