//! Schedulers: each says when.

use super::Report;
use crate::{Config, Scheduler};

/// Junos takes two spans of dates, and two of times a day.
const SPANS_MAX: usize = 2;

pub(super) fn check(config: &Config, report: &mut Report) {
    for scheduler in &config.schedulers {
        self::scheduler(scheduler, report);
    }
}

fn scheduler(scheduler: &Scheduler, report: &mut Report) {
    let path = format!("schedulers scheduler {}", scheduler.name);
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let days = names.into_iter().zip(scheduler.week()).chain([("daily", &scheduler.daily)]);
    let mut is_ever = !scheduler.dates.is_empty();
    for (name, day) in days {
        let path = format!("{path} {name}");
        is_ever |= !day.times.is_empty() || day.all_day;
        if day.times.len() > SPANS_MAX {
            report.error(&path, day.at, format!("more than {SPANS_MAX} times of day"));
        }
        let said = [!day.times.is_empty(), day.exclude, day.all_day];
        if said.into_iter().filter(|said| *said).count() > 1 {
            report.error(&path, day.at, "'start-time', 'exclude' and 'all-day' can't be combined");
        }
        for span in day.times.iter().filter(|span| span.start == span.stop) {
            report.error(&path, span.at, "'stop-time' is the same as 'start-time'; use 'all-day'");
        }
    }
    if scheduler.dates.len() > SPANS_MAX {
        report.error(&path, scheduler.at, format!("more than {SPANS_MAX} spans of dates"));
    }
    for span in scheduler.dates.iter().filter(|span| span.stop <= span.start) {
        report.error(format!("{path} start-date"), span.at, "'stop-date' is not after 'start-date'");
    }
    if !is_ever {
        report.error(
            &path,
            scheduler.at,
            "missing mandatory statement: a date or a time at which it is open",
        );
    }
}
