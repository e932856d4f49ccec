//! Candidate, commit history and atomic persistence of configurations.

mod candidate;
mod disk;
mod file;
mod store;

pub use candidate::Candidate;
pub use disk::{Directory, Disk};
pub use file::{Record, Stored};
pub use store::{HISTORY_MAX, Store, StoreError};
