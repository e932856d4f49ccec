//! What `show security log` shows: the events of event mode, kept in memory up to a limit.
//!
//! Full, it takes nothing more until it is cleared, and counts what it did not take. Spec: log-28.

use jiff::Timestamp;
use ravelin_model::LogSeverity;

use crate::filter::{Filter, Outcome, Subject};
use crate::plan::CachePlan;
use crate::record::Record;

/// One kept event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub time: Timestamp,
    /// The message's text.
    pub text: Box<str>,
    tag: &'static str,
    process: &'static str,
    severity: LogSeverity,
    source: (Option<std::net::IpAddr>, Option<u16>),
    destination: (Option<std::net::IpAddr>, Option<u16>),
    protocol: Option<u8>,
    interface: Box<str>,
    policy: Box<str>,
    outcome: Option<Outcome>,
}

/// The kept events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    entries: Vec<Entry>,
    /// Events that found it full.
    pub refused: u64,
}

impl Entry {
    fn new(time: Timestamp, record: &Record) -> Self {
        let message = record.message();
        let subject = record.subject();
        Self {
            time,
            text: record.text().into(),
            tag: message.tag,
            process: message.process,
            severity: message.severity,
            source: (subject.source, subject.source_port),
            destination: (subject.destination, subject.destination_port),
            protocol: subject.protocol,
            interface: subject.interface.into(),
            policy: subject.policy.into(),
            outcome: subject.outcome,
        }
    }

    /// The message's name.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            tag: self.tag,
            process: self.process,
            severity: self.severity,
            source: self.source.0,
            source_port: self.source.1,
            destination: self.destination.0,
            destination_port: self.destination.1,
            protocol: self.protocol,
            interface: &self.interface,
            policy: &self.policy,
            outcome: self.outcome,
        }
    }
}

impl Cache {
    pub(crate) fn keep(&mut self, now: Timestamp, record: &Record, plan: &CachePlan) {
        let subject = record.subject();
        if plan.exclude.iter().any(|filter| filter.holds(now, &subject)) {
            return;
        }
        if self.entries.len() >= plan.limit {
            self.refused += 1;
            return;
        }
        self.entries.push(Entry::new(now, record));
    }

    /// The entries that a filter holds for, oldest first.
    pub fn find<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| filter.holds(entry.time, &entry.subject()))
    }

    /// Forgets what the filter holds for; how many they were.
    pub fn clear(&mut self, filter: &Filter) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !filter.holds(entry.time, &entry.subject()));
        before - self.entries.len()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
