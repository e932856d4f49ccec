//! Policies: zones, addresses, applications and schedulers exist; `any` stands alone; every part of a match is written.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use ravelin_syntax::Span;

use super::applications::{own_names, unusable};
use super::{Kept, Report, zones};
use crate::security::{ZoneBooks, qualified};
use crate::{AddressNames, AddressRef, ByPlace, Config, GlobalPolicy, Policies, Policy, Runs, run_place};

/// The zone of the firewall itself.
const HOST: &str = "junos-host";
/// Policies of no zone pair that may name it. Spec: policy-21.
const HOST_POLICIES_MAX: usize = 256;

/// What names of addresses stand for.
pub(super) struct Names<'a> {
    pub known: &'a AddressNames,
    pub zones: &'a ZoneBooks,
}

impl Names<'_> {
    /// What a policy means by a word, where it isn't the word itself.
    fn meant(&self, reference: &AddressRef, book: Option<&str>) -> Option<AddressRef> {
        let AddressRef::Named(name) = reference else { return None };
        let own = book.map(|book| qualified(name, book)).filter(|own| self.known.is_in_a_book(own));
        let prefix = || literal(name).filter(|_| !self.known.contains(name)).map(AddressRef::Prefix);
        own.map(|own| AddressRef::Named(own.into())).or_else(prefix)
    }
}

/// Tells names from prefixes written in the policy: the book is asked first. `any` zones of global policies
/// become the empty list.
pub(super) fn settle_references(policies: &mut Policies, names: &Names<'_>, kept: Option<&Kept<'_>>) {
    let was = kept.map(|kept| (kept.earlier.lowered, &kept.earlier.valid.get().security.policies));
    let lists = |of: &Policies| of.pairs.iter().map(|pair| pair.policies.clone()).collect::<Vec<_>>();
    let settled =
        was.map(|(lowered, valid)| settled_lists(&lists(lowered), &lists(valid), kept)).unwrap_or_default();
    for pair in &mut policies.pairs {
        let books = [names.zones.of(&pair.from), names.zones.of(&pair.to)];
        pair.policies = pair.policies.with(|run| match settled.get(&run_place(run)) {
            Some(same) => Some(same.clone()),
            None => settled_run(run, |policy| settle(policy, names, books)),
        });
    }
    let global = |of: &Policies| [of.global.clone()];
    let settled =
        was.map(|(lowered, valid)| settled_lists(&global(lowered), &global(valid), kept)).unwrap_or_default();
    policies.global = policies.global.with(|run| match settled.get(&run_place(run)) {
        Some(same) => Some(same.clone()),
        None => settled_run(run, |global| settle_global(global, names)),
    });
}

/// What became of each run of some lists. The runs live as long as the lists.
fn settled_lists<T>(lowered: &[Runs<T>], valid: &[Runs<T>], kept: Option<&Kept<'_>>) -> ByPlace<Arc<[T]>> {
    let runs = lowered.iter().flat_map(Runs::runs).zip(valid.iter().flat_map(Runs::runs));
    let holds = |run: &Arc<[T]>| kept.is_some_and(|kept| kept.holds(run));
    runs.filter(|(lowered, _)| holds(lowered)).map(|(run, valid)| (run_place(run), valid.clone())).collect()
}

/// `None`: no member changes. `settle` makes of a member what stands in its place.
fn settled_run<T: Clone>(run: &[T], settle: impl Fn(&T) -> Option<T>) -> Option<Arc<[T]>> {
    let mut settled =
        run.iter().enumerate().filter_map(|(at, member)| Some((at, settle(member)?))).peekable();
    settled.peek()?;
    let mut members = run.to_vec();
    settled.for_each(|(at, member)| members[at] = member);
    Some(members.into())
}

/// `books`: of the zone that the policy is from, and of the one it is to.
fn settle(policy: &Policy, names: &Names<'_>, books: [Option<&str>; 2]) -> Option<Policy> {
    let [from, to] = books;
    let mut sources = policy.source_addresses.iter().map(|reference| names.meant(reference, from));
    let mut destinations = policy.destination_addresses.iter().map(|reference| names.meant(reference, to));
    if sources.all(|meant| meant.is_none()) && destinations.all(|meant| meant.is_none()) {
        return None;
    }
    let mut policy = policy.clone();
    for (side, book) in [(&mut policy.source_addresses, from), (&mut policy.destination_addresses, to)] {
        for reference in side {
            if let Some(meant) = names.meant(reference, book) {
                *reference = meant;
            }
        }
    }
    Some(policy)
}

/// A global policy sees the global book alone.
fn settle_global(global: &GlobalPolicy, names: &Names<'_>) -> Option<GlobalPolicy> {
    let policy = settle(&global.policy, names, [None, None]);
    let every = |zones: &[String]| zones == ["any"];
    if policy.is_none() && !every(&global.from_zones) && !every(&global.to_zones) {
        return None;
    }
    let mut global =
        GlobalPolicy { policy: policy.unwrap_or_else(|| global.policy.clone()), ..global.clone() };
    for side in [&mut global.from_zones, &mut global.to_zones] {
        if every(side) {
            side.clear();
        }
    }
    Some(global)
}

fn literal(text: &str) -> Option<IpNet> {
    let host = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().map(|p| p.trunc()).or_else(host)
}

/// `kept`: what was judged with the same schedulers.
pub(super) fn check(config: &Config, addresses: &AddressNames, kept: Option<&Kept<'_>>, report: &mut Report) {
    let exist = zones::known(config);
    let schedulers = config.schedulers.iter().map(|s| s.name.as_str()).collect();
    let known = Known { addresses, applications: own_names(config), schedulers };
    let same = kept.map(|kept| kept.earlier.valid.get());
    let lists = same.map(|same| same.security.policies.pairs.iter().map(|pair| &pair.policies));
    let judged = judged_runs(lists, kept);
    let zone = |name: &str, path: &str, at: Span, report: &mut Report| {
        if name != HOST && !exist.contains(name) {
            report.error(path, at, format!("zone `{name}' is not defined"));
        }
    };
    for pair in &config.security.policies.pairs {
        let path = format!("security policies from-zone {} to-zone {}", pair.from, pair.to);
        zone(&pair.from, &path, pair.at, report);
        zone(&pair.to, &path, pair.at, report);
        if pair.from == HOST && pair.to == HOST {
            report.error(&path, pair.at, "nothing goes from the firewall to itself");
        }
        for run in pair.policies.runs().iter().filter(|run| !judged.contains_key(&run_place(run))) {
            run.iter().for_each(|policy| self::policy(&known, policy, &path, report));
        }
    }
    let mut of_host = config
        .security
        .policies
        .global
        .iter()
        .filter(|global| global.from_zones.iter().chain(&global.to_zones).any(|zone| zone == HOST));
    if let Some(beyond) = of_host.nth(HOST_POLICIES_MAX) {
        let message = format!("no more than {HOST_POLICIES_MAX} global policies may name `{HOST}'");
        report.error("security policies global", beyond.policy.at, message);
    }
    // A global policy names zones, too.
    let same = same.filter(|same| zones::known(same) == exist);
    let judged = judged_runs(same.map(|same| [&same.security.policies.global].into_iter()), kept);
    let runs = config.security.policies.global.runs().iter();
    for global in runs.filter(|run| !judged.contains_key(&run_place(run))).flat_map(|run| run.iter()) {
        let path = "security policies global";
        for name in global.from_zones.iter().chain(&global.to_zones) {
            let path = format!("{path} policy {} match", global.policy.name);
            zone(name, &path, global.policy.at, report);
        }
        if global.from_zones == [HOST] && global.to_zones == [HOST] {
            let path = format!("{path} policy {} match", global.policy.name);
            report.error(path, global.policy.at, "nothing goes from the firewall to itself");
        }
        policy(&known, &global.policy, path, report);
    }
}

/// Runs that passed already; they live as long as the configuration they are of.
fn judged_runs<'a, T: 'a>(
    lists: Option<impl Iterator<Item = &'a Runs<T>>>,
    kept: Option<&Kept<'_>>,
) -> ByPlace<()> {
    let runs = lists.into_iter().flatten().flat_map(Runs::runs);
    let held = runs.filter(|run| kept.is_some_and(|kept| kept.holds_judged(run)));
    held.map(|run| (run_place(run), ())).collect()
}

/// Names that a policy may use.
struct Known<'a> {
    addresses: &'a AddressNames,
    applications: HashSet<&'a str>,
    schedulers: HashSet<&'a str>,
}

/// Paths are made for what is wrong alone: policies are many.
fn policy(known: &Known<'_>, policy: &Policy, above: &str, report: &mut Report) {
    let path = |rest: &str| format!("{above} policy {} match {rest}", policy.name);
    let sides = [
        ("source-address", &policy.source_addresses, policy.source_excluded),
        ("destination-address", &policy.destination_addresses, policy.destination_excluded),
    ];
    for (side, addresses, excluded) in sides {
        if addresses.is_empty() {
            report.error(path(side), policy.at, format!("missing mandatory statement: '{side}'"));
        }
        if addresses.len() > 1 && addresses.contains(&AddressRef::Any) {
            report.error(path(side), policy.at, "`any' can't be combined with other addresses");
        }
        let wild = |a: &AddressRef| matches!(a, AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6);
        if excluded && addresses.iter().any(wild) {
            report.error(path(&format!("{side}-excluded")), policy.at, "`any' can't be excluded");
        }
        for name in addresses.iter().filter_map(name).filter(|n| !known.addresses.contains(n)) {
            report.error(
                path(&format!("{side} {name}")),
                policy.at,
                format!("address or address-set `{name}' is not defined"),
            );
        }
    }
    if policy.drop_translated && policy.drop_untranslated {
        let path = format!("{above} policy {} then permit destination-address", policy.name);
        report.error(path, policy.at, "only one of 'drop-translated' and 'drop-untranslated' may be given");
    }
    if policy.applications.is_empty() {
        report.error(path("application"), policy.at, "missing mandatory statement: 'application'");
    }
    if policy.applications.len() > 1 && policy.applications.iter().any(|a| a == "any") {
        report.error(path("application"), policy.at, "`any' can't be combined with other applications");
    }
    if let Some(name) = policy.scheduler.as_ref().filter(|name| !known.schedulers.contains(name.as_str())) {
        let path = format!("{above} policy {} scheduler-name", policy.name);
        report.error(path, policy.at, format!("scheduler `{name}' is not defined"));
    }
    for name in &policy.applications {
        if let Some(message) = unusable(&known.applications, name) {
            report.error(path(&format!("application {name}")), policy.at, message);
        }
    }
}

fn name(reference: &AddressRef) -> Option<&str> {
    match reference {
        AddressRef::Named(name) => Some(name),
        AddressRef::Any | AddressRef::AnyIpv4 | AddressRef::AnyIpv6 | AddressRef::Prefix(_) => None,
    }
}
