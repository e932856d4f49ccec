//! `security`: zones, address books, policies, NAT, flow, screens, log.

mod address_book;
mod alg;
mod application_tracking;
mod dynamic_address;
mod early_aging;
mod flow;
mod log;
mod log_kind;
mod mirror_filter;
mod nat;
mod policies;
mod screen;
mod zone_books;
mod zones;

use ravelin_derive::Lower;

pub use address_book::{Address, AddressBook, AddressRange, AddressSet, AddressValue, DnsName};
pub use alg::Alg;
pub use application_tracking::ApplicationTracking;
pub use dynamic_address::{DynamicAddress, DynamicAddresses, Feed, FeedServer};
pub use early_aging::{ApplicationAging, CutOffTime, EarlyAging, ProtocolAging};
pub use flow::{Flow, SynFloodProtection, TcpSession};
pub use log::{
    LogCache, LogCategory, LogExclude, LogFacility, LogFile, LogFormat, LogHost, LogIpProtocol, LogMode,
    LogProtocol, LogSeverity, LogStream, LogStreamFile, LogTimeFormat, LogTransport, SecurityLog,
};
pub use log_kind::LogKind;
pub use mirror_filter::MirrorFilter;
pub use nat::{
    AlarmThresholds, BlockAllocation, DestinationNatAction, DestinationPool, DestinationRule,
    DestinationRuleSet, DeterministicPorts, NatContext, NatDestination, NatProtocol, NatProxy, NatRule,
    NatRuleSet, NatSource, NatStatic, PersistentNat, PoolPersistentNat, PoolPort, Port, PortSpan, ProxyRange,
    SourceNatAction, SourcePool, StaticPrefix, StaticRule, StaticRuleSet,
};
pub use policies::{
    AddressRef, DefaultPolicy, GlobalPolicy, Policies, Policy, PolicyAction, PolicyRematch, PolicyTcpOptions,
    ZonePairPolicies,
};
pub use screen::{
    AddressLimit, BlockFrag, DestinationHeader, ExtensionHeader, HopByHopHeader, IdsOption, LimitSession,
    MatchDirection, NumberRange, Screen, ScreenAggregation, ScreenIcmp, ScreenIp, ScreenSynFlood, ScreenTcp,
    ScreenTunnel, ScreenUdp, ScreenUdpFlood, ScreenWhiteList, SideLimit, SynFloodWhiteList, Threshold,
};
pub use zone_books::ZoneAddressBook;
pub(crate) use zone_books::{ZoneBooks, books, merge, qualified};
pub use zones::{
    AnyZone, HostInbound, MANAGEMENT, ManagementZone, Protocol, SecurityZone, Service, ZoneInterface,
    with_unit,
};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Security {
    #[lower(list = "zones security-zone")]
    pub zones: Vec<SecurityZone>,
    #[lower(presence = "zones functional-zone management")]
    pub management: Option<ManagementZone>,
    #[lower(list = "address-book <>")]
    pub address_books: Vec<AddressBook>,
    #[lower(container = "dynamic-address")]
    pub dynamic_addresses: DynamicAddresses,
    #[lower(container = "policies")]
    pub policies: Policies,
    #[lower(container = "nat source")]
    pub nat_source: NatSource,
    #[lower(container = "nat destination")]
    pub nat_destination: NatDestination,
    #[lower(container = "nat static")]
    pub nat_static: NatStatic,
    /// What IPv4 allows to be cut gets no fragment header as IPv6.
    #[lower(flag = "nat natv6v4 no-v6-frag-header")]
    pub no_v6_frag_header: bool,
    /// Source pools may share addresses.
    #[lower(flag = "nat allow-overlapping-pools")]
    pub allow_overlapping_pools: bool,
    #[lower(list = "nat proxy-arp interface")]
    pub proxy_arp: Vec<NatProxy>,
    #[lower(list = "nat proxy-ndp interface")]
    pub proxy_ndp: Vec<NatProxy>,
    #[lower(container = "flow")]
    pub flow: Flow,
    #[lower(container = "alg")]
    pub alg: Alg,
    #[lower(container = "application-tracking")]
    pub application_tracking: ApplicationTracking,
    #[lower(container = "screen")]
    pub screen: Screen,
    #[lower(list = "forwarding-options mirror-filter")]
    pub mirror_filters: Vec<MirrorFilter>,
    #[lower(container = "log")]
    pub log: SecurityLog,
}

impl Security {
    /// Security zones, and the functional one behind them.
    pub fn every_zone(&self) -> impl Iterator<Item = AnyZone<'_>> {
        self.zones.iter().map(AnyZone::from).chain(self.management.iter().map(AnyZone::from))
    }
}
