//! Typed configuration: one struct a hierarchy, and the checks that make it valid.

mod applications;
mod check;
mod config;
mod interfaces;
mod keywords;
mod load;
mod numbers;
mod predefined;
mod report;
mod routing_options;
mod security;
mod system;
mod valid;

pub use applications::{Application, ApplicationSet, ApplicationTerm, Applications, PortRange, Timeout};
pub use check::check;
pub use config::Config;
pub use interfaces::{Family, Interface, InterfaceAddress, Unit};
pub use load::{Loaded, check_tree, check_tree_on, covered, load, load_on, lower_tree};
pub use predefined::{is_unsupported, predefined};
pub use report::{Refused, Report, Stanza, report};
pub use routing_options::{RoutingOptions, StaticAction, StaticRoute};
pub use security::{
    Address, AddressBook, AddressRef, AddressSet, AddressValue, DefaultPolicy, Flow, GlobalPolicy,
    HostInbound, NatContext, NatRule, NatRuleSet, NatSource, Policies, Policy, PolicyAction, Protocol,
    Security, SecurityZone, Service, SourceNatAction, TcpSession, ZoneInterface, ZonePairPolicies,
};
pub use system::System;
pub use valid::ValidConfig;
