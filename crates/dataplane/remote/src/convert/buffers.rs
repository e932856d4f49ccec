//! Buffers. Kinds travel by name: one of another version is left out.

use ravelin_contract::{BufferCounters, BufferKind};
use ravelin_types::WorkerId;

use super::{Read, small};
use crate::proto;

/// For the wire.
pub(crate) fn buffers(all: &[BufferCounters]) -> proto::Buffers {
    let one = |counters: &BufferCounters| {
        let BufferCounters { worker, kind, bytes, capacity, free, lent, used, refused } = *counters;
        let kind = kind.name().to_owned();
        proto::BufferCounters { worker: worker.0.into(), kind, bytes, capacity, free, lent, used, refused }
    };
    proto::Buffers { counters: all.iter().map(one).collect() }
}

/// Those of kinds that are known here.
pub(crate) fn known_buffers(message: &proto::Buffers) -> Read<Vec<BufferCounters>> {
    let mut out = Vec::with_capacity(message.counters.len());
    for counters in &message.counters {
        let proto::BufferCounters { worker, ref kind, bytes, capacity, free, lent, used, refused } =
            *counters;
        let Some(kind) = BufferKind::ALL.into_iter().find(|known| known.name() == kind) else { continue };
        let worker = WorkerId(small("worker", worker)?);
        out.push(BufferCounters { worker, kind, bytes, capacity, free, lent, used, refused });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_survive_and_others_are_left_out() {
        let one = |kind| BufferCounters {
            worker: WorkerId(3),
            kind,
            bytes: 4096,
            capacity: 10,
            free: 7,
            lent: 2,
            used: 1,
            refused: (kind == BufferKind::Events).then_some(7),
        };
        let all = BufferKind::ALL.map(one);
        let mut message = buffers(&all);
        message
            .counters
            .insert(1, proto::BufferCounters { kind: "later".into(), ..message.counters[0].clone() });
        assert_eq!(known_buffers(&message).unwrap(), all);
        message.counters[0].worker = 256;
        assert!(known_buffers(&message).is_err());
    }
}
