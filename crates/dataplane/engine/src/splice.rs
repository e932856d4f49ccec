//! Sessions whose two ends count differently, since the firewall made the handshake with each of them.
//!
//! Place: beside the TCP check, which judges in the numbers that the client sees, and behind the address rewrite.
//! State: by the session's slot, allocated when a program answers requests in a server's place; the handshakes
//! that wait for a server stand apart, since few do at a time. Spec: screen-65, screen-68, tcp-10.

use ravelin_screen::cookie::{Accepted, Splice};
use ravelin_tcp::{Segment, Seq};
use ravelin_types::Instant;
use ravelin_wire::{L4, Network, TcpFlags, rewrite};

use crate::packet::Packet;
use crate::session::WingRef;

/// Handshakes of one worker that may wait for their server.
const WAITING_MAX: usize = 4096;

/// All spliced sessions of a worker.
#[derive(Debug, Default)]
pub(crate) struct Splices {
    by_slot: Vec<Spliced>,
    /// Without gaps; a slot knows its place.
    waiting: Vec<Waiting>,
    /// Where the next sweep goes on.
    cursor: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Spliced {
    #[default]
    No,
    /// The server has not answered: its place among those that wait.
    Waiting(u32),
    Open(Splice),
}

/// A session whose client has been answered and whose server has not yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub slot: u32,
    pub accepted: Accepted,
    /// When the request is sent again.
    pub due: Instant,
    /// Times that it was.
    pub repeats: u32,
}

impl Splices {
    /// Makes room for every slot. Called between batches.
    pub(crate) fn adopt(&mut self, slots: usize) {
        self.by_slot.resize(slots, Spliced::No);
        self.waiting.reserve_exact(WAITING_MAX.min(slots).saturating_sub(self.waiting.len()));
    }

    /// Whether one more may wait for its server.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.waiting.capacity().min(WAITING_MAX)
    }

    /// The request of a session has been sent to its server.
    pub(crate) fn wait(&mut self, waiting: Waiting) {
        if let Some(place) = self.by_slot.get_mut(waiting.slot as usize) {
            *place = Spliced::Waiting(self.waiting.len() as u32);
            self.waiting.push(waiting);
        }
    }

    pub(crate) fn waiting(&self, slot: u32) -> Option<Waiting> {
        match self.by_slot.get(slot as usize)? {
            Spliced::Waiting(at) => self.waiting.get(*at as usize).copied(),
            Spliced::No | Spliced::Open(_) => None,
        }
    }

    /// The server has answered.
    pub(crate) fn open(&mut self, slot: u32, splice: Splice) {
        self.release(slot);
        if let Some(place) = self.by_slot.get_mut(slot as usize) {
            *place = Spliced::Open(splice);
        }
    }

    /// Only the one deletion calls this from outside.
    pub(crate) fn release(&mut self, slot: u32) {
        let Some(place) = self.by_slot.get_mut(slot as usize) else { return };
        if let Spliced::Waiting(at) = std::mem::take(place) {
            self.waiting.swap_remove(at as usize);
            if let Some(moved) = self.waiting.get(at as usize) {
                self.by_slot[moved.slot as usize] = Spliced::Waiting(at);
            }
        }
    }

    /// The next of those that are due, looking at no more than `budget`; `budget` is what is left of it.
    pub(crate) fn next_due(&mut self, now: Instant, budget: &mut usize) -> Option<&mut Waiting> {
        while *budget > 0 && !self.waiting.is_empty() {
            *budget -= 1;
            self.cursor = (self.cursor + 1) % self.waiting.len();
            if self.waiting[self.cursor].due <= now {
                return self.waiting.get_mut(self.cursor);
            }
        }
        None
    }

    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// A segment in the numbers in which its session is judged: those of the client, and the windows as the
    /// server reads them.
    pub(crate) fn view(&self, slot: u32, wing: usize, segment: Segment) -> Segment {
        let Some(splice) = self.get(slot) else { return segment };
        if wing == 1 {
            return Segment { seq: Seq(segment.seq.0.wrapping_sub(splice.seq)), ..segment };
        }
        let (from, to) = splice.to_server;
        let window = if segment.flags.has(TcpFlags::SYN) {
            segment.window
        } else {
            (u64::from(segment.window) << from >> to).min(u16::MAX.into()) as u16
        };
        Segment { window, ..segment }
    }

    /// Rewrites a segment for its receiver.
    pub(crate) fn rewrite(&self, at: WingRef, packet: &mut Packet<'_>, network: &Network) {
        let (Some(splice), L4::Tcp { .. }) = (self.get(at.slot()), network.l4) else { return };
        let (from, to) = (usize::from(network.l4_at), usize::from(network.end));
        let bytes = packet.bytes_mut();
        let Some(tcp) = bytes.get_mut(from..to) else { return };
        let delta =
            if at.wing() == 0 { splice.rewrite_to_server(tcp) } else { splice.rewrite_to_client(tcp) };
        rewrite::transport_delta(bytes, from, network.proto, delta);
    }

    /// How the numbers of an open session differ.
    pub(crate) fn opened(&self, slot: u32) -> Option<&Splice> {
        self.get(slot)
    }

    /// Room for sessions of another plane, whose program may have proxies that ours has not.
    pub(crate) fn make_room(&mut self, slots: usize) {
        if self.by_slot.len() < slots {
            self.adopt(slots);
        }
    }

    fn get(&self, slot: u32) -> Option<&Splice> {
        match self.by_slot.get(slot as usize)? {
            Spliced::Open(splice) => Some(splice),
            Spliced::No | Spliced::Waiting(_) => None,
        }
    }
}
