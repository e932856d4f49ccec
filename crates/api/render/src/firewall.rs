//! `show firewall`, `show firewall log`, `show policer`, `show interfaces filters` and `policers`.

use std::fmt::Write as _;

use ravelin_ops::{
    CounterLine, FilterEntry, FilterLogLine, FirewallDepth, FirewallList, InterfaceFilterLine,
    InterfaceFilterList, PolicerLine,
};

use crate::commits::time;
use crate::element::Element;

fn counters(out: &mut String, title: &str, lines: &[CounterLine]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}:\n{:<50}{:>20}{:>20}", "Name", "Bytes", "Packets");
    for CounterLine { name, bytes, packets } in lines {
        let _ = writeln!(out, "{name:<50}{bytes:>20}{packets:>20}");
    }
}

pub(crate) fn text(list: &FirewallList) -> String {
    let mut out = String::new();
    for FilterEntry { name, counters: counted, policers, detail } in &list.filters {
        let _ = writeln!(out, "\nFilter: {name}");
        match list.depth {
            FirewallDepth::Terse => {}
            FirewallDepth::Brief => {
                counters(&mut out, "Counters", counted);
                counters(&mut out, "Policers", policers);
            }
            FirewallDepth::Detail => {
                counters(&mut out, "Counters", counted);
                seen(&mut out, detail);
            }
        }
    }
    out
}

const COLOURS: [&str; 3] = ["Green", "Yellow", "Red"];

/// Policers with what they saw and what of it passed.
fn seen(out: &mut String, lines: &[PolicerLine]) {
    if !lines.is_empty() {
        let _ = writeln!(out, "Policers:\n{:<50}{:>20}{:>20}", "Name", "Bytes", "Packets");
    }
    for PolicerLine { name, beyond, offered, transmitted, colours } in lines {
        let _ = writeln!(out, "{name}");
        for (what, (bytes, packets)) in [
            ("OOS packet statistics", beyond),
            ("Offered packet statistics", offered),
            ("Transmitted packet statistics", transmitted),
        ] {
            let _ = writeln!(out, "  {what:<48}{bytes:>20}{packets:>20}");
        }
        for (what, (bytes, packets)) in COLOURS.iter().zip(colours.iter().flatten()) {
            let what = format!("{what} packet statistics");
            let _ = writeln!(out, "  {what:<48}{bytes:>20}{packets:>20}");
        }
    }
}

fn counter(kind: &'static str, prefix: [&'static str; 3], line: &CounterLine) -> Element {
    let [name, bytes, packets] = prefix;
    Element::new(kind).leaf(name, &line.name).leaf(packets, line.packets).leaf(bytes, line.bytes)
}

const COUNTER: [&str; 3] = ["counter-name", "byte-count", "packet-count"];
const POLICER: [&str; 3] = ["policer-name", "byte-count", "packet-count"];

pub(crate) fn element(list: &FirewallList) -> Element {
    let filters = list.filters.iter().map(|FilterEntry { name, counters, policers, detail }| {
        let filter = Element::new("filter-information").leaf("filter-name", name);
        if list.depth == FirewallDepth::Terse {
            return filter;
        }
        let policers = policers.iter().enumerate().map(|(n, line)| {
            let policer = counter("policer", POLICER, line);
            match detail.get(n) {
                None => policer,
                Some(line) => with_detail(policer, line),
            }
        });
        filter.children(counters.iter().map(|line| counter("counter", COUNTER, line))).children(policers)
    });
    Element::new("firewall-information").children(filters)
}

/// Names of elements for bytes and packets of each colour.
const COLOUR_COUNTS: [[&str; 2]; 3] = [
    ["green-byte-count", "green-packet-count"],
    ["yellow-byte-count", "yellow-packet-count"],
    ["red-byte-count", "red-packet-count"],
];

fn with_detail(policer: Element, line: &PolicerLine) -> Element {
    let PolicerLine { name: _, beyond: _, offered, transmitted, colours } = line;
    let policer = policer
        .leaf("offered-byte-count", offered.0)
        .leaf("offered-packet-count", offered.1)
        .leaf("transmitted-byte-count", transmitted.0)
        .leaf("transmitted-packet-count", transmitted.1);
    let counts = COLOUR_COUNTS.iter().zip(colours.iter().flatten());
    counts.fold(policer, |policer, ([bytes, packets], count)| {
        policer.leaf(bytes, count.0).leaf(packets, count.1)
    })
}

pub(crate) fn policers(lines: &[CounterLine]) -> String {
    let mut out = String::new();
    counters(&mut out, "Policers", lines);
    out
}

pub(crate) fn policers_element(lines: &[CounterLine]) -> Element {
    let lines = lines.iter().map(|line| counter("policer", POLICER, line));
    Element::new("firewall-information").child(Element::new("filter-information").children(lines))
}

pub(crate) fn log(lines: &[FilterLogLine]) -> String {
    let mut out = format!(
        "Log :\n{:<25}{:<16}{:<8}{:<16}{:<10}{:<28}{}\n",
        "Time", "Filter", "Action", "Interface", "Protocol", "Src Addr", "Dest Addr"
    );
    for FilterLogLine { time_s, filter, action, interface, protocol, source, destination, bytes: _ } in lines
    {
        let time = time(*time_s);
        let line = format!(
            "{time:<25}{filter:<16}{action:<8}{interface:<16}{protocol:<10}{source:<28}{destination}"
        );
        let _ = writeln!(out, "{line}");
    }
    out
}

pub(crate) fn log_element(lines: &[FilterLogLine]) -> Element {
    let entries = lines.iter().map(|line| {
        Element::new("log-information")
            .leaf("time", time(line.time_s))
            .leaf("filter-name", &line.filter)
            .leaf("filter-action", &line.action)
            .leaf("interface-name", &line.interface)
            .leaf("protocol-name", &line.protocol)
            .leaf("source-address", &line.source)
            .leaf("destination-address", &line.destination)
            .leaf("packet-length", line.bytes)
    });
    Element::new("firewall-log-information").children(entries)
}

pub(crate) fn interfaces(list: &InterfaceFilterList) -> String {
    let (input, output) =
        if list.policers { ("Input Policer", "Output Policer") } else { ("Input Filter", "Output Filter") };
    let mut out = format!("{:<20}{:<8}{input:<36}{output}\n", "Interface", "Proto");
    for InterfaceFilterLine { interface, family, input, output } in &list.lines {
        let (input, output) = (input.join(","), output.join(","));
        let line = format!("{interface:<20}{family:<8}{input:<36}{output}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

pub(crate) fn interfaces_element(list: &InterfaceFilterList) -> Element {
    let (input, output) =
        if list.policers { ("input-policer", "output-policer") } else { ("filter-input", "filter-output") };
    let lines = list.lines.iter().map(|line| {
        Element::new("logical-interface")
            .leaf("name", &line.interface)
            .leaf("address-family-name", &line.family)
            .leaves(input, &line.input)
            .leaves(output, &line.output)
    });
    Element::new("interface-information").children(lines)
}
