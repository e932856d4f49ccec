//! Two nodes of one configuration that gave out ids of their own: what goes from one to the other is renumbered.

use ravelin_contract::{
    CarriedCounters, DataPlane, ExportCursor, LinkUpdate, NeighbourUpdate, NextHop, Renumber, Route,
    RouteUpdate, UpdateBatch,
};

use super::BenchError;
use super::simulator::sessions;

/// From the ids of one plane to those of another.
pub(super) fn renumber(from: &dyn DataPlane, to: &dyn DataPlane) -> Result<Renumber, BenchError> {
    let naming = |plane: &dyn DataPlane| plane.sessions().deltas()?.naming();
    Ok(Renumber::between(&naming(from)?, &naming(to)?))
}

/// What a node was told of the world, as the other numbers interfaces and ports. Of units that are gone nothing is told.
pub(super) fn updates(batch: &UpdateBatch, renumber: &Renumber) -> UpdateBatch {
    let hop = |hop: &NextHop| Some(NextHop { interface: renumber.interface(hop.interface)?, ..*hop });
    let route = |update: &RouteUpdate| {
        let route = match update.route.as_ref()? {
            Route::Via(hops) => Route::Via(hops.iter().filter_map(hop).collect()),
            Route::Local(interface) => Route::Local(renumber.interface(*interface)?),
            Route::Discard => Route::Discard,
            Route::Reject => Route::Reject,
            Route::Table(next) => Route::Table(renumber.instance(*next)?),
        };
        Some(RouteUpdate {
            instance: renumber.instance(update.instance)?,
            route: Some(route),
            ..update.clone()
        })
    };
    let neighbour = |update: &NeighbourUpdate| {
        Some(NeighbourUpdate { interface: renumber.interface(update.interface)?, ..*update })
    };
    let link = |update: &LinkUpdate| Some(LinkUpdate { port: renumber.port(update.port)?, ..*update });
    UpdateBatch {
        routes: batch.routes.iter().filter_map(route).collect(),
        neighbours: batch.neighbours.iter().filter_map(neighbour).collect(),
        links: batch.links.iter().filter_map(link).collect(),
        ..batch.clone()
    }
}

/// Counters, mappings and sessions of one node for the other, over the contract alone. Afterwards the other has the same.
pub(super) fn hand_over(
    from: &dyn DataPlane,
    to: &dyn DataPlane,
    (renumber, may_refuse): (&Renumber, bool),
) -> Result<(), BenchError> {
    to.telemetry().carry_over(&renumber.counters(&CarriedCounters::of(from.telemetry())?))?;
    let mappings: Vec<_> =
        from.sessions().mappings()?.iter().filter_map(|mapping| renumber.mapping(mapping)).collect();
    to.sessions().put_mappings(&mappings)?;
    let mut at = Some(ExportCursor::default());
    while let Some(cursor) = at {
        let batch = from.sessions().deltas()?.export(&[], cursor, 100)?;
        let put = renumber.put(to.sessions(), &batch.sessions)?;
        if let Some((id, why)) = put.refused.first().filter(|_| !may_refuse) {
            let whole = batch.sessions.iter().find(|session| session.id == *id);
            return Err(BenchError::NotMoved(format!("{why:?}: {whole:?}")));
        }
        at = batch.next;
    }
    let (had, has) = (sessions(from)?, sessions(to)?);
    for (id, (_, session)) in had.iter().filter(|_| !may_refuse) {
        let (told, found) = (renumber.session(session), has.get(id).map(|(_, session)| session));
        if found != told.as_ref() {
            return Err(BenchError::NotMoved(format!("{told:?} is {found:?}")));
        }
    }
    Ok(())
}
