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

/// The ring of one worker.
#[derive(Debug)]
pub(crate) struct Deltas {
    /// `None` until a reader comes.
    ring: Option<Vec<Change>>,
    /// The last number given; those before it are in the ring as far as it reaches.
    last: u64,
    /// The number before the first of the ring's life.
    base: u64,
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

impl Deltas {
    /// `epoch` is higher with every life of the worker.
    pub(crate) fn new(epoch: u32) -> Self {
        let base = u64::from(epoch & 0x00ff_ffff) << EPOCH_SHIFT;
        Self { ring: None, last: base, base }
    }

    fn push(&mut self, change: Change) {
        let Some(ring) = &mut self.ring else { return };
        let at = (self.last - self.base) as usize % RING;
        if ring.len() < RING {
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
}

impl State {
    /// Changes after `seen`, at most `max`. The first call makes the ring.
    pub fn deltas_after(&mut self, seen: u64, max: usize, now: Instant) -> DeltaPiece {
        let deltas = &mut self.deltas;
        deltas.ring.get_or_insert_with(|| Vec::with_capacity(RING));
        // A cursor from the future is of another plane: it has seen nothing of this one.
        let is_fresh = seen == 0 || seen > deltas.last;
        let from = if is_fresh { deltas.base } else { seen } + 1;
        let first = deltas.first();
        let lost = (from < first).then_some((from, first - 1));
        let start = from.max(first);
        let end = deltas.last.min(start + max as u64 - 1);
        let mut piece =
            DeltaPiece { lost, seen: end.max(start - 1), more: end < deltas.last, ..DeltaPiece::default() };
        for number in start..=end {
            let at = (number - 1 - self.deltas.base) as usize % RING;
            let Some(change) = self.deltas.ring.as_ref().and_then(|ring| ring.get(at)).copied() else {
                continue;
            };
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
