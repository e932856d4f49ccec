//! Times of the commit life cycle: when a confirmation is overdue, and what `commit at` means.
//!
//! Pure: every time is an argument. While the daemon runs, a deadline is counted on the monotonic clock; the wall
//! clock decides only over a restart, and then never in favour of waiting longer than was asked for. Spec: commit-12, commit-15.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Now, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Seconds since 1970.
    pub wall_s: u64,
    /// Since any fixed moment of this process.
    pub mono: Duration,
}

/// What is left of `minutes` that began at `made_s`, after a restart. A clock that went back behind the beginning
/// tells nothing: then nothing is left.
#[must_use]
pub(crate) fn left(made_s: u64, minutes: u16, wall_s: u64) -> Duration {
    let whole = u64::from(minutes) * 60;
    match wall_s.checked_sub(made_s) {
        Some(gone) => Duration::from_secs(whole.saturating_sub(gone)),
        None => Duration::ZERO,
    }
}

/// What `commit at` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtTime {
    At(u64),
    Reboot,
}

/// Why a time is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    #[error("invalid time; expecting hh:mm[:ss], \"yyyy-mm-dd hh:mm[:ss]\" or reboot")]
    Format,
    #[error("time must be at least one minute in the future")]
    Past,
}

/// Least time between the command and the commit.
const AHEAD_S: u64 = 60;

/// `hh:mm[:ss]` of today, `yyyy-mm-dd hh:mm[:ss]`, or `reboot`, as the clock on the wall of a zone shows them. Of an
/// hour that comes twice the first is meant, of one that is left out the moment after the gap.
pub(crate) fn parse(text: &str, wall_s: u64, zone: &TimeZone) -> Result<AtTime, AtError> {
    let text = text.trim();
    if text == "reboot" {
        return Ok(AtTime::Reboot);
    }
    let now =
        i64::try_from(wall_s).ok().and_then(|s| Timestamp::from_second(s).ok()).ok_or(AtError::Format)?;
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date.parse::<Date>().map_err(|_| AtError::Format)?, time.trim()),
        None => (now.to_zoned(zone.clone()).date(), text),
    };
    let at = DateTime::from_parts(date, clock(time).ok_or(AtError::Format)?);
    let at = at.to_zoned(zone.clone()).map_err(|_| AtError::Format)?.timestamp().as_second();
    match u64::try_from(at) {
        Ok(at) if at >= wall_s + AHEAD_S => Ok(AtTime::At(at)),
        _ => Err(AtError::Past),
    }
}

fn clock(text: &str) -> Option<Time> {
    let two = |word: &str| (word.len() <= 2).then(|| word.parse::<i8>().ok()).flatten();
    let parts: Option<Vec<i8>> = text.split(':').map(two).collect();
    match parts?[..] {
        [hour, minute] => Time::new(hour, minute, 0, 0).ok(),
        [hour, minute, second] => Time::new(hour, minute, second, 0).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-02-02 02:40:00 UTC.
    const NOW: u64 = 1_770_000_000;

    #[test]
    fn a_time_is_of_today_or_of_a_day() {
        for (text, expected) in [
            ("reboot", Ok(AtTime::Reboot)),
            ("02:41", Ok(AtTime::At(NOW + 60))),
            ("2:41:30", Ok(AtTime::At(NOW + 90))),
            ("2026-02-03 02:40", Ok(AtTime::At(NOW + 86_400))),
            ("2026-02-02 23:59:59", Ok(AtTime::At(NOW + 76_799))),
            ("02:40:59", Err(AtError::Past)),
            ("01:00", Err(AtError::Past)),
            ("2025-02-03 02:40", Err(AtError::Past)),
            ("25:00", Err(AtError::Format)),
            ("02", Err(AtError::Format)),
            ("02:-1", Err(AtError::Format)),
            ("2026-02-30 02:40", Err(AtError::Format)),
            ("tomorrow", Err(AtError::Format)),
            ("", Err(AtError::Format)),
        ] {
            assert_eq!(parse(text, NOW, &TimeZone::UTC), expected, "{text:?}");
        }
    }

    #[test]
    fn a_time_is_that_of_the_zone() {
        let east = TimeZone::fixed(jiff::tz::offset(8));
        // It is 10:40 there, and still the second of February.
        for (text, expected) in [
            ("10:41", Ok(AtTime::At(NOW + 60))),
            ("2026-02-02 10:41", Ok(AtTime::At(NOW + 60))),
            ("10:40", Err(AtError::Past)),
            ("23:40", Ok(AtTime::At(NOW + 13 * 3_600))),
        ] {
            assert_eq!(parse(text, NOW, &east), expected, "{text:?}");
        }
        // 18:40 of the day before.
        let west = TimeZone::fixed(jiff::tz::offset(-8));
        assert_eq!(parse("18:41", NOW, &west), Ok(AtTime::At(NOW + 60)));
        assert_eq!(parse("2026-02-02 00:00", NOW, &west), Ok(AtTime::At(NOW + 5 * 3_600 + 1_200)));
    }

    #[test]
    fn a_clock_that_jumps_never_prolongs_the_wait() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(left(NOW, 10, NOW), minutes(10));
        assert_eq!(left(NOW, 10, NOW + 240), minutes(6));
        assert_eq!(left(NOW, 10, NOW + 600), Duration::ZERO);
        assert_eq!(left(NOW, 10, NOW + 1_000_000), Duration::ZERO, "forward: at once");
        assert_eq!(left(NOW, 10, NOW - 1), Duration::ZERO, "back behind the beginning: at once");
        assert_eq!(left(NOW, 10, 0), Duration::ZERO);
    }
}
