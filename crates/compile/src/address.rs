//! Address-book names to ranges.

use std::collections::{HashMap, HashSet};

use ravelin_model::{AddressRef, AddressSet, AddressValue, Security};
use ravelin_program::{AddressMatch, Prefix, WildcardAddress};
use ravelin_types::{Addr, Family, LiveSetId};

use crate::live::{feed_set_id, feed_url, name_set_id};

/// What the address books hold, by name.
#[derive(Default)]
pub(crate) struct Addresses<'a> {
    addresses: HashMap<&'a str, Values>,
    sets: HashMap<&'a str, Vec<&'a AddressSet>>,
    /// What is no range, or not always the same: seldom any.
    others: HashMap<&'a str, Other<'a>>,
}

/// An address that is no range known at a commit.
#[derive(Clone, Copy)]
enum Other<'a> {
    Wildcard(WildcardAddress),
    /// With what people call it.
    Live(LiveSetId, &'a str),
}

/// Of one name: mostly one value, or none.
#[derive(Default)]
struct Values {
    first: Option<Prefix>,
    more: Vec<Prefix>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn new(security: &'a Security) -> Self {
        let (mut out, books) = (Self::default(), &security.address_books);
        out.addresses.reserve(books.iter().map(|b| b.addresses.len()).sum());
        for book in books {
            for address in &book.addresses {
                let known = out.addresses.entry(&address.name).or_default();
                if let Some(other) = other(&address.value) {
                    out.others.insert(&address.name, other);
                }
                match (value(&address.value), known.first) {
                    (value, None) => known.first = value,
                    (value, Some(_)) => known.more.extend(value),
                }
            }
            for set in &book.sets {
                out.sets.entry(&set.name).or_default().push(set);
            }
        }
        out.feeds(security);
        out
    }

    fn feeds(&mut self, security: &'a Security) {
        let dynamic = &security.dynamic_addresses;
        let feeds = dynamic.servers.iter().flat_map(|s| s.feeds.iter().map(move |f| (s, f)));
        let ids: HashMap<&str, LiveSetId> =
            feeds.map(|(s, f)| (f.name.as_str(), feed_set_id(&feed_url(s, f)))).collect();
        for address in &dynamic.names {
            for feed in &address.feeds {
                if let Some(id) = ids.get(feed.as_str()) {
                    self.others.insert(&address.name, Other::Live(*id, feed));
                }
            }
        }
    }

    /// The names that a name stands for: itself, and what is in its sets.
    fn within(&self, name: &'a str) -> Vec<&'a str> {
        let (mut seen, mut left, mut out) = (HashSet::new(), vec![name], Vec::new());
        while let Some(name) = left.pop() {
            if seen.insert(name) {
                out.push(name);
                for set in self.sets.get(name).into_iter().flatten() {
                    left.extend(set.addresses.iter().chain(&set.sets).map(String::as_str));
                }
            }
        }
        out
    }
}

/// A list of references as a policy asks for it, and the sets in it that change without a commit.
pub(crate) fn matching<'a>(
    books: &Addresses<'a>,
    refs: &'a [AddressRef],
    excluded: bool,
) -> (AddressMatch, Vec<(LiveSetId, &'a str)>) {
    let mut out = AddressMatch { ranges: ranges(books, refs), excluded, ..AddressMatch::default() };
    let mut named = Vec::new();
    if books.others.is_empty() {
        return (out, named);
    }
    let names = refs.iter().filter_map(|r| match r {
        AddressRef::Named(name) => Some(name.as_str()),
        AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6 | AddressRef::Prefix(_) => None,
    });
    for name in names.flat_map(|name| books.within(name)) {
        match books.others.get(name) {
            Some(Other::Wildcard(wildcard)) => out.wildcards.push(*wildcard),
            Some(Other::Live(id, name)) => {
                out.live.push(*id);
                named.push((*id, *name));
            }
            None => {}
        }
    }
    out.wildcards.sort_unstable();
    out.wildcards.dedup();
    out.live.sort_unstable();
    out.live.dedup();
    (out, named)
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
    for name in books.within(name) {
        own(name, out);
    }
}

fn other(value: &AddressValue) -> Option<Other<'_>> {
    match value {
        AddressValue::Prefix(_) | AddressValue::Range(..) => None,
        AddressValue::Wildcard(addr, mask) => {
            Some(Other::Wildcard(WildcardAddress { addr: (*addr).into(), mask: (*mask).into() }))
        }
        AddressValue::Dns(dns) => Some(Other::Live(name_set_id(dns), &dns.name)),
    }
}

/// `None`: no range, or one over two families, which the checks refuse.
fn value(value: &AddressValue) -> Option<Prefix> {
    match value {
        AddressValue::Prefix(net) => Some(Prefix::from(*net)),
        AddressValue::Range(low, high) => {
            let ((family, first), (other, last)) = (Addr::from_ip(*low), Addr::from_ip(*high));
            (family == other).then_some(Prefix { family, first, last })
        }
        AddressValue::Wildcard(..) | AddressValue::Dns(_) => None,
    }
}
