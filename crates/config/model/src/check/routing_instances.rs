//! Routing instances: types, interfaces and names; what refers to them. Spec: routing-instance-1..6.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;

use super::{Report, zones};
use crate::{Config, DEFAULT_INSTANCE, InstanceType, NatContext, RoutingInstance};

/// Names that mean something else wherever an instance is named.
const RESERVED: [&str; 5] = [DEFAULT_INSTANCE, "master", "all", "inet", "inet6"];
/// The management interface's own instance.
const MANAGEMENT: &str = "mgmt_junos";

pub(super) fn check(config: &Config, report: &mut Report) {
    let exist = zones::logical_interfaces(config);
    let mut owners: HashMap<&str, (&str, Span)> = HashMap::new();
    for instance in &config.routing_instances {
        let path = format!("routing-instances {}", instance.name);
        if RESERVED.contains(&instance.name.as_str()) {
            report.error(&path, instance.at, format!("`{}' is a reserved name", instance.name));
        }
        if instance.name == MANAGEMENT {
            report.error(
                &path,
                instance.at,
                "statement not supported: fxp0 has the default instance's routes",
            );
        }
        kind(instance, &path, report);
        for interface in &instance.interfaces {
            let path = format!("{path} interface {}", interface.name);
            if interface.name.starts_with("fxp0.") || interface.name.starts_with("lo0.") {
                report.error(&path, interface.at, "this interface belongs to the default instance");
            } else if !exist.contains(&interface.name) {
                let message =
                    format!("interface `{}' must be configured under [edit interfaces]", interface.name);
                report.error(&path, interface.at, message);
            }
            if let Some((owner, at)) = owners.insert(&interface.name, (&instance.name, interface.at)) {
                let message = if owner == instance.name {
                    format!("interface `{}' is listed twice", interface.name)
                } else {
                    format!("interface `{}' is already in routing instance `{owner}'", interface.name)
                };
                report.conflict(&path, interface.at, message, (at, "it is in an instance here"));
            }
        }
    }
    one_instance_a_zone(config, &owners, report);
    referred(config, report);
}

fn kind(instance: &RoutingInstance, path: &str, report: &mut Report) {
    let path = format!("{path} instance-type");
    match instance.kind {
        Some(InstanceType::VirtualRouter) => {}
        Some(InstanceType::Forwarding) => {
            for interface in &instance.interfaces {
                let message = "an instance of type forwarding has no interfaces: filters send packets to it";
                report.error(
                    format!("routing-instances {} interface {}", instance.name, interface.name),
                    interface.at,
                    message,
                );
            }
        }
        // What Junos has for fxp0 needs no type; it is refused as it is.
        None if instance.name == MANAGEMENT => {}
        None => report.error(path, instance.at, "missing mandatory statement: 'instance-type'"),
        Some(InstanceType::Vrf) => {
            let message = "statement not supported: a vrf needs BGP; virtual-router is one without";
            report.error(path, instance.at, message);
        }
        Some(other) => {
            let message = format!("statement not supported: {}", other.as_str());
            report.error(path, instance.at, message);
        }
    }
}

/// Junos: the interfaces of a zone are of one instance.
fn one_instance_a_zone(config: &Config, owners: &HashMap<&str, (&str, Span)>, report: &mut Report) {
    for zone in &config.security.zones {
        let of = |name: &str| owners.get(name).map_or(DEFAULT_INSTANCE, |(owner, _)| owner);
        let Some(first) = zone.interfaces.first() else { continue };
        for other in zone.interfaces.iter().filter(|i| of(&i.name) != of(&first.name)) {
            let path = format!("security zones security-zone {} interfaces {}", zone.name, other.name);
            let message = format!(
                "interfaces of a zone must be in one routing instance: this one is in `{}', {} in `{}'",
                of(&other.name),
                first.name,
                of(&first.name)
            );
            report.conflict(path, other.at, message, (first.at, "the zone's first interface"));
        }
    }
}

/// An instance that a statement elsewhere names.
struct Mention<'a> {
    path: String,
    at: Span,
    name: &'a str,
}

fn referred(config: &Config, report: &mut Report) {
    let known: HashSet<&str> = config.routing_instances.iter().map(|i| i.name.as_str()).collect();
    let mut mentions = Vec::new();
    contexts(config, &mut mentions);
    translations(config, &mut mentions);
    terms(config, &mut mentions);
    for Mention { path, at, name } in mentions {
        if name != DEFAULT_INSTANCE && !known.contains(name) {
            let message = format!("routing instance `{name}' is not defined");
            report.error(format!("{path} routing-instance {name}"), at, message);
        }
    }
    let pools = &config.security.nat_source.pools;
    for pool in pools {
        let overflow = pools.iter().find(|other| pool.overflow_pool.as_ref() == Some(&other.name));
        if overflow.is_some_and(|overflow| overflow.instance != pool.instance) {
            let path = format!("security nat source pool {} overflow-pool", pool.name);
            report.error(path, pool.at, "both pools must be of one routing instance");
        }
    }
}

fn contexts<'a>(config: &'a Config, out: &mut Vec<Mention<'a>>) {
    let mut add = |path: String, at: Span, context: &'a NatContext| {
        if let NatContext::RoutingInstances(names) = context {
            out.extend(names.iter().map(|name| Mention { path: path.clone(), at, name }));
        }
    };
    let security = &config.security;
    for set in &security.nat_source.rule_sets {
        let path = format!("security nat source rule-set {}", set.name);
        add(format!("{path} from"), set.at, &set.from);
        add(format!("{path} to"), set.at, &set.to);
    }
    for set in &security.nat_destination.rule_sets {
        add(format!("security nat destination rule-set {} from", set.name), set.at, &set.from);
    }
    for set in &security.nat_static.rule_sets {
        add(format!("security nat static rule-set {} from", set.name), set.at, &set.from);
    }
}

fn translations<'a>(config: &'a Config, out: &mut Vec<Mention<'a>>) {
    let security = &config.security;
    for pool in &security.nat_source.pools {
        let path = || format!("security nat source pool {}", pool.name);
        out.extend(pool.instance.iter().map(|name| Mention { path: path(), at: pool.at, name }));
    }
    for pool in &security.nat_destination.pools {
        let path = || format!("security nat destination pool {}", pool.name);
        out.extend(pool.instance.iter().map(|name| Mention { path: path(), at: pool.at, name }));
    }
    for (set, rule) in security.nat_static.rule_sets.iter().flat_map(|s| s.rules.iter().map(move |r| (s, r)))
    {
        let path = || format!("security nat static rule-set {} rule {} then static-nat", set.name, rule.name);
        out.extend(rule.instance.iter().map(|name| Mention { path: path(), at: rule.at, name }));
    }
}

fn terms<'a>(config: &'a Config, out: &mut Vec<Mention<'a>>) {
    let firewall = &config.firewall;
    let filters4 = [("firewall family inet filter", &firewall.inet), ("firewall filter", &firewall.plain)];
    for (word, filters) in filters4 {
        for (filter, term) in filters.iter().flat_map(|f| f.terms.iter().map(move |t| (f, t))) {
            let path = || format!("{word} {} term {} then", filter.name, term.name);
            let named = term.then.routing_instance.iter();
            out.extend(named.map(|name| Mention { path: path(), at: term.at, name }));
        }
    }
    for (filter, term) in firewall.inet6.iter().flat_map(|f| f.terms.iter().map(move |t| (f, t))) {
        let path = || format!("firewall family inet6 filter {} term {} then", filter.name, term.name);
        let named = term.then.routing_instance.iter();
        out.extend(named.map(|name| Mention { path: path(), at: term.at, name }));
    }
}
