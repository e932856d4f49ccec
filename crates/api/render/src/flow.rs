//! `show security flow session` in its forms, and `show security flow statistics`.

use std::fmt::Write as _;

use ravelin_ops::{
    FlowStatistics, FlowStatus, ResourceLine, SessionDetail, SessionList, SessionSummary, Wing,
};

use crate::element::{Element, REPLY_BEGINS, REPLY_ENDS};

const DIRECTIONS: [&str; 2] = ["In", "Out"];

pub(crate) fn sessions(list: &SessionList) -> String {
    let mut out = String::new();
    for session in &list.sessions {
        out.push_str(&if list.extensive { extensive(session) } else { brief(session) });
    }
    if list.last {
        let _ = writeln!(out, "Total sessions: {}", list.total);
    }
    out
}

fn ends(wing: &Wing) -> String {
    let Wing { source, source_port, destination, destination_port, protocol, .. } = wing;
    format!("{source}/{source_port} --> {destination}/{destination_port};{protocol}")
}

fn brief(session: &SessionDetail) -> String {
    let SessionDetail { id, policy, state, remaining_s, resource, wings, .. } = session;
    let mut out = format!("Session ID: {id}, Policy name: {policy}, Timeout: {remaining_s}, {state}\n");
    of_resource(&mut out, resource.as_ref());
    for (direction, wing) in DIRECTIONS.iter().zip(wings) {
        let Wing { interface, packets, bytes, .. } = wing;
        let ends = ends(wing);
        let _ = writeln!(
            out,
            "  {direction}: {ends}, Conn Tag: 0x0, If: {interface}, Pkts: {packets}, Bytes: {bytes},"
        );
    }
    out.push('\n');
    out
}

fn of_resource(out: &mut String, resource: Option<&ResourceLine>) {
    if let Some(ResourceLine { client, group, resource }) = resource {
        let _ = writeln!(out, "Resource information : {client}, {group}, {resource}");
    }
}

fn extensive(session: &SessionDetail) -> String {
    let SessionDetail {
        id,
        policy,
        state,
        timeout_s,
        remaining_s,
        age_s,
        application,
        nat_rule,
        nat_pool,
        destination_rule,
        from_zone,
        to_zone,
        worker,
        resource,
        wings,
    } = session;
    let mut out = format!("Session ID: {id}, Status: Normal\n");
    let application = application.as_deref().unwrap_or("N/A");
    let pool = nat_pool.as_deref().unwrap_or("Null");
    let nat = nat_rule.as_deref().unwrap_or("N/A");
    let destination = destination_rule.as_deref().unwrap_or("N/A");
    let _ = write!(
        out,
        "Policy name: {policy}\n\
         Source NAT pool: {pool}, Source NAT rule: {nat}, Application: {application}\n\
         Destination NAT rule: {destination}\n\
         From zone: {from_zone}, To zone: {to_zone}, Worker: {worker}\n\
         Maximum timeout: {timeout_s}, Current timeout: {remaining_s}\n\
         Session State: {state}\n\
         Duration: {age_s}\n"
    );
    of_resource(&mut out, resource.as_ref());
    for (direction, wing) in DIRECTIONS.iter().zip(wings) {
        let Wing { interface, packets, bytes, .. } = wing;
        let _ = write!(
            out,
            "   {direction}: {},\n    Conn Tag: 0x0, Interface: {interface},\n    Pkts: {packets}, Bytes: {bytes}\n",
            ends(wing)
        );
    }
    out.push('\n');
    out
}

pub(crate) fn summary(summary: &SessionSummary) -> String {
    let SessionSummary { unicast, multicast, failed, in_use, valid, pending, closing, maximum } = summary;
    format!(
        "Unicast-sessions: {unicast}\n\
         Multicast-sessions: {multicast}\n\
         Services-offload-sessions: 0\n\
         Failed-sessions: {failed}\n\
         Sessions-in-use: {in_use}\n\
         \x20 Valid sessions: {valid}\n\
         \x20 Pending sessions: {pending}\n\
         \x20 Invalidated sessions: {closing}\n\
         \x20 Sessions in other states: 0\n\
         Maximum-sessions: {maximum}\n"
    )
}

pub(crate) fn cleared(sessions: u64) -> String {
    format!("{sessions} active sessions cleared\n")
}

pub(crate) fn statistics(statistics: &FlowStatistics) -> String {
    let FlowStatistics {
        sessions,
        received,
        transmitted,
        to_host,
        answered,
        handed_over,
        dropped,
        sessions_created,
        sessions_closed,
        events_lost,
        drops,
    } = statistics;
    let mut out = format!(
        "    Current sessions: {sessions}\n\
         \x20   Packets received: {received}\n\
         \x20   Packets transmitted: {transmitted}\n\
         \x20   Packets forwarded/queued: {to_host}\n\
         \x20   Packets copied: 0\n\
         \x20   Packets dropped: {dropped}\n\
         \x20   Packets answered: {answered}\n\
         \x20   Packets handed over: {handed_over}\n\
         \x20   Sessions created: {sessions_created}\n\
         \x20   Sessions closed: {sessions_closed}\n\
         \x20   Events lost: {events_lost}\n"
    );
    if !drops.is_empty() {
        out.push_str("    Drops by reason:\n");
    }
    for drop in drops {
        let _ = writeln!(out, "      {}: {}", drop.text, drop.packets);
    }
    out
}

/// Other families and modes than these do not exist here.
pub(crate) fn status(status: &FlowStatus) -> String {
    let FlowStatus { tracing } = status;
    format!(
        "  Flow forwarding mode:\n\
         \x20   Inet forwarding mode: {FLOW}\n\
         \x20   Inet6 forwarding mode: {FLOW}\n\
         \x20   MPLS forwarding mode: {NONE}\n\
         \x20   ISO forwarding mode: {NONE}\n\
         \x20 Flow trace status\n\
         \x20   Flow tracing status: {}\n\
         \x20 Flow session distribution\n\
         \x20   Distribution mode: {HASH}\n",
        on_off(*tracing)
    )
}

pub(crate) fn status_element(status: &FlowStatus) -> Element {
    let FlowStatus { tracing } = status;
    let modes = Element::new("flow-forwarding-mode")
        .leaf("flow-forwarding-mode-inet", FLOW)
        .leaf("flow-forwarding-mode-inet6", FLOW)
        .leaf("flow-forwarding-mode-mpls", NONE)
        .leaf("flow-forwarding-mode-iso", NONE);
    let trace = Element::new("flow-trace-option").leaf("flow-trace-status", on_off(*tracing));
    let distribution = Element::new("flow-session-distribution").leaf("mode", HASH);
    Element::new("flow-status-all").child(modes).child(trace).child(distribution)
}

const FLOW: &str = "flow based";
const NONE: &str = "drop";
const HASH: &str = "Hash-based";

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

const LIST: &str = "flow-session-information";
const SESSION: &str = "flow-session";
const COUNT: &str = "displayed-session-count";

/// A list as XML, which may be told in parts.
pub(crate) fn sessions_xml(list: &SessionList) -> String {
    let mut out = String::new();
    if list.first {
        let _ = writeln!(out, "{REPLY_BEGINS}    <{LIST}>");
    }
    for session in &list.sessions {
        session_element(session).write_xml(&mut out, 2);
    }
    if list.last {
        Element::text(COUNT, list.total).write_xml(&mut out, 2);
        let _ = write!(out, "    </{LIST}>\n{REPLY_ENDS}");
    }
    out
}

/// A list as JSON, which may be told in parts.
pub(crate) fn sessions_json(list: &SessionList) -> String {
    let mut out = String::new();
    if list.first {
        let _ = write!(out, "{{\n  \"{LIST}\": [\n    {{\n      \"{SESSION}\": [\n");
    }
    let before = list.total - list.sessions.len() as u64;
    for (number, session) in (before..).zip(&list.sessions) {
        let comma = if number == 0 { "" } else { "        ,\n" };
        let _ = write!(out, "{comma}{}", session_element(session).json_value(4));
    }
    if list.last {
        let count = Element::text(COUNT, list.total).json_value(4);
        let _ = write!(out, "      ],\n      \"{COUNT}\": [\n{count}      ]\n    }}\n  ]\n}}\n");
    }
    out
}

fn session_element(session: &SessionDetail) -> Element {
    let wings = DIRECTIONS.iter().zip(&session.wings).map(|(direction, wing)| {
        Element::new("flow-information")
            .leaf("direction", direction)
            .leaf("source-address", wing.source)
            .leaf("source-port", wing.source_port)
            .leaf("destination-address", wing.destination)
            .leaf("destination-port", wing.destination_port)
            .leaf("protocol", &wing.protocol)
            .leaf("conn-tag", "0x0")
            .leaf("interface-name", &wing.interface)
            .leaf("pkt-cnt", wing.packets)
            .leaf("byte-cnt", wing.bytes)
    });
    let of_resource = |line: &ResourceLine| {
        Element::new("resource-manager-information")
            .leaf("client-name", &line.client)
            .leaf("group-identifier", line.group)
            .leaf("resource-identifier", line.resource)
    };
    Element::new(SESSION)
        .leaf("session-identifier", session.id)
        .leaf("status", "Normal")
        .leaf("policy", &session.policy)
        .leaf("session-state", &session.state)
        .leaf("configured-timeout", session.timeout_s)
        .leaf("timeout", session.remaining_s)
        .leaf("duration", session.age_s)
        .leaf("source-zone-name", &session.from_zone)
        .leaf("destination-zone-name", &session.to_zone)
        .maybe("application-name", session.application.as_ref())
        .maybe("nat-source-pool-name", session.nat_pool.as_ref())
        .maybe("source-nat-rule-name", session.nat_rule.as_ref())
        .maybe("destination-nat-rule-name", session.destination_rule.as_ref())
        .children(session.resource.iter().map(of_resource))
        .children(wings)
}

pub(crate) fn summary_element(summary: &SessionSummary) -> Element {
    let SessionSummary { unicast, multicast, failed, in_use, valid, pending, closing, maximum } = summary;
    Element::new("flow-session-summary-information")
        .leaf("active-unicast-sessions", unicast)
        .leaf("active-multicast-sessions", multicast)
        .leaf("failed-sessions", failed)
        .leaf("active-sessions", in_use)
        .leaf("active-session-valid", valid)
        .leaf("active-session-pending", pending)
        .leaf("active-session-invalidated", closing)
        .leaf("active-session-other", 0)
        .leaf("max-sessions", maximum)
}

pub(crate) fn statistics_element(statistics: &FlowStatistics) -> Element {
    let drops = statistics
        .drops
        .iter()
        .map(|d| Element::new("flow-drop").leaf("reason", &d.reason).leaf("packets", d.packets));
    Element::new("flow-statistics-all")
        .leaf("flow-session-count-valid", statistics.sessions)
        .leaf("flow-pkt-count-rx", statistics.received)
        .leaf("flow-pkt-count-tx", statistics.transmitted)
        .leaf("flow-pkt-count-fwd", statistics.to_host)
        .leaf("flow-pkt-count-copy", 0)
        .leaf("flow-pkt-count-drop", statistics.dropped)
        .leaf("packets-answered", statistics.answered)
        .leaf("packets-handed-over", statistics.handed_over)
        .leaf("sessions-created", statistics.sessions_created)
        .leaf("sessions-closed", statistics.sessions_closed)
        .leaf("events-lost", statistics.events_lost)
        .children(drops)
}
