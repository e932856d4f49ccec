//! The kernel's state in the contract's words, and the difference of two states. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use ravelin_contract::{LinkUpdate, Neighbour, NeighbourUpdate, NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_types::{InterfaceId, PortId};

/// Everything forwarding depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// By prefix and metric; the lowest metric wins.
    routes: BTreeMap<IpNet, BTreeMap<u32, Route>>,
    neighbours: BTreeMap<(InterfaceId, IpAddr), Neighbour>,
    links: BTreeMap<PortId, bool>,
}

impl World {
    /// Adds a route. Ways out of the same prefix and metric are one route with several next hops.
    pub fn add_route(&mut self, prefix: IpNet, metric: u32, route: Route) {
        let metrics = self.routes.entry(prefix.trunc()).or_default();
        match (metrics.get_mut(&metric), route) {
            (Some(Route::Via(hops)), Route::Via(more)) => {
                hops.extend(more.into_iter().filter(|hop: &NextHop| !hops.contains(hop)).collect::<Vec<_>>());
            }
            (_, route) => drop(metrics.insert(metric, route)),
        }
    }

    pub fn add_neighbour(&mut self, interface: InterfaceId, addr: IpAddr, neighbour: Neighbour) {
        self.neighbours.insert((interface, addr), neighbour);
    }

    pub fn set_link(&mut self, port: PortId, up: bool) {
        self.links.insert(port, up);
    }

    fn best(&self) -> impl Iterator<Item = (&IpNet, &Route)> {
        self.routes.iter().filter_map(|(prefix, metrics)| Some((prefix, metrics.values().next()?)))
    }

    fn best_of(&self, prefix: &IpNet) -> Option<&Route> {
        self.routes.get(prefix)?.values().next()
    }
}

/// What turns `before` into `after`; without a `before`, everything, as a resync. The version is the caller's.
#[must_use]
pub fn diff(before: Option<&World>, after: &World) -> UpdateBatch {
    let empty = World::default();
    let mut batch = UpdateBatch { resync: before.is_none(), ..UpdateBatch::default() };
    let before = before.unwrap_or(&empty);
    let update = |prefix: &IpNet, route| RouteUpdate { table: 0, prefix: *prefix, route };
    let gone = before.best().filter(|(prefix, _)| after.best_of(prefix).is_none());
    batch.routes.extend(gone.map(|(prefix, _)| update(prefix, None)));
    let changed = after.best().filter(|(prefix, route)| before.best_of(prefix) != Some(*route));
    batch.routes.extend(changed.map(|(prefix, route)| update(prefix, Some(route.clone()))));
    for ((interface, addr), neighbour) in &after.neighbours {
        if before.neighbours.get(&(*interface, *addr)) != Some(neighbour) {
            batch.neighbours.push(NeighbourUpdate {
                interface: *interface,
                addr: *addr,
                neighbour: *neighbour,
            });
        }
    }
    for (interface, addr) in before.neighbours.keys().filter(|key| !after.neighbours.contains_key(key)) {
        let neighbour = Neighbour::Gone;
        batch.neighbours.push(NeighbourUpdate { interface: *interface, addr: *addr, neighbour });
    }
    for (port, up) in &after.links {
        if before.links.get(port) != Some(up) {
            batch.links.push(LinkUpdate { port: *port, up: *up });
        }
    }
    for port in before.links.keys().filter(|port| !after.links.contains_key(port)) {
        batch.links.push(LinkUpdate { port: *port, up: false });
    }
    batch
}

#[cfg(test)]
mod tests {
    use ravelin_types::Mac;

    use super::*;

    fn via(gateway: &str) -> Route {
        let gateway = Some(gateway.parse().unwrap());
        Route::Via(vec![NextHop { interface: InterfaceId(1), gateway, weight: 1 }])
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_state_is_a_resync_and_no_change_is_nothing() {
        let mut world = World::default();
        world.add_route(net("10.0.0.0/8"), 0, via("192.0.2.1"));
        world.set_link(PortId(0), true);
        let first = diff(None, &world);
        assert!(first.resync);
        assert_eq!((first.routes.len(), first.links.len()), (1, 1));
        assert_eq!(diff(Some(&world), &world), UpdateBatch::default());
    }

    #[test]
    fn the_lowest_metric_wins_and_the_next_takes_over() {
        let mut both = World::default();
        both.add_route(net("0.0.0.0/0"), 100, via("192.0.2.2"));
        let mut one = both.clone();
        both.add_route(net("0.0.0.0/0"), 10, via("192.0.2.1"));
        assert_eq!(diff(None, &both).routes[0].route, Some(via("192.0.2.1")));
        assert_eq!(diff(Some(&both), &one).routes[0].route, Some(via("192.0.2.2")));
        one.routes.clear();
        assert_eq!(diff(Some(&both), &one).routes[0].route, None);
    }

    #[test]
    fn equal_routes_are_one_with_several_next_hops() {
        let mut world = World::default();
        for gateway in ["192.0.2.1", "192.0.2.2", "192.0.2.1"] {
            world.add_route(net("0.0.0.0/0"), 0, via(gateway));
        }
        let Some(Route::Via(hops)) = &diff(None, &world).routes[0].route else { panic!("a gateway route") };
        assert_eq!(hops.len(), 2);
    }

    #[test]
    fn a_vanished_neighbour_is_gone_and_a_vanished_port_is_down() {
        let mut before = World::default();
        let addr = "192.0.2.1".parse().unwrap();
        before.add_neighbour(InterfaceId(1), addr, Neighbour::Reachable(Mac([2; 6])));
        before.set_link(PortId(3), true);
        let batch = diff(Some(&before), &World::default());
        assert_eq!(batch.neighbours[0].neighbour, Neighbour::Gone);
        assert_eq!(batch.links, [LinkUpdate { port: PortId(3), up: false }]);
    }
}
