//! What the daemon keeps: store, candidate, ids, and the consumers that enforce the active one.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_commit::{BookFile, CommitError, Consumer, PlaneConsumer, Proposal, propose};
use ravelin_compile::{IdBook, Resolved, ResolvedPort};
use ravelin_contract::DataPlane;
use ravelin_forwarding::Names;
use ravelin_host::Observed;
use ravelin_model::ValidConfig;
use ravelin_ops::NameTable;
use ravelin_store::{Candidate, Directory, Record, Store};
use ravelin_syntax::{Diagnostic, Span};
use ravelin_types::{Generation, InterfaceId};
use tokio::sync::watch;

use super::log::{Log, LogConsumer};
use super::machine::Machine;

/// The daemon's state behind one lock: an operator's line sees it whole.
pub struct Control {
    pub store: Store<Directory>,
    pub candidate: Candidate,
    pub plane: Arc<dyn DataPlane>,
    pub names: NameTable,
    pub host_name: String,
    /// Devices of the units that run, for probes.
    pub taps: BTreeMap<InterfaceId, String>,
    pub machine: Machine,
    pub log: Arc<Log>,
    book: IdBook,
    book_file: BookFile,
    map: BTreeMap<String, String>,
    forwarding: watch::Sender<Names>,
    active: Option<Proposal>,
}

/// What a control is made of.
pub struct Parts {
    pub store: Store<Directory>,
    pub plane: Arc<dyn DataPlane>,
    pub machine: Machine,
    pub log: Arc<Log>,
    pub book_file: BookFile,
    pub map: BTreeMap<String, String>,
    pub forwarding: watch::Sender<Names>,
}

impl Control {
    /// # Errors
    /// The id book is damaged.
    pub fn new(parts: Parts) -> Result<Self, ravelin_commit::BookFileError> {
        let Parts { store, plane, machine, log, book_file, map, forwarding } = parts;
        let book = book_file.load()?;
        let text = store.active().map(|stored| stored.text.clone()).unwrap_or_default();
        let candidate = Candidate::new(ravelin_schema::read(&text).tree);
        Ok(Self {
            store,
            candidate,
            plane,
            names: NameTable::default(),
            host_name: String::new(),
            taps: BTreeMap::new(),
            machine,
            log,
            book,
            book_file,
            map,
            forwarding,
            active: None,
        })
    }

    /// Whether the candidate would commit.
    ///
    /// # Errors
    /// Everything that speaks against it.
    pub fn check_candidate(&mut self) -> Result<(), Vec<Diagnostic>> {
        let valid = self.candidate.check()?;
        let proposal = self.propose(&valid)?;
        let mut plane = PlaneConsumer(self.plane.clone());
        let mut log = LogConsumer(self.log.clone());
        ravelin_commit::check(&proposal, &mut [&mut self.machine, &mut log, &mut plane])
    }

    /// Makes the candidate the active configuration.
    ///
    /// # Errors
    /// Everything that speaks against it; or what did not apply after the commit point.
    pub fn commit_candidate(&mut self, record: Record) -> Result<(), Vec<Diagnostic>> {
        let valid = self.candidate.check()?;
        let proposal = self.propose(&valid)?;
        let text = self.candidate.text();
        let mut plane = PlaneConsumer(self.plane.clone());
        let mut log = LogConsumer(self.log.clone());
        let consumers: &mut [&mut dyn Consumer] = &mut [&mut self.machine, &mut log, &mut plane];
        let (store, book_file, book) = (&mut self.store, &self.book_file, &self.book);
        let done = ravelin_commit::commit(&proposal, consumers, || {
            // Ids first: a crash between the two leaves ids that nobody uses, never one used twice.
            book_file.save(book).map_err(|e| e.to_string())?;
            store.commit(&text, record).map(drop).map_err(|e| e.to_string())
        });
        match done {
            Ok(()) => {}
            Err(CommitError::Refused(errors)) => return Err(errors),
            Err(error @ CommitError::Record(_)) => return Err(vec![plain(error.to_string())]),
            Err(error @ CommitError::Partial(_)) => {
                self.candidate.committed();
                self.activated(proposal);
                return Err(vec![plain(error.to_string())]);
            }
        }
        self.candidate.committed();
        self.activated(proposal);
        Ok(())
    }

    /// Brings up what the store has as active; at a start, or after the plane was started anew.
    ///
    /// # Errors
    /// The stored configuration does not fit this machine any more, or a consumer failed.
    pub fn apply_active(&mut self) -> Result<(), Vec<Diagnostic>> {
        let Some(stored) = self.store.active() else { return Ok(()) };
        let valid = ravelin_model::check_tree(&ravelin_schema::read(&stored.text).tree)?;
        let proposal = self.propose(&valid)?;
        self.book_file.save(&self.book).map_err(|e| vec![plain(e.to_string())])?;
        let mut plane = PlaneConsumer(self.plane.clone());
        let mut log = LogConsumer(self.log.clone());
        let consumers: &mut [&mut dyn Consumer] = &mut [&mut self.machine, &mut log, &mut plane];
        ravelin_commit::check(&proposal, consumers)?;
        let done = ravelin_commit::apply(&proposal, consumers).map_err(|e| vec![plain(e.to_string())]);
        self.activated(proposal);
        done
    }

    /// Whether anything is to be enforced at all.
    pub fn has_active(&self) -> bool {
        self.store.active().is_some()
    }

    /// Prefixes of the static routes that are active.
    pub fn static_prefixes(&self) -> Vec<ipnet::IpNet> {
        let active = self.active.as_ref();
        active.map_or_else(Vec::new, |p| p.desired.routes.iter().map(|route| route.prefix).collect())
    }

    fn propose(&mut self, valid: &ValidConfig) -> Result<Proposal, Vec<Diagnostic>> {
        let observed = self.machine.observe().map_err(|e| vec![plain(e)])?;
        let resolved = resolve(valid, &self.map, &observed)?;
        let last = self.plane.last_apply_result().map_or(Generation(0), |result| result.generation);
        propose(valid, resolved, &mut self.book, last.next())
    }

    fn activated(&mut self, proposal: Proposal) {
        self.names = NameTable::new(&proposal.program);
        self.log.renamed(&self.names);
        self.host_name = proposal.valid.get().system.host_name.clone().unwrap_or_default();
        let interfaces = proposal.program.interfaces().cloned().unwrap_or_default();
        self.taps = interfaces.units.iter().map(|unit| (unit.id, unit.tap.clone())).collect();
        let names = Names {
            units: interfaces.units.into_iter().map(|unit| (unit.tap, unit.id)).collect(),
            ports: interfaces.ports.into_iter().map(|port| (port.device, port.id)).collect(),
        };
        // Sent even when equal: the monitor answers with a resync, which a new plane needs.
        self.forwarding.send_replace(names);
        self.active = Some(proposal);
    }
}

/// Every interface's device, or every interface that has none.
fn resolve(
    valid: &ValidConfig,
    map: &BTreeMap<String, String>,
    observed: &Observed,
) -> Result<Resolved, Vec<Diagnostic>> {
    let (mut resolved, mut errors) = (Resolved::default(), Vec::new());
    for interface in &valid.get().interfaces {
        match ravelin_host::resolve(&interface.name, map, observed) {
            Ok(device) => {
                let mtu = u16::try_from(device.mtu).unwrap_or(u16::MAX);
                let port = ResolvedPort { device: device.name, mac: device.mac, mtu };
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

fn plain(message: String) -> Diagnostic {
    Diagnostic::error(String::new(), Span::default(), message)
}
