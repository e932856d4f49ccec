//! Ports and logical interfaces.
//!
//! Junos: `interfaces`, and `security zones security-zone interfaces`.

use ravelin_types::{Addr, Family, GroupId, InstanceId, InterfaceId, PortId, ZoneId};

use crate::policy::Prefix;
use crate::zone::HostInbound;

/// A physical data interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    pub id: PortId,
    /// The Junos name, `ge-0/0/0`.
    pub name: String,
    /// The Linux device it was resolved to.
    pub device: String,
    pub mac: [u8; 6],
    pub mtu: u16,
    pub enabled: bool,
}

/// An address of a unit with its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceAddress {
    pub family: Family,
    pub addr: Addr,
    pub len: u8,
    /// Junos `primary`/`preferred`, or the lowest address: the source of what the firewall sends.
    pub preferred: bool,
}

/// A logical interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    pub id: InterfaceId,
    /// `ge-0/0/0.0`.
    pub name: String,
    pub port: PortId,
    pub vlan: Option<u16>,
    /// `None`: bound to no zone; its packets are dropped.
    pub zone: Option<ZoneId>,
    /// Whose routes its packets go by.
    pub instance: InstanceId,
    pub enabled: bool,
    pub mtu4: u16,
    pub mtu6: u16,
    /// Families configured; a packet of another family is dropped.
    pub inet: bool,
    pub inet6: bool,
    pub addresses: Vec<InterfaceAddress>,
    /// Replaces the zone's list when set.
    pub host_inbound: Option<HostInbound>,
    /// Addresses that the unit answers ARP and neighbour discovery for though nobody has them.
    pub proxied: Vec<Prefix>,
    /// The redundancy group that it forwards with.
    pub group: GroupId,
    /// Name of the TAP device that owns the unit's addresses.
    pub tap: String,
}

/// A routing instance beside the default one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutingInstance {
    pub id: InstanceId,
    pub name: String,
}

/// Every port and unit of the configuration, and the routing instances that units and rules name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Interfaces {
    pub ports: Vec<Port>,
    pub units: Vec<Interface>,
    pub instances: Vec<RoutingInstance>,
}

impl Interface {
    /// The address that interface NAT gives packets leaving the unit. Spec: nat-source-7.
    #[must_use]
    pub fn source_address(&self, family: Family) -> Option<Addr> {
        let of_family = || self.addresses.iter().filter(|a| a.family == family && !a.addr.is_link_local6());
        of_family().find(|a| a.preferred).or_else(|| of_family().next()).map(|a| a.addr)
    }
}
