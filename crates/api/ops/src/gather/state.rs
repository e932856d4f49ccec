//! Interfaces, zones, routes and the plane's own numbers.

use ravelin_contract::{Error, Status};
use ravelin_program::{Interface, Port, Zone};
use ravelin_types::{DropReason, Family, ZoneId};

use super::Failure;
use super::routes::no_instance;
use crate::answer::{
    Answer, DropCount, FabricLine, FlowStatistics, GroupLine, InterfaceLine, PlaneStatus, PortLine, UnitLine,
    WorkerLine, ZoneEntry,
};
use crate::request::ZoneView;
use crate::session::Env;

pub(crate) fn interfaces(
    env: &Env<'_>,
    name: Option<&str>,
    instance: Option<&str>,
) -> Result<Vec<InterfaceLine>, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    let ports = program.interfaces().map_or(&[][..], |i| &i.ports);
    let status = status(env)?;
    let mut lines: Vec<_> = ports.iter().map(|port| port_line(env, port, &status)).collect();
    if let Some(instance) = instance {
        let id = env.names.instance_id(instance).ok_or_else(|| no_instance(instance))?;
        let units = env.names.interfaces().iter().filter(|unit| unit.instance == id);
        let names: Vec<&str> = units.map(|unit| unit.name.as_str()).collect();
        lines.retain_mut(|line| {
            line.units.retain(|unit| names.contains(&unit.name.as_str()));
            !line.units.is_empty()
        });
    }
    if let Some(name) = name {
        lines.retain_mut(|line| {
            if line.name == name {
                return true;
            }
            line.units.retain(|u| u.name == name);
            !line.units.is_empty()
        });
        if lines.is_empty() {
            return Err(Failure::NotFound { what: "interface", name: name.to_owned() });
        }
    }
    Ok(lines)
}

/// Before the first program the plane has no ports to speak of.
fn status(env: &Env<'_>) -> Result<Status, Failure> {
    match env.plane.diagnostics().status() {
        Ok(status) => Ok(status),
        Err(Error::NotReady) => Ok(Status::default()),
        Err(error) => Err(error.into()),
    }
}

fn port_line(env: &Env<'_>, port: &Port, status: &Status) -> InterfaceLine {
    let units = env.names.interfaces().iter().filter(|u| u.port == port.id).map(unit_line).collect();
    InterfaceLine {
        name: port.name.clone(),
        admin_up: port.enabled,
        link_up: status.ports.iter().any(|p| p.up && (p.name == port.name || p.name == port.device)),
        units,
    }
}

fn unit_line(unit: &Interface) -> UnitLine {
    let addresses = |family| {
        let of_family = unit.addresses.iter().filter(|a| a.family == family);
        of_family.map(|a| format!("{}/{}", a.addr.to_ip(family), a.len)).collect()
    };
    UnitLine {
        name: unit.name.clone(),
        admin_up: unit.enabled,
        inet: unit.inet.then(|| addresses(Family::V4)),
        inet6: unit.inet6.then(|| addresses(Family::V6)),
    }
}

pub(crate) fn zones(env: &Env<'_>, view: &ZoneView) -> Result<Answer, Failure> {
    let ZoneView { name, terse, functional } = view;
    let mut entries = zone_entries(env)?;
    if *terse {
        let host =
            ZoneEntry { name: env.names.zone(ZoneId::HOST), id: ZoneId::HOST.0, ..ZoneEntry::default() };
        entries.push(host);
    }
    entries.retain(|zone| name.as_ref().is_none_or(|name| *name == zone.name));
    if let (Some(name), []) = (name, &entries[..]) {
        return Err(Failure::NotFound { what: "zone", name: name.clone() });
    }
    entries.retain(|zone| functional.is_none_or(|functional| functional == zone.functional));
    Ok(if *terse { Answer::ZonesTerse(entries) } else { Answer::Zones(entries) })
}

fn zone_entries(env: &Env<'_>) -> Result<Vec<ZoneEntry>, Failure> {
    let program = env.names.program().ok_or(Failure::NoProgram)?;
    let screens = program.screens();
    let screen = |id: ZoneId| {
        let screens = screens?;
        let (_, profile) = screens.zones.iter().find(|(zone, _)| *zone == id)?;
        screens.profiles.get(usize::from(*profile)).map(|profile| profile.name.clone())
    };
    let zones = program.zones().map_or(&[][..], |z| &z.0);
    let mut out: Vec<ZoneEntry> = zones
        .iter()
        .map(|zone| {
            let bound = env.names.interfaces().iter().filter(|u| u.zone == Some(zone.id));
            let interfaces = bound.map(|u| u.name.clone()).collect();
            let Zone { id, name, tcp_rst, unidirectional_refresh, functional, tracking: _, host_inbound: _ } =
                zone;
            let (name, functional) = (name.clone(), *functional);
            let (tcp_rst, unidirectional_refresh) = (*tcp_rst, *unidirectional_refresh);
            let screen = screen(*id);
            ZoneEntry { name, id: id.0, tcp_rst, unidirectional_refresh, functional, screen, interfaces }
        })
        .collect();
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

pub(crate) fn flow_statistics(env: &Env<'_>) -> Result<FlowStatistics, Failure> {
    let global = env.plane.telemetry().global()?;
    let happened = DropReason::ALL.iter().filter(|r| global.drops[r.index()] > 0);
    Ok(FlowStatistics {
        sessions: global.sessions_live,
        received: global.rx_packets,
        transmitted: global.tx_packets,
        to_host: global.host_packets,
        answered: global.answers,
        handed_over: global.handed_over,
        dropped: global.drops.iter().sum(),
        sessions_created: global.sessions_created,
        sessions_closed: global.sessions_closed,
        events_lost: global.events_lost,
        drops: happened
            .map(|r| DropCount {
                reason: r.name().to_owned(),
                text: r.text().to_owned(),
                packets: global.drops[r.index()],
            })
            .collect(),
    })
}

pub(crate) fn plane_status(env: &Env<'_>) -> Result<PlaneStatus, Failure> {
    let Status { backend, armed, epoch, generation, workers, ports } = env.plane.diagnostics().status()?;
    let workers = workers.iter().map(|w| WorkerLine {
        id: w.worker.0,
        alive: w.alive,
        restarts: w.restarts,
        generation: w.generation.0,
    });
    let ports = ports.into_iter().map(|p| PortLine { name: p.name, up: p.up, mode: p.mode });
    let groups = had(env.plane.ha().groups())?.into_iter().map(|g| GroupLine {
        id: g.group.0,
        active: g.active,
        lease_ms: g.lease_ms,
    });
    let fabrics = had(env.plane.ha().fabrics())?.into_iter().map(|f| FabricLine {
        id: f.fabric.0,
        interface: f.to.interface,
        up: f.up,
        sent: f.sent,
        received: f.received,
    });
    Ok(PlaneStatus {
        backend,
        armed,
        epoch,
        generation: generation.map(|g| g.0),
        workers: workers.collect(),
        ports: ports.collect(),
        groups: groups.collect(),
        fabrics: fabrics.collect(),
    })
}

/// A plane that has no such thing has none of them.
fn had<T>(answer: Result<Vec<T>, Error>) -> Result<Vec<T>, Error> {
    if let Err(Error::Unsupported(_)) = answer { Ok(Vec::new()) } else { answer }
}
