//! Address books: sets made of what their book holds, no set inside itself; zones that exist.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;

use super::Report;
use crate::{AddressBook, AddressNames, AddressSet, Config};

/// A set's name, place and the sets it holds.
pub(super) struct Member<'a> {
    pub name: &'a str,
    pub at: Span,
    pub sets: &'a [String],
}

/// One book that was made from one in which all was well.
#[derive(Clone, Copy)]
pub(super) struct Edited<'a> {
    pub names: &'a AddressNames,
    /// Names that stand for something else than before, and of the sets that hold one.
    pub changed: &'a HashSet<String>,
}

/// `books`: as they were written, those of zones with them.
pub(super) fn address_books(
    books: &[AddressBook],
    config: &Config,
    edited: Option<Edited<'_>>,
    report: &mut Report,
) {
    let of_zones = config.security.zones.iter().filter(|zone| zone.address_book.is_some()).count();
    let (named, own) = books.split_at(books.len() - of_zones);
    for book in named {
        let path = format!("security address-book {}", book.name);
        match edited.filter(|_| books.len() == 1) {
            Some(edited) => changed_sets(book, &path, edited, report),
            None => sets(book, &path, report),
        }
        if book.name == "global" && !book.zones.is_empty() {
            report.error(format!("{path} attach"), book.at, "the book `global' is every zone's already");
        }
        let zones = &config.security.zones;
        for zone in book.zones.iter().filter(|name| zones.iter().all(|zone| zone.name != **name)) {
            report.error(
                format!("{path} attach zone {zone}"),
                book.at,
                format!("zone `{zone}' is not defined"),
            );
        }
    }
    let mut attached: HashMap<&str, &AddressBook> = HashMap::new();
    for book in named {
        for zone in &book.zones {
            if let Some(other) = attached.insert(zone, book) {
                let path = format!("security address-book {} attach zone {zone}", book.name);
                let message = format!("zone `{zone}' has the address book `{}' already", other.name);
                report.conflict(path, book.at, message, (other.at, "attached here"));
            }
        }
    }
    for book in own {
        let path = format!("security zones security-zone {} address-book", book.name);
        sets(book, &path, report);
        if let Some(other) = named.first() {
            let message = "address books in zones and under `security address-book' can't be combined";
            report.conflict(path, book.at, message, (other.at, "the other form"));
        }
    }
}

fn sets(book: &AddressBook, path: &str, report: &mut Report) {
    if book.sets.is_empty() {
        return;
    }
    let addresses: HashSet<&str> = book.addresses.iter().map(|a| a.name.as_str()).collect();
    let sets: HashSet<&str> = book.sets.iter().map(|s| s.name.as_str()).collect();
    let holds = Holds { address: &|name| addresses.contains(name), set: &|name| sets.contains(name) };
    these_sets(book.sets.iter(), path, &holds, report);
}

/// A set of which nothing changed, not even what a name in it stands for, is as well as it was. Whatever came to hold itself
/// holds a set that changed.
fn changed_sets(book: &AddressBook, path: &str, edited: Edited<'_>, report: &mut Report) {
    let Edited { names, changed } = edited;
    if changed.is_empty() {
        return;
    }
    let holds = Holds { address: &|name| names.is_address(name), set: &|name| names.is_set(name) };
    these_sets(book.sets.iter().filter(|set| changed.contains(&set.name)), path, &holds, report);
}

/// What a book holds.
struct Holds<'a> {
    address: &'a dyn Fn(&str) -> bool,
    set: &'a dyn Fn(&str) -> bool,
}

fn these_sets<'a>(
    sets: impl Iterator<Item = &'a AddressSet>,
    path: &str,
    holds: &Holds<'_>,
    report: &mut Report,
) {
    let mut members = Vec::new();
    for set in sets {
        let path = format!("{path} address-set {}", set.name);
        if (holds.address)(&set.name) {
            report.error(&path, set.at, format!("`{}' is also the name of an address", set.name));
        }
        for name in set.addresses.iter().filter(|name| !(holds.address)(name)) {
            report.error(
                format!("{path} address {name}"),
                set.at,
                format!("address `{name}' is not defined"),
            );
        }
        for name in set.sets.iter().filter(|name| !(holds.set)(name)) {
            report.error(
                format!("{path} address-set {name}"),
                set.at,
                format!("address-set `{name}' is not defined"),
            );
        }
        members.push(Member { name: &set.name, at: set.at, sets: &set.sets });
    }
    for (name, at) in loops(&members) {
        report.error(format!("{path} address-set {name}"), at, "address-set contains itself");
    }
}

/// Sets that can be reached from themselves: what is left when sets without open members are taken away again
/// and again, and that lies on or leads to a cycle.
pub(super) fn loops<'a>(members: &[Member<'a>]) -> Vec<(&'a str, Span)> {
    let index: HashMap<&str, usize> = members.iter().enumerate().map(|(n, m)| (m.name, n)).collect();
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    let mut open: Vec<usize> = vec![0; members.len()];
    for (n, member) in members.iter().enumerate() {
        for inner in member.sets.iter().filter_map(|s| index.get(s.as_str())) {
            holders[*inner].push(n);
            open[n] += 1;
        }
    }
    let mut ready: Vec<usize> = (0..members.len()).filter(|&n| open[n] == 0).collect();
    while let Some(done) = ready.pop() {
        for &holder in &holders[done] {
            open[holder] -= 1;
            if open[holder] == 0 {
                ready.push(holder);
            }
        }
    }
    members.iter().zip(&open).filter(|(_, open)| **open > 0).map(|(m, _)| (m.name, m.at)).collect()
}
