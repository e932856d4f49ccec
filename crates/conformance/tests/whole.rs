//! A worker's sessions on their way to a successor, while packets still come: what arrives is what was there at the end.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use ravelin_afxdp::{StateExport, StateTransfer, WholeState};
use ravelin_conformance::bench::{Bench, Simulator};
use ravelin_conformance::case::{Case, run};
use ravelin_contract::{Event, ExportCursor, NatEvent, SyncedSession};
use ravelin_engine::{Shared, State};
use ravelin_plane::Workers;
use ravelin_types::{Instant, WorkerId};

const CONFIG: &str = "config persistent
    set security policies from-zone trust to-zone untrust policy out then log session-init session-close
    set security policies from-zone trust to-zone untrust policy out then count
";

fn step(plane: &mut Simulator, text: &str) {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", &format!("{CONFIG}{text}")).unwrap();
    run(&case, plane, &configs).unwrap_or_else(|error| panic!("{error}"));
}

fn plane() -> Simulator {
    let mut plane = Simulator::new(Default::default());
    step(&mut plane, "");
    plane
}

/// Does something with the state of the only worker.
fn with<T: Send + 'static>(
    plane: &Simulator,
    work: impl FnOnce(&mut State, &Shared, Instant) -> T + Send + 'static,
) -> T {
    let (send, receive) = sync_channel(1);
    let task = Box::new(move |state: &mut State, shared: &Shared, now| {
        send.send(work(state, shared, now)).unwrap();
    });
    plane.workers().run(WorkerId(0), task).unwrap();
    receive.recv().unwrap()
}

fn ahead(plane: &Simulator, mut export: Box<dyn StateExport>) -> (Box<dyn StateExport>, Option<Vec<u8>>) {
    with(plane, move |state, shared, now| {
        let chunk = export.ahead(state, shared, now);
        (export, chunk)
    })
}

fn put(plane: &Simulator, chunks: Vec<Vec<u8>>) {
    let rules = plane.rules().unwrap();
    with(plane, move |state, shared, now| {
        for chunk in chunks {
            WholeState::default().import(state, (Some(&rules), shared), &chunk, now).unwrap();
        }
    });
}

fn sessions(plane: &Simulator) -> Vec<SyncedSession> {
    let deltas = plane.plane().sessions().deltas().unwrap();
    let mut all = Vec::new();
    let mut at = Some(ExportCursor::default());
    while let Some(cursor) = at {
        let batch = deltas.export(&[], cursor, 4096).unwrap();
        all.extend(batch.sessions);
        at = batch.next;
    }
    all.sort_by_key(|session| session.id);
    all
}

/// The successor has sessions, mappings, counters and unread events as they were at the end.
#[track_caller]
fn same(old: &Simulator, new: &Simulator) {
    assert_eq!(sessions(new), sessions(old));
    let (was, is) = (old.plane().telemetry(), new.plane().telemetry());
    assert_eq!(is.global().unwrap(), was.global().unwrap());
    assert_eq!(is.policies().unwrap(), was.policies().unwrap());
    assert_eq!(is.nat_rules().unwrap(), was.nat_rules().unwrap());
    assert_eq!(is.source_pools().unwrap(), was.source_pools().unwrap());
    let mappings = |plane: &Simulator| plane.plane().sessions().mappings().unwrap();
    let external = |m: &ravelin_contract::CarriedMapping| (m.mapping.external, m.mapping.external_port);
    let sorted = |plane: &Simulator| {
        let mut all = mappings(plane);
        all.sort_by_key(external);
        all.iter_mut().for_each(|mapping| mapping.remotes.sort_unstable());
        all
    };
    assert_eq!(sorted(new), sorted(old));
}

/// Hands everything over, with something happening between the pieces.
fn moved(mut meanwhile: impl FnMut(&mut Simulator, usize)) -> (Simulator, Simulator) {
    let (mut old, new) = (plane(), plane());
    let sent = "repeat 700 ge-0/0/0.0 udp 10.1.0.2:$n > 198.51.100.2:53 => sent 1\n";
    step(&mut old, sent);
    let mut export = WholeState::default().export(WorkerId(0));
    for number in 0.. {
        let (back, chunk) = ahead(&old, export);
        export = back;
        let Some(chunk) = chunk else { break };
        put(&new, vec![chunk]);
        meanwhile(&mut old, number);
        assert!(number < 1000, "it comes to an end");
    }
    meanwhile(&mut old, usize::MAX);
    let last = with(&old, move |state, shared, now| export.last(state, shared, now));
    put(&new, last);
    (old, new)
}

#[test]
fn what_stands_still_arrives_as_it_is() {
    let (old, new) = moved(|_, _| {});
    assert_eq!(sessions(&new).len(), 700);
    same(&old, &new);
    let events = |plane: &Simulator| plane.plane().telemetry().events(2000).unwrap();
    let (was, is) = (events(&old), events(&new));
    let told = |event: &Event| matches!(event, Event::Session(_) | Event::Nat(NatEvent::Binding { .. }));
    assert!(is.events.iter().all(told));
    assert!(is.events == was.events, "{} and {} events", is.events.len(), was.events.len());
    assert_eq!(is.lost, was.lost);
}

#[test]
fn what_comes_changes_and_ends_meanwhile_arrives_too() {
    let (old, new) = moved(|old, number| {
        match number {
        // A new one, one that goes on, one that comes in by a mapping.
        0 => step(
            old,
            "ge-0/0/0.0 udp 10.1.0.3:5 > 198.51.100.2:53    => ge-0/0/1.0 udp 203.0.113.5:$a > 198.51.100.2:53
ge-0/0/1.0 udp 198.51.100.9:7 > 203.0.113.5:$a => sent 1
ge-0/0/0.0 udp 10.1.0.2:1 > 198.51.100.2:53 => sent 1
",
        ),
        1 => step(old, "ge-0/0/0.0 tcp 10.1.0.2:5 > 198.51.100.2:80 S => sent 1\n"),
        2 => {
            let filter = ravelin_contract::SessionFilter {
                source_port: Some(77),
                ..ravelin_contract::SessionFilter::default()
            };
            assert_eq!(old.plane().sessions().clear(&filter).unwrap(), 1);
        }
        // The key of one that ended, again; and one that begins and ends between two pieces.
        3 => step(old, "ge-0/0/0.0 udp 10.1.0.2:77 > 198.51.100.2:53 => sent 1\n"),
        usize::MAX => {
            step(old, "ge-0/0/0.0 udp 10.1.0.4:9 > 198.51.100.2:53 => sent 1\n");
            let filter = ravelin_contract::SessionFilter {
                source_port: Some(78),
                ..ravelin_contract::SessionFilter::default()
            };
            assert_eq!(old.plane().sessions().clear(&filter).unwrap(), 1);
        }
        _ => {}
    }
    });
    same(&old, &new);
}

/// The ring of changes is too short: the successor is told which sessions there are.
#[test]
fn more_changes_than_are_kept_leave_no_session_that_ended() {
    let mut done = false;
    let (old, new) = moved(|old, number| {
        if number == usize::MAX && !done {
            done = true;
            for _ in 0..4 {
                step(old, "repeat 2500 ge-0/0/0.0 udp 10.1.0.5:$n > 198.51.100.2:53 => sent 1\n");
                let filter = ravelin_contract::SessionFilter {
                    source: Some("10.1.0.5/32".parse().unwrap()),
                    ..ravelin_contract::SessionFilter::default()
                };
                assert_eq!(old.plane().sessions().clear(&filter).unwrap(), 2500);
            }
            assert!(old.plane().sessions().clear(&Default::default()).unwrap() > 0);
            step(old, "ge-0/0/0.0 udp 10.1.0.6:9 > 198.51.100.2:53 => sent 1\n");
        }
    });
    assert_eq!(sessions(&new).len(), 1);
    same(&old, &new);
}

#[test]
fn what_is_no_chunk_is_refused() {
    let new = plane();
    let rules = new.rules().unwrap();
    let refused = with(&new, move |state, shared, now| {
        WholeState::default().import(state, (Some(&rules), shared), &[0xff; 7], now).is_err()
    });
    assert!(refused);
    assert!(sessions(&new).is_empty());
}
