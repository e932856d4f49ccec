//! The routes that the plane was told of, for `show route`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use ravelin_contract::{Route, UpdateBatch};
use ravelin_ops::{RouteEntry, RouteTable};

/// Active routes of the default instance.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<Mutex<BTreeMap<IpNet, Route>>>);

impl Table {
    /// Takes a batch in, as the plane does.
    pub fn update(&self, batch: &UpdateBatch) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.resync {
            routes.clear();
        }
        for update in batch.routes.iter().filter(|u| u.table == 0) {
            match &update.route {
                Some(route) => drop(routes.insert(update.prefix, route.clone())),
                None => drop(routes.remove(&update.prefix)),
            }
        }
    }
}

/// The table as one operator's line sees it: what is static is what the configuration says.
pub struct View<'a> {
    pub table: &'a Table,
    pub statics: Vec<IpNet>,
}

impl RouteTable for View<'_> {
    fn routes(&self) -> Vec<RouteEntry> {
        let routes = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |(prefix, route): (&IpNet, &Route)| {
            let (protocol, preference) = match route {
                Route::Local(_) => ("Local", 0),
                _ if self.statics.contains(prefix) => ("Static", 5),
                Route::Via(hops) if hops.iter().all(|hop| hop.gateway.is_none()) => ("Direct", 0),
                Route::Via(_) | Route::Discard | Route::Reject => ("Kernel", 10),
            };
            RouteEntry {
                prefix: *prefix,
                protocol: protocol.into(),
                preference,
                age_s: None,
                route: route.clone(),
            }
        };
        routes.iter().map(entry).collect()
    }
}
