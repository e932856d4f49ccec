//! Rules to messages. Total: every field of every rule is named here.

use ravelin_types::{Addr, Family};

use super::{aging, alg, firewall, live, mirror, nat, pool, proto, screen};
use crate::{
    Action, AddressMatch, Application, Chunk, DestinationNat, FlowSettings, FragmentSettings, Gateway,
    HostInbound, Interface, InterfaceAddress, Interfaces, Policy, PolicySection, Port, PortRange, Rematch,
    RoutingInstance, Service, SourceNat, StaticNat, SynCheck, TcpSettings, TimeWait, Tracking, Translated,
    Zone, ZoneMatch, Zones,
};

pub(super) fn chunk(chunk: &Chunk) -> proto::Chunk {
    use proto::chunk::Body;
    proto::Chunk {
        body: Some(match chunk {
            Chunk::Interfaces(x) => Body::Interfaces(interfaces(x)),
            Chunk::Zones(Zones(list)) => Body::Zones(proto::Zones { zones: list.iter().map(zone).collect() }),
            Chunk::Flow(x) => Body::Flow(flow(x)),
            Chunk::SourceNat(SourceNat(list)) => {
                Body::SourceNat(proto::SourceNat { rule_sets: list.iter().map(nat::source_set).collect() })
            }
            Chunk::DestinationNat(DestinationNat(list)) => Body::DestinationNat(proto::DestinationNat {
                rule_sets: list.iter().map(nat::destination_set).collect(),
            }),
            Chunk::StaticNat(StaticNat { rule_sets, no_v6_fragment_header }) => {
                Body::StaticNat(proto::StaticNat {
                    rule_sets: rule_sets.iter().map(nat::static_set).collect(),
                    no_v6_fragment_header: *no_v6_fragment_header,
                })
            }
            Chunk::SourcePools(x) => Body::SourcePools(pool::pools(x)),
            Chunk::Section(x) => Body::Section(section(x)),
            Chunk::ApplicationNames(x) => Body::ApplicationNames(proto::Names { names: x.clone() }),
            Chunk::Screens(x) => Body::Screens(screen::encode(x)),
            Chunk::Mirrors(x) => Body::Mirrors(mirror::encode(x)),
            Chunk::Firewall(x) => Body::Firewall(firewall::encode(x)),
            Chunk::Algs(x) => Body::Algs(alg::encode(x)),
            Chunk::Live(x) => Body::Live(live::encode(x)),
        }),
    }
}

fn interfaces(x: &Interfaces) -> proto::Interfaces {
    let Interfaces { ports, units, instances } = x;
    proto::Interfaces {
        ports: ports.iter().map(port).collect(),
        units: units.iter().map(unit).collect(),
        instances: instances.iter().map(instance).collect(),
    }
}

fn instance(x: &RoutingInstance) -> proto::RoutingInstance {
    let RoutingInstance { id, name } = x;
    proto::RoutingInstance { id: id.0.into(), name: name.clone() }
}

fn port(x: &Port) -> proto::Port {
    let Port { id, name, device, mac, mtu, enabled } = x;
    proto::Port {
        id: id.0.into(),
        name: name.clone(),
        device: device.clone(),
        mac: mac.to_vec(),
        mtu: (*mtu).into(),
        enabled: *enabled,
    }
}

fn unit(x: &Interface) -> proto::Unit {
    let Interface {
        id,
        name,
        port,
        vlan,
        zone,
        instance,
        enabled,
        mtu4,
        mtu6,
        inet,
        inet6,
        addresses,
        host_inbound,
        proxied,
        group,
        tap,
    } = x;
    proto::Unit {
        id: id.0.into(),
        name: name.clone(),
        port: port.0.into(),
        vlan: vlan.map(Into::into),
        zone: zone.map(|z| z.0.into()),
        instance: instance.0.into(),
        enabled: *enabled,
        mtu4: (*mtu4).into(),
        mtu6: (*mtu6).into(),
        inet: *inet,
        inet6: *inet6,
        addresses: addresses.iter().map(unit_address).collect(),
        host_inbound: host_inbound.as_ref().map(inbound),
        tap: tap.clone(),
        proxied: proxied.iter().map(nat::prefix).collect(),
        group: group.0.into(),
    }
}

fn unit_address(x: &InterfaceAddress) -> proto::UnitAddress {
    let InterfaceAddress { family, addr, len, preferred } = *x;
    proto::UnitAddress { addr: address(family, addr), len: len.into(), preferred }
}

pub(super) fn address(family: Family, addr: Addr) -> Vec<u8> {
    match family {
        Family::V4 => addr.octets4().to_vec(),
        Family::V6 => addr.octets6().to_vec(),
    }
}

fn inbound(x: &HostInbound) -> proto::HostInbound {
    let HostInbound { accept, except } = x;
    proto::HostInbound {
        accept: accept.iter().map(service).collect(),
        except: except.iter().map(service).collect(),
    }
}

fn service(x: &Service) -> proto::Service {
    let Service { proto, ports, icmp } = *x;
    proto::Service {
        proto: proto.map(|p| p.0.into()),
        ports: Some(range(ports)),
        icmp: icmp.map(|(low, high)| proto::Range { low: low.into(), high: high.into() }),
    }
}

pub(super) fn prefix(x: &crate::Prefix) -> proto::AddressRange {
    proto::AddressRange { first: address(x.family, x.first), last: address(x.family, x.last) }
}

pub(super) fn range(x: PortRange) -> proto::Range {
    proto::Range { low: x.low.into(), high: x.high.into() }
}

fn zone(x: &Zone) -> proto::Zone {
    let Zone { id, name, tcp_rst, unidirectional_refresh, tracking, functional, host_inbound } = x;
    proto::Zone {
        id: id.0.into(),
        name: name.clone(),
        tcp_rst: *tcp_rst,
        unidirectional_refresh: *unidirectional_refresh,
        tracking: tracking.map(self::tracking),
        functional: *functional,
        host_inbound: Some(inbound(host_inbound)),
    }
}

fn tracking(x: Tracking) -> proto::Tracking {
    let Tracking { create, close, first_update, update } = x;
    proto::Tracking { create, close, first_update: first_update.into(), update: update.into() }
}

fn flow(x: &FlowSettings) -> proto::Flow {
    let FlowSettings {
        tcp: t,
        tcp_timeout,
        udp_timeout,
        icmp_timeout,
        other_timeout,
        default_action,
        rematch,
        aging,
        refused,
        strays,
        route_change_timeout,
        next_hop_timeout,
        fragments: FragmentSettings { whole, timeout },
    } = x;
    proto::Flow {
        aging: Some(aging::encode(aging)),
        drop_link_local: refused.link_local,
        drop_reserved: refused.reserved,
        allow_dns_reply: strays.dns_reply,
        allow_embedded_icmp: strays.embedded_icmp,
        route_change_timeout: route_change_timeout.map(Into::into),
        next_hop_timeout: next_hop_timeout.map(Into::into),
        pieces_max: whole.map(|most| most.get().into()),
        fragment_timeout: timeout.map(Into::into),
        tcp: Some(tcp(t)),
        tcp_timeout: *tcp_timeout,
        udp_timeout: *udp_timeout,
        icmp_timeout: *icmp_timeout,
        other_timeout: *other_timeout,
        default_action: action(*default_action),
        rematch: match rematch {
            Rematch::Off => 0,
            Rematch::On => 1,
            Rematch::Extensive => 2,
        },
    }
}

fn tcp(x: &TcpSettings) -> proto::Tcp {
    let TcpSettings {
        syn_check,
        sequence_check,
        rst_invalidate_session,
        rst_sequence_check,
        fin_invalidate_session,
        time_wait,
        half_close_as_time_wait,
        initial_timeout,
        mss,
    } = *x;
    proto::Tcp {
        syn_check: match syn_check {
            SynCheck::Required => 1,
            SynCheck::Strict => 2,
            SynCheck::Off => 3,
        },
        sequence_check,
        rst_invalidate_session,
        rst_sequence_check,
        fin_invalidate_session,
        time_wait_ageout: time_wait == TimeWait::Ageout,
        time_wait_seconds: match time_wait {
            TimeWait::Seconds(seconds) => Some(seconds.into()),
            TimeWait::Unset | TimeWait::Ageout => None,
        },
        half_close_as_time_wait,
        initial_timeout: initial_timeout.into(),
        mss: mss.map(Into::into),
    }
}

fn action(x: Action) -> u32 {
    match x {
        Action::Permit => 1,
        Action::Deny => 2,
        Action::Reject => 3,
    }
}

pub(super) fn addresses(x: &AddressMatch) -> proto::Addresses {
    let AddressMatch { ranges, wildcards, live: sets, excluded } = x;
    proto::Addresses {
        ranges: ranges.iter().map(|range| prefix(&range)).collect(),
        excluded: *excluded,
        wildcards: wildcards.iter().map(live::wildcard).collect(),
        live: sets.iter().map(|set| set.0).collect(),
    }
}

fn zone_match(x: &ZoneMatch) -> proto::ZoneMatch {
    let ids = |list: &[ravelin_types::ZoneId]| list.iter().map(|z| z.0.into()).collect();
    proto::ZoneMatch { from: ids(&x.from), to: ids(&x.to) }
}

fn section(x: &PolicySection) -> proto::PolicySection {
    let PolicySection { zones, policies } = x;
    proto::PolicySection {
        zones: Some(zone_match(zones)),
        policies: policies.iter().map(|(zones, p)| policy(zones, p)).collect(),
    }
}

fn policy(zones: &ZoneMatch, x: &Policy) -> proto::Policy {
    let Policy {
        id,
        identity,
        name,
        source,
        destination,
        applications,
        action: a,
        log,
        count,
        schedule,
        tcp,
        translated,
    } = x;
    proto::Policy {
        id: id.0,
        identity: identity.0,
        name: name.to_string(),
        source: Some(addresses(source)),
        destination: Some(addresses(destination)),
        applications: applications.iter().map(application).collect(),
        action: action(*a),
        log_init: log.init,
        log_close: log.close,
        log_update: log.update.into(),
        count: *count,
        zones: Some(zone_match(zones)),
        schedule: schedule.map(|schedule| schedule.0),
        tcp: (!tcp.is_default()).then(|| live::policy_tcp(tcp)),
        translated: match translated {
            Translated::Either => 0,
            Translated::Dropped => 1,
            Translated::Required => 2,
        },
    }
}

pub(super) fn application(x: &Application) -> proto::Application {
    let Application { proto, source_ports, destination_ports, icmp, inactivity_timeout, gateway, name } = *x;
    proto::Application {
        proto: proto.map(|p| p.0.into()),
        source_ports: Some(range(source_ports)),
        destination_ports: Some(range(destination_ports)),
        icmp: icmp.map(|m| proto::Icmp { kind: m.kind.map(Into::into), code: m.code.map(Into::into) }),
        inactivity_timeout,
        name,
        gateway: self::gateway(gateway),
    }
}

pub(super) fn gateway(x: Gateway) -> u32 {
    match x {
        Gateway::ByPort => 0,
        Gateway::Nothing => 1,
        Gateway::Ftp => 2,
        Gateway::Tftp => 3,
        Gateway::Dns => 4,
    }
}
