//! NAT as the rules say it, one rule after another: where a packet goes, and what its source may become.

mod fixed;
mod pool;

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{
    DestinationNatAction, DestinationPool, DestinationRule, NatContext, NatProtocol, NatRule, PortSpan,
    ProxyRange, SourceNatAction,
};
use ravelin_types::DropReason;

use super::{Model, Packet};

pub(super) use fixed::embedded;

/// An address and a port.
pub type End = (IpAddr, u16);

/// A rule by kind, rule-set and name.
pub type RuleName = (&'static str, String, String);

/// What a source may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Is(End),
    /// Any of these that no other session has.
    OneOf {
        addresses: Vec<IpAddr>,
        ports: Ports,
        /// It may have none as well: which of the addresses is its own can't be told from outside.
        or: Option<DropReason>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    Kept,
    Leased(Span),
}

/// Ports from the first to the last, or each second of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub low: u16,
    pub high: u16,
    /// What is left when they are divided by two.
    pub odd: Option<bool>,
}

impl Span {
    #[must_use]
    pub fn holds(&self, port: u16) -> bool {
        let parity = self.odd.is_none_or(|odd| (port % 2 == 1) == odd);
        parity && self.low <= port && port <= self.high
    }
}

impl Ports {
    /// Whether a source with the one port may get the other.
    pub(super) fn may_give(&self, own: u16, port: u16) -> bool {
        match self {
            Self::Kept => own == port,
            Self::Leased(span) => span.holds(port),
        }
    }
}

/// A packet with its destination as it really is.
pub(super) struct Inward {
    pub packet: Packet,
    /// The rule that matched, one that says `off` too.
    pub rule: Option<RuleName>,
    /// Of a rule between families.
    pub prefix: Option<IpNet>,
}

/// What becomes of a source.
pub(super) struct Outward {
    pub source: Result<Source, DropReason>,
    pub rule: Option<RuleName>,
    pub prefix: Option<IpNet>,
    /// The pool that the rule names.
    pub pool: Option<String>,
}

/// A unit and its zone, as rule-sets name them.
pub(super) type Side<'s> = (&'s str, &'s str);

/// The protocol of a packet that came from one address and goes to another: messages of ICMP are of the family that they go in.
pub(super) const fn carried(proto: u8, from: IpAddr, to: IpAddr) -> u8 {
    match (proto, from, to) {
        (1, IpAddr::V4(_), IpAddr::V6(_)) => 58,
        (58, IpAddr::V6(_), IpAddr::V4(_)) => 1,
        _ => proto,
    }
}

impl Model<'_> {
    /// The packet with its destination as static and destination rules translate it. `Err`: the rule can't.
    pub(super) fn inward(&self, from: Side<'_>, packet: &Packet) -> Result<Inward, DropReason> {
        let untouched = Inward { packet: *packet, rule: None, prefix: None };
        for set in ordered(&self.config.security.nat_static.rule_sets, |set| rank(&set.from, from)) {
            for rule in &set.rules {
                let Some(met) = self.fixed_inward(rule, packet) else { continue };
                let (dst, dport) = met?;
                let rule_name = ("static", set.name.clone(), rule.name.clone());
                let packet = Packet { dst, dport, ..*packet };
                return Ok(Inward { packet, rule: Some(rule_name), prefix: fixed::prefix(rule) });
            }
        }
        let nat = &self.config.security.nat_destination;
        for set in ordered(&nat.rule_sets, |set| rank(&set.from, from)) {
            let Some(rule) = set.rules.iter().find(|rule| self.destination_matches(rule, packet)) else {
                continue;
            };
            let rule_name = Some(("destination", set.name.clone(), rule.name.clone()));
            let (DestinationNatAction::Pool(name), Some(matched)) = (&rule.action, rule.destination_address)
            else {
                return Ok(Inward { rule: rule_name, ..untouched });
            };
            let Some(pool) = nat.pools.iter().find(|pool| pool.name == *name) else { return Ok(untouched) };
            let port = pool.port.filter(|_| has_ports(packet)).map_or(packet.dport, |port| port.0);
            let packet = Packet { dst: in_pool(pool, &matched, packet.dst), dport: port, ..*packet };
            return Ok(Inward { packet, rule: rule_name, prefix: None });
        }
        Ok(untouched)
    }

    /// What becomes of the source of a packet that leaves from one side to another.
    pub(super) fn outward(&self, (from, to): (Side<'_>, Side<'_>), inner: &Packet) -> Outward {
        let keep = Source::Is((inner.src, inner.sport));
        let kept = match inner.src.is_ipv4() == inner.dst.is_ipv4() {
            true => Ok(keep),
            false => Err(DropReason::Nat64NoSource),
        };
        let untouched = Outward { source: kept, rule: None, prefix: None, pool: None };
        for set in ordered(&self.config.security.nat_static.rule_sets, |set| rank(&set.from, to)) {
            for rule in &set.rules {
                let Some(met) = self.fixed_outward(rule, inner) else { continue };
                let rule_name = ("static", set.name.clone(), rule.name.clone());
                let prefix = fixed::prefix(rule);
                return Outward { source: met.map(Source::Is), rule: Some(rule_name), prefix, pool: None };
            }
        }
        let sets = &self.config.security.nat_source.rule_sets;
        for set in ordered(sets, |set| Some((rank(&set.from, from)?, rank(&set.to, to)?))) {
            let Some(rule) = set.rules.iter().find(|rule| self.source_matches(rule, inner)) else { continue };
            let rule_name = Some(("source", set.name.clone(), rule.name.clone()));
            let (source, pool) = match &rule.action {
                SourceNatAction::Off => (untouched.source, None),
                SourceNatAction::Interface => (self.of_interface(to.0, inner), None),
                SourceNatAction::Pool(name) => (self.of_pool(name, to.0, inner), Some(name.clone())),
            };
            return Outward { source, rule: rule_name, prefix: None, pool };
        }
        untouched
    }

    /// A list of prefixes and one of names: one of either is enough.
    fn side(&self, nets: &[IpNet], names: &[String], addr: IpAddr) -> bool {
        nets.is_empty() && names.is_empty()
            || nets.iter().any(|net| net.contains(&addr))
            || names.iter().any(|name| self.is_named(name, addr))
    }

    fn source_matches(&self, rule: &NatRule, packet: &Packet) -> bool {
        self.side(&rule.source_addresses, &rule.source_address_names, packet.src)
            && self.side(&rule.destination_addresses, &rule.destination_address_names, packet.dst)
            && ports(&rule.source_ports, packet, packet.sport)
            && ports(&rule.destination_ports, packet, packet.dport)
            && protocols(&rule.protocols, packet.proto)
            && self.applications(&rule.applications, packet)
    }

    fn destination_matches(&self, rule: &DestinationRule, packet: &Packet) -> bool {
        self.side(&rule.source_addresses, &rule.source_address_names, packet.src)
            && rule.destination_address.is_some_and(|net| net.contains(&packet.dst))
            && ports(&rule.destination_ports, packet, packet.dport)
            && protocols(&rule.protocols, packet.proto)
            && self.applications(&rule.applications, packet)
    }

    fn applications(&self, names: &[String], packet: &Packet) -> bool {
        names.is_empty() || names.iter().any(|name| self.application(name, packet).is_some())
    }
}

/// Those that hold, the most specific first; of two that are as specific the one that stands first.
fn ordered<T, R: Ord>(sets: &[T], rank: impl Fn(&T) -> Option<R>) -> Vec<&T> {
    let mut all: Vec<_> = sets.iter().filter_map(|set| Some((rank(set)?, set))).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.into_iter().map(|(_, set)| set).collect()
}

/// How specific a context is that holds: an interface, a zone, a routing instance (nat-source-2).
fn rank(context: &NatContext, (unit, zone): Side<'_>) -> Option<u8> {
    let (names, name, rank) = match context {
        NatContext::Interfaces(names) => (names, unit, 0),
        NatContext::Zones(names) => (names, zone, 1),
        // The generators have no other.
        NatContext::RoutingInstances(names) => (names, "default", 2),
    };
    names.iter().any(|known| known == name).then_some(rank)
}

const fn has_ports(packet: &Packet) -> bool {
    matches!(packet.proto, 6 | 17)
}

/// Rules that name ports are for TCP and UDP.
fn ports(list: &[PortSpan], packet: &Packet, port: u16) -> bool {
    let within = |span: &PortSpan| span.range().is_some_and(|r| r.low <= port && port <= r.high);
    list.is_empty() || has_ports(packet) && list.iter().any(within)
}

fn protocols(list: &[NatProtocol], proto: u8) -> bool {
    list.is_empty() || list.iter().any(|known| known.0 == proto)
}

/// The place in the matched range is the place in the pool, counted round.
fn in_pool(pool: &DestinationPool, matched: &IpNet, dst: IpAddr) -> IpAddr {
    let Some(first) = pool.address else { return dst };
    let range = ProxyRange { first, last: pool.to, at: Default::default() };
    let all = addresses_of(&range);
    let place = number(dst) - number(matched.network());
    all[(place % all.len() as u128) as usize]
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
