//! The messages: tag, severity, and the text with its fields. One table serves both forms, as Junos' own does: the
//! structured form lists the fields in the order in which the text names them.
//!
//! Spec: log-5, log-8, log-9, log-10, log-11, log-31.

use ravelin_model::LogSeverity;

/// What a stream's categories choose by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Open,
    Close,
    Deny,
    Screen,
    /// A firewall filter's term.
    Filter,
    /// About the log itself.
    Rtlog,
}

/// One message of the catalogue.
#[derive(Debug)]
pub struct Message {
    pub tag: &'static str,
    /// What wrote it.
    pub process: &'static str,
    pub severity: LogSeverity,
    pub kind: Kind,
    /// Each field with the text before it.
    pub pieces: &'static [(&'static str, &'static str)],
    pub end: &'static str,
}

pub(crate) const CREATE: Message = Message {
    tag: "RT_FLOW_SESSION_CREATE",
    process: "RT_FLOW",
    severity: LogSeverity::Info,
    kind: Kind::Open,
    pieces: &[
        ("session created ", "source-address"),
        ("/", "source-port"),
        ("->", "destination-address"),
        ("/", "destination-port"),
        (" 0x", "connection-tag"),
        (" ", "service-name"),
        (" ", "nat-source-address"),
        ("/", "nat-source-port"),
        ("->", "nat-destination-address"),
        ("/", "nat-destination-port"),
        (" 0x", "nat-connection-tag"),
        (" ", "src-nat-rule-type"),
        (" ", "src-nat-rule-name"),
        (" ", "dst-nat-rule-type"),
        (" ", "dst-nat-rule-name"),
        (" ", "protocol-id"),
        (" ", "policy-name"),
        (" ", "source-zone-name"),
        (" ", "destination-zone-name"),
        (" ", "session-id"),
        (" ", "username"),
        ("(", "roles"),
        (") ", "packet-incoming-interface"),
        (" ", "application"),
        (" ", "nested-application"),
        (" ", "encrypted"),
        (" ", "application-category"),
        (" ", "application-sub-category"),
        (" ", "application-risk"),
        (" ", "application-characteristics"),
        (" ", "src-vrf-grp"),
        (" ", "dst-vrf-grp"),
        (" ", "tunnel-inspection"),
        (" ", "tunnel-inspection-policy-set"),
        (" ", "source-tenant"),
        (" ", "destination-service"),
    ],
    end: "",
};

pub(crate) const CLOSE: Message = Message {
    tag: "RT_FLOW_SESSION_CLOSE",
    process: "RT_FLOW",
    severity: LogSeverity::Info,
    kind: Kind::Close,
    pieces: &[
        ("session closed ", "reason"),
        (": ", "source-address"),
        ("/", "source-port"),
        ("->", "destination-address"),
        ("/", "destination-port"),
        (" 0x", "connection-tag"),
        (" ", "service-name"),
        (" ", "nat-source-address"),
        ("/", "nat-source-port"),
        ("->", "nat-destination-address"),
        ("/", "nat-destination-port"),
        (" 0x", "nat-connection-tag"),
        (" ", "src-nat-rule-type"),
        (" ", "src-nat-rule-name"),
        (" ", "dst-nat-rule-type"),
        (" ", "dst-nat-rule-name"),
        (" ", "protocol-id"),
        (" ", "policy-name"),
        (" ", "source-zone-name"),
        (" ", "destination-zone-name"),
        (" ", "session-id"),
        (" ", "packets-from-client"),
        ("(", "bytes-from-client"),
        (") ", "packets-from-server"),
        ("(", "bytes-from-server"),
        (") ", "elapsed-time"),
        (" ", "application"),
        (" ", "nested-application"),
        (" ", "username"),
        ("(", "roles"),
        (") ", "packet-incoming-interface"),
        (" ", "encrypted"),
        (" ", "application-category"),
        (" ", "application-sub-category"),
        (" ", "application-risk"),
        (" ", "application-characteristics"),
        (" ", "secure-web-proxy-session-type"),
        (" ", "peer-session-id"),
        (" ", "peer-source-address"),
        ("/", "peer-source-port"),
        ("->", "peer-destination-address"),
        ("/", "peer-destination-port"),
        (" ", "hostname"),
        (" ", "src-vrf-grp"),
        (" ", "dst-vrf-grp"),
        (" ", "tunnel-inspection"),
        (" ", "tunnel-inspection-policy-set"),
        (" ", "session-flag"),
        (" ", "source-tenant"),
        (" ", "destination-service"),
    ],
    end: "",
};

/// A firewall filter's `then syslog` [R: Junos' own is a line of the forwarding engine's without fields].
pub(crate) const FILTER: Message = Message {
    tag: "PFE_FW_SYSLOG_IP",
    process: "PFE",
    severity: LogSeverity::Notice,
    kind: Kind::Filter,
    pieces: &[
        ("FW: ", "interface-name"),
        (" ", "filter-name"),
        (" ", "action"),
        (" ", "protocol-id"),
        (" ", "source-address"),
        (" ", "destination-address"),
        (" ", "source-port"),
        (" ", "destination-port"),
    ],
    end: " (1 packets)",
};

pub(crate) const DENY: Message = Message {
    tag: "RT_FLOW_SESSION_DENY",
    process: "RT_FLOW",
    severity: LogSeverity::Info,
    kind: Kind::Deny,
    pieces: &[
        ("session denied ", "source-address"),
        ("/", "source-port"),
        ("->", "destination-address"),
        ("/", "destination-port"),
        (" 0x", "connection-tag"),
        (" ", "service-name"),
        (" ", "protocol-id"),
        ("(", "icmp-type"),
        (") ", "policy-name"),
        (" ", "source-zone-name"),
        (" ", "destination-zone-name"),
        (" ", "application"),
        (" ", "nested-application"),
        (" ", "username"),
        ("(", "roles"),
        (") ", "packet-incoming-interface"),
        (" ", "encrypted"),
        (" ", "reason"),
        (" ", "session-id"),
        (" ", "application-category"),
        (" ", "application-sub-category"),
        (" ", "application-risk"),
        (" ", "application-characteristics"),
        (" ", "src-vrf-grp"),
        (" ", "dst-vrf-grp"),
        (" ", "source-tenant"),
        (" ", "destination-service"),
    ],
    end: "",
};

const fn screen(tag: &'static str, pieces: &'static [(&'static str, &'static str)]) -> Message {
    Message { tag, process: "RT_IDS", severity: LogSeverity::Error, kind: Kind::Screen, pieces, end: "" }
}

const WITH_PORTS: &[(&str, &str)] = &[
    ("", "attack-name"),
    (" source: ", "source-address"),
    (":", "source-port"),
    (", destination: ", "destination-address"),
    (":", "destination-port"),
    (", zone name: ", "source-zone-name"),
    (", interface name: ", "interface-name"),
    (", action: ", "action"),
];

pub(crate) const SCREEN_TCP: Message = screen("RT_SCREEN_TCP", WITH_PORTS);
pub(crate) const SCREEN_UDP: Message = screen("RT_SCREEN_UDP", WITH_PORTS);
pub(crate) const SCREEN_ICMP: Message = screen(
    "RT_SCREEN_ICMP",
    &[
        ("", "attack-name"),
        (" source: ", "source-address"),
        (", destination: ", "destination-address"),
        (", zone name: ", "source-zone-name"),
        (", interface name: ", "interface-name"),
        (", action: ", "action"),
    ],
);
pub(crate) const SCREEN_IP: Message = screen(
    "RT_SCREEN_IP",
    &[
        ("", "attack-name"),
        (" source: ", "source-address"),
        (", destination: ", "destination-address"),
        (", protocol-id: ", "protocol-id"),
        (", zone name: ", "source-zone-name"),
        (", interface name: ", "interface-name"),
        (", action: ", "action"),
    ],
);
pub(crate) const SCREEN_TCP_SRC_IP: Message = screen(
    "RT_SCREEN_TCP_SRC_IP",
    &[
        ("", "attack-name"),
        (" source: ", "source-address"),
        (", zone name: ", "source-zone-name"),
        (", interface name: ", "interface-name"),
        (", action: ", "action"),
    ],
);
pub(crate) const SCREEN_TCP_DST_IP: Message = screen(
    "RT_SCREEN_TCP_DST_IP",
    &[
        ("", "attack-name"),
        (" destination: ", "destination-address"),
        (", zone name: ", "source-zone-name"),
        (", interface name: ", "interface-name"),
        (", action: ", "action"),
    ],
);

pub(crate) const STREAM_LOST: Message = Message {
    tag: "RTLOG_STREAM_LOST",
    process: "RTLOG",
    severity: LogSeverity::Warning,
    kind: Kind::Rtlog,
    pieces: &[
        ("stream ", "stream-name"),
        (" lost ", "lost-messages"),
        (" messages and withheld ", "rate-limited-messages"),
        (" above its rate, of ", "messages"),
    ],
    end: "",
};

pub(crate) const EVENTS_LOST: Message = Message {
    tag: "RTLOG_EVENTS_LOST",
    process: "RTLOG",
    severity: LogSeverity::Warning,
    kind: Kind::Rtlog,
    pieces: &[("packet plane lost ", "lost-events")],
    end: " events",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of attributes in Junos' System Log Explorer, release 22.2R1.
    #[test]
    fn session_messages_have_as_many_fields_as_in_junos() {
        assert_eq!((CREATE.pieces.len(), CLOSE.pieces.len(), DENY.pieces.len()), (36, 50, 27));
    }
}
