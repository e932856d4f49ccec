//! Mappings of persistent NAT, by the names that operators have given.

use ravelin_contract::{MappingFilter, MappingOrigin, MappingPermit, PersistentMapping};
use ravelin_nat::PoolId;

use super::Failure;
use crate::answer::Answer;
use crate::persistent::{MappingLine, MappingLines, MappingQuery, MappingSummary};
use crate::request::Request;
use crate::session::Env;

/// Mappings that one answer lists.
const LINES_MAX: usize = 16_384;

/// Answers a request about mappings.
pub(crate) fn about_mappings(env: &Env<'_>, request: Request) -> Result<Answer, Failure> {
    let telemetry = env.plane.telemetry();
    Ok(match request {
        Request::Mappings(query) => Answer::Mappings(lines(env, &query)?),
        Request::MappingSummary => {
            let list = telemetry.persistent_mappings(&MappingFilter::default(), 0)?;
            Answer::MappingSummary(MappingSummary { total: list.capacity, in_use: list.in_use })
        }
        Request::ClearMappings(query) => {
            Answer::MappingsCleared { mappings: telemetry.clear_persistent_mappings(&filter(env, &query)?)? }
        }
        _ => unreachable!("only requests about mappings come here"),
    })
}

fn filter(env: &Env<'_>, query: &MappingQuery) -> Result<MappingFilter, Failure> {
    let unfound = |what, name: &str| Failure::NotFound { what, name: name.to_owned() };
    Ok(match query {
        MappingQuery::All => MappingFilter::default(),
        MappingQuery::Interface(None) => {
            MappingFilter { origin: Some(MappingOrigin::Interface), ..MappingFilter::default() }
        }
        MappingQuery::Interface(Some(name)) => {
            let unit = env.names.interfaces().iter().find(|unit| unit.name == *name);
            let unit = unit.ok_or_else(|| unfound("interface", name))?;
            let external: Vec<_> = unit.addresses.iter().map(|a| a.addr.to_ip(a.family)).collect();
            if external.is_empty() {
                return Err(unfound("address of interface", name));
            }
            MappingFilter { origin: Some(MappingOrigin::Interface), external, ..MappingFilter::default() }
        }
        MappingQuery::Pool(name) => {
            let pool = env.names.source_pools().iter().find(|pool| pool.name == *name);
            let id = pool.ok_or_else(|| unfound("pool", name))?.spec.id;
            MappingFilter { origin: Some(MappingOrigin::Pool(id.0.into())), ..MappingFilter::default() }
        }
        MappingQuery::Internal { addr, port, proto } => MappingFilter {
            internal: Some(*addr),
            internal_port: *port,
            proto: *proto,
            ..MappingFilter::default()
        },
    })
}

fn lines(env: &Env<'_>, query: &MappingQuery) -> Result<MappingLines, Failure> {
    let list = env.plane.telemetry().persistent_mappings(&filter(env, query)?, LINES_MAX)?;
    let mut mappings = list.mappings;
    mappings.sort_by_key(|m| (m.internal, m.internal_port, m.proto, m.external, m.external_port));
    let more = list.found.saturating_sub(mappings.len() as u64);
    Ok(MappingLines { lines: mappings.iter().map(|mapping| line(env, mapping)).collect(), more })
}

fn line(env: &Env<'_>, mapping: &PersistentMapping) -> MappingLine {
    let port = |port| mapping.proto.map(|_| port);
    MappingLine {
        internal: mapping.internal,
        internal_port: port(mapping.internal_port),
        protocol: mapping.proto.map(|proto| proto.to_string()),
        external: mapping.external,
        external_port: port(mapping.external_port),
        pool: match mapping.origin {
            MappingOrigin::Interface => "interface".to_owned(),
            MappingOrigin::Pool(id) => {
                let pool = u16::try_from(id).ok().and_then(|id| env.names.source_pool(PoolId(id)));
                // Of a pool that is gone from the configuration there is the number.
                pool.map_or_else(|| id.to_string(), |pool| pool.name.clone())
            }
        },
        permit: match mapping.permit {
            MappingPermit::AnyRemoteHost => "any-remote-host",
            MappingPermit::TargetHost => "target-host",
            MappingPermit::TargetHostPort => "target-host-port",
        }
        .to_owned(),
        left_s: (mapping.sessions == 0).then(|| mapping.timeout_s.saturating_sub(mapping.idle_s)),
        timeout_s: mapping.timeout_s,
        sessions: mapping.sessions,
        sessions_max: mapping.sessions_max,
        rule: mapping.rule.map(|rule| env.names.nat_rule(rule)),
    }
}
