//! Counters and the log of firewall filters, and where filters stand.

use std::time::{SystemTime, UNIX_EPOCH};

use ravelin_contract::{FilterAction, FirewallClear, PolicerCounters};
use ravelin_program::{Direction, FilterAttachment, Firewall, Place, PolicerInstance};
use ravelin_types::{Family, Proto};

use super::Failure;
use crate::answer::Answer;
use crate::firewall::{
    CounterLine, FilterEntry, FilterLogLine, FirewallDepth, FirewallList, InterfaceFilterLine,
    InterfaceFilterList, PolicerLine,
};
use crate::request::{FirewallQuery, Request};
use crate::session::Env;

/// Answers a request about filters and policers.
pub(crate) fn about_filters(env: &Env<'_>, request: Request) -> Result<Answer, Failure> {
    Ok(match request {
        Request::Firewall { query, depth } => Answer::Firewall(firewall(env, &query, depth)?),
        Request::FirewallLog => Answer::FirewallLog(firewall_log(env)?),
        Request::ClearFirewall { counters, query, log } => {
            clear_firewall(env, (counters, &query, log))?;
            Answer::FirewallCleared
        }
        Request::Policers { name } => Answer::Policers(policers(env, name.as_deref())?),
        Request::InterfaceFilters { name, policers } => {
            Answer::InterfaceFilters(interface_filters(env, name.as_deref(), policers)?)
        }
        _ => unreachable!("only requests about filters and policers come here"),
    })
}

fn program<'a>(env: &'a Env<'_>) -> Result<&'a Firewall, Failure> {
    env.names.program().and_then(|program| program.firewall()).ok_or(Failure::NoProgram)
}

/// What a policer did not let pass unchanged: red.
fn beyond(policer: &PolicerCounters) -> CounterLine {
    CounterLine { name: policer.name.clone(), bytes: policer.bytes[2], packets: policer.packets[2] }
}

/// All that a policer saw, and what of it passed. Spec: firewall-filter-75, policer-20.
fn seen(firewall: &Firewall, policer: &PolicerCounters) -> PolicerLine {
    let key = |p: &&PolicerInstance| (p.key.policer, p.key.place) == (policer.policer, policer.place);
    let spec = firewall.policers.iter().find(key).map(|policer| policer.spec);
    let discards = spec.is_some_and(|spec| spec.discards());
    let is_three = spec.is_some_and(|spec| spec.has_three_colours());
    let total = |counts: [u64; 3]| counts.iter().sum::<u64>();
    let passed = |counts: [u64; 3]| total(counts) - if discards { counts[2] } else { 0 };
    let (bytes, packets) = (policer.bytes, policer.packets);
    PolicerLine {
        name: policer.name.clone(),
        beyond: (bytes[2], packets[2]),
        offered: (total(bytes), total(packets)),
        transmitted: (passed(bytes), passed(packets)),
        colours: is_three.then(|| [0, 1, 2].map(|colour| (bytes[colour], packets[colour]))),
    }
}

fn firewall(env: &Env<'_>, query: &FirewallQuery, depth: FirewallDepth) -> Result<FirewallList, Failure> {
    let counted = env.plane.telemetry().firewall()?;
    let mut filters: Vec<FilterEntry> = Vec::new();
    let known = program(env)?;
    for filter in &known.filters {
        if query.filter.as_ref().is_some_and(|name| *name != filter.name) {
            continue;
        }
        let wanted = |name: &str| query.counter.as_ref().is_none_or(|counter| counter == name);
        let counters = filter.counters.iter().filter(|(_, name)| wanted(name)).map(|(id, name)| {
            let found = counted.filters.iter().find(|c| c.id == id.0);
            let (bytes, packets) = found.map_or((0, 0), |c| (c.bytes, c.packets));
            CounterLine { name: name.clone(), bytes, packets }
        });
        let policers = counted.policers.iter().filter(|p| p.filter == Some(filter.id) && wanted(&p.name));
        let entry = FilterEntry {
            name: filter.name.clone(),
            counters: counters.collect(),
            policers: policers.clone().map(beyond).collect(),
            detail: match depth {
                FirewallDepth::Detail => policers.map(|policer| seen(known, policer)).collect(),
                FirewallDepth::Terse | FirewallDepth::Brief => Vec::new(),
            },
        };
        // Instances for the sake of policers count as one.
        match filters.iter_mut().find(|known| known.name == entry.name && known.counters == entry.counters) {
            Some(known) => {
                known.policers.extend(entry.policers);
                known.detail.extend(entry.detail);
            }
            None => filters.push(entry),
        }
    }
    match (&query.filter, filters.is_empty()) {
        (Some(name), true) => Err(Failure::NotFound { what: "filter", name: name.clone() }),
        (Some(_) | None, _) => Ok(FirewallList { filters, depth }),
    }
}

fn policers(env: &Env<'_>, name: Option<&str>) -> Result<Vec<CounterLine>, Failure> {
    let counted = env.plane.telemetry().firewall()?;
    let wanted = |line: &CounterLine| name.is_none_or(|name| name == line.name);
    let lines: Vec<_> = counted.policers.iter().map(beyond).filter(wanted).collect();
    match (name, lines.is_empty()) {
        (Some(name), true) => Err(Failure::NotFound { what: "policer", name: name.to_owned() }),
        (Some(_) | None, _) => Ok(lines),
    }
}

fn firewall_log(env: &Env<'_>) -> Result<Vec<FilterLogLine>, Failure> {
    let log = env.plane.telemetry().firewall_log()?;
    let filters = program(env)?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let end = |addr: std::net::IpAddr, port: u16, proto: Proto| match proto {
        Proto::TCP | Proto::UDP | Proto::SCTP if addr.is_ipv6() => format!("[{addr}]:{port}"),
        Proto::TCP | Proto::UDP | Proto::SCTP => format!("{addr}:{port}"),
        _ => addr.to_string(),
    };
    let line = |(at_ns, hit): &(u64, ravelin_contract::FilterHit)| FilterLogLine {
        time_s: now_s.saturating_sub(log.now_ns.saturating_sub(*at_ns) / 1_000_000_000) as i64,
        filter: filters.filter(hit.filter).map_or_else(String::new, |filter| filter.name.clone()),
        action: match hit.action {
            FilterAction::Accept => "A",
            FilterAction::Discard => "D",
            FilterAction::Reject => "R",
        }
        .to_owned(),
        interface: env.names.unit(Some(hit.interface)),
        protocol: hit.key.proto.to_string(),
        source: end(hit.key.src, hit.key.sport, hit.key.proto),
        destination: end(hit.key.dst, hit.key.dport, hit.key.proto),
        bytes: hit.bytes,
    };
    // The newest first, as Junos has it.
    Ok(log.entries.iter().rev().map(line).collect())
}

fn clear_firewall(
    env: &Env<'_>,
    (counters, query, log): (bool, &FirewallQuery, bool),
) -> Result<(), Failure> {
    let mut what = FirewallClear { log, ..FirewallClear::default() };
    if counters {
        // What is not there can't be cleared.
        firewall(env, query, FirewallDepth::Brief)?;
        let counted = env.plane.telemetry().firewall()?;
        let named = |id: u32, name: &str| {
            let filter = program(env).ok().and_then(|firewall| firewall.filter(id));
            query.filter.as_ref().is_none_or(|wanted| filter.is_some_and(|f| f.name == *wanted))
                && query.counter.as_ref().is_none_or(|wanted| wanted == name)
        };
        let filters = counted.filters.iter().filter(|c| named(c.filter, &c.name));
        what.counters = filters.map(|c| c.id).collect();
        let policers = counted.policers.iter().filter(|p| match p.filter {
            Some(filter) => named(filter, &p.name),
            None => query.filter.is_none(),
        });
        what.policers = policers.map(|p| (p.policer, p.place)).collect();
    }
    Ok(env.plane.telemetry().clear_firewall(&what)?)
}

fn interface_filters(
    env: &Env<'_>,
    name: Option<&str>,
    policers: bool,
) -> Result<InterfaceFilterList, Failure> {
    let firewall = program(env)?;
    let mut lines: Vec<InterfaceFilterLine> = Vec::new();
    for attachment in &firewall.attachments {
        let interface = match attachment.place {
            Place::Unit(unit) => env.names.unit(Some(unit)),
            Place::Host => "lo0.0".to_owned(),
        };
        let is_meant = |name: &str| {
            name == interface || interface.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        };
        let found = names(firewall, attachment, policers);
        if found.is_empty() || !name.is_none_or(is_meant) {
            continue;
        }
        let family = if attachment.family == Family::V4 { "inet" } else { "inet6" };
        let at = lines.iter().position(|line| line.interface == interface && line.family == family);
        let at = at.unwrap_or_else(|| {
            let family = family.to_owned();
            lines.push(InterfaceFilterLine { interface, family, ..InterfaceFilterLine::default() });
            lines.len() - 1
        });
        match attachment.direction {
            Direction::Input => lines[at].input = found,
            Direction::Output => lines[at].output = found,
        }
    }
    Ok(InterfaceFilterList { lines, policers })
}

fn names(firewall: &Firewall, attachment: &FilterAttachment, policers: bool) -> Vec<String> {
    if policers {
        let policer = attachment.policer.and_then(|meter| firewall.policers.get(meter.index()));
        return policer.map(|policer| policer.name.clone()).into_iter().collect();
    }
    let name = |id: &u32| firewall.filter(*id).map(|filter| filter.name.clone());
    attachment.filters.iter().filter_map(name).collect()
}
