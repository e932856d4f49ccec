//! The world that a case's policies hang on: a clock, names and feeds, kept as the daemon keeps them.

use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ravelin_contract::{LiveUpdate, UpdateBatch};
use ravelin_dynamic::{Answer, Book, DynamicPlan, Now, parse};

/// What the clock shows before a case sets it: 2026-01-01 00:00:00.
const START_S: i64 = 1_767_225_600;

pub(super) struct World {
    book: Book,
    wall: Timestamp,
    mono: Duration,
}

impl Default for World {
    fn default() -> Self {
        let wall = Timestamp::from_second(START_S).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { book: Book::new(TimeZone::UTC), wall, mono: Duration::ZERO }
    }
}

impl World {
    fn now(&self) -> Now {
        Now { wall: self.wall, mono: self.mono }
    }

    /// A configuration is about to be committed.
    pub(super) fn follow(&mut self, plan: DynamicPlan) {
        self.book.follow(plan, self.now());
    }

    /// What is new to the plane; `None`: nothing, or nothing hangs on the world at all.
    pub(super) fn news(&mut self) -> Option<UpdateBatch> {
        let now = self.now();
        let update = self.book.update(now)?;
        // The first word to a plane that has heard nothing, about nothing.
        if update == (LiveUpdate { resync: true, ..LiveUpdate::default() }) {
            return None;
        }
        Some(UpdateBatch { live: Some(update), ..UpdateBatch::default() })
    }

    /// How far time may go at once.
    pub(super) fn stride(&self, left: Duration) -> Duration {
        let until = self.book.until(self.now());
        until.map_or(left, |until| until.clamp(Duration::from_millis(1), left.max(Duration::from_millis(1))))
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.mono += by;
        let by = SignedDuration::try_from(by).unwrap_or_default();
        self.wall = self.wall.saturating_add(by).unwrap_or(self.wall);
    }

    /// Sets the clock, backwards perhaps.
    pub(super) fn set_clock(&mut self, wall: Timestamp) {
        self.wall = wall;
    }

    pub(super) fn resolved(&mut self, name: &str, list: &[IpAddr]) {
        let now = self.now();
        let answer = match list {
            [] => Answer::None { ttl: None },
            list => Answer::Addresses { list: list.to_vec(), ttl: None },
        };
        self.book.answered(name, answer, now);
    }

    pub(super) fn fed(&mut self, url: &str, entries: &[String]) {
        let now = self.now();
        self.book.had(url, parse(entries.join("\n").as_bytes()), now);
    }
}
