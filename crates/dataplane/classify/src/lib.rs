//! Which rule of lowest rank matches a tuple.
//!
//! Junos: `security policies`, rules of `security nat`, terms of `firewall filter`: ordered lists of
//! conditions of which the first that holds decides. Place: below the engine; the plane's control thread builds
//! a [`Classifier`], workers look tuples up in it. State: none; a classifier never changes, an edit makes
//! another one that shares the base. How it works and what bounds it: docs/adr/0003-classifier.md.

mod apart;
mod build;
mod by_name;
mod classifier;
mod conditions;
mod diff;
mod draft;
mod entries;
mod hash;
mod held;
mod layer;
mod line;
mod named;
mod order;
mod plane;
mod range;
mod reader;
mod rows;
mod rule;
mod service;
mod space;
mod sweep;
mod view;

pub use classifier::{Classifier, Edit, Match, OVERLAY_MAX};
pub use diff::{Change, changes};
pub use layer::{BuildError, RULES_MAX};
pub use range::{AddressRange, AddressSet, PortRange, Wildcard};
pub use rule::{Addresses, Failed, IcmpRange, Rule, RuleKey, Term, Tuple, Zones};
