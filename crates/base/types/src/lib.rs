//! Words of the project: identifiers, addresses, time and protocol numbers that every crate shares.
//!
//! Place: the bottom layer; depends on nothing of ours and holds no state.

mod addr;
mod cos;
mod flags;
mod ids;
mod name;
mod proto;
mod reason;
mod time;

pub use addr::{Addr, Family, Mac, NotAnAddress};
pub use cos::LossPriority;
pub use flags::{
    EXPRESSION_DEPTH_MAX, EXPRESSION_LEN_MAX, FRAGMENT_FLAG_NAMES, FlagError, FlagTable, TCP_FLAG_NAMES,
};
pub use ids::{
    ForwardingClassId, Generation, GroupId, InstanceId, InterfaceId, LiveSetId, MeterId, MirrorId, NatRuleId,
    PolicyId, PortId, QueueId, RuleIdentity, ScheduleId, SessionId, WorkerId, ZoneId,
};
pub use name::{InterfaceName, NameError};
pub use proto::{IcmpKind, Proto};
pub use reason::DropReason;
pub use time::{Instant, Seconds};
