//! Flow: statements that exclude each other.

use super::Report;
use crate::Config;

pub(super) fn check(config: &Config, report: &mut Report) {
    let tcp = &config.security.flow.tcp_session;
    let path = "security flow tcp-session";
    if tcp.strict_syn_check && tcp.no_syn_check {
        report.error(path, tcp.at, "'strict-syn-check' and 'no-syn-check' can't be combined");
    }
    if tcp.time_wait_ageout && tcp.time_wait_timeout.is_some() {
        let message = "'session-ageout' and 'session-timeout' can't be combined";
        report.error(format!("{path} time-wait-state"), tcp.at, message);
    }
}
