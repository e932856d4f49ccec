//! The packet plane as a consumer.

use std::sync::Arc;

use ravelin_contract::DataPlane;
use ravelin_syntax::Diagnostic;

use crate::transaction::refused;
use crate::{Consumer, Proposal};

/// A plane that is given programs.
pub struct PlaneConsumer(pub Arc<dyn DataPlane>);

impl Consumer for PlaneConsumer {
    fn name(&self) -> &'static str {
        "dataplane"
    }

    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>> {
        match self.0.check_config(&proposal.program) {
            Ok(admission) if admission.refusals.is_empty() => Ok(()),
            Ok(admission) => Err(admission.refusals.into_iter().map(|r| refused(r.path, r.reason)).collect()),
            Err(error) => Err(vec![refused(String::new(), format!("dataplane: {error}"))]),
        }
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.0.apply_config(&proposal.program).map(drop).map_err(|error| error.to_string())
    }
}
