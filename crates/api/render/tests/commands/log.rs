//! The security log's commands over a fake log.

use ravelin_ops::LogQuery;

use crate::support::Bench;

#[test]
fn kept_events_are_listed_with_their_time() {
    let expected = "\
Event time               Message
(3 older events are not shown)
2001-09-09 01:46:40 UTC  session created 10.1.0.2/40000->198.51.100.2/80
2001-09-09 01:46:41 UTC  session denied 10.1.0.2/40001->198.51.100.2/23
";
    assert_eq!(Bench::new().good("show security log"), expected);
    assert_eq!(Bench::new().good("show security log all"), expected);
}

#[test]
fn every_condition_reaches_the_log() {
    let mut bench = Bench::new();
    bench.good(
        "show security log source-address 10.1.0.2 source-port 40000 destination-address 2001:db8::1 \
         destination-port 80 protocol tcp event-id RT_FLOW_SESSION_CLOSE process RT_FLOW interface-name ge-0/0/0.0 \
         policy-name p1 success severity notice newer-than 2001-09-09.01:46:40 older-than 2001-09-10",
    );
    let expected = LogQuery {
        source: "10.1.0.2".parse().ok(),
        source_port: Some(40000),
        destination: "2001:db8::1".parse().ok(),
        destination_port: Some(80),
        protocol: Some(6),
        event: Some("RT_FLOW_SESSION_CLOSE".into()),
        process: Some("RT_FLOW".into()),
        interface: Some("ge-0/0/0.0".into()),
        policy: Some("p1".into()),
        success: Some(true),
        severity: Some(5),
        newer_than_s: Some(1_000_000_000),
        older_than_s: Some(1_000_080_000),
    };
    assert_eq!(bench.log.asked.take(), [expected]);
}

#[test]
fn clearing_wants_to_know_what() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad("clear security log"), "syntax error, missing argument for `log'\n");
    assert_eq!(bench.bad("clear security log all failure"), "syntax error: all\n");
    assert_eq!(bench.bad("show security log success failure"), "syntax error: failure\n");
    assert_eq!(bench.good("clear security log failure"), "2 security events cleared\n");
    let expected = LogQuery { success: Some(false), ..LogQuery::default() };
    assert_eq!(bench.log.asked.take(), [expected]);
}

#[test]
fn the_event_file_is_shown_as_it_is() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad("show security log file"), "error: no security log file is configured\n");
    bench.log.file = Some("one\ntwo\n".into());
    assert_eq!(bench.good("show security log file | last 1"), "two\n");
    assert_eq!(bench.bad("show security log file success"), "syntax error: file\n");
}

#[test]
fn losses_are_shown_by_stream() {
    let expected = "\
Stream: siem
  Destination: 192.0.2.10:514 tcp from 10.1.0.1, Connections: 0
  Trouble: Connection refused (os error 111)
  Produced: 10, Sent: 4, Waiting: 2, Lost: 1, Failed: 0, Rate-limited: 3
Event mode
  Produced: 10, Rate-limited: 0, Kept: 9, Not kept: 1
Messages
  RT_FLOW_SESSION_CREATE: 12
Events lost by the packet plane: 7
";
    assert_eq!(Bench::new().good("show ravelin log"), expected);
    let json = Bench::new().good("show ravelin log | display json");
    assert!(json.contains("\"rate-limited\""), "{json}");
}

#[test]
fn times_and_severities_are_checked_and_completed() {
    let mut bench = Bench::new();
    for bad in ["newer-than yesterday", "older-than 2001-13-01", "severity loud", "source-address 10.0.0.0/8"]
    {
        let error = bench.bad(&format!("show security log {bad}"));
        assert!(error.starts_with("invalid value"), "{error}");
    }
    assert_eq!(bench.words("show security log severity e"), ["emergency", "error"]);
    assert_eq!(bench.words("clear security log so"), ["source-address", "source-port"]);
}

/// Spec: tracking-8. The names and the elements are Junos'.
#[test]
fn counters_of_tracked_sessions_are_shown_and_cleared() {
    let mut bench = Bench::new();
    let expected = "\
Application tracking counters:                   Value
    Session create messages                         11
    Session close messages                           7
    Session volume updates                        1234
    Failed messages                                  3
";
    assert_eq!(bench.good("show security application-tracking counters"), expected);
    let xml = bench.good("show security application-tracking counters | display xml");
    let first = xml.find("<name>Session volume updates</name>").unwrap();
    assert!(
        xml[first..].contains("<value>1234</value>") && xml.contains("<avt-counter-statistics>"),
        "{xml}"
    );
    let json = bench.good("show security application-tracking counters | display json");
    assert!(json.contains("avt-counters") && json.contains("1234"), "{json}");
    assert_eq!(bench.good("clear security application-tracking counters"), "");
    assert!(!bench.good("show security application-tracking counters").contains("1234"));
}
