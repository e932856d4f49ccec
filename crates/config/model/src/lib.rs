//! Typed configuration: one struct a hierarchy, and the checks that make it valid.

mod address_names;
mod applications;
mod archive_site;
mod check;
mod config;
mod firewall;
mod forwarding_options;
mod gateways;
mod index;
mod interfaces;
mod keywords;
mod load;
mod mentions;
mod numbers;
mod predefined;
mod report;
mod routing_instances;
mod routing_options;
mod schedulers;
mod security;
mod system;
mod valid;

pub use address_names::AddressNames;
pub use applications::{
    Application, ApplicationGateway, ApplicationProtocol, ApplicationSet, ApplicationTerm, Applications,
    IpProtocol, PortRange, Timeout,
};
pub use archive_site::{ArchiveSite, RemoteSite, SitePlace, SiteProtocol};
pub use check::check;
pub use config::Config;
pub use firewall::{
    Colouring, Dscp, Esp, Exceeding, ExceedingPps, FilterAddress, FilterFrom4, FilterFrom6, FilterMatch,
    FilterPrefixList, FilterReject, FilterTerm4, FilterTerm6, FilterThen, Firewall, FirewallFilter4,
    FirewallFilter6, FlexibleMask, FlexibleRange, FlexibleStart, FlexibleTemplate, ForwardingClass,
    FragmentOffset, HexNumber, Icmp4Code, Icmp4Type, Icmp6Code, Icmp6Type, InterfaceGroup, InterfaceSet,
    IpOption, Listed, ListedKind, LossPriorityLevel, LossPriorityWord, PacketLength, Policer, PolicerThen,
    PolicyOptions, PortNumber, Precedence, PrefixList, ProtocolNumber, RedAction, Scaled, SingleRate,
    ThreeColourAction, ThreeColourPolicer, Ttl, TwoRate,
};
pub use forwarding_options::{
    ForwardingOptions, MirrorFamily, MirrorInput, MirrorInstance, MirrorInterface, MirrorOutput,
    MirrorTarget, PortMirroring,
};
pub use gateways::warnings;
pub use interfaces::{Family, Interface, InterfaceAddress, Unit};
pub use load::{
    Checked, Loaded, check_tree, check_tree_after, check_tree_on, covered, load, load_on, load_read,
    lower_tree,
};
pub use mentions::Mentions;
pub use predefined::{is_unsupported, predefined, spoken};
pub use ravelin_schema::{ByPlace, Named, Runs, run_place};
pub use report::{Refused, Report, Stanza, report};
pub use routing_instances::{DEFAULT_INSTANCE, InstanceInterface, InstanceType, RoutingInstance};
pub use routing_options::{NextTable, RoutingOptions, StaticAction, StaticRoute};
pub use schedulers::{CivilTime, DateSpan, DaySchedule, Scheduler, TimeOfDay, TimeSpan};
pub use security::{
    Address, AddressBook, AddressLimit, AddressRange, AddressRef, AddressSet, AddressValue, AlarmThresholds,
    Alg, AnyZone, ApplicationAging, ApplicationTracking, BlockAllocation, BlockFrag, CutOffTime,
    DefaultPolicy, DestinationHeader, DestinationNatAction, DestinationPool, DestinationRule,
    DestinationRuleSet, DeterministicPorts, DnsName, DynamicAddress, DynamicAddresses, EarlyAging,
    ExtensionHeader, Feed, FeedServer, Flow, GlobalPolicy, HopByHopHeader, HostInbound, IdsOption,
    LimitSession, LogCache, LogCategory, LogExclude, LogFacility, LogFile, LogFormat, LogHost, LogIpProtocol,
    LogKind, LogMode, LogProtocol, LogSeverity, LogStream, LogStreamFile, LogTimeFormat, LogTransport,
    MANAGEMENT, ManagementZone, MatchDirection, MirrorFilter, NatContext, NatDestination, NatProtocol,
    NatProxy, NatRule, NatRuleSet, NatSource, NatStatic, NumberRange, PersistentNat, Policies, Policy,
    PolicyAction, PolicyRematch, PolicyTcpOptions, PoolPersistentNat, PoolPort, Port, PortSpan, Protocol,
    ProtocolAging, ProxyRange, Screen, ScreenAggregation, ScreenIcmp, ScreenIp, ScreenSynFlood, ScreenTcp,
    ScreenTunnel, ScreenUdp, ScreenUdpFlood, ScreenWhiteList, Security, SecurityLog, SecurityZone, Service,
    SideLimit, SourceNatAction, SourcePool, StaticPrefix, StaticRule, StaticRuleSet, SynFloodProtection,
    SynFloodWhiteList, TcpSession, Threshold, ZoneAddressBook, ZoneInterface, ZonePairPolicies, with_unit,
};
pub use system::{Archival, Metrics, System, TimeZoneName};
pub use valid::ValidConfig;
