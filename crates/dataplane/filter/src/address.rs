//! Lists of prefixes in which the longest decides.
//!
//! Junos: `source-address`, `prefix-list` and the like with `except`. A list holds of nothing that is not in it.
//! Spec: firewall-filter-10..15.

use ravelin_types::{Addr, Family};

use crate::condition::ListedPrefix;
use crate::segments::Segments;

/// What the longest prefix says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Listed {
    No,
    Yes,
    Except,
}

/// A list of prefixes, flattened to segments of the address line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddressSet {
    segments: Segments,
    listed: Box<[Listed]>,
}

/// First and last address of a prefix; host bits do not count.
pub(crate) fn bounds(prefix: &ListedPrefix) -> (u128, u128) {
    let bits = width(prefix);
    let free = bits - u32::from(prefix.len);
    let host = if free == 128 { u128::MAX } else { (1u128 << free) - 1 };
    (prefix.addr.0 & !host, prefix.addr.0 | host)
}

/// Bits of the prefix's family.
pub(crate) fn width(prefix: &ListedPrefix) -> u32 {
    match prefix.family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

impl AddressSet {
    /// Of prefixes with lengths that their family allows.
    pub(crate) fn new(prefixes: &[ListedPrefix]) -> Self {
        let mut nested: Vec<(u128, u128, Listed)> = prefixes
            .iter()
            .map(|prefix| {
                let (first, last) = bounds(prefix);
                (first, last, if prefix.except { Listed::Except } else { Listed::Yes })
            })
            .collect();
        // An outer prefix before those within; of two that are the same the exception is the inner one.
        nested.sort_unstable_by_key(|(first, last, listed)| (*first, u128::MAX - *last, *listed));
        let mut cuts = vec![(0, Listed::No)];
        let mut open: Vec<(u128, Listed)> = Vec::new();
        for (first, last, listed) in nested {
            close(&mut open, &mut cuts, Some(first));
            push(&mut cuts, first, listed);
            open.push((last, listed));
        }
        close(&mut open, &mut cuts, None);
        let line_end = if prefixes.iter().all(|prefix| prefix.family == Family::V4) {
            u128::from(u32::MAX)
        } else {
            u128::MAX
        };
        cuts.retain(|(start, _)| *start <= line_end);
        let starts: Vec<u128> = cuts.iter().map(|(start, _)| *start).collect();
        Self { segments: Segments::new(&starts), listed: cuts.iter().map(|(_, listed)| *listed).collect() }
    }

    pub(crate) fn find(&self, addr: Addr) -> Listed {
        self.listed[self.segments.find(addr.0)]
    }

    /// The ranges that are listed, ascending and apart; the last may go on beyond the family's addresses.
    pub(crate) fn ranges(&self) -> Vec<(u128, u128)> {
        let starts: Vec<u128> = match &self.segments {
            Segments::Narrow(starts) => starts.iter().map(|start| u128::from(*start)).collect(),
            Segments::Wide(starts) => starts.to_vec(),
        };
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
        let all = starts.iter().copied().zip(ends).zip(&self.listed);
        all.filter(|(_, listed)| **listed == Listed::Yes).map(|(range, _)| range).collect()
    }
}

/// Ends the prefixes that end before `until`; what surrounds them goes on behind.
fn close(open: &mut Vec<(u128, Listed)>, cuts: &mut Vec<(u128, Listed)>, until: Option<u128>) {
    while let Some((last, _)) = open.last().copied().filter(|(last, _)| until.is_none_or(|u| *last < u)) {
        open.pop();
        let around = open.last().map_or(Listed::No, |(_, listed)| *listed);
        if let Some(behind) = last.checked_add(1) {
            push(cuts, behind, around);
        }
    }
}

fn push(cuts: &mut Vec<(u128, Listed)>, at: u128, listed: Listed) {
    if cuts.last().is_some_and(|(start, _)| *start == at) {
        cuts.pop();
    }
    if cuts.last().is_none_or(|(_, before)| *before != listed) {
        cuts.push((at, listed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> ListedPrefix {
        let (text, except) = text.strip_suffix(" except").map_or((text, false), |rest| (rest, true));
        let (addr, len) = text.split_once('/').unwrap();
        let (family, addr) = Addr::from_ip(addr.parse().unwrap());
        ListedPrefix { family, addr, len: len.parse().unwrap(), except }
    }

    fn check(prefixes: &[&str], expected: &[(&str, Listed)]) {
        let set = AddressSet::new(&prefixes.iter().map(|text| prefix(text)).collect::<Vec<_>>());
        for (addr, listed) in expected {
            let addr = Addr::from_ip(addr.parse().unwrap()).1;
            assert_eq!(set.find(addr), *listed, "{addr:?} in {prefixes:?}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_in_any_order() {
        let expected = [
            ("192.167.255.255", Listed::Yes),
            ("192.168.0.0", Listed::Except),
            ("192.168.7.7", Listed::Yes),
            ("192.168.7.8", Listed::Except),
            ("192.168.255.255", Listed::Except),
            ("192.169.0.0", Listed::Yes),
            ("193.0.0.0", Listed::No),
            ("191.255.255.255", Listed::No),
        ];
        check(&["192.168.0.0/16 except", "192.0.0.0/8", "192.168.7.7/32"], &expected);
        check(&["192.168.7.7/32", "192.0.0.0/8", "192.168.0.0/16 except"], &expected);
    }

    #[test]
    fn a_list_of_exceptions_alone_holds_of_nothing() {
        check(&["10.0.0.0/8 except"], &[("10.0.0.1", Listed::Except), ("11.0.0.1", Listed::No)]);
        check(&[], &[("10.0.0.1", Listed::No)]);
    }

    #[test]
    fn the_ends_of_the_line_are_addresses_too() {
        check(&["0.0.0.0/0"], &[("0.0.0.0", Listed::Yes), ("255.255.255.255", Listed::Yes)]);
        check(&["255.255.255.255/32"], &[("255.255.255.255", Listed::Yes), ("255.255.255.254", Listed::No)]);
        check(&["::/0", "ffff::/16 except"], &[("ffff::1", Listed::Except), ("::", Listed::Yes)]);
        let all = AddressSet::new(&[prefix("::/0")]);
        assert_eq!(all.find(Addr::from_ip("ffff:ffff::".parse().unwrap()).1), Listed::Yes);
    }

    #[test]
    fn of_two_equal_prefixes_the_exception_holds() {
        let expected = [("10.1.1.1", Listed::Except)];
        check(&["10.0.0.0/8", "10.0.0.0/8 except"], &expected);
        check(&["10.0.0.0/8 except", "10.0.0.0/8"], &expected);
    }

    #[test]
    fn host_bits_do_not_count() {
        check(&["10.1.2.3/8"], &[("10.0.0.0", Listed::Yes), ("10.255.0.0", Listed::Yes)]);
    }
}
