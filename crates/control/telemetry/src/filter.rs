//! Choosing events: by `show security log`, `clear security log` and `cache exclude` alike.

use std::net::IpAddr;

use jiff::Timestamp;
use ravelin_contract::SessionKey;
use ravelin_model::LogSeverity;

/// Whether traffic was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Success,
    Failure,
}

/// What is asked of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    pub tag: &'a str,
    pub process: &'a str,
    pub severity: LogSeverity,
    pub source: Option<IpAddr>,
    pub source_port: Option<u16>,
    pub destination: Option<IpAddr>,
    pub destination_port: Option<u16>,
    pub protocol: Option<u8>,
    pub interface: &'a str,
    pub policy: &'a str,
    pub outcome: Option<Outcome>,
}

/// Every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub source: Option<IpAddr>,
    pub source_port: Option<u16>,
    pub destination: Option<IpAddr>,
    pub destination_port: Option<u16>,
    pub protocol: Option<u8>,
    /// The message's tag.
    pub event: Option<String>,
    pub process: Option<String>,
    pub interface: Option<String>,
    pub policy: Option<String>,
    pub outcome: Option<Outcome>,
    /// This severity or a more severe one.
    pub severity: Option<LogSeverity>,
    pub newer_than: Option<Timestamp>,
    pub older_than: Option<Timestamp>,
}

impl Default for Subject<'_> {
    fn default() -> Self {
        Self {
            tag: "",
            process: "",
            severity: LogSeverity::Info,
            source: None,
            source_port: None,
            destination: None,
            destination_port: None,
            protocol: None,
            interface: "",
            policy: "",
            outcome: None,
        }
    }
}

impl Subject<'_> {
    /// With the addresses, ports and protocol of a flow.
    pub(crate) fn of(self, key: &SessionKey) -> Self {
        Self {
            source: Some(key.src),
            source_port: Some(key.sport),
            destination: Some(key.dst),
            destination_port: Some(key.dport),
            protocol: Some(key.proto.0),
            ..self
        }
    }
}

impl Filter {
    #[must_use]
    pub fn holds(&self, time: Timestamp, subject: &Subject<'_>) -> bool {
        let Self {
            source,
            source_port,
            destination,
            destination_port,
            protocol,
            event,
            process,
            interface,
            policy,
            outcome,
            severity,
            newer_than,
            older_than,
        } = self;
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        (source.is_none() || *source == subject.source)
            && (source_port.is_none() || *source_port == subject.source_port)
            && (destination.is_none() || *destination == subject.destination)
            && (destination_port.is_none() || *destination_port == subject.destination_port)
            && (protocol.is_none() || *protocol == subject.protocol)
            && same(event, subject.tag)
            && same(process, subject.process)
            && same(interface, subject.interface)
            && same(policy, subject.policy)
            && (outcome.is_none() || *outcome == subject.outcome)
            && severity.is_none_or(|least| subject.severity <= least)
            && newer_than.is_none_or(|then| time > then)
            && older_than.is_none_or(|then| time < then)
    }
}
