//! Routes and neighbours as the engine reads them.
//!
//! Immutable behind `Arc`s; the plane's control thread makes a new one for each batch of updates
//! and raises the generation, at which sessions look their path up again. How it does so without
//! copying a table is in `book`.

mod book;
mod pair;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use ravelin_contract::{Neighbour, NeighbourUpdate, Route, UpdateBatch};
use ravelin_types::{Addr, Family, InterfaceId, Mac, PortId};

pub use book::ForwardingBook;

/// The routing table of the default instance, longest prefix first.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    v4: PrefixMap<Ipv4Net, Arc<Route>>,
    v6: PrefixMap<Ipv6Net, Arc<Route>>,
}

/// Resolved neighbours of every unit.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    known: HashMap<(InterfaceId, Family, Addr), Mac>,
    failed: HashMap<(InterfaceId, Family, Addr), ()>,
}

/// How next hops are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// By the neighbours the control plane tells of.
    Table,
    /// By computation: 02:01 and the last four octets of the address. For replay.
    Computed,
}

/// Where a destination lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Local(InterfaceId),
    Via { unit: InterfaceId, next_hop: Addr },
    Discard,
    Reject,
    None,
}

/// Everything that decides where a packet leaves.
#[derive(Clone, Debug)]
pub struct Forwarding {
    /// Raised by every change; sessions compare it.
    pub generation: u32,
    pub routes: Arc<Routes>,
    pub neighbours: Arc<Neighbours>,
    pub resolver: Resolver,
    /// Ports that are down.
    pub down: Arc<Vec<PortId>>,
}

impl Forwarding {
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            generation: 1,
            routes: Arc::default(),
            neighbours: Arc::default(),
            resolver,
            down: Arc::default(),
        }
    }

    /// The table after a batch of updates. A book makes many, one after the other, for less.
    #[must_use]
    pub fn updated(&self, batch: &UpdateBatch) -> Self {
        ForwardingBook::new(self.clone()).update(batch).as_ref().clone()
    }

    /// Longest-prefix match; `spread` chooses among equal ways out.
    #[must_use]
    pub fn lookup(&self, family: Family, dst: Addr, spread: u64) -> Path {
        match self.routes.find(family, dst) {
            None => Path::None,
            Some(Route::Local(unit)) => Path::Local(*unit),
            Some(Route::Discard) => Path::Discard,
            Some(Route::Reject) => Path::Reject,
            Some(Route::Via(hops)) => {
                let total: u64 = hops.iter().map(|h| u64::from(h.weight.max(1))).sum();
                let mut at = if total == 0 { 0 } else { spread % total };
                for hop in hops {
                    let weight = u64::from(hop.weight.max(1));
                    if at < weight {
                        let next_hop = hop.gateway.map_or(dst, |g| Addr::from_ip(g).1);
                        return Path::Via { unit: hop.interface, next_hop };
                    }
                    at -= weight;
                }
                Path::None
            }
        }
    }

    /// The Ethernet address of a next hop, when it is known.
    #[must_use]
    pub fn resolve(&self, unit: InterfaceId, family: Family, next_hop: Addr) -> Option<Mac> {
        match self.resolver {
            Resolver::Table => self.neighbours.known.get(&(unit, family, next_hop)).copied(),
            Resolver::Computed => {
                let [a, b, c, d] = next_hop.octets4();
                Some(Mac([2, 1, a, b, c, d]))
            }
        }
    }

    /// Whether the kernel gave up on a next hop.
    #[must_use]
    pub fn has_failed(&self, unit: InterfaceId, family: Family, next_hop: Addr) -> bool {
        self.neighbours.failed.contains_key(&(unit, family, next_hop))
    }

    #[must_use]
    pub fn is_up(&self, port: PortId) -> bool {
        !self.down.contains(&port)
    }
}

impl Routes {
    fn set(&mut self, prefix: IpNet, route: Option<Arc<Route>>) {
        match (prefix, route) {
            (IpNet::V4(net), Some(route)) => drop(self.v4.insert(net.trunc(), route)),
            (IpNet::V4(net), None) => drop(self.v4.remove(&net.trunc())),
            (IpNet::V6(net), Some(route)) => drop(self.v6.insert(net.trunc(), route)),
            (IpNet::V6(net), None) => drop(self.v6.remove(&net.trunc())),
        }
    }

    fn find(&self, family: Family, dst: Addr) -> Option<&Route> {
        match family {
            Family::V4 => {
                let net = Ipv4Net::from(Ipv4Addr::from(dst.low32()));
                self.v4.get_lpm(&net).map(|(_, route)| route.as_ref())
            }
            Family::V6 => {
                let net = Ipv6Net::from(Ipv6Addr::from(dst.0));
                self.v6.get_lpm(&net).map(|(_, route)| route.as_ref())
            }
        }
    }

    /// Every route, for `show`.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, &Route)> {
        let v4 = self.v4.iter().map(|(net, route)| (IpNet::V4(net), route.as_ref()));
        v4.chain(self.v6.iter().map(|(net, route)| (IpNet::V6(net), route.as_ref())))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the table takes; next hops, which routes share, are not in it.
    #[must_use]
    pub fn mem_size(&self) -> usize {
        self.v4.mem_size() + self.v6.mem_size()
    }
}

impl Neighbours {
    /// Every neighbour that is known, or known not to answer.
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceId, std::net::IpAddr, Neighbour)> {
        let known = self.known.iter().map(|(key, mac)| (key, Neighbour::Reachable(*mac)));
        let failed = self.failed.keys().map(|key| (key, Neighbour::Failed));
        known.chain(failed).map(|((unit, family, addr), is)| (*unit, addr.to_ip(*family), is))
    }

    fn set(&mut self, update: NeighbourUpdate) {
        let NeighbourUpdate { interface, addr, neighbour } = update;
        let (family, addr) = Addr::from_ip(addr);
        let key = (interface, family, addr);
        self.known.remove(&key);
        self.failed.remove(&key);
        match neighbour {
            Neighbour::Reachable(mac) => drop(self.known.insert(key, mac)),
            Neighbour::Failed => drop(self.failed.insert(key, ())),
            Neighbour::Gone => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_contract::{NextHop, RouteUpdate};

    fn via(unit: u16, gateway: Option<&str>) -> Option<Route> {
        let gateway = gateway.map(|g| g.parse().unwrap());
        Some(Route::Via(vec![NextHop { interface: InterfaceId(unit), gateway, weight: 1 }]))
    }

    #[test]
    fn the_longest_prefix_wins_and_a_removed_route_is_gone() {
        let route = |prefix: &str, route| RouteUpdate { table: 0, prefix: prefix.parse().unwrap(), route };
        let first = Forwarding::new(Resolver::Table).updated(&UpdateBatch {
            routes: vec![
                route("0.0.0.0/0", via(1, Some("10.0.0.254"))),
                route("10.0.0.0/24", via(1, None)),
                route("10.0.0.1/32", Some(Route::Local(InterfaceId(1)))),
            ],
            ..UpdateBatch::default()
        });
        let dst = Addr::v4([10, 0, 0, 9]);
        let look = |f: &Forwarding, dst| f.lookup(Family::V4, dst, 0);
        let on_link = Path::Via { unit: InterfaceId(1), next_hop: dst };
        assert_eq!(look(&first, dst), on_link);
        assert_eq!(look(&first, Addr::v4([10, 0, 0, 1])), Path::Local(InterfaceId(1)));
        let gateway = Path::Via { unit: InterfaceId(1), next_hop: Addr::v4([10, 0, 0, 254]) };
        assert_eq!(look(&first, Addr::v4([8, 8, 8, 8])), gateway);
        let second = first
            .updated(&UpdateBatch { routes: vec![route("10.0.0.0/24", None)], ..UpdateBatch::default() });
        assert_eq!(look(&second, dst), gateway);
        assert_ne!(first.generation, second.generation);
    }
}
