//! The unit that a packet comes by, and its zone.
//!
//! Place: behind the parser, before anything else is asked. State: none. Spec: flow-4, contract-20.

use ravelin_program::Interface;
use ravelin_types::{DropReason, Mac, ZoneId};
use ravelin_wire::Parsed;

use crate::explain::{Fact, Recorder};
use crate::packet::{Ingress, Packet};
use crate::rules::Snapshot;
use crate::step::Turn;
use crate::verdict::Verdict;

/// Counts the packet at its unit, once.
#[inline]
pub(crate) fn admit<'w, R: Recorder>(
    turn: &mut Turn<'w, R>,
    packet: &Packet<'_>,
    parsed: &Parsed,
) -> Result<(&'w Interface, ZoneId), Verdict> {
    let unit = ingress_unit(turn.world, packet.ingress, parsed)?;
    let is_own = matches!(packet.ingress, Ingress::Port(_));
    if is_own && packet.handed.is_none() {
        turn.state.counters.received(unit.id, packet.len());
    }
    let zone = unit.zone.ok_or(Verdict::Drop(DropReason::NoZone))?;
    turn.rec.fact(Fact::Ingress { unit: unit.id, zone: Some(zone) });
    // The peer has it that the unit of a packet of its is active there.
    let is_peers = matches!(packet.ingress, Ingress::Peer(_));
    if !is_peers && turn.shared.groups.is_passive(unit.group, turn.now) {
        return Err(Verdict::Drop(DropReason::GroupPassive));
    }
    Ok((unit, zone))
}

fn ingress_unit<'w>(
    world: &'w Snapshot,
    ingress: Ingress,
    parsed: &Parsed,
) -> Result<&'w Interface, Verdict> {
    let dropped = |reason| Err(Verdict::Drop(reason));
    let unit = match ingress {
        Ingress::Host(unit) => unit,
        Ingress::Peer(from) => from.unit,
        Ingress::Port(port) if world.fabrics.as_ref().is_some_and(|links| links.is_link(port)) => {
            return dropped(DropReason::FabricFrame);
        }
        Ingress::Port(port) => {
            let Some(known) = world.rules.port(port) else {
                return dropped(DropReason::UnknownVlan);
            };
            if !known.enabled {
                return dropped(DropReason::InterfaceDisabled);
            }
            let ours = parsed.dst_mac == Mac(known.mac) || parsed.dst_mac.is_group();
            if !ours && !world.any_station {
                return dropped(DropReason::OtherStation);
            }
            // VLAN 0 is no VLAN but a priority (IEEE 802.1Q 9.6).
            let vlan = parsed.vlan.map(ravelin_wire::Vlan::id).filter(|id| *id != 0);
            match world.rules.unit_of(port, vlan) {
                Some(unit) => unit,
                None => return dropped(DropReason::UnknownVlan),
            }
        }
    };
    match world.rules.unit(unit) {
        Some(unit) if unit.enabled => Ok(unit),
        Some(_) => dropped(DropReason::InterfaceDisabled),
        None => dropped(DropReason::UnknownVlan),
    }
}
