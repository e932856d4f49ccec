//! Checks across statements: everything must resolve before a configuration is valid.

mod applications;
mod firewall;
mod firewall_nested;
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

use ravelin_syntax::{Diagnostic, Span};

use crate::{Config, ValidConfig};

/// Every error at once, or the witness that there is none.
pub fn check(mut config: Config) -> Result<ValidConfig, Vec<Diagnostic>> {
    let mut report = Report::default();
    names::address_books(&config, &mut report);
    let known = names::known_addresses(&config.security.address_books);
    policies::settle_references(&mut config.security.policies, &known);
    interfaces::check(&config, &mut report);
    routes::check(&config, &mut report);
    zones::check(&config, &mut report);
    screens::check(&config, &mut report);
    applications::check(&config, &mut report);
    policies::check(&config, &known, &mut report);
    flow::check(&config, &mut report);
    nat::check(&config, &known, &mut report);
    pool::check(&config, &known, &mut report);
    persistent::check(&config, &mut report);
    proxy::check(&config, &mut report);
    firewall::check(&config, &mut report);
    firewall_nested::check(&config, &mut report);
    log::check(&config, &mut report);
    mirror::check(&config, &mut report);
    system::check(&config, &mut report);
    if report.errors.is_empty() {
        return Ok(ValidConfig::new(config));
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
