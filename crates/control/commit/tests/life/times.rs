//! Groups that are in force at times: what is enforced changes with the clock, and what is committed stands at each.
//! Spec: language-73, language-74. The bench begins at 02:40 on 2 February 2026, UTC.

use ravelin_commit::{CommitError, LifeError, OrderKind};

use crate::support::{ANN, Bench, Step, at};

const MINUTE: u64 = 60;
const SWITCHED: &str =
    "The time has come for other groups of the active configuration; it is applied everywhere.";

fn set(bench: &mut Bench, lines: &[&str]) {
    for line in lines {
        let candidate = bench.life.database_mut().edit(ANN).unwrap();
        candidate.apply(&[], line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
}

/// From three to four this is `night`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    set(
        &mut bench,
        &[
            "set groups g when time 03:00 to 04:00",
            "set groups g system host-name night",
            "set apply-groups g",
        ],
    );
    bench
}

/// What kernel and dataplane have, which is the same.
#[track_caller]
fn enforced(bench: &Bench) -> &str {
    assert_eq!(bench.plant.kernel, bench.plant.plane);
    bench.plant.kernel.as_ref().map_or("nothing", |(_, name)| name)
}

#[test]
fn what_is_enforced_changes_at_the_times_of_its_groups() {
    let mut bench = bench();
    bench.order(OrderKind::Now, at(0)).unwrap();
    assert_eq!(enforced(&bench), "");
    let history = bench.life.store().history().len();
    for (minute, second, notes, name) in [
        (19, 59, vec![], ""),
        (20, 0, vec![SWITCHED], "night"),
        (20, 1, vec![], "night"),
        (79, 59, vec![], "night"),
        (80, 0, vec![SWITCHED], ""),
        (24 * 60 + 30, 0, vec![SWITCHED], "night"),
    ] {
        assert_eq!(bench.tick(at(minute * MINUTE + second)), notes, "{minute}:{second}");
        assert_eq!(enforced(&bench), name, "{minute}:{second}");
    }
    assert_eq!(bench.life.store().history().len(), history, "nobody committed anything");
    // A clock that is set back takes it back.
    assert_eq!(bench.tick(at(10 * MINUTE)), [SWITCHED]);
    assert_eq!(enforced(&bench), "");
}

#[test]
fn a_restart_enforces_what_is_in_force_then() {
    let mut bench = bench();
    bench.order(OrderKind::Now, at(0)).unwrap();
    let (mut bench, notes) = bench.restart(at(30 * MINUTE), "boot");
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(enforced(&bench), "night");
    assert!(bench.tick(at(31 * MINUTE)).is_empty());
}

#[test]
fn the_clock_is_that_of_the_time_zone_of_the_configuration() {
    let mut bench = bench();
    set(&mut bench, &["set system time-zone GMT-1"]);
    bench.order(OrderKind::Now, at(0)).unwrap();
    assert_eq!(enforced(&bench), "night");
    assert_eq!(bench.tick(at(20 * MINUTE)), [SWITCHED]);
    assert_eq!(enforced(&bench), "");
}

#[test]
fn who_fails_at_that_time_owes_it() {
    for who in ["kernel", "plane"] {
        let mut bench = bench();
        bench.order(OrderKind::Now, at(0)).unwrap();
        bench.fault(who, Step::Apply, 2);
        let notes = bench.tick(at(20 * MINUTE));
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with("The active configuration is not applied"), "{notes:?}");
        for second in 1..10 {
            bench.tick(at(20 * MINUTE + second));
        }
        assert_eq!(enforced(&bench), "night", "{who}");
        // Whoever can't even be asked goes on with what was.
        bench.fault(who, Step::Check, 1);
        bench.tick(at(80 * MINUTE));
        assert_eq!(enforced(&bench), "night", "{who}");
        for second in 1..10 {
            bench.tick(at(80 * MINUTE + second));
        }
        assert_eq!(enforced(&bench), "", "{who}");
    }
}

#[test]
fn what_would_not_stand_at_another_time_is_refused_now() {
    let mut bench = bench();
    set(
        &mut bench,
        &["set groups g security policies from-zone nowhere to-zone nowhere policy p then permit"],
    );
    let done = bench.order(OrderKind::Now, at(0));
    let Err(LifeError::Commit(CommitError::Refused(list))) = done else { panic!("{done:?}") };
    assert!(!list.is_empty());
    for finding in &list {
        assert!(finding.message.starts_with("at 2026-02-02.03:00:00: "), "{}", finding.message);
    }
    // At the time itself, as ever.
    let done = bench.order(OrderKind::Now, at(30 * MINUTE));
    let Err(LifeError::Commit(CommitError::Refused(list))) = done else { panic!("{done:?}") };
    assert!(list.iter().all(|finding| !finding.message.starts_with("at ")), "{list:?}");
}
