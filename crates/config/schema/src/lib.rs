//! The grammar table of the language and its one interpreter.

mod bind;
mod complete;
mod constraint;
mod display;
mod edit;
mod element;
mod grammar;
mod groups;
mod index;
mod instead;
pub mod json;
mod load;
pub mod lower;
mod merge;
mod patch;
mod path;
mod reference;
pub mod secret;
mod support;
mod trail;
mod value;
pub mod xml;

pub use bind::Bound;
pub use complete::{Candidate, CandidateKind, complete, help};
pub use constraint::{Unread, constraints, violations};
pub use display::{Form, Inherit, View, display, kind_name};
pub use edit::{WORK_MAX, apply};
pub use grammar::{Grammar, Key, Mark, OPAQUE, Rule, RuleId, grammar, takes_value};
pub use groups::{ClusterNode, EXPANSION_MAX, Effective, effective};
pub use instead::instead;
pub use load::{Action, load, read};
pub use lower::{Cx, Lower, Value};
pub use path::refine;
pub use reference::reference;
pub use support::refuse;
pub use value::{ValueType, Values};
