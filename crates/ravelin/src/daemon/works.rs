//! The machine's side of commits: interfaces resolved, ids, and the consumers that enforce a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_commit::archive::Carrier;
use ravelin_commit::{BookConsumer, BookFile, Consumer, Consumers, PlaneConsumer, Plant, Proposal, propose};
use ravelin_compile::{IdBook, Resolved, ResolvedPort, needs_device};
use ravelin_contract::DataPlane;
use ravelin_host::Observed;
use ravelin_metrics::Server;
use ravelin_model::{SitePlace, ValidConfig};
use ravelin_syntax::{Diagnostic, Span};
use ravelin_types::Generation;

use super::dynamic::{Dynamic, DynamicConsumer};
use super::fault::{self, FaultConsumer, Faulty};
use super::log::{Log, LogConsumer};
use super::machine::Machine;
use super::metrics::MetricsConsumer;

/// What configurations are compiled with and applied to.
pub struct Works {
    pub plane: Arc<dyn DataPlane>,
    pub log: Arc<Log>,
    pub dynamic: Dynamic,
    metrics: Arc<Server>,
    machine: Machine,
    book: IdBook,
    book_file: BookFile,
    map: BTreeMap<String, String>,
}

/// What the daemon does for a configuration by itself.
pub struct Services {
    pub log: Arc<Log>,
    pub dynamic: Dynamic,
    pub metrics: Arc<Server>,
}

impl Works {
    /// `is_new`: the plane has had no program yet.
    ///
    /// # Errors
    /// The id book is damaged.
    pub fn new(
        (plane, services): (Arc<dyn DataPlane>, Services),
        machine: Machine,
        (book_file, is_new): (BookFile, bool),
        map: BTreeMap<String, String>,
    ) -> Result<Self, ravelin_commit::BookFileError> {
        let book = if is_new { book_file.load_anew()? } else { book_file.load()? };
        let Services { log, dynamic, metrics } = services;
        Ok(Self { plane, log, dynamic, metrics, machine, book, book_file, map })
    }
}

impl Plant for Works {
    fn propose(&mut self, valid: &ValidConfig) -> Result<Proposal, Vec<Diagnostic>> {
        let observed = self.machine.observe().map_err(|e| vec![plain(e)])?;
        let resolved = resolve(valid, &self.map, &observed)?;
        reachable(valid, Carrier::find().as_ref())?;
        // Of what runs now, whoever applied it.
        let status = self.plane.diagnostics().status();
        let last = status.ok().and_then(|status| status.generation).unwrap_or(Generation(0));
        propose(valid, resolved, &mut self.book, last.next())
    }

    fn consumers(&mut self) -> Consumers<'_> {
        let Self { plane, log, dynamic, metrics, machine, book, book_file, map: _ } = self;
        let place = |prepare, apply| Box::new(FaultConsumer { prepare, apply }) as Box<dyn Consumer + '_>;
        vec![
            place(Some("checked"), Some("recorded")),
            faulty(BookConsumer(book_file, book)),
            faulty(machine),
            faulty(LogConsumer(log.clone())),
            faulty(DynamicConsumer { dynamic: dynamic.clone(), plane: plane.clone() }),
            faulty(MetricsConsumer(metrics.clone())),
            place(None, Some("half")),
            faulty(PlaneConsumer(plane.clone())),
            place(None, Some("applied")),
        ]
    }
}

fn faulty<'a>(inner: impl Consumer + 'a) -> Box<dyn Consumer + 'a> {
    Box::new(Faulty { inner: Box::new(inner), fails: fault::is_wanted })
}

/// Every interface's device, or every interface that has none.
fn resolve(
    valid: &ValidConfig,
    map: &BTreeMap<String, String>,
    observed: &Observed,
) -> Result<Resolved, Vec<Diagnostic>> {
    let (mut resolved, mut errors) = (Resolved::default(), Vec::new());
    for interface in valid.get().interfaces.iter().filter(|interface| needs_device(interface)) {
        match ravelin_host::resolve(&interface.name, map, observed) {
            Ok(device) => {
                let mtu = u16::try_from(device.mtu).unwrap_or(u16::MAX);
                let speed_bps = ravelin_host::speed_bps(&device.name);
                let port = ResolvedPort { device: device.name, mac: device.mac, mtu, speed_bps };
                resolved.0.insert(interface.name.clone(), port);
            }
            Err(error) => {
                let path = format!("interfaces {}", interface.name);
                errors.push(Diagnostic::error(path, interface.at, error.to_string()));
            }
        }
    }
    if errors.is_empty() { Ok(resolved) } else { Err(errors) }
}

/// Archive sites on other nodes need the machine's transfer program. Spec: commit-50.
fn reachable(valid: &ValidConfig, carrier: Option<&Carrier>) -> Result<(), Vec<Diagnostic>> {
    let archival = &valid.get().system.archival;
    let places = archival.sites.iter().map(|site| &site.place);
    let remote = places.filter(|place| matches!(place, SitePlace::Remote(_)) && carrier.is_none());
    let missing = |place: &SitePlace| {
        let path = format!("system archival configuration archive-sites {place}");
        Diagnostic::error(path, archival.at, Carrier::MISSING)
    };
    let errors: Vec<_> = remote.map(missing).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn plain(message: String) -> Diagnostic {
    Diagnostic::error(String::new(), Span::default(), message)
}

#[cfg(test)]
mod tests {
    use ravelin_commit::archive::Patience;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let valid = ravelin_model::load(text).result.unwrap();
        let missing = resolve(&valid, &BTreeMap::new(), &Observed::default()).err().unwrap_or_default();
        let missing: Vec<_> = missing.iter().map(|error| error.path.clone()).collect();
        assert_eq!(missing, expected, "{text}");
    }

    #[test]
    fn sites_on_other_nodes_need_a_transfer_program() {
        let text = "set system archival configuration transfer-on-commit\n\
                    set system archival configuration archive-sites /var/archive\n\
                    set system archival configuration archive-sites scp://ann@192.0.2.1/x\n";
        let valid = ravelin_model::load(text).result.unwrap();
        let carrier = Carrier::at("curl", "/root", Patience::default());
        assert_eq!(reachable(&valid, Some(&carrier)), Ok(()));
        let missing = reachable(&valid, None).unwrap_err();
        let paths: Vec<_> = missing.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["system archival configuration archive-sites scp://ann@192.0.2.1/x"]);
        let here = text.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(reachable(&ravelin_model::load(&here).result.unwrap(), None), Ok(()));
    }

    #[test]
    fn every_interface_but_a_bare_lo0_needs_a_device() {
        let filter = "set firewall family inet filter f term t then accept\n\
                      set interfaces lo0 unit 0 family inet filter input f\n";
        check(filter, &[]);
        check(
            &format!("{filter}set interfaces lo0 unit 0 family inet address 192.0.2.1/32\n"),
            &["interfaces lo0"],
        );
        check("set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24\n", &["interfaces ge-0/0/0"]);
    }
}
