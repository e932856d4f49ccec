//! What the kernel should have, and what it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv6Net};
use ravelin_types::{InstanceId, Mac};

/// A unit's TAP device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredTap {
    /// Device name, at most 15 bytes.
    pub name: String,
    /// The unit's Junos name.
    pub unit: String,
    /// The port's, so that neighbours see one station.
    pub mac: Mac,
    pub mtu: u16,
    pub up: bool,
    /// Addresses with their prefix lengths; host bits are kept.
    pub addresses: BTreeSet<IpNet>,
    /// The table that packets from its addresses, and by it, are routed by.
    pub table: InstanceId,
    /// Addresses that are answered for on its link, as far as neighbours are told of them.
    pub proxied: BTreeSet<IpAddr>,
}

/// A physical data interface: the kernel only keeps it up, its filter for multicast open; its addresses and groups are
/// the TAPs'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredPort {
    pub device: String,
    pub up: bool,
}

/// Where a static route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTo {
    /// One gateway or several (ECMP).
    Gateways(BTreeSet<IpAddr>),
    /// The device itself: what the kernel does of its own accord in the main table.
    Link(String),
    Discard,
    Reject,
}

/// A static route, or one to a link that another table than the main one has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRoute {
    pub table: InstanceId,
    pub prefix: IpNet,
    pub to: RouteTo,
}

/// Which packets of the firewall's own are routed by an instance's table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// Those of a socket that is bound to the device.
    Device { name: String, is_v6: bool },
    /// Those that have an address of the instance.
    Source(IpAddr),
}

/// A rule of the kernel's routing policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DesiredRule {
    pub selector: Selector,
    pub table: InstanceId,
}

/// Everything the configuration wants of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    pub ports: Vec<DesiredPort>,
    pub taps: Vec<DesiredTap>,
    pub routes: Vec<DesiredRoute>,
    pub rules: BTreeSet<DesiredRule>,
    /// Static routes that lead into another table, and which: no table of the kernel holds them, so that whoever tells the
    /// dataplane of routes adds them.
    pub next_tables: BTreeMap<(InstanceId, IpNet), InstanceId>,
}

/// A link as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedLink {
    pub index: u32,
    pub mac: Mac,
    pub mtu: u32,
    pub up: bool,
    /// Multicast of all groups is received.
    pub all_multicast: bool,
    pub alias: String,
    pub alternative_names: Vec<String>,
    pub addresses: BTreeSet<IpNet>,
    /// Those of the addresses for which the kernel made no route to the link.
    pub unrouted: BTreeSet<IpNet>,
}

/// What the kernel has, as far as we care.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub links: BTreeMap<String, ObservedLink>,
    /// Routes with our protocol number.
    pub routes: Vec<DesiredRoute>,
    /// Rules with our protocol number.
    pub rules: BTreeSet<DesiredRule>,
    /// Values of the sysctls that matter, by path under `/proc/sys`; a missing one is absent.
    pub sysctls: BTreeMap<String, String>,
}

/// The link-local address of a station (RFC 4291 appendix A). The kernel needs one to ask for IPv6 neighbours.
#[must_use]
pub fn link_local(mac: Mac) -> IpNet {
    let [a, b, c, d, e, f] = mac.0.map(u16::from);
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f);
    let net = Ipv6Net::new(address, 64).unwrap_or_else(|_| unreachable!("64 is a prefix length of IPv6"));
    net.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_is_made_of_the_mac() {
        assert_eq!(link_local(Mac([0x02, 0, 0x5e, 0x10, 0, 1])).to_string(), "fe80::5eff:fe10:1/64");
    }
}
