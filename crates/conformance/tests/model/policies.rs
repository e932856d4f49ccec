//! Generated policies, services and source NAT by interface.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{ACK, Model, Packet, SYN, Segment};
use ravelin_model::{
    Address, AddressBook, AddressRange, AddressRef, AddressSet, AddressValue, Application, ApplicationTerm,
    Config, DefaultPolicy, Family, GlobalPolicy, HostInbound, Interface, InterfaceAddress, NatContext,
    NatRule, NatRuleSet, Policy, PolicyAction, PolicyTcpOptions, PortRange, SecurityZone, Service,
    SourceNatAction, Unit, ZoneInterface, ZonePairPolicies,
};
use ravelin_syntax::Text;

use crate::kit::{From, ip, net, plane, run, runs};
use crate::said::{Tap, agree_on_policies, agree_on_replies};

const ZONES: [&str; 3] = ["trust", "untrust", "dmz"];
const UNITS: [&str; 3] = ["ge-0/0/0.0", "ge-0/0/1.0", "ge-0/0/2.0"];
const NAMES: [&str; 5] = ["low", "high", "range", "six", "both"];

/// Three interfaces, a zone each, both families.
fn base() -> Config {
    let mut config = Config::default();
    for (n, zone) in ZONES.iter().enumerate() {
        let family = |prefix: String| {
            let address = InterfaceAddress {
                prefix: net(&prefix),
                primary: false,
                preferred: false,
                at: Default::default(),
            };
            Some(Family { addresses: vec![address], ..Family::default() })
        };
        let unit = Unit {
            inet: family(format!("10.{n}.0.1/24")),
            inet6: family(format!("2001:db8:{n}::1/64")),
            ..Unit::default()
        };
        let name = format!("ge-0/0/{n}");
        let member = ZoneInterface { name: format!("{name}.0"), host_inbound: None, at: Default::default() };
        config.interfaces.push(Interface { name, units: vec![unit], ..Interface::default() });
        let zone = SecurityZone { name: (*zone).into(), interfaces: vec![member], ..SecurityZone::default() };
        config.security.zones.push(zone);
    }
    let address =
        |name: &str, value| Address { name: name.into(), value, description: None, at: Default::default() };
    let addresses = vec![
        address("low", AddressValue::Prefix(net("10.0.0.0/25"))),
        address("high", AddressValue::Prefix(net("10.1.0.4/32"))),
        address(
            "range",
            AddressValue::Range(AddressRange { low: ip("10.0.0.3"), high: ip("10.2.0.4") }.into()),
        ),
        address("six", AddressValue::Prefix(net("2001:db8:1::/48"))),
    ];
    let both = AddressSet {
        name: "both".into(),
        addresses: vec!["high".into(), "six".into()],
        ..AddressSet::default()
    };
    config.security.address_books = vec![AddressBook {
        name: "global".into(),
        addresses: addresses.into(),
        sets: vec![both].into(),
        ..AddressBook::default()
    }];
    let term = ApplicationTerm {
        protocol: Some(17),
        source_ports: Some(PortRange { low: 1000, high: 1002 }),
        destination_ports: Some(PortRange { low: 53, high: 54 }),
        ..ApplicationTerm::default()
    };
    let own = Application { name: "own".into(), terms: vec![term], ..Application::default() };
    config.applications.applications = vec![own];
    config
}

fn address_ref() -> impl Strategy<Value = AddressRef> {
    prop_oneof![
        2 => Just(AddressRef::Any),
        1 => Just(AddressRef::AnyIpv4),
        1 => Just(AddressRef::AnyIpv6),
        4 => select(&NAMES[..]).prop_map(|n| AddressRef::Named(n.into())),
    ]
}

fn addresses() -> impl Strategy<Value = (Vec<AddressRef>, bool)> {
    // Junos does not let `any` stand beside others or be excluded.
    let named = vec(select(&NAMES[..]).prop_map(|n| AddressRef::Named(n.into())), 1..3);
    prop_oneof![
        3 => address_ref().prop_map(|r| (vec![r], false)),
        2 => (named, any::<bool>()),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let applications = vec(select(&["any", "junos-ssh", "junos-cifs", "own", "junos-dns-udp"][..]), 1..3);
    let action =
        select(&[PolicyAction::Permit, PolicyAction::Permit, PolicyAction::Deny, PolicyAction::Reject][..]);
    let translated =
        select(&[(false, false), (false, false), (false, false), (true, false), (false, true)][..]);
    (addresses(), addresses(), applications, (action, any::<bool>()), translated).prop_map(
        |(source, destination, applications, (action, count), (drop_translated, drop_untranslated))| {
            let mut applications: Vec<Text> = applications.into_iter().map(Text::from).collect();
            applications.dedup();
            if applications.iter().any(|a| a == "any") {
                applications = vec!["any".into()];
            }
            Policy {
                name: Text::default(),
                description: None,
                source_addresses: source.0.into(),
                destination_addresses: destination.0.into(),
                source_excluded: source.1,
                destination_excluded: destination.1,
                applications: applications.into(),
                action,
                log_init: false,
                log_close: false,
                log_update: None,
                count,
                at: Default::default(),
                tcp: PolicyTcpOptions::default(),
                drop_translated,
                drop_untranslated,
                scheduler: None,
            }
        },
    )
}

fn named(pair: usize, policies: Vec<Policy>) -> Vec<Policy> {
    let policies = policies.into_iter().enumerate();
    policies.map(|(n, p)| Policy { name: format!("p{pair}{n}").into(), ..p }).collect()
}

fn zone() -> impl Strategy<Value = String> {
    select(&ZONES[..]).prop_map(str::to_owned)
}

fn nat_rule() -> impl Strategy<Value = NatRule> {
    let sources = prop_oneof![Just(vec![]), Just(vec![net("10.0.0.0/24")]), Just(vec![net("2001:db8::/48")])];
    let action = select(&[SourceNatAction::Interface, SourceNatAction::Off][..]);
    (sources, action).prop_map(|(source_addresses, action)| NatRule {
        name: "r".into(),
        description: None,
        source_addresses,
        destination_addresses: vec![net("0.0.0.0/0"), net("::/0")],
        source_address_names: vec![],
        destination_address_names: vec![],
        source_ports: vec![],
        destination_ports: vec![],
        protocols: vec![],
        applications: vec![],
        action,
        pool_persistent: None,
        interface_persistent: None,
        alarm: Default::default(),
        at: Default::default(),
    })
}

fn config() -> impl Strategy<Value = Config> {
    let pairs = vec((zone(), zone(), vec(policy(), 1..4)), 0..4);
    let global = vec((policy(), vec(zone(), 0..2), vec(zone(), 0..2)), 0..3);
    let one = || select(&[Service::Ssh, Service::Ntp][..]);
    let services = prop_oneof![
        Just(vec![]),
        one().prop_map(|s| vec![(s, false)]),
        Just(vec![(Service::AnyService, false)]),
        one().prop_map(|s| vec![(Service::All, false), (s, true)]),
    ];
    let nat = vec((zone(), zone(), nat_rule()), 0..2);
    (pairs, global, services, nat, any::<bool>()).prop_map(|(pairs, global, services, nat, permit)| {
        let mut config = base();
        let policies = &mut config.security.policies;
        for (from, to, list) in pairs {
            if !policies.pairs.iter().any(|p| p.from == from && p.to == to) {
                let policies_of = named(policies.pairs.len(), list);
                policies.pairs.push(ZonePairPolicies {
                    from,
                    to,
                    policies: policies_of.into(),
                    ..Default::default()
                });
            }
        }
        let global = global.into_iter().enumerate().map(|(n, (policy, from_zones, to_zones))| {
            let policy = Policy { name: format!("g{n}").into(), ..policy };
            GlobalPolicy { policy, from_zones, to_zones }
        });
        policies.global = global.collect();
        if permit {
            policies.default_policy = DefaultPolicy::PermitAll;
        }
        config.security.zones[0].host_inbound =
            HostInbound { system_services: services, ..HostInbound::default() };
        for (n, (from, to, rule)) in nat.into_iter().enumerate() {
            config.security.nat_source.rule_sets.push(NatRuleSet {
                name: format!("rs{n}"),
                description: None,
                from: NatContext::Zones(vec![from]),
                to: NatContext::Zones(vec![to]),
                rules: vec![rule],
                at: Default::default(),
            });
        }
        config
    })
}

/// A unit and a packet whose source is on it.
fn packet() -> impl Strategy<Value = (usize, Packet)> {
    let ports = (999u16..1004, select(&[22u16, 53, 54, 80, 123, 139, 445][..]));
    (0usize..3, 0usize..4, any::<bool>(), 1u8..6, 1u8..6, any::<bool>(), ports, any::<bool>()).prop_map(
        |(from, to, v6, src, dst, tcp, (sport, dport), opens)| {
            let addr = |net: usize, host: u8| {
                if v6 { ip(&format!("2001:db8:{net}::{host}")) } else { ip(&format!("10.{net}.0.{host}")) }
            };
            // Hosts from 2 on: 1 is the firewall's own address and no sender.
            let packet = Packet {
                src: addr(from, src + 1),
                dst: addr(to, dst),
                proto: if tcp { 6 } else { 17 },
                sport,
                dport,
                tcp: tcp.then(|| Segment::of(if opens { SYN } else { ACK })),
                len: 7,
                options: &[],
                ..Packet::PLAIN
            };
            (from, packet)
        },
    )
}

proptest! {
    #![proptest_config(runs(7, 256))]
    #[test]
    fn engine_and_model_agree(config in config(), packets in vec(packet(), 1..40), workers in 1u8..=4) {
        let plane = plane(&config, workers);
        let (mut model, mut tap) = (Model::new(&config), Tap::default());
        for (from, packet) in packets {
            let sent = [(From::Port(from), packet)];
            let ran = run(&plane, &sent);
            tap.ran(&UNITS, &sent, &ran);
            let got = &ran.fates[0].outcome;
            let judged = model.agrees(UNITS[from], &packet, got);
            prop_assert_eq!(judged, Ok(()), "{:?} of {:?}", got, packet);
            agree_on_replies(&plane, &mut model, &ran.said)?;
        }
        tap.agrees(&plane)?;
        agree_on_policies(&plane, &model)?;
    }
}
