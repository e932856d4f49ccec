//! What the daemon itself does for a configuration, beside kernel and dataplane.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use ravelin_model::{AlarmThresholds, Archival, ArchiveSite, Metrics, System, ValidConfig};

/// Where metrics are asked for, when nothing is said.
const METRICS_PORT: u16 = 9797;
const METRICS_CONNECTIONS: usize = 8;
const METRICS_SERIES: usize = 10_000;

/// The plan of every service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    pub archival: ArchivalPlan,
    pub nat_alarms: Vec<NatAlarmPlan>,
    /// What operators speak in; `None`: the machine's own.
    pub time_zone: Option<TimeZone>,
    /// Configurations kept before the active one; `None`: as many as can be.
    pub rollbacks_max: Option<u8>,
    /// Every commit is the other node's too.
    pub synchronize: bool,
    pub metrics: Option<MetricsPlan>,
}

/// `system services metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsPlan {
    pub listen: Vec<SocketAddr>,
    /// Who may ask; empty: who reaches it.
    pub sources: Vec<IpNet>,
    pub connections_max: usize,
    /// Of one metric of what the configuration has any number of.
    pub series_max: usize,
}

/// An alarm of NAT: what is watched, and its thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatAlarmPlan {
    pub watched: NatWatched,
    /// Percent in use of a pool, sessions of a rule.
    pub raise: u32,
    /// `None`: it follows from `raise`.
    pub clear: Option<u32>,
}

/// What an alarm of NAT is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatWatched {
    SourcePool(String),
    /// `source`, `destination` or `static`; rule-set; rule.
    Rule(&'static str, String, String),
}

/// `system archival configuration`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivalPlan {
    pub on_commit: bool,
    pub every: Option<Duration>,
    /// Tried in order; empty: nothing is copied.
    pub sites: Vec<ArchiveSite>,
    /// Begins the names of the copies.
    pub node: String,
}

impl Services {
    #[must_use]
    pub fn new(valid: &ValidConfig) -> Self {
        let system = &valid.get().system;
        let time_zone = system.time_zone.as_ref().and_then(|zone| ravelin_dynamic::time_zone(&zone.name));
        Self {
            archival: archival(system),
            nat_alarms: nat_alarms(valid),
            time_zone,
            rollbacks_max: system.rollbacks_max,
            synchronize: system.synchronize,
            metrics: system.metrics.as_ref().map(metrics),
        }
    }
}

/// Spec: metrics-1, metrics-2.
fn metrics(metrics: &Metrics) -> MetricsPlan {
    let Metrics { port, addresses, allowed_sources, connections_max, series_max, at: _ } = metrics;
    let port = port.unwrap_or(METRICS_PORT);
    let local = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let addresses = if addresses.is_empty() { &local[..] } else { addresses };
    MetricsPlan {
        listen: addresses.iter().map(|addr| SocketAddr::new(*addr, port)).collect(),
        sources: allowed_sources.clone(),
        connections_max: connections_max.map_or(METRICS_CONNECTIONS, |max| max as usize),
        series_max: series_max.map_or(METRICS_SERIES, |max| max as usize),
    }
}

fn archival(system: &System) -> ArchivalPlan {
    let Archival { transfer_interval_min, transfer_on_commit, sites, at: _ } = &system.archival;
    if sites.is_empty() {
        return ArchivalPlan::default();
    }
    ArchivalPlan {
        on_commit: *transfer_on_commit,
        every: transfer_interval_min.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        sites: sites.clone(),
        node: system.host_name.clone().unwrap_or_else(|| "ravelin".to_owned()),
    }
}

/// A pool's own thresholds come before those of all. Spec: nat-pool-35.
fn nat_alarms(valid: &ValidConfig) -> Vec<NatAlarmPlan> {
    let security = &valid.get().security;
    let source = &security.nat_source;
    let plan = |watched, alarm: &AlarmThresholds| {
        let AlarmThresholds { raise, clear } = *alarm;
        Some(NatAlarmPlan { watched, raise: raise?, clear })
    };
    let pools = source.pools.iter().filter_map(|pool| {
        let alarm = if pool.alarm.raise.is_some() { &pool.alarm } else { &source.pool_alarm };
        plan(NatWatched::SourcePool(pool.name.clone()), alarm)
    });
    let of = |kind, set: &str, rule: &str| NatWatched::Rule(kind, set.to_owned(), rule.to_owned());
    let from = source
        .rule_sets
        .iter()
        .flat_map(|set| set.rules.iter().filter_map(|r| plan(of("source", &set.name, &r.name), &r.alarm)));
    let to = security.nat_destination.rule_sets.iter().flat_map(|set| {
        set.rules.iter().filter_map(|r| plan(of("destination", &set.name, &r.name), &r.alarm))
    });
    let fixed =
        security.nat_static.rule_sets.iter().flat_map(|set| {
            set.rules.iter().filter_map(|r| plan(of("static", &set.name, &r.name), &r.alarm))
        });
    pools.chain(from).chain(to).chain(fixed).collect()
}
