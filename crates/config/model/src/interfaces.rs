//! `interfaces <name>`: physical interfaces, their logical units and addresses.

use ipnet::IpNet;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// As written: `ge-0/0/0`.
    pub name: String,
    pub description: Option<String>,
    pub disable: bool,
    pub mtu: Option<u16>,
    pub vlan_tagging: bool,
    pub units: Vec<Unit>,
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    pub number: u32,
    pub description: Option<String>,
    pub disable: bool,
    pub vlan_id: Option<u16>,
    pub inet: Option<Family>,
    pub inet6: Option<Family>,
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    pub mtu: Option<u16>,
    pub addresses: Vec<InterfaceAddress>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceAddress {
    /// Host bits kept: `192.0.2.1/24`.
    pub prefix: IpNet,
    pub primary: bool,
    pub preferred: bool,
    pub at: Span,
}
