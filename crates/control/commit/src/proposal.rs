//! A configuration on its way to being the active one.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::UpdateBatch;
use ravelin_dynamic::DynamicPlan;
use ravelin_host::Desired;
use ravelin_model::{ArchiveSite, SitePlace, ValidConfig};
use ravelin_program::Program;
use ravelin_syntax::Diagnostic;
use ravelin_telemetry::LogPlan;
use ravelin_types::Generation;

use crate::archive::Carrier;
use crate::{Services, desired};

/// Everything that consumers need of a configuration.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub valid: ValidConfig,
    pub resolved: Resolved,
    pub program: Program,
    /// What the kernel should have.
    pub desired: Desired,
    /// What the daemon itself does.
    pub services: Services,
    /// What the security log does.
    pub log: LogPlan,
    /// What is watched that changes without a commit.
    pub dynamic: DynamicPlan,
    /// The routes that the configuration itself makes, for planes without a kernel.
    pub routes: UpdateBatch,
}

/// Compiles a configuration into a proposal.
///
/// # Errors
/// Every statement that can't be compiled.
pub fn propose(
    valid: &ValidConfig,
    resolved: Resolved,
    book: &mut IdBook,
    generation: Generation,
) -> Result<Proposal, Vec<Diagnostic>> {
    fits_machine(valid)?;
    let program = compile(valid, &resolved, book, generation).map_err(|errors| {
        errors.into_iter().map(|e| Diagnostic::error(e.path, e.at, e.message)).collect::<Vec<_>>()
    })?;
    let desired = desired(valid, &program);
    let routes = routes(valid, book);
    let services = Services::new(valid);
    let log = LogPlan { zone: services.time_zone.clone(), ..LogPlan::new(valid.get()) };
    let dynamic = DynamicPlan::new(valid);
    Ok(Proposal { valid: valid.clone(), resolved, program, desired, services, log, dynamic, routes })
}

/// What the machine itself must have for it. Spec: commit-46, commit-50.
fn fits_machine(valid: &ValidConfig) -> Result<(), Vec<Diagnostic>> {
    let system = &valid.get().system;
    let mut errors = Vec::new();
    if let Some(zone) = &system.time_zone
        && ravelin_dynamic::time_zone(&zone.name).is_none()
    {
        let path = format!("system time-zone {}", zone.name);
        let message = format!("time zone `{}' is not known to this system", zone.name);
        errors.push(Diagnostic::error(path, zone.at, message));
    }
    let is_remote = |site: &&ArchiveSite| matches!(site.place, SitePlace::Remote(_));
    let mut remote = system.archival.sites.iter().filter(is_remote).peekable();
    if remote.peek().is_some() && Carrier::find().is_none() {
        errors.extend(remote.map(|site| {
            let path = format!("system archival configuration archive-sites {}", site.place);
            Diagnostic::error(path, system.archival.at, Carrier::MISSING)
        }));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
