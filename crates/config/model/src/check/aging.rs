//! Ageing: watermarks and cut-offs out of range, and those that exclude each other. Spec: tcp-48, tcp-50.

use std::collections::HashSet;

use ravelin_syntax::Span;

use super::Report;
use crate::{Config, CutOffTime};

const PATH: &str = "security flow aging";

pub(super) fn check(config: &Config, report: &mut Report) {
    let flow = &config.security.flow;
    for (name, percent) in [("high-watermark", flow.high_watermark), ("low-watermark", flow.low_watermark)] {
        if percent.is_some_and(|percent| percent > 100) {
            report.error(format!("{PATH} {name}"), flow.at, "value is not within 0..100");
        }
    }
    if flow.early_ageout == Some(0) {
        report.error(format!("{PATH} early-ageout"), flow.at, "value is not within 1..65535");
    }
    if flow.low_watermark.unwrap_or(0) > flow.high_watermark.unwrap_or(100) {
        let message = "'low-watermark' must not be above 'high-watermark'";
        report.error(format!("{PATH} low-watermark"), flow.at, message);
    }
    early(config, report);
}

fn early(config: &Config, report: &mut Report) {
    let flow = &config.security.flow;
    let path = format!("{PATH} early-aging");
    for entry in &flow.early_aging.applications {
        let path = format!("{path} application {}", entry.application.as_str());
        cut_off(&path, (&entry.cut_off, entry.at), report);
    }
    let mut seen = HashSet::new();
    for entry in &flow.early_aging.protocols {
        let path = format!("{path} protocol {}", entry.name);
        cut_off(&path, (&entry.cut_off, entry.at), report);
        if !seen.insert(entry.protocol.0) {
            let message = format!("protocol {} has a cut-off already, by another name", entry.protocol.0);
            report.error(path, entry.at, message);
        }
    }
    let defaults = &flow.early_aging.defaults;
    if defaults.is_said() {
        cut_off(&format!("{path} defaults"), (defaults, defaults.at), report);
        if flow.early_ageout.is_some() {
            let message = "'early-ageout' and 'early-aging defaults' can't be combined";
            report.error(format!("{path} defaults"), defaults.at, message);
        }
    }
}

fn cut_off(path: &str, (time, at): (&CutOffTime, Span), report: &mut Report) {
    if !time.is_said() {
        report.error(path, at, "missing mandatory statement: 'cutoff-time'");
    }
    if time.seconds.is_some() && time.percent.is_some() {
        report.error(format!("{path} cutoff-time"), at, "'seconds' and 'percent' can't be combined");
    }
}
