//! Routes and neighbours as the engine reads them.
//!
//! Immutable behind `Arc`s; the plane's control thread makes a new one for each batch of updates
//! and raises the generation, at which sessions look their path up again. How it does so without
//! copying a table is in `book`.

mod book;
mod pair;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use ravelin_contract::{Neighbour, NeighbourUpdate, NextHop, Route, UpdateBatch};
use ravelin_mem::KeyedWords;
use ravelin_types::{Addr, Family, InstanceId, InterfaceId, Mac, PortId};

pub use book::ForwardingBook;

/// Instances that a lookup passes through at most, from one `next-table` to another.
const TABLES_MAX: usize = 8;

/// Every instance's routes, by its number.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<Table>);

/// The routes of one instance, longest prefix first.
#[derive(Clone, Debug, Default)]
struct Table {
    v4: PrefixMap<Ipv4Net, Arc<Route>>,
    v6: PrefixMap<Ipv6Net, Arc<Route>>,
}

/// Resolved neighbours of every unit. Hosts of a link choose their addresses: each table has a key of its own.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    known: HashMap<Hop, Mac, KeyedWords>,
    failed: HashMap<Hop, (), KeyedWords>,
}

/// Who is to be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hop {
    unit: InterfaceId,
    family: Family,
    addr: Addr,
}

impl Hash for Hop {
    /// Of IPv4 one word, of IPv6 three: how many they are keeps the families apart.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let unit = u64::from(self.unit.0) << 32;
        match self.family {
            Family::V4 => state.write_u64(unit | u64::from(self.addr.low32())),
            Family::V6 => [unit, (self.addr.0 >> 64) as u64, self.addr.0 as u64]
                .into_iter()
                .for_each(|word| state.write_u64(word)),
        }
    }
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

    /// Longest-prefix match among an instance's routes, and in those that they lead to; `spread` chooses among equal
    /// ways out. Spec: routing-instance-8, routing-instance-9.
    #[must_use]
    pub fn lookup(&self, instance: InstanceId, (family, dst): (Family, Addr), spread: u64) -> Path {
        match self.find(instance, (family, dst)) {
            None | Some(Route::Table(_)) => Path::None,
            Some(Route::Local(unit)) => Path::Local(*unit),
            Some(Route::Discard) => Path::Discard,
            Some(Route::Reject) => Path::Reject,
            Some(Route::Via(hops)) => chosen(hops, dst, spread),
        }
    }

    /// The route of a destination behind every `next-table`.
    fn find(&self, instance: InstanceId, (family, dst): (Family, Addr)) -> Option<&Route> {
        let mut instance = instance;
        for _ in 0..TABLES_MAX {
            match self.routes.find(instance, (family, dst)) {
                Some(Route::Table(next)) => instance = *next,
                found => return found,
            }
        }
        None
    }

    /// Whether any of the ways that [`Forwarding::lookup`] may choose is as asked for.
    #[must_use]
    pub fn any_way(
        &self,
        instance: InstanceId,
        (family, dst): (Family, Addr),
        is_it: impl Fn(&Path) -> bool,
    ) -> bool {
        match self.find(instance, (family, dst)) {
            Some(Route::Via(hops)) => hops.iter().any(|hop| is_it(&via(hop, dst))),
            _ => is_it(&self.lookup(instance, (family, dst), 0)),
        }
    }

    /// The Ethernet address of a next hop, when it is known.
    #[must_use]
    pub fn resolve(&self, unit: InterfaceId, family: Family, next_hop: Addr) -> Option<Mac> {
        match self.resolver {
            Resolver::Table => self.neighbours.known.get(&Hop { unit, family, addr: next_hop }).copied(),
            Resolver::Computed => {
                let [a, b, c, d] = next_hop.octets4();
                Some(Mac([2, 1, a, b, c, d]))
            }
        }
    }

    /// Whether the kernel gave up on a next hop.
    #[must_use]
    pub fn has_failed(&self, unit: InterfaceId, family: Family, next_hop: Addr) -> bool {
        self.neighbours.failed.contains_key(&Hop { unit, family, addr: next_hop })
    }

    #[must_use]
    #[inline]
    pub fn is_up(&self, port: PortId) -> bool {
        self.down.is_empty() || !self.down.contains(&port)
    }
}

/// One of equal ways out, by weight.
fn chosen(hops: &[NextHop], dst: Addr, spread: u64) -> Path {
    let total: u64 = hops.iter().map(|h| u64::from(h.weight.max(1))).sum();
    let mut at = if total == 0 { 0 } else { spread % total };
    for hop in hops {
        let weight = u64::from(hop.weight.max(1));
        if at < weight {
            return via(hop, dst);
        }
        at -= weight;
    }
    Path::None
}

fn via(hop: &NextHop, dst: Addr) -> Path {
    let next_hop = hop.gateway.map_or(dst, |g| Addr::from_ip(g).1);
    Path::Via { unit: hop.interface, next_hop }
}

impl Routes {
    fn set(&mut self, (instance, prefix): (InstanceId, IpNet), route: Option<Arc<Route>>) {
        if self.0.len() <= instance.index() {
            if route.is_none() {
                return;
            }
            self.0.resize_with(instance.index() + 1, Table::default);
        }
        let table = &mut self.0[instance.index()];
        match (prefix, route) {
            (IpNet::V4(net), Some(route)) => drop(table.v4.insert(net.trunc(), route)),
            (IpNet::V4(net), None) => drop(table.v4.remove(&net.trunc())),
            (IpNet::V6(net), Some(route)) => drop(table.v6.insert(net.trunc(), route)),
            (IpNet::V6(net), None) => drop(table.v6.remove(&net.trunc())),
        }
    }

    fn find(&self, instance: InstanceId, (family, dst): (Family, Addr)) -> Option<&Route> {
        let table = self.0.get(instance.index())?;
        match family {
            Family::V4 => {
                let net = Ipv4Net::from(Ipv4Addr::from(dst.low32()));
                table.v4.get_lpm(&net).map(|(_, route)| route.as_ref())
            }
            Family::V6 => {
                let net = Ipv6Net::from(Ipv6Addr::from(dst.0));
                table.v6.get_lpm(&net).map(|(_, route)| route.as_ref())
            }
        }
    }

    /// Every route with its instance, for `show`.
    pub fn iter(&self) -> impl Iterator<Item = (InstanceId, IpNet, &Route)> {
        (0..).map(InstanceId).zip(&self.0).flat_map(|(instance, table)| {
            let v4 = table.v4.iter().map(|(net, route)| (IpNet::V4(net), route.as_ref()));
            let v6 = table.v6.iter().map(|(net, route)| (IpNet::V6(net), route.as_ref()));
            v4.chain(v6).map(move |(net, route)| (instance, net, route))
        })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|table| table.v4.len() + table.v6.len()).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the table takes; next hops, which routes share, are not in it.
    #[must_use]
    pub fn mem_size(&self) -> usize {
        self.0.iter().map(|table| table.v4.mem_size() + table.v6.mem_size()).sum()
    }
}

impl Neighbours {
    /// Every neighbour that is known, or known not to answer.
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceId, std::net::IpAddr, Neighbour)> {
        let known = self.known.iter().map(|(key, mac)| (key, Neighbour::Reachable(*mac)));
        let failed = self.failed.keys().map(|key| (key, Neighbour::Failed));
        known.chain(failed).map(|(hop, is)| (hop.unit, hop.addr.to_ip(hop.family), is))
    }

    fn set(&mut self, update: NeighbourUpdate) {
        let NeighbourUpdate { interface, addr, neighbour } = update;
        let (family, addr) = Addr::from_ip(addr);
        let key = Hop { unit: interface, family, addr };
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
    use ravelin_contract::RouteUpdate;

    fn via(unit: u16, gateway: Option<&str>) -> Option<Route> {
        let gateway = gateway.map(|g| g.parse().unwrap());
        Some(Route::Via(vec![NextHop { interface: InterfaceId(unit), gateway, weight: 1 }]))
    }

    #[test]
    fn the_longest_prefix_wins_and_a_removed_route_is_gone() {
        let route = |prefix: &str, route| RouteUpdate {
            instance: InstanceId::DEFAULT,
            prefix: prefix.parse().unwrap(),
            route,
        };
        let first = Forwarding::new(Resolver::Table).updated(&UpdateBatch {
            routes: vec![
                route("0.0.0.0/0", via(1, Some("10.0.0.254"))),
                route("10.0.0.0/24", via(1, None)),
                route("10.0.0.1/32", Some(Route::Local(InterfaceId(1)))),
            ],
            ..UpdateBatch::default()
        });
        let dst = Addr::v4([10, 0, 0, 9]);
        let look = |f: &Forwarding, dst| f.lookup(InstanceId::DEFAULT, (Family::V4, dst), 0);
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

    #[test]
    fn an_instance_has_its_own_routes_and_may_lead_into_another() {
        let told = |instance, prefix: &str, route| RouteUpdate {
            instance: InstanceId(instance),
            prefix: prefix.parse().unwrap(),
            route,
        };
        let table = |n| Some(Route::Table(InstanceId(n)));
        let forwarding = Forwarding::new(Resolver::Table).updated(&UpdateBatch {
            routes: vec![
                told(0, "10.0.0.0/24", via(1, None)),
                told(3, "10.0.0.0/24", via(2, None)),
                told(3, "0.0.0.0/0", table(0)),
                told(0, "192.0.2.0/24", table(3)),
                told(3, "192.0.2.0/25", via(2, Some("10.0.0.9"))),
                // A ring.
                told(5, "::/0", table(6)),
                told(6, "::/0", table(5)),
            ],
            ..UpdateBatch::default()
        });
        let look = |n, addr: &str| {
            let (family, addr) = Addr::from_ip(addr.parse().unwrap());
            forwarding.lookup(InstanceId(n), (family, addr), 0)
        };
        let on = |unit, hop: [u8; 4]| Path::Via { unit: InterfaceId(unit), next_hop: Addr::v4(hop) };
        assert_eq!(look(0, "10.0.0.2"), on(1, [10, 0, 0, 2]));
        assert_eq!(look(3, "10.0.0.2"), on(2, [10, 0, 0, 2]));
        assert_eq!(look(0, "192.0.2.1"), on(2, [10, 0, 0, 9]));
        // Out of there by the default route, and back into it: round and round.
        assert_eq!(look(0, "192.0.2.200"), Path::None);
        assert_eq!(look(3, "198.51.100.1"), Path::None);
        assert_eq!(look(5, "2001:db8::1"), Path::None);
        assert_eq!(look(4, "10.0.0.2"), Path::None);
        assert_eq!(look(77, "10.0.0.2"), Path::None);
        let gone = forwarding.updated(&UpdateBatch {
            routes: vec![told(3, "10.0.0.0/24", None), told(99, "10.0.0.0/24", None)],
            ..UpdateBatch::default()
        });
        let dst = (Family::V4, Addr::v4([10, 0, 0, 2]));
        assert_eq!(gone.lookup(InstanceId(3), dst, 0), on(1, [10, 0, 0, 2]), "by the default route");
        assert_eq!(gone.lookup(InstanceId(0), dst, 0), on(1, [10, 0, 0, 2]));
    }
}
