//! The SYN proxy's queue: requests that were answered in the server's place and wait for their ACK.
//!
//! Junos: `security flow syn-flood-protection-mode syn-proxy`, `tcp syn-flood queue-size` and `timeout`. One a
//! worker; how many wait in a zone is counted for the device. Memory is fixed. Spec: screen-42, screen-67.

use std::time::Duration;

use ravelin_mem::siphash13;
use ravelin_program::Screen;
use ravelin_types::{Instant, ZoneId};
use ravelin_wire::{TcpFlags, u16_at, u32_at};

use crate::cookie::{Accepted, Answer, Connection, TcpOptions, client_isns};
use crate::meter::{Meters, Place};
use crate::packet::Packet;
use crate::profile::Profile;

const WAYS: usize = 8;

/// Requests of one worker.
#[derive(Debug)]
pub struct ProxyQueue {
    key: (u64, u64),
    entries: Box<[Option<Entry>]>,
    /// How many of the places are taken: a queue that nobody stands in is not searched.
    taken: usize,
    /// Where [`ProxyQueue::expire`] goes on.
    cursor: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    waiting: HalfOpen,
    expires: Instant,
    /// `None`: its ACK has been sent on to another worker. It is kept while nobody needs the room, should the ACK be lost there.
    place: Option<Place>,
}

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfOpen {
    pub answer: Answer,
}

impl Entry {
    /// No longer counts in its zone.
    fn release(&mut self, meters: &Meters) {
        if let Some(place) = self.place.take() {
            meters.release_proxied(place);
        }
    }
}

impl ProxyQueue {
    /// `entries` is rounded up to a power of two, eight at least.
    #[must_use]
    pub fn new(key: (u64, u64), entries: usize) -> Self {
        let count = entries.max(WAYS).next_power_of_two();
        Self { key, entries: vec![None; count].into_boxed_slice(), taken: 0, cursor: 0 }
    }

    /// Queues a request that is about to be answered. The same request again is answered as before.
    ///
    /// # Errors
    /// The zone's queue is full, on the device or in this worker's buckets: the request is dropped.
    pub fn push(
        &mut self,
        meters: &Meters,
        profile: &Profile,
        zone: ZoneId,
        answer: Answer,
        now: Instant,
    ) -> Result<HalfOpen, Screen> {
        let limits = profile.syn_flood.as_ref().ok_or(Screen::SynProxyQueue)?;
        // Of its two buckets the emptier one: so one does not fill before the queue does.
        let mut most = (0, None);
        for first in self.buckets(&answer.syn.connection) {
            let mut free = (0, None);
            for at in first..first + WAYS {
                match &mut self.entries[at] {
                    Some(entry) if entry.expires <= now => {
                        entry.release(meters);
                        self.entries[at] = None;
                        self.taken -= 1;
                    }
                    Some(entry) if entry.waiting.answer.syn.connection == answer.syn.connection => {
                        if entry.waiting.answer.syn.seq != answer.syn.seq {
                            entry.waiting = HalfOpen { answer };
                        }
                        return Ok(entry.waiting);
                    }
                    Some(Entry { place: Some(_), .. }) => continue,
                    Some(Entry { place: None, .. }) | None => {}
                }
                free = (free.0 + 1, Some(at));
            }
            if free.0 > most.0 {
                most = free;
            }
        }
        let at = most.1.ok_or(Screen::SynProxyQueue)?;
        let place = Some(meters.reserve_proxied(zone, limits.queue_size)?);
        let waiting = HalfOpen { answer };
        let expires = now.plus(Duration::from_secs(limits.timeout.into()));
        let before = self.entries[at].replace(Entry { waiting, expires, place });
        self.taken += usize::from(before.is_none());
        Ok(waiting)
    }

    /// The request that an ACK, or a probe in its place, completes. `None`: there is none, or other numbers are named. It waits on,
    /// until who opens a connection for it says `forget`. Spec: screen-67, screen-74.
    #[must_use]
    pub fn completed(&self, packet: &Packet<'_>, now: Instant) -> Option<Accepted> {
        let (connection, flags) = Connection::of(packet)?;
        let wanted = flags.0 & (TcpFlags::SYN | TcpFlags::RST | TcpFlags::FIN | TcpFlags::ACK);
        if wanted != TcpFlags::ACK {
            return None;
        }
        let tcp = packet.l4();
        let (_, entry) = self.find(&connection, u32_at(tcp, 8).wrapping_sub(1))?;
        let Answer { cookie, timestamp, syn } = entry.waiting.answer;
        if now >= entry.expires || !client_isns(tcp).any(|isn| isn == syn.seq) {
            return None;
        }
        let received = TcpOptions::parse(tcp);
        // What the SYN-ACK did not agree to is not offered to the server either.
        let agreed = timestamp.is_some();
        Some(Accepted {
            connection,
            client_isn: syn.seq,
            cookie,
            window: u16_at(tcp, 14),
            options: TcpOptions {
                mss: syn.options.mss,
                scale: syn.options.scale.filter(|_| agreed),
                sack: syn.options.sack && agreed,
                timestamp: received.timestamp.filter(|_| agreed),
                echo: 0,
            },
            our_timestamp: timestamp,
        })
    }

    /// Takes out a request that has been completed, if it is one of this queue.
    pub fn forget(&mut self, meters: &Meters, accepted: &Accepted) {
        let at = self.find(&accepted.connection, accepted.cookie).map(|(at, _)| at);
        if let Some(mut entry) = at.and_then(|at| self.entries[at].take()) {
            self.taken -= 1;
            entry.release(meters);
        }
    }

    /// Another worker opens the connection of a request that has been completed, if the ACK arrives there.
    pub fn send_on(&mut self, meters: &Meters, accepted: &Accepted) {
        let at = self.find(&accepted.connection, accepted.cookie).map(|(at, _)| at);
        if let Some(entry) = at.and_then(|at| self.entries[at].as_mut()) {
            entry.release(meters);
        }
    }

    fn find(&self, connection: &Connection, cookie: u32) -> Option<(usize, &Entry)> {
        if self.taken == 0 {
            return None;
        }
        let [one, other] = self.buckets(connection);
        let mut places = (one..one + WAYS).chain(other..other + WAYS);
        places.find_map(|at| {
            let entry = self.entries[at].as_ref()?;
            let answer = &entry.waiting.answer;
            (answer.syn.connection == *connection && answer.cookie == cookie).then_some((at, entry))
        })
    }

    /// Forgets requests whose time is over, looking at `budget` places at most.
    pub fn expire(&mut self, meters: &Meters, now: Instant, budget: usize) {
        if self.taken == 0 {
            return;
        }
        for _ in 0..budget.min(self.entries.len()) {
            let slot = &mut self.entries[self.cursor];
            if let Some(mut entry) = slot.take_if(|entry| entry.expires <= now) {
                self.taken -= 1;
                entry.release(meters);
            }
            self.cursor = (self.cursor + 1) % self.entries.len();
        }
    }

    /// Forgets every request.
    pub fn clear(&mut self, meters: &Meters) {
        for mut entry in self.entries.iter_mut().filter_map(Option::take) {
            entry.release(meters);
        }
        self.taken = 0;
    }

    /// Places for requests.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Where the two buckets begin that a connection may stand in.
    fn buckets(&self, connection: &Connection) -> [usize; 2] {
        let hash = siphash13(self.key, connection.words());
        [hash, hash >> 32].map(|part| part as usize & (self.entries.len() - 1) & !(WAYS - 1))
    }
}
