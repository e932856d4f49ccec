//! The watch over NAT: pools that are nearly used up, rules with many sessions.
//!
//! Junos: `pool-utilization-alarm`, `rule-session-count-alarm`. What is judged is `ravelin_ops::NatAlarms`; here are the clock, the
//! counters of the plane and the log. Spec: nat-pool-35, nat-source-18.

use std::sync::Mutex;
use std::time::Duration;

use ravelin_commit::{NatAlarmPlan, NatWatched};
use ravelin_contract::DataPlane as _;
use ravelin_ops::{AlarmChange, NameTable, NatKind, WantedAlarm, Watched};
use ravelin_remote::Client;

use super::control::Control;
use super::log::Log;
use super::supervisor::{CALL_MAX, Place};
use super::tasks::lock;

/// How often what is in use is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Watches as long as the process lives. Without alarms the plane is not asked.
pub fn watch(place: &Place, control: &Mutex<Control>) {
    let mut client: Option<Client> = None;
    let mut plans = Vec::new();
    loop {
        std::thread::sleep(EVERY);
        let (log, changes, names, is_watched) = {
            let mut control = lock(control);
            let active = control.life.active().map(|active| active.services.nat_alarms.clone());
            let active = active.unwrap_or_default();
            let mut changes = Vec::new();
            if active != plans {
                changes = control.alarms.want(active.iter().map(wanted).collect());
                plans = active;
            }
            let is_watched = !control.alarms.is_empty();
            if !is_watched && changes.is_empty() {
                continue;
            }
            (control.works.log.clone(), changes, control.names.clone(), is_watched)
        };
        changes.iter().for_each(|change| tell(change, &names, &log));
        if !is_watched {
            continue;
        }
        // Not under the lock: the plane may be slow to answer.
        let Some(connected) = client.take().or_else(|| Client::connect(&place.socket, CALL_MAX).ok()) else {
            continue;
        };
        let telemetry = connected.telemetry();
        let (Ok(pools), Ok(rules)) = (telemetry.source_pools(), telemetry.nat_rules()) else { continue };
        let changes = lock(control).alarms.judge(&names, (&pools, &rules));
        client = Some(connected);
        changes.iter().for_each(|change| tell(change, &names, &log));
    }
}

fn wanted(plan: &NatAlarmPlan) -> WantedAlarm {
    let NatAlarmPlan { watched, raise, clear } = plan;
    let watched = match watched {
        NatWatched::SourcePool(name) => Watched::SourcePool(name.clone()),
        NatWatched::Rule(kind, set, rule) => {
            let kind = match *kind {
                "destination" => NatKind::Destination,
                "static" => NatKind::Static,
                _ => NatKind::Source,
            };
            Watched::Rule { kind, set: set.clone(), rule: rule.clone() }
        }
    };
    WantedAlarm { watched, raise: *raise, clear: *clear }
}

/// In the daemon's own log, and in the security log what has a message there.
fn tell(change: &AlarmChange, names: &NameTable, log: &Log) {
    if let Some(event) = change.event(names) {
        log.nat(&event);
    }
    let AlarmChange { watched, raised, now, threshold } = change;
    match (watched, raised) {
        (Watched::SourcePool(pool), true) => {
            tracing::warn!(pool, percent = now, threshold, "A source NAT pool is nearly used up.");
        }
        (Watched::SourcePool(pool), false) => {
            tracing::info!(pool, percent = now, threshold, "A source NAT pool has room again.");
        }
        (Watched::Rule { set, rule, .. }, true) => {
            tracing::warn!(set, rule, sessions = now, threshold, "A NAT rule has many sessions.");
        }
        (Watched::Rule { set, rule, .. }, false) => {
            tracing::info!(set, rule, sessions = now, threshold, "A NAT rule has fewer sessions again.");
        }
    }
}
