//! What a lease costs.
fn main() {}
