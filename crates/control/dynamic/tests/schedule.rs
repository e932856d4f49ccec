//! Schedules against a naive reading of the clock, second by second.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use ravelin_dynamic::Schedule;
use ravelin_model::{CivilTime, DateSpan, DaySchedule, Scheduler, TimeOfDay, TimeSpan, load};

fn scheduler(lines: &str) -> Schedule {
    let text: String = lines.lines().map(|l| format!("set schedulers scheduler s {}\n", l.trim())).collect();
    let valid = load(&text).result.unwrap();
    Schedule::new(&valid.get().schedulers[0])
}

fn moment(text: &str, zone: &TimeZone) -> Timestamp {
    text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap().timestamp()
}

/// `expected`: what it is at the moment, and when that changes (in local time; `-` for no change near).
#[track_caller]
fn check(lines: &str, zone: &str, at: &str, expected: (bool, &str)) {
    let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::posix(zone).unwrap() };
    let state = scheduler(lines).state(moment(at, &zone), &zone);
    let until = if state.changes { zone.to_datetime(state.until).to_string() } else { "-".to_owned() };
    assert_eq!((state.open, until.as_str()), expected, "{at}");
}

/// Central Europe: forward at 02:00 on the last Sunday of March, back at 03:00 on the last of October.
const CENTRAL: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

#[test]
fn a_day_has_its_times() {
    let office = "daily start-time 08:00 stop-time 17:00";
    check(office, "UTC", "2026-11-20T07:59:59", (false, "2026-11-20T08:00:00"));
    check(office, "UTC", "2026-11-20T08:00:00", (true, "2026-11-20T17:00:00"));
    check(office, "UTC", "2026-11-20T16:59:59", (true, "2026-11-20T17:00:00"));
    check(office, "UTC", "2026-11-20T17:00:00", (false, "2026-11-21T08:00:00"));
}

#[test]
fn a_weekday_goes_before_daily() {
    // 2026-11-21 is a Saturday.
    let week = "daily start-time 08:00 stop-time 17:00\nsaturday exclude\nsunday all-day";
    check(week, "UTC", "2026-11-21T09:00:00", (false, "2026-11-22T00:00:00"));
    check(week, "UTC", "2026-11-22T03:00:00", (true, "2026-11-23T00:00:00"));
    let monday = "monday start-time 10:00:30 stop-time 10:00:31";
    check(monday, "UTC", "2026-11-21T09:00:00", (false, "2026-11-23T10:00:30"));
    check(monday, "UTC", "2026-11-23T10:00:30", (true, "2026-11-23T10:00:31"));
}

#[test]
fn times_may_cross_midnight_into_a_day_that_is_excluded() {
    let night = "daily start-time 22:00 stop-time 06:00\nsaturday exclude";
    check(night, "UTC", "2026-11-20T23:00:00", (true, "2026-11-21T06:00:00"));
    check(night, "UTC", "2026-11-21T05:59:59", (true, "2026-11-21T06:00:00"));
    check(night, "UTC", "2026-11-21T23:00:00", (false, "2026-11-22T22:00:00"));
    check(night, "UTC", "2026-11-22T05:00:00", (false, "2026-11-22T22:00:00"));
}

#[test]
fn dates_bound_it_and_suffice() {
    let once = "start-date 2026-12-01.08:00 stop-date 2027-02-01.00:00";
    check(once, "UTC", "2026-11-21T00:00:00", (false, "2026-12-01T08:00:00"));
    check(once, "UTC", "2027-01-31T23:59:59", (true, "2027-02-01T00:00:00"));
    check(once, "UTC", "2027-02-01T00:00:00", (false, "-"));
    let both =
        "start-date 2026-12-01.08:00 stop-date 2027-02-01.00:00\ndaily start-time 06:00 stop-time 09:00";
    check(both, "UTC", "2026-12-01T07:00:00", (false, "2026-12-01T08:00:00"));
    check(both, "UTC", "2026-12-01T08:30:00", (true, "2026-12-01T09:00:00"));
}

#[test]
fn an_hour_left_out_is_not_open_and_one_that_comes_twice_is_twice() {
    let hour = "daily start-time 02:15 stop-time 02:45";
    // 2026-03-29: 02:00 to 03:00 does not exist.
    check(hour, CENTRAL, "2026-03-29T01:59:59", (false, "2026-03-30T02:15:00"));
    // 2026-10-25: 02:00 to 03:00 comes twice.
    let zone = TimeZone::posix(CENTRAL).unwrap();
    let schedule = scheduler(hour);
    let first = moment("2026-10-25T02:15:00", &zone);
    let second = |s: i64| Timestamp::from_second(first.as_second() + s).unwrap();
    let open: Vec<bool> =
        [0, 1799, 1800, 3599, 3600, 5399, 5400].map(|s| schedule.is_open(second(s), &zone)).into();
    assert_eq!(open, [true, true, false, false, true, true, false]);
    assert_eq!(schedule.state(second(1800), &zone).until, second(3600));
}

#[test]
fn a_leap_day_is_a_day() {
    let day = "start-date 2028-02-29.00:00 stop-date 2028-03-01.00:00";
    check(day, "UTC", "2028-02-28T23:59:59", (false, "2028-02-29T00:00:00"));
    check(day, "UTC", "2028-02-29T12:00:00", (true, "2028-03-01T00:00:00"));
}

/// The rules as an operator reads them.
fn naive(scheduler: &Scheduler, at: Timestamp, zone: &TimeZone) -> bool {
    let now = zone.to_datetime(at);
    let t = now.time();
    let second = i32::from(t.hour()) * 3600 + i32::from(t.minute()) * 60 + i32::from(t.second());
    let stamp = (now.year(), now.month() as u8, now.day() as u8, second as u32);
    let of = |c: &CivilTime| (c.year, c.month, c.day, c.time.0);
    if !scheduler.dates.is_empty()
        && !scheduler.dates.iter().any(|d| of(&d.start) <= stamp && stamp < of(&d.stop))
    {
        return false;
    }
    let day = |weekday: jiff::civil::Weekday| {
        let own = match weekday {
            jiff::civil::Weekday::Monday => &scheduler.monday,
            jiff::civil::Weekday::Tuesday => &scheduler.tuesday,
            jiff::civil::Weekday::Wednesday => &scheduler.wednesday,
            jiff::civil::Weekday::Thursday => &scheduler.thursday,
            jiff::civil::Weekday::Friday => &scheduler.friday,
            jiff::civil::Weekday::Saturday => &scheduler.saturday,
            jiff::civil::Weekday::Sunday => &scheduler.sunday,
        };
        if own.is_unset() { &scheduler.daily } else { own }
    };
    let all = [&scheduler.daily].into_iter().chain(scheduler.week());
    if all.into_iter().all(DaySchedule::is_unset) {
        return true;
    }
    let today = day(now.date().weekday());
    let yesterday = day(now.date().yesterday().unwrap().weekday());
    let of_today = !today.exclude
        && (today.all_day
            || today.times.iter().any(|w| {
                let (start, stop) = (w.start.0 as i32, w.stop.0 as i32);
                start <= second && (stop <= start || second < stop)
            }));
    let of_yesterday = !yesterday.exclude
        && !yesterday.all_day
        && yesterday.times.iter().any(|w| w.stop.0 <= w.start.0 && second < w.stop.0 as i32);
    of_today || of_yesterday
}

fn time() -> impl Strategy<Value = TimeOfDay> {
    // Near the hours at which clocks are put forward and back, and anywhere.
    prop_oneof![(0u32..5 * 60).prop_map(|m| TimeOfDay(m * 60)), (0u32..86_400).prop_map(TimeOfDay)]
}

fn day() -> impl Strategy<Value = DaySchedule> {
    let span = (time(), time()).prop_filter("two times", |(a, b)| a != b);
    let span = span.prop_map(|(start, stop)| TimeSpan { start, stop, at: Default::default() });
    prop_oneof![
        Just(DaySchedule::default()),
        Just(DaySchedule { exclude: true, ..DaySchedule::default() }),
        Just(DaySchedule { all_day: true, ..DaySchedule::default() }),
        prop::collection::vec(span, 1..3).prop_map(|times| DaySchedule { times, ..DaySchedule::default() }),
    ]
}

fn any_scheduler() -> impl Strategy<Value = Scheduler> {
    let date = || (22u8..31, time()).prop_map(|(day, time)| CivilTime { year: 2026, month: 10, day, time });
    let span = (date(), date()).prop_filter("a span", |(a, b)| a < b);
    let span = span.prop_map(|(start, stop)| DateSpan { start, stop, at: Default::default() });
    let dates = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(span, 1..3)];
    (dates, day(), prop::array::uniform7(day())).prop_map(|(dates, daily, week)| {
        let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = week;
        Scheduler {
            dates,
            daily,
            monday,
            tuesday,
            wednesday,
            thursday,
            friday,
            saturday,
            sunday,
            ..Scheduler::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]
    /// Around the night in which the hour comes twice, and that in which one is left out.
    #[test]
    fn every_second_is_as_a_naive_reading_has_it(scheduler in any_scheduler(), spring: bool, offset in 0i64..172_800) {
        let zone = TimeZone::posix(CENTRAL).unwrap();
        let from = if spring { "2026-03-28T00:00:00" } else { "2026-10-24T00:00:00" };
        let from = moment(from, &zone).as_second() + offset;
        let schedule = Schedule::new(&scheduler);
        let mut state = schedule.state(Timestamp::from_second(from).unwrap(), &zone);
        for second in from..from + 20_000 {
            let at = Timestamp::from_second(second).unwrap();
            let truth = naive(&scheduler, at, &zone);
            if at >= state.until {
                prop_assert!(!state.changes || truth != state.open, "{at}: it was said to change");
                state = schedule.state(at, &zone);
            }
            prop_assert_eq!(state.open, truth, "{}", at);
        }
    }
}
