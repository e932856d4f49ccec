//! The table of messages: what is told, as what, in which words. Enums, both text forms, the binary form, categories,
//! metrics and docs/manual/events.md come from it.
//!
//! Numbers are those of the binary form and never change. Spec: log-8..11, log-37..39, log-41.

use ravelin_model::{LogKind, LogSeverity};

use crate::message::{Message, messages};

messages! {
    /// A policy with `session-init` opened a session.
    SessionCreate = 1, "RT_FLOW_SESSION_CREATE" of "RT_FLOW", Info, Open: [
        "session created " "source-address",
        "/" "source-port",
        "->" "destination-address",
        "/" "destination-port",
        " 0x" "connection-tag",
        " " "service-name",
        " " "nat-source-address",
        "/" "nat-source-port",
        "->" "nat-destination-address",
        "/" "nat-destination-port",
        " 0x" "nat-connection-tag",
        " " "src-nat-rule-type",
        " " "src-nat-rule-name",
        " " "dst-nat-rule-type",
        " " "dst-nat-rule-name",
        " " "protocol-id",
        " " "policy-name",
        " " "source-zone-name",
        " " "destination-zone-name",
        " " "session-id",
        " " "username",
        "(" "roles",
        ") " "packet-incoming-interface",
        " " "application",
        " " "nested-application",
        " " "encrypted",
        " " "application-category",
        " " "application-sub-category",
        " " "application-risk",
        " " "application-characteristics",
        " " "src-vrf-grp",
        " " "dst-vrf-grp",
        " " "tunnel-inspection",
        " " "tunnel-inspection-policy-set",
        " " "source-tenant",
        " " "destination-service",
    ] "",

    /// A session of a policy with `session-close` ended.
    SessionClose = 2, "RT_FLOW_SESSION_CLOSE" of "RT_FLOW", Info, Close: [
        "session closed " "reason",
        ": " "source-address",
        "/" "source-port",
        "->" "destination-address",
        "/" "destination-port",
        " 0x" "connection-tag",
        " " "service-name",
        " " "nat-source-address",
        "/" "nat-source-port",
        "->" "nat-destination-address",
        "/" "nat-destination-port",
        " 0x" "nat-connection-tag",
        " " "src-nat-rule-type",
        " " "src-nat-rule-name",
        " " "dst-nat-rule-type",
        " " "dst-nat-rule-name",
        " " "protocol-id",
        " " "policy-name",
        " " "source-zone-name",
        " " "destination-zone-name",
        " " "session-id",
        " " "packets-from-client",
        "(" "bytes-from-client",
        ") " "packets-from-server",
        "(" "bytes-from-server",
        ") " "elapsed-time",
        " " "application",
        " " "nested-application",
        " " "username",
        "(" "roles",
        ") " "packet-incoming-interface",
        " " "encrypted",
        " " "application-category",
        " " "application-sub-category",
        " " "application-risk",
        " " "application-characteristics",
        " " "secure-web-proxy-session-type",
        " " "peer-session-id",
        " " "peer-source-address",
        "/" "peer-source-port",
        "->" "peer-destination-address",
        "/" "peer-destination-port",
        " " "hostname",
        " " "src-vrf-grp",
        " " "dst-vrf-grp",
        " " "tunnel-inspection",
        " " "tunnel-inspection-policy-set",
        " " "session-flag",
        " " "source-tenant",
        " " "destination-service",
    ] "",

    /// A policy with `session-init` denied or rejected a packet.
    SessionDeny = 3, "RT_FLOW_SESSION_DENY" of "RT_FLOW", Info, Deny: [
        "session denied " "source-address",
        "/" "source-port",
        "->" "destination-address",
        "/" "destination-port",
        " 0x" "connection-tag",
        " " "service-name",
        " " "protocol-id",
        "(" "icmp-type",
        ") " "policy-name",
        " " "source-zone-name",
        " " "destination-zone-name",
        " " "application",
        " " "nested-application",
        " " "username",
        "(" "roles",
        ") " "packet-incoming-interface",
        " " "encrypted",
        " " "reason",
        " " "session-id",
        " " "application-category",
        " " "application-sub-category",
        " " "application-risk",
        " " "application-characteristics",
        " " "src-vrf-grp",
        " " "dst-vrf-grp",
        " " "source-tenant",
        " " "destination-service",
    ] "",

    /// A screen about TCP saw something.
    ScreenTcp = 4, "RT_SCREEN_TCP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " source: " "source-address",
        ":" "source-port",
        ", destination: " "destination-address",
        ":" "destination-port",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// A screen about UDP saw something.
    ScreenUdp = 5, "RT_SCREEN_UDP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " source: " "source-address",
        ":" "source-port",
        ", destination: " "destination-address",
        ":" "destination-port",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// A screen about ICMP saw something.
    ScreenIcmp = 6, "RT_SCREEN_ICMP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " source: " "source-address",
        ", destination: " "destination-address",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// A screen about IP saw something.
    ScreenIp = 7, "RT_SCREEN_IP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " source: " "source-address",
        ", destination: " "destination-address",
        ", protocol-id: " "protocol-id",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// One source asks for too many TCP connections.
    ScreenTcpSource = 8, "RT_SCREEN_TCP_SRC_IP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " source: " "source-address",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// One destination is asked for too many TCP connections.
    ScreenTcpDestination = 9, "RT_SCREEN_TCP_DST_IP" of "RT_IDS", Error, Screen: [
        "" "attack-name",
        " destination: " "destination-address",
        ", zone name: " "source-zone-name",
        ", interface name: " "interface-name",
        ", action: " "action",
    ] "",

    /// A term with `syslog` of a firewall filter held of a packet.
    Filter = 10, "PFE_FW_SYSLOG_IP" of "PFE", Notice, Filter: [
        "FW: " "interface-name",
        " " "filter-name",
        " " "action",
        " " "protocol-id",
        " " "source-address",
        " " "destination-address",
        " " "source-port",
        " " "destination-port",
    ] " (1 packets)",

    /// A host got a block of ports.
    NatBlockAllocated = 11, "RT_SRC_NAT_PBA_ALLOC" of "RT_NAT", Info, Nat: [
        "Subscriber " "internal-ip",
        " used/maximum [" "block-used",
        "/" "block-max-per-host",
        "] blocks, allocates port block [" "block-port-low",
        "-" "block-port-high",
        "] from " "reflexive-ip",
        " in source pool " "nat-pool-name",
        " lsys_id: " "logical-system-id",
        " epoch: " "epoch-time-64",
    ] "",

    /// A host still has a block of ports.
    NatBlockInterim = 12, "RT_SRC_NAT_PBA_INTERIM" of "RT_NAT", Info, Nat: [
        "Subscriber " "internal-ip",
        " used/maximum [" "block-used",
        "/" "block-max-per-host",
        "] blocks, holds port block [" "block-port-low",
        "-" "block-port-high",
        "] from " "reflexive-ip",
        " in source pool " "nat-pool-name",
        " lsys_id: " "logical-system-id",
        " epoch: " "epoch-time-64",
    ] "",

    /// A host gave a block of ports back.
    NatBlockReleased = 13, "RT_SRC_NAT_PBA_RELEASE" of "RT_NAT", Info, Nat: [
        "Subscriber " "internal-ip",
        " used/maximum [" "block-used",
        "/" "block-max-per-host",
        "] blocks, releases port block [" "block-port-low",
        "-" "block-port-high",
        "] from " "reflexive-ip",
        " in source pool " "nat-pool-name",
        " lsys_id: " "logical-system-id",
        " epoch: " "epoch-time-64",
    ] "",

    /// The use of a source pool reached the threshold of its alarm.
    NatPoolRaised = 14, "RT_SRC_NAT_POOL_ALARM_RAISE" of "RT_NAT", Warning, Nat: [
        "Source NAT pool: " "nat-pool-name",
        ", threshold: " "threshold",
        "%, current: " "current",
    ] "%",

    /// The use of a source pool fell below the threshold of its alarm.
    NatPoolCleared = 15, "RT_SRC_NAT_POOL_ALARM_CLEAR" of "RT_NAT", Notice, Nat: [
        "Source NAT pool: " "nat-pool-name",
        ", threshold: " "threshold",
        "%, current: " "current",
    ] "%",

    /// Source NAT had no address or port left for a packet.
    NatExhausted = 16, "RT_SRC_NAT_EXHAUSTED" of "RT_NAT", Warning, Nat: [
        "no address or port for " "source-address",
        "/" "source-port",
        "->" "destination-address",
        "/" "destination-port",
        " " "protocol-id",
        " of rule " "nat-rule-name",
        " " "packet-incoming-interface",
        ", out of " "resource",
    ] "",

    /// Messages of a stream did not reach its collector.
    StreamLost = 17, "RTLOG_STREAM_LOST" of "RTLOG", Warning, Rtlog: [
        "stream " "stream-name",
        " lost " "lost-messages",
        " messages and withheld " "rate-limited-messages",
        " above its rate, of " "messages",
    ] "",

    /// The packet plane had more events than it could keep.
    EventsLost = 18, "RTLOG_EVENTS_LOST" of "RTLOG", Warning, Rtlog: [
        "packet plane lost " "lost-events",
    ] " events",

    /// An external address or port is kept for an internal one: persistent NAT, or a host's own address.
    NatBindingCreated = 19, "RT_SRC_NAT_BINDING_CREATE" of "RT_NAT", Info, Nat: [
        "binding created " "protocol-id",
        " " "internal-ip",
        "/" "internal-port",
        "->" "reflexive-ip",
        "/" "reflexive-port",
        " in source pool " "nat-pool-name",
    ] "",

    /// It is kept no more.
    NatBindingDeleted = 20, "RT_SRC_NAT_BINDING_DELETE" of "RT_NAT", Info, Nat: [
        "binding deleted " "protocol-id",
        " " "internal-ip",
        "/" "internal-port",
        "->" "reflexive-ip",
        "/" "reflexive-port",
        " in source pool " "nat-pool-name",
    ] "",

    /// The live sessions of a NAT rule reached the threshold of its alarm.
    NatRuleRaised = 21, "RT_NAT_RULE_ALARM_RAISE" of "RT_NAT", Warning, Nat: [
        "NAT rule: " "nat-rule-name",
        ", type: " "nat-rule-type",
        ", threshold: " "threshold",
        " sessions, current: " "current",
    ] "",

    /// The live sessions of a NAT rule fell below the threshold of its alarm.
    NatRuleCleared = 22, "RT_NAT_RULE_ALARM_CLEAR" of "RT_NAT", Notice, Nat: [
        "NAT rule: " "nat-rule-name",
        ", type: " "nat-rule-type",
        ", threshold: " "threshold",
        " sessions, current: " "current",
    ] "",

    /// A packet was beyond the limit of a policer: at most once a second of each instance, with what was beyond it so far.
    Policer = 23, "PFE_FW_POLICER_EXCEEDED" of "PFE", Notice, Filter: [
        "FW: " "interface-name",
        " policer " "policer-name",
        " " "action",
        " " "protocol-id",
        " " "source-address",
        " " "destination-address",
        " " "source-port",
        " " "destination-port",
        " (" "packets",
        " packets, " "bytes",
    ] " bytes out of profile)",
    /// A session of a policy with `session-update` goes on.
    SessionUpdate = 31, "RT_FLOW_SESSION_UPDATE" of "RT_FLOW", Info, Update: [
        "session updated " "source-address",
        "/" "source-port",
        "->" "destination-address",
        "/" "destination-port",
        " 0x" "connection-tag",
        " " "service-name",
        " " "nat-source-address",
        "/" "nat-source-port",
        "->" "nat-destination-address",
        "/" "nat-destination-port",
        " 0x" "nat-connection-tag",
        " " "src-nat-rule-type",
        " " "src-nat-rule-name",
        " " "dst-nat-rule-type",
        " " "dst-nat-rule-name",
        " " "protocol-id",
        " " "policy-name",
        " " "source-zone-name",
        " " "destination-zone-name",
        " " "session-id",
        " " "packets-from-client",
        "(" "bytes-from-client",
        ") " "packets-from-server",
        "(" "bytes-from-server",
        ") " "elapsed-time",
        " " "application",
        " " "nested-application",
        " " "username",
        "(" "roles",
        ") " "packet-incoming-interface",
        " " "encrypted",
        " " "application-category",
        " " "application-sub-category",
        " " "application-risk",
        " " "application-characteristics",
        " " "secure-web-proxy-session-type",
        " " "peer-session-id",
        " " "peer-source-address",
        "/" "peer-source-port",
        "->" "peer-destination-address",
        "/" "peer-destination-port",
        " " "hostname",
        " " "src-vrf-grp",
        " " "dst-vrf-grp",
        " " "tunnel-inspection",
        " " "tunnel-inspection-policy-set",
        " " "session-flag",
        " " "source-tenant",
        " " "destination-service",
    ] "",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of attributes in Junos' System Log Explorer, release 22.2R1.
    #[test]
    fn session_messages_have_as_many_fields_as_in_junos() {
        let fields = |tag: Tag| tag.message().pieces.len();
        assert_eq!([Tag::SessionCreate, Tag::SessionClose, Tag::SessionDeny].map(fields), [36, 50, 27]);
    }

    #[test]
    fn numbers_names_and_metrics_are_unique() {
        let mut seen = std::collections::HashSet::new();
        for tag in Tag::ALL {
            let message = tag.message();
            assert!(
                seen.insert(message.tag.to_owned()) && seen.insert(message.number.to_string()),
                "{tag:?}"
            );
            assert_eq!(Tag::from_number(message.number), Some(*tag));
            let mut fields: Vec<_> = message.pieces.iter().map(|(_, field)| field).collect();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!(fields.len(), message.pieces.len(), "{tag:?}");
        }
    }
}
