//! Everything counted, as metrics for Prometheus over HTTP.
//!
//! Junos has no such statement: `system services metrics` is an extension. Place: above the contract and the command engine's
//! names; the daemon lends a [`Source`] for each scrape and runs the [`Server`]. State: the listeners, connections that
//! are open, and the last answer for as long as it is new. [`gather`] is pure but for what it asks the plane.
//! Spec: metrics-1..12.

mod exposition;
mod gather;
mod http;
mod listen;
mod page;
mod process;
mod server;
mod table;

pub use exposition::{Exposition, Value, plain};
pub use gather::{Commits, Source, gather};
pub use http::{Answers, serve};
pub use page::reference;
pub use process::Process;
pub use server::{Refused, Server};
pub use table::{Family, Kind, Metric, Size};
