//! The state's own random numbers: SipHash-2-4 over a counter under a secret key.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The secret a state is built from: random in production, constant in the simulator.
#[derive(Clone, Copy)]
pub struct Seed(pub [u8; 32]);

/// A generator nobody outside can predict.
pub(crate) struct Random {
    key: (u64, u64),
    counter: u64,
}

impl Seed {
    /// A key for one purpose, independent of those for others.
    pub(crate) fn key(&self, purpose: u64) -> (u64, u64) {
        let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|b| self.0[i * 8 + b]));
        let derive = |lane: u64| {
            let mut hasher = SipHasher24::new_with_keys(word(0), word(1));
            for value in [word(2), word(3), purpose, lane] {
                hasher.write_u64(value);
            }
            hasher.finish()
        };
        (derive(0), derive(1))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(secret)")
    }
}

impl Random {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { key, counter: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write_u64(self.counter);
        hasher.finish()
    }
}
