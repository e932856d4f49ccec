//! One classifier over at most [`ENTRIES_MAX`] entries: lines, rows, and their intersection.
//!
//! An entry is a rule, or the part of one for a source port range: a product of one condition a dimension. A lookup
//! finds the row of the tuple in each dimension and intersects them from the top: blocks, words, bits. Entries with the same
//! conditions lie together, which keeps the rows small and their intersection short; within a word they lie in the
//! order of rank, and no word is read twice: that bounds a lookup whatever the tuple.

use ravelin_types::{Addr, Family};

use crate::build::Build;
use crate::conditions::{Breadth, Effort};
use crate::draft::{Draft, Entry};
use crate::entries::Entries;
use crate::line::{AddressLine, Line};
use crate::named::{Named, Parts};
use crate::order::of_base;
use crate::range::Point;
use crate::reader::{Reader, Row};
use crate::rows::{EMPTY, ENTRIES_MAX, Rows, WORD};
use crate::rule::{Rule, Tuple};
use crate::service::Scale;
use crate::view::{Ranking, View};

/// From-zone, to-zone, source, destination, service, source port.
pub(crate) const DIMENSIONS: usize = 6;
/// Tuples whose rows are looked for together.
pub(crate) const BATCH: usize = 16;
/// Blocks that the tuples of a batch ask for together.
const VISITS: usize = 4 * BATCH;
/// Blocks that a tuple alone asks for together.
const AHEAD: usize = 4;

/// A compiled list of rules.
#[derive(Debug)]
pub(crate) struct Plane {
    pub rows: Rows,
    zones: [Option<Line<u32>>; 2],
    addresses: [Option<AddressLine>; 2],
    service: Option<Line<u32>>,
    pub source_port: Option<Line<u32>>,
    pub scale: Scale,
    pub named: Option<Named>,
    /// The layer's rule of each entry.
    rules: Box<[u32]>,
    pub by_rule: Entries,
    /// Entries whose rule is asked again, by word.
    loose: Box<[u64]>,
}

/// The rows of a tuple; a dimension that every entry is indifferent to has none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Roots {
    rows: [Row; DIMENSIONS],
    count: usize,
}

/// A block of the rows of a tuple, and where it is in each.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    block: u32,
    places: [u32; DIMENSIONS],
}

/// What to look for: the lowest order not below `floor` and below `best`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub floor: u32,
    pub best: Ranking,
}

impl Plane {
    /// Compiles the rules `first..` of a layer.
    pub(crate) fn build(rules: &[Rule], first: usize, effort: Effort) -> Self {
        let mut draft = Draft::new(rules, first, effort);
        debug_assert!(draft.entries.len() <= ENTRIES_MAX);
        let mut conditions = draft.conditions();
        draft.order(&mut conditions);
        let rows = Rows::new(draft.entries.len());
        let mut build = Build::new(rows, draft.entries, effort.rows);
        let [from, to, source, destination, mut service, source_port] = conditions;
        let zones = [build.line(0, from, &draft.zones[0]), build.line(1, to, &draft.zones[1])];
        let addresses = [
            build.addresses(2, source, &draft.addresses[0].sets),
            build.addresses(3, destination, &draft.addresses[1].sets),
        ];
        // One dimension at least: entries that are indifferent to all are possible everywhere, not nowhere.
        let bare = zones.iter().all(Option::is_none) && addresses.iter().all(Option::is_none);
        for condition in service.iter_mut().filter(|c| bare && c.breadth == Breadth::Any) {
            condition.breadth = Breadth::Wide;
        }
        let service = build.line(4, service, &draft.services.services);
        let source_port = build.line(5, source_port, &draft.services.sources);
        let Build { mut rows, entries, dimensions, .. } = build;
        rows.finish();
        let ranking = |entry: &Entry| {
            let key = rules[entry.rule as usize - first].key;
            Ranking { order: of_base(entry.rule), key }
        };
        let named = (entries.len() >= effort.named).then(|| {
            Named::build(&Parts {
                entries: &entries,
                ranking: &ranking,
                dimensions: &dimensions,
                zones: &draft.zones,
                covers: draft.addresses.each_ref().map(|addresses| &*addresses.sets),
                services: &draft.services.services,
                scale: &draft.services.scale,
            })
        });
        let loose = entries.chunks(WORD).map(|word| {
            word.iter().enumerate().fold(0, |all, (at, entry)| all | u64::from(entry.loose) << at)
        });
        let of_entries: Box<[u32]> = entries.iter().map(|entry| entry.rule).collect();
        Self {
            loose: loose.collect(),
            by_rule: Entries::new(&of_entries, rules.len(), first),
            rows,
            zones,
            addresses,
            service,
            source_port,
            scale: draft.services.scale,
            named: named.flatten(),
            rules: of_entries,
        }
    }

    /// The layer's rule of each entry.
    pub(crate) fn rules(&self) -> &[u32] {
        &self.rules
    }

    pub(crate) const fn span(&self) -> usize {
        self.rows.span()
    }

    /// The rows of a tuple, cheap dimensions first, and the blocks that all have. `None`: there is none, whatever the
    /// dimensions that were not asked any more say.
    #[inline]
    fn roots<const LISTS: bool>(&self, reader: Reader<'_>, tuple: &Tuple, roots: &mut Roots) -> Option<u64> {
        let mut blocks = u64::MAX;
        let mut push = |row: Row| {
            roots.push(row);
            blocks &= reader.blocks::<LISTS>(row);
            (blocks != 0).then_some(())
        };
        let [from, to] = &self.zones;
        let points =
            [u32::from(tuple.from.0), u32::from(tuple.to.0), self.scale.point(tuple), tuple.sport.into()];
        for (line, at) in [from, to, &self.service, &self.source_port].into_iter().zip(points) {
            if let Some(line) = line {
                push(line.row(at))?;
            }
        }
        // What memory is slow to give of the one is asked for before the other is looked at.
        let ends = [(tuple.family, tuple.src), (tuple.dst_family, tuple.dst)];
        let [src, dst] = [0, 1].map(|at: usize| self.addresses[at].as_ref().map(|line| (line, ends[at])));
        let seek = |(line, (family, addr)): (&AddressLine, _)| line.seek(family, addr);
        let sought = [src.map(seek), dst.map(seek)];
        let row = |((line, (family, addr)), sought): ((&AddressLine, (Family, Addr)), _)| {
            let row = line.row_of(sought, family, addr);
            reader.prefetch(row.base);
            row
        };
        let rows = [src.zip(sought[0]).map(row), dst.zip(sought[1]).map(row)];
        for row in rows.into_iter().flatten() {
            push(row)?;
        }
        Some(blocks)
    }

    /// The rows of up to [`BATCH`] tuples: line by line and level by level, so that what memory is slow to give is
    /// asked for by all of them at once.
    fn roots_of(&self, tuples: &[Tuple], roots: &mut [Roots; BATCH]) {
        type OfZone = fn(&Tuple) -> u32;
        let (from, to): (OfZone, OfZone) = (|t| u32::from(t.from.0), |t| u32::from(t.to.0));
        type OfAddress = fn(&Tuple) -> (Family, Addr);
        let (src, dst): (OfAddress, OfAddress) = (|t| (t.family, t.src), |t| (t.dst_family, t.dst));
        for (line, of) in self.zones.iter().zip([from, to]) {
            rows_of(line.as_ref(), tuples, roots, of);
        }
        for (line, of) in self.addresses.iter().zip([src, dst]) {
            let Some(line) = line else { continue };
            if tuples.iter().all(|tuple| of(tuple).0 == Family::V4) {
                rows_of(Some(&line.v4), tuples, roots, |tuple| of(tuple).1.low32());
            } else if tuples.iter().all(|tuple| of(tuple).0 == Family::V6) {
                rows_of(Some(&line.v6), tuples, roots, |tuple| of(tuple).1.0);
            } else {
                for (tuple, roots) in tuples.iter().zip(roots.iter_mut()) {
                    let (family, addr) = of(tuple);
                    roots.push(line.row(family, addr));
                }
            }
        }
        rows_of(self.service.as_ref(), tuples, roots, |tuple| self.scale.point(tuple));
        rows_of(self.source_port.as_ref(), tuples, roots, |tuple| u32::from(tuple.sport));
    }

    /// Blocks that all rows have.
    #[inline]
    fn top<const LISTS: bool>(reader: Reader<'_>, roots: &Roots) -> u64 {
        roots.each().fold(u64::MAX, |mask, row| mask & reader.blocks::<LISTS>(row))
    }

    /// The lowest order within the bounds among the entries of all rows, or `bounds.best`. `holds` is asked of the
    /// rule of an entry that the rows do not settle.
    #[inline]
    pub(crate) fn first(
        &self,
        tuple: &Tuple,
        view: &View,
        bounds: Bounds,
        holds: impl Fn(u32) -> bool,
    ) -> Ranking {
        if let Some(best) = self.first_named(tuple, view, bounds, &holds) {
            best
        } else if self.rows.has_lists() {
            self.first_in::<true>(tuple, view, bounds, &holds)
        } else {
            self.first_in::<false>(tuple, view, bounds, &holds)
        }
    }

    #[inline]
    fn first_in<const LISTS: bool>(
        &self,
        tuple: &Tuple,
        view: &View,
        bounds: Bounds,
        holds: &impl Fn(u32) -> bool,
    ) -> Ranking {
        let Bounds { floor, mut best } = bounds;
        let reader = self.rows.reader();
        let mut roots = Roots::default();
        let Some(mut blocks) = self.roots::<LISTS>(reader, tuple, &mut roots) else { return best };
        let mut visits = [Visit::default(); AHEAD];
        while blocks != 0 {
            let mut count = 0;
            while blocks != 0 && count < AHEAD {
                let block = blocks.trailing_zeros();
                blocks &= blocks - 1;
                if view.block_first(block) < best.order {
                    visits[count] = Visit::of(reader, &roots, block);
                    count += 1;
                }
            }
            for visit in &visits[..count] {
                if view.block_first(visit.block) < best.order {
                    let words = visit.words::<LISTS>(reader, &roots);
                    let bounds = Bounds { floor, best };
                    best = self.within::<LISTS>(reader, (&roots, visit, words), view, bounds, holds);
                }
            }
        }
        best
    }

    /// [`Plane::first`] from the first rule for those of up to [`BATCH`] tuples whose bits are in `left`, `holds` with the tuple's
    /// place. What a lookup waits for memory with is done for all tuples before the next step is for any.
    pub(crate) fn first_of(
        &self,
        tuples: &[Tuple],
        left: u32,
        view: &View,
        best: &mut [Ranking; BATCH],
        holds: &impl Fn(usize, u32) -> bool,
    ) {
        let all = left.trailing_ones() as usize >= tuples.len();
        if all {
            let mut roots = [Roots::default(); BATCH];
            self.roots_of(tuples, &mut roots);
            return self.first_of_roots(&roots[..tuples.len()], view, best, holds);
        }
        let Some(first) = tuples.first().filter(|_| left != 0) else { return };
        let (mut some, mut places, mut count) = ([*first; BATCH], [0; BATCH], 0);
        for (at, tuple) in tuples.iter().enumerate().filter(|(at, _)| left >> at & 1 == 1) {
            (some[count], places[count]) = (*tuple, at);
            count += 1;
        }
        let (mut roots, mut found) = ([Roots::default(); BATCH], [Ranking::NONE; BATCH]);
        self.roots_of(&some[..count], &mut roots);
        for (found, at) in found.iter_mut().zip(&places[..count]) {
            *found = best[*at];
        }
        self.first_of_roots(&roots[..count], view, &mut found, &|at, rule| holds(places[at], rule));
        for (found, at) in found.iter().zip(&places[..count]) {
            best[*at] = *found;
        }
    }

    fn first_of_roots(
        &self,
        roots: &[Roots],
        view: &View,
        best: &mut [Ranking; BATCH],
        holds: &impl Fn(usize, u32) -> bool,
    ) {
        if self.rows.has_lists() {
            self.first_of_in::<true>(roots, view, best, holds);
        } else {
            self.first_of_in::<false>(roots, view, best, holds);
        }
    }

    #[inline]
    fn first_of_in<const LISTS: bool>(
        &self,
        roots: &[Roots],
        view: &View,
        best: &mut [Ranking; BATCH],
        holds: &impl Fn(usize, u32) -> bool,
    ) {
        let reader = self.rows.reader();
        let mut tops = [0; BATCH];
        for (top, roots) in tops.iter_mut().zip(roots) {
            *top = Self::top::<LISTS>(reader, roots);
        }
        let mut visits = [(0, Visit::default()); VISITS];
        let mut words = [0; VISITS];
        loop {
            let mut count = 0;
            for (at, roots) in roots.iter().enumerate() {
                while tops[at] != 0 && count < VISITS {
                    visits[count] = (at, Visit::of(reader, roots, tops[at].trailing_zeros()));
                    tops[at] &= tops[at] - 1;
                    count += 1;
                }
            }
            if count == 0 {
                return;
            }
            for (words, (at, visit)) in words.iter_mut().zip(&visits[..count]) {
                *words = visit.words::<LISTS>(reader, &roots[*at]);
            }
            for (words, (at, visit)) in words.iter().zip(&visits[..count]) {
                let (at, bounds) = (*at, Bounds { floor: 0, best: best[*at] });
                if view.block_first(visit.block) < bounds.best.order {
                    let found = (&roots[at], visit, *words);
                    best[at] = self.within::<LISTS>(reader, found, view, bounds, &|rule| holds(at, rule));
                }
            }
        }
    }

    /// The lowest order within the bounds among the entries of one block, or `bounds.best`: a visit of some roots, and the words
    /// that all have.
    #[inline]
    fn within<const LISTS: bool>(
        &self,
        reader: Reader<'_>,
        (roots, visit, mut words): (&Roots, &Visit, u64),
        view: &View,
        bounds: Bounds,
        holds: &impl Fn(u32) -> bool,
    ) -> Ranking {
        let Bounds { floor, mut best } = bounds;
        while words != 0 {
            let word = words.trailing_zeros();
            words &= words - 1;
            let at = reader.word_of(visit.block, word);
            if view.first(at as usize) >= best.order {
                continue;
            }
            let mut bits = view.live(at as usize, floor);
            for (place, row) in visit.places.into_iter().zip(roots.each()) {
                bits &= reader.bits::<LISTS>(row, place, word, at);
            }
            if bits != 0 {
                best = self.settle(view, at as usize, bits, best, holds);
            }
        }
        best
    }

    /// The ranking of the first bit whose rule holds, if it is below `best`.
    #[inline]
    pub(crate) fn settle(
        &self,
        view: &View,
        word: usize,
        mut bits: u64,
        best: Ranking,
        holds: &impl Fn(u32) -> bool,
    ) -> Ranking {
        while bits != 0 {
            let bit = bits.trailing_zeros();
            let at = word * WORD + bit as usize;
            let found = view.ranking(at);
            if found.order >= best.order {
                break;
            }
            if self.is_settled(at, holds) {
                return found;
            }
            bits &= bits - 1;
        }
        best
    }

    /// Whether the rule of an entry that every dimension has holds.
    #[inline]
    pub(crate) fn is_settled(&self, entry: usize, holds: &impl Fn(u32) -> bool) -> bool {
        self.loose[entry / WORD] >> (entry % WORD) & 1 == 0 || holds(self.rules[entry])
    }

    pub(crate) fn bytes(&self) -> usize {
        let lines = self.zones.iter().chain([&self.service, &self.source_port]).flatten();
        let addresses = self.addresses.iter().flatten().map(|line| line.bytes());
        size_of::<Self>()
            + self.rows.bytes()
            + lines.map(Line::bytes).sum::<usize>()
            + addresses.sum::<usize>()
            + size_of_val(&*self.rules)
            + size_of_val(&*self.loose)
            + self.named.as_ref().map_or(0, Named::bytes)
            + self.by_rule.bytes()
    }
}

impl Roots {
    #[inline]
    fn push(&mut self, row: Row) {
        self.rows[self.count] = row;
        self.count += 1;
    }

    #[inline]
    fn each(&self) -> impl Iterator<Item = Row> {
        self.rows[..self.count].iter().copied()
    }
}

impl Visit {
    /// Where a block is in all rows, which comes close meanwhile.
    #[inline]
    fn of(reader: Reader<'_>, roots: &Roots, block: u32) -> Self {
        let mut visit = Self { block, places: [EMPTY; DIMENSIONS] };
        for (place, row) in visit.places.iter_mut().zip(roots.each()) {
            *place = reader.place(row.base, block);
            reader.prefetch(*place);
        }
        visit
    }

    /// Which words of the block all rows have.
    #[inline]
    fn words<const LISTS: bool>(&self, reader: Reader<'_>, roots: &Roots) -> u64 {
        let places = self.places.into_iter().zip(roots.each());
        places.fold(u64::MAX, |words, (place, row)| words & reader.words::<LISTS>(row, self.block, place))
    }
}

/// Adds the rows of one line.
fn rows_of<K: Point>(
    line: Option<&Line<K>>,
    tuples: &[Tuple],
    roots: &mut [Roots; BATCH],
    of: impl Fn(&Tuple) -> K,
) {
    let Some(line) = line else { return };
    let (mut points, mut rows) = ([K::default(); BATCH], [Row::default(); BATCH]);
    for (point, tuple) in points.iter_mut().zip(tuples) {
        *point = of(tuple);
    }
    line.rows(&points[..tuples.len()], &mut rows);
    for (roots, row) in roots.iter_mut().zip(&rows[..tuples.len()]) {
        roots.push(*row);
    }
}
