//! Source pools and mappings of persistent NAT: the line typed, the text printed.

use crate::support::Bench;
use serde_json::Value;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[track_caller]
fn json(line: &str) -> Value {
    serde_json::from_str(&Bench::new().good(&format!("{line} | display json"))).unwrap()
}

const TABLE: &str = "show security nat source persistent-nat-table";
const CLEAR: &str = "clear security nat source persistent-nat-table";

/// Columns are as wide as the widest of what stands in them.
#[test]
fn mappings_are_listed_by_internal_end() {
    let expected = "\
Internal                     Reflective                    Source    Type             Left_time/ Curr_Sess_Num/ Source
In_IP        In_Port I_Proto Ref_IP       Ref_Port R_Proto NAT Pool                   Conf_time  Max_Sess_Num   NAT Rule
10.1.0.2     999     udp     198.51.100.1 20000    udp     99        any-remote-host  0/300      0/30           -
10.1.0.2     5060    udp     198.51.100.1 20000    udp     interface any-remote-host  -/300      2/30           r1
10.1.0.9     -       -       203.0.113.10 -        -       q         target-host      -/300      2/30           r1
2001:db8::77 5060    tcp     203.0.113.9  1024     tcp     p         target-host-port 254/300    0/30           r1
";
    check(&format!("{TABLE} all"), expected);
}

/// The internal ends that a line lists.
#[track_caller]
fn internal(line: &str) -> Vec<String> {
    let text = Bench::new().good(line);
    text.lines().skip(2).map(|l| l.split_whitespace().take(2).collect::<Vec<_>>().join("/")).collect()
}

#[test]
fn mappings_are_found_by_what_is_asked() {
    assert_eq!(internal(&format!("{TABLE} interface")), ["10.1.0.2/5060"]);
    assert_eq!(internal(&format!("{TABLE} interface ge-0/0/1.0")), ["10.1.0.2/5060"]);
    assert!(internal(&format!("{TABLE} interface ge-0/0/0.0")).is_empty());
    assert_eq!(internal(&format!("{TABLE} pool p")), ["2001:db8::77/5060"]);
    assert_eq!(internal(&format!("{TABLE} internal-ip 10.1.0.2")), ["10.1.0.2/999", "10.1.0.2/5060"]);
    assert_eq!(internal(&format!("{TABLE} internal-ip 10.1.0.2 internal-port 5060")), ["10.1.0.2/5060"]);
    assert_eq!(internal(&format!("{TABLE} internal-ip 10.1.0.9")), ["10.1.0.9/-"]);
    assert!(internal(&format!("{TABLE} internal-ip 10.1.0.9 internal-port 1")).is_empty());
    assert!(internal(&format!("{TABLE} internal-ip 10.1.0.2 internal-protocol tcp")).is_empty());
    assert_eq!(internal(&format!("{TABLE} internal-ip 2001:db8::77 internal-protocol tcp")).len(), 1);
}

#[test]
fn what_is_not_there_and_what_is_not_said_is_an_error() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad(&format!("{TABLE} pool z")), "error: pool z not found\n");
    assert_eq!(
        bench.bad(&format!("{CLEAR} interface ge-0/0/9.0")),
        "error: interface ge-0/0/9.0 not found\n"
    );
    for line in
        ["pool", "internal-ip", "internal-ip internal-port 5", "internal-ip 10.1.0.300", "", "summary 1"]
    {
        bench.bad(&format!("{TABLE} {line}"));
    }
    bench.bad(&format!("{CLEAR} summary"));
}

#[test]
fn the_summary_has_totals() {
    let expected = "Persistent NAT Table Statistics:\nbinding total : 131072\nbinding in use : 4\n";
    check(&format!("{TABLE} summary"), expected);
    let value = json(&format!("{TABLE} summary"));
    let total = value.pointer("/persist-nat-table-statistic/0/persist-nat-binding-total/0/data");
    assert_eq!(total.and_then(Value::as_str), Some("131072"));
}

#[test]
fn mappings_without_sessions_are_cleared_silently_and_counted() {
    for (words, cleared) in [
        ("all", "2"),
        ("interface", "0"),
        ("pool p", "1"),
        ("internal-ip 10.1.0.2", "1"),
        ("internal-ip 10.1.0.2 internal-port 5060", "0"),
    ] {
        check(&format!("{CLEAR} {words}"), "");
        let value = json(&format!("{CLEAR} {words}"));
        let count = value.pointer("/persist-nat-table-clear-information/0/cleared-binding-count/0/data");
        assert_eq!(count.and_then(Value::as_str), Some(cleared), "{words}");
    }
}

#[test]
fn a_mapping_in_json_leaves_out_what_it_has_not() {
    let value = json(&format!("{TABLE} internal-ip 10.1.0.9"));
    let entry = value.pointer("/persist-nat-table/0/persist-nat-table-entry/0").unwrap();
    let leaf = |name: &str| entry.pointer(&format!("/{name}/0/data")).and_then(Value::as_str);
    assert_eq!(leaf("persist-nat-internal-ip"), Some("10.1.0.9"));
    assert_eq!(leaf("persist-nat-reflective-ip"), Some("203.0.113.10"));
    assert_eq!(leaf("persist-nat-pool-name"), Some("q"));
    assert_eq!(leaf("persist-nat-type"), Some("target-host"));
    assert_eq!(leaf("persist-nat-rule-name"), Some("r1"));
    for absent in ["persist-nat-internal-port", "persist-nat-internal-protocol", "persist-nat-left-time"] {
        assert_eq!(leaf(absent), None, "{absent}");
    }
}

#[test]
fn help_lists_what_may_be_asked_of_the_table() {
    let mut bench = Bench::new();
    let views = ["all", "interface", "internal-ip", "pool", "summary"];
    assert_eq!(bench.words(&format!("{TABLE} ")), views);
    assert_eq!(bench.words(&format!("{CLEAR} ")), views[..4]);
    assert_eq!(bench.words(&format!("{TABLE} pool ")), ["<[Enter]>", "<pool-name>", "<|>", "p", "q"]);
    assert_eq!(
        bench.words(&format!("{TABLE} internal-ip 10.1.0.2 ")),
        ["<[Enter]>", "<|>", "internal-port", "internal-protocol"]
    );
}

#[test]
fn source_pools_are_shown_with_what_is_in_use() {
    let used = "\
Pool name           : p
Pool id             : 3
Port                : [1024, 63487]
Port overloading    : 1
Address assignment  : no-paired
Referenced rules    : 0
Ports in use        : tcp 5, udp 40, icmp 2, other 0
Without a port      : 1
Blocks or addresses : 0
Capacity            : 124928
Utilization         : 0 %
Address range       : 203.0.113.8 - 203.0.113.9
";
    let idle = "\
Pool name           : q
Pool id             : 4
Port                : [1024, 63487]
Port overloading    : 1
Address assignment  : paired
Referenced rules    : 0
Ports in use        : tcp 0, udp 0, icmp 0, other 0
Without a port      : 0
Blocks or addresses : 0
Capacity            : 0
Utilization         : 0 %
Address range       : 203.0.113.10 - 203.0.113.11
";
    check("show security nat source pool p", &format!("Total pools: 1\n\n{used}"));
    check("show security nat source pool all", &format!("Total pools: 2\n\n{used}\n{idle}"));
    assert_eq!(Bench::new().bad("show security nat source pool z"), "error: pool z not found\n");
    let value = json("show security nat source pool p");
    let used =
        "/source-nat-pool-detail-information/0/source-nat-pool-info-entry/0/source-pool-port-used/0/data";
    assert_eq!(value.pointer(used).and_then(Value::as_str), Some("47"));
}
