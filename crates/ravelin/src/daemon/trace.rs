//! `monitor security flow`: the way of packets, as the plane traces it, written to a file.
//!
//! Junos: `monitor security flow filter|file|start|stop`. State: filters and file that operators have set up, which a
//! restart forgets, and the trace that runs. The plane is read every [`EVERY`]; a plane that was started anew is asked
//! again. Spec: explain-11..16.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Zoned;
use ravelin_contract::{
    DataPlane, InjectVerdict, TraceBatch, TraceId, TraceKind, TraceRequest, TracedPacket,
};
use ravelin_ops::{FlowFile, FlowFilterLine, FlowTrace, FlowTraceStatus, NameTable, PacketQuery};
use ravelin_telemetry::RotatingFile;
use regex::{Regex, RegexBuilder};

/// How often the plane is read.
const EVERY: Duration = Duration::from_millis(200);
/// Packets taken from the plane at a time.
const BATCH: usize = 512;
/// Filters that may be set up.
const FILTERS_MAX: usize = ravelin_contract::TRACE_FILTERS_MAX;
/// Memory of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
const DAY_US: i64 = 86_400_000_000;

/// What is set up and what runs.
pub struct FlowTracer {
    directory: PathBuf,
    state: Mutex<State>,
    started: Condvar,
}

#[derive(Default)]
struct State {
    filters: Vec<(String, PacketQuery)>,
    file: Option<(FlowFile, Option<Regex>)>,
    running: Option<Running>,
    packets: u64,
    lost: u64,
    trouble: Option<String>,
}

struct Running {
    id: TraceId,
    /// What runs, whatever is set up by now.
    filters: Vec<(String, PacketQuery)>,
    pattern: Option<Regex>,
    out: RotatingFile,
}

/// Microseconds of the wall's clock here since 1970.
pub fn local_us() -> i64 {
    let now = Zoned::now();
    now.timestamp().as_microsecond() + i64::from(now.offset().seconds()) * 1_000_000
}

impl FlowTracer {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, state: Mutex::default(), started: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when there is something to write, a while after the last time.
    pub fn wait(&self) {
        let mut state = self.state();
        while state.running.is_none() {
            state = self.started.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        std::thread::sleep(EVERY);
    }

    /// Takes what the plane has traced and writes it.
    pub fn write(&self, plane: &dyn DataPlane, names: &NameTable) {
        let mut state = self.state();
        let State { running: Some(running), packets, lost, .. } = &mut *state else { return };
        match plane.diagnostics().trace_read(running.id, BATCH) {
            // The plane is away; it is asked again.
            Err(_) => {}
            Ok(batch) => {
                *packets += batch.packets.len() as u64;
                *lost += batch.lost;
                let ended = batch.ended;
                if let Err(error) = running.append(&batch, names) {
                    state.trouble = Some(error.to_string());
                    halt(&mut state, plane);
                } else if ended {
                    // It runs until it is stopped: this plane has been started anew.
                    match begin(plane, names, &running.filters) {
                        Ok(id) => running.id = id,
                        Err(error) => {
                            state.trouble = Some(error);
                            state.running = None;
                        }
                    }
                }
            }
        }
    }
}

/// The plane ends by itself what can't be ended now.
fn halt(state: &mut State, plane: &dyn DataPlane) {
    if let Some(running) = state.running.take() {
        let _ = plane.diagnostics().trace_stop(running.id);
    }
}

fn begin(
    plane: &dyn DataPlane,
    names: &NameTable,
    filters: &[(String, PacketQuery)],
) -> Result<TraceId, String> {
    let filters: Result<Vec<_>, _> = filters.iter().map(|(_, packets)| packets.filter(names)).collect();
    let filters = filters.map_err(|error| error.to_string())?;
    let request = TraceRequest { filters, kind: TraceKind::Path, packets: 0, for_s: 0 };
    plane.diagnostics().trace_start(&request).map_err(|error| error.to_string())
}

impl Running {
    fn append(&mut self, batch: &TraceBatch, names: &NameTable) -> std::io::Result<()> {
        let now_us = local_us();
        let mut lines = Vec::new();
        for packet in &batch.packets {
            self.tell(packet, (now_us, batch.now_ns), names, &mut lines);
        }
        if batch.lost > 0 {
            lines.push(format!("{}:CID-0:RT:{} packets were not traced", clock(now_us), batch.lost));
        }
        if let Some(pattern) = &self.pattern {
            lines.retain(|line| pattern.is_match(line));
        }
        self.out.append(&lines).1
    }

    /// The lines of one packet.
    fn tell(
        &self,
        traced: &TracedPacket,
        (now_us, now_ns): (i64, u64),
        names: &NameTable,
        lines: &mut Vec<String>,
    ) {
        let TracedPacket { packet, verdict, cause: _, findings, findings_lost } = traced;
        let ago_us = now_ns.saturating_sub(packet.at_ns) / 1000;
        let time = clock(now_us.saturating_sub(i64::try_from(ago_us).unwrap_or(i64::MAX)));
        let worker = packet.worker;
        let mut line = |text: String| lines.push(format!("{time}:CID-0:THREAD_ID-{:02}:RT:{text}", worker.0));
        let tuple = match &packet.key {
            Some(key) => format!("<{}/{}->{}/{};{}>", key.src, key.sport, key.dst, key.dport, key.proto.0),
            None => "<no IP packet>".to_owned(),
        };
        let zone = packet.interface.and_then(|unit| names.zone_of(unit, packet.from_host));
        let holds = |packets: &PacketQuery| {
            packets.filter(names).is_ok_and(|f| f.holds((packet.interface, zone), packet.key.as_ref()))
        };
        let filter = self.filters.iter().find(|(_, packets)| holds(packets));
        line(format!("{tuple} matched filter {}:", filter.map_or("N/A", |(name, _)| name)));
        let unit = if packet.from_host { None } else { packet.interface };
        line(format!("packet [{}] from {}", packet.bytes, names.unit(unit)));
        for finding in findings {
            let text = [&*finding.stage, &finding.subject, &finding.outcome];
            let text: Vec<_> = text.into_iter().filter(|part| !part.is_empty()).collect();
            line(format!("  {}", text.join(": ")));
        }
        if *findings_lost > 0 {
            line(format!("  {findings_lost} decisions not listed"));
        }
        line(match verdict {
            InjectVerdict::Forward { interface } => format!("  packet sent by {interface}"),
            InjectVerdict::Host { interface } => format!("  packet given to the host over {interface}"),
            InjectVerdict::Drop(reason) => format!("  packet dropped, {}", reason.text()),
            InjectVerdict::Consume => "  packet kept or answered".to_owned(),
        });
    }
}

fn clock(us: i64) -> String {
    let us = us.rem_euclid(DAY_US);
    let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
    format!("{:02}:{:02}:{:02}.{rest:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// One part of a path, that is none of the directories a path may go to.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(plain)
}

impl FlowTrace for FlowTracer {
    fn filter(&self, name: &str, packets: &PacketQuery) -> Result<(), String> {
        let filters = &mut self.state().filters;
        match filters.iter().position(|(known, _)| known == name) {
            Some(at) => filters[at].1 = packets.clone(),
            None if filters.len() >= FILTERS_MAX => {
                return Err(format!("there are {FILTERS_MAX} filters already"));
            }
            None => filters.push((name.to_owned(), packets.clone())),
        }
        Ok(())
    }

    fn clear(&self, name: Option<&str>) -> Result<(), String> {
        let mut state = self.state();
        let before = state.filters.len();
        state.filters.retain(|(known, _)| name.is_some_and(|name| name != known));
        match name {
            Some(name) if state.filters.len() == before => Err(format!("filter {name} not found")),
            _ => Ok(()),
        }
    }

    fn file(&self, file: &FlowFile) -> Result<(), String> {
        if !is_file_name(&file.name) {
            return Err(format!("{} is no name of a file", file.name));
        }
        let read = |pattern: &str| RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
        let pattern = file.pattern.as_deref().map(read).transpose();
        let pattern = pattern.map_err(|error| format!("match: {error}"))?;
        self.state().file = Some((file.clone(), pattern));
        Ok(())
    }

    fn start(&self, plane: &dyn DataPlane, names: &NameTable) -> Result<(), String> {
        let mut state = self.state();
        let Some((file, pattern)) = state.file.clone() else {
            return Err("Please specify the monitor flow trace file.".to_owned());
        };
        if state.filters.is_empty() {
            return Err("Please specify monitor security flow filter.".to_owned());
        }
        halt(&mut state, plane);
        let id = begin(plane, names, &state.filters)?;
        let out = RotatingFile::new(self.directory.join(&file.name), file.size, file.files);
        (state.packets, state.lost, state.trouble) = (0, 0, None);
        state.running = Some(Running { id, filters: state.filters.clone(), pattern, out });
        self.started.notify_all();
        Ok(())
    }

    fn stop(&self, plane: &dyn DataPlane) {
        halt(&mut self.state(), plane);
    }

    fn status(&self) -> FlowTraceStatus {
        let state = self.state();
        FlowTraceStatus {
            active: state.running.is_some(),
            file: state.file.as_ref().map(|(file, _)| self.directory.join(&file.name).display().to_string()),
            pattern: state.file.as_ref().and_then(|(file, _)| file.pattern.clone()),
            filters: state.filters.iter().map(|(name, packets)| FlowFilterLine::new(name, packets)).collect(),
            packets: state.packets,
            lost: state.lost,
            trouble: state.trouble.clone(),
        }
    }
}
