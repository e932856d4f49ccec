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
    #[lower(leaf = "filter input <>")]
    pub filter_input: Option<String>,
    #[lower(leaves = "filter input-list")]
    pub filter_input_list: Vec<String>,
    #[lower(leaf = "filter output <>")]
    pub filter_output: Option<String>,
    #[lower(leaves = "filter output-list")]
    pub filter_output_list: Vec<String>,
    #[lower(leaf = "filter group")]
    pub filter_group: Option<u8>,
    #[lower(leaf = "policer input")]
    pub policer_input: Option<String>,
    #[lower(leaf = "policer output")]
    pub policer_output: Option<String>,
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
