//! All sessions and mappings of one plane put into another, each at its worker, in any order: what a session says to the worker of the
//! mapping that let it in may come before that mapping does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ravelin_contract::SyncedSession;
use ravelin_engine::{FlowKey, State};
use ravelin_nat::MappingRecord;
use ravelin_types::{Addr, Instant};
use shuttle::thread;

use crate::{End, Ground, Item, NOW, begin, end, fresh, lived, quiet, sessions, stop, under_schedules};

const SCHEDULES: usize = 150;
/// Of so many sessions one ends while others still come.
const ENDS: u64 = 4;
/// Behind this every session has said again that it lives, and none has been silent for too long.
const SAID_AGAIN: Duration = Duration::from_secs(35);
/// Steps in which every place of the tables has its turn.
const TURNS: usize = 400;

fn exported(states: &[State]) -> (Vec<SyncedSession>, Vec<MappingRecord>) {
    let mut all = Vec::new();
    for state in states {
        assert_eq!(state.export_sessions(0, u32::MAX, NOW, |session| all.push(session)), None);
    }
    (all, states.iter().flat_map(|state| state.mappings(NOW)).collect())
}

fn ends_early(session: &SyncedSession) -> bool {
    session.id.0.is_multiple_of(ENDS)
}

/// What comes to which worker: a session, and behind some of them their end.
fn put(ground: &Ground, spare: &State, session: &SyncedSession) {
    let to = spare.home_of(session, &ground.snapshot.rules).unwrap().index();
    ground.send(to, Item::Put(Box::new(session.clone())));
    if ends_early(session) {
        let key = FlowKey::from_session_key(&session.wings[0].key).unwrap();
        ground.send(to, Item::End(key, session.id));
    }
}

fn run() {
    let (old, mut before, _) = lived();
    let (all, mappings) = exported(&before);
    end(&old, &mut before);
    let (ground, workers) = begin();
    let (first, second): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|s| s.id.0.is_multiple_of(2));
    let wires: Vec<_> = [first, second]
        .into_iter()
        .map(|some| {
            let ground = Arc::clone(&ground);
            thread::spawn(move || {
                let spare = fresh(&ground, 0);
                some.iter().for_each(|session| put(&ground, &spare, session));
            })
        })
        .collect();
    let spare = fresh(&ground, 0);
    for mapping in &mappings {
        ground.send(spare.home_of_mapping(mapping).index(), Item::Mapping(Box::new(mapping.clone())));
    }
    wires.into_iter().for_each(|wire| wire.join().unwrap());
    let mut states = stop(&ground, workers);
    let wanted = all.iter().filter(|session| !ends_early(session)).map(|session| session.id);
    let here: BTreeSet<_> = states.iter().flat_map(sessions).map(|view| view.id).collect();
    assert_eq!(here, wanted.collect(), "every session is there but for those that ended");
    let later = NOW.plus(SAID_AGAIN);
    (0..TURNS).for_each(|_| quiet(&ground, &mut states, later));
    judge(&states, later);
    end(&ground, &mut states);
}

/// Each mapping counts each of its sessions once.
fn judge(states: &[State], now: Instant) {
    let all: Vec<_> = states.iter().flat_map(sessions).collect();
    let of = |addr: std::net::IpAddr, port| -> End { (Addr::from_ip(addr).1, port) };
    let mappings: Vec<_> = states.iter().flat_map(|state| state.mappings(now)).collect();
    assert_eq!(mappings.len(), 4);
    for mapping in &mappings {
        let (own, end) = ((mapping.addr, mapping.port), (mapping.external, mapping.external_port));
        let out = all.iter().filter(|s| of(s.wings[0].key.src, s.wings[0].key.sport) == own).count();
        let entered = all.iter().filter(|s| of(s.wings[0].key.dst, s.wings[0].key.dport) == end).count();
        assert_eq!(mapping.sessions as usize, out + entered, "{end:?} counts each session once");
    }
}

#[test]
fn moved_sessions_are_counted_by_their_mappings_whatever_comes_first() {
    under_schedules(SCHEDULES, run);
}
