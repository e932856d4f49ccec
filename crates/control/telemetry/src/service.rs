//! The log at work: the plan in force, an outbox a destination, and the tasks that empty them.
//!
//! A record is written and queued by the caller; nothing here waits for a collector or a disk. Spec: log-29..33.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_model::LogTimeFormat;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::binary::Records;
use crate::cache::Entry;
use crate::clock::Clock;
use crate::file::{Content, RotatingFile};
use crate::filter::Filter;
use crate::log::{Counts, Posted, SecurityLog};
use crate::net::{self, Peer};
use crate::outbox::{Counters, Outbox};
use crate::plan::{Destination, FilePlan, Form, LogPlan, StreamPlan, Style};
use crate::record::Record;
use crate::table::Tag;
use crate::tls;

/// How often a stream is told what it lost.
pub const REPORT_EVERY: Duration = Duration::from_secs(60);
/// How long what waits may still be sent after its stream is gone from the configuration.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of the event file that are shown at most.
const SHOWN_MAX: u64 = 1024 * 1024;

/// The security log of the daemon.
#[derive(Debug)]
pub struct Service {
    runtime: Handle,
    root: PathBuf,
    core: Mutex<Core>,
}

#[derive(Debug)]
struct Core {
    log: SecurityLog,
    /// The streams in the plan's order, then the event file.
    sinks: Vec<Sink>,
    posted: Vec<Posted>,
    reported: Option<Timestamp>,
    /// Events that the plane threw away, in all and told.
    events_lost: (u64, u64),
}

#[derive(Debug)]
struct Sink {
    what: What,
    outbox: Arc<Outbox>,
    tasks: Vec<JoinHandle<()>>,
}

/// What makes two sinks the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Stream(String, Destination),
    EventFile(FilePlan),
}

/// One stream in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatistics {
    pub name: String,
    pub destination: String,
    /// Connections that stand; meaningless for datagrams and files.
    pub connected: u32,
    pub trouble: Option<String>,
    pub counts: Counts,
    pub counters: Counters,
}

/// Event mode in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStatistics {
    pub counts: Counts,
    pub kept: usize,
    /// Events that found the memory full.
    pub refused: u64,
    pub file: Option<(String, Counters, Option<String>)>,
}

/// The log in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub streams: Vec<StreamStatistics>,
    pub event: Option<EventStatistics>,
    pub events_lost: u64,
    /// Records by message, those that there were.
    pub told: Vec<(Tag, u64)>,
}

impl Service {
    /// A log that has no plan yet. Files without a directory of their own go to `root/log`, the profiles of TLS are
    /// in `root/tls`.
    #[must_use]
    pub fn new(runtime: Handle, root: PathBuf, zone: TimeZone) -> Self {
        let core = Core {
            log: SecurityLog::new(LogPlan::default(), zone),
            sinks: Vec::new(),
            posted: Vec::new(),
            reported: None,
            events_lost: (0, 0),
        };
        Self { runtime, root, core: Mutex::new(core) }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What of a plan can't be done here: statement path and reason.
    #[must_use]
    pub fn check(&self, plan: &LogPlan) -> Vec<(String, String)> {
        let mut refused = Vec::new();
        for stream in &plan.streams {
            if let Destination::Tls { profile, .. } = &stream.to
                && let Err(error) = tls::client_config(&self.profile(profile))
            {
                let path = format!("security log stream {} transport tls-profile", stream.name);
                refused.push((path, format!("profile `{profile}': {error}")));
            }
        }
        for file in plan.files() {
            let path = self.path(file);
            let in_the_way = path.ancestors().skip(1).find(|p| p.exists()).filter(|p| !p.is_dir());
            if let Some(found) = in_the_way {
                refused.push(("security log".into(), format!("{} is no directory", found.display())));
            } else if path.is_dir() {
                refused.push(("security log".into(), format!("{} is a directory", path.display())));
            }
        }
        refused
    }

    /// Goes by another plan. Destinations that stay keep their connections and what waits for them.
    pub fn apply(&self, plan: &LogPlan) {
        let mut core = self.core();
        let mut old = std::mem::take(&mut core.sinks);
        for what in wanted(plan) {
            let sink = match old.iter().position(|sink| sink.what == what) {
                Some(place) => old.swap_remove(place),
                None => self.start(what),
            };
            core.sinks.push(sink);
        }
        core.log.change(plan.clone());
        drop(core);
        old.into_iter().for_each(|sink| self.stop(sink));
    }

    /// Whether the configuration says where events go.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.core().log.plan().configured
    }

    /// Tells a record to whom it concerns. Does not wait.
    pub fn record(&self, now: Timestamp, record: &Record) {
        let mut core = self.core();
        let Core { log, posted, .. } = &mut *core;
        log.handle(now, record, posted);
        core.post();
    }

    /// Counts events that the plane had to throw away.
    pub fn events_lost(&self, events: u64) {
        self.core().events_lost.0 += events;
    }

    /// Tells of losses when it is time to. To be called often.
    pub fn tick(&self, now: Timestamp) {
        let mut core = self.core();
        let last = *core.reported.get_or_insert(now);
        let passed = now.duration_since(last);
        // A clock that was set back must not silence the reports.
        if !passed.is_negative() && passed < REPORT_EVERY.try_into().unwrap_or(jiff::SignedDuration::MAX) {
            return;
        }
        core.reported = Some(now);
        let gone: Vec<_> = core.sinks.iter().map(|sink| sink.outbox.counters().gone()).collect();
        let (lost, told) = core.events_lost;
        let Core { log, posted, .. } = &mut *core;
        log.report(now, &gone, posted);
        if lost > told {
            log.handle(now, &Record::EventsLost { events: lost }, posted);
            core.events_lost.1 = lost;
        }
        core.post();
    }

    /// The newest `max` of the kept events that a filter holds for, oldest first, and how many it holds for.
    #[must_use]
    pub fn entries(&self, filter: &Filter, max: usize) -> (Vec<Entry>, usize) {
        let core = self.core();
        let found: Vec<_> = core.log.cache().find(filter).collect();
        let newest = &found[found.len().saturating_sub(max)..];
        (newest.iter().copied().cloned().collect(), found.len())
    }

    /// Forgets kept events; how many.
    pub fn clear(&self, filter: &Filter) -> usize {
        self.core().log.cache_mut().clear(filter)
    }

    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let core = self.core();
        let plan = core.log.plan();
        let streams = plan.streams.iter().zip(core.log.stream_counts()).zip(&core.sinks);
        let streams = streams.map(|((stream, counts), sink)| {
            let (connected, trouble) = sink.outbox.state();
            StreamStatistics {
                name: stream.name.clone(),
                destination: self.destination(stream),
                connected,
                trouble,
                counts,
                counters: sink.outbox.counters(),
            }
        });
        let streams = streams.collect();
        let file = core.sinks.last().and_then(|sink| match &sink.what {
            What::EventFile(file) => {
                let path = self.path(file).display().to_string();
                Some((path, sink.outbox.counters(), sink.outbox.state().1))
            }
            What::Stream(..) => None,
        });
        let event = plan.event.as_ref().map(|_| EventStatistics {
            counts: core.log.event_counts(),
            kept: core.log.cache().len(),
            refused: core.log.cache().refused,
            file,
        });
        let told = core.log.told().filter(|(_, count)| *count > 0).collect();
        Statistics { streams, event, events_lost: core.events_lost.0, told }
    }

    /// The end of the event file, whole messages of it, as text. `None`: there is no such file in the configuration.
    ///
    /// # Errors
    /// It can't be read.
    pub fn event_file(&self) -> std::io::Result<Option<String>> {
        let plan = self.core().log.plan().event.clone();
        let Some(file) = plan.and_then(|event| event.file) else { return Ok(None) };
        let (bytes, from) = tail(&self.path(&file))?;
        Ok(Some(match file.content {
            Content::Text => whole_lines(&bytes, from),
            Content::Binary => {
                let style = Style { form: Form::Syslog, time: LogTimeFormat::default(), in_file: true };
                let (text, _) = show(&bytes, style, self.core().log.zone());
                text
            }
        }))
    }

    fn destination(&self, stream: &StreamPlan) -> String {
        match &stream.to {
            Destination::Udp { from, to } => format!("{to} udp from {from}"),
            Destination::Tcp { from, to, .. } => format!("{to} tcp from {from}"),
            Destination::Tls { from, to, .. } => format!("{to} tls from {from}"),
            Destination::File(file) => self.path(file).display().to_string(),
        }
    }

    fn path(&self, file: &FilePlan) -> PathBuf {
        file.directory.clone().unwrap_or_else(|| self.root.join("log")).join(&file.name)
    }

    fn profile(&self, name: &str) -> PathBuf {
        self.root.join("tls").join(name)
    }

    fn start(&self, what: What) -> Sink {
        let outbox = Arc::new(Outbox::default());
        let own = || outbox.clone();
        let tasks = match &what {
            What::EventFile(file) | What::Stream(_, Destination::File(file)) => {
                let file =
                    RotatingFile::new(self.path(file), file.bytes_max, file.files).holding(file.content);
                vec![self.runtime.spawn(net::file(own(), file))]
            }
            What::Stream(name, Destination::Udp { from, to }) => {
                let peer = Peer { stream: name.clone(), from: *from, to: *to, tls: None };
                vec![self.runtime.spawn(net::datagrams(own(), peer))]
            }
            What::Stream(name, Destination::Tcp { from, to, connections }) => {
                let peer = Peer { stream: name.clone(), from: *from, to: *to, tls: None };
                self.connections(&outbox, &peer, *connections)
            }
            What::Stream(name, Destination::Tls { from, to, connections, profile }) => {
                let tls = Some(self.profile(profile));
                let peer = Peer { stream: name.clone(), from: *from, to: *to, tls };
                self.connections(&outbox, &peer, *connections)
            }
        };
        Sink { what, outbox, tasks }
    }

    fn connections(&self, outbox: &Arc<Outbox>, peer: &Peer, count: u8) -> Vec<JoinHandle<()>> {
        let one = |_| self.runtime.spawn(net::connection(outbox.clone(), peer.clone()));
        (0..count.max(1)).map(one).collect()
    }

    /// Lets what waits be sent, for a while, beside everything else.
    fn stop(&self, sink: Sink) {
        let Sink { what, outbox, tasks } = sink;
        outbox.close();
        self.runtime.spawn(async move {
            let ending = tokio::time::Instant::now() + GRACE;
            for mut task in tasks {
                if tokio::time::timeout_at(ending, &mut task).await.is_err() {
                    task.abort();
                    // Nothing may settle a flight after the account is closed.
                    let _ = task.await;
                }
            }
            let lost = outbox.abandon();
            if lost > 0 {
                tracing::warn!(
                    ?what,
                    lost,
                    "Messages of a security log destination that is gone were not sent."
                );
            }
        });
    }
}

impl Core {
    /// Hands what is posted to the outboxes.
    fn post(&mut self) {
        for Posted { to, line } in self.posted.drain(..) {
            if let Some(sink) = self.sinks.get(to) {
                sink.outbox.offer(line);
            }
        }
    }
}

/// The sinks of a plan, in the order of [`Posted::to`].
fn wanted(plan: &LogPlan) -> Vec<What> {
    if !plan.enabled {
        return Vec::new();
    }
    let streams = plan.streams.iter().map(|stream| What::Stream(stream.name.clone(), stream.to.clone()));
    let file = plan.event.as_ref().and_then(|event| event.file.clone());
    streams.chain(file.map(What::EventFile)).collect()
}

/// The records of binary bytes as lines of text, and what could not be read of them.
#[must_use]
pub fn show(bytes: &[u8], style: Style, zone: TimeZone) -> (String, Records<'_>) {
    let mut clock = Clock::new(zone);
    let (mut out, mut records) = (String::new(), Records::new(bytes));
    for record in &mut records {
        record.write(&mut out, style, &mut clock);
        out.push('\n');
    }
    (out, records)
}

/// The end of a file, and where it begins.
fn tail(path: &Path) -> std::io::Result<(Vec<u8>, u64)> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(SHOWN_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(SHOWN_MAX).read_to_end(&mut bytes)?;
    Ok((bytes, from))
}

fn whole_lines(bytes: &[u8], from: u64) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match text.find('\n') {
        Some(end) if from > 0 => text[end + 1..].to_owned(),
        _ => text,
    }
}
