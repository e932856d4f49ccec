//! The ranges of a condition: mostly one prefix of IPv4, or the whole address space.
//!
//! A program has two lists for each of its policies: what is said by nearly all of them takes no memory of its own.

use ravelin_mem::List;
use ravelin_types::{Addr, Family};

use crate::Prefix;

/// An immutable list of ranges, in the order given. One list has one form: equal lists are equal forms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Form);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Form {
    #[default]
    Nothing,
    /// Every address: of IPv4, then of IPv6.
    Everything,
    /// One range of IPv4: its first and its last address.
    One(u32, u32),
    Many(List<Prefix>),
}

const _: () = assert!(size_of::<Ranges>() <= 12, "two for each policy of a program");

const EVERYTHING: [Prefix; 2] = [Prefix::all(Family::V4), Prefix::all(Family::V6)];

impl Ranges {
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Nothing => 0,
            Form::One(..) => 1,
            Form::Everything => EVERYTHING.len(),
            Form::Many(ranges) => ranges.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn get(&self, at: usize) -> Option<Prefix> {
        match &self.0 {
            Form::Nothing => None,
            Form::One(first, last) => {
                let (first, last) = (Addr((*first).into()), Addr((*last).into()));
                (at == 0).then_some(Prefix { family: Family::V4, first, last })
            }
            Form::Everything => EVERYTHING.get(at).copied(),
            Form::Many(ranges) => ranges.get(at).copied(),
        }
    }

    #[must_use]
    pub fn contains(&self, range: &Prefix) -> bool {
        self.iter().any(|known| known == *range)
    }

    pub fn iter(&self) -> RangesIter<'_> {
        RangesIter { of: self, at: 0 }
    }
}

impl From<&[Prefix]> for Ranges {
    fn from(ranges: &[Prefix]) -> Self {
        let small = |addr: Addr| u32::try_from(addr.0).ok();
        Self(match ranges {
            [] => Form::Nothing,
            [Prefix { family: Family::V4, first, last }]
                if let (Some(first), Some(last)) = (small(*first), small(*last)) =>
            {
                Form::One(first, last)
            }
            _ if ranges == EVERYTHING => Form::Everything,
            _ => Form::Many(ranges.iter().copied().collect()),
        })
    }
}

impl From<Vec<Prefix>> for Ranges {
    fn from(ranges: Vec<Prefix>) -> Self {
        ranges.as_slice().into()
    }
}

impl FromIterator<Prefix> for Ranges {
    fn from_iter<I: IntoIterator<Item = Prefix>>(ranges: I) -> Self {
        ranges.into_iter().collect::<Vec<_>>().into()
    }
}

/// Range by range: few of them lie anywhere as they are given.
#[derive(Clone, Debug)]
pub struct RangesIter<'a> {
    of: &'a Ranges,
    at: usize,
}

impl Iterator for RangesIter<'_> {
    type Item = Prefix;

    fn next(&mut self) -> Option<Prefix> {
        let next = self.of.get(self.at)?;
        self.at += 1;
        Some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.of.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for RangesIter<'_> {}

impl<'a> IntoIterator for &'a Ranges {
    type Item = Prefix;
    type IntoIter = RangesIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_it_was_made_of_and_lists_are_equal_as_those_are() {
        let v4 = |first, last| Prefix { family: Family::V4, first: Addr(first), last: Addr(last) };
        let v6 = |first, last| Prefix { family: Family::V6, first: Addr(first), last: Addr(last) };
        let [all4, all6] = EVERYTHING;
        let large = u128::from(u32::MAX) + 1;
        let lists = [
            vec![],
            vec![v4(1, 1)],
            vec![v4(0, u32::MAX.into())],
            // No address of IPv4: whoever says so is told back what it said.
            vec![v4(1, large)],
            vec![v4(large, large)],
            vec![v6(1, 1)],
            vec![v6(large, u128::MAX)],
            vec![all4, all6],
            vec![all6, all4],
            vec![all6],
            vec![v4(1, 1), v4(3, 4)],
            vec![v4(3, 4), v4(1, 1)],
            vec![all4, all6, v4(1, 1)],
        ];
        for (at, list) in lists.iter().enumerate() {
            let ranges = Ranges::from(list.clone());
            assert_eq!(ranges.iter().collect::<Vec<_>>(), *list);
            assert_eq!(
                (ranges.len(), ranges.iter().len(), ranges.is_empty()),
                (list.len(), list.len(), list.is_empty())
            );
            assert!(list.iter().all(|range| ranges.contains(range)) && !ranges.contains(&v4(7, 9)));
            assert_eq!(ranges.get(list.len()), None);
            for (other, made) in lists.iter().enumerate() {
                assert_eq!(ranges == Ranges::from(made.clone()), at == other, "{list:?} {made:?}");
            }
        }
    }
}
