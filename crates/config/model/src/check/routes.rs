//! Static routes: next hops of the prefix's family, tables that exist. A next hop that can't be reached is no error.

use super::Report;
use crate::{Config, NextTable, RoutingOptions, StaticAction, StaticRoute};

pub(super) fn check(config: &Config, report: &mut Report) {
    options(config, None, &config.routing_options, report);
    for instance in &config.routing_instances {
        options(config, Some(&instance.name), &instance.routing_options, report);
    }
}

fn options(config: &Config, instance: Option<&str>, options: &RoutingOptions, report: &mut Report) {
    let above = instance.map_or(String::new(), |name| format!("routing-instances {name} "));
    let table = |family: &str| instance.map_or(format!("{family}.0"), |name| format!("{name}.{family}.0"));
    let (inet, inet6) = (table("inet"), table("inet6"));
    for rib in &options.ribs {
        let path = format!("{above}routing-options rib {}", rib.name);
        let v6 = match rib.name.as_str() {
            name if name == inet => false,
            name if name == inet6 => true,
            _ => {
                let message = format!("statement not supported: only {inet} and {inet6} are");
                report.error(path, rib.at, message);
                continue;
            }
        };
        for route in rib.static_routes.iter().filter(|r| r.prefix.addr().is_ipv6() != v6) {
            let path = format!("{path} static route {}", route.prefix);
            report.error(path, route.at, "prefix is of the other family");
        }
    }
    for route in options.routes() {
        let path = format!("{above}routing-options static route {}", route.prefix);
        match &route.action {
            StaticAction::NextHops(_) => next_hops(route, &path, report),
            StaticAction::NextTable(table) => next_table(config, (instance, table), (&path, route), report),
            StaticAction::Discard | StaticAction::Reject => {}
        }
    }
}

fn next_hops(route: &StaticRoute, path: &str, report: &mut Report) {
    let StaticAction::NextHops(hops) = &route.action else { return };
    for hop in hops {
        if hop.is_ipv6() != route.prefix.addr().is_ipv6() {
            report.error(format!("{path} next-hop {hop}"), route.at, "next hop is of the other family");
        } else if hop.is_unspecified() || hop.is_multicast() || hop.is_loopback() {
            report.error(format!("{path} next-hop {hop}"), route.at, "not the address of a router");
        }
    }
}

/// Spec: routing-instance-5.
fn next_table(
    config: &Config,
    (own, table): (Option<&str>, &NextTable),
    (path, route): (&str, &StaticRoute),
    report: &mut Report,
) {
    let path = format!("{path} next-table");
    let next = table.instance.as_deref();
    if table.is_v6 != route.prefix.addr().is_ipv6() {
        report.error(&path, route.at, "table is of the other family");
    }
    if next == own {
        report.error(&path, route.at, "a table can't be its own next one");
    }
    if next.is_some_and(|next| !config.routing_instances.iter().any(|i| i.name == next)) {
        let message = format!("routing instance `{}' is not defined", next.unwrap_or_default());
        report.error(&path, route.at, message);
    }
}
