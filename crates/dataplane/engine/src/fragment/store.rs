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
    live: usize,
    released: Vec<Released>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![None; SLOTS].into_boxed_slice(),
            buffers: vec![[0; HEADROOM + HELD_LEN_MAX]; SLOTS].into_boxed_slice(),
            live: 0,
            // A packet of a batch releases one datagram at most.
            released: Vec::with_capacity(crate::BATCH_MAX),
        }
    }

    /// Takes a copy and gives its place. `None`: no room.
    pub(super) fn put(&mut self, packet: &Packet<'_>, marks: Marks, until: Instant) -> Option<u16> {
        let bytes = packet.bytes();
        if self.live == self.slots.len() || bytes.len() > HELD_LEN_MAX {
            return None;
        }
        let at = self.slots.iter().position(Option::is_none)?;
        self.buffers[at][HEADROOM..HEADROOM + bytes.len()].copy_from_slice(bytes);
        self.slots[at] = Some(Held {
            ingress: packet.ingress,
            checksum: packet.checksum,
            hops: packet.handed.map_or(0, |h| h.hops),
            marks,
            len: bytes.len() as u16,
            until,
        });
        self.live += 1;
        Some(at as u16)
    }

    /// Bytes of a buffer; those in use, and all.
    pub(super) fn buffers(&self) -> (usize, (usize, usize)) {
        (HELD_LEN_MAX, (self.live, self.slots.len()))
    }

    pub(super) fn free(&mut self, place: u16) {
        if self.slots[usize::from(place)].take().is_some() {
            self.live -= 1;
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
        if self.live == 0 {
            return;
        }
        for slot in &mut self.slots {
            if slot.is_some_and(|held| held.until <= now) {
                *slot = None;
                self.live -= 1;
                lost();
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
                self.live -= 1;
                let len = usize::from(held.len);
                let mut packet =
                    Packet::new(&mut self.buffers[at], HEADROOM, len, held.ingress, held.checksum);
                take(&mut packet, &held, transport);
            }
        }
    }
}
