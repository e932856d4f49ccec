//! NAT: contexts, pools and names exist, every rule says what it matches, ranges fit each other.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};

use ipnet::IpNet;
use ravelin_syntax::Span;

use super::applications::{own_names, unusable};
use super::{Report, destination_pool, zones};
use crate::{
    AddressNames, AddressValue, AlarmThresholds, Config, DestinationNatAction, DestinationRule, NatContext,
    NatRule, PortSpan, StaticPrefix, StaticRule,
};

/// Bits of the longest prefix that NPTv6 translates (RFC 6296).
const NPT_MAX: u8 = 64;

/// What the checks of every rule look names up in.
struct Known<'a> {
    config: &'a Config,
    addresses: &'a AddressNames,
    applications: HashSet<&'a str>,
    /// Names of addresses that are no ranges, or not always the same.
    moving: LazyCell<HashSet<&'a str>, Box<dyn FnOnce() -> HashSet<&'a str> + 'a>>,
}

pub(super) fn check(config: &Config, addresses: &AddressNames, report: &mut Report) {
    let moving = LazyCell::new(Box::new(|| super::dynamic_address::moving(config)) as _);
    let known = Known { config, addresses, applications: own_names(config), moving };
    let mut seen = HashMap::new();
    for set in &config.security.nat_source.rule_sets {
        let path = format!("security nat source rule-set {}", set.name);
        context(config, (&format!("{path} from"), set.at), &set.from, report);
        context(config, (&format!("{path} to"), set.at), &set.to, report);
        alone(&mut seen, (&path, set.at), (&set.from, Some(&set.to)), report);
        not_empty((&path, set.at), set.rules.len(), report);
        for rule in &set.rules {
            source(&known, rule, &format!("{path} rule {}", rule.name), report);
        }
    }
    destination_pool::check(config, addresses, report);
    alarms(config, report);
    seen.clear();
    for set in &config.security.nat_destination.rule_sets {
        let path = format!("security nat destination rule-set {}", set.name);
        context(config, (&format!("{path} from"), set.at), &set.from, report);
        alone(&mut seen, (&path, set.at), (&set.from, None), report);
        not_empty((&path, set.at), set.rules.len(), report);
        for rule in &set.rules {
            destination(&known, rule, &format!("{path} rule {}", rule.name), report);
        }
    }
    seen.clear();
    for set in &config.security.nat_static.rule_sets {
        let path = format!("security nat static rule-set {}", set.name);
        context(config, (&format!("{path} from"), set.at), &set.from, report);
        alone(&mut seen, (&path, set.at), (&set.from, None), report);
        not_empty((&path, set.at), set.rules.len(), report);
        for rule in &set.rules {
            fixed(&known, rule, &format!("{path} rule {}", rule.name), report);
        }
    }
}

fn context(config: &Config, (path, at): (&str, Span), context: &NatContext, report: &mut Report) {
    match context {
        NatContext::Zones(names) => {
            let exist = zones::known(config);
            for name in names.iter().filter(|n| !exist.contains(n.as_str())) {
                report.error(format!("{path} zone {name}"), at, format!("zone `{name}' is not defined"));
            }
        }
        NatContext::Interfaces(names) => {
            let exist = zones::logical_interfaces(config);
            for name in names.iter().filter(|n| !exist.contains(n.as_str())) {
                let message = format!("interface `{name}' is not defined");
                report.error(format!("{path} interface {name}"), at, message);
            }
        }
        // Judged with the instances.
        NatContext::RoutingInstances(_) => {}
    }
}

/// No two rule-sets of a kind have the same contexts (nat-source-3).
fn alone(
    seen: &mut HashMap<String, String>,
    (path, at): (&str, Span),
    (from, to): (&NatContext, Option<&NatContext>),
    report: &mut Report,
) {
    if let Some(other) = seen.insert(format!("{from:?} {to:?}"), path.to_owned()) {
        report.error(path, at, format!("has the same context as '{other}'"));
    }
}

fn not_empty((path, at): (&str, Span), rules: usize, report: &mut Report) {
    if rules == 0 {
        report.error(path, at, "missing mandatory statement: 'rule'");
    }
}

/// Thresholds that an alarm could not keep: it would come and go with every session.
fn alarms(config: &Config, report: &mut Report) {
    let security = &config.security;
    let source = &security.nat_source;
    let mut judge = |path: String, at: Span, alarm: &AlarmThresholds| match (alarm.raise, alarm.clear) {
        (None, Some(_)) => report.error(path, at, "missing mandatory statement: 'raise-threshold'"),
        (Some(raise), Some(clear)) if clear > raise => {
            report.error(path, at, "'clear-threshold' must not be above 'raise-threshold'");
        }
        _ => {}
    };
    let pools = "security nat source";
    judge(format!("{pools} pool-utilization-alarm"), Span::default(), &source.pool_alarm);
    for pool in &source.pools {
        judge(format!("{pools} pool {} pool-utilization-alarm", pool.name), pool.at, &pool.alarm);
    }
    let mut rule = |kind: &str, (set, name): (&str, &str), at, alarm| {
        let path = format!(
            "security nat {kind} rule-set {set} rule {name} then {kind}-nat rule-session-count-alarm"
        );
        judge(path, at, alarm);
    };
    for set in &source.rule_sets {
        set.rules.iter().for_each(|r| rule("source", (&set.name, &r.name), r.at, &r.alarm));
    }
    for set in &security.nat_destination.rule_sets {
        set.rules.iter().for_each(|r| rule("destination", (&set.name, &r.name), r.at, &r.alarm));
    }
    for set in &security.nat_static.rule_sets {
        set.rules.iter().for_each(|r| rule("static", (&set.name, &r.name), r.at, &r.alarm));
    }
}

fn source(known: &Known<'_>, rule: &NatRule, path: &str, report: &mut Report) {
    let NatRule { source_addresses, destination_addresses, source_address_names, .. } = rule;
    let NatRule {
        destination_address_names, source_ports, destination_ports, protocols, applications, ..
    } = rule;
    if source_addresses.is_empty()
        && destination_addresses.is_empty()
        && source_address_names.is_empty()
        && destination_address_names.is_empty()
        && source_ports.is_empty()
        && destination_ports.is_empty()
        && protocols.is_empty()
        && applications.is_empty()
    {
        let message = "missing mandatory statement: 'source-address' or 'destination-address'";
        report.error(format!("{path} match"), rule.at, message);
    }
    let names = source_address_names.iter().chain(destination_address_names);
    known.addresses(names, (path, rule.at), report);
    known.applications(applications, (path, rule.at), report);
    ports(source_ports.iter().chain(destination_ports), path, report);
}

fn destination(known: &Known<'_>, rule: &DestinationRule, path: &str, report: &mut Report) {
    let at = (path, rule.at);
    known.addresses(&rule.source_address_names, at, report);
    known.addresses(&rule.destination_address_name, at, report);
    known.applications(&rule.applications, at, report);
    ports(&rule.destination_ports, path, report);
    let outside = known.prefixes(rule.destination_address, rule.destination_address_name.as_deref());
    if rule.destination_address.is_none() && rule.destination_address_name.is_none() {
        report.error(format!("{path} match"), rule.at, "missing mandatory statement: 'destination-address'");
    }
    let DestinationNatAction::Pool(name) = &rule.action else { return };
    let there = format!("{path} then destination-nat pool");
    let Some(pool) = known.config.security.nat_destination.pools.iter().find(|p| p.name == *name) else {
        return report.error(there, rule.at, format!("pool `{name}' is not defined"));
    };
    let Some(inside_is_v4) = destination_pool::is_v4(pool, known.addresses) else { return };
    if outside.iter().any(|net| net.addr().is_ipv4() != inside_is_v4) {
        let message =
            format!("pool `{name}' is of another address family than the destination: not supported");
        report.error(there, rule.at, message);
    }
}

fn fixed(known: &Known<'_>, rule: &StaticRule, path: &str, report: &mut Report) {
    let at = (path, rule.at);
    known.addresses(&rule.source_address_names, at, report);
    known.addresses(&rule.destination_address_name, at, report);
    ports(&rule.source_ports, path, report);
    if rule.destination_address.is_none() && rule.destination_address_name.is_none() {
        report.error(format!("{path} match"), rule.at, "missing mandatory statement: 'destination-address'");
        return;
    }
    let outside = known.prefixes(rule.destination_address, rule.destination_address_name.as_deref());
    let there = format!("{path} then static-nat");
    if let Some(message) = mismatch(known, rule, &outside, at, report) {
        report.error(there.clone(), rule.at, message);
    }
    match (rule.destination_ports, rule.mapped_ports) {
        (None, None) => {}
        (Some(outside), Some(inside)) if outside.high - outside.low == inside.high - inside.low => {}
        (Some(_), Some(_)) => {
            report.error(there, rule.at, "'destination-port' and 'mapped-port' must have equally many ports");
        }
        _ => report.error(there, rule.at, "'destination-port' and 'mapped-port' need each other"),
    }
}

/// Why the addresses of a static rule can't stand for each other.
fn mismatch(
    known: &Known<'_>,
    rule: &StaticRule,
    outside: &[IpNet],
    at: (&str, Span),
    report: &mut Report,
) -> Option<&'static str> {
    let [outside] = outside else { return Some("both addresses must be one prefix") };
    let mut named = |name: &String| {
        known.addresses(Some(name), at, report);
        known.prefixes(None, Some(name))
    };
    let (inside, npt) = match &rule.inside {
        StaticPrefix::Inet => {
            let message =
                "'inet' needs an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, its bits 64 to 71 zero";
            return (!embeds(outside)).then_some(message);
        }
        StaticPrefix::Prefix(net) => (vec![*net], false),
        StaticPrefix::Named(name) => (named(name), false),
        StaticPrefix::Nptv6(net) => (vec![*net], true),
        StaticPrefix::Nptv6Named(name) => (named(name), true),
    };
    let [inside] = &inside[..] else { return Some("both addresses must be one prefix") };
    let host_bits = |net: &IpNet| net.max_prefix_len() - net.prefix_len();
    if npt {
        let fits = |net: &IpNet| matches!(net, IpNet::V6(_)) && net.prefix_len() <= NPT_MAX;
        let equal = outside.prefix_len() == inside.prefix_len() && fits(outside) && fits(inside);
        return (!equal).then_some("'nptv6-prefix' needs two IPv6 prefixes of equal length, up to /64");
    }
    (host_bits(outside) != host_bits(inside)).then_some("prefixes must have equally many addresses")
}

/// Whether a prefix can hold IPv4 addresses (RFC 6052 2.2).
fn embeds(net: &IpNet) -> bool {
    let IpNet::V6(net) = net else { return false };
    let u_octet = net.network().octets()[8];
    matches!(net.prefix_len(), 32 | 40 | 48 | 56 | 64 | 96) && u_octet == 0
}

fn ports<'a>(spans: impl IntoIterator<Item = &'a PortSpan>, path: &str, report: &mut Report) {
    for span in spans.into_iter().filter(|span| span.range().is_none()) {
        report.error(format!("{path} match"), span.at, "port range ends before it begins");
    }
}

impl Known<'_> {
    fn addresses<'n>(
        &self,
        names: impl IntoIterator<Item = &'n String>,
        (path, at): (&str, Span),
        report: &mut Report,
    ) {
        for name in names {
            let message = if !self.addresses.contains(name.as_str()) {
                format!("address or address-set `{name}' is not defined")
            } else if self.moving.contains(name.as_str()) {
                format!("address `{name}' is no range that a commit knows: not supported in NAT")
            } else {
                continue;
            };
            report.error(format!("{path} match"), at, message);
        }
    }

    fn applications(&self, names: &[String], (path, at): (&str, Span), report: &mut Report) {
        for name in names {
            if let Some(message) = unusable(&self.applications, name) {
                report.error(format!("{path} match application {name}"), at, message);
            }
        }
    }

    /// A prefix, and the prefixes of an address of the global book.
    fn prefixes(&self, prefix: Option<IpNet>, name: Option<&str>) -> Vec<IpNet> {
        let named = name.into_iter().flat_map(|name| self.addresses.values(name));
        let of_name = named.filter_map(|value| match value {
            AddressValue::Prefix(net) => Some(*net),
            AddressValue::Range(..) | AddressValue::Wildcard(..) | AddressValue::Dns(_) => None,
        });
        prefix.into_iter().chain(of_name).collect()
    }
}
