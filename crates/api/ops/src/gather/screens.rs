//! Hits of screens.

use ravelin_program::{Program, Screen};

use super::Failure;
use crate::answer::ScreenStatistics;
use crate::session::Env;

pub(crate) fn screens(env: &Env<'_>, zone: &str) -> Result<ScreenStatistics, Failure> {
    let zones = env.names.program().and_then(Program::zones);
    let found = zones.and_then(|zones| zones.0.iter().find(|z| z.name == zone));
    let found = found.ok_or_else(|| Failure::NotFound { what: "zone", name: zone.to_owned() })?;
    let counters = env.plane.telemetry().screens()?;
    let hits = counters.into_iter().find(|c| c.zone == found.id).map(|c| c.hits).unwrap_or_default();
    let of = |screen: &Screen| hits.iter().find(|(hit, _)| hit == screen).map_or(0, |(_, count)| *count);
    let screens = Screen::ALL.iter().map(|screen| (screen.text().to_owned(), of(screen))).collect();
    Ok(ScreenStatistics { zone: zone.to_owned(), screens })
}
