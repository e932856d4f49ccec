//! `show security zones`, `show security screen statistics`.

use std::fmt::Write as _;

use ravelin_ops::{ScreenStatistics, ZoneEntry};

use crate::element::Element;

const fn on_off(on: bool) -> &'static str {
    if on { "On" } else { "Off" }
}

pub(crate) fn text(zones: &[ZoneEntry]) -> String {
    let mut out = String::new();
    for ZoneEntry { name, id, tcp_rst, interfaces } in zones {
        let _ = write!(
            out,
            "\nSecurity zone: {name}\n\
             \x20 Zone ID: {id}\n\
             \x20 Send reset for non-SYN session TCP packets: {}\n\
             \x20 Policy configurable: Yes\n\
             \x20 Interfaces bound: {}\n\
             \x20 Interfaces:\n",
            on_off(*tcp_rst),
            interfaces.len()
        );
        for interface in interfaces {
            let _ = writeln!(out, "    {interface}");
        }
    }
    out
}

pub(crate) fn element(zones: &[ZoneEntry]) -> Element {
    let zones = zones.iter().map(|ZoneEntry { name, id, tcp_rst, interfaces }| {
        let bound =
            Element::new("zones-security-interfaces").leaves("zones-security-interface-name", interfaces);
        Element::new("zones-security")
            .leaf("zones-security-zonename", name)
            .leaf("zones-security-zoneid", id)
            .leaf("zones-security-send-reset", on_off(*tcp_rst))
            .leaf("zones-security-policy-configurable", "Yes")
            .leaf("zones-security-interfaces-bound", interfaces.len())
            .child(bound)
    });
    Element::new("zones-information").children(zones)
}

pub(crate) fn screens(statistics: &ScreenStatistics) -> String {
    let mut out = format!("Screen statistics:\n\n{:<49} Statistics\n", "IDS attack type");
    for (name, hits) in &statistics.screens {
        let _ = writeln!(out, "  {name:<47} {hits}");
    }
    out
}

pub(crate) fn screens_element(statistics: &ScreenStatistics) -> Element {
    let one = |(name, hits): &(String, u64)| {
        Element::new("ids-statistics-entry").leaf("ids-attack-type", name).leaf("ids-attack-count", hits)
    };
    Element::new("ids-statistics")
        .leaf("zone-name", &statistics.zone)
        .children(statistics.screens.iter().map(one))
}
