//! The security log: what the packet plane tells of sessions and denials, as Junos writes it, to collectors and files.
//!
//! Junos: `security log`. Place: beside the commit consumers; events come from the contract with ids, the daemon lends
//! the names. State: [`SecurityLog`] decides what goes where and is pure; [`Service`] owns the bounded queues, one a
//! destination, and the tasks that empty them, so that a slow collector delays nobody. Spec: log-1..42.

mod binary;
mod cache;
mod clock;
mod file;
mod filter;
mod line;
mod log;
mod message;
mod nat;
mod net;
mod outbox;
mod plan;
mod record;
mod service;
mod table;
mod tls;
mod tracking;
mod values;

pub use binary::{BinaryError, Decoded, Records};
pub use cache::{Cache, Entry};
pub use clock::Clock;
pub use file::{Content, RotatingFile};
pub use filter::{Filter, Outcome, Subject};
pub use line::{Line, MESSAGE_MAX};
pub use log::{Counts, Posted, SecurityLog, Window};
pub use message::{METRIC, Message, reference};
pub use nat::{NatRecord, nat};
pub use net::{Backoff, Peer, deliver};
pub use outbox::{Counters, Outbox};
pub use plan::{CachePlan, Destination, EventPlan, FilePlan, Form, Kinds, LogPlan, StreamPlan, Style};
pub use record::{
    Deny, Flow, Names, NatRuleKind, OverloadRecord, Record, Screen, ScreenTag, close, create, deny, filtered,
    overload, policed, screen, update,
};
pub use service::{EventStatistics, REPORT_EVERY, Service, Statistics, StreamStatistics, show};
pub use table::Tag;
pub use tls::{TlsError, client_config};
pub use tracking::{TrackedRecord, tracked};
