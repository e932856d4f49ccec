//! The routes that the plane was told of, for `show route`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use ravelin_contract::{Route, RouteUpdate, UpdateBatch};
use ravelin_ops::{RouteEntry, RouteTable};
use ravelin_types::InstanceId;

/// Active routes of every instance.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<Mutex<BTreeMap<(InstanceId, IpNet), Route>>>);

impl Table {
    /// Takes a batch in, as the plane does.
    pub fn update(&self, batch: &UpdateBatch) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.resync {
            routes.clear();
        }
        for RouteUpdate { instance, prefix, route } in &batch.routes {
            let key = (*instance, *prefix);
            match route {
                Some(route) => drop(routes.insert(key, route.clone())),
                None => drop(routes.remove(&key)),
            }
        }
    }
}

/// The table as one operator's line sees it: what is static is what the configuration says.
pub struct View<'a> {
    pub table: &'a Table,
    /// Routing instances and their types.
    pub instances: Vec<(String, String)>,
    pub statics: Vec<(InstanceId, IpNet)>,
}

impl RouteTable for View<'_> {
    fn instances(&self) -> Vec<(String, String)> {
        self.instances.clone()
    }

    fn routes(&self) -> Vec<RouteEntry> {
        let routes = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |(key, route): (&(InstanceId, IpNet), &Route)| {
            let (protocol, preference) = match route {
                Route::Local(_) => ("Local", 0),
                _ if self.statics.contains(key) => ("Static", 5),
                Route::Via(hops) if hops.iter().all(|hop| hop.gateway.is_none()) => ("Direct", 0),
                Route::Via(_) | Route::Discard | Route::Reject | Route::Table(_) => ("Kernel", 10),
            };
            RouteEntry {
                instance: key.0,
                prefix: key.1,
                protocol: protocol.into(),
                preference,
                age_s: None,
                route: route.clone(),
            }
        };
        routes.iter().map(entry).collect()
    }
}
