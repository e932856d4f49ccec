//! What operators look at while packets pass: drops as they happen, and the way of packets that a filter holds for.
//!
//! Junos: `monitor security packet-drop`, `monitor security flow`, `show security packet-drop records`. Place: around
//! examine and act of a batch while a trace of paths runs, and behind the verdict of a drop. A packet that is meant runs
//! the recorded instance of the path in its place in the batch, without the express path; the others run as ever. State:
//! everything is allocated by who arms a trace; a worker only fills it. Spec: explain-1..16.

mod head;
mod paths;
mod samples;
mod tape;

use ravelin_contract::{DropCause, PacketFilter, TraceId, TraceKind, TraceRequest};
use ravelin_types::{DropReason, Instant, ZoneId};

use crate::BATCH_MAX;
use crate::explain::Recorder;
use crate::packet::Packet;
use crate::rules::Snapshot;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;

pub use head::Head;
use paths::Paths;
pub(crate) use paths::batch;
use samples::Samples;
pub use samples::{SAMPLES_A_REASON, Sample};
pub use tape::{FACTS_MAX, Tape};

/// Packets of a trace of paths that wait at a worker to be read.
pub const PATHS_WAITING_MAX: usize = 128;
/// Drops of a trace that wait at a worker to be read.
pub const DROPS_WAITING_MAX: usize = 512;

/// What was noted of one packet.
#[derive(Clone, Debug)]
pub struct Noted {
    pub head: Head,
    pub verdict: Verdict,
    pub cause: Option<DropCause>,
    pub tape: Tape,
}

/// Room for what is noted between two readings: all of it is there from the start.
#[derive(Debug)]
pub struct Notes {
    places: Vec<Noted>,
    used: usize,
    /// Packets that came when there was no room.
    pub lost: u64,
}

impl Notes {
    /// Room for a trace of a kind.
    #[must_use]
    pub fn for_kind(kind: TraceKind) -> Self {
        let (places, facts) = match kind {
            TraceKind::Drops => (DROPS_WAITING_MAX, 0),
            TraceKind::Path | TraceKind::DropPath => (PATHS_WAITING_MAX, FACTS_MAX),
        };
        let noted = || Noted {
            head: Head::EMPTY,
            verdict: Verdict::Consume,
            cause: None,
            tape: Tape::with_room(facts),
        };
        Self { places: (0..places).map(|_| noted()).collect(), used: 0, lost: 0 }
    }

    /// What was noted, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Noted> {
        self.places[..self.used].iter()
    }

    fn is_full(&self) -> bool {
        self.used == self.places.len()
    }

    fn next(&mut self) -> Option<&mut Noted> {
        let place = self.places.get_mut(self.used)?;
        self.used += 1;
        Some(place)
    }
}

/// A trace at a worker.
#[derive(Debug)]
pub struct Armed {
    id: TraceId,
    kind: TraceKind,
    filters: Box<[PacketFilter]>,
    /// Packets it may still note; `None`: any number.
    left: Option<u64>,
    /// It ends when nobody has read it by then.
    until: Instant,
    /// It ends then whoever reads it.
    ends: Instant,
    notes: Notes,
}

impl Armed {
    /// A trace with all the room it will ever have. `until`: when it ends if it is not read before.
    #[must_use]
    pub fn new(id: TraceId, request: &TraceRequest, (ends, until): (Instant, Instant)) -> Self {
        Self {
            id,
            kind: request.kind,
            filters: request.filters.clone().into(),
            left: (request.packets > 0).then_some(request.packets),
            until,
            ends,
            notes: Notes::for_kind(request.kind),
        }
    }

    fn is_live(&self, now: Instant) -> bool {
        self.left != Some(0) && now < self.until && now < self.ends
    }

    /// Whether it wants to know of a packet, and of its end once that is known.
    fn means(&self, (head, zone): (&Head, Option<ZoneId>), verdict: Option<Verdict>) -> bool {
        let dropped = match verdict {
            None => None,
            Some(Verdict::Drop(reason)) => Some(reason),
            // Another worker judges it, and notes it.
            Some(Verdict::HandOver(_)) => return false,
            Some(Verdict::Send { .. } | Verdict::Consume) if self.kind != TraceKind::Path => return false,
            Some(Verdict::Send { .. } | Verdict::Consume) => None,
        };
        let key = head.key.as_ref().map(crate::FlowKey::to_session_key);
        let holds = |filter: &PacketFilter| {
            let end = verdict.is_none() || filter.reason.is_none() || filter.reason == dropped;
            end && filter.holds((head.unit, zone), key.as_ref())
        };
        self.filters.is_empty() || self.filters.iter().any(holds)
    }

    /// A place for what is to be noted, and one packet less to come.
    fn place(&mut self) -> Option<&mut Noted> {
        if self.notes.is_full() {
            self.notes.lost += 1;
            return None;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        self.notes.next()
    }
}

/// All that is watched at a worker.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Traces of drops.
    drops: Vec<Armed>,
    /// Traces of paths, away while a batch is under way.
    paths: Paths,
    samples: Samples,
    /// What the drop that is coming is the work of.
    cause: Option<DropCause>,
    /// The same of the last drop.
    last_cause: Option<DropCause>,
    /// The same of packets that were judged while their batch was examined, by place: their drops are told in their turn.
    early: Vec<(usize, DropCause)>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            drops: Vec::new(),
            paths: Paths::default(),
            samples: Samples::new(),
            cause: None,
            last_cause: None,
            early: Vec::with_capacity(BATCH_MAX),
        }
    }

    /// Whether packets are to be looked at before they are judged.
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.paths.is_on
    }

    /// The drop that follows is the work of this.
    #[inline]
    pub(crate) fn blame(&mut self, cause: DropCause) {
        self.cause = Some(cause);
    }

    /// A packet was judged ahead of its turn: whatever its drop is the work of is kept for its place in the batch.
    #[inline]
    pub(crate) fn keep_cause(&mut self, at: usize) {
        if let Some(cause) = self.cause.take() {
            self.early.push((at, cause));
        }
    }

    /// It is the turn of a packet that was judged before.
    #[inline]
    pub(crate) fn recall_cause(&mut self, at: usize) {
        let kept = self.early.iter().position(|(place, _)| *place == at);
        self.cause = kept.map(|kept| self.early.swap_remove(kept).1);
    }

    pub(crate) fn arm(&mut self, armed: Armed, tapes: Vec<Tape>) {
        match armed.kind {
            TraceKind::Drops => self.drops.push(armed),
            TraceKind::Path | TraceKind::DropPath => self.paths.arm(armed, tapes),
        }
    }

    pub(crate) fn disarm(&mut self, id: TraceId) {
        self.drops.retain(|armed| armed.id != id);
        self.paths.disarm(id);
    }

    fn find(&mut self, id: TraceId) -> Option<&mut Armed> {
        self.drops.iter_mut().chain(&mut self.paths.armed).find(|armed| armed.id == id)
    }

    /// What was noted against empty room; whether anything can follow. `None`: no such trace here.
    pub(crate) fn read(
        &mut self,
        id: TraceId,
        fresh: Notes,
        times: (Instant, Instant),
    ) -> Option<(Notes, bool)> {
        let (now, until) = times;
        let armed = self.find(id)?;
        let live = armed.is_live(now);
        if live {
            armed.until = until;
        }
        Some((std::mem::replace(&mut armed.notes, fresh), live))
    }

    pub(crate) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter()
    }

    pub(crate) fn clear_samples(&mut self) {
        self.samples.clear();
    }
}

/// Notes a drop: as a sample of its reason, and for who watches drops. A flood finds its reason's share of the second
/// used up and costs a comparison. `flow`: what was known of it when it was whole.
#[cold]
#[inline(never)]
pub(crate) fn dropped<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: Option<&Flow>,
    reason: DropReason,
) {
    let (world, now) = (turn.world, turn.now);
    let watch = &mut turn.state.watch;
    let cause = watch.cause.take();
    watch.last_cause = cause;
    let sampled = watch.samples.admits(reason, now);
    if !sampled && watch.drops.is_empty() {
        return;
    }
    let wanted = watch.drops.iter_mut().any(|armed| armed.is_live(now));
    if !sampled && !wanted {
        return;
    }
    let head = Head::of(world, packet, now, flow);
    if sampled {
        watch.samples.put(Sample { head, reason, cause });
    }
    let zone = zone_of(world, &head);
    for armed in watch.drops.iter_mut().filter(|armed| armed.is_live(now)) {
        let verdict = Verdict::Drop(reason);
        if armed.means((&head, zone), Some(verdict))
            && let Some(place) = armed.place()
        {
            (place.head, place.verdict, place.cause) = (head, verdict, cause);
        }
    }
}

/// Where a packet comes from: what the kernel sends comes from the host's zone.
fn zone_of(world: &Snapshot, head: &Head) -> Option<ZoneId> {
    if head.from_host {
        return Some(ZoneId::HOST);
    }
    world.rules.unit(head.unit?)?.zone
}

impl crate::State {
    /// Begins to note packets. `tapes`: one for every place of a batch, when it is a trace of paths.
    pub fn arm(&mut self, armed: Armed, tapes: Vec<Tape>) {
        self.watch.arm(armed, tapes);
    }

    /// Ends a trace, and with it what was not read.
    pub fn disarm(&mut self, id: TraceId) {
        self.watch.disarm(id);
    }

    /// Takes what a trace has noted against empty room, which keeps it from ending unread before `until`; whether anything
    /// can follow. `None`: there is no such trace.
    pub fn read_trace(
        &mut self,
        id: TraceId,
        fresh: Notes,
        times: (Instant, Instant),
    ) -> Option<(Notes, bool)> {
        self.watch.read(id, fresh, times)
    }

    /// The last drops of every reason, in no order.
    pub fn drop_samples(&self) -> impl Iterator<Item = &Sample> {
        self.watch.samples()
    }

    pub fn clear_drop_samples(&mut self) {
        self.watch.clear_samples();
    }
}
