//! NAT's allocator: which external address and port a session gets, and how it gives them back.
//!
//! Junos: `security nat source` (pools, port modes, persistent NAT), the arithmetic of `security nat static`
//! and `destination`. Place: called by the engine's first path after the rule is known, and by the one
//! deletion. State: everything of one worker, in [`Allocator`]; nothing is shared between workers, because
//! [`Affinity`] says which of them may lease what. Time and randomness are arguments; nothing is
//! allocated between two [`Allocator::adopt`]s. Spec: nat-pool-1..40, nat-pool-45, nat-pool-46.
//!
//! The recipe: [`Allocator::place`] names the worker that must decide; there [`Allocator::lease`] turns a
//! [`Request`] into a [`Recipe`] (address, port, [`Lease`]); [`Recipe::stub`] says where the reply needs a
//! stub; the session keeps the lease and [`Allocator::release`] takes it back, once.

mod adopt;
mod affinity;
mod alarm;
mod allocator;
mod block;
mod config;
mod deterministic;
mod host;
mod lease;
mod mapping;
mod pair;
mod persist;
mod persistent;
mod pool;
mod ports;
mod range;
mod restore;
mod space;
mod table;
mod told;
mod walk;

pub use adopt::Footprint;
pub use affinity::{Affinity, Split, StubAt};
pub use alarm::{Alarm, AlarmEvent, Thresholds};
pub use allocator::{Adopted, Allocator, Counters, Limits, Usage};
pub use block::{BlockChange, BlockEvent};
pub use config::{
    ALARM_CLEAR_SHARE, BLOCK_SIZE, BLOCKS_PER_HOST, DETERMINISTIC_BLOCK_SIZE, PORT_HIGH, PORT_LOW,
};
pub use config::{
    Assignment, BlockSpec, Config, ConfigError, DeterministicSpec, InterfaceSpec, Overflow, PoolId, PoolMode,
    PoolSpec, Ports, Selection, Withheld, check,
};
pub use config::{OVERLOAD_MAX, PRIVILEGED_HIGH, TWIN_HIGH, TWIN_LOW};
pub use deterministic::Deterministic;
pub use lease::{Action, Lease, PortClass, Realm, Recipe, Refusal, Request};
pub use mapping::{PortMap, PrefixMap};
pub use persist::{Entry, Inbound};
pub use persistent::{MappingRecord, Permit, PersistentRule};
pub use range::{AddressRange, Addresses, HostPrefix};
pub use told::{BindingEvent, LeaseEvent};
pub use walk::{BlockRecord, InterfaceUse, PairRecord};
