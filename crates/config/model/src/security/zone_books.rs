//! Address books of zones, brought into the one that the rest reads.
//!
//! Junos: `security address-book <name> attach zone`, and the old form, a book in the zone itself. A policy's source is
//! looked for in the book of the zone it comes from, its destination in that of the zone it goes to, and then in the book
//! `global`. What such a book holds gets the book's name behind its own: `web@dmz`; no name of Junos has that sign.
//! configuration.md, 29 to 32.

use std::collections::HashMap;

use ravelin_derive::Lower;
use ravelin_schema::Runs;
use ravelin_syntax::Span;

use super::{Address, AddressBook, AddressSet, Security};

/// The book that every policy sees.
const GLOBAL: &str = "global";

/// `security zones security-zone <name> address-book`.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ZoneAddressBook {
    #[lower(runs = "address")]
    pub addresses: Runs<Address>,
    #[lower(runs = "address-set")]
    pub sets: Runs<AddressSet>,
    #[lower(at)]
    pub at: Span,
}

/// The zones that have a book, and what it is called.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZoneBooks(HashMap<String, String>);

impl ZoneBooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The book of a zone.
    pub(crate) fn of(&self, zone: &str) -> Option<&str> {
        self.0.get(zone).map(String::as_str)
    }
}

/// A name of a zone's book in the one book.
pub(crate) fn qualified(name: &str, book: &str) -> String {
    format!("{name}@{book}")
}

/// Books in zones become books of their names.
pub(crate) fn books(security: &Security) -> Vec<AddressBook> {
    let own = security.zones.iter().filter_map(|zone| {
        let ZoneAddressBook { addresses, sets, at } = zone.address_book.clone()?;
        Some(AddressBook { name: zone.name.clone(), addresses, sets, zones: vec![zone.name.clone()], at })
    });
    security.address_books.iter().cloned().chain(own).collect()
}

/// One book of all: the global one with what the others hold.
pub(crate) fn merge(security: &mut Security) -> ZoneBooks {
    let books = books(security);
    if books.iter().all(|book| book.name == GLOBAL && book.zones.is_empty()) {
        return ZoneBooks::default();
    }
    let mut zones = HashMap::new();
    let (mut addresses, mut sets) = (Vec::new(), Vec::new());
    let mut whole = AddressBook { name: GLOBAL.to_owned(), ..AddressBook::default() };
    for book in &books {
        if book.name == GLOBAL {
            whole.at = book.at;
            addresses.extend(book.addresses.iter().cloned());
            sets.extend(book.sets.iter().cloned());
            continue;
        }
        zones.extend(book.zones.iter().map(|zone| (zone.clone(), book.name.clone())));
        let named = |name: &str| qualified(name, &book.name);
        addresses.extend(book.addresses.iter().map(|a| Address { name: named(&a.name).into(), ..a.clone() }));
        sets.extend(book.sets.iter().map(|set| AddressSet {
            name: named(&set.name),
            addresses: set.addresses.iter().map(|name| named(name)).collect(),
            sets: set.sets.iter().map(|name| named(name)).collect(),
            ..set.clone()
        }));
    }
    whole.addresses = addresses.into_iter().collect();
    whole.sets = sets.into_iter().collect();
    security.address_books = vec![whole];
    ZoneBooks(zones)
}
