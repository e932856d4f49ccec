//! `show route`, `show route instance`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::iter::once;

use ipnet::IpNet;
use ravelin_contract::Route;
use ravelin_types::InstanceId;

use super::{Failure, RouteEntry};
use crate::answer::Answer;
use crate::request::Request;
use crate::routing::{InstanceLine, RouteLine, RouteTableLines, Routes};
use crate::session::Env;

/// What Junos calls the default instance.
const MASTER: &str = "master";

/// A table: whether it is of IPv6, and whose.
type Key = (bool, InstanceId);

/// An answer to a question about routes, or interfaces by whose routes they go.
pub(crate) fn about_routes(env: &Env<'_>, request: &Request) -> Result<Answer, Failure> {
    match request {
        Request::Routes { destination, table } => {
            routes(env, destination.as_ref(), table.as_deref()).map(Answer::Routes)
        }
        Request::Instances { name } => instances(env, name.as_deref()).map(Answer::Instances),
        Request::InterfacesTerse { name, instance } => {
            super::state::interfaces(env, name.as_deref(), instance.as_deref()).map(Answer::Interfaces)
        }
        _ => unreachable!("only requests about routes come here"),
    }
}

/// All routes; the best of one address in each table; or those within a prefix.
fn routes(env: &Env<'_>, destination: Option<&IpNet>, table: Option<&str>) -> Result<Routes, Failure> {
    let mut tables = tables(env);
    if let Some(wanted) = table {
        let instances = once(InstanceId::DEFAULT).chain(env.names.instances().map(|(id, _)| id));
        let mut known = instances.flat_map(|id| [(false, id), (true, id)]);
        if !known.any(|key| table_name(env, key) == wanted) {
            return Err(Failure::NotFound { what: "table", name: wanted.to_owned() });
        }
        tables.retain(|key, _| table_name(env, *key) == wanted);
    }
    let mut out = Routes::default();
    for (key, mut entries) in tables {
        if let Some(wanted) = destination {
            narrow(&mut entries, wanted);
        }
        if !entries.is_empty() {
            entries.sort_by_key(|entry| entry.prefix);
            let routes = entries.iter().map(|entry| route_line(env, entry)).collect();
            out.tables.push(RouteTableLines { name: table_name(env, key), routes });
        }
    }
    Ok(out)
}

/// Routing instances, the default one first.
fn instances(env: &Env<'_>, name: Option<&str>) -> Result<Vec<InstanceLine>, Failure> {
    let tables = tables(env);
    let kinds: BTreeMap<String, String> = env.routes.instances().into_iter().collect();
    let own = env.names.instances().map(|(id, name)| {
        let kind = kinds.get(name).cloned().unwrap_or_default();
        (id, name.to_owned(), kind)
    });
    let mut own: Vec<_> = own.collect();
    own.sort_by(|a, b| a.1.cmp(&b.1));
    // Junos calls the default one's type `forwarding`, too.
    own.insert(0, (InstanceId::DEFAULT, MASTER.to_owned(), "forwarding".to_owned()));
    let mut lines: Vec<_> = own
        .into_iter()
        .map(|(id, name, kind)| {
            let units = env.names.interfaces().iter().filter(|unit| unit.instance == id);
            let keys = [(false, id), (true, id)].into_iter();
            let counted = keys.filter_map(|key| Some((table_name(env, key), tables.get(&key)?.len())));
            InstanceLine {
                name,
                kind,
                interfaces: units.map(|u| u.name.clone()).collect(),
                tables: counted.collect(),
            }
        })
        .collect();
    if let Some(name) = name {
        lines.retain(|line| line.name == name);
        if lines.is_empty() {
            return Err(no_instance(name));
        }
    }
    Ok(lines)
}

pub(super) fn no_instance(name: &str) -> Failure {
    Failure::NotFound { what: "routing instance", name: name.to_owned() }
}

/// IPv4 before IPv6, the default instance's first.
fn tables(env: &Env<'_>) -> BTreeMap<Key, Vec<RouteEntry>> {
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in env.routes.routes() {
        tables.entry((entry.prefix.addr().is_ipv6(), entry.instance)).or_default().push(entry);
    }
    tables
}

fn table_name(env: &Env<'_>, (is_v6, instance): Key) -> String {
    let family = if is_v6 { "inet6.0" } else { "inet.0" };
    match env.names.instance(instance) {
        None => family.to_owned(),
        Some(name) => format!("{name}.{family}"),
    }
}

fn narrow(entries: &mut Vec<RouteEntry>, wanted: &IpNet) {
    if wanted.prefix_len() == wanted.max_prefix_len() {
        entries.retain(|e| e.prefix.contains(&wanted.addr()));
        entries.sort_by_key(|e| Reverse(e.prefix.prefix_len()));
        entries.truncate(1);
    } else {
        entries.retain(|e| wanted.trunc().contains(&e.prefix));
    }
}

fn route_line(env: &Env<'_>, entry: &RouteEntry) -> RouteLine {
    let RouteEntry { instance: _, prefix, protocol, preference, age_s, route } = entry;
    let hops = match route {
        Route::Via(hops) => {
            hops.iter().map(|h| (h.gateway, Some(env.names.unit(Some(h.interface))))).collect()
        }
        Route::Local(unit) => vec![(None, Some(env.names.unit(Some(*unit))))],
        Route::Discard | Route::Reject | Route::Table(_) => Vec::new(),
    };
    let drops = match route {
        Route::Discard => Some("Discard".to_owned()),
        Route::Reject => Some("Reject".to_owned()),
        Route::Table(next) => Some(format!("to table {}", table_name(env, (prefix.addr().is_ipv6(), *next)))),
        Route::Via(_) | Route::Local(_) => None,
    };
    RouteLine {
        prefix: prefix.to_string(),
        protocol: protocol.clone(),
        preference: *preference,
        age_s: *age_s,
        hops,
        drops,
    }
}
