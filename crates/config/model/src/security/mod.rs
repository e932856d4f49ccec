//! `security`: zones, address books, policies, source NAT, flow, screens.

mod address_book;
mod flow;
mod nat;
mod policies;
mod screen;
mod zones;

use ravelin_derive::Lower;

pub use address_book::{Address, AddressBook, AddressSet, AddressValue};
pub use flow::{Flow, SynFloodProtection, TcpSession};
pub use nat::{NatContext, NatRule, NatRuleSet, NatSource, SourceNatAction};
pub use policies::{
    AddressRef, DefaultPolicy, GlobalPolicy, Policies, Policy, PolicyAction, ZonePairPolicies,
};
pub use screen::{
    AddressLimit, BlockFrag, DestinationHeader, ExtensionHeader, HopByHopHeader, IdsOption, LimitSession,
    MatchDirection, NumberRange, Screen, ScreenAggregation, ScreenIcmp, ScreenIp, ScreenSynFlood, ScreenTcp,
    ScreenTunnel, ScreenUdp, ScreenUdpFlood, ScreenWhiteList, SideLimit, SynFloodWhiteList, Threshold,
};
pub use zones::{HostInbound, Protocol, SecurityZone, Service, ZoneInterface};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Security {
    #[lower(list = "zones security-zone")]
    pub zones: Vec<SecurityZone>,
    #[lower(list = "address-book <>")]
    pub address_books: Vec<AddressBook>,
    #[lower(container = "policies")]
    pub policies: Policies,
    #[lower(container = "nat source")]
    pub nat_source: NatSource,
    #[lower(container = "flow")]
    pub flow: Flow,
    #[lower(container = "screen")]
    pub screen: Screen,
}
