//! `security zones`: interfaces grouped by trust, and what the firewall itself answers on them.

use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use crate::keywords::keywords;
use crate::security::ZoneAddressBook;

/// The name of the one functional zone.
pub const MANAGEMENT: &str = "management";

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SecurityZone {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Answer a denied TCP packet with RST.
    #[lower(flag = "tcp-rst")]
    pub tcp_rst: bool,
    /// Of sessions that begin here, packets of the first direction alone start the timeout anew.
    #[lower(flag = "unidirectional-session-refreshing")]
    pub unidirectional_refresh: bool,
    /// Sessions that begin here are told of, by `security application-tracking`.
    #[lower(flag = "application-tracking")]
    pub tracking: bool,
    /// The `ids-option` its packets are judged by.
    #[lower(leaf = "screen")]
    pub screen: Option<String>,
    /// The old place of a book: it is looked into before the global one.
    #[lower(presence = "address-book")]
    pub address_book: Option<ZoneAddressBook>,
    #[lower(container = "host-inbound-traffic")]
    pub host_inbound: HostInbound,
    #[lower(list = "interfaces <>")]
    pub interfaces: Vec<ZoneInterface>,
    #[lower(at)]
    pub at: Span,
}

/// `functional-zone management`: interfaces through which the firewall itself is reached, and nothing beyond it.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ManagementZone {
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// The `ids-option` its packets are judged by.
    #[lower(leaf = "screen")]
    pub screen: Option<String>,
    #[lower(container = "host-inbound-traffic")]
    pub host_inbound: HostInbound,
    #[lower(list = "interfaces <>")]
    pub interfaces: Vec<ZoneInterface>,
    #[lower(at)]
    pub at: Span,
}

/// A zone, whichever kind it is of.
#[derive(Clone, Copy, Debug)]
pub struct AnyZone<'a> {
    pub name: &'a str,
    pub functional: bool,
    pub tcp_rst: bool,
    pub unidirectional_refresh: bool,
    pub tracking: bool,
    pub screen: Option<&'a str>,
    pub host_inbound: &'a HostInbound,
    pub interfaces: &'a [ZoneInterface],
    pub at: Span,
}

impl AnyZone<'_> {
    /// Where it stands in the configuration.
    #[must_use]
    pub fn path(&self) -> String {
        let kind = if self.functional { "functional-zone" } else { "security-zone" };
        format!("security zones {kind} {}", self.name)
    }
}

impl<'a> From<&'a SecurityZone> for AnyZone<'a> {
    fn from(zone: &'a SecurityZone) -> Self {
        let SecurityZone {
            name,
            description: _,
            tcp_rst,
            unidirectional_refresh,
            tracking,
            screen,
            host_inbound,
            interfaces,
            address_book: _,
            at,
        } = zone;
        let (screen, at) = (screen.as_deref(), *at);
        let (tcp_rst, unidirectional_refresh, tracking) = (*tcp_rst, *unidirectional_refresh, *tracking);
        Self {
            name,
            functional: false,
            tcp_rst,
            unidirectional_refresh,
            tracking,
            screen,
            host_inbound,
            interfaces,
            at,
        }
    }
}

impl<'a> From<&'a ManagementZone> for AnyZone<'a> {
    fn from(zone: &'a ManagementZone) -> Self {
        let ManagementZone { description: _, screen, host_inbound, interfaces, at } = zone;
        let (name, screen, at) = (MANAGEMENT, screen.as_deref(), *at);
        Self {
            name,
            functional: true,
            tcp_rst: false,
            unidirectional_refresh: false,
            tracking: false,
            screen,
            host_inbound,
            interfaces,
            at,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ZoneInterface {
    /// Logical, with its unit: `ge-0/0/0.0`.
    #[lower(need(unit_name))]
    pub name: String,
    /// Replaces the zone's own when there.
    #[lower(presence = "host-inbound-traffic")]
    pub host_inbound: Option<HostInbound>,
    #[lower(at)]
    pub at: Span,
}

/// What may reach the firewall itself; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct HostInbound {
    /// With `true`: `except`, taken out of `all`.
    #[lower(with(services, "system-services <>", "system-services <> except"))]
    pub system_services: Vec<(Service, bool)>,
    #[lower(with(protocols, "protocols <>", "protocols <> except"))]
    pub protocols: Vec<(Protocol, bool)>,
}

keywords! {
    /// `host-inbound-traffic system-services <name>`.
    Service {
        All = "all",
        Bootp = "bootp",
        Dhcp = "dhcp",
        Dhcpv6 = "dhcpv6",
        Dns = "dns",
        Finger = "finger",
        Ftp = "ftp",
        IdentReset = "ident-reset",
        Http = "http",
        Https = "https",
        Ike = "ike",
        Netconf = "netconf",
        Ping = "ping",
        Rlogin = "rlogin",
        ReverseTelnet = "reverse-telnet",
        ReverseSsh = "reverse-ssh",
        Rpm = "rpm",
        Rsh = "rsh",
        Snmp = "snmp",
        SnmpTrap = "snmp-trap",
        Ssh = "ssh",
        Telnet = "telnet",
        Traceroute = "traceroute",
        XnmSsl = "xnm-ssl",
        XnmClearText = "xnm-clear-text",
        Tftp = "tftp",
        Lsping = "lsping",
        Lsselfping = "lsselfping",
        Ntp = "ntp",
        Sip = "sip",
        R2cp = "r2cp",
        WebapiClearText = "webapi-clear-text",
        WebapiSsl = "webapi-ssl",
        TcpEncap = "tcp-encap",
        Appqoe = "appqoe",
        HighAvailability = "high-availability",
        AnyService = "any-service",
    }
}

keywords! {
    /// `host-inbound-traffic protocols <name>`.
    Protocol {
        All = "all",
        Bfd = "bfd",
        Bgp = "bgp",
        Dvmrp = "dvmrp",
        Igmp = "igmp",
        Ldp = "ldp",
        Msdp = "msdp",
        Ndp = "ndp",
        Nhrp = "nhrp",
        Ospf = "ospf",
        Ospf3 = "ospf3",
        Pgm = "pgm",
        Pim = "pim",
        Rip = "rip",
        Ripng = "ripng",
        RouterDiscovery = "router-discovery",
        Rsvp = "rsvp",
        Sap = "sap",
        Vrrp = "vrrp",
    }
}

/// Junos reads an interface without unit as its unit 0.
#[must_use]
pub fn with_unit(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.0") }
}

fn unit_name(node: &Node, cx: &mut Cx) -> Option<String> {
    lower::key(node, 0, cx).map(|name: String| with_unit(&name))
}

fn services(node: &Node, cx: &mut Cx) -> Vec<(Service, bool)> {
    named(node, "system-services <>", cx, Service::from_word)
}

fn protocols(node: &Node, cx: &mut Cx) -> Vec<(Protocol, bool)> {
    named(node, "protocols <>", cx, Protocol::from_word)
}

fn named<T>(node: &Node, path: &str, cx: &mut Cx, read: fn(&str) -> Option<T>) -> Vec<(T, bool)> {
    let mut out = Vec::new();
    for found in lower::at(node, path) {
        let word = found.args.first().map_or("", |w| w.text.as_str());
        match read(word) {
            Some(value) => out.push((value, lower::flag(found, "except"))),
            None => cx.enter(found, |cx| cx.error(found.span, format!("invalid value `{word}'"))),
        }
    }
    out
}
