//! Sorted address ranges, for white-lists: one binary search a packet.

use ravelin_program::Prefix;
use ravelin_types::{Addr, Family};

/// Addresses of both families, as disjoint ascending ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    v4: Box<[(Addr, Addr)]>,
    v6: Box<[(Addr, Addr)]>,
}

impl Ranges {
    pub(crate) fn new(list: &[Prefix]) -> Self {
        Self { v4: merged(list, Family::V4), v6: merged(list, Family::V6) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    pub(crate) fn contains(&self, family: Family, addr: Addr) -> bool {
        let list = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        let after = list.partition_point(|(first, _)| *first <= addr);
        after > 0 && addr <= list[after - 1].1
    }
}

fn merged(list: &[Prefix], family: Family) -> Box<[(Addr, Addr)]> {
    let mut all: Vec<_> = list.iter().filter(|p| p.family == family).map(|p| (p.first, p.last)).collect();
    all.sort_unstable();
    let mut out: Vec<(Addr, Addr)> = Vec::with_capacity(all.len());
    for (first, last) in all {
        match out.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(first: u128, last: u128) -> Prefix {
        Prefix { family: Family::V4, first: Addr(first), last: Addr(last) }
    }

    proptest::proptest! {
        #[test]
        fn the_search_says_what_a_walk_over_the_list_says(
            list in proptest::collection::vec((0u128..60, 0u128..12), 0..12), addr in 0u128..80
        ) {
            let list: Vec<_> = list.into_iter().map(|(low, len)| prefix(low, low + len)).collect();
            let naive = list.iter().any(|p| p.contains(Family::V4, Addr(addr)));
            proptest::prop_assert_eq!(Ranges::new(&list).contains(Family::V4, Addr(addr)), naive);
            proptest::prop_assert!(!Ranges::new(&list).contains(Family::V6, Addr(addr)));
        }
    }
}
