//! Output that goes on until the operator has seen enough: `monitor security packet-drop`.
//!
//! State: a trace in the plane, kept in the operator's session. The client asks for more; another line, or the end of the
//! connection, ends the trace. Spec: explain-8..10.

use ravelin_contract::{DataPlane, InjectVerdict, TraceBatch, TraceId, TraceKind, TraceRequest};

use crate::answer::Answer;
use crate::gather::{self, Failure};
use crate::pipe::{Pipe, PipeError};
use crate::session::{Env, Fault, Reply, Session};
use crate::watch::{DropQuery, DropRecords};

/// Packets of one answer.
const SHOWN_MAX: usize = 512;

/// What goes on.
#[derive(Clone, Debug)]
pub struct Follow {
    trace: TraceId,
    query: DropQuery,
    /// Records that are still to be shown; `None`: any number.
    left: Option<u32>,
    pipes: Vec<Pipe>,
}

/// Begins to follow drops.
pub(crate) fn begin(
    env: &Env<'_>,
    session: &mut Session,
    query: DropQuery,
    pipes: &[Pipe],
) -> Result<Reply, Fault> {
    for pipe in pipes {
        match pipe {
            Pipe::Match(_) | Pipe::Except(_) | Pipe::Trim(_) | Pipe::NoMore => {}
            Pipe::Count | Pipe::Last(_) | Pipe::Find(_) | Pipe::Display(_) | Pipe::Compare(_) => {
                let what = "of what does not end".to_owned();
                return Err(PipeError::Unsupported(what).into());
            }
        }
    }
    let trace = start(env, &query)?;
    let left = query.count;
    session.follow = Some(Follow { trace, query, left, pipes: pipes.to_vec() });
    Ok(Reply { output: "Starting packet drop:\n".to_owned(), follow: true, ..Reply::default() })
}

fn start(env: &Env<'_>, query: &DropQuery) -> Result<TraceId, Failure> {
    let request = TraceRequest {
        filters: vec![query.packets.filter(env.names)?],
        kind: TraceKind::Drops,
        // Without a bound of its own: the plane must not end what is still being read.
        packets: 0,
        for_s: 0,
    };
    Ok(env.plane.diagnostics().trace_start(&request)?)
}

/// What came since the last time.
pub(crate) fn more(env: &Env<'_>, session: &mut Session) -> Result<Reply, Fault> {
    let Some(follow) = &mut session.follow else { return Ok(Reply::default()) };
    let most = follow.left.map_or(SHOWN_MAX, |left| SHOWN_MAX.min(left as usize));
    let batch = env.plane.diagnostics().trace_read(follow.trace, most).map_err(Failure::from)?;
    let (records, lost) = (records(env, &batch), batch.lost);
    if let Some(left) = &mut follow.left {
        *left = left.saturating_sub(records.records.len() as u32);
    }
    let mut output = env.render.text(&Answer::Drops(records));
    output = follow.pipes.iter().fold(output, |text, pipe| pipe.apply(text));
    if lost > 0 {
        output.push_str(&format!("({lost} packets came too fast to be looked at)\n"));
    }
    if follow.left == Some(0) {
        stop(env.plane, session);
        return Ok(Reply { output, ..Reply::default() });
    }
    if batch.ended {
        // The plane was started anew, or nobody had asked for too long.
        follow.trace = start(env, &follow.query)?;
    }
    Ok(Reply { output, follow: true, ..Reply::default() })
}

fn records(env: &Env<'_>, batch: &TraceBatch) -> DropRecords {
    let dropped = batch.packets.iter().filter_map(|traced| match traced.verdict {
        InjectVerdict::Drop(reason) => {
            Some(gather::drop_record(env, batch.now_ns, &traced.packet, (reason, traced.cause)))
        }
        InjectVerdict::Forward { .. } | InjectVerdict::Host { .. } | InjectVerdict::Consume => None,
    });
    DropRecords { records: dropped.collect() }
}

/// Ends what goes on. The plane ends by itself what can't be ended now.
pub fn stop(plane: &dyn DataPlane, session: &mut Session) {
    if let Some(follow) = session.follow.take() {
        let _ = plane.diagnostics().trace_stop(follow.trace);
    }
}
