//! Netlink messages to our words and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ravelin_types::Mac;
use rtnetlink::{
    RouteMessageBuilder, RouteNextHopBuilder,
    packet_route::{
        AddressFamily,
        address::{AddressAttribute, AddressMessage},
        link::{LinkAttribute, LinkFlags, LinkMessage, Prop},
        route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType},
    },
};

use crate::desired::{DesiredRoute, ObservedLink, RouteTo};

/// The protocol number of our static routes; none of iproute2's.
pub(crate) const PROTOCOL: RouteProtocol = RouteProtocol::Other(201);

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

/// One of our own routes, or None.
pub(crate) fn own_route(message: &RouteMessage) -> Option<DesiredRoute> {
    let main = message.header.table == RouteHeader::RT_TABLE_MAIN;
    if message.header.protocol != PROTOCOL || !main {
        return None;
    }
    let v4 = message.header.address_family == AddressFamily::Inet;
    let any: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let (mut destination, mut gateways) = (any, std::collections::BTreeSet::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(at) => destination = ip(at)?,
            RouteAttribute::Gateway(at) => drop(gateways.insert(ip(at)?)),
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
        _ => RouteTo::Gateways(gateways),
    };
    Some(DesiredRoute { prefix, to })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

/// The message that sets or removes a route. None: gateways of another family than the prefix.
pub(crate) fn route(route: &DesiredRoute) -> Option<RouteMessage> {
    let prefix = route.prefix.trunc();
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(prefix.addr(), prefix.prefix_len())
        .ok()?
        .protocol(PROTOCOL);
    let message = match &route.to {
        RouteTo::Discard => builder.kind(RouteType::BlackHole).build(),
        RouteTo::Reject => builder.kind(RouteType::Unreachable).build(),
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
