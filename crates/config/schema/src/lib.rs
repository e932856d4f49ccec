//! The grammar table of the language and its one interpreter.

mod bind;
mod complete;
mod edit;
mod grammar;
pub mod lower;
mod support;
mod value;

pub use bind::{Bound, read};
pub use complete::{Candidate, CandidateKind, complete, help};
pub use edit::apply;
pub use grammar::{Grammar, Mark, OPAQUE, Rule, RuleId, grammar};
pub use lower::{Cx, Lower, Value};
pub use support::refuse;
pub use value::ValueType;
