//! Static routes: next hops of the prefix's family. A next hop that can't be reached is no error.

use super::Report;
use crate::{Config, StaticAction};

pub(super) fn check(config: &Config, report: &mut Report) {
    for rib in &config.routing_options.ribs {
        let path = format!("routing-options rib {}", rib.name);
        let v6 = match rib.name.as_str() {
            "inet.0" => false,
            "inet6.0" => true,
            _ => {
                report.error(path, rib.at, "statement not supported: only inet.0 and inet6.0 are");
                continue;
            }
        };
        for route in rib.static_routes.iter().filter(|r| r.prefix.addr().is_ipv6() != v6) {
            let path = format!("{path} static route {}", route.prefix);
            report.error(path, route.at, "prefix is of the other family");
        }
    }
    for route in config.routing_options.routes() {
        let path = format!("routing-options static route {}", route.prefix);
        let StaticAction::NextHops(hops) = &route.action else { continue };
        for hop in hops {
            if hop.is_ipv6() != route.prefix.addr().is_ipv6() {
                report.error(format!("{path} next-hop {hop}"), route.at, "next hop is of the other family");
            } else if hop.is_unspecified() || hop.is_multicast() || hop.is_loopback() {
                report.error(format!("{path} next-hop {hop}"), route.at, "not the address of a router");
            }
        }
    }
}
