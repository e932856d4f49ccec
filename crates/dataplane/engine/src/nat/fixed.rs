//! Static rules as packets meet them: ranges, IPv4 addresses within IPv6 ones, prefixes of NPTv6.
//!
//! Junos: `security nat static`. Place: first path, before destination NAT and before source NAT. State: none, made
//! with the rules. Spec: nat-static-1..14, rfc6146-1..5, rfc6296-1..8.

use ravelin_program::{NatContext, NatTuple, Prefix, StaticNat, StaticRule, StaticTarget};
use ravelin_translate::{Answer, Candidate, Ineligible, Nptv6, Prefix64, Unmappable, eligible4, eligible6};
use ravelin_types::{Addr, DropReason, Family, InterfaceId, NatRuleId, Proto, ZoneId};

/// Offsets of the addresses in an IPv6 header.
const SRC_AT: u16 = 8;
const DST_AT: u16 = 24;

/// All static rules, most specific context first.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    pub rules: StaticNat,
    /// One for each rule, in the same order.
    maps: Vec<Map>,
    pub no_v6_fragment_header: bool,
}

/// What a rule makes of an address.
#[derive(Clone, Copy, Debug)]
enum Map {
    Range(Prefix),
    Embedded(Prefix64),
    Npt(Nptv6),
    /// Prefixes that no check lets through.
    Nothing,
}

/// Why a packet that a static rule is for can't be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untranslatable {
    Family(Ineligible),
    Npt { why: Unmappable, at: u16 },
}

/// A destination as it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    pub family: Family,
    pub addr: Addr,
    pub port: Option<u16>,
}

type Met<T> = Option<(NatRuleId, Result<T, Untranslatable>)>;

impl Fixed {
    pub(crate) fn new(rules: StaticNat) -> Self {
        let maps = rules.rule_sets.iter().flat_map(|set| &set.rules).map(Map::of).collect();
        Self { maps, no_v6_fragment_header: rules.no_v6_fragment_header, rules }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// The rule that a packet towards the outside addresses meets first.
    pub(crate) fn inward(&self, from: (InterfaceId, ZoneId), tuple: &NatTuple) -> Met<Inside> {
        self.met(from).find_map(|(rule, map)| Some((rule.id, map.inward(rule, tuple)?)))
    }

    /// The rule that a packet from the inside ones, in its destination's family, meets first.
    pub(crate) fn outward(&self, to: (InterfaceId, ZoneId), tuple: &NatTuple) -> Met<(Addr, Option<u16>)> {
        self.met(to).find_map(|(rule, map)| Some((rule.id, map.outward(rule, tuple)?)))
    }

    /// The address that a host has for another on this side, by a rule of its own: whole addresses, whoever else speaks.
    pub(crate) fn counterpart(
        &self,
        to: (InterfaceId, ZoneId),
        host: (Family, Addr),
        other: (Family, Addr),
    ) -> Option<Addr> {
        let (family, src) = host;
        let (dst_family, dst) = other;
        let proto = if family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
        let tuple = NatTuple { family, proto, src, dst_family, dst, ports: None, icmp: None };
        let mut own = self.met(to).filter(|(_, map)| matches!(map, Map::Range(_) | Map::Npt(_)));
        own.find_map(|(rule, map)| map.outward(rule, &tuple))?.ok().map(|(addr, _)| addr)
    }

    /// What stands for an IPv4 host where this rule's sessions come from; `None`: the rule has no prefix for it.
    pub(crate) fn embedded(&self, rule: NatRuleId, host: Addr) -> Option<Addr> {
        let rules = self.rules.rule_sets.iter().flat_map(|set| &set.rules);
        match rules.zip(&self.maps).find(|(known, _)| known.id == rule)? {
            (_, Map::Embedded(prefix)) => Some(prefix.embed(host)),
            (_, Map::Range(_) | Map::Npt(_) | Map::Nothing) => None,
        }
    }

    /// The IPv4 host that an address behind this rule's prefix stands for.
    pub(crate) fn held(&self, rule: NatRuleId, addr: Addr) -> Option<Addr> {
        let rules = self.rules.rule_sets.iter().flat_map(|set| &set.rules);
        match rules.zip(&self.maps).find(|(known, _)| known.id == rule)? {
            (_, Map::Embedded(prefix)) => prefix.extract(addr),
            (_, Map::Range(_) | Map::Npt(_) | Map::Nothing) => None,
        }
    }

    fn met(&self, at: (InterfaceId, ZoneId)) -> impl Iterator<Item = (&StaticRule, &Map)> {
        let holds = move |from: &NatContext| from.holds(at);
        let rules = self.rules.rule_sets.iter().flat_map(|set| set.rules.iter().map(move |r| (&set.from, r)));
        let met = rules.zip(&self.maps).filter(move |((from, _), _)| holds(from));
        met.map(|((_, rule), map)| (rule, map))
    }
}

impl Map {
    fn of(rule: &StaticRule) -> Self {
        let outside = (rule.outside.first, bits(&rule.outside));
        match rule.target {
            StaticTarget::Range(inside) => Self::Range(inside),
            StaticTarget::Embedded => {
                Prefix64::new(outside.0, outside.1).map_or(Self::Nothing, Self::Embedded)
            }
            StaticTarget::Npt(inside) => {
                Nptv6::new((inside.first, bits(&inside)), outside).map_or(Self::Nothing, Self::Npt)
            }
        }
    }

    fn inward(&self, rule: &StaticRule, tuple: &NatTuple) -> Option<Result<Inside, Untranslatable>> {
        let whole = |family, addr| Inside { family, addr, port: None };
        let is_six = tuple.family == Family::V6 && tuple.dst_family == Family::V6;
        match self {
            Self::Range(inside) => {
                let (family, addr, port) = rule.inward(inside, tuple)?;
                Some(Ok(Inside { family, addr, port }))
            }
            Self::Embedded(prefix) if is_six && rule.is_from_remote(tuple) => {
                match eligible6(prefix, &candidate(tuple)) {
                    Ok(addr) => Some(Ok(whole(Family::V4, addr))),
                    Err(Ineligible::OtherDestination) => None,
                    Err(why) => Some(Err(Untranslatable::Family(why))),
                }
            }
            Self::Npt(pair) if is_six && pair.is_external(tuple.dst) && rule.is_from_remote(tuple) => {
                let mapped = pair.inbound(tuple.dst).map(|addr| whole(Family::V6, addr));
                Some(mapped.map_err(|why| Untranslatable::Npt { why, at: DST_AT }))
            }
            Self::Embedded(_) | Self::Npt(_) | Self::Nothing => None,
        }
    }

    fn outward(
        &self,
        rule: &StaticRule,
        tuple: &NatTuple,
    ) -> Option<Result<(Addr, Option<u16>), Untranslatable>> {
        match (self, tuple.family, tuple.dst_family) {
            (Self::Range(inside), ..) => rule.outward(inside, tuple).map(Ok),
            (Self::Embedded(prefix), Family::V4, Family::V6) if rule.is_to_remote(tuple) => {
                let embedded = eligible4(prefix, &candidate(tuple)).map(|addr| (addr, None));
                Some(embedded.map_err(Untranslatable::Family))
            }
            (Self::Npt(pair), Family::V6, Family::V6)
                if pair.is_internal(tuple.src) && rule.is_to_remote(tuple) =>
            {
                let mapped = pair.outbound(tuple.src).map(|addr| (addr, None));
                Some(mapped.map_err(|why| Untranslatable::Npt { why, at: SRC_AT }))
            }
            (Self::Embedded(_) | Self::Npt(_) | Self::Nothing, ..) => None,
        }
    }
}

impl Untranslatable {
    pub(crate) const fn reason(self) -> DropReason {
        match self {
            Self::Family(Ineligible::SourceInPrefix | Ineligible::Source) => DropReason::InvalidSource,
            Self::Family(Ineligible::Destination | Ineligible::OtherDestination) => {
                DropReason::InvalidDestination
            }
            Self::Family(Ineligible::Protocol | Ineligible::IcmpType) => DropReason::Nat64Protocol,
            Self::Npt { .. } => DropReason::Nptv6Unmappable,
        }
    }

    /// What the sender is told.
    pub(crate) const fn answer(self, family: Family) -> Option<Answer> {
        match self {
            Self::Family(why) => why.answer(family),
            Self::Npt { why, at } => ravelin_translate::Refused::Unmappable { why, at }.answer(family),
        }
    }
}

fn candidate(tuple: &NatTuple) -> Candidate {
    let NatTuple { src, dst, proto, icmp, .. } = *tuple;
    Candidate { src, dst, proto, icmp: icmp.map(|(kind, _)| kind) }
}

/// Bits of a prefix's length.
fn bits(prefix: &Prefix) -> u8 {
    let width = if prefix.family == Family::V4 { 32 } else { 128 };
    let host = (prefix.last.0 ^ prefix.first.0).count_ones();
    (width - host.min(width)) as u8
}
