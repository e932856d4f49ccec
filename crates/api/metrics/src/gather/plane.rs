//! The packet process: packets, sessions, workers, ports, buffers, units, screens.

use ravelin_contract::{
    BufferCounters, DataPlane, Error, FabricState, Global, InterfaceCounters, Status, WorkerStatus,
};
use ravelin_ops::NameTable;
use ravelin_program::Program;
use ravelin_types::{DropReason, InterfaceId};

use super::known;
use crate::exposition::Exposition;
use crate::table::Family;

/// What only the plane knows: all of it, or nothing.
pub(super) const COUNTED: &[Family] = &[
    Family::ReceivedPackets,
    Family::ReceivedBytes,
    Family::TransmittedPackets,
    Family::TransmittedBytes,
    Family::HostPackets,
    Family::Answers,
    Family::HandedOver,
    Family::DroppedPackets,
    Family::Sessions,
    Family::SessionsMax,
    Family::SessionsCreated,
    Family::SessionsClosed,
    Family::EventsLost,
    Family::DataplaneInfo,
    Family::DataplaneArmed,
    Family::DataplaneGeneration,
    Family::WorkerUp,
    Family::WorkerRestarts,
    Family::WorkerGeneration,
    Family::PortUp,
    Family::RedundancyGroupActive,
    Family::FabricUp,
    Family::FabricSentPackets,
    Family::FabricReceivedPackets,
    Family::Buffers,
    Family::BuffersMax,
    Family::BuffersRefused,
    Family::InterfaceReceivedPackets,
    Family::InterfaceReceivedBytes,
    Family::InterfaceTransmittedPackets,
    Family::InterfaceTransmittedBytes,
    Family::ScreenHits,
    Family::InterfaceScreenHits,
    Family::PolicyHits,
    Family::PolicyPackets,
    Family::PolicyBytes,
    Family::PolicySessions,
    Family::PolicySessionsCreated,
    Family::PolicySessionsClosed,
    Family::NatRuleHits,
    Family::NatRuleFailed,
    Family::NatRuleSessions,
    Family::NatPoolPorts,
    Family::NatPoolOthers,
    Family::NatPoolHeld,
    Family::NatPoolMax,
    Family::NatInterfacePorts,
    Family::NatInterfacePortsMax,
    Family::NatMappings,
    Family::NatMappingsMax,
    Family::FilterPackets,
    Family::FilterBytes,
    Family::PolicerPackets,
    Family::PolicerBytes,
    Family::MirrorPackets,
    Family::MirrorBytes,
    Family::MirrorLost,
];

pub(super) fn gather(plane: &dyn DataPlane, names: &NameTable, out: &mut Exposition) -> Result<(), Error> {
    if let Some(status) = known(plane.diagnostics().status())? {
        about(&status, out);
    }
    let telemetry = plane.telemetry();
    if let Some(global) = known(telemetry.global())? {
        packets(&global, out);
    }
    cluster(plane, out)?;
    for counters in known(telemetry.buffers())?.unwrap_or_default() {
        let BufferCounters { worker, kind, bytes: _, capacity, free, lent, used, refused } = counters;
        let worker = worker.0.to_string();
        for (state, buffers) in [("free", free), ("lent", lent), ("used", used)] {
            out.add(Family::Buffers, [&worker, kind.name(), state], buffers);
        }
        out.add(Family::BuffersMax, [&worker, kind.name()], capacity);
        if let Some(refused) = refused {
            out.add(Family::BuffersRefused, [&worker, kind.name()], refused);
        }
    }
    for counters in known(telemetry.interfaces())?.unwrap_or_default() {
        unit(&counters, names, out);
    }
    for counters in known(telemetry.screens())?.unwrap_or_default() {
        let Some(zone) = names.find_zone(counters.zone) else { continue };
        for (screen, hits) in counters.hits {
            out.add(Family::ScreenHits, [zone, screen.text()], hits);
        }
    }
    for counters in known(telemetry.unit_screens())?.unwrap_or_default() {
        let Some(name) = names.find_unit(counters.interface) else { continue };
        let zone = zone_of(names, counters.interface);
        for (screen, hits) in counters.hits {
            out.add(Family::InterfaceScreenHits, [name, zone, screen.text()], hits);
        }
    }
    let zones = names.program().and_then(Program::zones);
    for zone in zones.into_iter().flat_map(|zones| &zones.0) {
        let units = names.interfaces().iter().filter(|unit| unit.zone == Some(zone.id)).count();
        out.add(Family::ZoneInterfaces, [&zone.name], units as u64);
    }
    Ok(())
}

fn about(status: &Status, out: &mut Exposition) {
    let Status { backend, armed, epoch, generation, workers, ports } = status;
    out.add(Family::DataplaneInfo, [backend, &epoch.to_string()], 1);
    out.add(Family::DataplaneArmed, [], (*armed).into());
    if let Some(generation) = generation {
        out.add(Family::DataplaneGeneration, [], generation.0);
    }
    for WorkerStatus { worker, alive, restarts, generation } in workers {
        let worker = worker.0.to_string();
        out.add(Family::WorkerUp, [&worker], (*alive).into());
        out.add(Family::WorkerRestarts, [&worker], (*restarts).into());
        out.add(Family::WorkerGeneration, [&worker], generation.0);
    }
    for port in ports {
        out.add(Family::PortUp, [&port.name, &port.mode], port.up.into());
    }
}

fn cluster(plane: &dyn DataPlane, out: &mut Exposition) -> Result<(), Error> {
    for group in known(plane.ha().groups())?.unwrap_or_default() {
        out.add(Family::RedundancyGroupActive, [&group.group.0.to_string()], group.active.into());
    }
    for FabricState { fabric, to, up, sent, received } in known(plane.ha().fabrics())?.unwrap_or_default() {
        let of = [fabric.0.to_string(), to.interface];
        out.add(Family::FabricUp, [&of[0], &of[1]], up.into());
        out.add(Family::FabricSentPackets, [&of[0], &of[1]], sent);
        out.add(Family::FabricReceivedPackets, [&of[0], &of[1]], received);
    }
    Ok(())
}

fn packets(global: &Global, out: &mut Exposition) {
    let Global {
        rx_packets,
        rx_bytes,
        tx_packets,
        tx_bytes,
        host_packets,
        answers,
        handed_over,
        sessions_created,
        sessions_closed,
        sessions_live,
        sessions_max,
        drops,
        events_lost,
    } = global;
    let counted = [
        (Family::ReceivedPackets, rx_packets),
        (Family::ReceivedBytes, rx_bytes),
        (Family::TransmittedPackets, tx_packets),
        (Family::TransmittedBytes, tx_bytes),
        (Family::HostPackets, host_packets),
        (Family::Answers, answers),
        (Family::HandedOver, handed_over),
        (Family::Sessions, sessions_live),
        (Family::SessionsMax, sessions_max),
        (Family::SessionsCreated, sessions_created),
        (Family::SessionsClosed, sessions_closed),
        (Family::EventsLost, events_lost),
    ];
    for (family, value) in counted {
        out.add(family, [], *value);
    }
    for reason in DropReason::ALL {
        out.add(Family::DroppedPackets, [reason.name()], drops[reason.index()]);
    }
}

fn unit(counters: &InterfaceCounters, names: &NameTable, out: &mut Exposition) {
    let InterfaceCounters { interface, rx_packets, rx_bytes, tx_packets, tx_bytes } = counters;
    let Some(name) = names.find_unit(*interface) else { return };
    let zone = zone_of(names, *interface);
    let counted = [
        (Family::InterfaceReceivedPackets, rx_packets),
        (Family::InterfaceReceivedBytes, rx_bytes),
        (Family::InterfaceTransmittedPackets, tx_packets),
        (Family::InterfaceTransmittedBytes, tx_bytes),
    ];
    for (family, value) in counted {
        out.add(family, [name, zone], *value);
    }
}

/// Empty: it is in none.
fn zone_of(names: &NameTable, interface: InterfaceId) -> &str {
    names.zone_of(interface, false).and_then(|zone| names.find_zone(zone)).unwrap_or_default()
}
