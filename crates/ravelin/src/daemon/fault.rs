//! Faults that a test asks for: places at which it holds a commit, to end a process in the middle of it, and consumers that
//! fail at its word. They do nothing in release builds.

use std::path::PathBuf;
use std::time::Duration;

use ravelin_commit::{Consumer, Proposal};
use ravelin_syntax::{Diagnostic, Span};

/// A directory. A commit that comes by a place whose name a file there has renames it to `NAME.reached`, and goes on when
/// that is gone. A consumer fails at a step as often as the file `CONSUMER.STEP` says, which goes with the last time; blanks
/// in the consumer's name are `-` there.
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

/// Where a consumer may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Check,
    Prepare,
    Apply,
    /// It is applied, and the answer is lost.
    Answer,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Prepare => "prepare",
            Self::Apply => "apply",
            Self::Answer => "answer",
        }
    }
}

/// A consumer that fails where `fails` says so of its name and the step.
pub struct Faulty<'a, F> {
    pub inner: Box<dyn Consumer + 'a>,
    pub fails: F,
}

impl<F: Fn(&str, Step) -> bool> Faulty<'_, F> {
    fn fails(&self, step: Step) -> Result<(), String> {
        if (self.fails)(self.inner.name(), step) { Err(format!("fault at {}", step.name())) } else { Ok(()) }
    }
}

impl<F: Fn(&str, Step) -> bool> Consumer for Faulty<'_, F> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>> {
        self.fails(Step::Check).map_err(|e| vec![Diagnostic::error(String::new(), Span::default(), e)])?;
        self.inner.check(proposal)
    }

    fn prepare(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.fails(Step::Prepare)?;
        self.inner.prepare(proposal)
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.fails(Step::Apply)?;
        self.inner.apply(proposal)?;
        self.fails(Step::Answer)
    }

    fn abort(&mut self) {
        self.inner.abort();
    }

    fn is_elsewhere(&self) -> bool {
        self.inner.is_elsewhere()
    }
}

/// Whether a test wants the consumer to fail at the step now.
pub fn is_wanted(consumer: &str, step: Step) -> bool {
    let Some(directory) = directory() else { return false };
    let file = directory.join(format!("{}.{}", consumer.replace(' ', "-"), step.name()));
    let Ok(text) = std::fs::read_to_string(&file) else { return false };
    let left = text.trim().parse::<u32>().unwrap_or(1).saturating_sub(1);
    let told = match left {
        0 => std::fs::remove_file(&file),
        left => std::fs::write(&file, left.to_string()),
    };
    if let Err(error) = told {
        tracing::error!(%error, file = %file.display(), "A fault can't be counted.");
    }
    true
}

fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os(VARIABLE).filter(|_| cfg!(debug_assertions));
    directory.map(PathBuf::from)
}

fn place(name: &str) {
    let Some(directory) = directory() else { return };
    let reached = directory.join(format!("{name}.reached"));
    if std::fs::rename(directory.join(name), &reached).is_ok() {
        while reached.exists() {
            std::thread::sleep(POLL);
        }
    }
}
