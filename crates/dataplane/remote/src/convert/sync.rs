//! Sessions whole, and their changes.

use ravelin_contract::{
    ContentShift, DeltaBatch, DeltaCursor, ExportBatch, ExportCursor, HandshakeShift, PutRefusal, PutResult,
    ReconcileResult, SessionDelta, SessionState, SourceBinding, SweepProfile, SyncedSession, SyncedWing,
};
use ravelin_types::{NatRuleId, PolicyId, SessionId, WorkerId, ZoneId};

use super::{Malformed, Read, Wire, decode_all, encode_all, need, part, small, unit};
use crate::proto;
use crate::proto::session_delta::Change;

impl Wire for SyncedWing {
    type Message = proto::SyncedWing;

    fn to_message(&self) -> proto::SyncedWing {
        let Self { key, interface, zone, packets, bytes } = *self;
        let (key, interface) = (Some(key.to_message()), interface.map(|i| i.0.into()));
        proto::SyncedWing { key, interface, zone: zone.0.into(), packets, bytes }
    }

    fn from_message(message: proto::SyncedWing) -> Read<Self> {
        Ok(Self {
            key: part("session key", message.key)?,
            interface: message.interface.map(unit).transpose()?,
            zone: ZoneId(small("zone id", message.zone)?),
            packets: message.packets,
            bytes: message.bytes,
        })
    }
}

impl Wire for HandshakeShift {
    type Message = proto::HandshakeShift;

    fn to_message(&self) -> proto::HandshakeShift {
        let Self { seq, timestamp, to_client, to_server } = *self;
        let scales = |(from, to): (u8, u8)| u32::from(from) << 8 | u32::from(to);
        proto::HandshakeShift { seq, timestamp, to_client: scales(to_client), to_server: scales(to_server) }
    }

    fn from_message(message: proto::HandshakeShift) -> Read<Self> {
        let scales = |value: u32| {
            let (from, to) = (value >> 8, value & 0xff);
            let range = Malformed::Range { what: "window scale", value: value.into() };
            // RFC 7323 2.3: at most 14.
            if from <= 14 && to <= 14 { Ok((from as u8, to as u8)) } else { Err(range) }
        };
        let proto::HandshakeShift { seq, timestamp, to_client, to_server } = message;
        Ok(Self { seq, timestamp, to_client: scales(to_client)?, to_server: scales(to_server)? })
    }
}

impl Wire for ContentShift {
    type Message = proto::ContentShift;

    fn to_message(&self) -> proto::ContentShift {
        let Self { at, before, after } = *self;
        proto::ContentShift { at, before, after }
    }

    fn from_message(proto::ContentShift { at, before, after }: proto::ContentShift) -> Read<Self> {
        Ok(Self { at, before, after })
    }
}

impl Wire for SyncedSession {
    type Message = proto::SyncedSession;

    fn to_message(&self) -> proto::SyncedSession {
        let [opening, answering] = self.wings.each_ref().map(|wing| Some(wing.to_message()));
        proto::SyncedSession {
            id: self.id.0,
            state: self.state.to_message(),
            opening,
            answering,
            policy: self.policy.map(|p| p.0),
            judged_by: self.judged_by,
            source_rule: self.source_rule.map(|r| r.0),
            destination_rule: self.destination_rule.map(|r| r.0),
            of_interface: self.source == SourceBinding::Interface,
            of_pool: match self.source {
                SourceBinding::Pool(number) => Some(number.into()),
                SourceBinding::None | SourceBinding::Interface => None,
            },
            entered: self.entered,
            expected: self.expected,
            parent: self.parent.map(|parent| parent.0),
            log_close: self.log_close,
            count: self.count,
            application: self.application,
            timeout_s: self.timeout_s,
            established_timeout_s: self.established_timeout_s,
            idle_ms: self.idle_ms,
            age_ms: self.age_ms,
            tcp: self.tcp.map_or(Vec::new(), |tcp| tcp.to_vec()),
            handshake: self.handshake.as_ref().map(Wire::to_message),
            content: self.content.as_ref().map_or(Vec::new(), |shifts| encode_all(shifts)),
        }
    }

    fn from_message(message: proto::SyncedSession) -> Read<Self> {
        let tcp: &[u8] = &message.tcp;
        let length = |what, len: usize| Malformed::Range { what, value: len as u64 };
        let content = decode_all::<ContentShift>(message.content)?;
        Ok(Self {
            id: SessionId(message.id),
            state: SessionState::from_message(message.state)?,
            wings: [part("opening wing", message.opening)?, part("answering wing", message.answering)?],
            policy: message.policy.map(PolicyId),
            judged_by: message.judged_by,
            source_rule: message.source_rule.map(NatRuleId),
            destination_rule: message.destination_rule.map(NatRuleId),
            source: match (message.of_interface, message.of_pool) {
                (false, None) => SourceBinding::None,
                (true, None) => SourceBinding::Interface,
                (false, Some(number)) => SourceBinding::Pool(small("pool", number)?),
                (true, Some(_)) => {
                    return Err(Malformed::Unknown { what: "binding", value: "of both kinds".into() });
                }
            },
            entered: message.entered,
            expected: message.expected,
            parent: message.parent.map(SessionId),
            log_close: message.log_close,
            count: message.count,
            application: message.application,
            timeout_s: message.timeout_s,
            established_timeout_s: message.established_timeout_s,
            idle_ms: message.idle_ms,
            age_ms: message.age_ms,
            tcp: match tcp {
                [] => None,
                tcp => Some(tcp.try_into().map_err(|_| length("length of a TCP state", tcp.len()))?),
            },
            handshake: message.handshake.map(Wire::from_message).transpose()?,
            content: match content.len() {
                0 => None,
                len => Some(content.try_into().map_err(|_| length("number of shifts", len))?),
            },
        })
    }
}

impl Wire for PutRefusal {
    type Message = i32;

    fn to_message(&self) -> i32 {
        use proto::PutRefusal as M;
        let refusal = match self {
            Self::Full => M::Full,
            Self::Collision => M::Collision,
            Self::Translation => M::Translation,
            Self::Unknown => M::Unknown,
            Self::Malformed => M::Malformed,
        };
        refusal as i32
    }

    fn from_message(message: i32) -> Read<Self> {
        let known = Self::ALL.iter().copied().find(|refusal| refusal.to_message() == message);
        known.ok_or_else(|| Malformed::Unknown { what: "refusal", value: message.to_string() })
    }
}

impl Wire for PutResult {
    type Message = proto::PutResult;

    fn to_message(&self) -> proto::PutResult {
        let refused =
            |(id, why): &(SessionId, PutRefusal)| proto::RefusedSession { id: id.0, why: why.to_message() };
        proto::PutResult {
            installed: self.installed,
            updated: self.updated,
            refused: self.refused.iter().map(refused).collect(),
        }
    }

    fn from_message(message: proto::PutResult) -> Read<Self> {
        let refused =
            |entry: proto::RefusedSession| Ok((SessionId(entry.id), PutRefusal::from_message(entry.why)?));
        Ok(Self {
            installed: message.installed,
            updated: message.updated,
            refused: message.refused.into_iter().map(refused).collect::<Read<_>>()?,
        })
    }
}

impl Wire for ReconcileResult {
    type Message = proto::Reconciled;

    fn to_message(&self) -> proto::Reconciled {
        let Self { stale, deleted } = *self;
        proto::Reconciled { stale, deleted }
    }

    fn from_message(proto::Reconciled { stale, deleted }: proto::Reconciled) -> Read<Self> {
        Ok(Self { stale, deleted })
    }
}

impl Wire for DeltaCursor {
    type Message = proto::DeltaCursor;

    fn to_message(&self) -> proto::DeltaCursor {
        proto::DeltaCursor { epoch: self.epoch, seen: self.seen.clone() }
    }

    fn from_message(proto::DeltaCursor { epoch, seen }: proto::DeltaCursor) -> Read<Self> {
        Ok(Self { epoch, seen })
    }
}

impl Wire for (WorkerId, u64, SessionDelta) {
    type Message = proto::SessionDelta;

    fn to_message(&self) -> proto::SessionDelta {
        let (worker, number, delta) = self;
        let change = match delta {
            SessionDelta::Open(session) => Change::Open(session.to_message()),
            SessionDelta::Update(session) => Change::Update(session.to_message()),
            SessionDelta::Close(view, reason) => {
                let (view, reason) = (Some(view.to_message()), reason.to_message());
                Change::Close(proto::SessionClosed { view, reason })
            }
        };
        proto::SessionDelta { worker: worker.0.into(), number: *number, change: Some(change) }
    }

    fn from_message(message: proto::SessionDelta) -> Read<Self> {
        let delta = match need("change of a session", message.change)? {
            Change::Open(session) => SessionDelta::Open(SyncedSession::from_message(session)?),
            Change::Update(session) => SessionDelta::Update(SyncedSession::from_message(session)?),
            Change::Close(closed) => {
                let reason = Wire::from_message(closed.reason)?;
                SessionDelta::Close(part("session", closed.view)?, reason)
            }
        };
        Ok((WorkerId(small("worker", message.worker)?), message.number, delta))
    }
}

impl Wire for (WorkerId, u64, u64) {
    type Message = proto::LostDeltas;

    fn to_message(&self) -> proto::LostDeltas {
        let (worker, first, last) = *self;
        proto::LostDeltas { worker: worker.0.into(), first, last }
    }

    fn from_message(proto::LostDeltas { worker, first, last }: proto::LostDeltas) -> Read<Self> {
        Ok((WorkerId(small("worker", worker)?), first, last))
    }
}

impl Wire for DeltaBatch {
    type Message = proto::DeltaBatch;

    fn to_message(&self) -> proto::DeltaBatch {
        proto::DeltaBatch {
            deltas: encode_all(&self.deltas),
            lost: encode_all(&self.lost),
            next: Some(self.next.to_message()),
            truncated: self.truncated,
        }
    }

    fn from_message(message: proto::DeltaBatch) -> Read<Self> {
        Ok(Self {
            deltas: decode_all(message.deltas)?,
            lost: decode_all(message.lost)?,
            next: part("cursor", message.next)?,
            truncated: message.truncated,
        })
    }
}

impl Wire for ExportCursor {
    type Message = proto::ExportCursor;

    fn to_message(&self) -> proto::ExportCursor {
        proto::ExportCursor { worker: self.worker.into(), slot: self.slot }
    }

    fn from_message(proto::ExportCursor { worker, slot }: proto::ExportCursor) -> Read<Self> {
        Ok(Self { worker: small("worker", worker)?, slot })
    }
}

impl Wire for ExportBatch {
    type Message = proto::ExportBatch;

    fn to_message(&self) -> proto::ExportBatch {
        let next = self.next.as_ref().map(Wire::to_message);
        proto::ExportBatch { sessions: encode_all(&self.sessions), next }
    }

    fn from_message(message: proto::ExportBatch) -> Read<Self> {
        Ok(Self {
            sessions: decode_all(message.sessions)?,
            next: message.next.map(Wire::from_message).transpose()?,
        })
    }
}

impl Wire for SweepProfile {
    type Message = proto::SweepProfile;

    fn to_message(&self) -> proto::SweepProfile {
        let Self { enabled, active_interval_s, idle_interval_s } = *self;
        proto::SweepProfile { enabled, active_interval_s, idle_interval_s }
    }

    fn from_message(message: proto::SweepProfile) -> Read<Self> {
        let proto::SweepProfile { enabled, active_interval_s, idle_interval_s } = message;
        Ok(Self { enabled, active_interval_s, idle_interval_s })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;

    #[test]
    fn every_refusal_survives_and_others_do_not() {
        survives(PutRefusal::ALL.iter().copied());
        assert!(PutRefusal::from_message(0).is_err());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let shift = proto::HandshakeShift { to_client: 15 << 8, ..Default::default() };
        assert!(HandshakeShift::from_message(shift).is_err());
        let cursor = proto::ExportCursor { worker: 256, slot: 0 };
        assert!(ExportCursor::from_message(cursor).is_err());
    }
}
