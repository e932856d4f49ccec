//! A recorder with room for so many facts and no more.

use crate::explain::{Fact, Recorder};

/// Facts of one packet.
pub const FACTS_MAX: usize = 48;
/// Policies passed over that are noted one by one of each section.
const PASSED_MAX: usize = 16;

/// Facts of one packet, the first of them when there are too many.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    facts: Vec<Fact>,
    room: usize,
    pub lost: u32,
}

impl Tape {
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self { facts: Vec::with_capacity(room), room, lost: 0 }
    }

    /// In the order in which they were found.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub(super) fn clear(&mut self) {
        self.facts.clear();
        self.lost = 0;
    }

    /// The same facts, in room that is there.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let fit = other.facts.len().min(self.room);
        self.facts.clear();
        self.facts.extend_from_slice(&other.facts[..fit]);
        self.lost = other.lost + (other.facts.len() - fit) as u32;
    }
}

impl Recorder for Tape {
    const ON: bool = true;
    const PASSED_MAX: usize = PASSED_MAX;
    fn fact(&mut self, fact: Fact) {
        // The end of the story is worth more than the middle.
        if self.facts.len() == self.room {
            self.lost += 1;
            if let (Fact::Dropped(_), Some(last)) = (fact, self.facts.last_mut()) {
                *last = fact;
            }
            return;
        }
        self.facts.push(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::DropReason;

    #[test]
    fn a_full_tape_counts_and_keeps_the_end() {
        let mut tape = Tape::with_room(2);
        for _ in 0..4 {
            tape.fact(Fact::SessionMiss);
        }
        tape.fact(Fact::Dropped(DropReason::NoRoute));
        assert_eq!(tape.facts(), [Fact::SessionMiss, Fact::Dropped(DropReason::NoRoute)]);
        assert_eq!(tape.lost, 3);
        let mut copy = Tape::with_room(1);
        copy.copy_from(&tape);
        assert_eq!((copy.facts(), copy.lost), (&[Fact::SessionMiss][..], 4));
        assert_eq!(copy.facts.capacity(), 1, "nothing is allocated");
    }
}
