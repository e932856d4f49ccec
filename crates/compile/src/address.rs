//! Address-book names to ranges.

use std::collections::{HashMap, HashSet};

use ravelin_model::{AddressBook, AddressRef, AddressSet, AddressValue};
use ravelin_program::Prefix;
use ravelin_types::{Addr, Family};

/// What the address books hold, by name.
#[derive(Default)]
pub(crate) struct Addresses<'a> {
    addresses: HashMap<&'a str, Values>,
    sets: HashMap<&'a str, Vec<&'a AddressSet>>,
}

/// Of one name: mostly one value, or none.
#[derive(Default)]
struct Values {
    first: Option<Prefix>,
    more: Vec<Prefix>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn new(books: &'a [AddressBook]) -> Self {
        let mut out = Self::default();
        out.addresses.reserve(books.iter().map(|b| b.addresses.len()).sum());
        for book in books {
            for address in &book.addresses {
                let known = out.addresses.entry(&address.name).or_default();
                match (value(&address.value), known.first) {
                    (value, None) => known.first = value,
                    (value, Some(_)) => known.more.extend(value),
                }
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
    let mut out = Vec::with_capacity(refs.len());
    for reference in refs {
        match reference {
            AddressRef::Any => out.extend([Prefix::all(Family::V4), Prefix::all(Family::V6)]),
            AddressRef::AnyIpv4 => out.push(Prefix::all(Family::V4)),
            AddressRef::AnyIpv6 => out.push(Prefix::all(Family::V6)),
            AddressRef::Prefix(net) => out.push(Prefix::from(*net)),
            AddressRef::Named(name) => named(books, name, &mut out),
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// An address, or a set with the sets within it, each looked at once.
fn named<'a>(books: &Addresses<'a>, name: &'a str, out: &mut Vec<Prefix>) {
    let own = |name: &str, out: &mut Vec<Prefix>| {
        if let Some(Values { first, more }) = books.addresses.get(name) {
            out.extend(first.iter().chain(more));
        }
    };
    if !books.sets.contains_key(name) {
        return own(name, out);
    }
    let (mut seen, mut left) = (HashSet::new(), vec![name]);
    while let Some(name) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        own(name, out);
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
