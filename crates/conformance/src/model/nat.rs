//! NAT as the rules say it, one rule after another: where a packet goes, and what its source may become.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{
    Config, DestinationNatAction, DestinationPool, DestinationRule, NatContext, NatProtocol, NatRule,
    PortSpan, ProxyRange, SourceNatAction, SourcePool, StaticPrefix, StaticRule,
};

use super::{Packet, Session};

/// An address and a port.
pub type End = (IpAddr, u16);

/// The ports that pools and interfaces lease unless something else is said (nat-pool-10, nat-source-8).
const DEFAULT_PORTS: (u16, u16) = (1024, 63_487);

/// What a source may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Is(End),
    /// Any of these that no other session has.
    OneOf {
        addresses: Vec<IpAddr>,
        ports: Ports,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    Kept,
    Leased(u16, u16),
}

/// What source NAT comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outward {
    To(Source),
    NoAddress,
    PortsExhausted,
    AddressesExhausted,
}

/// The packet with its destination as static and destination rules translate it.
pub(super) fn inward(config: &Config, zone: &str, packet: &Packet) -> Packet {
    let fixed = &config.security.nat_static.rule_sets;
    let of_zone = fixed.iter().filter(|set| holds(&set.from, zone)).flat_map(|set| &set.rules);
    if let Some((dst, dport)) = of_zone.into_iter().find_map(|rule| fixed_inward(rule, packet)) {
        return Packet { dst, dport, ..*packet };
    }
    let nat = &config.security.nat_destination;
    let rules = nat.rule_sets.iter().filter(|set| holds(&set.from, zone)).flat_map(|set| &set.rules);
    let Some(rule) = rules.into_iter().find(|rule| destination_matches(rule, packet)) else {
        return *packet;
    };
    let (DestinationNatAction::Pool(name), Some(matched)) = (&rule.action, rule.destination_address) else {
        return *packet;
    };
    let Some(pool) = nat.pools.iter().find(|pool| pool.name == *name) else { return *packet };
    Packet {
        dst: in_pool(pool, &matched, packet.dst),
        dport: pool.port.map_or(packet.dport, |port| port.0),
        ..*packet
    }
}

/// What becomes of the source of a packet that leaves from one zone to another by a unit with these addresses.
pub(super) fn outward(
    config: &Config,
    (from, to): (&str, &str),
    inner: &Packet,
    (own, sessions): (Option<IpAddr>, &[Session]),
) -> Outward {
    let keep = Outward::To(Source::Is((inner.src, inner.sport)));
    let fixed = &config.security.nat_static.rule_sets;
    let of_zone = fixed.iter().filter(|set| holds(&set.from, to)).flat_map(|set| &set.rules);
    if let Some(end) = of_zone.into_iter().find_map(|rule| fixed_outward(rule, inner)) {
        return Outward::To(Source::Is(end));
    }
    let sets = config.security.nat_source.rule_sets.iter();
    let rules = sets.filter(|s| holds(&s.from, from) && holds(&s.to, to)).flat_map(|s| &s.rules);
    let Some(rule) = rules.into_iter().find(|rule| source_matches(rule, inner)) else { return keep };
    match &rule.action {
        SourceNatAction::Off => keep,
        SourceNatAction::Interface => match own {
            Some(own) => lease(vec![own], DEFAULT_PORTS, inner, sessions),
            None => Outward::NoAddress,
        },
        SourceNatAction::Pool(name) => {
            let pool = config.security.nat_source.pools.iter().find(|pool| pool.name == *name);
            pool.map_or(Outward::NoAddress, |pool| of_pool(pool, inner, sessions))
        }
    }
}

fn of_pool(pool: &SourcePool, inner: &Packet, sessions: &[Session]) -> Outward {
    let addresses: Vec<_> = pool.addresses.iter().flat_map(addresses_of).collect();
    if addresses.iter().any(|addr| addr.is_ipv4() != inner.src.is_ipv4()) {
        return Outward::NoAddress;
    }
    if let Some(base) = pool.host_address_base {
        let place = number(inner.src).checked_sub(number(base.addr()));
        let addr = place.and_then(|place| addresses.get(usize::try_from(place).ok()?));
        return addr.map_or(Outward::NoAddress, |addr| Outward::To(Source::Is((*addr, inner.sport))));
    }
    let of_pool = |session: &&Session| addresses.contains(&session.left.src);
    let mine = sessions.iter().filter(of_pool).find(|session| session.inside.src == inner.src);
    if pool.port.no_translation {
        // A host has an address of its own while it has sessions.
        let taken = |addr: &IpAddr| sessions.iter().any(|session| session.left.src == *addr);
        let free: Vec<_> = match mine {
            Some(session) => vec![session.left.src],
            None => addresses.into_iter().filter(|addr| !taken(addr)).collect(),
        };
        return match free.is_empty() {
            true => Outward::AddressesExhausted,
            false => Outward::To(Source::OneOf { addresses: free, ports: Ports::Kept }),
        };
    }
    let low = pool.port.low.map_or(DEFAULT_PORTS.0, |port| port.0);
    let high = pool.port.high.or(pool.port.low).map_or(DEFAULT_PORTS.1, |port| port.0);
    // A paired host stays with its address.
    let addresses = match mine.filter(|_| pool.paired) {
        Some(session) => vec![session.left.src],
        None => addresses,
    };
    lease(addresses, (low, high), inner, sessions)
}

/// Ports that nobody has, of addresses that have any.
fn lease(addresses: Vec<IpAddr>, (low, high): (u16, u16), inner: &Packet, sessions: &[Session]) -> Outward {
    let taken = |addr: &IpAddr| {
        let there = sessions.iter().filter(|s| s.inside.proto == inner.proto && s.left.src == *addr);
        there.filter(|s| (low..=high).contains(&s.left.sport)).count()
    };
    let addresses: Vec<_> =
        addresses.into_iter().filter(|addr| taken(addr) <= usize::from(high - low)).collect();
    match addresses.is_empty() {
        true => Outward::PortsExhausted,
        false => Outward::To(Source::OneOf { addresses, ports: Ports::Leased(low, high) }),
    }
}

fn holds(context: &NatContext, zone: &str) -> bool {
    match context {
        NatContext::Zones(zones) => zones.iter().any(|z| z == zone),
        NatContext::Interfaces(_) | NatContext::RoutingInstances(_) => {
            unreachable!("the generators use zones")
        }
    }
}

fn side(list: &[IpNet], addr: IpAddr) -> bool {
    list.is_empty() || list.iter().any(|net| net.contains(&addr))
}

/// Rules that name ports are for TCP and UDP, as every packet of the model is.
fn ports(list: &[PortSpan], port: u16) -> bool {
    let within = |span: &PortSpan| span.range().is_some_and(|r| r.low <= port && port <= r.high);
    list.is_empty() || list.iter().any(within)
}

fn protocols(list: &[NatProtocol], proto: u8) -> bool {
    list.is_empty() || list.iter().any(|known| known.0 == proto)
}

fn source_matches(rule: &NatRule, packet: &Packet) -> bool {
    side(&rule.source_addresses, packet.src)
        && side(&rule.destination_addresses, packet.dst)
        && ports(&rule.source_ports, packet.sport)
        && ports(&rule.destination_ports, packet.dport)
        && protocols(&rule.protocols, packet.proto)
}

fn destination_matches(rule: &DestinationRule, packet: &Packet) -> bool {
    side(&rule.source_addresses, packet.src)
        && rule.destination_address.is_some_and(|net| net.contains(&packet.dst))
        && ports(&rule.destination_ports, packet.dport)
        && protocols(&rule.protocols, packet.proto)
}

/// The place in the matched range is the place in the pool, counted round.
fn in_pool(pool: &DestinationPool, matched: &IpNet, dst: IpAddr) -> IpAddr {
    let Some(first) = pool.address else { return dst };
    let range = ProxyRange { first, last: pool.to, at: Default::default() };
    let all = addresses_of(&range);
    let place = number(dst) - number(matched.network());
    all[(place % all.len() as u128) as usize]
}

fn fixed_inward(rule: &StaticRule, packet: &Packet) -> Option<End> {
    let (outside, StaticPrefix::Prefix(inside)) = (rule.destination_address?, &rule.inside) else {
        return None;
    };
    let remote = side(&rule.source_addresses, packet.src) && ports(&rule.source_ports, packet.sport);
    if !remote || !outside.contains(&packet.dst) {
        return None;
    }
    let port = match (rule.destination_ports, rule.mapped_ports) {
        (Some(from), Some(to)) if from.low <= packet.dport && packet.dport <= from.high => {
            to.low + (packet.dport - from.low)
        }
        (Some(_), _) => return None,
        (None, _) => packet.dport,
    };
    Some((moved(packet.dst, &outside, inside), port))
}

fn fixed_outward(rule: &StaticRule, inner: &Packet) -> Option<End> {
    let (outside, StaticPrefix::Prefix(inside)) = (rule.destination_address?, &rule.inside) else {
        return None;
    };
    let remote = side(&rule.source_addresses, inner.dst) && ports(&rule.source_ports, inner.dport);
    if !remote || !inside.contains(&inner.src) {
        return None;
    }
    let port = match (rule.destination_ports, rule.mapped_ports) {
        (Some(to), Some(from)) if from.low <= inner.sport && inner.sport <= from.high => {
            to.low + (inner.sport - from.low)
        }
        (Some(_), _) => return None,
        (None, _) => inner.sport,
    };
    Some((moved(inner.src, inside, &outside), port))
}

/// The address at the same place of another prefix.
fn moved(addr: IpAddr, from: &IpNet, to: &IpNet) -> IpAddr {
    at(to.network(), number(addr) - number(from.network()))
}

/// Every address of a range: a prefix's, or those up to another one.
fn addresses_of(range: &ProxyRange) -> Vec<IpAddr> {
    let first = range.first.network();
    let last = range.last.map_or(range.first.broadcast(), |last| last.addr());
    (0..=number(last) - number(first)).map(|n| at(first, n)).collect()
}

fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

fn at(first: IpAddr, place: u128) -> IpAddr {
    match first {
        IpAddr::V4(addr) => IpAddr::V4((addr.to_bits() + place as u32).into()),
        IpAddr::V6(addr) => IpAddr::V6((addr.to_bits() + place).into()),
    }
}
