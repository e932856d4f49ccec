//! Sessions: listed, counted, cleared.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use ravelin_contract::{
    CloseReason, ExportCursor, Resource, ResourceRole, SessionFilter, SessionRef, SessionState, SessionView,
    WingView,
};
use ravelin_nat::Overflow;
use ravelin_program::{SourceAction, SourcePool};
use ravelin_types::{Addr, DropReason, NatRuleId, PolicyId, SessionId, ZoneId};

use super::Failure;
use crate::answer::{ResourceLine, SessionDetail, SessionList, SessionSummary, Wing};
use crate::request::SessionQuery;
use crate::session::Env;

/// Sessions that are asked for at a time.
const PAGE: usize = 2048;
/// Sessions ended in one call.
const CLEARED_AT_ONCE: usize = 1024;

/// What could not become a session.
const FAILED: &[DropReason] = &[
    DropReason::SessionTableFull,
    DropReason::SessionCollision,
    DropReason::NatNoAddress,
    DropReason::NatPortsExhausted,
];

/// A list of sessions under way.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    query: SessionQuery,
    filter: SessionFilter,
    extensive: bool,
    from: ExportCursor,
    total: u64,
    begun: bool,
}

impl Listing {
    pub(crate) fn new(env: &Env<'_>, query: SessionQuery, extensive: bool) -> Result<Self, Failure> {
        let (filter, from) = (filter(env, &query)?, ExportCursor::default());
        Ok(Self { query, filter, extensive, from, total: 0, begun: false })
    }

    /// The sessions that come next.
    pub(crate) fn part(&mut self, env: &Env<'_>) -> Result<SessionList, Failure> {
        let page = env.plane.sessions().page(&self.filter, self.from, PAGE)?;
        let meant = page.sessions.iter().filter(|view| also(env, &self.query, view));
        let pools = if self.extensive { pools(env) } else { HashMap::new() };
        let mut sessions: Vec<_> = meant.map(|view| detail(env, view, &pools)).collect();
        sessions.sort_by_key(|session| session.id);
        self.total += sessions.len() as u64;
        self.from = page.next.unwrap_or_default();
        let first = !std::mem::replace(&mut self.begun, true);
        let (total, extensive, last) = (self.total, self.extensive, page.next.is_none());
        Ok(SessionList { sessions, total, extensive, first, last })
    }
}

pub(crate) fn summary(env: &Env<'_>, query: &SessionQuery) -> Result<SessionSummary, Failure> {
    let filter = filter(env, query)?;
    let global = env.plane.telemetry().global()?;
    let failed = FAILED.iter().map(|r| global.drops[r.index()]).sum();
    let mut out = SessionSummary { failed, maximum: global.sessions_max, ..SessionSummary::default() };
    env.plane.sessions().for_each(&filter, &mut |view| {
        if !also(env, query, view) {
            return ControlFlow::Continue(());
        }
        let (family, to) = Addr::from_ip(view.wings[0].key.dst);
        if to.is_multicast(family) {
            out.multicast += 1;
        } else {
            out.unicast += 1;
        }
        match view.state {
            SessionState::Opening => out.pending += 1,
            SessionState::Established => out.valid += 1,
            SessionState::Closing => out.closing += 1,
        }
        ControlFlow::Continue(())
    })?;
    out.in_use = out.unicast + out.multicast;
    Ok(out)
}

pub(crate) fn clear(env: &Env<'_>, query: &SessionQuery) -> Result<u64, Failure> {
    let filter = filter(env, query)?;
    let store = env.plane.sessions();
    if query.nowhere {
        return Ok(0);
    }
    let SessionQuery { application: None, policy_id: None, idle_s: None, resources: false, .. } = query
    else {
        // What the plane's filter does not know is looked for here, and what was found is ended by its number.
        let mut found = Vec::new();
        store.for_each(&filter, &mut |view| {
            if also(env, query, view) {
                found.push(SessionRef { id: view.id, key: view.wings[0].key });
            }
            ControlFlow::Continue(())
        })?;
        let mut cleared = 0;
        for batch in found.chunks(CLEARED_AT_ONCE) {
            cleared += store.delete_known(batch, CloseReason::Cleared)?;
        }
        return Ok(cleared);
    };
    Ok(store.clear(&filter)?)
}

/// The conditions that the plane's filter does not know.
fn also(env: &Env<'_>, query: &SessionQuery, view: &SessionView) -> bool {
    let SessionQuery { application, policy_id, idle_s, resources, nowhere, .. } = query;
    let named = || view.application.and_then(|index| env.names.application(index));
    // A session without a timeout does not say how long it has been silent.
    let idle = view.timeout_s.saturating_sub(view.remaining_s);
    application.as_ref().is_none_or(|name| named().is_some_and(|found| is_application(found, name)))
        && policy_id.is_none_or(|id| view.policy == PolicyId(id))
        && idle_s.is_none_or(|least| view.timeout_s > 0 && idle >= least)
        && (!resources || view.resource.is_some())
        && !nowhere
}

/// Whether an application is the one that an operator names: by its name, or a predefined one by the protocol that it is of, as Junos
/// lists them (`ftp`).
fn is_application(found: &str, name: &str) -> bool {
    found == name || found.strip_prefix("junos-") == Some(name)
}

fn filter(env: &Env<'_>, query: &SessionQuery) -> Result<SessionFilter, Failure> {
    let SessionQuery {
        proto,
        source,
        destination,
        source_port,
        destination_port,
        interface,
        family,
        id,
        nat,
        application: _,
        policy_id: _,
        idle_s: _,
        resources: _,
        nowhere: _,
    } = query;
    let interface = match interface {
        None => None,
        Some(name) => {
            let found = env.names.unit_id(name);
            Some(found.ok_or_else(|| Failure::NotFound { what: "interface", name: name.clone() })?)
        }
    };
    Ok(SessionFilter {
        proto: *proto,
        source: *source,
        destination: *destination,
        source_port: *source_port,
        destination_port: *destination_port,
        interface,
        family: *family,
        id: id.map(SessionId),
        nat: nat.then_some(true),
    })
}

/// What Junos calls the policy of sessions that the default policy let through.
const DEFAULT_POLICY: &str = "default-policy-logical-system-00/2";
/// The policy id of sessions that no policy decided.
const NO_POLICY: PolicyId = PolicyId(u32::MAX);

/// To or from the firewall itself.
fn self_traffic(view: &SessionView) -> bool {
    view.from_zone == ZoneId::HOST || view.to_zone == ZoneId::HOST
}

/// Pools by the rule that names them.
type Pools<'a> = HashMap<NatRuleId, &'a SourcePool>;

/// Pools of the source rules that have one.
fn pools<'a>(env: &Env<'a>) -> Pools<'a> {
    let pools = env.names.source_rules().filter_map(|(_, rule)| match rule.action {
        SourceAction::Pool(pool) => Some((rule.id, env.names.source_pool(pool)?)),
        SourceAction::Off | SourceAction::Interface => None,
    });
    pools.collect()
}

/// The pool that an address is of: that of the rule, or the one that takes over when it has nothing left.
fn pool_of<'a>(env: &Env<'a>, pool: &'a SourcePool, external: IpAddr) -> Option<&'a SourcePool> {
    let (family, addr) = Addr::from_ip(external);
    let has = |pool: &SourcePool| {
        pool.spec.family == family && pool.spec.ranges.iter().any(|r| r.first <= addr && addr <= r.last)
    };
    match pool.spec.overflow {
        _ if has(pool) => Some(pool),
        Some(Overflow::Pool(other)) => env.names.source_pool(other).filter(|other| has(other)),
        Some(Overflow::Interface) | None => None,
    }
}

fn detail<'a>(env: &Env<'a>, view: &SessionView, pools: &Pools<'a>) -> SessionDetail {
    let names = env.names;
    SessionDetail {
        id: view.id.0,
        policy: match self_traffic(view) {
            false if view.policy == NO_POLICY => DEFAULT_POLICY.to_owned(),
            _ => names.policy_label(view.policy),
        },
        state: match view.state {
            SessionState::Opening => "Pending",
            SessionState::Established => "Valid",
            SessionState::Closing => "Closing",
        }
        .to_owned(),
        timeout_s: view.timeout_s,
        remaining_s: view.remaining_s,
        age_s: view.age_s,
        application: view.application.and_then(|a| names.application(a)).map(str::to_owned),
        nat_rule: view.nat_rule.map(|r| names.nat_rule(r)),
        nat_pool: view
            .nat_rule
            .and_then(|rule| pool_of(env, pools.get(&rule)?, view.wings[1].key.dst))
            .map(|pool| pool.name.clone()),
        destination_rule: view.destination_rule.map(|r| names.nat_rule(r)),
        from_zone: names.zone(view.from_zone),
        to_zone: names.zone(view.to_zone),
        worker: view.worker.0,
        resource: view.resource.map(|resource| resource_line(view.id, resource)),
        wings: view.wings.map(|w| wing(env, &w)),
    }
}

/// The group of a gateway's sessions goes by the number of the one that has the others expected; 0: nobody knows it.
fn resource_line(id: SessionId, Resource { alg, role }: Resource) -> ResourceLine {
    let (group, resource) = match role {
        ResourceRole::Control => (id.0, 0),
        ResourceRole::Expected(parent) => (parent.map_or(0, |parent| parent.0), 1),
    };
    ResourceLine { client: format!("{} ALG", super::gates::alg_name(alg)), group, resource }
}

fn wing(env: &Env<'_>, view: &WingView) -> Wing {
    Wing {
        source: view.key.src,
        source_port: view.key.sport,
        destination: view.key.dst,
        destination_port: view.key.dport,
        protocol: view.key.proto.to_string(),
        interface: env.names.unit(view.interface),
        packets: view.packets,
        bytes: view.bytes,
    }
}
