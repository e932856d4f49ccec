//! Batches while a trace of paths runs.

use ravelin_contract::TraceId;
use ravelin_types::{Instant, ZoneId};

use super::{Armed, Head, Tape, zone_of};
use crate::BATCH_MAX;
use crate::batch::{act, examine, hint};
use crate::explain::Recorder;
use crate::express::Express;
use crate::outline;
use crate::packet::Packet;
use crate::rules::Snapshot;
use crate::step::{Slot, Turn};
use crate::verdict::Verdict;

/// Traces of paths, and a tape for every place of a batch.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// One of them may still note something.
    pub(super) is_on: bool,
    pub(super) armed: Vec<Armed>,
    tapes: Vec<Tape>,
    /// By place in the batch: the packet as it came, and the traces that it is meant by.
    meant: Vec<Meant>,
}

#[derive(Clone, Copy, Debug)]
struct Meant {
    head: Head,
    zone: Option<ZoneId>,
    /// A bit a trace.
    by: u64,
}

impl Paths {
    pub(super) fn arm(&mut self, armed: Armed, tapes: Vec<Tape>) {
        if self.tapes.len() < BATCH_MAX {
            self.tapes = tapes;
            self.meant = Vec::with_capacity(BATCH_MAX);
        }
        self.armed.push(armed);
        self.is_on = true;
    }

    pub(super) fn disarm(&mut self, id: TraceId) {
        self.armed.retain(|armed| armed.id != id);
        if self.armed.is_empty() {
            *self = Self::default();
        }
    }

    /// Forgets the last batch, and that it is on when nothing can be noted any more.
    fn begin(&mut self, now: Instant) {
        self.meant.clear();
        self.is_on = self.armed.iter().any(|armed| armed.is_live(now));
    }

    /// Whether a packet is meant by any trace with room for it.
    fn means(&mut self, world: &Snapshot, packet: &Packet<'_>, now: Instant) -> bool {
        let head = Head::of(world, packet, now, None);
        let zone = zone_of(world, &head);
        let mut by = 0;
        for (at, armed) in self.armed.iter_mut().enumerate() {
            if !armed.is_live(now) || !armed.means((&head, zone), None) {
                continue;
            }
            // Without room it goes the ordinary way, at its ordinary cost.
            if armed.notes.is_full() {
                armed.notes.lost += 1;
            } else {
                by |= 1 << at;
            }
        }
        self.meant.push(Meant { head, zone, by });
        by != 0
    }

    /// Notes how a packet ended, for those that want to know of such an end.
    fn note(&mut self, at: usize, verdict: Verdict, cause: Option<ravelin_contract::DropCause>) {
        let Meant { head, zone, by } = self.meant[at];
        let tape = &self.tapes[at];
        for (bit, armed) in self.armed.iter_mut().enumerate() {
            if by & 1 << bit == 0 || armed.left == Some(0) || !armed.means((&head, zone), Some(verdict)) {
                continue;
            }
            let Some(place) = armed.place() else { continue };
            (place.head, place.verdict, place.cause) = (head, verdict, cause);
            place.tape.copy_from(tape);
        }
    }
}

/// The same turn with a tape that listens.
fn listening<'t, R>(turn: &'t mut Turn<'_, R>, tape: &'t mut Tape) -> Turn<'t, Tape> {
    Turn {
        world: turn.world,
        state: &mut *turn.state,
        shared: turn.shared,
        now: turn.now,
        ticks: turn.ticks,
        rec: tape,
        out: &mut *turn.out,
    }
}

/// Examines and acts on a batch, every packet in its place, some of them on tape.
#[cold]
#[inline(never)]
pub(crate) fn batch<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &mut [Packet<'_>],
    (flows, shorts): (&mut Vec<Slot>, &mut [Express]),
) {
    let mut paths = std::mem::take(&mut turn.state.watch.paths);
    paths.begin(turn.now);
    for (at, (packet, short)) in packets.iter().zip(shorts.iter_mut()).enumerate() {
        match paths.means(turn.world, packet, turn.now) {
            false => examine(turn, (packets, packet), (&mut *flows, short)),
            true => {
                paths.tapes[at].clear();
                // Of a fragment that waits this tape tells nothing.
                outline::settle(turn, packets, flows);
                let mut listening = listening(turn, &mut paths.tapes[at]);
                examine(&mut listening, (packets, packet), (&mut *flows, short));
            }
        }
    }
    outline::settle(turn, packets, flows);
    hint(turn, flows, shorts);
    for (at, ((packet, slot), short)) in packets.iter_mut().zip(&*flows).zip(&*shorts).enumerate() {
        if paths.meant[at].by == 0 {
            act(turn, packet, slot, short);
            continue;
        }
        act(&mut listening(turn, &mut paths.tapes[at]), packet, slot, short);
        if let Some(verdict) = turn.out.verdicts.last().copied() {
            let dropped = matches!(verdict, Verdict::Drop(_));
            paths.note(at, verdict, turn.state.watch.last_cause.filter(|_| dropped));
        }
        paths.tapes[at].facts().iter().for_each(|fact| turn.rec.fact(*fact));
    }
    turn.state.watch.paths = paths;
}
