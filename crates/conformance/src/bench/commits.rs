//! What a commit is for any backend: compile, apply, routes.
//!
//! State: the ids and the generation of the program that runs, the machine's interfaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_model::ValidConfig;
use ravelin_program::{Chunk, Program};
use ravelin_types::{Generation, GroupId, Mac};

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
    /// Redundancy groups of units, by name. No statement says them yet.
    groups: BTreeMap<String, GroupId>,
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

    /// A unit belongs to a redundancy group from the next commit on.
    pub fn join(&mut self, unit: &str, group: GroupId) {
        self.groups.insert(unit.to_owned(), group);
    }

    /// Units belong to groups as those of another node do.
    pub fn join_as(&mut self, other: &Self) {
        self.groups.clone_from(&other.groups);
    }

    /// The program with its units in their groups.
    fn grouped(&self, program: Program) -> Program {
        if self.groups.is_empty() {
            return program;
        }
        let grouped = |chunk: &Arc<Chunk>| match &**chunk {
            Chunk::Interfaces(interfaces) => {
                let mut interfaces = interfaces.clone();
                for unit in &mut interfaces.units {
                    unit.group = self.groups.get(&unit.name).copied().unwrap_or_default();
                }
                Arc::new(Chunk::Interfaces(interfaces))
            }
            _ => Arc::clone(chunk),
        };
        let chunks = program.chunks().map(|(key, _, chunk)| (key.name.clone(), grouped(chunk)));
        let mut whole = Program::new(program.generation, chunks);
        whole.requires = program.requires;
        whole.requires.push("redundancy-groups".to_owned());
        whole
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
        plane.apply_config(&self.grouped(program))?;
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
