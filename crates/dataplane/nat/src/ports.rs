//! Bitmaps of 65,536 numbers (ports, blocks or addresses), with a summary that makes a search short.
//!
//! A unit is one bitmap: a bit is set while its number is taken. Two summaries say of each word whether its
//! even, and its odd, numbers are all taken. Units live in slabs that are zeroed by the allocator, so that
//! memory nobody leased from is never touched. State: the units; who uses which is the caller's.

use crate::affinity::Region;

const WORDS: usize = 1024;
const GROUPS: usize = WORDS / 64;
const UNIT: usize = WORDS + 2 * GROUPS;
/// Units a slab: about 2 MB, above what allocators take from their heap.
const SLAB: usize = 256;

const EVEN: u64 = 0x5555_5555_5555_5555;
const ODD: u64 = !EVEN;

/// Bytes of one unit.
pub(crate) const UNIT_BYTES: usize = UNIT * 8;

pub(crate) type UnitId = u32;

/// Which numbers a search may find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parity {
    Any,
    Even,
    Odd,
    /// An even number whose odd successor is free too.
    Twin,
}

/// Where a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// At a random word and a random bit of it.
    Random(u64),
    /// At this number, upwards.
    From(u16),
}

/// All units of a worker.
#[derive(Debug, Default)]
pub(crate) struct Units {
    slabs: Vec<Box<[u64]>>,
    free: Vec<UnitId>,
    made: u32,
}

impl Units {
    /// An empty unit. Allocates when no freed one is left.
    pub(crate) fn make(&mut self) -> UnitId {
        if let Some(unit) = self.free.pop() {
            return unit;
        }
        if self.made as usize == self.slabs.len() * SLAB {
            self.slabs.push(vec![0; SLAB * UNIT].into_boxed_slice());
        }
        self.made += 1;
        self.made - 1
    }

    /// Takes a unit back, emptied.
    pub(crate) fn give_back(&mut self, unit: UnitId) {
        self.clear(unit);
        self.free.push(unit);
    }

    /// Frees every number. Memory that nobody touched stays so.
    pub(crate) fn clear(&mut self, unit: UnitId) {
        if self.words(unit).iter().any(|word| *word != 0) {
            self.words_mut(unit).fill(0);
        }
    }

    /// Units in use.
    pub(crate) fn used(&self) -> usize {
        self.made as usize - self.free.len()
    }

    fn words(&self, unit: UnitId) -> &[u64] {
        let at = unit as usize % SLAB * UNIT;
        &self.slabs[unit as usize / SLAB][at..at + UNIT]
    }

    fn words_mut(&mut self, unit: UnitId) -> &mut [u64] {
        let at = unit as usize % SLAB * UNIT;
        &mut self.slabs[unit as usize / SLAB][at..at + UNIT]
    }

    pub(crate) fn is_taken(&self, unit: UnitId, number: u16) -> bool {
        self.words(unit)[usize::from(number / 64)] >> (number % 64) & 1 == 1
    }

    /// How many numbers of a run are taken.
    pub(crate) fn taken_in(&self, unit: UnitId, low: u16, high: u16) -> u32 {
        let region = Region::all(low, high);
        let words = usize::from(low / 64)..=usize::from(high / 64);
        words.map(|word| (self.words(unit)[word] & region.mask(word)).count_ones()).sum()
    }

    /// `false`: it was taken already.
    pub(crate) fn take(&mut self, unit: UnitId, number: u16) -> bool {
        self.change(unit, number, |word, bit| (word & bit == 0).then_some(word | bit))
    }

    /// `false`: it was free already.
    pub(crate) fn free(&mut self, unit: UnitId, number: u16) -> bool {
        self.change(unit, number, |word, bit| (word & bit != 0).then_some(word & !bit))
    }

    fn change(&mut self, unit: UnitId, number: u16, to: impl Fn(u64, u64) -> Option<u64>) -> bool {
        let words = self.words_mut(unit);
        let at = usize::from(number / 64);
        let Some(word) = to(words[at], 1 << (number % 64)) else { return false };
        words[at] = word;
        let (group, bit) = (at / 64, 1u64 << (at % 64));
        for (summary, half) in [(WORDS, EVEN), (WORDS + GROUPS, ODD)] {
            if word & half == half {
                words[summary + group] |= bit;
            } else {
                words[summary + group] &= !bit;
            }
        }
        true
    }

    /// Whether none of `low..=high` is taken.
    pub(crate) fn is_empty(&self, unit: UnitId, low: u16, high: u16) -> bool {
        let (region, words) = (Region::all(low, high), self.words(unit));
        (usize::from(low / 64)..=usize::from(high / 64)).all(|at| words[at] & region.mask(at) == 0)
    }

    /// A number of the region that is free in every unit named.
    ///
    /// Words whose summary says full are stepped over 64 at a time: at most 17 groups are looked at. A word
    /// that turns out to have nothing is one at the region's edge, or one that several units fill together.
    pub(crate) fn search(
        &self,
        units: &[UnitId],
        region: &Region,
        parity: Parity,
        pick: Pick,
    ) -> Option<u16> {
        let start = match pick {
            Pick::Random(dice) => region.start(dice as u32),
            Pick::From(number) => region.word_of(number).unwrap_or(region.start(0)),
        };
        for step in 0..=GROUPS {
            let group = (start / 64 + step) % GROUPS;
            let mut words = region.words_in(group) & !self.hopeless(units, parity, group);
            if step == 0 {
                words &= !0 << (start % 64);
            } else if step == GROUPS {
                words &= !(!0 << (start % 64));
            }
            while words != 0 {
                let at = group * 64 + words.trailing_zeros() as usize;
                words &= words - 1;
                let free = parity.of(self.free_in(units, at) & region.mask(at));
                if let Some(bit) = pick.bit(free, at) {
                    return Some((at * 64) as u16 + bit);
                }
            }
        }
        // A round that began within a word has that word's lower numbers left.
        let free = parity.of(self.free_in(units, start) & region.mask(start));
        (free != 0).then(|| (start * 64) as u16 + free.trailing_zeros() as u16)
    }

    fn free_in(&self, units: &[UnitId], at: usize) -> u64 {
        !units.iter().fold(0, |taken, unit| taken | self.words(*unit)[at])
    }

    /// Words of a group where no number of the parity is free.
    fn hopeless(&self, units: &[UnitId], parity: Parity, group: usize) -> u64 {
        let of = |words: &[u64]| {
            let (even, odd) = (words[WORDS + group], words[WORDS + GROUPS + group]);
            match parity {
                Parity::Any => even & odd,
                Parity::Even => even,
                Parity::Odd => odd,
                Parity::Twin => even | odd,
            }
        };
        units.iter().fold(0, |full, unit| full | of(self.words(*unit)))
    }
}

impl Parity {
    /// That of a port.
    pub(crate) const fn like(port: u16) -> Self {
        if port.is_multiple_of(2) { Self::Even } else { Self::Odd }
    }

    const fn of(self, free: u64) -> u64 {
        match self {
            Self::Any => free,
            Self::Even => free & EVEN,
            Self::Odd => free & ODD,
            Self::Twin => free & (free >> 1) & EVEN,
        }
    }
}

impl Pick {
    /// One of the free bits of a word, if it has any that may be had now.
    fn bit(self, free: u64, at: usize) -> Option<u16> {
        if free == 0 {
            return None;
        }
        match self {
            Self::Random(dice) => {
                let turn = (dice >> 32) as u32 % 64;
                Some((free.rotate_right(turn).trailing_zeros() as u16 + turn as u16) % 64)
            }
            Self::From(number) => {
                let first = if at == usize::from(number / 64) { number % 64 } else { 0 };
                let later = free & (!0 << first);
                (later != 0).then(|| later.trailing_zeros() as u16)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// All that a search finds when each is taken, in the order found.
    fn drain(units: &mut Units, unit: UnitId, region: &Region, parity: Parity, random: bool) -> Vec<u16> {
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        let mut found = Vec::new();
        loop {
            dice = dice.rotate_left(17).wrapping_mul(0xd134_2543_de82_ef95);
            let pick = if random {
                Pick::Random(dice)
            } else {
                Pick::From(found.last().map_or(0, |n: &u16| n.wrapping_add(1)))
            };
            let Some(number) = units.search(&[unit], region, parity, pick) else { return found };
            assert!(units.take(unit, number), "{number} twice");
            found.push(number);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: proptest::prelude::ProptestConfig::default().cases.max(256) / 10, ..proptest::prelude::ProptestConfig::default() })]
        #[test]
        fn a_search_finds_every_number_of_its_kind_and_no_other(low: u16, len in 0u16..4000, parity in 0u8..3, random: bool) {
            let high = low.saturating_add(len);
            let parity = [Parity::Any, Parity::Even, Parity::Odd][usize::from(parity)];
            let mut units = Units::default();
            let unit = units.make();
            let found = drain(&mut units, unit, &Region::all(low, high), parity, random);
            let expected: BTreeSet<u16> = (low..=high)
                .filter(|n| match parity { Parity::Even => n % 2 == 0, Parity::Odd => n % 2 == 1, _ => true })
                .collect();
            proptest::prop_assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), expected);
        }
    }

    #[test]
    fn a_round_goes_upwards_and_begins_anew() {
        let mut units = Units::default();
        let unit = units.make();
        let region = Region::all(1000, 1200);
        units.take(unit, 1101);
        let next = |units: &Units, from| units.search(&[unit], &region, Parity::Any, Pick::From(from));
        assert_eq!(
            (next(&units, 1100), next(&units, 1101), next(&units, 1201)),
            (Some(1100), Some(1102), Some(1000))
        );
        for number in 1102..=1200 {
            units.take(unit, number);
        }
        assert_eq!(next(&units, 1101), Some(1000));
        (1000..1100).for_each(|number| assert!(units.take(unit, number)));
        assert_eq!(next(&units, 1101), Some(1100), "the lower part of the word it began in");
        units.take(unit, 1100);
        assert_eq!(next(&units, 1101), None);
    }

    #[test]
    fn twins_are_an_even_number_and_the_next() {
        let mut units = Units::default();
        let unit = units.make();
        let region = Region::all(63488, 63497);
        for number in [63489, 63490, 63495] {
            units.take(unit, number);
        }
        let mut found = BTreeSet::new();
        while let Some(even) = units.search(&[unit], &region, Parity::Twin, Pick::Random(7)) {
            assert!(units.take(unit, even) && units.take(unit, even + 1));
            found.insert(even);
        }
        assert_eq!(found, BTreeSet::from([63492, 63496]));
    }

    #[test]
    fn what_is_taken_in_any_unit_is_not_found() {
        let mut units = Units::default();
        let (a, b) = (units.make(), units.make());
        (0..=65535).filter(|n| n % 3 == 0).for_each(|n| assert!(units.take(a, n)));
        (0..=65535).filter(|n| n % 3 == 1).for_each(|n| assert!(units.take(b, n)));
        for dice in 0..500u64 {
            let dice = dice.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let found =
                units.search(&[a, b], &Region::all(0, 65535), Parity::Any, Pick::Random(dice)).unwrap();
            assert_eq!(found % 3, 2);
        }
        assert!(units.is_empty(a, 1, 2) && !units.is_empty(a, 1, 3));
    }

    #[test]
    fn a_unit_that_comes_back_is_empty() {
        let mut units = Units::default();
        let unit = units.make();
        (0..=65535).for_each(|n| assert!(units.take(unit, n)));
        assert!(!units.take(unit, 9) && units.free(unit, 9) && !units.free(unit, 9) && units.take(unit, 9));
        assert_eq!(units.search(&[unit], &Region::all(0, 65535), Parity::Any, Pick::Random(1)), None);
        units.give_back(unit);
        let again = units.make();
        assert_eq!(again, unit);
        assert_eq!(drain(&mut units, again, &Region::all(0, 65535), Parity::Any, true).len(), 65536);
    }
}
