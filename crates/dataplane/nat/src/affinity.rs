//! Which worker may lease which port, and which worker decides for a host or a pool.
//!
//! Place: a pure function of numbers, so that steering and every worker agree without asking each other.
//! State: none. Spec: nat-pool-30..34.

use std::hash::Hasher;

use ravelin_types::{Addr, Family, WorkerId};
use siphasher::sip::SipHasher13;

use crate::config::PoolId;
use crate::table;

/// Ports in one word of a bitmap, and in one stripe.
const WORD: u16 = 64;
const WORDS: u16 = 1024;

/// How the 65,536 ports of an address are divided among workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// One run of ports a worker: the owner is `port * workers >> 16`. A pool with a narrow port range may
    /// lie wholly in one worker's run, and privileged ports all are worker 0's.
    Runs,
    /// 64 ports a worker in turn: every range of `64 * workers` ports has some of each worker.
    Stripes,
}

/// Where a reply that steering can't bring to the session's owner needs a stub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubAt {
    /// With the owner of the external port.
    Worker(WorkerId),
    /// With the owner of the reply's tuple, by steering's symmetric hash.
    TupleOwner,
}

/// One worker among all, with the key that all have in common.
#[derive(Clone, Copy, Debug)]
pub struct Affinity {
    worker: WorkerId,
    workers: u8,
    split: Split,
    key: (u64, u64),
}

impl Affinity {
    /// # Panics
    /// When the worker is not one of `workers`.
    #[must_use]
    pub fn new(worker: WorkerId, workers: u8, split: Split, key: (u64, u64)) -> Self {
        assert!(worker.0 < workers, "a worker is one of them all");
        Self { worker, workers, split, key }
    }

    #[must_use]
    pub const fn worker(&self) -> WorkerId {
        self.worker
    }

    #[must_use]
    pub const fn workers(&self) -> u8 {
        self.workers
    }

    /// The owner of a port that was chosen by its worker.
    #[must_use]
    pub fn of_port(&self, port: u16) -> WorkerId {
        match self.split {
            Split::Runs => WorkerId(((u32::from(port) * u32::from(self.workers)) >> 16) as u8),
            Split::Stripes => WorkerId((port / WORD % u16::from(self.workers)) as u8),
        }
    }

    /// The one worker that keeps what belongs to an internal host: its pairing, blocks and mappings. Hosts of
    /// one address in different routing instances have one home, so that a reply can tell it too.
    #[must_use]
    pub fn home(&self, family: Family, host: Addr) -> WorkerId {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u128(host.0);
        hasher.write_u8(family as u8);
        self.pick(hasher.finish())
    }

    /// The one worker that gives out the addresses of a pool without port translation.
    #[must_use]
    pub fn home_of_pool(&self, pool: PoolId) -> WorkerId {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u16(pool.0);
        self.pick(hasher.finish())
    }

    /// The worker that needs a stub, when a session of `owner` has a port that was not chosen.
    #[must_use]
    pub fn needs_stub(&self, owner: WorkerId, external: Option<u16>) -> Option<StubAt> {
        match external {
            None if self.workers == 1 => None,
            None => Some(StubAt::TupleOwner),
            Some(port) => {
                let answers_reach = self.of_port(port);
                (answers_reach != owner).then_some(StubAt::Worker(answers_reach))
            }
        }
    }

    /// The part of a port range that this worker leases from.
    pub(crate) fn region(&self, low: u16, high: u16) -> Option<Region> {
        self.region_of(self.worker, low, high)
    }

    fn region_of(&self, worker: WorkerId, low: u16, high: u16) -> Option<Region> {
        match self.split {
            Split::Runs => {
                let (first, last) = self.run_of(worker);
                let (low, high) = (low.max(first), high.min(last));
                (low <= high).then(|| Region::all(low, high))
            }
            Split::Stripes => {
                let (from, to, turn) = (low / WORD, high / WORD, u16::from(worker.0));
                let stride = u16::from(self.workers);
                let first = from + (turn + stride - from % stride) % stride;
                (low <= high && first <= to).then(|| Region {
                    low,
                    high,
                    first,
                    stride,
                    count: (to - first) / stride + 1,
                })
            }
        }
    }

    /// Who leases from a range for a host: the worker wished for, when any of the range is its own, else one
    /// that all workers agree on.
    pub(crate) fn leaser(&self, wished: WorkerId, (low, high): (u16, u16), host: Addr) -> WorkerId {
        if low > high || self.region_of(wished, low, high).is_some() {
            return wished;
        }
        let [upper, lower] = table::halves(host);
        let offset = self.spread(&[upper, lower]) % (u64::from(high - low) + 1);
        self.of_port(low + offset as u16)
    }

    /// The first and last port of a worker's run.
    fn run_of(&self, worker: WorkerId) -> (u16, u16) {
        let edge = |worker: u32| (worker << 16).div_ceil(u32::from(self.workers));
        let worker = u32::from(worker.0);
        (edge(worker) as u16, (edge(worker + 1) - 1) as u16)
    }

    /// A number that all workers agree on.
    pub(crate) fn spread(&self, words: &[u64]) -> u64 {
        table::hash(self.key, words)
    }

    fn pick(&self, hash: u64) -> WorkerId {
        WorkerId((((hash >> 32) * u64::from(self.workers)) >> 32) as u8)
    }
}

/// Ports to search: a range, and of its words every `stride`th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    low: u16,
    high: u16,
    first: u16,
    stride: u16,
    count: u16,
}

impl Region {
    /// Every port from `low` to `high`, whoever owns it.
    pub(crate) const fn all(low: u16, high: u16) -> Self {
        Self { low, high, first: low / WORD, stride: 1, count: high / WORD - low / WORD + 1 }
    }

    /// The ports of one word that belong to the region, if the word does.
    pub(crate) const fn mask(&self, word: usize) -> u64 {
        let mut mask = !0;
        if word == (self.low / WORD) as usize {
            mask &= !0 << (self.low % WORD);
        }
        if word == (self.high / WORD) as usize {
            mask &= !0 >> (WORD - 1 - self.high % WORD);
        }
        mask
    }

    /// A word to begin with; every one equally likely.
    pub(crate) fn start(&self, dice: u32) -> usize {
        let turn = (u64::from(dice) * u64::from(self.count)) >> 32;
        usize::from(self.first) + usize::from(self.stride) * turn as usize
    }

    /// The word of a port, when the region holds it.
    pub(crate) fn word_of(&self, port: u16) -> Option<usize> {
        let word = port / WORD;
        let last = self.first + self.stride * (self.count - 1);
        let inside = (self.first..=last).contains(&word) && (word - self.first).is_multiple_of(self.stride);
        (inside && (self.low..=self.high).contains(&port)).then_some(usize::from(word))
    }

    /// The words of one group of 64 that belong to the region, as bits.
    pub(crate) fn words_in(&self, group: usize) -> u64 {
        let base = group as u16 * WORD;
        let last = self.first + self.stride * (self.count - 1);
        let mut word = if self.first >= base {
            self.first
        } else {
            self.first + (base - self.first).next_multiple_of(self.stride)
        };
        if self.stride == 1 {
            let (from, to) = (word.max(base), last.min(base + WORD - 1));
            return if from > to { 0 } else { (!0 << (from - base)) & (!0 >> (WORD - 1 - (to - base))) };
        }
        let mut words = 0;
        while word <= last && word < base + WORD {
            words |= 1 << (word - base);
            word += self.stride;
        }
        words
    }

    /// How many ports the region has.
    pub(crate) fn ports(&self) -> u32 {
        let words = (0..WORDS as usize).filter(|w| self.words_in(w / 64) >> (w % 64) & 1 == 1);
        words.map(|w| self.mask(w).count_ones()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(worker: u8, workers: u8, split: Split) -> Affinity {
        Affinity::new(WorkerId(worker), workers, split, (1, 2))
    }

    proptest::proptest! {
        #[test]
        fn a_port_is_in_its_owners_region_and_in_no_others(
            port: u16, low: u16, high: u16, workers in 1u8..40, stripes: bool,
        ) {
            let split = if stripes { Split::Stripes } else { Split::Runs };
            for worker in 0..workers {
                let affinity = of(worker, workers, split);
                let expected = affinity.of_port(port).0 == worker && (low..=high).contains(&port);
                let held = affinity.region(low, high).is_some_and(|region| {
                    let word = usize::from(port / WORD);
                    let listed = region.words_in(word / 64) >> (word % 64) & 1 == 1;
                    listed && region.mask(word) >> (port % WORD) & 1 == 1
                });
                proptest::prop_assert_eq!(held, expected, "worker {}", worker);
            }
        }

        #[test]
        fn regions_of_all_workers_make_the_whole_range(low: u16, high: u16, workers in 1u8..40, stripes: bool) {
            let split = if stripes { Split::Stripes } else { Split::Runs };
            let ports = |w| of(w, workers, split).region(low, high).map_or(0, |r| r.ports());
            let all: u32 = (0..workers).map(ports).sum();
            proptest::prop_assert_eq!(all, (u32::from(high) + 1).saturating_sub(u32::from(low)));
        }
    }

    #[test]
    fn runs_are_those_of_steering() {
        for (port, workers, owner) in
            [(0, 4, 0), (16383, 4, 0), (16384, 4, 1), (65535, 4, 3), (21845, 3, 0), (21846, 3, 1)]
        {
            assert_eq!(of(0, workers, Split::Runs).of_port(port), WorkerId(owner), "{port} of {workers}");
        }
    }

    #[test]
    fn a_chosen_port_needs_no_stub_and_another_names_its_owner() {
        let affinity = of(1, 4, Split::Runs);
        assert_eq!(affinity.needs_stub(WorkerId(1), Some(16384)), None);
        assert_eq!(affinity.needs_stub(WorkerId(1), Some(5)), Some(StubAt::Worker(WorkerId(0))));
        assert_eq!(affinity.needs_stub(WorkerId(1), None), Some(StubAt::TupleOwner));
        assert_eq!(of(0, 1, Split::Runs).needs_stub(WorkerId(0), None), None);
    }

    #[test]
    fn homes_are_spread_and_the_same_for_every_worker() {
        let mut seen = [0u32; 4];
        for host in 0..4000u128 {
            let home = of(0, 4, Split::Runs).home(Family::V4, Addr(host));
            assert_eq!(home, of(3, 4, Split::Stripes).home(Family::V4, Addr(host)));
            seen[home.index()] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
