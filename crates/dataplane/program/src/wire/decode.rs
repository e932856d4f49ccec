//! Messages to rules, every value checked.

use ravelin_mem::List;
use ravelin_types::{
    Addr, Family, GroupId, InstanceId, InterfaceId, LiveSetId, PolicyId, PortId, Proto, RuleIdentity,
    ScheduleId, ZoneId,
};

use super::{WireError, aging, alg, firewall, live, mirror, nat, pool, proto, screen};
use crate::{
    Action, AddressMatch, Application, Chunk, DestinationNat, FlowSettings, FragmentSettings, Gateway,
    HostInbound, IcmpMatch, Interface, InterfaceAddress, Interfaces, LogWhen, PiecesMax, Policy,
    PolicySection, Port, PortRange, Prefix, RefusedAddresses, Rematch, RoutingInstance, Service, SourceNat,
    StaticNat, Strays, SynCheck, TcpSettings, TimeWait, Tracking, Translated, Zone, ZoneMatch, Zones,
};

pub(super) type Read<T> = Result<T, WireError>;

pub(super) fn chunk(message: proto::Chunk) -> Read<Chunk> {
    use proto::chunk::Body;
    Ok(match message.body.ok_or(WireError::Missing("chunk body"))? {
        Body::Interfaces(x) => Chunk::Interfaces(Interfaces {
            ports: all(x.ports, port)?,
            units: all(x.units, unit)?,
            instances: all(x.instances, instance)?,
        }),
        Body::Zones(x) => Chunk::Zones(Zones(all(x.zones, zone)?)),
        Body::Flow(x) => Chunk::Flow(flow(&x)?),
        Body::SourceNat(x) => Chunk::SourceNat(SourceNat(all(x.rule_sets, nat::read_source_set)?)),
        Body::DestinationNat(x) => {
            Chunk::DestinationNat(DestinationNat(all(x.rule_sets, nat::read_destination_set)?))
        }
        Body::StaticNat(x) => Chunk::StaticNat(StaticNat {
            rule_sets: all(x.rule_sets, nat::read_static_set)?,
            no_v6_fragment_header: x.no_v6_fragment_header,
        }),
        Body::SourcePools(x) => Chunk::SourcePools(pool::read_pools(x)?),
        Body::Section(x) => Chunk::Section(section(x)?),
        Body::ApplicationNames(x) => Chunk::ApplicationNames(x.names),
        Body::Screens(x) => Chunk::Screens(screen::decode(x)?),
        Body::Mirrors(x) => Chunk::Mirrors(mirror::decode(x)?),
        Body::Firewall(x) => Chunk::Firewall(firewall::decode(x)?),
        Body::Algs(x) => Chunk::Algs(alg::decode(x)?),
        Body::Live(x) => Chunk::Live(live::decode(x)),
    })
}

pub(super) fn all<M, T>(list: Vec<M>, read: impl Fn(M) -> Read<T>) -> Read<Vec<T>> {
    list.into_iter().map(read).collect()
}

pub(super) fn small<T: TryFrom<u32>>(what: &'static str, value: u32) -> Read<T> {
    T::try_from(value).map_err(|_| WireError::Range { what, value: value.into() })
}

pub(super) fn need<T>(what: &'static str, value: Option<T>) -> Read<T> {
    value.ok_or(WireError::Missing(what))
}

fn port(x: proto::Port) -> Read<Port> {
    Ok(Port {
        id: PortId(small("port id", x.id)?),
        name: x.name,
        device: x.device,
        mac: x.mac.try_into().map_err(|_| WireError::Address)?,
        mtu: small("mtu", x.mtu)?,
        enabled: x.enabled,
    })
}

fn instance(x: proto::RoutingInstance) -> Read<RoutingInstance> {
    Ok(RoutingInstance { id: instance_id(x.id)?, name: x.name })
}

pub(super) fn instance_id(id: u32) -> Read<InstanceId> {
    let id: u16 = small("routing instance", id)?;
    if id > InstanceId::MAX {
        return Err(WireError::Range { what: "routing instance", value: id.into() });
    }
    Ok(InstanceId(id))
}

fn unit(x: proto::Unit) -> Read<Interface> {
    Ok(Interface {
        id: InterfaceId(small("unit id", x.id)?),
        name: x.name,
        port: PortId(small("port id", x.port)?),
        vlan: x.vlan.map(|v| small("vlan-id", v)).transpose()?,
        zone: x.zone.map(|z| small("zone id", z).map(ZoneId)).transpose()?,
        instance: instance_id(x.instance)?,
        enabled: x.enabled,
        mtu4: small("mtu", x.mtu4)?,
        mtu6: small("mtu", x.mtu6)?,
        inet: x.inet,
        inet6: x.inet6,
        addresses: all(x.addresses, unit_address)?,
        host_inbound: x.host_inbound.map(inbound).transpose()?,
        proxied: all(x.proxied, |r| nat::read_prefix(Some(r)))?,
        group: GroupId(small("redundancy group", x.group)?),
        tap: x.tap,
    })
}

fn unit_address(x: proto::UnitAddress) -> Read<InterfaceAddress> {
    let (family, addr) = address(&x.addr)?;
    let bits = if family == Family::V4 { 32 } else { 128 };
    let len: u8 = small("prefix length", x.len)?;
    if len > bits {
        return Err(WireError::Range { what: "prefix length", value: len.into() });
    }
    Ok(InterfaceAddress { family, addr, len, preferred: x.preferred })
}

pub(super) fn address(bytes: &[u8]) -> Read<(Family, Addr)> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok((Family::V4, Addr::v4(octets)));
    }
    let octets = <[u8; 16]>::try_from(bytes).map_err(|_| WireError::Address)?;
    Ok((Family::V6, Addr::v6(octets)))
}

fn inbound(x: proto::HostInbound) -> Read<HostInbound> {
    Ok(HostInbound { accept: all(x.accept, service)?, except: all(x.except, service)? })
}

fn service(x: proto::Service) -> Read<Service> {
    let icmp = x.icmp.map(|r| Ok::<_, WireError>((small("icmp type", r.low)?, small("icmp type", r.high)?)));
    Ok(Service {
        proto: x.proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
        ports: range(x.ports)?,
        icmp: icmp.transpose()?,
    })
}

pub(super) fn range(x: Option<proto::Range>) -> Read<PortRange> {
    let x = need("port range", x)?;
    Ok(PortRange { low: small("port", x.low)?, high: small("port", x.high)? })
}

fn zone(x: proto::Zone) -> Read<Zone> {
    Ok(Zone {
        id: ZoneId(small("zone id", x.id)?),
        name: x.name,
        tcp_rst: x.tcp_rst,
        unidirectional_refresh: x.unidirectional_refresh,
        tracking: x.tracking.map(tracking).transpose()?,
        functional: x.functional,
        host_inbound: inbound(need("host-inbound", x.host_inbound)?)?,
    })
}

fn tracking(x: proto::Tracking) -> Read<Tracking> {
    let proto::Tracking { create, close, first_update, update } = x;
    let minutes = |n| small("minutes of tracking", n);
    Ok(Tracking { create, close, first_update: minutes(first_update)?, update: minutes(update)? })
}

fn flow(x: &proto::Flow) -> Read<FlowSettings> {
    Ok(FlowSettings {
        tcp: tcp(need("TCP settings", x.tcp.as_ref())?)?,
        tcp_timeout: x.tcp_timeout,
        udp_timeout: x.udp_timeout,
        icmp_timeout: x.icmp_timeout,
        other_timeout: x.other_timeout,
        default_action: action(x.default_action)?,
        rematch: match x.rematch {
            0 => Rematch::Off,
            1 => Rematch::On,
            2 => Rematch::Extensive,
            value => return Err(WireError::Range { what: "policy rematch", value: value.into() }),
        },
        aging: x.aging.as_ref().map(aging::decode).transpose()?.unwrap_or_default(),
        refused: RefusedAddresses { link_local: x.drop_link_local, reserved: x.drop_reserved },
        strays: Strays { dns_reply: x.allow_dns_reply, embedded_icmp: x.allow_embedded_icmp },
        route_change_timeout: x.route_change_timeout.map(|s| small("route change timeout", s)).transpose()?,
        next_hop_timeout: x.next_hop_timeout.map(|ms| small("next hop timeout", ms)).transpose()?,
        fragments: FragmentSettings {
            whole: x.pieces_max.map(pieces_max).transpose()?,
            timeout: x.fragment_timeout.map(fragment_timeout).transpose()?,
        },
    })
}

fn pieces_max(value: u32) -> Read<PiecesMax> {
    PiecesMax::new(value).ok_or(WireError::Range { what: "pieces of a datagram", value: value.into() })
}

fn fragment_timeout(value: u32) -> Read<u8> {
    match value {
        1..=60 => Ok(value as u8),
        _ => Err(WireError::Range { what: "fragment timeout", value: value.into() }),
    }
}

fn tcp(x: &proto::Tcp) -> Read<TcpSettings> {
    Ok(TcpSettings {
        syn_check: match x.syn_check {
            1 => SynCheck::Required,
            2 => SynCheck::Strict,
            3 => SynCheck::Off,
            value => return Err(WireError::Range { what: "SYN check", value: value.into() }),
        },
        sequence_check: x.sequence_check,
        rst_invalidate_session: x.rst_invalidate_session,
        rst_sequence_check: x.rst_sequence_check,
        fin_invalidate_session: x.fin_invalidate_session,
        time_wait: match (x.time_wait_seconds, x.time_wait_ageout) {
            (Some(seconds), _) => TimeWait::Seconds(small("time-wait timeout", seconds)?),
            (None, true) => TimeWait::Ageout,
            (None, false) => TimeWait::Unset,
        },
        half_close_as_time_wait: x.half_close_as_time_wait,
        initial_timeout: small("TCP initial timeout", x.initial_timeout)?,
        mss: x.mss.map(|mss| small("MSS", mss)).transpose()?,
    })
}

fn action(value: u32) -> Read<Action> {
    match value {
        1 => Ok(Action::Permit),
        2 => Ok(Action::Deny),
        3 => Ok(Action::Reject),
        _ => Err(WireError::Range { what: "action", value: value.into() }),
    }
}

pub(super) fn addresses(x: Option<proto::Addresses>) -> Read<AddressMatch> {
    let x = need("addresses", x)?;
    Ok(AddressMatch {
        ranges: all(x.ranges, prefix)?.into(),
        wildcards: x.wildcards.iter().map(live::read_wildcard).collect(),
        live: x.live.into_iter().map(LiveSetId).collect(),
        excluded: x.excluded,
    })
}

pub(super) fn prefix(x: proto::AddressRange) -> Read<Prefix> {
    let ((family, first), (other, last)) = (address(&x.first)?, address(&x.last)?);
    if family == other { Ok(Prefix { family, first, last }) } else { Err(WireError::Address) }
}

fn zone_match(x: Option<proto::ZoneMatch>) -> Read<ZoneMatch> {
    let x = need("zone match", x)?;
    let ids = |list: Vec<u32>| all(list, |z| small("zone id", z).map(ZoneId)).map(Into::into);
    Ok(ZoneMatch { from: ids(x.from)?, to: ids(x.to)? })
}

fn section(x: proto::PolicySection) -> Read<PolicySection> {
    let mut policies: Vec<(ZoneMatch, Policy)> = all(x.policies, policy)?;
    share(&mut policies);
    Ok(PolicySection { zones: zone_match(x.zones)?, policies })
}

/// Policies that stand beside each other mostly ask for the same applications: those are kept once.
fn share(policies: &mut [(ZoneMatch, Policy)]) {
    let mut last = List::new();
    for (_, policy) in policies {
        if policy.applications == last {
            policy.applications = last;
        }
        last = policy.applications.clone();
    }
}

fn policy(x: proto::Policy) -> Read<(ZoneMatch, Policy)> {
    let policy = Policy {
        id: PolicyId(x.id),
        identity: RuleIdentity(x.identity),
        name: x.name.into(),
        source: addresses(x.source)?,
        destination: addresses(x.destination)?,
        applications: all(x.applications, application)?.into(),
        action: action(x.action)?,
        log: LogWhen {
            init: x.log_init,
            close: x.log_close,
            update: small("minutes between reports", x.log_update)?,
        },
        count: x.count,
        schedule: x.schedule.map(ScheduleId),
        tcp: x.tcp.as_ref().map(live::read_policy_tcp).transpose()?.unwrap_or_default(),
        translated: match x.translated {
            0 => Translated::Either,
            1 => Translated::Dropped,
            2 => Translated::Required,
            value => return Err(WireError::Range { what: "translated", value: value.into() }),
        },
    };
    Ok((zone_match(x.zones)?, policy))
}

pub(super) fn application(x: proto::Application) -> Read<Application> {
    let octet = |what, v: Option<u32>| v.map(|v| small(what, v)).transpose();
    let icmp = x.icmp.map(|m| {
        Ok::<_, WireError>(IcmpMatch { kind: octet("icmp type", m.kind)?, code: octet("icmp code", m.code)? })
    });
    Ok(Application {
        proto: octet("protocol", x.proto)?.map(Proto),
        source_ports: range(x.source_ports)?,
        destination_ports: range(x.destination_ports)?,
        icmp: icmp.transpose()?,
        inactivity_timeout: x.inactivity_timeout,
        gateway: gateway(x.gateway)?,
        name: x.name,
    })
}

pub(super) fn gateway(value: u32) -> Read<Gateway> {
    Ok(match value {
        0 => Gateway::ByPort,
        1 => Gateway::Nothing,
        2 => Gateway::Ftp,
        3 => Gateway::Tftp,
        4 => Gateway::Dns,
        _ => return Err(WireError::Range { what: "gateway", value: value.into() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChunkKey, Digest, Ranges};

    #[test]
    fn policies_beside_each_other_share_their_applications_and_say_what_they_said() {
        let term = |name| Application {
            proto: None,
            source_ports: PortRange::ANY,
            destination_ports: PortRange::ANY,
            icmp: None,
            inactivity_timeout: None,
            gateway: Gateway::ByPort,
            name,
        };
        let policy = |id: u32, names: &[u32]| Policy {
            id: PolicyId(id),
            identity: RuleIdentity(id.into()),
            name: "a name longer than what fits into its place".into(),
            source: AddressMatch::any(),
            destination: AddressMatch {
                ranges: Ranges::default(),
                excluded: true,
                ..AddressMatch::default()
            },
            applications: names.iter().map(|name| term(*name)).collect(),
            action: Action::Permit,
            log: LogWhen::default(),
            count: false,
            schedule: None,
            tcp: Default::default(),
            translated: Translated::default(),
        };
        let lists: [&[u32]; 6] = [&[1], &[1], &[1, 2], &[1, 2], &[], &[1]];
        let zones = || ZoneMatch { from: vec![ZoneId(1)].into(), to: List::new() };
        let policies = (1..).zip(lists).map(|(id, names)| (zones(), policy(id, names))).collect();
        let sent = Chunk::Section(PolicySection { zones: ZoneMatch::default(), policies });
        let (bytes, key) = (sent.encode(), ChunkKey { kind: sent.kind(), name: String::new() });
        let got = Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap();
        assert_eq!(got, sent);
        let Chunk::Section(got) = got else { panic!("a section") };
        let places: Vec<_> = got.policies.iter().map(|(_, p)| p.applications.identity()).collect();
        assert_eq!((places[0], places[2], places[4]), (places[1], places[3], None));
        assert_ne!(places[0], places[2]);
    }
}
