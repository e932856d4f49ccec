//! The simulator backend: virtual ports, virtual clock, pcap replay.
//!
//! Place: a backend beside `afxdp`, on the same engine and the same plane. State: one worker whose
//! tasks run at once in the caller's thread. Same seed and packets, same result.

mod replay;
mod workers;

pub use replay::{Input, Judged, Replay, ReplayError, Summary};
pub use workers::{Sent, SentTo, SimPlane, SimSetup, SimWorkers};
