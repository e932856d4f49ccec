//! The configuration database: candidates and who edits them, commit history, and atomic persistence.
//!
//! Place: above the model, below `control`. State: the files of one directory, the candidates in memory. Nothing
//! here reads a clock: times come with the calls.

mod audit;
mod candidate;
mod changes;
mod database;
mod disk;
mod edit;
mod file;
mod merge;
mod schedule;
mod store;

pub use candidate::Candidate;
pub use changes::{changes, mask};
pub use database::{Database, EDITORS_MAX, EditError, EditMode, Editor, EditorId};
pub use disk::{Directory, Disk};
pub use file::{Heading, Record, Stored};
pub use merge::{Conflict, merge};
pub use schedule::{Scheduled, When};
pub use store::{Entry, Folded, Folding, HISTORY_MAX, Staged, Store, StoreError};
