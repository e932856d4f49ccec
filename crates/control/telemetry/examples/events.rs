//! Events a second: formatted and queued for 1 and 4 streams, in each form, while a task empties the queues.
//!
//! `cargo run --release -p ravelin-telemetry --example events`

use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_contract::SessionKey;
use ravelin_model::{LogSeverity, LogTimeFormat};
use ravelin_telemetry::{
    Content, Destination, FilePlan, Flow, Form, Kinds, LogPlan, NatRuleKind, Outbox, Record, SecurityLog,
    StreamPlan, Style,
};
use ravelin_types::{InstanceId, Proto};

const EVENTS: u32 = 200_000;
const RUNS: usize = 5;

fn main() {
    for form in [Form::Syslog, Form::SdSyslog, Form::Binary] {
        for streams in [1, 4] {
            let mut rates: Vec<f64> = (0..RUNS).map(|_| run(form, streams)).collect();
            rates.sort_by(f64::total_cmp);
            let [low, median, high] = [rates[0], rates[RUNS / 2], rates[RUNS - 1]];
            println!("{form:?} x{streams}: {median:.0} events/s ({low:.0} to {high:.0})");
        }
    }
}

fn run(form: Form, streams: usize) -> f64 {
    let mut log = SecurityLog::new(plan(form, streams), TimeZone::UTC);
    let outboxes: Vec<_> = (0..streams).map(|_| Outbox::default()).collect();
    let record = close();
    let mut posted = Vec::new();
    let started = Instant::now();
    for _ in 0..EVENTS {
        log.handle(Timestamp::now(), black_box(&record), &mut posted);
        for sent in posted.drain(..) {
            outboxes[sent.to].offer(sent.line);
        }
        for outbox in outboxes.iter().filter(|o| o.counters().waiting >= 64) {
            let flight = outbox.take(64);
            let count = flight.len();
            outbox.settle(flight, count);
        }
    }
    let rate = f64::from(EVENTS) / started.elapsed().as_secs_f64();
    for outbox in &outboxes {
        let counters = outbox.counters();
        assert!(counters.balances() && counters.offered == u64::from(EVENTS) && counters.gone() == 0);
    }
    rate
}

fn plan(form: Form, streams: usize) -> LogPlan {
    let stream = |n: usize| StreamPlan {
        name: format!("s{n}"),
        style: Style { form, time: LogTimeFormat::default(), in_file: false },
        severity: LogSeverity::Debug,
        kinds: Kinds::ALL,
        rate_limit: None,
        to: Destination::File(FilePlan {
            directory: None,
            name: format!("s{n}"),
            bytes_max: 1,
            files: 1,
            content: Content::Text,
        }),
    };
    LogPlan {
        configured: true,
        enabled: true,
        host_name: "fw1".into(),
        streams: (0..streams).map(stream).collect(),
        ..LogPlan::default()
    }
}

fn close() -> Record {
    let [src, nat, dst] = [[10, 0, 0, 1], [198, 51, 100, 1], [203, 0, 113, 9]].map(std::net::IpAddr::from);
    let key =
        SessionKey { src, dst, sport: 40000, dport: 443, proto: Proto::TCP, instance: InstanceId::DEFAULT };
    Record::Close {
        flow: Flow {
            key,
            nat: SessionKey { src: nat, sport: 1024, ..key },
            service: Some("junos-https".into()),
            source_rule: Some((NatRuleKind::Source, "outbound".into())),
            destination_rule: None,
            policy: "permit-web".into(),
            from_zone: "trust".into(),
            to_zone: "untrust".into(),
            session: 123_456_789,
            interface: "ge-0/0/0.0".into(),
        },
        reason: "TCP FIN",
        packets: [12, 10],
        bytes: [1840, 9211],
        elapsed_s: 3,
    }
}
