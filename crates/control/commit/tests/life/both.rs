//! Commits over two nodes: both have it or neither, and who was away gets it. Spec: commit-52..60.

use ravelin_commit::{CommitError, Done, LifeError, OrderKind, Synchronize};
use ravelin_store::{EditMode, EditorId};

use crate::support::{ANN, Bench, Fault, Step, at, order};
use crate::two::{Break, Call, Two};

const ASKED: Synchronize = Synchronize::Asked { force: false };
const BOB: EditorId = EditorId(2);

#[track_caller]
fn refused(done: Result<Done, LifeError>) -> String {
    match done {
        Err(LifeError::Commit(CommitError::Refused(list))) => {
            list.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_check_then_both_have_it() {
    let mut two = Two::new(at(0));
    assert!(matches!(two.commit("b", at(1)), Ok(Done::Committed)));
    assert_eq!(two.agreed(), ["b", "b"]);
    assert_eq!(two.calls(), [Call::Check, Call::Prepare, Call::Apply]);
    assert_eq!(two.here.life.synchronized(), Some(["node0", "node1"]));
    assert!(two.warnings().is_empty());
    let record = two.there(|bench| bench.life.store().history()[0].record.clone());
    assert_eq!((record.user.as_str(), record.client.as_str()), ("ann", "cli"));
    assert!(two.tick(at(100)).is_empty(), "nothing is owed");
    assert!(two.calls().is_empty());
}

#[test]
fn the_statement_means_every_commit_but_those_for_this_node_alone() {
    let mut two = Two::configured(at(0));
    two.calls();
    two.here.edit("b");
    assert!(two.order(Synchronize::Never, OrderKind::Now, at(1)).is_ok());
    assert_eq!(two.agreed(), ["b", "a"]);
    assert!(two.calls().is_empty() && two.here.life.synchronized().is_none());
    two.here.edit("c");
    assert!(two.order(Synchronize::Configured, OrderKind::Now, at(2)).is_ok());
    assert_eq!(two.agreed(), ["c", "c"]);
    // Taken out, this commit is the first that is for one.
    two.set("delete system commit");
    assert!(two.order(Synchronize::Configured, OrderKind::Now, at(3)).is_ok());
    two.here.edit("d");
    assert!(two.order(Synchronize::Configured, OrderKind::Now, at(4)).is_ok());
    assert_eq!(two.agreed(), ["d", "c"]);
}

#[test]
fn a_node_that_stands_alone_commits_and_says_so() {
    for how in [ASKED, Synchronize::Configured] {
        let mut bench = Bench::new();
        let line = "set system commit synchronize";
        bench.life.database_mut().edit(ANN).unwrap().apply(&[], line).unwrap();
        bench.edit("a");
        let order = ravelin_commit::Order { synchronize: how, ..order(ANN, OrderKind::Now) };
        assert!(matches!(bench.life.check(&mut bench.plant, &order, at(0)), Ok(false)));
        assert!(matches!(bench.life.commit(&mut bench.plant, &order, at(1)), Ok(Done::Committed)));
        assert_eq!(bench.agreed(), "a");
        let warnings = bench.life.warnings();
        assert_eq!(warnings.len(), 1, "{how:?}");
        assert_eq!(warnings[0].message, "there is no other node; this one commits alone");
        bench.commit("b", at(2));
        assert_eq!(bench.life.warnings().len(), 1, "the statement is still there");
    }
}

#[test]
fn what_the_other_node_refuses_changes_nothing_on_either() {
    let mut two = Two::new(at(0));
    two.there(|bench| bench.fault("kernel", Step::Check, 1));
    assert_eq!(refused(two.commit("b", at(1))), "node1: no");
    assert_eq!(two.agreed(), ["a", "a"]);
    assert_eq!(two.there(|bench| bench.life.store().history().len()), 1);
    two.there(|bench| bench.commit("x", at(1)));
    // With the statement too: it answered.
    let mut two = Two::configured(at(0));
    two.there(|bench| bench.fault("plane", Step::Check, 1));
    two.here.edit("b");
    assert_eq!(refused(two.order(Synchronize::Configured, OrderKind::Now, at(1))), "node1: no");
    assert_eq!(two.agreed(), ["a", "a"]);
    // What is refused here is not sent there.
    two.calls();
    two.here.fault("plane", Step::Check, 1);
    assert_eq!(refused(two.order(ASKED, OrderKind::Now, at(2))), "no");
    assert!(two.calls().is_empty());
    assert!(matches!(two.order(ASKED, OrderKind::Now, at(3)), Ok(Done::Committed)));
    assert_eq!(two.agreed(), ["b", "b"]);
}

#[test]
fn who_is_asked_for_has_to_answer_until_the_commit_point() {
    for call in [Call::Check, Call::Prepare] {
        for how in [Break::Lost, Break::Unanswered] {
            let mut two = Two::new(at(0));
            two.breaks(call, how);
            let done = two.commit("b", at(1));
            let told = matches!(
                done,
                Err(LifeError::Commit(CommitError::Refused(_) | CommitError::Prepare("node1", _)))
            );
            assert!(told, "{call:?} {how:?}: {done:?}");
            assert_eq!(two.agreed(), ["a", "a"], "{call:?} {how:?}");
            assert!(two.tick(at(50)).is_empty(), "nothing is owed");
            assert!(matches!(two.order(ASKED, OrderKind::Now, at(51)), Ok(Done::Committed)));
            assert_eq!(two.agreed(), ["b", "b"]);
        }
    }
    // It lost what it had promised.
    let mut two = Two::new(at(0));
    two.breaks(Call::Prepare, Break::Restarted);
    let done = two.commit("b", at(1));
    assert!(matches!(done, Err(LifeError::Commit(CommitError::Prepare("node1", _)))), "{done:?}");
    assert_eq!(two.agreed(), ["a", "a"]);
}

#[test]
fn with_the_statement_who_is_away_gets_it_when_it_is_back() {
    for call in [Call::Check, Call::Prepare, Call::Apply] {
        for how in [Break::Lost, Break::Unanswered] {
            let mut two = Two::configured(at(0));
            two.breaks(call, how);
            two.here.edit("b");
            assert!(two.order(Synchronize::Configured, OrderKind::Now, at(1)).is_ok(), "{call:?} {how:?}");
            assert_eq!(two.warnings(), ["node1 gets the configuration later: no answer"]);
            assert_eq!(two.here.agreed(), "b");
            assert!(two.tick(at(2)).is_empty(), "not at once");
            assert_eq!(two.tick(at(4)), ["The other node has the active configuration."]);
            assert_eq!(two.agreed(), ["b", "b"], "{call:?} {how:?}");
            assert!(two.tick(at(100)).is_empty());
        }
    }
}

#[test]
fn who_dies_after_the_commit_point_owes_it_and_a_restart_remembers() {
    for how in [Break::Lost, Break::Unanswered, Break::Restarted] {
        let mut two = Two::new(at(0));
        two.breaks(Call::Apply, how);
        assert!(matches!(two.commit("b", at(1)), Ok(Done::Committed)), "{how:?}");
        assert_eq!(two.here.agreed(), "b");
        assert_eq!(two.warnings().len(), 1, "{how:?}");
        // This one's daemon dies too, and the other stays away for a while.
        let Two { here, line } = two;
        let (here, notes) = here.restart(at(2), "boot");
        assert!(notes.is_empty(), "{notes:?}");
        let mut two = Two { here, line };
        two.breaks(Call::Check, Break::Lost);
        let told = ["The other node does not have the active configuration yet: node1: no answer"];
        assert_eq!(two.tick(at(3)), told);
        two.breaks(Call::Check, Break::Lost);
        assert!(two.tick(at(5)).is_empty(), "the same is not told again");
        for seconds in 6..20 {
            two.tick(at(seconds));
        }
        assert_eq!(two.agreed(), ["b", "b"], "{how:?}");
    }
}

#[test]
fn what_the_other_node_can_not_apply_is_taken_back_on_both() {
    let mut two = Two::new(at(0));
    two.there(|bench| bench.fault("plane", Step::Apply, 2));
    // It is asked once more, and fails again.
    let again = Fault { who: "kernel", step: Step::Apply, works: 2, fails: 2 };
    two.there(|bench| bench.plant.faults.borrow_mut().push(again));
    let done = two.commit("b", at(1));
    assert!(matches!(done, Err(LifeError::Commit(CommitError::RolledBack(_)))), "{done:?}");
    assert_eq!(two.agreed(), ["a", "a"]);
    assert!(two.here.life.database().candidate(ANN).is_changed(), "the edit is kept");
}

#[test]
fn what_fails_here_is_not_done_there() {
    for who in ["kernel", "plane"] {
        let mut two = Two::new(at(0));
        two.here.fault(who, Step::Apply, 2);
        let done = two.commit("b", at(1));
        assert!(matches!(done, Err(LifeError::Commit(CommitError::RolledBack(_)))), "{who}: {done:?}");
        assert_eq!(two.agreed(), ["a", "a"], "{who}");
        assert_eq!(two.there(|bench| bench.life.store().history().len()), 1);
        // Nor is anybody kept waiting.
        two.there(|bench| bench.commit("x", at(1)));
    }
    // The old one can't be had back, so the new one is owed here: there it is later.
    let mut two = Two::new(at(0));
    two.here.fault("plane", Step::Apply, 2);
    let later = Fault { who: "plane", step: Step::Check, works: 1, fails: 2 };
    two.here.plant.faults.borrow_mut().push(later);
    let done = two.commit("b", at(1));
    assert!(matches!(done, Err(LifeError::Commit(CommitError::Partial(_)))), "{done:?}");
    assert_eq!(two.there(|bench| bench.agreed()), "a");
    for seconds in 2..30 {
        two.tick(at(seconds));
    }
    assert_eq!(two.agreed(), ["b", "b"]);
}

#[test]
fn the_disk_dies_at_any_change_and_both_agree_in_the_end() {
    for kill in 0..40 {
        let mut two = Two::new(at(0));
        two.here.disk.platter().left = Some(kill);
        let _ = two.commit("b", at(1));
        let disk = two.here.disk.copy(None);
        let Two { here, line } = two;
        let (here, _) = Bench::on(disk, here.plant, at(2), "boot");
        let mut two = Two { here, line };
        for seconds in 3..90 {
            two.tick(at(seconds));
        }
        let [here, there] = two.agreed();
        assert_eq!(here, there, "killed at {kill}");
    }
}

#[test]
fn force_sends_away_whoever_edits_there() {
    let mut two = Two::new(at(0));
    two.there(|bench| bench.edit("mine"));
    assert_eq!(refused(two.commit("b", at(1))), "node1: configuration database modified");
    assert!(two.there(|bench| bench.life.database().candidate(ANN).is_changed()));
    two.there(|bench| bench.life.database_mut().edit(ANN).unwrap().discard());
    two.there(|bench| bench.enter(BOB, EditMode::Exclusive));
    assert_eq!(refused(two.commit("b", at(1))), "node1: configuration database locked");
    assert_eq!(two.agreed(), ["a", "a"]);
    let force = Synchronize::Asked { force: true };
    assert!(two.order(force, OrderKind::Now, at(2)).is_ok());
    assert_eq!(two.agreed(), ["b", "b"]);
    assert!(two.there(|bench| bench.life.database().editors().is_empty()));
    assert!(!two.there(|bench| bench.life.database().candidate(BOB).is_changed()));
    // What is sent later sends nobody away.
    two.breaks(Call::Apply, Break::Lost);
    two.here.edit("c");
    assert!(two.order(force, OrderKind::Now, at(3)).is_ok());
    two.there(|bench| bench.edit("mine"));
    let told = "The other node does not have the active configuration yet: \
                node1: configuration database modified";
    assert_eq!(two.tick(at(10)), [told]);
    two.there(|bench| bench.life.database_mut().edit(ANN).unwrap().discard());
    for seconds in 11..30 {
        two.tick(at(seconds));
    }
    assert_eq!(two.agreed(), ["c", "c"]);
}

#[test]
fn a_promise_keeps_others_out_for_a_minute() {
    let mut two = Two::new(at(0));
    two.here.edit("b");
    // This one dies before it says more.
    two.here.disk.platter().left = Some(0);
    let mut line = two.line.clone();
    let text = "system {\n    host-name b;\n}\n".into();
    let commit = ravelin_commit::PeerCommit { text, record: Default::default(), force: false };
    ravelin_commit::Peer::check(&mut line, &commit).unwrap();
    two.there(|bench| {
        assert!(matches!(bench.life.may_edit(ANN), Err(LifeError::Promised)));
        assert!(matches!(bench.order(OrderKind::Now, at(1)), Err(LifeError::Promised)));
        bench.tick(at(59));
        assert!(matches!(bench.order(OrderKind::Now, at(59)), Err(LifeError::Promised)));
        bench.tick(at(60));
        bench.commit("x", at(61));
        assert!(bench.life.peer_apply(&mut bench.plant, at(62)).is_err(), "it is forgotten");
        assert_eq!(bench.agreed(), "x");
    });
    assert!(!format!("{commit:?}").contains("host-name"), "the text may hold secrets");
}

#[test]
fn a_confirmed_commit_waits_on_both_and_goes_back_on_both() {
    let wait = OrderKind::Confirmed { minutes: 1 };
    let waiting = |two: &Two, now| [two.here.life.left(now), two.there(|bench| bench.life.left(now))];
    // Nobody confirms.
    let mut two = Two::new(at(0));
    two.here.edit("b");
    assert!(two.order(ASKED, wait.clone(), at(0)).is_ok());
    assert!(waiting(&two, at(1)).iter().all(Option::is_some));
    two.tick(at(60));
    two.tick(at(70));
    assert_eq!(two.agreed(), ["a", "a"]);
    // `commit check` confirms, and so does any commit: on both.
    for check in [true, false] {
        let mut two = Two::new(at(0));
        two.here.edit("b");
        assert!(two.order(ASKED, wait.clone(), at(0)).is_ok());
        if check {
            let order = order(ANN, OrderKind::Now);
            assert!(matches!(two.here.life.check(&mut two.here.plant, &order, at(1)), Ok(true)));
        } else {
            assert!(two.order(Synchronize::Configured, OrderKind::Now, at(1)).is_ok());
        }
        assert!(waiting(&two, at(2)).iter().all(Option::is_none), "{check}");
        two.tick(at(70));
        assert_eq!(two.agreed(), ["b", "b"]);
    }
    // It was not told, went back by itself, and gets it again.
    let mut two = Two::new(at(0));
    two.here.edit("b");
    assert!(two.order(ASKED, wait, at(0)).is_ok());
    two.breaks(Call::Confirm, Break::Lost);
    let order = order(ANN, OrderKind::Now);
    assert!(matches!(two.here.life.check(&mut two.here.plant, &order, at(1)), Ok(true)));
    two.there(|bench| bench.tick(at(60)));
    assert_eq!(two.agreed(), ["b", "a"]);
    two.tick(at(61));
    assert_eq!(two.agreed(), ["b", "b"]);
    assert_eq!(waiting(&two, at(62)), [None, None]);
}

#[test]
fn a_way_back_does_not_wait_for_the_other_node() {
    let mut two = Two::new(at(0));
    two.here.edit("b");
    assert!(two.order(ASKED, OrderKind::Confirmed { minutes: 1 }, at(0)).is_ok());
    two.breaks(Call::Check, Break::Lost);
    two.here.tick(at(60));
    assert_eq!(two.here.agreed(), "a");
    two.there(|bench| bench.tick(at(60)));
    for seconds in 61..80 {
        two.tick(at(seconds));
    }
    assert_eq!(two.agreed(), ["a", "a"]);
}

#[test]
fn a_scheduled_commit_is_for_both_at_its_time() {
    let kind = OrderKind::At("2026-02-02 02:42".into());
    let mut two = Two::new(at(0));
    two.here.edit("b");
    assert!(matches!(two.order(ASKED, kind.clone(), at(0)), Ok(Done::Scheduled(_))));
    assert_eq!(two.calls(), [Call::Check]);
    two.there(|bench| bench.commit("x", at(1)));
    // A restart remembers for whom it is.
    let Two { here, line } = two;
    let (here, _) = here.restart(at(2), "boot");
    let mut two = Two { here, line };
    assert_eq!(two.tick(at(120)), ["The scheduled commit is complete."]);
    assert_eq!(two.agreed(), ["b", "b"]);
    // One that the other node can't take is not scheduled.
    two.here.edit("c");
    two.there(|bench| bench.fault("kernel", Step::Check, 1));
    let kind = OrderKind::At("2026-02-02 02:52".into());
    assert_eq!(refused(two.order(ASKED, kind, at(130))), "node1: no");
    assert!(two.here.life.store().scheduled().is_none());
}

#[test]
fn a_check_asks_both_and_changes_neither() {
    let mut two = Two::configured(at(0));
    two.here.edit("b");
    let order = order(ANN, OrderKind::Now);
    assert!(matches!(two.here.life.check(&mut two.here.plant, &order, at(1)), Ok(false)));
    assert_eq!(two.here.life.synchronized(), Some(["node0", "node1"]));
    two.there(|bench| bench.fault("kernel", Step::Check, 1));
    let done = two.here.life.check(&mut two.here.plant, &order, at(1));
    assert!(matches!(done, Err(LifeError::Commit(CommitError::Refused(_)))), "{done:?}");
    assert_eq!(two.agreed(), ["a", "a"]);
    two.there(|bench| bench.commit("x", at(2)));
}
