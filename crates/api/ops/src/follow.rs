//! Output that is not told at once: what goes on until the operator has seen enough (`monitor security packet-drop`), and what
//! is too long, such as a list of all sessions.
//!
//! State, kept in the operator's session: a trace in the plane, or a place in a list. The client asks for more; another line, or
//! the end of the connection, ends it. Spec: explain-8..10.

use ravelin_contract::{DataPlane, InjectVerdict, TraceBatch, TraceId, TraceKind, TraceRequest};

use crate::answer::Answer;
use crate::flowing::Flowing;
use crate::gather::{self, Failure, Listing};
use crate::pipe::{Pipe, PipeError};
use crate::request::SessionQuery;
use crate::session::{Env, Fault, Reply, Session, shown};
use crate::watch::{DropQuery, DropRecords};

/// Packets of one answer.
const SHOWN_MAX: usize = 512;

/// Longest text of one answer.
pub(crate) const TEXT_MAX: usize = 4 << 20;

/// What goes on.
#[derive(Clone, Debug)]
pub enum Follow {
    Drops(Drops),
    Sessions(Box<Sessions>),
    /// The rest of a text that is too long for one answer.
    Text(String),
}

/// Sessions, a part at a time, in the form that was asked for.
#[derive(Clone, Debug)]
pub struct Sessions {
    listing: Listing,
    display: Vec<Pipe>,
    pipes: Vec<Flowing>,
}

/// Drops as they happen.
#[derive(Clone, Debug)]
pub struct Drops {
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
    session.follow = Some(Follow::Drops(Drops { trace, query, left, pipes: pipes.to_vec() }));
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

/// Begins a list of sessions; nothing of it is told yet.
pub(crate) fn list(
    env: &Env<'_>,
    session: &mut Session,
    (query, extensive): (SessionQuery, bool),
    pipes: &[Pipe],
) -> Result<Reply, Fault> {
    let listing = Listing::new(env, query, extensive)?;
    let display = pipes.iter().filter(|pipe| matches!(pipe, Pipe::Display(_))).cloned().collect();
    let pipes = pipes.iter().map(Flowing::new).collect();
    session.follow = Some(Follow::Sessions(Box::new(Sessions { listing, display, pipes })));
    Ok(Reply { part: true, ..Reply::default() })
}

/// What a line answers, cut where it is too long for one answer.
pub(crate) fn cut(session: &mut Session, mut reply: Reply) -> Reply {
    if reply.output.len() > TEXT_MAX && session.follow.is_none() && reply.ask.is_none() {
        let rest = reply.output.split_off(reply.output.floor_char_boundary(TEXT_MAX));
        session.follow = Some(Follow::Text(rest));
        reply.part = true;
    }
    reply
}

/// What came since the last time, or comes next.
pub(crate) fn more(env: &Env<'_>, session: &mut Session) -> Result<Reply, Fault> {
    match session.follow.take() {
        None => Ok(Reply::default()),
        Some(Follow::Text(output)) => Ok(cut(session, Reply { output, ..Reply::default() })),
        Some(Follow::Sessions(mut sessions)) => {
            let Sessions { listing, display, pipes } = &mut *sessions;
            let list = listing.part(env)?;
            let part = !list.last;
            let text = shown(env, &Answer::Sessions(list), display)?.output;
            let output = Flowing::all(pipes, text, !part);
            if part {
                session.follow = Some(Follow::Sessions(sessions));
            }
            Ok(Reply { output, part, ..Reply::default() })
        }
        Some(Follow::Drops(drops)) => more_drops(env, session, drops),
    }
}

fn more_drops(env: &Env<'_>, session: &mut Session, mut drops: Drops) -> Result<Reply, Fault> {
    let most = drops.left.map_or(SHOWN_MAX, |left| SHOWN_MAX.min(left as usize));
    let batch = env.plane.diagnostics().trace_read(drops.trace, most).map_err(Failure::from)?;
    let (records, lost) = (records(env, &batch), batch.lost);
    if let Some(left) = &mut drops.left {
        *left = left.saturating_sub(records.records.len() as u32);
    }
    let mut output = env.render.text(&Answer::Drops(records));
    output = drops.pipes.iter().fold(output, |text, pipe| pipe.apply(text));
    if lost > 0 {
        output.push_str(&format!("({lost} packets came too fast to be looked at)\n"));
    }
    if drops.left == Some(0) {
        session.follow = Some(Follow::Drops(drops));
        stop(env.plane, session);
        return Ok(Reply { output, ..Reply::default() });
    }
    if batch.ended {
        // The plane was started anew, or nobody had asked for too long.
        drops.trace = start(env, &drops.query)?;
    }
    session.follow = Some(Follow::Drops(drops));
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
    if let Some(Follow::Drops(drops)) = session.follow.take() {
        let _ = plane.diagnostics().trace_stop(drops.trace);
    }
}
