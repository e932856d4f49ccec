//! Address books of zones: joined to the one book that everything behind the checks knows.
//!
//! Junos: `address-book NAME attach zone`, and the older `security-zone Z address-book`. A policy looks for a name in the book
//! of its zone first, for a source in that of the from-zone, for a destination in that of the to-zone, then in `global`. What a book
//! of a zone holds gets a name that nobody can write, and policies that mean it are made to say so. Spec: policy-24..26.

use std::collections::{HashMap, HashSet};

use ravelin_schema::Runs;
use ravelin_syntax::Span;

use super::{Report, names, zones};
use crate::{Address, AddressBook, AddressSet, Config};

const GLOBAL: &str = "global";

/// Which names the book of a zone holds.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    by_zone: HashMap<String, usize>,
    books: Vec<Scope>,
}

#[derive(Debug)]
pub(super) struct Scope {
    book: String,
    names: HashSet<String>,
}

impl Scopes {
    /// There is no book but `global`.
    pub(super) const fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    pub(super) fn of(&self, zone: &str) -> Option<&Scope> {
        self.by_zone.get(zone).map(|at| &self.books[*at])
    }
}

impl Scope {
    /// The name in the one book of what this book has under a name.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        self.names.contains(name).then(|| joined(name, &self.book))
    }
}

/// Names of addresses hold no blank, so that nobody can write this one.
fn joined(name: &str, book: &str) -> String {
    format!("{name} of {book}")
}

/// Whether a configuration has books of zones.
pub(crate) fn are_many(config: &Config) -> bool {
    let security = &config.security;
    security.address_books.iter().any(|book| book.name != GLOBAL || !book.zones.is_empty())
        || security.zones.iter().any(|zone| zone.address_book.is_some())
}

/// Judges the books and leaves one.
pub(super) fn join(config: &mut Config, report: &mut Report) -> Scopes {
    let mut scopes = Scopes::default();
    if !are_many(config) {
        return scopes;
    }
    let known: HashSet<String> = zones::known(config).into_iter().map(str::to_owned).collect();
    let mut global = AddressBook { name: GLOBAL.to_owned(), ..AddressBook::default() };
    let (mut addresses, mut sets) = (Vec::new(), Vec::new());
    let mut owners: HashMap<String, Span> = HashMap::new();
    for book in books(config) {
        names::sets(&book.held, &book.path, report);
        if book.held.name == GLOBAL && !book.is_of_zone {
            if !book.held.zones.is_empty() {
                report.error(&book.path, book.held.at, "the address book `global' is attached to no zone");
            }
            global.at = book.held.at;
            addresses.extend(book.held.addresses.iter().cloned());
            sets.extend(book.held.sets.iter().cloned());
            continue;
        }
        for zone in &book.held.zones {
            let path = format!("{} attach zone {zone}", book.path);
            if !known.contains(zone) {
                report.error(&path, book.held.at, format!("zone `{zone}' is not defined"));
            }
            if let Some(at) = owners.insert(zone.clone(), book.held.at) {
                let message = format!("zone `{zone}' has an address book already");
                report.conflict(path, book.held.at, message, (at, "it is attached here"));
            }
            scopes.by_zone.insert(zone.clone(), scopes.books.len());
        }
        let named = |name: &String| joined(name, &book.held.name);
        addresses.extend(book.held.addresses.iter().map(|a| Address { name: named(&a.name), ..a.clone() }));
        sets.extend(book.held.sets.iter().map(|set| AddressSet {
            name: named(&set.name),
            addresses: set.addresses.iter().map(named).collect(),
            sets: set.sets.iter().map(named).collect(),
            ..set.clone()
        }));
        let own = book.held.addresses.iter().map(|a| &a.name).chain(book.held.sets.iter().map(|s| &s.name));
        scopes.books.push(Scope { book: book.held.name.clone(), names: own.cloned().collect() });
    }
    global.addresses = Runs::from(addresses);
    global.sets = Runs::from(sets);
    config.security.address_books = vec![global];
    for zone in &mut config.security.zones {
        zone.address_book = None;
    }
    scopes
}

/// A book and where it stands.
struct Book {
    held: AddressBook,
    path: String,
    is_of_zone: bool,
}

fn books(config: &Config) -> Vec<Book> {
    let named = config.security.address_books.iter().map(|book| Book {
        held: book.clone(),
        path: format!("security address-book {}", book.name),
        is_of_zone: false,
    });
    let of_zones = config.security.zones.iter().filter_map(|zone| {
        let book = zone.address_book.as_ref()?;
        let held = AddressBook {
            name: format!("zone {}", zone.name),
            zones: vec![zone.name.clone()],
            addresses: book.addresses.clone(),
            sets: book.sets.clone(),
            at: book.at,
        };
        let path = format!("security zones security-zone {} address-book", zone.name);
        Some(Book { held, path, is_of_zone: true })
    });
    named.chain(of_zones).collect()
}
