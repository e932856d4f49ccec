//! Address-book names to ranges.

use std::collections::HashMap;

use ravelin_model::{AddressNames, AddressRef, AddressValue, DynamicAddresses};
use ravelin_program::{AddressMatch, Prefix, WildcardAddress};
use ravelin_types::{Addr, Family, LiveSetId};

use crate::live::{feed_set_id, feed_url, name_set_id};

/// What addresses are called.
pub(crate) struct Addresses<'a> {
    pub names: &'a AddressNames,
    /// Of dynamic addresses: the feed and what people call it.
    feeds: HashMap<&'a str, (LiveSetId, &'a str)>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn new(names: &'a AddressNames, dynamic: &'a DynamicAddresses) -> Self {
        let feeds = dynamic.servers.iter().flat_map(|s| s.feeds.iter().map(move |f| (s, f)));
        let ids: HashMap<&str, LiveSetId> =
            feeds.map(|(s, f)| (f.name.as_str(), feed_set_id(&feed_url(s, f)))).collect();
        let feed = |address: &'a ravelin_model::DynamicAddress| {
            // The checks see to it that there is one, and one alone.
            let feed = address.feeds.first()?;
            Some((address.name.as_str(), (*ids.get(feed.as_str())?, feed.as_str())))
        };
        Self { names, feeds: dynamic.names.iter().filter_map(feed).collect() }
    }
}

/// A list of references as a policy asks for it, and the sets in it that change without a commit.
pub(crate) fn matching(
    addresses: &Addresses<'_>,
    refs: &[AddressRef],
    excluded: bool,
) -> (AddressMatch, Vec<(LiveSetId, String)>) {
    let (mut ranges, mut wildcards, mut sets) = (Vec::new(), Vec::new(), Vec::new());
    let mut named = Vec::new();
    let mut live = |id: LiveSetId, name: &str| {
        sets.push(id);
        named.push((id, name.to_owned()));
    };
    for reference in refs {
        let AddressRef::Named(name) = reference else {
            ranges.extend(written(reference));
            continue;
        };
        if let Some((id, feed)) = addresses.feeds.get(name.as_str()) {
            live(*id, feed);
        }
        addresses.names.all_values(name, |found| match found {
            AddressValue::Prefix(_) | AddressValue::Range(..) => ranges.extend(value(found)),
            AddressValue::Wildcard(addr, mask) => {
                wildcards.push(WildcardAddress { addr: (*addr).into(), mask: (*mask).into() });
            }
            AddressValue::Dns(dns) => live(name_set_id(dns), &dns.name),
        });
    }
    let (ranges, wildcards, live) = (sorted(ranges).into(), sorted(wildcards).into(), sorted(sets).into());
    (AddressMatch { ranges, wildcards, live, excluded }, named)
}

/// Each once, in order.
fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Ranges of a list of references. A name that the checks let through but that is in no book, or a
/// set that holds nothing, gives nothing: such a condition matches no packet.
pub(crate) fn ranges(names: &AddressNames, refs: &[AddressRef]) -> Vec<Prefix> {
    let mut out = Vec::with_capacity(refs.len());
    for reference in refs {
        match reference {
            AddressRef::Named(name) => names.all_values(name, |found| out.extend(value(found))),
            AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6 | AddressRef::Prefix(_) => {
                out.extend(written(reference));
            }
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// What stands in the list itself.
fn written(reference: &AddressRef) -> impl Iterator<Item = Prefix> {
    let (first, second) = match reference {
        AddressRef::Any => (Some(Prefix::all(Family::V4)), Some(Prefix::all(Family::V6))),
        AddressRef::AnyIpv4 => (Some(Prefix::all(Family::V4)), None),
        AddressRef::AnyIpv6 => (Some(Prefix::all(Family::V6)), None),
        AddressRef::Prefix(net) => (Some(Prefix::from(*net)), None),
        AddressRef::Named(_) => (None, None),
    };
    first.into_iter().chain(second)
}

/// `None`: no range, or one over two families, which the checks refuse.
fn value(value: &AddressValue) -> Option<Prefix> {
    match value {
        AddressValue::Prefix(net) => Some(Prefix::from(*net)),
        AddressValue::Range(range) => {
            let ((family, first), (other, last)) = (Addr::from_ip(range.low), Addr::from_ip(range.high));
            (family == other).then_some(Prefix { family, first, last })
        }
        AddressValue::Wildcard(..) | AddressValue::Dns(_) => None,
    }
}
