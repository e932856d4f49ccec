//! `security`: zones, address books, policies, source NAT, flow, log.

mod address_book;
mod flow;
mod log;
mod nat;
mod policies;
mod zones;

use ravelin_derive::Lower;

pub use address_book::{Address, AddressBook, AddressSet, AddressValue};
pub use flow::{Flow, TcpSession};
pub use log::{
    LogCache, LogCategory, LogExclude, LogFacility, LogFile, LogFormat, LogHost, LogIpProtocol, LogMode,
    LogProtocol, LogSeverity, LogStream, LogStreamFile, LogTimeFormat, LogTransport, SecurityLog,
};
pub use nat::{NatContext, NatRule, NatRuleSet, NatSource, SourceNatAction};
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
    #[lower(container = "flow")]
    pub flow: Flow,
    #[lower(container = "log")]
    pub log: SecurityLog,
}
