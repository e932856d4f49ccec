//! The table: records in a slab, found by key, aged by the wheel.

use ravelin_mem::{KeyedHash, prefetch};
use ravelin_types::{Family, Instant};

use super::index::{Index, WingRef};
use super::wheel::{NIL, Wheel};
use super::{Life, Session};
use crate::key::FlowKey;

/// Time in tenths of a second, wrapping; only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks(pub u32);

impl Ticks {
    pub(crate) fn at(now: Instant) -> Self {
        Self((now.0 / 100_000_000) as u32)
    }

    /// Tenths of a second since an earlier moment; 0 if that lies ahead (a capture out of order).
    pub(crate) fn since(self, earlier: Self) -> u32 {
        let passed = self.0.wrapping_sub(earlier.0);
        if passed > u32::MAX / 2 { 0 } else { passed }
    }
}

/// Why a session could not be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InsertError {
    Full,
    /// One of the wings is another session's.
    Collision,
}

/// All sessions of one worker.
#[derive(Debug)]
pub struct Sessions {
    pub(super) slots: Box<[Session]>,
    index: Index,
    pub(super) wheel: Wheel,
    free: u32,
    live: usize,
    hash: KeyedHash,
}

impl Sessions {
    pub(crate) fn new(capacity: usize, hash_key: (u64, u64)) -> Self {
        let capacity = capacity.clamp(1, 1 << 27);
        let mut slots = ravelin_mem::table(Session::EMPTY, capacity);
        for (at, slot) in slots.iter_mut().enumerate() {
            slot.next = if at + 1 == capacity { NIL } else { at as u32 + 1 };
        }
        let index = Index::new(capacity * 2);
        Self { slots, index, wheel: Wheel::new(), free: 0, live: 0, hash: KeyedHash::new(hash_key) }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    #[inline(always)]
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        key.hash(&self.hash)
    }

    /// The same of a key of that family, which who asks may know before the packet comes.
    #[inline(always)]
    pub(crate) fn hash_of(&self, family: Family, key: &FlowKey) -> u64 {
        key.hash_of(family, &self.hash)
    }

    #[inline(always)]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// The same of both buckets: for who looks soon, and once.
    pub(crate) fn prefetch_both(&self, hash: u64) {
        self.index.prefetch_both(hash);
    }

    /// Brings the record that a hash probably means close, and says which it is; `None`: its first bucket does not
    /// tell, and the second one comes closer.
    #[inline]
    pub(crate) fn prefetch_record(&self, hash: u64) -> Option<WingRef> {
        self.index.hint(hash).inspect(|hint| self.prefetch_slot(*hint))
    }

    /// The same of a hash whose first bucket did not tell.
    pub(crate) fn prefetch_record_of_second(&self, hash: u64) -> Option<WingRef> {
        self.index.hint_of_second(hash).inspect(|hint| self.prefetch_slot(*hint))
    }

    #[inline]
    fn prefetch_slot(&self, hint: WingRef) {
        let session = &self.slots[hint.slot() as usize];
        prefetch(&session.wings[0]);
        prefetch(&session.wings[1]);
        prefetch(&session.packets);
    }

    /// Brings the line close that a packet of a conversation touches besides.
    #[inline]
    pub(crate) fn prefetch_conversation(&self, hint: WingRef) {
        prefetch(&self.slots[hint.slot() as usize].nat_rule);
    }

    /// Whether any key with this hash may be here; `false`: none is.
    #[inline]
    pub(crate) fn may_have(&self, hash: u64) -> bool {
        self.index.find(hash, |_| true).is_some()
    }

    pub(crate) fn lookup(&self, key: &FlowKey, hash: u64) -> Option<WingRef> {
        self.index.find(hash, |at| self.slots[at.slot() as usize].wings[at.wing()].key == *key)
    }

    pub(crate) fn find(&self, key: &FlowKey) -> Option<WingRef> {
        self.lookup(key, self.hash(key))
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Session {
        &self.slots[slot as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Session {
        &mut self.slots[slot as usize]
    }

    /// Installs a session under both wings, or not at all.
    pub(crate) fn insert(&mut self, session: &Session, now: Instant) -> Result<u32, InsertError> {
        self.insert_hashed(session, self.hash(&session.wings[0].key), now)
    }

    /// The same of a session the hash of whose first key is known.
    pub(crate) fn insert_hashed(
        &mut self,
        session: &Session,
        hash: u64,
        now: Instant,
    ) -> Result<u32, InsertError> {
        let [first, second] = [&session.wings[0].key, &session.wings[1].key];
        debug_assert_eq!(hash, self.hash(first), "the hash of another key");
        let hashes = [hash, self.hash(second)];
        let is_taken = |key, hash| self.lookup(key, hash).is_some();
        if first == second || is_taken(first, hashes[0]) || is_taken(second, hashes[1]) {
            return Err(InsertError::Collision);
        }
        let slot = self.free;
        if slot == NIL {
            return Err(InsertError::Full);
        }
        if !self.index.insert(hashes[0], WingRef::new(slot, 0)) {
            return Err(InsertError::Full);
        }
        if !self.index.insert(hashes[1], WingRef::new(slot, 1)) {
            self.index.remove(hashes[0], WingRef::new(slot, 0));
            return Err(InsertError::Full);
        }
        self.free = self.slots[slot as usize].next;
        self.slots[slot as usize] = *session;
        self.live += 1;
        let next_s = session.next_visit(now.as_secs(), session.left_s(Ticks::at(now)) + 1);
        self.wheel_link(slot, now.as_secs(), next_s);
        Ok(slot)
    }

    /// Takes a session out. Only the one deletion (`State::end`) calls this.
    pub(crate) fn remove(&mut self, slot: u32) -> Session {
        self.wheel_unlink(slot);
        let session = self.slots[slot as usize];
        for (i, wing) in session.wings.iter().enumerate() {
            let hash = self.hash(&wing.key);
            self.index.remove(hash, WingRef::new(slot, i));
        }
        self.slots[slot as usize] = Session { next: self.free, ..Session::EMPTY };
        self.free = slot;
        self.live -= 1;
        session
    }

    /// Live slots from `from` on, no more than `max` looked at; the place to go on from.
    pub(crate) fn walk(&self, from: u32, max: u32, mut visit: impl FnMut(u32, &Session)) -> u32 {
        let end = from.saturating_add(max).min(self.slots.len() as u32);
        for slot in from..end {
            let session = &self.slots[slot as usize];
            if session.state != Life::Free {
                visit(slot, session);
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::{Addr, Proto};
    use std::collections::HashMap;

    fn session(n: u32) -> Session {
        let key = FlowKey::new(Family::V4, Proto::UDP, (Addr(u128::from(n)), 1), (Addr(0xffff_0000), 53));
        let mut session = Session { state: Life::Established, timeout_s: 60, ..Session::EMPTY };
        session.wings[0].key = key;
        session.wings[1].key = key.reversed();
        session
    }

    #[test]
    fn a_session_is_found_under_both_wings_until_it_is_removed() {
        let mut table = Sessions::new(16, (1, 2));
        let one = session(7);
        let slot = table.insert(&one, Instant::ZERO).unwrap();
        let found = |t: &Sessions, key: &FlowKey| t.find(key).map(|r| (r.slot(), r.wing()));
        assert_eq!(found(&table, &one.wings[0].key), Some((slot, 0)));
        assert_eq!(found(&table, &one.wings[1].key), Some((slot, 1)));
        assert_eq!(table.insert(&one, Instant::ZERO), Err(InsertError::Collision));
        table.remove(slot);
        assert_eq!(found(&table, &one.wings[1].key), None);
        assert!(table.is_empty());
    }

    #[test]
    fn the_bound_is_hard_and_every_slot_comes_back() {
        let mut table = Sessions::new(100, (1, 2));
        let slots: Vec<_> = (0..100).map(|n| table.insert(&session(n), Instant::ZERO).unwrap()).collect();
        assert_eq!(table.insert(&session(1000), Instant::ZERO), Err(InsertError::Full));
        for slot in slots {
            table.remove(slot);
        }
        assert!((0..100).all(|n| table.insert(&session(n), Instant::ZERO).is_ok()));
    }

    #[test]
    fn silence_ends_a_session_and_traffic_keeps_it() {
        let mut table = Sessions::new(4, (1, 2));
        let (quiet, busy) = (session(1), session(2));
        table.insert(&quiet, Instant::ZERO).unwrap();
        let busy = table.insert(&busy, Instant::ZERO).unwrap();
        table.expire(Instant::ZERO, 10, |_, _, _| panic!("too early"));
        table.get_mut(busy).last_seen = Ticks::at(Instant::from_secs(50));
        let mut ended = Vec::new();
        for s in 0..200 {
            table.expire(Instant::from_secs(s), 10, |t, slot, _| {
                ended.push((s, t.remove(slot).wings[0].key.src().0));
            });
        }
        assert!(ended.len() == 2 && ended[0].1 == 1 && ended[1].1 == 2, "{ended:?}");
        assert!((60..=63).contains(&ended[0].0) && (110..=113).contains(&ended[1].0), "{ended:?}");
    }

    proptest::proptest! {
        #[test]
        fn the_table_agrees_with_a_map(ops in proptest::collection::vec((0u32..60, proptest::bool::ANY), 1..400)) {
            let mut table = Sessions::new(40, (3, 4));
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (n, insert) in ops {
                if insert {
                    match table.insert(&session(n), Instant::ZERO) {
                        Ok(slot) => { proptest::prop_assert!(model.insert(n, slot).is_none()); }
                        Err(InsertError::Collision) => proptest::prop_assert!(model.contains_key(&n)),
                        Err(InsertError::Full) => proptest::prop_assert_eq!(model.len(), 40),
                    }
                } else if let Some(slot) = model.remove(&n) {
                    table.remove(slot);
                }
                proptest::prop_assert_eq!(table.len(), model.len());
                for (n, slot) in &model {
                    let key = session(*n).wings[1].key;
                    proptest::prop_assert_eq!(table.find(&key).map(|r| r.slot()), Some(*slot));
                }
            }
        }
    }
}
