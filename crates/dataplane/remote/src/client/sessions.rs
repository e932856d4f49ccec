//! The session store of another process.

use std::ops::ControlFlow;
use std::time::Instant;

use ravelin_contract::{
    CarriedMapping, CloseReason, DataPlane, DeltaBatch, DeltaCursor, Error, ExportBatch, ExportCursor,
    GateFilter, GatePage, MappingPage, Naming, PutResult, ReconcileResult, SessionDeltas, SessionFilter,
    SessionKey, SessionPage, SessionRef, SessionStore, SessionView, SweepProfile, SyncedSession,
};
use ravelin_types::{GroupId, ZoneId};

use super::{Client, Effort, PART, Repeat, odd};
use crate::convert::{Wire, encode_all};
use crate::proto;
use crate::proto::request::Call;
use crate::proto::response::Answer;

/// Sessions named in one request.
const BATCH: usize = 4096;

impl SessionStore for Client {
    /// The walk has a connection of its own: a visitor may make other calls, and one that breaks off
    /// just hangs up. A walk that is cut short is an error; it is not begun again, as the visitor has
    /// seen a part already.
    fn for_each(
        &self,
        filter: &SessionFilter,
        visit: &mut dyn FnMut(&SessionView) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let (id, request) = self.request(Call::WalkSessions(filter.to_message()))?;
        let link = self.open()?;
        let mut answer = self.exchange(&link, (id, &request), Effort::Light)?;
        for number in 0.. {
            let Answer::SessionPage(page) = answer else { return Err(odd("walk_sessions")) };
            if page.page != number {
                return Err(Error::Protocol("pages of sessions out of order".into()));
            }
            for message in page.sessions {
                if visit(&SessionView::from_message(message)?).is_break() {
                    return Ok(());
                }
            }
            if page.last {
                return Ok(());
            }
            answer = link.answer(id, Instant::now() + self.timeout)?;
        }
        Ok(())
    }

    fn page(&self, filter: &SessionFilter, from: ExportCursor, max: usize) -> Result<SessionPage, Error> {
        let filter = Some(filter.to_message());
        let wanted = proto::PageSessions { filter, from: Some(from.to_message()), max: max as u64 };
        match self.call(Call::PageSessions(wanted), Repeat::Safe, Effort::Heavy)? {
            Answer::SessionPage(page) => Ok(SessionPage::from_message(page)?),
            _ => Err(odd("page_sessions")),
        }
    }

    fn get(&self, key: &SessionKey) -> Result<Option<SessionView>, Error> {
        match self.read(Call::GetSession(key.to_message()))? {
            Answer::FoundSession(found) => Ok(found.session.map(SessionView::from_message).transpose()?),
            _ => Err(odd("get_session")),
        }
    }

    fn put_synced(&self, batch: &[SyncedSession]) -> Result<PutResult, Error> {
        let mut result = PutResult::default();
        for some in batch.chunks(BATCH) {
            let put = proto::PutSynced { sessions: encode_all(some) };
            // The same once more is an update of what the first one installed.
            match self.call(Call::PutSynced(put), Repeat::Safe, Effort::Heavy)? {
                Answer::PutResult(some) => result.add(PutResult::from_message(some)?),
                _ => return Err(odd("put_synced")),
            }
        }
        Ok(result)
    }

    fn delete_known(&self, batch: &[SessionRef], reason: CloseReason) -> Result<u64, Error> {
        let mut ended = 0;
        for some in batch.chunks(BATCH) {
            let delete = proto::DeleteKnown { batch: encode_all(some), reason: reason.to_message() };
            ended += self.number(Call::DeleteKnown(delete), Repeat::Never)?;
        }
        Ok(ended)
    }

    fn delete_by_key(&self, key: &SessionKey, reason: CloseReason) -> Result<bool, Error> {
        let delete = proto::DeleteByKey { key: Some(key.to_message()), reason: reason.to_message() };
        match self.call(Call::DeleteByKey(delete), Repeat::Never, Effort::Light)? {
            Answer::Flag(deleted) => Ok(deleted),
            _ => Err(odd("delete_by_key")),
        }
    }

    /// The caller is asked of every zone of the running program, once; one that it gains meanwhile counts as not owned.
    fn reconcile_bulk(
        &self,
        received: &[SessionKey],
        owns: &dyn Fn(ZoneId) -> bool,
    ) -> Result<ReconcileResult, Error> {
        let zones = self.last_apply_result().map(|result| result.zone_ids).unwrap_or_default();
        let all = zones.into_values().chain([ZoneId::HOST]);
        let owned_zones: Vec<u32> = all.filter(|zone| owns(*zone)).map(|zone| zone.0.into()).collect();
        let mut parts = received.chunks(PART);
        let last = parts.next_back().unwrap_or_default();
        let bulk = |received: &[SessionKey], owned_zones| proto::ReconcileBulk {
            received: encode_all(received),
            owned_zones,
        };
        let parts = parts.map(|part| Call::ReconcilePart(bulk(part, Vec::new())));
        match self.in_parts(parts, Call::ReconcileBulk(bulk(last, owned_zones)))? {
            Answer::Reconciled(result) => Ok(ReconcileResult::from_message(result)?),
            _ => Err(odd("reconcile_bulk")),
        }
    }

    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error> {
        self.number(Call::ClearSessions(filter.to_message()), Repeat::Never)
    }

    fn mapping_page(&self, from: ExportCursor, max: usize) -> Result<MappingPage, Error> {
        let wanted = proto::PageMappings { from: Some(from.to_message()), max: max as u64 };
        match self.call(Call::PageMappings(wanted), Repeat::Safe, Effort::Heavy)? {
            Answer::MappingPage(page) => Ok(MappingPage::from_message(page)?),
            _ => Err(odd("page_mappings")),
        }
    }

    /// A mapping that is made twice is there once.
    fn put_mappings(&self, mappings: &[CarriedMapping]) -> Result<u64, Error> {
        let mut made = 0;
        for some in mappings.chunks(BATCH) {
            let page = proto::MappingPage { mappings: encode_all(some), next: None };
            made += self.number(Call::PutMappings(page), Repeat::Safe)?;
        }
        Ok(made)
    }

    fn gate_page(&self, filter: &GateFilter, from: ExportCursor, max: usize) -> Result<GatePage, Error> {
        let filter = Some(filter.to_message());
        let wanted = proto::PageGates { filter, from: Some(from.to_message()), max: max as u64 };
        match self.call(Call::PageGates(wanted), Repeat::Safe, Effort::Heavy)? {
            Answer::GatePage(page) => Ok(GatePage::from_message(page)?),
            _ => Err(odd("page_gates")),
        }
    }

    fn count(&self) -> Result<u64, Error> {
        self.number(Call::CountSessions(proto::Empty {}), Repeat::Safe)
    }

    fn deltas(&self) -> Result<&dyn SessionDeltas, Error> {
        Ok(self)
    }
}

impl SessionDeltas for Client {
    fn drain(&self, cursor: &DeltaCursor, max: usize) -> Result<DeltaBatch, Error> {
        let drain = proto::DrainDeltas { cursor: Some(cursor.to_message()), max: max as u64 };
        match self.read(Call::DrainDeltas(drain))? {
            Answer::Deltas(batch) => Ok(DeltaBatch::from_message(batch)?),
            _ => Err(odd("drain")),
        }
    }

    fn export(&self, groups: &[GroupId], from: ExportCursor, max: usize) -> Result<ExportBatch, Error> {
        let groups = groups.iter().map(|group| group.0.into()).collect();
        let export = proto::ExportSessions { groups, from: Some(from.to_message()), max: max as u64 };
        match self.read(Call::ExportSessions(export))? {
            Answer::Export(batch) => Ok(ExportBatch::from_message(batch)?),
            _ => Err(odd("export")),
        }
    }

    fn naming(&self) -> Result<Naming, Error> {
        match self.call(Call::Naming(proto::Empty {}), Repeat::Safe, Effort::Heavy)? {
            Answer::Naming(naming) => Ok(Naming::from_message(naming)?),
            _ => Err(odd("naming")),
        }
    }

    fn sweep_profile(&self) -> Result<SweepProfile, Error> {
        match self.read(Call::SweepProfile(proto::Empty {}))? {
            Answer::SweepProfile(profile) => Ok(SweepProfile::from_message(profile)?),
            _ => Err(odd("sweep_profile")),
        }
    }
}

impl Client {
    fn number(&self, call: Call, repeat: Repeat) -> Result<u64, Error> {
        match self.call(call, repeat, Effort::Heavy)? {
            Answer::Number(number) => Ok(number),
            _ => Err(odd("count")),
        }
    }
}
