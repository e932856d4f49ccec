//! Whole files that are written while others use the store.

use super::edits::{commit, edited, next, whole};
use super::*;

/// Makes whole files in parts, with something between the writing and the rest.
fn in_parts(
    store: &mut Store<&mut DyingDisk>,
    between: impl FnOnce(&mut Store<&mut DyingDisk>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let folding = store.folding();
    let folded = folding.map(|folding| folding.write(&mut store.disk)).transpose()?;
    between(store)?;
    folded.map_or(Ok(()), |folded| store.folded(folded))
}

#[test]
fn a_crash_at_any_step_of_folding_in_parts_leaves_all_that_was_committed() {
    for commits in [2, 3, 60] {
        let before = edited(commits);
        let nothing = |store: &mut Store<&mut DyingDisk>| in_parts(store, |_| Ok(()));
        killed_everywhere(&before, nothing, |store, when, done| {
            assert_eq!(whole(store, when), commits, "{when}");
            assert!(!done || !store.is_edited(), "{when}");
        });
        let a_commit =
            |store: &mut Store<&mut DyingDisk>| in_parts(store, |store| commit(store, commits + 1));
        killed_everywhere(&before, a_commit, |store, when, done| {
            let active = whole(store, when);
            assert!(active == commits || active == commits + 1, "{when}: {active}");
            assert!(!done || active == commits + 1, "{when}: committed but lost");
        });
    }
}

#[test]
fn what_was_written_before_something_else_became_active_is_thrown_away() {
    type Between = fn(&mut Store<&mut DyingDisk>) -> Result<(), StoreError>;
    let between: [(Between, usize); 4] = [
        (|store| commit(store, 4), 4),
        (|store| store.fold(), 3),
        (|store| commit(store, 4).and_then(|()| store.fold()), 4),
        (
            |store| {
                store.active.as_mut().unwrap().heading.revert = Some(2);
                store.confirm()
            },
            3,
        ),
    ];
    for (n, (between, active)) in between.into_iter().enumerate() {
        let mut disk = edited(3);
        let mut store = open(&mut disk);
        store.whole_below = 0;
        in_parts(&mut store, between).unwrap_or_else(|e| panic!("{n}: {e}"));
        assert_eq!(whole(&store, "then"), active, "{n}");
        let kept: Vec<_> = store.history().into_iter().cloned().collect();
        commit(&mut store, active + 1).unwrap_or_else(|e| panic!("{n}: {e}"));
        in_parts(&mut store, |_| Ok(())).unwrap_or_else(|e| panic!("{n}: {e}"));
        assert!(!store.is_edited(), "{n}");
        drop(store);
        assert!(
            disk.now.keys().all(|name| !name.contains("fold") && !name.contains("new")),
            "{n}: {:?}",
            disk.now.keys()
        );
        let store = open(&mut disk);
        assert_eq!(whole(&store, "opened"), active + 1, "{n}");
        assert!(store.history().into_iter().skip(1).eq(&kept), "{n}");
    }
}

#[test]
fn a_disk_that_fails_once_while_folding_in_parts_does_no_harm() {
    for fail in 0.. {
        let mut disk = edited(3);
        let mut store = open(&mut disk);
        store.disk.left = Some(fail);
        let done = in_parts(&mut store, |_| Ok(())).is_ok();
        store.disk.left = None;
        assert_eq!(whole(&store, "then"), 3, "fail {fail}");
        in_parts(&mut store, |_| Ok(())).unwrap_or_else(|e| panic!("fail {fail}: {e}"));
        assert!(!store.is_edited(), "fail {fail}");
        let text = next(&store, 4);
        store.commit(text, entry(4)).unwrap_or_else(|e| panic!("fail {fail}: {e}"));
        drop(store);
        assert_eq!(whole(&open(&mut disk), "opened"), 4, "fail {fail}");
        if done {
            return;
        }
    }
}

#[test]
fn what_a_crash_left_of_the_writing_is_removed() {
    let mut disk = edited(3);
    disk.now.insert(FOLDED_NEW.into(), b"half".to_vec());
    assert_eq!(whole(&open(&mut disk), "opened"), 3);
    assert!(!disk.now.contains_key(FOLDED_NEW));
}
