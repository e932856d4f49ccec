//! Sessions, their keys and filters.

use ravelin_contract::{
    Alg, CloseReason, Resource, ResourceRole, SessionFilter, SessionKey, SessionPage, SessionRef,
    SessionState, SessionView, WingView,
};
use ravelin_types::{Family, NatRuleId, PolicyId, Proto, SessionId, WorkerId, ZoneId};

use super::{Malformed, Read, Wire, address, decode_all, encode_all, instance, octets, part, small, unit};
use crate::proto;

impl Wire for SessionKey {
    type Message = proto::SessionKey;

    fn to_message(&self) -> proto::SessionKey {
        let Self { src, dst, sport, dport, proto, instance } = *self;
        proto::SessionKey {
            src: octets(src),
            dst: octets(dst),
            sport: sport.into(),
            dport: dport.into(),
            proto: proto.0.into(),
            instance: instance.0.into(),
        }
    }

    fn from_message(message: proto::SessionKey) -> Read<Self> {
        Ok(Self {
            src: address(&message.src)?,
            dst: address(&message.dst)?,
            sport: small("source port", message.sport)?,
            dport: small("destination port", message.dport)?,
            proto: Proto(small("protocol", message.proto)?),
            instance: instance(message.instance)?,
        })
    }
}

impl Wire for SessionRef {
    type Message = proto::SessionRef;

    fn to_message(&self) -> proto::SessionRef {
        let Self { id, key } = *self;
        proto::SessionRef { id: id.0, key: Some(key.to_message()) }
    }

    fn from_message(message: proto::SessionRef) -> Read<Self> {
        Ok(Self { id: SessionId(message.id), key: part("session key", message.key)? })
    }
}

impl Wire for WingView {
    type Message = proto::Wing;

    fn to_message(&self) -> proto::Wing {
        let Self { key, interface, packets, bytes } = *self;
        proto::Wing { key: Some(key.to_message()), interface: interface.map(|i| i.0.into()), packets, bytes }
    }

    fn from_message(message: proto::Wing) -> Read<Self> {
        Ok(Self {
            key: part("session key", message.key)?,
            interface: message.interface.map(unit).transpose()?,
            packets: message.packets,
            bytes: message.bytes,
        })
    }
}

impl Wire for SessionPage {
    type Message = proto::SessionPage;

    fn to_message(&self) -> proto::SessionPage {
        let next = self.next.as_ref().map(Wire::to_message);
        let sessions = encode_all(&self.sessions);
        proto::SessionPage { sessions, page: 0, last: next.is_none(), next }
    }

    fn from_message(message: proto::SessionPage) -> Read<Self> {
        let proto::SessionPage { sessions, page: _, last: _, next } = message;
        Ok(Self { sessions: decode_all(sessions)?, next: next.map(Wire::from_message).transpose()? })
    }
}

impl Wire for SessionView {
    type Message = proto::SessionView;

    fn to_message(&self) -> proto::SessionView {
        let Self {
            id,
            worker,
            state,
            wings: [opening, answering],
            policy,
            nat_rule,
            destination_rule,
            from_zone,
            to_zone,
            application,
            timeout_s,
            remaining_s,
            age_s,
            resource,
        } = *self;
        proto::SessionView {
            id: id.0,
            worker: worker.0.into(),
            state: state.to_message(),
            opening: Some(opening.to_message()),
            answering: Some(answering.to_message()),
            policy: policy.0,
            nat_rule: nat_rule.map(|r| r.0),
            destination_rule: destination_rule.map(|r| r.0),
            from_zone: from_zone.0.into(),
            to_zone: to_zone.0.into(),
            application,
            timeout_s,
            remaining_s,
            age_s,
            resource: resource.map(|r| r.to_message()),
        }
    }

    fn from_message(message: proto::SessionView) -> Read<Self> {
        Ok(Self {
            id: SessionId(message.id),
            worker: WorkerId(small("worker", message.worker)?),
            state: SessionState::from_message(message.state)?,
            wings: [part("opening wing", message.opening)?, part("answering wing", message.answering)?],
            policy: PolicyId(message.policy),
            nat_rule: message.nat_rule.map(NatRuleId),
            destination_rule: message.destination_rule.map(NatRuleId),
            from_zone: ZoneId(small("zone id", message.from_zone)?),
            to_zone: ZoneId(small("zone id", message.to_zone)?),
            application: message.application,
            timeout_s: message.timeout_s,
            remaining_s: message.remaining_s,
            age_s: message.age_s,
            resource: message.resource.map(Resource::from_message).transpose()?,
        })
    }
}

impl Wire for Resource {
    type Message = proto::SessionResource;

    fn to_message(&self) -> proto::SessionResource {
        let Self { alg, role } = *self;
        let (expected, parent) = match role {
            ResourceRole::Control => (false, None),
            ResourceRole::Expected(parent) => (true, parent.map(|id| id.0)),
        };
        proto::SessionResource { alg: alg.to_message(), expected, parent }
    }

    fn from_message(message: proto::SessionResource) -> Read<Self> {
        let proto::SessionResource { alg, expected, parent } = message;
        let role = match expected {
            true => ResourceRole::Expected(parent.map(SessionId)),
            false => ResourceRole::Control,
        };
        Ok(Self { alg: Alg::from_message(alg)?, role })
    }
}

impl Wire for SessionState {
    type Message = i32;

    fn to_message(&self) -> i32 {
        use proto::SessionState as M;
        let state = match self {
            Self::Opening => M::Opening,
            Self::Established => M::Established,
            Self::Closing => M::Closing,
        };
        state as i32
    }

    fn from_message(message: i32) -> Read<Self> {
        use proto::SessionState as M;
        match M::try_from(message) {
            Ok(M::Opening) => Ok(Self::Opening),
            Ok(M::Established) => Ok(Self::Established),
            Ok(M::Closing) => Ok(Self::Closing),
            Ok(M::Unspecified) | Err(_) => Err(unknown("session state", message)),
        }
    }
}

impl Wire for CloseReason {
    type Message = i32;

    fn to_message(&self) -> i32 {
        use proto::CloseReason as M;
        let reason = match self {
            Self::AgedOut => M::AgedOut,
            Self::TcpFin => M::TcpFin,
            Self::TcpRst => M::TcpRst,
            Self::Cleared => M::Cleared,
            Self::PolicyChanged => M::PolicyChanged,
            Self::InterfaceGone => M::InterfaceGone,
            Self::NatChanged => M::NatChanged,
            Self::PeerDelete => M::PeerDelete,
            Self::Reconcile => M::Reconcile,
            Self::ResponseReceived => M::ResponseReceived,
        };
        reason as i32
    }

    fn from_message(message: i32) -> Read<Self> {
        let known = Self::ALL.iter().copied().find(|reason| reason.to_message() == message);
        known.ok_or_else(|| unknown("close reason", message))
    }
}

impl Wire for Family {
    type Message = i32;

    fn to_message(&self) -> i32 {
        match self {
            Self::V4 => proto::Family::V4 as i32,
            Self::V6 => proto::Family::V6 as i32,
        }
    }

    fn from_message(message: i32) -> Read<Self> {
        match proto::Family::try_from(message) {
            Ok(proto::Family::V4) => Ok(Self::V4),
            Ok(proto::Family::V6) => Ok(Self::V6),
            Ok(proto::Family::Unspecified) | Err(_) => Err(unknown("family", message)),
        }
    }
}

fn unknown(what: &'static str, value: i32) -> Malformed {
    Malformed::Unknown { what, value: value.to_string() }
}

impl Wire for SessionFilter {
    type Message = proto::SessionFilter;

    fn to_message(&self) -> proto::SessionFilter {
        let Self { proto, source, destination, source_port, destination_port, interface, family, id, nat } =
            self;
        proto::SessionFilter {
            proto: proto.map(|p| p.0.into()),
            source: source.as_ref().map(Wire::to_message),
            destination: destination.as_ref().map(Wire::to_message),
            source_port: source_port.map(u32::from),
            destination_port: destination_port.map(u32::from),
            interface: interface.map(|i| i.0.into()),
            family: family.as_ref().map(Wire::to_message),
            id: id.map(|i| i.0),
            nat: *nat,
        }
    }

    fn from_message(message: proto::SessionFilter) -> Read<Self> {
        Ok(Self {
            proto: message.proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
            source: message.source.map(Wire::from_message).transpose()?,
            destination: message.destination.map(Wire::from_message).transpose()?,
            source_port: message.source_port.map(|p| small("source port", p)).transpose()?,
            destination_port: message.destination_port.map(|p| small("destination port", p)).transpose()?,
            interface: message.interface.map(unit).transpose()?,
            family: message.family.map(Wire::from_message).transpose()?,
            id: message.id.map(SessionId),
            nat: message.nat,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;
    use ravelin_types::InterfaceId;

    #[test]
    fn every_state_reason_and_family_survives() {
        survives([SessionState::Opening, SessionState::Established, SessionState::Closing]);
        survives(CloseReason::ALL.iter().copied());
        survives([Family::V4, Family::V6]);
        assert!(SessionState::from_message(0).is_err());
        assert!(CloseReason::from_message(0).is_err());
        assert!(Family::from_message(5).is_err());
    }

    #[test]
    fn a_filter_survives_empty_and_full() {
        let full = SessionFilter {
            proto: Some(Proto::TCP),
            source: Some("10.0.0.0/8".parse().unwrap()),
            destination: Some("2001:db8::/32".parse().unwrap()),
            source_port: Some(0),
            destination_port: Some(u16::MAX),
            interface: Some(InterfaceId(0)),
            family: Some(Family::V6),
            id: Some(SessionId(u64::MAX)),
            nat: Some(false),
        };
        survives([SessionFilter::default(), full]);
    }

    #[test]
    fn a_key_out_of_range_is_named() {
        let key = proto::SessionKey {
            src: vec![0; 4],
            dst: vec![0; 4],
            sport: 65_536,
            dport: 0,
            proto: 6,
            instance: 0,
        };
        let error = SessionKey::from_message(key).unwrap_err();
        assert_eq!(error.to_string(), "source port out of range: 65536");
    }
}
