//! Junos' remote procedure of each command: what NETCONF clients call it. Extensions have none.

const NAMES: &[(&str, &[&str])] = &[
    ("clear-firewall-counters", &["clear", "firewall"]),
    ("clear-flow-session", &["clear", "security", "flow", "session"]),
    ("clear-persist-nat-all", &["clear", "security", "nat", "source", "persistent-nat-table", "all"]),
    (
        "clear-persist-nat-interface-information",
        &["clear", "security", "nat", "source", "persistent-nat-table", "interface"],
    ),
    (
        "clear-persist-nat-ip-port-information",
        &["clear", "security", "nat", "source", "persistent-nat-table", "internal-ip"],
    ),
    (
        "clear-persist-nat-pool-information",
        &["clear", "security", "nat", "source", "persistent-nat-table", "pool"],
    ),
    ("clear-mirror-filter", &["clear", "security", "forward-options", "mirror-filter"]),
    ("clear-monitor-security-flow-filter", &["clear", "monitor", "security", "flow", "filter"]),
    ("clear-security-packet-drop-records", &["clear", "security", "packet-drop", "records"]),
    ("clear-screen-statistics", &["clear", "security", "screen", "statistics"]),
    ("clear-security-dns-cache", &["clear", "security", "dns-cache"]),
    ("request-security-dynamic-address-update", &["request", "security", "dynamic-address", "update"]),
    ("clear-security-flow-statistics", &["clear", "security", "flow", "statistics"]),
    ("clear-security-policies-hit-count", &["clear", "security", "policies", "hit-count"]),
    ("clear-security-policies-statistics", &["clear", "security", "policies", "statistics"]),
    ("clear-system-commit", &["clear", "system", "commit"]),
    (
        "clear-destination-nat-pool-information",
        &["clear", "security", "nat", "statistics", "destination", "pool"],
    ),
    (
        "clear-destination-nat-rule-sets-information",
        &["clear", "security", "nat", "statistics", "destination", "rule"],
    ),
    ("clear-source-nat-pool-information", &["clear", "security", "nat", "statistics", "source", "pool"]),
    ("clear-source-nat-rule-sets-information", &["clear", "security", "nat", "statistics", "source", "rule"]),
    ("clear-static-nat-rule-sets-information", &["clear", "security", "nat", "statistics", "static", "rule"]),
    (
        "get-destination-nat-rule-application-information",
        &["show", "security", "nat", "destination", "rule-application"],
    ),
    ("get-interface-nat-ports-information", &["show", "security", "nat", "interface-nat-ports"]),
    (
        "get-source-nat-rule-application-information",
        &["show", "security", "nat", "source", "rule-application"],
    ),
    ("get-src-nat-port-block", &["show", "security", "nat", "source", "port-block"]),
    (
        "retrieve-source-nat-paired-address-information",
        &["show", "security", "nat", "source", "paired-address"],
    ),
    // As Junos spells it.
    ("get-buffer-informaton", &["show", "system", "buffers"]),
    ("get-commit-information", &["show", "system", "commit"]),
    ("get-configuration", &["show", "configuration"]),
    ("get-firewall-information", &["show", "firewall"]),
    ("get-firewall-policies", &["show", "security", "policies"]),
    ("get-flow-gate-information", &["show", "security", "flow", "gate"]),
    ("get-flow-session-information", &["show", "security", "flow", "session"]),
    ("get-flow-statistics-all", &["show", "security", "flow", "statistics"]),
    ("get-flow-status-all", &["show", "security", "flow", "status"]),
    ("get-alg-status", &["show", "security", "alg", "status"]),
    ("get-avt-counters", &["show", "security", "application-tracking", "counters"]),
    ("clear-avt-counters", &["clear", "security", "application-tracking", "counters"]),
    ("get-security-screen-ids-whitelist", &["show", "security", "screen", "white-list"]),
    ("get-security-screen-ids-status", &["show", "security", "screen", "ids-option"]),
    ("get-interface-information", &["show", "interfaces", "terse"]),
    ("get-packet-drop-records-all", &["show", "security", "packet-drop", "records"]),
    ("get-ids-statistics", &["show", "security", "screen", "statistics"]),
    ("match-firewall-policies", &["show", "security", "match-policies"]),
    ("shadow-firewall-policies", &["show", "security", "shadow-policies"]),
    ("get-destination-nat-pool-information", &["show", "security", "nat", "destination", "pool"]),
    ("get-destination-nat-rule-sets-information", &["show", "security", "nat", "destination", "rule"]),
    ("get-deterministic-nat", &["show", "security", "nat", "source", "deterministic"]),
    ("get-static-nat-rule-information", &["show", "security", "nat", "static", "rule"]),
    ("retrieve-destination-nat-summary-information", &["show", "security", "nat", "destination", "summary"]),
    (
        "retrieve-source-nat-pool-resource-usage",
        &["show", "security", "nat", "resource-usage", "source-pool"],
    ),
    ("get-persist-nat-all", &["show", "security", "nat", "source", "persistent-nat-table", "all"]),
    (
        "get-persist-nat-interface-information",
        &["show", "security", "nat", "source", "persistent-nat-table", "interface"],
    ),
    ("get-persist-nat-sum", &["show", "security", "nat", "source", "persistent-nat-table", "summary"]),
    ("get-scheduler-information", &["show", "schedulers"]),
    ("get-mirror-filter", &["show", "security", "forward-options", "mirror-filter"]),
    ("get-rescue-information", &["show", "system", "configuration", "rescue"]),
    ("get-rollback-information", &["show", "system", "rollback"]),
    ("get-instance-information", &["show", "route", "instance"]),
    ("get-route-information", &["show", "route"]),
    ("get-software-information", &["show", "version"]),
    ("get-source-nat-rule-sets-information", &["show", "security", "nat", "source", "rule"]),
    ("get-zones-information", &["show", "security", "zones"]),
    ("request-delete-rescue-configuration", &["request", "system", "configuration", "rescue", "delete"]),
    ("request-logout-user", &["request", "system", "logout"]),
    ("request-package-in-service-upgrade", &["request", "system", "software", "in-service-upgrade"]),
    ("request-save-rescue-configuration", &["request", "system", "configuration", "rescue", "save"]),
    (
        "retrieve-persist-nat-ip-port-information",
        &["show", "security", "nat", "source", "persistent-nat-table", "internal-ip"],
    ),
    (
        "retrieve-persist-nat-pool-information",
        &["show", "security", "nat", "source", "persistent-nat-table", "pool"],
    ),
    ("retrieve-source-nat-pool-information", &["show", "security", "nat", "source", "pool"]),
    ("retrieve-source-nat-summary", &["show", "security", "nat", "source", "summary"]),
    ("self-mirror-clear", &["clear", "forwarding-options", "port-mirroring"]),
];

/// The procedure that does what the command of this path does.
#[must_use]
pub fn rpc_of(path: &[&str]) -> Option<&'static str> {
    NAMES.iter().find(|(_, command)| *command == path).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{commands, system};

    #[test]
    fn every_procedure_is_a_command_and_every_command_of_commits_a_procedure() {
        for (name, path) in NAMES {
            assert!(commands().iter().any(|command| command.path == *path), "{name}");
        }
        for command in system::COMMANDS {
            assert!(rpc_of(command.path).is_some(), "{:?}", command.path);
        }
    }
}
