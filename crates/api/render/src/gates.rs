//! `show security flow gate`.

use std::fmt::Write as _;

use ravelin_ops::{GateLine, GateList};

use crate::element::Element;

pub(crate) fn text(list: &GateList) -> String {
    let mut out: String = list.lines.iter().map(gate).collect();
    if list.more > 0 {
        let _ = writeln!(out, "and {} more\n", list.more);
    }
    let GateList { valid, invalidated, .. } = list;
    let _ = write!(
        out,
        "Valid gates: {valid}\n\
         Pending gates: 0\n\
         Invalidated gates: {invalidated}\n\
         Gates in other states: 0\n\
         Total gates: {}\n",
        list.total()
    );
    out
}

fn gate(line: &GateLine) -> String {
    let GateLine { source, source_ports: (low, high), destination, destination_port: port, .. } = line;
    let GateLine { translated_source, translated_destination, translated_port, protocol, alg, .. } = line;
    let GateLine { application, left_s, flags, zone, .. } = line;
    let application = application.as_deref().unwrap_or("N/A");
    format!(
        "Hole: {source}-{source}/{low}-{high}->{destination}-{destination}/{port}-{port}\n\
         \x20 Translated: {translated_source}/0->{translated_destination}/{translated_port}\n\
         \x20 Protocol: {protocol}\n\
         \x20 Application: {alg} ALG/{application}\n\
         \x20 Age: {left_s} seconds\n\
         \x20 Flags: 0x{flags:04x}\n\
         \x20 Zone: {zone}\n\
         \x20 Reference count: 1\n\
         \x20 Resource: {}\n\n",
        resource(line)
    )
}

/// Who expects it: the worker, and the number of its session.
fn resource(line: &GateLine) -> String {
    format!("{}-{}", line.worker, line.session)
}

pub(crate) fn element(list: &GateList) -> Element {
    let one = |line: &GateLine| {
        Element::new("flow-gate")
            .leaf("source-address", line.source)
            .leaf("source-port-low", line.source_ports.0)
            .leaf("source-port-high", line.source_ports.1)
            .leaf("destination-address", line.destination)
            .leaf("destination-port", line.destination_port)
            .leaf("translated-source-address", line.translated_source)
            .leaf("translated-destination-address", line.translated_destination)
            .leaf("translated-destination-port", line.translated_port)
            .leaf("protocol", &line.protocol)
            .leaf("alg-name", &line.alg)
            .maybe("application-name", line.application.as_ref())
            .leaf("gate-age", line.left_s)
            .leaf("gate-flags", format!("0x{:04x}", line.flags))
            .leaf("zone-name", &line.zone)
            .leaf("reference-count", 1)
            .leaf("gate-resource", resource(line))
    };
    Element::new("flow-gate-information")
        .children(list.lines.iter().map(one))
        .maybe("undisplayed-gate-count", (list.more > 0).then_some(list.more))
        .leaf("displayed-gate-valid", list.valid)
        .leaf("displayed-gate-pending", 0)
        .leaf("displayed-gate-invalidated", list.invalidated)
        .leaf("displayed-gate-other", 0)
        .leaf("displayed-gate-count", list.total())
}
