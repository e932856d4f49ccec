//! Firewall filters, policers and mirrors.

use std::collections::{HashMap, HashSet};

use ravelin_contract::{DataPlane, Error, FirewallCounters, MirrorCounters, MirrorLoss, PolicerCounters};
use ravelin_ops::NameTable;
use ravelin_program::{FirewallFilter, Program};
use ravelin_types::{Family as Protocols, MirrorId};

use super::known;
use crate::exposition::Exposition;
use crate::table::Family;

const COLOURS: [&str; 3] = ["green", "yellow", "red"];

pub(super) fn gather(plane: &dyn DataPlane, names: &NameTable, out: &mut Exposition) -> Result<(), Error> {
    let telemetry = plane.telemetry();
    if let Some(counted) = known(telemetry.firewall())? {
        filters(&counted, names, out);
    }
    if let Some(counted) = known(telemetry.mirrors())? {
        mirrors(&counted, names, out);
    }
    Ok(())
}

const fn family(filter: &FirewallFilter) -> &'static str {
    match filter.family {
        Protocols::V4 => "inet",
        Protocols::V6 => "inet6",
    }
}

fn filters(counted: &FirewallCounters, names: &NameTable, out: &mut Exposition) {
    let FirewallCounters { filters, policers } = counted;
    let counters: HashMap<u32, (u64, u64)> = filters.iter().map(|c| (c.id, (c.packets, c.bytes))).collect();
    let Some(known) = names.program().and_then(Program::firewall) else { return };
    // Instances of a filter for the sake of policers share its counters.
    let mut told = HashSet::new();
    for filter in &known.filters {
        for (id, name) in &filter.counters {
            if told.insert(id.0) {
                let (packets, bytes) = counters.get(&id.0).copied().unwrap_or_default();
                let labels = [filter.name.as_str(), family(filter), name];
                out.add(Family::FilterPackets, labels, packets);
                out.add(Family::FilterBytes, labels, bytes);
            }
        }
    }
    let by_id: HashMap<u32, &FirewallFilter> = known.filters.iter().map(|f| (f.id, f)).collect();
    for PolicerCounters { name, filter, policer: _, place: _, packets, bytes } in policers {
        let (at, family) = match filter {
            None => ("", ""),
            Some(id) => match by_id.get(id) {
                Some(filter) => (filter.name.as_str(), family(filter)),
                None => continue,
            },
        };
        for (colour, word) in COLOURS.into_iter().enumerate() {
            out.add(Family::PolicerPackets, [name, at, family, word], packets[colour]);
            out.add(Family::PolicerBytes, [name, at, family, word], bytes[colour]);
        }
    }
}

fn mirrors(counted: &[MirrorCounters], names: &NameTable, out: &mut Exposition) {
    let counted: HashMap<MirrorId, &MirrorCounters> = counted.iter().map(|c| (c.id, c)).collect();
    let Some(mirrors) = names.program().and_then(Program::mirrors) else { return };
    let instances = mirrors.instances.iter().map(|m| ("instance", &m.name, m.id));
    for (kind, name, id) in instances.chain(mirrors.filters.iter().map(|f| ("filter", &f.name, f.id))) {
        let counter = counted.get(&id).copied().copied().unwrap_or_default();
        let MirrorCounters { id: _, identity: _, packets, bytes, lost } = counter;
        out.add(Family::MirrorPackets, [kind, name], packets);
        out.add(Family::MirrorBytes, [kind, name], bytes);
        for loss in MirrorLoss::ALL {
            out.add(Family::MirrorLost, [kind, name, loss.name()], lost[loss.index()]);
        }
    }
}
