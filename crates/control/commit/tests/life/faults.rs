//! Every consumer fails at every step, once, twice and for long; the disk dies at every change.

use ravelin_commit::{CommitError, Done, LifeError, OrderKind};

use crate::support::{ANN, Bench, FakePlant, Fault, MemoryDisk, Step, at};

const CONSUMERS: [&str; 2] = ["kernel", "plane"];

/// A bench that runs `a`, with a fault armed and `b` as candidate.
fn armed(who: &'static str, step: Step, times: usize) -> Bench {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.edit("b");
    bench.fault(who, step, times);
    bench
}

#[test]
fn a_fault_before_the_commit_point_changes_nothing() {
    for who in CONSUMERS {
        for step in [Step::Check, Step::Prepare] {
            let mut bench = armed(who, step, 1);
            let done = bench.order(OrderKind::Now, at(1));
            let refused =
                matches!(done, Err(LifeError::Commit(CommitError::Refused(_) | CommitError::Prepare(..))));
            assert!(refused, "{who} {step:?}: {done:?}");
            assert_eq!(bench.agreed(), "a", "{who} {step:?}");
            assert_eq!(bench.life.store().history().len(), 1);
            // Nothing sticks: the same commit goes through when the fault is gone.
            assert!(matches!(bench.order(OrderKind::Now, at(2)), Ok(Done::Committed)));
            assert_eq!(bench.agreed(), "b", "{who} {step:?}");
        }
    }
}

#[test]
fn one_failure_to_apply_is_tried_again() {
    for who in CONSUMERS {
        let mut bench = armed(who, Step::Apply, 1);
        assert!(matches!(bench.order(OrderKind::Now, at(1)), Ok(Done::Committed)), "{who}");
        assert_eq!(bench.agreed(), "b", "{who}");
    }
}

#[test]
fn a_consumer_that_can_not_apply_the_new_one_gets_the_old_one_back() {
    for who in CONSUMERS {
        let mut bench = armed(who, Step::Apply, 2);
        let done = bench.order(OrderKind::Now, at(1));
        assert!(matches!(done, Err(LifeError::Commit(CommitError::RolledBack(_)))), "{who}: {done:?}");
        assert_eq!(bench.agreed(), "a", "{who}");
        let history = bench.life.store().history();
        assert_eq!(history.len(), 3, "both commits are in the history");
        assert_eq!(history[0].record.client, "other");
        assert!(bench.life.database().candidate(crate::support::ANN).is_changed(), "the edit is kept");
    }
}

#[test]
fn a_consumer_that_is_away_gets_the_active_one_when_it_is_back() {
    for who in CONSUMERS {
        let mut bench = armed(who, Step::Apply, 5);
        let done = bench.order(OrderKind::Now, at(1));
        assert!(matches!(done, Err(LifeError::Commit(CommitError::RolledBack(_)))), "{who}: {done:?}");
        assert!(!bench.life.debts().is_empty());
        assert!(bench.tick(at(2)).is_empty(), "not at once");
        for seconds in 3..=30 {
            bench.tick(at(seconds));
        }
        assert_eq!(bench.agreed(), "a", "{who}");

        // It does not even answer when it is asked about the old one, as a dead dataplane: the new one stays.
        let mut bench = armed(who, Step::Apply, 2);
        bench.plant.faults.borrow_mut().push(Fault { who, step: Step::Check, works: 1, fails: 2 });
        let done = bench.order(OrderKind::Now, at(1));
        assert!(matches!(done, Err(LifeError::Commit(CommitError::Partial(_)))), "{who}: {done:?}");
        for seconds in 3..=30 {
            bench.tick(at(seconds));
        }
        assert_eq!(bench.agreed(), "b", "{who}");
    }
}

#[test]
fn a_restart_converges_whatever_was_owed() {
    for who in CONSUMERS {
        let mut bench = armed(who, Step::Apply, 1000);
        bench.order(OrderKind::Now, at(1)).unwrap_err();
        bench.plant.faults.borrow_mut().clear();
        let (bench, notes) = bench.restart(at(2), "boot");
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(bench.agreed(), "a", "{who}");
    }
}

#[test]
fn a_first_configuration_is_owed_until_it_is_applied() {
    for who in CONSUMERS {
        let mut bench = Bench::new();
        bench.fault(who, Step::Apply, 2);
        bench.edit("a");
        let done = bench.order(OrderKind::Now, at(1));
        assert!(matches!(done, Err(LifeError::Commit(CommitError::Partial(_)))), "{done:?}");
        assert_eq!(bench.tick(at(4)), ["The active configuration is applied everywhere."]);
        assert_eq!(bench.agreed(), "a", "{who}");
    }
}

/// Does `work` on copies of a disk, dead one change later each time, and shows what a daemon finds that starts
/// afterwards, after a crash of the process and after a power cut.
fn killed_everywhere(before: &Bench, work: impl Fn(&mut Bench) -> bool, look: impl Fn(&Bench, &str)) {
    for kill in 0.. {
        let disk = before.disk.copy(None);
        let (mut bench, _) = Bench::on(disk, FakePlant::default(), at(1), "boot");
        bench.disk.platter().left = Some(kill);
        let done = work(&mut bench);
        let disks: [(MemoryDisk, &str); 2] =
            [(bench.disk.copy(None), "crash"), (bench.disk.after_power_cut(), "power cut")];
        for (disk, how) in disks {
            // The packet process outlived the daemon.
            let plant = bench.plant.found();
            let (after, notes) = Bench::on(disk, plant, at(2), "boot");
            assert!(notes.is_empty(), "{notes:?}");
            look(&after, &format!("{how} at {kill}, done {done}"));
        }
        if done {
            assert!(kill > 3);
            return;
        }
    }
}

#[test]
fn a_crash_at_any_change_of_the_disk_leaves_one_configuration_everywhere() {
    let mut before = Bench::new();
    before.commit("a", at(0));
    let commit = |bench: &mut Bench| {
        bench.edit("b");
        bench.order(OrderKind::Now, at(1)).is_ok() && bench.disk.platter().left != Some(0)
    };
    killed_everywhere(&before, commit, |after, when| {
        let name = after.agreed();
        assert!(name == "a" || name == "b", "{when}: {name}");
        assert!(after.life.left(at(2)).is_none(), "{when}");
    });
    let confirmed = |bench: &mut Bench| {
        bench.edit("b");
        let done = bench.order(OrderKind::Confirmed { minutes: 1 }, at(1));
        done.is_ok() && bench.disk.platter().left != Some(0)
    };
    killed_everywhere(&before, confirmed, |after, when| {
        let name = after.agreed();
        assert_eq!(after.life.left(at(2)).is_some(), name == "b", "{when}: waits exactly when it is active");
    });
}

#[test]
fn a_crash_while_going_back_goes_back() {
    let mut before = Bench::new();
    before.commit("a", at(0));
    before.commit_confirmed("b", 1, at(0));
    for kill in 0..20 {
        let (mut bench, _) = Bench::on(before.disk.copy(None), FakePlant::default(), at(1), "boot");
        bench.disk.platter().left = Some(kill);
        bench.tick(at(60));
        for disk in [bench.disk.copy(None), bench.disk.after_power_cut()] {
            let (after, _) = Bench::on(disk, FakePlant::default(), at(61), "boot");
            assert_eq!(after.agreed(), "a", "killed at {kill}");
            assert!(after.life.left(at(61)).is_none());
        }
    }
}

fn is_edited(bench: &Bench) -> bool {
    bench.disk.platter().now.contains_key("active.edit")
}

/// Spec: commit-62.
#[test]
fn a_long_configuration_is_committed_by_what_it_changed_and_made_whole_behind() {
    let mut before = long();
    let commit = |bench: &mut Bench| {
        bench.edit("b");
        let done = bench.order(OrderKind::Now, at(1)).is_ok();
        // As before the restart, so behind it.
        assert!(is_edited(bench) || bench.disk.platter().left == Some(0));
        bench.tick(at(1));
        done && bench.disk.platter().left != Some(0)
    };
    killed_everywhere(&before, commit, |after, when| {
        let name = after.agreed();
        assert!(name == "a" || name == "b", "{when}: {name}");
    });
    before.commit("b", at(2));
    assert!(is_edited(&before) && before.tick(at(2)).is_empty() && !is_edited(&before));
    before.commit("c", at(3));
    let (mut after, _) = before.restart(at(6), "boot");
    assert!(is_edited(&after) && after.tick(at(6)).is_empty() && !is_edited(&after));
    assert_eq!(after.agreed(), "c");
    assert_eq!(after.life.store().history().len(), 3);
}

/// Spec: commit-62.
#[test]
fn what_can_not_be_made_whole_is_tried_less_and_less_often_and_told_once() {
    let mut bench = long();
    bench.commit("b", at(0));
    bench.disk.platter().left = Some(1);
    let tried = |bench: &mut Bench, seconds: std::ops::Range<u64>| -> Vec<(u64, Vec<String>)> {
        let mut out = Vec::new();
        for second in seconds {
            if bench.life.fold_due(at(second)).is_some() {
                out.push((second, bench.tick(at(second))));
            }
        }
        out
    };
    let told = "the store's files can't be used: dead".to_owned();
    let seconds = [0, 2, 6, 14, 30, 62, 126, 254, 510, 766];
    let wanted = |(n, s): (usize, &u64)| (*s, if n == 0 { vec![told.clone()] } else { Vec::new() });
    let wanted: Vec<_> = seconds.iter().enumerate().map(wanted).collect();
    assert_eq!(tried(&mut bench, 0..1000), wanted);
    let other = || Err(std::io::Error::other("full"));
    let said = |note: Option<ravelin_commit::Note>| note.map(|note| note.to_string());
    assert_eq!(
        said(bench.life.folded(other(), at(1000))).as_deref(),
        Some("the store's files can't be used: full")
    );
    assert_eq!(said(bench.life.folded(other(), at(1001))), None);
    // The next commit can't make them whole either; the one that can does it at once.
    bench.edit("c");
    bench.order(OrderKind::Now, at(1002)).unwrap_err();
    assert!(bench.life.fold_due(at(1003)).is_none(), "nothing was committed");
    bench.disk.platter().left = None;
    bench.commit("c", at(1004));
    bench.disk.platter().left = Some(0);
    assert_eq!(bench.tick(at(1004)), [told], "another failure than the last");
    assert_eq!(tried(&mut bench, 1005..1008), [(1006, Vec::new())], "from the shortest pause on");
    bench.disk.platter().left = None;
    assert_eq!(
        tried(&mut bench, 1008..1020),
        [(1010, vec!["The store's files are whole again.".to_owned()])]
    );
    assert!(!is_edited(&bench) && bench.tick(at(1020)).is_empty());
    assert_eq!(bench.agreed(), "c");
}

/// A configuration `a` that is long.
fn long() -> Bench {
    let mut before = Bench::new();
    let candidate = before.life.database_mut().edit(ANN).unwrap();
    for n in 0..700 {
        let line = format!("set security address-book global address h{n} description \"{n:0>100}\"");
        candidate.apply(&[], &line).unwrap();
        let line = format!("set security address-book global address h{n} 10.0.{}.{}/32", n / 250, n % 250);
        candidate.apply(&[], &line).unwrap();
    }
    before.commit("a", at(0));
    assert!(!is_edited(&before), "the first one has nothing to change");
    before
}
