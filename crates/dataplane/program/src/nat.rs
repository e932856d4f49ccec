//! NAT rules: source, destination and static.
//!
//! Junos: `security nat`. The first matching rule of the most specific rule-set decides: interface
//! before zone before routing-instance. Static comes before destination, reverse static before source.

use ravelin_mem::List;
use ravelin_nat::{PersistentRule, PoolId};
use ravelin_types::{Addr, Family, InstanceId, InterfaceId, NatRuleId, Proto, RuleIdentity, ZoneId};

use crate::filter::PortRange;
use crate::policy::{AddressMatch, Application, Prefix};

/// Where a rule-set's traffic comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NatContext {
    Zones(Vec<ZoneId>),
    Interfaces(Vec<InterfaceId>),
    /// Routing instances, and the units that are in them.
    Instances {
        ids: Vec<InstanceId>,
        units: Vec<InterfaceId>,
    },
}

/// What of a packet a NAT rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatTuple {
    /// Of the source.
    pub family: Family,
    pub proto: Proto,
    pub src: Addr,
    /// Another than the source's when the packet goes from one family to the other.
    pub dst_family: Family,
    pub dst: Addr,
    /// `None`: the protocol has no ports.
    pub ports: Option<(u16, u16)>,
    /// ICMP type and code.
    pub icmp: Option<(u8, u8)>,
}

/// What a rule asks of a packet: every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NatMatch {
    pub source: AddressMatch,
    pub destination: AddressMatch,
    /// Empty: any, of any protocol.
    pub source_ports: Vec<PortRange>,
    pub destination_ports: Vec<PortRange>,
    /// Empty: any.
    pub protocols: Vec<Proto>,
    /// `None`: not asked. A list that names nothing matches nothing.
    pub applications: Option<List<Application>>,
}

/// What a matching source rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceAction {
    Off,
    /// The egress unit's own address.
    Interface,
    /// An address of the pool with this number.
    Pool(PoolId),
}

/// One source rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRule {
    pub id: NatRuleId,
    pub identity: RuleIdentity,
    pub name: String,
    pub matching: NatMatch,
    pub action: SourceAction,
    /// `Some`: an internal endpoint keeps its external one.
    pub persistent: Option<PersistentRule>,
}

/// An ordered list of rules for one direction of travel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRuleSet {
    pub name: String,
    pub from: NatContext,
    pub to: NatContext,
    pub rules: Vec<SourceRule>,
}

/// All source rule-sets, most specific context first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceNat(pub Vec<SourceRuleSet>);

/// Where destination NAT sends packets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DestinationPool {
    pub name: String,
    /// Of one family: the packet's, or the rule does not match it.
    pub addresses: Prefix,
    /// `None`: the port stays.
    pub port: Option<u16>,
    /// Where its addresses are; `None`: in the instance that the packet came in.
    pub instance: Option<InstanceId>,
}

/// What a matching destination rule does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DestinationAction {
    Off,
    Pool(DestinationPool),
}

/// One destination rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DestinationRule {
    pub id: NatRuleId,
    pub identity: RuleIdentity,
    pub name: String,
    pub matching: NatMatch,
    pub action: DestinationAction,
}

/// An ordered list of destination rules for traffic from somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DestinationRuleSet {
    pub name: String,
    pub from: NatContext,
    pub rules: Vec<DestinationRule>,
}

/// All destination rule-sets, most specific context first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DestinationNat(pub Vec<DestinationRuleSet>);

/// What the addresses of a static rule stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StaticTarget {
    /// A range of equal length, one by one; it may be of the other family.
    Range(Prefix),
    /// `inet`: the IPv4 addresses within IPv6 ones (RFC 6052).
    Embedded,
    /// `nptv6-prefix`: a prefix of equal length, checksums unchanged (RFC 6296).
    Npt(Prefix),
}

/// A static rule: addresses that stand for each other, in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StaticRule {
    pub id: NatRuleId,
    pub identity: RuleIdentity,
    pub name: String,
    /// The far end: who sends to the outside addresses, or is sent to from the inside ones.
    pub remote: AddressMatch,
    pub remote_ports: Vec<PortRange>,
    /// As the rule-set's side knows them (`match destination-address`).
    pub outside: Prefix,
    /// As they are (`then static-nat`).
    pub target: StaticTarget,
    /// Ports of two ranges of equal length likewise; protocols without ports never match then.
    pub ports: Option<(PortRange, PortRange)>,
    /// Where the inside addresses are; `None`: in the instance that the packet came in.
    pub instance: Option<InstanceId>,
}

/// An ordered list of static rules for traffic from somewhere, and back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StaticRuleSet {
    pub name: String,
    pub from: NatContext,
    pub rules: Vec<StaticRule>,
}

/// All static rule-sets, most specific context first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StaticNat {
    pub rule_sets: Vec<StaticRuleSet>,
    /// `natv6v4 no-v6-frag-header`.
    pub no_v6_fragment_header: bool,
}

impl NatContext {
    #[must_use]
    pub fn holds(&self, (unit, zone): (InterfaceId, ZoneId)) -> bool {
        match self {
            Self::Zones(zones) => zones.contains(&zone),
            Self::Interfaces(units) | Self::Instances { units, .. } => units.contains(&unit),
        }
    }
}

impl NatMatch {
    #[must_use]
    pub fn holds(&self, tuple: &NatTuple) -> bool {
        let Self { source, destination, source_ports, destination_ports, protocols, applications } = self;
        let NatTuple { family, proto, src, dst_family, dst, ports, icmp } = *tuple;
        let (sport, dport) = ports.unwrap_or_default();
        let of_term = |a: &Application| {
            // A term that asks for ports is for protocols that have them.
            let asks = a.source_ports != PortRange::ANY || a.destination_ports != PortRange::ANY;
            (ports.is_some() || !asks) && a.holds(proto, sport, dport, icmp)
        };
        source.holds(family, src)
            && destination.holds(dst_family, dst)
            && listed(source_ports, ports.map(|p| p.0))
            && listed(destination_ports, ports.map(|p| p.1))
            && (protocols.is_empty() || protocols.contains(&proto))
            && applications.as_ref().is_none_or(|terms| terms.iter().any(of_term))
    }
}

/// Whether a port is in a list; an empty list asks nothing.
fn listed(list: &[PortRange], port: Option<u16>) -> bool {
    list.is_empty() || port.is_some_and(|port| list.iter().any(|range| range.contains(port)))
}

impl DestinationPool {
    /// Where a packet to `dst` goes, `matched` being the range of the rule that holds it: the same place in
    /// the pool as in the range, counted round when the pool is smaller.
    #[must_use]
    pub fn target(&self, matched: &Prefix, dst: Addr) -> Addr {
        let Prefix { first, last, .. } = self.addresses;
        match (last.0 - first.0).checked_add(1) {
            Some(size) => Addr(first.0 + (dst.0 - matched.first.0) % size),
            None => dst,
        }
    }
}

impl StaticRule {
    /// Whether a packet towards the outside addresses is of this rule's far ends.
    #[must_use]
    pub fn is_from_remote(&self, tuple: &NatTuple) -> bool {
        let port = tuple.ports.map(|p| p.0);
        self.remote.holds(tuple.family, tuple.src) && listed(&self.remote_ports, port)
    }

    /// Whether a packet from the inside goes to one of this rule's far ends.
    #[must_use]
    pub fn is_to_remote(&self, tuple: &NatTuple) -> bool {
        let port = tuple.ports.map(|p| p.1);
        self.remote.holds(tuple.dst_family, tuple.dst) && listed(&self.remote_ports, port)
    }

    /// Inside address and port for a packet to the outside ones of a range; `None`: the rule is not for it.
    #[must_use]
    pub fn inward(&self, inside: &Prefix, tuple: &NatTuple) -> Option<(Family, Addr, Option<u16>)> {
        let addr = shift(&self.outside, inside, (tuple.dst_family, tuple.dst))?;
        let port = mapped(self.ports, tuple.ports.map(|p| p.1))?;
        self.is_from_remote(tuple).then_some((inside.family, addr, port))
    }

    /// Outside address and port for a packet from the inside ones of a range, in the family that it goes to.
    #[must_use]
    pub fn outward(&self, inside: &Prefix, tuple: &NatTuple) -> Option<(Addr, Option<u16>)> {
        let addr = shift(inside, &self.outside, (tuple.family, tuple.src))?;
        let port = mapped(self.ports.map(|(outside, inside)| (inside, outside)), tuple.ports.map(|p| p.0))?;
        (self.outside.family == tuple.dst_family && self.is_to_remote(tuple)).then_some((addr, port))
    }
}

/// The same place in another range of the same length.
fn shift(from: &Prefix, to: &Prefix, (family, addr): (Family, Addr)) -> Option<Addr> {
    from.contains(family, addr).then(|| Addr(to.first.0 + (addr.0 - from.first.0)))
}

/// `Some(None)`: the port stays as it is; `None`: it is not in the range.
fn mapped(ranges: Option<(PortRange, PortRange)>, port: Option<u16>) -> Option<Option<u16>> {
    let Some((from, to)) = ranges else { return Some(None) };
    let port = port.filter(|port| from.contains(*port))?;
    Some(Some(to.low + (port - from.low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::from(text.parse::<ipnet::IpNet>().unwrap())
    }

    fn any() -> AddressMatch {
        AddressMatch::any()
    }

    fn tuple(src: [u8; 4], dst: [u8; 4], ports: Option<(u16, u16)>) -> NatTuple {
        let proto = if ports.is_some() { Proto::TCP } else { Proto(47) };
        let (family, src, dst) = (Family::V4, Addr::v4(src), Addr::v4(dst));
        NatTuple { family, proto, src, dst_family: family, dst, ports, icmp: None }
    }

    fn inside() -> Prefix {
        prefix("10.9.8.0/24")
    }

    fn rule(ports: Option<(PortRange, PortRange)>) -> StaticRule {
        StaticRule {
            id: NatRuleId(1),
            identity: RuleIdentity(1),
            name: "r".into(),
            remote: any(),
            remote_ports: Vec::new(),
            outside: prefix("203.0.113.0/24"),
            target: StaticTarget::Range(inside()),
            ports,
            instance: None,
        }
    }

    #[test]
    fn static_ranges_stand_for_each_other_both_ways() {
        let rule = rule(None);
        let there = tuple([198, 51, 100, 1], [203, 0, 113, 77], Some((5, 80)));
        assert_eq!(rule.inward(&inside(), &there), Some((Family::V4, Addr::v4([10, 9, 8, 77]), None)));
        let back = tuple([10, 9, 8, 77], [198, 51, 100, 1], Some((80, 5)));
        assert_eq!(rule.outward(&inside(), &back), Some((Addr::v4([203, 0, 113, 77]), None)));
        assert_eq!(rule.inward(&inside(), &back), None);
    }

    #[test]
    fn ranges_of_two_families_stand_for_each_other_when_the_packet_goes_between_them() {
        let rule = StaticRule { outside: prefix("203.0.113.0/30"), ..rule(None) };
        let inside = prefix("2001:db8::4/126");
        let host = Addr(inside.first.0 + 3);
        let there = tuple([198, 51, 100, 1], [203, 0, 113, 3], Some((5, 80)));
        assert_eq!(rule.inward(&inside, &there), Some((Family::V6, host, None)));
        let back = NatTuple { family: Family::V6, src: host, ..there };
        assert_eq!(rule.outward(&inside, &back), Some((Addr::v4([203, 0, 113, 3]), None)));
        // Towards IPv6 it keeps its address.
        let same = NatTuple { dst_family: Family::V6, ..back };
        assert_eq!(rule.outward(&inside, &same), None);
    }

    #[test]
    fn mapped_ports_shift_and_leave_portless_protocols_alone() {
        let range = |low, high| PortRange { low, high };
        let rule = rule(Some((range(8000, 8009), range(80, 89))));
        let to = |port| tuple([198, 51, 100, 1], [203, 0, 113, 7], port);
        let host = Addr::v4([10, 9, 8, 7]);
        assert_eq!(rule.inward(&inside(), &to(Some((5, 8003)))), Some((Family::V4, host, Some(83))));
        assert_eq!(rule.inward(&inside(), &to(Some((5, 8010)))), None);
        assert_eq!(rule.inward(&inside(), &to(None)), None);
        let back = tuple([10, 9, 8, 7], [198, 51, 100, 1], Some((83, 5)));
        assert_eq!(rule.outward(&inside(), &back), Some((Addr::v4([203, 0, 113, 7]), Some(8003))));
    }

    #[test]
    fn a_pool_keeps_the_place_in_the_range_and_counts_round() {
        let pool = |text: &str| DestinationPool {
            name: "p".into(),
            addresses: prefix(text),
            port: None,
            instance: None,
        };
        let (matched, dst) = (prefix("203.0.113.0/28"), Addr::v4([203, 0, 113, 5]));
        assert_eq!(pool("10.0.0.0/28").target(&matched, dst), Addr::v4([10, 0, 0, 5]));
        assert_eq!(pool("10.0.0.0/30").target(&matched, dst), Addr::v4([10, 0, 0, 1]));
        assert_eq!(pool("10.0.0.9/32").target(&matched, dst), Addr::v4([10, 0, 0, 9]));
    }

    #[test]
    fn each_condition_decides_alone_and_a_list_that_names_nothing_matches_nothing() {
        let open = NatMatch { source: any(), destination: any(), ..NatMatch::default() };
        let packet = tuple([10, 0, 0, 1], [10, 0, 0, 2], Some((1000, 80)));
        let portless = tuple([10, 0, 0, 1], [10, 0, 0, 2], None);
        assert!(open.holds(&packet) && open.holds(&portless));
        let ports = |low, high| vec![PortRange { low, high }];
        let refused = [
            NatMatch { source: AddressMatch::default(), ..open.clone() },
            NatMatch { destination: AddressMatch::default(), ..open.clone() },
            NatMatch { source_ports: ports(1, 999), ..open.clone() },
            NatMatch { destination_ports: ports(81, 90), ..open.clone() },
            NatMatch { protocols: vec![Proto::UDP], ..open.clone() },
            NatMatch { applications: Some(List::new()), ..open.clone() },
        ];
        assert!(refused.iter().all(|m| !m.holds(&packet)));
        assert!(!NatMatch { destination_ports: ports(0, 65535), ..open }.holds(&portless));
    }
}
