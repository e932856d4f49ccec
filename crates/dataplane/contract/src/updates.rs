//! What changes more often than the program: routes, neighbours, links.
//!
//! A batch is applied whole. `resync` replaces everything of the kinds it carries: the sender lost
//! track (netlink overrun, restart) and starts over.

use ipnet::IpNet;
use ravelin_types::{Family, InterfaceId, Mac, PortId};
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
}

/// A route that came (`Some`) or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteUpdate {
    /// Routing table; 0 is the default instance.
    pub table: u32,
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

/// Updates that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateBatch {
    /// Increases with every batch of one sender.
    pub version: u64,
    pub resync: bool,
    pub routes: Vec<RouteUpdate>,
    pub neighbours: Vec<NeighbourUpdate>,
    pub links: Vec<LinkUpdate>,
}

/// Takes updates.
pub trait Updates {
    /// Publishes a batch to every worker; returns when it is visible to new batches of packets.
    ///
    /// # Errors
    /// The batch names an interface the program does not have, or the plane is gone.
    fn apply(&self, batch: &UpdateBatch) -> Result<(), Error>;
    /// Version of the last batch applied.
    fn version(&self) -> u64;
}

impl RouteUpdate {
    #[must_use]
    pub fn family(&self) -> Family {
        if self.prefix.addr().is_ipv4() { Family::V4 } else { Family::V6 }
    }
}
