//! `show security nat source port-block`, `paired-address`, `rule-application`, `show security nat interface-nat-ports`.

use std::fmt::Write as _;

use ravelin_ops::{
    InterfacePortsLine, InterfacePortsList, NatKind, NatState, PairedAddress, PairedAddresses, PortBlockLine,
    PortBlockPool, PortBlockPools, RuleApplication, RuleApplications,
};

use crate::element::Element;

pub(crate) fn text(state: &NatState) -> String {
    match state {
        NatState::PortBlocks(pools) => port_blocks(pools),
        NatState::PairedAddresses(list) => paired(list),
        NatState::InterfacePorts(list) => interface_ports(list),
        NatState::RuleApplications(list) => rule_applications(list),
        NatState::Cleared { .. } => String::new(),
    }
}

pub(crate) fn element(state: &NatState) -> Element {
    match state {
        NatState::PortBlocks(pools) => port_blocks_element(pools),
        NatState::PairedAddresses(list) => paired_element(list),
        NatState::InterfacePorts(list) => interface_ports_element(list),
        NatState::RuleApplications(list) => rule_applications_element(list),
        NatState::Cleared { counters } => {
            Element::new("nat-statistics-clear-information").leaf("cleared-rule-count", counters)
        }
    }
}

fn port_blocks(list: &PortBlockPools) -> String {
    let mut out = String::new();
    for pool in &list.pools {
        let PortBlockPool { name, block_size, per_host, active_timeout_s, used, total, lines } = pool;
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "Pool name: {name}");
        let _ = writeln!(out, "Port-overloading-factor: 1     Port block size: {block_size}");
        let _ = writeln!(
            out,
            "Max port blocks per host: {per_host}     Port block active timeout: {active_timeout_s}"
        );
        let _ = writeln!(out, "Used/total port blocks: {used}/{total}");
        let _ = writeln!(
            out,
            "{:<40}{:<40}{:<14}{:<14}Block_State/",
            "Host_IP", "External_IP", "Port_Range", "Ports_Used/"
        );
        let _ = writeln!(out, "{:<94}{:<14}Left_Time(s)", "", "Ports_Total");
        for line in lines {
            let PortBlockLine { host, external, low, high, used, .. } = line;
            let (range, ports) = (format!("{low}-{high}"), format!("{used}/{block_size}"));
            let _ =
                writeln!(out, "{host:<40}{external:<40}{range:<14}{ports:<14}{}/{}", state(line), left(line));
        }
    }
    if list.more > 0 {
        let _ = writeln!(out, "and {} more", list.more);
    }
    out
}

fn state(line: &PortBlockLine) -> &'static str {
    if line.active { "Active" } else { "Inactive" }
}

fn left(line: &PortBlockLine) -> String {
    line.left_s.map_or_else(|| "-".to_owned(), |left| left.to_string())
}

fn port_blocks_element(list: &PortBlockPools) -> Element {
    let line = |line: &PortBlockLine| {
        Element::new("pba-host-entry")
            .leaf("pba-host-ip", line.host)
            .leaf("pba-external-ip", line.external)
            .leaf("pba-port-low", line.low)
            .leaf("pba-port-high", line.high)
            .leaf("pba-ports-used", line.used)
            .leaf("pba-block-state", state(line))
            .leaf("pba-left-time", left(line))
    };
    let pool = |pool: &PortBlockPool| {
        Element::new("pba-pool-entry")
            .leaf("pool-name", &pool.name)
            .leaf("port-block-size", pool.block_size)
            .leaf("port-block-max-per-host", pool.per_host)
            .leaf("port-block-active-timeout", pool.active_timeout_s)
            .leaf("port-block-used", pool.used)
            .leaf("port-block-total", pool.total)
            .children(pool.lines.iter().map(line))
    };
    Element::new("src-nat-port-block").children(list.pools.iter().map(pool))
}

fn paired(list: &PairedAddresses) -> String {
    let mut out = String::new();
    let mut pool: Option<&str> = None;
    for PairedAddress { pool: name, internal, external, sessions } in &list.addresses {
        if pool != Some(name) {
            if pool.is_some() {
                out.push('\n');
            }
            pool = Some(name);
            let _ = writeln!(out, "Pool name: {name}");
            let _ = writeln!(out, "{:<40}{:<40}Sessions", "Internal address", "External address");
        }
        let _ = writeln!(out, "{internal:<40}{external:<40}{sessions}");
    }
    if list.more > 0 {
        let _ = writeln!(out, "and {} more", list.more);
    }
    out
}

fn paired_element(list: &PairedAddresses) -> Element {
    let line = |line: &PairedAddress| {
        Element::new("source-nat-paired-address-entry")
            .leaf("pool-name", &line.pool)
            .leaf("internal-address", line.internal)
            .leaf("external-address", line.external)
            .leaf("session-count", line.sessions)
    };
    Element::new("source-nat-paired-address-information").children(list.addresses.iter().map(line))
}

fn interface_ports(list: &InterfacePortsList) -> String {
    let mut out = format!(
        "{:<17}{:<40}{:>9}{:>11}{:>11}{:>11}{:>11}\n",
        "Interface", "Address", "Total", "Single", "Single", "Twin", "Twin"
    );
    let _ = writeln!(
        out,
        "{:<57}{:>9}{:>11}{:>11}{:>11}{:>11}",
        "", "ports", "allocated", "available", "allocated", "available"
    );
    for line in &list.lines {
        let InterfacePortsLine { interface, address, single, twin, .. } = line;
        let [total, single_free, twin_free] = counts(line);
        let _ = writeln!(
            out,
            "{interface:<17}{address:<40}{total:>9}{single:>11}{single_free:>11}{twin:>11}{twin_free:>11}"
        );
    }
    out
}

/// All, and those that are free of the two ranges.
fn counts(line: &InterfacePortsLine) -> [u64; 3] {
    let InterfacePortsLine { single, single_max, twin, twin_max, .. } = *line;
    [single_max + twin_max, single_max.saturating_sub(single), twin_max.saturating_sub(twin)]
}

fn interface_ports_element(list: &InterfacePortsList) -> Element {
    let line = |line: &InterfacePortsLine| {
        let [total, single_free, twin_free] = counts(line);
        Element::new("interface-nat-ports-entry")
            .leaf("interface-name", &line.interface)
            .leaf("interface-address", line.address)
            .leaf("total-ports", total)
            .leaf("single-ports-allocated", line.single)
            .leaf("single-ports-available", single_free)
            .leaf("twin-ports-allocated", line.twin)
            .leaf("twin-ports-available", twin_free)
    };
    Element::new("interface-nat-ports-information").children(list.lines.iter().map(line))
}

fn rule_applications(list: &RuleApplications) -> String {
    let title = match list.kind {
        NatKind::Source => "source NAT rule",
        NatKind::Destination => "Destination NAT rule",
        NatKind::Static => "Static NAT rule",
    };
    let mut out = String::new();
    for RuleApplication { name, rule_set, id, applications } in &list.rules {
        let _ = writeln!(out, "{title}: {name:<20} Rule-set: {rule_set}");
        let _ = writeln!(out, "  {:<27}: {id}", "Rule-Id");
        for application in applications {
            let _ = writeln!(out, "    {:<25}: {application}", "Application");
        }
    }
    out
}

fn rule_applications_element(list: &RuleApplications) -> Element {
    let name = match list.kind {
        NatKind::Source => "source-nat-rule-application-information",
        NatKind::Destination => "destination-nat-rule-application-information",
        NatKind::Static => "static-nat-rule-application-information",
    };
    let rule = |rule: &RuleApplication| {
        let entry = Element::new("nat-rule-application-entry")
            .leaf("rule-name", &rule.name)
            .leaf("rule-set-name", &rule.rule_set)
            .leaf("rule-id", rule.id);
        entry.children(rule.applications.iter().map(|a| Element::new("rule-application").leaf("name", a)))
    };
    Element::new(name).children(list.rules.iter().map(rule))
}
