//! Port mirroring: what is configured, and what came of it.

use ravelin_contract::{MirrorCounters, MirrorLoss};
use ravelin_program::{Mirror, MirrorFilter, MirrorOutput, MirrorSource, MirrorTo, Program};
use ravelin_types::{MirrorId, PortId};

use super::Failure;
use crate::answer::{MirrorEntry, MirrorKind, MirrorList, MirrorOutputLine};
use crate::session::Env;

pub(crate) fn mirrors(env: &Env<'_>, kind: MirrorKind) -> Result<MirrorList, Failure> {
    let counters = env.plane.telemetry().mirrors()?;
    let ports = env.plane.diagnostics().status()?.ports;
    let up = |name: &str| ports.iter().any(|port| port.name == name && port.up);
    let Some(mirrors) = env.names.program().and_then(Program::mirrors) else {
        return Ok(MirrorList { kind, mirrors: Vec::new() });
    };
    let mirrors = match kind {
        MirrorKind::Instances => mirrors.instances.iter().map(|m| instance(env, m, &up)).collect(),
        MirrorKind::Filters => mirrors.filters.iter().map(|f| filter(env, f, &up)).collect(),
    };
    Ok(MirrorList { kind, mirrors: counted(mirrors, &counters) })
}

/// Sets the counters back; how many instances or filters there are.
pub(crate) fn clear_mirrors(env: &Env<'_>, kind: MirrorKind) -> Result<u64, Failure> {
    let mirrors = env.names.program().and_then(Program::mirrors);
    let ids: Vec<MirrorId> = match (mirrors, kind) {
        (None, _) => Vec::new(),
        (Some(mirrors), MirrorKind::Instances) => mirrors.instances.iter().map(|m| m.id).collect(),
        (Some(mirrors), MirrorKind::Filters) => mirrors.filters.iter().map(|f| f.id).collect(),
    };
    env.plane.telemetry().clear_mirrors(&ids)?;
    Ok(ids.len() as u64)
}

fn instance(env: &Env<'_>, mirror: &Mirror, up: &dyn Fn(&str) -> bool) -> MirrorEntry {
    let names = |list: &[MirrorSource]| list.iter().map(|source| source_name(env, *source)).collect();
    let families =
        [("inet", &mirror.outputs.inet), ("inet6", &mirror.outputs.inet6), ("any", &mirror.outputs.any)];
    let line = |(family, output): (&str, &Option<MirrorOutput>)| {
        output.as_ref().map(|output| output_line(env, family, output, up))
    };
    MirrorEntry {
        name: mirror.name.clone(),
        id: mirror.id.0,
        enabled: mirror.enabled,
        rate: mirror.rate,
        run_length: mirror.run_length,
        maximum_packet_length: mirror.len_max,
        ingress: names(&mirror.ingress),
        egress: names(&mirror.egress),
        outputs: families.into_iter().filter_map(line).collect(),
        ..MirrorEntry::default()
    }
}

fn filter(env: &Env<'_>, filter: &MirrorFilter, up: &dyn Fn(&str) -> bool) -> MirrorEntry {
    MirrorEntry {
        name: filter.name.clone(),
        id: filter.id.0,
        enabled: true,
        rate: 1,
        outputs: vec![output_line(env, "any", &filter.output, up)],
        ..MirrorEntry::default()
    }
}

fn counted(mut mirrors: Vec<MirrorEntry>, counters: &[MirrorCounters]) -> Vec<MirrorEntry> {
    for entry in &mut mirrors {
        let counter = counters.iter().find(|c| c.id.0 == entry.id).copied().unwrap_or_default();
        (entry.packets, entry.bytes) = (counter.packets, counter.bytes);
        let lost = |loss: &MirrorLoss| (loss.name().to_owned(), counter.lost[loss.index()]);
        entry.lost = MirrorLoss::ALL.iter().map(lost).collect();
    }
    mirrors
}

fn output_line(
    env: &Env<'_>,
    family: &str,
    output: &MirrorOutput,
    up: &dyn Fn(&str) -> bool,
) -> MirrorOutputLine {
    let port = port_name(env, output.port);
    MirrorOutputLine {
        family: family.to_owned(),
        up: up(&port),
        interface: output.unit.map_or(port, |unit| env.names.unit(Some(unit))),
        to: match output.to {
            MirrorTo::AsItIs => None,
            MirrorTo::NextHop(family, addr) => Some(addr.to_ip(family).to_string()),
            MirrorTo::Station(mac) => Some(mac.to_string()),
        },
    }
}

fn source_name(env: &Env<'_>, source: MirrorSource) -> String {
    match source {
        MirrorSource::Port(port) => port_name(env, port),
        MirrorSource::Unit(unit) => env.names.unit(Some(unit)),
    }
}

fn port_name(env: &Env<'_>, id: PortId) -> String {
    let ports = env.names.program().and_then(Program::interfaces).map_or(&[][..], |i| &i.ports);
    ports.iter().find(|port| port.id == id).map_or_else(String::new, |port| port.name.clone())
}
