//! Counters, the log and the places of firewall filters and policers, as Junos shows them.
//!
//! Layout: Juniper's sample output of `show firewall`, `show firewall log`, `show policer` and `show interfaces
//! filters`; names of elements: Junos XML API, `get-firewall-information`. Spec: firewall-filter-57, firewall-filter-62.

use ravelin_contract::FirewallClear;
use ravelin_types::RuleIdentity;
use serde_json::{Value, json};

use crate::support::Bench;

const HEAD: &str =
    "Name                                                             Bytes             Packets\n";
const EDGE: &str = "
Filter: edge
Counters:
Name                                                             Bytes             Packets
quiet                                                              180                   3
rest                                                               240                   4
Policers:
Name                                                             Bytes             Packets
slow-quiet                                                       85000                  85
";

const THREE: &str =
    "sr-all                                                             200                   2\n";

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[track_caller]
fn check_json(line: &str, expected: &Value) {
    let text = Bench::new().good(&format!("{line} | display json"));
    assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), expected, "{line}");
}

#[test]
fn filters_are_shown_with_what_they_counted_and_limited() {
    let all = format!(
        "{EDGE}\nFilter: bare6\nPolicers:\n{HEAD}{THREE}\nFilter: each-ge-0/0/1.0-o\nCounters:\n{HEAD}\
         sent-ge-0/0/1.0-o                                                    0                   0\n"
    );
    check("show firewall", &all);
    check("show firewall filter edge", EDGE);
    check(
        "show firewall filter edge counter rest",
        &format!("\nFilter: edge\nCounters:\n{HEAD}{:<50}{:>20}{:>20}\n", "rest", 240, 4),
    );
    check("show firewall terse", "\nFilter: edge\n\nFilter: bare6\n\nFilter: each-ge-0/0/1.0-o\n");
    assert_eq!(Bench::new().bad("show firewall filter none"), "error: filter none not found\n");
}

#[test]
fn policers_in_detail_say_what_they_saw_and_what_passed() {
    let line = |what: &str, bytes: u64, packets: u64| format!("  {what:<48}{bytes:>20}{packets:>20}\n");
    let expected = format!(
        "\nFilter: edge\nCounters:\n{HEAD}{:<50}{:>20}{:>20}\n{:<50}{:>20}{:>20}\nPolicers:\n{HEAD}slow-quiet\n{}{}{}",
        "quiet",
        180,
        3,
        "rest",
        240,
        4,
        line("OOS packet statistics", 85_000, 85),
        line("Offered packet statistics", 100_000, 100),
        line("Transmitted packet statistics", 15_000, 15),
    );
    check("show firewall detail filter edge", &expected);
    // Three colours are counted each for itself (policer-20).
    let expected = format!(
        "\nFilter: bare6\nPolicers:\n{HEAD}sr-all\n{}{}{}{}{}{}",
        line("OOS packet statistics", 200, 2),
        line("Offered packet statistics", 1000, 10),
        line("Transmitted packet statistics", 800, 8),
        line("Green packet statistics", 500, 5),
        line("Yellow packet statistics", 300, 3),
        line("Red packet statistics", 200, 2),
    );
    check("show firewall detail filter bare6", &expected);
    assert_eq!(Bench::new().bad("show firewall terse detail"), "syntax error: detail\n");
}

#[test]
fn filters_as_elements() {
    let data = |text: &str| json!([{ "data": text }]);
    let line = |kind: &str, name: &str, packets: &str, bytes: &str| {
        json!({
            format!("{kind}-name"): data(name),
            "packet-count": data(packets),
            "byte-count": data(bytes),
        })
    };
    check_json(
        "show firewall filter edge",
        &json!({ "firewall-information": [{ "filter-information": [{
            "filter-name": data("edge"),
            "counter": [line("counter", "quiet", "3", "180"), line("counter", "rest", "4", "240")],
            "policer": [line("policer", "slow-quiet", "85", "85000")],
        }] }] }),
    );
    check_json(
        "show policer slow",
        &json!({ "firewall-information": [{ "filter-information": [{
            "policer": [line("policer", "slow", "1", "100")],
        }] }] }),
    );
    check_json(
        "show firewall filter bare6 detail",
        &json!({ "firewall-information": [{ "filter-information": [{
            "filter-name": data("bare6"),
            "policer": [{
                "policer-name": data("sr-all"),
                "packet-count": data("2"),
                "byte-count": data("200"),
                "offered-byte-count": data("1000"),
                "offered-packet-count": data("10"),
                "transmitted-byte-count": data("800"),
                "transmitted-packet-count": data("8"),
                "green-byte-count": data("500"),
                "green-packet-count": data("5"),
                "yellow-byte-count": data("300"),
                "yellow-packet-count": data("3"),
                "red-byte-count": data("200"),
                "red-packet-count": data("2"),
            }],
        }] }] }),
    );
    check_json(
        "show interfaces filters ge-0/0/1",
        &json!({ "interface-information": [{ "logical-interface": [{
            "name": data("ge-0/0/1.0"),
            "address-family-name": data("inet"),
            "filter-output": data("each-ge-0/0/1.0-o"),
        }] }] }),
    );
}

#[test]
fn policers_are_shown_with_what_was_beyond() {
    let unit = "slow                                                               100                   1\n";
    let term = "slow-quiet                                                       85000                  85\n";
    check("show policer", &format!("Policers:\n{HEAD}{term}{unit}{THREE}"));
    check("show policer slow", &format!("Policers:\n{HEAD}{unit}"));
    assert_eq!(Bench::new().bad("show policer none"), "error: policer none not found\n");
}

#[test]
fn interfaces_are_shown_with_their_filters_and_policers() {
    check(
        "show interfaces filters",
        "\
Interface           Proto   Input Filter                        Output Filter
ge-0/0/0.0          inet    edge,each-ge-0/0/1.0-o
ge-0/0/0.0          inet6   bare6
ge-0/0/1.0          inet                                        each-ge-0/0/1.0-o
lo0.0               inet    edge
",
    );
    check(
        "show interfaces policers",
        "\
Interface           Proto   Input Policer                       Output Policer
ge-0/0/0.0          inet6   slow
",
    );
}

/// The time of day is the reader's, so that it is cut off.
#[test]
fn the_log_is_shown_the_newest_first() {
    let shown = Bench::new().good("show firewall log");
    let (head, lines) = shown.split_at(shown.match_indices('\n').nth(1).unwrap().0 + 1);
    let lines: Vec<_> = lines.lines().map(|line| &line[25..]).collect();
    assert_eq!(
        head,
        "Log :\nTime                     Filter          Action  Interface       Protocol  Src Addr                    \
         Dest Addr\n"
    );
    assert_eq!(
        lines,
        [
            "edge            A       ge-0/0/0.0      icmp      10.1.0.2                    198.51.100.2",
            "bare6           R       ge-0/0/0.0      tcp       [2001:db8::2]:40001         [2001:db8::1]:443",
            "edge            D       ge-0/0/0.0      udp       10.1.0.2:40000              198.51.100.2:5300",
        ]
    );
}

#[test]
fn clearing_names_what_is_meant() {
    let (term, unit) = ((RuleIdentity(1), RuleIdentity(11)), (RuleIdentity(2), RuleIdentity(12)));
    let three = (RuleIdentity(3), RuleIdentity(13));
    for (line, counters, policers, log) in [
        ("clear firewall all", vec![2, 1], vec![term, unit, three], false),
        ("clear firewall filter edge", vec![2, 1], vec![term], false),
        ("clear firewall filter edge counter quiet", vec![1], vec![], false),
        ("clear firewall log", vec![], vec![], true),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.good(line), "", "{line}");
        let cleared = bench.plane.cleared_firewall.lock().unwrap().take();
        assert_eq!(cleared, Some(FirewallClear { counters, policers, log }), "{line}");
    }
    assert_eq!(Bench::new().bad("clear firewall filter none"), "error: filter none not found\n");
}
