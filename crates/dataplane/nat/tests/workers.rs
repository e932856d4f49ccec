//! Several workers: who decides, who leases from what, and where replies need a stub.

mod kit;

use std::collections::HashSet;

use kit::{Worker, config, gre, interface, pool, tcp, translate, v4};
use ravelin_nat::{
    Action, Assignment, Config, DeterministicSpec, HostPrefix, PoolId, PoolMode, PoolSpec, Ports, Refusal,
    Request, StubAt,
};
use ravelin_types::{Addr, Family, WorkerId};

#[test]
fn who_decides_and_where_replies_need_a_stub() {
    let pools = vec![
        pool(1, (1, 1), translate(1024, 63487)),
        PoolSpec { assignment: Assignment::Paired, ..pool(2, (2, 2), translate(1024, 63487)) },
        pool(3, (3, 3), PoolMode::NoTranslation),
    ];
    let config = config(pools);
    let mut workers: Vec<_> = (0..4).map(|w| Worker::of(w, 4, &config)).collect();
    let through = |id, sport| Request { action: Action::Pool(PoolId(id)), ..tcp("10.0.0.9", sport) };
    for w in 0..4u8 {
        let me = WorkerId(w);
        assert_eq!(
            workers[usize::from(w)].allocator.place(&through(1, 1)),
            me,
            "any worker leases a plain port"
        );
        let recipe = workers[usize::from(w)].get(&through(1, 1));
        let affinity = ravelin_nat::Affinity::new(me, 4, ravelin_nat::Split::Runs, kit::KEY);
        assert_eq!(recipe.stub(&affinity), None, "its answers come to it");
        assert_eq!(affinity.of_port(recipe.port.unwrap()), me);
    }
    for id in [2, 3] {
        let places: HashSet<_> = workers.iter().map(|w| w.allocator.place(&through(id, 1))).collect();
        assert_eq!(places.len(), 1, "all agree on who decides for pool {id}");
        let place = *places.iter().next().unwrap();
        for w in (0..4).filter(|w| WorkerId(*w) != place) {
            assert_eq!(workers[usize::from(w)].lease(&through(id, 1)), Err(Refusal::WrongWorker));
        }
        let affinity = ravelin_nat::Affinity::new(place, 4, ravelin_nat::Split::Runs, kit::KEY);
        for sport in [1, 17000, 33000, 65000] {
            let recipe = workers[place.index()].get(&through(id, sport));
            let comes_to = affinity.of_port(recipe.port.unwrap_or(sport));
            let expected = (comes_to != place).then_some(StubAt::Worker(comes_to));
            assert_eq!(recipe.stub(&affinity), expected, "pool {id} port {sport}");
        }
    }
    // Without a port the answer can't tell who leased: one worker does for the pool, whatever the host.
    let without = |host| Request { action: Action::Pool(PoolId(1)), ..gre(host) };
    let affinity = ravelin_nat::Affinity::new(WorkerId(0), 4, ravelin_nat::Split::Runs, kit::KEY);
    let place = affinity.home_of_pool(PoolId(1));
    for (worker, host) in workers.iter().zip(["10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.12"]) {
        assert_eq!(worker.allocator.place(&without(host)), place);
    }
    let recipe = workers[place.index()].get(&without("10.0.0.9"));
    let affinity = ravelin_nat::Affinity::new(place, 4, ravelin_nat::Split::Runs, kit::KEY);
    assert_eq!(recipe.stub(&affinity), Some(StubAt::TupleOwner));
}

#[test]
fn the_owner_of_an_external_endpoint_is_who_leased_it() {
    let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.0.0.0"), len: 28 }];
    let plan = DeterministicSpec { block_size: 100, hosts, include_boundary: true };
    let blocks = ravelin_nat::BlockSpec { size: 100, ..ravelin_nat::BlockSpec::default() };
    let pools = vec![
        pool(1, (1, 1), translate(1024, 63487)),
        PoolSpec { assignment: Assignment::Paired, ..pool(2, (2, 3), translate(1024, 63487)) },
        pool(3, (4, 4), PoolMode::Blocks(Ports::default(), blocks)),
        pool(4, (5, 5), PoolMode::Deterministic(Ports::default(), plan)),
        pool(5, (10, 30), PoolMode::NoTranslation),
        pool(6, (32, 47), PoolMode::Shared),
        pool(7, (50, 65), PoolMode::Shift { hosts: Family::V4, base: v4("10.0.0.0") }),
    ];
    let config = Config { interfaces: vec![interface("203.0.113.1", Ports::default())], ..config(pools) };
    let mut workers: Vec<_> = (0..5).map(|w| Worker::of(w, 5, &config)).collect();
    for via in 0..=7 {
        for host in 1..12u8 {
            let action =
                if via == 0 { Action::Interface(v4("203.0.113.1")) } else { Action::Pool(PoolId(via)) };
            // Only a mapping has a home where the pool itself lets any worker lease.
            let persistent = (via == 7).then(ravelin_nat::PersistentRule::default);
            let request =
                Request { action, persistent, source: Addr::v4([10, 0, 0, host]), ..tcp("10.0.0.0", 5000) };
            let place = workers[usize::from(host % 5)].allocator.place(&request);
            let recipe = workers[place.index()].get(&request);
            let port = recipe.port.unwrap_or(5000);
            let owner = workers[0].allocator.owner(Family::V4, recipe.addr, port);
            assert_eq!(owner, Some(place), "pool {via} host {host}");
        }
    }
    assert_eq!(workers[0].allocator.owner(Family::V4, v4("198.51.100.1"), 5000), None);
    assert_eq!(workers[0].allocator.owner(Family::V6, v4("192.0.2.1"), 5000), None);
}

#[test]
fn a_range_that_is_another_workers_is_leased_there() {
    let paired = PoolSpec { assignment: Assignment::Paired, ..pool(2, (2, 2), translate(2000, 2009)) };
    let kept = Ports { preserve_range: true, ..Ports::default() };
    let pools =
        vec![pool(1, (1, 1), translate(16380, 16389)), paired, pool(3, (3, 3), PoolMode::Translate(kept))];
    let config = config(pools);
    let mut workers: Vec<_> = (0..4).map(|w| Worker::of(w, 4, &config)).collect();
    let through = |id, host, sport| Request {
        action: Action::Pool(PoolId(id)),
        source: Addr::v4([10, 0, 0, host]),
        ..tcp("10.0.0.0", sport)
    };
    // Runs of four workers end at 16383, 32767 and 49151.
    let places = |id, host, sport| -> Vec<u8> {
        workers.iter().map(|worker| worker.allocator.place(&through(id, host, sport)).0).collect()
    };
    for host in 0..20 {
        let [0, 1, two, three] = places(1, host, 5000)[..] else { panic!("those that have some keep it") };
        assert!(two == three && two < 2, "the others agree on one of them");
        assert_eq!(places(2, host, 5000), [0; 4]);
        assert_eq!(places(3, host, 80), [0; 4]);
        assert_eq!(places(3, host, 5000), [0, 1, 2, 3]);
    }
    let spread: HashSet<_> = (0..20).map(|host| places(1, host, 5000)[3]).collect();
    assert_eq!(spread.len(), 2);
    let recipe = workers[0].get(&through(2, 9, 5000));
    assert!(recipe.port.is_some_and(|port| (2000..=2009).contains(&port)));
}

/// Alarms judge sums over workers (nat-pool-35): those of what is in use, and those of what there is.
#[test]
fn what_a_pool_can_give_out_does_not_depend_on_the_number_of_workers() {
    let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.0.0.0"), len: 28 }];
    let plan = DeterministicSpec { block_size: 100, hosts, include_boundary: true };
    let blocks = ravelin_nat::BlockSpec { size: 100, ..ravelin_nat::BlockSpec::default() };
    let modes = [
        (translate(1024, 63487), 2 * 62_464),
        (PoolMode::Blocks(Ports::default(), blocks), 2 * 624),
        (PoolMode::Deterministic(Ports::default(), plan), 2 * 62_464),
        (PoolMode::NoTranslation, 2),
        (PoolMode::Shared, 2 * 65_536),
        (PoolMode::Shift { hosts: Family::V4, base: v4("10.0.0.0") }, 0),
    ];
    for (mode, capacity) in modes {
        let config = config(vec![pool(1, (1, 2), mode)]);
        for count in [1, 2, 3, 8] {
            let workers = (0..count).map(|w| Worker::of(w, count, &config));
            let sum: u64 = workers.filter_map(|w| w.allocator.usage(PoolId(1))).map(|u| u.capacity).sum();
            assert_eq!(sum, capacity, "{count} workers, {:?}", config.pools[0].mode);
        }
    }
}
