//! What every backend must do alike: the reference model, and the cases it is held against.
//!
//! Place: a test kit above `compile` and the backends; no product code uses it.

pub mod model;
