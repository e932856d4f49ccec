//! NAT rules to and from their messages.

use ravelin_mem::List;
use ravelin_nat::{Permit, PersistentRule, PoolId};
use ravelin_types::{InterfaceId, NatRuleId, Proto, RuleIdentity, Seconds, ZoneId};

use super::decode::{Read, address, addresses as read_addresses, all, application as read_application, need};
use super::decode::{instance_id, range as read_range, small};
use super::encode::{address as write_address, addresses, application, range};
use super::{WireError, proto};
use crate::{
    DestinationAction, DestinationPool, DestinationRule, DestinationRuleSet, NatContext, NatMatch, Prefix,
    SourceAction, SourceRule, SourceRuleSet, StaticRule, StaticRuleSet, StaticTarget,
};

pub(super) fn source_set(x: &SourceRuleSet) -> proto::SourceRuleSet {
    let SourceRuleSet { name, from, to, rules } = x;
    proto::SourceRuleSet {
        name: name.clone(),
        from: Some(context(from)),
        to: Some(context(to)),
        rules: rules.iter().map(source_rule).collect(),
    }
}

pub(super) fn read_source_set(x: proto::SourceRuleSet) -> Read<SourceRuleSet> {
    let (from, to) = (read_context(x.from)?, read_context(x.to)?);
    Ok(SourceRuleSet { name: x.name, from, to, rules: all(x.rules, read_source_rule)? })
}

fn context(x: &NatContext) -> proto::NatContext {
    use proto::nat_context::Kind;
    let kind = match x {
        NatContext::Zones(ids) => Kind::Zones(proto::Ids { ids: ids.iter().map(|z| z.0.into()).collect() }),
        NatContext::Interfaces(ids) => {
            Kind::Interfaces(proto::Ids { ids: ids.iter().map(|i| i.0.into()).collect() })
        }
        NatContext::Instances { ids, units } => Kind::Instances(proto::InstanceIds {
            ids: ids.iter().map(|i| i.0.into()).collect(),
            units: units.iter().map(|i| i.0.into()).collect(),
        }),
    };
    proto::NatContext { kind: Some(kind) }
}

fn read_context(x: Option<proto::NatContext>) -> Read<NatContext> {
    use proto::nat_context::Kind;
    Ok(match need("NAT context", x.and_then(|c| c.kind))? {
        Kind::Zones(x) => NatContext::Zones(all(x.ids, |z| small("zone id", z).map(ZoneId))?),
        Kind::Interfaces(x) => NatContext::Interfaces(all(x.ids, |i| small("unit id", i).map(InterfaceId))?),
        Kind::Instances(x) => NatContext::Instances {
            ids: all(x.ids, instance_id)?,
            units: all(x.units, |i| small("unit id", i).map(InterfaceId))?,
        },
    })
}

fn matching(x: &NatMatch) -> proto::NatMatch {
    let NatMatch { source, destination, source_ports, destination_ports, protocols, applications } = x;
    let terms = |list: &List<_>| proto::Applications { terms: list.iter().map(application).collect() };
    proto::NatMatch {
        source: Some(addresses(source)),
        destination: Some(addresses(destination)),
        source_ports: source_ports.iter().copied().map(range).collect(),
        destination_ports: destination_ports.iter().copied().map(range).collect(),
        protocols: protocols.iter().map(|p| p.0.into()).collect(),
        applications: applications.as_ref().map(terms),
    }
}

fn read_matching(x: Option<proto::NatMatch>) -> Read<NatMatch> {
    let x = need("NAT match", x)?;
    let ranges = |list: Vec<proto::Range>| all(list, |r| read_range(Some(r)));
    Ok(NatMatch {
        source: read_addresses(x.source)?,
        destination: read_addresses(x.destination)?,
        source_ports: ranges(x.source_ports)?,
        destination_ports: ranges(x.destination_ports)?,
        protocols: all(x.protocols, |p| small("protocol", p).map(Proto))?,
        applications: x.applications.map(|a| all(a.terms, read_application)).transpose()?.map(Into::into),
    })
}

fn source_rule(x: &SourceRule) -> proto::SourceRule {
    let SourceRule { id, identity, name, matching: m, action, persistent } = x;
    proto::SourceRule {
        id: id.0,
        identity: identity.0,
        name: name.clone(),
        action: match action {
            SourceAction::Off => 1,
            SourceAction::Interface => 2,
            SourceAction::Pool(_) => 3,
        },
        matching: Some(matching(m)),
        pool: match action {
            SourceAction::Off | SourceAction::Interface => None,
            SourceAction::Pool(pool) => Some(pool.0.into()),
        },
        persistent: persistent.map(write_persistent),
    }
}

fn read_source_rule(x: proto::SourceRule) -> Read<SourceRule> {
    Ok(SourceRule {
        id: NatRuleId(x.id),
        identity: RuleIdentity(x.identity),
        name: x.name,
        matching: read_matching(x.matching)?,
        action: match x.action {
            1 => SourceAction::Off,
            2 => SourceAction::Interface,
            3 => SourceAction::Pool(PoolId(small("pool id", need("NAT pool", x.pool)?)?)),
            value => return Err(WireError::Range { what: "NAT action", value: value.into() }),
        },
        persistent: x.persistent.map(read_persistent).transpose()?,
    })
}

fn write_persistent(x: PersistentRule) -> proto::PersistentNat {
    // Whose it is, the rule says that it is written with.
    let PersistentRule { id: _, permit, address_mapping, block_external, inactivity, sessions_max } = x;
    proto::PersistentNat {
        permit: match permit {
            Permit::AnyRemoteHost => 1,
            Permit::TargetHost => 2,
            Permit::TargetHostPort => 3,
        },
        address_mapping,
        block_external,
        inactivity: inactivity.0,
        sessions_max,
    }
}

fn read_persistent(x: proto::PersistentNat) -> Read<PersistentRule> {
    let proto::PersistentNat { permit, address_mapping, block_external, inactivity, sessions_max } = x;
    let permit = match permit {
        1 => Permit::AnyRemoteHost,
        2 => Permit::TargetHost,
        3 => Permit::TargetHostPort,
        value => return Err(WireError::Range { what: "permitted remote host", value: value.into() }),
    };
    Ok(PersistentRule {
        id: None,
        permit,
        address_mapping,
        block_external,
        inactivity: Seconds(inactivity),
        sessions_max,
    })
}

pub(super) fn destination_set(x: &DestinationRuleSet) -> proto::DestinationRuleSet {
    let DestinationRuleSet { name, from, rules } = x;
    let rules = rules.iter().map(destination_rule).collect();
    proto::DestinationRuleSet { name: name.clone(), from: Some(context(from)), rules }
}

pub(super) fn read_destination_set(x: proto::DestinationRuleSet) -> Read<DestinationRuleSet> {
    let rules = all(x.rules, read_destination_rule)?;
    Ok(DestinationRuleSet { name: x.name, from: read_context(x.from)?, rules })
}

fn destination_rule(x: &DestinationRule) -> proto::DestinationRule {
    let DestinationRule { id, identity, name, matching: m, action } = x;
    proto::DestinationRule {
        id: id.0,
        identity: identity.0,
        name: name.clone(),
        matching: Some(matching(m)),
        pool: match action {
            DestinationAction::Off => None,
            DestinationAction::Pool(pool) => Some(proto::DestinationPool {
                name: pool.name.clone(),
                addresses: Some(prefix(&pool.addresses)),
                port: pool.port.map(Into::into),
                instance: pool.instance.map(|id| id.0.into()),
            }),
        },
    }
}

fn read_destination_rule(x: proto::DestinationRule) -> Read<DestinationRule> {
    let pool = |pool: proto::DestinationPool| -> Read<DestinationPool> {
        let port = pool.port.map(|port| small("port", port)).transpose()?;
        let instance = pool.instance.map(instance_id).transpose()?;
        Ok(DestinationPool { name: pool.name, addresses: read_prefix(pool.addresses)?, port, instance })
    };
    Ok(DestinationRule {
        id: NatRuleId(x.id),
        identity: RuleIdentity(x.identity),
        name: x.name,
        matching: read_matching(x.matching)?,
        action: match x.pool.map(pool).transpose()? {
            None => DestinationAction::Off,
            Some(pool) => DestinationAction::Pool(pool),
        },
    })
}

pub(super) fn static_set(x: &StaticRuleSet) -> proto::StaticRuleSet {
    let StaticRuleSet { name, from, rules } = x;
    let rules = rules.iter().map(static_rule).collect();
    proto::StaticRuleSet { name: name.clone(), from: Some(context(from)), rules }
}

pub(super) fn read_static_set(x: proto::StaticRuleSet) -> Read<StaticRuleSet> {
    let rules = all(x.rules, read_static_rule)?;
    Ok(StaticRuleSet { name: x.name, from: read_context(x.from)?, rules })
}

fn static_rule(x: &StaticRule) -> proto::StaticRule {
    let StaticRule { id, identity, name, remote, remote_ports, outside, target, ports, instance } = x;
    let (kind, inside) = match target {
        StaticTarget::Range(inside) => (0, Some(inside)),
        StaticTarget::Embedded => (1, None),
        StaticTarget::Npt(inside) => (2, Some(inside)),
    };
    proto::StaticRule {
        id: id.0,
        identity: identity.0,
        name: name.clone(),
        remote: Some(addresses(remote)),
        remote_ports: remote_ports.iter().copied().map(range).collect(),
        outside: Some(prefix(outside)),
        inside: inside.map(prefix),
        outside_ports: ports.map(|(outside, _)| range(outside)),
        inside_ports: ports.map(|(_, inside)| range(inside)),
        target: kind,
        instance: instance.map(|id| id.0.into()),
    }
}

/// Ranges of unequal length can't stand for each other: such a rule is refused here already.
fn read_static_rule(x: proto::StaticRule) -> Read<StaticRule> {
    let outside = read_prefix(x.outside)?;
    let target = match x.target {
        0 => StaticTarget::Range(read_prefix(x.inside)?),
        1 => StaticTarget::Embedded,
        2 => StaticTarget::Npt(read_prefix(x.inside)?),
        value => return Err(WireError::Range { what: "static NAT target", value: value.into() }),
    };
    let ports = match (x.outside_ports, x.inside_ports) {
        (None, None) => None,
        (outside, inside) => Some((read_range(outside)?, read_range(inside)?)),
    };
    let length = |p: &Prefix| p.last.0 - p.first.0;
    let unequal_ports = ports.is_some_and(|(a, b)| a.high - a.low != b.high - b.low);
    let unequal = match target {
        StaticTarget::Range(inside) => length(&outside) != length(&inside),
        StaticTarget::Npt(inside) => outside.family != inside.family || length(&outside) != length(&inside),
        StaticTarget::Embedded => false,
    };
    if unequal || unequal_ports {
        return Err(WireError::Range { what: "length of a static NAT range", value: x.id.into() });
    }
    Ok(StaticRule {
        id: NatRuleId(x.id),
        identity: RuleIdentity(x.identity),
        name: x.name,
        remote: read_addresses(x.remote)?,
        remote_ports: all(x.remote_ports, |r| read_range(Some(r)))?,
        outside,
        target,
        ports,
        instance: x.instance.map(instance_id).transpose()?,
    })
}

pub(super) fn prefix(x: &Prefix) -> proto::AddressRange {
    let Prefix { family, first, last } = *x;
    proto::AddressRange { first: write_address(family, first), last: write_address(family, last) }
}

pub(super) fn read_prefix(x: Option<proto::AddressRange>) -> Read<Prefix> {
    let x = need("address range", x)?;
    let ((family, first), (other, last)) = (address(&x.first)?, address(&x.last)?);
    if family == other && first <= last {
        Ok(Prefix { family, first, last })
    } else {
        Err(WireError::Address)
    }
}
