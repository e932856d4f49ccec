//! Port block allocation: which block serves, when one comes and goes, and what is told of it.

mod kit;

use std::collections::BTreeSet;

use kit::{Worker, config, gre, pool, ports, tcp, udp, v4};
use ravelin_nat::{
    Assignment, BlockChange, BlockEvent, BlockSpec, Config, PoolId, PoolMode, PoolSpec, Recipe, Refusal,
    Request,
};
use ravelin_types::{Addr, Seconds};

/// Pool 1: two addresses, five blocks of four ports each.
fn blocks(spec: BlockSpec) -> PoolSpec {
    pool(1, (1, 2), PoolMode::Blocks(ports(2000, 2019), BlockSpec { size: 4, ..spec }))
}

fn spec(per_host: u16) -> BlockSpec {
    BlockSpec { per_host, ..BlockSpec::default() }
}

fn worker(spec: BlockSpec) -> Worker {
    Worker::alone(&config(vec![blocks(spec)]))
}

fn changes(worker: &mut Worker) -> Vec<BlockChange> {
    worker.events().iter().map(|event| event.change).collect()
}

// Proves: rfc6888-12, rfc6888-14.
#[test]
fn one_event_tells_of_all_ports_that_a_host_uses() {
    let mut worker = worker(spec(2));
    let leases: Vec<Recipe> = (0..4).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    let told = worker.events();
    let [BlockEvent { change: BlockChange::Allocated, pool, host, external, low, high, .. }] = told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((pool, host, high - low), (PoolId(1), v4("10.0.0.1"), 3));
    assert!((low - 2000).is_multiple_of(4));
    let seen: BTreeSet<_> = leases.iter().map(|r| (r.addr, r.port.unwrap())).collect();
    assert_eq!(seen, (low..=high).map(|port| (external, port)).collect());
    // UDP has ports of its own in the same block.
    let more = worker.get(&udp("10.0.0.1", 1));
    assert!(more.addr == external && (low..=high).contains(&more.port.unwrap()));
    assert_eq!(worker.events(), []);
}

// Proves: rfc6888-4.
#[test]
fn a_full_block_is_followed_by_another_up_to_the_maximum() {
    let mut worker = worker(spec(2));
    let mut leases: Vec<Recipe> = (0..8).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    assert_eq!(changes(&mut worker), [BlockChange::Allocated; 2]);
    assert!(leases.iter().all(|recipe| recipe.addr == leases[0].addr), "a host stays with its address");
    assert_eq!(worker.lease(&tcp("10.0.0.1", 9)), Err(Refusal::HostBlocksFull));
    // A port of the older, inactive block that comes free is leased again.
    worker.release(leases.remove(0).lease);
    leases.push(worker.get(&tcp("10.0.0.1", 9)));
    assert_eq!(changes(&mut worker), []);
    assert_eq!(worker.allocator.usage(PoolId(1)).map(|u| (u.held, u.capacity, u.ports[0])), Some((2, 10, 8)));
}

#[test]
fn an_inactive_block_goes_with_its_last_session_and_the_active_one_stays() {
    let mut worker = worker(spec(2));
    let mut leases: Vec<Recipe> = (0..5).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    let newest = leases.pop().unwrap();
    worker.events();
    leases.into_iter().for_each(|recipe| worker.release(recipe.lease));
    assert_eq!(changes(&mut worker), [BlockChange::Released], "the older one");
    worker.release(newest.lease);
    worker.pass(100_000);
    worker.allocator.sweep(worker.now, 1000);
    assert_eq!(changes(&mut worker), [], "without timeouts the last block is the host's for good");
    assert_eq!((worker.allocator.footprint().blocks, worker.allocator.footprint().hosts), (1, 1));
}

#[test]
fn the_last_block_is_recycled_when_idle_for_long_enough() {
    let mut worker = worker(BlockSpec { last_recycle_timeout: Seconds(120), ..spec(2) });
    let first = worker.get(&tcp("10.0.0.1", 1));
    worker.pass(500);
    worker.allocator.sweep(worker.now, 10);
    worker.release(first.lease);
    worker.pass(119);
    worker.allocator.sweep(worker.now, 10);
    assert_eq!(changes(&mut worker), [BlockChange::Allocated]);
    worker.pass(1);
    worker.allocator.sweep(worker.now, 10);
    assert_eq!(changes(&mut worker), [BlockChange::Released]);
    worker.assert_empty();
}

#[test]
fn an_active_block_that_is_old_serves_no_new_session() {
    let mut worker = worker(BlockSpec { active_timeout: Seconds(300), ..spec(8) });
    let first = worker.get(&tcp("10.0.0.1", 1));
    worker.pass(299);
    let second = worker.get(&tcp("10.0.0.1", 2));
    assert_eq!(changes(&mut worker), [BlockChange::Allocated]);
    worker.pass(1);
    let third = worker.get(&tcp("10.0.0.1", 3));
    assert_eq!(changes(&mut worker), [BlockChange::Allocated], "a new block though two ports are free");
    worker.release(first.lease);
    worker.release(second.lease);
    assert_eq!(changes(&mut worker), [BlockChange::Released]);
    worker.release(third.lease);
    worker.pass(300);
    // Old, idle and alone: it goes when the next session comes, and that one gets a fresh block.
    let fourth = worker.get(&tcp("10.0.0.1", 4));
    assert_eq!(changes(&mut worker), [BlockChange::Released, BlockChange::Allocated]);
    worker.release(fourth.lease);
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

#[test]
fn blocks_in_use_are_told_of_again_and_again() {
    let mut worker = worker(BlockSpec { interim_interval: Seconds(1800), ..spec(8) });
    let lease = worker.get(&tcp("10.0.0.1", 1));
    for seconds in [1799, 1, 1799, 1] {
        worker.pass(seconds);
        worker.allocator.sweep(worker.now, 10);
    }
    let told = worker.events();
    let seen: Vec<_> = told.iter().map(|event| (event.change, event.at.as_secs(), event.used)).collect();
    let (allocated, interim) = (BlockChange::Allocated, BlockChange::Interim);
    assert_eq!(seen, [(allocated, 0, 0), (interim, 1800, 1), (interim, 3600, 1)]);
    worker.release(lease.lease);
}

#[test]
fn every_block_can_be_had_and_then_none() {
    let mut worker = worker(spec(1));
    let hosts = (1..=10u8).map(|n| Request { source: Addr::v4([10, 0, 0, n]), ..tcp("10.0.0.0", 1) });
    let leases: Vec<Recipe> = hosts.map(|request| worker.get(&request)).collect();
    let places: BTreeSet<_> = worker.events().iter().map(|e| (e.external, e.low)).collect();
    assert_eq!(places.len(), 10);
    assert_eq!(worker.lease(&tcp("10.0.0.99", 1)), Err(Refusal::BlocksExhausted));
    assert_eq!(worker.allocator.footprint().hosts, 10, "a refused host is not remembered");
    assert_eq!(worker.lease(&gre("10.0.0.1")), Err(Refusal::NoPorts));
    drop(leases);
}

#[test]
fn a_paired_host_gets_no_block_at_another_address() {
    let paired = PoolSpec { assignment: Assignment::Paired, ..blocks(spec(8)) };
    let mut worker = Worker::alone(&config(vec![paired]));
    let alone = std::iter::from_fn(|| worker.lease(&tcp("10.0.0.1", 1)).ok()).collect::<Vec<_>>();
    assert_eq!(alone.len(), 20, "five blocks of four, though it may have eight");
    assert_eq!(worker.lease(&tcp("10.0.0.1", 1)), Err(Refusal::BlocksExhausted));
    let mut worker = Worker::alone(&config(vec![blocks(spec(8))]));
    let both = std::iter::from_fn(|| worker.lease(&tcp("10.0.0.1", 1)).ok()).count();
    assert_eq!(both, 32, "eight blocks of four");
}

#[test]
fn a_new_geometry_steps_round_the_ports_of_old_sessions() {
    let mut worker = worker(spec(8));
    let old: Vec<Recipe> = (0..6).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    worker.events();
    let wider = pool(1, (1, 2), PoolMode::Blocks(ports(2000, 2019), BlockSpec { size: 5, ..spec(1) }));
    let adopted = worker.allocator.adopt(&config(vec![wider]), worker.now);
    assert_eq!((adopted.changed, adopted.must_end), (vec![PoolId(1)], vec![PoolId(1)]));
    let held: BTreeSet<_> = old.iter().map(|r| (r.addr, r.port.unwrap())).collect();
    let fresh: Vec<Recipe> = (2..60u8)
        .filter_map(|n| worker.lease(&Request { source: Addr::v4([10, 0, 0, n]), ..tcp("10.0.0.0", 1) }).ok())
        .collect();
    for event in worker.events() {
        assert!(
            held.iter()
                .all(|(addr, port)| *addr != event.external || !(event.low..=event.high).contains(port))
        );
    }
    // Six old ports in one or two of the eight new blocks of each address.
    assert!((4..8).contains(&fresh.len()), "{}", fresh.len());
    old.into_iter().for_each(|recipe| worker.release(recipe.lease));
    assert_eq!(worker.events().iter().filter(|e| e.change == BlockChange::Released).count(), 2);
    let more = (100..200u8)
        .filter(|n| worker.lease(&Request { source: Addr::v4([10, 0, 0, *n]), ..udp("10.0.0.0", 1) }).is_ok())
        .count();
    assert_eq!(fresh.len() + more, 8, "all of both addresses once the old ones are back");
}

#[test]
fn events_are_bounded_and_losses_counted() {
    let limits = ravelin_nat::Limits { events: 2, ..kit::small() };
    let mut worker = Worker::with(0, 1, &config(vec![blocks(spec(8))]), limits);
    for n in 1..=3u8 {
        let recipe = worker.get(&Request { source: Addr::v4([10, 0, 0, n]), ..tcp("10.0.0.0", 1) });
        worker.release(recipe.lease);
    }
    assert_eq!(worker.events().len(), 2);
    assert_eq!(worker.allocator.footprint().events_lost, 1);
}

#[test]
fn a_full_table_of_blocks_refuses_and_leaves_nothing_behind() {
    let limits = ravelin_nat::Limits { blocks: 1, ..kit::small() };
    let config: Config = config(vec![blocks(spec(8))]);
    let mut worker = Worker::with(0, 1, &config, limits);
    let first = worker.get(&tcp("10.0.0.1", 1));
    assert_eq!(worker.lease(&tcp("10.0.0.2", 1)), Err(Refusal::BlockTableFull));
    assert_eq!(worker.allocator.usage(PoolId(1)).map(|u| u.held), Some(1));
    assert_eq!(worker.allocator.footprint().hosts, 1);
    worker.release(first.lease);
}

/// A session of a peer, or of before a restart, brings its block: that was told when the host got it.
#[test]
fn a_block_that_comes_with_a_session_is_told_as_in_use_and_its_end_once() {
    let mut worker = worker(BlockSpec { active_timeout: Seconds(60), ..spec(2) });
    let first =
        worker.allocator.restore(&tcp("10.0.0.1", 1), v4("192.0.2.1"), Some(2005), worker.now).unwrap();
    let second =
        worker.allocator.restore(&udp("10.0.0.1", 1), v4("192.0.2.1"), Some(2006), worker.now).unwrap();
    let told = worker.events();
    let [BlockEvent { change: BlockChange::Interim, low: 2004, high: 2007, blocks: 1, blocks_max: 2, .. }] =
        told[..]
    else {
        panic!("{told:?}")
    };
    [first, second].into_iter().for_each(|recipe| worker.allocator.release(recipe.lease, worker.now));
    worker.pass(61);
    worker.allocator.sweep(worker.now, 1000);
    let told = worker.events();
    let [BlockEvent { change: BlockChange::Released, low: 2004, blocks: 0, .. }] = told[..] else {
        panic!("{told:?}")
    };
}

#[test]
fn each_change_says_how_many_blocks_its_host_has_and_may_have() {
    let mut worker = worker(spec(2));
    let mut leases: Vec<Recipe> = (0..5).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    let other = worker.get(&tcp("10.0.0.2", 1));
    leases.drain(..4).for_each(|recipe| worker.release(recipe.lease));
    let said: Vec<_> = worker.events().iter().map(|e| (e.change, e.host, e.blocks, e.blocks_max)).collect();
    let (one, two) = (v4("10.0.0.1"), v4("10.0.0.2"));
    let expected = [
        (BlockChange::Allocated, one, 1, 2),
        (BlockChange::Allocated, one, 2, 2),
        (BlockChange::Allocated, two, 1, 2),
        (BlockChange::Released, one, 1, 2),
    ];
    assert_eq!(said, expected);
    leases.into_iter().chain([other]).for_each(|recipe| worker.release(recipe.lease));
}
