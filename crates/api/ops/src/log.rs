//! The security log as commands see it: what is asked of it and what it answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Severities, the most severe first.
pub(crate) const SEVERITIES: &[&str] =
    &["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// Which events are meant; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    pub source: Option<IpAddr>,
    pub source_port: Option<u16>,
    pub destination: Option<IpAddr>,
    pub destination_port: Option<u16>,
    pub protocol: Option<u8>,
    /// The message's name.
    pub event: Option<String>,
    pub process: Option<String>,
    pub interface: Option<String>,
    pub policy: Option<String>,
    /// `true`: what was let through.
    pub success: Option<bool>,
    /// By number: this severity or a more severe one.
    pub severity: Option<u8>,
    /// Seconds since 1970.
    pub newer_than_s: Option<i64>,
    pub older_than_s: Option<i64>,
}

/// One kept event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// Seconds since 1970.
    pub time_s: i64,
    pub message: String,
}

/// Kept events, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogEvents {
    pub events: Vec<LogEvent>,
    /// All that were found; more than are listed when the list was cut at its beginning.
    pub total: u64,
}

/// One destination in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogStreamLine {
    pub name: String,
    pub destination: String,
    pub connections: u32,
    pub trouble: Option<String>,
    /// What its filters let through.
    pub produced: u64,
    pub sent: u64,
    pub waiting: u64,
    /// Found the queue full.
    pub lost: u64,
    /// Could not be sent.
    pub failed: u64,
    /// Above the rate.
    pub limited: u64,
}

/// Event mode in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogMemory {
    pub produced: u64,
    pub limited: u64,
    pub kept: u64,
    /// Found the memory full.
    pub refused: u64,
}

/// The log in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogStatistics {
    /// Streams, and the event file last.
    pub streams: Vec<LogStreamLine>,
    pub memory: Option<LogMemory>,
    /// Events that the packet plane threw away.
    pub events_lost: u64,
    /// Messages by name, those that there were.
    pub messages: Vec<(String, u64)>,
}

/// What was told of sessions of zones with `application-tracking`, since the start or since it was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingCounters {
    pub created: u64,
    pub closed: u64,
    pub updated: u64,
    /// Lines above the rate of the daemon's own log.
    pub failed: u64,
}

/// What is asked of the security log, and of what it told of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRequest {
    Events(LogQuery),
    Clear(LogQuery),
    Statistics,
    Tracking,
    ClearTracking,
}

/// Where the log is read.
pub trait LogView {
    /// Kept events, oldest first.
    fn events(&self, query: &LogQuery) -> LogEvents;
    /// Forgets kept events; how many.
    fn clear(&self, query: &LogQuery) -> u64;
    /// The end of the event file; `None`: none is configured.
    ///
    /// # Errors
    /// It can't be read.
    fn file(&self) -> Result<Option<String>, String>;
    fn statistics(&self) -> LogStatistics;
    fn tracking(&self) -> TrackingCounters;
    /// Counts from nothing on.
    fn clear_tracking(&self);
}
