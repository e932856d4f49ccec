//! Sessions whole: what is refused leaves nothing, changes come in order, and no end hits the wrong session.
//!
//! That moved sessions go on as before is shown with every case (cases.rs).

use std::path::Path;

use ravelin_conformance::bench::{Bench, Setup, Simulator};
use ravelin_conformance::case::{Case, run};
use ravelin_contract::{
    CloseReason, DeltaCursor, Event, ExportCursor, PutRefusal, PutResult, SessionDelta, SessionFilter,
    SessionRef, SessionStore, SourceBinding, SyncedSession, TrackedMoment,
};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, SessionId, ZoneId};

/// A plane after a case.
fn after(text: &str) -> Simulator {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", text).unwrap();
    let mut simulator = Simulator::new(Setup { workers: Some(2), ..case.setup });
    run(&case, &mut simulator, &configs).unwrap_or_else(|error| panic!("{error}"));
    simulator
}

fn exported(plane: &Simulator) -> Vec<SyncedSession> {
    let deltas = plane.plane().sessions().deltas().unwrap();
    let mut sessions = Vec::new();
    let mut at = Some(ExportCursor::default());
    while let Some(cursor) = at {
        let batch = deltas.export(&[], cursor, 1).unwrap();
        sessions.extend(batch.sessions);
        at = batch.next;
    }
    sessions.sort_by_key(|session| session.id);
    sessions
}

fn the_only(plane: &Simulator) -> SyncedSession {
    let all = exported(plane);
    let [session] = all.as_slice() else { panic!("{all:#?}") };
    session.clone()
}

fn store(plane: &Simulator) -> &dyn SessionStore {
    plane.plane().sessions()
}

/// Ports and addresses that sessions hold.
fn held(plane: &Simulator) -> u64 {
    let pools = plane.plane().telemetry().source_pools().unwrap();
    pools.iter().map(|pool| pool.ports.iter().sum::<u64>() + pool.others + pool.held).sum()
}

#[track_caller]
fn put(plane: &Simulator, session: &SyncedSession) -> Result<PutResult, PutRefusal> {
    let result = store(plane).put_synced(std::slice::from_ref(session)).unwrap();
    match result.refused.as_slice() {
        [] => Ok(result),
        [(id, why)] => {
            assert_eq!((*id, result.installed, result.updated), (session.id, 0, 0));
            Err(*why)
        }
        more => panic!("{more:?}"),
    }
}

const OUT: &str = "ge-0/0/0.0 udp 10.1.0.2:5 > 198.51.100.2:53 => sent 1";
const TCP: &str = "ge-0/0/0.0 tcp 10.1.0.2:5 > 198.51.100.2:80 S => sent 1";

/// Spec: sync-1, sync-3.
#[test]
fn what_is_refused_leaves_nothing_and_the_right_one_still_fits() {
    let right = the_only(&after(&format!("config pool\n{OUT}\n")));
    assert!(matches!(right.source, SourceBinding::Pool(_)), "{right:#?}");
    let peer = after("config pool\n");
    type Spoil = fn(&mut SyncedSession);
    let wrong: &[(PutRefusal, Spoil)] = &[
        (PutRefusal::Unknown, |s| s.wings[0].interface = Some(InterfaceId(999))),
        (PutRefusal::Unknown, |s| s.wings[1].zone = ZoneId(77)),
        (PutRefusal::Unknown, |s| s.wings[1].interface = None),
        (PutRefusal::Unknown, |s| s.policy = Some(PolicyId(99))),
        (PutRefusal::Unknown, |s| s.source_rule = Some(NatRuleId(99))),
        (PutRefusal::Unknown, |s| s.destination_rule = Some(NatRuleId(99))),
        (PutRefusal::Malformed, |s| s.tcp = Some([0; 32])),
        (PutRefusal::Malformed, |s| s.handshake = Some(Default::default())),
        (PutRefusal::Malformed, |s| s.wings[1].key = s.wings[0].key),
        (PutRefusal::Malformed, |s| s.wings[0].key.src = "2001:db8::1".parse().unwrap()),
        (PutRefusal::Translation, |s| s.wings[1].key.dst = "192.0.2.77".parse().unwrap()),
        (PutRefusal::Translation, |s| s.source = SourceBinding::Pool(500)),
    ];
    for (why, spoil) in wrong {
        let mut session = right.clone();
        spoil(&mut session);
        assert_eq!(put(&peer, &session).unwrap_err(), *why, "{session:#?}");
        assert_eq!((store(&peer).count().unwrap(), held(&peer)), (0, 0), "{session:#?}");
    }
    assert_eq!(put(&peer, &right).unwrap(), PutResult { installed: 1, ..PutResult::default() });
    assert_eq!((the_only(&peer), held(&peer)), (right.clone(), 1));
    // The deletion gives back what the installation took.
    let known = SessionRef { id: right.id, key: right.wings[0].key };
    assert_eq!(store(&peer).delete_known(&[known], CloseReason::PeerDelete).unwrap(), 1);
    assert_eq!((store(&peer).count().unwrap(), held(&peer)), (0, 0));
}

/// Spec: sync-2, sync-3.
#[test]
fn keys_and_ports_of_others_are_theirs() {
    let right = the_only(&after(&format!("config nat\n{OUT}\n")));
    let peer = after("config nat\n");
    put(&peer, &right).unwrap();
    let other = SyncedSession { id: SessionId(right.id.0 + 1), ..right.clone() };
    assert_eq!(put(&peer, &other).unwrap_err(), PutRefusal::Collision);
    let mut port = other.clone();
    port.wings[0].key.src = "10.1.0.3".parse().unwrap();
    assert_eq!(put(&peer, &port).unwrap_err(), PutRefusal::Translation, "one port, two internal ends");
    assert_eq!(the_only(&peer), right);
    // The same one later: as the peer has it now.
    let mut later = SyncedSession { idle_ms: 300, timeout_s: 7, log_close: true, count: true, ..right };
    later.wings[1].packets = 1000;
    later.wings[1].bytes = 1_500_000;
    assert_eq!(put(&peer, &later).unwrap(), PutResult { updated: 1, ..PutResult::default() });
    // The clock of a plane counts tenths of a second from its start: what lies before is as it began.
    assert_eq!(the_only(&peer), later);
}

/// Spec: sync-6.
#[test]
fn the_table_has_its_bound() {
    let three = "ge-0/0/0.0 udp 10.1.0.2:6 > 198.51.100.2:53 => sent 1
ge-0/0/0.0 udp 10.1.0.2:7 > 198.51.100.2:53 => sent 1";
    let sessions = exported(&after(&format!("config nat\n{OUT}\n{three}\n")));
    let peer = after("bench sessions=2\nconfig nat\n");
    let result = store(&peer).put_synced(&sessions).unwrap();
    assert_eq!((result.installed, result.refused.len()), (2, 1));
    assert_eq!(result.refused[0].1, PutRefusal::Full);
    assert_eq!(store(&peer).count().unwrap(), 2);
}

/// Spec: sync-15.
#[test]
fn a_session_brings_its_mapping_and_counts_in_it() {
    let had = after(
        "config persistent
ge-0/0/0.0 udp 10.1.0.2:5 > 198.51.100.2:53      => ge-0/0/1.0 udp 203.0.113.5:$a > 198.51.100.2:53
ge-0/0/1.0 udp 198.51.100.9:7 > 203.0.113.5:$a   => ge-0/0/0.0 udp 198.51.100.9:7 > 10.1.0.2:5
",
    );
    let sessions = exported(&had);
    let [out, inward] = sessions.as_slice() else { panic!("{sessions:#?}") };
    assert!(inward.entered && !out.entered);
    let peer = after("config persistent\n");
    // Nobody to come in by yet.
    assert_eq!(put(&peer, inward).unwrap_err(), PutRefusal::Translation);
    put(&peer, out).unwrap();
    put(&peer, inward).unwrap();
    let sessions = |plane: &Simulator| {
        let all = store(plane).mappings().unwrap();
        all.iter().map(|m| (m.mapping.external_port, m.mapping.sessions)).collect::<Vec<_>>()
    };
    assert_eq!(sessions(&peer), sessions(&had));
    assert_eq!(sessions(&peer)[0].1, 2);
    // Another external end than the mapping's.
    let mut elsewhere = SyncedSession { id: SessionId(9), ..out.clone() };
    elsewhere.wings[0].key.dport = 54;
    elsewhere.wings[1].key.sport = 54;
    elsewhere.wings[1].key.dport ^= 1;
    assert_eq!(put(&peer, &elsewhere).unwrap_err(), PutRefusal::Translation);
    assert_eq!(sessions(&peer)[0].1, 2);
    assert_eq!(store(&peer).clear(&SessionFilter::default()).unwrap(), 2);
    assert_eq!(sessions(&peer)[0].1, 0);
}

/// Spec: sync-8..11.
#[test]
fn changes_come_in_order_and_once() {
    let mut plane = after("config nat\n");
    let mut cursor = DeltaCursor::default();
    let read = |plane: &Simulator, cursor: &mut DeltaCursor| {
        let batch = store(plane).deltas().unwrap().drain(cursor, 100).unwrap();
        *cursor = batch.next;
        assert!(batch.lost.is_empty() && !batch.truncated, "{:?}", batch.lost);
        let name = |delta: &SessionDelta| match delta {
            SessionDelta::Open(s) => format!("open {:?}", s.state),
            SessionDelta::Update(s) => format!("update {:?}", s.state),
            SessionDelta::Close(_, why) => format!("close {why:?}"),
        };
        batch.deltas.iter().map(|(_, _, delta)| name(delta)).collect::<Vec<_>>()
    };
    assert!(read(&plane, &mut cursor).is_empty());
    let mut step = |text: &str| {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let case = Case::parse("a", &format!("config nat\n{text}\n")).unwrap();
        run(&case, &mut plane, &configs).unwrap_or_else(|error| panic!("{error}"));
        read(&plane, &mut cursor)
    };
    assert_eq!(step(TCP), ["open Opening"]);
    assert_eq!(step(""), [""; 0], "what was read is not told again");
    let whole =
        "ge-0/0/0.0 tcp 10.1.0.2:9 > 198.51.100.2:80 S => ge-0/0/1.0 tcp 198.51.100.1:$t > 198.51.100.2:80 S
ge-0/0/1.0 tcp 198.51.100.2:80 > 198.51.100.1:$t SA seq=10 ack=2 => sent 1
ge-0/0/0.0 tcp 10.1.0.2:9 > 198.51.100.2:80 A seq=2 ack=11 => sent 1";
    // As it is when it is read: the opening tells of what has come since.
    assert_eq!(step(whole), ["open Established", "update Established"]);
    let short =
        "ge-0/0/0.0 tcp 10.1.0.2:11 > 198.51.100.2:80 S => ge-0/0/1.0 tcp 198.51.100.1:$t > 198.51.100.2:80 S
ge-0/0/1.0 tcp 198.51.100.2:80 > 198.51.100.1:$t RA seq=0 ack=2 => sent 1
after 30s";
    // The first request's session and this one: it was over before it was read, so that it never opened for the reader.
    assert_eq!(step(short), ["close AgedOut"; 2]);
}

#[test]
fn a_slow_reader_is_told_what_it_missed_and_another_planes_cursor_is_worth_nothing() {
    let mut plane = after("config outbound\n");
    let drain = |plane: &Simulator, cursor: &DeltaCursor, max| {
        store(plane).deltas().unwrap().drain(cursor, max).unwrap()
    };
    let start = drain(&plane, &DeltaCursor::default(), 10).next;
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let many = "config outbound\nrepeat 3000 ge-0/0/0.0 udp 10.1.0.2:$n > 198.51.100.2:53 => ge-0/0/1.0\n";
    for _ in 0..8 {
        run(&Case::parse("a", many).unwrap(), &mut plane, &configs).unwrap();
        store(&plane).clear(&SessionFilter::default()).unwrap();
    }
    // 48,000 changes, of which each of two workers keeps 8,192.
    let batch = drain(&plane, &start, 10);
    assert_eq!(batch.lost.len(), 2, "{:?}", batch.lost);
    let mut cursor = batch.next.clone();
    let (mut numbers, mut last) = (0, batch);
    while last.truncated {
        numbers += last.deltas.len();
        last = drain(&plane, &cursor, 1000);
        assert!(last.lost.is_empty());
        cursor = last.next.clone();
    }
    numbers += last.deltas.len();
    // Openings of sessions that are gone are not told.
    assert!((8192..=16_384).contains(&numbers), "{numbers}");
    let foreign = DeltaCursor { epoch: cursor.epoch + 1, seen: vec![5, 5] };
    assert!(!drain(&plane, &foreign, 10).lost.is_empty());
}

/// Spec: sync-11.
#[test]
fn a_late_delete_does_not_hit_a_newer_session() {
    let mut plane = after(&format!("config outbound\n{OUT}\n"));
    let old = the_only(&plane);
    let known = SessionRef { id: old.id, key: old.wings[0].key };
    assert_eq!(store(&plane).delete_known(&[known], CloseReason::PeerDelete).unwrap(), 1);
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    run(&Case::parse("a", &format!("config outbound\n{OUT}\n")).unwrap(), &mut plane, &configs).unwrap();
    let new = the_only(&plane);
    assert_eq!((new.wings[0].key, new.id == old.id), (old.wings[0].key, false));
    assert_eq!(store(&plane).delete_known(&[known], CloseReason::PeerDelete).unwrap(), 0);
    assert_eq!(the_only(&plane).id, new.id);
}

/// Spec: sync-12.
#[test]
fn reconciliation_ends_what_the_peer_no_longer_has() {
    let text =
        format!("config outbound\n{OUT}\n{TCP}\nge-0/0/0.0 udp 10.1.0.2:6 > 198.51.100.2:53 => ge-0/0/1.0\n");
    let plane = after(&text);
    let all = exported(&plane);
    let kept = all[0].wings[0].key;
    let mine = store(&plane).reconcile_bulk(&[], &|_| true).unwrap();
    assert_eq!((mine.stale, mine.deleted), (0, 0), "its own zones are none of the peer's business");
    let result = store(&plane).reconcile_bulk(&[kept], &|_| false).unwrap();
    assert_eq!((result.stale, result.deleted), (2, 2));
    assert_eq!(the_only(&plane).wings[0].key, kept);
}

/// Without a packet there. Spec: tracking-5.
#[test]
fn a_session_of_a_zone_that_tracks_is_tracked_where_it_goes_on() {
    let config = "config outbound\n    set security zones security-zone trust application-tracking\n    \
                  set security application-tracking log-session-close\n";
    let session = the_only(&after(&format!("{config}{OUT}\n")));
    let peer = after(config);
    put(&peer, &session).unwrap();
    store(&peer).clear(&SessionFilter::default()).unwrap();
    let events = peer.plane().telemetry().events(9).unwrap().events;
    let [Event::Tracked(told)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((told.view.id, told.moment), (session.id, TrackedMoment::Closed(CloseReason::Cleared)));
}
