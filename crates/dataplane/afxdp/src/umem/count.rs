//! How many chunks and long frames there are, and whose they are.

use super::{Long, Owner, Umem};

/// Chunks by owner; their sum is always the number of chunks. A long frame that the kernel has a piece of is the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    pub free: usize,
    pub kernel: usize,
    pub held: usize,
}

impl Umem {
    /// Chunks by owner. `held` is counted, not derived, so a lost frame shows.
    #[must_use]
    pub fn census(&self) -> Census {
        let held = self.owners.iter().filter(|owner| **owner == Owner::Frame).count();
        let longs = |is: fn(&Long) -> bool| self.longs.iter().filter(|long| is(long)).count();
        Census {
            free: self.free.len() + self.free_longs.len(),
            kernel: self.lent + longs(|long| matches!(long, Long::Lent(_))),
            held: held + longs(|long| *long == Long::Held),
        }
    }

    /// Number of chunks and of long frames: what a census counts.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.owners.len() + self.longs.len()
    }

    /// Number of long frames.
    #[must_use]
    pub fn longs(&self) -> usize {
        self.longs.len()
    }

    /// Number of free long frames.
    #[must_use]
    pub fn free_longs(&self) -> usize {
        self.free_longs.len()
    }

    /// Number of long frames of which the kernel has a piece.
    #[must_use]
    pub fn lent_longs(&self) -> usize {
        self.lent_longs
    }

    /// Number of chunks, without those of long frames; so are the two below.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.owners.len()
    }

    /// Number of free chunks.
    #[must_use]
    pub fn free_chunks(&self) -> usize {
        self.free.len()
    }

    /// Number of chunks that the kernel has.
    #[must_use]
    pub fn lent_chunks(&self) -> usize {
        self.lent
    }
}
