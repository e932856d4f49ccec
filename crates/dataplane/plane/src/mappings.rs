//! Mappings of persistent NAT, walked in bounded steps.

use ravelin_contract::{Error, MappingFilter, MappingList, MappingOrigin, MappingPermit, PersistentMapping};
use ravelin_nat::{Action, MappingRecord, Permit};
use ravelin_types::{InstanceId, Proto};

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Mappings looked at between two batches of packets.
const WALK: u32 = 1024;

pub(crate) fn list<W: Workers>(
    plane: &Plane<W>,
    filter: &MappingFilter,
    most: usize,
) -> Result<MappingList, Error> {
    let mut list = MappingList::default();
    for worker in each(&plane.workers) {
        list.capacity += ask(&plane.workers, worker, |state, _, _| state.mappings_max())? as u64;
        let mut from = Some(0);
        while let Some(at) = from {
            let (records, next) =
                ask(&plane.workers, worker, move |state, _, now| state.walk_mappings(at, WALK, now))?;
            list.in_use += records.len() as u64;
            for mapping in records.iter().map(shown).filter(|mapping| filter.holds(mapping)) {
                list.found += 1;
                if list.mappings.len() < most {
                    list.mappings.push(mapping);
                }
            }
            from = next;
        }
    }
    Ok(list)
}

pub(crate) fn clear<W: Workers>(plane: &Plane<W>, filter: &MappingFilter) -> Result<u64, Error> {
    let mut cleared = 0;
    for worker in each(&plane.workers) {
        let filter = filter.clone();
        let ended = ask(&plane.workers, worker, move |state, _, now| {
            state.clear_mappings(now, |record| filter.holds(&shown(record)))
        })?;
        cleared += ended as u64;
    }
    Ok(cleared)
}

pub(crate) fn shown(record: &MappingRecord) -> PersistentMapping {
    let MappingRecord { action, rule, proto, token, family, addr, port, external_family, .. } = record;
    PersistentMapping {
        origin: match action {
            Action::Interface(_) => MappingOrigin::Interface,
            Action::Pool(id) => MappingOrigin::Pool(id.0.into()),
        },
        rule: rule.id,
        proto: (*proto != Proto::default()).then_some(*proto),
        internal: addr.to_ip(*family),
        internal_port: *port,
        // Records are of keys, and a key's instance has fewer bits than this.
        instance: InstanceId(u16::try_from(*token).unwrap_or(u16::MAX)),
        external: record.external.to_ip(*external_family),
        external_port: record.external_port,
        permit: match rule.permit {
            Permit::AnyRemoteHost => MappingPermit::AnyRemoteHost,
            Permit::TargetHost => MappingPermit::TargetHost,
            Permit::TargetHostPort => MappingPermit::TargetHostPort,
        },
        sessions: record.sessions,
        sessions_max: rule.sessions_max,
        idle_s: u32::try_from(record.idle.as_secs()).unwrap_or(u32::MAX),
        timeout_s: rule.inactivity.0,
    }
}
