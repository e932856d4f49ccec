//! Typed configuration: one struct a hierarchy, and the checks that make it valid.

mod applications;
mod check;
mod config;
mod interfaces;
mod keywords;
mod load;
mod numbers;
mod predefined;
mod routing_options;
mod security;
mod system;
mod valid;

pub use applications::{Application, ApplicationSet, ApplicationTerm, Applications, PortRange, Timeout};
pub use check::check;
pub use config::Config;
pub use interfaces::{Family, Interface, InterfaceAddress, Unit};
pub use load::{Loaded, check_tree, covered, load, lower_tree};
pub use predefined::{is_unsupported, predefined};
pub use routing_options::{RoutingOptions, StaticAction, StaticRoute};
pub use security::{
    Address, AddressBook, AddressRef, AddressSet, AddressValue, BlockAllocation, DefaultPolicy,
    DestinationNatAction, DestinationPool, DestinationRule, DestinationRuleSet, DeterministicPorts, Flow,
    GlobalPolicy, HostInbound, NatContext, NatDestination, NatProtocol, NatProxy, NatRule, NatRuleSet,
    NatSource, NatStatic, Policies, Policy, PolicyAction, PolicyRematch, PoolPort, Port, PortSpan, Protocol,
    ProxyRange, Security, SecurityZone, Service, SourceNatAction, SourcePool, StaticPrefix, StaticRule,
    StaticRuleSet, TcpSession, ZoneInterface, ZonePairPolicies, with_unit,
};
pub use system::{Archival, ArchiveSite, SiteDirectory, System};
pub use valid::ValidConfig;
