//! Where and when this is: what conditions of groups are judged by.
//!
//! Junos: `groups G when time`. Place: before every check; at each tick the active configuration is applied anew when other
//! conditions hold than when it was applied last. Spec: language-73..75.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_schema::{Clock, Situation};
use ravelin_store::Disk;
use ravelin_syntax::Tree;

use super::Life;
use crate::Now;

/// What a clock shows in a zone.
fn clock(now: Now, zone: &TimeZone) -> Clock {
    let seconds = i64::try_from(now.wall_s).unwrap_or(i64::MAX);
    let shown = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_zoned(zone.clone());
    let (date, time) = (shown.date(), shown.time());
    let positive = |part: i8| part.unsigned_abs();
    let second = u32::from(positive(time.hour())) * 3600
        + u32::from(positive(time.minute())) * 60
        + u32::from(positive(time.second()));
    Clock { date: (date.year(), positive(date.month()), positive(date.day())), second }
}

impl<D: Disk + Send> Life<D> {
    /// What a configuration is judged by now. Its own time zone, as it is written outside of groups, goes before the
    /// machine's.
    #[must_use]
    pub fn situation(&self, tree: &Tree, now: Now) -> Situation {
        let zone = zone_of(&self.machine_zone, tree);
        Situation { node: None, clock: Some(clock(now, &zone)) }
    }

    /// What the clock of the active configuration shows.
    pub(super) fn clock(&self, now: Now) -> Clock {
        clock(now, &self.active_zone)
    }
}

pub(super) fn zone_of(machine: &TimeZone, tree: &Tree) -> TimeZone {
    let own = ravelin_schema::time_zone(tree).and_then(ravelin_dynamic::time_zone);
    own.unwrap_or_else(|| machine.clone())
}
