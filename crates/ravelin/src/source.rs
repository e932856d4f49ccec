//! Configuration files: bytes to a compiled program, with every error of every stage.

use std::path::Path;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::UpdateBatch;
use ravelin_dynamic::DynamicPlan;
use ravelin_model::{Loaded, load_read};
use ravelin_program::Program;
use ravelin_schema::{Bound, ClusterNode};
use ravelin_syntax::Diagnostic;
use ravelin_types::Generation;

/// A configuration compiled for virtual ports.
pub struct Compiled {
    pub program: Program,
    pub routes: UpdateBatch,
    /// What policies hang on that changes without a commit.
    pub dynamic: DynamicPlan,
}

/// Warnings, and the result or every error.
pub struct Outcome {
    pub warnings: Vec<Diagnostic>,
    pub result: Result<Compiled, Vec<Diagnostic>>,
}

/// Reads a file as text. Bytes that are no UTF-8 are taken for Latin-1, as old files hold them.
///
/// # Errors
/// The file can't be read.
pub fn read(path: &Path) -> std::io::Result<String> {
    Ok(ravelin_syntax::decode(&std::fs::read(path)?))
}

/// Everything a commit would do that needs no machine.
#[must_use]
pub fn build(read: Bound, node: ClusterNode) -> Outcome {
    let Loaded { tree, result, warnings } = load_read(read, node);
    // What is compiled has all of it; a long configuration in both forms is what would take the most memory.
    drop(tree);
    let result = result.and_then(|valid| {
        let mut book = IdBook::default();
        let resolved = Resolved::virtual_ports(&valid);
        match compile(&valid, &resolved, &mut book, Generation(1)) {
            Ok(program) => {
                Ok(Compiled { program, routes: routes(&valid, &book), dynamic: DynamicPlan::new(&valid) })
            }
            Err(errors) => {
                Err(errors.into_iter().map(|e| Diagnostic::error(e.path, e.at, e.message)).collect())
            }
        }
    });
    Outcome { warnings, result }
}
