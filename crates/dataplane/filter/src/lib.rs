//! Firewall filters: which term of an ordered list holds of a packet, and what it does.
//!
//! Junos: `firewall family inet|inet6 filter`, `firewall filter`; applied by `interfaces .. filter input|output`.
//! Place: below the engine; the plane's control thread builds a [`Filter`], workers run every packet through it in
//! both directions. State: none; a filter never changes. Nothing is allocated a packet. Conditions are evaluated
//! exactly; bitmaps of a few fields only spare the terms that can't hold. Spec: firewall-filter-1..54; tests/naive.rs
//! compares it with a walk over the conditions as configured.

mod action;
mod address;
mod build;
mod column;
mod condition;
mod evaluate;
mod facts;
mod ops;
mod segments;

pub use action::{
    Decision, Effects, FilterCounterId, Logging, Marks, MirrorId, Outcome, Policed, Reject, TermAt, Terminal,
    Then,
};
pub use build::{BuildError, CONDITIONS_MAX, Filter, TERMS_MAX, Term, VALUES_MAX};
pub use condition::{
    ByteField, Condition, End, FlexibleMatch, FlexibleStart, ListedPrefix, NumberField, OptionMatch, Values,
};
pub use evaluate::evaluate;
pub use facts::Packet;
pub use ravelin_types::InstanceId;
