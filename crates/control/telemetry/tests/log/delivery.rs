//! From outboxes to collectors and files: framing, order, stalls, lost connections, and the account of all of it.
//! Time is virtual: it passes when nothing else happens. Spec: log-21, log-29..33.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use ravelin_telemetry::{
    Content, Destination, FilePlan, LogPlan, Outbox, Record, Service, StreamPlan, deliver,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, duplex};
use tokio::runtime::Handle;

use crate::support::{at, open, stream};

/// Reads one octet-counted frame (RFC 6587, 3.4.1); `None`: the stream ended.
pub async fn frame<R: AsyncRead + Unpin>(io: &mut R) -> Option<String> {
    let mut length = 0usize;
    loop {
        match io.read_u8().await.ok()? {
            b' ' => break,
            digit => length = length * 10 + usize::from(digit.checked_sub(b'0').filter(|d| *d < 10)?),
        }
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}

fn offer(outbox: &Outbox, range: std::ops::Range<usize>) {
    range.for_each(|n| outbox.offer(format!("message {n:05} é").into_bytes().into()));
}

fn number(line: &str) -> usize {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The numbers of all messages until the end.
async fn numbers<R: AsyncRead + Unpin>(mut io: R) -> Vec<usize> {
    let mut got = Vec::new();
    while let Some(line) = frame(&mut io).await {
        got.push(number(&line));
    }
    got
}

#[tokio::test(start_paused = true)]
async fn a_collector_gets_every_message_in_order() {
    let outbox = Outbox::default();
    offer(&outbox, 0..500);
    outbox.close();
    let (collector, ours) = duplex(333);
    let (result, got) = tokio::join!(deliver(ours, &outbox), numbers(collector));
    assert!(result.is_ok());
    assert_eq!(got, (0..500).collect::<Vec<_>>());
    let counters = outbox.counters();
    assert!(counters.balances() && counters.sent == 500);
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_reads_nothing_loses_only_its_own_messages() {
    let (stalled, healthy) = (Arc::new(Outbox::default()), Arc::new(Outbox::default()));
    let (kept_open, ours) = duplex(1000);
    let task = tokio::spawn({
        let stalled = stalled.clone();
        async move { deliver(ours, &stalled).await }
    });
    let (mut collector, theirs) = duplex(1000);
    let writer = tokio::spawn({
        let healthy = healthy.clone();
        async move { deliver(theirs, &healthy).await }
    });
    let reader = tokio::spawn(async move {
        let mut count = 0;
        while frame(&mut collector).await.is_some() {
            count += 1;
        }
        count
    });
    for start in (0..20_000).step_by(100) {
        offer(&stalled, start..start + 100);
        offer(&healthy, start..start + 100);
        // The healthy one is emptied meanwhile.
        while healthy.counters().waiting + healthy.counters().in_flight > 0 {
            tokio::task::yield_now().await;
        }
    }
    healthy.close();
    assert!(writer.await.unwrap().is_ok());
    assert_eq!(reader.await.unwrap(), 20_000);
    assert_eq!((healthy.counters().sent, healthy.counters().gone()), (20_000, 0));
    let counters = stalled.counters();
    assert!(counters.balances(), "{counters:?}");
    assert_eq!(counters.lost, 20_000 - 8192 - counters.in_flight - counters.sent, "{counters:?}");
    // Nothing moved for a minute: the connection counts as dead, and what was in flight waits again.
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(stalled.counters().in_flight, 0);
    assert!(stalled.counters().balances());
    drop(kept_open);
}

#[tokio::test(start_paused = true)]
async fn the_next_connection_goes_on_where_the_last_one_broke() {
    let outbox = Outbox::default();
    offer(&outbox, 0..300);
    outbox.close();
    let mut seen = BTreeSet::new();
    let (mut first, ours) = duplex(64);
    let (result, ()) = tokio::join!(deliver(ours, &outbox), async {
        for _ in 0..100 {
            seen.insert(number(&frame(&mut first).await.unwrap()));
        }
        drop(first);
    });
    assert!(result.is_err() && outbox.counters().balances());
    let (mut second, ours) = duplex(64);
    let (result, ()) = tokio::join!(deliver(ours, &outbox), async {
        while let Some(line) = frame(&mut second).await {
            assert!(seen.insert(number(&line)), "sent twice: {line}");
        }
    });
    assert!(result.is_ok());
    let counters = outbox.counters();
    assert!(counters.balances() && counters.sent == 300 && counters.gone() == 0);
    // Only what the first connection's buffer of 64 bytes swallowed is missing.
    assert!(seen.len() >= 300 - 4, "{}", seen.len());
}

#[tokio::test(start_paused = true)]
async fn connections_share_the_messages_and_each_goes_once() {
    let outbox = Outbox::default();
    offer(&outbox, 0..1000);
    outbox.close();
    let ((narrow, first), (wide, second)) = (duplex(100), duplex(5000));
    let (one, two, mut left, right) =
        tokio::join!(deliver(first, &outbox), deliver(second, &outbox), numbers(narrow), numbers(wide));
    assert!(one.is_ok() && two.is_ok() && !left.is_empty() && !right.is_empty());
    assert!(left.is_sorted() && right.is_sorted());
    left.extend(right);
    left.sort_unstable();
    assert_eq!(left, (0..1000).collect::<Vec<_>>());
    assert!(outbox.counters().balances());
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_goes_is_noticed_before_the_next_message() {
    let outbox = Outbox::default();
    let (collector, ours) = duplex(64);
    drop(collector);
    let error = deliver(ours, &outbox).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
    assert_eq!(outbox.counters().offered, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_collector_says_is_not_listened_to() {
    use tokio::io::AsyncWriteExt as _;
    let outbox = Outbox::default();
    offer(&outbox, 0..1);
    outbox.close();
    let (mut collector, ours) = duplex(4096);
    collector.write_all(&[b'x'; 3000]).await.unwrap();
    assert!(deliver(ours, &outbox).await.is_ok());
    assert_eq!(frame(&mut collector).await.as_deref(), Some("message 00000 é"));
}

fn to_files(names: &[&str]) -> LogPlan {
    let streams = names.iter().map(|name| stream(name)).collect();
    LogPlan { configured: true, enabled: true, host_name: "fw1".into(), streams, ..LogPlan::default() }
}

/// Lets the tasks run until nothing waits any more.
async fn settled(service: &Service) {
    let busy = |service: &Service| {
        service.statistics().streams.iter().any(|s| s.counters.waiting + s.counters.in_flight > 0)
    };
    while busy(service) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn streams_end_in_files_and_outlive_commits_that_do_not_touch_them() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Handle::current(), dir.path().to_owned(), TimeZone::UTC);
    let lines = |name: &str| std::fs::read_to_string(dir.path().join("log").join(name)).unwrap_or_default();
    service.apply(&to_files(&["a", "b"]));
    (0..10).for_each(|_| service.record(at("2026-11-21T07:00:00Z"), &open()));
    settled(&service).await;
    service.apply(&to_files(&["b", "c"]));
    (0..5).for_each(|_| service.record(at("2026-11-21T07:00:01Z"), &open()));
    settled(&service).await;
    let count = |name| lines(name).lines().count();
    assert_eq!((count("a"), count("b"), count("c")), (10, 15, 5));
    let statistics = service.statistics();
    let sent: Vec<_> =
        statistics.streams.iter().map(|s| (s.name.as_str(), s.counts.produced, s.counters.sent)).collect();
    assert_eq!(sent, [("b", 15, 15), ("c", 5, 5)]);
    assert!(statistics.streams.iter().all(|s| s.counters.balances()));
}

#[tokio::test]
async fn a_file_that_can_not_be_written_is_counted_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Handle::current(), dir.path().to_owned(), TimeZone::UTC);
    service.apply(&to_files(&["a"]));
    std::fs::create_dir_all(dir.path().join("log/a")).unwrap();
    (0..4).for_each(|_| service.record(at("2026-11-21T07:00:00Z"), &open()));
    settled(&service).await;
    let found = &service.statistics().streams[0];
    assert_eq!((found.counters.failed, found.counters.sent), (4, 0));
    assert!(found.trouble.is_some());
    let refused = service.check(&to_files(&["a"]));
    assert!(refused.len() == 1 && refused[0].1.ends_with("is a directory"), "{refused:?}");
}

#[tokio::test]
async fn losses_are_told_every_minute() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Handle::current(), dir.path().to_owned(), TimeZone::UTC);
    let limited = StreamPlan { rate_limit: Some(1), ..stream("a") };
    service.apply(&LogPlan { streams: vec![limited], ..to_files(&[]) });
    service.tick(at("2026-11-21T07:00:00Z"));
    (0..4).for_each(|_| service.record(at("2026-11-21T07:00:00Z"), &open()));
    service.events_lost(9);
    service.tick(at("2026-11-21T07:00:59.9Z"));
    service.tick(at("2026-11-21T07:01:00Z"));
    service.tick(at("2026-11-21T07:02:30Z"));
    settled(&service).await;
    let text = std::fs::read_to_string(dir.path().join("log/a")).unwrap();
    let tags: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(5)).collect();
    assert_eq!(tags, ["RT_FLOW_SESSION_CREATE", "RTLOG_STREAM_LOST", "RTLOG_EVENTS_LOST"]);
    assert!(text.contains("rate-limited-messages=\"3\"") && text.contains("lost-events=\"9\""));
    assert_eq!(service.statistics().events_lost, 9);
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_not_there_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Handle::current(), dir.path().to_owned(), TimeZone::UTC);
    // An address that the machine can't come from: the connection never stands.
    let (from, to) = ("192.0.2.1".parse().unwrap(), "192.0.2.2:514".parse().unwrap());
    let mut plan = to_files(&["file"]);
    plan.streams.push(StreamPlan { to: Destination::Tcp { from, to, connections: 2 }, ..stream("gone") });
    service.apply(&plan);
    (0..10_000).for_each(|_| service.record(at("2026-11-21T07:00:00Z"), &open()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let statistics = service.statistics();
    let gone = &statistics.streams[1];
    assert!(gone.counters.balances() && gone.counters.lost >= 10_000 - 8192, "{gone:?}");
    assert!(gone.connected == 0 && gone.counters.sent == 0 && gone.trouble.is_some(), "{gone:?}");
    service.apply(&to_files(&["file"]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(service.statistics().streams.len(), 1);
}

#[test]
fn a_disabled_log_has_no_destinations() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let service = Service::new(runtime.handle().clone(), "/nonexistent".into(), TimeZone::UTC);
    let file = FilePlan { directory: None, name: "x".into(), bytes_max: 1, files: 2, content: Content::Text };
    let plan = LogPlan {
        enabled: false,
        streams: vec![StreamPlan { to: Destination::File(file), ..stream("x") }],
        ..to_files(&[])
    };
    service.apply(&plan);
    service.record(at("2026-11-21T07:00:00Z"), &Record::EventsLost { events: 1 });
    assert!(service.statistics().streams.is_empty());
}
