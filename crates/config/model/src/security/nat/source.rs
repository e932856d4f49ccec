//! `security nat source`: interface-mode source NAT.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use super::matching::{NatContext, NatProtocol, PortSpan, from_context, to_context};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NatSource {
    #[lower(list = "rule-set")]
    pub rule_sets: Vec<NatRuleSet>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct NatRuleSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(with(from_context, "from zone", "from interface"))]
    pub from: NatContext,
    #[lower(with(to_context, "to zone", "to interface"))]
    pub to: NatContext,
    #[lower(list = "rule")]
    pub rules: Vec<NatRule>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct NatRule {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Empty with no names too: any.
    #[lower(leaves = "match source-address")]
    pub source_addresses: Vec<IpNet>,
    #[lower(leaves = "match destination-address")]
    pub destination_addresses: Vec<IpNet>,
    #[lower(leaves = "match source-address-name")]
    pub source_address_names: Vec<String>,
    #[lower(leaves = "match destination-address-name")]
    pub destination_address_names: Vec<String>,
    #[lower(list = "match source-port <>")]
    pub source_ports: Vec<PortSpan>,
    #[lower(list = "match destination-port <>")]
    pub destination_ports: Vec<PortSpan>,
    #[lower(leaves = "match protocol")]
    pub protocols: Vec<NatProtocol>,
    #[lower(leaves = "match application")]
    pub applications: Vec<String>,
    #[lower(need(nat_action, "then source-nat interface", "then source-nat off"))]
    pub action: SourceNatAction,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceNatAction {
    /// The egress interface's address.
    Interface,
    /// No translation, and no later rule is looked at.
    Off,
}

fn nat_action(node: &Node, cx: &mut Cx) -> Option<SourceNatAction> {
    match (lower::flag(node, "then source-nat interface"), lower::flag(node, "then source-nat off")) {
        (true, false) => Some(SourceNatAction::Interface),
        (false, true) => Some(SourceNatAction::Off),
        (true, true) => {
            cx.error(node.span, "'interface' and 'off' can't be combined");
            None
        }
        (false, false) => {
            cx.error(node.span, "missing mandatory statement: 'then'");
            None
        }
    }
}
