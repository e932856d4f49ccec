//! Commands end to end: a line typed, the text printed, over a firewall without packets.

mod commits;
mod configuration;
mod counters;
mod detail;
mod dynamic;
mod every;
mod firewall;
mod gates;
mod log;
mod metrics;
mod nat_state;
mod nat_tables;
mod operational;
mod routes;
mod screens;
mod sessions;
mod support;
mod views;
mod watch;
