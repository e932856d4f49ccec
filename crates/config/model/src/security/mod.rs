//! `security`: zones, address books, policies, source NAT, flow.

mod address_book;
mod flow;
mod nat;
mod policies;
mod zones;

use ravelin_derive::Lower;

pub use address_book::{Address, AddressBook, AddressSet, AddressValue};
pub use flow::{Flow, TcpSession};
pub use nat::{
    DestinationNatAction, DestinationPool, DestinationRule, DestinationRuleSet, NatContext, NatDestination,
    NatProtocol, NatRule, NatRuleSet, NatSource, NatStatic, Port, PortSpan, SourceNatAction, StaticPrefix,
    StaticRule, StaticRuleSet,
};
pub use policies::{
    AddressRef, DefaultPolicy, GlobalPolicy, Policies, Policy, PolicyAction, ZonePairPolicies,
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
    #[lower(container = "nat destination")]
    pub nat_destination: NatDestination,
    #[lower(container = "nat static")]
    pub nat_static: NatStatic,
    #[lower(container = "flow")]
    pub flow: Flow,
}
