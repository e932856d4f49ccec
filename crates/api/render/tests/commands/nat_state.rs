//! What hosts have of source pools, ports of interfaces, and counters that go back to zero.

use ravelin_contract::NatClear;
use ravelin_types::NatRuleId;
use serde_json::Value;

use crate::support::{Bench, kept};

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

const BLOCKS: &str = "show security nat source port-block";
const PAIRED: &str = "show security nat source paired-address";
const CLEAR: &str = "clear security nat statistics";

/// A line of the table: what stands in its columns.
fn row(cells: [&str; 5]) -> String {
    let [host, external, range, used, state] = cells;
    format!("{host:<40}{external:<40}{range:<14}{used:<14}{state}\n")
}

#[test]
fn blocks_of_ports_are_listed_by_host() {
    let head = format!(
        "Pool name: b\nPort-overloading-factor: 1     Port block size: 64\n\
         Max port blocks per host: 4     Port block active timeout: 300\nUsed/total port blocks: 0/0\n{}{}",
        row(["Host_IP", "External_IP", "Port_Range", "Ports_Used/", "Block_State/"]),
        row(["", "", "", "Ports_Total", "Left_Time(s)"]),
    );
    let full = row(["10.1.0.7", "203.0.113.14", "1024-1087", "64/64", "Inactive/-"]);
    let active = row(["10.1.0.7", "203.0.113.14", "1088-1151", "2/64", "Active/200"]);
    let other = row(["2001:db8::9", "203.0.113.14", "1152-1215", "64/64", "Inactive/-"]);
    check(BLOCKS, &format!("{head}{full}{active}{other}"));
    check(&format!("{BLOCKS} pool b host-ip 2001:db8::9"), &format!("{head}{other}"));
    check(&format!("{BLOCKS} xlated-ip 203.0.113.14 xlated-port 1100"), &format!("{head}{active}"));
    check(&format!("{BLOCKS} xlated-ip 203.0.113.15"), &head);
}

#[test]
fn a_pool_without_blocks_and_a_port_without_address_are_errors() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad(&format!("{BLOCKS} pool p")), "error: pool of port blocks p not found\n");
    assert_eq!(bench.bad(&format!("{BLOCKS} pool z")), "error: pool z not found\n");
    bench.bad(&format!("{BLOCKS} xlated-port 1100"));
}

#[test]
fn hosts_are_listed_with_their_address() {
    let line = |host: &str, external: &str, sessions: &str| format!("{host:<40}{external:<40}{sessions}\n");
    let head = format!("Pool name: q\n{}", line("Internal address", "External address", "Sessions"));
    let (first, second) = (line("10.1.0.8", "203.0.113.10", "3"), line("10.1.0.9", "203.0.113.11", "3"));
    check(PAIRED, &format!("{head}{first}{second}"));
    check(&format!("{PAIRED} pool-name q xlated-address 203.0.113.11"), &format!("{head}{second}"));
    check(&format!("{PAIRED} host-ip 10.1.0.8"), &format!("{head}{first}"));
    check(&format!("{PAIRED} pool-name p"), "");
    assert_eq!(Bench::new().bad(&format!("{PAIRED} pool-name z")), "error: pool z not found\n");
}

#[test]
fn ports_of_interfaces_are_counted() {
    let text = Bench::new().good("show security nat interface-nat-ports");
    let last: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last, ["ge-0/0/1.0", "198.51.100.1", "64512", "5", "62459", "2", "2046"]);
    let text = Bench::new().good("show security nat interface-nat-ports | display json");
    let value: Value = serde_json::from_str(&text).unwrap();
    let at = "/interface-nat-ports-information/0/interface-nat-ports-entry/0/twin-ports-available/0/data";
    assert_eq!(value.pointer(at).and_then(Value::as_str), Some("2046"));
}

#[test]
fn rules_without_applications_are_left_out() {
    check("show security nat source rule-application all", "");
    check("show security nat source rule-application r1", "");
    let mut bench = Bench::new();
    assert_eq!(bench.bad("show security nat source rule-application r9"), "error: rule r9 not found\n");
}

#[test]
fn counters_are_cleared_of_what_is_named() {
    let cleared = |line: &str| {
        check(&format!("{CLEAR} {line}"), "");
        kept::cleared()
    };
    let rules = NatClear { rules: vec![NatRuleId(1)], pools: vec![] };
    assert_eq!(cleared("source rule all"), rules);
    assert_eq!(cleared("source rule r1"), rules);
    // No rule names the pool: there is nothing to count.
    assert_eq!(cleared("source pool p"), NatClear::default());
    assert_eq!(cleared("destination rule all"), NatClear::default());
    let mut bench = Bench::new();
    for line in
        ["source rule r9", "source pool z", "destination pool z", "static rule r1", "destination rule r1"]
    {
        bench.bad(&format!("{CLEAR} {line}"));
    }
    for line in ["", "source", "source rule", "static pool all", "source rule all r1"] {
        bench.bad(&format!("{CLEAR} {line}"));
    }
    assert_eq!(kept::cleared(), NatClear::default(), "what is refused clears nothing");
}
