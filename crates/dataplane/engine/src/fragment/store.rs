//! Buffers for fragments that wait for the first of their datagram, or for all of it.
//!
//! Those of a datagram that passes whole are a chain, in the order of their places in it. State: a fixed number of buffers, more of them
//! where datagrams pass whole, and a list of those that are released in this step. Spec: session-19..21, fragment-22..26.

use ravelin_filter::Marks;
use ravelin_translate::HELD_MAX;
use ravelin_types::{DropReason, Instant};
use ravelin_wire::VLAN_LEN;

use crate::output::ANSWER_LEN_MAX;
use crate::packet::{Checksum, Ingress, Packet, Transport};

/// Fragments held at a time; more are dropped and counted.
const SLOTS: usize = 256;
/// The same where datagrams pass whole: 22 of the greatest length, over an Ethernet link.
const SLOTS_OF_WHOLE: usize = 1024;
/// No place.
const NONE: u16 = u16::MAX;
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
    /// Of one that waits for all of its datagram: where it lies there.
    offset: Option<u16>,
    /// The place of the piece behind it, or none.
    next: u16,
}

impl Held {
    /// What it dies of when it has waited in vain.
    const fn in_vain(&self) -> DropReason {
        match self.offset {
            None => DropReason::FragmentNoFirst,
            Some(_) => DropReason::FragmentIncomplete,
        }
    }
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

    /// Makes room for datagrams that pass whole. What waits stays where it is.
    pub(super) fn admit_whole(&mut self) {
        let before = self.slots.len();
        if before >= SLOTS_OF_WHOLE {
            return;
        }
        let mut slots = std::mem::take(&mut self.slots).into_vec();
        slots.resize(SLOTS_OF_WHOLE, None);
        // Pages that nothing waits in stay untouched.
        let mut buffers = vec![[0; HEADROOM + HELD_LEN_MAX]; SLOTS_OF_WHOLE].into_boxed_slice();
        for (at, _) in slots.iter().enumerate().filter(|(_, slot)| slot.is_some()) {
            buffers[at] = self.buffers[at];
        }
        (self.slots, self.buffers) = (slots.into_boxed_slice(), buffers);
        self.free.splice(0..0, (before as u16..SLOTS_OF_WHOLE as u16).rev());
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
            offset: None,
            next: NONE,
        });
        Some(place)
    }

    /// Bytes of a buffer; those in use, and all.
    pub(super) fn buffers(&self) -> (usize, (usize, usize)) {
        (HELD_LEN_MAX, (self.slots.len() - self.free.len(), self.slots.len()))
    }

    /// Frees a place, and those of a chain behind it. `lost` is told what each dies of that has waited in vain.
    pub(super) fn free(&mut self, mut place: u16, mut lost: impl FnMut(DropReason)) {
        while place != NONE {
            let Some(held) = self.slots[usize::from(place)].take() else { return };
            self.free.push(place);
            lost(held.in_vain());
            place = held.next;
        }
    }

    /// Puts what is at `place`, and lies at `offset`, into the chain that begins at `first`, and gives its beginning.
    pub(super) fn link(&mut self, first: Option<u16>, place: u16, offset: u16) -> u16 {
        let mut before = NONE;
        let mut behind = first.unwrap_or(NONE);
        while let Some(held) = self.held(behind)
            && held.offset < Some(offset)
        {
            (before, behind) = (behind, held.next);
        }
        if let Some(held) = self.held_mut(place) {
            (held.offset, held.next) = (Some(offset), behind);
        }
        match self.held_mut(before) {
            None => place,
            Some(held) => {
                held.next = place;
                first.unwrap_or(place)
            }
        }
    }

    fn held(&self, place: u16) -> Option<&Held> {
        self.slots.get(usize::from(place))?.as_ref()
    }

    fn held_mut(&mut self, place: u16) -> Option<&mut Held> {
        self.slots.get_mut(usize::from(place))?.as_mut()
    }

    /// Notes fragments whose first has come, or the first of a chain that is whole.
    pub(super) fn release(&mut self, places: &[u16], transport: Transport) {
        if places.is_empty() {
            return;
        }
        let mut released = Released { transport, places: [0; HELD_MAX], count: places.len() as u8 };
        released.places[..places.len()].copy_from_slice(places);
        self.released.push(released);
        for place in places {
            let mut place = *place;
            // They leave in this step: nothing else may end them.
            while let Some(held) = self.held_mut(place) {
                held.until = Instant(u64::MAX);
                place = held.next;
            }
        }
    }

    pub(super) fn expire(&mut self, now: Instant, mut lost: impl FnMut(DropReason)) {
        if now < self.soonest {
            return;
        }
        let Self { slots, free, soonest, .. } = self;
        *soonest = Instant(u64::MAX);
        for (slot, place) in slots.iter_mut().zip(0..) {
            match slot {
                Some(held) if held.until <= now => {
                    lost(held.in_vain());
                    *slot = None;
                    free.push(place);
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
                let mut place = *place;
                while let Some(held) = self.slots.get_mut(usize::from(place)).and_then(Option::take) {
                    self.free.push(place);
                    let (at, len) = (usize::from(place), usize::from(held.len));
                    let mut packet =
                        Packet::new(&mut self.buffers[at], HEADROOM, len, held.ingress, held.checksum);
                    take(&mut packet, &held, transport);
                    place = held.next;
                }
            }
        }
    }
}
