//! Which policies are in force: days and times counted out one by one, in UTC (scheduler-1..6, 10).

use ravelin_model::{CivilTime, Policy, PolicyRematch, Scheduler};

use super::Model;

const DAY: i64 = 86_400;

impl Model<'_> {
    pub(super) fn is_in_force(&self, policy: &Policy) -> bool {
        policy.scheduler.as_ref().is_none_or(|name| self.is_open_now(name))
    }

    /// Whether what let a session through has closed, and that ends it.
    pub(super) fn is_closed(&self, at: usize) -> bool {
        let scheduler = self.sessions[at].scheduler.as_ref();
        let rematches = self.config.security.policies.rematch != PolicyRematch::Off;
        rematches && scheduler.is_some_and(|name| !self.is_open_now(name))
    }

    fn is_open_now(&self, name: &str) -> bool {
        self.config.schedulers.iter().find(|s| s.name == name).is_some_and(|s| is_open(s, self.wall))
    }
}

fn is_open(scheduler: &Scheduler, wall: i64) -> bool {
    let within =
        scheduler.dates.iter().any(|span| seconds(&span.start) <= wall && wall < seconds(&span.stop));
    let today = wall.div_euclid(DAY);
    let says_days = !scheduler.daily.is_unset() || scheduler.week().iter().any(|day| !day.is_unset());
    // A window that goes over midnight is of the day that it begins on.
    let by_day = [today - 1, today].into_iter().any(|day| {
        // The first day of 1970 was a Thursday.
        let own = scheduler.week()[(day + 3).rem_euclid(7) as usize];
        let said = if own.is_unset() { &scheduler.daily } else { own };
        let at = wall - day * DAY;
        let spans = said.times.iter().map(|span| {
            let (start, stop) = (i64::from(span.start.0), i64::from(span.stop.0));
            (start, if stop < start { stop + DAY } else { stop })
        });
        let mut all = spans.chain(said.all_day.then_some((0, DAY)));
        !said.exclude && all.any(|(start, stop)| start <= at && at < stop)
    });
    (scheduler.dates.is_empty() || within) && (!says_days || by_day)
}

fn seconds(time: &CivilTime) -> i64 {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let year = i64::from(time.year);
    let of_years: i64 = (1970..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let months = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let of_months: i64 = months[..usize::from(time.month) - 1].iter().sum();
    (of_years + of_months + i64::from(time.day) - 1) * DAY + i64::from(time.time.0)
}
