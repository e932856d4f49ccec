//! Sessions for and from another plane: changes in order, exports in pieces, batches put in.
//!
//! Spec: sync-1..13.

use std::sync::Arc;

use ravelin_contract::{
    DeltaBatch, DeltaCursor, Error, ExportBatch, ExportCursor, Naming, PutRefusal, PutResult, SessionDeltas,
    SweepProfile, SyncedSession,
};
use ravelin_engine::{Put, Rules};
use ravelin_types::{GroupId, WorkerId};

use crate::Plane;
use crate::workers::{Workers, ask, each};

/// Slots looked at between two batches of packets, and sessions put in.
const WALK: u32 = 512;
const PUTS: usize = 256;
/// Changes told between two batches of packets.
const CHANGES: usize = 512;

impl<W: Workers> Plane<W> {
    /// Each at the worker where it is to live; a bounded number between two batches.
    pub(crate) fn put(&self, batch: &[SyncedSession]) -> Result<PutResult, Error> {
        let Some(rules) = self.rules() else {
            let refused = batch.iter().map(|session| (session.id, PutRefusal::Unknown)).collect();
            return Ok(PutResult { refused, ..PutResult::default() });
        };
        let mut result = PutResult::default();
        for some in batch.chunks(PUTS) {
            for (worker, sessions) in self.homes(&rules, some)? {
                result.add(self.put_at(&rules, worker, sessions)?);
            }
        }
        Ok(result)
    }

    /// The sessions by their worker. What names nothing of the program is anyone's to refuse.
    fn homes(
        &self,
        rules: &Arc<Rules>,
        batch: &[SyncedSession],
    ) -> Result<Vec<(WorkerId, Vec<SyncedSession>)>, Error> {
        let mut homes: Vec<_> = each(&self.workers).map(|worker| (worker, Vec::new())).collect();
        if let [(_, only)] = homes.as_mut_slice() {
            only.extend_from_slice(batch);
            return Ok(homes);
        }
        let (sessions, rules) = (batch.to_vec(), Arc::clone(rules));
        let found = ask(&self.workers, WorkerId(0), move |state, _, _| {
            let at = |session: &SyncedSession| state.home_of(session, &rules).unwrap_or_default();
            sessions.into_iter().map(|session| (at(&session), session)).collect::<Vec<_>>()
        })?;
        for (worker, session) in found {
            if let Some((_, sessions)) = homes.get_mut(usize::from(worker.0)) {
                sessions.push(session);
            }
        }
        Ok(homes)
    }

    fn put_at(
        &self,
        rules: &Arc<Rules>,
        worker: WorkerId,
        sessions: Vec<SyncedSession>,
    ) -> Result<PutResult, Error> {
        if sessions.is_empty() {
            return Ok(PutResult::default());
        }
        let rules = Arc::clone(rules);
        ask(&self.workers, worker, move |state, shared, now| {
            let mut result = PutResult::default();
            for session in &sessions {
                match state.put(session, &rules, shared, now) {
                    Ok(Put::Installed) => result.installed += 1,
                    Ok(Put::Updated) => result.updated += 1,
                    Err(refusal) => result.refused.push((session.id, refusal)),
                }
            }
            result
        })
    }
}

impl<W: Workers> SessionDeltas for Plane<W> {
    fn drain(&self, cursor: &DeltaCursor, max: usize) -> Result<DeltaBatch, Error> {
        let known = cursor.epoch == self.epoch;
        let mut batch = DeltaBatch::default();
        batch.next.epoch = self.epoch;
        for worker in each(&self.workers) {
            let seen = cursor.seen.get(usize::from(worker.0)).copied().filter(|_| known).unwrap_or(0);
            let room = max.saturating_sub(batch.deltas.len()).min(CHANGES);
            let piece = ask(&self.workers, worker, move |state, _, now| state.deltas_after(seen, room, now))?;
            batch.deltas.extend(piece.deltas.into_iter().map(|(number, delta)| (worker, number, delta)));
            batch.lost.extend(piece.lost.map(|(first, last)| (worker, first, last)));
            batch.next.seen.push(piece.seen);
            batch.truncated |= piece.more;
        }
        if !known && cursor.epoch != 0 {
            // Of the other plane's numbers nothing is known here.
            batch.lost.extend(
                cursor.seen.iter().zip(0..).map(|(seen, worker)| (WorkerId(worker), *seen, u64::MAX)),
            );
        }
        Ok(batch)
    }

    fn export(&self, groups: &[GroupId], from: ExportCursor, max: usize) -> Result<ExportBatch, Error> {
        let only = match groups {
            [] => None,
            groups => Some((Arc::<[GroupId]>::from(groups), self.rules().ok_or(Error::NotReady)?)),
        };
        let mut batch = ExportBatch { next: Some(from), ..ExportBatch::default() };
        while let Some(at) = batch.next.filter(|_| batch.sessions.len() < max) {
            if at.worker >= self.workers.count() {
                batch.next = None;
                break;
            }
            let only = only.clone();
            let (mut found, next) = ask(&self.workers, WorkerId(at.worker), move |state, _, now| {
                let mut found = Vec::new();
                let next = state.export_sessions(at.slot, WALK, now, |session| {
                    if is_meant(&session, only.as_ref()) {
                        found.push(session);
                    }
                });
                (found, next)
            })?;
            batch.sessions.append(&mut found);
            batch.next = Some(match next {
                Some(slot) => ExportCursor { slot, ..at },
                None => ExportCursor { worker: at.worker + 1, slot: 0 },
            });
        }
        Ok(batch)
    }

    fn naming(&self) -> Result<Naming, Error> {
        let program = self.core().program.clone().ok_or(Error::NotReady)?;
        Ok(Naming::of(&program))
    }

    fn sweep_profile(&self) -> Result<SweepProfile, Error> {
        Ok(SweepProfile { enabled: true, active_interval_s: 15, idle_interval_s: 60 })
    }
}

/// Whether a session is of one of the groups that are meant.
fn is_meant(session: &SyncedSession, only: Option<&(Arc<[GroupId]>, Arc<Rules>)>) -> bool {
    let Some((groups, rules)) = only else { return true };
    let [came, leaves] = session.wings.each_ref().map(|wing| wing.interface);
    groups.contains(&rules.group_between(came, leaves))
}
