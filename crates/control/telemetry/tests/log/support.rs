//! Records, plans and times for the tests.

use std::net::IpAddr;

use jiff::Timestamp;
use ravelin_contract::SessionKey;
use ravelin_model::{LogSeverity, LogTimeFormat, load};
use ravelin_telemetry::{
    Content, Deny, Destination, FilePlan, Flow, Form, Kinds, LogPlan, Record, Screen, ScreenTag, StreamPlan,
    Style,
};
use ravelin_types::{InstanceId, Proto};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `10.0.0.1:1000 > 198.51.100.1:80 tcp`; an IPv6 address in brackets.
pub fn key(text: &str, proto: Proto) -> SessionKey {
    let (src, dst) = text.split_once(" > ").unwrap();
    let end = |text: &str| -> (IpAddr, u16) {
        let (addr, port) = text.rsplit_once(':').unwrap();
        (addr.trim_matches(['[', ']']).parse().unwrap(), port.parse().unwrap())
    };
    let ((src, sport), (dst, dport)) = (end(src), end(dst));
    SessionKey { src, dst, sport, dport, proto, instance: InstanceId::DEFAULT }
}

pub fn flow(text: &str) -> Flow {
    let key = key(text, Proto::TCP);
    Flow {
        key,
        nat: key,
        service: None,
        source_rule: None,
        destination_rule: None,
        policy: "p1".into(),
        from_zone: "trust".into(),
        to_zone: "untrust".into(),
        session: 7,
        interface: "ge-0/0/0.0".into(),
    }
}

pub fn open() -> Record {
    Record::Create(flow("10.0.0.1:1000 > 198.51.100.1:80"))
}

pub fn closed() -> Record {
    Record::Close {
        flow: flow("10.0.0.1:1000 > 198.51.100.1:80"),
        reason: "TCP FIN",
        packets: [6, 4],
        bytes: [337, 535],
        elapsed_s: 1,
    }
}

pub fn denied() -> Record {
    Record::Deny(Deny {
        key: key("10.0.0.2:2000 > 198.51.100.1:23", Proto::TCP),
        service: None,
        policy: "no-telnet".into(),
        from_zone: "trust".into(),
        to_zone: "untrust".into(),
        interface: "ge-0/0/0.0".into(),
        rejected: false,
    })
}

pub fn screen(tag: ScreenTag, attack: &str, text: &str, proto: Proto) -> Screen {
    Screen {
        tag,
        attack: attack.into(),
        key: key(text, proto),
        zone: "trustZone".into(),
        interface: "ge-0/0/1.0".into(),
        alarm_only: false,
    }
}

pub fn style(form: Form) -> Style {
    Style { form, time: LogTimeFormat::default(), in_file: false }
}

/// A stream to a file that takes everything.
pub fn stream(name: &str) -> StreamPlan {
    let file =
        FilePlan { directory: None, name: name.into(), bytes_max: 1 << 20, files: 2, content: Content::Text };
    StreamPlan {
        name: name.into(),
        style: style(Form::SdSyslog),
        severity: LogSeverity::Debug,
        kinds: Kinds::ALL,
        rate_limit: None,
        to: Destination::File(file),
    }
}

/// The plan of `set` lines below `security log`, with what a valid configuration needs besides.
#[track_caller]
pub fn plan(lines: &[&str]) -> LogPlan {
    let mut text = String::from(
        "set system host-name fw1\n\
         set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24\n\
         set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::1/64\n",
    );
    lines.iter().for_each(|line| text.push_str(&format!("set security log {line}\n")));
    let loaded = load(&text);
    let valid = loaded.result.unwrap_or_else(|errors| {
        let lines: Vec<_> = errors.iter().map(|d| d.line("log")).collect();
        panic!("refused:\n{}", lines.join("\n"))
    });
    LogPlan::new(valid.get())
}
