//! Dropped packets, flow traces, and what policies say of a tuple and of each other.

use std::fmt::Write as _;

use ravelin_ops::{
    DropRecord, DropRecords, FlowFilterLine, FlowTraceStatus, PolicyEntry, PolicyMatches, PolicyTotal,
    PolicyTotals, ScreenOptions, ShadowList,
};

use crate::element::Element;
use crate::{or_any, policies};

/// Width of the first of two columns of names.
const NAME_WIDTH: usize = 30;

pub(crate) fn drops(list: &DropRecords) -> String {
    let mut out = String::new();
    for record in &list.records {
        let DropRecord { time, source, source_port, destination, destination_port, protocol, .. } = record;
        let address =
            |address: &Option<std::net::IpAddr>| address.map_or_else(|| "N/A".into(), |a| a.to_string());
        let (source, destination) = (address(source), address(destination));
        let DropRecord { ip_id, interface, module, detail, .. } = record;
        let _ = writeln!(
            out,
            "{time}:LSYS-ID-00 {source}/{source_port}-->{destination}/{destination_port};{protocol},ipid-{ip_id},\
             {interface},Dropped by {module}:{detail}"
        );
    }
    out
}

pub(crate) fn drops_element(list: &DropRecords) -> Element {
    let record = |record: &DropRecord| {
        Element::new("packet-drop-record")
            .leaf("time", &record.time)
            .maybe("source-address", record.source)
            .leaf("source-port", record.source_port)
            .maybe("destination-address", record.destination)
            .leaf("destination-port", record.destination_port)
            .leaf("protocol", &record.protocol)
            .leaf("ip-id", record.ip_id)
            .leaf("interface-name", &record.interface)
            .leaf("dropped-by", &record.module)
            .leaf("reason", &record.detail)
            .leaf("counter", &record.reason)
    };
    Element::new("packet-drop-records").children(list.records.iter().map(record))
}

const fn active(yes: bool) -> &'static str {
    if yes { "Active" } else { "Inactive" }
}

pub(crate) fn flow_trace(status: &FlowTraceStatus) -> String {
    let FlowTraceStatus { active: on, file, pattern, filters, packets, lost, trouble } = status;
    let file = file.as_deref().unwrap_or("none");
    let mut out = format!(
        "  Monitor security flow session status: {}\n  Monitor security flow trace file: {file}\n",
        active(*on)
    );
    if let Some(pattern) = pattern {
        let _ = writeln!(out, "  Monitor security flow match: {pattern}");
    }
    let _ = writeln!(out, "  Monitor security flow filters: {}", filters.len());
    for filter in filters {
        let FlowFilterLine { name, source, source_ports, destination, destination_ports, .. } = filter;
        let ports = |(low, high): (u16, u16)| format!("port {low}~{high}");
        let _ = write!(
            out,
            "    Name: {name}\n      Status: {}\n      Source: {source} ({})\n      Destination: {destination} ({})\n",
            active(*on),
            ports(*source_ports),
            ports(*destination_ports)
        );
        if let Some(protocol) = &filter.protocol {
            let _ = writeln!(out, "      Protocol: {protocol}");
        }
        if let Some(zone) = &filter.from_zone {
            let _ = writeln!(out, "      From zone: {zone}");
        }
        let interface = filter.interface.as_deref().unwrap_or("None");
        let _ = write!(out, "      Logical system: root-logical-system\n      Interface: {interface}\n");
    }
    let _ = writeln!(out, "  Packets written: {packets}, lost: {lost}");
    if let Some(trouble) = trouble {
        let _ = writeln!(out, "  Ended by: {trouble}");
    }
    out
}

pub(crate) fn flow_trace_element(status: &FlowTraceStatus) -> Element {
    let filter = |filter: &FlowFilterLine| {
        Element::new("monitor-security-flow-filter")
            .leaf("filter-name", &filter.name)
            .leaf("source-prefix", &filter.source)
            .leaf("source-port-low", filter.source_ports.0)
            .leaf("source-port-high", filter.source_ports.1)
            .leaf("destination-prefix", &filter.destination)
            .leaf("destination-port-low", filter.destination_ports.0)
            .leaf("destination-port-high", filter.destination_ports.1)
            .maybe("protocol", filter.protocol.as_ref())
            .maybe("from-zone", filter.from_zone.as_ref())
            .maybe("interface-name", filter.interface.as_ref())
    };
    Element::new("monitor-security-flow")
        .leaf("session-status", active(status.active))
        .maybe("trace-file", status.file.as_ref())
        .maybe("match", status.pattern.as_ref())
        .leaf("filter-count", status.filters.len())
        .children(status.filters.iter().map(filter))
        .leaf("packets-written", status.packets)
        .leaf("packets-lost", status.lost)
        .maybe("ended-by", status.trouble.as_ref())
}

pub(crate) fn matches(found: &PolicyMatches) -> String {
    let PolicyMatches { matched, passed, more, default_action } = found;
    let mut out = String::new();
    for policy in matched {
        matched_policy(&mut out, policy);
    }
    if let Some(action) = default_action {
        let _ = writeln!(
            out,
            "Policy: default-policy-logical-system-00, action-type: {action}-all, State: enabled, Index: 2"
        );
    }
    if !passed.is_empty() {
        out.push_str("Policies passed over:\n");
        for (policy, condition) in passed {
            let _ = writeln!(out, "  {policy:<NAME_WIDTH$}no match: {condition}");
        }
    }
    if *more > 0 {
        let _ = writeln!(out, "  and {more} more");
    }
    out
}

fn matched_policy(out: &mut String, policy: &PolicyEntry) {
    let _ = write!(
        out,
        "Policy: {}, action-type: {}, State: enabled, Index: {}, Scope Policy: 0\n\
         \x20 Policy Type: Configured{}\n\
         \x20 Sequence number: {}\n\
         \x20 From zone: {}, To zone: {}\n",
        policy.name,
        policy.action,
        policy.index,
        if policy.global { ", global" } else { "" },
        policy.sequence,
        or_any(&policy.from_zones),
        or_any(&policy.to_zones)
    );
    policies::matching(out, policy);
}

pub(crate) fn matches_element(found: &PolicyMatches) -> Element {
    let matched = |policy: &PolicyEntry| {
        let context = Element::new("context-information")
            .leaf("source-zone-name", or_any(&policy.from_zones))
            .leaf("destination-zone-name", or_any(&policy.to_zones));
        let addresses = |name, inner, excluded: bool, list: &[String]| {
            Element::new(name)
                .maybe("address-excluded", excluded.then_some("yes"))
                .children(list.iter().map(|address| Element::new(inner).leaf("address-name", address)))
        };
        let sources = (policy.sources_excluded, &policy.sources);
        let destinations = (policy.destinations_excluded, &policy.destinations);
        Element::new("policy-information")
            .leaf("policy-name", &policy.name)
            .child(Element::new("policy-action").leaf("action-type", &policy.action))
            .leaf("policy-state", "enabled")
            .leaf("policy-identifier", policy.index)
            .leaf("scope-policy-identifier", 0)
            .child(Element::new("policy-type-information").leaf("policy-type-string", "Configured"))
            .leaf("policy-sequence-number", policy.sequence)
            .child(context)
            .child(addresses("source-addresses", "source-address", sources.0, sources.1))
            .child(addresses("destination-addresses", "destination-address", destinations.0, destinations.1))
            .child(policies::applications_element(policy))
    };
    let passed = |(policy, condition): &(String, String)| {
        Element::new("policy-passed").leaf("policy-name", policy).leaf("condition", condition)
    };
    Element::new("security-policy-match")
        .children(found.matched.iter().map(matched))
        .maybe("default-policy-action", found.default_action.as_ref())
        .children(found.passed.iter().map(passed))
}

pub(crate) fn totals(totals: &PolicyTotals) -> String {
    let mut out = format!("Default policy: {}-all\n", totals.default_action);
    for total in &totals.contexts {
        let _ = writeln!(out, "{}: policies: {}, hits: {}", context(total), total.policies, total.hits);
    }
    let all: u64 = totals.contexts.iter().map(|total| total.policies).sum();
    let _ = writeln!(out, "Number of policies: {all}");
    out
}

fn context(total: &PolicyTotal) -> String {
    if total.global {
        return "Global policies".to_owned();
    }
    format!("From zone: {}, To zone: {}", or_any(&total.from_zones), or_any(&total.to_zones))
}

pub(crate) fn totals_element(totals: &PolicyTotals) -> Element {
    let total = |total: &PolicyTotal| {
        Element::new("security-context")
            .leaf("source-zone-name", or_any(&total.from_zones))
            .leaf("destination-zone-name", or_any(&total.to_zones))
            .leaf("policy-count", total.policies)
            .leaf("policy-hits", total.hits)
    };
    Element::new("security-policies-information")
        .leaf("default-policy-action", &totals.default_action)
        .children(totals.contexts.iter().map(total))
}

/// A row for each list of policies, as wide as its names.
pub(crate) fn contexts(totals: &PolicyTotals) -> String {
    let mut rows = vec![["From zone", "To zone", "Policy count"].map(str::to_owned)];
    for total in &totals.contexts {
        let [from, to] = zones_of(total);
        rows.push([from, to, total.policies.to_string()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 2;
    let (first, second) = (width(0), width(1));
    let line = |[from, to, count]: &[String; 3]| format!("{from:<first$}{to:<second$}{count}\n");
    rows.iter().map(line).collect()
}

/// Global policies have the pair of zones that Junos gives them.
fn zones_of(total: &PolicyTotal) -> [String; 2] {
    match total.global {
        true => ["junos-global", "junos-global"].map(str::to_owned),
        false => [or_any(&total.from_zones), or_any(&total.to_zones)],
    }
}

pub(crate) fn contexts_element(totals: &PolicyTotals) -> Element {
    let context = |total: &PolicyTotal| {
        let [from, to] = zones_of(total);
        Element::new("policy-zone-context-entry")
            .leaf("policy-zone-context-from-zone", from)
            .leaf("policy-zone-context-to-zone", to)
            .leaf("policy-zone-context-policy-count", total.policies)
    };
    Element::new("policy-zone-context").children(totals.contexts.iter().map(context))
}

pub(crate) fn shadows(list: &ShadowList) -> String {
    let ShadowList { reverse, shadowed, redundant, unused, left_out } = list;
    let mut out = String::new();
    let mut table = |titles: (&str, &str), pairs: &[(String, String)]| {
        let _ = writeln!(out, "{:<NAME_WIDTH$}{}", titles.0, titles.1);
        for (policy, other) in pairs {
            // In reverse the one that was asked about stands first.
            let (first, second) = if *reverse { (other, policy) } else { (policy, other) };
            let _ = writeln!(out, "{first:<NAME_WIDTH$}{second}");
        }
    };
    match reverse {
        false => table(("Policies", "Shadowed policies"), shadowed),
        true => table(("Shadowed policies", "Policies"), shadowed),
    }
    if !redundant.is_empty() {
        let (first, second) = ("Redundant policies", "Made needless by");
        table(if *reverse { (second, first) } else { (first, second) }, redundant);
    }
    if !unused.is_empty() {
        out.push_str("Policies never hit\n");
        unused.iter().for_each(|policy| {
            let _ = writeln!(out, "{policy}");
        });
    }
    if *left_out > 0 {
        let _ = writeln!(out, "({left_out} policies not compared)");
    }
    out
}

pub(crate) fn shadows_element(list: &ShadowList) -> Element {
    let pair = |name, other| {
        move |(policy, second): &(String, String)| {
            Element::new(name).leaf("policy-name", policy).leaf(other, second)
        }
    };
    Element::new("shadow-policies-information")
        .children(list.shadowed.iter().map(pair("shadow-policy", "shadowed-policy-name")))
        .children(list.redundant.iter().map(pair("redundant-policy", "covering-policy-name")))
        .leaves("unused-policy-name", &list.unused)
        .leaf("policies-not-compared", list.left_out)
}

pub(crate) fn screen_options(options: &ScreenOptions) -> String {
    let mut out = format!("Screen object status:\n\n{:<45}Value\n", "Name");
    for (name, value) in &options.options {
        let _ = writeln!(out, "  {name:<43}{value}");
    }
    if !options.zones.is_empty() {
        let _ = writeln!(out, "  {:<43}{}", "Bound to zone", options.zones.join(", "));
    }
    out
}

pub(crate) fn screen_options_element(options: &ScreenOptions) -> Element {
    let one = |(name, value): &(String, String)| {
        Element::new("ids-option-entry").leaf("ids-option-name", name).leaf("ids-option-value", value)
    };
    Element::new("ids-option")
        .leaf("ids-object-name", &options.name)
        .leaves("zone-name", &options.zones)
        .children(options.options.iter().map(one))
}
