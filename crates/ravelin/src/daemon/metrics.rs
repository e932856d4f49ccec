//! Metrics in the daemon: what a scrape is gathered from, and the listeners as a consumer of commits.
//!
//! A scrape has a connection to the packet process of its own, and holds the daemon's lock only to copy what it is about.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ravelin_commit::{Consumer, Proposal};
use ravelin_contract::DataPlane;
use ravelin_metrics::{Commits, Exposition, Family, Server, Source, Value, gather};
use ravelin_ops::LogView as _;
use ravelin_remote::Client;
use ravelin_syntax::{Diagnostic, Span};

use super::control::{Control, now};
use super::dynamic;
use super::routes::Table;
use super::supervisor::{CALL_MAX, Place};
use super::tasks::lock;

/// Where scrapes are gathered.
pub struct Scrapes {
    place: Place,
    table: Table,
    control: OnceLock<Arc<Mutex<Control>>>,
    client: Mutex<Option<Client>>,
}

impl Scrapes {
    pub fn new(place: Place, table: Table) -> Self {
        Self { place, table, control: OnceLock::new(), client: Mutex::default() }
    }

    /// There is something to tell from now on.
    pub fn attach(&self, control: &Arc<Mutex<Control>>) {
        let _ = self.control.set(control.clone());
    }

    /// Everything counted.
    pub fn gather(&self, series_max: usize) -> Exposition {
        let Some(control) = self.control.get() else { return Exposition::new(series_max) };
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = lock(control);
        let (names, alarms, log) = (guard.names.clone(), guard.alarms.clone(), guard.works.log.clone());
        let dynamic = guard.works.dynamic.clone();
        let commits = commits(&guard);
        drop(guard);
        let log = log.statistics();
        let of = |plane: Option<&Client>| {
            let source = Source {
                plane: plane.map(|client| client as &dyn DataPlane),
                names: &names,
                alarms: &alarms,
                dynamic: &dynamic::View { dynamic: &dynamic, used: Vec::new() },
                log: &log,
                commits,
                routes: self.table.count(),
                version: env!("CARGO_PKG_VERSION"),
                process: ravelin_metrics::Process::own(),
            };
            gather(&source, series_max)
        };
        // The process that was asked the last time may have handed over to another.
        if let Some(held) = client.as_ref() {
            let out = of(Some(held));
            if out.get(Family::DataplaneUp, []) == Some(Value::Whole(1)) {
                return out;
            }
        }
        *client = Client::connect(&self.place.socket, CALL_MAX).ok();
        of(client.as_ref())
    }
}

fn commits(control: &Control) -> Commits {
    let history = control.life.store().history();
    let active = history.first();
    Commits {
        serial: active.map_or(0, |heading| heading.serial),
        time_s: active.map_or(0, |heading| heading.record.time_s),
        kept: history.len() as u64,
        unconfirmed: control.life.left(now()).is_some(),
        owed: control.life.debts().len() as u64,
        editors: control.life.database().editors().len() as u64,
    }
}

/// The listeners as a part of every commit.
pub struct MetricsConsumer(pub Arc<Server>);

/// Addresses that the commit gives the machine.
fn own(proposal: &Proposal) -> Vec<IpAddr> {
    let units = proposal.program.interfaces().into_iter().flat_map(|interfaces| &interfaces.units);
    units.flat_map(|unit| &unit.addresses).map(|a| a.addr.to_ip(a.family)).collect()
}

impl Consumer for MetricsConsumer {
    fn name(&self) -> &'static str {
        "metrics"
    }

    /// Binds already: what can't be bound is refused by its statement.
    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>> {
        let refused = self.0.prepare(proposal.services.metrics.as_ref(), &own(proposal));
        let diagnostic = |(path, reason)| Diagnostic::error(path, Span::default(), reason);
        refused.map_err(|refused| refused.into_iter().map(diagnostic).collect())
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.0.apply(proposal.services.metrics.as_ref(), &own(proposal))
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}
