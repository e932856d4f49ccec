//! What the kernel should have, from a configuration and its program.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_host::{
    Desired, DesiredPort, DesiredRoute, DesiredRule, DesiredTap, RouteTo, Selector, link_local,
};
use ravelin_model::{RoutingOptions, StaticAction, ValidConfig};
use ravelin_program::{Interface, Interfaces, Program};
use ravelin_types::{Addr, InstanceId, Mac};

/// Proxied addresses of one unit that neighbours are told of; the rest are answered for when asked.
const PROXIED_TOLD_MAX: usize = 256;

/// TAPs with their addresses, ports, static routes, and what keeps routing instances apart.
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
        table: unit.instance,
        proxied: proxied(unit),
    });
    let config = valid.get();
    let mut routes: Vec<_> = statics(InstanceId::DEFAULT, &config.routing_options).collect();
    for instance in &config.routing_instances {
        if let Some(known) = interfaces.instances.iter().find(|known| known.name == instance.name) {
            routes.extend(statics(known.id, &instance.routing_options));
        }
    }
    let apart = || interfaces.units.iter().filter(|unit| unit.instance != InstanceId::DEFAULT);
    routes.extend(apart().filter(|unit| unit.enabled).flat_map(links));
    Desired {
        ports: ports.collect(),
        taps: taps.collect(),
        routes,
        rules: rules(interfaces),
        next_tables: next_tables(valid, program),
    }
}

fn next_tables(valid: &ValidConfig, program: &Program) -> BTreeMap<(InstanceId, IpNet), InstanceId> {
    let known = program.interfaces().map_or(&[][..], |interfaces| &interfaces.instances);
    let id = |name: Option<&str>| match name {
        None => Some(InstanceId::DEFAULT),
        Some(name) => known.iter().find(|instance| instance.name == name).map(|instance| instance.id),
    };
    let config = valid.get();
    let own = config.routing_instances.iter().map(|i| (Some(i.name.as_str()), &i.routing_options));
    let all = std::iter::once((None, &config.routing_options)).chain(own);
    let routes = all.flat_map(|(name, options)| options.routes().map(move |route| (name, route)));
    let led = routes.filter_map(|(name, route)| match &route.action {
        StaticAction::NextTable(table) => {
            Some(((id(name)?, route.prefix.trunc()), id(table.instance.as_deref())?))
        }
        StaticAction::NextHops(_) | StaticAction::Discard | StaticAction::Reject => None,
    });
    led.collect()
}

/// Routes that lead into another table have no place in the kernel: the dataplane is told of them.
fn statics(table: InstanceId, options: &RoutingOptions) -> impl Iterator<Item = DesiredRoute> {
    options.routes().filter_map(move |route| {
        let to = match &route.action {
            StaticAction::NextHops(hops) => RouteTo::Gateways(hops.iter().copied().collect()),
            StaticAction::Discard => RouteTo::Discard,
            StaticAction::Reject => RouteTo::Reject,
            StaticAction::NextTable(_) => return None,
        };
        Some(DesiredRoute { table, prefix: route.prefix, to })
    })
}

fn nets(unit: &Interface) -> impl Iterator<Item = IpNet> {
    unit.addresses.iter().filter_map(|a| IpNet::new(a.addr.to_ip(a.family), a.len).ok())
}

/// What the kernel would do by itself, in the main table. Spec: routing-instance-17.
fn links(unit: &Interface) -> impl Iterator<Item = DesiredRoute> {
    let prefixes: BTreeSet<_> = nets(unit).map(|net| net.trunc()).collect();
    let beyond = prefixes.into_iter().filter(|net| net.prefix_len() < net.max_prefix_len());
    beyond.map(|prefix| DesiredRoute { table: unit.instance, prefix, to: RouteTo::Link(unit.tap.clone()) })
}

/// What the firewall itself sends from an instance's interfaces goes by the instance's routes.
fn rules(interfaces: &Interfaces) -> BTreeSet<DesiredRule> {
    let apart = interfaces.units.iter().filter(|unit| unit.instance != InstanceId::DEFAULT);
    apart
        .flat_map(|unit| {
            let device = |is_v6| Selector::Device { name: unit.tap.clone(), is_v6 };
            let devices = [unit.inet.then(|| device(false)), unit.inet6.then(|| device(true))];
            let sources = nets(unit).map(|net| Selector::Source(net.addr()));
            let selectors = devices.into_iter().flatten().chain(sources);
            selectors.map(|selector| DesiredRule { selector, table: unit.instance })
        })
        .collect()
}

/// The unit's addresses, and with IPv6 the link-local one that neighbour discovery needs.
fn addresses(unit: &Interface, mac: Mac) -> BTreeSet<IpNet> {
    nets(unit).chain(unit.inet6.then(|| link_local(mac))).collect()
}

/// The first of the addresses that the unit answers for.
fn proxied(unit: &Interface) -> BTreeSet<IpAddr> {
    let each = unit.proxied.iter().flat_map(|range| {
        let (family, first, last) = (range.family, range.first.0, range.last.0);
        (first..=last).take(PROXIED_TOLD_MAX).map(move |n| Addr(n).to_ip(family))
    });
    each.take(PROXIED_TOLD_MAX).collect()
}
