//! When a scheduler is open.
//!
//! The clock on the wall decides, by date and time of day where the firewall stands: through an hour that comes twice a
//! window is open twice, and of an hour that is left out nothing is. Spec: scheduler-1..8.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use ravelin_model::{CivilTime, DaySchedule, Scheduler};

/// Days that are looked ahead for a change; after them it is looked again.
const DAYS_AHEAD: i32 = 8;
const DAY_S: u32 = 86_400;

/// A scheduler, ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Open from the first up to the second; empty: always.
    dates: Vec<(DateTime, DateTime)>,
    /// Monday first; `None`: dates alone decide.
    week: Option<[Vec<Window>; 7]>,
}

/// Seconds of a day: open from the first up to the second, which may lie behind midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start: u32,
    stop: u32,
}

/// What a schedule is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    pub open: bool,
    /// It is so up to here at least.
    pub until: Timestamp,
    /// At `until` it changes; else it is only looked again.
    pub changes: bool,
}

impl Schedule {
    #[must_use]
    pub fn new(scheduler: &Scheduler) -> Self {
        let dates = scheduler.dates.iter().map(|span| (civil(span.start), civil(span.stop))).collect();
        let (daily, days) = (&scheduler.daily, scheduler.week());
        let is_set = !daily.is_unset() || days.iter().any(|day| !day.is_unset());
        let of_day = |day: &DaySchedule| windows(if day.is_unset() { daily } else { day });
        Self { dates, week: is_set.then(|| days.map(of_day)) }
    }

    /// Whether it is open at a moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = zone.to_datetime(at);
        let within = |(start, stop): &(DateTime, DateTime)| *start <= local && local < *stop;
        if !self.dates.is_empty() && !self.dates.iter().any(within) {
            return false;
        }
        let Some(week) = &self.week else { return true };
        let time = local.time();
        let second = u32::try_from(time.hour()).unwrap_or(0) * 3600
            + u32::try_from(time.minute()).unwrap_or(0) * 60
            + u32::try_from(time.second()).unwrap_or(0);
        let today = usize::try_from(local.date().weekday().to_monday_zero_offset()).unwrap_or(0);
        let yesterday = (today + 6) % 7;
        week[today].iter().any(|w| w.start <= second && second < w.stop)
            || week[yesterday].iter().any(|w| second + DAY_S < w.stop)
    }

    /// What it is, and until when.
    #[must_use]
    pub fn state(&self, now: Timestamp, zone: &TimeZone) -> ScheduleState {
        let open = self.is_open(now, zone);
        let today = zone.to_datetime(now).date();
        let horizon = moments(zone, midnight(plus(today, DAYS_AHEAD))).into_iter().max();
        let horizon = horizon.unwrap_or(now);
        let mut moments: Vec<_> = self.edges(today, zone).into_iter().filter(|at| *at > now).collect();
        moments.sort_unstable();
        let change = moments.into_iter().find(|at| self.is_open(*at, zone) != open);
        match change {
            Some(until) => ScheduleState { open, until, changes: true },
            None => ScheduleState { open, until: horizon.max(now), changes: false },
        }
    }

    /// Every moment within the days ahead, and every date, at which it may change.
    fn edges(&self, today: Date, zone: &TimeZone) -> Vec<Timestamp> {
        let mut out = Vec::new();
        for (start, stop) in &self.dates {
            out.extend(moments(zone, *start));
            out.extend(moments(zone, *stop));
        }
        let first = plus(today, -1);
        let mut seconds: Vec<u32> = vec![0];
        let windows = self.week.iter().flatten().flatten();
        seconds.extend(windows.flat_map(|w| [w.start, w.stop % DAY_S]));
        seconds.sort_unstable();
        seconds.dedup();
        for ahead in 0..DAYS_AHEAD {
            let day = plus(today, ahead);
            for second in &seconds {
                out.extend(moments(zone, day.to_datetime(time_of(*second))));
            }
        }
        // Where the clock on the wall is put forward or back.
        if let Some(from) = moments(zone, midnight(first)).into_iter().min() {
            let last = plus(today, DAYS_AHEAD);
            let turns = zone.following(from).map(|turn| turn.timestamp());
            out.extend(turns.take_while(|at| zone.to_datetime(*at).date() <= last));
        }
        out
    }
}

/// The moments that a reading of the clock stands for: none, one or two; of one that is left out, where it would be.
fn moments(zone: &TimeZone, reading: DateTime) -> Vec<Timestamp> {
    let offsets = match zone.to_ambiguous_timestamp(reading).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
            vec![before, after]
        }
    };
    offsets.into_iter().filter_map(|offset| offset.to_timestamp(reading).ok()).collect()
}

fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

fn midnight(date: Date) -> DateTime {
    date.to_datetime(Time::midnight())
}

fn time_of(second: u32) -> Time {
    let part = |value: u32| i8::try_from(value).unwrap_or(0);
    let time = Time::new(part(second / 3600), part(second / 60 % 60), part(second % 60), 0);
    time.unwrap_or(Time::midnight())
}

fn civil(at: CivilTime) -> DateTime {
    let part = |value: u8| i8::try_from(value).unwrap_or(1);
    let date = Date::new(at.year, part(at.month), part(at.day)).unwrap_or(Date::MAX);
    date.to_datetime(time_of(at.time.0))
}

fn windows(day: &DaySchedule) -> Vec<Window> {
    let DaySchedule { times, exclude, all_day, at: _ } = day;
    if *exclude {
        return Vec::new();
    }
    if *all_day {
        return vec![Window { start: 0, stop: DAY_S }];
    }
    let window =
        |start: u32, stop: u32| Window { start, stop: if stop > start { stop } else { stop + DAY_S } };
    times.iter().map(|span| window(span.start.0, span.stop.0)).collect()
}
