//! `show interfaces terse`.

use std::fmt::Write as _;

use ravelin_ops::{InterfaceLine, UnitLine};

use crate::element::Element;

const HEAD: &str = "Interface               Admin Link Proto    Local                 Remote\n";

const fn state(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

pub(crate) fn text(lines: &[InterfaceLine]) -> String {
    let mut out = HEAD.to_owned();
    for line in lines {
        let InterfaceLine { name, admin_up, link_up, units } = line;
        row(&mut out, [name, state(*admin_up), state(*link_up), "", ""]);
        for unit in units {
            unit_rows(&mut out, unit, *link_up);
        }
    }
    out
}

/// The first family shares the unit's line; a family's further addresses stand alone below the first.
fn unit_rows(out: &mut String, unit: &UnitLine, link_up: bool) {
    let UnitLine { name, admin_up, inet, inet6 } = unit;
    let (mut name, mut admin, mut link) = (name.as_str(), state(*admin_up), state(link_up && *admin_up));
    if inet.is_none() && inet6.is_none() {
        row(out, [name, admin, link, "", ""]);
    }
    for (family, addresses) in [("inet", inet), ("inet6", inet6)] {
        let Some(addresses) = addresses else { continue };
        let first = addresses.first().map_or("", String::as_str);
        row(out, [name, admin, link, family, first]);
        (name, admin, link) = ("", "", "");
        for address in addresses.iter().skip(1) {
            row(out, ["", "", "", "", address]);
        }
    }
}

fn row(out: &mut String, [name, admin, link, proto, local]: [&str; 5]) {
    let line = format!("{name:<24}{admin:<6}{link:<5}{proto:<9}{local}");
    let _ = writeln!(out, "{}", line.trim_end());
}

pub(crate) fn element(lines: &[InterfaceLine]) -> Element {
    let ports = lines.iter().map(|line| {
        let units = line.units.iter().map(|unit| unit_element(unit, line.link_up));
        Element::new("physical-interface")
            .leaf("name", &line.name)
            .leaf("admin-status", state(line.admin_up))
            .leaf("oper-status", state(line.link_up))
            .children(units)
    });
    Element::new("interface-information").children(ports)
}

fn unit_element(unit: &UnitLine, link_up: bool) -> Element {
    let families = [("inet", &unit.inet), ("inet6", &unit.inet6)];
    let families = families.into_iter().filter_map(|(family, addresses)| {
        let addresses =
            addresses.as_ref()?.iter().map(|a| Element::new("interface-address").leaf("ifa-local", a));
        Some(Element::new("address-family").leaf("address-family-name", family).children(addresses))
    });
    Element::new("logical-interface")
        .leaf("name", &unit.name)
        .leaf("admin-status", state(unit.admin_up))
        .leaf("oper-status", state(link_up && unit.admin_up))
        .children(families)
}
