//! Security policies as flattened rules.
//!
//! Junos: `security policies`. A section is the ordered list of one zone pair, or the global list.
//! An empty match list matches nothing: the compiler writes the whole address space for `any`.

use ravelin_mem::{List, Text};
use ravelin_types::{Addr, Family, LiveSetId, PolicyId, Proto, RuleIdentity, ScheduleId, ZoneId};

use crate::Ranges;
use crate::filter::PortRange;
use crate::live::PolicyTcp;

/// An address prefix or range within one family: `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    pub family: Family,
    pub first: Addr,
    pub last: Addr,
}

/// IPv4 addresses that agree with `addr` in the bits of `mask`, which may have holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WildcardAddress {
    pub addr: u32,
    pub mask: u32,
}

/// A list of ranges, wildcards and sets that change without a commit; `excluded` turns it round within the families
/// it names (Junos `source-address-excluded`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct AddressMatch {
    pub ranges: Ranges,
    pub wildcards: List<WildcardAddress>,
    pub live: List<LiveSetId>,
    pub excluded: bool,
}

/// ICMP type and code a term wants; `None` matches every value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpMatch {
    pub kind: Option<u8>,
    pub code: Option<u8>,
}

/// One term of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Application {
    /// `None`: any protocol.
    pub proto: Option<Proto>,
    pub source_ports: PortRange,
    pub destination_ports: PortRange,
    pub icmp: Option<IcmpMatch>,
    /// Seconds a session of this term may be silent; `None`: the protocol's default; 0: never ends.
    pub inactivity_timeout: Option<u32>,
    pub gateway: Gateway,
    /// Index into the program's application names.
    pub name: u32,
}

/// Which gateway of the application layer looks at a session of a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// That of the server's port, if there is one.
    #[default]
    ByPort,
    /// None, whatever the port.
    Nothing,
    Ftp,
    Tftp,
    Dns,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Permit,
    Deny,
    Reject,
}

/// Which packets a policy that permits drops, by their destination (`then permit destination-address`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Translated {
    /// None.
    #[default]
    Either,
    /// Those whose destination NAT has translated (`drop-translated`).
    Dropped,
    /// Those whose destination it has not (`drop-untranslated`).
    Required,
}

/// When sessions of a policy are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogWhen {
    pub init: bool,
    pub close: bool,
    /// Minutes of a session's life between two reports on it; 0: none.
    pub update: u16,
}

/// One policy: all of its conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    pub id: PolicyId,
    pub identity: RuleIdentity,
    pub name: Text,
    pub source: AddressMatch,
    pub destination: AddressMatch,
    pub applications: List<Application>,
    pub action: Action,
    pub log: LogWhen,
    pub count: bool,
    /// When it is in force; `None`: always.
    pub schedule: Option<ScheduleId>,
    pub tcp: PolicyTcp,
    pub translated: Translated,
}

/// Which zone pairs a section or a global policy speaks of; empty lists mean any zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ZoneMatch {
    pub from: List<ZoneId>,
    pub to: List<ZoneId>,
}

const _: () = assert!(
    size_of::<(ZoneMatch, Policy)>() <= 160,
    "a program has a hundred thousand of these, in two processes"
);

/// An ordered list of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PolicySection {
    pub zones: ZoneMatch,
    /// A policy beside its own zone match; only global policies narrow it.
    pub policies: Vec<(ZoneMatch, Policy)>,
}

impl Translated {
    /// Whether a packet may pass whose destination was translated, or was not.
    #[must_use]
    pub const fn permits(self, is_translated: bool) -> bool {
        match self {
            Self::Either => true,
            Self::Dropped => !is_translated,
            Self::Required => is_translated,
        }
    }
}

impl Prefix {
    /// Every address of a family.
    #[must_use]
    pub const fn all(family: Family) -> Self {
        let last = match family {
            Family::V4 => Addr(u32::MAX as u128),
            Family::V6 => Addr(u128::MAX),
        };
        Self { family, first: Addr(0), last }
    }

    #[must_use]
    pub fn contains(&self, family: Family, addr: Addr) -> bool {
        self.family == family && self.first <= addr && addr <= self.last
    }
}

impl WildcardAddress {
    #[must_use]
    pub const fn contains(&self, family: Family, addr: Addr) -> bool {
        matches!(family, Family::V4) && (addr.low32() ^ self.addr) & self.mask == 0
    }
}

impl From<ipnet::IpNet> for Prefix {
    fn from(net: ipnet::IpNet) -> Self {
        let (family, first) = Addr::from_ip(net.network());
        let (_, last) = Addr::from_ip(match net {
            ipnet::IpNet::V4(n) => n.broadcast().into(),
            ipnet::IpNet::V6(n) => n.broadcast().into(),
        });
        Self { family, first, last }
    }
}

impl AddressMatch {
    /// Every address of both families.
    #[must_use]
    pub fn any() -> Self {
        Self { ranges: vec![Prefix::all(Family::V4), Prefix::all(Family::V6)].into(), ..Self::default() }
    }

    /// Whether the condition holds, as far as the program alone tells: of live sets nothing is known here, so they hold
    /// nothing, and a list that excludes one holds of nothing. Exclusion never crosses families: excluding IPv4
    /// addresses matches no IPv6 packet.
    #[must_use]
    pub fn holds(&self, family: Family, addr: Addr) -> bool {
        let listed = self.ranges.iter().any(|r| r.contains(family, addr))
            || self.wildcards.iter().any(|w| w.contains(family, addr));
        if !self.excluded {
            return listed;
        }
        let names = self.ranges.iter().any(|r| r.family == family)
            || (family == Family::V4 && !self.wildcards.is_empty());
        !listed && names && self.live.is_empty()
    }
}

impl Application {
    /// Whether a packet's protocol, ports and ICMP header are of this term. `icmp` is the type
    /// and code of an ICMP or ICMPv6 packet.
    #[must_use]
    pub fn holds(&self, proto: Proto, sport: u16, dport: u16, icmp: Option<(u8, u8)>) -> bool {
        let wanted = |want: Option<u8>, got: u8| want.is_none_or(|w| w == got);
        self.proto.is_none_or(|p| p == proto)
            && self.source_ports.contains(sport)
            && self.destination_ports.contains(dport)
            && self
                .icmp
                .is_none_or(|m| icmp.is_some_and(|(kind, code)| wanted(m.kind, kind) && wanted(m.code, code)))
    }
}

impl ZoneMatch {
    /// Any zone on either side.
    #[must_use]
    pub const fn any() -> Self {
        Self { from: List::new(), to: List::new() }
    }

    #[must_use]
    pub fn holds(&self, from: ZoneId, to: ZoneId) -> bool {
        let listed = |list: &[ZoneId], zone| list.is_empty() || list.contains(&zone);
        listed(&self.from, from) && listed(&self.to, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Prefix {
        Prefix::from(text.parse::<ipnet::IpNet>().unwrap())
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        let none = AddressMatch::default();
        assert!(!none.holds(Family::V4, Addr::v4([1, 2, 3, 4])));
        let excluded = AddressMatch { excluded: true, ..none };
        assert!(!excluded.holds(Family::V4, Addr::v4([1, 2, 3, 4])));
    }

    #[test]
    fn what_a_live_set_is_nobody_knows_here() {
        let live = AddressMatch { live: vec![LiveSetId(1)].into(), ..AddressMatch::default() };
        assert!(!live.holds(Family::V4, Addr::v4([10, 1, 1, 1])));
        let excluded = AddressMatch { ranges: vec![v4("10.0.0.0/8")].into(), excluded: true, ..live };
        assert!(!excluded.holds(Family::V4, Addr::v4([11, 1, 1, 1])));
    }

    #[test]
    fn a_wildcard_looks_at_the_bits_of_its_mask() {
        let even = WildcardAddress { addr: 0x0a00_0000, mask: 0xff00_0001 };
        let m = AddressMatch { wildcards: vec![even].into(), ..AddressMatch::default() };
        assert!(m.holds(Family::V4, Addr::v4([10, 9, 8, 2])));
        assert!(!m.holds(Family::V4, Addr::v4([10, 9, 8, 3])));
        assert!(!m.holds(Family::V6, Addr(0x0a00_0000)));
        let excluded = AddressMatch { excluded: true, ..m };
        assert!(excluded.holds(Family::V4, Addr::v4([10, 9, 8, 3])));
        assert!(!excluded.holds(Family::V6, Addr(3)));
    }

    #[test]
    fn exclusion_stays_in_its_family() {
        let m =
            AddressMatch { ranges: vec![v4("10.0.0.0/8")].into(), excluded: true, ..AddressMatch::default() };
        assert!(!m.holds(Family::V4, Addr::v4([10, 1, 1, 1])));
        assert!(m.holds(Family::V4, Addr::v4([11, 1, 1, 1])));
        assert!(!m.holds(Family::V6, Addr(1)));
    }
}
