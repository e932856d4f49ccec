//! Address-book names to ranges.

use std::collections::BTreeSet;

use ravelin_model::{AddressBook, AddressRef, AddressValue};
use ravelin_program::Prefix;
use ravelin_types::{Addr, Family};

/// Ranges of a list of references. A name that the checks let through but that is in no book, or a
/// set that holds nothing, gives nothing: such a condition matches no packet.
pub(crate) fn ranges(books: &[AddressBook], refs: &[AddressRef]) -> Vec<Prefix> {
    let mut out = BTreeSet::new();
    for reference in refs {
        match reference {
            AddressRef::Any => {
                out.insert(Prefix::all(Family::V4));
                out.insert(Prefix::all(Family::V6));
            }
            AddressRef::AnyIpv4 => drop(out.insert(Prefix::all(Family::V4))),
            AddressRef::AnyIpv6 => drop(out.insert(Prefix::all(Family::V6))),
            AddressRef::Prefix(net) => drop(out.insert(Prefix::from(*net))),
            AddressRef::Named(name) => named(books, name, &mut out),
        }
    }
    out.into_iter().collect()
}

/// An address, or a set with the sets within it, each looked at once.
fn named(books: &[AddressBook], name: &str, out: &mut BTreeSet<Prefix>) {
    let (mut seen, mut left) = (BTreeSet::new(), vec![name]);
    while let Some(name) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        for book in books {
            let found = book.addresses.iter().filter(|a| a.name == name);
            out.extend(found.filter_map(|a| value(&a.value)));
            for set in book.sets.iter().filter(|s| s.name == name) {
                left.extend(set.addresses.iter().chain(&set.sets).map(String::as_str));
            }
        }
    }
}

/// `None`: a range over two families, which the checks refuse.
fn value(value: &AddressValue) -> Option<Prefix> {
    match value {
        AddressValue::Prefix(net) => Some(Prefix::from(*net)),
        AddressValue::Range(low, high) => {
            let ((family, first), (other, last)) = (Addr::from_ip(*low), Addr::from_ip(*high));
            (family == other).then_some(Prefix { family, first, last })
        }
    }
}
