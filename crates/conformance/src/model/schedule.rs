//! Which policies are in force: days and times counted out one by one, in UTC (scheduler-1..6, 10), and what live sessions
//! have to do with that (policy-12).

use ravelin_model::{CivilTime, DefaultPolicy, Policy, PolicyAction, PolicyRematch, Scheduler};

use super::{Model, Packet};

const DAY: i64 = 86_400;

/// What a live session hangs on now.
pub(super) enum Held<'a> {
    AsEver,
    /// Of all the first that means it, or the default policy.
    By(Option<&'a Policy>),
    Ended,
}

impl<'a> Model<'a> {
    pub(super) fn is_in_force(&self, policy: &Policy) -> bool {
        policy.scheduler.as_ref().is_none_or(|name| self.is_open_now(name))
    }

    /// What lets a session live on, if anything does.
    pub(super) fn held(&self, at: usize) -> Held<'a> {
        let session = &self.sessions[at];
        match self.config.security.policies.rematch {
            // Nothing hangs on the time.
            _ if self.config.schedulers.is_empty() => Held::AsEver,
            PolicyRematch::Off => Held::AsEver,
            PolicyRematch::On => match &session.scheduler {
                Some(name) if !self.is_open_now(name) => Held::Ended,
                Some(_) | None => Held::AsEver,
            },
            // What is between the firewall and others needs no policy, and has none to lose.
            PolicyRematch::Extensive if session.unit.is_none() => Held::AsEver,
            PolicyRematch::Extensive => {
                let inside = &session.inside;
                let inner = Packet { src: inside.src, sport: inside.sport, ..session.left };
                let permits = self.config.security.policies.default_policy == DefaultPolicy::PermitAll;
                match self.policy(&session.from_zone, &session.to_zone, &inner) {
                    None if permits => Held::By(None),
                    Some(policy) if policy.action == PolicyAction::Permit => Held::By(Some(policy)),
                    Some(_) | None => Held::Ended,
                }
            }
        }
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
