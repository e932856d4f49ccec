//! Netlink messages to our words and back.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ravelin_types::{InstanceId, Mac};
use rtnetlink::{
    RouteMessageBuilder, RouteNextHopBuilder,
    packet_route::{
        AddressFamily,
        address::{AddressAttribute, AddressFlags, AddressMessage},
        link::{LinkAttribute, LinkFlags, LinkMessage, Prop},
        route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
        rule::{RuleAction, RuleAttribute, RuleMessage},
    },
};

use crate::desired::{DesiredRoute, DesiredRule, ObservedLink, RouteTo, Selector};

/// The protocol number of our static routes; none of iproute2's.
pub(crate) const PROTOCOL: RouteProtocol = RouteProtocol::Other(201);
/// Our rules stand behind the local table's and before the main one's.
const RULE_PRIORITY: u32 = 1000;

pub(crate) fn link(message: &LinkMessage) -> Option<(String, ObservedLink)> {
    let mut name = None;
    let up = message.header.flags.contains(LinkFlags::Up);
    let all_multicast = message.header.flags.contains(LinkFlags::Allmulti);
    let mut link = ObservedLink { index: message.header.index, up, all_multicast, ..ObservedLink::default() };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::IfAlias(text) => link.alias.clone_from(text),
            LinkAttribute::Address(bytes) => link.mac = bytes.as_slice().try_into().map_or(link.mac, Mac),
            LinkAttribute::PropList(props) => {
                let names = props.iter().filter_map(|prop| match prop {
                    Prop::AltIfName(name) => Some(name.clone()),
                    _ => None,
                });
                link.alternative_names.extend(names);
            }
            _ => {}
        }
    }
    name.map(|name| (name, link))
}

/// Whether the kernel made no route for an address.
pub(crate) fn is_unrouted(message: &AddressMessage) -> bool {
    message.attributes.iter().any(|attribute| match attribute {
        AddressAttribute::Flags(flags) => flags.contains(AddressFlags::Noprefixroute),
        _ => false,
    })
}

/// The address a link owns; on point-to-point links that is not the `Address` attribute.
pub(crate) fn address(message: &AddressMessage) -> Option<IpNet> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let plain = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    IpNet::new(local.or(plain)?, message.header.prefix_len).ok()
}

/// One of our own rules, or None.
pub(crate) fn own_rule(message: &RuleMessage) -> Option<DesiredRule> {
    let is_v6 = message.header.family == AddressFamily::Inet6;
    let (mut number, mut selector, mut ours) = (u32::from(message.header.table), None, false);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(table) => number = *table,
            RuleAttribute::Protocol(protocol) => ours = *protocol == PROTOCOL,
            RuleAttribute::Oifname(name) => selector = Some(Selector::Device { name: name.clone(), is_v6 }),
            RuleAttribute::Source(addr) => selector = Some(Selector::Source(*addr)),
            _ => {}
        }
    }
    let table = InstanceId::of_kernel_table(number).filter(|_| ours)?;
    Some(DesiredRule { selector: selector?, table })
}

/// The message that adds or removes a rule.
pub(crate) fn rule(rule: &DesiredRule) -> RuleMessage {
    let mut message = RuleMessage::default();
    let (is_v6, len) = match &rule.selector {
        Selector::Device { is_v6, .. } => (*is_v6, 0),
        Selector::Source(IpAddr::V4(_)) => (false, 32),
        Selector::Source(IpAddr::V6(_)) => (true, 128),
    };
    message.header.family = if is_v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    message.header.action = RuleAction::ToTable;
    message.header.src_len = len;
    message.attributes = vec![
        RuleAttribute::Table(rule.table.kernel_table()),
        RuleAttribute::Priority(RULE_PRIORITY),
        RuleAttribute::Protocol(PROTOCOL),
        match &rule.selector {
            Selector::Device { name, .. } => RuleAttribute::Oifname(name.clone()),
            Selector::Source(addr) => RuleAttribute::Source(*addr),
        },
    ];
    message
}

/// One of our own routes, or None.
pub(crate) fn own_route(message: &RouteMessage, names: &BTreeMap<u32, &str>) -> Option<DesiredRoute> {
    if message.header.protocol != PROTOCOL {
        return None;
    }
    let mut number = u32::from(message.header.table);
    let v4 = message.header.address_family == AddressFamily::Inet;
    let any: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let (mut destination, mut gateways, mut link) = (any, std::collections::BTreeSet::new(), None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(at) => destination = ip(at)?,
            RouteAttribute::Gateway(at) => drop(gateways.insert(ip(at)?)),
            RouteAttribute::Table(table) => number = *table,
            RouteAttribute::Oif(index) => link = Some(*index),
            RouteAttribute::MultiPath(hops) => {
                gateways.extend(hops.iter().flat_map(|hop| &hop.attributes).filter_map(
                    |inner| match inner {
                        RouteAttribute::Gateway(at) => ip(at),
                        _ => None,
                    },
                ));
            }
            _ => {}
        }
    }
    let prefix = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    let to = match message.header.kind {
        RouteType::BlackHole => RouteTo::Discard,
        RouteType::Unreachable | RouteType::Prohibit => RouteTo::Reject,
        _ if gateways.is_empty() => RouteTo::Link((*names.get(&link?)?).to_owned()),
        _ => RouteTo::Gateways(gateways),
    };
    Some(DesiredRoute { table: InstanceId::of_kernel_table(number)?, prefix, to })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

/// The message that sets or removes a route. `links`: numbers of devices. None: gateways of another family than the
/// prefix, or no such device.
pub(crate) fn route(route: &DesiredRoute, links: &BTreeMap<String, u32>) -> Option<RouteMessage> {
    let prefix = route.prefix.trunc();
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(prefix.addr(), prefix.prefix_len())
        .ok()?
        .table_id(route.table.kernel_table())
        .protocol(PROTOCOL);
    let message = match &route.to {
        RouteTo::Discard => builder.kind(RouteType::BlackHole).build(),
        RouteTo::Reject => builder.kind(RouteType::Unreachable).build(),
        RouteTo::Link(name) => builder.output_interface(*links.get(name)?).scope(RouteScope::Link).build(),
        RouteTo::Gateways(gateways) if gateways.len() == 1 => {
            builder.gateway(*gateways.first()?).ok()?.build()
        }
        RouteTo::Gateways(gateways) => {
            let hop = |gateway: &IpAddr| {
                let builder = match prefix {
                    IpNet::V4(_) => RouteNextHopBuilder::new_ipv4(),
                    IpNet::V6(_) => RouteNextHopBuilder::new_ipv6(),
                };
                Some(builder.via(*gateway).ok()?.build())
            };
            builder.multipath(gateways.iter().map(hop).collect::<Option<_>>()?).build()
        }
    };
    Some(message)
}
