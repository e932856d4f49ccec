//! The session store: walks in bounded steps, one deletion.

use std::collections::HashSet;
use std::ops::ControlFlow;

use ravelin_contract::{
    CarriedMapping, CloseReason, Error, ExportCursor, GateFilter, GatePage, MappingPage, PutResult,
    ReconcileResult, SessionDeltas, SessionFilter, SessionKey, SessionPage, SessionRef, SessionStore,
    SessionView, SyncedSession,
};
use ravelin_engine::FlowKey;
use ravelin_types::{WorkerId, ZoneId};

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Slots looked at between two batches of packets.
const WALK: u32 = 1024;

impl<W: Workers> Plane<W> {
    /// One bounded piece of a walk: what the filter holds for, and where to go on.
    fn piece(
        &self,
        worker: WorkerId,
        from: u32,
        filter: &SessionFilter,
    ) -> Result<(Vec<SessionView>, Option<u32>), Error> {
        let filter = filter.clone();
        ask(&self.workers, worker, move |state, _, now| {
            let mut found = Vec::new();
            let next = state.walk_sessions(from, WALK, now, |view| {
                if filter.holds(&view) {
                    found.push(view);
                }
                ControlFlow::Continue(())
            });
            (found, next)
        })
    }

    fn delete_on(&self, worker: WorkerId, batch: Vec<SessionRef>, reason: CloseReason) -> Result<u64, Error> {
        ask(&self.workers, worker, move |state, shared, now| {
            let known = |at: &SessionRef| FlowKey::from_session_key(&at.key).map(|k| (k, at.id));
            let keys = batch.iter().filter_map(known);
            keys.filter(|(key, id)| state.delete_session(key, *id, reason, shared, now)).count() as u64
        })
    }
}

/// Work on every worker; those behind one that does not answer have their turn too, and the first failure is told at the end.
fn on_each<W: Workers>(
    workers: &W,
    mut work: impl FnMut(WorkerId) -> Result<u64, Error>,
) -> Result<u64, Error> {
    let (mut done, mut failed) = (0, None);
    for worker in each(workers) {
        match work(worker) {
            Ok(count) => done += count,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(done), Err)
}

impl<W: Workers> SessionStore for Plane<W> {
    fn for_each(
        &self,
        filter: &SessionFilter,
        visit: &mut dyn FnMut(&SessionView) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for worker in each(&self.workers) {
            let mut from = Some(0);
            while let Some(at) = from {
                let (found, next) = self.piece(worker, at, filter)?;
                for view in &found {
                    if visit(view).is_break() {
                        return Ok(());
                    }
                }
                from = next;
            }
        }
        Ok(())
    }

    fn page(&self, filter: &SessionFilter, from: ExportCursor, max: usize) -> Result<SessionPage, Error> {
        let mut page = SessionPage { next: Some(from), ..SessionPage::default() };
        while let Some(at) = page.next.filter(|_| page.sessions.len() < max) {
            if at.worker >= self.workers.count() {
                page.next = None;
                break;
            }
            let (mut found, next) = self.piece(WorkerId(at.worker), at.slot, filter)?;
            page.sessions.append(&mut found);
            page.next = Some(match next {
                Some(slot) => ExportCursor { slot, ..at },
                None => ExportCursor { worker: at.worker + 1, slot: 0 },
            });
        }
        Ok(page)
    }

    fn get(&self, key: &SessionKey) -> Result<Option<SessionView>, Error> {
        let Some(key) = FlowKey::from_session_key(key) else { return Ok(None) };
        for worker in each(&self.workers) {
            let found = ask(&self.workers, worker, move |state, _, now| state.session(&key, now))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn put_synced(&self, batch: &[SyncedSession]) -> Result<PutResult, Error> {
        self.put(batch)
    }

    fn delete_known(&self, batch: &[SessionRef], reason: CloseReason) -> Result<u64, Error> {
        on_each(&self.workers, |worker| self.delete_on(worker, batch.to_vec(), reason))
    }

    fn delete_by_key(&self, key: &SessionKey, reason: CloseReason) -> Result<bool, Error> {
        match self.get(key)? {
            None => Ok(false),
            Some(view) => {
                let known = SessionRef { id: view.id, key: view.wings[0].key };
                Ok(self.delete_known(&[known], reason)? > 0)
            }
        }
    }

    fn reconcile_bulk(
        &self,
        received: &[SessionKey],
        owns: &dyn Fn(ZoneId) -> bool,
    ) -> Result<ReconcileResult, Error> {
        let received: HashSet<&SessionKey> = received.iter().collect();
        let mut result = ReconcileResult::default();
        result.deleted = on_each(&self.workers, |worker| {
            let (mut deleted, mut from) = (0, Some(0));
            while let Some(at) = from {
                let (found, next) = self.piece(worker, at, &SessionFilter::default())?;
                let stale = |v: &SessionView| !owns(v.from_zone) && !received.contains(&v.wings[0].key);
                let known = |v: SessionView| SessionRef { id: v.id, key: v.wings[0].key };
                let batch: Vec<_> = found.into_iter().filter(stale).map(known).collect();
                result.stale += batch.len() as u64;
                deleted += self.delete_on(worker, batch, CloseReason::Reconcile)?;
                from = next;
            }
            Ok(deleted)
        })?;
        Ok(result)
    }

    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error> {
        on_each(&self.workers, |worker| {
            let (mut ended, mut from) = (0, Some(0));
            while let Some(at) = from {
                let (found, next) = self.piece(worker, at, filter)?;
                let known = |v: SessionView| SessionRef { id: v.id, key: v.wings[0].key };
                let batch = found.into_iter().map(known).collect();
                ended += self.delete_on(worker, batch, CloseReason::Cleared)?;
                from = next;
            }
            Ok(ended)
        })
    }

    fn mapping_page(&self, from: ExportCursor, max: usize) -> Result<MappingPage, Error> {
        crate::carry::mapping_page(self, from, max)
    }

    fn put_mappings(&self, mappings: &[CarriedMapping]) -> Result<u64, Error> {
        crate::carry::put_mappings(self, mappings)
    }

    fn gate_page(&self, filter: &GateFilter, from: ExportCursor, max: usize) -> Result<GatePage, Error> {
        crate::gates::page(self, filter, from, max)
    }

    fn count(&self) -> Result<u64, Error> {
        Ok(self.shared.sessions())
    }

    fn deltas(&self) -> Result<&dyn SessionDeltas, Error> {
        Ok(self)
    }
}
