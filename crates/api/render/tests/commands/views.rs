//! Zones, policies and the treatment of packets, in their shorter and longer forms, over the fakes.

use crate::support::Bench;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[test]
fn zones_are_listed_with_their_type() {
    let head = "Zone                        Type\n";
    let trust = "trust                       Security\n";
    let untrust = "untrust                     Security\n";
    let host = "junos-host                  Security\n";
    check("show security zones terse", &[head, trust, untrust, host].concat());
    check("show security zones untrust terse", &[head, untrust].concat());
    check("show security zones junos-host terse", &[head, host].concat());
    check("show security zones type functional", "");
    let both = Bench::new().good("show security zones type security");
    assert_eq!(
        (both.matches("Security zone: ").count(), &both),
        (2, &Bench::new().good("show security zones"))
    );
    check("show security zones detail", &both);
    for (line, error) in [
        ("show security zones detail terse", "syntax error: terse"),
        ("show security zones type physical", "invalid value 'physical', expecting functional or security"),
        ("show security zones dmz terse", "error: zone dmz not found"),
    ] {
        assert_eq!(Bench::new().bad(line), format!("{error}\n"), "{line}");
    }
}

#[test]
fn a_zone_names_its_screens() {
    let untrust = Bench::new().good("show security zones untrust");
    assert!(
        untrust.contains("\n  Policy configurable: Yes\n  Screen: s\n  Interfaces bound: 1\n"),
        "{untrust}"
    );
    let xml = Bench::new().good("show security zones | display xml");
    assert_eq!(xml.matches("<zones-security-screen>s</zones-security-screen>").count(), 1, "{xml}");
}

#[test]
fn the_treatment_of_packets_is_told() {
    let expected = |tracing: &str| {
        format!(
            "  Flow forwarding mode:
    Inet forwarding mode: flow based
    Inet6 forwarding mode: flow based
    MPLS forwarding mode: drop
    ISO forwarding mode: drop
  Flow trace status
    Flow tracing status: {tracing}
  Flow session distribution
    Distribution mode: Hash-based
"
        )
    };
    let mut bench = Bench::new();
    assert_eq!(bench.good("show security flow status"), expected("off"));
    bench.good("monitor security flow filter f protocol tcp");
    bench.good("monitor security flow file trace.log");
    bench.good("monitor security flow start");
    assert_eq!(bench.good("show security flow status"), expected("on"));
}

/// Names of the policies that a line lists.
fn listed(line: &str) -> Vec<String> {
    let text = Bench::new().good(line);
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("Policy: "));
    names.map(|rest| rest.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn a_part_of_the_policies_is_listed_on_demand() {
    assert_eq!(listed("show security policies"), ["p1", "p2", "last"]);
    assert_eq!(listed("show security policies start 2"), ["p2", "last"]);
    assert_eq!(listed("show security policies start 2 count 1"), ["p2"]);
    assert_eq!(listed("show security policies count 2 from-zone trust to-zone untrust"), ["p1", "p2"]);
    assert_eq!(listed("show security policies start 4"), [""; 0]);
    assert_eq!(
        Bench::new().bad("show security policies start 0"),
        "invalid value '0', expecting a number from 1\n"
    );
}

#[test]
fn a_policy_in_detail_tells_its_hits_and_their_rate_in_every_form() {
    let xml = Bench::new().good("show security policies detail policy-name p1 | display xml");
    for leaf in [
        "<policy-hits>20</policy-hits>",
        "<first-hit-seconds-ago>100</first-hit-seconds-ago>",
        "<last-hit-seconds-ago>5</last-hit-seconds-ago>",
        "<average-hit-rate>0.20</average-hit-rate>",
        "<log>at-close, every 5 minutes</log>",
        "<policy-description>Web for all</policy-description>",
    ] {
        assert_eq!(xml.matches(leaf).count(), 1, "{leaf}: {xml}");
    }
    let brief = Bench::new().good("show security policies | display xml");
    assert!(!brief.contains("policy-hits") && brief.contains("<global-context/>"), "{brief}");
}
