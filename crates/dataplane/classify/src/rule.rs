//! A rule, a tuple, and whether the one holds of the other: the plain truth that every index must equal.
//!
//! Spec: policy-5..8.

use std::sync::Arc;

use ravelin_types::{Addr, Family, Proto, ZoneId};

use crate::range::{AddressSet, PortRange};

/// What the caller knows a rule by: a policy id, a NAT rule id, a term's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleKey(pub u32);

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    pub from: ZoneId,
    pub to: ZoneId,
    /// Of the source.
    pub family: Family,
    pub src: Addr,
    /// Another than the source's when the packet is translated between families.
    pub dst_family: Family,
    pub dst: Addr,
    pub proto: Proto,
    pub sport: u16,
    pub dport: u16,
    /// Type and code of an ICMP or ICMPv6 packet; not looked at for other protocols.
    pub icmp: Option<(u8, u8)>,
}

/// Zones a rule wants; `None`: any zone. An empty list is no zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zones(pub Option<Arc<[ZoneId]>>);

impl Zones {
    /// Ranges of their numbers.
    pub(crate) fn ranges(&self) -> Vec<(u32, u32)> {
        match &self.0 {
            None => vec![(0, u32::from(u16::MAX))],
            Some(list) => crate::range::merged(list.iter().map(|z| (z.0.into(), z.0.into())).collect()),
        }
    }
}

/// Addresses a rule wants: those in any of the sets, or with `excluded` those in none of them, within the
/// families that the sets name. No set, or sets without an entry, match nothing, excluded or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    pub sets: Arc<[Arc<AddressSet>]>,
    pub excluded: bool,
}

/// ICMP types and codes, each `low..=high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpRange {
    pub kind: (u8, u8),
    pub code: (u8, u8),
}

/// One term of a rule's application list; a rule without a term matches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// `None`: both families.
    pub family: Option<Family>,
    /// `None`: any protocol.
    pub proto: Option<Proto>,
    pub source_ports: PortRange,
    pub destination_ports: PortRange,
    /// `Some` holds of ICMP and ICMPv6 packets whose type and code are known, and of nothing else.
    pub icmp: Option<IcmpRange>,
}

/// One rule; its rank is its place in the list it is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub key: RuleKey,
    pub from: Zones,
    pub to: Zones,
    pub source: Addresses,
    pub destination: Addresses,
    pub terms: Arc<[Term]>,
}

/// The first condition that did not hold, in the order they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failed {
    Zones,
    Source,
    Destination,
    Application,
}

impl Zones {
    #[must_use]
    pub fn holds(&self, zone: ZoneId) -> bool {
        self.0.as_ref().is_none_or(|zones| zones.contains(&zone))
    }
}

impl Addresses {
    /// One set.
    #[must_use]
    pub fn of(set: Arc<AddressSet>) -> Self {
        Self { sets: Arc::new([set]), excluded: false }
    }

    #[must_use]
    pub fn excluding(set: Arc<AddressSet>) -> Self {
        Self { excluded: true, ..Self::of(set) }
    }

    #[must_use]
    pub fn holds(&self, family: Family, addr: Addr) -> bool {
        let listed = self.sets.iter().any(|set| set.contains(family, addr));
        if self.excluded { !listed && self.names(family) } else { listed }
    }

    pub(crate) fn names(&self, family: Family) -> bool {
        self.sets.iter().any(|set| set.names(family))
    }

    pub(crate) fn is_any(&self) -> bool {
        !self.excluded && self.sets.iter().any(|set| set.is_any())
    }
}

impl Term {
    /// Any protocol, any port, both families.
    pub const ANY: Self = Self {
        family: None,
        proto: None,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        icmp: None,
    };

    #[must_use]
    pub fn holds(&self, tuple: &Tuple) -> bool {
        let within = |(low, high): (u8, u8), value| (low..=high).contains(&value);
        self.family.is_none_or(|f| f == tuple.family)
            && self.proto.is_none_or(|p| p == tuple.proto)
            && self.source_ports.contains(tuple.sport)
            && self.destination_ports.contains(tuple.dport)
            && self.icmp.is_none_or(|want| {
                tuple.icmp().is_some_and(|(kind, code)| within(want.kind, kind) && within(want.code, code))
            })
    }
}

impl Tuple {
    /// Type and code, of the two protocols that have them.
    pub(crate) fn icmp(&self) -> Option<(u8, u8)> {
        self.icmp.filter(|_| self.proto == Proto::ICMP || self.proto == Proto::ICMPV6)
    }
}

impl Rule {
    /// The place of the first term that holds, when every other condition does.
    ///
    /// # Errors
    /// The first condition that failed.
    pub fn examine(&self, tuple: &Tuple) -> Result<usize, Failed> {
        if !self.from.holds(tuple.from) || !self.to.holds(tuple.to) {
            return Err(Failed::Zones);
        }
        if !self.source.holds(tuple.family, tuple.src) {
            return Err(Failed::Source);
        }
        if !self.destination.holds(tuple.dst_family, tuple.dst) {
            return Err(Failed::Destination);
        }
        self.terms.iter().position(|term| term.holds(tuple)).ok_or(Failed::Application)
    }

    #[must_use]
    pub fn holds(&self, tuple: &Tuple) -> bool {
        self.examine(tuple).is_ok()
    }
}
