//! `firewall`: filters by family, policers, sets of interfaces; `policy-options prefix-list`.

mod filter;
mod policer;
mod then;
mod values;

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_syntax::Span;

pub use filter::{
    FilterAddress, FilterFrom4, FilterFrom6, FilterMatch, FilterPrefixList, FilterTerm4, FilterTerm6,
    FirewallFilter4, FirewallFilter6, FlexibleMask, FlexibleRange, FlexibleStart, FlexibleTemplate,
};
pub use policer::{
    Colouring, Exceeding, ExceedingPps, Policer, PolicerThen, RedAction, SingleRate, ThreeColourPolicer,
    TwoRate,
};
pub use then::{FilterReject, FilterThen, LossPriorityWord, ThreeColourAction};
pub use values::{
    Dscp, Esp, ForwardingClass, FragmentOffset, HexNumber, Icmp4Code, Icmp4Type, Icmp6Code, Icmp6Type,
    InterfaceGroup, IpOption, Listed, ListedKind, LossPriorityLevel, PacketLength, PortNumber, Precedence,
    ProtocolNumber, Scaled, Ttl,
};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Firewall {
    #[lower(list = "family inet filter")]
    pub inet: Vec<FirewallFilter4>,
    #[lower(list = "family inet6 filter")]
    pub inet6: Vec<FirewallFilter6>,
    /// `firewall filter`: family inet, as Junos first wrote it.
    #[lower(list = "filter")]
    pub plain: Vec<FirewallFilter4>,
    #[lower(list = "policer")]
    pub policers: Vec<Policer>,
    #[lower(list = "three-color-policer")]
    pub three_colour: Vec<ThreeColourPolicer>,
    #[lower(list = "interface-set")]
    pub interface_sets: Vec<InterfaceSet>,
    #[lower(list = "flexible-match")]
    pub flexible: Vec<FlexibleTemplate>,
}

impl Firewall {
    /// Filters of family inet, whichever way they were written.
    pub fn filters4(&self) -> impl Iterator<Item = &FirewallFilter4> {
        self.inet.iter().chain(&self.plain)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct InterfaceSet {
    #[lower(key)]
    pub name: String,
    /// Units; one of a physical interface alone, or with `*` at its end, means every unit that it begins.
    #[lower(leaves = "<>")]
    pub interfaces: Vec<String>,
    #[lower(at)]
    pub at: Span,
}

/// `policy-options`.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PolicyOptions {
    #[lower(list = "prefix-list")]
    pub prefix_lists: Vec<PrefixList>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PrefixList {
    #[lower(key)]
    pub name: String,
    #[lower(leaves = "<>")]
    pub prefixes: Vec<IpNet>,
    #[lower(at)]
    pub at: Span,
}
