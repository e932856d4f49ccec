//! Traces and samples over all workers.
//!
//! The control thread makes all room that a trace needs and lends it to the workers; reading changes full room for empty.
//! A trace that nobody reads ends by itself at the workers, and is forgotten here when somebody asks next. State: the
//! traces that run. Spec: explain-1..16.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use ravelin_contract::{
    DropSample, DropSamples, Error, PacketHead, TRACE_FILTERS_MAX, TRACE_UNREAD_MAX_S, TRACES_MAX,
    TraceBatch, TraceId, TraceKind, TraceRequest, TracedPacket,
};
use ravelin_engine::{Armed, BATCH_MAX, FACTS_MAX, FlowKey, Head, Noted, Notes, Tape};
use ravelin_types::{Instant, WorkerId};

use crate::Plane;
use crate::explain::findings;
use crate::inspect::verdict;
use crate::workers::{Workers, ask, each};

/// Packets that were taken from the workers and not asked for yet: a reader that asks for few at a time.
const KEPT_MAX: usize = 4096;
const SECOND_NS: u64 = 1_000_000_000;

/// The traces that run.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    last: u64,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    id: TraceId,
    request: TraceRequest,
    ends: Instant,
    /// When it ends unless it is read.
    until: Instant,
    /// Packets that may still be told; `None`: any number.
    left: Option<u64>,
    kept: VecDeque<TracedPacket>,
    lost: u64,
    ended: bool,
}

fn traces<W>(plane: &Plane<W>) -> MutexGuard<'_, Traces> {
    plane.traces.lock().unwrap_or_else(PoisonError::into_inner)
}

fn later(now: Instant, seconds: u32) -> Instant {
    Instant(now.0.saturating_add(u64::from(seconds) * SECOND_NS))
}

fn clock<W: Workers>(plane: &Plane<W>) -> Result<Instant, Error> {
    ask(&plane.workers, WorkerId(0), |_, _, now| now)
}

pub(crate) fn start<W: Workers>(plane: &Plane<W>, request: &TraceRequest) -> Result<TraceId, Error> {
    if request.filters.len() > TRACE_FILTERS_MAX {
        return Err(Error::Backend(format!("a trace has at most {TRACE_FILTERS_MAX} filters")));
    }
    let now = clock(plane)?;
    let mut traces = traces(plane);
    let (over, running) = std::mem::take(&mut traces.running).into_iter().partition(|r| now >= r.until);
    traces.running = running;
    let over: Vec<Running> = over;
    for trace in over {
        disarm(plane, trace.id)?;
    }
    if traces.running.len() >= TRACES_MAX {
        return Err(Error::Backend(format!("{TRACES_MAX} packet traces run already")));
    }
    traces.last += 1;
    let ends = if request.for_s == 0 { Instant(u64::MAX) } else { later(now, request.for_s) };
    let trace = Running {
        id: TraceId(traces.last),
        request: request.clone(),
        ends,
        until: later(now, TRACE_UNREAD_MAX_S),
        left: (request.packets > 0).then_some(request.packets),
        kept: VecDeque::new(),
        lost: 0,
        ended: false,
    };
    for worker in each(&plane.workers) {
        if let Err(error) = arm(plane, worker, &trace) {
            // Those that answer let go of it; the first error is the one to tell.
            let _ = disarm(plane, trace.id);
            return Err(error);
        }
    }
    let id = trace.id;
    traces.running.push(trace);
    Ok(id)
}

fn arm<W: Workers>(plane: &Plane<W>, worker: WorkerId, trace: &Running) -> Result<(), Error> {
    let rest = TraceRequest { packets: trace.left.unwrap_or(0), ..trace.request.clone() };
    let armed = Armed::new(trace.id, &rest, (trace.ends, trace.until));
    let tapes = match trace.request.kind {
        TraceKind::Drops => Vec::new(),
        TraceKind::Path | TraceKind::DropPath => (0..BATCH_MAX).map(|_| Tape::with_room(FACTS_MAX)).collect(),
    };
    ask(&plane.workers, worker, move |state, _, _| state.arm(armed, tapes))
}

fn disarm<W: Workers>(plane: &Plane<W>, id: TraceId) -> Result<(), Error> {
    for worker in each(&plane.workers) {
        ask(&plane.workers, worker, move |state, _, _| state.disarm(id))?;
    }
    Ok(())
}

pub(crate) fn stop<W: Workers>(plane: &Plane<W>, id: TraceId) -> Result<(), Error> {
    traces(plane).running.retain(|trace| trace.id != id);
    disarm(plane, id)
}

pub(crate) fn read<W: Workers>(plane: &Plane<W>, id: TraceId, max: usize) -> Result<TraceBatch, Error> {
    let now = clock(plane)?;
    let mut traces = traces(plane);
    let Some(trace) = traces.running.iter_mut().find(|trace| trace.id == id) else {
        return Ok(TraceBatch { now_ns: now.0, ended: true, ..TraceBatch::default() });
    };
    if !trace.ended {
        collect(plane, trace, now)?;
    }
    let told = max.min(trace.kept.len());
    let batch = TraceBatch {
        now_ns: now.0,
        packets: trace.kept.drain(..told).collect(),
        lost: std::mem::take(&mut trace.lost),
        ended: trace.ended && trace.kept.is_empty(),
    };
    if batch.ended {
        traces.running.retain(|trace| trace.id != id);
        disarm(plane, id)?;
    }
    Ok(batch)
}

/// Takes what all workers have noted, in the order of time.
fn collect<W: Workers>(plane: &Plane<W>, trace: &mut Running, now: Instant) -> Result<(), Error> {
    let mut packets: Vec<TracedPacket> = Vec::new();
    trace.until = later(now, TRACE_UNREAD_MAX_S);
    let (id, until, mut live) = (trace.id, trace.until, false);
    for worker in each(&plane.workers) {
        let fresh = Notes::for_kind(trace.request.kind);
        let read =
            ask(&plane.workers, worker, move |state, _, now| state.read_trace(id, fresh, (now, until)))?;
        match read {
            Some((notes, more)) => {
                trace.lost += notes.lost;
                packets.extend(notes.iter().map(|noted| told(plane, worker, noted)));
                live |= more;
            }
            // A worker that died and came back knows nothing of it.
            None if now < trace.ends => {
                arm(plane, worker, trace)?;
                live = true;
            }
            None => {}
        }
    }
    packets.sort_by_key(|packet| packet.packet.at_ns);
    let room = KEPT_MAX - trace.kept.len().min(KEPT_MAX);
    let wanted = trace.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
    trace.lost += packets.len().min(wanted).saturating_sub(room) as u64;
    packets.truncate(room.min(wanted));
    if let Some(left) = &mut trace.left {
        *left -= packets.len() as u64;
    }
    trace.kept.extend(packets);
    trace.ended = !live || trace.left == Some(0) || now >= trace.ends;
    Ok(())
}

fn told<W: Workers>(plane: &Plane<W>, worker: WorkerId, noted: &Noted) -> TracedPacket {
    let Noted { head, verdict: end, cause, tape } = noted;
    // Names are those of the program that runs by now.
    let rules = plane.rules();
    let (verdict, findings) = match &rules {
        Some(rules) => (verdict(rules, Some(*end)), findings(tape.facts(), rules)),
        None => (ravelin_contract::InjectVerdict::Consume, Vec::new()),
    };
    TracedPacket { packet: kept(worker, head), verdict, cause: *cause, findings, findings_lost: tape.lost }
}

fn kept(worker: WorkerId, head: &Head) -> PacketHead {
    PacketHead {
        at_ns: head.at.0,
        worker,
        interface: head.unit,
        from_host: head.from_host,
        key: head.key.as_ref().map(FlowKey::to_session_key),
        bytes: head.bytes,
        head: head.head().to_vec(),
    }
}

pub(crate) fn samples<W: Workers>(plane: &Plane<W>, max: usize) -> Result<DropSamples, Error> {
    let now = clock(plane)?;
    let mut samples: Vec<DropSample> = Vec::new();
    for worker in each(&plane.workers).filter(|_| max > 0) {
        let of_worker: Vec<_> =
            ask(&plane.workers, worker, |state, _, _| state.drop_samples().copied().collect())?;
        samples.extend(of_worker.iter().map(|sample| DropSample {
            packet: kept(worker, &sample.head),
            reason: sample.reason,
            cause: sample.cause,
        }));
    }
    samples.sort_by_key(|sample| Reverse(sample.packet.at_ns));
    samples.truncate(max);
    Ok(DropSamples { now_ns: now.0, samples })
}

pub(crate) fn clear_samples<W: Workers>(plane: &Plane<W>) -> Result<(), Error> {
    for worker in each(&plane.workers) {
        ask(&plane.workers, worker, |state, _, _| state.clear_drop_samples())?;
    }
    Ok(())
}
