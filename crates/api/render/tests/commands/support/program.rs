//! Two ports, two zones, two policies and a rule.

use std::sync::Arc;

use ravelin_nat::{
    AddressRange, Assignment, BlockSpec, DeterministicSpec, HostPrefix, PoolId, PoolMode, PoolSpec, Ports,
};
use ravelin_program::{
    Action, AddressMatch, Application, Chunk, FlowSettings, HostInbound, Interface, InterfaceAddress,
    Interfaces, LogWhen, NatContext, Policy, PolicySection, PolicyTcp, Port, PortRange, Prefix, Program,
    RoutingInstance, ScreenProfile, Screens, SourceAction, SourceNat, SourcePool, SourcePools, SourceRule,
    SourceRuleSet, WhiteList, Zone, ZoneMatch, Zones,
};
use ravelin_types::{
    Addr, Family, Generation, InstanceId, InterfaceId, NatRuleId, PolicyId, PortId, Proto, RuleIdentity,
    Seconds, ZoneId,
};

pub const TRUST: ZoneId = ZoneId(1);
pub const UNTRUST: ZoneId = ZoneId(2);

pub fn program() -> Program {
    let chunks = [
        (
            "",
            Chunk::Interfaces(Interfaces {
                ports: vec![port(0), port(1)],
                units: units(),
                instances: instances(),
            }),
        ),
        ("", Chunk::Zones(Zones(vec![zone(TRUST, "trust", true), zone(UNTRUST, "untrust", false)]))),
        ("", Chunk::Flow(FlowSettings::default())),
        ("", Chunk::Screens(screens())),
        ("", Chunk::SourceNat(SourceNat(vec![rule_set()]))),
        ("", Chunk::SourcePools(pools())),
        ("", Chunk::Algs(algs())),
        ("", Chunk::Firewall(super::firewall::program())),
        ("trust-untrust", Chunk::Section(section())),
        ("global", Chunk::Section(global())),
        ("", Chunk::ApplicationNames(vec!["any".into(), "junos-http".into()])),
    ];
    Program::new(Generation(7), chunks.map(|(name, chunk)| (name.to_owned(), Arc::new(chunk))))
}

fn port(n: u16) -> Port {
    Port {
        id: PortId(n),
        name: format!("ge-0/0/{n}"),
        device: format!("ge-0-0-{n}"),
        mac: [2, 0, 0, 0, 0, n as u8],
        mtu: 1500,
        enabled: true,
    }
}

fn instances() -> Vec<RoutingInstance> {
    let named = |id, name: &str| RoutingInstance { id: InstanceId(id), name: name.into() };
    vec![named(3, "VR-A"), named(4, "ISP2")]
}

fn units() -> Vec<Interface> {
    let address = |text: &str, len| {
        let (family, addr) = Addr::from_ip(text.parse().unwrap());
        InterfaceAddress { family, addr, len, preferred: true }
    };
    let unit = |n: u16, zone, addresses: Vec<InterfaceAddress>| Interface {
        id: InterfaceId(n),
        name: format!("ge-0/0/{n}.0"),
        port: PortId(n),
        vlan: None,
        zone: Some(zone),
        instance: InstanceId::DEFAULT,
        enabled: true,
        mtu4: 1500,
        mtu6: 1500,
        inet: true,
        inet6: addresses.iter().any(|a| a.family == Family::V6),
        addresses,
        host_inbound: None,
        proxied: Vec::new(),
        group: ravelin_types::GroupId(0),
        tap: format!("tap{n}"),
    };
    let inside = vec![address("10.1.0.1", 24), address("10.1.1.1", 24), address("2001:db8::1", 64)];
    vec![unit(0, TRUST, inside), unit(1, UNTRUST, vec![address("198.51.100.1", 24)])]
}

fn zone(id: ZoneId, name: &str, tcp_rst: bool) -> Zone {
    Zone {
        id,
        name: name.into(),
        tcp_rst,
        unidirectional_refresh: false,
        tracking: None,
        functional: false,
        host_inbound: HostInbound::default(),
    }
}

/// One profile, of the second zone.
fn screens() -> Screens {
    let profile = ScreenProfile { name: "s".into(), icmp_flood: Some(1000), ..ScreenProfile::default() };
    let prefix = |net: &str| Prefix::from(net.parse::<ipnet::IpNet>().unwrap());
    let list = |name: &str, nets: [&str; 2], profiles| WhiteList {
        name: name.into(),
        addresses: nets.map(prefix).to_vec(),
        profiles,
    };
    let white_lists = vec![
        list("offices", ["10.1.0.0/24", "192.0.2.7/32"], vec![0]),
        list("spare", ["2001:db8::/32", "2001:db9::7/128"], vec![]),
    ];
    Screens { profiles: vec![profile], zones: vec![(UNTRUST, 0)], white_lists, ..Screens::default() }
}

fn any() -> AddressMatch {
    AddressMatch::any()
}

fn within(net: &str) -> AddressMatch {
    AddressMatch {
        ranges: vec![Prefix::from(net.parse::<ipnet::IpNet>().unwrap())].into(),
        ..AddressMatch::default()
    }
}

fn policy(id: u32, name: &str, source: AddressMatch, action: Action, application: u32) -> Policy {
    let term = Application {
        proto: (application > 0).then_some(Proto::TCP),
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        icmp: None,
        inactivity_timeout: None,
        gateway: ravelin_program::Gateway::ByPort,
        name: application,
    };
    Policy {
        id: PolicyId(id),
        identity: RuleIdentity(u64::from(id)),
        name: name.into(),
        source,
        destination: any(),
        applications: vec![term].into(),
        action,
        log: LogWhen {
            init: false,
            close: action == Action::Permit,
            update: if action == Action::Permit { 5 } else { 0 },
        },
        count: false,
        schedule: None,
        tcp: PolicyTcp::default(),
        translated: Default::default(),
    }
}

fn section() -> PolicySection {
    let policies = [
        policy(4, "p1", within("10.1.0.0/24"), Action::Permit, 1),
        policy(5, "p2", any(), Action::Reject, 0),
    ];
    PolicySection {
        zones: ZoneMatch { from: vec![TRUST].into(), to: vec![UNTRUST].into() },
        policies: policies.map(|p| (ZoneMatch::default(), p)).to_vec(),
    }
}

fn global() -> PolicySection {
    let narrow = ZoneMatch { from: vec![UNTRUST].into(), to: Default::default() };
    PolicySection {
        zones: ZoneMatch::default(),
        policies: vec![(narrow, policy(6, "last", any(), Action::Deny, 0))],
    }
}

fn rule_set() -> SourceRuleSet {
    let rule = SourceRule {
        id: NatRuleId(1),
        identity: RuleIdentity(1),
        name: "r1".into(),
        matching: ravelin_program::NatMatch {
            source: within("10.1.0.0/24"),
            destination: within("0.0.0.0/0"),
            ..ravelin_program::NatMatch::default()
        },
        action: SourceAction::Interface,
        persistent: None,
    };
    SourceRuleSet {
        name: "out".into(),
        from: NatContext::Zones(vec![TRUST]),
        to: NatContext::Zones(vec![UNTRUST]),
        rules: vec![rule],
    }
}

fn pools() -> SourcePools {
    let pool = |id, name: &str, first, assignment| SourcePool {
        instance: None,
        name: name.into(),
        spec: PoolSpec {
            id: PoolId(id),
            family: Family::V4,
            ranges: vec![AddressRange {
                first: Addr::v4([203, 0, 113, first]),
                last: Addr::v4([203, 0, 113, first + 1]),
            }],
            mode: PoolMode::Translate(Ports::default()),
            assignment,
            overflow: None,
        },
    };
    let hosts = vec![HostPrefix { family: Family::V4, addr: Addr::v4([10, 9, 0, 0]), len: 29 }];
    let plan = DeterministicSpec { block_size: 256, hosts, include_boundary: false };
    let mut computed = pool(5, "d", 12, Assignment::RoundRobin);
    computed.spec.mode = PoolMode::Deterministic(Ports::default(), plan);
    let mut blocks = pool(6, "b", 14, Assignment::RoundRobin);
    blocks.spec.mode = PoolMode::Blocks(
        Ports::default(),
        BlockSpec { size: 64, per_host: 4, active_timeout: Seconds(300), ..BlockSpec::default() },
    );
    let plain = [pool(3, "p", 8, Assignment::RoundRobin), pool(4, "q", 10, Assignment::Paired)];
    SourcePools { pools: plain.into_iter().chain([computed, blocks]).collect(), ..SourcePools::default() }
}

fn algs() -> ravelin_program::Algs {
    let ftp = ravelin_program::FtpAlg { enabled: true, ..Default::default() };
    let dns = ravelin_program::DnsAlg { enabled: true, ..Default::default() };
    ravelin_program::Algs { ftp, dns, ..Default::default() }
}
