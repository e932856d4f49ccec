//! Packets that wait for their next hop's Ethernet address.
//!
//! State: a fixed number of buffers. A packet is copied in, ready but for its destination MAC, and
//! leaves when the neighbour is known, when the kernel gives up, or when its time is over. Spec: flow-23.

use ravelin_types::{Addr, Family, Instant, InterfaceId, PortId};
use ravelin_wire::rewrite::Partial;

use crate::output::ANSWER_LEN_MAX;
use crate::traffic::Counted;

/// Packets held at a time; more are dropped and counted.
const SLOTS: usize = 256;
/// Packets held for one neighbour.
const PER_NEIGHBOUR: usize = 16;
/// How long a packet waits when nothing is said.
const LIFE_MS: u64 = 3000;
const NS_OF_MS: u64 = 1_000_000;

/// Where a held packet wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub unit: InterfaceId,
    pub port: PortId,
    pub family: Family,
    pub next_hop: Addr,
    pub partial: Option<Partial>,
    pub came_by: Option<InterfaceId>,
    /// Bytes of the link header that it stands behind.
    pub link_len: u8,
    /// Its policy counts it when it leaves.
    pub counted: Option<Counted>,
}

#[derive(Debug)]
struct Held {
    waiting: Waiting,
    until: Instant,
    len: usize,
}

#[derive(Debug)]
pub(crate) struct Hold {
    slots: Box<[Option<Held>]>,
    buffers: Box<[[u8; ANSWER_LEN_MAX]]>,
    live: usize,
    life_ns: u64,
}

/// What has become of a held packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    Wait,
    Send(T),
    GiveUp,
}

impl Hold {
    pub(crate) fn new() -> Self {
        let buffers = vec![[0; ANSWER_LEN_MAX]; SLOTS].into_boxed_slice();
        Self { slots: (0..SLOTS).map(|_| None).collect(), buffers, live: 0, life_ns: LIFE_MS * NS_OF_MS }
    }

    /// How long packets wait that are taken from now on.
    pub(crate) fn adopt(&mut self, life_ms: Option<u16>) {
        self.life_ns = life_ms.map_or(LIFE_MS, u64::from) * NS_OF_MS;
    }

    /// Takes a copy. `None`: no room; `Some(first)`: taken, the first for its neighbour or not.
    pub(crate) fn put(&mut self, frame: &[u8], waiting: Waiting, now: Instant) -> Option<bool> {
        let before = self.waiting_too(&waiting);
        if before >= PER_NEIGHBOUR || frame.len() > ANSWER_LEN_MAX {
            return None;
        }
        let at = self.slots.iter().position(Option::is_none)?;
        self.buffers[at][..frame.len()].copy_from_slice(frame);
        let until = Instant(now.0.saturating_add(self.life_ns));
        self.slots[at] = Some(Held { waiting, until, len: frame.len() });
        self.live += 1;
        Some(before == 0)
    }

    /// Packets that could be taken for a neighbour.
    pub(crate) fn room(&self, waiting: &Waiting) -> usize {
        let own = PER_NEIGHBOUR.saturating_sub(self.waiting_too(waiting));
        own.min(SLOTS - self.live)
    }

    /// Packets held for the same neighbour.
    pub(crate) fn waiting_too(&self, waiting: &Waiting) -> usize {
        let same = |h: &&Held| {
            (h.waiting.unit, h.waiting.family, h.waiting.next_hop)
                == (waiting.unit, waiting.family, waiting.next_hop)
        };
        self.slots.iter().flatten().filter(same).count()
    }

    /// Every packet that waits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Waiting, &[u8])> {
        let held = self.slots.iter().zip(&self.buffers);
        held.filter_map(|(slot, buffer)| slot.as_ref().map(|held| (&held.waiting, &buffer[..held.len])))
    }

    /// Buffers in use, and in all.
    pub(crate) const fn buffers(&self) -> (usize, usize) {
        (self.live, SLOTS)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Asks `judge` about every packet; `done` gets those that leave.
    pub(crate) fn sweep<T>(
        &mut self,
        now: Instant,
        mut judge: impl FnMut(&Waiting) -> Outcome<T>,
        mut done: impl FnMut(&Waiting, &[u8], Option<T>),
    ) {
        for (slot, buffer) in self.slots.iter_mut().zip(&self.buffers) {
            let Some(held) = slot else { continue };
            let outcome = match judge(&held.waiting) {
                Outcome::Wait if now >= held.until => Outcome::GiveUp,
                other => other,
            };
            let sent = match outcome {
                Outcome::Wait => continue,
                Outcome::Send(how) => Some(how),
                Outcome::GiveUp => None,
            };
            done(&held.waiting, &buffer[..held.len], sent);
            *slot = None;
            self.live -= 1;
        }
    }
}
