//! `schedulers`: when policies are in force.

use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Scheduler {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Within any of them; empty: whenever the days say.
    #[lower(list = "start-date")]
    pub dates: Vec<DateSpan>,
    #[lower(container = "daily")]
    pub daily: DaySchedule,
    #[lower(container = "sunday")]
    pub sunday: DaySchedule,
    #[lower(container = "monday")]
    pub monday: DaySchedule,
    #[lower(container = "tuesday")]
    pub tuesday: DaySchedule,
    #[lower(container = "wednesday")]
    pub wednesday: DaySchedule,
    #[lower(container = "thursday")]
    pub thursday: DaySchedule,
    #[lower(container = "friday")]
    pub friday: DaySchedule,
    #[lower(container = "saturday")]
    pub saturday: DaySchedule,
    #[lower(at)]
    pub at: Span,
}

/// From a date on, and up to another one.
#[derive(Clone, Copy, Debug, PartialEq, Lower)]
pub struct DateSpan {
    #[lower(key)]
    pub start: CivilTime,
    #[lower(key = 2)]
    pub stop: CivilTime,
    #[lower(at)]
    pub at: Span,
}

/// What is said of a day.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct DaySchedule {
    #[lower(list = "start-time")]
    pub times: Vec<TimeSpan>,
    #[lower(flag = "exclude")]
    pub exclude: bool,
    #[lower(flag = "all-day")]
    pub all_day: bool,
    #[lower(at)]
    pub at: Span,
}

/// From a time of day on, and up to another one.
#[derive(Clone, Copy, Debug, PartialEq, Lower)]
pub struct TimeSpan {
    #[lower(key)]
    pub start: TimeOfDay,
    #[lower(key = 2)]
    pub stop: TimeOfDay,
    #[lower(at)]
    pub at: Span,
}

/// Seconds since midnight by the clock on the wall, 0 to 86,399.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay(pub u32);

/// A date and a time of day, in no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CivilTime {
    pub year: i16,
    pub month: u8,
    pub day: u8,
    pub time: TimeOfDay,
}

impl DaySchedule {
    /// Nothing is said of the day.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        let Self { times, exclude, all_day, at: _ } = self;
        times.is_empty() && !exclude && !all_day
    }
}

impl Scheduler {
    /// The days of the week, Monday first.
    #[must_use]
    pub fn week(&self) -> [&DaySchedule; 7] {
        let Self { monday, tuesday, wednesday, thursday, friday, saturday, sunday, .. } = self;
        [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
    }
}

impl Value for TimeOfDay {
    /// `hh:mm` or `hh:mm:ss`.
    fn value(word: &str) -> Result<Self, String> {
        let wrong = || format!("`{word}' is no time of day: expected hh:mm or hh:mm:ss");
        let parts: Vec<u32> = word.split(':').map(two_digits).collect::<Option<_>>().ok_or_else(wrong)?;
        let (h, m, s) = match parts[..] {
            [h, m] => (h, m, 0),
            [h, m, s] => (h, m, s),
            _ => return Err(wrong()),
        };
        if h > 23 || m > 59 || s > 59 { Err(wrong()) } else { Ok(Self(h * 3600 + m * 60 + s)) }
    }
}

impl Value for CivilTime {
    /// `YYYY-MM-DD`, and `.hh:mm` or `.hh:mm:ss`.
    fn value(word: &str) -> Result<Self, String> {
        let wrong = || format!("`{word}' is no date: expected YYYY-MM-DD.hh:mm");
        let (date, time) = word.split_once('.').unwrap_or((word, "00:00"));
        let time = TimeOfDay::value(time).map_err(|_| wrong())?;
        let parts: Vec<&str> = date.split('-').collect();
        let &[year, month, day] = &parts[..] else { return Err(wrong()) };
        let is_year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
        let year: i16 = if is_year { year.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        let (month, day) = (two_digits(month).ok_or_else(wrong)?, two_digits(day).ok_or_else(wrong)?);
        if !(1..=12).contains(&month) || day == 0 || day > days_of(year, month) {
            return Err(wrong());
        }
        Ok(Self { year, month: month as u8, day: day as u8, time })
    }
}

fn two_digits(text: &str) -> Option<u32> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn days_of(year: i16, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_dates() {
        assert_eq!(TimeOfDay::value("08:30"), Ok(TimeOfDay(8 * 3600 + 1800)));
        assert_eq!(TimeOfDay::value("23:59:59"), Ok(TimeOfDay(86_399)));
        for wrong in ["24:00", "12", "12:60", "1:2:3:4", "-1:00", "ab:cd", ""] {
            assert!(TimeOfDay::value(wrong).is_err(), "{wrong}");
        }
        let leap = CivilTime { year: 2028, month: 2, day: 29, time: TimeOfDay(60) };
        assert_eq!(CivilTime::value("2028-02-29.00:01"), Ok(leap));
        assert!(CivilTime::value("2028-02-28").is_ok());
        for wrong in [
            "2027-02-29",
            "2100-02-29.00:00",
            "2027-13-01",
            "2027-00-01",
            "27-01-01",
            "2027-1-0",
            "2027-04-31",
        ] {
            assert!(CivilTime::value(wrong).is_err(), "{wrong}");
        }
    }
}
