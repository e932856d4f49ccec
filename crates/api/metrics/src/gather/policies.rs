//! Policies, in the order of evaluation.

use std::collections::HashMap;

use ravelin_contract::{DataPlane, Error, PolicyCounters};
use ravelin_ops::{NameTable, PolicyName};
use ravelin_program::Program;
use ravelin_types::PolicyId;

use super::known;
use crate::exposition::Exposition;
use crate::table::Family;

/// Both zones of a global policy, as Junos calls them.
const GLOBAL: &str = "junos-global";

pub(super) fn gather(plane: &dyn DataPlane, names: &NameTable, out: &mut Exposition) -> Result<(), Error> {
    let policies = || names.program().into_iter().flat_map(Program::sections).flat_map(|(_, s)| &s.policies);
    out.add(Family::Policies, [], policies().count() as u64);
    // A hundred thousand counters that nobody wants are not worth asking for.
    if out.is_limited_to_none() {
        return Ok(());
    }
    let Some(counters) = known(plane.telemetry().policies())? else { return Ok(()) };
    let counters: HashMap<PolicyId, PolicyCounters> = counters.into_iter().map(|c| (c.id, c)).collect();
    for (_, policy) in policies() {
        let Some(PolicyName { name, from, to, global, .. }) = names.policy(policy.id) else { continue };
        let counter = counters.get(&policy.id).copied().unwrap_or_default();
        let (from, to) =
            if global { (GLOBAL.to_owned(), GLOBAL.to_owned()) } else { (from.join(","), to.join(",")) };
        out.add(Family::PolicyHits, [&from, &to, &name], counter.hits);
        if !policy.count {
            continue;
        }
        for (way, direction) in ["initiator", "responder"].into_iter().enumerate() {
            let labels = [from.as_str(), &to, &name, direction];
            out.add(Family::PolicyPackets, labels, counter.packets[way]);
            out.add(Family::PolicyBytes, labels, counter.bytes[way]);
            out.add(Family::PolicySentPackets, labels, counter.sent.packets[way]);
            out.add(Family::PolicySentBytes, labels, counter.sent.bytes[way]);
        }
        let labels = [from.as_str(), &to, &name];
        out.add(Family::PolicySessions, labels, counter.sessions);
        out.add(Family::PolicySessionsCreated, labels, counter.gained);
        out.add(Family::PolicySessionsClosed, labels, counter.lost);
    }
    Ok(())
}
