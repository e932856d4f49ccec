//! Cookies already used, so that the same ACK opens no second connection.
//!
//! One a worker: the packets of one connection come to one worker. Only good cookies enter, and those cost a real
//! round trip each. Spec: screen-63.

use ravelin_mem::siphash13;
use ravelin_types::Instant;

use super::{Connection, LIFETIME};

const WAYS: usize = 4;

/// A fixed table of hashes of used cookies with the time of use.
#[derive(Debug)]
pub struct Spent {
    key: (u64, u64),
    cells: Box<[(u64, Instant)]>,
}

impl Spent {
    /// `cells` is rounded up to a power of two, four at least; 16 bytes each.
    #[must_use]
    pub fn new(key: (u64, u64), cells: usize) -> Self {
        let count = cells.max(WAYS).next_power_of_two();
        Self { key, cells: vec![(0, Instant::ZERO); count].into_boxed_slice() }
    }

    /// Whether a cookie was used.
    pub(super) fn has(&self, connection: &Connection, cookie: u32, now: Instant) -> bool {
        let (id, first) = self.place(connection, cookie);
        self.cells[first..first + WAYS].iter().any(|(held, at)| *held == id && now.since(*at) < LIFETIME)
    }

    /// Marks a cookie as used. In a full bucket the oldest use is forgotten.
    pub fn spend(&mut self, connection: &Connection, cookie: u32, now: Instant) {
        let (id, first) = self.place(connection, cookie);
        let bucket = &mut self.cells[first..first + WAYS];
        if let Some(oldest) = bucket.iter_mut().min_by_key(|(held, at)| (*held != id, *held != 0, *at)) {
            *oldest = (id, now);
        }
    }

    /// What stands for a cookie, and where its bucket begins.
    fn place(&self, connection: &Connection, cookie: u32) -> (u64, usize) {
        let [a, b, c, d, e] = connection.words();
        let id = siphash13(self.key, [a, b, c, d, e, cookie.into()]) | 1;
        (id, (id >> 32) as usize & (self.cells.len() - 1) & !(WAYS - 1))
    }
}
