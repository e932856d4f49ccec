//! Engine and reference model agree on generated configurations and packet sequences.

mod kit;
mod nat;
mod policies;
