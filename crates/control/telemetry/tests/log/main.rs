//! The security log from records to collectors.

mod decisions;
mod delivery;
mod events;
mod golden;
mod roundtrip;
mod support;
mod tls;
