//! The security log: what the packet plane tells of sessions and denials, as Junos writes it, to collectors and files.
//!
//! Junos: `security log`. Place: beside the commit consumers; events come from the contract with ids, the daemon lends
//! the names. State: [`SecurityLog`] decides what goes where and is pure; [`Service`] owns the bounded queues, one a
//! destination, and the tasks that empty them, so that a slow collector delays nobody. Spec: log-1..36.

mod cache;
mod clock;
mod file;
mod filter;
mod line;
mod log;
mod message;
mod net;
mod outbox;
mod plan;
mod record;
mod service;
mod tls;

pub use cache::{Cache, Entry};
pub use clock::Clock;
pub use file::RotatingFile;
pub use filter::{Filter, Outcome, Subject};
pub use line::{Line, MESSAGE_MAX};
pub use log::{Counts, Posted, SecurityLog, Window};
pub use message::{Kind, Message};
pub use net::{Backoff, Peer, deliver};
pub use outbox::{Counters, Outbox};
pub use plan::{CachePlan, Destination, EventPlan, FilePlan, Form, Kinds, LogPlan, StreamPlan, Style};
pub use record::{
    Deny, Flow, Names, NatRuleKind, Record, Screen, ScreenTag, close, create, deny, filtered, screen,
};
pub use service::{EventStatistics, REPORT_EVERY, Service, Statistics, StreamStatistics};
pub use tls::{TlsError, client_config};
