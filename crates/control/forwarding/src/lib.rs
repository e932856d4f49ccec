//! Kernel routes, neighbours and links as forwarding updates.
//!
//! The monitor hears of every change and tells it on; it dumps everything only when it may have missed one. The prober asks
//! the kernel to resolve a neighbour, or to look after one that is used. Spec: docs/spec/contract.md, contract-3..9.

mod kernel;
mod message;
mod monitor;
mod probe;
mod world;

pub use monitor::{Monitor, MonitorError, Names};
pub use probe::{ProbeError, ProbeOutcome, Prober};
pub use world::{BATCH_MAX, Key, Place, World};
