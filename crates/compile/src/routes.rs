//! The routes a configuration itself makes: connected, local, static.
//!
//! For backends without a kernel beneath them (replay, the simulator); on a machine they come from
//! the kernel's tables.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_contract::{NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_model::{StaticAction, ValidConfig};
use ravelin_types::InterfaceId;

use crate::IdBook;

/// Depth of static next hops that are themselves reached by static routes.
const RECURSION_MAX: usize = 8;

/// Every route, as one batch that replaces what was there. Units must have been compiled before.
#[must_use]
pub fn routes(config: &ValidConfig, book: &IdBook) -> UpdateBatch {
    let config = config.get();
    let mut connected: Vec<(IpNet, InterfaceId)> = Vec::new();
    let mut routes = Vec::new();
    for interface in config.interfaces.iter().filter(|i| !i.disable) {
        for unit in interface.units.iter().filter(|u| !u.disable) {
            let name = format!("{}.{}", interface.name, unit.number);
            let Some(id) = book.find_unit(&name) else { continue };
            let families = [&unit.inet, &unit.inet6];
            for address in families.into_iter().flatten().flat_map(|f| &f.addresses) {
                connected.push((address.prefix.trunc(), id));
                let host = IpNet::from(address.prefix.addr());
                routes.push(RouteUpdate { instance: InstanceId::DEFAULT, prefix: host, route: Some(Route::Local(id)) });
            }
        }
    }
    let via = |id, gateway| Route::Via(vec![NextHop { interface: id, gateway, weight: 1 }]);
    for (prefix, id) in &connected {
        let is_host = prefix.prefix_len() == prefix.max_prefix_len();
        if !is_host {
            routes.push(RouteUpdate { instance: InstanceId::DEFAULT, prefix: *prefix, route: Some(via(*id, None)) });
        }
    }
    for entry in config.routing_options.routes() {
        let route = match &entry.action {
            StaticAction::Discard => Some(Route::Discard),
            StaticAction::Reject => Some(Route::Reject),
            StaticAction::NextHops(hops) => {
                let hops: Vec<_> =
                    hops.iter().filter_map(|hop| resolve(config, &connected, *hop, 0)).collect();
                (!hops.is_empty()).then_some(Route::Via(hops))
            }
        };
        if route.is_some() {
            routes.push(RouteUpdate { instance: InstanceId::DEFAULT, prefix: entry.prefix.trunc(), route });
        }
    }
    UpdateBatch { version: 1, resync: true, routes, ..UpdateBatch::default() }
}

/// The unit and gateway of a next hop: on a connected prefix, or by another static route.
fn resolve(
    config: &ravelin_model::Config,
    connected: &[(IpNet, InterfaceId)],
    hop: IpAddr,
    depth: usize,
) -> Option<NextHop> {
    let longest = connected.iter().filter(|(p, _)| p.contains(&hop)).max_by_key(|(p, _)| p.prefix_len());
    if let Some((_, id)) = longest {
        return Some(NextHop { interface: *id, gateway: Some(hop), weight: 1 });
    }
    if depth >= RECURSION_MAX {
        return None;
    }
    let routes = config.routing_options.routes().filter(|r| r.prefix.contains(&hop));
    let route = routes.max_by_key(|r| r.prefix.prefix_len())?;
    match &route.action {
        StaticAction::NextHops(hops) => resolve(config, connected, *hops.first()?, depth + 1),
        StaticAction::Discard | StaticAction::Reject => None,
    }
}
