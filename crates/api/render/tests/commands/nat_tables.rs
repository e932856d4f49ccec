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
    assert_eq!(
        bench.words(&format!("{TABLE} pool ")),
        ["<[Enter]>", "<pool-name>", "<|>", "b", "d", "p", "q"]
    );
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
Routing instance    : default
Host address base   : 0.0.0.0
Port                : [1024, 63487]
Port overloading    : 1
Address assignment  : no-paired
Total addresses     : 2
Translation hits    : 0
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
Routing instance    : default
Host address base   : 0.0.0.0
Port                : [1024, 63487]
Port overloading    : 1
Address assignment  : paired
Total addresses     : 2
Translation hits    : 0
Referenced rules    : 0
Ports in use        : tcp 0, udp 0, icmp 0, other 0
Without a port      : 0
Blocks or addresses : 0
Capacity            : 0
Utilization         : 0 %
Address range       : 203.0.113.10 - 203.0.113.11
";
    check("show security nat source pool p", &format!("Total pools: 1\n\n{used}"));
    let computed = idle
        .replace("name           : q", "name           : d")
        .replace("id             : 4", "id             : 5");
    let computed = computed
        .replace(": paired", ": no-paired")
        .replace(".113.10 -", ".113.12 -")
        .replace(".113.11", ".113.13");
    let blocks = computed
        .replace("name           : d", "name           : b")
        .replace("id             : 5", "id             : 6")
        .replace(".113.12 -", ".113.14 -")
        .replace(".113.13", ".113.15");
    let all = format!("Total pools: 4\n\n{used}\n{idle}\n{computed}\n{blocks}");
    check("show security nat source pool all", &all);
    assert_eq!(Bench::new().bad("show security nat source pool z"), "error: pool z not found\n");
    let value = json("show security nat source pool p");
    let used =
        "/source-nat-pool-detail-information/0/source-nat-pool-info-entry/0/source-pool-port-used/0/data";
    assert_eq!(value.pointer(used).and_then(Value::as_str), Some("47"));
}

const DETERMINISTIC: &str = "show security nat source deterministic";

/// Six hosts of 10.9.0.0/29 on two addresses: three each, with 256 ports from 1024 on (the arithmetic of Junos' example).
#[test]
fn hosts_of_deterministic_pools_are_listed_with_their_ports() {
    let rows = [
        ("10.9.0.1", "203.0.113.12", "1024-1279"),
        ("10.9.0.2", "203.0.113.12", "1280-1535"),
        ("10.9.0.3", "203.0.113.12", "1536-1791"),
        ("10.9.0.4", "203.0.113.13", "1024-1279"),
        ("10.9.0.5", "203.0.113.13", "1280-1535"),
        ("10.9.0.6", "203.0.113.13", "1536-1791"),
    ];
    let head = "\
Pool name: d
Port-overloading-factor: 1     Port block size: 256
Hosts/total port blocks: 6/488
";
    let listed = |rows: &[(&str, &str, &str)]| {
        let title = format!("{:<40}{:<40}Port_Range\n", "Host_IP", "External_IP");
        let line =
            |(host, external, ports): &(&str, &str, &str)| format!("{host:<40}{external:<40}{ports}\n");
        format!("{head}{title}{}", rows.iter().map(line).collect::<String>())
    };
    check(DETERMINISTIC, &listed(&rows));
    check(&format!("{DETERMINISTIC} pool d"), &listed(&rows));
    check(&format!("{DETERMINISTIC} host-ip 10.9.0.5"), &listed(&rows[4..5]));
    check(&format!("{DETERMINISTIC} xlated-ip 203.0.113.12"), &listed(&rows[..3]));
    check(&format!("{DETERMINISTIC} xlated-ip 203.0.113.13 xlated-port 1300"), &listed(&rows[4..5]));
    check(
        &format!("{DETERMINISTIC} host-address-range"),
        &format!("{head}Host address range: 10.9.0.1 - 10.9.0.6\n"),
    );
    for nobody in [
        "host-ip 10.9.0.7",
        "xlated-ip 203.0.113.12 xlated-port 1792",
        "xlated-ip 2001:db8::1",
        "host-ip ::1",
    ] {
        check(&format!("{DETERMINISTIC} {nobody}"), "");
    }
    let value = json(&format!("{DETERMINISTIC} host-ip 10.9.0.5"));
    let low =
        "/deterministic-nat-information/0/det-nat-pool-entry/0/det-nat-host-entry/0/det-nat-port-low/0/data";
    assert_eq!(value.pointer(low).and_then(Value::as_str), Some("1280"));
}

#[test]
fn what_can_not_be_asked_of_deterministic_pools_is_an_error() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad(&format!("{DETERMINISTIC} pool p")), "error: deterministic pool p not found\n");
    for line in [
        "xlated-port 5",
        "host-ip 10.9.0.1 xlated-ip 203.0.113.12",
        "host-ip 10.9.0.1 xlated-port 5",
        "host-address-range host-ip 10.9.0.1",
        "pool",
    ] {
        bench.bad(&format!("{DETERMINISTIC} {line}"));
    }
    assert_eq!(
        bench.words(&format!("{DETERMINISTIC} ")),
        ["<[Enter]>", "<|>", "host-address-range", "host-ip", "pool", "xlated-ip", "xlated-port"]
    );
}

#[test]
fn use_of_pools_is_shown_in_what_they_give_out() {
    let title = "PAT pools(including address-shared pool) port utilization:\n";
    let line = |name: &str, rest: [&str; 7]| {
        rest.iter().fold(format!("{name:<20}"), |line, cell| format!("{line} {cell:>11}")) + "\n"
    };
    let columns = line("Pool", ["Unit", "Address", "Factor", "Used", "Avail", "Total", "Usage"]);
    let used = line("p", ["ports", "2", "1", "40", "124888", "124928", "0%"]);
    let command = "show security nat resource-usage source-pool";
    check(&format!("{command} p"), &format!("{title}{columns}{used}"));
    let idle = |name| line(name, ["ports", "2", "1", "0", "0", "0", "0%"]);
    let blocks = line("b", ["blocks", "2", "1", "0", "0", "0", "0%"]);
    check(&format!("{command} all"), &format!("{title}{columns}{used}{}{}{blocks}", idle("q"), idle("d")));
    let mut bench = Bench::new();
    assert_eq!(bench.bad(&format!("{command} z")), "error: pool z not found\n");
    bench.bad(command);
    assert_eq!(
        bench.words(&format!("{command} ")),
        ["<[Enter]>", "<pool-name>", "<|>", "all", "b", "d", "p", "q"]
    );
    let value = json(&format!("{command} p"));
    let path = "/source-resource-usage-pool-information/0/pat-pool-usage-entry/0/resource-used/0/data";
    assert_eq!(value.pointer(path).and_then(Value::as_str), Some("40"));
}
