//! The log that `show firewall log` reads: the last packets for which a term with `log` held.
//!
//! State: a ring of a worker's, as long as it is made; the oldest entry makes room.

use std::collections::VecDeque;

use ravelin_contract::FilterHit;
use ravelin_types::Instant;

/// Entries that a worker keeps.
pub(crate) const LOG_MAX: usize = 512;

#[derive(Debug)]
pub(crate) struct LogRing(VecDeque<(Instant, FilterHit)>);

impl LogRing {
    pub(crate) fn new() -> Self {
        Self(VecDeque::with_capacity(LOG_MAX))
    }

    pub(crate) fn push(&mut self, now: Instant, hit: FilterHit) {
        if self.0.len() == LOG_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, hit));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, FilterHit)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_contract::{FilterAction, SessionKey};
    use ravelin_types::{InstanceId, InterfaceId, Proto};

    #[test]
    fn the_oldest_entry_makes_room() {
        let addr = std::net::IpAddr::from([192, 0, 2, 1]);
        let key = SessionKey {
            src: addr,
            dst: addr,
            sport: 0,
            dport: 0,
            proto: Proto::TCP,
            instance: InstanceId::DEFAULT,
        };
        let action = FilterAction::Accept;
        let hit = FilterHit { filter: 1, term: 0, action, interface: InterfaceId(0), key, bytes: 40 };
        let mut ring = LogRing::new();
        for n in 0..LOG_MAX as u64 + 3 {
            ring.push(Instant(n), hit);
        }
        assert_eq!(ring.iter().count(), LOG_MAX);
        assert_eq!(ring.iter().next().map(|(at, _)| at), Some(Instant(3)));
    }
}
