//! Gates: by port and by unit, what of the program concerns packets that do not need it whole.
//!
//! Place: asked by the express path and by outlines. State: made with the rules.

use ravelin_program::{Direction as On, Interface};
use ravelin_screen::{Profile, Way};
use ravelin_types::{Family, GroupId, InstanceId, Instant, InterfaceId, Mac, PortId, ZoneId};
use ravelin_wire::Plain;

use crate::packet::{Ingress, Packet};
use crate::rules::{Rules, Snapshot};
use crate::shared::Shared;
use crate::step::Turn;

/// By unit, what of the program concerns packets that do not need it whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    entrances: Vec<Entrance>,
    exits: Vec<Option<Exit>>,
    /// By port.
    doors: Vec<Option<Door>>,
}

/// The only unit of a port, found without a look at its VLANs.
#[derive(Clone, Copy, Debug)]
struct Door {
    vlan: Option<u16>,
    unit: InterfaceId,
    entrance: Entrance,
}

/// A unit that packets come in by: two words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrance {
    /// The port's MAC address, as packets show it.
    station: u64,
    pub zone: ZoneId,
    pub instance: InstanceId,
    group: GroupId,
    what: u8,
}

/// A unit that packets leave by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    pub mac: Mac,
    pub port: PortId,
    pub vlan: Option<u16>,
    group: GroupId,
    mtu4: u16,
    mtu6: u16,
    pub filtered: bool,
    /// A filter or screens look at flows there.
    pub watched: bool,
}

impl Gates {
    pub(crate) fn of(rules: &Rules) -> Self {
        let mut gates = Self::default();
        // Mirror filters look at all that leaves, and ask where it came from.
        if !rules.mirrors.filters.is_empty() {
            return gates;
        }
        let units = rules.units().map(|u| u.id.index() + 1).max().unwrap_or(0);
        gates.entrances.resize(units, Entrance::CLOSED);
        gates.exits.resize(units, None);
        for unit in rules.units().filter(|unit| unit.enabled) {
            let Some(port) = rules.port(unit.port).filter(|port| port.enabled) else { continue };
            let mac = Mac(port.mac);
            gates.entrances[unit.id.index()] = Entrance::of(rules, unit, mac);
            gates.exits[unit.id.index()] = Some(Exit::of(rules, unit, mac));
        }
        let ports = rules.ports().map(|port| port.id.index() + 1).max().unwrap_or(0);
        let door = |port| {
            let (vlan, unit) = rules.only_unit_of(port)?;
            Some(Door { vlan, unit, entrance: *gates.entrance(unit)? })
        };
        gates.doors = (0..ports).map(|at| door(PortId(at as u16))).collect();
        gates
    }

    #[inline(always)]
    fn door(&self, port: PortId) -> Option<&Door> {
        self.doors.get(port.index())?.as_ref()
    }

    fn entrance(&self, unit: InterfaceId) -> Option<&Entrance> {
        self.entrances.get(unit.index())
    }

    #[inline]
    pub(super) fn exit(&self, unit: InterfaceId) -> Option<&Exit> {
        self.exits.get(unit.index())?.as_ref()
    }
}

impl Entrance {
    /// What of it holds: the family is configured; a filter or a policer looks at packets; screens can find fault with them.
    const INET: u8 = 1;
    const INET6: u8 = 2;
    pub(crate) const FILTERED: u8 = 4;
    pub(super) const SCREENED: u8 = 8;

    /// Of no family.
    const CLOSED: Self =
        Self { station: 0, zone: ZoneId::HOST, instance: InstanceId::DEFAULT, group: GroupId(0), what: 0 };

    fn of(rules: &Rules, unit: &Interface, mac: Mac) -> Self {
        let Some(zone) = unit.zone else { return Self::CLOSED };
        let what = [
            (Self::INET, unit.inet),
            (Self::INET6, unit.inet6),
            (Self::FILTERED, rules.filters.stand_at(unit.id, On::Input)),
            (Self::SCREENED, rules.screens.of(zone, Way::In).is_some_and(Profile::minds_plain)),
        ];
        Self {
            station: Plain::station_of(mac),
            zone,
            instance: unit.instance,
            group: unit.group,
            what: what.into_iter().filter(|(_, holds)| *holds).fold(0, |all, (bit, _)| all | bit),
        }
    }

    #[inline(always)]
    pub(crate) const fn has(&self, bit: u8) -> bool {
        self.what & bit != 0
    }
}

impl Exit {
    fn of(rules: &Rules, unit: &Interface, mac: Mac) -> Self {
        let Interface { port, vlan, group, mtu4, mtu6, .. } = *unit;
        let screened =
            unit.zone.and_then(|zone| rules.screens.of(zone, Way::Out)).is_some_and(Profile::minds_plain);
        let filtered = rules.filters.stand_at(unit.id, On::Output);
        Self { mac, port, vlan, group, mtu4, mtu6, filtered, watched: filtered || screened }
    }

    /// Whether packets may leave by it now.
    #[inline(always)]
    pub(super) fn is_open(&self, (world, shared): (&Snapshot, &Shared), now: Instant) -> bool {
        world.forwarding.is_up(self.port) && !shared.groups.is_passive(self.group, now)
    }

    pub(super) const fn mtu(&self, family: Family) -> u16 {
        match family {
            Family::V4 => self.mtu4,
            Family::V6 => self.mtu6,
        }
    }
}

/// The unit that a packet came by from the wire, to our station and in a family that is configured there.
#[inline(always)]
pub(crate) fn entrance<'w, R>(
    turn: &Turn<'w, R>,
    packet: &Packet<'_>,
    (station, vlan, family): (u64, Option<u16>, Family),
) -> Option<(InterfaceId, &'w Entrance)> {
    let world = turn.world;
    let Ingress::Port(port) = packet.ingress else { return None };
    let (unit, entrance) = match world.rules.gates.door(port) {
        Some(door) if door.vlan == vlan => (door.unit, &door.entrance),
        Some(_) => return None,
        None => among(world, port, vlan)?,
    };
    let configured = match family {
        Family::V4 => entrance.has(Entrance::INET),
        Family::V6 => entrance.has(Entrance::INET6),
    };
    let is_open = packet.handed.is_none()
        && world.armed
        && configured
        && station == entrance.station
        && !turn.shared.groups.is_passive(entrance.group, turn.now);
    is_open.then_some((unit, entrance))
}

/// A port of several units.
#[inline(never)]
fn among(world: &Snapshot, port: PortId, vlan: Option<u16>) -> Option<(InterfaceId, &Entrance)> {
    let unit = world.rules.unit_of(port, vlan)?;
    Some((unit, world.rules.gates.entrance(unit)?))
}
