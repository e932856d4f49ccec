//! Persistent NAT: one external endpoint for an internal one, who may come in, and for how long.

mod kit;

use std::time::Duration;

use kit::{Worker, config, interface, pool, ports, small, tcp, translate, udp, v4};
use ravelin_nat::{
    Action, Assignment, Config, Entry, Inbound, Limits, Permit, PersistentRule, PoolId, PoolMode, PoolSpec,
    Ports, Refusal, Request,
};
use ravelin_types::{Addr, Family, Proto, Seconds};

fn rule(permit: Permit) -> PersistentRule {
    PersistentRule { permit, ..PersistentRule::default() }
}

fn kept(permit: Permit, request: Request) -> Request {
    Request { persistent: Some(rule(permit)), ..request }
}

fn to(remote: &str, port: u16, request: Request) -> Request {
    Request { remote: (v4(remote), port), ..request }
}

fn pat() -> Config {
    config(vec![pool(1, (1, 2), translate(1024, 63487))])
}

/// A UDP packet from outside.
fn packet(external: Addr, port: u16, remote: &str, from: u16) -> Inbound {
    Inbound { family: Family::V4, proto: Proto::UDP, external, port, remote: (v4(remote), from) }
}

// Proves: rfc4787-1, rfc5382-1, rfc7857-4.
#[test]
fn an_endpoint_keeps_its_external_one_whatever_the_remote() {
    let mut worker = Worker::alone(&pat());
    let host = kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5000));
    let first = worker.get(&to("198.51.100.1", 53, host));
    let second = worker.get(&to("203.0.113.7", 9, host));
    assert_eq!((first.addr, first.port), (second.addr, second.port));
    // Another port, another protocol, another routing instance: another endpoint.
    let others = [
        kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5001)),
        kept(Permit::AnyRemoteHost, tcp("10.0.0.1", 5000)),
        Request { token: 1, ..host },
    ];
    let others = others.map(|request| worker.get(&request));
    assert_eq!(worker.allocator.footprint().mappings, 4);
    let mut udp_ends: Vec<_> = [&first, &others[0], &others[2]].map(|r| (r.addr, r.port)).to_vec();
    udp_ends.sort_unstable();
    udp_ends.dedup();
    assert_eq!(udp_ends.len(), 3);
}

// Proves: rfc4787-8, rfc5382-3.
#[test]
fn the_three_filters_let_in_whom_they_say() {
    let sent_to = ("198.51.100.1", 53);
    let cases = [
        (Permit::AnyRemoteHost, [true, true, true]),
        (Permit::TargetHost, [true, true, false]),
        (Permit::TargetHostPort, [true, false, false]),
    ];
    for (permit, expected) in cases {
        let mut worker = Worker::alone(&pat());
        let out = worker.get(&to(sent_to.0, sent_to.1, kept(permit, udp("10.0.0.1", 5000))));
        let (external, port) = (out.addr, out.port.unwrap());
        let remotes = [sent_to, ("198.51.100.1", 54), ("198.51.100.2", 53)];
        let let_in = remotes.map(|(remote, from)| {
            match worker.allocator.inbound(&packet(external, port, remote, from), worker.now) {
                Ok(Entry { family, addr, port, token, lease }) => {
                    assert_eq!((family, addr, port, token), (Family::V4, v4("10.0.0.1"), Some(5000), 0));
                    worker.release(lease);
                    true
                }
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::NotPermitted);
                    false
                }
            }
        });
        assert_eq!(let_in, expected, "{permit:?}");
    }
}

#[test]
fn without_a_mapping_nobody_comes_in() {
    let mut worker = Worker::alone(&pat());
    let plain = worker.get(&udp("10.0.0.1", 5000));
    let packet = packet(plain.addr, plain.port.unwrap(), "198.51.100.1", 443);
    assert_eq!(worker.allocator.inbound(&packet, worker.now), Err(Refusal::NoMapping));
    let closed = PersistentRule { block_external: true, ..rule(Permit::AnyRemoteHost) };
    let out = worker.get(&Request { persistent: Some(closed), ..udp("10.0.0.2", 5000) });
    let packet = Inbound { external: out.addr, port: out.port.unwrap(), ..packet };
    assert_eq!(worker.allocator.inbound(&packet, worker.now), Err(Refusal::NotPermitted));
    let other = Inbound { proto: Proto::TCP, ..packet };
    assert_eq!(worker.allocator.inbound(&other, worker.now), Err(Refusal::NoMapping));
}

// Proves: rfc3022-5.
#[test]
fn a_mapping_outlives_its_last_session_by_the_timeout() {
    let mut worker = Worker::alone(&pat());
    let host = kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5000));
    let first = worker.get(&host);
    let end = (first.addr, first.port.unwrap());
    worker.pass(10_000);
    worker.allocator.sweep(worker.now, 100);
    let second = worker.get(&host);
    worker.release(first.lease);
    worker.pass(299);
    worker.allocator.sweep(worker.now, 100);
    assert_eq!(worker.allocator.footprint().mappings, 1, "a session is left");
    worker.release(second.lease);
    worker.pass(299);
    // A session from outside starts the time anew when it ends.
    let inside = worker.allocator.inbound(&packet(end.0, end.1, "203.0.113.9", 1), worker.now).unwrap();
    worker.release(inside.lease);
    worker.pass(299);
    worker.allocator.sweep(worker.now, 100);
    assert_eq!(worker.allocator.footprint().mappings, 1);
    worker.pass(1);
    let late = worker.allocator.inbound(&packet(end.0, end.1, "203.0.113.9", 1), worker.now);
    assert_eq!(late, Err(Refusal::NoMapping), "over, even if no sweep came by");
    worker.assert_empty();
    assert_eq!(worker.allocator.footprint().ports, 0);
}

#[test]
fn a_sweep_ends_what_is_over_and_the_next_session_gets_a_fresh_endpoint() {
    let mut worker = Worker::alone(&pat());
    let short = PersistentRule { inactivity: Seconds(60), ..rule(Permit::TargetHost) };
    for host in 1..=50u8 {
        let request =
            Request { source: Addr::v4([10, 0, 0, host]), persistent: Some(short), ..udp("10.0.0.0", 9) };
        let recipe = worker.get(&request);
        worker.release(recipe.lease);
    }
    assert_eq!((worker.allocator.footprint().mappings, worker.allocator.footprint().ports), (50, 50));
    worker.pass(60);
    worker.allocator.sweep(worker.now, 20);
    assert_eq!(worker.allocator.footprint().mappings, 30, "no more than the budget");
    worker.allocator.sweep(worker.now, 30);
    worker.assert_empty();
}

// Proves: rfc6888-5.
#[test]
fn sessions_of_a_mapping_are_counted_in_both_directions() {
    let mut worker = Worker::alone(&pat());
    let few = PersistentRule { sessions_max: 8, ..rule(Permit::AnyRemoteHost) };
    let request = Request { persistent: Some(few), ..udp("10.0.0.1", 5000) };
    let mut leases: Vec<_> = (0..5).map(|_| worker.get(&request)).collect();
    let packet = packet(leases[0].addr, leases[0].port.unwrap(), "203.0.113.9", 1);
    let entries: Vec<_> = (0..3).map(|_| worker.allocator.inbound(&packet, worker.now).unwrap()).collect();
    assert_eq!(worker.lease(&request), Err(Refusal::MappingSessionsFull));
    assert_eq!(worker.allocator.inbound(&packet, worker.now), Err(Refusal::MappingSessionsFull));
    worker.release(leases.pop().unwrap().lease);
    leases.push(worker.get(&request));
    for lease in leases.into_iter().map(|r| r.lease).chain(entries.into_iter().map(|e| e.lease)) {
        worker.release(lease);
    }
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

#[test]
fn addresses_are_mapped_where_a_host_has_its_own() {
    let whole = PersistentRule { address_mapping: true, ..rule(Permit::AnyRemoteHost) };
    let request = |sport| Request { persistent: Some(whole), ..udp("10.0.0.1", sport) };
    let mut worker = Worker::alone(&config(vec![
        pool(1, (1, 2), PoolMode::NoTranslation),
        pool(2, (3, 3), translate(1024, 2000)),
    ]));
    let (first, second) = (worker.get(&request(5)), worker.get(&request(6)));
    assert_eq!((first.addr, first.port, second.addr), (second.addr, None, first.addr));
    let entry = worker.allocator.inbound(&packet(first.addr, 7777, "203.0.113.9", 1), worker.now).unwrap();
    assert_eq!((entry.addr, entry.port), (v4("10.0.0.1"), None));
    let translating = Request { action: Action::Pool(PoolId(2)), ..request(5) };
    assert_eq!(worker.lease(&translating), Err(Refusal::PoolUnusable), "hosts would share the address");
    for lease in [first.lease, second.lease, entry.lease] {
        worker.release(lease);
    }
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

// Proves: rfc7857-2.
#[test]
fn a_mapping_on_an_overloaded_pool_has_its_port_alone() {
    let four = Ports { overload: 4, ..ports(7000, 7003) };
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), PoolMode::Translate(four))]));
    let own = worker.get(&kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5)));
    let shared: Vec<_> = (0..200u32)
        .filter_map(|n| {
            worker.lease(&Request { remote: (Addr(u128::from(n)), 9), ..udp("10.0.0.2", 5) }).ok()
        })
        .collect();
    assert_eq!(shared.len(), 12);
    assert!(shared.iter().all(|recipe| recipe.port != own.port));
    assert_eq!(worker.lease(&kept(Permit::AnyRemoteHost, udp("10.0.0.3", 5))), Err(Refusal::PortsExhausted));
    worker.release(own.lease);
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    shared.into_iter().for_each(|recipe| worker.release(recipe.lease));
    worker.assert_empty();
}

#[test]
fn tables_are_bounded_and_what_is_over_makes_room() {
    let limits = Limits { mappings: 2, remotes: 3, ..small() };
    let mut worker = Worker::with(0, 1, &pat(), limits);
    let host =
        |n| kept(Permit::TargetHostPort, Request { source: Addr::v4([10, 0, 0, n]), ..udp("10.0.0.0", 9) });
    let first = worker.get(&host(1));
    let second = worker.get(&host(2));
    assert_eq!(worker.lease(&host(3)), Err(Refusal::MappingsFull));
    let (end, port) = (first.addr, first.port.unwrap());
    let more: Vec<_> =
        ["203.0.113.1", "203.0.113.2"].map(|r| worker.get(&to(r, 7, host(1)))).into_iter().collect();
    assert_eq!(worker.allocator.footprint().remotes_lost, 1);
    let lost = worker.allocator.inbound(&packet(end, port, "203.0.113.2", 7), worker.now);
    assert_eq!(lost, Err(Refusal::NotPermitted), "what was not remembered is not let in");
    worker.release(second.lease);
    worker.pass(300);
    let third = worker.get(&host(3));
    for recipe in more.into_iter().chain([first, third]) {
        worker.release(recipe.lease);
    }
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

#[test]
fn mappings_survive_a_restart_with_their_endpoint_and_time() {
    let config = Config { interfaces: vec![interface("203.0.113.1", Ports::default())], ..pat() };
    let mut before = Worker::alone(&config);
    let through_unit = Action::Interface(v4("203.0.113.1"));
    let busy = to("198.51.100.1", 53, kept(Permit::TargetHost, udp("10.0.0.1", 5000)));
    let idle = Request {
        action: through_unit,
        ..to("198.51.100.1", 53, kept(Permit::TargetHostPort, udp("10.0.0.2", 6)))
    };
    let busy_end = before.get(&busy);
    let idle_end = before.get(&idle);
    let (busy_at, idle_at) = ((busy_end.addr, busy_end.port), (idle_end.addr, idle_end.port));
    before.release(idle_end.lease);
    before.pass(200);
    let records = before.allocator.export(before.now);
    let seen: Vec<_> =
        records.iter().map(|r| (r.addr, r.external, Some(r.external_port), r.sessions, r.idle)).collect();
    let expected = [
        (v4("10.0.0.1"), busy_at.0, busy_at.1, 1, Duration::ZERO),
        (v4("10.0.0.2"), idle_at.0, idle_at.1, 0, Duration::from_secs(200)),
    ];
    assert_eq!(seen, expected);

    let mut after = Worker::alone(&config);
    after.pass(10_000);
    for record in &records {
        assert_eq!(after.allocator.import(record, after.now), Ok(()));
        assert_eq!(after.allocator.import(record, after.now), Ok(()), "twice is once");
    }
    assert_eq!(
        after.allocator.export(after.now).iter().map(|r| &r.remotes).collect::<Vec<_>>(),
        records.iter().map(|r| &r.remotes).collect::<Vec<_>>()
    );
    let again = after.get(&busy);
    assert_eq!((again.addr, again.port), busy_at);
    after.release(again.lease);
    after.pass(99);
    let entry = after
        .allocator
        .inbound(&packet(idle_at.0, idle_at.1.unwrap(), "198.51.100.1", 53), after.now)
        .unwrap();
    assert_eq!(entry.addr, v4("10.0.0.2"));
    after.release(entry.lease);
    after.pass(300);
    after.allocator.sweep(after.now, 10);
    after.assert_empty();
}

#[test]
fn what_another_has_by_now_is_not_imported() {
    let mut before = Worker::alone(&pat());
    let host = kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5000));
    let kept_end = before.get(&host);
    let records = before.allocator.export(before.now);
    drop(kept_end);
    let mut after = Worker::alone(&config(vec![pool(1, (1, 2), translate(1024, 1024))]));
    assert_eq!(
        after.allocator.import(&records[0], after.now),
        Ok(()),
        "a port outside today's range is kept"
    );
    let mut other = records[0].clone();
    other.addr = v4("10.0.0.9");
    assert_eq!(after.allocator.import(&other, after.now), Err(Refusal::PortTaken));
    other.external = v4("192.0.2.77");
    assert_eq!(after.allocator.import(&other, after.now), Err(Refusal::HostOutside));
    assert_eq!(after.allocator.footprint().mappings, 1);
}

#[test]
fn clear_ends_mappings_without_sessions_alone() {
    let mut worker = Worker::alone(&pat());
    let host =
        |n| kept(Permit::AnyRemoteHost, Request { source: Addr::v4([10, 0, 0, n]), ..udp("10.0.0.0", 9) });
    let leases: Vec<_> = (1..=4).map(|n| worker.get(&host(n))).collect();
    let mut leases = leases.into_iter();
    let busy = leases.next().unwrap();
    leases.for_each(|recipe| worker.release(recipe.lease));
    assert_eq!(worker.allocator.clear(worker.now, |record| record.addr == v4("10.0.0.3")), 1);
    assert_eq!(worker.allocator.clear(worker.now, |_| true), 2);
    assert_eq!(worker.allocator.footprint().mappings, 1);
    worker.release(busy.lease);
    assert_eq!(worker.allocator.clear(worker.now, |_| true), 1);
    worker.assert_empty();
}

#[test]
fn a_mapping_whose_address_left_the_pool_ends_with_its_sessions() {
    let paired = PoolSpec { assignment: Assignment::Paired, ..pool(1, (1, 2), translate(1024, 63487)) };
    let mut worker = Worker::alone(&config(vec![paired]));
    let host = kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5000));
    let (first, idle) = (worker.get(&host), worker.get(&kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5001))));
    worker.release(idle.lease);
    let gone = first.addr;
    let left = if gone == v4("192.0.2.1") { 2 } else { 1 };
    worker.allocator.adopt(&config(vec![pool(1, (left, left), translate(1024, 63487))]), worker.now);
    assert_eq!(worker.allocator.footprint().mappings, 1, "the one without sessions is gone");
    let second = worker.get(&host);
    assert_ne!(second.addr, gone);
    let late = packet(gone, first.port.unwrap(), "203.0.113.1", 1);
    assert_eq!(worker.allocator.inbound(&late, worker.now), Err(Refusal::NoMapping));
    worker.release(first.lease);
    worker.release(second.lease);
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

#[test]
fn two_hosts_behind_one_shifted_endpoint_are_not_both_mapped() {
    let mut worker = Worker::alone(&config(vec![pool(
        1,
        (1, 2),
        PoolMode::Shift { hosts: Family::V4, base: v4("10.0.0.1") },
    )]));
    let host = kept(Permit::AnyRemoteHost, udp("10.0.0.1", 5000));
    let first = worker.get(&host);
    let twin = Request { token: 1, ..host };
    assert_eq!(worker.lease(&twin), Err(Refusal::PortTaken), "the same address in another routing instance");
    let other = worker.get(&Request { token: 1, sport: Some(5001), ..host });
    let entry =
        worker.allocator.inbound(&packet(v4("192.0.2.1"), 5001, "203.0.113.1", 1), worker.now).unwrap();
    assert_eq!((entry.token, entry.port), (1, Some(5001)));
    for lease in [first.lease, other.lease, entry.lease] {
        worker.release(lease);
    }
    worker.pass(300);
    worker.allocator.sweep(worker.now, 10);
    worker.assert_empty();
}

#[test]
fn seeking_takes_nothing_and_says_what_entering_says() {
    let mut worker = Worker::alone(&pat());
    let rule = PersistentRule { sessions_max: 2, ..rule(Permit::TargetHost) };
    let host = Request { persistent: Some(rule), ..udp("10.0.0.1", 5000) };
    let recipe = worker.get(&to("198.51.100.1", 53, host));
    let port = recipe.port.unwrap();
    let now = worker.now;
    let known = packet(recipe.addr, port, "198.51.100.1", 9);
    let stranger = packet(recipe.addr, port, "198.51.100.2", 9);
    for _ in 0..5 {
        let inside = (Family::V4, v4("10.0.0.1"), Some(5000));
        assert_eq!(worker.allocator.seek(&known, now), Ok(inside));
        assert_eq!(worker.allocator.seek(&stranger, now), Err(Refusal::NotPermitted));
    }
    assert!(worker.allocator.inbound(&known, now).is_ok());
    assert_eq!(worker.allocator.seek(&known, now), Err(Refusal::MappingSessionsFull));
    let nobody = packet(recipe.addr, port ^ 1, "198.51.100.1", 9);
    assert_eq!(worker.allocator.seek(&nobody, now), Err(Refusal::NoMapping));
}
