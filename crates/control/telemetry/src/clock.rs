//! Timestamps of messages. What changes once a second is made once a second.
//!
//! Spec: log-3, log-4, log-6.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_model::LogTimeFormat;

/// The time of the message that is being written.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    second: Option<i64>,
    microsecond: i64,
    millisecond: u16,
    /// `2026-11-21T07:13:39`.
    date: String,
    /// `Z`, or the offset `+02:00`.
    offset: String,
    /// `Nov 21 07:13:39`.
    bsd: String,
    year: i16,
}

impl Clock {
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: None,
            microsecond: 0,
            millisecond: 0,
            date: String::new(),
            offset: String::new(),
            bsd: String::new(),
            year: 0,
        }
    }

    pub fn set(&mut self, now: Timestamp) {
        // Rounded down also before 1970.
        self.microsecond = now.as_microsecond();
        let millisecond = now.as_millisecond();
        let second = millisecond.div_euclid(1000);
        self.millisecond = u16::try_from(millisecond.rem_euclid(1000)).unwrap_or(0);
        if self.second == Some(second) {
            return;
        }
        self.second = Some(second);
        let local = now.to_zoned(self.zone.clone());
        self.year = local.year();
        self.date.clear();
        self.bsd.clear();
        self.offset.clear();
        let _ = write!(self.date, "{}", local.strftime("%Y-%m-%dT%H:%M:%S"));
        let _ = write!(self.bsd, "{}", local.strftime("%b %e %H:%M:%S"));
        let _ = if self.zone == TimeZone::UTC {
            write!(self.offset, "Z")
        } else {
            write!(self.offset, "{}", local.strftime("%:z"))
        };
    }

    /// RFC 3339, in milliseconds.
    pub(crate) fn rfc3339(&self, out: &mut String) {
        let Self { date, millisecond, offset, .. } = self;
        let _ = write!(out, "{date}.{millisecond:03}{offset}");
    }

    /// RFC 3164, with what Junos' `time-format` adds.
    pub(crate) fn bsd(&self, out: &mut String, format: LogTimeFormat) {
        out.push_str(&self.bsd);
        if format.millisecond {
            let _ = write!(out, ".{:03}", self.millisecond);
        }
        if format.year {
            let _ = write!(out, " {}", self.year);
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn microsecond(&self) -> i64 {
        self.microsecond
    }

    /// Whole seconds of the last `set`.
    pub(crate) fn second(&self) -> i64 {
        self.second.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: TimeZone) -> Clock {
        let mut clock = Clock::new(zone);
        clock.set(text.parse().unwrap());
        clock
    }

    #[track_caller]
    fn check(clock: &Clock, format: LogTimeFormat, rfc3339: &str, bsd: &str) {
        let mut out = String::new();
        clock.rfc3339(&mut out);
        assert_eq!(out, rfc3339);
        out.clear();
        clock.bsd(&mut out, format);
        assert_eq!(out, bsd);
    }

    /// The second form of each is that of Juniper's page on `time-format`.
    #[test]
    fn timestamps_are_in_the_zone_and_have_what_was_asked_for() {
        let plain = LogTimeFormat::default();
        let utc = at("2006-08-21T12:36:30.401Z", TimeZone::UTC);
        check(&utc, plain, "2006-08-21T12:36:30.401Z", "Aug 21 12:36:30");
        let full = LogTimeFormat { year: true, millisecond: true };
        check(&utc, full, "2006-08-21T12:36:30.401Z", "Aug 21 12:36:30.401 2006");
        let east = TimeZone::fixed(jiff::tz::offset(8));
        let local = at("2010-09-05T22:55:04.0329Z", east);
        let year = LogTimeFormat { year: true, millisecond: false };
        check(&local, year, "2010-09-06T06:55:04.032+08:00", "Sep  6 06:55:04 2010");
    }

    #[test]
    fn a_second_is_made_anew_only_when_it_changes() {
        let mut clock = at("2026-01-01T00:00:00.999Z", TimeZone::UTC);
        clock.set("2026-01-01T00:00:01Z".parse().unwrap());
        check(&clock, LogTimeFormat::default(), "2026-01-01T00:00:01.000Z", "Jan  1 00:00:01");
        clock.set("2025-12-31T23:59:59.5Z".parse().unwrap());
        check(&clock, LogTimeFormat::default(), "2025-12-31T23:59:59.500Z", "Dec 31 23:59:59");
    }
}
