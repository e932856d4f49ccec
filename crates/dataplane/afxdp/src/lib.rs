//! The AF_XDP backend: shim, UMEM, rings, workers.

mod bpffs;
mod cycle;
mod ethtool;
mod group;
mod handover;
mod heartbeat;
mod inherit;
mod lane;
mod layout;
mod pieces;
mod ring;
mod shim;
mod socket;
mod tap;
mod umem;
mod worker;
mod workers;

pub use bpffs::{DEFAULT_PINS, PinsError};
pub use group::{ChecksumOffload, Group, GroupCounters, GroupError};
pub use handover::{
    ChannelError, GiveError, Given, Giver, HelloError, ImportError, Offer, StateExport, StateTransfer, Step,
    TakeError, Taken, WholeState,
};
pub use heartbeat::{BEAT_PERIOD_MAX, Beat, Heartbeat, QUEUES_MAX};
pub use layout::DeviceError;
pub use shim::{AttachMode, PortShim, ShimDrops, ShimError, Shims};
pub use socket::{CopyMode, QueueAt, SocketConfig, SocketCounters, SocketError};
pub use tap::TapError;
pub use umem::{BadDescriptor, CHUNK_SIZE, Census, FRAME_LEN_MAX, Frame, HEADROOM, LONG_LEN_MAX, Umem};
pub use workers::{AfxdpError, AfxdpPlane, AfxdpSetup, AfxdpWorkers, IN_SERVICE_UPGRADE};
