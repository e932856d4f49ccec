//! `show version`, and the extensions: packet test and plane status.

use std::fmt::Write as _;

use ravelin_ops::{Explained, FabricLine, FindingLine, PlaneStatus, Version};

use crate::element::Element;

pub(crate) fn version(version: &Version) -> String {
    let Version { host_name, version } = version;
    format!("Hostname: {host_name}\nModel: ravelin\nRavelin: {version}\n")
}

pub(crate) fn version_element(version: &Version) -> Element {
    Element::new("software-information")
        .leaf("host-name", &version.host_name)
        .leaf("product-model", "ravelin")
        .leaf("ravelin-version", &version.version)
}

pub(crate) fn explained(explained: &Explained) -> String {
    let Explained { packet, interface, findings, verdict, detail } = explained;
    let mut out = format!("Packet: {packet}, If: {interface}\n");
    let width = findings.iter().map(|f| f.stage.len()).max().unwrap_or(0);
    for FindingLine { stage, subject, outcome } in findings {
        let both = if subject.is_empty() || outcome.is_empty() { "" } else { ": " };
        let _ = writeln!(out, "  {stage:<width$}  {subject}{both}{outcome}");
    }
    let detail = match (verdict.as_str(), detail) {
        (_, None) => String::new(),
        ("forward", Some(unit)) => format!(" through {unit}"),
        ("host", Some(unit)) => format!(" on {unit}"),
        (_, Some(reason)) => format!(": {reason}"),
    };
    let _ = writeln!(out, "Verdict: {verdict}{detail}");
    out
}

pub(crate) fn explained_element(explained: &Explained) -> Element {
    let findings = explained.findings.iter().map(|FindingLine { stage, subject, outcome }| {
        Element::new("finding").leaf("stage", stage).leaf("subject", subject).leaf("outcome", outcome)
    });
    Element::new("test-packet-information")
        .leaf("packet", &explained.packet)
        .leaf("interface-name", &explained.interface)
        .children(findings)
        .leaf("verdict", &explained.verdict)
        .maybe("verdict-detail", explained.detail.as_ref())
}

fn armed(armed: bool) -> &'static str {
    if armed { "armed" } else { "disarmed" }
}

pub(crate) fn plane_status(status: &PlaneStatus) -> String {
    let PlaneStatus { backend, armed: on, epoch, generation, workers, ports, groups, fabrics } = status;
    let generation = generation.map_or_else(|| "none".to_owned(), |g| g.to_string());
    let mut out =
        format!("Backend: {backend}\nForwarding: {}\nEpoch: {epoch}\nGeneration: {generation}\n", armed(*on));
    out.push_str("Worker  State  Restarts  Generation\n");
    for worker in workers {
        let state = if worker.alive { "up" } else { "down" };
        let _ = writeln!(out, "{:<8}{state:<7}{:<10}{}", worker.id, worker.restarts, worker.generation);
    }
    out.push_str("Port                State  Mode\n");
    for port in ports {
        let state = if port.up { "up" } else { "down" };
        let _ = writeln!(out, "{:<20}{state:<7}{}", port.name, port.mode);
    }
    if !groups.is_empty() {
        out.push_str("Redundancy group  State    Lease ms\n");
    }
    for group in groups {
        let state = if group.active { "active" } else { "passive" };
        let _ = writeln!(out, "{:<18}{state:<9}{}", group.id, group.lease_ms);
    }
    if !fabrics.is_empty() {
        out.push_str("Fabric  Interface           State  Sent                  Received\n");
    }
    for fabric in fabrics {
        let state = if fabric.up { "up" } else { "down" };
        let FabricLine { id, interface, sent, received, .. } = fabric;
        let _ = writeln!(out, "{id:<8}{interface:<20}{state:<7}{sent:<22}{received}");
    }
    out
}

pub(crate) fn plane_status_element(status: &PlaneStatus) -> Element {
    let workers = status.workers.iter().map(|w| {
        Element::new("worker")
            .leaf("worker-id", w.id)
            .leaf("alive", w.alive)
            .leaf("restarts", w.restarts)
            .leaf("generation", w.generation)
    });
    let ports = status
        .ports
        .iter()
        .map(|p| Element::new("port").leaf("name", &p.name).leaf("up", p.up).leaf("mode", &p.mode));
    let groups = status.groups.iter().map(|g| {
        let element = Element::new("redundancy-group").leaf("redundancy-group-id", g.id);
        element.leaf("active", g.active).leaf("lease-milliseconds", g.lease_ms)
    });
    let fabrics = status.fabrics.iter().map(|f| {
        let element = Element::new("fabric").leaf("fabric-id", f.id).leaf("interface-name", &f.interface);
        element.leaf("up", f.up).leaf("sent-packets", f.sent).leaf("received-packets", f.received)
    });
    Element::new("ravelin-status")
        .leaf("backend", &status.backend)
        .leaf("forwarding", armed(status.armed))
        .leaf("epoch", status.epoch)
        .maybe("generation", status.generation)
        .children(workers)
        .children(ports)
        .children(groups)
        .children(fabrics)
}
