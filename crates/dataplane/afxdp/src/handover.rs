//! Handing the bound sockets, and all that hangs on them, over to a successor process.
//!
//! Place: beside the workers, over a unix socket of its own (proto/ravelin/handover.proto). Two phases: while the
//! predecessor works on, the successor maps the packet memory and every ring, builds the program and takes sessions in;
//! then the workers stand still at the edge of a batch, what is left goes over, and one word makes it so. Whatever fails
//! before that word leaves the predecessor as it was. After it only the successor is there: should it die, the shim drops
//! within 80 ms, as ever. State: none beyond the conversation.

mod channel;
mod counters;
pub(crate) mod fault;
mod frozen;
mod give;
mod hello;
mod parts;
mod standing;
mod take;
mod transfer;
mod whole;

use std::time::Duration;

pub use channel::ChannelError;
pub use give::{GiveError, Given, Giver};
pub use hello::HelloError;
pub use take::{Offer, Step, TakeError, Taken};
pub use transfer::{ImportError, StateExport, StateTransfer};

pub use whole::WholeState;

pub(crate) use frozen::Frozen;

/// The generated message types.
#[allow(clippy::all, missing_docs, rustdoc::all)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/ravelin.handover.rs"));
}

/// How long either side may take over a step that can wait: building a large program is the longest.
const STEP_MAX: Duration = Duration::from_secs(120);
/// How long the workers stand still for a successor that does not answer. Frames wait in the rings meanwhile.
const SWITCH_MAX: Duration = Duration::from_secs(1);
