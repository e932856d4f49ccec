//! Next hops in use: the kernel is asked about them again, since it sees none of the packets that go there.
//!
//! Place: fast path, where a wing looks its way up anew, which every update of routes and neighbours makes it do. The control
//! side sends a neighbour again when the kernel begins to doubt it; what is still used is then asked for, the rest is left to be
//! forgotten. State: a table of fixed size of when each next hop was seen last; two that share a place crowd each other out, and are
//! found again by the packets that wait for them. Spec: contract-9.

use ravelin_mem::siphash13;
use ravelin_types::{Addr, Family, Instant, InterfaceId};

/// Next hops that are remembered.
const SLOTS: usize = 2048;
/// One is asked for so often at most: less than the kernel takes to doubt it (15 to 45 s).
const EVERY_NS: u64 = 10_000_000_000;

#[derive(Debug)]
pub(crate) struct Refresh {
    slots: Box<[Option<Seen>]>,
    key: (u64, u64),
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    next_hop: (InterfaceId, Family, Addr),
    since: Instant,
}

impl Refresh {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { slots: vec![None; SLOTS].into_boxed_slice(), key }
    }

    /// A next hop is used; whether it is time to ask for it.
    pub(crate) fn is_due(&mut self, next_hop: (InterfaceId, Family, Addr), now: Instant) -> bool {
        let (unit, _, Addr(addr)) = next_hop;
        let words = [u64::from(unit.0), (addr >> 64) as u64, addr as u64];
        let slot = &mut self.slots[siphash13(self.key, words) as usize % SLOTS];
        match slot {
            Some(seen) if seen.next_hop == next_hop => {
                let due = now.0.saturating_sub(seen.since.0) >= EVERY_NS;
                if due {
                    seen.since = now;
                }
                due
            }
            _ => {
                *slot = Some(Seen { next_hop, since: now });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_hop_is_asked_for_when_it_is_used_again_after_a_while() {
        let mut refresh = Refresh::new((1, 2));
        let hop = |n| (InterfaceId(1), Family::V4, Addr::v4([10, 0, 0, n]));
        let seconds = |s: u64| Instant(s * 1_000_000_000);
        assert!(!refresh.is_due(hop(1), seconds(0)), "it was resolved a moment ago");
        assert!(!refresh.is_due(hop(1), seconds(9)));
        assert!(refresh.is_due(hop(1), seconds(10)));
        assert!(!refresh.is_due(hop(1), seconds(19)), "once in ten seconds");
        assert!(!refresh.is_due(hop(2), seconds(19)), "another one");
        assert!(refresh.is_due(hop(1), seconds(50)));
    }
}
