//! A store whose disk dies at any step.

mod edits;
mod folding;
mod synchronized;

use std::collections::BTreeMap;

use ravelin_syntax::Splice;

use super::*;
use crate::When;

type Files = BTreeMap<String, Vec<u8>>;

/// A disk that dies at its nth change; a write that dies leaves half its bytes.
#[derive(Clone, Default)]
struct DyingDisk {
    now: Files,
    durable: Files,
    left: Option<usize>,
}

impl DyingDisk {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::Error::other("dead")),
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Disk for &mut DyingDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.now.get(name).cloned())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let alive = self.step();
        let kept = if alive.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.now.insert(name.to_owned(), bytes[..kept].to_vec());
        alive
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let alive = self.step();
        let kept = if alive.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.now.entry(name.to_owned()).or_default().extend(&bytes[..kept]);
        alive
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        let bytes = self.now.remove(from).ok_or_else(|| io::Error::other("missing"))?;
        self.now.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        let bytes = self.now.get(from).cloned().ok_or_else(|| io::Error::other("missing"))?;
        assert!(self.now.insert(to.to_owned(), bytes).is_none(), "{to} is there");
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.step()?;
        self.now.remove(name);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step()?;
        self.durable = self.now.clone();
        Ok(())
    }
}

fn text(n: usize) -> String {
    format!("system {{\n    host-name fw{n};\n}}\n")
}

fn record(time_s: u64) -> Record {
    Record { time_s, user: "a".into(), client: "cli".into(), ..Record::default() }
}

fn entry(time_s: u64) -> Entry {
    Entry { record: record(time_s), ..Entry::default() }
}

fn open(disk: &mut DyingDisk) -> Store<&mut DyingDisk> {
    Store::open(disk).unwrap_or_else(|e| panic!("{e}"))
}

fn filled(commits: usize) -> DyingDisk {
    let mut disk = DyingDisk::default();
    let mut store = open(&mut disk);
    for n in 1..=commits {
        let done = store.commit(text(n), entry(n as u64)).and_then(|_| store.audit_commits(None));
        assert!(done.is_ok(), "{done:?}");
    }
    drop(store);
    disk
}

/// Runs `work` on a copy of the disk again and again, killed one step later each time, and shows `look` every disk
/// that such a death leaves, of what was written and of what was durable.
fn killed_everywhere(
    before: &DyingDisk,
    work: impl Fn(&mut Store<&mut DyingDisk>) -> Result<(), StoreError>,
    look: impl Fn(&Store<&mut DyingDisk>, &str, bool),
) {
    for kill in 0.. {
        let mut disk = DyingDisk { left: Some(kill), ..before.clone() };
        let done = Store::open(&mut disk).and_then(|mut store| work(&mut store)).is_ok();
        for (files, which) in [(disk.now.clone(), "written"), (disk.durable.clone(), "durable")] {
            let mut after = DyingDisk { now: files.clone(), durable: files, left: None };
            let store = Store::open(&mut after).unwrap_or_else(|e| panic!("kill {kill}, {which}: {e}"));
            look(&store, &format!("kill {kill}, {which}, done {done}"), done);
        }
        if done {
            assert!(kill > 1, "nothing was killed");
            return;
        }
    }
}

#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new_configuration_and_all_history() {
    for commits in [0, 1, 3, 60] {
        let work = |store: &mut Store<&mut DyingDisk>| store.commit(text(commits + 1), entry(0)).map(drop);
        killed_everywhere(&filled(commits), work, |store, when, done| {
            let active = store.active().map_or(0, |s| s.serial as usize);
            assert!(active == commits || active == commits + 1, "{when}: {active}");
            assert!(!done || active == commits + 1, "{when}: committed but lost");
            let serials: Vec<usize> = store.history().iter().map(|s| s.serial as usize).collect();
            let wanted: Vec<usize> = (1..=active).rev().take(serials.len().max(HISTORY_MAX - 1)).collect();
            assert_eq!(serials, wanted, "{when}");
            for (n, heading) in store.history().into_iter().enumerate() {
                assert_eq!(store.rollback(n).unwrap().text, text(heading.serial as usize), "{when}");
            }
        });
    }
}

#[test]
fn a_disk_that_fails_once_does_no_harm() {
    for commits in [0, 1, 3, 60] {
        let before = filled(commits);
        for fail in 0.. {
            let mut disk = DyingDisk { left: None, ..before.clone() };
            let mut store = open(&mut disk);
            store.disk.left = Some(fail);
            let tried = store
                .commit(text(commits + 1), entry(0))
                .and_then(|_| store.audit_commits(None))
                .and_then(|_| store.save_rescue(record(0)))
                .is_ok();
            store.disk.left = None;
            let active = store.active().map_or(0, |s| s.serial as usize);
            assert!(active == commits + 1 || (!tried && active == commits), "fail {fail}: {active}");
            let next = store.commit(text(active + 1), entry(1)).and_then(|_| store.audit_commits(None));
            assert!(next.is_ok(), "fail {fail}: {next:?}");
            assert_eq!(audited(&store), (1..=active as u64 + 1).collect::<Vec<_>>(), "fail {fail}");
            let bytes = store.disk.read("audit.log").ok().flatten().unwrap_or_default();
            let whole = |line: &&str| line.starts_with(".\t") || line.split('\t').count() == 5;
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(text.lines().find(|line| !whole(line)), None, "fail {fail}: nothing half written");
            let kept: Vec<_> = store.history().into_iter().cloned().collect();
            drop(store);
            assert_eq!(
                open(&mut disk).history(),
                kept.iter().collect::<Vec<_>>(),
                "fail {fail}: as it was thought to be"
            );
            let serials: Vec<usize> = kept.iter().map(|s| s.serial as usize).collect();
            let wanted: Vec<usize> =
                (1..=active + 1).rev().take(serials.len().max(HISTORY_MAX - 1)).collect();
            assert_eq!(serials, wanted, "fail {fail}");
            if tried {
                break;
            }
        }
    }
}

/// A commit that waits to be confirmed.
fn waiting(store: &mut Store<&mut DyingDisk>, n: usize) -> Result<(), StoreError> {
    let revert = Some(store.revert_serial()?);
    store.commit(text(n), Entry { revert, ..entry(n as u64) }).map(drop)
}

#[test]
fn a_commit_waits_to_be_confirmed_exactly_when_it_is_the_active_one() {
    killed_everywhere(
        &filled(3),
        |store| waiting(store, 4),
        |store, when, _| {
            let active = store.active().map_or(0, |s| s.serial);
            assert_eq!(store.revert_text(), (active == 4).then(|| text(3).into()), "{when}");
        },
    );
}

#[test]
fn a_second_confirmed_commit_goes_back_as_far_as_the_first() {
    let mut disk = filled(3);
    let mut store = open(&mut disk);
    assert!(waiting(&mut store, 4).is_ok());
    drop(store);
    killed_everywhere(
        &disk,
        |store| waiting(store, 5),
        |store, when, _| {
            assert_eq!(store.revert_text(), Some(text(3).into()), "{when}");
        },
    );
    killed_everywhere(
        &disk,
        |store| store.confirm(),
        |store, when, done| {
            assert!(!done || store.revert_text().is_none(), "{when}");
            assert_eq!(store.active().map(|s| s.text.clone()), Some(text(4).into()), "{when}");
        },
    );
    // Going back is a commit as any other, and waits for nobody.
    let back = |store: &mut Store<&mut DyingDisk>| store.commit(text(3), entry(9)).map(drop);
    killed_everywhere(&disk, back, |store, when, done| {
        let (active, waits) = (store.active().map_or(0, |s| s.serial), store.revert_text().is_some());
        assert!(waits == (active == 4) && (!done || active == 5), "{when}");
        assert!(store.history()[1..].iter().all(|s| s.revert.is_none()), "{when}");
    });
}

#[test]
fn what_is_to_be_gone_back_to_never_leaves_the_history() {
    let mut disk = filled(1);
    let mut store = open(&mut disk);
    for n in 2..=HISTORY_MAX {
        assert!(waiting(&mut store, n).is_ok(), "{n}");
    }
    assert_eq!(store.revert_text(), Some(text(1).into()));
    assert!(matches!(waiting(&mut store, HISTORY_MAX + 1), Err(StoreError::RevertTooFar)));
    assert_eq!(open(&mut filled(0)).revert_serial().ok(), Some(0));
}

#[test]
fn a_rescue_configuration_is_the_old_or_the_new_one() {
    let mut disk = filled(2);
    assert!(open(&mut disk).save_rescue(record(2)).is_ok());
    let mut store = open(&mut disk);
    assert!(store.commit(text(3), entry(3)).is_ok());
    drop(store);
    killed_everywhere(
        &disk,
        |store| store.save_rescue(record(3)),
        |store, when, done| {
            let rescue = store.rescue().map(|s| s.serial).unwrap_or_default();
            assert!(rescue == 3 || (rescue == 2 && !done), "{when}: {rescue}");
        },
    );
    killed_everywhere(
        &disk,
        |store| store.delete_rescue(),
        |store, when, done| {
            assert!(!done || matches!(store.rescue(), Err(StoreError::NoRescue)), "{when}");
            assert!(store.rescue().is_err() || store.rescue().is_ok_and(|s| s.text == text(2)), "{when}");
        },
    );
}

#[test]
fn a_scheduled_commit_is_there_or_not() {
    let scheduled = Scheduled { when: When::At(99), record: record(5), synchronize: None, text: text(9) };
    let reboot = Scheduled { when: When::Reboot("b1".into()), ..scheduled.clone() };
    let both = Scheduled { synchronize: Some(false), ..scheduled.clone() };
    let force = Scheduled { synchronize: Some(true), ..scheduled.clone() };
    let mut disk = filled(1);
    for wanted in [&scheduled, &reboot, &both, &force] {
        killed_everywhere(
            &disk,
            |store| store.schedule(wanted.clone()),
            |store, when, done| {
                assert!(
                    store.scheduled() == Some(wanted) || (store.scheduled().is_none() && !done),
                    "{when}"
                );
            },
        );
    }
    assert!(open(&mut disk).schedule(scheduled.clone()).is_ok());
    killed_everywhere(
        &disk,
        |store| store.unschedule().map(drop),
        |store, when, done| {
            assert!(
                store.scheduled().is_none() || (store.scheduled() == Some(&scheduled) && !done),
                "{when}"
            );
        },
    );
}

#[test]
fn what_waits_for_the_archive_survives_and_is_bounded() {
    let mut disk = filled(1);
    let mut store = open(&mut disk);
    let archived = |n| Entry { archive: true, ..entry(n) };
    assert!(store.unarchived().is_none());
    for n in 2..=3 {
        assert!(store.commit(text(n as usize), archived(n)).is_ok());
    }
    assert_eq!(store.unarchived().map(|s| s.serial), Some(2));
    drop(store);
    killed_everywhere(
        &disk,
        |store| store.archived(2),
        |store, when, done| {
            let next = store.unarchived().map_or(0, |s| s.serial);
            assert!(next == 3 || (next == 2 && !done), "{when}: {next}");
        },
    );
}

/// Serials of the commits that the audit file names, each with a change.
fn audited(store: &Store<&mut DyingDisk>) -> Vec<u64> {
    let bytes = store.disk.read("audit.log").ok().flatten().unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_else(|e| panic!("{e}"));
    assert!(text.is_empty() || text.lines().last().is_some_and(|line| line.starts_with(".\t")), "{text}");
    let heads = text.lines().filter(|line| line.ends_with("\tcommit"));
    heads.filter_map(|line| line.split('\t').next()?.parse().ok()).collect()
}

#[test]
fn no_commit_escapes_the_audit_file_by_a_crash() {
    let mut disk = filled(3);
    let work = |store: &mut Store<&mut DyingDisk>| {
        store.commit(text(4), entry(4))?;
        store.audit_commits(None).map(drop)
    };
    killed_everywhere(&disk, work, |store, when, _| {
        let active = store.active().map_or(0, |s| s.serial);
        assert_eq!(audited(store), (1..=active).collect::<Vec<_>>(), "{when}");
    });
    let mut store = open(&mut disk);
    let said = store.commit(text(4), entry(4)).and_then(|_| store.audit_commits(None));
    let wanted = ["delete system host-name fw3", "set system host-name fw4"].map(str::to_owned);
    assert_eq!(said.ok().as_deref(), Some(&wanted[..]));
}

#[test]
fn damage_is_noticed() {
    let scheduled = Scheduled { when: When::At(99), record: record(5), synchronize: None, text: text(9) };
    let mut disk = filled(3);
    let mut store = open(&mut disk);
    assert!(store.save_rescue(record(3)).and_then(|()| store.schedule(scheduled)).is_ok());
    let names = ["rollback.1", "rescue.conf", "scheduled.conf"];
    for name in names {
        if let Some(bytes) = disk.now.get_mut(name) {
            bytes[30] ^= 1;
        }
    }
    let mut store = open(&mut disk);
    assert_eq!(store.damaged(), names);
    assert_eq!(store.history().len(), 2, "the others are kept");
    assert!(matches!(store.rescue(), Err(StoreError::Damaged { .. })) && store.scheduled().is_none());
    assert!(store.save_rescue(record(4)).is_ok() && store.rescue().is_ok());
    if let Some(bytes) = disk.now.get_mut("active.conf") {
        bytes[30] ^= 1;
    }
    assert!(matches!(Store::open(&mut disk), Err(StoreError::Damaged { .. })));
}

#[test]
fn fifty_configurations_are_kept_and_compared() {
    let mut disk = filled(60);
    let store = open(&mut disk);
    assert_eq!(store.history().len(), HISTORY_MAX);
    let want = "[edit system]\n-   host-name fw59;\n+   host-name fw60;\n";
    assert_eq!(store.compare(1, 0).ok().as_deref(), Some(want));
    assert!(matches!(store.rollback(50), Err(StoreError::NoRollback { wanted: 50, kept: 50 })));
}

/// What was active is kept by a second name: nothing is ever written through one of the two.
#[test]
fn a_forerunner_is_the_file_that_was_active_and_stays_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let open = || Store::open(crate::Directory::open(directory.path()).unwrap()).unwrap();
    let mut store = open();
    let waits = Entry { revert: Some(0), ..entry(1) };
    store.commit(text(1), waits).unwrap();
    // A crash between the second name and the last: it is the active configuration's.
    std::fs::hard_link(path("active.conf"), path("rollback.new")).unwrap();
    store.commit(text(2), entry(2)).unwrap();
    store.confirm().unwrap();
    let first = std::fs::read(path("rollback.1")).unwrap();
    for store in [store, open()] {
        assert_eq!((store.active().unwrap().serial, store.active().unwrap().text.to_string()), (2, text(2)));
        let before = store.rollback(1).unwrap();
        assert_eq!((before.serial, before.revert, before.text.to_string()), (1, None, text(1)));
        assert_eq!(store.history()[1].revert, None, "only the active configuration can wait");
        assert!(!path("rollback.new").exists());
    }
    // And between the last name and the commit point: both names are those of one file.
    std::fs::remove_file(path("rollback.1")).unwrap();
    std::fs::hard_link(path("active.conf"), path("rollback.1")).unwrap();
    let mut store = open();
    assert_eq!(store.history().len(), 1, "what is active is no forerunner of itself");
    store.commit(text(3), entry(3)).unwrap();
    for store in [store, open()] {
        let texts: Vec<String> = (0..2).map(|n| store.rollback(n).unwrap().text.to_string()).collect();
        assert_eq!(texts, [text(3), text(2)]);
    }
    assert_eq!(Stored::decode(&first).unwrap().text, text(1));
}

#[test]
fn a_directory_keeps_what_was_committed() {
    let place = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let open = || {
        let disk = crate::Directory::open(place.path()).unwrap_or_else(|e| panic!("{e}"));
        Store::open(disk).unwrap_or_else(|e| panic!("{e}"))
    };
    let comment = Some("two\nlines\tand = more".to_owned());
    let record = Record { comment, confirmed_min: Some(7), ..record(7) };
    let first = Entry { record, ..Entry::default() };
    assert!(open().commit(text(1), first).is_ok());
    assert!(open().commit(text(2), entry(8)).is_ok());
    let store = open();
    assert_eq!(store.active().map(|s| s.text.clone()), Some(text(2).into()));
    assert_eq!(store.history()[1].record.comment.as_deref(), Some("two lines and = more"));
    assert_eq!(store.history()[1].record.confirmed_min, Some(7));
}

/// Spec: commit-48.
#[test]
fn what_is_kept_beyond_a_number_goes_oldest_first_and_whatever_dies_in_between() {
    for keep in [0, 1, 4, 49] {
        let disk = filled(6);
        killed_everywhere(
            &disk,
            |store| store.prune(keep).and_then(|()| store.commit(text(7), entry(7)).map(drop)),
            |store, when, _| {
                let serials: Vec<u64> = store.history().iter().map(|s| s.serial).collect();
                let newest = serials[0];
                let unbroken: Vec<u64> = (0..serials.len() as u64).map(|n| newest - n).collect();
                assert_eq!(serials, unbroken, "{when}");
                assert!(serials.len() > keep.min(5), "{when}: {serials:?}");
                assert!((0..serials.len()).all(|n| store.rollback(n).is_ok()), "{when}");
            },
        );
        let mut disk = disk.clone();
        let mut store = open(&mut disk);
        assert!(store.prune(keep).is_ok());
        assert_eq!(store.history().len(), 1 + keep.min(5));
        assert!(store.rollback(keep + 1).is_err());
    }
}

#[test]
fn what_is_needed_is_kept_however_little_is_wanted() {
    let mut disk = DyingDisk::default();
    let mut store = open(&mut disk);
    for n in 1..=3 {
        store.commit(text(n), entry(n as u64)).unwrap_or_else(|e| panic!("{e}"));
    }
    for n in 4..=5 {
        let revert = Some(2);
        store.commit(text(n), Entry { revert, ..entry(n as u64) }).unwrap_or_else(|e| panic!("{e}"));
    }
    assert!(store.prune(0).is_ok());
    assert_eq!(store.history().last().map(|s| s.serial), Some(2));
    assert_eq!(store.revert_text(), Some(text(2).into()));
    assert!(store.confirm().and_then(|()| store.prune(0)).is_ok());
    assert_eq!(store.history().len(), 1);
    for n in 6..=8 {
        store.commit(text(n), Entry { archive: n == 6, ..entry(n as u64) }).unwrap_or_else(|e| panic!("{e}"));
    }
    assert!(store.prune(0).is_ok());
    assert_eq!(store.unarchived().map(|s| s.serial), Some(6));
    assert!(store.archived(6).and_then(|()| store.prune(0)).is_ok());
    assert_eq!(store.history().len(), 1);
}
