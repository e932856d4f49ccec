//! Check, prepare, record, apply or abort.

use ravelin_syntax::{Diagnostic, Span};

use crate::Proposal;

/// How often a consumer is asked to apply before it counts as failed.
const APPLY_TRIES: usize = 2;

/// Something that enforces a part of a configuration.
pub trait Consumer {
    /// For messages.
    fn name(&self) -> &'static str;

    /// Says what can't be enforced. Changes nothing that anybody sees; may get ready already.
    ///
    /// # Errors
    /// The statements that are refused.
    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>>;

    /// Gets everything ready so that `apply` can't fail for want of anything known now. Changes nothing that anybody
    /// sees.
    ///
    /// # Errors
    /// What is missing.
    fn prepare(&mut self, proposal: &Proposal) -> Result<(), String> {
        let _ = proposal;
        Ok(())
    }

    /// Enforces it. Asked again after a failure, it goes on from whatever it reached.
    ///
    /// # Errors
    /// What went wrong; the consumer goes on with what it had.
    fn apply(&mut self, proposal: &Proposal) -> Result<(), String>;

    /// Forgets what was checked and prepared: it will not be applied.
    fn abort(&mut self) {}

    /// On another node: it is not troubled with what fails here.
    fn is_elsewhere(&self) -> bool {
        false
    }
}

impl<C: Consumer + ?Sized> Consumer for &mut C {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>> {
        (**self).check(proposal)
    }

    fn prepare(&mut self, proposal: &Proposal) -> Result<(), String> {
        (**self).prepare(proposal)
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        (**self).apply(proposal)
    }

    fn abort(&mut self) {
        (**self).abort();
    }

    fn is_elsewhere(&self) -> bool {
        (**self).is_elsewhere()
    }
}

/// All consumers, in the order they are asked.
pub type Consumers<'a> = Vec<Box<dyn Consumer + 'a>>;

/// Why a commit did not go through, or not everywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing has changed.
    #[error("configuration check-out failed")]
    Refused(Vec<Diagnostic>),
    /// Nothing has changed.
    #[error("{0} can't get ready: {1}")]
    Prepare(&'static str, String),
    /// Nothing has changed.
    #[error("the configuration could not be recorded: {0}")]
    Record(String),
    /// The old configuration is the active one again, everywhere.
    #[error("not applied by {}; the configuration was rolled back", names(.0))]
    RolledBack(Vec<(&'static str, String)>),
    /// The configuration is the active one, but these do not enforce it yet; they are asked until they do.
    #[error("committed, but not yet applied by {}", names(.0))]
    Partial(Vec<(&'static str, String)>),
}

impl CommitError {
    /// What to tell the operator, one a finding.
    #[must_use]
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Refused(list) => list,
            other => vec![refused(String::new(), other.to_string())],
        }
    }
}

pub(crate) fn names(failed: &[(&'static str, String)]) -> String {
    failed.iter().map(|(name, error)| format!("{name}: {error}")).collect::<Vec<_>>().join("; ")
}

/// Checks a proposal with every consumer.
///
/// # Errors
/// Every statement that any of them refuses.
pub fn check(proposal: &Proposal, consumers: &mut Consumers<'_>) -> Result<(), Vec<Diagnostic>> {
    let mut refused = Vec::new();
    for consumer in consumers {
        if refused.is_empty() || !consumer.is_elsewhere() {
            refused.extend(consumer.check(proposal).err().into_iter().flatten());
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Commits a proposal. `record` makes it the active configuration, whole or not at all.
///
/// # Errors
/// See [`CommitError`]; only `Partial` leaves anything changed.
pub fn commit(
    proposal: &Proposal,
    consumers: &mut Consumers<'_>,
    record: impl FnOnce() -> Result<(), String>,
) -> Result<(), CommitError> {
    let ready = check(proposal, consumers)
        .map_err(CommitError::Refused)
        .and_then(|()| prepare(proposal, consumers))
        .and_then(|()| record().map_err(CommitError::Record));
    if let Err(error) = ready {
        consumers.iter_mut().for_each(|consumer| consumer.abort());
        return Err(error);
    }
    apply(proposal, consumers)
}

fn prepare(proposal: &Proposal, consumers: &mut Consumers<'_>) -> Result<(), CommitError> {
    for consumer in consumers {
        consumer.prepare(proposal).map_err(|error| CommitError::Prepare(consumer.name(), error))?;
    }
    Ok(())
}

/// Applies what is recorded already, as at a start.
///
/// # Errors
/// The consumers that do not enforce it.
pub fn apply(proposal: &Proposal, consumers: &mut Consumers<'_>) -> Result<(), CommitError> {
    let mut failed = Vec::new();
    for consumer in consumers {
        if !failed.is_empty() && consumer.is_elsewhere() {
            consumer.abort();
            continue;
        }
        let mut last = Ok(());
        for _ in 0..APPLY_TRIES {
            last = consumer.apply(proposal);
            if last.is_ok() {
                break;
            }
        }
        failed.extend(last.err().map(|error| (consumer.name(), error)));
    }
    if failed.is_empty() { Ok(()) } else { Err(CommitError::Partial(failed)) }
}

/// A refusal that no text place is known for.
pub(crate) fn refused(path: String, message: String) -> Diagnostic {
    Diagnostic::error(path, Span::default(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propose;
    use ravelin_compile::{IdBook, Resolved};
    use ravelin_model::load;
    use ravelin_types::Generation;

    /// Notes what it was asked, and fails where it is told to.
    struct Fake<'a> {
        name: &'static str,
        fails: &'static str,
        log: &'a std::cell::RefCell<Vec<String>>,
    }

    impl Consumer for Fake<'_> {
        fn name(&self) -> &'static str {
            self.name
        }

        fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
            self.log.borrow_mut().push(format!("{} check", self.name));
            if self.fails == "check" { Err(vec![refused("x".into(), "no".into())]) } else { Ok(()) }
        }

        fn prepare(&mut self, _: &Proposal) -> Result<(), String> {
            self.log.borrow_mut().push(format!("{} prepare", self.name));
            if self.fails == "prepare" { Err("no room".into()) } else { Ok(()) }
        }

        fn abort(&mut self) {
            self.log.borrow_mut().push(format!("{} abort", self.name));
        }

        fn apply(&mut self, _: &Proposal) -> Result<(), String> {
            self.log.borrow_mut().push(format!("{} apply", self.name));
            if self.fails == "apply" { Err("broken".into()) } else { Ok(()) }
        }
    }

    fn run(first: &'static str, second: &'static str, record: bool) -> (Vec<String>, String) {
        let valid = load("set system host-name a").result.unwrap();
        let proposal = propose(&valid, Resolved::default(), &mut IdBook::default(), Generation(1)).unwrap();
        let log = std::cell::RefCell::new(Vec::new());
        let mut one = Fake { name: "one", fails: first, log: &log };
        let mut two = Fake { name: "two", fails: second, log: &log };
        let mut consumers: Consumers<'_> = vec![Box::new(&mut one), Box::new(&mut two)];
        let result = commit(&proposal, &mut consumers, || {
            log.borrow_mut().push("record".into());
            if record { Ok(()) } else { Err("disk full".into()) }
        });
        let result = result.map_or_else(|e| e.to_string(), |()| "ok".into());
        (log.take(), result)
    }

    const READY: [&str; 5] = ["one check", "two check", "one prepare", "two prepare", "record"];
    const ABORT: [&str; 2] = ["one abort", "two abort"];

    #[test]
    fn everything_is_checked_before_the_commit_point_and_applied_after_it() {
        let (log, result) = run("", "", true);
        assert_eq!(log, [&READY[..], &["one apply", "two apply"]].concat());
        assert_eq!(result, "ok");
    }

    #[test]
    fn one_refusal_leaves_everything_as_it_was() {
        assert_eq!(run("", "check", true).0, [&READY[..2], &ABORT].concat());
        assert_eq!(run("check", "", true).0, [&READY[..2], &ABORT].concat());
        assert_eq!(run("", "prepare", true).0, [&READY[..4], &ABORT].concat());
        assert_eq!(run("prepare", "", true).0, [&READY[..3], &ABORT].concat());
        assert_eq!(run("", "", false).0, [&READY[..], &ABORT].concat());
    }

    #[test]
    fn a_failure_after_the_commit_point_is_tried_again_and_names_who_failed() {
        let (log, result) = run("apply", "", true);
        assert_eq!(log[5..], ["one apply", "one apply", "two apply"]);
        assert_eq!(result, "committed, but not yet applied by one: broken");
    }
}
