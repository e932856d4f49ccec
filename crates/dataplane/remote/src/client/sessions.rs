//! The session store of another process.

use std::ops::ControlFlow;
use std::time::Instant;

use ravelin_contract::{
    CloseReason, Error, ReconcileResult, SessionDeltas, SessionFilter, SessionKey, SessionRef, SessionStore,
    SessionView,
};
use ravelin_types::ZoneId;

use super::{Client, Effort, Repeat, odd};
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

    fn get(&self, key: &SessionKey) -> Result<Option<SessionView>, Error> {
        match self.read(Call::GetSession(key.to_message()))? {
            Answer::FoundSession(found) => Ok(found.session.map(SessionView::from_message).transpose()?),
            _ => Err(odd("get_session")),
        }
    }

    fn put_synced(&self, session: &SessionView) -> Result<(), Error> {
        self.change(Call::PutSynced(session.to_message()), Effort::Light)
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

    /// Ownership is a question to the caller, session by session: it does not go over a socket.
    fn reconcile_bulk(&self, _: &[SessionKey], _: &dyn Fn(ZoneId) -> bool) -> Result<ReconcileResult, Error> {
        Err(Error::Unsupported("session reconciliation over a socket"))
    }

    fn clear(&self, filter: &SessionFilter) -> Result<u64, Error> {
        self.number(Call::ClearSessions(filter.to_message()), Repeat::Never)
    }

    fn count(&self) -> Result<u64, Error> {
        self.number(Call::CountSessions(proto::Empty {}), Repeat::Safe)
    }

    fn deltas(&self) -> Result<&dyn SessionDeltas, Error> {
        Err(Error::Unsupported("session deltas over a socket"))
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
