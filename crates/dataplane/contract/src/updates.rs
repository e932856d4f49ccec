//! What changes more often than the program: routes, neighbours, links, schedules, sets of addresses.
//!
//! A batch is applied whole. `resync` replaces everything of the kinds it carries: the sender lost
//! track (netlink overrun, restart) and starts over.

use ipnet::IpNet;
use ravelin_types::{Family, InstanceId, InterfaceId, LiveSetId, Mac, PortId, ScheduleId};
use std::net::IpAddr;

use crate::Error;

/// One way out of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    pub interface: InterfaceId,
    /// `None`: the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    pub weight: u16,
}

/// What a prefix leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// One next hop or several (ECMP).
    Via(Vec<NextHop>),
    /// An address of the firewall.
    Local(InterfaceId),
    Discard,
    Reject,
    /// `next-table`: looked up again among the routes of that instance.
    Table(InstanceId),
}

/// A route that came (`Some`) or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteUpdate {
    /// Whose route it is.
    pub instance: InstanceId,
    pub prefix: IpNet,
    pub route: Option<Route>,
}

/// What is known of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Neighbour {
    Reachable(Mac),
    /// The kernel gave up asking.
    Failed,
    /// Forgotten.
    Gone,
}

/// A neighbour of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourUpdate {
    pub interface: InterfaceId,
    pub addr: IpAddr,
    pub neighbour: Neighbour,
}

/// A port's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkUpdate {
    pub port: PortId,
    pub up: bool,
}

/// Schedules that a plane keeps; more are refused.
pub const SCHEDULES_MAX: usize = 65_536;
/// Live sets that a plane keeps; more are refused.
pub const LIVE_SETS_MAX: usize = 16_384;

/// Whether a schedule's policies are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleUpdate {
    pub id: ScheduleId,
    /// `None`: nothing is known of it; no policy permits by it, and those that deny do.
    pub open: Option<bool>,
}

/// The addresses of a live set, each range `first..=last`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveAddresses {
    pub v4: Vec<(u32, u32)>,
    pub v6: Vec<(u128, u128)>,
}

/// What a live set holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSetUpdate {
    pub id: LiveSetId,
    /// `None`: nobody knows; a condition that names it holds of nothing, excluded or not.
    pub addresses: Option<LiveAddresses>,
}

/// What policies hang on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveUpdate {
    /// What is not in here is not known any more.
    pub resync: bool,
    pub schedules: Vec<ScheduleUpdate>,
    pub sets: Vec<LiveSetUpdate>,
}

/// Updates that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateBatch {
    /// Increases with every batch of one sender.
    pub version: u64,
    pub resync: bool,
    pub routes: Vec<RouteUpdate>,
    pub neighbours: Vec<NeighbourUpdate>,
    pub links: Vec<LinkUpdate>,
    /// Has a `resync` of its own: who tells of it is not who tells of routes.
    pub live: Option<LiveUpdate>,
}

/// Takes updates.
pub trait Updates {
    /// Publishes a batch to every worker; returns when it is visible to new batches of packets.
    ///
    /// # Errors
    /// The batch names an interface the program does not have, it holds more than the plane keeps, or the plane is gone.
    fn apply(&self, batch: &UpdateBatch) -> Result<(), Error>;
    /// Version of the last batch applied.
    fn version(&self) -> u64;
}

impl UpdateBatch {
    /// Whether it says anything of routes, neighbours or links.
    #[must_use]
    pub fn tells_of_forwarding(&self) -> bool {
        let Self { version: _, resync, routes, neighbours, links, live: _ } = self;
        *resync || !routes.is_empty() || !neighbours.is_empty() || !links.is_empty()
    }
}

impl RouteUpdate {
    #[must_use]
    pub fn family(&self) -> Family {
        if self.prefix.addr().is_ipv4() { Family::V4 } else { Family::V6 }
    }
}
