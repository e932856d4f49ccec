//! Rules to messages. Total: every field of every rule is named here.

use ravelin_types::{Addr, Family};

use super::{proto, screen};
use crate::{
    Action, AddressMatch, Application, Chunk, FlowSettings, HostInbound, Interface, InterfaceAddress,
    Interfaces, NatContext, Policy, PolicySection, Port, PortRange, Service, SourceAction, SourceNat,
    SourceRule, SourceRuleSet, Zone, ZoneMatch, Zones,
};

pub(super) fn chunk(chunk: &Chunk) -> proto::Chunk {
    use proto::chunk::Body;
    proto::Chunk {
        body: Some(match chunk {
            Chunk::Interfaces(x) => Body::Interfaces(interfaces(x)),
            Chunk::Zones(Zones(list)) => Body::Zones(proto::Zones { zones: list.iter().map(zone).collect() }),
            Chunk::Flow(x) => Body::Flow(flow(x)),
            Chunk::SourceNat(SourceNat(list)) => {
                Body::SourceNat(proto::SourceNat { rule_sets: list.iter().map(rule_set).collect() })
            }
            Chunk::Section(x) => Body::Section(section(x)),
            Chunk::ApplicationNames(x) => Body::ApplicationNames(proto::Names { names: x.clone() }),
            Chunk::Screens(x) => Body::Screens(screen::encode(x)),
        }),
    }
}

fn interfaces(x: &Interfaces) -> proto::Interfaces {
    let Interfaces { ports, units } = x;
    proto::Interfaces { ports: ports.iter().map(port).collect(), units: units.iter().map(unit).collect() }
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
        enabled,
        mtu4,
        mtu6,
        inet,
        inet6,
        addresses,
        host_inbound,
        tap,
    } = x;
    proto::Unit {
        id: id.0.into(),
        name: name.clone(),
        port: port.0.into(),
        vlan: vlan.map(Into::into),
        zone: zone.map(|z| z.0.into()),
        enabled: *enabled,
        mtu4: (*mtu4).into(),
        mtu6: (*mtu6).into(),
        inet: *inet,
        inet6: *inet6,
        addresses: addresses.iter().map(unit_address).collect(),
        host_inbound: host_inbound.as_ref().map(inbound),
        tap: tap.clone(),
    }
}

fn unit_address(x: &InterfaceAddress) -> proto::UnitAddress {
    let InterfaceAddress { family, addr, len, preferred } = *x;
    proto::UnitAddress { addr: address(family, addr), len: len.into(), preferred }
}

fn address(family: Family, addr: Addr) -> Vec<u8> {
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

fn range(x: PortRange) -> proto::Range {
    proto::Range { low: x.low.into(), high: x.high.into() }
}

fn zone(x: &Zone) -> proto::Zone {
    let Zone { id, name, tcp_rst, host_inbound } = x;
    proto::Zone {
        id: id.0.into(),
        name: name.clone(),
        tcp_rst: *tcp_rst,
        host_inbound: Some(inbound(host_inbound)),
    }
}

fn flow(x: &FlowSettings) -> proto::Flow {
    let FlowSettings {
        syn_check,
        tcp_initial_timeout,
        tcp_timeout,
        tcp_closing_timeout,
        udp_timeout,
        icmp_timeout,
        other_timeout,
        default_action,
    } = *x;
    proto::Flow {
        syn_check,
        tcp_initial_timeout,
        tcp_timeout,
        tcp_closing_timeout,
        udp_timeout,
        icmp_timeout,
        other_timeout,
        default_action: action(default_action),
    }
}

fn action(x: Action) -> u32 {
    match x {
        Action::Permit => 1,
        Action::Deny => 2,
        Action::Reject => 3,
    }
}

fn addresses(x: &AddressMatch) -> proto::Addresses {
    let AddressMatch { ranges, excluded } = x;
    proto::Addresses { ranges: ranges.iter().map(prefix).collect(), excluded: *excluded }
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
    let Policy { id, identity, name, source, destination, applications, action: a, log, count } = x;
    proto::Policy {
        id: id.0,
        identity: identity.0,
        name: name.clone(),
        source: Some(addresses(source)),
        destination: Some(addresses(destination)),
        applications: applications.iter().map(application).collect(),
        action: action(*a),
        log_init: log.init,
        log_close: log.close,
        count: *count,
        zones: Some(zone_match(zones)),
    }
}

fn application(x: &Application) -> proto::Application {
    let Application { proto, source_ports, destination_ports, icmp, inactivity_timeout, name } = *x;
    proto::Application {
        proto: proto.map(|p| p.0.into()),
        source_ports: Some(range(source_ports)),
        destination_ports: Some(range(destination_ports)),
        icmp: icmp.map(|m| proto::Icmp { kind: m.kind.map(Into::into), code: m.code.map(Into::into) }),
        inactivity_timeout,
        name,
    }
}

fn rule_set(x: &SourceRuleSet) -> proto::SourceRuleSet {
    let SourceRuleSet { name, from, to, rules } = x;
    proto::SourceRuleSet {
        name: name.clone(),
        from: Some(context(from)),
        to: Some(context(to)),
        rules: rules.iter().map(rule).collect(),
    }
}

fn context(x: &NatContext) -> proto::NatContext {
    use proto::nat_context::Kind;
    let kind = match x {
        NatContext::Zones(ids) => Kind::Zones(proto::Ids { ids: ids.iter().map(|z| z.0.into()).collect() }),
        NatContext::Interfaces(ids) => {
            Kind::Interfaces(proto::Ids { ids: ids.iter().map(|i| i.0.into()).collect() })
        }
    };
    proto::NatContext { kind: Some(kind) }
}

fn rule(x: &SourceRule) -> proto::SourceRule {
    let SourceRule { id, identity, name, source, destination, action } = x;
    proto::SourceRule {
        id: id.0,
        identity: identity.0,
        name: name.clone(),
        source: Some(addresses(source)),
        destination: Some(addresses(destination)),
        action: match action {
            SourceAction::Off => 1,
            SourceAction::Interface => 2,
        },
    }
}
