//! Spells of overload: when a worker came under pressure, when that ended, and what it cost.
//!
//! Place: the beginning of a step. State: the spell that a worker is in. Spec: overload-6.

use std::time::Duration;

use ravelin_contract::{Event, OverloadEvent, OverloadMoment};
use ravelin_types::{DropReason, Instant};

use crate::packet::{Ingress, Packet};
use crate::state::State;

/// A spell ends when no batch was pressed for so long: a ring that comes and goes is one spell, and so are several rings.
/// It is also the shortest that a spell can be, so that a worker tells of no more than one in this time.
const EASED_AFTER: Duration = Duration::from_secs(1);

/// The one that goes on.
#[derive(Debug)]
pub(crate) struct Spell {
    began: Instant,
    /// When a batch was pressed last.
    pressed: Instant,
    /// What the worker had shed before.
    shed_before: u64,
}

impl State {
    /// Takes note of a batch that is about to be judged, which may be empty.
    #[inline]
    pub(crate) fn note_batch(&mut self, packets: &[Packet<'_>], now: Instant) {
        self.overload.received(packets.len(), self.sessions_opened());
        let pressed = self.overload.is_pressed() && !packets.is_empty();
        match &mut self.spell {
            None if !pressed => {}
            Some(spell) if pressed => spell.pressed = now,
            None => self.begin_spell(&packets[0], now),
            Some(spell) if now.0 < spell.pressed.plus(EASED_AFTER).0 => {}
            Some(_) => self.end_spell(),
        }
    }

    #[cold]
    fn begin_spell(&mut self, first: &Packet<'_>, now: Instant) {
        let port = match first.ingress {
            Ingress::Port(port) if first.handed.is_none() => Some(port),
            Ingress::Port(_) | Ingress::Host(_) | Ingress::Peer(_) => None,
        };
        self.spell = Some(Spell { began: now, pressed: now, shed_before: self.shed() });
        self.tell_spell(OverloadMoment::Began { port });
    }

    #[cold]
    fn end_spell(&mut self) {
        let Some(Spell { began, pressed, shed_before }) = self.spell.take() else { return };
        // The counters may have been cleared meanwhile.
        let shed = self.shed().checked_sub(shed_before).unwrap_or(self.shed());
        let lasted_ms = (pressed.0 - began.0) / 1_000_000;
        self.tell_spell(OverloadMoment::Ended { shed, lasted_ms });
    }

    fn tell_spell(&mut self, moment: OverloadMoment) {
        self.events.push(Event::Overload(OverloadEvent { worker: self.worker, moment }));
    }

    fn shed(&self) -> u64 {
        self.counters.drops[DropReason::Overload.index()]
    }
}
