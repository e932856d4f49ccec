//! What every backend must do alike: the cases, the bench they stand on, the reference model, and
//! properties of whatever bytes come.
//!
//! Place: a test kit above `compile` and the backends; no product code uses it.

pub mod bench;
pub mod case;
pub mod datagram;
pub mod model;
pub mod properties;
