//! Archival: what is to be sent needs a place, and a place needs something that is sent. Metrics: what can be listened on.

use super::Report;
use crate::Config;

/// Addresses that metrics are asked for at.
const METRICS_ADDRESSES_MAX: usize = 8;
/// Prefixes that may ask.
const METRICS_SOURCES_MAX: usize = 64;

pub(super) fn check(config: &Config, report: &mut Report) {
    let archival = &config.system.archival;
    let sent = archival.transfer_on_commit || archival.transfer_interval_min.is_some();
    let path = "system archival configuration";
    if sent && archival.sites.is_empty() {
        report.error(path, archival.at, "missing mandatory statement: `archive-sites'");
    }
    if !sent && !archival.sites.is_empty() {
        let message = "archive-sites needs `transfer-on-commit' or `transfer-interval'";
        report.error(format!("{path} archive-sites"), archival.at, message);
    }
    metrics(config, report);
}

/// Spec: metrics-2.
fn metrics(config: &Config, report: &mut Report) {
    let Some(metrics) = &config.system.metrics else { return };
    let path = "system services metrics addresses";
    if metrics.addresses.len() > METRICS_ADDRESSES_MAX {
        report.error(path, metrics.at, format!("more than {METRICS_ADDRESSES_MAX} addresses"));
    }
    for (at, addr) in metrics.addresses.iter().enumerate() {
        if addr.is_multicast() {
            report.error(path, metrics.at, format!("nothing can be listened to at `{addr}'"));
        } else if metrics.addresses[..at].contains(addr) {
            report.error(path, metrics.at, format!("`{addr}' is there twice"));
        }
    }
    if metrics.allowed_sources.len() > METRICS_SOURCES_MAX {
        let path = "system services metrics allowed-sources";
        report.error(path, metrics.at, format!("more than {METRICS_SOURCES_MAX} prefixes"));
    }
}
