//! `show route`.

use std::fmt::Write as _;

use ravelin_ops::{InstanceLine, RouteLine, RouteTableLines, Routes};

use crate::element::Element;

pub(crate) fn text(routes: &Routes) -> String {
    let mut out = String::new();
    for RouteTableLines { name, routes } in &routes.tables {
        table(&mut out, name, routes);
    }
    out
}

fn table(out: &mut String, name: &str, routes: &[RouteLine]) {
    if routes.is_empty() {
        return;
    }
    let n = routes.len();
    let _ = write!(
        out,
        "\n{name}: {n} destinations, {n} routes ({n} active, 0 holddown, 0 hidden)\n\
         + = Active Route, - = Last Active, * = Both\n\n"
    );
    for route in routes {
        one(out, route);
    }
}

fn one(out: &mut String, route: &RouteLine) {
    let RouteLine { prefix, protocol, preference, age_s, hops, drops } = route;
    let age = age_s.map_or_else(String::new, |s| format!(" {}", age(s)));
    // A prefix longer than its column has a line of its own.
    let head = if prefix.len() > 18 { format!("{prefix}\n{:<19}", "") } else { format!("{prefix:<19}") };
    let _ = writeln!(out, "{head}*[{protocol}/{preference}]{age}");
    if let Some(drops) = drops {
        let _ = writeln!(out, "{:<23}{drops}", "");
    }
    for (n, (gateway, unit)) in hops.iter().enumerate() {
        let mark = if n == 0 { '>' } else { ' ' };
        let unit = unit.as_deref().unwrap_or("");
        let _ = match gateway {
            _ if protocol == "Local" => writeln!(out, "{:<23}Local via {unit}", ""),
            Some(gateway) => writeln!(out, "{:<20}{mark}  to {gateway} via {unit}", ""),
            None => writeln!(out, "{:<20}{mark}  via {unit}", ""),
        };
    }
}

/// `1w2d 03:04:05`, weeks and days only when there are some.
fn age(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match (days / 7, days % 7) {
        (0, 0) => clock,
        (0, days) => format!("{days}d {clock}"),
        (weeks, days) => format!("{weeks}w{days}d {clock}"),
    }
}

pub(crate) fn element(routes: &Routes) -> Element {
    let tables = routes.tables.iter().map(|RouteTableLines { name, routes }| {
        Element::new("route-table")
            .leaf("table-name", name)
            .leaf("destination-count", routes.len())
            .leaf("total-route-count", routes.len())
            .leaf("active-route-count", routes.len())
            .leaf("holddown-route-count", 0)
            .leaf("hidden-route-count", 0)
            .children(routes.iter().map(route_element))
    });
    Element::new("route-information").children(tables)
}

/// `show route instance`.
pub(crate) fn instances(lines: &[InstanceLine]) -> String {
    let mut out =
        format!("{:<21}{}\n{:9}{:<48}{}\n", "Instance", "Type", "", "Primary RIB", "Active/holddown/hidden");
    for InstanceLine { name, kind, interfaces: _, tables } in lines {
        let _ = writeln!(out, "{name:<20} {kind}");
        for (table, routes) in tables {
            let _ = writeln!(out, "{:9}{table:<48}{routes}/0/0", "");
        }
        out.push('\n');
    }
    out
}

pub(crate) fn instances_element(lines: &[InstanceLine]) -> Element {
    let each = lines.iter().map(|InstanceLine { name, kind, interfaces, tables }| {
        let ribs = tables.iter().map(|(table, routes)| {
            Element::new("instance-rib")
                .leaf("irib-name", table)
                .leaf("irib-active-count", routes)
                .leaf("irib-holddown-count", 0)
                .leaf("irib-hidden-count", 0)
        });
        let units =
            interfaces.iter().map(|unit| Element::new("instance-interface").leaf("interface-name", unit));
        Element::new("instance-core")
            .leaf("instance-name", name)
            .leaf("instance-type", kind)
            .children(units)
            .children(ribs)
    });
    Element::new("instance-information").children(each)
}

fn route_element(route: &RouteLine) -> Element {
    let local = route.protocol == "Local";
    let hops = route.hops.iter().map(|(gateway, unit)| {
        let via = if local { "nh-local-interface" } else { "via" };
        Element::new("nh").maybe("to", *gateway).maybe(via, unit.as_ref())
    });
    let entry = Element::new("rt-entry")
        .leaf("active-tag", "*")
        .leaf("protocol-name", &route.protocol)
        .leaf("preference", route.preference)
        .maybe("age", route.age_s.map(age))
        .maybe("nh-type", route.drops.as_ref())
        .children(hops);
    Element::new("rt").leaf("rt-destination", &route.prefix).child(entry)
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_grow_from_clock_to_weeks() {
        for (seconds, text) in [(602, "00:10:02"), (90_000, "1d 01:00:00"), (8 * 86_400 + 1, "1w1d 00:00:01")]
        {
            assert_eq!(age(seconds), text);
        }
    }
}
