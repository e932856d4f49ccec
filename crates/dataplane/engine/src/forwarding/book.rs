//! What the plane's control thread keeps to make the next forwarding table out of the last one.
//!
//! State: routes and neighbours in pairs (see `pair`), and each way out once, however many routes take it.

use std::collections::HashSet;
use std::sync::Arc;

use ipnet::IpNet;
use ravelin_contract::{NeighbourUpdate, Route, UpdateBatch};
use ravelin_types::InstanceId;

use super::pair::{Changes, Pair};
use super::{Forwarding, Neighbours, Routes};

/// Ways out that are kept before those that no route takes any more are looked for.
const WAYS_MIN: usize = 1024;

/// Makes forwarding tables, each of the one before.
#[derive(Clone, Debug)]
pub struct ForwardingBook {
    now: Arc<Forwarding>,
    routes: Pair<Routes>,
    neighbours: Pair<Neighbours>,
    ways: Ways,
}

impl ForwardingBook {
    #[must_use]
    pub fn new(first: Forwarding) -> Self {
        Self {
            routes: Pair::new(first.routes.clone()),
            neighbours: Pair::new(first.neighbours.clone()),
            ways: Ways { known: HashSet::new(), sweep_at: WAYS_MIN },
            now: Arc::new(first),
        }
    }

    /// The table as it is now.
    #[must_use]
    pub fn now(&self) -> &Arc<Forwarding> {
        &self.now
    }

    /// Tables that had to be copied so far, because a reader kept one for longer than an update or it was new.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.routes.copies() + self.neighbours.copies()
    }

    /// Takes a batch of updates in. Its cost follows from the batch alone; a resync is built from nothing.
    pub fn update(&mut self, batch: &UpdateBatch) -> &Arc<Forwarding> {
        let mut routes = Vec::with_capacity(batch.routes.len());
        for update in &batch.routes {
            let key = (update.instance, update.prefix);
            routes.push((key, update.route.as_ref().map(|route| self.ways.share(route))));
        }
        let neighbours = batch.neighbours.clone();
        if batch.resync {
            self.routes.replace(built(routes));
            self.neighbours.replace(built(neighbours));
        } else {
            self.routes.update(routes);
            self.neighbours.update(neighbours);
        }
        self.ways.sweep();
        let Forwarding { generation, routes: _, neighbours: _, resolver, down } = &*self.now;
        let mut next = Forwarding {
            generation: generation.wrapping_add(1),
            routes: self.routes.live().clone(),
            neighbours: self.neighbours.live().clone(),
            resolver: *resolver,
            down: if batch.resync { Arc::default() } else { down.clone() },
        };
        for link in &batch.links {
            let down = Arc::make_mut(&mut next.down);
            down.retain(|port| *port != link.port);
            if !link.up {
                down.push(link.port);
            }
        }
        self.now = Arc::new(next);
        &self.now
    }
}

/// A table of nothing but these changes.
fn built<T: Changes + Default>(changes: Vec<T::Change>) -> T {
    let mut table = T::default();
    changes.into_iter().for_each(|change| table.change(change));
    table
}

impl Changes for Routes {
    type Change = ((InstanceId, IpNet), Option<Arc<Route>>);

    fn change(&mut self, (key, route): Self::Change) {
        self.set(key, route);
    }
}

impl Changes for Neighbours {
    type Change = NeighbourUpdate;

    fn change(&mut self, update: NeighbourUpdate) {
        self.set(update);
    }
}

/// Every way out that some route takes, once.
#[derive(Clone, Debug)]
struct Ways {
    known: HashSet<Arc<Route>>,
    sweep_at: usize,
}

impl Ways {
    fn share(&mut self, route: &Route) -> Arc<Route> {
        if let Some(known) = self.known.get(route) {
            return known.clone();
        }
        let shared = Arc::new(route.clone());
        self.known.insert(shared.clone());
        shared
    }

    /// Forgets those that no route takes, whenever they may be half of all.
    fn sweep(&mut self) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|way| Arc::strong_count(way) > 1);
            self.sweep_at = WAYS_MIN.max(self.known.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use ravelin_contract::{LinkUpdate, Neighbour, NextHop, RouteUpdate};
    use ravelin_types::{Addr, InterfaceId, Mac, PortId};

    use super::super::{Path, Resolver};
    use super::*;

    /// A route to a prefix, by way of a gateway that stands for the number.
    fn told(prefix: &str, way: Option<u8>) -> RouteUpdate {
        let via = |n| NextHop { interface: InterfaceId(1), gateway: Some([10, 0, 0, n].into()), weight: 1 };
        RouteUpdate {
            instance: InstanceId::DEFAULT,
            prefix: prefix.parse().unwrap(),
            route: way.map(|n| Route::Via(vec![via(n)])),
        }
    }

    fn routes_of(updates: Vec<RouteUpdate>) -> UpdateBatch {
        UpdateBatch { routes: updates, ..UpdateBatch::default() }
    }

    /// Nested and neighbouring prefixes of both families.
    fn prefix() -> impl Strategy<Value = IpNet> {
        let v4 = (0_u32..4, 0_u8..=32)
            .prop_map(|(n, len)| ipnet::Ipv4Net::new((n << 30 | n << 7).into(), len).unwrap().trunc().into());
        let v6 = (0_u128..4, 0_u8..=128).prop_map(|(n, len)| {
            ipnet::Ipv6Net::new((n << 126 | n << 9).into(), len).unwrap().trunc().into()
        });
        prop_oneof![v4, v6]
    }

    fn batch() -> impl Strategy<Value = UpdateBatch> {
        let route = (0_u16..3, prefix(), prop::option::of(0_u8..3)).prop_map(|(instance, prefix, way)| {
            RouteUpdate { instance: InstanceId(instance), prefix, ..told("0.0.0.0/0", way) }
        });
        let neighbour = (0_u8..4, 0_u8..4).prop_map(|(host, is)| NeighbourUpdate {
            interface: InterfaceId(1),
            addr: [10, 0, 0, host].into(),
            neighbour: match is {
                0 => Neighbour::Gone,
                1 => Neighbour::Failed,
                n => Neighbour::Reachable(Mac([n; 6])),
            },
        });
        let link = (0_u16..3, any::<bool>()).prop_map(|(port, up)| LinkUpdate { port: PortId(port), up });
        (prop::bool::weighted(0.1), vec(route, 0..8), vec(neighbour, 0..3), vec(link, 0..2)).prop_map(
            |(resync, routes, neighbours, links)| UpdateBatch {
                resync,
                routes,
                neighbours,
                links,
                ..UpdateBatch::default()
            },
        )
    }

    /// What a table must hold after some batches, kept as plain lists.
    #[derive(Default)]
    struct Model {
        routes: BTreeMap<(InstanceId, IpNet), Route>,
        neighbours: BTreeMap<std::net::IpAddr, Neighbour>,
        down: BTreeMap<PortId, ()>,
    }

    impl Model {
        fn take(&mut self, batch: &UpdateBatch) {
            if batch.resync {
                *self = Self::default();
            }
            for RouteUpdate { instance, prefix, route } in &batch.routes {
                let key = (*instance, *prefix);
                match route {
                    Some(route) => drop(self.routes.insert(key, route.clone())),
                    None => drop(self.routes.remove(&key)),
                }
            }
            for NeighbourUpdate { addr, neighbour, .. } in &batch.neighbours {
                match neighbour {
                    Neighbour::Gone => drop(self.neighbours.remove(addr)),
                    known => drop(self.neighbours.insert(*addr, *known)),
                }
            }
            for link in &batch.links {
                if link.up {
                    self.down.remove(&link.port)
                } else {
                    self.down.insert(link.port, ())
                };
            }
        }

        fn is(&self, table: &Forwarding) -> bool {
            let routes: BTreeMap<_, _> =
                table.routes.iter().map(|(i, p, route)| ((i, p), route.clone())).collect();
            let neighbours: BTreeMap<_, _> =
                table.neighbours.iter().map(|(_, addr, is)| (addr, is)).collect();
            let down: BTreeMap<_, _> = table.down.iter().map(|port| (*port, ())).collect();
            routes == self.routes && neighbours == self.neighbours && down == self.down
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(256), ..ProptestConfig::default() })]
        #[test]
        fn any_updates_lead_to_the_table_that_a_resync_leads_to(
            batches in vec((batch(), any::<bool>()), 1..12),
        ) {
            let mut book = ForwardingBook::new(Forwarding::new(Resolver::Table));
            let (mut model, mut kept) = (Model::default(), Vec::new());
            for (batch, keep) in batches {
                model.take(&batch);
                let now = book.update(&batch).clone();
                prop_assert!(model.is(&now));
                // A reader that does not let go keeps what it has, and hinders nobody.
                if keep {
                    kept.push((now.clone(), now.routes.iter().count(), now.neighbours.iter().count()));
                }
            }
            for (table, routes, neighbours) in kept {
                prop_assert_eq!((table.routes.iter().count(), table.neighbours.iter().count()), (routes, neighbours));
            }
        }
    }

    #[test]
    fn an_update_copies_no_table_once_readers_let_go() {
        let mut book = ForwardingBook::new(Forwarding::new(Resolver::Table));
        let all = (0..100).map(|n| told(&format!("10.{n}.0.0/16"), Some(1))).collect();
        let mut read = book.update(&UpdateBatch { resync: true, ..routes_of(all) }).clone();
        for n in 0..50 {
            let next = book.update(&routes_of(vec![told("10.1.0.0/16", Some(n))])).clone();
            assert_ne!(read.generation, next.generation);
            // As a worker does: it takes the next one and lets go of the other.
            read = next;
        }
        assert_eq!(book.copies(), 1, "the one behind the resync");
        let dst = Addr::v4([10, 1, 2, 3]);
        let way = Path::Via { unit: InterfaceId(1), next_hop: Addr::v4([10, 0, 0, 49]) };
        assert_eq!(read.lookup(InstanceId::DEFAULT, (ravelin_types::Family::V4, dst), 0), way);
        // What says nothing of routes leaves their table alone.
        let routes = book.now().routes.clone();
        book.update(&UpdateBatch {
            links: vec![LinkUpdate { port: PortId(1), up: false }],
            ..UpdateBatch::default()
        });
        assert!(Arc::ptr_eq(&routes, &book.now().routes));
    }

    #[test]
    fn ways_that_no_route_takes_are_forgotten() {
        let mut book = ForwardingBook::new(Forwarding::new(Resolver::Table));
        for n in 0..10_000_u32 {
            let gateway = Some(std::net::Ipv4Addr::from(n).into());
            let route = Route::Via(vec![NextHop { interface: InterfaceId(1), gateway, weight: 1 }]);
            book.update(&routes_of(vec![RouteUpdate { route: Some(route), ..told("10.0.0.0/8", None) }]));
        }
        assert!(book.ways.known.len() <= WAYS_MIN, "{}", book.ways.known.len());
    }
}
