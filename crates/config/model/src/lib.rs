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
    Address, AddressBook, AddressLimit, AddressRef, AddressSet, AddressValue, BlockFrag, DefaultPolicy,
    DestinationHeader, ExtensionHeader, Flow, GlobalPolicy, HopByHopHeader, HostInbound, IdsOption,
    LimitSession, MatchDirection, NatContext, NatRule, NatRuleSet, NatSource, NumberRange, Policies, Policy,
    PolicyAction, Protocol, Screen, ScreenAggregation, ScreenIcmp, ScreenIp, ScreenSynFlood, ScreenTcp,
    ScreenTunnel, ScreenUdp, ScreenUdpFlood, ScreenWhiteList, Security, SecurityZone, Service, SideLimit,
    SourceNatAction, SynFloodProtection, SynFloodWhiteList, TcpSession, Threshold, ZoneInterface,
    ZonePairPolicies,
};
pub use system::System;
pub use valid::ValidConfig;
