//! Buffers for fragments that wait for the first of their datagram.
//!
//! State: a fixed number of buffers, and a list of those whose first has come in this step. Spec: session-19..21.

use ravelin_filter::Marks;
use ravelin_translate::HELD_MAX;
use ravelin_types::Instant;
use ravelin_wire::VLAN_LEN;

use crate::output::ANSWER_LEN_MAX;
use crate::packet::{Checksum, Ingress, Packet, Transport};

/// Fragments held at a time; more are dropped and counted.
const SLOTS: usize = 256;
/// Room in front, for a longer link header.
const HEADROOM: usize = 64;
/// Bytes of the longest frame held: it has to fit what the engine sends on its own account, with a tag.
const HELD_LEN_MAX: usize = ANSWER_LEN_MAX - VLAN_LEN;

/// A fragment as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub ingress: Ingress,
    pub checksum: Checksum,
    pub hops: u8,
    pub marks: Marks,
    len: u16,
    until: Instant,
}

/// Fragments that are to be judged, and by what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Released {
    pub transport: Transport,
    places: [u16; HELD_MAX],
    count: u8,
}

/// The buffers. The default has none: it stands in while they are lent.
#[derive(Debug, Default)]
pub(crate) struct Store {
    slots: Box<[Option<Held>]>,
    buffers: Box<[[u8; HEADROOM + HELD_LEN_MAX]]>,
    /// Places without a fragment.
    free: Vec<u16>,
    /// Nothing has waited in vain before.
    soonest: Instant,
    released: Vec<Released>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![None; SLOTS].into_boxed_slice(),
            buffers: vec![[0; HEADROOM + HELD_LEN_MAX]; SLOTS].into_boxed_slice(),
            free: (0..SLOTS as u16).rev().collect(),
            soonest: Instant(u64::MAX),
            // A packet of a batch releases one datagram at most.
            released: Vec::with_capacity(crate::BATCH_MAX),
        }
    }

    /// Takes a copy and gives its place. `None`: no room.
    pub(super) fn put(&mut self, packet: &Packet<'_>, marks: Marks, until: Instant) -> Option<u16> {
        let bytes = packet.bytes();
        if bytes.len() > HELD_LEN_MAX {
            return None;
        }
        let place = self.free.pop()?;
        let at = usize::from(place);
        self.soonest = self.soonest.min(until);
        self.buffers[at][HEADROOM..HEADROOM + bytes.len()].copy_from_slice(bytes);
        self.slots[at] = Some(Held {
            ingress: packet.ingress,
            checksum: packet.checksum,
            hops: packet.handed.map_or(0, |h| h.hops),
            marks,
            len: bytes.len() as u16,
            until,
        });
        Some(place)
    }

    /// Bytes of a buffer; those in use, and all.
    pub(super) fn buffers(&self) -> (usize, (usize, usize)) {
        (HELD_LEN_MAX, (self.slots.len() - self.free.len(), self.slots.len()))
    }

    pub(super) fn free(&mut self, place: u16) {
        if self.slots[usize::from(place)].take().is_some() {
            self.free.push(place);
        }
    }

    /// Notes fragments whose first has come.
    pub(super) fn release(&mut self, places: &[u16], transport: Transport) {
        if places.is_empty() {
            return;
        }
        let mut released = Released { transport, places: [0; HELD_MAX], count: places.len() as u8 };
        released.places[..places.len()].copy_from_slice(places);
        self.released.push(released);
        for place in places {
            // They leave in this step: nothing else may end them.
            if let Some(held) = &mut self.slots[usize::from(*place)] {
                held.until = Instant(u64::MAX);
            }
        }
    }

    pub(super) fn expire(&mut self, now: Instant, mut lost: impl FnMut()) {
        if now < self.soonest {
            return;
        }
        let Self { slots, free, soonest, .. } = self;
        *soonest = Instant(u64::MAX);
        for (slot, place) in slots.iter_mut().zip(0..) {
            match slot {
                Some(held) if held.until <= now => {
                    *slot = None;
                    free.push(place);
                    lost();
                }
                Some(held) => *soonest = held.until.min(*soonest),
                None => {}
            }
        }
    }

    pub(crate) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Takes every released fragment out, in order, as a packet in a buffer of its own.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&mut Packet<'_>, &Held, Transport)) {
        for Released { transport, places, count } in self.released.drain(..) {
            for place in &places[..usize::from(count)] {
                let at = usize::from(*place);
                let Some(held) = self.slots[at].take() else { continue };
                self.free.push(*place);
                let len = usize::from(held.len);
                let mut packet =
                    Packet::new(&mut self.buffers[at], HEADROOM, len, held.ingress, held.checksum);
                take(&mut packet, &held, transport);
            }
        }
    }
}
