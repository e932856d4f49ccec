//! A configuration on its way to being the active one.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::UpdateBatch;
use ravelin_dynamic::DynamicPlan;
use ravelin_host::Desired;
use ravelin_model::ValidConfig;
use ravelin_program::Program;
use ravelin_syntax::Diagnostic;
use ravelin_telemetry::LogPlan;
use ravelin_types::Generation;

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
    if let Some(zone) = &valid.get().system.time_zone
        && ravelin_dynamic::time_zone(&zone.name).is_none()
    {
        let path = format!("system time-zone {}", zone.name);
        let message = format!("time zone `{}' is not known to this system", zone.name);
        return Err(vec![Diagnostic::error(path, zone.at, message)]);
    }
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
