//! What the other node of a cluster has of the history.

use super::{DyingDisk, entry, killed_everywhere, open, text};
use crate::Entry;

#[test]
fn what_the_other_node_has_is_remembered() {
    let mut disk = DyingDisk::default();
    let mut store = open(&mut disk);
    store.commit(text(1), entry(1)).unwrap();
    assert!(store.unsynchronized().is_none(), "it is for this node alone");
    let serial = store.commit(text(2), Entry { synchronize: true, ..entry(2) }).unwrap();
    assert_eq!(store.unsynchronized().map(|s| s.serial), Some(serial));
    drop(store);
    killed_everywhere(
        &disk,
        |store| store.synchronized(serial),
        |store, when, done| {
            assert!(!done || store.unsynchronized().is_none(), "{when}");
            assert_eq!(store.active().map(|s| s.serial), Some(serial), "{when}");
        },
    );
    let mut store = open(&mut disk);
    store.synchronized(serial).unwrap();
    // What goes back to one node alone owes nobody anything.
    store.commit(text(3), entry(3)).unwrap();
    assert!(store.unsynchronized().is_none());
}
