//! Memory for packets and events that a worker has once and for all, and how much of it is in use.

use ravelin_types::WorkerId;

/// What buffers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BufferKind {
    /// Packets that come and go.
    Packets,
    /// Packets longer than a buffer of those, where there may be any.
    LongPackets,
    /// Packets that wait for their next hop's address.
    Waiting,
    /// Fragments that wait for the first of their packet.
    Fragments,
    /// Events that nobody has fetched yet.
    Events,
}

impl BufferKind {
    pub const ALL: [Self; 5] =
        [Self::Packets, Self::LongPackets, Self::Waiting, Self::Fragments, Self::Events];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::LongPackets => "long",
            Self::Waiting => "waiting",
            Self::Fragments => "fragments",
            Self::Events => "events",
        }
    }
}

/// Buffers of one kind at one worker. `capacity` is the sum of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferCounters {
    pub worker: WorkerId,
    pub kind: BufferKind,
    /// Bytes of one; 0: they have no size.
    pub bytes: u32,
    pub capacity: u64,
    pub free: u64,
    /// With the links: for packets to come, and on their way out.
    pub lent: u64,
    pub used: u64,
    /// What found no room, since the worker started or flow statistics were cleared: packets dropped, events lost. `None`: it isn't
    /// counted for this kind.
    pub refused: Option<u64>,
}
