//! Everything a worker knows that outlives it: sessions with their leases, mappings, held packets, counters, events.
//!
//! A survey ahead takes every session while the worker works on; the last one takes those that a packet came for since,
//! those that are new, and names those that ended. State: of an export, what was taken of each slot and when.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message as _;
use ravelin_contract::{CloseReason, EventBatch, SessionKey, SyncedSession};
use ravelin_engine::{FlowKey, Rules, Shared, State, Surveyed};
use ravelin_remote::Wire as _;
use ravelin_types::{Instant, SessionId, WorkerId};

use super::{
    counters, parts, proto,
    transfer::{ImportError, StateExport, StateTransfer},
};

/// Slots looked at between two batches.
const SLOTS: u32 = 1024;
/// Sessions in one piece of the last part.
const PIECE: usize = 1024;
/// The session clock's tick, and as much again.
const MARGIN_MS: u64 = 200;
const NS_A_MS: u64 = 1_000_000;

/// The whole state of workers. Counts the sessions that could not be taken in.
#[derive(Debug, Default)]
pub struct WholeState {
    refused: AtomicU64,
}

/// What was taken of a slot.
#[derive(Clone, Copy, Debug)]
struct Sent {
    id: SessionId,
    key: SessionKey,
    at: Instant,
    /// The survey that came by it last.
    pass: Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Ahead,
    Last,
}

/// One worker's export.
#[derive(Debug)]
struct Export {
    /// Where the survey ahead goes on; `None`: it is through.
    from: Option<u32>,
    surveyed: usize,
    are_mappings_sent: bool,
    sent: Vec<Option<Sent>>,
}

impl WholeState {
    /// Sessions that the state they were to go into did not take.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl StateTransfer for WholeState {
    fn format(&self) -> &'static str {
        "whole/1"
    }

    fn export(&self, _: WorkerId) -> Box<dyn StateExport> {
        Box::new(Export { from: Some(0), surveyed: 0, are_mappings_sent: false, sent: Vec::new() })
    }

    fn import(
        &self,
        state: &mut State,
        (rules, shared): (Option<&Rules>, &Shared),
        chunk: &[u8],
        now: Instant,
    ) -> Result<(), ImportError> {
        let failed = |error: &dyn std::fmt::Display| ImportError(error.to_string());
        let message = proto::State::decode(chunk).map_err(|error| failed(&error))?;
        for mapping in &message.mappings {
            let record = parts::record(mapping)?;
            // One that finds no place comes again with its first session, or its port is another's now.
            state.put_mapping(&record, now);
        }
        for proto::Ended { key, id } in message.ended {
            let key = key.ok_or_else(|| ImportError("an end of no session".into()))?;
            let key = SessionKey::from_message(key).map_err(|error| failed(&error))?;
            if let Some(key) = FlowKey::from_session_key(&key) {
                state.delete_session(&key, SessionId(id), CloseReason::Reconcile, shared, now);
            }
        }
        for session in message.sessions {
            let session = SyncedSession::from_message(session).map_err(|error| failed(&error))?;
            let Some(rules) = rules else { return Err(ImportError("sessions without a program".into())) };
            if state.put(&session, rules, shared, now).is_err() {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        for held in message.held {
            state.hold_frame(&parts::frame(held)?, now);
        }
        if let Some(counters) = &message.counters {
            counters::put(&mut state.counters, counters);
            state.forget_rates();
        }
        if let Some(batch) = message.events {
            let batch = EventBatch::from_message(batch).map_err(|error| failed(&error))?;
            // What taking sessions in and out gave rise to happened to nobody.
            drop(state.events.take(usize::MAX));
            state.events.lost_before(batch.lost, message.unreported);
            batch.events.into_iter().for_each(|event| state.events.push(event));
        }
        Ok(())
    }
}

impl StateExport for Export {
    fn ahead(&mut self, state: &mut State, _: &Shared, now: Instant) -> Option<Vec<u8>> {
        if !self.are_mappings_sent {
            self.are_mappings_sent = true;
            return Some(mappings(state, now).encode_to_vec());
        }
        let from = self.from?;
        let mut found = Vec::new();
        self.from = state.survey_sessions(from, SLOTS, now, |surveyed| found.push(surveyed));
        self.surveyed += found.len();
        // What opens behind the survey is the last one's to find.
        self.from = self.from.filter(|_| self.surveyed < state.sessions.len());
        let sessions = found.into_iter().filter_map(|surveyed| self.take(state, surveyed, now, Pass::Ahead));
        let sessions = sessions.map(|session| session.to_message()).collect();
        Some(proto::State { sessions, ..proto::State::default() }.encode_to_vec())
    }

    fn last(&mut self, state: &mut State, _: &Shared, now: Instant) -> Vec<Vec<u8>> {
        let (mut found, mut from) = (Vec::new(), Some(0));
        // The table is far larger than what lives in it, as a rule at its beginning.
        while let Some(at) = from.filter(|_| found.len() < state.sessions.len()) {
            from = state.survey_sessions(at, SLOTS, now, |surveyed| found.push(surveyed));
        }
        // What lives now ends nothing; what it took the slot of has ended.
        let mut ended: Vec<_> = found.iter().filter_map(|surveyed| self.replaced(*surveyed)).collect();
        let changed: Vec<_> =
            found.into_iter().filter_map(|surveyed| self.take(state, surveyed, now, Pass::Last)).collect();
        let gone = self.sent.iter().flatten().filter(|sent| sent.pass == Pass::Ahead);
        ended.extend(gone.map(|sent| (sent.key, sent.id)));
        let ended = ended.iter().map(|(key, id)| proto::Ended { key: Some(key.to_message()), id: id.0 });
        let first = proto::State { ended: ended.collect(), ..mappings(state, now) };
        let mut chunks = vec![first.encode_to_vec()];
        for some in changed.chunks(PIECE) {
            let sessions = some.iter().map(|session| session.to_message()).collect();
            chunks.push(proto::State { sessions, ..proto::State::default() }.encode_to_vec());
        }
        chunks.push(rest(state).encode_to_vec());
        chunks
    }
}

impl Export {
    /// The session that a slot had when it was taken, if another has it now.
    fn replaced(&self, surveyed: Surveyed) -> Option<(SessionKey, SessionId)> {
        let sent = self.sent.get(surveyed.slot as usize).copied().flatten()?;
        (sent.id != surveyed.id).then_some((sent.key, sent.id))
    }

    /// The session whole, if the other process does not have it as it is.
    fn take(&mut self, state: &State, surveyed: Surveyed, now: Instant, pass: Pass) -> Option<SyncedSession> {
        let Surveyed { slot, id, idle_ms } = surveyed;
        let at = slot as usize;
        if self.sent.len() <= at {
            self.sent.resize(at + 1, None);
        }
        if let Some(sent) = self.sent[at].as_mut().filter(|sent| sent.id == id) {
            sent.pass = pass;
            if idle_ms > now.0.saturating_sub(sent.at.0) / NS_A_MS + MARGIN_MS {
                return None;
            }
        }
        let session = state.session_whole(slot, id, now)?;
        self.sent[at] = Some(Sent { id, key: session.wings[0].key, at: now, pass });
        Some(session)
    }
}

fn mappings(state: &State, now: Instant) -> proto::State {
    let mappings = state.mappings(now).iter().map(parts::mapping).collect();
    proto::State { mappings, ..proto::State::default() }
}

/// What comes last. The events stay here too: this worker may have to go on.
fn rest(state: &mut State) -> proto::State {
    let events = state.events.take(usize::MAX);
    for event in &events {
        state.events.push(event.clone());
    }
    let events = EventBatch { events, lost: state.events.lost };
    proto::State {
        held: state.held_frames().into_iter().map(parts::held).collect(),
        counters: Some(counters::taken(&state.counters)),
        events: Some(events.to_message()),
        unreported: state.events.unreported(),
        ..proto::State::default()
    }
}
