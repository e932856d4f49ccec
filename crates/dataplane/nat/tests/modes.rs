//! Each port mode of a pool, each way to choose an address, and what happens when nothing is left.

mod kit;

use std::collections::{BTreeSet, HashSet};

use kit::{Worker, config, gre, interface, pool, ports, tcp, translate, udp, v4};
use ravelin_nat::{
    Action, Assignment, Config, DeterministicSpec, HostPrefix, Overflow, PoolId, PoolMode, PoolSpec,
    PortClass, Ports, Realm, Recipe, Refusal, Request, Selection, Withheld,
};
use ravelin_types::{Addr, Family, Proto, WorkerId};

fn through_interface(addr: &str, request: Request) -> Request {
    Request { action: Action::Interface(v4(addr)), ..request }
}

// Proves: rfc6888-13.
#[test]
fn every_port_of_the_default_range_is_leased_once_and_then_none() {
    let config = Config { interfaces: vec![interface("192.0.2.1", Ports::default())], ..Config::default() };
    let mut worker = Worker::alone(&config);
    let request = through_interface("192.0.2.1", tcp("10.0.0.1", 1));
    let mut leases: Vec<_> = (0..62464).map(|_| worker.get(&request)).collect();
    let seen: BTreeSet<u16> = leases.iter().filter_map(|recipe| recipe.port).collect();
    assert_eq!(seen, (1024..=63487).collect());
    assert_eq!(worker.lease(&request), Err(Refusal::PortsExhausted));
    assert!(worker.lease(&through_interface("192.0.2.1", udp("10.0.0.1", 1))).is_ok_and(|r| {
        worker.release(r.lease);
        true
    }));
    let Recipe { port, lease, .. } = leases.swap_remove(777);
    worker.release(lease);
    let again = worker.get(&request);
    assert_eq!(again.port, port);
    worker.release(again.lease);
    leases.into_iter().for_each(|recipe| worker.release(recipe.lease));
    worker.assert_empty();
}

#[test]
fn an_address_that_is_no_interface_gives_nothing() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(1024, 2000))]));
    let request = tcp("10.0.0.1", 1);
    assert_eq!(worker.lease(&through_interface("192.0.2.1", request)), Err(Refusal::InterfaceUnknown));
    assert_eq!(
        worker.lease(&Request { action: Action::Pool(PoolId(2)), ..request }),
        Err(Refusal::PoolUnusable)
    );
    assert_eq!(worker.lease(&Request { family: Family::V6, ..request }), Err(Refusal::WrongFamily));
    assert_eq!(worker.allocator.counters().refused.iter().sum::<u64>(), 3);
}

#[test]
fn interface_and_pool_on_one_address_never_give_the_same_port() {
    let config = Config {
        pools: vec![pool(1, (1, 1), translate(2000, 2099)), pool(2, (1, 1), translate(2050, 2149))],
        interfaces: vec![interface("192.0.2.1", ports(2000, 2149))],
        allow_overlapping: true,
        ..Config::default()
    };
    let mut worker = Worker::alone(&config);
    let actions = [Action::Pool(PoolId(1)), Action::Pool(PoolId(2)), Action::Interface(v4("192.0.2.1"))];
    let mut seen = HashSet::new();
    for turn in 0.. {
        let request = Request { action: actions[turn % 3], ..tcp("10.0.0.1", turn as u16) };
        match worker.lease(&request) {
            Ok(recipe) => assert!(seen.insert(recipe.port), "{:?} twice", recipe.port),
            Err(refused) => {
                assert_eq!(refused, Refusal::PortsExhausted);
                if seen.len() == 150 {
                    break;
                }
            }
        }
    }
}

// Proves: rfc4787-11.
#[test]
fn addresses_take_turns_and_a_full_one_is_passed_over() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 3), translate(5000, 5009))]));
    let leases: Vec<_> = (0..30).map(|n| worker.get(&udp("10.0.0.1", n))).collect();
    let firsts: Vec<_> = leases[..4].iter().map(|recipe| recipe.addr.octets4()[3]).collect();
    assert_eq!(firsts, [1, 2, 3, 1]);
    let seen: HashSet<_> = leases.iter().map(|recipe| (recipe.addr, recipe.port)).collect();
    assert_eq!(seen.len(), 30);
    assert_eq!(worker.lease(&udp("10.0.0.1", 9)), Err(Refusal::PortsExhausted));
    for recipe in leases {
        if recipe.addr == v4("192.0.2.2") && recipe.port == Some(5007) {
            worker.release(recipe.lease);
        }
    }
    let last = worker.get(&udp("10.0.0.1", 9));
    assert_eq!((last.addr, last.port), (v4("192.0.2.2"), Some(5007)));
}

#[test]
fn an_address_persistent_host_keeps_its_address_and_hosts_are_spread() {
    let persistent = Assignment::Persistent { ipv6_prefix: 64 };
    let mut worker = Worker::alone(&config(vec![PoolSpec {
        assignment: persistent,
        ..pool(1, (0, 7), translate(1024, 63487))
    }]));
    let mut used = HashSet::new();
    for host in 0..64u32 {
        let request = Request { source: Addr(0x0a00_0000 + u128::from(host)), ..tcp("10.0.0.0", 9) };
        let first = worker.get(&request).addr;
        assert!((0..20).all(|_| worker.get(&request).addr == first));
        used.insert(first);
    }
    assert_eq!(used.len(), 8, "64 hosts on 8 addresses leave none unused, but by a chance of 1 in 500");
    let v6 = |low| Request {
        source_family: Family::V6,
        source: Addr(0x2001_0db8_u128 << 96 | low),
        ..tcp("10.0.0.0", 9)
    };
    let first = worker.get(&v6(1)).addr;
    assert!((2..40).all(|low| worker.get(&v6(low << 40)).addr == first), "one /64 is one subscriber");
}

/// After failover a host of a routing instance must be who it was, whatever number the instance has on the other node.
#[test]
fn an_address_persistent_host_has_the_same_address_on_every_node() {
    let spec = PoolSpec {
        assignment: Assignment::Persistent { ipv6_prefix: 128 },
        ..pool(1, (0, 7), translate(1024, 63487))
    };
    let node = |token, name| {
        let realms = vec![Realm { token: 9, name: 5 }, Realm { token, name }];
        Worker::alone(&Config { realms, ..config(vec![spec.clone()]) })
    };
    let addresses = |mut node: Worker, token| {
        let host =
            |n: u32| Request { source: Addr(0x0a00_0000 + u128::from(n)), token, ..tcp("10.0.0.0", 9) };
        (0..64).map(|n| node.get(&host(n)).addr).collect::<Vec<_>>()
    };
    let here = addresses(node(1, 77), 1);
    assert_eq!(here, addresses(node(7, 77), 7));
    assert_ne!(here, addresses(node(1, 78), 1), "two instances are two sets of hosts");
    assert_ne!(here, addresses(node(1, 77), 0), "and so is the default one");
}

// Proves: rfc4787-2, rfc7857-3.
#[test]
fn a_paired_host_stays_with_its_address_until_its_last_session() {
    let mut worker = Worker::alone(&config(vec![PoolSpec {
        assignment: Assignment::Paired,
        ..pool(1, (1, 2), translate(5000, 5003))
    }]));
    let mine: Vec<_> = (0..4).map(|n| worker.get(&tcp("10.0.0.1", n))).collect();
    assert!(mine.iter().all(|recipe| recipe.addr == mine[0].addr));
    assert_eq!(worker.lease(&tcp("10.0.0.1", 9)), Err(Refusal::PairedAddressExhausted));
    // GRE has no port, but belongs to the host all the same.
    let tunnel = worker.get(&gre("10.0.0.1"));
    assert_eq!((tunnel.addr, tunnel.port), (mine[0].addr, None));
    // Another host finds room, whatever address it hashes to.
    let other = worker.get(&tcp("10.0.0.2", 1));
    assert_ne!(other.addr, mine[0].addr);
    assert_eq!(worker.allocator.footprint().hosts, 2);
    let address = tunnel.addr;
    for recipe in mine.into_iter().chain([other]) {
        worker.release(recipe.lease);
    }
    assert_eq!(worker.allocator.footprint().hosts, 1, "the tunnel is a session too");
    let later = worker.get(&tcp("10.0.0.1", 7));
    assert_eq!(later.addr, address);
    worker.release(tunnel.lease);
    worker.release(later.lease);
    worker.assert_empty();
}

// Proves: rfc4787-3a, rfc4787-4.
#[test]
fn parity_and_range_are_kept_when_asked() {
    let kept = Ports { preserve_parity: true, preserve_range: true, ..Ports::default() };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Translate(kept))]));
    for sport in [1, 2, 1023, 1024, 1025, 40000, 65535] {
        for _ in 0..50 {
            let port = worker.get(&udp("10.0.0.1", sport)).port.unwrap();
            assert_eq!((port % 2, port <= 1023), (sport % 2, sport <= 1023), "{sport} became {port}");
            assert!((1..=63487).contains(&port));
        }
    }
    // 511 even privileged ports: 2 to 1022. Three times fifty odd and fifty even ones are gone.
    let even = std::iter::from_fn(|| worker.lease(&udp("10.0.0.1", 512)).ok()).count();
    assert_eq!(even, 511 - 50);
    let identifiers: HashSet<_> = (0..64)
        .map(|_| worker.get(&Request { proto: Proto::ICMP, ..udp("10.0.0.1", 2) }).port.unwrap() % 2)
        .collect();
    assert_eq!(identifiers.len(), 2, "an echo identifier has no parity to keep");
}

#[test]
fn round_robin_goes_from_port_to_port() {
    let turns = Ports { selection: Selection::RoundRobin, ..ports(6000, 6002) };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Translate(turns))]));
    let first = worker.get(&tcp("10.0.0.1", 1));
    assert_eq!(first.port, Some(6000));
    worker.release(first.lease);
    let next: Vec<_> = (0..3).map(|_| worker.get(&tcp("10.0.0.1", 1)).port).collect();
    assert_eq!(next, [Some(6001), Some(6002), Some(6000)]);
}

// Proves: rfc7857-2.
#[test]
fn an_overloaded_port_has_as_many_sessions_as_the_factor_and_no_two_to_one_remote() {
    let four = Ports { overload: 4, ..ports(7000, 7063) };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Translate(four))]));
    let mut seen = HashSet::new();
    let mut sessions = vec![0; 65536];
    for remote in 0..4000u32 {
        let remote = (Addr(u128::from(remote / 2)), (remote % 2) as u16);
        if let Ok(recipe) = worker.lease(&Request { remote, ..tcp("10.0.0.1", 5) }) {
            assert!(seen.insert((recipe.port, remote)));
            sessions[usize::from(recipe.port.unwrap())] += 1;
        }
    }
    assert_eq!(seen.len(), 4 * 64, "thousands of remotes find every place");
    assert!(sessions[7000..=7063].iter().all(|n| *n == 4));
    // One remote alone finds each port once and no more.
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Translate(four))]));
    let to_one: HashSet<_> =
        std::iter::from_fn(|| worker.lease(&tcp("10.0.0.1", 5)).ok().map(|r| r.port)).collect();
    assert_eq!(to_one.len(), 64);
}

#[test]
fn where_two_lease_from_an_address_the_lower_factor_holds() {
    let four = Ports { overload: 4, ..ports(7000, 7003) };
    let config = Config {
        pools: vec![pool(1, (1, 1), PoolMode::Translate(four))],
        interfaces: vec![interface("192.0.2.1", ports(7000, 7003))],
        ..Config::default()
    };
    let mut worker = Worker::alone(&config);
    let to = |n: u32| Request { remote: (Addr(u128::from(n)), 1), ..tcp("10.0.0.1", 5) };
    assert_eq!((0..100).filter(|n| worker.lease(&to(*n)).is_ok()).count(), 4);
}

#[test]
fn withheld_ports_are_not_leased() {
    let withhold =
        |class, low, high| Withheld { family: Family::V4, addr: v4("192.0.2.1"), class, low, high };
    let config = Config {
        pools: vec![pool(1, (1, 1), translate(2000, 2009))],
        withheld: vec![withhold(PortClass::Tcp, 2003, 2006), withhold(PortClass::Tcp, 2009, 2009)],
        ..Config::default()
    };
    let mut worker = Worker::alone(&config);
    let tcp_ports: BTreeSet<_> =
        std::iter::from_fn(|| worker.lease(&tcp("10.0.0.1", 5)).ok()?.port).collect();
    assert_eq!(tcp_ports, BTreeSet::from([2000, 2001, 2002, 2007, 2008]));
    let udp_ports = std::iter::from_fn(|| worker.lease(&udp("10.0.0.1", 5)).ok()).count();
    assert_eq!(udp_ports, 10);
}

// Proves: rfc3022-1.
#[test]
fn without_translation_a_host_has_an_address_of_its_own() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 2), PoolMode::NoTranslation)]));
    let (a, b) = (worker.get(&tcp("10.0.0.1", 5)), worker.get(&tcp("10.0.0.2", 5)));
    assert_ne!(a.addr, b.addr);
    assert_eq!((a.port, b.port), (None, None));
    let more = worker.get(&gre("10.0.0.1"));
    assert_eq!(more.addr, a.addr);
    assert_eq!(worker.lease(&tcp("10.0.0.3", 5)), Err(Refusal::AddressesExhausted));
    assert_eq!(worker.allocator.usage(PoolId(1)).map(|u| (u.used(), u.capacity)), Some((2, 2)));
    let free = a.addr;
    worker.release(a.lease);
    assert_eq!(worker.lease(&tcp("10.0.0.3", 5)), Err(Refusal::AddressesExhausted), "one session is left");
    worker.release(more.lease);
    let third = worker.get(&tcp("10.0.0.3", 5));
    assert_eq!(third.addr, free);
    // The same address in another routing instance is another host.
    assert_eq!(worker.lease(&Request { token: 1, ..tcp("10.0.0.3", 5) }), Err(Refusal::AddressesExhausted));
    worker.release(third.lease);
    worker.release(b.lease);
    worker.assert_empty();
}

#[test]
fn hosts_share_addresses_while_their_ports_differ() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 2), PoolMode::Shared)]));
    let hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let same: Vec<_> = hosts.iter().map(|host| worker.lease(&tcp(host, 5000))).collect();
    let addresses: HashSet<_> = same.iter().flatten().map(|recipe| recipe.addr).collect();
    assert_eq!(addresses.len(), 2);
    assert_eq!(same[2], Err(Refusal::PortTaken));
    let again = worker.get(&Request { remote: (v4("203.0.113.9"), 1), ..tcp("10.0.0.1", 5000) });
    assert_eq!(Some(again.addr), same[0].as_ref().ok().map(|r| r.addr), "one endpoint, two remotes");
    worker.release(again.lease);
    assert_eq!(worker.lease(&tcp("10.0.0.3", 5000)), Err(Refusal::PortTaken), "its other session goes on");
    let other = worker.get(&tcp("10.0.0.3", 5001));
    assert_eq!((other.port, other.stub(&kit_affinity())), (None, None));
    for recipe in same.into_iter().flatten().chain([other]) {
        worker.release(recipe.lease);
    }
    worker.assert_empty();
}

fn kit_affinity() -> ravelin_nat::Affinity {
    ravelin_nat::Affinity::new(WorkerId(0), 1, ravelin_nat::Split::Runs, kit::KEY)
}

#[test]
fn a_full_pool_without_translation_overflows_and_the_answer_names_the_pool() {
    let to = |overflow| {
        let full = PoolSpec { overflow: Some(overflow), ..pool(1, (1, 1), PoolMode::NoTranslation) };
        let interfaces = vec![interface("203.0.113.1", ports(1024, 1024))];
        let pools = vec![full, pool(2, (2, 2), translate(9000, 9000))];
        Worker::alone(&Config { pools, interfaces, ..Config::default() })
    };
    let mut worker = to(Overflow::Pool(PoolId(2)));
    let own = worker.get(&tcp("10.0.0.1", 5));
    let over = worker.get(&tcp("10.0.0.2", 5));
    assert_eq!((over.addr, over.port, over.pool), (v4("192.0.2.2"), Some(9000), Some(PoolId(2))));
    assert_eq!(worker.lease(&tcp("10.0.0.3", 5)), Err(Refusal::PortsExhausted));
    worker.release(own.lease);
    worker.release(over.lease);
    worker.assert_empty();

    let mut worker = to(Overflow::Interface);
    let own = worker.get(&tcp("10.0.0.1", 5));
    assert_eq!(
        worker.lease(&tcp("10.0.0.2", 5)),
        Err(Refusal::AddressesExhausted),
        "no egress address given"
    );
    let egress = Some(v4("203.0.113.1"));
    let over = worker.get(&Request { egress, ..tcp("10.0.0.2", 5) });
    assert_eq!((over.addr, over.port, over.pool), (v4("203.0.113.1"), Some(1024), None));
    worker.release(own.lease);
    worker.release(over.lease);
    worker.assert_empty();
}

#[test]
fn a_shifted_host_has_the_address_as_far_from_the_first() {
    let mut worker = Worker::alone(&config(vec![pool(
        1,
        (10, 19),
        PoolMode::Shift { hosts: Family::V4, base: v4("10.0.0.5") },
    )]));
    for (host, external) in
        [("10.0.0.5", Ok(10)), ("10.0.0.14", Ok(19)), ("10.0.0.15", Err(())), ("10.0.0.4", Err(()))]
    {
        let given = worker.lease(&udp(host, 7)).map(|r| (r.addr.octets4()[3], r.port));
        assert_eq!(given, external.map(|n| (n, None)).map_err(|()| Refusal::HostOutside), "{host}");
    }
}

#[test]
fn a_deterministic_host_leases_from_its_own_ports() {
    let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.0.0.0"), len: 29 }];
    let spec = DeterministicSpec { block_size: 10, hosts, include_boundary: false };
    let mut worker =
        Worker::alone(&config(vec![pool(1, (1, 2), PoolMode::Deterministic(ports(2000, 2099), spec))]));
    // Six hosts on two addresses: three on each, ten ports a host.
    for (host, address, low) in [(1, 1, 2000), (3, 1, 2020), (4, 2, 2000), (6, 2, 2020)] {
        let request = Request { source: Addr::v4([10, 0, 0, host]), ..tcp("10.0.0.0", 5) };
        let leased: Vec<_> = std::iter::from_fn(|| worker.lease(&request).ok()).collect();
        let seen: BTreeSet<_> = leased.iter().map(|r| (r.addr.octets4()[3], r.port.unwrap())).collect();
        assert_eq!(seen, (low..low + 10).map(|port| (address, port)).collect());
        assert_eq!(worker.lease(&request), Err(Refusal::PortsExhausted));
    }
    assert_eq!(worker.lease(&tcp("10.0.0.7", 5)), Err(Refusal::HostOutside));
    assert_eq!(worker.lease(&tcp("10.0.0.0", 5)), Err(Refusal::HostOutside));
}

#[test]
fn an_alg_gets_an_even_port_and_the_next() {
    let interfaces = vec![interface("203.0.113.1", Ports { twin: (63488, 63491), ..Ports::default() })];
    let pools = vec![pool(1, (1, 1), translate(1024, 63487)), pool(2, (2, 2), PoolMode::NoTranslation)];
    let mut worker = Worker::alone(&Config { pools, interfaces, ..Config::default() });
    let mut random = 5;
    let mut twin = |worker: &mut Worker, request: &Request, addr: &str| {
        worker
            .allocator
            .twin(request, v4(addr), ravelin_types::Instant::ZERO, &mut || kit::splitmix(&mut random))
    };
    let [even, odd] = twin(&mut worker, &udp("10.0.0.1", 9), "192.0.2.1").unwrap();
    let (low, high) = (even.port.unwrap(), odd.port.unwrap());
    assert!(low % 2 == 0 && high == low + 1 && low >= 63488, "{low} {high}");
    assert_eq!((even.pool, even.addr), (Some(PoolId(1)), v4("192.0.2.1")));
    let on_unit = through_interface("203.0.113.1", udp("10.0.0.1", 9));
    let pairs: Vec<_> = (0..2).map(|_| twin(&mut worker, &on_unit, "203.0.113.1").unwrap()).collect();
    assert_eq!(twin(&mut worker, &on_unit, "203.0.113.1"), Err(Refusal::PortsExhausted));
    let second = Request { action: Action::Pool(PoolId(2)), ..udp("10.0.0.1", 9) };
    assert_eq!(twin(&mut worker, &second, "192.0.2.2"), Err(Refusal::NoPorts));
    for recipe in pairs.into_iter().flatten().chain([even, odd]) {
        worker.release(recipe.lease);
    }
    worker.assert_empty();
}

#[test]
fn a_lease_that_comes_twice_is_counted_and_changes_nothing() {
    let mut worker = Worker::alone(&config(vec![
        pool(1, (1, 1), translate(5000, 5001)),
        pool(2, (2, 2), PoolMode::NoTranslation),
    ]));
    let words = worker.get(&tcp("10.0.0.1", 5)).lease.park();
    let own = worker.get(&Request { action: Action::Pool(PoolId(2)), ..tcp("10.0.0.1", 5) }).lease.park();
    for words in [words, own, words, own] {
        worker.release(ravelin_nat::Lease::unpark(words).unwrap());
    }
    assert_eq!(worker.allocator.counters().released_twice, 2);
    assert_eq!(worker.allocator.counters().released, 2);
    assert_eq!((worker.allocator.footprint().ports, worker.allocator.footprint().hosts), (0, 0));
    assert_eq!((0..3).filter(|_| worker.lease(&tcp("10.0.0.1", 5)).is_ok()).count(), 2);
}

#[test]
fn a_full_table_of_hosts_refuses_and_recovers() {
    let limits = ravelin_nat::Limits { hosts: 1, ..kit::small() };
    let paired = PoolSpec { assignment: Assignment::Paired, ..pool(1, (1, 2), translate(5000, 5003)) };
    let mut worker = Worker::with(0, 1, &config(vec![paired]), limits);
    let first = worker.get(&tcp("10.0.0.1", 1));
    assert_eq!(worker.lease(&tcp("10.0.0.2", 1)), Err(Refusal::HostsFull));
    worker.release(first.lease);
    let second = worker.get(&tcp("10.0.0.2", 1));
    worker.release(second.lease);
    worker.assert_empty();
}

#[test]
fn addresses_of_either_family_are_leased_alike() {
    let v6 = |low| Addr(0x2001_0db8_u128 << 96 | low);
    let six = PoolSpec {
        family: Family::V6,
        ranges: vec![kit::AddressRange { first: v6(1), last: v6(2) }],
        ..pool(1, (1, 1), translate(5000, 5001))
    };
    let mut worker = Worker::alone(&config(vec![six, pool(2, (1, 1), translate(5000, 5001))]));
    let host = Request { source: v6(9), source_family: Family::V6, family: Family::V6, ..tcp("10.0.0.1", 1) };
    let seen: HashSet<_> =
        std::iter::from_fn(|| worker.lease(&host).ok()).map(|r| (r.addr, r.port)).collect();
    let expected = [1, 2].map(|low| [5000, 5001].map(|port| (v6(low), Some(port)))).concat();
    assert_eq!(seen, expected.into_iter().collect());
    // NAT64: a host of the one family, an address of the other.
    let across = Request { family: Family::V4, action: Action::Pool(PoolId(2)), ..host };
    assert_eq!(worker.get(&across).addr, v4("192.0.2.1"));
}
