//! `show security match-policies`: which policy a tuple matches, and why those before it do not.

use std::net::IpAddr;

use ravelin_program::{AddressMatch, Application, Gateway, List, Policy, PolicySection, Program, ZoneMatch};
use ravelin_types::{Addr, Proto, ScheduleId, ZoneId};

use super::Failure;
use super::rules::{action, entry};
use crate::dynamic::DynamicView;
use crate::names::NameTable;
use crate::policies::{PolicyEntry, TermLine};
use crate::session::Env;
use crate::watch::{PolicyMatches, PolicyTotal, PolicyTotals, PolicyTuple};

/// Policies passed over that one answer lists.
const PASSED_MAX: usize = 1000;

pub(crate) fn matches(env: &Env<'_>, tuple: &PolicyTuple) -> Result<PolicyMatches, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    let (from, to) = (zone(env.names, &tuple.from_zone)?, zone(env.names, &tuple.to_zone)?);
    let world = World::of(env, program);
    let mut out = PolicyMatches::default();
    for section in in_order(program, (from, to), tuple.global) {
        for placed in &section.policies {
            let policy = &placed.1;
            match failed(&world, (placed, !is_global(section)), (from, to), tuple) {
                None => {
                    let entry = entry(env, policy, &Default::default(), None);
                    out.matched.push(PolicyEntry { terms: terms(env.names, policy), ..entry });
                    if out.matched.len() == tuple.results as usize {
                        return Ok(out);
                    }
                }
                // Behind the one that decides nothing is passed over any more.
                Some(_) if !out.matched.is_empty() => {}
                Some(failed) if out.passed.len() < PASSED_MAX => {
                    out.passed.push((policy.name.to_string(), failed.to_owned()));
                }
                Some(_) => out.more += 1,
            }
        }
    }
    if out.matched.is_empty() {
        // Of the firewall itself `self-traffic-policy` lets through what no policy means. Spec: policy-19.
        let default = match [from, to].contains(&ZoneId::HOST) {
            true => ravelin_program::Action::Permit,
            false => program.flow().cloned().unwrap_or_default().default_action,
        };
        out.default_action = Some(action(default).to_owned());
    }
    Ok(out)
}

/// What policies hang on, as it is now.
struct World<'a> {
    open: Vec<ScheduleId>,
    dynamic: &'a dyn DynamicView,
}

impl<'a> World<'a> {
    fn of(env: &Env<'a>, program: &Program) -> Self {
        let lines = env.dynamic.schedules();
        let is_open = |name: &str| lines.iter().any(|line| line.open && line.name == name);
        let schedules = program.live().map_or(&[][..], |live| &live.schedules);
        let open = schedules.iter().filter(|(_, name)| is_open(name)).map(|(id, _)| *id).collect();
        Self { open, dynamic: env.dynamic }
    }

    fn holds(&self, list: &AddressMatch, addr: IpAddr) -> bool {
        let (family, number) = Addr::from_ip(addr);
        if list.live.is_empty() {
            return list.holds(family, number);
        }
        let fixed = AddressMatch { live: List::new(), excluded: false, ..list.clone() };
        let known: Vec<_> = list.live.iter().map(|id| self.dynamic.contains(*id, addr)).collect();
        let listed = fixed.holds(family, number) || known.contains(&Some(true));
        if list.excluded { !listed && !known.contains(&None) } else { listed }
    }
}

fn zone(names: &NameTable, name: &str) -> Result<ZoneId, Failure> {
    names.zone_id(name).ok_or_else(|| Failure::NotFound { what: "zone", name: name.to_owned() })
}

pub(super) fn is_global(section: &PolicySection) -> bool {
    section.zones.from.is_empty() && section.zones.to.is_empty()
}

/// Sections that apply to a pair of zones, in order of evaluation: those that name it alone, then the others.
fn in_order(program: &Program, (from, to): (ZoneId, ZoneId), global: bool) -> Vec<&PolicySection> {
    let applying = program
        .sections()
        .map(|(_, section)| section)
        .filter(|section| section.zones.holds(from, to) && (!global || is_global(section)));
    let (pairs, wide): (Vec<_>, Vec<_>) =
        applying.partition(|section| section.zones.from.len() == 1 && section.zones.to.len() == 1);
    pairs.into_iter().chain(wide).collect()
}

/// Any zone is any but the firewall itself. Spec: policy-21.
fn names_host(zones: &ZoneMatch, (from, to): (ZoneId, ZoneId)) -> bool {
    let named = |list: &[ZoneId], zone| zone != ZoneId::HOST || list.contains(&zone);
    named(&zones.from, from) && named(&zones.to, to)
}

/// The first condition that does not hold. `is_pair`: the policy stands between two zones.
fn failed(
    world: &World<'_>,
    ((zones, policy), is_pair): (&(ZoneMatch, Policy), bool),
    (from, to): (ZoneId, ZoneId),
    tuple: &PolicyTuple,
) -> Option<&'static str> {
    let icmp = match tuple.proto {
        Proto::ICMP => Some((8, 0)),
        Proto::ICMPV6 => Some((128, 0)),
        _ => None,
    };
    let of_term =
        |term: &Application| term.holds(tuple.proto, tuple.source_port, tuple.destination_port, icmp);
    if policy.schedule.is_some_and(|id| !world.open.contains(&id)) {
        Some("scheduler")
    } else if !zones.holds(from, to) || !is_pair && !names_host(zones, (from, to)) {
        Some("zones")
    } else if !world.holds(&policy.source, tuple.source) {
        Some("source-address")
    } else if !world.holds(&policy.destination, tuple.destination) {
        Some("destination-address")
    } else if !policy.applications.iter().any(of_term) {
        Some("application")
    } else {
        None
    }
}

/// Terms of a policy's applications.
pub(super) fn terms(names: &NameTable, policy: &Policy) -> Vec<TermLine> {
    let flow = names.program().and_then(Program::flow).cloned().unwrap_or_default();
    let line = |term: &Application| TermLine {
        application: names.application(term.name).unwrap_or("any").to_owned(),
        protocol: term.proto.map_or_else(|| "0".to_owned(), |proto| proto.to_string()),
        alg: alg(term.gateway).to_owned(),
        inactivity_timeout: term
            .inactivity_timeout
            .unwrap_or_else(|| term.proto.map_or(0, |proto| flow.timeout_of(proto))),
        source_ports: (term.source_ports.low, term.source_ports.high),
        destination_ports: (term.destination_ports.low, term.destination_ports.high),
        icmp: term.icmp.map(|icmp| (icmp.kind, icmp.code)),
    };
    policy.applications.iter().map(line).collect()
}

const fn alg(gateway: Gateway) -> &'static str {
    match gateway {
        Gateway::ByPort => "0",
        Gateway::Nothing => "ignore",
        Gateway::Ftp => "ftp",
        Gateway::Tftp => "tftp",
        Gateway::Dns => "dns",
    }
}

/// `show security policies information`.
pub(crate) fn totals(env: &Env<'_>) -> Result<PolicyTotals, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    let counters = env.plane.telemetry().policies()?;
    let hits: std::collections::HashMap<_, _> = counters.iter().map(|c| (c.id, c.hits)).collect();
    let contexts = program.sections().map(|(_, section)| PolicyTotal {
        from_zones: env.names.zone_names(&section.zones.from),
        to_zones: env.names.zone_names(&section.zones.to),
        global: is_global(section),
        policies: section.policies.len() as u64,
        hits: section.policies.iter().map(|(_, p)| hits.get(&p.id).copied().unwrap_or(0)).sum(),
    });
    let default = program.flow().cloned().unwrap_or_default().default_action;
    Ok(PolicyTotals { default_action: action(default).to_owned(), contexts: contexts.collect() })
}
