//! Sessions of one worker that came in by a mapping of another: two hosts behind one pool, each with a mapping, whose
//! homes are two workers.
//!
//! Place: beside the mappings that let them in, and at the workers that have the sessions. The mapping's worker counts a
//! session in before it hands the packet over, so the limit of a mapping is exact; the session's worker says that it made
//! it, says so again while it lives, and says when it ends. What is not said again is given back: no lost message and no
//! dead worker leaves a mapping counted for ever. State: bounded tables, allocated when a program has mappings and
//! there are several workers. Spec: nat-persistent-14, nat-persistent-17.

use std::collections::HashMap;
use std::time::Duration;

use ravelin_nat::{Inbound, Lease};
use ravelin_types::{Instant, WorkerId};

use crate::key::FlowKey;
use crate::stub::{Keyed, Message, Outbox};

/// Sessions elsewhere that mappings of one worker have, and sessions of one worker by mappings elsewhere.
pub(crate) const GUESTS_MAX: usize = 8192;
/// How long a mapping counts a session that nobody has said he made.
const UNHEARD: Duration = Duration::from_secs(10);
/// How long it counts one that was heard of.
const HEARD: Duration = Duration::from_secs(120);
/// How often a session's worker says that it lives.
const AGAIN: Duration = Duration::from_secs(30);
/// Time that passes between two steps as far as silence counts: a machine that slept has heard nothing meanwhile.
const STEP_MAX: Duration = Duration::from_secs(1);

/// Sessions elsewhere that mappings of this worker are counted for.
#[derive(Debug)]
pub(crate) struct Guests<L = Lease> {
    places: Places<Guest<L>>,
    by_key: HashMap<FlowKey, u32, Keyed>,
    /// Places whose session has ended; the lease goes back with the next step.
    left: Vec<u32>,
    /// Time as silence counts it, and when it was moved on last.
    clock: Instant,
    moved: Instant,
}

#[derive(Debug)]
struct Guest<L> {
    key: FlowKey,
    owner: WorkerId,
    lease: L,
    until: Instant,
    /// Its worker has made it.
    is_made: bool,
    /// Heard of since it was looked at last.
    is_heard: bool,
    has_left: bool,
}

/// Sessions of this worker by mappings elsewhere.
#[derive(Debug)]
pub(crate) struct Away {
    places: Places<Stay>,
    by_slot: HashMap<u32, u32, Keyed>,
}

#[derive(Clone, Copy, Debug)]
struct Stay {
    key: FlowKey,
    home: WorkerId,
    again: Instant,
    /// What it came in by, of a session from another plane: its mapping may come after it.
    moved: Option<Inbound>,
}

/// A bounded table whose places are walked in turn.
#[derive(Debug)]
struct Places<T> {
    all: Vec<Option<T>>,
    free: Vec<u32>,
    next: usize,
}

impl<T> Places<T> {
    const NONE: Self = Self { all: Vec::new(), free: Vec::new(), next: 0 };

    fn admit(&mut self, max: usize) {
        if self.all.is_empty() {
            self.all.resize_with(max, || None);
            self.free = (0..max as u32).rev().collect();
        }
    }

    fn put(&mut self, value: T) -> Option<u32> {
        let at = self.free.pop()?;
        self.all[at as usize] = Some(value);
        Some(at)
    }

    fn take(&mut self, at: u32) -> Option<T> {
        let value = self.all.get_mut(at as usize)?.take()?;
        self.free.push(at);
        Some(value)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.all.get_mut(at as usize)?.as_mut()
    }

    fn is_empty(&self) -> bool {
        self.free.len() == self.all.len()
    }

    /// The place whose turn it is.
    fn turn(&mut self) -> u32 {
        self.next = (self.next + 1) % self.all.len().max(1);
        self.next as u32
    }
}

impl<L> Guests<L> {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self {
            places: Places::NONE,
            by_key: HashMap::with_hasher(Keyed::new(key)),
            left: Vec::new(),
            clock: Instant::ZERO,
            moved: Instant::ZERO,
        }
    }

    /// Makes room. May allocate.
    pub(crate) fn admit(&mut self, max: usize) {
        self.places.admit(max);
        self.by_key.reserve(max.saturating_sub(self.by_key.len()));
        self.left.reserve(max.saturating_sub(self.left.len()));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.free.is_empty()
    }

    /// Whether a packet's session is counted already; another worker may be asked for it now.
    pub(crate) fn is_known(&mut self, key: &FlowKey, owner: WorkerId) -> bool {
        let Some(guest) = self.by_key.get(key).and_then(|at| self.places.get_mut(*at)) else { return false };
        guest.owner = owner;
        guest.until = guest.until.max(self.clock.plus(UNHEARD));
        !guest.has_left
    }

    /// The worker that has a session which a mapping of this one let in.
    pub(crate) fn owner(&self, key: &FlowKey) -> Option<WorkerId> {
        let at = *self.by_key.get(key)?;
        self.places.all.get(at as usize)?.as_ref().map(|guest| guest.owner)
    }

    /// One more, of a key that is not known. `Err`: no room.
    pub(crate) fn insert(&mut self, key: FlowKey, owner: WorkerId, lease: L) -> Result<(), L> {
        if self.is_full() || self.by_key.contains_key(&key) {
            return Err(lease);
        }
        let until = self.clock.plus(UNHEARD);
        let guest = Guest { key, owner, lease, until, is_made: false, is_heard: false, has_left: false };
        if let Some(at) = self.places.put(guest) {
            self.by_key.insert(key, at);
        }
        Ok(())
    }

    /// When it was aged last.
    pub(crate) fn now(&self) -> Instant {
        self.moved
    }

    /// What a session's worker says of it. One that came late must not end a newer owner's.
    pub(crate) fn receive(&mut self, message: Message) {
        let (key, owner, has_left) = match message {
            Message::Made { key, owner } => (key, owner, false),
            Message::Left { key, owner } => (key, owner, true),
            Message::Stub { .. } | Message::Unstub { .. } | Message::Moved { .. } => return,
        };
        let Some(at) = self.by_key.get(&key).copied() else { return };
        let Some(guest) = self.places.get_mut(at) else { return };
        match has_left {
            false => (guest.owner, guest.is_made, guest.is_heard) = (owner, true, true),
            true if (guest.owner == owner || !guest.is_made) && !guest.has_left => {
                guest.has_left = true;
                self.left.push(at);
            }
            true => {}
        }
    }

    /// Gives back the leases of sessions that ended or of which nothing was heard, looking at `budget` of them.
    pub(crate) fn age(&mut self, now: Instant, budget: usize, mut give_back: impl FnMut(L)) {
        self.clock = self.clock.plus(now.since(self.moved).min(STEP_MAX));
        self.moved = now;
        if self.places.is_empty() {
            return;
        }
        let now = self.clock;
        while let Some(at) = self.left.pop() {
            self.remove(at, &mut give_back);
        }
        for _ in 0..budget.min(self.places.all.len()) {
            let at = self.places.turn();
            let Some(guest) = self.places.get_mut(at) else { continue };
            if std::mem::take(&mut guest.is_heard) {
                guest.until = now.plus(HEARD);
            }
            if guest.until <= now {
                self.remove(at, &mut give_back);
            }
        }
    }

    fn remove(&mut self, at: u32, give_back: &mut impl FnMut(L)) {
        if let Some(guest) = self.places.take(at) {
            self.by_key.remove(&guest.key);
            give_back(guest.lease);
        }
    }
}

impl Away {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { places: Places::NONE, by_slot: HashMap::with_hasher(Keyed::new(key)) }
    }

    /// Makes room. May allocate.
    pub(crate) fn admit(&mut self, max: usize) {
        self.places.admit(max);
        self.by_slot.reserve(max.saturating_sub(self.by_slot.len()));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.free.is_empty()
    }

    /// A session was made by a mapping of `home`; there is room.
    pub(crate) fn insert(
        &mut self,
        slot: u32,
        (key, home): (FlowKey, WorkerId),
        moved: Option<Inbound>,
        now: Instant,
    ) {
        if let Some(at) = self.places.put(Stay { key, home, again: now.plus(AGAIN), moved }) {
            self.by_slot.insert(slot, at);
        }
    }

    /// Its session ended: whom to tell. Only the one deletion calls this.
    pub(crate) fn session_ended(&mut self, slot: u32) -> Option<(FlowKey, WorkerId)> {
        let at = self.by_slot.remove(&slot)?;
        self.places.take(at).map(|stay| (stay.key, stay.home))
    }

    /// Says again of sessions that they live, looking at `budget` of them.
    pub(crate) fn age(&mut self, now: Instant, budget: usize, (outbox, own): (&mut Outbox, WorkerId)) {
        if self.places.is_empty() {
            return;
        }
        for _ in 0..budget.min(self.places.all.len()) {
            let at = self.places.turn();
            let Some(stay) = self.places.get_mut(at).filter(|stay| stay.again <= now) else { continue };
            stay.again = now.plus(AGAIN);
            outbox.push(stay.home, said(stay.key, own, stay.moved));
        }
    }
}

/// What the mapping's worker is told of a session that lives.
pub(crate) fn said(key: FlowKey, owner: WorkerId, moved: Option<Inbound>) -> Message {
    moved.map_or(Message::Made { key, owner }, |packet| Message::Moved { key, owner, packet })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::{Addr, Family, Proto};

    const ONE: WorkerId = WorkerId(1);
    const TWO: WorkerId = WorkerId(2);

    fn key(n: u16) -> FlowKey {
        FlowKey::new(Family::V4, Proto::UDP, (Addr(1), n), (Addr(2), 53))
    }

    fn guests(max: usize) -> Guests<u32> {
        let mut guests = Guests::new((1, 2));
        guests.admit(max);
        guests
    }

    /// What came back in so many seconds, a step each.
    fn pass(guests: &mut Guests<u32>, (from, seconds): (u64, u64)) -> Vec<u32> {
        let mut back = Vec::new();
        for second in from..from + seconds {
            guests.age(Instant::from_secs(second), 4, |lease| back.push(lease));
        }
        back
    }

    #[test]
    fn a_session_that_nobody_made_is_not_counted_for_long() {
        let mut guests = guests(4);
        assert_eq!(pass(&mut guests, (0, 1)), []);
        guests.insert(key(1), ONE, 11).unwrap();
        assert!(guests.is_known(&key(1), ONE) && !guests.is_known(&key(2), ONE));
        assert_eq!(pass(&mut guests, (1, 9)), []);
        assert_eq!(pass(&mut guests, (10, 3)), [11]);
        assert!(!guests.is_known(&key(1), ONE));
        assert_eq!(pass(&mut guests, (13, 300)), [], "once");
    }

    #[test]
    fn one_that_is_heard_of_is_counted_until_it_ends_or_falls_silent() {
        let mut guests = guests(4);
        pass(&mut guests, (0, 1));
        for n in 1..=2 {
            guests.insert(key(n), ONE, u32::from(n)).unwrap();
            guests.receive(Message::Made { key: key(n), owner: ONE });
        }
        assert_eq!(pass(&mut guests, (1, 100)), []);
        guests.receive(Message::Left { key: key(1), owner: ONE });
        guests.receive(Message::Left { key: key(1), owner: ONE });
        assert_eq!(pass(&mut guests, (101, 1)), [1]);
        guests.receive(Message::Made { key: key(2), owner: ONE });
        assert_eq!(pass(&mut guests, (102, 119)), []);
        assert_eq!(pass(&mut guests, (221, 5)), [2]);
    }

    #[test]
    fn a_late_word_ends_no_newer_owners_session() {
        let mut guests = guests(4);
        guests.insert(key(1), ONE, 1).unwrap();
        guests.receive(Message::Made { key: key(1), owner: TWO });
        guests.receive(Message::Left { key: key(1), owner: ONE });
        assert_eq!(pass(&mut guests, (0, 50)), []);
        guests.receive(Message::Left { key: key(1), owner: TWO });
        assert_eq!(pass(&mut guests, (50, 1)), [1]);
        guests.receive(Message::Left { key: key(1), owner: TWO });
        assert_eq!(pass(&mut guests, (51, 1)), []);
    }

    #[test]
    fn sleep_is_no_silence_and_the_table_is_bounded() {
        let mut guests = guests(2);
        pass(&mut guests, (0, 1));
        guests.insert(key(1), ONE, 1).unwrap();
        guests.receive(Message::Made { key: key(1), owner: ONE });
        assert_eq!(pass(&mut guests, (1, 2)), []);
        assert_eq!(pass(&mut guests, (90_000, 2)), []);
        assert_eq!(guests.insert(key(1), ONE, 9), Err(9));
        guests.insert(key(2), ONE, 2).unwrap();
        assert_eq!(guests.insert(key(3), ONE, 3), Err(3));
        assert!(guests.is_full());
    }

    #[test]
    fn a_session_says_that_it_lives_and_whom_to_tell_of_its_end() {
        let (mut away, mut outbox) = (Away::new((1, 2)), Outbox::new(false));
        away.admit(2);
        away.insert(7, (key(1), TWO), None, Instant::ZERO);
        let mut said = |away: &mut Away, second| {
            away.age(Instant::from_secs(second), 4, (&mut outbox, ONE));
            let mut heard = Vec::new();
            outbox.deliver(|to, message| {
                heard.push((to, message));
                true
            });
            heard
        };
        assert_eq!(said(&mut away, 29), []);
        assert_eq!(said(&mut away, 30), [(TWO, Message::Made { key: key(1), owner: ONE })]);
        assert_eq!(said(&mut away, 31), []);
        assert_eq!(away.session_ended(8), None);
        assert_eq!(away.session_ended(7), Some((key(1), TWO)));
        assert_eq!(away.session_ended(7), None);
        assert_eq!(said(&mut away, 100), []);
    }
}
