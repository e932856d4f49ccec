//! The binary: wiring only.
fn main() {}
