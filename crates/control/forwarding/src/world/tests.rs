//! Changes one by one against a model of the kernel's lists, and against dumps that race with them. Spec: contract-3, contract-5..8.

use proptest::collection::vec;
use proptest::prelude::*;
use ravelin_types::Mac;

use super::*;

fn hop(gateway: &str) -> NextHop {
    NextHop { interface: InterfaceId(1), gateway: Some(gateway.parse().unwrap()), weight: 1 }
}

fn via(gateway: &str) -> Option<Route> {
    Some(Route::Via(vec![hop(gateway)]))
}

fn net(text: &str) -> Key {
    (InstanceId::DEFAULT, text.parse().unwrap())
}

/// The one change of a route that is left to tell.
#[track_caller]
fn told(world: &mut World) -> Option<Route> {
    let batch = world.changes();
    assert_eq!(batch.routes.len(), 1, "{batch:?}");
    batch.routes[0].route.clone()
}

#[test]
fn what_was_told_is_not_told_again() {
    let mut world = World::default();
    world.add_route((net("10.0.0.0/8"), 0), Place::First, via("192.0.2.1"));
    world.set_link(PortId(0), true);
    let first = world.whole();
    assert!(first.resync);
    assert_eq!((first.routes.len(), first.links.len()), (1, 1));
    world.add_route((net("10.0.0.0/8"), 0), Place::First, via("192.0.2.1"));
    world.set_link(PortId(0), true);
    assert!(!world.has_untold());
    assert_eq!(world.changes(), UpdateBatch::default());
}

#[test]
fn the_lowest_metric_wins_and_the_next_takes_over() {
    let mut world = World::default();
    let default = net("0.0.0.0/0");
    world.add_route((default, 100), Place::First, via("192.0.2.2"));
    assert_eq!(told(&mut world), via("192.0.2.2"));
    world.add_route((default, 200), Place::First, via("192.0.2.3"));
    assert!(!world.has_untold(), "nothing follows from a worse one");
    world.add_route((default, 10), Place::First, via("192.0.2.1"));
    assert_eq!(told(&mut world), via("192.0.2.1"));
    world.remove_route((default, 10), via("192.0.2.1").as_ref());
    assert_eq!(told(&mut world), via("192.0.2.2"));
    world.remove_route((default, 100), via("192.0.2.2").as_ref());
    assert_eq!(told(&mut world), via("192.0.2.3"));
    world.remove_route((default, 200), via("192.0.2.3").as_ref());
    assert_eq!(told(&mut world), None);
}

#[test]
fn routes_of_one_metric_keep_the_kernels_order() {
    let mut world = World::default();
    let key = (net("10.0.0.0/8"), 5);
    world.add_route(key, Place::First, via("192.0.2.1"));
    world.add_route(key, Place::Last, via("192.0.2.2"));
    world.add_route(key, Place::First, via("192.0.2.3"));
    assert_eq!(told(&mut world), via("192.0.2.3"), "put before the others");
    world.add_route(key, Place::Replace, via("192.0.2.4"));
    assert_eq!(told(&mut world), via("192.0.2.4"), "instead of the first");
    world.remove_route(key, via("192.0.2.4").as_ref());
    assert_eq!(told(&mut world), via("192.0.2.1"));
    world.remove_route(key, via("192.0.2.1").as_ref());
    assert_eq!(told(&mut world), via("192.0.2.2"), "the appended one is last");
}

#[test]
fn a_route_that_is_replaced_by_one_of_another_link_is_gone() {
    let mut world = World::default();
    let key = (net("10.0.0.0/8"), 5);
    world.add_route(key, Place::First, via("192.0.2.1"));
    assert_eq!(told(&mut world), via("192.0.2.1"));
    world.add_route(key, Place::Replace, None);
    assert_eq!(told(&mut world), None);
    world.add_route(key, Place::Replace, via("192.0.2.2"));
    assert_eq!(told(&mut world), via("192.0.2.2"));
    world.remove_route(key, None);
    assert!(!world.has_untold(), "the other link's is not there any more");
}

#[test]
fn ipv6_routes_by_gateways_are_one_with_several_next_hops() {
    let mut world = World::default();
    let key = (net("2001:db8::/32"), 1024);
    world.add_route(key, Place::First, via("fe80::1"));
    world.add_route(key, Place::Last, via("fe80::2"));
    world.add_route(key, Place::Last, Some(Route::Via(vec![hop("fe80::1"), hop("fe80::2"), hop("fe80::3")])));
    let all = Some(Route::Via(vec![hop("fe80::1"), hop("fe80::2"), hop("fe80::3")]));
    assert_eq!(told(&mut world), all);
    world.remove_route(key, via("fe80::2").as_ref());
    assert_eq!(told(&mut world), Some(Route::Via(vec![hop("fe80::1"), hop("fe80::3")])));
    world.remove_route(key, Some(&Route::Via(vec![hop("fe80::1"), hop("fe80::3")])));
    assert_eq!(told(&mut world), None);
}

#[test]
fn a_vanished_neighbour_is_gone_and_a_vanished_port_is_down() {
    let mut before = World::default();
    let addr = "192.0.2.1".parse().unwrap();
    before.set_neighbour((InterfaceId(1), addr), Neighbour::Reachable(Mac([2; 6])), false);
    before.set_link(PortId(3), true);
    before.whole();
    before.become_like(World::default());
    let batch = before.changes();
    assert_eq!(batch.neighbours[0].neighbour, Neighbour::Gone);
    assert_eq!(batch.links, [LinkUpdate { port: PortId(3), up: false }]);
}

#[test]
fn a_neighbour_in_doubt_is_told_again() {
    let mut world = World::default();
    let (key, known) = ((InterfaceId(1), "192.0.2.1".parse().unwrap()), Neighbour::Reachable(Mac([2; 6])));
    world.set_neighbour(key, known, false);
    world.whole();
    world.set_neighbour(key, known, false);
    assert!(!world.has_untold());
    world.set_neighbour(key, known, true);
    assert_eq!(world.changes().neighbours[0].neighbour, known);
}

#[test]
fn a_batch_is_bounded_and_the_rest_follows() {
    let mut world = World::default();
    let count = BATCH_MAX as u32 + 10;
    for n in 0..count {
        let prefix = ipnet::Ipv4Net::new((n << 8).into(), 24).unwrap();
        world.add_route(((InstanceId(3), prefix.into()), 0), Place::First, via("192.0.2.1"));
    }
    assert_eq!(world.changes().routes.len(), BATCH_MAX);
    assert_eq!(world.changes().routes.len(), 10);
    assert!(!world.has_untold());
}

/// What the kernel does to its routes. A list of each prefix and metric, as `ip route` add, append, prepend, replace and delete
/// change it.
#[derive(Clone, Debug)]
struct Change {
    prefix: u8,
    metric: u32,
    place: Option<Place>,
    way: u8,
}

fn change() -> impl Strategy<Value = Change> {
    let place = prop_oneof![
        Just(Some(Place::First)),
        Just(Some(Place::Last)),
        Just(Some(Place::Replace)),
        Just(None),
        Just(None)
    ];
    (0_u8..2, 0_u32..2, place, 0_u8..3).prop_map(|(prefix, metric, place, way)| Change {
        prefix,
        metric,
        place,
        way,
    })
}

#[derive(Clone, Debug, Default)]
struct Kernel(BTreeMap<(u8, u32), Vec<u8>>);

impl Kernel {
    /// Whether the kernel did it, and tells of it.
    fn take(&mut self, Change { prefix, metric, place, way }: &Change) -> bool {
        let list = self.0.entry((*prefix, *metric)).or_default();
        let known = list.iter().position(|w| w == way);
        match (place, known) {
            (None, Some(at)) => drop(list.remove(at)),
            (None, None) | (Some(_), Some(_)) => return false,
            (Some(Place::First), None) => list.insert(0, *way),
            (Some(Place::Last), None) => list.push(*way),
            (Some(Place::Replace), None) if list.is_empty() => list.push(*way),
            (Some(Place::Replace), None) => list[0] = *way,
        }
        true
    }

    /// What a dump of it makes of nothing.
    fn dumped(&self) -> World {
        let mut world = World::default();
        for ((prefix, metric), list) in &self.0 {
            for way in list {
                world.add_route((prefix_of(*prefix), *metric), Place::Last, route_of(*way));
            }
        }
        world
    }
}

/// The same prefix in two instances.
fn prefix_of(n: u8) -> Key {
    (InstanceId(n.into()), net("10.0.0.0/16").1)
}

/// The last one is a route by a link that is none of ours.
fn route_of(way: u8) -> Option<Route> {
    if way == 2 { None } else { via(&format!("192.0.2.{way}")) }
}

fn hear(world: &mut World, Change { prefix, metric, place, way }: &Change) {
    let key = (prefix_of(*prefix), *metric);
    match place {
        Some(place) => world.add_route(key, *place, route_of(*way)),
        None => world.remove_route(key, route_of(*way).as_ref()),
    }
}

/// What a plane knows behind some batches.
fn follow(known: &mut BTreeMap<Key, Route>, batch: UpdateBatch) {
    if batch.resync {
        known.clear();
    }
    for RouteUpdate { instance, prefix, route } in batch.routes {
        match route {
            Some(route) => drop(known.insert((instance, prefix), route)),
            None => drop(known.remove(&(instance, prefix))),
        }
    }
}

fn resynced(kernel: &Kernel) -> BTreeMap<Key, Route> {
    let mut known = BTreeMap::new();
    follow(&mut known, kernel.dumped().whole());
    known
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(512), ..ProptestConfig::default() })]

    #[test]
    fn single_changes_lead_to_what_a_resync_leads_to(changes in vec((change(), any::<bool>()), 1..40)) {
        let (mut kernel, mut world, mut known) = (Kernel::default(), World::default(), BTreeMap::new());
        for (change, tell) in changes {
            if kernel.take(&change) {
                hear(&mut world, &change);
            }
            if tell {
                follow(&mut known, world.changes());
            }
        }
        follow(&mut known, world.changes());
        prop_assert_eq!(&known, &resynced(&kernel));
        // An overrun: what was dumped takes its place, and tells no more than what differs.
        world.become_like(kernel.dumped());
        prop_assert!(!world.has_untold());
    }

    #[test]
    fn a_dump_that_raced_with_changes_comes_out_right(
        (before, during) in (vec(change(), 0..12), vec(change(), 0..12)),
        at in 0_usize..12,
    ) {
        let mut kernel = Kernel::default();
        for change in &before {
            kernel.take(change);
        }
        // One way a prefix and metric, which is what routing daemons keep.
        kernel.0.values_mut().for_each(|list| list.truncate(1));
        let (mut dump, mut heard) = (kernel.dumped(), Vec::new());
        for (n, change) in during.into_iter().enumerate() {
            let list = kernel.0.get(&(change.prefix, change.metric)).map_or(0, Vec::len);
            let change = match change.place {
                Some(_) if list > 0 => Change { place: Some(Place::Replace), ..change },
                Some(_) => Change { place: Some(Place::First), ..change },
                None => change,
            };
            if kernel.take(&change) {
                heard.push(change);
            }
            if n <= at {
                dump = kernel.dumped();
            }
        }
        heard.iter().for_each(|change| hear(&mut dump, change));
        let mut known = BTreeMap::new();
        follow(&mut known, dump.whole());
        prop_assert_eq!(known, resynced(&kernel));
    }
}
