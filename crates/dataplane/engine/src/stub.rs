//! Stubs: packets of a session whose natural owner is this worker, but which lives with another.
//!
//! A session whose translation leaves no choice of port lives where its answers arrive, so that two can't
//! claim one key unseen. The owner of the other direction keeps a stub. Without one (table full, worker
//! restarted) the packet takes the first path and is handed over from there. Spec: steer-6..7.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use ravelin_nat::Inbound;
use ravelin_types::WorkerId;
use siphasher::sip::SipHasher13;

use crate::key::FlowKey;

/// Messages that wait for a full ring.
const OUTBOX_MAX: usize = 4096;

/// What one worker tells another about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Packets with this key are mine.
    Stub { key: FlowKey, owner: WorkerId },
    /// They are no more.
    Unstub { key: FlowKey, owner: WorkerId },
    /// I have a session that a mapping of yours let in, by a packet with this key.
    Made { key: FlowKey, owner: WorkerId },
    /// The same of a session that came from another plane, where nobody here has counted it yet.
    Moved { key: FlowKey, owner: WorkerId, packet: Inbound },
    /// It is no more, or was never made.
    Left { key: FlowKey, owner: WorkerId },
}

/// The stubs of a worker.
#[derive(Debug)]
pub(crate) struct Stubs {
    owners: HashMap<FlowKey, WorkerId, Keyed>,
    max: usize,
}

/// Messages to other workers, in order, until the backend has passed them on.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Vec<(WorkerId, Message)>,
    pub lost: u64,
}

/// SipHash under the state's key: the standard library's would draw one of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed((u64, u64));

impl Keyed {
    pub(crate) const fn new(key: (u64, u64)) -> Self {
        Self(key)
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0.0, self.0.1)
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().iter().for_each(|word| state.write_u64(*word));
    }
}

impl Stubs {
    pub(crate) fn new(max: usize, key: (u64, u64)) -> Self {
        Self { owners: HashMap::with_capacity_and_hasher(max, Keyed(key)), max }
    }

    pub(crate) fn owner(&self, key: &FlowKey) -> Option<WorkerId> {
        if self.owners.is_empty() {
            return None;
        }
        self.owners.get(key).copied()
    }

    pub(crate) fn receive(&mut self, message: Message) {
        match message {
            Message::Stub { key, owner } => {
                // Full: packets find their owner by the first path, as they do before the stub is here.
                if self.owners.len() < self.max || self.owners.contains_key(&key) {
                    self.owners.insert(key, owner);
                }
            }
            // One that came late must not take away a newer owner's.
            Message::Unstub { key, owner } => {
                if self.owners.get(&key) == Some(&owner) {
                    self.owners.remove(&key);
                }
            }
            Message::Made { .. } | Message::Moved { .. } | Message::Left { .. } => {}
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }
}

impl Outbox {
    /// `OUTBOX_MAX` is far above what a batch makes; a plane of one worker sends nothing.
    pub(crate) fn new(is_alone: bool) -> Self {
        let capacity = if is_alone { 0 } else { OUTBOX_MAX };
        Self { waiting: Vec::with_capacity(capacity), lost: 0 }
    }

    pub(crate) fn push(&mut self, to: WorkerId, message: Message) {
        if self.waiting.len() < OUTBOX_MAX {
            self.waiting.push((to, message));
        } else {
            self.lost += 1;
        }
    }

    /// Offers every message to `send`; those it does not take stay.
    pub(crate) fn deliver(&mut self, mut send: impl FnMut(WorkerId, Message) -> bool) {
        self.waiting.retain(|(to, message)| !send(*to, *message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::{Addr, Family, Proto};

    fn key(n: u16) -> FlowKey {
        FlowKey::new(Family::V4, Proto(47), (Addr(1), n), (Addr(2), 0))
    }

    #[test]
    fn a_stub_goes_only_when_its_own_owner_says_so() {
        let mut stubs = Stubs::new(2, (1, 2));
        let (one, two) = (WorkerId(1), WorkerId(2));
        stubs.receive(Message::Stub { key: key(1), owner: one });
        stubs.receive(Message::Stub { key: key(1), owner: two });
        stubs.receive(Message::Unstub { key: key(1), owner: one });
        assert_eq!(stubs.owner(&key(1)), Some(two));
        stubs.receive(Message::Unstub { key: key(1), owner: two });
        assert_eq!((stubs.owner(&key(1)), stubs.len()), (None, 0));
    }

    #[test]
    fn the_table_is_bounded_and_so_is_the_outbox() {
        let mut stubs = Stubs::new(2, (1, 2));
        (0..5).for_each(|n| stubs.receive(Message::Stub { key: key(n), owner: WorkerId(1) }));
        assert_eq!(stubs.len(), 2);
        let mut outbox = Outbox::new(false);
        let message = Message::Unstub { key: key(1), owner: WorkerId(0) };
        (0..OUTBOX_MAX + 3).for_each(|_| outbox.push(WorkerId(1), message));
        assert_eq!(outbox.lost, 3);
        let mut room = 10;
        outbox.deliver(|_, _| {
            room -= 1;
            room >= 0
        });
        assert_eq!(outbox.waiting.len(), OUTBOX_MAX - 10);
    }
}
