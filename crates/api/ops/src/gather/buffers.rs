//! Memory for packets and events, by worker.

use ravelin_contract::BufferCounters;

use super::Failure;
use crate::session::Env;
use crate::watch::BufferLine;

pub(crate) fn buffers(env: &Env<'_>) -> Result<Vec<BufferLine>, Failure> {
    let line = |counters: BufferCounters| {
        let BufferCounters { worker, kind, bytes, capacity, free, lent, used, refused } = counters;
        BufferLine {
            worker: worker.0,
            kind: kind.name().to_owned(),
            bytes,
            capacity,
            free,
            lent,
            used,
            refused,
        }
    };
    Ok(env.plane.telemetry().buffers()?.into_iter().map(line).collect())
}
