//! What workers share: limits that Junos defines per device, as atomics and nothing else.

use ravelin_screen::{Meters, MetersSize};
use ravelin_tcp::aging::{Aging, Pressure};

use crate::groups::Groups;
use crate::random::Seed;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the meters' key is for.
const METERS: u64 = 0x4d54;

/// Limits of the whole device.
#[derive(Debug)]
pub struct Shared {
    sessions: AtomicU64,
    sessions_max: u64,
    /// Sessions are aged early: between the watermarks it stays as it was.
    early: AtomicBool,
    /// What screens count for the whole device.
    pub(crate) meters: Meters,
    /// What the node forwards for in a chassis cluster.
    pub groups: Groups,
}

impl Shared {
    #[must_use]
    pub fn new(sessions_max: u64, seed: &Seed) -> Self {
        let meters = Meters::new(seed.key(METERS), MetersSize::for_sessions(sessions_max as usize));
        let groups = Groups::default();
        Self { sessions: AtomicU64::new(0), sessions_max, early: AtomicBool::new(false), meters, groups }
    }

    /// Takes one session of the device's limit; `false`: none left.
    pub(crate) fn reserve_session(&self) -> bool {
        self.sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
                (live < self.sessions_max).then_some(live + 1)
            })
            .is_ok()
    }

    /// Whether there is no room for another session now.
    pub(crate) fn is_full(&self) -> bool {
        self.sessions.load(Ordering::Relaxed) >= self.sessions_max
    }

    pub(crate) fn release_session(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether sessions are aged early now.
    pub(crate) fn pressure(&self, aging: &Aging) -> Pressure {
        let before = if self.early.load(Ordering::Relaxed) { Pressure::Early } else { Pressure::Normal };
        let now = aging.pressure(before, self.sessions() as usize, self.sessions_max as usize);
        if now != before {
            self.early.store(now == Pressure::Early, Ordering::Relaxed);
        }
        now
    }

    /// A worker died, and its sessions with it.
    pub fn forget_sessions(&self, count: u64) {
        self.sessions.fetch_sub(count, Ordering::Relaxed);
    }

    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    #[must_use]
    pub const fn sessions_max(&self) -> u64 {
        self.sessions_max
    }
}
