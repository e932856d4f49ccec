//! `security zones`: interfaces grouped by trust, and what the firewall itself answers on them.

use ravelin_syntax::Span;

use crate::keywords::keywords;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityZone {
    pub name: String,
    pub description: Option<String>,
    /// Answer a denied TCP packet with RST.
    pub tcp_rst: bool,
    pub host_inbound: HostInbound,
    pub interfaces: Vec<ZoneInterface>,
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneInterface {
    /// Logical, with its unit: `ge-0/0/0.0`.
    pub name: String,
    /// Replaces the zone's own when there.
    pub host_inbound: Option<HostInbound>,
    pub at: Span,
}

/// What may reach the firewall itself; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostInbound {
    /// With `true`: `except`, taken out of `all`.
    pub system_services: Vec<(Service, bool)>,
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
