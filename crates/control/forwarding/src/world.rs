//! The kernel's state in the contract's words, change by change, and what of it has not been told yet. Pure.
//!
//! Of routes to one prefix the one with the lowest metric holds, of several with the same metric the first in the kernel's list.
//! All are kept, in order, so that the next one takes over without a question to the kernel. Spec: contract-3, contract-5.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::IpAddr,
};

use ipnet::IpNet;
use ravelin_contract::{LinkUpdate, Neighbour, NeighbourUpdate, NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_types::{InstanceId, InterfaceId, PortId};

/// Routes, and neighbours, that one batch tells of.
pub const BATCH_MAX: usize = 16_384;

/// A prefix among the routes of one instance.
pub type Key = (InstanceId, IpNet);

/// Everything forwarding depends on.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The first way to each prefix.
    routes: BTreeMap<Key, Way>,
    /// The others, in order, where there are any.
    others: BTreeMap<Key, Vec<Way>>,
    neighbours: BTreeMap<(InterfaceId, IpAddr), Neighbour>,
    links: BTreeMap<PortId, bool>,
    untold: Untold,
}

/// One route of the kernel. `None`: by no unit of ours; it is no way, but has its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    metric: u32,
    route: Option<Route>,
}

/// What differs from what was told.
#[derive(Clone, Debug, Default)]
struct Untold {
    routes: BTreeSet<Key>,
    neighbours: BTreeSet<(InterfaceId, IpAddr)>,
    links: BTreeSet<PortId>,
}

/// Where a route comes among those of the same prefix and metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before them.
    First,
    /// Behind them.
    Last,
    /// Instead of the first of them.
    Replace,
}

impl World {
    /// A route came. One that is there already stays where it is: it was told of twice.
    pub fn add_route(&mut self, (prefix, metric): (Key, u32), place: Place, route: Option<Route>) {
        let prefix = (prefix.0, prefix.1.trunc());
        if let Entry::Vacant(vacant) = self.routes.entry(prefix) {
            if route.is_some() {
                self.untold.routes.insert(*vacant.key());
            }
            vacant.insert(Way { metric, route });
            return;
        }
        self.edit(prefix, |ways| {
            let same = |way: &Way| way.metric == metric;
            if place == Place::Replace {
                if let Some(first) = ways.iter().position(same) {
                    ways.remove(first);
                }
                ways.retain(|way| !(same(way) && way.route == route));
            } else if ways.iter().any(|way| same(way) && way.route == route) {
                return;
            } else if let Some(siblings) = siblings(ways, (prefix.1, metric), &route) {
                return join(siblings, route);
            }
            let at = match place {
                Place::First | Place::Replace => ways.partition_point(|way| way.metric < metric),
                Place::Last => ways.partition_point(|way| way.metric <= metric),
            };
            ways.insert(at, Way { metric, route });
        });
    }

    /// A route went. Of an IPv6 route with several next hops one may go alone.
    pub fn remove_route(&mut self, (prefix, metric): (Key, u32), route: Option<&Route>) {
        self.edit((prefix.0, prefix.1.trunc()), |ways| {
            if let Some(at) = ways.iter().position(|way| way.metric == metric && way.route.as_ref() == route)
            {
                ways.remove(at);
                return;
            }
            let Some(Route::Via(gone)) = route else { return };
            for way in ways.iter_mut().filter(|way| way.metric == metric) {
                if let Some(Route::Via(hops)) = &mut way.route {
                    hops.retain(|hop| !gone.contains(hop));
                }
            }
            ways.retain(|way| !matches!(&way.route, Some(Route::Via(hops)) if hops.is_empty()));
        });
    }

    /// What the kernel knows of a neighbour; `Gone`: nothing. `in_doubt`: it will forget it unless it is used.
    pub fn set_neighbour(&mut self, key: (InterfaceId, IpAddr), neighbour: Neighbour, in_doubt: bool) {
        let before = match neighbour {
            Neighbour::Gone => self.neighbours.remove(&key),
            known => self.neighbours.insert(key, known),
        };
        if in_doubt || before.unwrap_or(Neighbour::Gone) != neighbour {
            self.untold.neighbours.insert(key);
        }
    }

    pub fn set_link(&mut self, port: PortId, up: bool) {
        if self.links.insert(port, up) != Some(up) {
            self.untold.links.insert(port);
        }
    }

    /// Becomes as the other one is; what differs is to be told.
    pub fn become_like(&mut self, other: Self) {
        let mut untold = std::mem::take(&mut self.untold);
        untold.routes.extend(differing(&self.routes, &other.routes));
        untold.routes.extend(differing(&self.others, &other.others));
        untold.neighbours.extend(differing(&self.neighbours, &other.neighbours));
        untold.links.extend(differing(&self.links, &other.links));
        *self = Self { untold, ..other };
    }

    #[must_use]
    pub fn has_untold(&self) -> bool {
        let Untold { routes, neighbours, links } = &self.untold;
        !(routes.is_empty() && neighbours.is_empty() && links.is_empty())
    }

    /// The next changes to tell, a bounded number; the version is the caller's.
    pub fn changes(&mut self) -> UpdateBatch {
        let mut batch = UpdateBatch::default();
        while batch.routes.len() < BATCH_MAX
            && let Some(key @ (instance, prefix)) = self.untold.routes.pop_first()
        {
            batch.routes.push(RouteUpdate { instance, prefix, route: self.best(&key).cloned() });
        }
        while batch.neighbours.len() < BATCH_MAX
            && let Some(key) = self.untold.neighbours.pop_first()
        {
            let neighbour = self.neighbours.get(&key).copied().unwrap_or(Neighbour::Gone);
            batch.neighbours.push(NeighbourUpdate { interface: key.0, addr: key.1, neighbour });
        }
        for port in std::mem::take(&mut self.untold.links) {
            let up = self.links.get(&port).copied().unwrap_or(false);
            batch.links.push(LinkUpdate { port, up });
        }
        batch
    }

    /// All of it, for one who knows nothing; nothing is left to tell.
    pub fn whole(&mut self) -> UpdateBatch {
        self.untold = Untold::default();
        let route = |(key, way): (&Key, &Way)| {
            let route = Some(way.route.as_ref().or_else(|| self.other(key))?.clone());
            let (instance, prefix) = *key;
            Some(RouteUpdate { instance, prefix, route })
        };
        let neighbour = |(key, neighbour): (&(InterfaceId, IpAddr), &Neighbour)| NeighbourUpdate {
            interface: key.0,
            addr: key.1,
            neighbour: *neighbour,
        };
        UpdateBatch {
            resync: true,
            routes: self.routes.iter().filter_map(route).collect(),
            neighbours: self.neighbours.iter().map(neighbour).collect(),
            links: self.links.iter().map(|(port, up)| LinkUpdate { port: *port, up: *up }).collect(),
            ..UpdateBatch::default()
        }
    }

    /// The way that holds for a prefix: the first that is one.
    fn best(&self, prefix: &Key) -> Option<&Route> {
        self.routes.get(prefix)?.route.as_ref().or_else(|| self.other(prefix))
    }

    /// The first of the others that is a way.
    fn other(&self, prefix: &Key) -> Option<&Route> {
        self.others.get(prefix)?.iter().find_map(|way| way.route.as_ref())
    }

    fn edit(&mut self, prefix: Key, edit: impl FnOnce(&mut Vec<Way>)) {
        let best = |ways: &[Way]| ways.iter().find_map(|way| way.route.clone());
        let mut ways: Vec<_> = self.routes.remove(&prefix).into_iter().collect();
        if !self.others.is_empty() {
            ways.extend(self.others.remove(&prefix).into_iter().flatten());
        }
        let before = best(&ways);
        edit(&mut ways);
        if best(&ways) != before {
            self.untold.routes.insert(prefix);
        }
        let mut ways = ways.into_iter();
        if let Some(first) = ways.next() {
            self.routes.insert(prefix, first);
        }
        let others: Vec<_> = ways.collect();
        if !others.is_empty() {
            self.others.insert(prefix, others);
        }
    }
}

/// Keys that do not have the same value in both.
fn differing<'a, K: Ord + Copy, V: PartialEq>(
    ours: &'a BTreeMap<K, V>,
    theirs: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = K> + 'a {
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let mut next = move || match (ours.peek().copied(), theirs.peek().copied()) {
        (None, None) => None,
        (Some((a, _)), Some((b, _))) if a == b => {
            let (a, b) = (ours.next()?, theirs.next()?);
            Some((*a.0, a.1 != b.1))
        }
        (Some((a, _)), Some((b, _))) if a > b => theirs.next().map(|(key, _)| (*key, true)),
        (Some(_), _) => ours.next().map(|(key, _)| (*key, true)),
        (None, Some(_)) => theirs.next().map(|(key, _)| (*key, true)),
    };
    std::iter::from_fn(move || {
        loop {
            let (key, differs) = next()?;
            if differs {
                return Some(key);
            }
        }
    })
}

/// An IPv6 route that another by a gateway joins: the kernel makes one of the two.
fn siblings<'a>(
    ways: &'a mut [Way],
    (prefix, metric): (IpNet, u32),
    route: &Option<Route>,
) -> Option<&'a mut Vec<NextHop>> {
    let by_gateways = |hops: &[NextHop]| hops.iter().all(|hop| hop.gateway.is_some());
    match route {
        Some(Route::Via(hops)) if prefix.addr().is_ipv6() && by_gateways(hops) => {}
        _ => return None,
    }
    ways.iter_mut().filter(|way| way.metric == metric).find_map(|way| match &mut way.route {
        Some(Route::Via(hops)) if by_gateways(hops) => Some(hops),
        _ => None,
    })
}

fn join(hops: &mut Vec<NextHop>, route: Option<Route>) {
    let Some(Route::Via(more)) = route else { return };
    for hop in more {
        if !hops.contains(&hop) {
            hops.push(hop);
        }
    }
}

#[cfg(test)]
#[path = "world/tests.rs"]
mod tests;
