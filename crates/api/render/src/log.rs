//! `show security log`, `clear security log`, `show security application-tracking counters`, and the extension `show ravelin log`.

use std::fmt::Write as _;

use ravelin_ops::{LogEvent, LogEvents, LogMemory, LogStatistics, LogStreamLine, TrackingCounters};

use crate::commits::time;
use crate::element::Element;

pub(crate) fn events(list: &LogEvents) -> String {
    let LogEvents { events, total } = list;
    let mut out = format!("{:<25}Message\n", "Event time");
    let hidden = total.saturating_sub(events.len() as u64);
    if hidden > 0 {
        let _ = writeln!(out, "({hidden} older events are not shown)");
    }
    for LogEvent { time_s, message } in events {
        let _ = writeln!(out, "{:<25}{message}", time(*time_s));
    }
    out
}

pub(crate) fn events_element(list: &LogEvents) -> Element {
    let entries = list.events.iter().map(|LogEvent { time_s, message }| {
        Element::new("security-log-entry").leaf("time", time(*time_s)).leaf("message", message)
    });
    Element::new("security-log-information").leaf("count", list.total).children(entries)
}

pub(crate) fn cleared(events: u64) -> String {
    format!("{events} security events cleared\n")
}

pub(crate) fn cleared_element(events: u64) -> Element {
    Element::new("security-log-clear-information").leaf("cleared-event-count", events)
}

pub(crate) fn statistics(statistics: &LogStatistics) -> String {
    let LogStatistics { streams, memory, events_lost, messages } = statistics;
    let mut out = String::new();
    for line in streams {
        let LogStreamLine {
            name,
            destination,
            connections,
            trouble,
            produced,
            sent,
            waiting,
            lost,
            failed,
            limited,
        } = line;
        let _ = writeln!(out, "Stream: {name}\n  Destination: {destination}, Connections: {connections}");
        if let Some(trouble) = trouble {
            let _ = writeln!(out, "  Trouble: {trouble}");
        }
        let _ = writeln!(
            out,
            "  Produced: {produced}, Sent: {sent}, Waiting: {waiting}, Lost: {lost}, Failed: {failed}, Rate-limited: {limited}"
        );
    }
    if let Some(LogMemory { produced, limited, kept, refused }) = memory {
        let _ = writeln!(
            out,
            "Event mode\n  Produced: {produced}, Rate-limited: {limited}, Kept: {kept}, Not kept: {refused}"
        );
    }
    if !messages.is_empty() {
        out.push_str("Messages\n");
    }
    for (name, count) in messages {
        let _ = writeln!(out, "  {name}: {count}");
    }
    let _ = writeln!(out, "Events lost by the packet plane: {events_lost}");
    out
}

pub(crate) fn statistics_element(statistics: &LogStatistics) -> Element {
    let LogStatistics { streams, memory, events_lost, messages } = statistics;
    let streams = streams.iter().map(|line| {
        Element::new("stream")
            .leaf("name", &line.name)
            .leaf("destination", &line.destination)
            .leaf("connections", line.connections)
            .maybe("trouble", line.trouble.as_ref())
            .leaf("produced", line.produced)
            .leaf("sent", line.sent)
            .leaf("waiting", line.waiting)
            .leaf("lost", line.lost)
            .leaf("failed", line.failed)
            .leaf("rate-limited", line.limited)
    });
    let memory = memory.iter().map(|memory| {
        Element::new("event-mode")
            .leaf("produced", memory.produced)
            .leaf("rate-limited", memory.limited)
            .leaf("kept", memory.kept)
            .leaf("not-kept", memory.refused)
    });
    let messages =
        messages.iter().map(|(name, count)| Element::new("message").leaf("name", name).leaf("count", count));
    Element::new("ravelin-log")
        .children(streams)
        .children(memory)
        .children(messages)
        .leaf("events-lost", events_lost)
}

/// Junos' words for the counters, in its order.
fn tracked(counters: &TrackingCounters) -> [(&'static str, u64); 4] {
    let TrackingCounters { created, closed, updated, failed } = *counters;
    [
        ("Session create messages", created),
        ("Session close messages", closed),
        ("Session volume updates", updated),
        ("Failed messages", failed),
    ]
}

pub(crate) fn tracking(counters: &TrackingCounters) -> String {
    let mut out = format!("{:<42}{:>12}\n", "Application tracking counters:", "Value");
    for (name, value) in tracked(counters) {
        let _ = writeln!(out, "    {name:<38}{value:>12}");
    }
    out
}

pub(crate) fn tracking_element(counters: &TrackingCounters) -> Element {
    let lines = tracked(counters).into_iter();
    let statistics = lines.fold(Element::new("avt-counter-statistics"), |element, (name, value)| {
        element.leaf("name", name).leaf("value", value)
    });
    Element::new("avt-counters").children([statistics])
}
