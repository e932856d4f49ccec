//! The grammar table of the language and its one interpreter.

mod bind;
mod changed;
mod complete;
mod constraint;
mod counts;
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
mod memo;
mod merge;
mod patch;
mod path;
mod reference;
mod rule_set;
mod runs;
pub mod secret;
mod support;
mod trail;
mod value;
pub mod xml;

pub use bind::Bound;
pub use changed::{Changed, Changes, SharedEnds, changed};
pub use complete::{Candidate, CandidateKind, complete};
pub use constraint::{Unread, constraints, violations, violations_of};
pub use counts::{Counts, counts};
pub use display::{Form, Inherit, View, display, kind_name};
pub use edit::{WORK_MAX, apply};
pub use grammar::{Grammar, Key, Mark, OPAQUE, Rule, RuleId, grammar, takes_value};
pub use groups::{
    Clock, ClusterNode, EXPANSION_MAX, Effective, PHASES_MAX, Periods, Situation, effective, time_zone,
    uses_groups,
};
pub use index::Hashed;
pub use instead::instead;
pub use load::{Action, load, read};
pub use lower::{Cx, Lower, Value};
pub use memo::Memo;
pub use path::{levels, refine};
pub use reference::reference;
pub use rule_set::RuleSet;
pub use runs::{
    ByPlace, Named, Placed, RUN_MAX, Runs, RunsIter, ends_run, name_hash, run_place, shared_runs,
};
pub use support::{refuse, refuse_changed, refuse_effective, refused_levels};
pub use value::{ValueType, Values};
