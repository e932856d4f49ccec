//! Checks across statements: everything must resolve before a configuration is valid.

mod applications;
mod firewall;
mod flow;
mod interfaces;
mod log;
mod mirror;
mod names;
mod nat;
mod persistent;
mod policies;
mod pool;
mod proxy;
mod routes;
mod screens;
mod system;
mod zones;

use std::sync::Arc;

use ravelin_syntax::{Diagnostic, Span};

use crate::{AddressNames, Config, Policies, ValidConfig};

/// Every error at once, or the witness that there is none.
pub fn check(config: Config) -> Result<ValidConfig, Vec<Diagnostic>> {
    check_after(config, None)
}

/// A configuration that passed.
#[derive(Clone, Copy)]
pub(crate) struct Earlier<'a> {
    /// Its policies as they were lowered.
    pub lowered: &'a Policies,
    pub valid: &'a ValidConfig,
}

/// As [`check`], of a configuration that shares lists with an earlier one: what was judged there, and depends on
/// nothing that is new, is not judged again.
pub(crate) fn check_after(
    mut config: Config,
    earlier: Option<Earlier<'_>>,
) -> Result<ValidConfig, Vec<Diagnostic>> {
    let mut report = Report::default();
    let books = &config.security.address_books;
    let same_books = earlier.filter(|earlier| earlier.valid.addresses().are_of(books));
    let known = match same_books {
        Some(earlier) => earlier.valid.addresses().clone(),
        None => Arc::new(AddressNames::new(books)),
    };
    names::address_books(&config, same_books.is_some(), &mut report);
    policies::settle_references(&mut config.security.policies, &known, same_books);
    interfaces::check(&config, &mut report);
    routes::check(&config, &mut report);
    zones::check(&config, &mut report);
    screens::check(&config, &mut report);
    let same_applications =
        same_books.filter(|earlier| earlier.valid.get().applications == config.applications);
    if same_applications.is_none() {
        applications::check(&config, &mut report);
    }
    policies::check(&config, &known, same_applications.map(|earlier| earlier.valid.get()), &mut report);
    flow::check(&config, &mut report);
    nat::check(&config, &known, &mut report);
    pool::check(&config, &known, &mut report);
    persistent::check(&config, &mut report);
    proxy::check(&config, &mut report);
    firewall::check(&config, &mut report);
    log::check(&config, &mut report);
    mirror::check(&config, &mut report);
    system::check(&config, &mut report);
    if report.errors.is_empty() {
        return Ok(ValidConfig::new(config, known));
    }
    report.errors.sort_by_key(|d| d.span.offset);
    Err(report.errors)
}

#[derive(Default)]
struct Report {
    errors: Vec<Diagnostic>,
}

impl Report {
    fn error(&mut self, path: impl Into<String>, at: Span, message: impl Into<String>) {
        self.errors.push(Diagnostic::error(path, at, message));
    }

    /// An error about two statements: `at`, and the one before it.
    fn conflict(
        &mut self,
        path: impl Into<String>,
        at: Span,
        message: impl Into<String>,
        other: (Span, &str),
    ) {
        self.errors.push(Diagnostic::error(path, at, message).and(other.0, other.1));
    }
}
