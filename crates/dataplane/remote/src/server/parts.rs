//! Calls that come in several messages: what has come of them, until the one that ends them.
//!
//! State: a connection's own, gone with it.

use ravelin_contract::Error;

use crate::proto::{ReconcileBulk, SessionKey, UpdateBatch};

/// Routes and neighbours, and keys of sessions, that a connection keeps for a call that is not complete.
const ENTRIES_MAX: usize = 16 << 20;

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    updates: UpdateBatch,
    received: Vec<SessionKey>,
}

fn bounded(entries: usize) -> Result<(), Error> {
    if entries <= ENTRIES_MAX {
        return Ok(());
    }
    Err(Error::Protocol(format!("a call of more than {ENTRIES_MAX} entries")))
}

impl Parts {
    /// A part that is too much ends the call: what came of it is forgotten.
    pub(super) fn updates(&mut self, part: UpdateBatch) -> Result<(), Error> {
        let kept = &mut self.updates;
        let entries = kept.routes.len() + kept.neighbours.len() + part.routes.len() + part.neighbours.len();
        if let Err(error) = bounded(entries) {
            self.updates = UpdateBatch::default();
            return Err(error);
        }
        kept.routes.extend(part.routes);
        kept.neighbours.extend(part.neighbours);
        Ok(())
    }

    pub(super) fn received(&mut self, part: ReconcileBulk) -> Result<(), Error> {
        if let Err(error) = bounded(self.received.len() + part.received.len()) {
            self.received = Vec::new();
            return Err(error);
        }
        self.received.extend(part.received);
        Ok(())
    }

    /// The whole batch of which this is the end.
    pub(super) fn whole_updates(&mut self, mut last: UpdateBatch) -> UpdateBatch {
        let UpdateBatch { mut routes, mut neighbours, .. } = std::mem::take(&mut self.updates);
        routes.append(&mut last.routes);
        neighbours.append(&mut last.neighbours);
        UpdateBatch { routes, neighbours, ..last }
    }

    pub(super) fn whole_reconcile(&mut self, mut last: ReconcileBulk) -> ReconcileBulk {
        let mut received = std::mem::take(&mut self.received);
        received.append(&mut last.received);
        ReconcileBulk { received, ..last }
    }
}
