//! Archival: what is to be sent needs a place, and a place needs something that is sent.

use super::Report;
use crate::Config;

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
}
