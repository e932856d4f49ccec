//! What the kernel should have, from a configuration and its program.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_host::{Desired, DesiredPort, DesiredRoute, DesiredTap, RouteTo, link_local};
use ravelin_model::{StaticAction, ValidConfig};
use ravelin_program::{Interface, Program};
use ravelin_types::{Addr, Mac};

/// Proxied addresses of one unit that neighbours are told of; the rest are answered for when asked.
const PROXIED_TOLD_MAX: usize = 256;

/// TAPs with their addresses, ports, and static routes.
#[must_use]
pub fn desired(valid: &ValidConfig, program: &Program) -> Desired {
    let Some(interfaces) = program.interfaces() else { return Desired::default() };
    let ports =
        interfaces.ports.iter().map(|port| DesiredPort { device: port.device.clone(), up: port.enabled });
    let mac_of = |unit: &Interface| {
        let port = interfaces.ports.iter().find(|port| port.id == unit.port);
        port.map_or(Mac::default(), |port| Mac(port.mac))
    };
    let taps = interfaces.units.iter().map(|unit| DesiredTap {
        name: unit.tap.clone(),
        unit: unit.name.clone(),
        mac: mac_of(unit),
        mtu: unit.mtu4.max(unit.mtu6),
        up: unit.enabled,
        addresses: addresses(unit, mac_of(unit)),
        proxied: proxied(unit),
    });
    let routes = valid.get().routing_options.routes().map(|route| DesiredRoute {
        prefix: route.prefix,
        to: match &route.action {
            StaticAction::NextHops(hops) => RouteTo::Gateways(hops.iter().copied().collect()),
            StaticAction::Discard => RouteTo::Discard,
            StaticAction::Reject => RouteTo::Reject,
        },
    });
    Desired { ports: ports.collect(), taps: taps.collect(), routes: routes.collect() }
}

/// The unit's addresses, and with IPv6 the link-local one that neighbour discovery needs.
fn addresses(unit: &Interface, mac: Mac) -> BTreeSet<IpNet> {
    let net = |a: &ravelin_program::InterfaceAddress| IpNet::new(a.addr.to_ip(a.family), a.len).ok();
    unit.addresses.iter().filter_map(net).chain(unit.inet6.then(|| link_local(mac))).collect()
}

/// The first of the addresses that the unit answers for.
fn proxied(unit: &Interface) -> BTreeSet<IpAddr> {
    let each = unit.proxied.iter().flat_map(|range| {
        let (family, first, last) = (range.family, range.first.0, range.last.0);
        (first..=last).take(PROXIED_TOLD_MAX).map(move |n| Addr(n).to_ip(family))
    });
    each.take(PROXIED_TOLD_MAX).collect()
}
