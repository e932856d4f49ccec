//! Session limits. Spec: screen-43, screen-54..57.

use std::collections::HashMap;

use proptest::prelude::*;
use ravelin_program::{Allowance, Screen, ScreenProfile, SideLimits};
use ravelin_screen::{Meters, Profile, SessionHold};
use ravelin_types::Family;
use ravelin_wire::TcpFlags;
use ravelin_wire::build::Payload;

use crate::kit::{between, meters, profile, with};

fn packet(src: u32, dst: u32, is_udp: bool) -> Vec<u8> {
    let payload = if is_udp { Payload::udp(1, 2, b"") } else { Payload::tcp(1, 2, TcpFlags::SYN) };
    between(Family::V4, src, dst, &payload)
}

fn open(
    profile: &Profile,
    meters: &Meters,
    (src, dst, is_udp): (u32, u32, bool),
) -> Result<SessionHold, Screen> {
    with(&packet(src, dst, is_udp), |packet| meters.reserve(profile, packet).map(|reserved| reserved.keep()))
}

fn limited() -> ScreenProfile {
    let sessions = |limit| Allowance { sessions: Some(limit), ..Allowance::default() };
    ScreenProfile {
        source_sessions: Some(4),
        destination_sessions: Some(5),
        by_source: SideLimits { udp: sessions(2), ..SideLimits::default() },
        by_destination: SideLimits { all: sessions(4), ..SideLimits::default() },
        ..ScreenProfile::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: (ProptestConfig::default().cases / 4).max(64), ..ProptestConfig::default() })]
    /// Sessions come and go in any order: what is refused, and why, is what plain counting says.
    #[test]
    fn limits_are_those_of_a_list_of_sessions(
        steps in prop::collection::vec((0u32..3, 0u32..3, any::<bool>(), 0u8..3), 0..120)
    ) {
        let (profile, meters) = (profile(|profile| *profile = limited()), meters());
        let mut live: Vec<((u32, u32, bool), SessionHold)> = Vec::new();
        for (src, dst, is_udp, step) in steps {
            if step == 0 && !live.is_empty() {
                let (_, hold) = live.remove(src as usize % live.len());
                meters.release(hold);
                continue;
            }
            let count = |test: &dyn Fn(&(u32, u32, bool)) -> bool| live.iter().filter(|(key, _)| test(key)).count();
            let expected = if count(&|key| key.0 == src) >= 4 {
                Err(Screen::SourceSessions)
            } else if count(&|key| key.1 == dst) >= 5 {
                Err(Screen::DestinationSessions)
            } else if is_udp && count(&|key| key.0 == src && key.2) >= 2 {
                Err(Screen::BySourceProtocolSessions)
            } else if count(&|key| key.1 == dst) >= 4 {
                Err(Screen::ByDestinationSessions)
            } else {
                Ok(())
            };
            let got = open(&profile, &meters, (src, dst, is_udp));
            prop_assert_eq!(got.as_ref().map(|_| ()).map_err(|screen| *screen), expected);
            if let Ok(hold) = got {
                live.push(((src, dst, is_udp), hold));
            }
        }
    }
}

/// Four workers open and close sessions of three sources at once; no source ever has more than it may.
#[test]
fn workers_share_an_exact_limit() {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    let profile = profile(|profile| profile.source_sessions = Some(3));
    let meters = meters();
    let live: [AtomicU32; 3] = Default::default();
    let most = AtomicU32::new(0);
    let worker = |seed: u32| {
        let mut mine: Vec<(usize, SessionHold)> = Vec::new();
        for step in 0..8000 {
            let random = (seed.wrapping_add(step)).wrapping_mul(0x9e37_79b9) >> 16;
            let src = random as usize % 3;
            if random & 8 == 0
                && let Ok(hold) = open(&profile, &meters, (src as u32, step, false))
            {
                most.fetch_max(live[src].fetch_add(1, SeqCst) + 1, SeqCst);
                mine.push((src, hold));
            } else if let Some((src, hold)) = mine.pop() {
                live[src].fetch_sub(1, SeqCst);
                meters.release(hold);
            }
        }
        for (src, hold) in mine {
            live[src].fetch_sub(1, SeqCst);
            meters.release(hold);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|n| drop(scope.spawn(move || worker(n * 100_003)))));
    assert_eq!(most.into_inner(), 3, "reached and never passed");
    let again: Vec<_> = (0..4).map(|dst| open(&profile, &meters, (0, dst, false)).is_ok()).collect();
    assert_eq!(again, [true, true, true, false], "all was given back");
}

#[test]
fn a_reservation_that_is_not_kept_counts_nothing_and_neither_does_a_refused_one() {
    let (profile, meters) = (profile(|profile| *profile = limited()), meters());
    for _ in 0..20 {
        with(&packet(1, 1, true), |packet| drop(meters.reserve(&profile, packet)));
    }
    let held: Vec<_> = (0..4).map(|src| open(&profile, &meters, (src, 9, false)).unwrap()).collect();
    // Refused by the destination's limit: the source's count is given back.
    for _ in 0..20 {
        assert_eq!(open(&profile, &meters, (7, 9, false)), Err(Screen::ByDestinationSessions));
    }
    assert!((0..4).all(|dst| open(&profile, &meters, (7, dst, false)).is_ok()));
    held.into_iter().for_each(|hold| meters.release(hold));
}

#[test]
fn alarms_count_on_beyond_the_limit_and_a_profile_without_limits_holds_nothing() {
    let alarms = profile(|profile| {
        profile.alarm_without_drop = true;
        profile.source_sessions = Some(2);
    });
    let meters = meters();
    let mut told = Vec::new();
    for dst in 0..4 {
        with(&packet(1, dst, false), |packet| {
            let reserved = meters.reserve(&alarms, packet).unwrap();
            told.push(reserved.alarms.has(Screen::SourceSessions));
            let _ = reserved.keep();
        });
    }
    assert_eq!(told, [false, false, true, true]);
    assert!(open(&profile(|_| {}), &meters, (1, 1, false)).unwrap().is_none());
}

#[test]
fn silent_connections_of_one_source_are_limited() {
    let (profile, meters) = (profile(|profile| profile.syn_ack_ack = Some(2)), meters());
    let silent = |src| {
        with(&packet(src, 5, false), |packet| meters.reserve_silent(&profile, packet).map(|(hold, _)| hold))
    };
    let (one, two) = (silent(1).unwrap(), silent(1).unwrap());
    assert_eq!(silent(1), Err(Screen::SynAckAckProxy));
    let other = silent(2).unwrap();
    meters.release_silent(one);
    let three = silent(1).unwrap();
    [two, three, other].into_iter().for_each(|hold| meters.release_silent(hold));
}

/// Sources without end: those that find no cell are admitted uncounted, and told of.
#[test]
fn more_keys_than_cells_are_admitted_and_counted_as_unmetered() {
    let (profile, meters) = (profile(|profile| profile.source_sessions = Some(1)), meters());
    let mut holds = HashMap::new();
    for src in 0..8000 {
        holds.insert(src, open(&profile, &meters, (src, 1, false)).expect("a clean source is never refused"));
    }
    // 256 buckets of fifteen.
    assert!(meters.unmetered() >= 8000 - 256 * 15, "{}", meters.unmetered());
    holds.into_values().for_each(|hold| meters.release(hold));
    assert!(open(&profile, &meters, (1, 1, false)).is_ok());
}
