//! Which way packets of a session go on: the instance whose routes they take, and the unit and next hop that these say.
//!
//! Place: fast path, once the session is found. State: none. Spec: routing-instance-8..12.

use ravelin_program::Interface;
use ravelin_types::{Addr, DropReason, InstanceId, ZoneId};

use crate::act::Recipe;
use crate::forwarding::Path;
use crate::rules::{Rules, Snapshot};
use crate::session::{Marks, Session, WingRef};
use crate::step::{Flow, Turn};

/// By which instance a session's packets of a wing go: those that open it as its first one did, by what its NAT rule or
/// a filter says; answers by the one that they were asked in. Spec: routing-instance-11, routing-instance-12.
pub(crate) fn instance(rules: &Rules, session: &Session, wing: usize, flow: &Flow) -> InstanceId {
    match wing {
        // Expected where its parent's packets come from.
        0 if session.marks.has(Marks::CHILD) => session.wings[1].key.instance(),
        0 => rules.nat.instance_behind(session.destination_rule).unwrap_or(flow.routed_by()),
        _ => session.wings[0].key.instance(),
    }
}

/// Where a session's packet goes by the routes of an instance, which the packet that opens it has asked already.
pub(crate) fn path(world: &Snapshot, flow: &Flow, (instance, recipe): (InstanceId, &Recipe<'_>)) -> Path {
    match recipe.way {
        Some((asked, path)) if *asked == instance => *path,
        // None is known to ask of another than the fast path does; if one did, it must not go astray for it.
        Some(_) | None => {
            world.forwarding.lookup(instance, (flow.network.family, recipe.other.src()), flow.hash)
        }
    }
}

/// The unit that a session's packet leaves by: the one that it went by last, or where the way leads now. `None`: it has no way.
pub(crate) fn egress<'w, R>(
    turn: &Turn<'w, R>,
    flow: &Flow,
    at: WingRef,
    recipe: &Recipe<'_>,
) -> Option<&'w Interface> {
    let world = turn.world;
    if recipe.wing.resolved_at == world.forwarding.generation {
        return world.rules.unit(recipe.wing.egress);
    }
    let session = turn.state.sessions.get(at.slot());
    let path = path(world, flow, (instance(&world.rules, session, at.wing(), flow), recipe));
    let beyond = session.wings[1 - at.wing()].zone;
    route(world, (path, recipe.other.instance()), beyond).ok().map(|(unit, _)| unit)
}

/// The unit and next hop of a path for a session's packet. One into another zone than the one that the policy judged, or
/// into another instance than the one that answers come in, is no way for this session.
pub(crate) fn route(
    world: &Snapshot,
    (path, answered_in): (Path, InstanceId),
    zone: ZoneId,
) -> Result<(&Interface, Addr), DropReason> {
    match path {
        Path::Via { unit, next_hop } => {
            let unit = world.rules.unit(unit).ok_or(DropReason::EgressDown)?;
            let is_there = unit.zone == Some(zone) && unit.instance == answered_in;
            if is_there { Ok((unit, next_hop)) } else { Err(DropReason::EgressNoZone) }
        }
        Path::Discard => Err(DropReason::RouteDiscard),
        Path::Reject => Err(DropReason::RouteReject),
        Path::Local(_) | Path::None => Err(DropReason::NoRoute),
    }
}
