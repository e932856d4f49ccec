//! What is told of bindings, and what operators are shown of blocks, pairs and interfaces.

mod kit;

use std::time::Duration;

use kit::{Worker, config, gre, interface, pool, ports, splitmix, tcp, translate, udp, v4};
use ravelin_nat::{
    Action, Assignment, BindingEvent, BlockRecord, BlockSpec, Config, InterfaceUse, LeaseEvent, PairRecord,
    Permit, PersistentRule, PoolId, PoolMode, PoolSpec, Ports, Request,
};
use ravelin_types::{Addr, Family, Instant, Proto, Seconds};

fn told(worker: &mut Worker) -> Vec<BindingEvent> {
    let binding = |event| match event {
        LeaseEvent::Binding(event) => event,
        LeaseEvent::Block(block) => panic!("{block:?}"),
    };
    std::iter::from_fn(|| worker.allocator.next_event()).map(binding).collect()
}

fn paired(low: u16, high: u16) -> PoolSpec {
    PoolSpec { assignment: Assignment::Paired, ..pool(1, (1, 2), translate(low, high)) }
}

fn keeping(permit: Permit) -> Option<PersistentRule> {
    Some(PersistentRule { permit, inactivity: Seconds(60), ..PersistentRule::default() })
}

#[test]
fn a_pair_is_told_with_its_first_session_and_with_its_last() {
    let mut worker = Worker::alone(&config(vec![paired(2000, 2001)]));
    let first = worker.get(&tcp("10.0.0.1", 1));
    let made = BindingEvent {
        made: true,
        pool: Some(PoolId(1)),
        proto: None,
        family: Family::V4,
        token: 0,
        internal: (v4("10.0.0.1"), 0),
        external_family: Family::V4,
        external: (first.addr, 0),
    };
    assert_eq!(told(&mut worker), [made]);
    let (second, third) = (worker.get(&tcp("10.0.0.1", 2)), worker.get(&gre("10.0.0.1")));
    // Refused: its address has no port left. Nothing begins and nothing ends by that.
    assert!(worker.lease(&tcp("10.0.0.1", 3)).is_err());
    for lease in [first.lease, third.lease] {
        worker.release(lease);
    }
    assert_eq!(told(&mut worker), []);
    worker.release(second.lease);
    assert_eq!(told(&mut worker), [BindingEvent { made: false, ..made }]);
    worker.assert_empty();
}

#[test]
fn a_pair_of_a_pool_that_went_ends_in_its_own_family() {
    let six = AddressesOfSix::pool();
    let mut worker = Worker::alone(&config(vec![six]));
    let lease = worker.get(&Request { family: Family::V6, ..tcp("10.0.0.1", 1) });
    worker.allocator.adopt(&Config::default(), worker.now);
    worker.release(lease.lease);
    let families: Vec<_> =
        told(&mut worker).iter().map(|event| (event.made, event.external_family)).collect();
    assert_eq!(families, [(true, Family::V6), (false, Family::V6)]);
}

/// An IPv6 pool for IPv4 hosts.
struct AddressesOfSix;

impl AddressesOfSix {
    fn pool() -> PoolSpec {
        let first = Addr(0x2001_0db8 << 96);
        let range = kit::AddressRange { first, last: Addr(first.0 + 3) };
        PoolSpec { family: Family::V6, ranges: vec![range], ..paired(2000, 2001) }
    }
}

#[test]
fn a_mapping_is_told_with_protocol_and_ports_unless_it_is_silent() {
    for silent in [false, true] {
        let config =
            Config { silent_mappings: silent, ..config(vec![pool(1, (1, 1), translate(2000, 2000))]) };
        let mut worker = Worker::alone(&config);
        let request = Request { persistent: keeping(Permit::AnyRemoteHost), ..udp("10.0.0.1", 5) };
        let lease = worker.get(&request);
        worker.release(lease.lease);
        worker.pass(61);
        worker.allocator.sweep(worker.now, 100);
        let made = BindingEvent {
            made: true,
            pool: Some(PoolId(1)),
            proto: Some(Proto::UDP),
            family: Family::V4,
            token: 0,
            internal: (v4("10.0.0.1"), 5),
            external_family: Family::V4,
            external: (v4("192.0.2.1"), 2000),
        };
        let expected = [made, BindingEvent { made: false, ..made }];
        assert_eq!(told(&mut worker), if silent { &[][..] } else { &expected });
        worker.assert_empty();
    }
}

#[test]
fn a_mapping_of_an_interface_names_no_pool() {
    let interfaces = vec![interface("203.0.113.1", ports(2000, 2000))];
    let mut worker = Worker::alone(&Config { interfaces, ..Config::default() });
    let action = Action::Interface(v4("203.0.113.1"));
    let _lease =
        worker.get(&Request { action, persistent: keeping(Permit::TargetHost), ..udp("10.0.0.1", 5) });
    assert!(matches!(told(&mut worker)[..], [BindingEvent { made: true, pool: None, .. }]));
}

#[test]
fn blocks_of_a_silent_pool_are_told_to_nobody() {
    let spec = BlockSpec { size: 4, is_silent: true, interim_interval: Seconds(10), ..BlockSpec::default() };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Blocks(ports(2000, 2019), spec))]));
    let lease = worker.get(&tcp("10.0.0.1", 1));
    worker.pass(11);
    worker.allocator.sweep(worker.now, 100);
    worker.release(lease.lease);
    assert_eq!(worker.events(), []);
}

#[test]
fn blocks_are_shown_with_their_state() {
    let spec = BlockSpec { size: 2, per_host: 2, active_timeout: Seconds(100), ..BlockSpec::default() };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Blocks(ports(2000, 2005), spec))]));
    let first: Vec<_> = (0..2).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    worker.pass(30);
    let _third = worker.get(&tcp("10.0.0.1", 3));
    worker.pass(10);
    let mut all: Vec<BlockRecord> = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let (records, next) = worker.allocator.walk_blocks(at, 1, worker.now);
        assert!(records.len() <= 1);
        all.extend(records);
        from = next;
    }
    all.sort_by_key(|block| block.is_active);
    let seen: Vec<_> = all.iter().map(|b| (b.used, b.is_active, b.age.as_secs(), b.left)).collect();
    assert_eq!(seen, [(2, false, 40, None), (1, true, 10, Some(Duration::from_secs(90)))]);
    assert!(all.iter().all(|b| (b.pool, b.host, b.external) == (PoolId(1), v4("10.0.0.1"), v4("192.0.2.1"))));
    assert!(all.iter().all(|b| b.high == b.low + 1));
    let range = (all[0].low, all[0].high);
    assert!(first.iter().all(|recipe| (range.0..=range.1).contains(&recipe.port.unwrap())));
}

#[test]
fn hosts_with_an_address_of_their_own_are_shown_and_others_are_not() {
    let blocks = PoolMode::Blocks(ports(2000, 2019), BlockSpec { size: 4, ..BlockSpec::default() });
    let own = PoolSpec { ranges: vec![kit::range(9, 9)], ..pool(3, (9, 9), PoolMode::NoTranslation) };
    let pools = vec![paired(2000, 2009), pool(2, (5, 5), blocks), own];
    let mut worker = Worker::alone(&config(pools));
    let by = |pool, host, sport| Request { action: Action::Pool(PoolId(pool)), ..udp(host, sport) };
    let paired = worker.get(&by(1, "10.0.0.1", 1));
    let _again = worker.get(&by(1, "10.0.0.1", 2));
    let _block = worker.get(&by(2, "10.0.0.1", 3));
    let _own = worker.get(&by(3, "10.0.0.2", 4));
    let (mut records, next) = worker.allocator.walk_pairs(0, 1000);
    assert_eq!(next, None);
    records.sort_by_key(|record| record.pool);
    let record = |pool, internal, external, sessions| PairRecord {
        pool: PoolId(pool),
        family: Family::V4,
        internal: v4(internal),
        external_family: Family::V4,
        external,
        sessions,
    };
    let expected = [record(1, "10.0.0.1", paired.addr, 2), record(3, "10.0.0.2", v4("192.0.2.9"), 1)];
    assert_eq!(records, expected);
}

#[test]
fn ports_of_interfaces_are_counted_by_the_class_that_has_most() {
    let few = Ports { twin: (63488, 63491), ..ports(2000, 2009) };
    let interfaces = vec![interface("203.0.113.1", few), interface("203.0.113.2", few)];
    let mut worker = Worker::alone(&Config { interfaces, ..Config::default() });
    let on = |addr: &str, request: Request| Request { action: Action::Interface(v4(addr)), ..request };
    let _three: Vec<_> = (0..3).map(|n| worker.get(&on("203.0.113.1", tcp("10.0.0.1", n)))).collect();
    let _other = worker.get(&on("203.0.113.1", udp("10.0.0.1", 1)));
    let mut random = 7;
    let pair = on("203.0.113.1", udp("10.0.0.1", 9));
    let taken = worker.allocator.twin(&pair, v4("203.0.113.1"), Instant::ZERO, &mut || splitmix(&mut random));
    assert!(taken.is_ok());
    let mut uses = worker.allocator.walk_interfaces(0, 1000).0;
    uses.sort_by_key(|one| one.addr);
    let of = |addr: &str, single, twin| InterfaceUse {
        family: Family::V4,
        addr: v4(addr),
        single,
        single_max: 10,
        twin,
        twin_max: 4,
    };
    assert_eq!(uses, [of("203.0.113.1", 3, 2), of("203.0.113.2", 0, 0)]);
}
