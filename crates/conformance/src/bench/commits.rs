//! What a commit is for any backend: compile, apply, routes.
//!
//! State: the ids and the generation of the program that runs, the machine's interfaces.

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_model::ValidConfig;
use ravelin_types::{Generation, Mac};

use super::BenchError;

/// Names of each kind that a node with a past has known.
const PAST: usize = 5;

/// The control plane in small.
#[derive(Debug, Default)]
pub struct Commits {
    book: IdBook,
    resolved: Resolved,
    generation: u64,
    has_past: bool,
}

impl Commits {
    /// Another node's, which came to know other names first: every id is another than on a node that has known none.
    ///
    /// # Panics
    /// There are no ids.
    #[must_use]
    pub fn with_a_past() -> Self {
        let mut book = IdBook::default();
        for n in 0..PAST {
            let name = format!("of the past {n}");
            let given = [
                book.zone(&name).is_ok(),
                book.port(&name).is_ok(),
                book.unit(&name).is_ok(),
                book.policy(&name).is_ok(),
                book.nat_rule(&name).is_ok(),
                book.source_pool(&name).is_ok(),
                book.mirror(&name).is_ok(),
                book.filter(&name).is_ok(),
                book.filter_counter(&name).is_ok(),
                book.application(&name).is_ok(),
                book.instance(&name).is_ok(),
            ];
            assert!(given.iter().all(|is_given| *is_given), "ids are left");
        }
        Self { book, has_past: true, ..Self::default() }
    }

    #[must_use]
    pub fn has_past(&self) -> bool {
        self.has_past
    }

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
