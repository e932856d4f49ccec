//! One of several workers: packets that another handed it, and stubs of what others have.

use ravelin_engine::{FlowKey, Handed, Message, Stage};
use ravelin_types::{InstanceId, WorkerId};
use ravelin_wire::{Fragment, parse};

use super::{Frame, Pair};

pub(crate) const OTHER: WorkerId = WorkerId(1);

/// What the owner of the tuple gets that another worker found not to be its own.
pub(crate) fn handed() -> Handed {
    let (ports, marks, entered) = (None, Default::default(), None);
    Handed { from: OTHER, stage: Stage::Tuple, hops: 1, ports, marks, entered }
}

impl Pair {
    /// How many workers the plane of a run has.
    pub(crate) const fn workers(seed: u64) -> u8 {
        if seed.is_multiple_of(3) { 2 } else { 1 }
    }

    /// The other worker says now and then that packets of some key are its own, or are no more.
    pub(crate) fn gossip(&mut self) {
        if self.workers == 1 || self.draw(3) != 0 {
            return;
        }
        let at = self.draw(self.pool.len());
        let Some(mut key) = key_of(&self.pool[at]) else { return };
        // What a gateway expects may come from any port.
        if self.draw(3) == 0 {
            key = FlowKey::new(key.family(), key.proto(), (key.src(), 0), (key.dst(), key.dport()));
        }
        let owner = OTHER;
        let message = match self.draw(2) {
            0 => Message::Stub { key, owner },
            _ => Message::Unstub { key, owner },
        };
        for engine in [&mut self.short, &mut self.whole, &mut self.watched] {
            engine.state.receive(message);
        }
    }

    /// Whether a frame comes from the other worker: whole ones do, some of them.
    pub(crate) fn is_handed(&mut self, frame: &Frame) -> bool {
        let network = parse(&frame.bytes).ok().and_then(|parsed| parsed.network);
        let is_whole = network.is_some_and(|network| network.fragment == Fragment::Whole);
        self.workers > 1 && is_whole && self.draw(4) == 0
    }
}

fn key_of(frame: &Frame) -> Option<FlowKey> {
    let network = parse(&frame.bytes).ok()?.network?;
    (network.fragment == Fragment::Whole).then(|| FlowKey::of(&network, None, InstanceId::DEFAULT))
}
