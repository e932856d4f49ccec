//! Bounded tables: a slab of entries that keep their number, and a keyed index over such numbers.
//!
//! Both get all their memory when they are made. Who fills the slab gets no slot; the index never is the
//! bound, for it has room for twice the slab's entries.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// Hash of a key under a secret.
pub(crate) fn hash(key: (u64, u64), words: &[u64]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
    for word in words {
        hasher.write_u64(*word);
    }
    hasher.finish()
}

/// The two words of an address.
pub(crate) const fn halves(addr: ravelin_types::Addr) -> [u64; 2] {
    [(addr.0 >> 64) as u64, addr.0 as u64]
}

/// Entries with stable numbers.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
    capacity: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity }
    }

    /// The entry's number, or the entry back when the slab is full.
    pub(crate) fn insert(&mut self, entry: T) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = Some(entry);
            return Some(slot);
        }
        if self.entries.len() == self.capacity {
            return None;
        }
        self.entries.push(Some(entry));
        Some(self.entries.len() as u32 - 1)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(entry)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.entries.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    /// Live entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() == self.capacity
    }

    /// Numbers ever given out: a sweep's horizon.
    pub(crate) fn horizon(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().enumerate().filter_map(|(slot, entry)| Some((slot as u32, entry.as_ref()?)))
    }
}

/// Hash to slot, by open addressing: a bucket is the hash's high half and the slot plus one.
#[derive(Debug)]
pub(crate) struct Index {
    buckets: Box<[u64]>,
}

impl Index {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { buckets: vec![0; (capacity * 2).next_power_of_two().max(8)].into_boxed_slice() }
    }

    fn home(&self, bucket: u64) -> usize {
        (bucket >> 32) as usize & (self.buckets.len() - 1)
    }

    /// The first slot under this hash that `same` recognises.
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        while self.buckets[at] != 0 {
            let slot = self.buckets[at] as u32 - 1;
            if self.buckets[at] >> 32 == hash >> 32 && same(slot) {
                return Some(slot);
            }
            at = (at + 1) & (self.buckets.len() - 1);
        }
        None
    }

    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        let mut at = self.home(hash);
        while self.buckets[at] != 0 {
            at = (at + 1) & (self.buckets.len() - 1);
        }
        self.buckets[at] = hash >> 32 << 32 | u64::from(slot + 1);
    }

    /// Takes a slot out and closes the gap, so that no probe stops early.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let wanted = hash >> 32 << 32 | u64::from(slot + 1);
        let mask = self.buckets.len() - 1;
        let mut gap = self.home(hash);
        while self.buckets[gap] != wanted {
            if self.buckets[gap] == 0 {
                return;
            }
            gap = (gap + 1) & mask;
        }
        let mut at = (gap + 1) & mask;
        while self.buckets[at] != 0 {
            let from_home = at.wrapping_sub(self.home(self.buckets[at])) & mask;
            if from_home >= (at.wrapping_sub(gap) & mask) {
                self.buckets[gap] = self.buckets[at];
                gap = at;
            }
            at = (at + 1) & mask;
        }
        self.buckets[gap] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    proptest::proptest! {
        /// Hashes from a narrow set, so that chains form, meet and wrap round.
        #[test]
        fn an_index_is_a_map(ops in proptest::collection::vec((0u64..24, proptest::bool::weighted(0.6)), 0..300)) {
            let mut index = Index::new(32);
            let mut model: HashMap<u32, u64> = HashMap::new();
            for (key, insert) in ops {
                let (hash, slot) = ((key / 3 * 7) << 32, key as u32);
                let found = index.find(hash, |s| s == slot);
                proptest::prop_assert_eq!(found.is_some(), model.contains_key(&slot));
                if insert && found.is_none() {
                    index.insert(hash, slot);
                    model.insert(slot, hash);
                } else if !insert {
                    index.remove(hash, slot);
                    model.remove(&slot);
                }
                for (slot, hash) in &model {
                    proptest::prop_assert_eq!(index.find(*hash, |s| s == *slot), Some(*slot));
                }
            }
        }
    }

    #[test]
    fn a_full_slab_gives_no_slot_and_a_freed_one_comes_back() {
        let mut slab = Slab::new(2);
        let (a, b) = (slab.insert('a').unwrap(), slab.insert('b').unwrap());
        assert_eq!((slab.insert('c'), slab.len(), slab.is_full()), (None, 2, true));
        assert_eq!((slab.remove(a), slab.remove(a)), (Some('a'), None));
        assert_eq!(slab.insert('d'), Some(a));
        assert_eq!((slab.get(a), slab.get(b)), (Some(&'d'), Some(&'b')));
    }
}
