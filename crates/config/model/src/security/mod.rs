//! `security`: zones, address books, policies, source NAT, flow.

mod address_book;
mod flow;
mod nat;
mod policies;
mod zones;

pub use address_book::{Address, AddressBook, AddressSet, AddressValue};
pub use flow::{Flow, TcpSession};
pub use nat::{NatContext, NatRule, NatRuleSet, NatSource, SourceNatAction};
pub use policies::{
    AddressRef, DefaultPolicy, GlobalPolicy, Policies, Policy, PolicyAction, ZonePairPolicies,
};
pub use zones::{HostInbound, Protocol, SecurityZone, Service, ZoneInterface};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    pub zones: Vec<SecurityZone>,
    pub address_books: Vec<AddressBook>,
    pub policies: Policies,
    pub nat_source: NatSource,
    pub flow: Flow,
}
