//! Two-phase commit over every consumer of a configuration, and the life of commits around it.
//!
//! Order: compile, check every consumer, prepare, record (write, fsync, rename: the commit point), apply. Up to the
//! commit point nothing has changed anywhere; after it the new configuration is the one that a restart brings up, and
//! what a consumer then fails to enforce is tried again, taken back, or owed until it is enforced: see [`Life`].
//!
//! Place: above store, compile and host, below the daemon, which lends its consumers as a [`Plant`]. State: the store,
//! the candidates, deadlines. No clock: [`Now`] comes with every call.

pub mod archive;
mod book;
mod dataplane;
mod desired;
mod life;
mod peer;
mod proposal;
mod services;
mod transaction;
mod when;

pub use book::{BookConsumer, BookFile, BookFileError};
pub use dataplane::PlaneConsumer;
pub use desired::desired;
pub use life::{Done, Life, LifeError, Note, Order, OrderKind, Plant, WholeFile};
pub use peer::{Peer, PeerCommit, PeerError, Synchronize};
pub use proposal::{Proposal, propose};
pub use services::{ArchivalPlan, MetricsPlan, NatAlarmPlan, NatWatched, Services};
pub use transaction::{CommitError, Consumer, Consumers, apply, check, commit};
pub use when::{AtError, Now};
