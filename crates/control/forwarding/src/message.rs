//! Netlink dumps to the contract's words.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use ravelin_contract::{Neighbour, NextHop, Route};
use ravelin_types::{InterfaceId, Mac};
use rtnetlink::packet_route::{
    AddressFamily,
    link::{LinkAttribute, LinkFlags, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    route::{
        RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteNextHopFlags, RouteType,
        RouteVia,
    },
};

/// The kernel's table of its own addresses (`RT_TABLE_LOCAL`).
const TABLE_LOCAL: u32 = 255;

/// Which unit a link index is.
pub(crate) type Units = HashMap<u32, InterfaceId>;

pub(crate) fn link_name(message: &LinkMessage) -> Option<&str> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Up, with a carrier.
pub(crate) fn link_up(message: &LinkMessage) -> bool {
    message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp)
}

/// A neighbour of a unit; None while the kernel still asks, or when it belongs to another link.
pub(crate) fn neighbour(
    message: &NeighbourMessage,
    units: &Units,
) -> Option<(InterfaceId, IpAddr, Neighbour)> {
    let unit = units.get(&message.header.ifindex)?;
    let (mut addr, mut mac) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => addr = Some(IpAddr::from(*v4)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => addr = Some(IpAddr::from(*v6)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok().map(Mac),
            _ => {}
        }
    }
    let neighbour = match message.header.state {
        NeighbourState::Reachable
        | NeighbourState::Stale
        | NeighbourState::Delay
        | NeighbourState::Probe
        | NeighbourState::Permanent => Neighbour::Reachable(mac?),
        NeighbourState::Failed => Neighbour::Failed,
        _ => return None,
    };
    addr.filter(|addr| !addr.is_multicast()).map(|addr| (*unit, addr, neighbour))
}

/// A route of the main or local table: prefix, metric, what it leads to. None: not for us, or out of links that are
/// no units.
pub(crate) fn route(message: &RouteMessage, units: &Units) -> Option<(IpNet, u32, Route)> {
    let v4 = message.header.address_family == AddressFamily::Inet;
    let any: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let (mut destination, mut metric, mut table) = (any, 0, u32::from(message.header.table));
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(at) => destination = ip(at)?,
            RouteAttribute::Priority(value) => metric = *value,
            RouteAttribute::Table(value) => table = *value,
            _ => {}
        }
    }
    let prefix = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    // Every link has these; the engine takes link-local and group destinations as local by itself.
    let link_scoped = match prefix {
        IpNet::V4(net) => net.addr().is_multicast(),
        IpNet::V6(net) => net.addr().is_multicast() || net.addr().is_unicast_link_local(),
    };
    let wanted_table = match message.header.kind {
        RouteType::Local => table == TABLE_LOCAL,
        _ => table == u32::from(RouteHeader::RT_TABLE_MAIN),
    };
    if link_scoped || !wanted_table {
        return None;
    }
    let route = match message.header.kind {
        RouteType::Unicast => Route::Via(next_hops(message, units)?),
        RouteType::Local => Route::Local(*units.get(&output(&message.attributes)?)?),
        RouteType::BlackHole => Route::Discard,
        RouteType::Unreachable | RouteType::Prohibit => Route::Reject,
        _ => return None,
    };
    Some((prefix, metric, route))
}

fn next_hops(message: &RouteMessage, units: &Units) -> Option<Vec<NextHop>> {
    let several = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let hops: Vec<_> = match several {
        Some(hops) => hops.iter().filter_map(|hop| one_of_several(hop, units)).collect(),
        None => {
            let interface = *units.get(&output(&message.attributes)?)?;
            vec![NextHop { interface, gateway: gateway(&message.attributes), weight: 1 }]
        }
    };
    (!hops.is_empty()).then_some(hops)
}

fn one_of_several(hop: &RouteNextHop, units: &Units) -> Option<NextHop> {
    let alive = !hop.flags.contains(RouteNextHopFlags::Dead);
    let interface = *units.get(&hop.interface_index).filter(|_| alive)?;
    // The kernel's byte is the weight less one.
    Some(NextHop { interface, gateway: gateway(&hop.attributes), weight: u16::from(hop.hops) + 1 })
}

fn output(attributes: &[RouteAttribute]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(at) => ip(at),
        RouteAttribute::Via(RouteVia::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}
