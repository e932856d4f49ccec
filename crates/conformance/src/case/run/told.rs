//! Events as a case writes them: what happened, and names for what it happened to.

use ravelin_contract::{
    ApplyResult, DataPlane, Event, FilterHit, NatEvent, OverloadEvent, OverloadMoment, PolicyDeny,
    SessionEvent, SessionView, TrackedMoment, TrackedSession,
};
use ravelin_types::{InstanceId, InterfaceId, NatRuleId, PolicyId, Proto, ZoneId};

use crate::bench::BenchError;

/// Events fetched at a time.
const EVENTS_MAX: usize = 1024;
/// The id of sessions that no policy decided.
const NO_POLICY: PolicyId = PolicyId(u32::MAX);

/// What happened since the last time, without what is asked of the kernel.
pub(super) fn happened(plane: &dyn DataPlane) -> Result<Vec<String>, BenchError> {
    let events = plane.telemetry().events(EVENTS_MAX).map_err(BenchError::Plane)?.events;
    let names = plane.last_apply_result().unwrap_or_default();
    Ok(events.iter().filter_map(|event| words(event, &names)).collect())
}

fn words(event: &Event, names: &ApplyResult) -> Option<String> {
    Some(match event {
        Event::Session(SessionEvent { view, close: None }) => format!("create {}", session(view, names)),
        Event::Session(SessionEvent { view, close: Some(reason) }) => {
            format!("close {} {}", reason.text().replace(' ', "-"), session(view, names))
        }
        Event::SessionUpdated(view) => {
            let [out, back] = &view.wings;
            format!("update {} packets={}/{}", session(view, names), out.packets, back.packets)
        }
        Event::Tracked(TrackedSession { view, moment }) => {
            let [out, back] = &view.wings;
            let moment = match moment {
                TrackedMoment::Opened => "opened".to_owned(),
                TrackedMoment::Updated => "lives".to_owned(),
                TrackedMoment::Closed(reason) => format!("closed {}", reason.text().replace(' ', "-")),
            };
            format!("tracked {moment} {} packets={}/{}", session(view, names), out.packets, back.packets)
        }
        Event::PolicyDeny(PolicyDeny { policy, key: _, interface, from_zone, to_zone, application }) => {
            let zones = format!("{} {}", zone(*from_zone, names), zone(*to_zone, names));
            let application = optional("application", application.and_then(|a| names.app_names.get(&a)));
            format!("deny {} {zones} {}{application}", of_policy(*policy, names), unit(*interface))
        }
        Event::Screen { screen, zone: of, dropped, .. } => {
            let what = if *dropped { "drop" } else { "alarm" };
            format!("screen {} {} {what}", screen.path().replace(' ', "/"), zone(*of, names))
        }
        Event::Filter(hit) => filter(hit),
        Event::Policer(hit) => {
            let what = if hit.dropped { "drop" } else { "mark" };
            format!("policer {} {what} packets={} bytes={}", unit(hit.interface), hit.packets, hit.bytes)
        }
        Event::Nat(NatEvent::Exhausted { rule: of, interface, key: _, lack }) => {
            format!("nat-exhausted {} {} {lack:?}", rule(*of, names), unit(*interface))
        }
        Event::Nat(NatEvent::Block { change, pool, instance, used, most, .. }) => {
            format!("nat-block {change:?} pool={pool} {used}/{most}{}", place(*instance))
        }
        Event::Nat(NatEvent::RuleAlarm { rule: of, raised, threshold, current }) => {
            let verb = if *raised { "raised" } else { "cleared" };
            format!("nat-alarm {} {verb} {threshold} {current}", rule(*of, names))
        }
        Event::Nat(NatEvent::Binding {
            made,
            pool,
            proto,
            instance,
            internal,
            internal_port,
            external,
            external_port,
        }) => {
            let verb = if *made { "made" } else { "ended" };
            let pool = pool.map_or_else(|| "interface".to_owned(), |pool| format!("pool={pool}"));
            let proto = proto.map_or_else(|| "address".to_owned(), |proto| proto.to_string());
            let (inside, outside) = ((internal, internal_port), (external, external_port));
            let ends = format!("{}/{} {}/{}", inside.0, inside.1, outside.0, outside.1);
            format!("nat-binding {verb} {pool} {proto} {ends}{}", place(*instance))
        }
        Event::Nat(NatEvent::PoolAlarm { pool, raised, threshold, current }) => {
            format!(
                "nat-alarm pool={pool} {} {threshold} {current}",
                if *raised { "raised" } else { "cleared" }
            )
        }
        Event::Overload(event) => overload(event),
        Event::NeighbourWanted { .. } => return None,
    })
}

fn overload(event: &OverloadEvent) -> String {
    let OverloadEvent { worker, moment } = event;
    match moment {
        OverloadMoment::Began { port } => {
            let ring = port.map_or_else(|| "workers".to_owned(), |port| format!("port={port}"));
            format!("overload began worker={worker} {ring}")
        }
        OverloadMoment::Ended { shed, lasted_ms } => {
            format!("overload ended worker={worker} shed={shed} ms={lasted_ms}")
        }
    }
}

fn session(view: &SessionView, names: &ApplyResult) -> String {
    let of = |id: NatRuleId| rule(id, names);
    format!(
        "{} {} {}{}{}{}",
        of_policy(view.policy, names),
        zone(view.from_zone, names),
        zone(view.to_zone, names),
        optional("application", view.application.and_then(|a| names.app_names.get(&a))),
        optional("source", view.nat_rule.map(of).as_ref()),
        optional("destination", view.destination_rule.map(of).as_ref()),
    )
}

/// Of an echo with its identifier.
fn filter(hit: &FilterHit) -> String {
    let of = &hit.key;
    let is_echo = matches!(of.proto, Proto::ICMP | Proto::ICMPV6) && (of.sport == 0 || of.dport == 0);
    let id = if is_echo { format!(" id={}", of.sport | of.dport) } else { String::new() };
    format!("filter term={} {}{id}", hit.term, unit(hit.interface))
}

fn optional(what: &str, name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!(" {what}={name}"))
}

fn of_policy(id: PolicyId, names: &ApplyResult) -> String {
    match names.policy_names.get(id) {
        Some(name) => name.to_owned(),
        None if id == NO_POLICY => "-".to_owned(),
        None => id.to_string(),
    }
}

pub(super) fn zone(id: ZoneId, names: &ApplyResult) -> String {
    let found = names.zone_ids.iter().find(|(_, of)| **of == id);
    found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
}

fn rule(id: NatRuleId, names: &ApplyResult) -> String {
    let found = names.nat_counter_ids.iter().find(|(_, of)| **of == id.0);
    found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
}

fn unit(id: InterfaceId) -> String {
    format!("unit={id}")
}

/// Told where it is not the default one.
fn place(instance: InstanceId) -> String {
    if instance == InstanceId::DEFAULT { String::new() } else { format!(" instance={instance}") }
}
