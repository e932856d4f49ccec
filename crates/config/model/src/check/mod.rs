//! Checks across statements: everything must resolve before a configuration is valid.

mod aging;
mod applications;
mod destination_pool;
mod dynamic_address;
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
mod routing_instances;
mod schedulers;
mod screens;
mod system;
mod zones;

use std::collections::HashSet;
use std::sync::Arc;

use ravelin_syntax::{Diagnostic, Span};

use crate::{AddressNames, Config, Mentions, Policies, ValidConfig, run_place};

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

/// An earlier configuration, and the names of addresses and of applications that stand for something else now.
struct Kept<'a> {
    earlier: Earlier<'a>,
    changed: HashSet<String>,
    applications: HashSet<String>,
}

impl Kept<'_> {
    /// Whether what was found of a run still holds.
    fn holds<T>(&self, run: &Arc<[T]>) -> bool {
        !self.earlier.valid.mentions().may_name(run_place(run), &self.changed)
    }

    /// As [`Self::holds`], of what depends on applications too.
    fn holds_judged<T>(&self, run: &Arc<[T]>) -> bool {
        let mentions = self.earlier.valid.mentions();
        self.holds(run)
            && (self.applications.is_empty()
                || !mentions.may_name_application(run_place(run), &self.applications))
    }
}

/// As [`check`], of a configuration that shares lists with an earlier one: what was judged there, and depends on
/// nothing that is new, is not judged again.
pub(crate) fn check_after(
    mut config: Config,
    earlier: Option<Earlier<'_>>,
) -> Result<ValidConfig, Vec<Diagnostic>> {
    let mut report = Report::default();
    zones::name_all(&mut config);
    let written = crate::security::books(&config.security);
    let zone_books = crate::security::merge(&mut config.security);
    // Where zones have books a name stands for this here and for that there: nothing is gone on from.
    let earlier = earlier.filter(|earlier| zone_books.is_empty() && earlier.valid.has_one_book());
    let (books, dynamic) = (&config.security.address_books, &config.security.dynamic_addresses);
    let same_books = earlier.filter(|earlier| earlier.valid.addresses().are_of(books, dynamic));
    let known = match (same_books, earlier) {
        (Some(earlier), _) => earlier.valid.addresses().clone(),
        (None, Some(earlier)) => Arc::new(AddressNames::after(books, dynamic, earlier.valid.addresses())),
        (None, None) => Arc::new(AddressNames::new(books, dynamic)),
    };
    let lowered = config.security.policies.clone();
    // What is said of policies that name nothing which changed still holds.
    let kept = earlier.and_then(|earlier| {
        let applications = config.applications.differing(&earlier.valid.get().applications);
        Some(Kept { earlier, changed: known.differing(earlier.valid.addresses())?, applications })
    });
    if same_books.is_none() {
        let edited = kept.as_ref().map(|kept| names::Edited { names: &known, changed: &kept.changed });
        names::address_books(&written, &config, edited, &mut report);
    }
    let names = policies::Names { known: &known, zones: &zone_books };
    policies::settle_references(&mut config.security.policies, &names, kept.as_ref());
    interfaces::check(&config, &mut report);
    routes::check(&config, &mut report);
    zones::check(&config, &mut report);
    routing_instances::check(&config, &mut report);
    screens::check(&config, &mut report);
    if !earlier.is_some_and(|earlier| earlier.valid.get().applications == config.applications) {
        applications::check(&config, &mut report);
    }
    let kept = kept.filter(|kept| kept.earlier.valid.get().schedulers == config.schedulers);
    policies::check(&config, &known, kept.as_ref(), &mut report);
    schedulers::check(&config, &mut report);
    dynamic_address::check(&config, &known, &mut report);
    flow::check(&config, &mut report);
    aging::check(&config, &mut report);
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
        let before = earlier.map(|earlier| earlier.valid.mentions());
        let mentions = Mentions::of(&lowered, &config.security.policies, before);
        return Ok(ValidConfig::new(config, known, mentions, zone_books.is_empty()));
    }
    report.errors.sort_by_key(|d| d.span);
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

#[cfg(test)]
mod tests;
