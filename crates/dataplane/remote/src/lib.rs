//! The contract over a unix socket: client, server and protobuf messages.
//!
//! Place: beside the backends. [`Server`] puts any `DataPlane` behind a socket, [`Client`] is a
//! `DataPlane` in front of it; neither knows what moves the packets. Blocking threads only, every
//! wait with a deadline, every message and table with a bound.

mod client;
mod convert;
pub mod frame;
mod hello;
mod listen;
mod server;

pub use client::{Client, ConnectError, Traffic};
pub use convert::{Malformed, Read, Wire};
pub use frame::{FrameError, MESSAGE_MAX};
pub use hello::{CAPABILITIES, HelloError, VERSION};
pub use listen::{ListenError, listen};
pub use server::{CONNECTIONS_MAX, Server, converse};

/// The generated message types.
#[allow(clippy::all, missing_docs, rustdoc::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/ravelin.dataplane.rs"));
}
