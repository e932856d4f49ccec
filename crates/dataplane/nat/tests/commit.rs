//! What a commit does to leases: what stays, what drains, what must be ended.

mod kit;

use std::collections::HashSet;

use kit::{Worker, config, interface, pool, ports, tcp, translate, udp, v4};
use ravelin_nat::{
    Action, Assignment, Config, ConfigError, DeterministicSpec, HostPrefix, PoolId, PoolMode, PoolSpec,
    Ports, Refusal, Request,
};
use ravelin_types::{Family, Instant};

#[test]
fn an_address_that_stays_keeps_its_leases() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(5000, 5007))]));
    let old: Vec<_> = (0..5).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    let adopted = worker.allocator.adopt(&config(vec![pool(1, (1, 2), translate(5000, 5007))]), worker.now);
    assert_eq!((adopted.changed, adopted.must_end), (vec![PoolId(1)], vec![]));
    let held: HashSet<_> = old.iter().map(|r| (r.addr, r.port)).collect();
    let new: Vec<_> = std::iter::from_fn(|| worker.lease(&tcp("10.0.0.2", 1)).ok()).collect();
    assert_eq!(new.len(), 3 + 8);
    assert!(new.iter().all(|r| !held.contains(&(r.addr, r.port))));
    old.into_iter().chain(new).for_each(|recipe| worker.release(recipe.lease));
    worker.assert_empty();
}

#[test]
fn an_address_that_goes_remembers_its_leases_until_they_are_back() {
    let wide = config(vec![pool(1, (1, 2), translate(5000, 5000))]);
    let narrow = config(vec![pool(1, (1, 1), translate(5000, 5000))]);
    let mut worker = Worker::alone(&wide);
    let both = [worker.get(&tcp("10.0.0.1", 1)), worker.get(&tcp("10.0.0.1", 2))];
    worker.allocator.adopt(&narrow, worker.now);
    assert_eq!(worker.lease(&tcp("10.0.0.1", 3)), Err(Refusal::PortsExhausted));
    assert_eq!(worker.allocator.footprint().addresses, 2);
    // It comes back while the lease is out: the lease is still known.
    worker.allocator.adopt(&wide, worker.now);
    assert_eq!(worker.lease(&tcp("10.0.0.1", 3)), Err(Refusal::PortsExhausted));
    worker.allocator.adopt(&narrow, worker.now);
    both.into_iter().for_each(|recipe| worker.release(recipe.lease));
    worker.allocator.adopt(&narrow, worker.now);
    assert_eq!(worker.allocator.footprint().addresses, 1);
    worker.assert_empty();
}

#[test]
fn bitmaps_do_not_pile_up_over_commits() {
    let a =
        config(vec![pool(1, (1, 100), translate(5000, 5007)), pool(2, (101, 150), PoolMode::NoTranslation)]);
    let b = config(vec![pool(1, (50, 149), PoolMode::Translate(Ports { overload: 3, ..ports(5000, 5007) }))]);
    let mut worker = Worker::alone(&a);
    let first = worker.allocator.footprint();
    for _ in 0..20 {
        for config in [&b, &a] {
            let recipe = worker.get(&tcp("10.0.0.1", 1));
            worker.allocator.adopt(config, worker.now);
            worker.release(recipe.lease);
        }
        worker.allocator.adopt(&a, worker.now);
    }
    assert_eq!(worker.allocator.footprint(), first);
    assert_eq!(worker.allocator.adopt(&a, worker.now).changed, []);
}

#[test]
fn no_pools_at_all_is_a_program_too() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 2), translate(5000, 5007))]));
    let left = worker.get(&tcp("10.0.0.1", 1));
    worker.allocator.adopt(&Config::default(), worker.now);
    assert_eq!(worker.lease(&tcp("10.0.0.1", 1)), Err(Refusal::PoolUnusable));
    worker.release(left.lease);
    worker.allocator.adopt(&Config::default(), worker.now);
    assert_eq!(worker.allocator.footprint(), ravelin_nat::Footprint::default());
    worker.assert_empty();
}

#[test]
fn a_lower_factor_holds_for_ports_that_were_shared() {
    let with = |overload| {
        config(vec![pool(1, (1, 1), PoolMode::Translate(Ports { overload, ..ports(7000, 7007) }))])
    };
    let mut worker = Worker::alone(&with(4));
    let to = |n: u32| Request { remote: (ravelin_types::Addr(u128::from(n)), 1), ..tcp("10.0.0.1", 1) };
    // What is held is in other layers than the one that a factor of 1 has.
    let (first, old): (Vec<_>, Vec<_>) =
        (0..9).map(|n| worker.get(&to(n))).partition(|recipe| recipe.lease.layer() == 0);
    first.into_iter().for_each(|recipe| worker.release(recipe.lease));
    assert!(!old.is_empty());
    let held: HashSet<_> = old.iter().map(|r| r.port).collect();
    worker.allocator.adopt(&with(1), worker.now);
    let alone: Vec<_> = std::iter::from_fn(|| worker.lease(&to(9)).ok()).collect();
    let ports_alone: HashSet<_> = alone.iter().map(|r| r.port).collect();
    assert_eq!(alone.len(), ports_alone.len());
    assert!(ports_alone.is_disjoint(&held));
    assert_eq!(ports_alone.len() + held.len(), 8);
    // And back: those leased alone are alone still.
    worker.allocator.adopt(&with(4), worker.now);
    assert!((0..100).all(|n| worker.lease(&to(n)).is_err()));
    alone.into_iter().chain(old).for_each(|recipe| worker.release(recipe.lease));
    assert_eq!((0..1000).filter(|n| worker.lease(&to(*n)).is_ok()).count(), 32);
}

#[test]
fn ports_given_by_another_mode_are_waited_for() {
    let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.0.0.0"), len: 30 }];
    let plan = DeterministicSpec { block_size: 2, hosts, include_boundary: true };
    let determined = config(vec![pool(1, (1, 1), PoolMode::Deterministic(ports(5000, 5007), plan))]);
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(5000, 5007))]));
    let old = worker.get(&udp("10.0.0.1", 1));
    let adopted = worker.allocator.adopt(&determined, worker.now);
    assert_eq!(adopted.must_end, [PoolId(1)]);
    assert_eq!(worker.lease(&tcp("10.0.0.1", 1)), Err(Refusal::Draining));
    worker.release(old.lease);
    assert_eq!(worker.get(&tcp("10.0.0.1", 1)).port.map(|p| p / 2), Some(5002 / 2));
}

#[test]
fn an_address_that_moves_to_a_pool_of_another_kind_must_end_its_sessions() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 2), translate(5000, 5007))]));
    let moved = config(vec![pool(1, (1, 1), translate(5000, 5007)), pool(2, (2, 2), PoolMode::Shared)]);
    assert_eq!(worker.allocator.adopt(&moved, Instant::ZERO).must_end, [PoolId(1)]);
    let plain = config(vec![pool(1, (1, 1), translate(5000, 5007)), pool(2, (2, 2), translate(5000, 5007))]);
    assert_eq!(worker.allocator.adopt(&plain, Instant::ZERO).must_end, [PoolId(2)]);
    let swapped =
        config(vec![pool(1, (2, 2), translate(5000, 5007)), pool(2, (1, 1), translate(5000, 5007))]);
    assert_eq!(worker.allocator.adopt(&swapped, Instant::ZERO).must_end, []);
}

#[test]
fn hosts_whose_address_is_gone_begin_anew_and_others_go_on() {
    let with = |first, last| {
        config(vec![
            PoolSpec { assignment: Assignment::Paired, ..pool(1, (first, last), translate(5000, 5999)) },
            pool(2, (first + 100, last + 100), PoolMode::NoTranslation),
        ])
    };
    let mut worker = Worker::alone(&with(1, 2));
    let own = |host| Request { action: Action::Pool(PoolId(2)), ..tcp(host, 1) };
    let hosts = ["10.0.0.1", "10.0.0.2"];
    let paired = hosts.map(|host| worker.get(&tcp(host, 1)));
    let owned = hosts.map(|host| worker.get(&own(host)));
    worker.allocator.adopt(&with(2, 3), worker.now);
    for (host, before) in hosts.iter().zip(&paired) {
        let after = worker.get(&tcp(host, 2));
        assert_eq!(after.addr == before.addr, before.addr == v4("192.0.2.2"), "{host}");
        worker.release(after.lease);
    }
    let again = hosts.map(|host| worker.get(&own(host)));
    for (before, after) in owned.iter().zip(&again) {
        assert_eq!(after.addr == before.addr, before.addr == v4("192.0.2.102"));
    }
    assert_ne!(again[0].addr, again[1].addr);
    assert_eq!(worker.lease(&own("10.0.0.3")), Err(Refusal::AddressesExhausted));
    paired.into_iter().chain(owned).chain(again).for_each(|recipe| worker.release(recipe.lease));
    worker.assert_empty();
    assert_eq!(worker.allocator.usage(PoolId(2)).map(|u| u.held), Some(0));
}

#[test]
fn a_faulty_pool_refuses_while_the_others_lease() {
    let bad = PoolSpec { ranges: Vec::new(), ..pool(2, (2, 2), translate(5000, 5007)) };
    let mut worker = Worker::alone(&Config::default());
    let adopted =
        worker.allocator.adopt(&config(vec![pool(1, (1, 1), translate(5000, 5007)), bad]), worker.now);
    assert_eq!(adopted.errors, [ConfigError::NoAddress(PoolId(2))]);
    assert!(worker.lease(&tcp("10.0.0.1", 1)).is_ok());
    let through_bad = Request { action: Action::Pool(PoolId(2)), ..tcp("10.0.0.1", 1) };
    assert_eq!(worker.lease(&through_bad), Err(Refusal::PoolUnusable));
}

#[test]
fn a_hint_of_fullness_does_not_outlive_what_made_it() {
    let withheld = |low, high| Config {
        withheld: vec![ravelin_nat::Withheld {
            family: Family::V4,
            addr: v4("192.0.2.1"),
            class: ravelin_nat::PortClass::Tcp,
            low,
            high,
        }],
        ..config(vec![pool(1, (1, 1), translate(5000, 5001))])
    };
    let mut worker = Worker::alone(&withheld(5000, 5001));
    assert_eq!(worker.lease(&tcp("10.0.0.1", 1)), Err(Refusal::PortsExhausted));
    worker.allocator.adopt(&withheld(5000, 5000), worker.now);
    assert_eq!(worker.get(&tcp("10.0.0.1", 1)).port, Some(5001));
}

#[test]
fn sessions_that_bring_their_endpoint_get_it_or_nothing() {
    let interfaces = vec![interface("203.0.113.1", Ports::default())];
    let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.0.0.0"), len: 30 }];
    let plan = DeterministicSpec { block_size: 4, hosts, include_boundary: true };
    let blocks = ravelin_nat::BlockSpec { size: 4, per_host: 2, ..ravelin_nat::BlockSpec::default() };
    let pools = vec![
        PoolSpec { assignment: Assignment::Paired, ..pool(1, (1, 2), translate(5000, 5007)) },
        pool(2, (3, 3), PoolMode::Blocks(ports(5000, 5007), blocks)),
        pool(3, (4, 4), PoolMode::Deterministic(ports(5000, 5015), plan)),
        pool(4, (5, 6), PoolMode::NoTranslation),
        pool(5, (7, 7), PoolMode::Shared),
        pool(6, (8, 9), PoolMode::Shift { hosts: Family::V4, base: v4("10.0.0.1") }),
    ];
    let mut worker = Worker::alone(&Config { pools, interfaces, ..Config::default() });
    let through = |id, host| Request { action: Action::Pool(PoolId(id)), ..tcp(host, 6000) };
    let unit = Request { action: Action::Interface(v4("203.0.113.1")), ..tcp("10.0.0.1", 1) };
    let cases = [
        (unit, "203.0.113.1", Some(7000)),
        (through(1, "10.0.0.1"), "192.0.2.2", Some(5003)),
        (through(2, "10.0.0.1"), "192.0.2.3", Some(5005)),
        (through(3, "10.0.0.1"), "192.0.2.4", Some(5006)),
        (through(4, "10.0.0.1"), "192.0.2.6", None),
        (through(5, "10.0.0.1"), "192.0.2.7", None),
        (through(6, "10.0.0.2"), "192.0.2.9", None),
    ];
    let mut leases = Vec::new();
    for (request, external, port) in cases {
        let restored = worker.allocator.restore(&request, v4(external), port, worker.now);
        let recipe = restored.unwrap_or_else(|refused| panic!("{refused:?} {external}"));
        assert_eq!((recipe.addr, recipe.port), (v4(external), port));
        leases.push(recipe.lease);
        let other = Request { source: v4("10.0.0.3"), ..request };
        assert!(
            worker.allocator.restore(&other, v4(external), port, worker.now).is_err(),
            "{external} twice"
        );
    }
    // A new session of the same host finds what the restored one showed.
    let paired = worker.get(&through(1, "10.0.0.1"));
    let block = worker.get(&through(2, "10.0.0.1"));
    assert_eq!((paired.addr, block.port.map(|p| p / 4)), (v4("192.0.2.2"), Some(5005 / 4)));
    let own = worker.get(&through(4, "10.0.0.1"));
    assert_eq!(own.addr, v4("192.0.2.6"));
    leases.extend([paired.lease, block.lease, own.lease]);
    leases.into_iter().for_each(|lease| worker.release(lease));
    worker.allocator.adopt(&Config::default(), worker.now);
    worker.assert_empty();
}

#[test]
fn a_block_taken_for_a_port_that_is_not_free_goes_back() {
    let mode = |block| PoolMode::Blocks(ports(5000, 5007), block);
    let block = ravelin_nat::BlockSpec { size: 4, per_host: 2, ..ravelin_nat::BlockSpec::default() };
    let withheld = vec![ravelin_nat::Withheld {
        family: Family::V4,
        addr: v4("192.0.2.1"),
        class: ravelin_nat::PortClass::Tcp,
        low: 5001,
        high: 5001,
    }];
    let config = Config { withheld, ..config(vec![pool(1, (1, 1), mode(block))]) };
    let mut worker = Worker::alone(&config);
    let restored = worker.allocator.restore(&tcp("10.0.0.1", 9), v4("192.0.2.1"), Some(5001), worker.now);
    assert_eq!(restored, Err(Refusal::PortTaken));
    worker.assert_empty();
}

#[test]
fn a_pairing_of_before_frees_no_address_of_another_mode() {
    let paired = PoolSpec { assignment: Assignment::Paired, ..pool(1, (1, 1), translate(5000, 5007)) };
    let mut worker = Worker::alone(&config(vec![paired]));
    let tunnel = worker.get(&kit::gre("10.0.0.1"));
    worker.allocator.adopt(&config(vec![pool(1, (1, 1), PoolMode::NoTranslation)]), worker.now);
    let own = worker.get(&tcp("10.0.0.2", 1));
    worker.release(tunnel.lease);
    assert_eq!(worker.lease(&tcp("10.0.0.3", 1)), Err(Refusal::AddressesExhausted));
    worker.release(own.lease);
    worker.assert_empty();
}
