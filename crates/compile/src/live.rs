//! What policies refer to that changes without a commit: schedules, names of hosts, feeds of addresses.
//!
//! They are known by what they are made of, not by what they are called: a commit that changes one makes another, so
//! that what was true of the old one is never taken for the new one's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ravelin_model::{CivilTime, DaySchedule, DnsName, Feed, FeedServer, Scheduler};
use ravelin_program::Live;
use ravelin_types::{LiveSetId, ScheduleId};

use crate::book::identity;

/// What some policy has that an older dataplane would ignore.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asks {
    /// Whether destinations were translated.
    pub translated: bool,
    /// Gateways that are not those of the port.
    pub gateways: bool,
    /// Reports of sessions that go on.
    pub updates: bool,
}

/// What policies refer to.
#[derive(Debug, Default)]
pub(crate) struct Referred {
    pub schedules: BTreeMap<ScheduleId, String>,
    pub sets: BTreeMap<LiveSetId, String>,
    pub asks: Asks,
}

impl Referred {
    pub(crate) fn into_chunk(self) -> Live {
        Live { schedules: self.schedules.into_iter().collect(), sets: self.sets.into_iter().collect() }
    }
}

/// The schedule that a scheduler describes, whatever it is called.
#[must_use]
pub fn schedule_id(scheduler: &Scheduler) -> ScheduleId {
    let mut text = "scheduler".to_owned();
    let civil = |t: &CivilTime| format!("{}-{}-{}.{}", t.year, t.month, t.day, t.time.0);
    for span in &scheduler.dates {
        let _ = write!(text, " {}..{}", civil(&span.start), civil(&span.stop));
    }
    for day in scheduler.week().into_iter().chain([&scheduler.daily]) {
        let DaySchedule { times, exclude, all_day, at: _ } = day;
        let _ = write!(text, " |{exclude} {all_day}");
        for span in times {
            let _ = write!(text, " {}..{}", span.start.0, span.stop.0);
        }
    }
    ScheduleId(identity(&text).0)
}

/// The addresses of a host's name, of the families that are asked for.
#[must_use]
pub fn name_set_id(name: &DnsName) -> LiveSetId {
    let DnsName { name, ipv4_only, ipv6_only, query_interval_s: _ } = name;
    LiveSetId(identity(&format!("dns-name {} {ipv4_only} {ipv6_only}", name.to_ascii_lowercase())).0)
}

/// Where a feed is had.
#[must_use]
pub fn feed_url(server: &FeedServer, feed: &Feed) -> String {
    let base = match (&server.url, &server.hostname) {
        (Some(url), _) => url.clone(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    };
    match &feed.path {
        Some(path) => format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/')),
        None => base,
    }
}

/// The addresses of a feed.
#[must_use]
pub fn feed_set_id(url: &str) -> LiveSetId {
    LiveSetId(identity(&format!("feed {url}")).0)
}
