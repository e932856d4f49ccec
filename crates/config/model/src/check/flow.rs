//! Flow, gateways, application tracking: values out of range, and statements that exclude each other.

use super::Report;
use crate::{ApplicationTracking, Config, Flow};

/// Bytes that `maximum-message-length` may say.
const DNS_LENGTH_MIN: u16 = 512;
const DNS_LENGTH_MAX: u16 = 8192;
/// Pieces of a datagram that the dataplane tells apart.
const PIECES_MAX: u16 = 64;

pub(super) fn check(config: &Config, report: &mut Report) {
    tracking(&config.security.application_tracking, report);
    let alg = &config.security.alg;
    if alg.dns_length.is_some_and(|bytes| !(DNS_LENGTH_MIN..=DNS_LENGTH_MAX).contains(&bytes)) {
        let message = format!("value is not within {DNS_LENGTH_MIN}..{DNS_LENGTH_MAX}");
        report.error("security alg dns maximum-message-length", alg.at, message);
    }
    fragments(&config.security.flow, report);
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

/// Spec: fragment-25.
fn fragments(flow: &Flow, report: &mut Report) {
    let path = "security flow";
    if flow.fragment_limit.is_some_and(|most| most > PIECES_MAX) {
        let message =
            format!("value is not within 0..{PIECES_MAX}: no more pieces of a datagram are told apart");
        report.error(format!("{path} fragment-limit"), flow.at, message);
    }
    if flow.fragment_limit.is_some() && !flow.force_reassembly {
        let message = "'fragment-limit' needs 'force-ip-reassembly'";
        report.error(format!("{path} fragment-limit"), flow.at, message);
    }
}

/// Spec: tracking-2, tracking-4.
fn tracking(tracking: &ApplicationTracking, report: &mut Report) {
    let path = "security application-tracking";
    let first = tracking.first_update_interval.filter(|_| !tracking.first_update);
    if first.is_some_and(|first| first >= tracking.interval()) {
        let message = "'first-update-interval' must be below 'session-update-interval'";
        report.error(format!("{path} first-update-interval"), tracking.at, message);
    }
}
