//! Commits that are taken back unless somebody confirms them.

use ravelin_commit::{CommitError, LifeError, Note, Now, OrderKind};

use crate::support::{ANN, Bench, Step, at, order};

const BACK: &str = "Commit was not confirmed; automatic rollback complete.";

/// `a` is active and confirmed, `b` waits for 10 minutes.
fn waiting() -> Bench {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.commit_confirmed("b", 10, at(0));
    bench
}

#[test]
fn unconfirmed_it_goes_back_at_its_time_and_not_before() {
    let mut bench = waiting();
    assert_eq!(bench.tick(at(599)), Vec::<String>::new());
    assert_eq!(bench.agreed(), "b");
    assert_eq!(bench.tick(at(600)), [BACK]);
    assert_eq!(bench.agreed(), "a");
    let history = bench.life.store().history();
    let who: Vec<_> = history.iter().map(|s| (s.record.user.as_str(), s.record.client.as_str())).collect();
    assert_eq!(who, [("root", "other"), ("ann", "cli"), ("ann", "cli")]);
    assert_eq!(history[1].record.confirmed_min, Some(10), "the history still says it was one to confirm");
    assert!(history.iter().all(|s| s.revert.is_none()), "nothing waits any more");
    assert!(bench.tick(at(6000)).is_empty(), "once");
}

#[test]
fn a_commit_confirms() {
    let mut bench = waiting();
    bench.commit("b", at(599));
    assert!(bench.tick(at(6000)).is_empty());
    assert_eq!(bench.agreed(), "b");
}

#[test]
fn commit_check_confirms_without_a_commit() {
    let mut bench = waiting();
    let check = order(ANN, OrderKind::Now);
    assert!(matches!(bench.life.check(&mut bench.plant, &check, at(599)), Ok(true)));
    assert_eq!(bench.life.store().history().len(), 2);
    let (mut bench, notes) = bench.restart(at(6000), "boot");
    assert!(notes.is_empty() && bench.tick(at(6000)).is_empty());
    assert_eq!(bench.agreed(), "b");
    assert!(matches!(bench.life.check(&mut bench.plant, &check, at(6001)), Ok(false)), "nothing waits");
}

#[test]
fn a_refused_check_or_commit_confirms_nothing() {
    let mut bench = waiting();
    bench.fault("plane", Step::Check, 2);
    let check = order(ANN, OrderKind::Now);
    assert!(bench.life.check(&mut bench.plant, &check, at(1)).is_err());
    assert!(bench.order(OrderKind::Now, at(2)).is_err());
    assert_eq!(bench.tick(at(600)), [BACK]);
    assert_eq!(bench.agreed(), "a");
}

#[test]
fn a_second_one_waits_anew_and_goes_back_as_far_as_the_first() {
    let mut bench = waiting();
    bench.commit_confirmed("c", 10, at(590));
    assert!(bench.tick(at(1189)).is_empty());
    assert_eq!(bench.tick(at(1190)), [BACK]);
    assert_eq!(bench.agreed(), "a");
}

#[test]
fn a_restart_keeps_the_deadline() {
    let (mut bench, notes) = waiting().restart(at(240), "boot");
    assert!(notes.is_empty());
    assert_eq!(bench.agreed(), "b");
    assert!(bench.tick(at(599)).is_empty());
    assert_eq!(bench.tick(at(600)), [BACK]);
}

#[test]
fn overdue_at_a_start_it_goes_back_and_is_never_applied() {
    let mut bench = waiting();
    // A new machine: nothing is enforced yet, and nobody may apply more than once.
    bench.plant.kernel = None;
    bench.plant.plane = None;
    let (bench, notes) = bench.restart(at(600), "boot");
    assert!(matches!(notes[..], [Note::RolledBack]), "{notes:?}");
    assert_eq!(bench.agreed(), "a");
    assert_eq!(bench.life.applied(), 1, "only what was gone back to");
}

#[test]
fn jumps_of_the_clock_go_back_early_rather_than_late() {
    let jumped = |seconds: i64| {
        let wall_s = at(0).wall_s.saturating_add_signed(seconds);
        Now { wall_s, ..at(5) }
    };
    for (jump, left_s) in [(-1, None), (-100_000, None), (100_000, None), (0, Some(600)), (5, Some(595))] {
        let (bench, _) = waiting().restart(jumped(jump), "boot");
        assert_eq!(bench.life.left(at(5)).map(|left| left.as_secs()), left_s, "jump {jump}");
        assert_eq!(bench.agreed(), if left_s.is_some() { "b" } else { "a" }, "jump {jump}");
    }
    // While the daemon runs the wall clock has no say.
    let mut bench = waiting();
    assert!(bench.tick(Now { mono: at(599).mono, ..jumped(100_000) }).is_empty());
    assert_eq!(bench.tick(Now { mono: at(600).mono, ..jumped(-100_000) }), [BACK]);
}

#[test]
fn the_way_back_is_tried_until_it_works() {
    for (step, who) in
        [(Step::Check, "plane"), (Step::Prepare, "kernel"), (Step::Apply, "kernel"), (Step::Apply, "plane")]
    {
        let mut bench = waiting();
        bench.fault(who, step, 4);
        let first = bench.tick(at(600));
        assert_ne!(first, [BACK], "{step:?}");
        if step == Step::Apply {
            // What nobody confirmed is not brought back, whoever fails.
            let text = bench.life.store().active().map(|active| active.text.clone());
            assert!(text.is_some_and(|text| text.whole().contains("host-name a;")), "{who}");
        }
        for seconds in 601..700 {
            bench.tick(at(seconds));
        }
        assert_eq!(bench.agreed(), "a", "{step:?} {who}");
        assert!(bench.life.left(at(700)).is_none());
    }
}

#[test]
fn nothing_before_it_is_gone_back_to_as_nothing() {
    let mut bench = Bench::new();
    bench.commit_confirmed("a", 1, at(0));
    assert_eq!(bench.tick(at(60)), [BACK]);
    assert_eq!(bench.agreed(), "");
}

#[test]
fn a_commit_that_is_rolled_back_leaves_the_one_before_it_waiting() {
    let mut bench = waiting();
    bench.fault("plane", Step::Apply, 2);
    bench.edit("c");
    let done = bench.order(OrderKind::Now, at(100));
    assert!(matches!(done, Err(LifeError::Commit(CommitError::RolledBack(_)))), "{done:?}");
    assert_eq!(bench.agreed(), "b");
    assert_eq!(bench.life.left(at(100)).map(|left| left.as_secs()), Some(500));
    let (mut bench, _) = bench.restart(at(300), "boot");
    assert_eq!(bench.life.left(at(300)).map(|left| left.as_secs()), Some(300), "over a restart too");
    assert_eq!(bench.tick(at(600)), [BACK]);
    assert_eq!(bench.agreed(), "a");
}
