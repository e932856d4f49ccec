//! NAT: rules, pools, ports of interfaces, persistent mappings.

use std::collections::HashMap;

use ravelin_contract::{
    DataPlane, Error, InterfacePorts, MappingFilter, NatCounters, PoolCounters, Telemetry,
};
use ravelin_ops::{NameTable, NatAlarms};
use ravelin_types::NatRuleId;

use super::{Source, known};
use crate::exposition::Exposition;
use crate::table::Family;

/// Classes of protocols whose ports are counted apart.
const CLASSES: [&str; 4] = ["tcp", "udp", "icmp", "other"];

pub(super) fn gather(plane: &dyn DataPlane, source: &Source<'_>, out: &mut Exposition) -> Result<(), Error> {
    let telemetry = plane.telemetry();
    rules(telemetry, source.names, out)?;
    pools(telemetry, source.names, out)?;
    alarms(source.alarms, source.names, out);
    for ports in known(telemetry.interface_ports())?.unwrap_or_default() {
        let InterfacePorts { addr, single, single_max, twin, twin_max } = ports;
        let addr = addr.to_string();
        for (kind, leased, max) in [("single", single, single_max), ("pair", twin, twin_max)] {
            out.add(Family::NatInterfacePorts, [&addr, kind], leased);
            out.add(Family::NatInterfacePortsMax, [&addr, kind], max);
        }
    }
    if let Some(list) = known(telemetry.persistent_mappings(&MappingFilter::default(), 0))? {
        out.add(Family::NatMappings, [], list.in_use);
        out.add(Family::NatMappingsMax, [], list.capacity);
    }
    Ok(())
}

fn rules(telemetry: &dyn Telemetry, names: &NameTable, out: &mut Exposition) -> Result<(), Error> {
    let counters = known(telemetry.nat_rules())?.unwrap_or_default();
    let counters: HashMap<NatRuleId, NatCounters> = counters.into_iter().map(|c| (c.id, c)).collect();
    let source = names.source_rules().map(|(set, rule)| ("source", &set.name, &rule.name, rule.id));
    let destination =
        names.destination_rules().map(|(set, rule)| ("destination", &set.name, &rule.name, rule.id));
    let fixed = names.static_rules().map(|(set, rule)| ("static", &set.name, &rule.name, rule.id));
    for (kind, set, rule, id) in source.chain(destination).chain(fixed) {
        let counter = counters.get(&id).copied().unwrap_or_default();
        let labels = [kind, set.as_str(), rule.as_str()];
        out.add(Family::NatRuleHits, labels, counter.hits);
        out.add(Family::NatRuleFailed, labels, counter.failed);
        out.add(Family::NatRuleSessions, labels, counter.sessions);
    }
    Ok(())
}

fn pools(telemetry: &dyn Telemetry, names: &NameTable, out: &mut Exposition) -> Result<(), Error> {
    let counters = known(telemetry.source_pools())?.unwrap_or_default();
    let counters: HashMap<u32, PoolCounters> = counters.into_iter().map(|c| (c.id, c)).collect();
    for pool in names.source_pools() {
        let counter = counters.get(&pool.spec.id.0.into()).copied().unwrap_or_default();
        let PoolCounters { id: _, ports, others, held, capacity } = counter;
        for (class, leased) in CLASSES.into_iter().zip(ports) {
            out.add(Family::NatPoolPorts, [&pool.name, class], leased);
        }
        out.add(Family::NatPoolOthers, [&pool.name], others);
        out.add(Family::NatPoolHeld, [&pool.name], held);
        out.add(Family::NatPoolMax, [&pool.name], capacity);
    }
    Ok(())
}

fn alarms(alarms: &NatAlarms, names: &NameTable, out: &mut Exposition) {
    for pool in names.source_pools() {
        if let Some(alarm) = alarms.of_pool(&pool.name) {
            out.add(Family::NatPoolAlarm, [&pool.name], alarm.raised.into());
        }
    }
}
