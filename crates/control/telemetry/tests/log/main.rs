//! The security log from records to collectors.

mod binary;
mod catalogue;
mod decisions;
mod delivery;
mod events;
mod golden;
mod roundtrip;
mod support;
mod table;
mod tls;
mod tracking;
