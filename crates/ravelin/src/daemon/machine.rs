//! The kernel as a consumer: TAPs, addresses, routes, sysctls.

use ravelin_commit::{Consumer, Proposal};
use ravelin_host::{Announced, Desired, Host, Observed};
use ravelin_syntax::Diagnostic;
use tokio::runtime::Handle;

use super::announcer::Announcer;

/// The host behind the daemon's runtime.
pub struct Machine {
    runtime: Handle,
    host: Host,
    announced: Announced,
    announcer: Announcer,
}

impl Machine {
    /// Opens netlink in this network namespace.
    ///
    /// # Errors
    /// The socket can't be had.
    pub fn open(runtime: Handle) -> Result<Self, ravelin_host::HostError> {
        let host = runtime.block_on(async { Host::open() })?;
        Ok(Self { runtime, host, announced: Announced::default(), announcer: Announcer::start() })
    }

    /// Links and routes as they are.
    ///
    /// # Errors
    /// Netlink failed.
    pub fn observe(&self) -> Result<Observed, String> {
        self.runtime.block_on(self.host.observe(&Desired::default())).map_err(|e| e.to_string())
    }
}

impl Consumer for Machine {
    fn name(&self) -> &'static str {
        "host"
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        // Interfaces were resolved when the proposal was made; the rest is the kernel's to take.
        Ok(())
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        let report = self.runtime.block_on(self.host.apply(&proposal.desired)).map_err(|e| e.to_string())?;
        for route in &report.hidden {
            tracing::warn!(prefix = %route.prefix, "A static route's next hop is on no link; the route is hidden.");
        }
        let changed = self.announced.changed(&proposal.desired);
        self.announcer.announce(changed, &self.announced);
        Ok(())
    }
}
