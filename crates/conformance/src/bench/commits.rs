//! What a commit is for any backend: compile, apply, routes.
//!
//! State: the ids and the generation of the program that runs, the machine's interfaces.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_model::ValidConfig;
use ravelin_types::{Generation, Mac};

use super::BenchError;

/// The control plane in small.
#[derive(Debug, Default)]
pub struct Commits {
    book: IdBook,
    resolved: Resolved,
    generation: u64,
}

impl Commits {
    /// Makes a configuration the running one of a plane, with the routes that follow from it. Ports
    /// have the MACs of [`Resolved::virtual_ports`], whatever moves the packets.
    ///
    /// # Errors
    /// It does not compile or is refused.
    pub fn commit(&mut self, plane: &dyn DataPlane, config: &ValidConfig) -> Result<(), BenchError> {
        self.resolved = Resolved::virtual_ports(config);
        let generation = Generation(self.generation + 1);
        let program = compile(config, &self.resolved, &mut self.book, generation).map_err(|errors| {
            let lines: Vec<_> = errors.iter().map(|e| format!("{}: {}", e.path, e.message)).collect();
            BenchError::Compile(lines.join("; "))
        })?;
        plane.apply_config(&program)?;
        self.generation += 1;
        plane.updates().apply(&routes(config, &self.book))?;
        Ok(())
    }

    /// The station address of a port.
    #[must_use]
    pub fn station(&self, port: &str) -> Option<Mac> {
        self.resolved.0.get(port).map(|p| p.mac)
    }
}
