//! `commit at`, private commits, rescue, audit, archival.

use std::time::Duration;

use ravelin_commit::{AtError, Done, LifeError, Note, OrderKind};
use ravelin_store::{EditError, EditMode, EditorId, Record, When};

use crate::support::{ANN, Bench, NOW_S, Step, at, order};

const BOB: EditorId = EditorId(2);

/// 02:45:00, five minutes after `at(0)`.
fn schedule(bench: &mut Bench, time: &str) -> Result<Done, LifeError> {
    bench.order(OrderKind::At(time.into()), at(0))
}

#[test]
fn a_scheduled_commit_is_made_at_its_time_and_keeps_others_out_until_then() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.edit("b");
    assert!(matches!(schedule(&mut bench, "01:00"), Err(LifeError::At(AtError::Past))));
    let done = schedule(&mut bench, "02:45");
    assert!(matches!(done, Ok(Done::Scheduled(When::At(time))) if time == NOW_S + 300), "{done:?}");
    assert_eq!(bench.agreed(), "a");
    assert!(matches!(bench.order(OrderKind::Now, at(1)), Err(LifeError::Pending)));
    assert!(matches!(bench.life.may_edit(ANN), Err(LifeError::Pending)));
    assert!(bench.tick(at(299)).is_empty());
    assert_eq!(bench.tick(at(300)), ["The scheduled commit is complete."]);
    assert_eq!(bench.agreed(), "b");
    assert!(!bench.life.database().candidate(ANN).is_changed());
    assert!(bench.life.may_edit(ANN).is_ok() && bench.tick(at(301)).is_empty());
}

#[test]
fn a_scheduled_commit_can_be_cleared() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.edit("b");
    assert!(schedule(&mut bench, "02:45").is_ok());
    let record = Record::default();
    assert_eq!(bench.life.unschedule(&record).ok(), Some(true));
    assert_eq!(bench.life.unschedule(&record).ok(), Some(false));
    assert!(bench.tick(at(300)).is_empty());
    assert_eq!(bench.agreed(), "a");
    assert!(bench.life.database().candidate(ANN).is_changed(), "the candidate is as it was");
}

#[test]
fn over_a_restart_it_waits_on_or_is_missed() {
    let scheduled = |time: &str| {
        let mut bench = Bench::new();
        bench.commit("a", at(0));
        bench.edit("b");
        assert!(schedule(&mut bench, time).is_ok());
        bench
    };
    let (mut bench, notes) = scheduled("02:45").restart(at(200), "boot");
    assert!(notes.is_empty());
    bench.tick(at(300));
    assert_eq!(bench.agreed(), "b");
    let (bench, notes) = scheduled("02:45").restart(at(301), "boot");
    assert!(matches!(notes[..], [Note::ScheduledMissed]), "{notes:?}");
    assert_eq!(bench.agreed(), "a", "not outside its time");
    let (bench, notes) = scheduled("reboot").restart(at(301), "boot");
    assert!(notes.is_empty(), "the daemon's restart is none of the machine");
    let (bench, notes) = bench.restart(at(302), "next boot");
    assert!(matches!(notes[..], [Note::ScheduledDone]), "{notes:?}");
    assert_eq!(bench.agreed(), "b");
}

#[test]
fn a_crash_before_it_is_forgotten_does_not_make_it_twice() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.edit("b");
    assert!(schedule(&mut bench, "reboot").is_ok());
    let scheduled = bench.disk.platter().now["scheduled.conf"].clone();
    let (bench, _) = bench.restart(at(1), "next boot");
    assert_eq!((bench.agreed().as_str(), bench.life.store().history().len()), ("b", 2));
    bench.disk.platter().now.insert("scheduled.conf".into(), scheduled);
    let (bench, notes) = bench.restart(at(2), "next boot");
    assert!(notes.is_empty() && bench.life.store().scheduled().is_none());
    assert_eq!(bench.life.store().history().len(), 2);
}

#[test]
fn one_that_is_refused_at_its_time_is_cancelled() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.edit("b");
    assert!(schedule(&mut bench, "02:45").is_ok());
    bench.fault("plane", Step::Check, 1);
    assert!(bench.tick(at(300))[0].starts_with("The scheduled commit failed and is cancelled"));
    assert_eq!(bench.agreed(), "a");
    assert!(bench.tick(at(301)).is_empty());
    bench.commit_confirmed("c", 1, at(302));
    assert!(matches!(bench.order(OrderKind::At("reboot".into()), at(303)), Err(LifeError::Unconfirmed)));
}

#[test]
fn a_private_conflict_is_told_once() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.enter(ANN, EditMode::Private);
    bench.enter(BOB, EditMode::Private);
    bench.edit("b");
    let line = "set system host-name c";
    bench.life.database_mut().edit(BOB).ok().map(|c| c.apply(&[], line)).unwrap().unwrap();
    assert!(matches!(bench.order(OrderKind::Now, at(1)), Ok(Done::Committed)));
    let check = bench.life.check(&mut bench.plant, &order(BOB, OrderKind::Now), at(2));
    assert!(matches!(check, Err(LifeError::Conflicts(_))), "{check:?}");
    let done = bench.order_of(BOB, OrderKind::Now, at(2));
    let Err(LifeError::Conflicts(list)) = done else { panic!("{done:?}") };
    assert_eq!((list[0].path.join(" ").as_str(), list[0].mine.as_str()), ("system", "host-name c"));
    assert_eq!(bench.agreed(), "b");
    assert!(matches!(bench.order_of(BOB, OrderKind::Now, at(3)), Ok(Done::Committed)));
    assert_eq!(bench.agreed(), "c");
}

#[test]
fn a_lock_keeps_others_from_confirming_too() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.commit_confirmed("b", 1, at(0));
    bench.enter(BOB, EditMode::Exclusive);
    assert!(matches!(bench.order(OrderKind::Now, at(1)), Err(LifeError::Edit(EditError::Locked(_)))));
    assert!(matches!(bench.life.check(&mut bench.plant, &order(ANN, OrderKind::Now), at(1)), Ok(false)));
    bench.tick(at(60));
    assert_eq!(bench.agreed(), "a", "the way back needs no lock");
}

#[test]
fn what_operators_do_is_in_the_audit_file() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.commit_confirmed("b", 1, at(10));
    bench.tick(at(70));
    let record = Record { time_s: NOW_S + 80, user: "bob".into(), client: "cli".into(), ..Record::default() };
    bench.life.save_rescue(record).unwrap();
    let files = bench.disk.platter().now.clone();
    let text = String::from_utf8(files["audit.log"].clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('.')).collect();
    let line = |serial: u32, after: u64, who: &str, what: &str| {
        format!("{serial}\t{}\t{who}\t{what}", NOW_S + after)
    };
    assert_eq!(
        lines,
        [
            line(1, 0, "ann\tcli", "commit"),
            line(1, 0, "ann\tcli", "set system host-name a"),
            line(2, 10, "ann\tcli", "commit"),
            line(2, 10, "ann\tcli", "delete system host-name a"),
            line(2, 10, "ann\tcli", "set system host-name b"),
            line(3, 70, "root\tother", "commit"),
            line(3, 70, "root\tother", "delete system host-name b"),
            line(3, 70, "root\tother", "set system host-name a"),
            line(3, 80, "bob\tcli", "request system configuration rescue save"),
        ]
    );
}

#[test]
fn a_commit_that_was_taken_back_is_in_the_audit_file_too() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    bench.fault("plane", Step::Apply, 2);
    bench.edit("b");
    bench.order(OrderKind::Now, at(1)).unwrap_err();
    let files = bench.disk.platter().now.clone();
    let text = String::from_utf8(files["audit.log"].clone()).unwrap();
    let said: Vec<&str> = text.lines().filter_map(|line| line.splitn(5, '\t').nth(4)).skip(2).collect();
    let there = ["commit", "delete system host-name a", "set system host-name b"];
    let back = ["commit", "delete system host-name b", "set system host-name a"];
    assert_eq!(said, [there, back].concat());
}

#[test]
fn every_commit_is_copied_in_turn_and_then_by_the_clock() {
    let mut bench = Bench::new();
    bench.commit("a", at(0));
    assert_eq!(bench.life.transfer_due(at(0)), None);
    let archival = "set system archival configuration archive-sites /var/archive\n\
        set system archival configuration transfer-on-commit\n\
        set system archival configuration transfer-interval 15";
    bench.life.database_mut().edit(ANN).unwrap().apply(&[], archival).unwrap();
    bench.commit("b", at(1));
    bench.commit("c", at(2));
    let names =
        |bench: &Bench, seconds| bench.life.transfer_due(at(seconds)).map(|copy| (copy.name.clone(), copy));
    let (name, copy) = names(&bench, 3).unwrap();
    assert_eq!(name, "c_20260202_024001_juniper.conf.2", "what was committed before is not copied");
    bench.life.transferred(&copy, false, at(3)).unwrap();
    assert!(names(&bench, 4).is_none(), "not at once");
    let (bench, _) = bench.restart(at(100), "boot");
    let mut bench = bench;
    let (_, copy) = names(&bench, 100).unwrap();
    assert!(copy.text.whole().contains("host-name b;"));
    bench.life.transferred(&copy, true, at(100)).unwrap();
    let (name, copy) = names(&bench, 101).unwrap();
    assert_eq!(name, "c_20260202_024002_juniper.conf.3");
    bench.life.transferred(&copy, true, at(101)).unwrap();
    assert!(names(&bench, 999).is_none());
    let (name, copy) = names(&bench, 1000).unwrap();
    assert_eq!(name, "c_20260202_025640_juniper.conf.3");
    let sites: Vec<String> = copy.sites.iter().map(|site| site.place.to_string()).collect();
    assert_eq!(sites, ["/var/archive"]);
    bench.life.transferred(&copy, true, at(1000)).unwrap();
    assert!(names(&bench, 1899).is_none() && names(&bench, 1900).is_some());
    assert_eq!(bench.life.active().unwrap().services.archival.every, Some(Duration::from_secs(900)));
}

/// Spec: commit-40.
#[test]
fn other_sites_are_tried_at_once() {
    let mut bench = Bench::new();
    let commit = |bench: &mut Bench, line: &str, seconds: u64| {
        bench.life.database_mut().edit(ANN).unwrap().apply(&[], line).unwrap();
        bench.commit("a", at(seconds));
    };
    let site = |n: u32| format!("set system archival configuration archive-sites /var/archive{n}");
    commit(&mut bench, &format!("{}\nset system archival configuration transfer-on-commit", site(1)), 0);
    let first = bench.life.transfer_due(at(1)).unwrap();
    bench.life.transferred(&first, false, at(1)).unwrap();
    commit(&mut bench, "set system time-zone GMT+1", 2);
    assert_eq!(bench.life.transfer_due(at(60)), None, "the same sites have a pause");
    commit(&mut bench, &site(2), 60);
    let due = bench.life.transfer_due(at(60)).unwrap();
    assert_eq!(
        (due.serial, due.sites.len()),
        (first.serial, 2),
        "what waits goes first, to the sites of now"
    );
}

/// Spec: commit-48.
#[test]
fn no_more_is_kept_than_is_wanted() {
    let mut bench = Bench::new();
    for (n, name) in (0..).zip(["a", "b", "c"]) {
        bench.commit(name, at(n));
    }
    let serials = |bench: &Bench| bench.life.store().history().iter().map(|s| s.serial).collect::<Vec<_>>();
    assert_eq!(serials(&bench), [3, 2, 1]);
    let wanted = "set system max-configuration-rollbacks 1";
    bench.life.database_mut().edit(ANN).unwrap().apply(&[], wanted).unwrap();
    bench.commit("d", at(4));
    assert_eq!(serials(&bench), [4, 3]);
    bench.edit("e");
    bench.order(OrderKind::Confirmed { minutes: 5 }, at(5)).unwrap();
    bench.commit("f", at(6));
    assert_eq!(serials(&bench), [6, 5], "confirmed by the commit");
    let (bench, _) = bench.restart(at(100), "boot");
    assert_eq!(serials(&bench), [6, 5]);
    assert_eq!(bench.life.store().rollback(1).unwrap().text.whole().matches("host-name e;").count(), 1);
}
