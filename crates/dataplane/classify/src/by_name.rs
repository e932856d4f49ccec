//! Lookups by the names of entries, for the tuples at which few conditions hold.

use crate::line::Line;
use crate::named::{Ends, Entries, Found, Name, Named};
use crate::plane::{BATCH, Bounds, Plane};
use crate::rows::WORD;
use crate::rule::Tuple;
use crate::view::{Ranking, View};

/// Names that are looked up together.
const TOGETHER: usize = 64;
/// The same of a tuple alone.
const ALONE: usize = 8;

/// What is looked up, and where.
#[derive(Clone, Copy)]
struct Asked<'p> {
    named: &'p Named,
    tuples: &'p [Tuple],
    view: &'p View,
    floor: u32,
}

impl Plane {
    /// [`Plane::first`] by names; `None` when that is for the rows to say.
    #[inline]
    pub(crate) fn first_named(
        &self,
        tuple: &Tuple,
        view: &View,
        bounds: Bounds,
        holds: &impl Fn(u32) -> bool,
    ) -> Option<Ranking> {
        let named = self.named.as_ref()?;
        let (mut found, mut best) = (Found::<ALONE>::new(), [bounds.best]);
        let asked = Asked { named, tuples: std::slice::from_ref(tuple), view, floor: bounds.floor };
        let holds = |_, rule| holds(rule);
        let ends = named.seek(tuple, &self.scale);
        named.names(tuple, (0, ends), &mut found, |found| {
            self.settle_names(asked, found.names(), &mut best, &holds);
        })?;
        self.settle_names(asked, found.names(), &mut best, &holds);
        Some(best[0])
    }

    /// [`Plane::first_of`] by names: the tuples, by bit, that are for the rows to answer.
    pub(crate) fn first_of_named(
        &self,
        tuples: &[Tuple],
        view: &View,
        best: &mut [Ranking; BATCH],
        holds: &impl Fn(usize, u32) -> bool,
    ) -> u32 {
        let Some(named) = &self.named else { return u32::MAX };
        let mut ends = [Ends::default(); BATCH];
        named.seek_all(tuples, &self.scale, &mut ends);
        let asked = Asked { named, tuples, view, floor: 0 };
        let (mut found, mut left) = (Found::<TOGETHER>::new(), 0);
        for (at, (tuple, ends)) in (0..).zip(tuples.iter().zip(ends)) {
            let named = named.names(tuple, (at, ends), &mut found, |found| {
                self.settle_names(asked, found.names(), best, holds);
            });
            left |= u32::from(named.is_none()) << at;
        }
        self.settle_names(asked, found.names(), best, holds);
        left
    }

    /// Lowers the best of each tuple by the entries that have one of its names.
    #[inline]
    fn settle_names(
        &self,
        asked: Asked<'_>,
        found: &[Name],
        best: &mut [Ranking],
        holds: &impl Fn(usize, u32) -> bool,
    ) {
        let Asked { named, tuples, view, floor } = asked;
        for name in found {
            let Some((ranking, entries)) = named.entries(*name) else { continue };
            let at = name.at as usize;
            if ranking.order >= best[at].order {
                continue;
            }
            let holds = |rule| holds(at, rule);
            match entries {
                Entries::One(entry) => {
                    let (word, bit) = (entry as usize / WORD, entry % WORD as u32);
                    let here = view.has(entry)
                        && ranking.order >= floor
                        && self.at_port(&tuples[at], word as u32) >> bit & 1 == 1;
                    if here && self.is_settled(entry as usize, &holds) {
                        best[at] = ranking;
                    }
                }
                Entries::Run(parts) => {
                    for part in parts {
                        let word = part.word as usize;
                        if view.first(word) < best[at].order {
                            let bits =
                                part.bits & view.live(word, floor) & self.at_port(&tuples[at], part.word);
                            best[at] = self.settle(view, word, bits, best[at], &holds);
                        }
                        if part.last {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// The entries of a word that hold at the source port, which is in no name.
    #[inline(always)]
    fn at_port(&self, tuple: &Tuple, word: u32) -> u64 {
        match &self.source_port {
            None => u64::MAX,
            Some(line) => self.at_port_of(line, tuple, word),
        }
    }

    #[inline(never)]
    fn at_port_of(&self, line: &Line<u32>, tuple: &Tuple, word: u32) -> u64 {
        let (row, reader) = (line.row(u32::from(tuple.sport)), self.rows.reader());
        let (block, nth) = reader.block_of(word);
        reader.bits::<true>(row, reader.place(row.base, block), nth, word)
    }
}

#[cfg(test)]
mod tests;
