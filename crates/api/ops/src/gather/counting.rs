//! What screens have seen, and counters that go back to zero.

use ravelin_contract::CounterClear;
use ravelin_program::{Program, Screen};
use ravelin_types::{InterfaceId, PolicyId, ZoneId};

use super::Failure;
use super::rules::known_zones;
use crate::answer::{Answer, ScreenStatistics};
use crate::counting::{CounterQuery, FlowStatus, ScreenPlace};
use crate::session::Env;

fn unfound(what: &'static str, name: &str) -> Failure {
    Failure::NotFound { what, name: name.to_owned() }
}

/// A security zone: the firewall's own has no screens.
fn zone(env: &Env<'_>, name: &str) -> Result<ZoneId, Failure> {
    let zones = env.names.program().and_then(Program::zones);
    let found = zones.and_then(|zones| zones.0.iter().find(|zone| zone.name == name));
    found.map(|zone| zone.id).ok_or_else(|| unfound("zone", name))
}

fn unit(env: &Env<'_>, name: &str) -> Result<InterfaceId, Failure> {
    env.names.unit_id(name).ok_or_else(|| unfound("interface", name))
}

fn screens(env: &Env<'_>, place: &ScreenPlace) -> Result<ScreenStatistics, Failure> {
    let telemetry = env.plane.telemetry();
    let mut out = ScreenStatistics::default();
    let hits = match place {
        ScreenPlace::Zone(name) => {
            let id = zone(env, name)?;
            out.zone.clone_from(name);
            telemetry.screens()?.into_iter().find(|c| c.zone == id).map(|c| c.hits)
        }
        ScreenPlace::Interface(name) => {
            let id = unit(env, name)?;
            out.interface = Some(env.names.unit(Some(id)));
            telemetry.unit_screens()?.into_iter().find(|c| c.interface == id).map(|c| c.hits)
        }
    };
    let hits = hits.unwrap_or_default();
    let of = |screen: &Screen| hits.iter().find(|(hit, _)| hit == screen).map_or(0, |(_, count)| *count);
    out.screens = Screen::ALL.iter().map(|screen| (screen.text().to_owned(), of(screen))).collect();
    Ok(out)
}

/// Shows counters, or sets them back to zero.
pub(crate) fn about_counters(env: &Env<'_>, query: &CounterQuery) -> Result<Answer, Failure> {
    let mut what = CounterClear::default();
    match query {
        CounterQuery::Screens(place) => return Ok(Answer::Screens(screens(env, place)?)),
        CounterQuery::ClearScreens(ScreenPlace::Zone(name)) => what.screens = vec![zone(env, name)?],
        CounterQuery::ClearScreens(ScreenPlace::Interface(name)) => {
            what.unit_screens = vec![unit(env, name)?]
        }
        CounterQuery::ClearHits { from_zone, to_zone } => {
            what.policy_hits = policies(env, (from_zone.as_ref(), to_zone.as_ref()))?;
        }
        CounterQuery::ClearTraffic => what.policy_traffic = policies(env, (None, None))?,
        CounterQuery::ClearFlow => what.flow = true,
        CounterQuery::FlowStatus => {
            return Ok(Answer::FlowStatus(FlowStatus { tracing: env.trace.status().active }));
        }
    }
    env.plane.telemetry().clear_counters(&what)?;
    Ok(Answer::CountersCleared)
}

/// Policies that `show security policies` lists under the same words.
fn policies(env: &Env<'_>, (from, to): (Option<&String>, Option<&String>)) -> Result<Vec<PolicyId>, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    known_zones(env, [from, to])?;
    let meant = |zones: &[String], zone: Option<&String>| {
        zone.is_none_or(|zone| zones.is_empty() || zones.contains(zone))
    };
    let all = program.sections().flat_map(|(_, section)| &section.policies).map(|(_, policy)| policy.id);
    Ok(all
        .filter(|id| {
            let known = env.names.policy(*id);
            known.is_some_and(|policy| meant(&policy.from, from) && meant(&policy.to, to))
        })
        .collect())
}
