//! Zones: interfaces exist and are in one zone only; `except` has an `all` to be taken from.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;

use super::Report;
use crate::{Config, HostInbound, MANAGEMENT, Protocol, Service, ZoneInterface};

/// Every interface that no zone names.
const ALL: &str = "all.0";
/// Those that no zone can have: of the management, and between the nodes of a cluster.
const OWN: [&str; 3] = ["fxp", "fab", "em"];

pub(super) fn known(config: &Config) -> HashSet<&str> {
    config.security.zones.iter().map(|z| z.name.as_str()).collect()
}

/// Logical interfaces with their unit, as zones name them.
pub(super) fn logical_interfaces(config: &Config) -> HashSet<String> {
    let interfaces = config.interfaces.iter();
    interfaces.flat_map(|i| i.units.iter().map(move |u| format!("{}.{}", i.name, u.number))).collect()
}

/// Names the interfaces that a zone has by `interfaces all`: those that are in no zone by their name. Where more than one
/// zone asks for them, none gets any.
pub(super) fn name_all(config: &mut Config) {
    let is_all = |interface: &ZoneInterface| interface.name == ALL;
    let asking = config.security.every_zone().filter(|zone| zone.interfaces.iter().any(is_all)).count();
    if asking != 1 {
        return;
    }
    let named: HashSet<String> =
        config.security.every_zone().flat_map(|zone| zone.interfaces).map(|i| i.name.clone()).collect();
    let units = config.interfaces.iter().filter(|i| !OWN.iter().any(|own| i.name.starts_with(own)));
    let units = units.flat_map(|i| i.units.iter().map(move |unit| format!("{}.{}", i.name, unit.number)));
    let left: Vec<String> = units.filter(|unit| !named.contains(unit)).collect();
    let management = config.security.management.iter_mut().map(|zone| &mut zone.interfaces);
    let lists = config.security.zones.iter_mut().map(|zone| &mut zone.interfaces).chain(management);
    for list in lists {
        if let Some(at) = list.iter().position(is_all) {
            let all = list.remove(at);
            list.extend(left.iter().map(|name| ZoneInterface { name: name.clone(), ..all.clone() }));
        }
    }
}

pub(super) fn check(config: &Config, report: &mut Report) {
    let exist = logical_interfaces(config);
    let mut owners: HashMap<&str, (&str, Span)> = HashMap::new();
    let has_management = config.security.management.is_some();
    for zone in config.security.every_zone() {
        let path = zone.path();
        let is_reserved = ["junos-host", "junos-global", "any"].contains(&zone.name);
        if is_reserved || zone.name == MANAGEMENT && has_management && !zone.functional {
            report.error(&path, zone.at, format!("`{}' is a reserved name", zone.name));
        }
        host_inbound(zone.at, &path, zone.host_inbound, report);
        for interface in zone.interfaces {
            let name = if interface.name == ALL { "all" } else { &interface.name };
            let path = format!("{path} interfaces {name}");
            if interface.name.starts_with("fxp0.") {
                report.error(&path, interface.at, "the management interface can't be in a zone");
            } else if interface.name == ALL {
                // More zones than one: told below.
            } else if !exist.contains(&interface.name) {
                let message =
                    format!("interface `{}' must be configured under [edit interfaces]", interface.name);
                report.error(&path, interface.at, message);
            }
            if let Some((owner, at)) = owners.insert(&interface.name, (zone.name, interface.at)) {
                let message = if owner == zone.name {
                    format!("interface `{name}' is listed twice")
                } else {
                    format!("interface `{name}' is already in zone `{owner}'")
                };
                report.conflict(&path, interface.at, message, (at, "it is in a zone here"));
            }
            if let Some(own) = &interface.host_inbound {
                host_inbound(zone.at, &path, own, report);
            }
        }
    }
}

fn host_inbound(at: Span, path: &str, inbound: &HostInbound, report: &mut Report) {
    let path = format!("{path} host-inbound-traffic");
    let services = inbound.system_services.as_slice();
    let every = services.iter().any(|(s, except)| matches!(s, Service::All | Service::AnyService) && !except);
    if services.iter().any(|(_, except)| *except) && !every {
        report.error(format!("{path} system-services"), at, "`except' needs `all'");
    }
    let every = inbound.protocols.contains(&(Protocol::All, false));
    if inbound.protocols.iter().any(|(_, except)| *except) && !every {
        report.error(format!("{path} protocols"), at, "`except' needs `all'");
    }
}
