//! What workers share: limits that Junos defines per device, as atomics and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

/// Limits of the whole device.
#[derive(Debug)]
pub struct Shared {
    sessions: AtomicU64,
    sessions_max: u64,
}

impl Shared {
    #[must_use]
    pub fn new(sessions_max: u64) -> Self {
        Self { sessions: AtomicU64::new(0), sessions_max }
    }

    /// Takes one session of the device's limit; `false`: none left.
    pub(crate) fn reserve_session(&self) -> bool {
        self.sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
                (live < self.sessions_max).then_some(live + 1)
            })
            .is_ok()
    }

    pub(crate) fn release_session(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
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
