//! Schedulers, names and feeds: the line typed, the text printed.

use crate::support::Bench;
use serde_json::Value;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[test]
fn schedulers_say_when_they_change() {
    let office = "\
Scheduler name: office, State: active
  Next deactivation: 2026-11-20 17:00:00
  Policies: 2
";
    check("show schedulers office", office);
    let past = "Scheduler name: past, State: inactive\n  Next activation: none\n  Policies: 0\n";
    check("show schedulers", &format!("{office}{past}"));
    let json: Value = serde_json::from_str(&Bench::new().good("show schedulers | display json")).unwrap();
    let first = &json["scheduler-information"][0]["scheduler"][0];
    assert_eq!(first["scheduler-next-deactivation"][0]["data"], "2026-11-20 17:00:00");
}

#[test]
fn names_are_forgotten_and_feeds_updated_by_name() {
    check("clear security dns-cache", "2 names cleared\n");
    check("clear security dns-cache dns-name b.example", "1 names cleared\n");
    for line in ["all", "feed-server lists", "feed-name bad", "address-name bad-hosts feed-server lists"] {
        check(&format!("request security dynamic-address update {line}"), "1 feeds are updated\n");
    }
    for (line, error) in [
        ("clear security dns-cache dns-name c.example", "error: name c.example not found\n"),
        ("request security dynamic-address update feed-server other", "error: feed server other not found\n"),
        (
            "request security dynamic-address update address-name bad",
            "error: dynamic address bad not found\n",
        ),
        ("request security dynamic-address update all feed-name bad", "syntax error: feed-name\n"),
        ("request security dynamic-address update", "syntax error, missing argument for `update'\n"),
    ] {
        assert_eq!(Bench::new().bad(line), error, "{line}");
    }
}

#[test]
fn names_show_their_addresses() {
    let resolved = "\
DNS Name: a.example, State: resolved
  Last answer: 7 seconds ago, Next query: in 53 seconds
  192.0.2.1
  2001:db8::1
";
    check("show security dns-cache A.example", resolved);
    let failed = "\
DNS Name: b.example, State: unresolved, query failed
  Last answer: never, Next query: in 16 seconds
";
    check("show security dns-cache", &format!("{resolved}{failed}"));
}

#[test]
fn feeds_show_where_they_come_from_and_what_they_hold() {
    let text = Bench::new().good("show security dynamic-address summary");
    for part in
        ["Server Name             : lists\n", "http://lists.example/bad.txt\n", "Total entries       : 1\n"]
    {
        assert!(text.contains(part), "{text}");
    }
    let entries = Bench::new().good("show security dynamic-address");
    let row: Vec<_> = entries.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["1", "10.0.0.0", "10.0.0.255", "bad", "bad-hosts"]);
    assert!(entries.ends_with("Total number of entries of bad-hosts: 1\n"));
}

#[test]
fn feeds_are_found_by_their_name_and_by_the_one_that_policies_use() {
    let mut bench = Bench::new();
    let (all, some) = ("show security dynamic-address", "show security dynamic-address summary");
    for meant in ["address-name bad-hosts", "feed-name bad", "feed-name bad address-name bad-hosts"] {
        assert_eq!(bench.good(&format!("{all} {meant}")), bench.good(all), "{meant}");
        assert_eq!(bench.good(&format!("{some} {meant}")), bench.good(some), "{meant}");
    }
    for (line, told) in [
        ("show security dynamic-address address-name good-hosts", "dynamic address good-hosts"),
        ("show security dynamic-address summary feed-name good", "feed good"),
        ("show security dynamic-address address-name bad-hosts feed-name good", "dynamic address bad-hosts"),
        ("show schedulers offices", "scheduler offices"),
        ("show security dns-cache c.example", "name c.example"),
    ] {
        assert_eq!(bench.bad(line), format!("error: {told} not found\n"), "{line}");
    }
}
