//! What goes where: records in, lines for destinations out. No clock, no queue, no socket.
//!
//! Spec: log-20..28, log-31.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::line::Line;
use crate::message::Message;
use crate::plan::{EventPlan, LogPlan, StreamPlan, Style};
use crate::record::Record;
use crate::table::Tag;

/// A line for one destination: a stream by its place in the plan, the event file behind the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub to: usize,
    pub line: Arc<[u8]>,
}

impl Posted {
    /// The line as text, as far as it is text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.line)
    }
}

/// What a destination was meant to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that its filters let through.
    pub produced: u64,
    /// Of these, above the rate.
    pub limited: u64,
}

/// The log.
#[derive(Debug)]
pub struct SecurityLog {
    plan: LogPlan,
    zone: TimeZone,
    clock: Clock,
    streams: Vec<Gate>,
    event: EventGate,
    cache: Cache,
    /// Lines of the record in hand, by style.
    lines: Vec<(Style, Arc<[u8]>)>,
    scratch: String,
    bytes: Vec<u8>,
    /// Records told, by message.
    told: [u64; Tag::COUNT],
}

#[derive(Clone, Debug, Default)]
struct Gate {
    counts: Counts,
    rate: Window,
    /// Lost and limited when it was last told.
    told: (u64, u64),
}

#[derive(Clone, Debug, Default)]
struct EventGate {
    counts: Counts,
    cap: Window,
    rate: Window,
}

/// Counts within one second of the clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    second: i64,
    count: u32,
}

impl Window {
    /// Whether one more fits; `None`: any number does. Spec: log-25.
    pub fn admit(&mut self, second: i64, max: Option<u32>) -> bool {
        let Some(max) = max else { return true };
        if self.second != second {
            *self = Self { second, count: 0 };
        }
        let fits = self.count < max;
        self.count += u32::from(fits);
        fits
    }
}

impl SecurityLog {
    #[must_use]
    pub fn new(plan: LogPlan, zone: TimeZone) -> Self {
        let mut log = Self {
            plan: LogPlan::default(),
            clock: Clock::new(zone.clone()),
            zone,
            streams: Vec::new(),
            event: EventGate::default(),
            cache: Cache::default(),
            lines: Vec::new(),
            scratch: String::new(),
            bytes: Vec::new(),
            told: [0; Tag::COUNT],
        };
        log.change(plan);
        log
    }

    /// Goes by another plan. Streams that are in both keep their counts, event mode its events.
    pub fn change(&mut self, plan: LogPlan) {
        let old = std::mem::replace(&mut self.plan, plan);
        let mut gates: Vec<_> = old.streams.into_iter().zip(std::mem::take(&mut self.streams)).collect();
        if !(old.enabled && self.plan.enabled) {
            gates.clear();
        }
        self.streams = self.plan.streams.iter().map(|stream| kept(&mut gates, stream)).collect();
        if self.plan.event.is_none() {
            self.event = EventGate::default();
            self.cache = Cache::default();
        }
        self.clock = Clock::new(self.zone());
    }

    #[must_use]
    pub fn plan(&self) -> &LogPlan {
        &self.plan
    }

    /// The time zone of what is written.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        match &self.plan.zone {
            _ if self.plan.utc => TimeZone::UTC,
            Some(zone) => zone.clone(),
            None => self.zone.clone(),
        }
    }

    /// Tells a record to whom it concerns.
    pub fn handle(&mut self, now: Timestamp, record: &Record, out: &mut Vec<Posted>) {
        if !self.plan.enabled {
            return;
        }
        self.told[record.tag() as usize] += 1;
        self.clock.set(now);
        self.lines.clear();
        let second = self.clock.second();
        let message = record.message();
        for to in 0..self.streams.len() {
            let (stream, gate) = (&self.plan.streams[to], &mut self.streams[to]);
            if !wants(stream, message) {
                continue;
            }
            gate.counts.produced += 1;
            if !gate.rate.admit(second, stream.rate_limit) {
                gate.counts.limited += 1;
                continue;
            }
            let style = stream.style;
            let line = self.line(style, record);
            out.push(Posted { to, line });
        }
        self.event(now, record, out);
    }

    fn event(&mut self, now: Timestamp, record: &Record, out: &mut Vec<Posted>) {
        let Some(EventPlan { style, cap, rate, file, cache }) = &self.plan.event else { return };
        let second = self.clock.second();
        self.event.counts.produced += 1;
        if !self.event.cap.admit(second, *cap) || !self.event.rate.admit(second, *rate) {
            self.event.counts.limited += 1;
            return;
        }
        self.cache.keep(now, record, cache);
        if file.is_some() {
            let style = *style;
            let line = self.line(style, record);
            out.push(Posted { to: self.streams.len(), line });
        }
    }

    /// Tells every stream of its own losses so far, if there are more than when it was last told. `gone` has, by
    /// destination, how many of its lines were lost. A report is neither filtered nor limited.
    pub fn report(&mut self, now: Timestamp, gone: &[u64], out: &mut Vec<Posted>) {
        if !self.plan.enabled {
            return;
        }
        self.clock.set(now);
        for to in 0..self.streams.len() {
            let gate = &mut self.streams[to];
            let lost = gone.get(to).copied().unwrap_or(0);
            let Counts { produced, limited } = gate.counts;
            if gate.told == (lost, limited) {
                continue;
            }
            gate.told = (lost, limited);
            gate.counts.produced += 1;
            let stream = self.plan.streams[to].name.clone();
            let record = Record::StreamLost { stream, lost, limited, produced };
            self.lines.clear();
            let line = self.line(self.plan.streams[to].style, &record);
            out.push(Posted { to, line });
        }
    }

    /// What each stream was meant to get, in the plan's order.
    pub fn stream_counts(&self) -> impl Iterator<Item = Counts> {
        self.streams.iter().map(|gate| gate.counts)
    }

    #[must_use]
    pub fn event_counts(&self) -> Counts {
        self.event.counts
    }

    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    pub fn cache_mut(&mut self) -> &mut Cache {
        &mut self.cache
    }

    /// Records by message, whether or not anybody wanted them.
    pub fn told(&self) -> impl Iterator<Item = (Tag, u64)> {
        Tag::ALL.iter().copied().zip(self.told)
    }

    /// The record's line; one that was already written in this style is shared.
    fn line(&mut self, style: Style, record: &Record) -> Arc<[u8]> {
        if let Some((_, line)) = self.lines.iter().find(|(written, _)| *written == style) {
            return line.clone();
        }
        self.bytes.clear();
        let LogPlan { facility, host_name, .. } = &self.plan;
        let line = Line { style, facility: *facility, host_name, clock: &self.clock };
        line.encode(&mut self.bytes, &mut self.scratch, record);
        let line: Arc<[u8]> = self.bytes.as_slice().into();
        self.lines.push((style, line.clone()));
        line
    }
}

fn wants(stream: &StreamPlan, message: &Message) -> bool {
    stream.kinds.has(message.kind) && message.severity <= stream.severity
}

/// The gate of a stream that goes where it went before, else a new one.
fn kept(gates: &mut Vec<(StreamPlan, Gate)>, stream: &StreamPlan) -> Gate {
    let place = gates.iter().position(|(old, _)| (&old.name, &old.to) == (&stream.name, &stream.to));
    place.map_or_else(Gate::default, |place| gates.swap_remove(place).1)
}
