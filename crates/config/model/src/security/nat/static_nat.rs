//! `security nat static`: addresses that stand for each other, both ways.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use super::matching::{NatContext, PortSpan, from_context, span};
use crate::applications::PortRange;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NatStatic {
    #[lower(list = "rule-set")]
    pub rule_sets: Vec<StaticRuleSet>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct StaticRuleSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(with(from_context, "from zone", "from interface"))]
    pub from: NatContext,
    #[lower(list = "rule")]
    pub rules: Vec<StaticRule>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct StaticRule {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "match source-address")]
    pub source_addresses: Vec<IpNet>,
    #[lower(leaves = "match source-address-name")]
    pub source_address_names: Vec<String>,
    #[lower(list = "match source-port <>")]
    pub source_ports: Vec<PortSpan>,
    #[lower(leaf = "match destination-address <>")]
    pub destination_address: Option<IpNet>,
    #[lower(leaf = "match destination-address-name <>")]
    pub destination_address_name: Option<String>,
    #[lower(with(outside_ports, "match destination-port <>", "match destination-port to <>"))]
    pub destination_ports: Option<PortRange>,
    #[lower(need(inside, "then static-nat prefix <>", "then static-nat prefix-name <>"))]
    pub inside: StaticPrefix,
    #[lower(with(
        inside_ports,
        "then static-nat prefix mapped-port <>",
        "then static-nat prefix mapped-port to <>",
        "then static-nat prefix-name mapped-port <>",
        "then static-nat prefix-name mapped-port to <>"
    ))]
    pub mapped_ports: Option<PortRange>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticPrefix {
    Prefix(IpNet),
    Named(String),
}

fn outside_ports(node: &Node, cx: &mut Cx) -> Option<PortRange> {
    span(node, "match destination-port", cx)
}

fn inside_ports(node: &Node, cx: &mut Cx) -> Option<PortRange> {
    span(node, "then static-nat prefix mapped-port", cx)
        .or_else(|| span(node, "then static-nat prefix-name mapped-port", cx))
}

fn inside(node: &Node, cx: &mut Cx) -> Option<StaticPrefix> {
    let prefix: Option<IpNet> = lower::leaf(node, "then static-nat prefix <>", cx);
    let name: Option<String> = lower::leaf(node, "then static-nat prefix-name <>", cx);
    match (prefix, name) {
        (Some(prefix), None) => Some(StaticPrefix::Prefix(prefix)),
        (None, Some(name)) => Some(StaticPrefix::Named(name)),
        (Some(_), Some(_)) => {
            cx.error(node.span, "'prefix' and 'prefix-name' can't be combined");
            None
        }
        (None, None) => {
            cx.error(node.span, "missing mandatory statement: 'then'");
            None
        }
    }
}
