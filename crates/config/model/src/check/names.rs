//! Address books: sets made of what their book holds, no set inside itself; zones that exist.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;

use super::Report;
use crate::{AddressBook, Config};

/// A set's name, place and the sets it holds.
pub(super) struct Member<'a> {
    pub name: &'a str,
    pub at: Span,
    pub sets: &'a [String],
}

/// `books`: as they were written, those of zones with them.
pub(super) fn address_books(books: &[AddressBook], config: &Config, report: &mut Report) {
    let of_zones = config.security.zones.iter().filter(|zone| zone.address_book.is_some()).count();
    let (named, own) = books.split_at(books.len() - of_zones);
    for book in named {
        let path = format!("security address-book {}", book.name);
        sets(book, &path, report);
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
    for set in &book.sets {
        let path = format!("{path} address-set {}", set.name);
        if addresses.contains(set.name.as_str()) {
            report.error(&path, set.at, format!("`{}' is also the name of an address", set.name));
        }
        for name in set.addresses.iter().filter(|n| !addresses.contains(n.as_str())) {
            report.error(
                format!("{path} address {name}"),
                set.at,
                format!("address `{name}' is not defined"),
            );
        }
        for name in set.sets.iter().filter(|n| !sets.contains(n.as_str())) {
            report.error(
                format!("{path} address-set {name}"),
                set.at,
                format!("address-set `{name}' is not defined"),
            );
        }
    }
    let members: Vec<Member<'_>> =
        book.sets.iter().map(|s| Member { name: &s.name, at: s.at, sets: &s.sets }).collect();
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
