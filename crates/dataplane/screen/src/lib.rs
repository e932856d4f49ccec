//! Screens: what is dropped or answered before a packet costs a session.
//!
//! Junos: `security screen ids-option`. Place: called by the engine, first thing on both paths. Pure: bytes,
//! facts and time come in, a verdict goes out. State: `Meters`, fixed arrays of atomics that all workers share
//! (docs/adr/0004-screen-meters.md); everything else is a value. Spec: screen-1..60.

mod check;
pub mod cookie;
mod meter;
mod packet;
mod profile;
mod proxy;
mod ranges;
mod stateless;

pub use check::{ScreenAction, ScreenVerdict, check_error, check_fast, check_first, check_later, check_rest};
pub use meter::{Meters, MetersSize, Reservation, SessionHold, SilentHold};
pub use packet::{Packet, Surroundings, Way};
pub use profile::{Profile, ScreenTable};
pub use proxy::{HalfOpen, ProxyQueue};
pub use ravelin_program::{Screen, ScreenSet};
pub use stateless::clear_urgent;
