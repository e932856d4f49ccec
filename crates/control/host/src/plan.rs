//! From what is wanted and what is there to what must be done. Pure.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ravelin_types::{InstanceId, Mac};

use crate::desired::{
    Desired, DesiredPort, DesiredRoute, DesiredRule, DesiredTap, Observed, ObservedLink, RouteTo,
};

/// Marks our TAPs.
pub(crate) const ALIAS: &str = "ravelin ";

/// One step. Order matters: the driver performs them as they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    DeleteTap(String),
    CreateTap(String),
    SetAlias {
        link: String,
        alias: String,
    },
    SetMac {
        link: String,
        mac: Mac,
    },
    SetMtu {
        link: String,
        mtu: u32,
    },
    SetUp {
        link: String,
        up: bool,
    },
    /// Neighbour discovery and routing protocols speak to groups that only the TAPs have joined.
    SetAllMulticast(String),
    /// `path` under `/proc/sys`.
    SetSysctl {
        path: String,
        value: &'static str,
    },
    AddAddress {
        link: String,
        address: IpNet,
        /// Whether the kernel makes the route to the link, in its main table.
        is_routed: bool,
    },
    RemoveAddress {
        link: String,
        address: IpNet,
    },
    RemoveRoute(DesiredRoute),
    /// Adds or replaces.
    SetRoute(DesiredRoute),
    RemoveRule(DesiredRule),
    AddRule(DesiredRule),
}

/// What is to be done, in order. Nothing when `observed` already is as `desired`.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed) -> Vec<Action> {
    let Desired { ports, taps, routes, rules, next_tables: _ } = desired;
    let mut actions = Vec::new();
    let wanted: BTreeSet<_> = taps.iter().map(|tap| tap.name.as_str()).collect();
    let ours = observed.links.iter().filter(|(_, link)| link.alias.starts_with(ALIAS));
    let stale = ours.filter(|(name, _)| !wanted.contains(name.as_str()));
    actions.extend(stale.map(|(name, _)| Action::DeleteTap(name.clone())));
    for tap in taps.iter().filter(|tap| !observed.links.contains_key(&tap.name)) {
        actions.push(Action::CreateTap(tap.name.clone()));
    }
    for (path, value) in sysctls(desired) {
        if observed.sysctls.get(&path).map(String::as_str) != Some(value) {
            actions.push(Action::SetSysctl { path, value });
        }
    }
    for port in ports {
        plan_port(port, observed, &mut actions);
    }
    for tap in taps {
        plan_tap(tap, observed.links.get(&tap.name), &mut actions);
    }
    plan_routes(routes, &observed.routes, &mut actions);
    actions.extend(observed.rules.difference(rules).cloned().map(Action::RemoveRule));
    actions.extend(rules.difference(&observed.rules).cloned().map(Action::AddRule));
    actions
}

fn plan_port(port: &DesiredPort, observed: &Observed, actions: &mut Vec<Action>) {
    // A missing device was refused when names were resolved; if it went since, the link monitor reports it.
    let Some(link) = observed.links.get(&port.device) else { return };
    let name = || port.device.clone();
    for address in &link.addresses {
        actions.push(Action::RemoveAddress { link: name(), address: *address });
    }
    if !link.all_multicast {
        actions.push(Action::SetAllMulticast(name()));
    }
    if link.up != port.up {
        actions.push(Action::SetUp { link: name(), up: port.up });
    }
}

fn plan_tap(tap: &DesiredTap, link: Option<&ObservedLink>, actions: &mut Vec<Action>) {
    let name = || tap.name.clone();
    let fresh = ObservedLink::default();
    let link = link.unwrap_or(&fresh);
    let alias = format!("{ALIAS}{}", tap.unit);
    if link.alias != alias {
        actions.push(Action::SetAlias { link: name(), alias });
    }
    if link.mac != tap.mac {
        actions.push(Action::SetMac { link: name(), mac: tap.mac });
    }
    if link.mtu != u32::from(tap.mtu) {
        actions.push(Action::SetMtu { link: name(), mtu: tap.mtu.into() });
    }
    if link.up != tap.up {
        actions.push(Action::SetUp { link: name(), up: tap.up });
    }
    // A link-local address is nobody's but the link's.
    let is_routed = |address: &IpNet| tap.table == InstanceId::DEFAULT || is_link_local(address);
    let is_kept = |address: &IpNet| {
        let there = link.addresses.contains(address);
        there && tap.addresses.contains(address) && is_routed(address) != link.unrouted.contains(address)
    };
    for address in link.addresses.iter().filter(|address| !is_kept(address)) {
        actions.push(Action::RemoveAddress { link: name(), address: *address });
    }
    for address in tap.addresses.iter().filter(|address| !is_kept(address)) {
        actions.push(Action::AddAddress { link: name(), address: *address, is_routed: is_routed(address) });
    }
}

fn is_link_local(address: &IpNet) -> bool {
    matches!(address, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

fn plan_routes(wanted: &[DesiredRoute], there: &[DesiredRoute], actions: &mut Vec<Action>) {
    let key = |route: &DesiredRoute| (route.table, route.prefix);
    let stale = there.iter().filter(|route| !wanted.iter().any(|want| key(want) == key(route)));
    actions.extend(stale.cloned().map(Action::RemoveRoute));
    // A gateway is looked for by the links of its table.
    let (links, others): (Vec<_>, Vec<_>) = wanted
        .iter()
        .filter(|route| !there.contains(route))
        .cloned()
        .partition(|route| matches!(route.to, RouteTo::Link(_)));
    actions.extend(links.into_iter().chain(others).map(Action::SetRoute));
}

/// Settings by path under `/proc/sys`. The kernel forwards nothing, learns nothing from advertisements, and makes up no
/// addresses; on data interfaces it speaks no IPv6 at all.
pub(crate) fn sysctls(desired: &Desired) -> Vec<(String, &'static str)> {
    let global = [
        ("net/ipv4/ip_forward", "0"),
        ("net/ipv6/conf/all/forwarding", "0"),
        ("net/ipv4/conf/all/rp_filter", "0"),
    ];
    let tap = [
        ("ipv4/conf", "rp_filter", "0"),
        ("ipv4/conf", "arp_ignore", "1"),
        ("ipv4/conf", "arp_announce", "2"),
        ("ipv4/conf", "accept_redirects", "0"),
        ("ipv6/conf", "addr_gen_mode", "1"),
        ("ipv6/conf", "accept_ra", "0"),
        ("ipv6/conf", "accept_dad", "0"),
        ("ipv6/conf", "accept_redirects", "0"),
        ("ipv6/conf", "keep_addr_on_down", "1"),
    ];
    let mut all: Vec<_> = global.map(|(path, value)| (path.to_owned(), value)).into();
    for port in &desired.ports {
        all.push((format!("net/ipv6/conf/{}/disable_ipv6", port.device), "1"));
        all.push((format!("net/ipv4/conf/{}/arp_ignore", port.device), "8"));
    }
    for device in &desired.taps {
        all.extend(tap.map(|(family, key, value)| (format!("net/{family}/{}/{key}", device.name), value)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::Selector;

    fn tap() -> DesiredTap {
        DesiredTap {
            name: "ge-0-0-0.0".into(),
            unit: "ge-0/0/0.0".into(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            up: true,
            addresses: ["10.0.0.1/24".parse().unwrap(), "2001:db8::1/64".parse().unwrap()].into(),
            table: InstanceId::DEFAULT,
            proxied: BTreeSet::new(),
        }
    }

    fn desired() -> Desired {
        let route = DesiredRoute {
            table: InstanceId::DEFAULT,
            prefix: "0.0.0.0/0".parse().unwrap(),
            to: RouteTo::Gateways(["10.0.0.254".parse().unwrap()].into()),
        };
        let port = DesiredPort { device: "ge-0-0-0".into(), up: true };
        Desired { ports: vec![port], taps: vec![tap()], routes: vec![route], ..Desired::default() }
    }

    /// The kernel as it is when everything was done.
    fn reached(desired: &Desired) -> Observed {
        let port = |p: &DesiredPort| {
            (p.device.clone(), ObservedLink { up: p.up, all_multicast: true, ..Default::default() })
        };
        let tap = |t: &DesiredTap| {
            let link = ObservedLink {
                mac: t.mac,
                mtu: t.mtu.into(),
                up: t.up,
                alias: format!("{ALIAS}{}", t.unit),
                addresses: t.addresses.clone(),
                unrouted: match t.table {
                    InstanceId::DEFAULT => BTreeSet::new(),
                    _ => t.addresses.clone(),
                },
                ..Default::default()
            };
            (t.name.clone(), link)
        };
        Observed {
            links: desired.ports.iter().map(port).chain(desired.taps.iter().map(tap)).collect(),
            routes: desired.routes.clone(),
            rules: desired.rules.clone(),
            sysctls: sysctls(desired).into_iter().map(|(path, value)| (path, value.to_owned())).collect(),
        }
    }

    #[test]
    fn what_is_reached_needs_nothing() {
        assert_eq!(plan(&desired(), &reached(&desired())), []);
    }

    #[test]
    fn an_empty_kernel_gets_everything_in_an_order_that_works() {
        let actions = plan(&desired(), &Observed::default());
        let at = |wanted: &dyn Fn(&Action) -> bool| actions.iter().position(wanted).unwrap();
        let create = at(&|a| matches!(a, Action::CreateTap(_)));
        let no_addresses_of_its_own =
            at(&|a| matches!(a, Action::SetSysctl { path, .. } if path.ends_with("addr_gen_mode")));
        let up = at(&|a| matches!(a, Action::SetUp { .. }));
        let address = at(&|a| matches!(a, Action::AddAddress { .. }));
        let route = at(&|a| matches!(a, Action::SetRoute(_)));
        assert!(create < no_addresses_of_its_own && no_addresses_of_its_own < up);
        assert!(up < address && address < route);
    }

    #[test]
    fn links_of_a_table_come_before_its_gateways() {
        let table = InstanceId(3);
        let through = DesiredRoute { table, ..desired().routes.remove(0) };
        let to = RouteTo::Link("ge-0-0-0.0".into());
        let link = DesiredRoute { table, prefix: "10.0.0.0/24".parse().unwrap(), to };
        let wanted = Desired { routes: vec![through.clone(), link.clone()], ..desired() };
        let actions = plan(&wanted, &reached(&desired()));
        let set: Vec<_> = actions.into_iter().filter(|a| matches!(a, Action::SetRoute(_))).collect();
        assert_eq!(set, [Action::SetRoute(link), Action::SetRoute(through)]);
    }

    #[test]
    fn a_unit_that_went_loses_its_tap_and_nothing_else_is_deleted() {
        let mut observed = reached(&desired());
        observed.links.insert("eth9".into(), ObservedLink::default());
        let none = Desired { taps: Vec::new(), ..desired() };
        assert_eq!(plan(&none, &observed), [Action::DeleteTap("ge-0-0-0.0".into())]);
    }

    #[test]
    fn a_changed_address_is_exchanged() {
        let mut observed = reached(&desired());
        let link = observed.links.get_mut("ge-0-0-0.0").unwrap();
        link.addresses = ["10.0.0.2/24".parse().unwrap(), "2001:db8::1/64".parse().unwrap()].into();
        let link = || "ge-0-0-0.0".to_owned();
        let expected = [
            Action::RemoveAddress { link: link(), address: "10.0.0.2/24".parse().unwrap() },
            Action::AddAddress { link: link(), address: "10.0.0.1/24".parse().unwrap(), is_routed: true },
        ];
        assert_eq!(plan(&desired(), &observed), expected);
    }

    #[test]
    fn the_kernel_owns_no_address_on_a_port() {
        let mut observed = reached(&desired());
        observed.links.get_mut("ge-0-0-0").unwrap().addresses = ["192.0.2.1/24".parse().unwrap()].into();
        let address = "192.0.2.1/24".parse().unwrap();
        assert_eq!(plan(&desired(), &observed), [Action::RemoveAddress { link: "ge-0-0-0".into(), address }]);
    }

    #[test]
    fn a_route_is_replaced_in_place() {
        let mut wanted = desired();
        let observed = reached(&wanted);
        wanted.routes[0].to = RouteTo::Discard;
        assert_eq!(plan(&wanted, &observed), [Action::SetRoute(wanted.routes[0].clone())]);
    }

    #[test]
    fn a_unit_that_changes_its_instance_loses_what_the_main_table_has_of_it() {
        let mut wanted = desired();
        let observed = reached(&wanted);
        wanted.taps[0].table = InstanceId(3);
        let link = DesiredRoute {
            table: InstanceId(3),
            prefix: "10.0.0.0/24".parse().unwrap(),
            to: RouteTo::Link("ge-0-0-0.0".into()),
        };
        wanted.routes.push(link.clone());
        let rule = DesiredRule { selector: Selector::Source([10, 0, 0, 1].into()), table: InstanceId(3) };
        wanted.rules = [rule.clone()].into();
        let actions = plan(&wanted, &observed);
        let (name, is_routed) = (|| "ge-0-0-0.0".to_owned(), false);
        let addresses = wanted.taps[0].addresses.iter();
        let removed = addresses.clone().map(|a| Action::RemoveAddress { link: name(), address: *a });
        let added = addresses.map(|a| Action::AddAddress { link: name(), address: *a, is_routed });
        let behind = [Action::SetRoute(link), Action::AddRule(rule.clone())];
        assert_eq!(actions, removed.chain(added).chain(behind).collect::<Vec<_>>());
        assert_eq!(plan(&wanted, &reached(&wanted)), []);
        assert_eq!(plan(&desired(), &reached(&wanted)).last(), Some(&Action::RemoveRule(rule)));
    }
}
