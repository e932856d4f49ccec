//! Commits that are written as what they changed, and the whole files behind them.

use super::*;

/// What all configurations here share.
fn rest() -> String {
    format!("interfaces {{\n    ge-0/0/0 {{\n        description \"{}\";\n    }}\n}}\n", "ä".repeat(600))
}

fn long(n: usize) -> String {
    text(n) + &rest()
}

/// The next configuration, made from the one that is active.
pub(super) fn next(store: &Store<impl Disk>, n: usize) -> Rope {
    let Some(active) = store.active() else { return long(n).into() };
    let head = active.text.len() - rest().len();
    let splices = [Splice::New(text(n).into()), Splice::Kept(head..active.text.len())];
    active.text.spliced(splices).unwrap_or_else(|| panic!("{n}"))
}

pub(super) fn commit(store: &mut Store<&mut DyingDisk>, n: usize) -> Result<(), StoreError> {
    store.whole_below = 0;
    let next = next(store, n);
    store.commit(next, entry(n as u64)).map(drop)
}

/// So many commits, the last of them written as what it changed.
pub(super) fn edited(commits: usize) -> DyingDisk {
    let mut disk = DyingDisk::default();
    let mut store = open(&mut disk);
    for n in 1..=commits {
        commit(&mut store, n).and_then(|()| store.audit_commits(None)).unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(store.is_edited(), commits > 1, "the first one has nothing to change");
    drop(store);
    disk
}

/// The active configuration and all before it are there, each with its text.
pub(super) fn whole(store: &Store<&mut DyingDisk>, when: &str) -> usize {
    let active = store.active().map_or(0, |s| s.serial as usize);
    let serials: Vec<usize> = store.history().iter().map(|s| s.serial as usize).collect();
    let wanted: Vec<usize> = (1..=active).rev().take(serials.len().max(HISTORY_MAX - 1)).collect();
    assert_eq!(serials, wanted, "{when}");
    assert!(serials.len() <= HISTORY_MAX, "{when}");
    for (n, serial) in serials.into_iter().enumerate() {
        assert_eq!(store.rollback(n).map(|s| s.text).ok(), Some(long(serial).into()), "{when}: rollback {n}");
    }
    active
}

#[test]
fn a_crash_at_any_step_of_a_change_or_of_its_folding_leaves_all_that_was_committed() {
    for commits in [1, 2, 3, 60] {
        let before = edited(commits);
        let folded = |store: &mut Store<&mut DyingDisk>| store.fold();
        let after = |store: &Store<&mut DyingDisk>, when: &str, _| {
            assert_eq!(whole(store, when), commits, "{when}");
        };
        if commits > 1 {
            killed_everywhere(&before, folded, after);
        }
        // The first step of the second is to fold the first.
        for more in [1, 2] {
            let work =
                |store: &mut Store<&mut DyingDisk>| (1..=more).try_for_each(|n| commit(store, commits + n));
            killed_everywhere(&before, work, |store, when, done| {
                let active = whole(store, when);
                assert!((commits..=commits + more).contains(&active), "{when}: {active}");
                assert!(!done || active == commits + more, "{when}: committed but lost");
            });
        }
    }
}

#[test]
fn whatever_a_crash_left_is_gone_on_from() {
    let before = edited(3);
    for kill in 0.. {
        let mut disk = DyingDisk { left: Some(kill), ..before.clone() };
        let done =
            Store::open(&mut disk).and_then(|mut store| commit(&mut store, 4).and_then(|()| store.fold()));
        for files in [disk.now.clone(), disk.durable.clone()] {
            let mut after = DyingDisk { now: files.clone(), durable: files, left: None };
            let mut store = open(&mut after);
            for _ in 0..2 {
                let n = whole(&store, "before") + 1;
                commit(&mut store, n).unwrap_or_else(|e| panic!("kill {kill}: {e}"));
            }
            let n = whole(&store, "after");
            store.fold().unwrap_or_else(|e| panic!("kill {kill}: {e}"));
            assert_eq!(whole(&store, "folded"), n);
            store.commit(long(n + 1), entry(0)).unwrap_or_else(|e| panic!("kill {kill}: {e}"));
            assert!(!store.is_edited(), "a text that shares nothing is written as a whole");
            drop(store);
            assert_eq!(whole(&open(&mut after), "opened"), n + 1, "kill {kill}");
        }
        if done.is_ok() {
            break;
        }
    }
}

#[test]
fn a_disk_that_fails_once_does_a_change_no_harm() {
    for commits in [1, 3, 60] {
        let before = edited(commits);
        for fail in 0.. {
            let mut disk = before.clone();
            let mut store = open(&mut disk);
            store.disk.left = Some(fail);
            let tried = commit(&mut store, commits + 1).and_then(|()| store.fold()).is_ok();
            store.disk.left = None;
            let active = whole(&store, &format!("fail {fail}"));
            assert!(active == commits + 1 || (!tried && active == commits), "fail {fail}: {active}");
            for n in 1..=2 {
                commit(&mut store, active + n).unwrap_or_else(|e| panic!("fail {fail}: {e}"));
            }
            assert_eq!(whole(&store, &format!("fail {fail}")), active + 2);
            drop(store);
            assert_eq!(whole(&open(&mut disk), &format!("fail {fail}, opened")), active + 2);
            if tried {
                break;
            }
        }
    }
}

#[test]
fn a_change_is_written_and_nothing_else() {
    let mut disk = edited(3);
    let whole_file = disk.now[ACTIVE].clone();
    assert!(disk.now[EDIT].len() < 600, "{}", disk.now[EDIT].len());
    assert!(String::from_utf8_lossy(&whole_file).contains("fw2;"), "the file that it changes");
    let mut store = open(&mut disk);
    store.whole_below = long(4).len() + 1;
    let text = next(&store, 4);
    store.commit(text, entry(4)).unwrap();
    assert!(!store.is_edited(), "a short one is written as a whole");
    store.whole_below = 0;
    let half = store.active().map(|a| a.text.clone()).unwrap();
    let more = "x".repeat(half.len() / 2);
    let half = half.spliced([Splice::Kept(0..half.len()), Splice::New(more.as_str().into())]).unwrap();
    store.commit(half, entry(5)).unwrap();
    assert!(!store.is_edited(), "so is one of which much is new");
    drop(store);
    assert!(!disk.now.contains_key(EDIT));
}

#[test]
fn a_change_waits_to_be_confirmed_as_a_whole_commit_does() {
    let before = edited(3);
    let wait = |store: &mut Store<&mut DyingDisk>| {
        store.whole_below = 0;
        let (text, revert) = (next(store, 4), Some(store.revert_serial()?));
        store.commit(text, Entry { revert, ..entry(4) }).map(drop)
    };
    killed_everywhere(&before, wait, |store, when, _| {
        let active = whole(store, when);
        assert_eq!(store.revert_text(), (active == 4).then(|| long(3).into()), "{when}");
    });
    let mut disk = before.clone();
    let mut store = open(&mut disk);
    wait(&mut store).unwrap();
    assert!(store.is_edited());
    drop(store);
    killed_everywhere(
        &disk,
        |store| store.confirm(),
        |store, when, done| {
            assert_eq!(whole(store, when), 4, "{when}");
            assert!(!done || store.revert_text().is_none(), "{when}");
        },
    );
    let mut store = open(&mut disk);
    store.confirm().unwrap();
    commit(&mut store, 5).unwrap();
    drop(store);
    let store = open(&mut disk);
    assert!(whole(&store, "the checksum is that of the confirmed one") == 5 && store.is_edited());
}

#[test]
fn what_was_staged_is_recorded_only_when_nothing_came_between() {
    type Between = fn(&mut Store<&mut DyingDisk>) -> Result<(), StoreError>;
    let between: [Between; 4] = [
        |store| commit(store, 4),
        |store| store.stage(long(5), entry(5)).map(drop),
        |store| {
            store.active.as_mut().unwrap().heading.revert = Some(1);
            store.confirm()
        },
        |store| commit(store, 4).and_then(|()| store.fold()),
    ];
    for shared in [true, false] {
        for between in between {
            let mut disk = edited(3);
            let mut store = open(&mut disk);
            store.whole_below = 0;
            let text = if shared { next(&store, 4) } else { long(4).into() };
            let staged = store.stage(text, entry(4)).unwrap();
            between(&mut store).unwrap();
            let active = store.active().cloned();
            assert!(matches!(store.record(staged), Err(StoreError::Overtaken)));
            assert_eq!(store.active().cloned(), active);
            drop(store);
            whole(&open(&mut disk), "as it was");
        }
    }
    let mut disk = edited(3);
    let mut store = open(&mut disk);
    let staged = store.stage(long(4), entry(4)).unwrap();
    assert_eq!(store.record(staged).ok(), Some(4));
}

#[test]
fn what_is_active_is_never_pruned_away() {
    for keep in [0, 1, 5] {
        let prune = |store: &mut Store<&mut DyingDisk>| store.prune(keep);
        killed_everywhere(&edited(6), prune, |store, when, done| {
            let kept = store.history().len();
            assert_eq!(store.active().map(|a| &a.text), Some(&long(6).into()), "{when}");
            assert!(kept > keep.min(5) && (!done || kept == 1 + keep), "{when}: {kept}");
            assert!((0..kept).all(|n| store.rollback(n).is_ok()), "{when}");
        });
    }
}

#[test]
fn a_change_of_another_configuration_is_told() {
    let good = edited(3);
    let mut disk = good.clone();
    // Each bit of the file counts.
    for at in 0..good.now[EDIT].len() {
        disk.now.get_mut(EDIT).unwrap()[at] ^= 1;
        let error = Store::open(&mut disk).map(drop).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { name } if name == EDIT), "byte {at}: {error}");
        disk.now.get_mut(EDIT).unwrap()[at] ^= 1;
    }
    assert_eq!(whole(&open(&mut disk), "as it was"), 3);
    // Another file of the same serial, as from a backup.
    let mut other = DyingDisk::default();
    let mut store = open(&mut other);
    (7..=8).for_each(|n| store.commit(long(n), entry(n as u64)).map(drop).unwrap());
    drop(store);
    let stray = |disk: &mut DyingDisk| matches!(Store::open(disk).map(drop), Err(StoreError::Stray));
    disk.now.insert(ACTIVE.into(), other.now[ACTIVE].clone());
    assert!(stray(&mut disk));
    disk.now.remove(ACTIVE);
    assert!(stray(&mut disk));
    // One that is in the whole file already, from before the crash that kept it.
    let mut later = good.clone();
    let mut store = open(&mut later);
    store.fold().unwrap();
    drop(store);
    later.now.insert(EDIT.into(), good.now[EDIT].clone());
    let store = open(&mut later);
    assert!(whole(&store, "later") == 3 && !store.is_edited());
    drop(store);
    assert!(!later.now.contains_key(EDIT));
    // The file that it changes goes away while the daemon runs: nothing else takes the place of its forerunner.
    let mut gone = good.clone();
    let mut store = open(&mut gone);
    store.disk.now.remove(ACTIVE);
    assert!(matches!(store.fold(), Err(StoreError::Stray)) && store.is_edited());
    drop(store);
    assert!(gone.now.get("rollback.1").is_none_or(|bytes| !bytes.is_empty()));
    let said = StoreError::Stray.to_string();
    assert_eq!(said, "`active.edit' holds changes to another configuration than `active.conf'");
}

#[test]
fn a_directory_keeps_a_change_and_its_forerunner() {
    let place = tempfile::tempdir().unwrap();
    let open = || Store::open(crate::Directory::open(place.path()).unwrap()).unwrap();
    for n in 1..=4 {
        // Every second one is folded by the next commit alone, after a restart.
        let mut store = open();
        store.whole_below = 0;
        let text = next(&store, n);
        store.commit(text, entry(n as u64)).unwrap();
        assert_eq!(store.is_edited(), n > 1);
        if n % 2 == 0 {
            store.fold().unwrap();
        }
    }
    let store = open();
    let texts: Vec<String> = (0..4).map(|n| store.rollback(n).unwrap().text.to_string()).collect();
    assert_eq!(texts, [4, 3, 2, 1].map(long));
    assert!(!place.path().join("rollback.4").exists() && !place.path().join(EDIT).exists());
}
