//! Static routes: next hops of the prefix's family. A next hop that can't be reached is no error.

use super::Report;
use crate::{Config, StaticAction};

pub(super) fn check(config: &Config, report: &mut Report) {
    for route in &config.routing_options.static_routes {
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
