//! Entries by the names of their conditions: an index beside the rows.
//!
//! An entry's name is its conditions of all dimensions but the source port. Where few conditions hold at a tuple's points,
//! the names that an entry which holds can have are few too, and each is looked up: first whether entries have its two
//! addresses, by a sign of each, then in a filter small enough for the nearest caches, which tells nearly all that no entry has,
//! then in a table whose buckets are cache lines. Where a lookup would have to try more than [`NAMES_MAX`] names, it is left to
//! the rows, which bound what it costs.

mod table;

use ravelin_mem::{Shelf, Shelved, meeting_lanes, prefetch};
use ravelin_types::ZoneId;

use crate::conditions::Cover;
use crate::draft::Entry;
use crate::held::{COUNT, HELD_MAX, Held, HeldAddresses, HeldLine, seek_both};
use crate::plane::DIMENSIONS;
use crate::rule::Tuple;
use crate::service::{Ranges, Scale};
use crate::sweep::Dimension;
use crate::view::Ranking;
use table::{Bucket, RUN, bucket_of, hash, is_in, table};

/// Names that a lookup tries.
pub(crate) const NAMES_MAX: usize = 64;
/// Names that are tried without a look at the signs of their addresses.
const UNSIGNED_MAX: usize = 4;
/// From-conditions times to-conditions.
const ZONES_MAX: usize = 1 << 16;
/// Pairs of zones whose contexts are written out, and contexts of such a pair.
const PAIRS_MAX: usize = 1 << 14;
const OF_PAIR: usize = 3;
/// Bits of a context's number.
const CONTEXT: u32 = 16;
/// No context.
const NONE: u32 = u32::MAX;
/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Named {
    zones: [Option<HeldLine<u32>>; 2],
    addresses: [Option<HeldAddresses>; 2],
    service: Option<HeldLine<u32>>,
    /// The number of a pair of from- and to-condition that entries have.
    contexts: Box<[u32]>,
    /// To-conditions.
    to_count: usize,
    /// The contexts of each pair of zones, packed: how many, and each; one more than [`OF_PAIR`] says that they are not.
    pairs: Box<[u64]>,
    /// Zones that are told apart, and one for all others.
    zones_told: usize,
    signs: [Signs; 2],
    filter: Shelved<u64>,
    buckets: Shelved<Bucket>,
    /// Entries of names that have several, by word: the last of a run is marked.
    runs: Shelved<Part>,
}

/// By condition of an address, which conditions of the other address entries have beside it, as bits by [`sign`].
#[derive(Debug)]
struct Signs {
    signs: Shelved<u16>,
    /// Where the condition is in a name.
    shift: u32,
}

/// Entries of one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub word: u32,
    pub last: bool,
    pub bits: u64,
}

/// A name that entries may have, what its bucket follows from, and the place of the tuple that asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Name {
    name: u64,
    hash: u32,
    pub at: u32,
}

/// Names that may have entries.
pub(crate) struct Found<const N: usize> {
    names: [Name; N],
    count: usize,
}

impl<const N: usize> Found<N> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { names: [Name::default(); N], count: 0 }
    }

    #[inline]
    pub(crate) fn names(&self) -> &[Name] {
        &self.names[..self.count]
    }
}

/// What has a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entries<'n> {
    One(u32),
    Run(&'n [Part]),
}

/// Where a tuple is: the leaves of its addresses and its service, and the service's point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    addresses: [usize; 2],
    service: usize,
    point: u32,
}

/// What the lines of a plane are made from.
pub(crate) struct Parts<'d> {
    pub entries: &'d [Entry],
    pub ranking: &'d dyn Fn(&Entry) -> Ranking,
    pub dimensions: &'d [Option<Dimension>; DIMENSIONS],
    pub zones: &'d [Ranges; 2],
    pub covers: [&'d [Cover<'d>]; 2],
    pub services: &'d Ranges,
    pub scale: &'d Scale,
}

impl Named {
    /// `None`: the conditions are such that it would help too few lookups, or cost too much.
    pub(crate) fn build(parts: &Parts<'_>) -> Option<Self> {
        let Parts { entries, ranking, dimensions, zones, covers, services, scale } = parts;
        // A dimension that no entry cares about is in no name.
        let count = |at: usize| dimensions[at].as_ref().map_or(1, |d| d.conditions.len());
        let of = |entry: &Entry, at: usize| {
            if dimensions[at].is_some() { entry.conditions[at] as usize } else { 0 }
        };
        let to_count = count(1);
        if count(0) * to_count > ZONES_MAX {
            return None;
        }
        let mut contexts = vec![NONE; count(0) * to_count];
        let mut next = 0;
        for entry in *entries {
            let context = &mut contexts[of(entry, 0) * to_count + of(entry, 1)];
            if *context == NONE {
                (*context, next) = (next, next + 1);
            }
        }
        let mut shifts = [0; 3];
        let mut shift = bits(next as usize);
        for (own, at) in shifts.iter_mut().zip([2, 3, 4]) {
            *own = shift;
            shift += bits(count(at));
        }
        if shift >= u64::BITS {
            return None;
        }
        let line = |at: usize, ranges: &Ranges, last: u32, shift: u32| match &dimensions[at] {
            None => Some(None),
            Some(d) => {
                HeldLine::build(d, ranges.sets.iter().map(|set| &**set), (0, last, shift), 2).map(Some)
            }
        };
        let addresses = |at: usize| match &dimensions[2 + at] {
            None => Some(None),
            Some(d) => HeldAddresses::build(d, covers[at], shifts[at]).map(Some),
        };
        let port = u32::from(u16::MAX);
        let lines = [line(0, &zones[0], port, 0)?, line(1, &zones[1], port, 0)?];
        let addresses = [addresses(0)?, addresses(1)?];
        let service = line(4, services, scale.last(), shifts[2])?;
        let name = |entry: &Entry| {
            let context = contexts[of(entry, 0) * to_count + of(entry, 1)];
            let rest = shifts.iter().zip(2..).map(|(shift, at)| (of(entry, at) as u64) << shift);
            rest.fold(u64::from(context), |name, part| name | part)
        };
        let names = entries.iter().map(|entry| (name(entry), ranking(entry)));
        let (filter, buckets, runs) = table(names)?;
        let signs = Signs::both([count(2), count(3)], [shifts[0], shifts[1]], entries, of);
        let (zones_told, contexts) = (told_apart(zones), contexts.into());
        let mut out = Self {
            zones: lines,
            addresses,
            service,
            contexts,
            to_count,
            pairs: Box::default(),
            zones_told,
            signs,
            filter: (&*filter).into(),
            buckets: (&*buckets).into(),
            runs: (&*runs).into(),
        };
        out.write_pairs();
        out.gather();
        Some(out)
    }

    /// Writes the contexts of each pair of zones out, unless there are too many.
    fn write_pairs(&mut self) {
        let told = self.zones_told;
        if self.has_zones() && told * told <= PAIRS_MAX {
            let pairs = (0..told).flat_map(|from| (0..told).map(move |to| (from, to)));
            self.pairs = pairs.map(|pair| self.packed(pair)).collect();
        }
    }

    /// What lookups read goes into one place.
    fn gather(&mut self) {
        let Self { addresses, service, signs, filter, buckets, runs, .. } = self;
        let lines = addresses.iter().flatten().map(HeldAddresses::room);
        let mut room = lines.sum::<usize>() + service.as_ref().map_or(0, HeldLine::room);
        room += signs.iter().map(|signs| Shelf::room_of(&signs.signs)).sum::<usize>();
        room += Shelf::room_of(filter) + Shelf::room_of(buckets) + Shelf::room_of(runs);
        let shelf = &mut Shelf::new(room);
        addresses.iter_mut().flatten().for_each(|line| line.move_to(shelf));
        service.iter_mut().for_each(|line| line.move_to(shelf));
        signs.iter_mut().for_each(|signs| signs.signs.move_to(shelf));
        filter.move_to(shelf);
        buckets.move_to(shelf);
        runs.move_to(shelf);
    }

    /// The contexts of a pair of zones as in [`Named::pairs`].
    fn packed(&self, (from, to): (usize, usize)) -> u64 {
        let mut held = Held::ONE;
        let zone = |zone: usize| ZoneId(zone as u16);
        let is_known = self.contexts_of((zone(from), zone(to)), &mut held).is_some();
        if !is_known || held.count() > OF_PAIR {
            return OF_PAIR as u64 + 1;
        }
        let contexts = held.parts().iter().rev().fold(0, |all, context| all << CONTEXT | context);
        contexts << COUNT | held.count() as u64
    }

    /// Where a tuple is, which comes close meanwhile.
    #[inline]
    pub(crate) fn seek(&self, tuple: &Tuple, scale: &Scale) -> Ends {
        let at = [(tuple.family, tuple.src), (tuple.dst_family, tuple.dst)];
        let addresses = match self.addresses.each_ref().map(Option::as_ref) {
            [Some(src), Some(dst)] => seek_both([src, dst], at),
            [src, dst] => [(src, at[0]), (dst, at[1])]
                .map(|(line, (family, addr))| line.map_or(0, |line| line.seek(family, addr))),
        };
        let point = scale.point(tuple);
        let service = self.service.as_ref().map_or(0, |line| line.seek(point));
        Ends { addresses, service, point }
    }

    /// [`Named::seek`] of several tuples, a level at a time.
    pub(crate) fn seek_all<const N: usize>(&self, tuples: &[Tuple], scale: &Scale, ends: &mut [Ends; N]) {
        let [src, dst] = &self.addresses;
        if let Some(line) = src {
            let leaves: [usize; N] = line.seek_all(tuples, |tuple| (tuple.family, tuple.src));
            ends.iter_mut().zip(leaves).for_each(|(end, leaf)| end.addresses[0] = leaf);
        }
        if let Some(line) = dst {
            let leaves: [usize; N] = line.seek_all(tuples, |tuple| (tuple.dst_family, tuple.dst));
            ends.iter_mut().zip(leaves).for_each(|(end, leaf)| end.addresses[1] = leaf);
        }
        let mut points = [0; N];
        for ((point, end), tuple) in points.iter_mut().zip(ends.iter_mut()).zip(tuples) {
            *point = scale.point(tuple);
            end.point = *point;
        }
        if let Some(line) = &self.service {
            let leaves: [usize; N] = line.seek_all(&points[..tuples.len()]);
            ends.iter_mut().zip(leaves).for_each(|(end, leaf)| end.service = leaf);
        }
    }

    /// Adds the names that entries which hold may have to those found: all but a few in a hundred are names of entries.
    /// `flush` is asked to make room. `None`, before any is added: there are too many to try.
    #[inline]
    pub(crate) fn names<const N: usize>(
        &self,
        tuple: &Tuple,
        (at, ends): (u32, Ends),
        found: &mut Found<N>,
        mut flush: impl FnMut(&Found<N>),
    ) -> Option<()> {
        let (mut contexts, mut services) = (Held::ONE, Held::ONE);
        let (mut sources, mut destinations) = (Held::ONE, Held::ONE);
        if let Some(line) = &self.service {
            line.held(ends.service, ends.point, &mut services)?;
        }
        if self.has_zones() {
            self.contexts_at((tuple.from, tuple.to), &mut contexts)?;
        }
        let [src, dst] = &self.addresses;
        if let Some(line) = src {
            line.held(ends.addresses[0], (tuple.family, tuple.src), &mut sources)?;
        }
        if let Some(line) = dst {
            line.held(ends.addresses[1], (tuple.dst_family, tuple.dst), &mut destinations)?;
        }
        let halves = contexts.count() * services.count();
        // A few names are tried at once: a sign is one more place to wait for.
        let mut pairs = match halves * sources.count() * destinations.count() {
            0..=UNSIGNED_MAX => all_pairs(sources.count(), destinations.count()),
            _ => self.meeting(&sources, &destinations),
        };
        if halves * pairs.count_ones() as usize > NAMES_MAX {
            return None;
        }
        while pairs != 0 {
            let (source, destination) = (pairs.trailing_zeros() / 8, pairs.trailing_zeros() % 8);
            pairs &= pairs - 1;
            let pair = sources.part(source as usize) | destinations.part(destination as usize);
            for context in contexts.parts() {
                for service in services.parts() {
                    self.try_name(pair | context | service, at, found, &mut flush);
                }
            }
        }
        Some(())
    }

    /// The pairs of addresses that entries may have, as bits: those of the first source lowest.
    #[inline]
    fn meeting(&self, sources: &Held, destinations: &Held) -> u64 {
        const { assert!(HELD_MAX == 8, "eight bits a source") };
        let [mut words, mut bits] = [[0; HELD_MAX]; 2];
        for ((word, bit), part) in words.iter_mut().zip(&mut bits).zip(destinations.parts()) {
            (*word, *bit) = self.signs[1].of(*part);
        }
        let sources = sources.parts().iter().rev();
        sources.fold(0, |all, source| {
            all << 8 | u64::from(meeting_lanes((&words, &bits), self.signs[0].of(*source)))
        })
    }

    /// Adds a name to those found, unless no entry has it.
    #[inline]
    fn try_name<const N: usize>(
        &self,
        name: u64,
        at: u32,
        found: &mut Found<N>,
        flush: &mut impl FnMut(&Found<N>),
    ) {
        let hash = hash(name);
        if is_in(&self.filter, hash) {
            if found.count == N {
                flush(found);
                found.count = 0;
            }
            prefetch(&self.buckets[self.home(hash as u32)]);
            found.names[found.count] = Name { name, hash: hash as u32, at };
            found.count += 1;
        }
    }

    /// The bucket of a name.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        bucket_of(hash, self.buckets.len())
    }

    #[inline]
    fn has_zones(&self) -> bool {
        self.zones.iter().any(Option::is_some)
    }

    /// The pairs of zone conditions that hold, of most pairs of zones written out.
    #[inline]
    fn contexts_at(&self, zones: (ZoneId, ZoneId), held: &mut Held) -> Option<()> {
        let told = |zone: ZoneId| usize::from(zone.0).min(self.zones_told - 1);
        let list = self.pairs.get(told(zones.0) * self.zones_told + told(zones.1));
        let count = list.map_or(usize::MAX, |list| (list & ((1 << COUNT) - 1)) as usize);
        if count > OF_PAIR {
            return self.contexts_of(zones, held);
        }
        let list = list? >> COUNT;
        held.set([0, 1, 2].map(|at: u32| list >> (at * CONTEXT) & ((1 << CONTEXT) - 1)), count);
        Some(())
    }

    /// The pairs of zone conditions that hold.
    fn contexts_of(&self, (from_zone, to_zone): (ZoneId, ZoneId), held: &mut Held) -> Option<()> {
        let [from_line, to_line] = &self.zones;
        let [mut from, mut to] = [Held::ONE; 2];
        of_zone(from_line.as_ref(), from_zone, &mut from)?;
        of_zone(to_line.as_ref(), to_zone, &mut to)?;
        held.clear();
        for from in from.parts() {
            for to in to.parts() {
                let context = self.contexts[*from as usize * self.to_count + *to as usize];
                if context != NONE && !held.push(u64::from(context)) {
                    return None;
                }
            }
        }
        Some(())
    }

    /// What has a name, and the ranking of the first; `None` when no entry does.
    #[inline(always)]
    pub(crate) fn entries(&self, name: Name) -> Option<(Ranking, Entries<'_>)> {
        let home = self.home(name.hash);
        let mut bucket = &self.buckets[home];
        let mut slot = bucket.slot(name.name);
        for further in 1..=bucket.further as usize {
            if slot.is_none() {
                bucket = &self.buckets[(home + further) % self.buckets.len()];
                slot = bucket.slot(name.name);
            }
        }
        let slot = slot?;
        let entry = bucket.entries[slot];
        let entries = match entry & RUN {
            0 => Entries::One(entry),
            _ => Entries::Run(&self.runs[(entry & !RUN) as usize..]),
        };
        Some((bucket.rankings[slot], entries))
    }

    pub(crate) fn bytes(&self) -> usize {
        let lines = self.zones.iter().chain([&self.service]).flatten().map(HeldLine::bytes);
        let addresses = self.addresses.iter().flatten().map(HeldAddresses::bytes);
        lines.sum::<usize>()
            + addresses.sum::<usize>()
            + size_of_val(&*self.contexts)
            + size_of_val(&*self.pairs)
            + self.signs.iter().map(|signs| size_of_val(&*signs.signs)).sum::<usize>()
            + size_of_val(&*self.filter)
            + size_of_val(&*self.buckets)
            + size_of_val(&*self.runs)
    }
}

impl Signs {
    /// Of as many conditions of each address, by where they are in names; `of`: the condition of an entry in a dimension.
    fn both(
        counts: [usize; 2],
        shifts: [u32; 2],
        entries: &[Entry],
        of: impl Fn(&Entry, usize) -> usize,
    ) -> [Self; 2] {
        let mut both = counts.map(|count| vec![0; count]);
        for entry in entries {
            let [source, destination] = [of(entry, 2), of(entry, 3)];
            both[0][source] |= sign(destination);
            both[1][destination] |= sign(source);
        }
        let [sources, destinations] = both.each_ref().map(|signs| (&**signs).into());
        [Self { signs: sources, shift: shifts[0] }, Self { signs: destinations, shift: shifts[1] }]
    }

    /// The sign of the condition that is a part of a name, and its bit in signs of the other address.
    #[inline]
    fn of(&self, part: u64) -> (u16, u16) {
        let condition = (part >> self.shift) as usize;
        (self.signs[condition], sign(condition))
    }
}

/// As [`Named::meeting`] tells them, when all meet.
#[inline]
fn all_pairs(sources: usize, destinations: usize) -> u64 {
    let of_one = (1 << destinations) - 1;
    (0..sources).fold(0, |all, _| all << 8 | of_one)
}

/// The bit of a condition in signs of the other address.
#[inline]
fn sign(condition: usize) -> u16 {
    1 << (condition % u16::BITS as usize)
}

#[inline]
fn of_zone(line: Option<&HeldLine<u32>>, zone: ZoneId, held: &mut Held) -> Option<()> {
    let Some(line) = line else { return Some(()) };
    let at = u32::from(zone.0);
    line.held(line.seek(at), at, held)
}

/// Zones up to the last that a condition names, and one for all others.
fn told_apart(zones: &[Ranges; 2]) -> usize {
    let ranges = zones.iter().flat_map(|ranges| &ranges.sets).flat_map(|set| set.iter());
    let named = ranges.map(|(first, last)| if *last == u32::from(u16::MAX) { *first } else { last + 1 });
    named.max().unwrap_or(0) as usize + 1
}

/// Bits that numbers below `count` take.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}
