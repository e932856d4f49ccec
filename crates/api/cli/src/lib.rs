//! The operator's shell: a thin client of the daemon's command engine, and the socket the daemon serves it on.
//!
//! Place: above `ops`. The client holds no state but the connection; every word is judged by the daemon.

mod client;
mod deliver;
mod editor;
mod frame;
mod pager;
mod run;
mod serve;
mod shell;

pub use client::{Client, ClientError};
pub use run::{Ending, Options, run, split_commands};
pub use serve::{Limits, Peer, Talk, serve};
