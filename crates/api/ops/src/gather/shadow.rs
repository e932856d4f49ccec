//! `show security shadow-policies`: policies that others before them leave nothing to, and policies that one behind
//! them makes needless.
//!
//! A policy shadows one behind it when whatever matches that matches it too; it is redundant when one behind it, that
//! does the same, takes all its packets and nothing between them would. One policy is compared with one: what several
//! cover only together is not found. Spec: explain-23..25.

use std::collections::HashMap;

use ravelin_program::{AddressMatch, Application, Policy, PolicySection, Prefix, ZoneMatch};
use ravelin_types::{Addr, Family, ZoneId};

use super::Failure;
use super::matching::is_global;
use crate::session::Env;
use crate::watch::{ShadowList, ShadowQuery};

/// Policies of one list that are compared with each other: the work grows with the square.
const COMPARED_MAX: usize = 2048;

/// What a policy matches, in a form that compares.
struct Space<'a> {
    zones: &'a ZoneMatch,
    policy: &'a Policy,
    source: Spans,
    destination: Spans,
}

/// Addresses of both families: first and last, in order, apart from each other.
struct Spans([Vec<(u128, u128)>; 2]);

impl Spans {
    fn of(list: &AddressMatch) -> Self {
        Self([Family::V4, Family::V6].map(|family| {
            let mut spans: Vec<_> =
                list.ranges.iter().filter(|r| r.family == family).map(|r| (r.first.0, r.last.0)).collect();
            spans.sort_unstable();
            let joined = join(spans);
            if list.excluded && !joined.is_empty() { rest(&joined, Prefix::all(family).last) } else { joined }
        }))
    }

    fn cover(&self, other: &Self) -> bool {
        let within =
            |mine: &[(u128, u128)], (first, last)| mine.iter().any(|(a, b)| *a <= first && last <= *b);
        let families = self.0.iter().zip(&other.0);
        families.into_iter().all(|(mine, theirs)| theirs.iter().all(|span| within(mine, *span)))
    }

    fn meet(&self, other: &Self) -> bool {
        let families = self.0.iter().zip(&other.0);
        families.into_iter().any(|(mine, theirs)| {
            mine.iter().any(|(a, b)| theirs.iter().any(|(first, last)| a <= last && first <= b))
        })
    }
}

/// Whether a list holds more than its ranges: wildcards, and sets that change without a commit.
fn is_open_ended(list: &AddressMatch) -> bool {
    !list.live.is_empty() || !list.wildcards.is_empty()
}

/// Whether ranges alone say that a list covers another.
fn is_sure(mine: &AddressMatch, theirs: &AddressMatch) -> bool {
    let is_any = [Family::V4, Family::V6].iter().all(|family| mine.ranges.contains(&Prefix::all(*family)));
    (!mine.excluded && is_any)
        || (!(mine.excluded && is_open_ended(mine)) && (theirs.excluded || !is_open_ended(theirs)))
}

fn in_doubt(mine: &AddressMatch, theirs: &AddressMatch) -> bool {
    is_open_ended(mine) || is_open_ended(theirs)
}

fn join(sorted: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    let mut out: Vec<(u128, u128)> = Vec::new();
    for (first, last) in sorted {
        match out.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

fn rest(spans: &[(u128, u128)], end: Addr) -> Vec<(u128, u128)> {
    let mut out = Vec::new();
    let mut from = Some(0);
    for (first, last) in spans {
        if let Some(from) = from.filter(|from| from < first) {
            out.push((from, first - 1));
        }
        from = last.checked_add(1);
    }
    out.extend(from.filter(|from| *from <= end.0).map(|from| (from, end.0)));
    out
}

fn zones_cover(mine: &[ZoneId], theirs: &[ZoneId]) -> bool {
    // Any zone is any but the firewall itself. Spec: policy-21.
    let covered = |zone: &ZoneId| mine.contains(zone) || mine.is_empty() && *zone != ZoneId::HOST;
    if theirs.is_empty() { mine.is_empty() } else { theirs.iter().all(covered) }
}

fn zones_meet(mine: &[ZoneId], theirs: &[ZoneId]) -> bool {
    mine.is_empty() || theirs.is_empty() || theirs.iter().any(|zone| mine.contains(zone))
}

fn term_covers(mine: &Application, theirs: &Application) -> bool {
    let ports =
        |a: ravelin_program::PortRange, b: ravelin_program::PortRange| a.low <= b.low && b.high <= a.high;
    let value = |a: Option<u8>, b: Option<u8>| a.is_none() || a == b;
    let icmp = match (mine.icmp, theirs.icmp) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => value(a.kind, b.kind) && value(a.code, b.code),
    };
    (mine.proto.is_none() || mine.proto == theirs.proto)
        && ports(mine.source_ports, theirs.source_ports)
        && ports(mine.destination_ports, theirs.destination_ports)
        && icmp
}

/// Whether a packet could be of both; yes when in doubt.
fn terms_meet(mine: &Application, theirs: &Application) -> bool {
    let ports =
        |a: ravelin_program::PortRange, b: ravelin_program::PortRange| a.low <= b.high && b.low <= a.high;
    (mine.proto.is_none() || theirs.proto.is_none() || mine.proto == theirs.proto)
        && ports(mine.source_ports, theirs.source_ports)
        && ports(mine.destination_ports, theirs.destination_ports)
}

impl<'a> Space<'a> {
    fn of((zones, policy): &'a (ZoneMatch, Policy)) -> Self {
        Self { zones, policy, source: Spans::of(&policy.source), destination: Spans::of(&policy.destination) }
    }

    /// Whatever matches `other` matches this, whenever it does.
    fn covers(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.policy, other.policy);
        if mine.schedule.is_some() && mine.schedule != theirs.schedule {
            return false;
        }
        let sides = [(&mine.source, &theirs.source), (&mine.destination, &theirs.destination)];
        if sides.into_iter().any(|(mine, theirs)| !is_sure(mine, theirs)) {
            return false;
        }
        let covered = |theirs: &Application| self.policy.applications.iter().any(|a| term_covers(a, theirs));
        zones_cover(&self.zones.from, &other.zones.from)
            && zones_cover(&self.zones.to, &other.zones.to)
            && self.source.cover(&other.source)
            && self.destination.cover(&other.destination)
            && other.policy.applications.iter().all(covered)
    }

    /// Something may match both.
    fn meets(&self, other: &Self) -> bool {
        let met = |theirs: &Application| self.policy.applications.iter().any(|a| terms_meet(a, theirs));
        zones_meet(&self.zones.from, &other.zones.from)
            && zones_meet(&self.zones.to, &other.zones.to)
            && (self.source.meet(&other.source) || in_doubt(&self.policy.source, &other.policy.source))
            && (self.destination.meet(&other.destination)
                || in_doubt(&self.policy.destination, &other.policy.destination))
            && other.policy.applications.iter().any(met)
    }
}

pub(crate) fn shadows(env: &Env<'_>, query: &ShadowQuery) -> Result<ShadowList, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    let zone = |name: &Option<String>| match name {
        None => Ok(None),
        Some(name) => match env.names.zone_id(name) {
            Some(id) => Ok(Some(id)),
            None => Err(Failure::NotFound { what: "zone", name: name.clone() }),
        },
    };
    let (from, to) = (zone(&query.from_zone)?, zone(&query.to_zone)?);
    let sections: Vec<_> = program
        .sections()
        .map(|(_, section)| section)
        .filter(|section| is_meant(section, (from, to), query.global))
        .collect();
    let counters = env.plane.telemetry().policies()?;
    let hits: HashMap<_, _> = counters.iter().map(|c| (c.id, c.hits)).collect();
    let mut out = ShadowList { reverse: query.reverse, ..ShadowList::default() };
    let mut known = false;
    for section in sections {
        compare(section, query, &mut out);
        for (_, policy) in &section.policies {
            known |= query.policy.as_deref() == Some(policy.name.as_str());
            let asked = query.policy.as_ref().is_none_or(|name| policy.name == *name.as_str());
            if asked && hits.get(&policy.id).copied().unwrap_or(0) == 0 {
                out.unused.push(policy.name.to_string());
            }
        }
    }
    match &query.policy {
        Some(name) if !known => Err(Failure::NotFound { what: "policy", name: name.clone() }),
        _ => Ok(out),
    }
}

fn is_meant(section: &PolicySection, (from, to): (Option<ZoneId>, Option<ZoneId>), global: bool) -> bool {
    if global || is_global(section) {
        // Without a word about zones the global ones are looked at too.
        return is_global(section) && (global || from.is_none() && to.is_none());
    }
    let holds = |list: &[ZoneId], zone: Option<ZoneId>| {
        zone.is_none_or(|zone| list.is_empty() || list.contains(&zone))
    };
    holds(&section.zones.from, from) && holds(&section.zones.to, to)
}

/// What becomes of a packet is the same by either.
fn does_same(one: &Policy, other: &Policy) -> bool {
    (one.action, one.translated) == (other.action, other.translated)
}

fn compare(section: &PolicySection, query: &ShadowQuery, out: &mut ShadowList) {
    let spaces: Vec<_> = section.policies.iter().take(COMPARED_MAX).map(Space::of).collect();
    out.left_out += (section.policies.len() - spaces.len()) as u64;
    let asked = |first: &Space<'_>, second: &Space<'_>| match &query.policy {
        None => true,
        Some(name) if query.reverse => second.policy.name == *name.as_str(),
        Some(name) => first.policy.name == *name.as_str(),
    };
    let pair = |a: &Space<'_>, b: &Space<'_>| (a.policy.name.to_string(), b.policy.name.to_string());
    for (at, first) in spaces.iter().enumerate() {
        for (behind, second) in spaces.iter().enumerate().skip(at + 1) {
            if !asked(first, second) {
                continue;
            }
            if first.covers(second) {
                out.shadowed.push(pair(first, second));
            } else if does_same(first.policy, second.policy) && second.covers(first) {
                let between = &spaces[at + 1..behind];
                let other = |space: &Space<'_>| !does_same(space.policy, first.policy) && space.meets(first);
                if !between.iter().any(other) {
                    out.redundant.push(pair(first, second));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_program::{Action, LogWhen, PolicyTcp, PortRange};
    use ravelin_types::{PolicyId, Proto, RuleIdentity};

    fn list(text: &str) -> AddressMatch {
        let (excluded, nets) = text.strip_prefix('!').map_or((false, text), |nets| (true, nets));
        let ranges = match nets {
            "any" => vec![Prefix::all(Family::V4), Prefix::all(Family::V6)],
            nets => nets.split(' ').map(|net| Prefix::from(net.parse::<ipnet::IpNet>().unwrap())).collect(),
        };
        AddressMatch { ranges: ranges.into(), excluded, ..AddressMatch::default() }
    }

    fn policy(name: &str, source: &str, port: Option<u16>, action: Action) -> (ZoneMatch, Policy) {
        let term = Application {
            proto: port.map(|_| Proto::TCP),
            source_ports: PortRange::ANY,
            destination_ports: port.map_or(PortRange::ANY, |port| PortRange { low: port, high: port }),
            icmp: None,
            inactivity_timeout: None,
            gateway: ravelin_program::Gateway::ByPort,
            name: 0,
        };
        let policy = Policy {
            id: PolicyId(0),
            identity: RuleIdentity(0),
            name: name.into(),
            source: list(source),
            destination: list("any"),
            applications: vec![term].into(),
            action,
            log: LogWhen::default(),
            count: false,
            schedule: None,
            tcp: PolicyTcp::default(),
            translated: Default::default(),
        };
        (ZoneMatch::default(), policy)
    }

    #[track_caller]
    fn check(policies: &[(ZoneMatch, Policy)], shadowed: &[(&str, &str)], redundant: &[(&str, &str)]) {
        let section = PolicySection { zones: ZoneMatch::default(), policies: policies.to_vec() };
        let mut out = ShadowList::default();
        compare(&section, &ShadowQuery::default(), &mut out);
        let owned = |list: &[(&str, &str)]| -> Vec<_> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!((out.shadowed, out.redundant), (owned(shadowed), owned(redundant)));
    }

    use Action::{Deny, Permit};

    #[test]
    fn a_wider_policy_before_a_narrower_one_shadows_it() {
        check(
            &[policy("all", "any", None, Permit), policy("web", "10.0.0.0/8", Some(80), Deny)],
            &[("all", "web")],
            &[],
        );
        check(&[policy("a", "10.0.0.0/8", None, Permit), policy("b", "any", None, Deny)], &[], &[]);
        check(&[policy("a", "any", Some(80), Permit), policy("b", "any", Some(81), Deny)], &[], &[]);
        check(&[policy("a", "any", Some(80), Permit), policy("b", "any", None, Deny)], &[], &[]);
    }

    #[test]
    fn a_policy_of_any_zone_does_not_mean_the_firewall_itself() {
        let to = |zones: &[u16], (_, policy): (ZoneMatch, Policy)| {
            (
                ZoneMatch { from: Default::default(), to: zones.iter().map(|zone| ZoneId(*zone)).collect() },
                policy,
            )
        };
        let all = || policy("all", "any", None, Permit);
        let web = || policy("web", "any", Some(80), Deny);
        check(&[all(), to(&[3], web())], &[("all", "web")], &[]);
        check(&[all(), to(&[ZoneId::HOST.0], web())], &[], &[]);
        check(&[to(&[ZoneId::HOST.0], all()), to(&[ZoneId::HOST.0], web())], &[("all", "web")], &[]);
    }

    #[test]
    fn policies_that_drop_by_translation_are_not_the_same() {
        let mut web = policy("web", "10.0.0.0/8", Some(80), Permit);
        let all = policy("all", "any", None, Permit);
        check(&[web.clone(), all.clone()], &[], &[("web", "all")]);
        web.1.translated = ravelin_program::Translated::Dropped;
        check(&[web, all], &[], &[]);
    }

    #[test]
    fn neighbouring_prefixes_cover_what_lies_in_both() {
        let halves = "10.0.0.0/9 10.128.0.0/9";
        check(
            &[policy("a", halves, None, Permit), policy("b", "10.0.0.0/8", None, Permit)],
            &[("a", "b")],
            &[],
        );
    }

    #[test]
    fn what_is_excluded_is_not_covered() {
        let inside = policy("in", "10.1.0.0/16", None, Deny);
        check(&[policy("not", "!10.0.0.0/8", None, Permit), inside.clone()], &[], &[]);
        check(&[policy("not", "!192.0.2.0/24", None, Permit), inside.clone()], &[("not", "in")], &[]);
        // Exclusion of IPv4 addresses says nothing of IPv6.
        check(
            &[policy("not", "!10.0.0.0/8", None, Permit), policy("six", "2001:db8::/32", None, Deny)],
            &[],
            &[],
        );
    }

    #[test]
    fn a_policy_is_redundant_unless_another_stands_between() {
        let web = policy("web", "10.0.0.0/8", Some(80), Permit);
        let all = policy("all", "any", None, Permit);
        check(&[web.clone(), all.clone()], &[], &[("web", "all")]);
        let part = policy("part", "10.9.0.0/16", None, Deny);
        check(&[web.clone(), part, all.clone()], &[], &[]);
        let apart = policy("apart", "192.0.2.0/24", None, Deny);
        check(&[web, apart, all], &[], &[("web", "all")]);
    }
}
