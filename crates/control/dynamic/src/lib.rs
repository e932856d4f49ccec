//! What changes without a commit: schedules, names of hosts, feeds of addresses.
//!
//! Junos: `schedulers`, `dns-name` of an address, `security dynamic-address`. Place: above the contract and compile, below
//! the daemon, which owns clock, sockets and the sending of updates. State: a [`Book`] knows what a configuration asks
//! for, what is known of it, and what the plane was told. Everything but [`fetch`] is pure: times are arguments.

mod addresses;
mod book;
mod clock;
mod dns;
mod feeds;
pub mod fetch;
mod names;
mod plan;
mod schedule;
mod zone;

pub use addresses::{FeedError, Parsed, parse};
pub use book::{Book, Now, Work};
pub use clock::{ClockState, WallClock};
pub use feeds::FeedState;
pub use names::{ADDRESSES_MAX, Answer, NameState, STALE_MAX, TTL_MIN};
pub use plan::{DynamicPlan, PlannedFeed, PlannedName, PlannedSchedule};
pub use schedule::{Schedule, ScheduleState};
pub use zone::time_zone;
