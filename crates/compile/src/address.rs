//! Address-book names to ranges.

use std::collections::{BTreeSet, HashMap};

use ravelin_model::{AddressBook, AddressRef, AddressSet, AddressValue};
use ravelin_program::Prefix;
use ravelin_types::{Addr, Family};

/// What the address books hold, by name.
#[derive(Default)]
pub(crate) struct Addresses<'a> {
    addresses: HashMap<&'a str, Vec<Prefix>>,
    sets: HashMap<&'a str, Vec<&'a AddressSet>>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn new(books: &'a [AddressBook]) -> Self {
        let mut out = Self::default();
        for book in books {
            for address in &book.addresses {
                out.addresses.entry(&address.name).or_default().extend(value(&address.value));
            }
            for set in &book.sets {
                out.sets.entry(&set.name).or_default().push(set);
            }
        }
        out
    }
}

/// Ranges of a list of references. A name that the checks let through but that is in no book, or a
/// set that holds nothing, gives nothing: such a condition matches no packet.
pub(crate) fn ranges(books: &Addresses<'_>, refs: &[AddressRef]) -> Vec<Prefix> {
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
fn named(books: &Addresses<'_>, name: &str, out: &mut BTreeSet<Prefix>) {
    let (mut seen, mut left) = (BTreeSet::new(), vec![name]);
    while let Some(name) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        out.extend(books.addresses.get(name).into_iter().flatten());
        for set in books.sets.get(name).into_iter().flatten() {
            left.extend(set.addresses.iter().chain(&set.sets).map(String::as_str));
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
