//! `show security policies`, its `detail` and `hit-count`.

use std::fmt::Write as _;

use ravelin_ops::{PolicyEntry, PolicyList, TcpOptions, TermLine};

use crate::element::Element;
use crate::{or_any, policy_statistics};

/// The only one there is.
const LOGICAL_SYSTEM: &str = "root-logical-system";

pub(crate) fn text(list: &PolicyList) -> String {
    let PolicyList { default_action, policies, detail } = list;
    let mut out = format!("Default policy: {default_action}-all\n");
    let mut section = None;
    for policy in policies {
        let here = section_of(policy);
        if section != Some(here.clone()) {
            let _ = writeln!(out, "{here}");
            section = Some(here);
        }
        if *detail { detailed(&mut out, policy) } else { brief(&mut out, policy) }
    }
    out
}

fn section_of(policy: &PolicyEntry) -> String {
    let PolicyEntry { global, from_zones, to_zones, .. } = policy;
    if *global {
        return "Global policies:".to_owned();
    }
    format!("From zone: {}, To zone: {}", or_any(from_zones), or_any(to_zones))
}

fn excluded(yes: bool) -> &'static str {
    if yes { "(excluded)" } else { "" }
}

/// A policy whose scheduler is closed is inactive.
const fn state(policy: &PolicyEntry) -> &'static str {
    if policy.inactive { "inactive" } else { "enabled" }
}

fn brief(out: &mut String, policy: &PolicyEntry) {
    let PolicyEntry { name, index, sequence, global, from_zones, to_zones, .. } = policy;
    let _ = writeln!(
        out,
        "  Policy: {name}, State: {}, Index: {index}, Scope Policy: 0, Sequence number: {sequence}",
        state(policy)
    );
    if *global {
        let _ = writeln!(out, "    From zones: {}\n    To zones: {}", or_any(from_zones), or_any(to_zones));
    }
    let _ = write!(
        out,
        "    Source addresses{}: {}\n    Destination addresses{}: {}\n    Applications: {}\n    Action: {}{}\n",
        excluded(policy.sources_excluded),
        or_none(&policy.sources),
        excluded(policy.destinations_excluded),
        or_none(&policy.destinations),
        or_none(&policy.applications),
        policy.action,
        extras(policy)
    );
    if let Some(scheduler) = &policy.scheduler {
        let _ = writeln!(out, "    Scheduler name: {scheduler}");
    }
}

fn detailed(out: &mut String, policy: &PolicyEntry) {
    let PolicyEntry { name, index, sequence, global, from_zones, to_zones, action, hits, .. } = policy;
    let (scope, from, to) =
        if *global { ("global", from_zones, to_zones) } else { ("zone", from_zones, to_zones) };
    let _ = write!(
        out,
        "Policy: {name}, action-type: {action}, State: {}, Index: {index}, Scope Policy: 0\n\
         \x20 Policy Type: Configured, {scope}\n\
         {}\
         \x20 Sequence number: {sequence}\n\
         \x20 From zone: {}, To zone: {}\n",
        state(policy),
        policy.description.as_ref().map(|text| format!("  Description: {text}\n")).unwrap_or_default(),
        or_any(from),
        or_any(to)
    );
    matching(out, policy);
    if let Some(translated) = &policy.translated {
        let _ = writeln!(out, "  Destination Address Translation: {translated}");
    }
    if let Some(scheduler) = &policy.scheduler {
        let _ = writeln!(out, "  Scheduler name: {scheduler}");
    }
    tcp_options(out, &policy.tcp);
    let _ = write!(out, "  Session log: {}\n  Policy lookups: {hits}\n", logged(policy));
    if let (Some(first), Some(last), Some(rate)) =
        (policy.first_hit_ago_s, policy.last_hit_ago_s, rate(policy))
    {
        let _ = writeln!(
            out,
            "  First hit: {} ago, Last hit: {} ago, Average rate: {rate} a second",
            ago(first),
            ago(last)
        );
    }
    if policy.count {
        policy_statistics::text(out, policy);
    }
}

/// What a policy matches: its addresses, and its applications taken apart.
pub(crate) fn matching(out: &mut String, policy: &PolicyEntry) {
    let lists = [
        ("Source addresses", policy.sources_excluded, &policy.sources),
        ("Destination addresses", policy.destinations_excluded, &policy.destinations),
    ];
    for (title, is_excluded, list) in lists {
        let _ = writeln!(out, "  {title}{}:", excluded(is_excluded));
        for address in list {
            let _ = writeln!(out, "    {address}");
        }
    }
    let mut application = None;
    for term in &policy.terms {
        if application != Some(&term.application) {
            let _ = writeln!(out, "  Application: {}", term.application);
            application = Some(&term.application);
        }
        let TermLine { protocol, alg, inactivity_timeout, source_ports, destination_ports, icmp, .. } = term;
        let _ = writeln!(
            out,
            "    IP protocol: {protocol}, ALG: {alg}, Inactivity timeout: {inactivity_timeout}"
        );
        if let Some((kind, code)) = icmp {
            let value =
                |value: &Option<u8>| value.map_or_else(|| "any".to_owned(), |value| value.to_string());
            let _ = writeln!(out, "      ICMP Information: type={}, code={}", value(kind), value(code));
            continue;
        }
        let ((a, b), (c, d)) = (source_ports, destination_ports);
        let _ = write!(out, "      Source port range: [{a}-{b}]\n      Destination port range: [{c}-{d}]\n");
    }
}

fn tcp_options(out: &mut String, tcp: &TcpOptions) {
    let TcpOptions { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = tcp;
    let word = |yes: &bool| if *yes { "Yes" } else { "No" };
    let _ = writeln!(
        out,
        "  Per policy TCP Options: SYN check: {}, SEQ check: {}, Window scale: {}",
        word(syn_check),
        word(sequence_check),
        word(window_scale)
    );
    for (which, mss) in [("Initial", initial_mss), ("Reverse", reverse_mss)] {
        if let Some(mss) = mss {
            let _ = writeln!(out, "  Per policy TCP MSS: {which}: {mss}");
        }
    }
}

/// Applications by name, and in detail with what each term says.
pub(crate) fn applications_element(policy: &PolicyEntry) -> Element {
    let named = |name: &String| Element::new("application").leaf("application-name", name);
    if policy.terms.is_empty() {
        return Element::new("applications").children(policy.applications.iter().map(named));
    }
    let of_term = |term: &TermLine| {
        let (kind, code) = term.icmp.unwrap_or_default();
        Element::new("application")
            .leaf("application-name", &term.application)
            .leaf("protocol", &term.protocol)
            .leaf("alg", &term.alg)
            .leaf("inactivity-timeout", term.inactivity_timeout)
            .leaf("source-port-low", term.source_ports.0)
            .leaf("source-port-high", term.source_ports.1)
            .leaf("destination-port-low", term.destination_ports.0)
            .leaf("destination-port-high", term.destination_ports.1)
            .maybe("icmp-type", kind)
            .maybe("icmp-code", code)
    };
    Element::new("applications").children(policy.terms.iter().map(of_term))
}

fn logged(policy: &PolicyEntry) -> String {
    let mut when = Vec::new();
    when.extend(policy.log_init.then(|| "at-create".to_owned()));
    when.extend(policy.log_close.then(|| "at-close".to_owned()));
    when.extend((policy.log_update > 0).then(|| format!("every {} minutes", policy.log_update)));
    if when.is_empty() { "off".to_owned() } else { when.join(", ") }
}

fn ago(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}d {clock}") } else { clock }
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn extras(policy: &PolicyEntry) -> String {
    let mut out = String::new();
    if policy.log_init || policy.log_close || policy.log_update > 0 {
        out.push_str(", log");
    }
    if policy.count {
        out.push_str(", count");
    }
    out
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
}

pub(crate) fn hit_counts(list: &PolicyList) -> String {
    let mut out = format!("Logical system: {LOGICAL_SYSTEM}\n");
    let head = ["Index", "From zone", "To zone", "Name", "Policy count", "Action"].map(str::to_owned);
    let mut rows = vec![head];
    for (index, policy) in (1..).zip(&list.policies) {
        let index: u32 = index;
        rows.push([
            index.to_string(),
            or_any(&policy.from_zones),
            or_any(&policy.to_zones),
            policy.name.clone(),
            policy.hits.to_string(),
            capital(&policy.action),
        ]);
    }
    let width = |column: usize| rows.iter().map(|r| r[column].len()).max().unwrap_or(0) + 2;
    let widths = [width(0), width(1), width(2), width(3), width(4), 0];
    for row in &rows {
        let line: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = write!(out, "\nNumber of policy: {}\n", list.policies.len());
    out
}

pub(crate) fn element(list: &PolicyList) -> Element {
    let contexts = list.policies.iter().map(|policy| {
        let context = Element::new("context-information");
        let context = match policy.global {
            true => context.child(Element::new("global-context")),
            false => context
                .leaf("source-zone-name", or_any(&policy.from_zones))
                .leaf("destination-zone-name", or_any(&policy.to_zones)),
        };
        let policy = Element::new("policies").child(policy_element(policy, list.detail));
        Element::new("security-context").child(context).child(policy)
    });
    let default = Element::new("default-policy").leaf("default-policy-action", &list.default_action);
    Element::new("security-policies").child(default).children(contexts)
}

fn policy_element(policy: &PolicyEntry, detail: bool) -> Element {
    let zones = |name, one, leaf, list: &[String]| {
        Element::new(name).children(list.iter().map(|zone| Element::new(one).leaf(leaf, zone)))
    };
    let addresses = |name, inner, excluded, list: &[String]| {
        let excluded = excluded_word(excluded);
        Element::new(name)
            .maybe("address-excluded", excluded)
            .children(list.iter().map(|a| Element::new(inner).leaf("address-name", a)))
    };
    let mut out = Element::new("policy-information")
        .leaf("policy-name", &policy.name)
        .leaf("policy-state", state(policy))
        .leaf("policy-identifier", policy.index)
        .leaf("scope-policy-identifier", 0)
        .leaf("policy-sequence-number", policy.sequence);
    if policy.global {
        out = out
            .child(zones("multiple-source-zones", "source-zone", "source-zone-name", &policy.from_zones))
            .child(zones(
                "multiple-destination-zones",
                "destination-zone",
                "destination-zone-name",
                &policy.to_zones,
            ));
    }
    let out = out
        .child(addresses("source-addresses", "source-address", policy.sources_excluded, &policy.sources))
        .child(addresses(
            "destination-addresses",
            "destination-address",
            policy.destinations_excluded,
            &policy.destinations,
        ))
        .child(applications_element(policy))
        .maybe("scheduler-name", policy.scheduler.as_ref())
        .child(action_element(policy));
    if !detail {
        return out;
    }
    let TcpOptions { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = &policy.tcp;
    let word = |yes: &bool| if *yes { "Yes" } else { "No" };
    let tcp = Element::new("policy-tcp-options")
        .leaf("policy-tcp-options-syn-check", word(syn_check))
        .leaf("policy-tcp-options-sequence-check", word(sequence_check))
        .leaf("policy-tcp-options-window-scale", word(window_scale))
        .maybe("policy-tcp-options-initial-mss", initial_mss.as_ref())
        .maybe("policy-tcp-options-reverse-mss", reverse_mss.as_ref());
    let out = out.maybe("policy-description", policy.description.as_ref());
    counted(out.maybe("destination-address-translation", policy.translated.as_ref()).child(tcp), policy)
}

const fn excluded_word(excluded: bool) -> Option<&'static str> {
    if excluded { Some("yes") } else { None }
}

fn action_element(policy: &PolicyEntry) -> Element {
    let is_logged = policy.log_init || policy.log_close || policy.log_update > 0;
    Element::new("policy-action")
        .leaf("action-type", &policy.action)
        .maybe("log", is_logged.then(|| logged(policy)))
        .maybe("count", policy.count.then_some("yes"))
}

/// Hits with their times and rate, and what the policy's sessions have carried.
fn counted(out: Element, policy: &PolicyEntry) -> Element {
    let out = out
        .leaf("policy-hits", policy.hits)
        .maybe("first-hit-seconds-ago", policy.first_hit_ago_s)
        .maybe("last-hit-seconds-ago", policy.last_hit_ago_s)
        .maybe("average-hit-rate", rate(policy));
    if policy.count { out.child(policy_statistics::element(policy)) } else { out }
}

/// Hits a second since the first of them; a policy that was hit just now has none yet.
fn rate(policy: &PolicyEntry) -> Option<String> {
    let first = policy.first_hit_ago_s?;
    let rate = if first > 0 { policy.hits as f64 / first as f64 } else { 0.0 };
    Some(format!("{rate:.2}"))
}

pub(crate) fn hit_count_element(list: &PolicyList) -> Element {
    let entries = (1..).zip(&list.policies).map(|(index, policy): (u32, _)| {
        Element::new("policy-hit-count-entry")
            .leaf("policy-hit-count-index", index)
            .leaf("policy-hit-count-from-zone", or_any(&policy.from_zones))
            .leaf("policy-hit-count-to-zone", or_any(&policy.to_zones))
            .leaf("policy-hit-count-policy-name", &policy.name)
            .leaf("policy-hit-count-count", policy.hits)
            .leaf("policy-hit-count-action", capital(&policy.action))
    });
    Element::new("policy-hit-count").leaf("logical-system-name", LOGICAL_SYSTEM).children(entries)
}
