//! The names that policies and rules may use for addresses, and what they stand for.

use std::collections::HashSet;
use std::sync::Arc;

use ravelin_schema::{run_place, shared_runs};

use crate::index::NameIndex;
use crate::{Address, AddressBook, AddressSet, AddressValue, DnsName, DynamicAddresses};

/// Addresses and sets of the address books, by name.
#[derive(Clone, Debug)]
pub struct AddressNames {
    addresses: NameIndex<Address>,
    sets: NameIndex<AddressSet>,
    dynamic: Arc<Dynamic>,
    /// Runs with names of hosts among their addresses: few, where addresses are many.
    asked: Arc<[Arc<[Address]>]>,
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
        let addresses = NameIndex::new(books.iter().map(|book| &book.addresses));
        Self {
            asked: addresses.runs().iter().filter(|run| is_asked(run)).cloned().collect(),
            addresses,
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
        let addresses = NameIndex::after(&book.addresses, &before.addresses);
        Self {
            asked: before.asked_after(addresses.runs()),
            addresses,
            sets: NameIndex::after(&book.sets, &before.sets),
            dynamic: if same { Arc::clone(&before.dynamic) } else { Arc::new(Dynamic::new(dynamic)) },
        }
    }

    /// What is asked in a list that was made from this one.
    fn asked_after(&self, runs: &[Arc<[Address]>]) -> Arc<[Arc<[Address]>]> {
        let (front, back) = shared_runs(self.addresses.runs(), runs);
        let known: HashSet<usize> = self.asked.iter().map(run_place).collect();
        let is_new = |at: usize| (front..runs.len() - back).contains(&at);
        let asks = |(at, run): &(usize, &Arc<[Address]>)| match is_new(*at) {
            true => is_asked(run),
            false => !known.is_empty() && known.contains(&run_place(run)),
        };
        runs.iter().enumerate().filter(asks).map(|(_, run)| run.clone()).collect()
    }

    /// The names of hosts that addresses stand for, in the order of the addresses.
    pub fn hosts(&self) -> impl Iterator<Item = &DnsName> {
        self.asked.iter().flat_map(|run| run.iter()).filter_map(host)
    }

    /// Names that stand for something else here than there, or for nothing in one of them; `None`: too many to tell.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<HashSet<String>> {
        if std::ptr::eq(self, other) {
            return Some(HashSet::new());
        }
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
    pub(crate) fn is_address(&self, name: &str) -> bool {
        self.addresses.contains(name)
    }

    #[must_use]
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.sets.contains(name)
    }

    #[must_use]
    pub fn is_in_a_book(&self, name: &str) -> bool {
        self.is_address(name) || self.is_set(name)
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

fn host(address: &Address) -> Option<&DnsName> {
    match &address.value {
        AddressValue::Dns(dns) => Some(&**dns),
        AddressValue::Prefix(_) | AddressValue::Range(..) | AddressValue::Wildcard(..) => None,
    }
}

fn is_asked(run: &[Address]) -> bool {
    run.iter().any(|address| host(address).is_some())
}

impl Dynamic {
    fn new(of: &DynamicAddresses) -> Self {
        Self { of: of.clone(), names: of.names.iter().map(|address| address.name.clone()).collect() }
    }
}
