//! What a worker has of memory for packets and events, and how much of it is in use.

use ravelin_contract::{BufferCounters, BufferKind};
use ravelin_types::DropReason;

use crate::counters::PacketBuffers;
use crate::output::ANSWER_LEN_MAX;
use crate::state::State;

impl State {
    /// Every kind of buffer of this worker. Packet memory is the backend's; one without has none.
    #[must_use]
    pub fn buffers(&self) -> [BufferCounters; 5] {
        let worker = self.worker;
        let drops = |reason: DropReason| self.counters.drops[reason.index()];
        let own = |kind, bytes: usize, (used, capacity): (usize, usize), refused| {
            let (used, capacity) = (used as u64, capacity as u64);
            let free = capacity - used;
            let refused = Some(refused);
            BufferCounters { worker, kind, bytes: bytes as u32, capacity, free, lent: 0, used, refused }
        };
        let of_backend = |kind, memory: PacketBuffers| {
            let PacketBuffers { bytes, capacity, free, lent } = memory;
            let used = capacity - free - lent;
            BufferCounters { worker, kind, bytes, capacity, free, lent, used, refused: None }
        };
        let [packets, longs] = self.counters.buffers;
        let (fragment_bytes, fragments) = self.fragments.buffers();
        [
            of_backend(BufferKind::Packets, packets),
            of_backend(BufferKind::LongPackets, longs),
            own(BufferKind::Waiting, ANSWER_LEN_MAX, self.hold.buffers(), drops(DropReason::HoldQueueFull)),
            own(BufferKind::Fragments, fragment_bytes, fragments, drops(DropReason::FragmentHoldFull)),
            own(BufferKind::Events, 0, self.events.waiting(), self.events.lost),
        ]
    }
}
