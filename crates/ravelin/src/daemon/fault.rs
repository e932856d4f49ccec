//! Places at which a test holds a commit, to end a process in the middle of it. They do nothing in release builds.

use std::path::Path;
use std::time::Duration;

use ravelin_commit::{Consumer, Proposal};
use ravelin_syntax::Diagnostic;

/// A directory: a commit that comes by a place whose name a file there has renames it to `NAME.reached`, and goes on when
/// that is gone.
const VARIABLE: &str = "RAVELIN_COMMIT_FAULT";
const POLL: Duration = Duration::from_millis(5);

/// Stands between two consumers: what it is asked, those before it were asked already.
pub struct FaultConsumer {
    pub prepare: Option<&'static str>,
    pub apply: Option<&'static str>,
}

impl Consumer for FaultConsumer {
    fn name(&self) -> &'static str {
        "fault"
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn prepare(&mut self, _: &Proposal) -> Result<(), String> {
        self.prepare.into_iter().for_each(place);
        Ok(())
    }

    fn apply(&mut self, _: &Proposal) -> Result<(), String> {
        self.apply.into_iter().for_each(place);
        Ok(())
    }
}

fn place(name: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(directory) = std::env::var_os(VARIABLE) else { return };
    let directory = Path::new(&directory);
    let reached = directory.join(format!("{name}.reached"));
    if std::fs::rename(directory.join(name), &reached).is_ok() {
        while reached.exists() {
            std::thread::sleep(POLL);
        }
    }
}
