//! What goes where: modes, categories, severities, rates, what is kept, and reports of losses. Spec: log-20..28, log-31.

use std::sync::Arc;

use jiff::tz::TimeZone;
use ravelin_model::{LogCategory, LogSeverity};
use ravelin_telemetry::{
    Counts, Destination, Filter, Form, Kinds, LogPlan, Outcome, Posted, Record, ScreenTag, SecurityLog,
    StreamPlan,
};
use ravelin_types::Proto;

use crate::support::{at, closed, denied, open, plan, screen, stream, style};

const T0: &str = "2026-11-21T07:00:00Z";

fn streams(list: Vec<StreamPlan>) -> LogPlan {
    LogPlan {
        configured: true,
        enabled: true,
        host_name: "fw1".into(),
        utc: true,
        zone: None,
        facility: 1,
        streams: list,
        event: None,
    }
}

fn log(plan: LogPlan) -> SecurityLog {
    SecurityLog::new(plan, TimeZone::UTC)
}

/// Tags of what a destination got.
fn got(posted: &[Posted], to: usize) -> Vec<&str> {
    let tag = |p: &Posted| {
        let tags = [
            "RT_FLOW_SESSION_CREATE",
            "RT_FLOW_SESSION_CLOSE",
            "RT_FLOW_SESSION_DENY",
            "RT_SCREEN_TCP",
            "RTLOG_STREAM_LOST",
            "RTLOG_EVENTS_LOST",
        ];
        tags.into_iter().find(|tag| p.text().contains(tag)).unwrap_or("other")
    };
    posted.iter().filter(|p| p.to == to).map(tag).collect()
}

fn everything() -> [Record; 5] {
    let attack = screen(ScreenTag::Tcp, "SYN flood!", "1.1.1.2:1 > 2.2.2.2:2", Proto::TCP);
    [open(), closed(), denied(), Record::Screen(attack), Record::EventsLost { events: 3 }]
}

#[track_caller]
fn chosen(stream: StreamPlan, expected: &[&str]) {
    let mut log = log(streams(vec![stream]));
    let mut out = Vec::new();
    everything().iter().for_each(|record| log.handle(at(T0), record, &mut out));
    assert_eq!(got(&out, 0), expected);
    let produced = log.stream_counts().next();
    assert_eq!(produced, Some(Counts { produced: expected.len() as u64, limited: 0 }));
}

#[test]
fn categories_and_severities_choose() {
    use LogCategory as C;
    let of = |categories: &[C]| StreamPlan { kinds: Kinds::of(categories), ..stream("s") };
    let (create, close, deny) = ("RT_FLOW_SESSION_CREATE", "RT_FLOW_SESSION_CLOSE", "RT_FLOW_SESSION_DENY");
    let all = [create, close, deny, "RT_SCREEN_TCP", "RTLOG_EVENTS_LOST"];
    chosen(of(&[]), &all);
    chosen(of(&[C::All]), &all);
    chosen(of(&[C::Session]), &[create, close, deny]);
    chosen(of(&[C::Flow]), &[create, close, deny]);
    chosen(of(&[C::SessionOpen]), &[create]);
    chosen(of(&[C::SessionClose, C::Screen]), &[close, "RT_SCREEN_TCP"]);
    chosen(of(&[C::Rtlog]), &["RTLOG_EVENTS_LOST"]);
    let least = |severity| StreamPlan { severity, ..stream("s") };
    chosen(least(LogSeverity::Info), &all);
    chosen(least(LogSeverity::Warning), &["RT_SCREEN_TCP", "RTLOG_EVENTS_LOST"]);
    chosen(least(LogSeverity::Error), &["RT_SCREEN_TCP"]);
    chosen(least(LogSeverity::Critical), &[]);
}

#[test]
fn a_rate_holds_for_each_second_and_each_stream() {
    let limited = StreamPlan { rate_limit: Some(2), ..stream("slow") };
    let mut log = log(streams(vec![limited, stream("fast")]));
    let mut out = Vec::new();
    for time in ["2026-11-21T07:00:00.1Z", "2026-11-21T07:00:00.9Z", "2026-11-21T07:00:01Z"] {
        (0..3).for_each(|_| log.handle(at(time), &open(), &mut out));
    }
    // Two in the first second, two in the next.
    assert_eq!((got(&out, 0).len(), got(&out, 1).len()), (4, 9));
    let counts: Vec<_> = log.stream_counts().collect();
    assert_eq!(counts, [Counts { produced: 9, limited: 5 }, Counts { produced: 9, limited: 0 }]);
}

#[test]
fn streams_of_one_style_share_the_line() {
    let other = StreamPlan { style: style(Form::Syslog), ..stream("other") };
    let mut log = log(streams(vec![stream("a"), other, stream("b")]));
    let mut out = Vec::new();
    log.handle(at(T0), &open(), &mut out);
    assert!(Arc::ptr_eq(&out[0].line, &out[2].line) && !Arc::ptr_eq(&out[0].line, &out[1].line));
}

#[test]
fn losses_are_told_to_the_stream_that_lost_when_there_are_more() {
    let limited =
        StreamPlan { kinds: Kinds::of(&[LogCategory::Session]), rate_limit: Some(1), ..stream("slow") };
    let mut log = log(streams(vec![limited, StreamPlan { style: style(Form::Syslog), ..stream("lossy") }]));
    let mut out = Vec::new();
    (0..5).for_each(|_| log.handle(at(T0), &open(), &mut out));
    out.clear();
    log.report(at(T0), &[0, 3], &mut out);
    assert_eq!(out.len(), 2);
    // Neither its category nor its rate keeps the report away.
    assert!(
        out[0].text().contains("RTLOG_STREAM_LOST [")
            && out[0].text().contains("rate-limited-messages=\"4\"")
    );
    let text = "RTLOG: RTLOG_STREAM_LOST: stream lossy lost 3 messages and withheld 0 above its rate, of 5";
    assert!(out[1].to == 1 && out[1].text().ends_with(text), "{}", out[1].text());
    out.clear();
    log.report(at(T0), &[0, 3], &mut out);
    assert!(out.is_empty(), "told already: {out:?}");
    log.report(at(T0), &[0, 5], &mut out);
    assert!(
        out.len() == 1 && out[0].text().contains("lossy lost 5 messages and withheld 0 above its rate, of 6"),
        "{out:?}"
    );
}

#[test]
fn event_mode_keeps_up_to_its_limit_and_takes_no_more() {
    let mut log = log(plan(&[
        "mode event",
        "cache limit 3",
        "cache exclude quiet failure",
        "cache exclude quiet destination-port 23",
    ]));
    let mut out = Vec::new();
    for record in [denied(), open(), closed(), open(), closed(), open()] {
        log.handle(at(T0), &record, &mut out);
    }
    assert!(out.is_empty(), "no file, no stream: {out:?}");
    let tags =
        |log: &SecurityLog| -> Vec<&str> { log.cache().find(&Filter::default()).map(|e| e.tag()).collect() };
    let (create, close) = ("RT_FLOW_SESSION_CREATE", "RT_FLOW_SESSION_CLOSE");
    assert_eq!(tags(&log), [create, close, create]);
    assert_eq!(log.cache().refused, 2);
    let closes = Filter { event: Some(close.into()), ..Filter::default() };
    assert_eq!(log.cache_mut().clear(&closes), 1);
    log.handle(at(T0), &closed(), &mut out);
    assert_eq!(tags(&log), [create, create, close]);
}

#[test]
fn filters_ask_for_everything_an_event_has() {
    let mut log = log(plan(&["mode event"]));
    let times = ["2026-11-21T07:00:00Z", "2026-11-21T07:00:01Z", "2026-11-21T07:00:02Z"];
    let mut out = Vec::new();
    for (time, record) in times.iter().zip([open(), closed(), denied()]) {
        log.handle(at(time), &record, &mut out);
    }
    let count = |filter: Filter| log.cache().find(&filter).count();
    let none = Filter::default;
    let name = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (none(), 3),
        (Filter { source: "10.0.0.1".parse().ok(), ..none() }, 2),
        (Filter { source_port: Some(2000), ..none() }, 1),
        (Filter { destination: "198.51.100.1".parse().ok(), ..none() }, 3),
        (Filter { destination_port: Some(80), ..none() }, 2),
        (Filter { protocol: Some(6), ..none() }, 3),
        (Filter { protocol: Some(17), ..none() }, 0),
        (Filter { event: name("RT_FLOW_SESSION_DENY"), ..none() }, 1),
        (Filter { process: name("RT_FLOW"), ..none() }, 3),
        (Filter { process: name("RT_IDS"), ..none() }, 0),
        (Filter { interface: name("ge-0/0/0.0"), ..none() }, 3),
        (Filter { interface: name("ge-0/0/1.0"), ..none() }, 0),
        (Filter { policy: name("p1"), ..none() }, 2),
        (Filter { outcome: Some(Outcome::Failure), ..none() }, 1),
        (Filter { outcome: Some(Outcome::Success), ..none() }, 2),
        (Filter { severity: Some(LogSeverity::Info), ..none() }, 3),
        (Filter { severity: Some(LogSeverity::Notice), ..none() }, 0),
        (Filter { newer_than: Some(at(times[0])), ..none() }, 2),
        (Filter { older_than: Some(at(times[2])), ..none() }, 2),
        (Filter { newer_than: Some(at(times[0])), older_than: Some(at(times[2])), ..none() }, 1),
        (Filter { outcome: Some(Outcome::Success), destination_port: Some(23), ..none() }, 0),
    ] {
        assert_eq!(count(filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn the_cap_comes_before_the_rate_and_zero_is_no_limit() {
    let run = |lines: &[&str]| {
        let mut log = log(plan(lines));
        let mut out = Vec::new();
        (0..10).for_each(|_| log.handle(at(T0), &open(), &mut out));
        (log.cache().len(), log.event_counts())
    };
    assert_eq!(run(&["mode event", "rate-cap 7", "event-rate 4"]), (4, Counts { produced: 10, limited: 6 }));
    assert_eq!(run(&["mode event", "rate-cap 3", "event-rate 4"]), (3, Counts { produced: 10, limited: 7 }));
    assert_eq!(run(&["mode event", "rate-cap 0", "event-rate 0"]), (10, Counts { produced: 10, limited: 0 }));
}

#[test]
fn the_event_file_comes_behind_the_streams_and_disable_stops_all() {
    let lines = ["mode stream-event", "file filename events", "stream one file localfilename one"];
    let run = |lines: &[&str]| {
        let mut log = log(plan(lines));
        let mut out = Vec::new();
        log.handle(at(T0), &open(), &mut out);
        log.report(at(T0), &[9, 9], &mut out);
        (got(&out, 0).len(), got(&out, 1).len(), log.cache().len())
    };
    // The stream got the message and the report of its losses.
    assert_eq!(run(&lines), (2, 1, 1));
    assert_eq!(run(&[&lines[..], &["disable"]].concat()), (0, 0, 0));
}

#[test]
fn a_stream_that_stays_keeps_its_counts() {
    let mut log = log(streams(vec![stream("a"), stream("b")]));
    let mut out = Vec::new();
    (0..3).for_each(|_| log.handle(at(T0), &open(), &mut out));
    let reworded = StreamPlan { style: style(Form::Syslog), ..stream("b") };
    log.change(streams(vec![reworded, stream("c")]));
    let produced: Vec<_> = log.stream_counts().map(|c| c.produced).collect();
    assert_eq!(produced, [3, 0]);
    // Nothing survives a log that is switched off: its queues are gone, too.
    log.change(LogPlan { enabled: false, ..streams(vec![stream("c")]) });
    log.handle(at(T0), &open(), &mut out);
    log.change(streams(vec![stream("c")]));
    assert_eq!(log.stream_counts().next(), Some(Counts::default()));
}

#[test]
fn a_plan_has_the_defaults_of_junos() {
    let found = plan(&[
        "mode stream-event",
        "format sd-syslog",
        "source-address 10.0.0.1",
        "source-interface ge-0/0/0.0",
        "transport protocol tcp",
        "transport tcp-connections 2",
        "time-format year",
        "facility-override local1",
        "stream v4 host 192.0.2.1",
        "stream v6 host 2001:db8::9",
        "stream v6 transport protocol udp",
        "stream v6 host port 5514",
        "stream v6 format syslog",
        "stream v6 time-format millisecond",
        "stream safe host 192.0.2.2",
        "stream safe transport protocol tls",
        "stream safe transport tls-profile soc",
        "file size 2",
    ]);
    let (from4, from6) = ("10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    let to = |text: &str| text.parse().unwrap();
    assert_eq!(
        found.streams[0].to,
        Destination::Tcp { from: from4, to: to("192.0.2.1:514"), connections: 2 }
    );
    assert_eq!(found.streams[1].to, Destination::Udp { from: from6, to: to("[2001:db8::9]:5514") });
    let tls =
        Destination::Tls { from: from4, to: to("192.0.2.2:6514"), connections: 2, profile: "soc".into() };
    assert_eq!(found.streams[2].to, tls);
    assert_eq!((found.streams[0].style.form, found.streams[1].style.form), (Form::SdSyslog, Form::Syslog));
    assert!(found.streams[0].style.time.year && !found.streams[1].style.time.year);
    assert!(found.streams[1].style.time.millisecond && found.facility == 17 && !found.utc && found.enabled);
    let event = found.event.unwrap();
    let file = event.file.unwrap();
    assert_eq!((file.name.as_str(), file.bytes_max, file.files), ("security-log", 2 << 20, 10));
    assert_eq!((event.cache.limit, event.rate, event.cap), (10_000, None, None));
    let silent = plan(&[]);
    assert!(!silent.configured && silent.streams.is_empty() && silent.event.is_none());
}
