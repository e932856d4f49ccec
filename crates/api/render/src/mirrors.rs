//! `show forwarding-options port-mirroring`, `show security forward-options mirror-filter`.

use std::fmt::Write as _;

use ravelin_ops::{MirrorEntry, MirrorKind, MirrorList, MirrorOutputLine};

use crate::element::Element;

/// Junos' name of the instance without one.
const UNNAMED: &str = "&global_instance";

pub(crate) fn text(list: &MirrorList) -> String {
    match list.kind {
        MirrorKind::Instances => list.mirrors.iter().map(instance).collect::<Vec<_>>().join("\n"),
        MirrorKind::Filters => {
            let mut out = "Security mirror status\n".to_owned();
            for entry in &list.mirrors {
                let _ = writeln!(
                    out,
                    "  mirror-filter-name: {}\n    filter-counter: {}\n    output-counter: {}",
                    entry.name,
                    seen(entry),
                    entry.packets
                );
            }
            out
        }
    }
}

fn name(entry: &MirrorEntry) -> &str {
    if entry.name.is_empty() { UNNAMED } else { &entry.name }
}

/// Packets that were chosen, whatever became of their copies.
fn seen(entry: &MirrorEntry) -> u64 {
    entry.packets + entry.lost.iter().map(|(_, count)| count).sum::<u64>()
}

fn state(entry: &MirrorEntry, output: &MirrorOutputLine) -> &'static str {
    if entry.enabled && output.up { "up" } else { "down" }
}

fn instance(entry: &MirrorEntry) -> String {
    let mut out = format!(
        "Instance Name: {}\n\
         \x20 Instance Id: {}\n\
         \x20 Input parameters:\n\
         \x20   Rate                  : {}\n\
         \x20   Run-length            : {}\n\
         \x20   Maximum-packet-length : {}\n",
        name(entry),
        entry.id,
        entry.rate,
        entry.run_length,
        entry.maximum_packet_length
    );
    for (direction, names) in [("Ingress", &entry.ingress), ("Egress", &entry.egress)] {
        if !names.is_empty() {
            let _ = writeln!(out, "    {direction:<22}: {}", names.join(", "));
        }
    }
    let _ = writeln!(
        out,
        "  Output parameters:\n    {:<20}{:<10}{:<21}Next-hop",
        "Family", "State", "Destination"
    );
    for output in &entry.outputs {
        let MirrorOutputLine { family, interface, up: _, to } = output;
        let to = to.as_deref().unwrap_or("");
        let line = format!("    {family:<20}{:<10}{interface:<21}{to}", state(entry, output));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(
        out,
        "  Statistics:\n    Mirrored packets      : {}\n    Mirrored bytes        : {}",
        entry.packets, entry.bytes
    );
    for (reason, count) in &entry.lost {
        let _ = writeln!(out, "    {:<22}: {count}", format!("Lost, {reason}"));
    }
    out
}

pub(crate) fn element(list: &MirrorList) -> Element {
    let all = match list.kind {
        MirrorKind::Instances => Element::new("port-mirroring-information"),
        MirrorKind::Filters => Element::new("mirror-filter-information"),
    };
    all.children(list.mirrors.iter().map(|entry| {
        match list.kind {
            MirrorKind::Instances => instance_element(entry),
            MirrorKind::Filters => Element::new("mirror-filter")
                .leaf("mirror-filter-name", &entry.name)
                .leaf("filter-counter", seen(entry))
                .leaf("output-counter", entry.packets),
        }
    }))
}

fn instance_element(entry: &MirrorEntry) -> Element {
    let outputs = entry.outputs.iter().map(|output| {
        Element::new("port-mirroring-output")
            .leaf("family", &output.family)
            .leaf("state", state(entry, output))
            .leaf("destination", &output.interface)
            .maybe("next-hop", output.to.as_ref())
    });
    let lost = entry.lost.iter().map(|(reason, count)| {
        Element::new("port-mirroring-lost").leaf("reason", reason).leaf("copies", count)
    });
    Element::new("port-mirroring-instance")
        .leaf("instance-name", name(entry))
        .leaf("instance-id", entry.id)
        .leaf("rate", entry.rate)
        .leaf("run-length", entry.run_length)
        .leaf("maximum-packet-length", entry.maximum_packet_length)
        .leaves("ingress-interface", &entry.ingress)
        .leaves("egress-interface", &entry.egress)
        .children(outputs)
        .leaf("mirrored-packets", entry.packets)
        .leaf("mirrored-bytes", entry.bytes)
        .children(lost)
}

pub(crate) fn cleared_element(kind: MirrorKind, cleared: u64) -> Element {
    let name = match kind {
        MirrorKind::Instances => "port-mirroring-cleared",
        MirrorKind::Filters => "mirror-filter-cleared",
    };
    Element::new(name).leaf("cleared-count", cleared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> MirrorEntry {
        let output = |family: &str, interface: &str, up, to: Option<&str>| MirrorOutputLine {
            family: family.into(),
            interface: interface.into(),
            up,
            to: to.map(str::to_owned),
        };
        MirrorEntry {
            id: 0,
            enabled: true,
            rate: 10,
            run_length: 2,
            maximum_packet_length: 128,
            ingress: vec!["ge-0/0/0.0".into(), "ge-0/0/1".into()],
            outputs: vec![
                output("inet", "ge-0/0/2.0", true, Some("10.0.0.2")),
                output("any", "ge-0/0/3", false, None),
            ],
            packets: 7,
            bytes: 900,
            lost: vec![("no-frame".into(), 0), ("reserve".into(), 3)],
            ..MirrorEntry::default()
        }
    }

    #[test]
    fn an_instance_is_shown_with_what_came_of_it() {
        let list = MirrorList { kind: MirrorKind::Instances, mirrors: vec![entry()] };
        let expected = "\
Instance Name: &global_instance
  Instance Id: 0
  Input parameters:
    Rate                  : 10
    Run-length            : 2
    Maximum-packet-length : 128
    Ingress               : ge-0/0/0.0, ge-0/0/1
  Output parameters:
    Family              State     Destination          Next-hop
    inet                up        ge-0/0/2.0           10.0.0.2
    any                 down      ge-0/0/3
  Statistics:
    Mirrored packets      : 7
    Mirrored bytes        : 900
    Lost, no-frame        : 0
    Lost, reserve         : 3
";
        assert_eq!(text(&list), expected);
        assert!(element(&list).json().contains("mirrored-packets"));
    }

    #[test]
    fn a_filter_is_shown_with_its_two_counters() {
        let entry = MirrorEntry { name: "x2".into(), ..entry() };
        let list = MirrorList { kind: MirrorKind::Filters, mirrors: vec![entry] };
        let expected = "\
Security mirror status
  mirror-filter-name: x2
    filter-counter: 10
    output-counter: 7
";
        assert_eq!(text(&list), expected);
    }
}
