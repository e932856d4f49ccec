//! Kernel routes, neighbours and links as forwarding updates.
//!
//! The monitor hears that something changed, dumps everything, and sends the difference: no order of messages and no
//! lost message (netlink overrun) can make its picture wrong. The prober asks the kernel to resolve a neighbour.

mod message;
mod monitor;
mod probe;
mod world;

pub use monitor::{Monitor, MonitorError, Names};
pub use probe::{ProbeError, ProbeOutcome, Prober};
pub use world::{World, diff};
