//! Messages of the kernel (rtnetlink(7)) to the contract's words. Pure; a million routes come this way, so it reads in place.
//!
//! A route is taken as what it says and no more: one that holds for some packets only (type of service, a source prefix) or that
//! wraps them (encapsulation) is no route here, or it would hold for all. Spec: contract-4.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use ravelin_contract::{Neighbour, NextHop, Route};
use ravelin_types::{InstanceId, InterfaceId, Mac};

use crate::world::{Key, Place};

/// Which unit a link index is, and whose routes it has.
pub(crate) type Units = HashMap<u32, (InterfaceId, InstanceId)>;

/// Types of messages.
pub(crate) mod kind {
    pub const ERROR: u16 = 2;
    pub const DONE: u16 = 3;
    pub const NEW_LINK: u16 = 16;
    pub const DEL_LINK: u16 = 17;
    pub const GET_LINK: u16 = 18;
    pub const DEL_ADDRESS: u16 = 21;
    pub const NEW_ROUTE: u16 = 24;
    pub const DEL_ROUTE: u16 = 25;
    pub const GET_ROUTE: u16 = 26;
    pub const NEW_NEIGHBOUR: u16 = 28;
    pub const DEL_NEIGHBOUR: u16 = 29;
    pub const GET_NEIGHBOUR: u16 = 30;
    pub const NEW_NEXT_HOP: u16 = 104;
    pub const DEL_NEXT_HOP: u16 = 105;
}

pub(crate) const INET: u8 = 2;
pub(crate) const INET6: u8 = 10;

/// Flags of the header: what a dump says that was disturbed, and what became of the route that was there.
pub(crate) const DUMP_INTERRUPTED: u16 = 0x10;
const REPLACED: u16 = 0x100;
const APPENDED: u16 = 0x800;

const TABLE_LOCAL: u32 = 255;
/// A copy of a route for one destination (`RTM_F_CLONED`).
const CLONED: u32 = 0x200;
/// The next hop is dead (`RTNH_F_DEAD`).
const DEAD: u32 = 1;
/// Up, with a carrier.
const LINK_UP: u32 = 0x1 | 0x1_0000;

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    body: &'a [u8],
}

/// What a message means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// `came`: where among those of the same prefix and metric; `None`: it went.
    Route {
        key: (Key, u32),
        came: Option<Place>,
        route: Option<Route>,
    },
    Neighbour {
        key: (InterfaceId, IpAddr),
        neighbour: Neighbour,
        in_doubt: bool,
    },
    Link {
        index: u32,
        name: String,
        up: bool,
        gone: bool,
    },
    /// Something went with which the kernel drops routes without a word.
    Silence,
}

/// The messages of a datagram; what is cut off or makes no sense ends it.
pub(crate) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = u32_at(datagram, 0)? as usize;
        let body = datagram.get(16..len)?;
        let message = Message { kind: u16_at(datagram, 4)?, flags: u16_at(datagram, 6)?, body };
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

impl Message<'_> {
    /// The errno of an answer that is an error; 0 is none.
    pub(crate) fn error(&self) -> i32 {
        u32_at(self.body, 0).map_or(0, |code| (code as i32).saturating_neg())
    }

    /// What it means; None: nothing that concerns us.
    pub(crate) fn heard(&self, units: &Units) -> Option<Heard> {
        match self.kind {
            kind::NEW_ROUTE | kind::DEL_ROUTE => self.route(units),
            kind::NEW_NEIGHBOUR | kind::DEL_NEIGHBOUR => self.neighbour(units),
            kind::NEW_LINK | kind::DEL_LINK => self.link(),
            // The kernel says nothing of IPv4 routes that go with an address or a next hop object.
            kind::DEL_ADDRESS | kind::DEL_NEXT_HOP => Some(Heard::Silence),
            kind::NEW_NEXT_HOP => (self.flags & REPLACED != 0).then_some(Heard::Silence),
            _ => None,
        }
    }

    fn link(&self) -> Option<Heard> {
        // Ports of a bridge are told of under its family.
        if *self.body.first()? != 0 {
            return None;
        }
        const NAME: u16 = 3;
        let (_, name) = attributes(self.body, 16).find(|(kind, _)| *kind == NAME)?;
        let name = str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()?;
        let up = u32_at(self.body, 8)? & LINK_UP == LINK_UP;
        let gone = self.kind == kind::DEL_LINK;
        Some(Heard::Link { index: u32_at(self.body, 4)?, name: name.to_owned(), up: up && !gone, gone })
    }

    fn neighbour(&self, units: &Units) -> Option<Heard> {
        const DESTINATION: u16 = 1;
        const LINK_LAYER: u16 = 2;
        /// REACHABLE, STALE, DELAY, PROBE, PERMANENT.
        const KNOWN: u16 = 0x2 | 0x4 | 0x8 | 0x10 | 0x80;
        const STALE: u16 = 0x4;
        const FAILED: u16 = 0x20;
        let family = *self.body.first()?;
        let (unit, _) = units.get(&u32_at(self.body, 4)?)?;
        let state = u16_at(self.body, 8)?;
        let (mut addr, mut mac) = (None, None);
        for (kind, value) in attributes(self.body, 12) {
            match kind {
                DESTINATION => addr = ip(family, value),
                LINK_LAYER => mac = value.try_into().ok().map(Mac),
                _ => {}
            }
        }
        let addr = addr.filter(|addr| !addr.is_multicast())?;
        let neighbour = if self.kind == kind::DEL_NEIGHBOUR {
            Neighbour::Gone
        } else if state & FAILED != 0 {
            Neighbour::Failed
        } else {
            mac.filter(|_| state & KNOWN != 0).map_or(Neighbour::Gone, Neighbour::Reachable)
        };
        let in_doubt = state & STALE != 0 && matches!(neighbour, Neighbour::Reachable(_));
        Some(Heard::Neighbour { key: (*unit, addr), neighbour, in_doubt })
    }

    /// A route of an instance's table or the local one: whose, prefix, metric, what it leads to.
    fn route(&self, units: &Units) -> Option<Heard> {
        const UNICAST: u8 = 1;
        const LOCAL: u8 = 2;
        const BLACKHOLE: u8 = 6;
        const UNREACHABLE: u8 = 7;
        const PROHIBIT: u8 = 8;
        let &[family, len, source_len, service, table, _, _, kind, ..] = self.body else { return None };
        let flags = u32_at(self.body, 8)?;
        if !matches!(family, INET | INET6) || source_len != 0 || service != 0 || flags & CLONED != 0 {
            return None;
        }
        let said = RouteAttributes::read(family, attributes(self.body, 12))?;
        let prefix = IpNet::new(said.destination, len).ok()?;
        // Every link has these; the engine takes link-local and group destinations as local by itself.
        let link_scoped = match prefix {
            IpNet::V4(net) => net.addr().is_multicast(),
            IpNet::V6(net) => net.addr().is_multicast() || net.addr().is_unicast_link_local(),
        };
        let table = said.table.unwrap_or(table.into());
        let owner = said.output.and_then(|index| units.get(&index)).copied();
        // The local table is everybody's; a device of an instance's own has its local routes in the instance's table.
        let instance = match (table, owner) {
            (TABLE_LOCAL, Some((_, instance))) if kind == LOCAL => instance,
            (TABLE_LOCAL, None) if kind == LOCAL => InstanceId::DEFAULT,
            (TABLE_LOCAL, _) => return None,
            _ => InstanceId::of_kernel_table(table)?,
        };
        let misplaced = kind == LOCAL && table != TABLE_LOCAL && instance == InstanceId::DEFAULT;
        if link_scoped || misplaced {
            return None;
        }
        let route = match kind {
            UNICAST if said.wrapped => None,
            UNICAST => said.next_hops(family, flags, units),
            LOCAL => owner.map(|(unit, _)| Route::Local(unit)),
            BLACKHOLE => Some(Route::Discard),
            UNREACHABLE | PROHIBIT => Some(Route::Reject),
            _ => return None,
        };
        let came = (self.kind == kind::NEW_ROUTE).then_some(if self.flags & REPLACED != 0 {
            Place::Replace
        } else if self.flags & APPENDED != 0 {
            Place::Last
        } else {
            Place::First
        });
        Some(Heard::Route { key: ((instance, prefix.trunc()), said.metric), came, route })
    }
}

/// What the attributes of a route, or of one of its next hops, say.
struct RouteAttributes<'a> {
    destination: IpAddr,
    output: Option<u32>,
    gateway: Option<IpAddr>,
    metric: u32,
    table: Option<u32>,
    several: Option<&'a [u8]>,
    wrapped: bool,
}

impl<'a> RouteAttributes<'a> {
    fn read(family: u8, attributes: impl Iterator<Item = (u16, &'a [u8])>) -> Option<Self> {
        const DESTINATION: u16 = 1;
        const OUTPUT: u16 = 4;
        const GATEWAY: u16 = 5;
        const PRIORITY: u16 = 6;
        const MULTIPATH: u16 = 9;
        const TABLE: u16 = 15;
        const VIA: u16 = 18;
        const ENCAPSULATION: u16 = 21;
        let any: IpAddr =
            if family == INET { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let mut said = Self {
            destination: any,
            output: None,
            gateway: None,
            metric: 0,
            table: None,
            several: None,
            wrapped: false,
        };
        for (kind, value) in attributes {
            match kind {
                DESTINATION => said.destination = ip(family, value)?,
                OUTPUT => said.output = u32_at(value, 0),
                GATEWAY => said.gateway = Some(ip(family, value)?),
                // A gateway of the other family: the family comes first.
                VIA => said.gateway = Some(ip(u16_at(value, 0)? as u8, value.get(2..)?)?),
                PRIORITY => said.metric = u32_at(value, 0)?,
                TABLE => said.table = u32_at(value, 0),
                MULTIPATH => said.several = Some(value),
                ENCAPSULATION => said.wrapped = true,
                _ => {}
            }
        }
        Some(said)
    }

    /// By our units; next hops by other links, and dead ones, are none.
    fn next_hops(&self, family: u8, flags: u32, units: &Units) -> Option<Route> {
        let Some(mut rest) = self.several else {
            let (interface, _) = *units.get(&self.output?).filter(|_| flags & DEAD == 0)?;
            return Some(Route::Via(vec![NextHop { interface, gateway: self.gateway, weight: 1 }]));
        };
        let mut hops = Vec::new();
        while let Some(len) = u16_at(rest, 0).map(usize::from).filter(|len| *len >= 8) {
            let hop = rest.get(..len)?;
            let said = Self::read(family, attributes(hop, 8))?;
            let alive = u32::from(hop[2]) & DEAD == 0 && !said.wrapped;
            if let Some((interface, _)) = units.get(&u32_at(hop, 4)?).filter(|_| alive) {
                // The kernel's byte is the weight less one.
                let weight = u16::from(hop[3]) + 1;
                hops.push(NextHop { interface: *interface, gateway: said.gateway, weight });
            }
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
        (!hops.is_empty()).then_some(Route::Via(hops))
    }
}

/// The attributes behind a header of `from` bytes.
fn attributes(body: &[u8], from: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(from..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(rest, 0)?);
        let value = rest.get(4..len)?;
        // Two bits say how it is nested and ordered.
        let kind = u16_at(rest, 2)? & 0x3fff;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn ip(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        INET => Some(<[u8; 4]>::try_from(bytes).ok()?.into()),
        INET6 => Some(<[u8; 16]>::try_from(bytes).ok()?.into()),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A question for everything of a kind.
pub(crate) fn dump_request(kind: u16, family: u8, sequence: u32) -> Vec<u8> {
    const REQUEST_DUMP: u16 = 0x1 | 0x300;
    // `ifinfomsg`, or `rtmsg` and `ndmsg`, whose first byte is the family.
    let header = if kind == kind::GET_LINK { 16 } else { 12 };
    let mut bytes = Vec::with_capacity(16 + header);
    bytes.extend((16 + header as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(REQUEST_DUMP.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.push(family);
    bytes.resize(16 + header, 0);
    bytes
}

#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
