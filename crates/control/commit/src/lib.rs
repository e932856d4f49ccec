//! Two-phase commit over every consumer of a configuration.
//!
//! Order: compile, check every consumer, record (write, fsync, rename: the commit point), apply. Up
//! to the commit point nothing has changed anywhere; after it the new configuration is the one that a
//! restart brings up.

mod book;
mod dataplane;
mod desired;
mod proposal;

pub use book::{BookFile, BookFileError};
pub use dataplane::PlaneConsumer;
pub use desired::desired;
pub use proposal::{Proposal, propose};

use ravelin_syntax::{Diagnostic, Span};

/// Something that enforces a part of a configuration.
pub trait Consumer {
    /// For messages.
    fn name(&self) -> &'static str;

    /// Says what can't be enforced, and gets everything ready so that `apply` can't fail for want of
    /// anything known now. Changes nothing that anybody sees.
    ///
    /// # Errors
    /// The statements that are refused.
    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>>;

    /// Enforces it.
    ///
    /// # Errors
    /// What went wrong; the consumer goes on with what it had.
    fn apply(&mut self, proposal: &Proposal) -> Result<(), String>;
}

/// Why a commit did not go through, or not everywhere.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing has changed.
    #[error("configuration check-out failed")]
    Refused(Vec<Diagnostic>),
    /// Nothing has changed.
    #[error("the configuration could not be recorded: {0}")]
    Record(String),
    /// The configuration is the active one, but these do not enforce it yet.
    #[error("committed, but not applied by {}", names(.0))]
    Partial(Vec<(&'static str, String)>),
}

fn names(failed: &[(&'static str, String)]) -> String {
    failed.iter().map(|(name, error)| format!("{name}: {error}")).collect::<Vec<_>>().join("; ")
}

/// Checks a proposal with every consumer.
///
/// # Errors
/// Every statement that any of them refuses.
pub fn check(proposal: &Proposal, consumers: &mut [&mut dyn Consumer]) -> Result<(), Vec<Diagnostic>> {
    let refused: Vec<_> =
        consumers.iter_mut().filter_map(|consumer| consumer.check(proposal).err()).flatten().collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Commits a proposal. `record` makes it the active configuration, whole or not at all.
///
/// # Errors
/// See [`CommitError`]; only `Partial` leaves anything changed.
pub fn commit(
    proposal: &Proposal,
    consumers: &mut [&mut dyn Consumer],
    record: impl FnOnce() -> Result<(), String>,
) -> Result<(), CommitError> {
    check(proposal, consumers).map_err(CommitError::Refused)?;
    record().map_err(CommitError::Record)?;
    apply(proposal, consumers)
}

/// Applies what is recorded already, as at a start.
///
/// # Errors
/// The consumers that do not enforce it.
pub fn apply(proposal: &Proposal, consumers: &mut [&mut dyn Consumer]) -> Result<(), CommitError> {
    let failed: Vec<_> = consumers
        .iter_mut()
        .filter_map(|consumer| consumer.apply(proposal).err().map(|error| (consumer.name(), error)))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(CommitError::Partial(failed)) }
}

/// A refusal that no text place is known for.
fn refused(path: String, message: String) -> Diagnostic {
    Diagnostic::error(path, Span::default(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let result = commit(&proposal, &mut [&mut one, &mut two], || {
            log.borrow_mut().push("record".into());
            if record { Ok(()) } else { Err("disk full".into()) }
        });
        let result = result.map_or_else(|e| e.to_string(), |()| "ok".into());
        (log.into_inner(), result)
    }

    #[test]
    fn everything_is_checked_before_the_commit_point_and_applied_after_it() {
        let (log, result) = run("", "", true);
        assert_eq!(log, ["one check", "two check", "record", "one apply", "two apply"]);
        assert_eq!(result, "ok");
    }

    #[test]
    fn one_refusal_leaves_everything_as_it_was() {
        assert_eq!(run("", "check", true).0, ["one check", "two check"]);
        assert_eq!(run("check", "", true).0, ["one check", "two check"]);
        assert_eq!(run("", "", false).0, ["one check", "two check", "record"]);
    }

    #[test]
    fn a_failure_after_the_commit_point_names_who_failed() {
        let (log, result) = run("apply", "", true);
        assert_eq!(log.last().unwrap(), "two apply");
        assert_eq!(result, "committed, but not applied by one: broken");
    }
}
