//! Lists of rules by shape and length.

use std::sync::Arc;

use ravelin_classify::{AddressRange, AddressSet, Addresses, PortRange, Rule, RuleKey, Term, Zones};
use ravelin_types::{Addr, Family, Proto, ZoneId};

/// A shape's name and what builds it.
pub struct Shape {
    pub name: &'static str,
    pub build: fn(usize, &mut Random) -> Vec<Rule>,
}

pub const SHAPES: [Shape; 12] = [
    Shape { name: "hosts", build: |count, _| hosts(count, Family::V4) },
    Shape { name: "hosts-v6", build: |count, _| hosts(count, Family::V6) },
    Shape { name: "ports", build: |count, _| ports(count) },
    Shape { name: "shared-set", build: |count, _| shared_set(count) },
    Shape { name: "excluded", build: |count, _| excluded(count) },
    Shape { name: "grid", build: grid },
    Shape { name: "mixed", build: mixed },
    Shape { name: "zones", build: zones },
    Shape { name: "groups", build: |count, random| groups(count, 2, random) },
    Shape { name: "many-groups", build: |count, random| groups(count, 30, random) },
    Shape { name: "nested", build: |count, _| nested(count) },
    Shape { name: "port-ranges", build: port_ranges },
];

/// xorshift, so that runs repeat.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn draw(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * end as u128) >> 64) as usize
    }
}

fn set(first: u32, last: u32) -> Addresses {
    let [first, last] = [first, last].map(|a| Addr(u128::from(a)));
    Addresses::of(Arc::new(AddressSet::new([AddressRange { family: Family::V4, first, last }], [])))
}

/// Network `n` of 10/8 counted in networks of `1 << bits` addresses.
fn net(n: usize, bits: u32) -> Addresses {
    let first = 0x0a00_0000 + ((n as u32) << bits);
    set(first, first + (1 << bits) - 1)
}

fn service(proto: Proto, low: u16, high: u16) -> Arc<[Term]> {
    Arc::new([Term { proto: Some(proto), destination_ports: PortRange { low, high }, ..Term::ANY }])
}

fn rule(key: usize, source: Addresses, destination: Addresses, terms: Arc<[Term]>) -> Rule {
    let (from, to) = (Zones(None), Zones(None));
    Rule { key: RuleKey(key as u32), from, to, source, destination, terms }
}

fn any() -> Addresses {
    Addresses::of(Arc::new(AddressSet::any()))
}

/// Every rule has a source and a destination host of its own.
fn hosts(count: usize, family: Family) -> Vec<Rule> {
    let http = service(Proto::TCP, 80, 80);
    let host = |n: usize, base: u128| {
        let addr = match family {
            Family::V4 => Addr(base + n as u128 * 3),
            Family::V6 => Addr((0x2001_0db8 << 96) | (base << 32) | ((n as u128) << 64) | n as u128),
        };
        Addresses::of(Arc::new(AddressSet::new([AddressRange { family, first: addr, last: addr }], [])))
    };
    (0..count).map(|n| rule(n, host(n, 0x0a00_0000), host(n, 0xac10_0000), http.clone())).collect()
}

/// Any to any, a port each: TCP, then UDP, then as many protocols as are needed.
fn ports(count: usize) -> Vec<Rule> {
    let any = any();
    let proto = |n: usize| [Proto::TCP, Proto::UDP, Proto::SCTP][n >> 16];
    (0..count).map(|n| rule(n, any.clone(), any.clone(), service(proto(n), n as u16, n as u16))).collect()
}

/// At most 1,000 rules from one set of `count` networks, to a host each.
fn shared_set(count: usize) -> Vec<Rule> {
    let range = |n: usize| {
        let first = 0x0a00_0000 + (n as u128) * 16;
        AddressRange { family: Family::V4, first: Addr(first), last: Addr(first + 7) }
    };
    let source = Addresses::of(Arc::new(AddressSet::new((0..count).map(range), [])));
    let http = service(Proto::TCP, 80, 80);
    (0..count.min(1000))
        .map(|n| rule(n, source.clone(), set(n as u32 * 7, n as u32 * 7), http.clone()))
        .collect()
}

/// From everywhere but one network, to a network, a port each.
fn excluded(count: usize) -> Vec<Rule> {
    (0..count)
        .map(|n| {
            let source = Addresses { excluded: true, ..net(n, 4) };
            rule(
                n,
                source,
                net(n / 50, 6),
                service(Proto::TCP, (n % 50 * 100) as u16, (n % 50 * 100 + 50) as u16),
            )
        })
        .collect()
}

/// Networks to networks, all pairs that are needed, shuffled.
fn grid(count: usize, random: &mut Random) -> Vec<Rule> {
    let side = (count as f64).sqrt().ceil() as usize;
    let nets: Vec<_> = (0..side).map(|n| net(n, 8)).collect();
    let https = service(Proto::TCP, 443, 443);
    let mut rules: Vec<_> =
        (0..count).map(|n| rule(n, nets[n / side].clone(), nets[n % side].clone(), https.clone())).collect();
    shuffle(&mut rules, random);
    rules
}

/// As offices have it: hosts, networks, groups and any; forty services, one or three terms each.
fn mixed(count: usize, random: &mut Random) -> Vec<Rule> {
    let any = any();
    let groups: Vec<_> = (0..count / 50 + 1)
        .map(|_| {
            let members = (0..20).map(|_| {
                let first = Addr(0x0a00_0000 + ((random.draw(count * 2 + 16) as u128) << 4));
                AddressRange { family: Family::V4, first, last: Addr(first.0 + 15) }
            });
            Addresses::of(Arc::new(AddressSet::new(members, [])))
        })
        .collect();
    let services: Vec<Arc<[Term]>> = (0..40)
        .map(|n| {
            let term = |port: u16| Term {
                proto: Some(if n % 4 == 0 { Proto::UDP } else { Proto::TCP }),
                destination_ports: PortRange { low: port, high: port + n % 3 * 10 },
                ..Term::ANY
            };
            let ports = [n * 101 + 22, n * 211 + 3000, n * 307 + 9000];
            ports.iter().take(if n % 2 == 0 { 1 } else { 3 }).map(|port| term(*port)).collect()
        })
        .collect();
    let address = |random: &mut Random, hosts: usize| match random.draw(100) {
        0..5 => any.clone(),
        5..25 => groups[random.draw(groups.len())].clone(),
        25..50 => net(random.draw(hosts / 16 + 1), 8),
        _ => net(random.draw(hosts * 16), 0),
    };
    (0..count)
        .map(|n| {
            let source = address(random, count * 2 + 16);
            let destination = address(random, count * 2 + 16);
            rule(n, source, destination, services[random.draw(services.len())].clone())
        })
        .collect()
}

/// The same between twenty zones, one rule in twenty from and to any.
fn zones(count: usize, random: &mut Random) -> Vec<Rule> {
    let zone = |n: usize| Zones(Some([ZoneId(n as u16)].into()));
    let zones: Vec<_> = (1..=20).map(zone).collect();
    let mut rules = mixed(count, random);
    for rule in &mut rules {
        if random.draw(20) != 0 {
            (rule.from, rule.to) = (zones[random.draw(20)].clone(), zones[random.draw(20)].clone());
        }
    }
    rules
}

/// From group to group, a service of forty: as many groups as each has scattered networks, an address in `share` of them.
fn groups(count: usize, share: usize, random: &mut Random) -> Vec<Rule> {
    let side = (count as f64).sqrt().ceil() as usize;
    let groups: Vec<_> = (0..side)
        .map(|_| {
            let members = (0..side).map(|_| {
                let first = Addr(0x0a00_0000 + random.draw((side * side * 64 / share).max(1)) as u128);
                AddressRange { family: Family::V4, first, last: Addr(first.0 + 63) }
            });
            Addresses::of(Arc::new(AddressSet::new(members, [])))
        })
        .collect();
    let services: Vec<_> = (0..40).map(|n| service(Proto::TCP, n * 101, n * 101)).collect();
    (0..count)
        .map(|n| {
            let (source, destination) =
                (groups[random.draw(side)].clone(), groups[random.draw(side)].clone());
            rule(n, source, destination, services[random.draw(services.len())].clone())
        })
        .collect()
}

/// Hostile: every source range within the one before, every destination too, the other way round.
fn nested(count: usize) -> Vec<Rule> {
    let range = |n: usize| set(n as u32 * 8, 0x4000_0000 - n as u32 * 8);
    let http = service(Proto::TCP, 80, 80);
    (0..count).map(|n| rule(n, range(n), range(count - n), http.clone())).collect()
}

/// Hostile: any to any, port ranges at random.
fn port_ranges(count: usize, random: &mut Random) -> Vec<Rule> {
    let any = any();
    (0..count)
        .map(|n| {
            let (a, b) = (random.draw(65_536) as u16, random.draw(65_536) as u16);
            let mut term = service(Proto::TCP, a.min(b), a.max(b))[0];
            let (a, b) = (random.draw(65_536) as u16, random.draw(65_536) as u16);
            term.source_ports = PortRange { low: a.min(b), high: a.max(b) };
            rule(n, any.clone(), any.clone(), Arc::new([term]))
        })
        .collect()
}

fn shuffle(rules: &mut [Rule], random: &mut Random) {
    for at in (1..rules.len()).rev() {
        rules.swap(at, random.draw(at + 1));
    }
}
