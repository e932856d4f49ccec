//! Changes of sessions for a reader, numbered.
//!
//! Place: beside the table; told by install, by the fast path when a session goes on to another state, and by the one deletion.
//! State: a ring of places, made when a reader comes first; without one nothing is kept. Spec: sync-8..11.

use ravelin_contract::{CloseReason, SessionDelta, SessionView};
use ravelin_types::{Instant, SessionId};

use crate::session::Life;
use crate::state::State;

/// Changes kept for a reader that is behind.
const RING: usize = 8192;
/// Numbers of one life of a worker.
const EPOCH_SHIFT: u32 = 40;

/// What changed. Of a session that lives on, where it is to be found.
#[derive(Clone, Copy, Debug)]
enum Change {
    Open(u32, SessionId),
    Update(u32, SessionId),
    Close(SessionView, CloseReason),
}

/// The ring of one worker, of so many places.
#[derive(Debug)]
pub(crate) struct Deltas<const PLACES: usize = RING> {
    /// `None` until a reader comes.
    ring: Option<Vec<Change>>,
    /// The last number given; those before it are in the ring as far as it reaches.
    last: u64,
    /// The number before the first of the ring's life.
    base: u64,
}

/// What a reader is given, by numbers: none, when `end` is before `start`.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    /// First and last of those that are gone.
    lost: Option<(u64, u64)>,
    start: u64,
    end: u64,
    more: bool,
}

/// What a worker has for a reader.
#[derive(Debug, Default)]
pub struct DeltaPiece {
    pub deltas: Vec<(u64, SessionDelta)>,
    /// First and last of the numbers that are gone.
    pub lost: Option<(u64, u64)>,
    /// The last number looked at.
    pub seen: u64,
    pub more: bool,
}

impl<const PLACES: usize> Deltas<PLACES> {
    /// `epoch` is higher with every life of the worker.
    pub(crate) fn new(epoch: u32) -> Self {
        let base = u64::from(epoch & 0x00ff_ffff) << EPOCH_SHIFT;
        Self { ring: None, last: base, base }
    }

    fn push(&mut self, change: Change) {
        let Some(ring) = &mut self.ring else { return };
        let at = (self.last - self.base) as usize % PLACES;
        if ring.len() < PLACES {
            ring.push(change);
        } else {
            ring[at] = change;
        }
        self.last += 1;
    }

    pub(crate) fn opened(&mut self, slot: u32, id: SessionId) {
        self.push(Change::Open(slot, id));
    }

    /// Called on the packet path: costs a test of one word while nobody reads.
    #[inline]
    pub(crate) fn changed(&mut self, (slot, id): (u32, SessionId), before: Life, after: Life) {
        if self.ring.is_some() && before != after {
            self.push(Change::Update(slot, id));
        }
    }

    pub(crate) fn closed(&mut self, view: impl FnOnce() -> SessionView, reason: CloseReason) {
        if self.ring.is_some() {
            self.push(Change::Close(view(), reason));
        }
    }

    /// The first number that is still in the ring, or would be the next.
    fn first(&self) -> u64 {
        let kept = self.ring.as_ref().map_or(0, Vec::len) as u64;
        self.last + 1 - kept
    }

    /// What there is after `seen`, at most `max`. The first call makes the ring.
    fn span(&mut self, seen: u64, max: usize) -> Span {
        self.ring.get_or_insert_with(|| Vec::with_capacity(PLACES));
        // A cursor from the future is of another plane: it has seen nothing of this one.
        let is_fresh = seen == 0 || seen > self.last;
        let from = if is_fresh { self.base } else { seen } + 1;
        let first = self.first();
        let start = from.max(first);
        let end = self.last.min(start + max as u64 - 1);
        Span { lost: (from < first).then_some((from, first - 1)), start, end, more: end < self.last }
    }

    fn at(&self, number: u64) -> Option<Change> {
        let at = (number - 1 - self.base) as usize % PLACES;
        self.ring.as_ref()?.get(at).copied()
    }
}

impl State {
    /// Changes after `seen`, at most `max`. The first call makes the ring.
    pub fn deltas_after(&mut self, seen: u64, max: usize, now: Instant) -> DeltaPiece {
        let Span { lost, start, end, more } = self.deltas.span(seen, max);
        let mut piece = DeltaPiece { lost, seen: end, more, ..DeltaPiece::default() };
        for number in start..=end {
            let Some(change) = self.deltas.at(number) else { continue };
            let delta = match change {
                Change::Open(slot, id) => self.synced_if(slot, id, now).map(SessionDelta::Open),
                Change::Update(slot, id) => self.synced_if(slot, id, now).map(SessionDelta::Update),
                Change::Close(view, reason) => Some(SessionDelta::Close(view, reason)),
            };
            piece.deltas.extend(delta.map(|delta| (number, delta)));
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: usize = 3;
    type Small = Deltas<PLACES>;

    /// The change that is pushed as the nth.
    fn push(ring: &mut Small, n: u64) {
        ring.opened(n as u32, SessionId(n));
    }

    /// Number and what it is, in the order they are given.
    fn read(ring: &mut Small, seen: u64, max: usize) -> (Span, Vec<(u64, u32)>) {
        let span = ring.span(seen, max);
        let told = (span.start..=span.end).map(|number| match ring.at(number) {
            Some(Change::Open(slot, _)) => (number, slot),
            other => panic!("{number}: {other:?}"),
        });
        let told = told.collect();
        (span, told)
    }

    /// Every length, every cursor and every size of a piece against a list that forgets nothing.
    #[test]
    fn what_a_reader_is_given_is_what_a_list_without_end_would_give() {
        let mut looked = 0;
        for (epoch, before, after) in
            [0u32, 1, 7].iter().flat_map(|e| (0..4u64).flat_map(move |b| (0..12u64).map(move |a| (*e, b, a))))
        {
            let mut ring = Small::new(epoch);
            let base = ring.base;
            // What comes before the first reader has no number.
            (0..before).for_each(|n| push(&mut ring, 100 + n));
            ring.span(0, 0);
            (1..=after).for_each(|n| push(&mut ring, n));
            let last = base + after;
            let cursors = [0, 1, base / 2, u64::MAX].into_iter().chain(base..=last + 2);
            for (seen, max) in cursors.flat_map(|seen| (0..=5usize).map(move |max| (seen, max))) {
                let from = if seen == 0 || seen > last { base + 1 } else { seen + 1 };
                let all: Vec<u64> = (base + 1..=last).collect();
                let kept = &all[all.len().saturating_sub(PLACES)..];
                let oldest = kept.first().copied().unwrap_or(last + 1);
                let wanted: Vec<u64> = kept.iter().copied().filter(|number| *number >= from).collect();
                let given: Vec<_> = wanted.iter().take(max).map(|n| (*n, (n - base) as u32)).collect();
                let lost = (from < oldest).then(|| (from, oldest - 1));
                let (span, told) = read(&mut ring, seen, max);
                assert_eq!(told, given, "epoch {epoch}, {after} after {before}, seen {seen}, at most {max}");
                assert_eq!((span.lost, span.more), (lost, wanted.len() > given.len()));
                looked += 1;
            }
        }
        assert!(looked > 8000, "{looked}");
    }

    /// Every order in which changes come and a reader asks: each number is given or told to be lost, once, in order.
    #[test]
    fn whatever_the_order_a_reader_misses_nothing_that_it_is_not_told() {
        const STEPS: u32 = 12;
        for max in 1..=3 {
            for order in 0..1u32 << STEPS {
                let mut ring = Small::new(1);
                ring.span(0, 0);
                let (mut pushed, mut seen, mut next) = (0, 0, ring.base + 1);
                for step in 0..STEPS {
                    if order >> step & 1 == 0 {
                        pushed += 1;
                        push(&mut ring, pushed);
                        continue;
                    }
                    let (span, told) = read(&mut ring, seen, max);
                    if let Some((first, last)) = span.lost {
                        assert_eq!(first, next, "order {order:b}");
                        next = last + 1;
                    }
                    for (number, what) in told {
                        assert_eq!((number, u64::from(what)), (next, next - ring.base), "order {order:b}");
                        next += 1;
                    }
                    assert_eq!(span.more, next <= ring.last, "order {order:b}");
                    seen = span.end;
                }
            }
        }
    }
}
