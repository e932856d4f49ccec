//! Many readers beside one who changes everything: each sees one generation, whole, and none is hurt by an end.
//!
//! Spec: contract-1, contract-10..13.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ravelin_contract::{
    DataPlane, Error, Event, FabricForwarding, FabricId, Neighbour, NeighbourUpdate, SessionFilter,
    UpdateBatch,
};
use ravelin_engine::Ingress;
use ravelin_program::{Chunk, Program, Zones};
use ravelin_types::{DropReason, Generation, Instant, InterfaceId, Mac, PortId};

use crate::simulator::{frame, program, running, sessions};

/// The program under a generation, with zones that are called after it.
fn generation(number: u64) -> Program {
    let before = program();
    let chunks = before.chunks().map(|(key, _, chunk)| {
        let chunk = match &**chunk {
            Chunk::Zones(Zones(zones)) => {
                let mut zones = zones.clone();
                zones.iter_mut().for_each(|zone| zone.name = format!("{}-{number}", zone.name));
                Arc::new(Chunk::Zones(Zones(zones)))
            }
            _ => chunk.clone(),
        };
        (key.name.clone(), chunk)
    });
    Program::new(Generation(number), chunks.collect::<Vec<_>>())
}

#[test]
fn readers_see_one_generation_whole() {
    let (_plane, served) = running();
    // Readers that have seen a later generation than the first.
    let (over, followed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let read = || {
            let (client, mut seen) = (served.client(), 0);
            while !over.load(Ordering::Acquire) {
                let result = client.last_apply_result().expect("a program runs");
                let Generation(number) = result.generation;
                assert!(number >= seen, "generations only rise");
                if number > 1 && seen <= 1 {
                    followed.fetch_add(1, Ordering::AcqRel);
                }
                seen = number;
                let suffix = format!("-{number}");
                let whole = number == 1 || result.zone_ids.keys().all(|name| name.ends_with(&suffix));
                assert!(whole, "{number}: {:?}", result.zone_ids);
            }
            seen
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        let client = served.client();
        for number in 2.. {
            client.check_config(&generation(number)).unwrap();
            let result = client.apply_config(&generation(number)).unwrap();
            assert_eq!(result.generation, Generation(number));
            if number >= 80 && followed.load(Ordering::Acquire) == 3
                || readers.iter().any(|r| r.is_finished())
            {
                break;
            }
        }
        over.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() > 1));
    });
}

/// An answer, or an error that says what is wrong; anything else would be a panic on the other side, which ends the connection.
fn hurt<T>(answer: Result<T, Error>) -> bool {
    match answer {
        Ok(_) | Err(Error::NotReady | Error::Stale | Error::Unsupported(_) | Error::Refused(_)) => false,
        Err(Error::Worker(_) | Error::Unreachable(_) | Error::Protocol(_) | Error::Backend(_)) => true,
    }
}

#[test]
fn readers_survive_close_and_teardown() {
    let (_plane, served) = running();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let client = served.client();
            let mut asked = 0;
            while !over.load(Ordering::Acquire) || asked == 0 {
                asked += 1;
                let walk = client
                    .sessions()
                    .for_each(&SessionFilter::default(), &mut |_| std::ops::ControlFlow::Continue(()));
                assert!(
                    !hurt(walk) && !hurt(client.sessions().count()) && !hurt(client.diagnostics().status())
                );
                assert!(!hurt(client.telemetry().global()) && !hurt(client.telemetry().policies()));
                drop(client.last_apply_result());
            }
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        for number in 2..40 {
            let client = served.client();
            client.start().unwrap();
            client.apply_config(&generation(number)).unwrap();
            client.teardown().unwrap();
            client.close();
            assert!(client.start().is_err(), "a closed client stays closed");
        }
        over.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn nothing_passes_during_a_link_cycle_and_sessions_live_through_it() {
    let (plane, served) = running();
    let client = served.client();
    let live = sessions(&client).len();
    let forwarded = || {
        let before = plane.telemetry().global().unwrap();
        let _ = plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame(1000))]);
        let after = plane.telemetry().global().unwrap();
        let dropped = |reason: DropReason| after.drops[reason.index()] - before.drops[reason.index()];
        assert_eq!(after.tx_packets - before.tx_packets + dropped(DropReason::NotReady), 1);
        after.tx_packets > before.tx_packets
    };
    assert!(forwarded());
    client.link().prepare_link_cycle().unwrap();
    assert!(!forwarded());
    // A commit is taken meanwhile, and forwards nothing.
    client.apply_config(&generation(2)).unwrap();
    assert!(!forwarded());
    client.link().defer_workers(false).unwrap();
    assert!(!forwarded(), "the cycle is not over");
    client.link().notify_link_cycle().unwrap();
    assert!(forwarded());
    assert_eq!(sessions(&client).len(), live);

    client.link().defer_workers(true).unwrap();
    client.link().defer_workers(true).unwrap();
    assert!(!forwarded());
    client.link().defer_workers(false).unwrap();
    assert!(forwarded());
    assert_eq!(client.last_apply_result().unwrap().managed_interfaces.len(), 2);
}

/// Neighbours that the plane has asked for since the last time.
fn wanted(plane: &dyn DataPlane) -> Vec<(InterfaceId, IpAddr)> {
    let events = plane.telemetry().events(1000).unwrap().events;
    let wanted = events.into_iter().filter_map(|event| match event {
        Event::NeighbourWanted { interface, addr } => Some((interface, addr)),
        _ => None,
    });
    wanted.collect()
}

/// Spec: contract-9.
#[test]
fn a_neighbour_that_is_told_again_is_asked_for_when_sessions_go_to_it() {
    let (plane, served) = running();
    let client = served.client();
    let (interface, addr) = (InterfaceId(1), IpAddr::from([192, 0, 2, 1]));
    let known =
        NeighbourUpdate { interface, addr, neighbour: Neighbour::Reachable(Mac([2, 1, 192, 0, 2, 1])) };
    let told_again =
        || client.updates().apply(&UpdateBatch { neighbours: vec![known], ..Default::default() }).unwrap();
    let send = || drop(plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame(1000))]));
    let pass =
        |seconds: u64| plane.workers().advance(Instant(plane.workers().now().0 + seconds * 1_000_000_000));
    send();
    wanted(&client);
    pass(20);
    send();
    assert_eq!(wanted(&client), [], "nobody doubts it");
    told_again();
    assert_eq!(wanted(&client), [], "nobody uses it");
    send();
    assert_eq!(wanted(&client), [(interface, addr)]);
    told_again();
    send();
    assert_eq!(wanted(&client), [], "a moment ago it was");
}

/// Spec: contract-29.
#[test]
fn a_fabric_that_can_not_be_is_refused_by_reason_and_changes_nothing() {
    let (_plane, served) = running();
    let client = served.client();
    let ha = client.ha();
    let to = |interface: &str, peer: u8, local: u8| FabricForwarding {
        interface: interface.into(),
        peer_mac: Mac([peer; 6]),
        local_mac: Mac([local; 6]),
    };
    let refused = [
        (2, to("ge-0/0/1", 2, 4), "there are the fabrics 0 to 1"),
        (0, to("fab0", 2, 4), "there is no interface `fab0'"),
        (0, to("ge-0/0/1", 2, 4), "has units"),
        (0, to("ge-0/0/1", 3, 4), "addresses of two stations"),
        (0, to("ge-0/0/1", 2, 0), "addresses of two stations"),
        (0, to("ge-0/0/1", 2, 2), "addresses of two stations"),
    ];
    for (fabric, to, word) in refused {
        let Err(Error::Refused(refusals)) = ha.set_fabric_forwarding(FabricId(fabric), &to) else {
            panic!("{to:?} was taken")
        };
        assert!(refusals[0].reason.contains(word), "{refusals:?}");
        assert_eq!(ha.fabrics().unwrap(), []);
    }
    // Nothing is what it is already.
    ha.set_fabric_forwarding(FabricId(1), &to("", 0, 0)).unwrap();
    ha.sync_fabric_state().unwrap();
}
