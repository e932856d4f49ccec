//! The names that policies and rules may use for addresses, and what they stand for.

use std::collections::HashSet;
use std::sync::Arc;

use crate::index::NameIndex;
use crate::{Address, AddressBook, AddressSet, AddressValue, DynamicAddresses};

/// Addresses and sets of the address books, by name.
#[derive(Clone, Debug)]
pub struct AddressNames {
    addresses: NameIndex<Address>,
    sets: NameIndex<AddressSet>,
    dynamic: Arc<Dynamic>,
}

/// Dynamic addresses and where they come from, with their names.
#[derive(Debug)]
struct Dynamic {
    of: DynamicAddresses,
    names: HashSet<String>,
}

impl AddressNames {
    #[must_use]
    pub fn new(books: &[AddressBook], dynamic: &DynamicAddresses) -> Self {
        Self {
            addresses: NameIndex::new(books.iter().map(|book| &book.addresses)),
            sets: NameIndex::new(books.iter().map(|book| &book.sets)),
            dynamic: Arc::new(Dynamic::new(dynamic)),
        }
    }

    /// As [`Self::new`], with the work done for earlier books.
    #[must_use]
    pub fn after(books: &[AddressBook], dynamic: &DynamicAddresses, before: &Self) -> Self {
        // In one book a name stands once; more than one book is refused.
        let [book] = books else { return Self::new(books, dynamic) };
        let same = before.dynamic.of == *dynamic;
        Self {
            addresses: NameIndex::after(&book.addresses, &before.addresses),
            sets: NameIndex::after(&book.sets, &before.sets),
            dynamic: if same { Arc::clone(&before.dynamic) } else { Arc::new(Dynamic::new(dynamic)) },
        }
    }

    /// Names that stand for something else here than there, or for nothing in one of them; `None`: too many to tell.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<HashSet<String>> {
        let mut out = self.addresses.differing(&other.addresses, |a, b| a.value == b.value)?;
        out.extend(self.sets.differing(&other.sets, |a, b| a.addresses == b.addresses && a.sets == b.sets)?);
        if self.dynamic.of != other.dynamic.of {
            out.extend(self.dynamic.names.union(&other.dynamic.names).cloned());
        }
        if out.is_empty() {
            return Some(out);
        }
        // A set with such a name in it stands for something else, too.
        loop {
            let holds =
                |set: &&AddressSet| set.addresses.iter().chain(&set.sets).any(|name| out.contains(name));
            let sets = self.sets.iter().chain(other.sets.iter());
            let more = sets.filter(|set| !out.contains(&set.name)).filter(holds).map(|set| set.name.clone());
            let more: Vec<String> = more.collect();
            if more.is_empty() {
                return Some(out);
            }
            out.extend(more);
        }
    }

    /// Whether these are the names of those books, which then need no look at.
    #[must_use]
    pub fn are_of(&self, books: &[AddressBook], dynamic: &DynamicAddresses) -> bool {
        self.dynamic.of == *dynamic
            && self.addresses.is_of(books.iter().map(|book| &book.addresses))
            && self.sets.is_of(books.iter().map(|book| &book.sets))
    }

    #[must_use]
    pub fn is_in_a_book(&self, name: &str) -> bool {
        self.addresses.contains(name) || self.sets.contains(name)
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.is_in_a_book(name) || self.dynamic.names.contains(name)
    }

    /// What an address stands for; a set's name is none.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &AddressValue> {
        self.addresses.find(name).map(|address| &address.value)
    }

    /// What an address or a set stands for, a set with the sets in it, each looked at once.
    pub fn all_values(&self, name: &str, mut take: impl FnMut(&AddressValue)) {
        if !self.sets.contains(name) {
            return self.values(name).for_each(take);
        }
        let (mut seen, mut left) = (HashSet::from([name]), vec![name]);
        while let Some(name) = left.pop() {
            for set in self.sets.find(name) {
                left.extend(
                    set.addresses.iter().chain(&set.sets).map(String::as_str).filter(|n| seen.insert(*n)),
                );
            }
            self.values(name).for_each(&mut take);
        }
    }
}

impl Dynamic {
    fn new(of: &DynamicAddresses) -> Self {
        Self { of: of.clone(), names: of.names.iter().map(|address| address.name.clone()).collect() }
    }
}
