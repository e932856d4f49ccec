//! The routes a configuration itself makes: connected, local, static.
//!
//! For backends without a kernel beneath them (replay, the simulator); on a machine they come from
//! the kernel's tables, but for those that lead into another table.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_contract::{NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_model::{
    Config, InstanceType, NextTable, RoutingOptions, StaticAction, StaticRoute, ValidConfig,
};
use ravelin_types::{InstanceId, InterfaceId};

use crate::IdBook;

/// Depth of static next hops that are themselves reached by static routes.
const RECURSION_MAX: usize = 8;

/// One instance's links and what the operator wrote of its routes.
struct Router<'a> {
    instance: InstanceId,
    connected: Vec<(IpNet, InterfaceId)>,
    /// Links that gateways are on: an instance without interfaces has those of the default one.
    reached: Vec<(IpNet, InterfaceId)>,
    options: &'a RoutingOptions,
}

/// Every route, as one batch that replaces what was there. Units must have been compiled before.
#[must_use]
pub fn routes(config: &ValidConfig, book: &IdBook) -> UpdateBatch {
    let config = config.get();
    let mut routes = Vec::new();
    for router in routers(config, book) {
        router.locals(config, book, &mut routes);
        for (prefix, id) in &router.connected {
            let is_host = prefix.prefix_len() == prefix.max_prefix_len();
            let via = NextHop { interface: *id, gateway: None, weight: 1 };
            if !is_host {
                routes.push(router.route(*prefix, Route::Via(vec![via])));
            }
        }
        for entry in router.options.routes() {
            routes.extend(router.written(entry, book).map(|route| router.route(entry.prefix.trunc(), route)));
        }
    }
    UpdateBatch { version: 1, resync: true, routes, ..UpdateBatch::default() }
}

fn routers<'a>(config: &'a Config, book: &IdBook) -> Vec<Router<'a>> {
    let links = |instance| -> Vec<_> {
        units(config, book, instance).map(|(id, address)| (address.trunc(), id)).collect()
    };
    let own = config.routing_instances.iter().filter_map(|instance| {
        let id = book.find_instance(Some(&instance.name))?;
        let connected = links(id);
        let reached = match instance.kind {
            Some(InstanceType::Forwarding) => links(InstanceId::DEFAULT),
            _ => connected.clone(),
        };
        Some(Router { instance: id, connected, reached, options: &instance.routing_options })
    });
    let connected = links(InstanceId::DEFAULT);
    let options = &config.routing_options;
    let default = Router { instance: InstanceId::DEFAULT, reached: connected.clone(), connected, options };
    std::iter::once(default).chain(own).collect()
}

/// Addresses of the units that are up in an instance.
fn units<'a>(
    config: &'a Config,
    book: &'a IdBook,
    instance: InstanceId,
) -> impl Iterator<Item = (InterfaceId, IpNet)> + 'a {
    let interfaces = config.interfaces.iter().filter(|i| !i.disable);
    let units = interfaces.flat_map(|i| i.units.iter().filter(|u| !u.disable).map(move |u| (i, u)));
    units.flat_map(move |(interface, unit)| {
        let name = format!("{}.{}", interface.name, unit.number);
        let of = book.find_instance(config.instance_of(&name).map(|i| i.name.as_str()));
        let id = book.find_unit(&name).filter(|_| of == Some(instance));
        let families = [&unit.inet, &unit.inet6];
        let addresses = families.into_iter().flatten().flat_map(|family| &family.addresses);
        id.into_iter().flat_map(move |id| addresses.clone().map(move |address| (id, address.prefix)))
    })
}

impl Router<'_> {
    fn route(&self, prefix: IpNet, route: Route) -> RouteUpdate {
        RouteUpdate { instance: self.instance, prefix, route: Some(route) }
    }

    fn locals(&self, config: &Config, book: &IdBook, routes: &mut Vec<RouteUpdate>) {
        for (id, address) in units(config, book, self.instance) {
            routes.push(self.route(IpNet::from(address.addr()), Route::Local(id)));
        }
    }

    /// `None`: nothing is known of the way.
    fn written(&self, entry: &StaticRoute, book: &IdBook) -> Option<Route> {
        match &entry.action {
            StaticAction::Discard => Some(Route::Discard),
            StaticAction::Reject => Some(Route::Reject),
            StaticAction::NextTable(NextTable { instance, is_v6: _ }) => {
                book.find_instance(instance.as_deref()).map(Route::Table)
            }
            StaticAction::NextHops(hops) => {
                let hops: Vec<_> = hops.iter().filter_map(|hop| self.resolve(*hop, 0)).collect();
                (!hops.is_empty()).then_some(Route::Via(hops))
            }
        }
    }

    /// The unit and gateway of a next hop: on a connected prefix, or by another static route.
    fn resolve(&self, hop: IpAddr, depth: usize) -> Option<NextHop> {
        let on_link = self.reached.iter().filter(|(p, _)| p.contains(&hop));
        if let Some((_, id)) = on_link.max_by_key(|(p, _)| p.prefix_len()) {
            return Some(NextHop { interface: *id, gateway: Some(hop), weight: 1 });
        }
        if depth >= RECURSION_MAX {
            return None;
        }
        let routes = self.options.routes().filter(|r| r.prefix.contains(&hop));
        let route = routes.max_by_key(|r| r.prefix.prefix_len())?;
        match &route.action {
            StaticAction::NextHops(hops) => self.resolve(*hops.first()?, depth + 1),
            StaticAction::Discard | StaticAction::Reject | StaticAction::NextTable(_) => None,
        }
    }
}
