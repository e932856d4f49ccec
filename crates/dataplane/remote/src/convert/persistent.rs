//! Mappings of persistent NAT.

use ravelin_contract::{MappingFilter, MappingList, MappingOrigin, MappingPermit, PersistentMapping};
use ravelin_types::{NatRuleId, Proto};

use super::{Malformed, Read, Wire, address, decode_all, encode_all, instance, octets, part, small};
use crate::proto;

/// Addresses that one filter asks for.
const EXTERNAL_MAX: usize = 1024;

impl Wire for MappingOrigin {
    type Message = proto::MappingOrigin;

    fn to_message(&self) -> proto::MappingOrigin {
        match self {
            Self::Interface => proto::MappingOrigin { pool: None },
            Self::Pool(id) => proto::MappingOrigin { pool: Some(*id) },
        }
    }

    fn from_message(message: proto::MappingOrigin) -> Read<Self> {
        Ok(message.pool.map_or(Self::Interface, Self::Pool))
    }
}

impl Wire for MappingPermit {
    type Message = u32;

    fn to_message(&self) -> u32 {
        match self {
            Self::AnyRemoteHost => 1,
            Self::TargetHost => 2,
            Self::TargetHostPort => 3,
        }
    }

    fn from_message(message: u32) -> Read<Self> {
        match message {
            1 => Ok(Self::AnyRemoteHost),
            2 => Ok(Self::TargetHost),
            3 => Ok(Self::TargetHostPort),
            value => Err(Malformed::Range { what: "permitted remote host", value: value.into() }),
        }
    }
}

impl Wire for PersistentMapping {
    type Message = proto::PersistentMapping;

    fn to_message(&self) -> proto::PersistentMapping {
        let Self { origin, rule, proto, internal, internal_port, external, external_port, permit, .. } =
            *self;
        let Self { sessions, sessions_max, idle_s, timeout_s, instance, .. } = *self;
        proto::PersistentMapping {
            origin: Some(origin.to_message()),
            rule: rule.map(|rule| rule.0),
            proto: proto.map(|proto| proto.0.into()),
            internal: octets(internal),
            internal_port: internal_port.into(),
            external: octets(external),
            external_port: external_port.into(),
            permit: permit.to_message(),
            sessions,
            sessions_max,
            idle_s,
            timeout_s,
            instance: instance.0.into(),
        }
    }

    fn from_message(message: proto::PersistentMapping) -> Read<Self> {
        Ok(Self {
            origin: part("origin of a mapping", message.origin)?,
            rule: message.rule.map(NatRuleId),
            proto: message.proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
            internal: address(&message.internal)?,
            internal_port: small("internal port", message.internal_port)?,
            external: address(&message.external)?,
            external_port: small("external port", message.external_port)?,
            permit: MappingPermit::from_message(message.permit)?,
            sessions: message.sessions,
            sessions_max: message.sessions_max,
            idle_s: message.idle_s,
            timeout_s: message.timeout_s,
            instance: instance(message.instance)?,
        })
    }
}

impl Wire for MappingFilter {
    type Message = proto::MappingFilter;

    fn to_message(&self) -> proto::MappingFilter {
        let Self { origin, proto, internal, internal_port, external } = self;
        proto::MappingFilter {
            origin: origin.as_ref().map(Wire::to_message),
            proto: proto.map(|proto| proto.0.into()),
            internal: internal.map_or_else(Vec::new, octets),
            internal_port: internal_port.map(u32::from),
            external: external.iter().map(|addr| octets(*addr)).collect(),
        }
    }

    fn from_message(message: proto::MappingFilter) -> Read<Self> {
        let proto::MappingFilter { origin, proto, internal, internal_port, external } = message;
        if external.len() > EXTERNAL_MAX {
            return Err(Malformed::Range { what: "external addresses", value: external.len() as u64 });
        }
        Ok(Self {
            origin: origin.map(Wire::from_message).transpose()?,
            proto: proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
            internal: (!internal.is_empty()).then(|| address(&internal)).transpose()?,
            internal_port: internal_port.map(|p| small("internal port", p)).transpose()?,
            external: external.iter().map(|bytes| address(bytes)).collect::<Read<_>>()?,
        })
    }
}

impl Wire for MappingList {
    type Message = proto::MappingList;

    fn to_message(&self) -> proto::MappingList {
        let Self { mappings, found, in_use, capacity } = self;
        proto::MappingList {
            mappings: encode_all(mappings),
            found: *found,
            in_use: *in_use,
            capacity: *capacity,
        }
    }

    fn from_message(message: proto::MappingList) -> Read<Self> {
        let proto::MappingList { mappings, found, in_use, capacity } = message;
        Ok(Self { mappings: decode_all(mappings)?, found, in_use, capacity })
    }
}

#[cfg(test)]
mod tests {
    use ravelin_types::InstanceId;

    use super::super::testing::survives;
    use super::*;

    fn mapping(permit: MappingPermit) -> PersistentMapping {
        PersistentMapping {
            origin: MappingOrigin::Pool(3),
            rule: Some(NatRuleId(0)),
            proto: Some(Proto::UDP),
            internal: "2001:db8::2".parse().unwrap(),
            internal_port: 5,
            instance: InstanceId(7),
            external: "203.0.113.5".parse().unwrap(),
            external_port: 65_535,
            permit,
            sessions: 1,
            sessions_max: 30,
            idle_s: 2,
            timeout_s: 300,
        }
    }

    #[test]
    fn mappings_survive_the_wire() {
        let permits =
            [MappingPermit::AnyRemoteHost, MappingPermit::TargetHost, MappingPermit::TargetHostPort];
        survives(permits.map(mapping));
        let whole = PersistentMapping {
            origin: MappingOrigin::Interface,
            rule: None,
            proto: None,
            ..mapping(MappingPermit::AnyRemoteHost)
        };
        survives([MappingList { mappings: vec![whole], found: 7, in_use: 8, capacity: u64::MAX }]);
    }

    #[test]
    fn filters_survive_the_wire() {
        let addr = "2001:db8::2".parse().unwrap();
        survives([
            MappingFilter::default(),
            MappingFilter { origin: Some(MappingOrigin::Interface), ..MappingFilter::default() },
            MappingFilter {
                origin: Some(MappingOrigin::Pool(0)),
                proto: Some(Proto(0)),
                internal: Some(addr),
                internal_port: Some(9),
                external: vec![addr, "192.0.2.1".parse().unwrap()],
            },
        ]);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let good = mapping(MappingPermit::TargetHost).to_message();
        let refused = |message| PersistentMapping::from_message(message).is_err();
        assert!(refused(proto::PersistentMapping { permit: 0, ..good.clone() }));
        assert!(refused(proto::PersistentMapping { internal: vec![1; 5], ..good.clone() }));
        assert!(refused(proto::PersistentMapping { external_port: 65_536, ..good.clone() }));
        assert!(refused(proto::PersistentMapping { proto: Some(256), ..good.clone() }));
        assert!(refused(proto::PersistentMapping { origin: None, ..good }));
        let many =
            proto::MappingFilter { external: vec![vec![1; 4]; EXTERNAL_MAX + 1], ..Default::default() };
        assert!(MappingFilter::from_message(many).is_err());
    }
}
