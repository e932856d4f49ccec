//! Routes, neighbours and links.

use ipnet::IpNet;
use ravelin_contract::{
    LinkUpdate, LiveUpdate, Neighbour, NeighbourUpdate, NextHop, Route, RouteUpdate, UpdateBatch,
};
use ravelin_types::PortId;

use super::{Read, Wire, address, decode_all, encode_all, instance, mac, need, octets, part, small, unit};
use crate::proto;
use crate::proto::neighbour_update::Neighbour as NeighbourMessage;
use crate::proto::route_update::Route as RouteMessage;

impl Wire for UpdateBatch {
    type Message = proto::UpdateBatch;

    fn to_message(&self) -> proto::UpdateBatch {
        let Self { version, resync, routes, neighbours, links, live } = self;
        proto::UpdateBatch {
            version: *version,
            resync: *resync,
            routes: encode_all(routes),
            neighbours: encode_all(neighbours),
            links: encode_all(links),
            live: live.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: proto::UpdateBatch) -> Read<Self> {
        Ok(Self {
            version: message.version,
            resync: message.resync,
            routes: decode_all(message.routes)?,
            neighbours: decode_all(message.neighbours)?,
            links: decode_all(message.links)?,
            live: message.live.map(LiveUpdate::from_message).transpose()?,
        })
    }
}

impl Wire for RouteUpdate {
    type Message = proto::RouteUpdate;

    fn to_message(&self) -> proto::RouteUpdate {
        let Self { instance, prefix, route } = self;
        let route = match route {
            Some(Route::Via(hops)) => RouteMessage::Via(proto::NextHops { next_hops: encode_all(hops) }),
            Some(Route::Local(interface)) => RouteMessage::Local(interface.0.into()),
            Some(Route::Discard) => RouteMessage::Discard(proto::Empty {}),
            Some(Route::Reject) => RouteMessage::Reject(proto::Empty {}),
            Some(Route::Table(instance)) => RouteMessage::NextTable(instance.0.into()),
            None => RouteMessage::Withdrawn(proto::Empty {}),
        };
        proto::RouteUpdate { table: instance.0.into(), prefix: Some(prefix.to_message()), route: Some(route) }
    }

    fn from_message(message: proto::RouteUpdate) -> Read<Self> {
        let route = match need("route", message.route)? {
            RouteMessage::Via(hops) => Some(Route::Via(decode_all(hops.next_hops)?)),
            RouteMessage::Local(interface) => Some(Route::Local(unit(interface)?)),
            RouteMessage::Discard(_) => Some(Route::Discard),
            RouteMessage::Reject(_) => Some(Route::Reject),
            RouteMessage::NextTable(table) => Some(Route::Table(instance(table)?)),
            RouteMessage::Withdrawn(_) => None,
        };
        let prefix = part::<IpNet>("prefix", message.prefix)?;
        Ok(Self { instance: instance(message.table)?, prefix, route })
    }
}

impl Wire for NextHop {
    type Message = proto::NextHop;

    fn to_message(&self) -> proto::NextHop {
        let Self { interface, gateway, weight } = *self;
        proto::NextHop { interface: interface.0.into(), gateway: gateway.map(octets), weight: weight.into() }
    }

    fn from_message(message: proto::NextHop) -> Read<Self> {
        Ok(Self {
            interface: unit(message.interface)?,
            gateway: message.gateway.map(|bytes| address(&bytes)).transpose()?,
            weight: small("weight", message.weight)?,
        })
    }
}

impl Wire for NeighbourUpdate {
    type Message = proto::NeighbourUpdate;

    fn to_message(&self) -> proto::NeighbourUpdate {
        let Self { interface, addr, neighbour } = *self;
        let neighbour = match neighbour {
            Neighbour::Reachable(mac) => NeighbourMessage::Reachable(mac.0.to_vec()),
            Neighbour::Failed => NeighbourMessage::Failed(proto::Empty {}),
            Neighbour::Gone => NeighbourMessage::Gone(proto::Empty {}),
        };
        proto::NeighbourUpdate {
            interface: interface.0.into(),
            addr: octets(addr),
            neighbour: Some(neighbour),
        }
    }

    fn from_message(message: proto::NeighbourUpdate) -> Read<Self> {
        let neighbour = match need("neighbour", message.neighbour)? {
            NeighbourMessage::Reachable(bytes) => Neighbour::Reachable(mac(&bytes)?),
            NeighbourMessage::Failed(_) => Neighbour::Failed,
            NeighbourMessage::Gone(_) => Neighbour::Gone,
        };
        Ok(Self { interface: unit(message.interface)?, addr: address(&message.addr)?, neighbour })
    }
}

impl Wire for LinkUpdate {
    type Message = proto::LinkUpdate;

    fn to_message(&self) -> proto::LinkUpdate {
        let Self { port, up } = *self;
        proto::LinkUpdate { port: port.0.into(), up }
    }

    fn from_message(message: proto::LinkUpdate) -> Read<Self> {
        Ok(Self { port: PortId(small("port id", message.port)?), up: message.up })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Malformed;
    use super::super::testing::survives;
    use super::*;
    use ravelin_types::{InstanceId, InterfaceId, Mac};

    #[test]
    fn every_route_and_neighbour_survives() {
        let hop = |gateway: Option<&str>| NextHop {
            interface: InterfaceId(7),
            gateway: gateway.map(|g| g.parse().unwrap()),
            weight: 3,
        };
        let routes = [
            Some(Route::Via(vec![hop(None), hop(Some("10.0.0.1")), hop(Some("fe80::1"))])),
            Some(Route::Via(Vec::new())),
            Some(Route::Local(InterfaceId(1))),
            Some(Route::Discard),
            Some(Route::Reject),
            Some(Route::Table(InstanceId(7))),
            None,
        ];
        survives(routes.map(|route| RouteUpdate {
            instance: InstanceId(9),
            prefix: "2001:db8::/32".parse().unwrap(),
            route,
        }));
        survives([Neighbour::Reachable(Mac([2, 0, 0, 0, 0, 1])), Neighbour::Failed, Neighbour::Gone].map(
            |neighbour| NeighbourUpdate {
                interface: InterfaceId(2),
                addr: "10.0.0.9".parse().unwrap(),
                neighbour,
            },
        ));
    }

    #[test]
    fn a_route_of_an_unknown_kind_is_malformed_rather_than_withdrawn() {
        let prefix = Some("10.0.0.0/8".parse::<IpNet>().unwrap().to_message());
        let message = proto::RouteUpdate { table: 0, prefix, route: None };
        assert!(matches!(RouteUpdate::from_message(message), Err(Malformed::Missing("route"))));
    }
}
