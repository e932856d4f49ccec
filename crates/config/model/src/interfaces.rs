//! `interfaces <name>`: physical interfaces, their logical units and addresses.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Interface {
    /// As written: `ge-0/0/0`.
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(flag = "disable")]
    pub disable: bool,
    #[lower(leaf = "mtu")]
    pub mtu: Option<u16>,
    #[lower(flag = "vlan-tagging")]
    pub vlan_tagging: bool,
    #[lower(list = "unit")]
    pub units: Vec<Unit>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Unit {
    #[lower(key)]
    pub number: u32,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(flag = "disable")]
    pub disable: bool,
    #[lower(leaf = "vlan-id")]
    pub vlan_id: Option<u16>,
    #[lower(presence = "family inet")]
    pub inet: Option<Family>,
    #[lower(presence = "family inet6")]
    pub inet6: Option<Family>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Family {
    #[lower(leaf = "mtu")]
    pub mtu: Option<u16>,
    #[lower(list = "address")]
    pub addresses: Vec<InterfaceAddress>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct InterfaceAddress {
    /// Host bits kept: `192.0.2.1/24`.
    #[lower(key)]
    pub prefix: IpNet,
    #[lower(flag = "primary")]
    pub primary: bool,
    #[lower(flag = "preferred")]
    pub preferred: bool,
    #[lower(at)]
    pub at: Span,
}
