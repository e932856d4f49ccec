//! The routes that the plane was told of, for `show route`.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::{IpNet, Ipv6Net};
use ravelin_contract::{Route, RouteUpdate, UpdateBatch};
use ravelin_ops::{RouteEntry, RouteTable};
use ravelin_types::InstanceId;

/// Active routes of every instance.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<Mutex<BTreeMap<(InstanceId, IpNet), Route>>>);

impl Table {
    fn held(&self) -> MutexGuard<'_, BTreeMap<(InstanceId, IpNet), Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Routes of all instances.
    pub fn count(&self) -> u64 {
        self.held().len() as u64
    }

    /// Takes a batch in, as the plane does.
    pub fn update(&self, batch: &UpdateBatch) {
        let mut routes = self.held();
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
        self.table.held().iter().map(|(key, route)| self.entry(*key, route)).collect()
    }

    /// Looked up: a table of a million routes is not read for one of them.
    fn towards(&self, wanted: &IpNet) -> Vec<RouteEntry> {
        let routes = self.table.held();
        let mut out = Vec::new();
        let mut at = routes.keys().next().map(|key| key.0);
        while let Some(instance) = at {
            if wanted.prefix_len() == wanted.max_prefix_len() {
                let lens = (0..=wanted.max_prefix_len()).rev();
                let prefixes =
                    lens.filter_map(|len| IpNet::new(wanted.addr(), len).ok()).map(|net| net.trunc());
                let best = prefixes.filter_map(|prefix| routes.get_key_value(&(instance, prefix))).next();
                out.extend(best.map(|(key, route)| self.entry(*key, route)));
            } else {
                let within = routes.range((instance, wanted.trunc())..);
                let within = within.take_while(|((of, prefix), _)| {
                    *of == instance && wanted.trunc().contains(&prefix.addr())
                });
                let whole = within.filter(|((_, prefix), _)| wanted.trunc().contains(prefix));
                out.extend(whole.map(|(key, route)| self.entry(*key, route)));
            }
            let behind = (Bound::Excluded((instance, last())), Bound::Unbounded);
            at = routes.range(behind).next().map(|(key, _)| key.0);
        }
        out
    }
}

/// No prefix stands behind it.
fn last() -> IpNet {
    IpNet::V6(Ipv6Net::from(Ipv6Addr::from(u128::MAX)))
}

impl View<'_> {
    fn entry(&self, key: (InstanceId, IpNet), route: &Route) -> RouteEntry {
        let (protocol, preference) = match route {
            Route::Local(_) => ("Local", 0),
            _ if self.statics.contains(&key) => ("Static", 5),
            Route::Via(hops) if hops.iter().all(|hop| hop.gateway.is_none()) => ("Direct", 0),
            Route::Via(_) | Route::Discard | Route::Reject | Route::Table(_) => ("Kernel", 10),
        };
        let (instance, prefix) = key;
        RouteEntry {
            instance,
            prefix,
            protocol: protocol.into(),
            preference,
            age_s: None,
            route: route.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the table of routes is asked without an order of its own.
    struct Walked<'a>(&'a View<'a>);

    impl RouteTable for Walked<'_> {
        fn instances(&self) -> Vec<(String, String)> {
            self.0.instances()
        }

        fn routes(&self) -> Vec<RouteEntry> {
            self.0.routes()
        }
    }

    fn update(instance: u16, prefix: &str) -> RouteUpdate {
        let prefix = prefix.parse().unwrap();
        RouteUpdate { instance: InstanceId(instance), prefix, route: Some(Route::Discard) }
    }

    #[test]
    fn a_lookup_finds_what_a_walk_finds() {
        let mut routes = vec![update(0, "0.0.0.0/0"), update(2, "::/0"), update(7, "255.255.255.255/32")];
        // Prefixes that lie in each other, one instance without any of a family.
        for (n, len) in [(0u8, 8), (0, 16), (0, 24), (1, 24), (1, 25), (255, 24), (255, 32)] {
            routes.push(update(
                0,
                &ipnet::Ipv4Net::new([10, 0, n, 0].into(), len).unwrap().trunc().to_string(),
            ));
            routes.push(update(
                2,
                &ipnet::Ipv4Net::new([10, 0, n, 0].into(), len).unwrap().trunc().to_string(),
            ));
        }
        let nets6 =
            ["2001:db8::/32", "2001:db8::/48", "2001:db8:0:1::/64", "2001:db8::1/128", "ffff:ffff::/32"];
        routes.extend(nets6.iter().flat_map(|net| [update(0, net), update(7, net)]));
        let table = Table::default();
        table.update(&UpdateBatch { resync: true, routes, ..UpdateBatch::default() });
        let view = View { table: &table, instances: Vec::new(), statics: Vec::new() };
        let asked = [
            "10.0.0.1/32",
            "10.0.1.200/32",
            "10.0.255.0/32",
            "192.0.2.1/32",
            "255.255.255.255/32",
            "10.0.0.0/8",
            "10.0.0.0/16",
            "10.0.1.0/24",
            "10.0.1.128/25",
            "10.0.0.0/23",
            "0.0.0.0/0",
            "255.255.255.0/24",
            "2001:db8::1/128",
            "2001:db8::2/128",
            "2001:db8:0:1::9/128",
            "3000::1/128",
            "::/0",
            "2001:db8::/47",
            "2001:db8:0:1::/64",
            "ffff:ffff:ffff::/48",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        ];
        for wanted in asked {
            let wanted: IpNet = wanted.parse().unwrap();
            let sorted = |mut found: Vec<RouteEntry>| {
                found.sort_by_key(|entry| (entry.instance, entry.prefix));
                found.iter().map(|entry| (entry.instance, entry.prefix)).collect::<Vec<_>>()
            };
            assert_eq!(sorted(view.towards(&wanted)), sorted(Walked(&view).towards(&wanted)), "{wanted}");
        }
        let best = |address: &str| -> Vec<String> {
            let found = view.towards(&address.parse().unwrap());
            found.iter().map(|entry| format!("{} {}", entry.instance, entry.prefix)).collect()
        };
        assert_eq!(best("10.0.1.200/32"), ["0 10.0.1.0/24", "2 10.0.1.0/24"]);
        assert_eq!(best("192.0.2.1/32"), ["0 0.0.0.0/0"]);
    }
}
