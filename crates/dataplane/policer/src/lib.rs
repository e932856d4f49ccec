//! Policers: token buckets in integers, one a device, lent to workers in small quanta.
//!
//! Junos: `firewall policer`, `firewall three-color-policer`. Place: below the engine; a filter's term, an interface
//! or a unit names a [`Meter`] of the [`Meters`] in the snapshot. State: atomics of each meter, shared by all
//! workers and by every generation that has the same policer at the same place; no clock, no lock, no allocation
//! a packet. Spec: policer-1..24; the sum over workers is guarded by tests/accuracy.rs.

mod bucket;
mod meter;
mod meters;
mod spec;

pub use meter::{Action, Colour, Counts, Meter, Verdict};
pub use meters::{METERS_MAX, MeterKey, Meters, MetersError};
pub use spec::{Awareness, BURST_MAX, Exceeding, Limit, RATE_MAX, Spec, SpecError, percent_of};
