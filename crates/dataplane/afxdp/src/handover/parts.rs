//! Mappings and held packets as messages. What makes no sense is an error: nothing comes of the hand-over then.

use std::{net::IpAddr, time::Duration};

use ravelin_engine::HeldFrame;
use ravelin_nat::{Action, MappingRecord, Permit, PersistentRule, PoolId};
use ravelin_types::{Addr, InterfaceId, NatRuleId, PortId, Proto, Seconds};
use ravelin_wire::rewrite::Partial;

use super::{proto, transfer::ImportError};

const PERMITS: [Permit; 3] = [Permit::AnyRemoteHost, Permit::TargetHost, Permit::TargetHostPort];

pub(super) fn mapping(record: &MappingRecord) -> proto::Mapping {
    let MappingRecord { action, rule, proto, token, family, addr, port, .. } = record;
    let PersistentRule { id, permit, address_mapping, block_external, inactivity, sessions_max } = *rule;
    let external = |addr: &Addr, port| Some(endpoint(addr.to_ip(record.external_family), port));
    let remote = |(addr, port): &(Addr, u16)| endpoint(addr.to_ip(record.external_family), *port);
    proto::Mapping {
        pool: match action {
            Action::Interface(_) => None,
            Action::Pool(PoolId(number)) => Some((*number).into()),
        },
        rule: id.map(|NatRuleId(id)| id),
        permit: PERMITS.iter().position(|known| *known == permit).unwrap_or(0) as u32,
        address_mapping,
        block_external,
        inactivity_s: inactivity.0,
        sessions_max,
        protocol: proto.0.into(),
        instance: *token,
        internal: Some(endpoint(addr.to_ip(*family), *port)),
        external: external(&record.external, record.external_port),
        idle_ms: record.idle.as_millis() as u64,
        remotes: record.remotes.iter().map(remote).collect(),
    }
}

pub(super) fn record(mapping: &proto::Mapping) -> Result<MappingRecord, ImportError> {
    let (internal, port) = endpoint_of(mapping.internal.as_ref())?;
    let (external, external_port) = endpoint_of(mapping.external.as_ref())?;
    let ((family, addr), (external_family, external)) = (Addr::from_ip(internal), Addr::from_ip(external));
    let remote = |remote| endpoint_of(Some(remote)).map(|(ip, port)| (Addr::from_ip(ip).1, port));
    let permit = PERMITS.get(mapping.permit as usize).ok_or_else(|| nonsense("a permission"))?;
    Ok(MappingRecord {
        action: match mapping.pool {
            None => Action::Interface(external),
            Some(number) => Action::Pool(PoolId(small(number)?)),
        },
        rule: PersistentRule {
            id: mapping.rule.map(NatRuleId),
            permit: *permit,
            address_mapping: mapping.address_mapping,
            block_external: mapping.block_external,
            inactivity: Seconds(mapping.inactivity_s),
            sessions_max: mapping.sessions_max,
        },
        proto: Proto(small(mapping.protocol)?),
        token: mapping.instance,
        family,
        addr,
        port,
        external_family,
        external,
        external_port,
        sessions: 0,
        idle: Duration::from_millis(mapping.idle_ms),
        remotes: mapping.remotes.iter().map(remote).collect::<Result<_, _>>()?,
    })
}

pub(super) fn held(frame: HeldFrame) -> proto::Held {
    let HeldFrame { unit, port, next_hop, partial, came_by, frame } = frame;
    proto::Held {
        unit: unit.0.into(),
        port: port.0.into(),
        next_hop: octets(next_hop),
        partial_start: partial.map(|partial| partial.start.into()),
        partial_field: partial.map_or(0, |partial| partial.field.into()),
        came_by: came_by.map(|unit| unit.0.into()),
        frame,
    }
}

pub(super) fn frame(held: proto::Held) -> Result<HeldFrame, ImportError> {
    let partial = |start| -> Result<Partial, ImportError> {
        Ok(Partial { start: small(start)?, field: small(held.partial_field)? })
    };
    Ok(HeldFrame {
        unit: InterfaceId(small(held.unit)?),
        port: PortId(small(held.port)?),
        next_hop: address(&held.next_hop)?,
        partial: held.partial_start.map(partial).transpose()?,
        came_by: held.came_by.map(|unit| small(unit).map(InterfaceId)).transpose()?,
        frame: held.frame,
    })
}

fn endpoint(addr: IpAddr, port: u16) -> proto::Endpoint {
    proto::Endpoint { addr: octets(addr), port: port.into() }
}

fn endpoint_of(endpoint: Option<&proto::Endpoint>) -> Result<(IpAddr, u16), ImportError> {
    let endpoint = endpoint.ok_or_else(|| nonsense("an endpoint"))?;
    Ok((address(&endpoint.addr)?, small(endpoint.port)?))
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, ImportError> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|_| nonsense("an address"))
}

fn small<T: TryFrom<u32>>(value: u32) -> Result<T, ImportError> {
    T::try_from(value).map_err(|_| nonsense("a number"))
}

fn nonsense(what: &str) -> ImportError {
    ImportError(format!("{what} that can't be"))
}

#[cfg(test)]
mod tests {
    use ravelin_types::Family;

    use super::*;

    #[test]
    fn mappings_and_held_packets_survive() {
        let v6 = |text: &str| Addr::from_ip(text.parse().unwrap()).1;
        let pooled = MappingRecord {
            action: Action::Pool(PoolId(7)),
            rule: PersistentRule {
                id: Some(NatRuleId(9)),
                permit: Permit::TargetHostPort,
                address_mapping: false,
                block_external: true,
                inactivity: Seconds(300),
                sessions_max: 12,
            },
            proto: Proto::UDP,
            token: 3,
            family: Family::V6,
            addr: v6("2001:db8::1"),
            port: 1000,
            external_family: Family::V4,
            external: Addr::v4([192, 0, 2, 1]),
            external_port: 2000,
            sessions: 0,
            idle: Duration::from_millis(1500),
            remotes: vec![(Addr::v4([198, 51, 100, 1]), 53), (Addr::v4([198, 51, 100, 2]), 0)],
        };
        let by_interface = MappingRecord {
            action: Action::Interface(Addr::v4([192, 0, 2, 1])),
            rule: PersistentRule { id: None, permit: Permit::TargetHost, ..pooled.rule },
            ..pooled.clone()
        };
        for mapped in [pooled, by_interface] {
            assert_eq!(record(&mapping(&mapped)), Ok(mapped));
        }
        let waiting = |partial, came_by| HeldFrame {
            unit: InterfaceId(2),
            port: PortId(1),
            next_hop: "10.0.0.9".parse().unwrap(),
            partial,
            came_by,
            frame: vec![1, 2, 3],
        };
        for one in
            [waiting(None, None), waiting(Some(Partial { start: 34, field: 50 }), Some(InterfaceId(0)))]
        {
            assert_eq!(frame(held(one.clone())), Ok(one));
        }
        assert!(record(&proto::Mapping::default()).is_err());
        assert!(frame(proto::Held { unit: 1 << 20, next_hop: vec![0; 4], ..Default::default() }).is_err());
    }
}
