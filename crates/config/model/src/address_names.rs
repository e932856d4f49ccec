//! The names that policies and rules may use for addresses, and what they stand for.

use std::collections::HashSet;

use crate::index::NameIndex;
use crate::{Address, AddressBook, AddressSet, AddressValue};

/// Addresses and sets of the address books, by name.
#[derive(Clone, Debug, Default)]
pub struct AddressNames {
    addresses: NameIndex<Address>,
    sets: NameIndex<AddressSet>,
}

impl AddressNames {
    #[must_use]
    pub fn new(books: &[AddressBook]) -> Self {
        Self {
            addresses: NameIndex::new(books.iter().map(|book| &book.addresses)),
            sets: NameIndex::new(books.iter().map(|book| &book.sets)),
        }
    }

    /// Whether these are the names of those books, which then need no look at.
    #[must_use]
    pub fn are_of(&self, books: &[AddressBook]) -> bool {
        self.addresses.is_of(books.iter().map(|book| &book.addresses))
            && self.sets.is_of(books.iter().map(|book| &book.sets))
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.addresses.contains(name) || self.sets.contains(name)
    }

    /// What an address stands for; a set's name is none.
    pub fn values(&self, name: &str) -> impl Iterator<Item = AddressValue> {
        self.addresses.find(name).map(|address| address.value)
    }

    /// What an address or a set stands for, a set with the sets in it, each looked at once.
    pub fn all_values(&self, name: &str, mut take: impl FnMut(AddressValue)) {
        if !self.sets.contains(name) {
            return self.values(name).for_each(take);
        }
        let (mut seen, mut left) = (HashSet::from([name]), vec![name]);
        while let Some(name) = left.pop() {
            for set in self.sets.find(name) {
                left.extend(set.addresses.iter().chain(&set.sets).map(String::as_str).filter(|n| seen.insert(*n)));
            }
            self.values(name).for_each(&mut take);
        }
    }
}
