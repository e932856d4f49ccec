//! Policies with their counters.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use ravelin_contract::{PolicyCounters, Traffic};
use ravelin_program::{Action, AddressMatch, Live, Policy, PolicyTcp, Prefix, Translated};
use ravelin_types::{Family, LiveSetId, PolicyId};

use super::Failure;
use super::matching::terms;
use crate::answer::{PolicyEntry, PolicyList, PolicySessions, PolicyTraffic, TcpOptions};
use crate::config::PolicyDescriptions;
use crate::request::{HitOrder, PolicyView};
use crate::session::Env;

/// Prefixes that one range is written as; a longer list is written as a range.
const PREFIXES_MAX: usize = 4;

pub(crate) fn policies(env: &Env<'_>, view: &PolicyView) -> Result<PolicyList, Failure> {
    let PolicyView { from_zone, to_zone, name, detail, hit_count, order, start, count, .. } = view;
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    known_zones(env, [from_zone.as_ref(), to_zone.as_ref()])?;
    let mut hits: BTreeMap<PolicyId, PolicyCounters> = BTreeMap::new();
    if *detail || *hit_count {
        for counter in env.plane.telemetry().policies()? {
            hits.insert(counter.id, counter);
        }
    }
    // The plane's clock, which first and last hits are told by.
    let now_s = if *detail {
        env.plane.diagnostics().drop_samples(0).ok().map(|s| s.now_ns / 1_000_000_000)
    } else {
        None
    };
    let descriptions = if *detail { env.config.policy_descriptions() } else { PolicyDescriptions::new() };
    let mut policies: Vec<_> = program
        .sections()
        .flat_map(|(_, section)| &section.policies)
        .map(|(_, policy)| {
            (policy, entry(env, policy, &hits.get(&policy.id).copied().unwrap_or_default(), now_s))
        })
        .filter(|(_, entry)| is_wanted(view, entry))
        .map(|(policy, entry)| match detail {
            true => PolicyEntry {
                terms: terms(env.names, policy),
                description: described(&descriptions, &entry),
                ..entry
            },
            false => entry,
        })
        .collect();
    let schedules = env.dynamic.schedules();
    let open: Vec<_> = schedules.into_iter().filter(|line| line.open).map(|line| line.name).collect();
    for policy in &mut policies {
        policy.inactive = policy.scheduler.as_ref().is_some_and(|scheduler| !open.contains(scheduler));
    }
    match order {
        HitOrder::Evaluation => {}
        HitOrder::Ascending => policies.sort_by_key(|policy| policy.hits),
        HitOrder::Descending => policies.sort_by_key(|policy| std::cmp::Reverse(policy.hits)),
    }
    if let (Some(name), []) = (name, &policies[..]) {
        return Err(Failure::NotFound { what: "policy", name: name.clone() });
    }
    // Of what is listed otherwise, a part.
    policies = policies.into_iter().skip(start.map_or(0, |n| n as usize - 1)).collect();
    policies.truncate(count.map_or(usize::MAX, |n| n as usize));
    let default_action = action(program.flow().cloned().unwrap_or_default().default_action).to_owned();
    Ok(PolicyList { default_action, policies, detail: *detail })
}

fn is_wanted(view: &PolicyView, entry: &PolicyEntry) -> bool {
    let PolicyView { from_zone, to_zone, name, global, less_than, greater_than, .. } = view;
    let in_zones = |zones: &[String], zone: &Option<String>| {
        zone.as_ref().is_none_or(|z| zones.is_empty() || zones.contains(z))
    };
    name.as_ref().is_none_or(|n| *n == entry.name)
        && in_zones(&entry.from_zones, from_zone)
        && in_zones(&entry.to_zones, to_zone)
        && (!global || entry.global)
        && less_than.is_none_or(|most| entry.hits < most.into())
        && greater_than.is_none_or(|least| entry.hits > least.into())
}

/// A policy between zones is of one pair of them.
fn described(descriptions: &PolicyDescriptions, policy: &PolicyEntry) -> Option<String> {
    let zones = match (policy.global, &policy.from_zones[..], &policy.to_zones[..]) {
        (false, [from], [to]) => Some([from.clone(), to.clone()]),
        _ => None,
    };
    descriptions.get(&(zones, policy.name.clone())).cloned()
}

pub(super) fn known_zones(env: &Env<'_>, zones: [Option<&String>; 2]) -> Result<(), Failure> {
    let is_known = |zone: &String| zone == "junos-host" || env.names.zone_list().any(|known| known == zone);
    match zones.into_iter().flatten().find(|zone| !is_known(zone)) {
        Some(zone) => Err(Failure::NotFound { what: "zone", name: zone.clone() }),
        None => Ok(()),
    }
}

pub(super) fn entry(
    env: &Env<'_>,
    policy: &Policy,
    counters: &PolicyCounters,
    now_s: Option<u64>,
) -> PolicyEntry {
    let ago = |at_s: u64| now_s.filter(|_| at_s > 0).map(|now| now.saturating_sub(at_s));
    let known = env.names.policy(policy.id).unwrap_or_default();
    let mut applications: Vec<String> = Vec::new();
    for term in &policy.applications {
        let name = env.names.application(term.name).unwrap_or("any");
        if !applications.iter().any(|a| a == name) {
            applications.push(name.to_owned());
        }
    }
    let live = env.names.program().and_then(|program| program.live());
    let scheduler = live
        .zip(policy.schedule)
        .and_then(|(live, id)| live.schedules.iter().find(|(of, _)| *of == id).map(|(_, name)| name.clone()));
    PolicyEntry {
        name: policy.name.to_string(),
        index: policy.id.0,
        sequence: known.sequence,
        global: known.global,
        from_zones: known.from.to_vec(),
        to_zones: known.to.to_vec(),
        sources: addresses(&policy.source, live),
        sources_excluded: policy.source.excluded,
        destinations: addresses(&policy.destination, live),
        destinations_excluded: policy.destination.excluded,
        applications,
        action: action(policy.action).to_owned(),
        log_init: policy.log.init,
        log_close: policy.log.close,
        log_update: policy.log.update,
        count: policy.count,
        scheduler,
        inactive: false,
        hits: counters.hits,
        first_hit_ago_s: ago(counters.first_hit_s),
        last_hit_ago_s: ago(counters.last_hit_s),
        packets: counters.packets,
        bytes: counters.bytes,
        sent: traffic(counters.sent),
        recent_came: traffic(counters.recent_came),
        recent_sent: traffic(counters.recent_sent),
        sessions: PolicySessions {
            active: counters.sessions,
            created: counters.gained,
            deleted: counters.lost,
            recent: counters.recent,
        },
        description: None,
        terms: Vec::new(),
        tcp: tcp_options(&policy.tcp),
        translated: match policy.translated {
            Translated::Either => None,
            Translated::Dropped => Some("drop translated".to_owned()),
            Translated::Required => Some("drop untranslated".to_owned()),
        },
    }
}

const fn traffic(Traffic { packets, bytes }: Traffic) -> PolicyTraffic {
    PolicyTraffic { packets, bytes }
}

const fn tcp_options(tcp: &PolicyTcp) -> TcpOptions {
    let PolicyTcp { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = *tcp;
    TcpOptions { syn_check, sequence_check, window_scale, initial_mss, reverse_mss }
}

pub(super) const fn action(action: Action) -> &'static str {
    match action {
        Action::Permit => "permit",
        Action::Deny => "deny",
        Action::Reject => "reject",
    }
}

/// Ranges as prefixes; `any`, `any-ipv4` and `any-ipv6` for whole families.
fn addresses(list: &AddressMatch, live: Option<&Live>) -> Vec<String> {
    let whole = |family| list.ranges.contains(&Prefix::all(family));
    let (all4, all6) = (whole(Family::V4), whole(Family::V6));
    let mut out = Vec::new();
    match (all4, all6) {
        (true, true) => out.push("any".to_owned()),
        (true, false) => out.push("any-ipv4".to_owned()),
        (false, true) => out.push("any-ipv6".to_owned()),
        (false, false) => {}
    }
    for range in &list.ranges {
        if range != Prefix::all(range.family) {
            out.extend(range_text(&range));
        }
    }
    out.extend(
        list.wildcards.iter().map(|w| format!("{}/{}", Ipv4Addr::from(w.addr), Ipv4Addr::from(w.mask))),
    );
    let sets = live.map_or(&[][..], |live| &live.sets);
    let named = |id: &LiveSetId| sets.iter().find(|(of, _)| of == id).map(|(_, name)| name.clone());
    out.extend(list.live.iter().filter_map(named));
    out
}

pub(super) fn range_text(range: &Prefix) -> Vec<String> {
    let (first, last) = ends(range);
    let nets: Vec<IpNet> = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            Ipv4Subnets::new(a, b, 0).map(IpNet::from).take(PREFIXES_MAX + 1).collect()
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            Ipv6Subnets::new(a, b, 0).map(IpNet::from).take(PREFIXES_MAX + 1).collect()
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            unreachable!("both ends were read under one family")
        }
    };
    if nets.len() > PREFIXES_MAX {
        return vec![format!("{first}-{last}")];
    }
    nets.iter().map(IpNet::to_string).collect()
}

pub(super) fn ends(range: &Prefix) -> (IpAddr, IpAddr) {
    (range.first.to_ip(range.family), range.last.to_ip(range.family))
}
