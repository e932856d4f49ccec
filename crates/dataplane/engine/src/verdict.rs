//! What becomes of a packet.

use ravelin_types::{DropReason, InterfaceId, PortId};
use ravelin_wire::rewrite::Partial;

use crate::steer::HandOver;

/// Where a packet leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    Port(PortId),
    /// To the kernel, over this unit's TAP.
    Host(InterfaceId),
    /// To the other node of a cluster, by this port.
    Peer(PortId),
}

/// The one outcome of a packet. The backend still owns the frame and does as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it; `partial` says where a checksum waits to be finished (offsets in the frame).
    Send {
        egress: Egress,
        unit: InterfaceId,
        partial: Option<Partial>,
    },
    Drop(DropReason),
    /// The engine kept what it needs (held for a neighbour, or answered itself).
    Consume,
    /// It is another worker's: the frame goes there as it came.
    HandOver(HandOver),
}
